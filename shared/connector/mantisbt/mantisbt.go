// Package mantisbt is the connector to MantisBT: items are issues of one
// project of a server of the organisation's own.
package mantisbt

import (
	"cmp"
	"context"
	"strings"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// Config says which project, and how items are shown there.
type Config struct {
	BaseURL  string // of the REST API, ending in /api/rest
	Token    string
	Project  string // its number or its name
	Category string // what new issues get
	// Templates replace the usual title and body; "" leaves the usual one.
	TitleTemplate, BodyTemplate string
}

// A Connector works in one project with one token. It is safe for use by
// several goroutines.
type Connector struct {
	client   *client
	renderer *renderer
	place    *place
	issues   *issues
	states   *states
	writer   *writer
	changes  *changes
	finder   *finder
	rights   *rights
}

// New makes a connector that asks through http, which must be pinned to the
// server's host. A nil clock is the system's.
func New(cfg Config, http *outbound.Client, now func() time.Time) *Connector {
	cfg.BaseURL = strings.TrimSuffix(cfg.BaseURL, "/")
	if now == nil {
		now = time.Now
	}

	classifier := &classifier{clean: http.Clean, now: now}
	client := &client{cfg: cfg, http: http, now: now, classifier: classifier}
	place := &place{client: client, classifier: classifier}
	pages := &pages{client: client, classifier: classifier}
	probe := &probe{classifier: classifier, place: place, pages: pages}
	issues := &issues{client: client, classifier: classifier, probe: probe}
	states := &states{client: client, classifier: classifier, place: place}
	changes := &changes{classifier: classifier, states: states, issues: issues, pages: pages, sizes: paging.Usual()}

	return &Connector{
		client:   client,
		renderer: &renderer{client: client},
		place:    place,
		issues:   issues,
		states:   states,
		writer: &writer{
			client: client, classifier: classifier, place: place, issues: issues, probe: probe, narrow: map[domain.Snowflake]bool{},
		},
		changes: changes,
		finder:  &finder{classifier: classifier, changes: changes},
		rights:  &rights{client: client, classifier: classifier, place: place, pages: pages},
	}
}

// Render shows an item as an issue.
func (c *Connector) Render(item domain.Item) connector.Content { return c.renderer.render(item) }

// Look is Seen.Text of an issue that has the content as it is sent. The marker is
// beside the text, not in it.
func (c *Connector) Look(content connector.Content, _ connector.Marker) string {
	return textHash(content.Title, content.Body)
}

// Check finds out whether issues could be created and kept up to date.
func (c *Connector) Check(ctx context.Context) ([]connector.Check, error) { return c.rights.check(ctx) }

// Changes lists issues by their last change, the oldest first.
func (c *Connector) Changes(ctx context.Context, since time.Time, offset int) ([]connector.Object, bool, error) {
	return c.changes.list(ctx, since, offset)
}

// Find looks for the issues of markers.
func (c *Connector) Find(ctx context.Context, since time.Time, want []connector.Marker) (map[domain.Snowflake]connector.Written, error) {
	return c.finder.find(ctx, since, want)
}

// Resolve finds the project by its number or its name.
func (c *Connector) Resolve(ctx context.Context) (connector.Place, error) {
	found, other, err := c.place.resolve(ctx)
	if other {
		c.forget()
	}

	return found, err
}

// Use makes later calls go to a project that was resolved before.
func (c *Connector) Use(p connector.Place) {
	if c.place.use(p) {
		c.forget()
	}
}

// forget drops what was read of another project: its statuses, and the walk
// through its list.
func (c *Connector) forget() {
	c.states.forget()
	c.changes.forget()
}

// Create makes the issue, open.
func (c *Connector) Create(ctx context.Context, content connector.Content, m connector.Marker) (connector.Written, error) {
	made, err := c.writer.create(ctx, content, m)
	if err != nil {
		return connector.Written{}, err
	}

	return c.issues.written(made, domain.Open), nil
}

// Update makes the issue what the content says. The issue is read before, for its
// state and for what people wrote beside the marker. It is changed only if it is
// still as it was read.
func (c *Connector) Update(ctx context.Context, sent connector.Sent, content connector.Content, m connector.Marker) (connector.Written, error) {
	id := number64(sent.Remote.Key)
	if id <= 0 {
		return connector.Written{}, c.client.classifier.unnumbered()
	}

	p, flow, err := c.states.prepare(ctx)
	if err != nil {
		return connector.Written{}, err
	}

	before, err := c.issues.read(ctx, p, id)
	if err != nil {
		return connector.Written{}, err
	}

	d := changedIssue(before, content, m)
	if content.State != sent.State && content.State != flow.state(before.issue) {
		d.Status, d.Resolution, err = c.states.move(flow, content.State)
		if err != nil {
			return connector.Written{}, err
		}
	}

	edit, err := c.writer.edit(ctx, p, before, d, m)
	if err != nil {
		return connector.Written{}, err
	}

	written := c.issues.written(edit.issue, flow.state(edit.issue))
	if err := c.writer.statusStored(d, edit); err != nil {
		return written, err
	}

	if d.Status == nil && sent.State != "" {
		// If its state is another one by now, a person changed it: the next pull shows
		// that.
		written.Seen.State = cmp.Or(sent.Seen.State, sent.State)
	}

	return written, nil
}

// Read reads one issue. An answer with another issue is remote_moved.
func (c *Connector) Read(ctx context.Context, remote domain.Remote) (connector.Object, error) {
	id := number64(remote.Key)
	if id <= 0 {
		return connector.Object{}, c.client.classifier.unnumbered()
	}

	p, flow, err := c.states.prepare(ctx)
	if err != nil {
		return connector.Object{}, err
	}

	i, err := c.issues.read(ctx, p, id)
	if err != nil {
		return connector.Object{}, err
	}

	return c.issues.object(i.issue, flow).Object, nil
}

// ClockLag is how far MantisBT's clock is behind ours.
func (c *Connector) ClockLag() (last, most time.Duration) { return c.client.http.ClockLag() }
