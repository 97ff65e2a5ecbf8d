package jira

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"time"

	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/jsonstream"
	"example.com/integrations/shared/outbound"
)

// pageBody is the largest answer with a single issue and all its fields, in
// bytes.
const pageBody = 32 << 20

// A client sends requests to Jira's API with the credentials of the
// configuration. It repeats none by itself.
type client struct {
	cfg        Config
	flavor     flavor
	http       *outbound.Client
	now        func() time.Time
	classifier *classifier
}

// api is the address of a resource.
func (c *client) api(path string) string { return c.cfg.BaseURL + c.flavor.root() + path }

// issueAt is the address of an issue, by its id or key.
func (c *client) issueAt(name string) string { return c.api("/issue/" + url.PathEscape(name)) }

// readFields are the fields that are read of an issue.
const readFields = "summary,description,status,labels,created,updated"

// wanted is the query for what is read of an issue.
func (c *client) wanted() url.Values {
	return c.flavor.wanted(url.Values{"fields": {readFields}})
}

func (c *client) header() http.Header {
	return http.Header{"Authorization": {c.flavor.authorization(c.cfg)}, "Accept": {"application/json"}}
}

// send sends a write. Its answer is not checked.
func (c *client) send(ctx context.Context, method, where string, body any) (outbound.Response, error) {
	b, err := json.Marshal(body)
	if err != nil {
		panic(err) // strings always marshal
	}

	header := c.header()
	header.Set("Content-Type", "application/json")

	return c.http.Do(ctx, outbound.Request{Method: method, URL: where, Header: header, Body: b})
}

// get reads. Redirects are not followed: Jira only redirects to a page with a
// log-in form. Answers of success that classifier.trusted rejects are errors.
func (c *client) get(ctx context.Context, where string, maxBody int64) (outbound.Response, error) {
	answer, err := c.http.Do(ctx, outbound.Request{Method: http.MethodGet, URL: where, Header: c.header(), MaxBody: maxBody})
	if err != nil {
		return answer, err
	}

	return answer, c.classifier.trusted(answer)
}

// stream is get for an answer that is read while it arrives.
func (c *client) stream(ctx context.Context, where string, read func(io.Reader) error) (outbound.Response, error) {
	answer, err := c.http.Do(ctx, outbound.Request{
		Method: http.MethodGet, URL: where, Header: c.header(), MaxBody: paging.MaxBody, Stream: read,
	})
	if err != nil {
		return answer, err
	}

	return answer, c.classifier.trusted(answer)
}

// getJSON reads an answer into a value. Members that the value does not have are
// skipped: a field may come with tens of thousands of options.
func (c *client) getJSON(ctx context.Context, where string, into any) error {
	answer, err := c.stream(ctx, where, func(body io.Reader) error { return jsonstream.Decode(body, into) })
	if err != nil {
		return tooLarge(err)
	}
	if answer.Status != http.StatusOK {
		return c.classifier.refused(http.MethodGet, answer)
	}
	if answer.StreamError != nil {
		return c.classifier.partial("Jira's answer is not what was asked for", answer)
	}

	return nil
}
