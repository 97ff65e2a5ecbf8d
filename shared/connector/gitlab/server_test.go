package gitlab

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
)

var token = "gl" + "pat-" + strings.Repeat("x", 20)

// host is a name of httptest's certificate: the tests' own GitLab, under a path.
const (
	host    = connectortest.Host
	base    = "https://example.com/gitlab/api/v4"
	project = "/gitlab/api/v4/projects/acme%2Fsub%2Ftracker"
	list    = project + "/issues"
)

var now = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// A call is a request the server got, its path as it was on the wire.
type call struct {
	method, path string
	query        map[string][]string
	body         string
}

// A fake answers with what a test sets and checks every request against what
// GitLab documents.
type fake struct {
	t      *testing.T
	answer func(w http.ResponseWriter, r *http.Request, body []byte)

	mu    sync.Mutex
	calls []call
}

// What GitLab's documentation names, of what we use.
var (
	listParameters = []string{"scope", "created_after", "created_before", "updated_after", "order_by", "sort", "page", "per_page", "pagination", "cursor"}
	members        = map[string][]string{
		"POST": {"title", "description", "labels"},
		"PUT":  {"title", "description", "add_labels", "remove_labels", "state_event"},
	}
)

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	f.calls = append(f.calls, call{r.Method, r.URL.EscapedPath(), r.URL.Query(), string(body)})
	f.mu.Unlock()
	if r.Header.Get("PRIVATE-TOKEN") != token || r.Header.Get("Authorization") != "" || r.UserAgent() == "" || r.Header.Get("Accept") != "application/json" {
		f.t.Errorf("%s %s: headers %v", r.Method, r.URL, r.Header)
	}

	for name, values := range r.URL.Query() {
		if !slices.Contains(listParameters, name) || len(values) != 1 || r.Method != http.MethodGet {
			f.t.Errorf("%s %s: parameter %s", r.Method, r.URL, name)
		}
	}

	if known, writes := members[r.Method]; writes {
		var given map[string]string
		if err := json.Unmarshal(body, &given); err != nil || r.Header.Get("Content-Type") != "application/json" {
			f.t.Errorf("%s %s: %v", r.Method, r.URL, err)
		}

		for name := range given {
			if !slices.Contains(known, name) {
				f.t.Errorf("%s %s: member %s", r.Method, r.URL, name)
			}
		}
	}

	w.Header().Set("X-Request-Id", "REQ1")
	f.answer(w, r, body)
}

func (f *fake) answers(status int, header http.Header, body string) {
	f.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) { reply(w, status, header, body) }
}

func (f *fake) take() []call {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

func reply(w http.ResponseWriter, status int, header http.Header, body string) {
	for name, values := range header {
		for _, value := range values {
			w.Header().Add(name, value)
		}
	}

	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// shared is a file beside the project, "" where it is absent.
func shared(name string) string {
	path := filepath.Join("..", "..", "..", "..", "shared", name)
	if _, err := os.Stat(path); err != nil {
		return ""
	}
	return path
}

func start(t *testing.T, cfg Config) (*fake, *Connector) {
	t.Helper()
	f := &fake{t: t}
	client := connectortest.Serve(t, f, token)
	cfg.Project = "acme/sub/tracker"
	cfg.Token = token
	cfg.BaseURL = base
	return f, New(cfg, client, func() time.Time { return now })
}

func failureOf(t *testing.T, err error) *failure.Error {
	t.Helper()
	return connectortest.Failure(t, err, token)
}

// issueJSON is an issue as GitLab writes it; members are name, value pairs that
// replace its own.
func issueJSON(iid int, state, body string, members ...any) string {
	at := now.Add(time.Duration(iid) * time.Second)
	all := map[string]any{
		"id": 9000 + iid, "iid": iid, "project_id": 5, "state": state, "title": "T", "description": body, "labels": []string{"a"},
		"web_url":    fmt.Sprintf("https://example.com/gitlab/acme/sub/tracker/-/issues/%d", iid),
		"created_at": at.Format(stamp), "updated_at": at.Format(stamp), "moved_to_id": nil, "confidential": false, "issue_type": "issue",
	}
	for i := 0; i < len(members); i += 2 {
		all[members[i].(string)] = members[i+1]
	}

	b, _ := json.Marshal(all)

	return string(b)
}

// again makes another connector with the configuration of one.
func again(c *Connector) *Connector {
	place := c.client.place
	cfg := Config{Project: place.project, BaseURL: place.baseURL, Token: c.client.token, Labels: c.writer.labels}

	return New(cfg, c.client.http, c.client.now)
}
