package github

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/integrations/local/providers"
)

const (
	ours   = "our-token"
	person = "person-token"
)

// specPath is where GitHub's own description lies, or empty where it is absent.
func specPath() string {
	dir, _ := os.Getwd()
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}

		if dir == filepath.Dir(dir) {
			return ""
		}

		dir = filepath.Dir(dir)
	}

	path := filepath.Join(dir, "..", "shared", "specs", "derived", "github-issues-subset.json")
	if _, err := os.Stat(path); err != nil {
		return ""
	}

	return path
}

// described is GitHub's description, read once for all tests.
var described = sync.OnceValue(func() *providers.Contract {
	contract, err := providers.LoadContract(specPath())
	if err != nil {
		panic(err)
	}
	return contract
})

// A double is a fake server under test.
type double struct {
	*Server
	t    *testing.T
	url  string
	page string
}

func start(t *testing.T, change func(*Config)) double {
	t.Helper()
	config := Config{
		Dir: t.TempDir(), SpecPath: specPath(), Tokens: map[string]string{ours: "sync-bot", person: "maria"},
		Repositories: []Repository{
			{Owner: "acme", Name: "Work"},
			{Owner: "acme", Name: "locked", NoIssues: true},
			{Owner: "acme", Name: "secret", Private: true, Push: []string{"maria"}},
			{Owner: "acme", Name: "public", Push: []string{"maria"}},
		},
	}
	if change != nil {
		change(&config)
	}

	var contract *providers.Contract
	if config.SpecPath != "" {
		contract = described()
	}

	server, err := open(config, contract)
	if err != nil {
		t.Fatal(err)
	}

	api := httptest.NewServer(server.API())
	page := httptest.NewServer(server.Plain())
	t.Cleanup(func() { api.Close(); page.Close(); server.Close() })

	return double{server, t, api.URL, page.URL}
}

// A reply as the caller sees it.
type reply struct {
	status int
	header http.Header
	text   string
}

func (r reply) into(t *testing.T, value any) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.text), value); err != nil {
		t.Fatalf("%v in %s", err, r.text)
	}
}

// send makes a well-behaved request; headers are name, value pairs, and an
// empty value leaves a header out.
func (d double) send(method, path, body string, headers ...string) reply {
	d.t.Helper()
	target := path
	if strings.HasPrefix(path, "/") {
		target = d.url + path
	}

	request, err := http.NewRequestWithContext(d.t.Context(), method, target, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}

	request.Header.Set("Authorization", "Bearer "+ours)
	request.Header.Set("Accept", "application/vnd.github+json")
	request.Header.Set("X-GitHub-Api-Version", "2022-11-28")
	request.Header.Set("User-Agent", "integrations")
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}

	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}

	response, err := http.DefaultClient.Do(request)
	if err != nil {
		d.t.Fatal(err)
	}

	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		d.t.Fatal(err)
	}

	return reply{response.StatusCode, response.Header, string(text)}
}

// made is what a test looks at in an issue.
type made struct {
	ID          int64  `json:"id"`
	NodeID      string `json:"node_id"`
	Number      int    `json:"number"`
	Title       string `json:"title"`
	Body        string `json:"body"`
	State       string `json:"state"`
	StateReason string `json:"state_reason"`
	HTMLURL     string `json:"html_url"`
	UpdatedAt   string `json:"updated_at"`
	ClosedAt    string `json:"closed_at"`
	User        struct{ Login string }
	ClosedBy    struct{ Login string } `json:"closed_by"`
	Labels      []struct{ Name string }
	PullRequest *struct{} `json:"pull_request"`
}

func (d double) create(body string, headers ...string) made {
	d.t.Helper()
	answer := d.send("POST", "/repos/acme/work/issues", body, headers...)
	if answer.status != http.StatusCreated {
		d.t.Fatalf("create %.80s: %d %s", body, answer.status, answer.text)
	}

	var issue made
	answer.into(d.t, &issue)

	return issue
}

