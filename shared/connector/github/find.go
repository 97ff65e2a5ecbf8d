package github

import (
	"context"
	"io"
	"net/http"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/markdown"
	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/jsonstream"
	"example.com/integrations/shared/outbound"
)

// maxPages bounds a walk whose end never comes: a million issues.
const maxPages = 10_000

// ClockLag is how far GitHub's clock is behind ours.
func (c *Connector) ClockLag() (last, most time.Duration) { return c.client.ClockLag() }

// Find walks through the issues changed since, which those created since are
// among. It goes from the oldest change to the newest, and each page begins
// where the last one ended by time and not by number: an issue that changes
// meanwhile moves to where the walk still comes by, and one deleted meanwhile
// shifts none out of sight. Whose issue it is does not count: the token may be
// another account's by now, and an App's cannot ask who it is.
func (c *Connector) Find(ctx context.Context, since time.Time, want []connector.Marker) (map[domain.Snowflake]connector.Written, error) {
	found := map[domain.Snowflake]connector.Written{}
	if len(want) == 0 {
		return found, nil
	}

	originals := connector.NewOriginals(want)
	since = since.Truncate(time.Second)
	for at, offset, n := since, 0, 0; n < maxPages; n++ {
		upto := at
		count, more, err := c.walk(ctx, at, offset, func(i issue) {
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

	return nil, c.endless()
}

// endless is for a list longer than any that is walked through.
func (c *Connector) endless() *failure.Error {
	return c.fail(failure.Final, failure.IntegrationScope, "list_endless", "the list of issues does not end", outbound.Response{})
}

// page hands each issue of a page over, one at a time.
func (c *Connector) page(ctx context.Context, where string, each func(issue)) (outbound.Response, error) {
	answer, err := c.stream(ctx, where, func(body io.Reader) error { return jsonstream.Each(body, each) })
	if err != nil {
		return answer, err
	}
	if answer.Status != http.StatusOK {
		return answer, c.refused(http.MethodGet, answer)
	}
	if paging.Partial(answer.StreamError) {
		return answer, c.noList(answer)
	}
	if !listProof.Proven(answer) {
		return answer, c.foreign(http.MethodGet, answer)
	}
	if answer.StreamError != nil {
		return answer, c.noList(answer)
	}

	return answer, nil
}

// stream reads a list while it arrives.
func (c *Connector) stream(ctx context.Context, where string, read func(io.Reader) error) (outbound.Response, error) {
	header, err := c.header(ctx)
	if err != nil {
		return outbound.Response{}, err
	}
	return c.client.Read(ctx, outbound.Request{URL: where, Header: header, MaxBody: c.pageBody, Stream: read}, c.cfg.BaseURL)
}

// noList is for half a list, which must not pass for a whole one: an issue not
// found is made again.
func (c *Connector) noList(answer outbound.Response) *failure.Error {
	return c.fail(failure.Retryable, failure.IntegrationScope, paging.Code(answer.StreamError), "GitHub's answer is not a list of issues", answer)
}

// next is the following page's address, if there is one. It is asked for at the
// configured host, whatever host the link names: a server behind a proxy writes
// its own idea of its address into links. A link that does not lead below the
// API's root is not followed, and must not pass for the end of the list either.
func (c *Connector) next(where string, answer outbound.Response) (string, bool, error) {
	for _, value := range answer.Header.Values("Link") {
		reference, ok := paging.NextLink(value)
		if !ok {
			continue
		}

		to, ok := outbound.OntoHost(where, reference)
		if !ok || to == where || !outbound.Below(c.cfg.BaseURL, to) {
			return "", false, c.fail(failure.Retryable, failure.IntegrationScope, "answer_unreadable", "GitHub's link to the next page leads elsewhere", answer)
		}

		return to, true, nil
	}

	return "", false, nil
}
