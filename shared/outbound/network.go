package outbound

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

// maxIdle is how long a connection may have been idle, by the system clock, to be
// used again. A frozen process does not see its timers pass, its peer does.
const maxIdle = 20 * time.Second

// A network sends requests over connections that it keeps.
type network struct {
	transport   *http.Transport
	connections *connections
	timeout     time.Duration
	userAgent   string
	now         func() time.Time
}

func newNetwork(cfg Config) *network {
	n := &network{now: cfg.Now, userAgent: cfg.UserAgent, timeout: orDefault(cfg.Timeout, DefaultTimeout)}
	if n.now == nil {
		n.now = time.Now
	}
	if n.userAgent == "" {
		n.userAgent = "integrations"
	}

	n.connections = &connections{now: n.now, open: map[*conn]struct{}{}}
	n.transport = &http.Transport{
		Proxy:          nil, // a proxy would dial without our checks
		DialTLSContext: newDialer(cfg, n.connections).dialTLS,
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
		ResponseHeaderTimeout:  orDefault(cfg.Phases.Header, n.timeout),
		MaxResponseHeaderBytes: 64 << 10,
	}

	return n
}

// closeStale closes the idle connections as soon as one of them is too old.
func (n *network) closeStale() {
	if n.connections.stale() {
		n.transport.CloseIdleConnections()
	}
}

func orDefault(d, fallback time.Duration) time.Duration {
	if d <= 0 {
		return fallback
	}
	return d
}
