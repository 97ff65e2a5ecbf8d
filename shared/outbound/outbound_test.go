package outbound

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.com/integrations/shared/connector/failure"
)

// example.com is a name of httptest's certificate.
const host = "example.com"

// server starts a TLS server and gives a configuration that finds it under
// host.
func server(t *testing.T, handler http.HandlerFunc) (*httptest.Server, Config) {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if handler != nil {
			handler(w, r)
		}
	}))

	s.Config.ErrorLog = discard
	s.StartTLS()
	t.Cleanup(s.Close)

	return s, configFor(s)
}

func configFor(s *httptest.Server) Config {
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	to := netip.MustParseAddrPort(s.Listener.Addr().String())
	return Config{Hosts: []string{host}, Overrides: map[string]netip.AddrPort{host: to}, RootCAs: roots}
}

func newClient(t *testing.T, cfg Config) *Client {
	t.Helper()
	c := New(cfg)
	t.Cleanup(c.CloseIdle)
	return c
}

func failureOf(t *testing.T, err error) *failure.Error {
	t.Helper()
	var e *failure.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %T %v, want *connector.Error", err, err)
	}
	return e
}

func get(u string) Request { return Request{Method: "GET", URL: u} }
func post(u string) Request {
	return Request{Method: "POST", URL: u, Body: []byte(`{"a":1}`), Header: http.Header{"Content-Type": {"application/json"}}}
}

func TestDo(t *testing.T) {
	_, cfg := server(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Saw", fmt.Sprint(r.Method, " ", r.Host, " ", r.UserAgent(), " ", r.Header.Get("X-A"), " ", r.Header.Get("Accept-Encoding"), " ", string(b)))
		w.WriteHeader(201)
		_, _ = w.Write([]byte("ok"))
	})

	cfg.UserAgent = "agent"
	r := post("https://Example.com:443/x")
	r.Header.Set("X-A", "b")
	answer, err := newClient(t, cfg).Do(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}

	want := `POST example.com agent b identity {"a":1}`
	if answer.Status != 201 || string(answer.Body) != "ok" || answer.Header.Get("X-Saw") != want {
		t.Fatalf("got %d %q %q", answer.Status, answer.Body, answer.Header.Get("X-Saw"))
	}

	if r.Header.Get("User-Agent") != "" {
		t.Fatal("the caller's header was changed")
	}

	r.Header.Set("User-Agent", "DiscordBot (x, 1)")
	answer, err = newClient(t, cfg).Do(t.Context(), r)
	if err != nil || !strings.Contains(answer.Header.Get("X-Saw"), " DiscordBot (x, 1) b") {
		t.Fatalf("%q %v", answer.Header.Get("X-Saw"), err)
	}
}

func TestRedirectsAreAnswers(t *testing.T) {
	var asked atomic.Int32
	_, cfg := server(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Header().Set("Location", r.URL.Query().Get("to"))
		var status int
		_, _ = fmt.Sscan(r.URL.Query().Get("status"), &status)
		w.WriteHeader(status)
	})

	c := newClient(t, cfg)
	for _, method := range []string{"GET", "POST", "PATCH", "PUT", "DELETE"} {
		for _, status := range []int{301, 302, 303, 307, 308} {
			for to, same := range map[string]bool{
				"/next": true, "https://example.com/next": true, "https://EXAMPLE.com:443/next": true,
				"http://example.com/next": false, "https://example.com:444/next": false, "https://example.org/next": false,
				"//example.org/next": false, "https://a@example.com/next": false, "https://example.com.evil.org/": false,
				`/\evil.org`: false, "": false, "javascript:1": false,
			} {
				asked.Store(0)
				r := Request{Method: method, URL: fmt.Sprintf("https://example.com/?status=%d&to=%s", status, strings.NewReplacer("\\", "%5C").Replace(to))}
				answer, err := c.Do(t.Context(), r)
				if err != nil || answer.Status != status || asked.Load() != 1 {
					t.Fatalf("%s %d: %v %d, asked %d times", method, status, err, answer.Status, asked.Load())
				}

				_, ok := Redirect(r, answer)
				if want := same && method == "GET" && status != 303; ok != want {
					t.Errorf("%s %d to %q: follow is %v", method, status, to, ok)
				}
			}
		}
	}
}

// bodies answers with bodies that nobody should take whole, and counts what it
// got rid of. With ?refuse the status is that of a refusal.
func bodies(served *atomic.Int64) http.HandlerFunc {
	var bomb bytes.Buffer
	z := gzip.NewWriter(&bomb)
	_, _ = z.Write(make([]byte, 8<<20))
	_ = z.Close()

	return func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("refuse") {
			w.Header().Set("X-Refused", "1")
		}

		status := 200
		if r.URL.Query().Has("refuse") {
			status = 422
		}

		switch r.URL.Path {
		case "/large", "/endless":
			w.WriteHeader(status)
			b := make([]byte, 64<<10)
			for i := 0; r.URL.Path == "/endless" || i < 20; i++ {
				n, err := w.Write(b)
				served.Add(int64(n))
				if err != nil {
					return
				}
			}

		case "/cut":
			w.Header().Set("Content-Length", "100")
			w.WriteHeader(status)
			_, _ = w.Write([]byte("half"))
		case "/bomb":
			w.Header().Set("Content-Encoding", "gzip")
			w.WriteHeader(status)
			_, _ = w.Write(bomb.Bytes())
		}
	}
}

