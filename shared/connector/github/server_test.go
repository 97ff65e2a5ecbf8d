package github

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
)

var token = "gh" + "p_" + strings.Repeat("x", 36)

// host is a name of httptest's certificate: the tests' Enterprise Server.
const (
	host = connectortest.Host
	base = "https://example.com/api/v3"
)

var now = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// A call is a request the server got.
type call struct {
	method, path string
	header       http.Header
	body         string
}

// A fake answers with what a test sets and checks every request against
// GitHub's own description where that is at hand.
type fake struct {
	t      *testing.T
	router routers.Router
	answer func(w http.ResponseWriter, r *http.Request, body []byte)
	// app says that the caller is one: its tokens are looked at by the answer.
	app bool

	mu    sync.Mutex
	calls []call
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	f.calls = append(f.calls, call{r.Method, r.URL.Path, r.Header.Clone(), string(body)})
	f.mu.Unlock()
	if !f.app && r.Header.Get("Authorization") != "Bearer "+token || r.Header.Get("X-GitHub-Api-Version") != "2022-11-28" ||
		r.Header.Get("Accept") != "application/vnd.github+json" || r.UserAgent() == "" {
		f.t.Errorf("%s %s: headers %v", r.Method, r.URL, r.Header)
	}

	f.check(r, body)
	w.Header().Set("X-GitHub-Request-Id", "REQ:1")
	f.answer(w, r, body)
}

func (f *fake) check(r *http.Request, body []byte) {
	if f.router == nil || strings.HasPrefix(r.URL.Path, "/api/v3/app/") { // another part of the description
		return
	}

	r2 := r.Clone(r.Context())
	r2.URL.Path = strings.TrimPrefix(r.URL.Path, "/api/v3")
	if rest, byID := strings.CutPrefix(r2.URL.Path, "/repositories/"); byID { // real, and not in the description
		_, rest, _ = strings.Cut(rest, "/")
		r2.URL.Path = strings.TrimSuffix("/repos/acme/tracker/"+rest, "/")
	}

	r2.Body = io.NopCloser(bytes.NewReader(body))
	route, parameters, err := f.router.FindRoute(r2)
	if err != nil {
		f.t.Errorf("%s %s is not in the description: %v", r.Method, r2.URL.Path, err)
		return
	}

	input := &openapi3filter.RequestValidationInput{Request: r2, PathParams: parameters, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
	if err := openapi3filter.ValidateRequest(r.Context(), input); err != nil {
		f.t.Errorf("%s %s breaks the contract: %v", r.Method, r2.URL.Path, err)
	}
}

func (f *fake) take() []call {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

func (f *fake) answers(status int, header http.Header, body string) {
	f.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) { reply(w, status, header, body) }
}

func reply(w http.ResponseWriter, status int, header http.Header, body string) {
	for name, values := range header {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}

	if w.Header().Get("Content-Type") == "" && (strings.HasPrefix(body, "{") || strings.HasPrefix(body, "[")) {
		w.Header().Set("Content-Type", "application/json; charset=utf-8") // as GitHub does
	}

	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// shared is a file beside the project's root, or "" where there is none.
func shared(name string) string {
	dir, err := os.Getwd()
	if err != nil {
		panic(err)
	}

	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			path := filepath.Join(dir, "..", "shared", name)
			if _, err := os.Stat(path); err != nil {
				return ""
			}
			return path
		}

		if dir == filepath.Dir(dir) {
			return ""
		}

		dir = filepath.Dir(dir)
	}
}

// contract is GitHub's description of the API, or nil where it is absent.
var contract = sync.OnceValue(func() routers.Router {
	path := shared("specs/derived/github-issues-subset.json")
	if path == "" {
		return nil
	}

	doc, err := openapi3.NewLoader().LoadFromFile(path)
	if err != nil {
		panic(err)
	}

	doc.Servers = nil
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		panic(err)
	}

	return router
})

func start(t *testing.T, cfg Config) (*fake, *Connector) {
	t.Helper()
	f := &fake{t: t, router: contract()}
	client := connectortest.Serve(t, f, token)
	cfg.Owner = "acme"
	cfg.Repo = "tracker"
	cfg.Token = token
	cfg.BaseURL = base

	return f, New(cfg, client, func() time.Time { return now })
}

func failureOf(t *testing.T, err error) *failure.Error {
	t.Helper()
	return connectortest.Failure(t, err, token)
}

func issueJSON(number int, state, body string, labels ...string) string {
	list := []map[string]string{}
	for _, l := range labels {
		list = append(list, map[string]string{"name": l})
	}

	b, _ := json.Marshal(map[string]any{
		"id": 9000 + number, "number": number, "state": state, "html_url": fmt.Sprintf("https://example.com/acme/tracker/issues/%d", number),
		"body": body, "labels": list, "created_at": now.Add(time.Duration(number) * time.Second),
	})

	return string(b)
}

// again makes another connector with the configuration of one.
func again(c *Connector) *Connector {
	place := c.client.place
	tokens := c.client.tokens
	cfg := Config{Owner: place.owner, Repo: place.repo, BaseURL: place.baseURL, Token: tokens.token, App: tokens.app, Labels: c.writer.labels}

	return New(cfg, c.client.http, c.client.now)
}
