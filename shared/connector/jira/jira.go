// Package jira is the connector to Jira Cloud and Jira Data Center: items are
// issues of one project.
package jira

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
	Flavor  string // form.Cloud or form.Datacenter
	BaseURL string // the site, the gateway with its cloud id, or the server with its context path
	Email   string // the account of the API token (Cloud)
	Token   string // an API token (Cloud) or a personal access token (Data Center)
	// ProjectKey and IssueType are where new issues go. A type is named by its
	// name or, where that is all digits, its id.
	ProjectKey, IssueType string
	Labels                bool // whether the items' labels are kept on the issues
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
	labels   *labels
	states   *states
	writer   *writer
	changes  *changes
	finder   *finder
	rights   *rights
}

// New makes a connector that asks through http, which must be pinned to the
// API's host. A nil clock is the system's.
func New(cfg Config, http *outbound.Client, now func() time.Time) *Connector {
	cfg.BaseURL = strings.TrimSuffix(cfg.BaseURL, "/")
	if now == nil {
		now = time.Now
	}

	flavor := flavorOf(cfg.Flavor)
	classifier := &classifier{clean: http.Clean, now: now, hint: flavor.hint(cfg), issueType: cfg.IssueType}
	client := &client{cfg: cfg, flavor: flavor, http: http, now: now, classifier: classifier}
	place := &place{client: client, classifier: classifier}
	account := &account{client: client}
	screens := &screens{client: client, classifier: classifier, place: place, sizes: paging.New(metaPage, 50, 10)}
	probe := &probe{client: client, classifier: classifier, place: place, screens: screens}
	labels := &labels{kept: cfg.Labels, spare: spareLabels{}}
	issues := &issues{client: client, classifier: classifier, place: place, labels: labels, probe: probe}
	pages := &pages{client: client, classifier: classifier, sizes: paging.Usual()}
	states := &states{client: client, classifier: classifier, issues: issues, probe: probe}

	return &Connector{
		client:   client,
		renderer: &renderer{client: client},
		place:    place,
		issues:   issues,
		labels:   labels,
		states:   states,
		writer: &writer{
			client: client, classifier: classifier, place: place, screens: screens, probe: probe, labels: labels, issues: issues,
		},
		changes: &changes{classifier: classifier, place: place, account: account, issues: issues, pages: pages},
		finder: &finder{
			client: client, classifier: classifier, place: place, account: account, labels: labels, issues: issues, pages: pages,
		},
		rights: &rights{client: client, classifier: classifier, place: place, account: account, screens: screens},
	}
}

// Render shows an item as an issue.
func (c *Connector) Render(item domain.Item) connector.Content { return c.renderer.render(item) }

// Look is Seen.Text of an issue that has the content as it is sent. The marker is
// beside the text, not in it.
func (c *Connector) Look(content connector.Content, _ connector.Marker) string {
	return c.renderer.look(content)
}

// Check finds out whether issues could be made and kept.
func (c *Connector) Check(ctx context.Context) ([]connector.Check, error) { return c.rights.check(ctx) }

// Changes lists issues by their last change, the oldest first.
func (c *Connector) Changes(ctx context.Context, since time.Time, offset int) ([]connector.Object, bool, error) {
	return c.changes.list(ctx, since, offset)
}

// Find looks for the issues of markers.
func (c *Connector) Find(ctx context.Context, since time.Time, want []connector.Marker) (map[domain.Snowflake]connector.Written, error) {
	return c.finder.find(ctx, since, want)
}

// Resolve reads which project the configured key leads to.
func (c *Connector) Resolve(ctx context.Context) (connector.Place, error) {
	return c.place.resolve(ctx)
}

// Use makes later calls go to a project that was resolved before.
func (c *Connector) Use(p connector.Place) { c.place.use(p) }