func TestBodies(t *testing.T) {
	var served atomic.Int64
	_, cfg := server(t, bodies(&served))
	c := newClient(t, cfg)
	for _, tt := range []struct {
		method, path, code string
		class              failure.Class
	}{
		{"GET", "/large", "answer_too_large", failure.Final},
		{"POST", "/large", "answer_too_large", failure.Ambiguous},
		{"GET", "/endless", "answer_too_large", failure.Final},
		{"PATCH", "/endless", "answer_too_large", failure.Ambiguous},
		{"GET", "/cut", "answer_cut", failure.Retryable},
		{"POST", "/cut", "answer_cut", failure.Ambiguous},
		{"GET", "/bomb", "answer_unreadable", failure.Final},
		{"POST", "/bomb", "answer_unreadable", failure.Ambiguous},
	} {
		r := Request{Method: tt.method, URL: "https://example.com" + tt.path, MaxBody: 1 << 18, Body: []byte("x")}
		_, err := c.Do(t.Context(), r)
		if e := failureOf(t, err); e.Class != tt.class || e.Code != tt.code || e.Status != 200 {
			t.Errorf("%s %s: %v %v", tt.method, tt.path, e.Class, e)
		}

		r.URL += "?refuse"
		answer, err := c.Do(t.Context(), r)
		if err != nil || answer.Status != 422 || !answer.Truncated || len(answer.Body) > 1<<18 {
			t.Errorf("%s %s refused: %v %d %v", tt.method, tt.path, err, answer.Status, answer.Truncated)
		}
	}

	// Eight answers without an end or too large: what was taken of them is bounded.
	if served.Load() > 8*16<<20 {
		t.Errorf("the server got rid of %d bytes", served.Load())
	}

	if answer, err := c.Do(t.Context(), get("https://example.com/large")); err != nil || len(answer.Body) != 20*64<<10 {
		t.Errorf("a large body within the default limit: %v", err)
	}
}

func TestNotSent(t *testing.T) {
	s, cfg := server(t, func(http.ResponseWriter, *http.Request) { t.Error("asked") })
	closed := httptest.NewServer(nil)
	refusing := netip.MustParseAddrPort(closed.Listener.Addr().String())
	closed.Close()
	deaf, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	defer func() { _ = deaf.Close() }()
	to := netip.MustParseAddrPort(s.Listener.Addr().String())
	for name, tt := range map[string]struct {
		change func(*Config)
		url    string
		want   string
	}{
		"no such host": {func(c *Config) {
			c.Overrides = nil
			c.Lookup = func(context.Context, string) ([]netip.Addr, error) { return nil, errors.New("x") }
		}, "https://example.com/", "DNS"},
		"connection refused": {func(c *Config) { c.Overrides = map[string]netip.AddrPort{host: refusing} }, "https://example.com/", "did not take the connection"},
		"unknown authority":  {func(c *Config) { c.RootCAs = x509.NewCertPool() }, "https://example.com/", "unknown authority"},
		"other name": {func(c *Config) {
			c.Hosts = []string{"other.test"}
			c.Overrides = map[string]netip.AddrPort{"other.test": to}
		}, "https://other.test/", "another name"},
		"no handshake": {func(c *Config) {
			c.Phases.TLS = 50 * time.Millisecond
			c.Overrides = map[string]netip.AddrPort{host: netip.MustParseAddrPort(deaf.Addr().String())}
		}, "https://example.com/", "TLS handshake"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := cfg
			tt.change(&cfg)
			_, err := newClient(t, cfg).Do(t.Context(), post(tt.url))
			e := failureOf(t, err)
			if e.Class != failure.NotSent || e.Code != "unreachable" || e.Scope != failure.IntegrationScope || !strings.Contains(e.Detail, tt.want) {
				t.Errorf("%v %v", e.Class, e)
			}

			if strings.Contains(e.Error(), "127.0.0.1") {
				t.Errorf("names an address: %v", e)
			}
		})
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("asked") }))
	s.TLS = &tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	s.Config.ErrorLog = discard
	s.StartTLS()
	defer s.Close()
	_, err := newClient(t, configFor(s)).Do(t.Context(), get("https://example.com/"))
	if e := failureOf(t, err); e.Class != failure.NotSent {
		t.Error(e)
	}
}

