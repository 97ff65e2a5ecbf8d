package connectortest

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"example.com/integrations/shared/connector"
)

// NeedsTable is the Markdown table that the page of a provider shows.
func NeedsTable(needs []connector.Need) string {
	var text strings.Builder
	text.WriteString("| call | for | least right | check |\n| --- | --- | --- | --- |\n")
	for _, n := range needs {
		check := "–"
		if n.Check != "" {
			check = "`" + n.Check + "`"
		}
		text.WriteString("| `" + n.Call + "` | " + n.When + " | " + n.Right + " | " + check + " |\n")
	}

	return text.String()
}

// DocumentsNeeds fails the test unless the page of a provider shows exactly the
// table of needs, and each need says where it comes from.
func DocumentsNeeds(t testing.TB, provider string, needs []connector.Need) {
	t.Helper()
	for _, n := range needs {
		if n.Call == "" || n.When == "" || n.Right == "" || n.Source == "" {
			t.Errorf("%+v is not complete", n)
		}
	}

	page, err := os.ReadFile(filepath.Join(root(t), "docs", "guides", provider+".md"))
	if err != nil {
		t.Fatal(err)
	}

	if want := NeedsTable(needs); !strings.Contains(string(page), "\n"+want) {
		t.Errorf("docs/guides/%s.md does not show this table:\n%s", provider, want)
	}
}

// root is the directory of the module.
func root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}

	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}

		if dir == filepath.Dir(dir) {
			t.Fatal("there is no go.mod above the test")
		}

		dir = filepath.Dir(dir)
	}
}

// A Recorder notes which requests a server gets.
type Recorder struct {
	Handler http.Handler

	mu    sync.Mutex
	calls []string
}

// ServeHTTP notes the request and hands it on.
func (r *Recorder) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	r.mu.Lock()
	r.calls = append(r.calls, request.Method+" "+request.URL.EscapedPath())
	r.mu.Unlock()

	r.Handler.ServeHTTP(w, request)
}

// Needed fails the test if a request that was noted is none of the calls in the
// table of needs, or if one of the calls was never made.
func (r *Recorder) Needed(t testing.TB, needs []connector.Need) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()

	made := map[string]bool{}
	for _, call := range r.calls {
		found := false
		for _, n := range needs {
			if callPattern(n.Call).MatchString(call) {
				made[n.Call] = true
				found = true
			}
		}

		if !found {
			t.Errorf("%s is not in the table of needs", call)
		}
	}

	for _, n := range needs {
		if !made[n.Call] {
			t.Errorf("%s was not made by the test", n.Call)
		}
	}
}

// variable is a name in braces in the path of a call.
var variable = regexp.MustCompile(`\\\{[^}]*\\\}`)

// callPattern fits the requests of a call, below any address of the API. The
// query is no part of it.
func callPattern(call string) *regexp.Regexp {
	method, path, _ := strings.Cut(call, " ")
	path, _, _ = strings.Cut(path, "?")
	path = variable.ReplaceAllString(regexp.QuoteMeta(path), `[^/]+`)

	return regexp.MustCompile("^" + method + " (?:/.*)?" + path + "$")
}
