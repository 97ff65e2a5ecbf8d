package gitlab

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/markdown"
	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/jsonstream"
)

// numberedIssues are those that GitLab gives pages of by number. What is behind
// them newer servers give only by cursor; older ones know no cursor and have no
// such limit (https://docs.gitlab.com/api/rest/#offset-based-pagination).
const numberedIssues = 50_000

const (
	// maxPages bounds a walk whose end never comes: a hundred thousand issues
	// within the time an unanswered create is looked for.
	maxPages = 1_000
	// stamp is how GitLab writes times: in milliseconds, though it counts in
	// microseconds.
	stamp = "2006-01-02T15:04:05.000Z"
)

// lists reads the lists of issues: those that changed, the oldest change first, and
// those that were created, the newest first.
type lists struct {
	client  *client
	sizes   *paging.Size // how many issues a page has
	maxBody int64        // the most bytes of a page

	mu    sync.Mutex
	trail trail // to the page behind the last one that was read
}

// A trail leads to the issues behind the last ones that were handed over.
type trail struct {
	since  time.Time
	offset int
	cursor string // that GitLab gave
}

// find walks through the project's issues, newest first, back to since. Whose
// issue it is does not count: the token may be another account's by now.
// Each page begins where the last one ended, by time and not by number:
// an issue deleted meanwhile would shift the numbers, and one left out is made
// again.
func (l *lists) find(ctx context.Context, since time.Time, want []connector.Marker) (map[domain.Snowflake]connector.Written, error) {
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
		next, more, err := l.pageAt(ctx, query, offset, func(i issue) {
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

	return nil, l.client.endless()
}

// changes lists issues by their last change, the oldest first. GitLab tells
// times in milliseconds. A page that GitLab cannot answer with, or that is too
// large to be read, is asked for again with fewer issues. Pages of a single
// issue are put together, so that a call gets past a time that several share.
func (l *lists) changes(ctx context.Context, since time.Time, offset int) ([]connector.Object, bool, error) {
	var objects []connector.Object
	for {
		some, more, err := l.changed(ctx, since, offset+len(objects))
		if err != nil {
			return nil, false, err
		}

		objects = append(objects, some...)
		if !more || l.sizes.Enough(len(objects)) {
			return objects, more, nil
		}
	}
}

// changed reads one page, by number where there is one.
func (l *lists) changed(ctx context.Context, since time.Time, offset int) (objects []connector.Object, more bool, err error) {
	err = l.sizes.Read(func(size int) error {
		number, _ := paging.Number(offset, size)
		if number*size > numberedIssues {
			objects, more, err = l.behind(ctx, since, offset, size)
		} else {
			objects, more, err = l.numbered(ctx, since, offset, size)
		}

		return err
	})
	return objects, more, err
}

// numbered reads the page by number that holds the issue at the offset, from
// that issue on. It goes on to the next page where a page holds fewer issues
// than it was asked for.
func (l *lists) numbered(ctx context.Context, since time.Time, offset, size int) ([]connector.Object, bool, error) {
	number, skip := paging.Number(offset, size)
	for range maxPages {
		var objects []connector.Object
		_, more, err := l.page(ctx, changesQuery(since), size, number, func(i issue) { objects = append(objects, i.object()) })
		if err != nil {
			return nil, false, err
		}
		if len(objects) > skip || !more {
			return objects[min(skip, len(objects)):], more, nil
		}
		if len(objects) == 0 {
			return nil, false, l.client.stuck()
		}

		skip -= len(objects)
		number++
	}

	return nil, false, l.client.endless()
}

// behind reads by cursor: from the offset on if the page before it was the last
// one read, else from the first issue on.
func (l *lists) behind(ctx context.Context, since time.Time, offset, size int) ([]connector.Object, bool, error) {
	at := 0
	cursor := ""
	l.mu.Lock()
	if l.trail.offset == offset && l.trail.since.Equal(since) && l.trail.cursor != "" {
		at = offset
		cursor = l.trail.cursor
	}

	l.mu.Unlock()
	for range maxPages {
		query := changesQuery(since)
		query.Set("pagination", "keyset")
		if cursor != "" {
			query.Set("cursor", cursor)
		}

		var objects []connector.Object
		following, more, err := l.page(ctx, query, size, 0, func(i issue) { objects = append(objects, i.object()) })
		if unknown(err) || err == nil && more && following == "" {
			return l.numbered(ctx, since, offset, size) // an older server
		}
		if err != nil {
			return nil, false, err
		}

		skip := min(max(offset-at, 0), len(objects))
		at += len(objects)
		if len(objects) == 0 && more {
			return nil, false, l.client.stuck()
		}

		if at > offset || !more {
			l.follow(trail{since, at, following})
			return objects[skip:], more, nil
		}

		cursor = following
	}

	return nil, false, l.client.endless()
}

// follow keeps the way to the page behind the last one that was read.
func (l *lists) follow(t trail) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trail = t
}

// pageAt hands over the issues of the page that holds the place at an offset, and
// gives the offset of the page behind it. A page that failed and was asked for
// again with fewer issues has handed over some of them before.
func (l *lists) pageAt(ctx context.Context, query url.Values, offset int, each func(issue)) (next int, more bool, err error) {
	err = l.sizes.Read(func(size int) error {
		number, _ := paging.Number(offset, size)
		next = number * size
		_, more, err = l.page(ctx, query, size, number, each)
		return err
	})
	return next, more, err
}

// page hands each issue of a page over, one at a time, and tells whether
// another page follows; in a list by cursor, which.
func (l *lists) page(ctx context.Context, query url.Values, size, number int, each func(issue)) (cursor string, more bool, err error) {
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

	where := l.client.place.address() + "/issues?" + query.Encode()
	answer, err := l.client.stream(ctx, where, l.maxBody, read)
	if err != nil {
		return "", false, err
	}
	if answer.Status != http.StatusOK {
		return "", false, l.client.refused(http.MethodGet, answer)
	}
	if paging.Partial(answer.StreamError) {
		return "", false, l.client.noList(answer)
	}
	if !listProof.Proven(answer) {
		return "", false, l.client.foreign(http.MethodGet, answer)
	}
	if answer.StreamError != nil || !whole {
		return "", false, l.client.noList(answer)
	}

	cursor, more = next(answer.Header, count >= size)

	return cursor, more, nil
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

// unknown reports whether a server refused a list by cursor as such.
func unknown(err error) bool {
	var e *failure.Error
	return errors.As(err, &e) && e.Status == http.StatusMethodNotAllowed
}

// changesQuery asks for the list of changes.
func changesQuery(since time.Time) url.Values {
	query := url.Values{"scope": {"all"}, "order_by": {"updated_at"}, "sort": {"asc"}}
	if !since.IsZero() {
		query.Set("updated_after", since.UTC().Format(stamp))
	}
	return query
}
