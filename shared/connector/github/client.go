package github

import (
	"context"
	"encoding/json"
	"io"
	"net/http"

	"example.com/integrations/shared/outbound"
)

// apiVersion is the one whose description we test against.
const apiVersion = "2022-11-28"

// A client makes the calls to GitHub's API, with a token and at the place in use.
type client struct {
	*failures
	place  *place
	tokens *tokens
}

// write sends a draft of an issue.
func (c *client) write(ctx context.Context, method, where string, d draft) (outbound.Response, error) {
	body, err := json.Marshal(d)
	if err != nil {
		panic(err) // strings always marshal
	}

	header, err := c.header(ctx)
	if err != nil {
		return outbound.Response{}, err
	}

	header.Set("Content-Type", "application/json")

	return c.http.Do(ctx, outbound.Request{Method: method, URL: where, Header: header, Body: body})
}

// get reads, and follows one redirect at the same host: a repository that was
// renamed or an issue that was moved is still to be found by its old address.
func (c *client) get(ctx context.Context, where string, maxBody int64) (outbound.Response, error) {
	header, err := c.header(ctx)
	if err != nil {
		return outbound.Response{}, err
	}
	return c.http.Read(ctx, outbound.Request{URL: where, Header: header, MaxBody: maxBody}, c.place.baseURL)
}

// look reads the repository that calls go to, and follows no redirect.
func (c *client) look(ctx context.Context) (outbound.Response, error) {
	header, err := c.header(ctx)
	if err != nil {
		return outbound.Response{}, err
	}
	return c.http.Do(ctx, outbound.Request{Method: http.MethodGet, URL: c.place.address(), Header: header})
}

// stream reads a list while it arrives, at most maxBody bytes of it.
func (c *client) stream(ctx context.Context, where string, maxBody int64, read func(io.Reader) error) (outbound.Response, error) {
	header, err := c.header(ctx)
	if err != nil {
		return outbound.Response{}, err
	}
	return c.http.Read(ctx, outbound.Request{URL: where, Header: header, MaxBody: maxBody, Stream: read}, c.place.baseURL)
}

// header is that of a request with the token to work with.
func (c *client) header(ctx context.Context) (http.Header, error) {
	token, err := c.tokens.bearer(ctx)
	return headerFor(token), err
}

// headerFor is the header of a request with a token.
func headerFor(token string) http.Header {
	return http.Header{
		"Authorization":        {"Bearer " + token},
		"Accept":               {"application/vnd.github+json"},
		"X-Github-Api-Version": {apiVersion},
	}
}
