// Package client talks to the HTTP API: one method for each operation of its
// OpenAPI document, which tests hold it against.
//
// It stands on the standard library alone, so that others can take it as it is.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// A Client calls the API. Its methods can be used at the same time.
type Client struct {
	base  string
	token func(context.Context) (string, error)
	http  *http.Client
	tries int
	sleep func(context.Context, time.Duration) error
}

// An Option changes what New makes.
type Option func(*Client)

// WithHTTPClient sends by a client of one's own, whose time limit counts.
func WithHTTPClient(h *http.Client) Option { return func(c *Client) { own := *h; c.http = &own } }

// WithTries says how often a request that can be repeated is sent at most; 1
// repeats nothing. Without it: 4.
func WithTries(n int) Option { return func(c *Client) { c.tries = max(1, n) } }

// WithSleep replaces what waits between two tries.
func WithSleep(sleep func(context.Context, time.Duration) error) Option {
	return func(c *Client) { c.sleep = sleep }
}

// Token is a source of one token that does not change.
func Token(token string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return token, nil }
}

// New returns a client of the API at an address, which must be https, or on
// this machine: a token is as good as its owner. token is asked at every
// request; it gives a bearer token of the issuer that the API trusts.
func New(address string, token func(context.Context) (string, error), options ...Option) (*Client, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("the API's address is no URL")
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("the API's address must be https://HOST, with nothing but a path behind it; http only on this machine")
	}

	c := &Client{base: strings.TrimSuffix(address, "/"), token: token, http: &http.Client{Timeout: 45 * time.Second}, tries: 4, sleep: Sleep}
	for _, option := range options {
		option(c)
	}

	// The API leads nowhere else, and a token must not follow.
	c.http.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

	return c, nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// A request is an operation's, before it is sent.
type request struct {
	method, path string
	query        url.Values
	header       http.Header
	body         any  // nil for none
	repeatable   bool // even where it is not known whether it was done
}

// maxAnswer is more than a function of AWS can answer.
const maxAnswer = 8 << 20

// do sends a request, as often as is safe, and reads the answer to a success
// into answer, if there is one. Any other answer is a *Problem.
func (c *Client) do(ctx context.Context, r request, answer any, options ...CallOption) (http.Header, error) {
	for _, option := range options {
		option(&r)
	}

	var body []byte
	if r.body != nil {
		var err error
		if body, err = json.Marshal(r.body); err != nil {
			return nil, err
		}
	}

	for try := 1; ; try++ {
		header, err := c.once(ctx, r, body, answer)
		wait, again := again(r, err, try)
		if err == nil || !again || try >= c.tries || ctx.Err() != nil {
			return header, err
		}

		if stopped := c.sleep(ctx, wait); stopped != nil {
			return header, err
		}
	}
}

func (c *Client) once(ctx context.Context, r request, body []byte, answer any) (http.Header, error) {
	address := c.base + r.path
	if len(r.query) > 0 {
		address += "?" + r.query.Encode()
	}

	req, err := http.NewRequestWithContext(ctx, r.method, address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.method, r.path, err)
	}

	token, err := c.token(ctx)
	if err != nil {
		return nil, fmt.Errorf("get a token: %w", err)
	}

	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/json, application/problem+json")
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}

	for name, values := range r.header {
		req.Header[name] = values
	}

	resp, err := c.http.Do(req)
	if err != nil {
		return nil, unsent(r, err)
	}

	defer func() { _ = resp.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, unsent(r, err)
	case len(content) > maxAnswer:
		return nil, fmt.Errorf("%s %s: the answer is over %d bytes", r.method, r.path, maxAnswer)
	case resp.StatusCode == http.StatusNotModified:
		return resp.Header, ErrNotModified
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		return resp.Header, problem(resp, content)
	case answer == nil:
		return resp.Header, nil
	}

	if err := json.Unmarshal(content, answer); err != nil {
		return resp.Header, fmt.Errorf("%s %s: is this the API's address? The answer is not the API's: %w", r.method, r.path, err)
	}

	return resp.Header, nil
}

// Sleep waits for a time, or until the context ends.
func Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
