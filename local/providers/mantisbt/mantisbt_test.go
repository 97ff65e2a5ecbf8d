package mantisbt

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/integrations/local/providers"
)

const (
	ours     = "our-token"
	person   = "person-token"
	reporter = "reporter-token"
)

// specPath is where MantisBT's own description lies, or empty where it is
// absent.
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

	path := filepath.Join(dir, "..", "shared", "specs", "mantisbt-openapi-2.28.4.yaml")
	if _, err := os.Stat(path); err != nil {
		return ""
	}

	return path
}

// described is MantisBT's description, read once for all tests.
var described = sync.OnceValue(func() *providers.Contract {
	contract, err := providers.LoadContract(specPath())
	if err != nil {
		panic(err)
	}
	return contract
})

// A clock that tests turn.
type clock struct {
	lock sync.Mutex
	at   time.Time
}

func newClock() *clock { return &clock{at: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)} }

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
		Dir: t.TempDir(), SpecPath: specPath(), Tokens: map[string]string{ours: "sync-bot", person: "maria", reporter: "newcomer"},
		Roles: map[string]Role{"newcomer": Reporter},
		Projects: []Project{
			{ID: 1, Name: "Work", Categories: []string{"General", "Docs"}}, {ID: 2, Name: "Secret", Categories: []string{"General", "Docs"}, Members: []string{"maria"}},
			{ID: 3, Name: "Part", Parent: 1}, {ID: 4, Name: "Other"},
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
	reason string // the text of the status line
}

// issue reads the one issue of an answer.
func (r reply) issue(t *testing.T) map[string]any {
	t.Helper()
	all := issuesIn([]byte(r.text))
	if len(all) != 1 {
		t.Fatalf("%d %s", r.status, r.text)
	}

	var view map[string]any
	if err := json.Unmarshal(all[0], &view); err != nil {
		t.Fatal(err)
	}

	return view
}

// send makes a well-behaved request; headers are name, value pairs, and an
// empty value leaves a header out.
func (d double) send(method, path, body string, headers ...string) reply {
	d.t.Helper()
	request, err := http.NewRequestWithContext(d.t.Context(), method, d.url+root+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}

	request.Header.Set("Authorization", ours)
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}

	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
		if headers[i+1] == "" {
			request.Header.Del(headers[i])
		}
	}

	return roundTrip(d.t, request)
}

func roundTrip(t *testing.T, request *http.Request) reply {
	t.Helper()
	resp, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}

	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}

	_, reason, _ := strings.Cut(resp.Status, " ")

	return reply{resp.StatusCode, resp.Header, string(content), reason}
}

func (d double) plain(path string) (int, string) {
	d.t.Helper()
	request, err := http.NewRequestWithContext(d.t.Context(), http.MethodGet, d.page+path, nil)
	if err != nil {
		d.t.Fatal(err)
	}

	got := roundTrip(d.t, request)

	return got.status, got.text
}

const usual = `"project":{"id":1},"category":{"name":"General"}`

func (d double) create(members string, headers ...string) int {
	d.t.Helper()
	answer := d.send("POST", "/issues", `{"summary":"S","description":"D",`+usual+members+`}`, headers...)
	if answer.status != 201 {
		d.t.Fatalf("%d %s", answer.status, answer.text)
	}
	return int(answer.issue(d.t)["id"].(float64))
}

func (d double) noViolations() {
	d.t.Helper()
	for _, one := range d.Violations() {
		d.t.Error(one)
	}
}

