package outbound

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"example.com/integrations/shared/connector/failure"
)

func TestStream(t *testing.T) {
	_, cfg := server(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/whole":
			_, _ = io.WriteString(w, strings.Repeat("x", 100))
		case "/large":
			_, _ = io.WriteString(w, strings.Repeat("x", 101))
		case "/cut":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, "half")
		case "/refused":
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "no")
		case "/created":
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, "made")
		}
	})

	c := newClient(t, cfg)
	own := errors.New("not what was asked for")
	for _, tt := range []struct {
		method, path string
		stream       error
		body, code   string
		class        failure.Class
	}{
		{"GET", "/whole", nil, "", "", 0},
		{"GET", "/whole", own, "", "", 0},
		{"GET", "/large", nil, "", "answer_too_large", failure.Final},
		{"GET", "/cut", nil, "", "answer_cut", failure.Retryable},
		{"GET", "/cut", own, "", "answer_cut", failure.Retryable},
		{"POST", "/large", nil, "", "answer_too_large", failure.Ambiguous},
		{"POST", "/cut", nil, "", "answer_cut", failure.Ambiguous},
		{"GET", "/refused", own, "no", "", 0},
		{"GET", "/created", own, "made", "", 0},
	} {
		streamed := 0
		answer, err := c.Do(t.Context(), Request{Method: tt.method, URL: "https://example.com" + tt.path, MaxBody: 100, Stream: func(body io.Reader) error {
			b, err := io.ReadAll(body)
			streamed = len(b)
			return errors.Join(err, tt.stream)
		}})
		if tt.code != "" {
			if e := failureOf(t, err); e.Code != tt.code || e.Class != tt.class {
				t.Errorf("%s %s: %v %v", tt.method, tt.path, e.Class, e)
			}
			continue
		}

		if err != nil || string(answer.Body) != tt.body && tt.body != "" {
			t.Errorf("%s %s: %q, %v", tt.method, tt.path, answer.Body, err)
		}

		if tt.body == "" && string(answer.Body) != strings.Repeat("x", 100) {
			t.Errorf("%s %s: the beginning is %q", tt.method, tt.path, answer.Body)
		}

		if tt.body == "" && (streamed != 100 || !errors.Is(answer.StreamError, tt.stream)) || tt.body != "" && (streamed != 0 || answer.StreamError != nil) {
			t.Errorf("%s %s: %d bytes streamed, %v", tt.method, tt.path, streamed, answer.StreamError)
		}
	}
}

// FuzzOntoHost: the result is always https at the host of base, without user
// information or fragment.
func FuzzOntoHost(f *testing.F) {
	for _, host := range loopback {
		f.Add("https://" + host + "/api/v4/x")
		f.Add("//" + host + "/api/v4/x")
	}

	for _, to := range []string{"/api/v4/x?y#z", "x", "?page=2", "../..", "https://public.example:8443/api/v4/a%2Fb", "http:x", "/\\evil.test", "///evil.test/x"} {
		f.Add(to)
	}

	const base = "https://example.com/api/v4/projects"
	c := New(Config{Hosts: []string{"example.com"}})
	f.Fuzz(func(t *testing.T, reference string) {
		to, ok := OntoHost(base, reference)
		if !ok {
			return
		}

		if !strings.HasPrefix(to, "https://example.com/") && to != "https://example.com" && !strings.HasPrefix(to, "https://example.com?") || strings.Contains(to, "#") {
			t.Fatalf("%q leads to %q", reference, to)
		}

		u, err := c.target(to)
		if err == nil && (u.Host != "example.com" || u.User != nil) {
			t.Errorf("%q: the client would ask %q", reference, u.Host)
		}
	})
}
