package outbound

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

// FuzzRetryAfter: a wait is never negative and never longer than is believed.
func FuzzRetryAfter(f *testing.F) {
	for _, text := range []string{"7", "-1", "99999999999999999999", "1.5", "Mon, 23 Nov 2026 10:01:00 GMT", "Monday, 23-Nov-26 10:01:00 GMT", "Mon Nov 23 10:01:00 2099", " 8 "} {
		f.Add(text)
	}

	now := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		if wait, ok := RetryAfter(http.Header{"Retry-After": {text}}, now); wait < 0 || wait > MaxWait || !ok && wait != 0 {
			t.Errorf("%q: %v, %v", text, wait, ok)
		}
	})
}

// FuzzSameHost: a followed address is at the host that the answer came from, for
// each way to read the address, and below the root if that was asked for.
func FuzzSameHost(f *testing.F) {
	for _, host := range loopback {
		f.Add("https://" + host + "/")
		f.Add("//" + host + "/api/v4/x")
	}

	for _, to := range []string{"/api/v4/x?y#z", "x", "?page=2", "../..", "https://example.com:443/api/v4/a%2Fb", "https://EXAMPLE.com/api/v4/./x", "/api/v4/%2e%2e/x", "/\\evil.test", "///evil.test"} {
		f.Add(to)
	}

	const root = "https://example.com/api/v4"
	c := New(Config{Hosts: []string{"example.com"}})
	f.Fuzz(func(t *testing.T, reference string) {
		to, ok := SameHost(root+"/projects", reference)
		if !ok {
			return
		}

		u, err := url.Parse(to)
		if err != nil || u.Scheme != "https" || u.User != nil || authority(u) != "example.com" || u.Fragment != "" {
			t.Fatalf("%q leads to %q", reference, to)
		}

		if at, err := c.target(to); err == nil && at.Host != "example.com" {
			t.Errorf("%q: the client would ask %q", reference, at.Host)
		}

		if Below(root, to) && !strings.HasPrefix(u.EscapedPath(), "/api/v4/") {
			t.Errorf("%q is below the root: %q", reference, to)
		}
	})
}