func TestIssue(t *testing.T) {
	c := newClock()
	d := start(t, func(config *Config) { config.Now = c.now })
	answer := d.send("POST", "/issues", `{"summary":"Sömmary 🦀","description":"a\r\nb/c",`+usual+`,"additional_information":"x","priority":{"name":"high"}}`)
	if answer.status != 201 || answer.header.Get("Etag") != "" || answer.header.Get("X-Mantis-Version") == "" || !strings.Contains(answer.text, `S\u00f6mmary \ud83e\udd80`) || !strings.Contains(answer.text, `b\/c`) {
		t.Fatalf("%d %v %s", answer.status, answer.header, answer.text)
	}

	made := answer.issue(t)
	if made["summary"] != "Sömmary 🦀" || made["description"] != "a\r\nb/c" || made["additional_information"] != "x" || made["sticky"] != false ||
		made["created_at"] != "2026-11-23T11:00:00+01:00" || fmt.Sprint(made["status"]) != "map[id:10 label:new name:new]" || fmt.Sprint(made["project"]) != "map[id:1 name:Work]" {
		t.Errorf("%v", made)
	}

	read := d.send("GET", "/issues/1", "")
	if read.status != 200 || read.header.Get("Etag") == "" || fmt.Sprint(read.issue(t)) != fmt.Sprint(made) {
		t.Errorf("%d %v %s", read.status, read.header, read.text)
	}

	c.pass(time.Minute)
	changed := d.send("PATCH", "/issues/1", `{"status":{"name":"closed"},"resolution":{"id":20}}`, "If-Match", read.header.Get("Etag"))
	if i := changed.issue(t); changed.status != 200 || fmt.Sprint(i["status"]) != "map[id:90 label:closed name:closed]" || i["updated_at"] != "2026-11-23T11:01:00+01:00" || i["summary"] != "Sömmary 🦀" {
		t.Errorf("%d %s", changed.status, changed.text)
	}

	if stale := d.send("PATCH", "/issues/1", `{"summary":"x"}`, "If-Match", read.header.Get("Etag")); stale.status != 412 || stale.header.Get("Etag") != changed.header.Get("Etag") || stale.text != "" {
		t.Errorf("%d %v %s", stale.status, stale.header, stale.text)
	}

	if quoted := d.send("PATCH", "/issues/1", `{"summary":"x"}`, "If-Match", `"`+changed.header.Get("Etag")+`"`); quoted.status != 412 {
		t.Errorf("a quoted tag: %d", quoted.status)
	}

	c.pass(time.Minute)
	if same := d.send("PATCH", "/issues/1", `{"status":{"id":90}}`); same.issue(t)["updated_at"] != "2026-11-23T11:02:00+01:00" {
		t.Error("a write that changes nothing leaves the time")
	}

	d.noViolations()
	unknown := d.send("PATCH", "/issues/1", `{"status":{"name":"done"}}`)
	if i := unknown.issue(t); unknown.status != 200 || fmt.Sprint(i["status"]) != "map[id:0 label:@0@ name:@0@]" {
		t.Errorf("an unknown status: %d %s", unknown.status, unknown.text)
	}

	if gone := d.send("DELETE", "/issues/1", ""); gone.status != 204 {
		t.Errorf("delete: %d %s", gone.status, gone.text)
	}

	if gone := d.send("GET", "/issues/1", ""); gone.status != 404 || !strings.Contains(gone.text, `"code":1100`) {
		t.Errorf("deleted: %d %s", gone.status, gone.text)
	}

	if next := d.create(""); next != 2 {
		t.Errorf("a number is given out twice: %d", next)
	}

	d.noViolations()
}

