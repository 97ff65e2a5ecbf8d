package gitlab

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/markdown"
	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/jsonstream"
	"example.com/integrations/shared/outbound"
)

const (
	// maxPages bounds a walk whose end never comes: a hundred thousand issues
	// within the time an unanswered create is looked for.
	maxPages = 1_000
	// stamp is how GitLab writes times: in milliseconds, though it counts in
	// microseconds.
	stamp = "2006-01-02T15:04:05.000Z"
)

// ClockLag is how far GitLab's clock is behind ours.
func (c *Connector) ClockLag() (last, most time.Duration) { return c.client.ClockLag() }

// Find walks through the project's issues, newest first, back to since. Whose
// issue it is does not count: the token may be another account's by now.
// Each page begins where the last one ended, by time and not by number:
// an issue deleted meanwhile would shift the numbers, and one left out is made
// again.
func (c *Connector) Find(ctx context.Context, since time.Time, want []connector.Marker) (map[domain.Snowflake]connector.Written, error) {
	found := map[domain.Snowflake]connector.Written{}
	if len(want) == 0 {
		return found, nil
	}

	originals := connector.NewOriginals(want)
	query := url.Values{
		"scope": {"all"}, "created_after": {since.UTC().Format(stamp)}, "order_by": {"created_at"}, "sort": {"desc"},
	}
	var before, oldest time.Time
	for n, offset := 0, 0; n < maxPages; n++ {
		next, more, err := c.pageAt(ctx, query, offset, func(i issue) {
			oldest = i.CreatedAt
			if i.CreatedAt.Before(since) {
				return
			}

			for _, item := range originals.See(markdown.Markers(i.Description), i.CreatedAt, i.ID) {
				found[item] = i.written()
			}
		})
		switch {
		case err != nil:
			return nil, err
		case !more || !oldest.IsZero() && oldest.Before(since):
			return found, nil
		}

		offset = next
		// Others of the same millisecond may follow.
		if end := oldest.Truncate(time.Millisecond).Add(time.Millisecond); !oldest.IsZero() && (before.IsZero() || end.Before(before)) {
			before = end
			offset = 0
			query.Set("created_before", before.UTC().Format(stamp))
		}
	}

	return nil, c.endless()
}

// endless is for a list longer than any that is walked through.
func (c *Connector) endless() *failure.Error {
	return c.fail(failure.Final, failure.IntegrationScope, "list_endless", "the list of issues does not end", outbound.Response{})
}

// pageAt hands over the issues of the page that holds the place at an offset, and
// gives the offset of the page behind it. A page that failed and was asked for
// again with fewer issues has handed over some of them before.
func (c *Connector) pageAt(ctx context.Context, query url.Values, offset int, each func(issue)) (next int, more bool, err error) {
	err = c.pages.Read(func(size int) error {
		number, _ := paging.Number(offset, size)
		next = number * size
		_, more, err = c.page(ctx, query, size, number, each)
		return err
	})
	return next, more, err
}

// page hands each issue of a page over, one at a time, and tells whether
// another page follows; in a list by cursor, which.
func (c *Connector) page(ctx context.Context, query url.Values, size, number int, each func(issue)) (cursor string, more bool, err error) {
	query.Set("per_page", strconv.Itoa(size))
	query.Del("page")
	if !query.Has("pagination") {
		query.Set("page", strconv.Itoa(number))
	}

	count := 0
	whole := true
	read := func(body io.Reader) error {
		return jsonstream.Each(body, func(i issue) {
			count++
			whole = whole && i.ID > 0 && i.IID > 0 && !i.CreatedAt.IsZero() && !i.UpdatedAt.IsZero()
			if whole {
				each(i)
			}
		})
	}

	where := c.project() + "/issues?" + query.Encode()
	answer, err := c.client.Read(ctx, outbound.Request{URL: where, Header: c.header(), MaxBody: c.pageBody, Stream: read}, c.cfg.BaseURL)
	if err != nil {
		return "", false, err
	}
	if answer.Status != http.StatusOK {
		return "", false, c.refused(http.MethodGet, answer)
	}
	if paging.Partial(answer.StreamError) {
		return "", false, c.noList(answer)
	}
	if !listProof.Proven(answer) {
		return "", false, c.foreign(http.MethodGet, answer)
	}
	if answer.StreamError != nil || !whole {
		return "", false, c.noList(answer)
	}

	cursor, more = next(answer.Header, count >= size)

	return cursor, more, nil
}

// noList is for half a list, which must not pass for a whole one: an issue not
// found is made again.
func (c *Connector) noList(answer outbound.Response) *failure.Error {
	return c.fail(failure.Retryable, failure.IntegrationScope, paging.Code(answer.StreamError), "GitLab's answer is not a list of issues", answer)
}

// next reports whether a page follows, and its cursor if it has one. Links are
// not followed: many a server behind a proxy writes its own idea of its address
// into them. Of a page without any of the headers, which a proxy may drop,
// only whether it is full is known.
func next(header http.Header, full bool) (cursor string, more bool) {
	links := header.Values("Link")
	known := header.Values("X-Next-Page")
	if len(links) == 0 && len(known) == 0 {
		return "", full
	}

	more = header.Get("X-Next-Page") != ""
	for _, value := range links {
		target, ok := paging.NextLink(value)
		if !ok {
			continue
		}

		more = true
		if u, err := url.Parse(target); err == nil {
			cursor = u.Query().Get("cursor")
		}
	}

	return cursor, more
}
