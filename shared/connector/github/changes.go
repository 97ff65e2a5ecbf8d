package github

import (
	"context"
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

// numberedIssues are those that GitHub gives pages of by number. What is behind
// them it gives only to callers that follow its links
// (https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api).
const numberedIssues = 10_000

// A trail leads to the issues behind the last ones that were handed over.
type trail struct {
	since  time.Time
	offset int
	where  string // the link that GitHub gave
}

// Changes lists issues by their last change, the oldest first. GitHub counts
// time in seconds. Pull requests, which its list holds too, are Other. A page
// that GitHub cannot answer with is asked for again with fewer issues.
func (c *Connector) Changes(ctx context.Context, since time.Time, offset int) ([]connector.Object, bool, error) {
	var objects []connector.Object
	count, more, err := c.walk(ctx, since, offset, func(i issue) {
		if i.PullRequest == nil {
			objects = append(objects, i.object())
		} else {
			objects = append(objects, connector.Object{UpdatedAt: i.UpdatedAt, Ignored: true})
		}
	})
	if err != nil {
		return nil, false, err
	}

	// A page that failed half-way has handed some over before.
	return objects[len(objects)-count:], more, nil
}

// walk hands over issues of the list of changes, one at a time, from an offset
// on. It says how many it has handed over and whether others follow. A page that
// failed and was asked for again has handed over some of them before.
func (c *Connector) walk(ctx context.Context, since time.Time, offset int, each func(issue)) (count int, more bool, err error) {
	err = c.pages.Read(func(size int) error {
		count, more, err = c.walkPages(ctx, since, offset, size, each)
		return err
	})
	return count, more, err
}

// walkPages goes from page to page until one holds the issue at the offset.
func (c *Connector) walkPages(ctx context.Context, since time.Time, offset, size int, each func(issue)) (count int, more bool, err error) {
	at, where := c.changesFrom(since, offset, size)
	for range maxPages {
		here := 0
		answer, err := c.whole(ctx, where, func(i issue) {
			if at+here >= offset {
				each(i)
			}
			here++
		})
		if err != nil {
			return 0, false, err
		}

		next, more, err := c.next(where, answer)
		if err != nil {
			return 0, false, err
		}
		if here == 0 && more {
			return 0, false, c.fail(failure.Retryable, failure.IntegrationScope, "answer_unreadable", "GitHub's list says that more follows, and gives nothing", answer)
		}

		at += here
		if at > offset || !more {
			c.follow(trail{since, at, next})
			return max(at-offset, 0), more, nil
		}

		where = next
	}

	return 0, false, c.endless()
}

// whole reads a page of issues each of which says when it was changed. One that
// does not leaves it open where the list ends.
func (c *Connector) whole(ctx context.Context, where string, each func(issue)) (outbound.Response, error) {
	sound := true
	answer, err := c.page(ctx, where, func(i issue) {
		sound = sound && i.ID > 0 && i.Number > 0 && !i.UpdatedAt.IsZero() && !i.CreatedAt.IsZero()
		if sound {
			each(i)
		}
	})
	if err == nil && !sound {
		err = c.noList(answer)
	}

	return answer, err
}

// changesFrom is where the way to an offset begins, and the offset of the first
// issue there: GitHub's own link, if it led there, else the page by number, or
// the last one that has a number.
func (c *Connector) changesFrom(since time.Time, offset, size int) (at int, where string) {
	c.mu.Lock()
	led := c.trail
	c.mu.Unlock()
	if led.where != "" && led.offset == offset && led.since.Equal(since) {
		if where, ok := resized(led.where, size); ok {
			return offset, where
		}
	}

	number, _ := paging.Number(offset, size)
	number = min(number, (numberedIssues-1)/size)

	return (number - 1) * size, c.changes(since, size, number)
}

// resized is a link with a number of issues per page. With another number than
// its own a cursor still means the same place in the list, and a page number does
// not.
func resized(link string, size int) (string, bool) {
	u, err := url.Parse(link)
	if err != nil {
		return "", false
	}

	query := u.Query()
	if query.Get("per_page") == strconv.Itoa(size) {
		return link, true
	}
	if query.Get("after") == "" {
		return "", false
	}

	query.Set("per_page", strconv.Itoa(size))
	u.RawQuery = query.Encode()

	return u.String(), true
}

func (c *Connector) follow(t trail) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.trail = t
}

// changes is the address of a page by its number.
func (c *Connector) changes(since time.Time, size, number int) string {
	query := url.Values{"state": {"all"}, "sort": {"updated"}, "direction": {"asc"}, "per_page": {strconv.Itoa(size)}, "page": {strconv.Itoa(number)}}
	if !since.IsZero() {
		query.Set("since", since.UTC().Format(time.RFC3339))
	}
	return c.repository() + "/issues?" + query.Encode()
}

func (i issue) object() connector.Object {
	found := markdown.Markers(i.Body)
	return connector.Object{
		Written: i.written(), Marker: connector.FirstMarker(found), Markers: found, Title: markup.Cut(i.Title, maxTitle, ""), UpdatedAt: i.UpdatedAt,
	}
}

// Look is how an issue looks that has the content as it is sent.
func (c *Connector) Look(content connector.Content, m connector.Marker) string {
	return markdown.TextHash(content.Title, markdown.WithMarker(content.Body, m))
}

// Read reads one issue. An issue that was transferred to another repository is
// remote_moved.
func (c *Connector) Read(ctx context.Context, remote domain.Remote) (connector.Object, error) {
	number, err := strconv.Atoi(remote.Key)
	if err != nil || number <= 0 {
		return connector.Object{}, c.unnumbered()
	}

	i, err := c.read(ctx, remote)
	if err != nil {
		return connector.Object{}, err
	}

	return i.object(), nil
}