func TestWhoMayWhat(t *testing.T) {
	d := start(t, nil)
	id := d.create("")
	d.create(`,"view_state":{"name":"private"}`)
	d.send("PATCH", "/issues/1", `{"status":{"id":90}}`)
	d.create("")
	for name, test := range map[string]struct {
		method, path, body, token string
		status                    int
		text                      string
	}{
		"no token":               {"GET", "/users/me", "", "", 401, "Valid API token required"},
		"a scheme":               {"GET", "/users/me", "", "Bearer " + ours, 401, "Valid API token required"},
		"unknown":                {"GET", "/users/me", "", "x", 401, "Valid API token required"},
		"me":                     {"GET", "/users/me", "", person, 200, `"projects":[{"id":4,"name":"Other"},{"id":2,"name":"Secret"},{"id":1,"name":"Work"}]`},
		"not mine":               {"GET", "/users/me", "", ours, 200, `"projects":[{"id":4,"name":"Other"},{"id":1,"name":"Work"}]`},
		"a secret project":       {"GET", "/issues?project_id=2", "", ours, 404, "Project '2' doesn't exist"},
		"no project":             {"GET", "/issues?project_id=9", "", ours, 404, "Project '9' doesn't exist"},
		"report there":           {"POST", "/issues", `{"summary":"S","description":"D","project":{"id":2},"category":{"name":"General"}}`, ours, 403, `"code":13`},
		"a reporter reports":     {"POST", "/issues", `{"summary":"S","description":"D",` + usual + `}`, reporter, 201, ""},
		"and may not change":     {"PATCH", "/issues/3", `{"summary":"T"}`, reporter, 403, "Not enough rights"},
		"a closed one":           {"PATCH", "/issues/1", `{"summary":"T"}`, reporter, 403, "readonly"},
		"a manager may":          {"PATCH", "/issues/1", `{"summary":"T"}`, ours, 200, ""},
		"a private one":          {"GET", "/issues/2", "", reporter, 403, ""},
		"one project":            {"GET", "/projects/1", "", ours, 200, `"subProjects":[{"id":3,"name":"Part"}]`},
		"all projects":           {"GET", "/projects", "", ours, 200, `"name":"Part"`},
		"settings":               {"GET", "/config?option[]=bug_reopen_status&option[]=nonsense&option[]=status_enum_string", "", ours, 200, `"option":"bug_reopen_status","value":20`},
		"no such place":          {"GET", "/nothing", "", ours, 404, "Page Not Found"},
		"settings of no project": {"GET", "/config?option[]=bug_reopen_status&project_id=9", "", ours, 404, ""},
	} {
		answer := d.send(test.method, test.path, test.body, "Authorization", test.token)
		if answer.status != test.status || !strings.Contains(answer.reason+answer.text, test.text) {
			t.Errorf("%s: %d %s %s, want %d %s", name, answer.status, answer.reason, answer.text, test.status, test.text)
		}
	}

	if id != 1 {
		t.Error(id)
	}
}

func TestRefusals(t *testing.T) {
	for _, spec := range []string{"", specPath()} {
		d := start(t, func(c *Config) { c.SpecPath = spec })
		for _, test := range []struct {
			name, body string
			status     int
			text       string
			breach     bool
		}{
			{"no summary", `{"description":"D",` + usual + `}`, 400, `"code":11`, false},
			{"no description", `{"summary":"S",` + usual + `}`, 400, `"code":11`, false},
			{"blank", `{"summary":"S","description":" \n",` + usual + `}`, 400, `"code":11`, false},
			{"no project", `{"summary":"S","description":"D","category":{"name":"General"}}`, 400, "project", false},
			{"no category", `{"summary":"S","description":"D","project":{"id":1}}`, 400, "category", false},
			{"unknown category", `{"summary":"S","description":"D","project":{"name":"Work"},"category":{"name":"x"}}`, 404, `"code":1502`, false},
			{"unknown project", `{"summary":"S","description":"D","project":{"name":"x"},"category":{"name":"General"}}`, 400, "Project not specified", false},
			{"unknown project by number", `{"summary":"S","description":"D","project":{"id":9},"category":{"name":"General"}}`, 404, `"code":700`, false},
			{"a long summary", `{"summary":"` + strings.Repeat("é", 129) + `","description":"D",` + usual + `}`, 500, "", true},
			{"a long description", `{"summary":"S","description":"` + strings.Repeat("é", 65536) + `",` + usual + `}`, 400, "65535", false},
			{"unknown member", `{"summary":"S","description":"D",` + usual + `,"labels":[]}`, 201, "", true},
			{"wrong type", `{"summary":1,"description":"D",` + usual + `}`, 400, "", spec != ""},
			{"no JSON", `{"summary":`, 400, "", spec != ""},
			{"two values", `{} {}`, 400, "", false},
			{"no object", `[]`, 400, "", spec != ""},
			{"empty", ``, 400, "", spec != ""},
		} {
			before := len(d.Violations())
			answer := d.send("POST", "/issues", test.body)
			if answer.status != test.status || !strings.Contains(answer.text, test.text) {
				t.Errorf("%s: %d %s, want %d %s", test.name, answer.status, answer.text, test.status, test.text)
			}

			if breach := len(d.Violations()) > before; breach != test.breach {
				t.Errorf("%s: recorded %v as a violation: %v", test.name, breach, d.Violations()[before:])
			}
		}

		if answer := d.send("POST", "/issues", `{}`, "Content-Type", "text/plain"); answer.status != 400 {
			t.Errorf("text: %d", answer.status)
		}
	}

	if specPath() == "" {
		t.Log("MantisBT's description is not beside the project (../shared/specs)")
	}
}