func (d double) patch(number int, body string) made {
	d.t.Helper()
	answer := d.send("PATCH", fmt.Sprintf("/repos/acme/work/issues/%d", number), body)
	if answer.status != http.StatusOK {
		d.t.Fatalf("patch %.80s: %d %s", body, answer.status, answer.text)
	}

	var issue made
	answer.into(d.t, &issue)

	return issue
}

func (d double) noViolations() {
	d.t.Helper()
	for _, one := range d.Violations() {
		d.t.Errorf("violation: %s", one)
	}
}

// clock is a time that a test moves.
type clock struct {
	lock sync.Mutex
	at   time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.at = c.at.Add(d)
}

// TestAnswersFollowTheDescription: every answer, of success and of refusal, is
// what GitHub's own description says.
func TestAnswersFollowTheDescription(t *testing.T) {
	if specPath() == "" {
		t.Skip("GitHub's description is not beside the project (../shared/specs/derived)")
	}

	d := start(t, func(c *Config) { c.Repositories[0].PullRequests = 1 })
	issue := d.create(`{"title":"One","body":"Text","labels":["bug","später"],"assignees":["maria"]}`)
	d.create(`{"title":7}`)
	d.patch(issue.Number, `{"state":"closed","state_reason":"not_planned","body":null}`)
	d.patch(issue.Number, `{"state":"open","labels":[]}`)
	for _, path := range []string{
		"/user", "/repos/acme/work", "/repos/acme/work/issues?state=all&per_page=1", "/repos/acme/work/issues/1",
		fmt.Sprintf("/repositories/%d/issues?state=all&per_page=1&page=2", d.find("acme", "work").id),
		"/repos/acme/gone", "/repos/acme/locked/issues", "/repos/acme/work/issues/99",
	} {
		d.send("GET", path, "")
	}

	d.noViolations()
}

func TestCallers(t *testing.T) {
	d := start(t, nil)
	for _, test := range []struct {
		name    string
		headers []string
		status  int
		text    string
	}{
		{"well behaved", nil, 200, `"login":"sync-bot"`},
		{"token scheme", []string{"Authorization", "token " + person}, 200, `"login":"maria"`},
		{"no token", []string{"Authorization", ""}, 401, "Requires authentication"},
		{"bad token", []string{"Authorization", "Bearer nope"}, 401, "Bad credentials"},
		{"basic", []string{"Authorization", "Basic " + ours}, 401, "Bad credentials"},
		{"no user agent", []string{"User-Agent", ""}, 403, "User-Agent"},
		{"any media type", []string{"Accept", "*/*"}, 200, ""},
		{"no media type", []string{"Accept", ""}, 200, ""},
		{"html", []string{"Accept", "text/html"}, 415, "Accept"},
		{"no version", []string{"X-GitHub-Api-Version", ""}, 200, ""},
		{"unknown version", []string{"X-GitHub-Api-Version", "2020-01-01"}, 400, "supported version"},
	} {
		answer := d.send("GET", "/user", "", test.headers...)
		if answer.status != test.status || !strings.Contains(answer.text, test.text) {
			t.Errorf("%s: %d %s", test.name, answer.status, answer.text)
		}
	}

	d.noViolations()
}

func TestRepositories(t *testing.T) {
	d := start(t, nil)
	for _, test := range []struct {
		method, path, token string
		status              int
	}{
		{"GET", "/repos/acme/work", ours, 200},
		{"GET", "/repos/ACME/WORK/issues", ours, 200},
		{"GET", "/repos/acme/gone", ours, 404},
		{"POST", "/repos/acme/gone/issues", ours, 404},
		{"GET", "/repos/acme/secret", ours, 404},
		{"POST", "/repos/acme/secret/issues", ours, 404},
		{"GET", "/repos/acme/secret", person, 200},
		{"POST", "/repos/acme/secret/issues", person, 201},
		{"GET", "/repos/acme/locked", ours, 200},
		{"GET", "/repos/acme/locked/issues", ours, 410},
		{"POST", "/repos/acme/locked/issues", ours, 410},
		{"PATCH", "/repos/acme/locked/issues/1", ours, 410},
		{"GET", "/repos/acme/work/issues/1", ours, 404},
		{"PATCH", "/repos/acme/work/issues/0", ours, 404},
	} {
		body := ""
		if test.method != "GET" {
			body = `{"title":"x"}`
		}

		answer := d.send(test.method, test.path, body, "Authorization", "Bearer "+test.token)
		if answer.status != test.status {
			t.Errorf("%s %s as %s: %d %s, want %d", test.method, test.path, test.token, answer.status, answer.text, test.status)
		}
	}

	d.noViolations()
	for _, path := range []string{"/repos/acme/work/issues/x", "/repos/acme/work/labels", "/", "/search/issues?q=x"} {
		if answer := d.send("GET", path, ""); answer.status != 404 {
			t.Errorf("%s: %d", path, answer.status)
		}
	}
}

