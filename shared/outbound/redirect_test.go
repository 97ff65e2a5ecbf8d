package outbound

import (
	"net/http"
	"strings"
	"sync"
	"testing"
)

// B8: a redirect is followed on the host that was asked, whatever name and scheme
// the server writes into it, and only below the root.
func TestRead(t *testing.T) {
	var lock sync.Mutex
	var asked []string
	_, cfg := server(t, func(w http.ResponseWriter, r *http.Request) {
		lock.Lock()
		asked = append(asked, r.URL.RequestURI())
		lock.Unlock()
		if to := r.Header.Get("To"); r.URL.Path == "/api/v3/old" {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusMovedPermanently)
		}
	})

	c := newClient(t, cfg)
	for to, want := range map[string]string{
		"https://example.com/api/v3/new?a=b":        "/api/v3/new?a=b",
		"/api/v3/a%2Fb":                             "/api/v3/a%2Fb",
		"https://internal.example/api/v3/new":       "/api/v3/new",
		"http://example.com/api/v3/new#x":           "/api/v3/new",
		"https://example.com:8443/api/v3/new":       "/api/v3/new",
		"https://elsewhere.example/login":           "",
		"https://example.com/api/v3evil":            "",
		"https://example.com/api/v3/../../login":    "",
		"https://example.com/api/v3/%2e%2e/x":       "",
		"https://u@example.com/api/v3/new":          "",
		"https://example.com/api/v3/old":            "", // itself
		"javascript:alert(1)":                       "",
		"file:///api/v3/new":                        "",
		"":                                          "",
		"https://example.com/api/v3/" + `\evil.org`: "",
	} {
		asked = nil
		answer, err := c.Read(t.Context(), Request{URL: "https://example.com/api/v3/old", Header: http.Header{"To": {to}}}, "https://example.com/api/v3")
		status := 301
		list := []string{"/api/v3/old"}
		if want != "" {
			status = 200
			list = append(list, want)
		}

		if err != nil || answer.Status != status || strings.Join(asked, " ") != strings.Join(list, " ") {
			t.Errorf("%q: %d %v, asked %q", to, answer.Status, err, asked)
		}
	}
}