// TestOwnAnswersAreChecked: an answer that breaks the description is recorded.
func TestOwnAnswersAreChecked(t *testing.T) {
	if specPath() == "" {
		t.Skip("MantisBT's description is not beside the project (../shared/specs)")
	}

	d := start(t, nil)
	request, _ := http.NewRequest("GET", root+"/issues/1", nil)
	d.Server.send(httptest.NewRecorder(), &call{Request: request, route: route{issues: true}},
		&answer{status: 200, value: map[string]any{"issues": []any{map[string]any{"id": 1, "summary": 7}}}})
	if all := d.Violations(); len(all) != 1 || !strings.Contains(all[0], "/summary") {
		t.Errorf("violations %v", all)
	}

	d.send("GET", "/issues?page=0", "")
	if all := d.Violations(); len(all) != 2 || !strings.Contains(all[1], "at least 1") {
		t.Errorf("violations %v", all)
	}
}

func TestList(t *testing.T) {
	c := newClock()
	d := start(t, func(config *Config) { config.Now = c.now })
	for range 7 {
		d.create("")
		c.pass(time.Second)
	}

	d.send("PATCH", "/issues/2", `{"sticky":true}`)
	c.pass(time.Second)
	d.send("PATCH", "/issues/4", `{"status":{"name":"closed"}}`)
	d.send("POST", "/issues", `{"summary":"S","description":"D","project":{"id":3},"category":{"name":"General"}}`)
	d.send("POST", "/issues", `{"summary":"S","description":"D","project":{"id":4},"category":{"name":"General"}}`)
	list := func(query string) string {
		t.Helper()
		answer := d.send("GET", "/issues?"+query, "")
		var got struct {
			Issues []map[string]any `json:"issues"`
		}
		if err := json.Unmarshal([]byte(answer.text), &got); err != nil || answer.header.Get("Etag") == "" {
			t.Fatalf("%d %s", answer.status, answer.text)
		}

		var ids []any
		for _, i := range got.Issues {
			ids = append(ids, i["id"])
			if strings.Contains(query, "select") && len(i) != 2 {
				t.Errorf("%s: %v", query, i)
			}
		}

		return fmt.Sprint(ids)
	}
	for query, want := range map[string]string{
		"project_id=1": "[2 8 4 7 6 5 3 1]", "project_id=4": "[9]", "": "[2 9 8 4 7 6 5 3 1]", "project_id=1&page_size=3&page=2": "[7 6 5]",
		"project_id=1&page_size=3&page=4": "[]", "project_id=1&page_size=2&select=id,updated_at": "[2 8]",
	} {
		if got := list(query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}

	d.noViolations()
	d.config.ByTimeOnly = true
	if got := list("project_id=1"); got != "[8 4 2 7 6 5 3 1]" {
		t.Errorf("sticky ones by time: %s", got)
	}
}

// The eleventh issue of a reporter within an hour is one too many.
func TestSpam(t *testing.T) {
	for _, limits := range []bool{true, false} {
		c := newClock()
		d := start(t, func(config *Config) {
			config.Now = c.now
			config.Limits = limits
		})
		for range 10 {
			d.create("", "Authorization", reporter)
			c.pass(time.Minute)
		}

		over := func() reply {
			return d.send("POST", "/issues", `{"summary":"S","description":"D",`+usual+`}`, "Authorization", reporter)
		}
		answer := over()
		if limits != (answer.status == 429) || limits && (!strings.Contains(answer.text, `"code":27`) || answer.header.Get("Retry-After") != "") {
			t.Errorf("limits %v: %d %v %s", limits, answer.status, answer.header, answer.text)
		}

		d.create("")
		c.pass(51 * time.Minute)
		if answer := over(); answer.status != 201 {
			t.Errorf("an hour later: %d %s", answer.status, answer.text)
		}

		d.noViolations()
	}
}

func TestSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	d := start(t, func(c *Config) { c.Dir = dir })
	d.create(`,"additional_information":"x"`)
	d.create("")
	d.send("PATCH", "/issues/1", `{"status":{"id":90}}`)
	d.send("DELETE", "/issues/2", "")
	_, before := d.plain("/_/received")
	d.Server.Close()
	again := start(t, func(c *Config) { c.Dir = dir })
	if _, after := again.plain("/_/received"); after != before || !strings.Contains(after, `"state":"closed"`) {
		t.Errorf("before %s\nafter %s", before, after)
	}

	if id := again.create(""); id != 3 {
		t.Errorf("a number is given out twice: %d", id)
	}
}