func TestLifeOfAnIssue(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) { c.Now = clock.now })
	issue := d.create(`{"title":"One","body":"a <b> & c","labels":["bug","Bug",{"name":"new"}]}`)
	if issue.Number != 1 || issue.State != "open" || issue.User.Login != "sync-bot" || issue.Body != "a <b> & c" ||
		len(issue.Labels) != 2 || issue.HTMLURL != "https://github.com/acme/Work/issues/1" || issue.ID <= 1<<32 || issue.NodeID == "" {
		t.Fatalf("created %+v", issue)
	}

	clock.pass(time.Minute)
	if same := d.patch(1, `{"title":"One","labels":["bug","new"],"state":"open","state_reason":"completed"}`); same.UpdatedAt != issue.UpdatedAt {
		t.Errorf("a change that changes nothing: updated at %s, was %s", same.UpdatedAt, issue.UpdatedAt)
	}

	closed := d.patch(1, `{"state":"closed"}`)
	if closed.State != "closed" || closed.StateReason != "completed" || closed.ClosedAt != "2026-01-02T03:05:05Z" ||
		closed.UpdatedAt != closed.ClosedAt || closed.ClosedBy.Login != "sync-bot" {
		t.Errorf("closed %+v", closed)
	}

	if kept := d.patch(1, `{"state":"closed","state_reason":"duplicate"}`); kept.StateReason != "completed" {
		t.Errorf("a reason without a change of state counted: %+v", kept)
	}

	if opened := d.patch(1, `{"state":"open"}`); opened.State != "open" || opened.StateReason != "reopened" || opened.ClosedAt != "" {
		t.Errorf("opened %+v", opened)
	}

	if reason := d.patch(1, `{"state":"closed","state_reason":"not_planned"}`).StateReason; reason != "not_planned" {
		t.Errorf("reason %s", reason)
	}

	if changed := d.patch(1, `{"title":"Two","body":null,"labels":[]}`); changed.Title != "Two" || changed.Body != "" || len(changed.Labels) != 0 {
		t.Errorf("changed %+v", changed)
	}

	d.noViolations()
}

func TestPeople(t *testing.T) {
	d := start(t, nil)
	path := "/repos/acme/public/issues"
	var issue made
	d.send("POST", path, `{"title":"x","labels":["l"],"assignees":["maria"]}`).into(t, &issue)
	if issue.User.Login != "sync-bot" || len(issue.Labels) != 0 {
		t.Errorf("without push access: %+v", issue)
	}

	d.send("POST", path, `{"title":"y","labels":["l"]}`, "Authorization", "Bearer "+person).into(t, &issue)
	if issue.User.Login != "maria" || len(issue.Labels) != 1 {
		t.Errorf("with push access: %+v", issue)
	}

	if answer := d.send("PATCH", path+"/2", `{"title":"z"}`); answer.status != 403 {
		t.Errorf("another's issue without push access: %d %s", answer.status, answer.text)
	}

	if answer := d.send("PATCH", path+"/1", `{"title":"z"}`, "Authorization", "Bearer "+person); answer.status != 200 {
		t.Errorf("another's issue with push access: %d %s", answer.status, answer.text)
	}

	d.noViolations()
}
