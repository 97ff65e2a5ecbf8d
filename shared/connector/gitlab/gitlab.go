// Package gitlab is the connector to GitLab.com and self-managed GitLab: items
// are issues of one project.
package gitlab

import (
	"context"
	"strings"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/markdown"
	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// DefaultBaseURL is the API of GitLab.com.
const DefaultBaseURL = "https://gitlab.com/api/v4"

// Config says which project, and how items are shown there.
type Config struct {
	Project string // its full path or its number
	Token   string
	BaseURL string // of the API, without a trailing slash; "" is DefaultBaseURL
	Labels  bool   // whether the items' labels are kept on the issues
	// Templates replace the usual title and body; "" leaves the usual one.
	TitleTemplate, BodyTemplate string
}

// A Connector works in one project with one token. It is safe for use by several
// goroutines.
type Connector struct {
	client   *client
	writer   *writer
	lists    *lists
	rights   *rights
	renderer renderer
}

// New makes a connector that asks through http, which must be pinned to the API's
// host. A nil clock is the system's.
func New(cfg Config, http *outbound.Client, now func() time.Time) *Connector {
	if cfg.BaseURL == "" {
		cfg.BaseURL = DefaultBaseURL
	}

	if now == nil {
		now = time.Now
	}

	place := &place{baseURL: strings.TrimSuffix(cfg.BaseURL, "/"), project: cfg.Project}
	client := &client{failures: &failures{http: http, now: now}, place: place, token: cfg.Token}

	return &Connector{
		client:   client,
		writer:   &writer{client: client, labels: cfg.Labels},
		lists:    &lists{client: client, sizes: paging.Usual(), maxBody: paging.MaxBody},
		rights:   &rights{client: client, labels: cfg.Labels},
		renderer: newRenderer(cfg, place),
	}
}

// Resolve finds out which project the configuration names. Later calls go to the
// project's number.
func (c *Connector) Resolve(ctx context.Context) (connector.Place, error) {
	return c.client.resolve(ctx)
}

// Use makes later calls go to a project by its number. A place that is not a
// project of GitLab's is ignored.
func (c *Connector) Use(p connector.Place) { c.client.place.use(p) }

// Check reads the project that the configuration names, and says which of our calls
// GitLab would accept.
func (c *Connector) Check(ctx context.Context) ([]connector.Check, error) {
	return c.rights.check(ctx)
}

// Render shows an item as an issue.
func (c *Connector) Render(item domain.Item) connector.Content { return c.renderer.render(item) }

// Look is how an issue looks that has the content as it is sent.
func (c *Connector) Look(content connector.Content, m connector.Marker) string {
	return markdown.TextHash(content.Title, markdown.WithMarker(content.Body, m))
}

// Create makes the issue, open.
func (c *Connector) Create(ctx context.Context, content connector.Content, m connector.Marker) (connector.Written, error) {
	return c.writer.create(ctx, content, m)
}

// Update makes the issue what the content says.
func (c *Connector) Update(ctx context.Context, sent connector.Sent, content connector.Content, m connector.Marker) (connector.Written, error) {
	return c.writer.update(ctx, sent, content, m)
}

// Read reads one issue. An answer with another issue is remote_moved.
func (c *Connector) Read(ctx context.Context, remote domain.Remote) (connector.Object, error) {
	return c.writer.object(ctx, remote)
}

// Find looks for the issues with the wanted markers among those that were created
// since a time.
func (c *Connector) Find(ctx context.Context, since time.Time, want []connector.Marker) (map[domain.Snowflake]connector.Written, error) {
	return c.lists.find(ctx, since, want)
}

// Changes lists issues by their last change, the oldest first.
func (c *Connector) Changes(ctx context.Context, since time.Time, offset int) ([]connector.Object, bool, error) {
	return c.lists.changes(ctx, since, offset)
}

// ClockLag is how far GitLab's clock is behind ours.
func (c *Connector) ClockLag() (last, most time.Duration) { return c.client.http.ClockLag() }
