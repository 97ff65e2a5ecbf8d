package jira

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
)

// A changes walks through the issues of the project by their last change.
type changes struct {
	answers *answers
	place   *place
	account *account
	issues  *issues
	pages   *pages

	mu    sync.Mutex
	trail trail // through the pages that were read last
}

// A trail leads to the pages of a list that have been read. Jira gives a page
// only to callers that have read the one before it.
type trail struct {
	jql   string
	pages []step // from the first on; the last may not have been read
}

// A step is a page's cursor and, once it was read, when its issues were changed.
type step struct {
	cursor string
	read   bool
	times  []time.Time
}

// since is how many of the page's issues were changed at or after a time.
func (s step) since(at time.Time) int {
	n := 0
	for _, t := range s.times {
		if !t.Before(at) {
			n++
		}
	}

	return n
}

// Changes lists issues by their last change, the oldest first. A search knows
// minutes only, so a page may begin with issues that were changed before since;
// they are left out and do not count, and a page known to have nothing at the
// offset is not asked for again. A page that Jira cannot answer with, or that is
// too large to be read, is asked for again with fewer issues.
func (ch *changes) list(ctx context.Context, since time.Time, offset int) ([]connector.Object, bool, error) {
	jql, err := ch.query(ctx, since)
	if err != nil {
		return nil, false, err
	}

	steps := ch.path(jql)
	at := 0
	left := offset
	for at < len(steps)-1 && steps[at].since(since) <= left {
		left -= steps[at].since(since)
		at++
	}

	var objects []connector.Object
	empty := 0
	for range maxPages {
		s := step{cursor: steps[at].cursor, read: true}
		all, next, err := ch.page(ctx, jql, s.cursor)
		if err != nil {
			return nil, false, err
		}

		var wanted []connector.Object
		for _, o := range all {
			s.times = append(s.times, o.UpdatedAt)
			if !o.UpdatedAt.Before(since) {
				wanted = append(wanted, o)
			}
		}

		steps = append(steps[:at:at], s)
		if next != "" {
			steps = append(steps, step{cursor: next})
		}

		ch.follow(trail{jql, steps})
		objects = append(objects, wanted[min(left, len(wanted)):]...)
		left -= min(left, len(wanted))
		if next == "" || len(objects) > 0 && ch.pages.sizes.Enough(len(objects)) {
			return objects, next != "", nil
		}

		if empty++; len(all) > 0 {
			empty = 0
		}

		if empty == emptyPages {
			break
		}

		at++
	}

	return nil, false, ch.answers.endless()
}

// changesPage reads one page of the list of changes.
func (ch *changes) page(ctx context.Context, jql, cursor string) ([]connector.Object, string, error) {
	var objects []connector.Object
	next, count, err := ch.pages.counted(ctx, jql, cursor, func(i issue) { objects = append(objects, ch.issues.object(ctx, i)) })
	if err != nil {
		return nil, "", err
	}

	// A page that failed half-way has handed some over before.
	return objects[len(objects)-count:], next, nil
}

// changed is the query for what changed since a time, oldest first.
func (ch *changes) query(ctx context.Context, since time.Time) (string, error) {
	jql := ch.place.jql()
	if !since.IsZero() {
		zone, err := ch.account.timeZone(ctx)
		if err != nil {
			return "", err
		}
		jql += " AND updated >= " + minute(since, zone)
	}

	return jql + " ORDER BY updated ASC, id ASC", nil
}

// path is as far as the pages of a query are known, the first one always.
func (ch *changes) path(jql string) []step {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	if ch.trail.jql != jql {
		return []step{{}}
	}
	return ch.trail.pages
}

func (ch *changes) follow(t trail) {
	ch.mu.Lock()
	defer ch.mu.Unlock()
	ch.trail = t
}

// Look is how an issue looks that has the content as it is sent. Its marker
// stands beside the text.
func (c *Connector) Look(content connector.Content, _ connector.Marker) string {
	description, err := json.Marshal(c.client.flavor.description(content.Body))
	if err != nil {
		return "" // such a text could not be sent either
	}

	var i issue
	i.Fields.Summary = content.Title
	i.Fields.Description = description

	return i.text()
}

// Read reads one issue. An answer with another issue is remote_moved.
func (c *Connector) Read(ctx context.Context, remote domain.Remote) (connector.Object, error) {
	if !digits(remote.ID) {
		return connector.Object{}, c.answers.unnumbered()
	}

	i, err := c.issues.read(ctx, remote.ID)
	if err != nil {
		return connector.Object{}, err
	}

	return c.issues.object(ctx, i), nil
}
