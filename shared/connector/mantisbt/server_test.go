package mantisbt

import (
	"bytes"
	"encoding/json"
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

// token has the form of MantisBT's: 32 characters without a prefix.
var token = strings.Repeat("aB3-", 8)

// host is a name of httptest's certificate.
const (
	host = connectortest.Host
	base = "https://example.com/bugs/api/rest"
)

var now = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// A call is a request the server got.
type call struct {
	method, path, query string
	header              http.Header
	body                string
}

// A fake answers the questions every connector asks first by itself and the
// others with what a test sets. It checks every request against MantisBT's own
// descriptions where those are at hand.
type fake struct {
	t       *testing.T
	routers []routers.Router
	users   func(w http.ResponseWriter, r *http.Request) // nil: the usual answer
	answer  func(w http.ResponseWriter, r *http.Request, body []byte)
	login   string // the method of the login that answers say, "" for none
	bare    bool   // answers have no header of MantisBT's
	configs string // the settings, "" for the usual ones

	mu    sync.Mutex
	calls []call
}

const (
	me      = `{"id":7,"name":"sync-bot","access_level":{"id":40,"name":"updater"},"projects":[{"id":3,"name":"Work"}]}`
	configs = `{"configs":[{"option":"status_enum_string","value":[{"id":10,"name":"new","label":"new"},{"id":20,"name":"feedback","label":"feedback"},{"id":50,"name":"assigned"},{"id":80,"name":"resolved"},{"id":90,"name":"closed"}]},
{"option":"resolution_enum_string","value":[{"id":10,"name":"open"},{"id":20,"name":"fixed"},{"id":30,"name":"reopened"}]},
{"option":"bug_resolved_status_threshold","value":80},{"option":"bug_reopen_status","value":20},{"option":"bug_reopen_resolution","value":30}]}`
)

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if r.Header.Get("Authorization") != token || r.UserAgent() == "" {
		f.t.Errorf("%s %s: headers %v", r.Method, r.URL, r.Header)
	}

	f.check(r, body)
	if !f.bare {
		w.Header().Set("X-Mantis-Version", "2.28.4")
	}

	if f.login != "" && r.Method == http.MethodGet { // errors do not say it
		w.Header().Set("X-Mantis-LoginMethod", f.login)
	}

	w.Header().Set("X-Request-Id", "REQ:1")
	path := strings.TrimPrefix(r.URL.Path, "/bugs/api/rest")
	switch {
	case path == "/users/me" && f.users != nil:
		f.users(w, r)
		return
	case path == "/users/me":
		reply(w, 200, nil, me)
		return
	case path == "/config" && f.configs != "":
		reply(w, 200, nil, `{"configs":[`+f.configs+`]}`)
		return
	case path == "/config":
		reply(w, 200, nil, configs)
		return
	}

	f.mu.Lock()
	f.calls = append(f.calls, call{r.Method, path, r.URL.RawQuery, r.Header.Clone(), string(body)})
	f.mu.Unlock()
	f.answer(w, r, body)
}

// check holds a request against both descriptions: that of the version that
// servers run, and the next one's.
func (f *fake) check(r *http.Request, body []byte) {
	for _, router := range f.routers {
		r2 := r.Clone(r.Context())
		r2.URL.Path = strings.Replace(strings.TrimPrefix(r.URL.Path, "/bugs"), "/index.php", "", 1)
		r2.Body = io.NopCloser(bytes.NewReader(body))
		route, parameters, err := router.FindRoute(r2)
		if err != nil {
			f.t.Errorf("%s %s is not in the description: %v", r.Method, r2.URL.Path, err)
			continue
		}

		input := &openapi3filter.RequestValidationInput{Request: r2, PathParams: parameters, Route: route,
			Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
		if err := openapi3filter.ValidateRequest(r.Context(), input); err != nil {
			f.t.Errorf("%s %s breaks the contract: %v", r.Method, r2.URL, err)
		}
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
	if strings.HasPrefix(body, "{") {
		w.Header().Set("Content-Type", "application/json")
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

// descriptions are MantisBT's own, as far as they are there.
var descriptions = sync.OnceValue(func() []routers.Router {
	var all []routers.Router
	for _, name := range []string{"specs/mantisbt-openapi-2.28.4.yaml", "specs/mantisbt-openapi-2.29dev.yaml"} {
		path := shared(name)
		if path == "" {
			continue
		}

		doc, err := openapi3.NewLoader().LoadFromFile(path)
		if err != nil {
			panic(err)
		}

		doc.Servers = nil
		dropStray(doc)
		router, err := gorillamux.NewRouter(doc)
		if err != nil {
			panic(err)
		}

		all = append(all, router)
	}

	return all
})

// dropStray takes out what 2.28.4 says by mistake: that a list has the number
// of a filter in its path.
func dropStray(doc *openapi3.T) {
	for path, item := range doc.Paths.Map() {
		for _, operation := range item.Operations() {
			var kept openapi3.Parameters
			for _, p := range operation.Parameters {
				if p.Value.In != "path" || strings.Contains(path, "{"+p.Value.Name+"}") {
					kept = append(kept, p)
				}
			}

			operation.Parameters = kept
		}
	}
}

func start(t *testing.T, change func(*Config)) (*fake, *Connector) {
	t.Helper()
	f := &fake{t: t, routers: descriptions()}
	client := connectortest.Serve(t, f, token)
	cfg := Config{BaseURL: base, Token: token, Project: "3", Category: "General"}
	if change != nil {
		change(&cfg)
	}

	return f, New(cfg, client, func() time.Time { return now })
}

func failureOf(t *testing.T, err error) *failure.Error {
	t.Helper()
	return connectortest.Failure(t, err, token)
}

// A stored issue as the API writes it.
type stored struct {
	ID          int64          `json:"id"`
	Summary     string         `json:"summary"`
	Description string         `json:"description"`
	Additional  string         `json:"additional_information,omitempty"`
	Project     map[string]any `json:"project"`
	Status      map[string]any `json:"status"`
	Sticky      bool           `json:"sticky"`
	CreatedAt   string         `json:"created_at"`
	UpdatedAt   string         `json:"updated_at"`
}

// at writes a time as a server in Berlin does.
func at(t time.Time) string {
	return t.In(time.FixedZone("", 3600)).Format("2006-01-02T15:04:05-07:00")
}

func issueOf(id int64, status int, additional string) stored {
	when := at(now.Add(time.Duration(id) * time.Second))
	return stored{
		ID: id, Summary: "T", Description: "B", Additional: additional, Project: map[string]any{"id": 3, "name": "Work"},
		Status: map[string]any{"id": status, "name": "some", "label": "Some"}, CreatedAt: when, UpdatedAt: when,
	}
}

func text(value any) string {
	b, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func made(i stored) string { return text(map[string]any{"issue": i}) }

func listOf(issues ...stored) string {
	return text(map[string]any{"issues": append([]stored{}, issues...)})
}
