package gitlab

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	ours   = "our-token"
	person = "person-token"
	reader = "reader-token"
	owner  = "owner-token"
	work   = "/gitlab/api/v4/projects/acme%2Fsub%2Fwork"
)

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
		Dir: t.TempDir(), Host: "example.com", Root: "/gitlab", Spam: "cheap watches",
		Tokens: map[string]string{ours: "sync-bot", person: "maria", reader: "sync-bot", owner: "olga"},
		Scopes: map[string][]string{reader: {"read_api"}},
		Projects: []Project{
			{Path: "acme/sub/Work", OldPaths: []string{"acme/old"}},
			{Path: "acme/locked", NoIssues: true},
			{Path: "acme/attic", Archived: true},
			{Path: "acme/secret", Private: true, Roles: map[string]int{"maria": Reporter, "olga": Owner}},
			{Path: "acme/public", Roles: map[string]int{"maria": Reporter, "sync-bot": Guest, "olga": Owner}},
		},
	}
	if change != nil {
		change(&config)
	}

	server, err := Open(config)
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

// send makes a well-behaved request; headers are name, value pairs.
func (d double) send(method, path, body string, headers ...string) reply {
	d.t.Helper()
	request, err := http.NewRequestWithContext(d.t.Context(), method, d.url+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}

	request.Header.Set("PRIVATE-TOKEN", ours)
	request.Header.Set("User-Agent", "integrations")
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}

	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}

	response, err := http.DefaultTransport.RoundTrip(request)
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
	ID           int64              `json:"id"`
	IID          int                `json:"iid"`
	Title        string             `json:"title"`
	Description  string             `json:"description"`
	State        string             `json:"state"`
	WebURL       string             `json:"web_url"`
	UpdatedAt    string             `json:"updated_at"`
	ClosedAt     string             `json:"closed_at"`
	Author       struct{ ID int64 } `json:"author"`
	Labels       []string           `json:"labels"`
	Confidential bool               `json:"confidential"`
	MovedTo      *int64             `json:"moved_to_id"`
}

func (d double) do(status int, method, path, body string, headers ...string) made {
	d.t.Helper()
	answer := d.send(method, path, body, headers...)
	if answer.status != status {
		d.t.Fatalf("%s %s %.80s: %d %s, want %d", method, path, body, answer.status, answer.text, status)
	}

	var one made
	if status < 300 && status != http.StatusNoContent {
		answer.into(d.t, &one)
	}

	return one
}

func (d double) create(body string, headers ...string) made {
	d.t.Helper()
	return d.do(201, "POST", work+"/issues", body, headers...)
}

