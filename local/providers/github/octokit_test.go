package github

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"example.com/integrations/local/aws/secrets"
	"example.com/integrations/local/recording"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/outbound"
)

// gitHubHost is where the recorded exchanges took place.
const gitHubHost = "api.github.com"

// octokit reads the exchanges with github.com that npm @octokit/fixtures holds, as
// they were recorded, by scenario. Only the tokens in them are replaced
// (https://github.com/octokit/fixtures/blob/main/HOW_IT_WORKS.md).
func octokit(t *testing.T) map[string][]recording.Exchange {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "..", "node_modules", "@octokit", "fixtures", "scenarios", gitHubHost, "*", "raw-fixture.json"))
	if err != nil {
		t.Fatal(err)
	}

	if len(files) == 0 {
		t.Skip("the recorded traffic of github.com is absent: npm ci installs @octokit/fixtures")
	}

	scenarios := map[string][]recording.Exchange{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}

		name := filepath.Base(filepath.Dir(file))
		scenarios[name], err = parseOctokit(name, text)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
	}

	return scenarios
}

// parseOctokit reads the exchanges of one scenario.
func parseOctokit(scenario string, text []byte) ([]recording.Exchange, error) {
	var all []struct {
		Method     string
		Path       string
		Body       json.RawMessage
		Status     int
		Response   json.RawMessage
		RawHeaders []string       // name, value, name, value
		ReqHeaders map[string]any // numbers too
	}
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}

	var exchanges []recording.Exchange
	for i, one := range all {
		e := recording.Exchange{
			Case:     scenario + " " + strconv.Itoa(i),
			Request:  recording.Request{Method: strings.ToUpper(one.Method), Path: one.Path, Body: recording.Body(one.Body)},
			Response: recording.Response{Status: one.Status, Header: map[string]string{}, Body: recording.Body(one.Response)},
			Seq:      i + 1,
		}
		if token, ok := one.ReqHeaders["authorization"].(string); ok {
			e.Request.Header = map[string]*string{"Authorization": &token}
		}

		for at := 0; at+1 < len(one.RawHeaders); at += 2 {
			e.Response.Header[http.CanonicalHeaderKey(one.RawHeaders[at])] = one.RawHeaders[at+1]
		}

		exchanges = append(exchanges, e)
	}

	return exchanges, nil
}

// An identity is a certificate for github.com's API, and who issued it.
type identity struct {
	certificate tls.Certificate
	roots       *x509.CertPool
}

// gitHub is made once for all tests.
var gitHub = sync.OnceValue(func() identity {
	dir, err := os.MkdirTemp("", "devca")
	if err != nil {
		panic(err)
	}

	defer os.RemoveAll(dir)

	ca, err := secrets.OpenCA(dir)
	if err != nil {
		panic(err)
	}

	certificate, err := ca.Certificate(gitHubHost)
	if err != nil {
		panic(err)
	}

	issuer, err := os.ReadFile(ca.CertFile())
	if err != nil {
		panic(err)
	}

	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(issuer)

	return identity{certificate, roots}
})

// serveGitHub serves as api.github.com until the test ends. It gives a plain
// client, which follows no redirect, and the product's.
func serveGitHub(t *testing.T, handler http.Handler) (*http.Client, *outbound.Client) {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{gitHub().certificate}}
	server.StartTLS()

	at := server.Listener.Addr().String()
	plain := &http.Client{
		Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: gitHub().roots},
			DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
				return new(net.Dialer).DialContext(ctx, network, at)
			},
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}

	client := outbound.New(outbound.Config{
		Hosts: []string{gitHubHost}, RootCAs: gitHub().roots, Overrides: map[string]netip.AddrPort{gitHubHost: netip.MustParseAddrPort(at)},
		Timeout: connectortest.Limit,
	})
	t.Cleanup(func() { client.CloseIdle(); plain.CloseIdleConnections(); server.Close() })

	return plain, client
}
