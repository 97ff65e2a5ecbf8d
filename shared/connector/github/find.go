package github

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"integrations/shared/connector"
	"integrations/shared/connector/markdown"
	"integrations/shared/domain"
	"integrations/shared/outbound"
)

const (
	// pageBody bounds a page: a hundred issues with the longest bodies, every
	// code point in four bytes.
	pageBody = 32 << 20
	// maxPages bounds a walk whose end never comes: a million issues.
	maxPages = 10_000
)

// Find walks through the repository's issues, newest first, back to since.
// Where several carry an item's marker the oldest is the item's: it was there
// first. Whose issue it is does not count: the token may be another account's by
// now, and an App's cannot ask who it is.
func (c *Connector) Find(ctx context.Context, since time.Time, want []connector.Marker) (map[domain.Snowflake]connector.Written, error) {
	found := map[domain.Snowflake]connector.Written{}
	if len(want) == 0 {
		return found, nil
	}
	wanted := map[connector.Marker]bool{}
	for _, m := range want {
		wanted[connector.Marker{Integration: m.Integration, Item: m.Item}] = true
	}
	query := url.Values{"state": {"all"}, "sort": {"created"}, "direction": {"desc"}, "per_page": {"100"}}
	where := c.repository() + "/issues?" + query.Encode()
	for range maxPages {
		done, dated := false, true
		answer, err := c.page(ctx, where, func(i issue) {
			dated = dated && !i.CreatedAt.IsZero()
			done = done || i.CreatedAt.Before(since)
			m, ok := markdown.ParseMarker(i.Body)
			m.Attempt = 0
			if ok && wanted[m] && i.PullRequest == nil && !i.CreatedAt.Before(since) {
				found[m.Item] = i.written()
			}
		})
		if err != nil {
			return nil, err
		}
		if !dated { // it says neither what is there nor where the list ends
			return nil, c.noList(answer)
		}
		if done {
			return found, nil
		}
		next, more, err := c.next(where, answer)
		if err != nil {
			return nil, err
		}
		if !more {
			return found, nil
		}
		where = next
	}
	return nil, c.fail(connector.Final, connector.IntegrationScope, "list_endless", "the list of issues does not end", outbound.Response{})
}

// page hands each issue of a page over, one at a time.
func (c *Connector) page(ctx context.Context, where string, each func(issue)) (outbound.Response, error) {
	answer, err := c.get(ctx, where, pageBody)
	if err != nil {
		return answer, err
	}
	if answer.Status != http.StatusOK {
		return answer, c.refused(http.MethodGet, answer)
	}
	if err := markdown.Each(answer.Body, each); err != nil {
		return answer, c.noList(answer)
	}
	return answer, nil
}

// noList is for half a list, which must not pass for a whole one: an issue not
// found is made again.
func (c *Connector) noList(answer outbound.Response) *connector.Error {
	return c.fail(connector.Retryable, connector.IntegrationScope, "answer_unreadable", "GitHub's answer is not a list of issues", answer)
}

// next is the following page's address, if there is one. One that is not at
// the same host and below the API's root is not followed, and must not pass for
// the end of the list either.
func (c *Connector) next(where string, answer outbound.Response) (string, bool, error) {
	for _, value := range answer.Header.Values("Link") {
		reference, ok := markdown.NextLink(value)
		if !ok {
			continue
		}
		to, ok := outbound.SameHost(where, reference)
		if !ok || to == where || !outbound.Below(c.cfg.BaseURL, to) {
			return "", false, c.fail(connector.Retryable, connector.IntegrationScope, "answer_unreadable", "GitHub's link to the next page leads elsewhere", answer)
		}
		return to, true, nil
	}
	return "", false, nil
}
