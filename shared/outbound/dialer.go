package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"time"

	"example.com/integrations/shared/configuration/address"
)

// A dialer makes connections, and only to addresses that are allowed.
type dialer struct {
	connections *connections
	checked     *net.Dialer // checks the address that it connects to
	plain       *net.Dialer // for overrides, which only an operator sets
	tls         *tls.Config
	tlsLimit    time.Duration
	allow       []Allow
	overrides   map[string]netip.AddrPort
	lookup      func(ctx context.Context, host string) ([]netip.Addr, error)
}

func newDialer(cfg Config, connections *connections) *dialer {
	d := &dialer{
		connections: connections,
		tls: &tls.Config{
			RootCAs: cfg.RootCAs, MinVersion: tls.VersionTLS12, NextProtos: []string{"http/1.1"},
			ClientSessionCache: tls.NewLRUClientSessionCache(32),
		},
		tlsLimit:  orDefault(cfg.Phases.TLS, 5*time.Second),
		allow:     cfg.AllowDial,
		overrides: cfg.Overrides,
		lookup:    cfg.Lookup,
	}

	limit := orDefault(cfg.Phases.Dial, 5*time.Second)
	d.plain = &net.Dialer{Timeout: limit}
	d.checked = &net.Dialer{Timeout: limit, Control: d.check}

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
func (d *dialer) check(network, addr string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(addr)
	if err != nil || (network != "tcp4" && network != "tcp6") {
		return errRefused
	}
	if to.Port() == 443 && !address.Internal(to.Addr()) {
		return nil
	}

	for _, a := range d.allow {
		if a.covers(to) {
			return nil
		}
	}

	return errRefused
}

func (d *dialer) dialTLS(ctx context.Context, _, addr string) (net.Conn, error) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, &phaseError{what: "is no address", cause: err}
	}

	raw, err := d.dial(ctx, strings.ToLower(host), port)
	if err != nil {
		return nil, dialError(err)
	}

	cfg := d.tls.Clone()
	cfg.ServerName = host // the real one, wherever the connection leads
	secure := tls.Client(raw, cfg)
	ctx, cancel := context.WithTimeout(ctx, d.tlsLimit)
	defer cancel()
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, tlsError(err)
	}

	return d.connections.keep(secure), nil
}

func (d *dialer) dial(ctx context.Context, host, port string) (net.Conn, error) {
	if to, ok := d.overrides[host]; ok {
		return d.plain.DialContext(ctx, "tcp", to.String())
	}

	if d.lookup == nil {
		return d.checked.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	}

	if _, err := netip.ParseAddr(host); err == nil {
		return d.checked.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	}

	ips, err := d.lookup(ctx, host)
	if err != nil || len(ips) == 0 {
		return nil, &net.DNSError{Err: "no such host", IsNotFound: true}
	}

	var c net.Conn
	for _, ip := range ips {
		if ip.Is4In6() {
			return nil, errRefused
		}

		if c, err = d.checked.DialContext(ctx, "tcp", net.JoinHostPort(ip.String(), port)); err == nil {
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