func TestDeadlines(t *testing.T) {
	var asked atomic.Int32
	_, cfg := server(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	cfg.Timeout = time.Minute
	c := newClient(t, cfg)
	for left, want := range map[time.Duration]string{59 * time.Second: "no_time_left", 0: "no_time_left", time.Hour: ""} {
		ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(left))
		_, err := c.Do(ctx, post("https://example.com/"))
		cancel()
		if want == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}

		if e := failureOf(t, err); e.Class != failure.NotSent || (e.Code != want && e.Code != "cancelled") {
			t.Errorf("%v left: %v %v", left, e.Class, e)
		}
	}

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Do(ctx, post("https://example.com/"))
	if e := failureOf(t, err); e.Class != failure.NotSent || e.Code != "cancelled" {
		t.Error(e)
	}

	if asked.Load() != 1 {
		t.Errorf("asked %d times, want 1", asked.Load())
	}
}

func TestIdleConnectionsAgeByWallClock(t *testing.T) {
	var accepted atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			accepted.Add(1)
		}
	}

	s.StartTLS()
	defer s.Close()
	cfg := configFor(s)
	var skipped atomic.Int64
	began := time.Now()
	cfg.Now = func() time.Time { return began.Add(time.Duration(skipped.Load())) }
	c := newClient(t, cfg)
	ask := func(want int32) {
		t.Helper()
		if _, err := c.Do(t.Context(), get("https://example.com/")); err != nil {
			t.Fatal(err)
		}

		if got := accepted.Load(); got != want {
			t.Fatalf("%d connections, want %d", got, want)
		}
	}

	ask(1)
	ask(1)
	skipped.Add(int64(19 * time.Second))
	ask(1)
	skipped.Add(int64(21 * time.Second)) // the process was frozen
	ask(2)
	ask(2)
}

func TestProxyIsIgnored(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the proxy was asked") }))
	defer proxy.Close()
	for _, name := range []string{"HTTPS_PROXY", "https_proxy", "ALL_PROXY"} {
		t.Setenv(name, proxy.URL)
	}

	_, cfg := server(t, func(http.ResponseWriter, *http.Request) {})
	c := newClient(t, cfg)
	if c.transport.Proxy != nil {
		t.Error("a proxy is set") // the environment is read once a process, so ask the transport
	}

	if _, err := c.Do(t.Context(), get("https://example.com/")); err != nil {
		t.Error(err)
	}
}

func TestForSharesConnectionsNotPins(t *testing.T) {
	_, cfg := server(t, func(http.ResponseWriter, *http.Request) {})
	c := newClient(t, cfg)
	other := c.For([]string{"other.test"}, false, []string{"hush-hush"})
	if other.transport != c.transport {
		t.Error("transport is not shared")
	}

	_, err := other.Do(t.Context(), get("https://example.com/"))
	if e := failureOf(t, err); e.Code != "address_refused" {
		t.Error(e)
	}

	if other.Clean("a hush-hush b") != "a [redacted] b" || c.Clean("hush-hush") != "hush-hush" {
		t.Error("secrets are mixed up")
	}
}

func TestClassify(t *testing.T) {
	wait := http.Header{"Retry-After": {"1"}}
	for _, tt := range []struct {
		status      int
		header      http.Header
		write, read failure.Class
	}{
		{200, nil, failure.Ambiguous, failure.Final},
		{301, nil, failure.Final, failure.Final},
		{400, nil, failure.Final, failure.Final},
		{401, nil, failure.Final, failure.Final},
		{403, nil, failure.Final, failure.Final},
		{404, nil, failure.Final, failure.Final},
		{408, nil, failure.Ambiguous, failure.Retryable},
		{410, nil, failure.Final, failure.Final},
		{422, nil, failure.Final, failure.Final},
		{425, nil, failure.Retryable, failure.Retryable},
		{429, nil, failure.Retryable, failure.Retryable},
		{500, nil, failure.Ambiguous, failure.Retryable},
		{502, wait, failure.Ambiguous, failure.Retryable},
		{503, nil, failure.Ambiguous, failure.Retryable},
		{503, wait, failure.Retryable, failure.Retryable},
		{504, nil, failure.Ambiguous, failure.Retryable},
	} {
		if got := Classify("POST", tt.status, tt.header); got != tt.write {
			t.Errorf("POST %d: %v", tt.status, got)
		}

		if got := Classify("GET", tt.status, tt.header); got != tt.read {
			t.Errorf("GET %d: %v", tt.status, got)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"0": 0, "7": 7 * time.Second, "99999999999999999999": MaxWait, "999999999": MaxWait, "": -1, "-1": -1, "1.5": -1, "soon": -1,
		"Mon, 23 Nov 2026 10:01:00 GMT": time.Minute, "Mon, 23 Nov 2020 10:01:00 GMT": 0, "Mon, 23 Nov 2099 10:01:00 GMT": MaxWait,
	} {
		got, ok := RetryAfter(http.Header{"Retry-After": {text}}, now)
		if ok != (want >= 0) || (ok && got != want) {
			t.Errorf("%q: %v %v", text, got, ok)
		}
	}
}
