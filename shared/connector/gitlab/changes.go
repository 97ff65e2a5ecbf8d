package gitlab

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/markdown"
	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/outbound"
)

// numberedIssues are those that GitLab gives pages of by number. What is behind
// them newer servers give only by cursor; older ones know no cursor and have no
// such limit (https://docs.gitlab.com/api/rest/#offset-based-pagination).
const numberedIssues = 50_000

// A trail leads to the issues behind the last ones that were handed over.
type trail struct {
	since  time.Time
	offset int
	cursor string // that GitLab gave
}

// Changes lists issues by their last change, the oldest first. GitLab tells
// times in milliseconds. A page that GitLab cannot answer with, or that is too
// large to be read, is asked for again with fewer issues. Pages of a single
// issue are put together, so that a call gets past a time that several share.
func (c *Connector) Changes(ctx context.Context, since time.Time, offset int) ([]connector.Object, bool, error) {
	var objects []connector.Object
	for {
		some, more, err := c.changed(ctx, since, offset+len(objects))
		if err != nil {
			return nil, false, err
		}

		objects = append(objects, some...)
		if !more || c.pages.Enough(len(objects)) {
			return objects, more, nil
		}
	}
}

// changed reads one page, by number where there is one.
func (c *Connector) changed(ctx context.Context, since time.Time, offset int) (objects []connector.Object, more bool, err error) {
	err = c.pages.Read(func(size int) error {
		number, _ := paging.Number(offset, size)
		if number*size > numberedIssues {
			objects, more, err = c.behind(ctx, since, offset, size)
		} else {
			objects, more, err = c.numbered(ctx, since, offset, size)
		}

		return err
	})
	return objects, more, err
}

// numbered reads the page by number that holds the issue at the offset, from
// that issue on. It goes on to the next page where a page holds fewer issues
// than it was asked for.
func (c *Connector) numbered(ctx context.Context, since time.Time, offset, size int) ([]connector.Object, bool, error) {
	number, skip := paging.Number(offset, size)
	for range maxPages {
		var objects []connector.Object
		_, more, err := c.page(ctx, changes(since), size, number, func(i issue) { objects = append(objects, i.object()) })
		if err != nil {
			return nil, false, err
		}
		if len(objects) > skip || !more {
			return objects[min(skip, len(objects)):], more, nil
		}
		if len(objects) == 0 {
			return nil, false, c.stuck()
		}

		skip -= len(objects)
		number++
	}

	return nil, false, c.endless()
}

// stuck is for an empty page that says that others follow.
func (c *Connector) stuck() *failure.Error {
	return c.fail(failure.Retryable, failure.IntegrationScope, "answer_unreadable", "GitLab's list says that more follows, and gives nothing", outbound.Response{})
}

// behind reads by cursor: from the offset on if the page before it was the last
// one read, else from the first issue on.
func (c *Connector) behind(ctx context.Context, since time.Time, offset, size int) ([]connector.Object, bool, error) {
	at := 0
	cursor := ""
	c.mu.Lock()
	if c.trail.offset == offset && c.trail.since.Equal(since) && c.trail.cursor != "" {
		at = offset
		cursor = c.trail.cursor
	}

	c.mu.Unlock()
	for range maxPages {
		query := changes(since)
		query.Set("pagination", "keyset")
		if cursor != "" {
			query.Set("cursor", cursor)
		}

		var objects []connector.Object
		following, more, err := c.page(ctx, query, size, 0, func(i issue) { objects = append(objects, i.object()) })
		if unknown(err) || err == nil && more && following == "" {
			return c.numbered(ctx, since, offset, size) // an older server
		}
		if err != nil {
			return nil, false, err
		}

		skip := min(max(offset-at, 0), len(objects))
		at += len(objects)
		if len(objects) == 0 && more {
			return nil, false, c.stuck()
		}

		if at > offset || !more {
			c.follow(trail{since, at, following})
			return objects[skip:], more, nil
		}

		cursor = following
	}

	return nil, false, c.endless()
}

// unknown reports whether a server refused a list by cursor as such.
func unknown(err error) bool {
	var e *failure.Error
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
		Written: i.written(), Marker: connector.FirstMarker(found), Markers: found, Title: markup.Cut(i.Title, maxTitle, ""), UpdatedAt: i.UpdatedAt,
	}
}

// Look is how an issue looks that has the content as it is sent.
func (c *Connector) Look(content connector.Content, m connector.Marker) string {
	return markdown.TextHash(content.Title, markdown.WithMarker(content.Body, m))
}

// Read reads one issue. An answer with another issue is remote_moved.
func (c *Connector) Read(ctx context.Context, remote domain.Remote) (connector.Object, error) {
	iid, err := strconv.Atoi(remote.Key)
	if err != nil || iid <= 0 {
		return connector.Object{}, c.unnumbered()
	}

	answer, err := c.get(ctx, c.issueAt(remote), 0)
	if err != nil {
		return connector.Object{}, err
	}
	if !answer.Success() {
		return connector.Object{}, c.issueUnread(ctx, answer)
	}

	var i issue
	err = json.Unmarshal(answer.Body, &i)
	if err != nil || !readProof.Proven(answer) {
		return connector.Object{}, c.foreign(http.MethodGet, answer)
	}
	if !i.is(remote) {
		return connector.Object{}, c.moved(answer)
	}

	return i.object(), nil
}