// Create makes the issue, open. Jira's answer holds its id and key only, so the
// issue is read once. Where that read fails, the issue was still created.
func (c *Connector) Create(ctx context.Context, content connector.Content, m connector.Marker) (connector.Written, error) {
	made, note, err := c.writer.create(ctx, content, m)
	if err != nil {
		return connector.Written{}, err
	}

	written := connector.Written{Remote: c.issues.remote(ctx, made), Seen: connector.Seen{State: domain.Open}, Note: note}
	written.Remote.State = domain.Open

	i, err := c.issues.read(ctx, made.ID)
	if err != nil {
		return written, nil
	}

	// If it is closed by now, a person did that: Seen.State stays open.
	written.Seen.Text = i.text()
	written.CreatedAt = i.Fields.Created.Time
	written.UpdatedAt = i.Fields.Updated.Time

	return written, nil
}

// Update makes the issue what the content says. An issue is opened before its
// edit and closed after it, since many workflows allow no edit of a closed one.
func (c *Connector) Update(ctx context.Context, sent connector.Sent, content connector.Content, m connector.Marker) (connector.Written, error) {
	id := sent.Remote.ID
	if !digits(id) {
		return connector.Written{}, c.client.classifier.unnumbered()
	}

	moves := content.State != sent.State
	seen := seenBefore(sent, content)
	var opened connector.Written
	if moves && content.State != domain.Closed {
		moved, err := c.states.reopen(ctx, id)
		if err != nil {
			return connector.Written{}, err
		}

		if moved {
			opened = reopened(sent)
			seen = domain.Open
		}
	}

	edit, err := c.writer.edit(ctx, sent, content, m)
	if err != nil {
		return opened, err
	}
	if edit.unread != nil {
		return unread(sent, opened, edit, moves)
	}

	c.labels.see(edit.issue)
	written := c.issues.written(ctx, edit.issue)
	written.Note = edit.note
	if moves && content.State == domain.Closed && edit.issue.state() != domain.Closed {
		written, err = c.states.close(ctx, sent, written)
		if err != nil {
			return written, err
		}

		seen = domain.Closed
	}

	// If its state is another one by now, a person changed it: the next pull shows that.
	written.Seen.State = seen
	if moves {
		written.Remote.State = content.State
	}

	return written, nil
}

// seenBefore is the state that was seen before an update. Where the state that
// was sent is not known, an earlier update may have set what is there now.
func seenBefore(sent connector.Sent, content connector.Content) domain.ItemState {
	if sent.State == "" {
		return content.State
	}

	return cmp.Or(sent.Seen.State, sent.State)
}

// reopened is what a reopening alone leaves: the text stays as it was.
func reopened(sent connector.Sent) connector.Written {
	written := connector.Written{Remote: sent.Remote, Seen: connector.Seen{Text: sent.Seen.Text, State: domain.Open}}
	written.Remote.State = domain.Open

	return written
}

// unread is what an edit leaves that was accepted and could not be read: the
// text is not known, and the state is the one before the edit. It is an error
// only where the state still has to change.
func unread(sent connector.Sent, opened connector.Written, edit edited, moves bool) (connector.Written, error) {
	state := cmp.Or(opened.Seen.State, sent.Seen.State, sent.State)
	written := connector.Written{Remote: sent.Remote, Seen: connector.Seen{State: state}, Note: edit.note}
	if moves {
		return written, edit.unread
	}

	return written, nil
}

// Read reads one issue. An answer with another issue is remote_moved.
func (c *Connector) Read(ctx context.Context, remote domain.Remote) (connector.Object, error) {
	if !digits(remote.ID) {
		return connector.Object{}, c.client.classifier.unnumbered()
	}

	i, err := c.issues.read(ctx, remote.ID)
	if err != nil {
		return connector.Object{}, err
	}

	return c.issues.object(ctx, i), nil
}

// ClockLag is how far Jira's clock is behind ours.
func (c *Connector) ClockLag() (last, most time.Duration) { return c.client.http.ClockLag() }
