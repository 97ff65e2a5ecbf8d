package gitlab

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"integrations/shared/connector"
	"integrations/shared/connector/markdown"
	"integrations/shared/markup"
)

// numberedPages are those GitLab gives by their number. What is behind the
// first 50,000 issues newer servers give only by cursor; older ones know no
// cursor and have no such limit.
const numberedPages = 50_000 / pageSize

// A trail leads from a page to the cursor GitLab gave for it.
type trail struct {
	since  time.Time
	page   int
	cursor string
}

// Changes lists issues by their last change, the oldest first. GitLab tells
// times in milliseconds. A page that is too large to be read is cut short where
// the time has moved on; where it has not, its parts are read one after the
// other, so that numbers mean the same however large the issues are.
func (c *Connector) Changes(ctx context.Context, since time.Time, page int) ([]connector.Object, bool, error) {
	if page > numberedPages {
		return c.behind(ctx, since, page)
	}
	return c.numbered(ctx, since, pageSize, page)
}

func (c *Connector) numbered(ctx context.Context, since time.Time, size, number int) ([]connector.Object, bool, error) {
	var objects []connector.Object
	_, more, err := c.page(ctx, changes(since), size, number, func(i issue) { objects = append(objects, i.object()) })
	if !tooLarge(err) || size == 1 {
		if err != nil {
			return nil, false, err
		}
		return objects, more, nil
	}
	objects = nil
	for part := (number-1)*10 + 1; part <= number*10; part++ {
		some, more, err := c.numbered(ctx, since, size/10, part)
		if err != nil {
			return nil, false, err
		}
		objects = append(objects, some...)
		if !more || len(some) > 0 && some[len(some)-1].UpdatedAt.Truncate(time.Millisecond).After(since) {
			return objects, more, nil
		}
	}
	return objects, true, nil
}

// behind reads a page by cursor: from the page itself if the one before it was
// the last one read, else from the first one on.
func (c *Connector) behind(ctx context.Context, since time.Time, page int) ([]connector.Object, bool, error) {
	at, cursor := 1, ""
	c.mu.Lock()
	if c.trail.page == page && c.trail.since.Equal(since) && c.trail.cursor != "" {
		at, cursor = page, c.trail.cursor
	}
	c.mu.Unlock()
	for ; ; at++ {
		query := changes(since)
		query.Set("pagination", "keyset")
		if cursor != "" {
			query.Set("cursor", cursor)
		}
		var objects []connector.Object
		following, more, err := c.page(ctx, query, pageSize, 0, func(i issue) { objects = append(objects, i.object()) })
		if unknown(err) || err == nil && more && following == "" {
			return c.numbered(ctx, since, pageSize, page) // an older server
		}
		if err != nil {
			return nil, false, err
		}
		if at == page {
			c.follow(trail{since, page + 1, following})
			return objects, more, nil
		}
		if !more {
			return nil, false, nil
		}
		cursor = following
	}
}

// unknown reports whether a server refused a list by cursor as such.
func unknown(err error) bool {
	var e *connector.Error
	return errors.As(err, &e) && e.Status == http.StatusMethodNotAllowed
}

func (c *Connector) follow(t trail) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trail = t
}

// changes is what is asked for a list of changes.
func changes(since time.Time) url.Values {
	query := url.Values{"scope": {"all"}, "order_by": {"updated_at"}, "sort": {"asc"}}
	if !since.IsZero() {
		query.Set("updated_after", since.UTC().Format(stamp))
	}
	return query
}

func (i issue) object() connector.Object {
	found := markdown.Markers(i.Description)
	return connector.Object{
		Written: i.written(), Marker: connector.FirstMarker(found), Markers: found, Title: markup.Cut(i.Title, maxTitle, ""), CreatedAt: i.CreatedAt, UpdatedAt: i.UpdatedAt,
	}
}
