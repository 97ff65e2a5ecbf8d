package jira

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

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
)

var token = "ATATT" + "3" + strings.Repeat("x", 40)

// host is a name of httptest's certificate.
const (
	host = connectortest.Host
	base = "https://example.com/jira"
)

var now = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

var flavors = []string{form.Cloud, form.Datacenter}

func each(t *testing.T, test func(t *testing.T, flavor string)) {
	for _, flavor := range flavors {
		t.Run(flavor, func(t *testing.T) { test(t, flavor) })
	}
}

// A call is a request the server got.
type call struct {
	method, path, query string
	body                string
}

// A fake answers with what a test sets and checks every request of Cloud's
// against Atlassian's own description where that is at hand.
type fake struct {
	t      *testing.T
	router routers.Router
	answer func(w http.ResponseWriter, r *http.Request)

	mu    sync.Mutex
	calls []call
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	f.calls = append(f.calls, call{r.Method, strings.TrimPrefix(r.URL.Path, "/jira/rest/api"), r.URL.RawQuery, string(body)})
	f.mu.Unlock()
	anonymous := strings.HasSuffix(r.URL.Path, "/_edge/tenant_info") // asked without credentials
	if (r.Header.Get("Authorization") == "") != anonymous || r.Header.Get("Accept") != "application/json" || r.UserAgent() == "" {
		f.t.Errorf("%s %s: headers %v", r.Method, r.URL, r.Header)
	}

	f.check(r, body)
	w.Header().Set("Atl-Traceid", "REQ:1")
	f.answer(w, r)
}

func (f *fake) check(r *http.Request, body []byte) {
	if f.router == nil || strings.HasSuffix(r.URL.Path, "/mypermissions") || strings.HasSuffix(r.URL.Path, "/_edge/tenant_info") {
		return
	}

	r2 := r.Clone(r.Context())
	r2.URL.Path = strings.TrimPrefix(r.URL.Path, "/jira")
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
	f.answer = func(w http.ResponseWriter, _ *http.Request) { reply(w, status, header, body) }
}

// by answers by method and the end of the path; the first that fits.
func (f *fake) by(answers ...string) {
	f.answer = func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i+2 < len(answers); i += 3 {
			method, end, _ := strings.Cut(answers[i], " ")
			if r.Method == method && strings.HasSuffix(r.URL.Path, end) {
				var status int
				_, _ = fmt.Sscan(answers[i+1], &status)
				reply(w, status, nil, answers[i+2])
				return
			}
		}

		f.t.Errorf("%s %s was not expected", r.Method, r.URL)
		reply(w, 500, nil, "")
	}
}

func reply(w http.ResponseWriter, status int, header http.Header, body string) {
	if strings.HasPrefix(body, "{") {
		w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	}

	for name, values := range header {
		w.Header()[http.CanonicalHeaderKey(name)] = values
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

// contract is Atlassian's description of the API, or nil where it is absent.
var contract = sync.OnceValue(func() routers.Router {
	path := shared("specs/derived/jira-cloud-issues-subset.json")
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

func start(t *testing.T, flavor string) (*fake, *Connector) {
	t.Helper()
	f := &fake{t: t}
	if flavor == form.Cloud {
		if f.router = contract(); f.router == nil {
			t.Log("Atlassian's description is absent: requests are not checked against it")
		}
	}

	client := connectortest.Serve(t, f, token)

	return f, New(config(flavor), client, func() time.Time { return now })
}

func config(flavor string) Config {
	return Config{Flavor: flavor, BaseURL: base, Email: "bot@acme.test", Token: token, ProjectKey: "WORK", IssueType: "Task", Labels: true}
}

func failureOf(t *testing.T, err error) *failure.Error {
	t.Helper()
	return connectortest.Failure(t, err, token)
}

// issueJSON is an issue as Jira shows it; change may alter its members.
func issueJSON(number int, category string, change ...func(map[string]any)) string {
	all := map[string]any{
		"id": fmt.Sprint(9000 + number), "key": fmt.Sprintf("WORK-%d", number), "self": base,
		"fields": map[string]any{
			"summary": "T", "description": nil, "labels": []string{}, "created": "2026-11-23T11:00:00.000+0100", "updated": "2026-11-23T10:30:00.250+0000",
			"status": map[string]any{"name": "x", "statusCategory": map[string]any{"key": category}},
		},
	}
	for _, f := range change {
		f(all)
	}

	b, _ := json.Marshal(all)

	return string(b)
}

// listJSON is the last page of a search.
func listJSON(issues ...string) string {
	return fmt.Sprintf(`{"issues":[%s],"isLast":true,"total":%d}`, strings.Join(issues, ","), len(issues))
}