func (d double) put(iid int, body string, headers ...string) made {
	d.t.Helper()
	return d.do(200, "PUT", fmt.Sprintf("%s/issues/%d", work, iid), body, headers...)
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

func TestCallers(t *testing.T) {
	d := start(t, nil)
	for name, test := range map[string]struct {
		headers []string
		status  int
		text    string
	}{
		"well behaved":   {nil, 200, `"username":"sync-bot"`},
		"bearer":         {[]string{"PRIVATE-TOKEN", "", "Authorization", "Bearer " + person}, 200, `"username":"maria"`},
		"no token":       {[]string{"PRIVATE-TOKEN", ""}, 401, "401 Unauthorized"},
		"bad token":      {[]string{"PRIVATE-TOKEN", "nope"}, 401, "401 Unauthorized"},
		"revoked bearer": {[]string{"PRIVATE-TOKEN", "", "Authorization", "Bearer nope"}, 401, "invalid_token"},
		"reads":          {[]string{"PRIVATE-TOKEN", reader}, 200, "sync-bot"},
	} {
		answer := d.send("GET", "/gitlab/api/v4/user", "", test.headers...)
		if answer.status != test.status || !strings.Contains(answer.text, test.text) || answer.header.Get("X-Request-Id") == "" {
			t.Errorf("%s: %d %s", name, answer.status, answer.text)
		}
	}

	if answer := d.send("POST", work+"/issues", `{"title":"x"}`, "PRIVATE-TOKEN", reader); answer.status != 403 || !strings.Contains(answer.text, "insufficient_scope") {
		t.Errorf("a token that only reads: %d %s", answer.status, answer.text)
	}

	d.noViolations()
}

func TestProjects(t *testing.T) {
	d := start(t, nil)
	id := fmt.Sprintf("/gitlab/api/v4/projects/%d", d.find("acme/sub/work").id)
	const of = "/gitlab/api/v4/projects/acme%2F"
	for _, test := range []struct {
		method, path, token string
		status              int
	}{
		{"GET", work, ours, 200}, {"GET", id, ours, 200}, {"GET", id + "/issues", ours, 200}, {"GET", of + "sub%2FWORK/issues", ours, 200},
		{"GET", "/gitlab/api/v4/projects/acme/sub/work", ours, 404}, // slashes must be escaped
		{"GET", "/api/v4/projects/acme%2Fsub%2Fwork", ours, 404},    // the root is missing
		{"GET", of + "gone", ours, 404}, {"POST", of + "gone/issues", ours, 404}, {"GET", of + "secret", ours, 404}, {"POST", of + "secret/issues", ours, 404},
		{"GET", of + "secret", person, 200}, {"POST", of + "secret/issues", person, 201}, {"GET", of + "locked", ours, 200}, {"GET", of + "locked/issues", ours, 403},
		{"POST", of + "locked/issues", ours, 403}, {"PUT", of + "locked/issues/1", ours, 403}, {"POST", of + "attic/issues", ours, 403}, {"GET", of + "attic/issues", ours, 200},
		{"GET", work + "/issues/1", ours, 404}, {"PUT", work + "/issues/0", ours, 404}, {"DELETE", work + "/issues/1", ours, 404},
		{"GET", of + "old", ours, 301}, {"POST", of + "old/issues", ours, 405},
	} {
		body := ""
		if test.method == "POST" || test.method == "PUT" {
			body = `{"title":"x"}`
		}

		answer := d.send(test.method, test.path, body, "PRIVATE-TOKEN", test.token)
		if answer.status != test.status {
			t.Errorf("%s %s as %s: %d %s, want %d", test.method, test.path, test.token, answer.status, answer.text, test.status)
		}

		if to := answer.header.Get("Location"); answer.status == 301 && (!strings.Contains(to, id) || strings.HasSuffix(test.path, "issues") != strings.HasSuffix(to, "/issues")) {
			t.Errorf("%s leads to %s", test.path, to)
		}
	}

	if all := d.Violations(); len(all) != 2 {
		t.Errorf("violations %v, want the two paths that are none", all)
	}

	for _, path := range []string{work + "/issues/x", work + "/labels", "/gitlab/api/v4/issues", work + "/issues/1/notes"} {
		if answer := d.send("GET", path, ""); answer.status != 404 {
			t.Errorf("%s: %d", path, answer.status)
		}
	}
}

func TestLifeOfAnIssue(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) { c.Now = clock.now })
	one := d.create(`{"title":" One ","description":"a <b> & c","labels":"bug,Bug, new ,bug"}`)
	if one.IID != 1 || one.State != "opened" || one.Author.ID != identify("sync-bot") || one.Title != "One" || one.Description != "a <b> & c" ||
		fmt.Sprint(one.Labels) != "[Bug bug new]" || one.WebURL != "https://example.com/gitlab/acme/sub/Work/-/issues/1" || one.UpdatedAt != "2026-01-02T03:04:05.000Z" {
		t.Fatalf("created %+v", one)
	}

	clock.pass(time.Minute)
	if same := d.put(1, `{"title":"One","add_labels":"bug","state_event":"reopen"}`); same.UpdatedAt != one.UpdatedAt {
		t.Errorf("a change that changes nothing: %+v", same)
	}

	closed := d.put(1, `{"state_event":"close"}`)
	if closed.State != "closed" || closed.ClosedAt != "2026-01-02T03:05:05.000Z" || closed.UpdatedAt != closed.ClosedAt {
		t.Errorf("closed %+v", closed)
	}

	if opened := d.put(1, `{"state_event":"reopen","description":"x"}`); opened.State != "opened" || opened.ClosedAt != "" || opened.Description != "x" {
		t.Errorf("opened %+v", opened)
	}

	d.put(1, `{"add_labels":"person::a"}`, "PRIVATE-TOKEN", person)
	if changed := d.put(1, `{"add_labels":"x,y","remove_labels":"bug,gone"}`); fmt.Sprint(changed.Labels) != "[Bug new person::a x y]" {
		t.Errorf("labels %v", changed.Labels)
	}

	if changed := d.put(1, `{"add_labels":"person::b"}`); fmt.Sprint(changed.Labels) != "[Bug new person::b x y]" {
		t.Errorf("a scoped label drives off its like: %v", changed.Labels)
	}

	if changed := d.put(1, `{"labels":""}`); len(changed.Labels) != 0 {
		t.Errorf("labels %v", changed.Labels)
	}

	d.noViolations()
}

