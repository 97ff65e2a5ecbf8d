// Package connectortest is what the tests of all connectors need: a server in place
// of the provider, a key of markers without a KMS, and checks of what went wrong.
package connectortest

import (
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/outbound"
)

// Host is the server's name, one of those in httptest's certificate.
const Host = "example.com"

// Limit is the longest that a call may last. No call comes near it on a slow
// machine: a test waits that long only when it fails.
const Limit = 2 * time.Minute

// Serve serves over TLS until the test ends, and returns a client that is led
// there for Host and shows no secret.
func Serve(t testing.TB, handler http.Handler, secrets ...string) *outbound.Client {
	t.Helper()

	return ServeAt(t, []string{Host}, handler, secrets...)
}

// ServeAt is Serve at several names, each of them Host or below it.
func ServeAt(t testing.TB, hosts []string, handler http.Handler, secrets ...string) *outbound.Client {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	overrides := map[string]netip.AddrPort{}
	for _, host := range hosts {
		overrides[host] = netip.MustParseAddrPort(s.Listener.Addr().String())
	}

	client := outbound.New(outbound.Config{
		Hosts: hosts, Secrets: secrets, RootCAs: roots, Timeout: Limit, Phases: outbound.Phases{Dial: Limit, TLS: Limit}, Overrides: overrides,
	})
	t.Cleanup(func() { client.CloseIdle(); s.CloseClientConnections(); s.Close() })

	return client
}

// Failure is what a connector's call failed with: a *connector.Error in which
// no secret stands.
func Failure(t testing.TB, err error, secrets ...string) *failure.Error {
	t.Helper()
	var e *failure.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %T %v, want *connector.Error", err, err)
	}

	for _, secret := range secrets {
		if strings.Contains(e.Error(), secret) {
			t.Fatalf("a secret is in %q", e.Error())
		}
	}

	return e
}

// GiveUp makes a call and cancels its context when the request has arrived at a
// server that does not answer. It returns the context and what the call failed
// with. A call that waits for the answer all the same fails the test.
func GiveUp(t testing.TB, arrived <-chan struct{}, call func(context.Context) error) (over context.Context, err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- call(ctx) }()

	<-arrived
	cancel()

	select {
	case err := <-ended:
		return ctx, err
	case <-time.After(Limit / 4):
		t.Fatal("a call that was given up goes on")
		return nil, nil
	}
}
