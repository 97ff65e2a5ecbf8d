package outbound

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"integrations/shared/connector"
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
		class        connector.Class
	}{
		{"GET", "/whole", nil, "", "", 0},
		{"GET", "/whole", own, "", "", 0},
		{"GET", "/large", nil, "", "answer_too_large", connector.Final},
		{"GET", "/cut", nil, "", "answer_cut", connector.Retryable},
		{"GET", "/cut", own, "", "answer_cut", connector.Retryable},
		{"POST", "/large", nil, "", "answer_too_large", connector.Ambiguous},
		{"POST", "/cut", nil, "", "answer_cut", connector.Ambiguous},
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
			if e := failure(t, err); e.Code != tt.code || e.Class != tt.class {
				t.Errorf("%s %s: %v %v", tt.method, tt.path, e.Class, e)
			}
			continue
		}
		if err != nil || string(answer.Body) != tt.body {
			t.Errorf("%s %s: %q, %v", tt.method, tt.path, answer.Body, err)
		}
		if tt.body == "" && (streamed != 100 || !errors.Is(answer.StreamError, tt.stream)) || tt.body != "" && (streamed != 0 || answer.StreamError != nil) {
			t.Errorf("%s %s: %d bytes streamed, %v", tt.method, tt.path, streamed, answer.StreamError)
		}
	}
}

// B8: a redirect of a read that names another host is followed at the host that
// was asked, below the root, once.
func TestReadFollowsOntoItsHost(t *testing.T) {
	var asked []string
	_, cfg := server(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Host+r.URL.RequestURI())
		if to := r.URL.Query().Get("to"); to != "" {
			w.Header().Set("Location", to)
			w.WriteHeader(http.StatusMovedPermanently)
		}
	})
	c := newClient(t, cfg)
	const root = "https://example.com/api"
	for to, want := range map[string]string{
		"https://public.example/api/x?a=b#c": "example.com/api/x?a=b", "http://example.com/api/x": "example.com/api/x", "//public.example:444/api/x": "example.com/api/x",
		"/api/y": "example.com/api/y", "https://public.example/other": "", "https://public.example/api/../x": "", "https://u@public.example/api/x": "",
		"javascript:1": "", "\\\\public.example/api/x": "", "ftp://public.example/api/x": "", "https://public.example/api": "",
	} {
		asked = nil
		_, err := c.Read(t.Context(), Request{URL: root + "/old?to=" + strings.NewReplacer("?", "%3F", "#", "%23", "\\", "%5C").Replace(to)}, root)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(asked[1:], " "); got != want {
			t.Errorf("%q leads to %q, want %q", to, got, want)
		}
	}
	asked = nil
	if _, err := c.Read(t.Context(), Request{URL: root + "/old?to=https:%2F%2Fpublic.example%2Fapi%2Fold"}, root); err != nil || len(asked) != 2 {
		t.Errorf("asked %v, %v", asked, err)
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
