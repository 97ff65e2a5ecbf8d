package github

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"integrations/shared/connector"
	"integrations/shared/connector/markdown"
	"integrations/shared/markup"
)

const (
	// changesPage is how many issues a page of changes has: as many as GitHub
	// gives.
	changesPage = 100
	// numberedPages are those GitHub gives by their number. What is behind the
	// first 10,000 issues it gives only to who follows its links.
	numberedPages = 10_000/changesPage - 1
)

// A trail leads from a page's address by number to the one GitHub gave it.
type trail struct{ numbered, where string }

// Changes lists issues by their last change, the oldest first. GitHub counts
// time in seconds. Pull requests, which its list holds too, are nothing to speak
// of.
func (c *Connector) Changes(ctx context.Context, since time.Time, page int) ([]connector.Object, bool, error) {
	var objects []connector.Object
	more, err := c.walk(ctx, since, page, func(i issue) {
		if i.PullRequest == nil {
			objects = append(objects, i.object())
		} else {
			objects = append(objects, connector.Object{UpdatedAt: i.UpdatedAt, Other: true})
		}
	})
	if err != nil {
		return nil, false, err
	}
	return objects, more, nil
}

// walk hands each issue of a page of changes over, one at a time, and tells
// whether another page follows.
func (c *Connector) walk(ctx context.Context, since time.Time, page int, each func(issue)) (more bool, err error) {
	at, where := c.changesFrom(since, page)
	for ; ; at++ {
		whole := true
		answer, err := c.page(ctx, where, func(i issue) {
			whole = whole && i.ID > 0 && i.Number > 0 && !i.UpdatedAt.IsZero() && !i.CreatedAt.IsZero()
			if at == page && whole {
				each(i)
			}
		})
		if err != nil {
			return false, err
		}
		if !whole { // it says neither what is there nor where the list ends
			return false, c.noList(answer)
		}
		next, more, err := c.next(where, answer)
		if err != nil {
			return false, err
		}
		if at == page {
			c.follow(trail{c.changes(since, page+1), next})
			return more, nil
		}
		if !more {
			return false, nil
		}
		where = next
	}
}

// changesFrom is where the way to a page begins: at the page itself, if it is
// within reach.
func (c *Connector) changesFrom(since time.Time, page int) (at int, where string) {
	numbered := c.changes(since, page)
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.trail.numbered == numbered && c.trail.where != "":
		return page, c.trail.where
	case page <= numberedPages:
		return page, numbered
	}
	return numberedPages, c.changes(since, numberedPages)
}

func (c *Connector) follow(t trail) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trail = t
}

// changes is the address of a page by its number.
func (c *Connector) changes(since time.Time, page int) string {
	query := url.Values{"state": {"all"}, "sort": {"updated"}, "direction": {"asc"}, "per_page": {strconv.Itoa(changesPage)}, "page": {strconv.Itoa(page)}}
	if !since.IsZero() {
		query.Set("since", since.UTC().Format(time.RFC3339))
	}
	return c.repository() + "/issues?" + query.Encode()
}

func (i issue) object() connector.Object {
	found := markdown.Markers(i.Body)
	return connector.Object{
		Written: i.written(), Marker: connector.FirstMarker(found), Markers: found, Title: markup.Cut(i.Title, maxTitle, ""), CreatedAt: i.CreatedAt, UpdatedAt: i.UpdatedAt,
	}
}
