package gitlab

import (
	"context"
	"encoding/json"
	"io"
	"net/http"

	"example.com/integrations/shared/outbound"
)

// A client makes the calls to GitLab's API, with a token and at the place in use.
type client struct {
	*failures
	place *place
	token string
}

// write sends a draft of an issue.
func (c *client) write(ctx context.Context, method, where string, d draft) (outbound.Response, error) {
	body, err := json.Marshal(d)
	if err != nil {
		panic(err) // strings always marshal
	}

	header := c.header()
	header.Set("Content-Type", "application/json")

	return c.http.Do(ctx, outbound.Request{Method: method, URL: where, Header: header, Body: body})
}

// get reads, and follows one redirect at the same host: a project that was
// renamed is still to be found by its old path.
func (c *client) get(ctx context.Context, where string, maxBody int64) (outbound.Response, error) {
	return c.http.Read(ctx, outbound.Request{URL: where, Header: c.header(), MaxBody: maxBody}, c.place.baseURL)
}

// look asks once how the project stands.
func (c *client) look(ctx context.Context) (state, outbound.Response, error) {
	answer, err := c.http.Do(ctx, outbound.Request{Method: http.MethodGet, URL: c.place.address(), Header: c.header()})
	s, err := stateOf(answer, err)
	return s, answer, err
}

// stream reads a list while it arrives, at most maxBody bytes of it.
func (c *client) stream(ctx context.Context, where string, maxBody int64, read func(io.Reader) error) (outbound.Response, error) {
	return c.http.Read(ctx, outbound.Request{URL: where, Header: c.header(), MaxBody: maxBody, Stream: read}, c.place.baseURL)
}

// header is that of a request with the token.
func (c *client) header() http.Header {
	return http.Header{"Private-Token": {c.token}, "Accept": {"application/json"}}
}
