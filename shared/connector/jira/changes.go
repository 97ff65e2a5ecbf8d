package jira

import (
	"context"
	"time"

	"integrations/shared/connector"
	"integrations/shared/markup/document"
)

// A trail leads to the pages of a list that have been read. Jira gives a page
// only to who has read the one before it.
type trail struct {
	jql   string
	pages []step // from the first on; the last may not have been read
}

// A step is a page's cursor and, once it was read, when the last issue on it
// was changed.
type step struct {
	cursor string
	last   time.Time
}

// Changes lists issues by their last change, the oldest first. A search knows
// minutes only, so a page may begin with issues that were changed before since;
// they are left out, and a page known to have no others is not asked for again.
func (c *Connector) Changes(ctx context.Context, since time.Time, page int) ([]connector.Object, bool, error) {
	jql, err := c.changed(ctx, since)
	if err != nil {
		return nil, false, err
	}
	steps := c.path(jql)
	if page < len(steps) && steps[page-1].last.Before(since) {
		return nil, true, nil
	}
	for at := min(page, len(steps)); ; at++ {
		var objects []connector.Object
		s := step{cursor: steps[at-1].cursor}
		next, err := c.search(ctx, jql, s.cursor, func(i issue) {
			if i.Fields.Updated.After(s.last) {
				s.last = i.Fields.Updated.Time
			}
			if at == page && !i.Fields.Updated.Before(since) {
				objects = append(objects, c.object(ctx, i))
			}
		})
		if err != nil {
			return nil, false, err
		}
		steps = append(steps[:at-1:at-1], s)
		if next != "" {
			steps = append(steps, step{cursor: next})
		}
		c.follow(trail{jql, steps})
		if at == page || next == "" {
			return objects, at == page && next != "", nil
		}
	}
}

// changed is the query for what changed since a time, oldest first.
func (c *Connector) changed(ctx context.Context, since time.Time) (string, error) {
	jql := c.inProject()
	if !since.IsZero() {
		zone, err := c.whose(ctx)
		if err != nil {
			return "", err
		}
		jql += " AND updated >= " + minute(since, zone)
	}
	return jql + " ORDER BY updated ASC, id ASC", nil
}

// path is as far as the pages of a query are known, the first one always.
func (c *Connector) path(jql string) []step {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.trail.jql != jql {
		return []step{{}}
	}
	return c.trail.pages
}

func (c *Connector) follow(t trail) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trail = t
}

func (c *Connector) object(ctx context.Context, i issue) connector.Object {
	c.seeLabels(i)
	found := i.markers()
	return connector.Object{
		Written: c.written(ctx, i), Marker: connector.FirstMarker(found), Markers: found, Title: document.CutText(i.Fields.Summary, maxSummary, ""),
		CreatedAt: i.Fields.Created.Time, UpdatedAt: i.Fields.Updated.Time,
	}
}