func TestReceived(t *testing.T) {
	d := start(t, nil)
	d.create(`,"additional_information":"[integrations:1/2/1]"`)
	d.send("PATCH", "/issues/1", `{"status":{"id":90},"resolution":{"id":20}}`, "Authorization", person)
	var got struct {
		Objects []map[string]any  `json:"objects"`
		Writes  []providers.Write `json:"writes"`
	}
	_, text := d.plain("/_/received")
	if err := json.Unmarshal([]byte(text), &got); err != nil || len(got.Objects) != 1 || len(got.Writes) != 2 || got.Writes[0].User != "sync-bot" || got.Writes[1].User != "maria" {
		t.Fatalf("%v %s", err, text)
	}

	for name, want := range map[string]any{
		"project": "Work", "number": 1.0, "id": 1.0, "title": "S", "body": "D", "state": "closed", "state_reason": "fixed", "status": "closed",
		"additional_information": "[integrations:1/2/1]", "user": "sync-bot", "html_url": "https://mantis.example.com/view.php?id=1",
	} {
		if got.Objects[0][name] != want {
			t.Errorf("%s is %v, want %v", name, got.Objects[0][name], want)
		}
	}

	if _, page := d.plain("/"); !strings.Contains(page, "0 open, 1 closed") {
		t.Errorf("%s", page)
	}

	for _, path := range []string{"/view.php?id=2", "/view.php?id=x", "/view.php", "/x"} {
		if status, _ := d.plain(path); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
}

// On the page a person edits, closes and reopens: through the API, as himself.
func TestAPersonEditsOnThePage(t *testing.T) {
	for _, noRewriting := range []bool{false, true} {
		d := start(t, func(c *Config) {
			c.PersonToken = person
			c.NoRewriting = noRewriting
		})
		made := d.send("POST", "/index.php/issues", `{"summary":"S","description":"\nfirst",`+usual+`}`)
		if made.status != 201 {
			t.Fatalf("%d %s", made.status, made.text)
		}

		form := func(id string, header http.Header, fields url.Values) int {
			t.Helper()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.page+"/view.php?id="+id, strings.NewReader(fields.Encode()))
			if err != nil {
				t.Fatal(err)
			}

			r.Header = header.Clone()
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")

			return roundTrip(t, r).status
		}
		for _, c := range []struct {
			id     string
			header http.Header
			fields url.Values
			status int
			want   string
		}{
			{"1", http.Header{}, url.Values{"title": {"Another"}, "body": {"two\r\nlines"}}, http.StatusSeeOther, "Another two\r\nlines 10"},
			{"1", http.Header{}, url.Values{"state": {"closed"}}, http.StatusSeeOther, "Another two\r\nlines 90"},
			{"1", http.Header{"Sec-Fetch-Site": {"cross-site"}}, url.Values{"state": {"open"}}, http.StatusForbidden, "Another two\r\nlines 90"},
			{"1", http.Header{}, url.Values{"state": {"open"}}, http.StatusSeeOther, "Another two\r\nlines 20"},
			{"1", http.Header{}, url.Values{"title": {""}}, http.StatusBadRequest, "Another two\r\nlines 20"},
			{"2", http.Header{}, url.Values{"state": {"closed"}}, http.StatusNotFound, "Another two\r\nlines 20"},
		} {
			status := form(c.id, c.header, c.fields)
			if got := d.get(1); status != c.status || fmt.Sprintf("%s %s %d", got.Summary, got.Description, got.Status) != c.want {
				t.Errorf("%v: %d, want %d: %+v", c.fields, status, c.status, got)
			}
		}

		for _, w := range d.Writes()[1:] {
			if w.User != "maria" {
				t.Errorf("written by %s: %s %s", w.User, w.Method, w.Path)
			}
		}

		if _, text := d.plain("/view.php?id=1"); !strings.Contains(text, "Close as maria") {
			t.Errorf("%s", text)
		}

		d.noViolations()
	}

	quiet := start(t, nil)
	quiet.create("")
	if _, text := quiet.plain("/view.php?id=1"); strings.Contains(text, "<form") {
		t.Error("a page that only shows has a form")
	}
}

