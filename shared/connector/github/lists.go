package github

import (
	"context"
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
	"example.com/integrations/shared/outbound"
)

// numberedIssues are those that GitHub gives pages of by number. What is behind
// them it gives only to callers that follow its links
// (https://docs.github.com/en/rest/using-the-rest-api/using-pagination-in-the-rest-api).
const numberedIssues = 10_000

// maxPages bounds a walk whose end never comes: a million issues.
const maxPages = 10_000

// lists reads the list of issues, from the oldest change to the newest.
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
	where  string // the link that GitHub gave
}

// find walks through the issues changed since, which those created since are
// among. It goes from the oldest change to the newest, and each page begins
// where the last one ended by time and not by number: an issue that changes
// meanwhile moves to where the walk still comes by, and one deleted meanwhile
// shifts none out of sight. Whose issue it is does not count: the token may be
// another account's by now, and an App's cannot ask who it is.
func (l *lists) find(ctx context.Context, since time.Time, want []connector.Marker) (map[domain.Snowflake]connector.Written, error) {
	found := map[domain.Snowflake]connector.Written{}
	if len(want) == 0 {
		return found, nil
	}

	originals := connector.NewOriginals(want)
	since = since.Truncate(time.Second)
	at := since
	offset := 0
	for range maxPages {
		upto := at
		count, more, err := l.walk(ctx, at, offset, func(i issue) {
			upto = i.UpdatedAt
			if i.PullRequest != nil || i.CreatedAt.Before(since) {
				return
			}

			for _, item := range originals.See(markdown.Markers(i.Body), i.CreatedAt, int64(i.Number)) {
				found[item] = i.written()
			}
		})
		switch {
		case err != nil:
			return nil, err
		case !more:
			return found, nil
		case upto.After(at):
			at = upto
			offset = 0
		default: // others of the same second follow
			offset += count
		}
	}

	return nil, l.client.endless()
}

// changes lists issues by their last change, the oldest first. GitHub counts
// time in seconds. Pull requests, which its list holds too, are Ignored. A page
// that GitHub cannot answer with is asked for again with fewer issues.
func (l *lists) changes(ctx context.Context, since time.Time, offset int) ([]connector.Object, bool, error) {
	var objects []connector.Object
	count, more, err := l.walk(ctx, since, offset, func(i issue) {
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
func (l *lists) walk(ctx context.Context, since time.Time, offset int, each func(issue)) (count int, more bool, err error) {
	err = l.sizes.Read(func(size int) error {
		count, more, err = l.walkPages(ctx, since, offset, size, each)
		return err
	})
	return count, more, err
}

// walkPages goes from page to page until one holds the issue at the offset.
func (l *lists) walkPages(ctx context.Context, since time.Time, offset, size int, each func(issue)) (count int, more bool, err error) {
	at, where := l.changesFrom(since, offset, size)
	for range maxPages {
		here := 0
		answer, err := l.wholePage(ctx, where, func(i issue) {
			if at+here >= offset {
				each(i)
			}
			here++
		})
		if err != nil {
			return 0, false, err
		}

		next, more, err := l.next(where, answer)
		if err != nil {
			return 0, false, err
		}
		if here == 0 && more {
			return 0, false, l.client.fail(failure.Retryable, failure.IntegrationScope, "answer_unreadable", "GitHub's list says that more follows, and gives nothing", answer)
		}

		at += here
		if at > offset || !more {
			l.follow(trail{since, at, next})
			return max(at-offset, 0), more, nil
		}

		where = next
	}

	return 0, false, l.client.endless()
}

// wholePage reads a page of issues each of which says when it was changed. One that
// does not leaves it open where the list ends.
func (l *lists) wholePage(ctx context.Context, where string, each func(issue)) (outbound.Response, error) {
	sound := true
	answer, err := l.page(ctx, where, func(i issue) {
		sound = sound && i.ID > 0 && i.Number > 0 && !i.UpdatedAt.IsZero() && !i.CreatedAt.IsZero()
		if sound {
			each(i)
		}
	})
	if err == nil && !sound {
		err = l.client.noList(answer)
	}

	return answer, err
}

// changesFrom is where the way to an offset begins, and the offset of the first
// issue there: GitHub's own link, if it led there, else the page by number, or
// the last one that has a number.
func (l *lists) changesFrom(since time.Time, offset, size int) (at int, where string) {
	l.mu.Lock()
	led := l.trail
	l.mu.Unlock()
	if led.where != "" && led.offset == offset && led.since.Equal(since) {
		if where, ok := resized(led.where, size); ok {
			return offset, where
		}
	}

	number, _ := paging.Number(offset, size)
	number = min(number, (numberedIssues-1)/size)

	return (number - 1) * size, l.pageAt(since, size, number)
}

// follow keeps the way to the page behind the last one that was read.
func (l *lists) follow(t trail) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.trail = t
}

// pageAt is the address of a page by its number.
func (l *lists) pageAt(since time.Time, size, number int) string {
	query := url.Values{"state": {"all"}, "sort": {"updated"}, "direction": {"asc"}, "per_page": {strconv.Itoa(size)}, "page": {strconv.Itoa(number)}}
	if !since.IsZero() {
		query.Set("since", since.UTC().Format(time.RFC3339))
	}
	return l.client.place.address() + "/issues?" + query.Encode()
}

// page hands each issue of a page over, one at a time.
func (l *lists) page(ctx context.Context, where string, each func(issue)) (outbound.Response, error) {
	answer, err := l.client.stream(ctx, where, l.maxBody, func(body io.Reader) error { return jsonstream.Each(body, each) })
	if err != nil {
		return answer, err
	}
	if answer.Status != http.StatusOK {
		return answer, l.client.refused(http.MethodGet, answer)
	}
	if paging.Partial(answer.StreamError) {
		return answer, l.client.noList(answer)
	}
	if !listProof.Proven(answer) {
		return answer, l.client.foreign(http.MethodGet, answer)
	}
	if answer.StreamError != nil {
		return answer, l.client.noList(answer)
	}

	return answer, nil
}

// next is the following page's address, if there is one. It is asked for at the
// configured host, whatever host the link names: a server behind a proxy writes
// its own idea of its address into links. A link that does not lead below the
// API's root is not followed, and must not pass for the end of the list either.
func (l *lists) next(where string, answer outbound.Response) (string, bool, error) {
	for _, value := range answer.Header.Values("Link") {
		reference, ok := paging.NextLink(value)
		if !ok {
			continue
		}

		to, ok := outbound.OntoHost(where, reference)
		if !ok || to == where || !outbound.Below(l.client.place.baseURL, to) {
			return "", false, l.client.fail(failure.Retryable, failure.IntegrationScope, "answer_unreadable", "GitHub's link to the next page leads elsewhere", answer)
		}

		return to, true, nil
	}

	return "", false, nil
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
