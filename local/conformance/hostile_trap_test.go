package conformance

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync"
	"testing"
	"time"

	"example.com/integrations/shared/outbound"
)

// The two public addresses at which a provider answers. A connection to any other
// address or port is an error.
var (
	public4 = netip.MustParseAddrPort("1.1.1.1:443")
	public6 = netip.MustParseAddrPort("[2606:4700:4700::64]:443")
)

// generous is far longer than any connection takes on a slow machine: a test waits so
// long only when it fails.
const generous = 2 * time.Minute

// ports are those that addresses of the table name, and some that a server on
// the inside has.
var ports = []int{22, 53, 80, 443, 2375, 5432, 6379, 8080, 8443, 9001, 10250}

// A trap accepts every connection that arrives, and records its address.
type trap struct {
	names    *dns
	roots    *x509.CertPool
	provider chan net.Conn // connections to the public addresses
	answer   http.HandlerFunc

	mu     sync.Mutex
	caught []netip.AddrPort
	public int
}

func set(t *testing.T) *trap {
	t.Helper()
	h := &trap{provider: make(chan net.Conn), names: &dns{asked: map[string]int{}, answers: map[string][][]netip.Addr{
		"example.com": {{public4.Addr(), public6.Addr()}},
	}}}
	for _, l := range leadings() {
		h.names.answers[l.name] = l.answers
	}

	net.DefaultResolver = h.names.resolver()
	for _, port := range ports {
		l, err := net.Listen("tcp", fmt.Sprintf("[::]:%d", port))
		if err != nil {
			t.Fatal(err)
		}

		t.Cleanup(func() { _ = l.Close() })
		go h.accept(l)
	}

	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.answer(w, r) }))
	_ = s.Listener.Close()
	s.Listener = h
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	h.roots = x509.NewCertPool()
	h.roots.AddCert(s.Certificate())

	return h
}

func (h *trap) accept(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}

		to := c.LocalAddr().(*net.TCPAddr).AddrPort()
		to = netip.AddrPortFrom(to.Addr().Unmap(), to.Port())
		h.mu.Lock()
		if to == public4 || to == public6 {
			h.public++
			h.mu.Unlock()
			h.provider <- c
			continue
		}

		h.caught = append(h.caught, to)
		h.mu.Unlock()
		_ = c.Close()
	}
}

// A trap is the listener of the provider's server.
func (h *trap) Accept() (net.Conn, error) { return <-h.provider, nil }
func (h *trap) Close() error              { return nil }
func (h *trap) Addr() net.Addr            { return net.TCPAddrFromAddrPort(public4) }

// take gives the connections there were since it was last asked.
func (h *trap) take() (caught []netip.AddrPort, public int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	caught = h.caught
	public = h.public
	h.caught = nil
	h.public = 0
	return caught, public
}

// client is made as in the functions, except for the certificates that it trusts.
func (h *trap) client(t *testing.T, allow string) *outbound.Client {
	t.Helper()
	list, err := outbound.ParseAllowDial(allow)
	if err != nil {
		t.Fatal(err)
	}

	c := outbound.New(outbound.Config{RootCAs: h.roots, AllowDial: list, Timeout: generous})
	t.Cleanup(c.CloseIdle)

	return c
}

// arrives reports whether a connection to an address arrives without our checks.
func (h *trap) arrives(ctx context.Context, host, port string) bool {
	h.take()
	ctx, cancel := context.WithTimeout(ctx, generous)
	defer cancel()
	var d net.Dialer
	c, err := d.DialContext(ctx, "tcp", net.JoinHostPort(host, port))
	if err != nil {
		return false
	}

	defer func() { _ = c.Close() }()
	// The connection is there; it is counted as soon as it is taken.
	for ctx.Err() == nil {
		if caught, public := h.take(); len(caught)+public > 0 {
			return true
		}
		time.Sleep(time.Millisecond)
	}

	return false
}