// TestConcurrentCreates: every one gets its own number, and the log has all.
func TestConcurrentCreates(t *testing.T) {
	d := start(t, nil)
	var phases []string
	var lock sync.Mutex
	d.OnCreate(func(phase string, n int) {
		lock.Lock()
		defer lock.Unlock()
		phases = append(phases, phase)
	})

	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 5 {
				if answer := d.send("POST", "/issues", `{"summary":"S","description":"D",`+usual+`}`); answer.status != 201 {
					t.Errorf("%d %s", answer.status, answer.text)
				}
			}
		})
	}

	all.Wait()
	applied := slices.DeleteFunc(slices.Clone(phases), func(phase string) bool { return phase != Applied })
	if len(d.snapshot()) != 40 || len(d.Writes()) != 40 || len(phases) != 80 || len(applied) != 40 {
		t.Errorf("%d issues, %d writes, phases %v", len(d.snapshot()), len(d.Writes()), phases)
	}
}

// FuzzCreate: whatever is sent, an issue is made or nothing is.
func FuzzCreate(f *testing.F) {
	f.Add([]byte(`{"summary":"S","description":"D",` + usual + `}`))
	f.Add([]byte(`{"summary":null,"project":{"id":1.5},"view_state":{"name":"private"},"x":1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		request, _ := http.NewRequest("POST", root+"/issues", nil)
		s := newAPI(Config{Projects: []Project{{ID: 1, Name: "Work"}}, Now: time.Now}, nil)
		out, made := s.issues.create(&call{Request: request, body: body, user: "a"})
		if (out.status == 201) != (made != nil) {
			t.Fatalf("%d and %+v", out.status, made)
		}

		if made != nil && (len([]rune(made.Summary)) > maxSummary || strings.TrimSpace(made.Description) == "" || made.Category == "") {
			t.Fatalf("%+v", made)
		}

		if made != nil && !json.Valid(encode(out.value)) {
			t.Fatalf("%s", encode(out.value))
		}
	})
}
