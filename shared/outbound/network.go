package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"example.com/integrations/shared/configuration/address"
)

// maxIdle is how long a connection may have been idle, by wall clock, to be
// used again. A frozen process does not see its timers pass, its peer does.
const maxIdle = 20 * time.Second

// A network dials, checks and keeps connections.
type network struct {
	transport *http.Transport
	dialer    *net.Dialer // checks the address connected to
	plain     *net.Dialer // for overrides, which only an operator sets
	tls       *tls.Config
	allow     []Allow
	overrides map[string]netip.AddrPort
	lookup    func(ctx context.Context, host string) ([]netip.Addr, error)
	tlsLimit  time.Duration
	timeout   time.Duration
	userAgent string
	now       func() time.Time

	mu    sync.Mutex
	conns map[*conn]struct{}
}

func newNetwork(cfg Config) *network {
	n := &network{
		allow: cfg.AllowDial, overrides: cfg.Overrides, lookup: cfg.Lookup, now: cfg.Now, userAgent: cfg.UserAgent,
		timeout:  orDefault(cfg.Timeout, DefaultTimeout),
		tlsLimit: orDefault(cfg.TLSTimeout, 5*time.Second),
		conns:    map[*conn]struct{}{},
		tls: &tls.Config{
			RootCAs: cfg.RootCAs, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
			ClientSessionCache: tls.NewLRUClientSessionCache(32),
		},
	}
	if n.now == nil {
		n.now = time.Now
	}

	if n.userAgent == "" {
		n.userAgent = "integrations"
	}

	limit := orDefault(cfg.DialTimeout, 5*time.Second)
	n.plain = &net.Dialer{Timeout: limit}
	n.dialer = &net.Dialer{Timeout: limit, Control: n.check}
	n.transport = &http.Transport{
		Proxy:          nil, // a proxy would dial in our place, unchecked
		DialTLSContext: n.dialTLS,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, &phaseError{what: "is not https"}
		},
		// HTTP/1.1 alone: one request at a time on a connection, so whether a
		// byte of it was written is known.
		TLSNextProto:           map[string]func(string, *tls.Conn) http.RoundTripper{},
		DisableCompression:     true, // a small answer must not unpack into a large one
		MaxIdleConns:           16,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        maxIdle,
		ResponseHeaderTimeout:  orDefault(cfg.HeaderTimeout, n.timeout),
		MaxResponseHeaderBytes: 64 << 10,
	}

	return n
}

func orDefault(d, fallback time.Duration) time.Duration {
	if d <= 0 {
		return fallback
	}
	return d
}

// A phaseError says in which phase before the request a call ended.
type phaseError struct {
	what    string // continues a sentence that begins with the host
	refused bool   // by the address check
	cause   error
}

func (e *phaseError) Error() string { return e.what }
func (e *phaseError) Unwrap() error { return e.cause }

var errRefused = errors.New("address refused")

// check runs on the address a socket is about to connect to, after every name
// was resolved: a name that changes its mind gains nothing.
func (n *network) check(network, addr string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(addr)
	if err != nil || (network != "tcp4" && network != "tcp6") {
		return errRefused
	}
	if to.Port() == 443 && !address.Internal(to.Addr()) {
		return nil
	}

	for _, a := range n.allow {
		if a.covers(to) {
			return nil
		}
	}

	return errRefused
}

func (n *network) dialTLS(ctx context.Context, _, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, &phaseError{what: "is no address", cause: err}
	}

	raw, err := n.dial(ctx, strings.ToLower(host), port)
	if err != nil {
		return nil, dialError(err)
	}

	cfg := n.tls.Clone()
	cfg.ServerName = host // the real one, wherever the connection leads
	secure := tls.Client(raw, cfg)
	ctx, cancel := context.WithTimeout(ctx, n.tlsLimit)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, tlsError(err)
	}

	return n.keep(secure), nil
}

func (n *network) dial(ctx context.Context, host, port string) (net.Conn, error) {
	if to, ok := n.overrides[host]; ok {
		return n.plain.DialContext(ctx, "tcp", to.String())
	}

	if n.lookup == nil {
		return n.dialer.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	}

	if _, err := netip.ParseAddr(host); err == nil {
		return n.dialer.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	}

	ips, err := n.lookup(ctx, host)
	if err != nil || len(ips) == 0 {
		return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
	}

	var c net.Conn
	for _, ip := range ips {
		if ip.Is4In6() {
			return nil, errRefused
		}

		if c, err = n.dialer.DialContext(ctx, "tcp", net.JoinHostPort(ip.String(), port)); err == nil {
			break
		}
	}

	return c, err
}

func dialError(err error) error {
	var dns *net.DNSError
	switch {
	case errors.Is(err, errRefused):
		return &phaseError{what: "leads to an address or port that is not allowed", refused: true, cause: err}
	case errors.As(err, &dns):
		return &phaseError{what: "has no address in the DNS, or the DNS did not answer", cause: err}
	}

	return &phaseError{what: "did not take the connection", cause: err}
}

func tlsError(err error) error {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	what := "did not complete the TLS handshake"
	switch {
	case errors.As(err, &unknown):
		what = "has a certificate from an unknown authority"
	case errors.As(err, &name):
		what = "has a certificate for another name"
	case errors.As(err, &invalid):
		what = "has a certificate that is expired or not valid"
	}

	return &phaseError{what: what, cause: err}
}

// A conn knows whether a request was written on it and when it was last used.
type conn struct {
	net.Conn
	network *network
	wrote   atomic.Bool
	used    atomic.Int64 // wall clock, nanoseconds
}

func (n *network) keep(c net.Conn) *conn {
	kept := &conn{Conn: c, network: n}
	kept.touch()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.conns[kept] = struct{}{}
	return kept
}

func (c *conn) touch() { c.used.Store(c.network.now().UnixNano()) }

func (c *conn) Write(b []byte) (int, error) {
	c.wrote.Store(true)
	defer c.touch()
	return c.Conn.Write(b)
}

func (c *conn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.touch()
	}
	return n, err
}

func (c *conn) Close() error {
	c.network.mu.Lock()
	delete(c.network.conns, c)
	c.network.mu.Unlock()
	return c.Conn.Close()
}

// closeStale closes the idle connections as soon as one of them is too old.
func (n *network) closeStale() {
	oldest := n.now().Add(-maxIdle).UnixNano()
	stale := false
	n.mu.Lock()
	for c := range n.conns {
		stale = stale || c.used.Load() < oldest
	}

	n.mu.Unlock()
	if stale {
		n.transport.CloseIdleConnections()
	}
}
