// Package outbound is the one HTTP client that talks to providers. It treats
// every address as hostile, sends a write at most once, follows no redirect,
// bounds every answer and says of each failure what is known about it.
package outbound

import (
	"bytes"
	"context"
	"crypto/x509"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"example.com/integrations/shared/connector/failure"
)

// Defaults of a Config.
const (
	DefaultTimeout = 15 * time.Second
	DefaultMaxBody = 4 << 20
)

// Config is how a Client connects, and to whom. The zero value of a member is
// its default.
type Config struct {
	// Hosts are the only hosts (or host:port) that may be asked.
	Hosts []string
	// AnyPublicHost admits every host instead: the address connected to decides.
	AnyPublicHost bool
	// Secrets are values that no error may show, in whatever encoding.
	Secrets []string

	AllowDial []Allow                   // addresses an operator admits though they are not public
	Overrides map[string]netip.AddrPort // where exact host names are really found
	RootCAs   *x509.CertPool            // nil: the system's
	Timeout   time.Duration             // the longest a call may last, from dial to the last byte
	UserAgent string
	Now       func() time.Time
	// Lookup resolves a host name; nil: the system's resolver.
	Lookup func(ctx context.Context, host string) ([]netip.Addr, error)
	// Phases bound the parts of a call.
	Phases Phases
}

// Phases are the longest that the parts of a call may last. The zero value of a
// member is its default: five seconds for Dial and TLS, Config.Timeout for Header.
type Phases struct {
	Dial   time.Duration // until the connection is there, the DNS included
	TLS    time.Duration // the handshake
	Header time.Duration // from the request to the header of the answer
}

// A Client asks the hosts it is pinned to. Clients made from one another with
// For share their connections.
type Client struct {
	*network
	hosts    []string
	any      bool
	redactor *redactor
	clocks   clocks
}

// New makes a client with connections of its own.
func New(cfg Config) *Client {
	c := &Client{network: newNetwork(cfg)}
	return c.pinned(cfg.Hosts, cfg.AnyPublicHost, cfg.Secrets)
}

// For is a client for other hosts and secrets that shares c's connections and
// settings. Dials are checked by address whatever the pins say, so sharing
// opens nothing.
func (c *Client) For(hosts []string, anyPublicHost bool, secrets []string) *Client {
	return c.pinned(hosts, anyPublicHost, secrets)
}

func (c *Client) pinned(hosts []string, anyPublicHost bool, secrets []string) *Client {
	pins := make([]string, len(hosts))
	for i, host := range hosts {
		pins[i] = strings.TrimSuffix(strings.ToLower(host), ":443")
	}
	return &Client{network: c.network, hosts: pins, any: anyPublicHost, redactor: newRedactor(secrets)}
}

// Timeout is the longest a call may last.
func (c *Client) Timeout() time.Duration { return c.timeout }

// CloseIdle closes the connections that no call is using.
func (c *Client) CloseIdle() { c.transport.CloseIdleConnections() }

// A Request is one call. Its body is sent at most once.
type Request struct {
	Method  string
	URL     string
	Header  http.Header
	Body    []byte
	MaxBody int64 // of the answer; 0: DefaultMaxBody
	// Stream, if set, reads the body of an answer 200 while it arrives, so that
	// it need not be held. Response.Body is its beginning then, StreamBeginning
	// bytes at most, for a caller who has to say what else it is. Other answers are
	// read as usual.
	Stream func(body io.Reader) error
}

// A Response is an answer whose body was read whole, except that of a refusal
// (status 300 and over) too large or broken, which is cut.
type Response struct {
	Status    int
	Reason    string // the text of the status line, which some providers say why with
	Header    http.Header
	Body      []byte
	Truncated bool
	// StreamError is what Request.Stream returned. It is no error of Do: only the
	// caller can say what it means.
	StreamError error
}

// Success reports whether the status is one of success. That alone proves
// nothing: something before the provider may have answered.
func (r Response) Success() bool { return r.Status >= 200 && r.Status < 300 }

// Do makes one attempt. A redirect is an answer like any other. Every error is
// a *failure.Error; a status is none, whatever it says.
func (c *Client) Do(ctx context.Context, r Request) (Response, error) {
	u, err := c.target(r.URL)
	if err != nil {
		return Response{}, c.fail(failure.Final, failure.IntegrationScope, "address_refused", err.Error(), 0)
	}

	if err := c.startable(ctx); err != nil {
		return Response{}, err
	}

	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	c.closeStale()
	var sent sentinel
	req, err := c.request(httptrace.WithClientTrace(ctx, sent.trace()), r, u)
	if err != nil {
		return Response{}, c.fail(failure.Final, failure.ItemScope, "request_invalid", "the request could not be put together", 0)
	}

	// The transport is called directly: an http.Client would follow redirects
	// and wrap errors around the whole URL.
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		return Response{}, c.unanswered(r.Method, u.Hostname(), sent.written(), err)
	}

	defer func() { _ = resp.Body.Close() }()
	c.compare(resp.Header)

	return c.read(r, resp)
}

// startable refuses a call that could outlast the context's deadline, by wall
// clock: the caller may hold a lease only until then.
func (c *Client) startable(ctx context.Context) error {
	if ctx.Err() != nil {
		return c.fail(failure.NotSent, failure.IntegrationScope, "cancelled", "the call was cancelled before it began", 0)
	}

	deadline, ok := ctx.Deadline()
	if ok && deadline.Round(0).Sub(c.now().Round(0)) < c.timeout {
		return c.fail(failure.NotSent, failure.IntegrationScope, "no_time_left", "too little time is left for the call to end in time", 0)
	}

	return nil
}

func (c *Client) request(ctx context.Context, r Request, u *url.URL) (*http.Request, error) {
	var body io.Reader
	if len(r.Body) > 0 {
		body = bytes.NewReader(r.Body)
	}

	req, err := http.NewRequestWithContext(ctx, r.Method, u.String(), body)
	if err != nil {
		return nil, err
	}

	// Without GetBody the transport cannot send a body a second time by itself.
	req.GetBody = nil
	if r.Header != nil {
		req.Header = r.Header.Clone()
	}

	if req.Header.Get("User-Agent") == "" { // some providers want one of a form of their own
		req.Header.Set("User-Agent", c.userAgent)
	}

	req.Header.Set("Accept-Encoding", "identity")

	return req, nil
}

// A sentinel sees whether anything of a request was handed to a socket.
type sentinel struct{ conn atomic.Pointer[conn] }

func (s *sentinel) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		got, ok := info.Conn.(*conn)
		if !ok {
			return
		}

		// The transport moves a request to a second connection only if nothing
		// was written on the first, or if it is a read.
		got.wrote.Store(false)
		s.conn.Store(got)
	}}
}

// written is asked after RoundTrip: the connection of a failed call is closed
// by then, so nothing can be written later.
func (s *sentinel) written() bool {
	got := s.conn.Load()
	return got != nil && got.wrote.Load()
}

func isRead(method string) bool {
	return slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodOptions}, method)
}