func TestRoles(t *testing.T) {
	d := start(t, nil)
	const path = "/gitlab/api/v4/projects/acme%2Fpublic/issues"
	if one := d.do(201, "POST", path, `{"title":"x","labels":"l"}`); len(one.Labels) != 0 {
		t.Errorf("a guest labels: %+v", one)
	}

	d.do(201, "POST", path, `{"title":"y","labels":"l","confidential":true}`, "PRIVATE-TOKEN", person)
	d.do(404, "GET", path+"/2", "")
	d.do(404, "PUT", path+"/2", `{"title":"z"}`)
	d.do(200, "PUT", path+"/1", `{"title":"z","add_labels":"l"}`)
	d.do(201, "POST", path, `{"title":"v"}`, "PRIVATE-TOKEN", person)
	d.do(403, "PUT", path+"/3", `{"title":"z"}`)
	d.do(403, "DELETE", path+"/1", "", "PRIVATE-TOKEN", person)
	d.do(204, "DELETE", path+"/1", "", "PRIVATE-TOKEN", owner)
	d.do(404, "PUT", path+"/1", `{"title":"z"}`)
	if next := d.do(201, "POST", path, `{"title":"w","iid":1}`); next.IID != 4 {
		t.Errorf("a number is given twice: %+v", next)
	}

	d.do(201, "POST", path, `{"title":"w","iid":9}`, "PRIVATE-TOKEN", owner)
	if answer := d.send("POST", path, `{"title":"w","iid":9}`, "PRIVATE-TOKEN", owner); answer.status != 409 || !strings.Contains(answer.text, "Duplicated issue") {
		t.Errorf("%d %s", answer.status, answer.text)
	}

	d.noViolations()
}

func TestMove(t *testing.T) {
	d := start(t, nil)
	d.create(`{"title":"x","description":"text"}`)
	to := d.find("acme/secret")
	moved := d.do(201, "POST", work+"/issues/1/move", fmt.Sprintf(`{"to_project_id":%d}`, to.id), "PRIVATE-TOKEN", person)
	left := d.do(200, "GET", work+"/issues/1", "")
	if left.State != "closed" || left.MovedTo == nil || *left.MovedTo != moved.ID || moved.Description != "text" || d.get(to, moved.IID) == nil {
		t.Errorf("%+v, %+v", left, moved)
	}

	d.do(400, "POST", work+"/issues/1/move", `{"to_project_id":1}`)
	d.noViolations()
}

// Quick actions are carried out and taken out of the text, and people are
// notified: that is what must never come of an item's text.
func TestTextsThatAct(t *testing.T) {
	d := start(t, nil)
	one := d.create(`{"title":"For @bob","description":"Text\n/close\n/label ~urgent ~\"two words\"\n  /confidential\n/usr/bin/x\n/closer\n@all #1 !2 ~l\n` + "`@code`\\n```\\n@fenced\\n```" + `"}`)
	if one.State != "closed" || !one.Confidential || fmt.Sprint(one.Labels) != "[two words urgent]" || strings.Contains(one.Description, "/close\n") || !strings.Contains(one.Description, "/closer") {
		t.Errorf("%+v", one)
	}

	got := d.received().Objects[0]
	if fmt.Sprint(got.Commands) != `[/close /label ~urgent ~"two words" /confidential]` || fmt.Sprint(got.Notified) != "[@bob @all]" || fmt.Sprint(got.References) != "[#1 !2 ~l]" {
		t.Errorf("%q %q %q", got.Commands, got.Notified, got.References)
	}

	d.create(`{"title":"x","description":"see https://example.com/gitlab/a/b/-/issues/7 \\#8 &#35;9 bob@example.com https://a.test/~x#1"}`)
	if got := d.received().Objects[1]; fmt.Sprint(got.References) != "[https://example.com/gitlab/a/b/-/issues/7 #8 #9]" || len(got.Notified) != 0 {
		t.Errorf("%q %q", got.References, got.Notified)
	}
}

var nextLink = regexp.MustCompile(`<https://example.com([^>]*)>; rel="next"`)

// walk follows the links of a list and returns the numbers on every page.
func (d double) walk(path string) (pages [][]int) {
	d.t.Helper()
	for path != "" {
		answer := d.send("GET", path, "")
		if answer.status != http.StatusOK {
			d.t.Fatalf("%s: %d %s", path, answer.status, answer.text)
		}

		var listed []made
		answer.into(d.t, &listed)
		numbers := []int{}
		for _, one := range listed {
			numbers = append(numbers, one.IID)
		}

		pages = append(pages, numbers)
		path = ""
		if link := nextLink.FindStringSubmatch(answer.header.Get("Link")); link != nil {
			path = strings.Replace(link[1], "id=acme%2Fsub%2FWork&", "", 1)
		}
	}

	return pages
}

func TestList(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) { c.Now = clock.now })
	for i := range 5 {
		clock.pass(time.Minute)
		d.create(fmt.Sprintf(`{"title":"%d","labels":"l%d,all"}`, i, i%2), "PRIVATE-TOKEN", []string{ours, person}[i%2])
	}

	clock.pass(time.Minute)
	d.put(1, `{"state_event":"close"}`)
	after := url.QueryEscape(newClock().now().Add(3 * time.Minute).Format(time.RFC3339))
	for query, want := range map[string]string{
		"":                    "[[5 4 3 2 1]]",
		"state=opened":        "[[5 4 3 2]]",
		"state=closed":        "[[1]]",
		"sort=asc&per_page=2": "[[1 2] [3 4] [5]]",
		"order_by=updated_at": "[[1 5 4 3 2]]",
		"order_by=updated_at&sort=asc&per_page=2":                   "[[2 3] [4 5] [1]]",
		"order_by=updated_at&sort=asc&per_page=2&pagination=keyset": "[[2 3] [4 5] [1]]",
		"per_page=2&pagination=keyset":                              "[[5 4] [3 2] [1]]",
		"created_after=" + after:                                    "[[5 4 3]]", // counts itself in
		"created_before=" + after:                                   "[[3 2 1]]",
		"updated_after=" + after + "&order_by=updated_at&sort=asc":  "[[3 4 5 1]]",
		"labels=all,l0":                                             "[[5 3 1]]",
		"page=9":                                                    "[[]]",
		"per_page=1000":                                             "[[5 4 3 2 1]]",
		fmt.Sprintf("scope=all&author_id=%d&per_page=1", identify("maria")): "[[4] [2]]",
	} {
		if got := fmt.Sprint(d.walk(work + "/issues?" + query)); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}

	d.noViolations()
	for query, status := range map[string]int{
		"state=done": 400, "order_by=stars": 400, "sort=up": 400, "created_after=yesterday": 400, "pagination=keyset&cursor=x": 400, "page=501&per_page=100": 405, "search=x": 400, "per_page=0": 400,
	} {
		if answer := d.send("GET", work+"/issues?"+query, ""); answer.status != status {
			t.Errorf("%s: %d", query, answer.status)
		}
	}

	old := start(t, func(c *Config) { c.Old = true })
	if answer := old.send("GET", work+"/issues?pagination=keyset", ""); answer.status != 405 {
		t.Errorf("an old server: %d", answer.status)
	}

	if answer := old.send("GET", work+"/issues?page=501&per_page=100", ""); answer.status != 200 {
		t.Errorf("an old server: %d", answer.status)
	}

	header := d.send("GET", work+"/issues?per_page=2", "").header
	if header.Get("X-Next-Page") != "2" || header.Get("X-Total") != "5" || !strings.Contains(header.Get("Link"), `rel="last"`) {
		t.Errorf("headers %v", header)
	}
}
