package mantisbt

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

var _ connector.Resolver = (*Connector)(nil)

// What answers to the questions of a resolve mean, and how many there are.
func TestResolve(t *testing.T) {
	const (
		below = `{"id":5,"name":"Below"}`
		all   = `{"projects":[{"id":9,"name":"Else"},{"id":3,"name":"Work","subProjects":[` + below + `]},` + below + `]}`
	)
	for _, tt := range []struct {
		name, project string
		answer        string // to the second question, "STATUS body"
		id, called    string
		asked         string // the second question
		code          string
		class         failure.Class
	}{
		{name: "number in the user's list", project: "3", id: "3", called: "Work"},
		{name: "name in the user's list", project: "Work", id: "3", called: "Work"},
		{name: "number of one below", project: "5", answer: `200 {"projects":[` + below + `]}`, asked: "/projects/5", id: "5", called: "Below"},
		{name: "B4: a parent with what is below it, last", project: "9", answer: `200 {"projects":[` + below + `,{"id":"9","name":"Top"}]}`, asked: "/projects/9", id: "9", called: "Top"},
		{name: "name of one below", project: "Below", answer: "200 " + all, asked: "/projects", id: "5", called: "Below"},
		{name: "name in another case", project: "wORK", answer: "200 " + all, asked: "/projects", id: "3", called: "Work"},
		{name: "name in another case, of one below", project: "BELOW", answer: "200 " + all, asked: "/projects", id: "5", called: "Below"},
		{name: "two that differ in case alone", project: "WORK", answer: `200 {"projects":[{"id":3,"name":"Work"},{"id":4,"name":"work"}]}`, asked: "/projects", code: "target_not_found", class: failure.Final},
		{name: "the exact one of two", project: "work", answer: `200 {"projects":[{"id":3,"name":"Work"},{"id":4,"name":"work"}]}`, asked: "/projects", id: "4", called: "work"},
		{name: "no such name", project: "None", answer: "200 " + all, asked: "/projects", code: "target_not_found", class: failure.Final},
		{name: "no such number", project: "8", answer: "404 ", asked: "/projects/8", code: "target_not_found", class: failure.Final},
		{name: "a number not to be seen", project: "8", answer: "403 ", asked: "/projects/8", code: "target_not_found", class: failure.Final},
		{name: "another's answer", project: "8", answer: "200 " + all, asked: "/projects/8", code: "answer_unreadable", class: failure.Retryable},
		{name: "HTML", project: "None", answer: "200 <html>", asked: "/projects", code: "foreign_answer", class: failure.Retryable},
		{name: "an outage", project: "8", answer: "503 ", asked: "/projects/8", code: "provider_unavailable", class: failure.Retryable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, c := start(t, func(c *Config) { c.Project = tt.project })
			status, body, _ := strings.Cut(tt.answer, " ")
			f.answers(map[string]int{"200": 200, "403": 403, "404": 404, "503": 503}[status], nil, body)
			p, err := c.Resolve(t.Context())
			var asked []string
			for _, one := range f.take() {
				asked = append(asked, one.path)
			}

			if got := strings.Join(asked, " "); got != tt.asked {
				t.Errorf("asked %q", got)
			}

			if tt.code != "" {
				if e := failureOf(t, err); e.Code != tt.code || e.Class != tt.class || e.Scope != failure.IntegrationScope {
					t.Errorf("%v", e)
				}

				if p != (connector.Place{}) || c.place.used != 0 {
					t.Errorf("%+v", p)
				}

				return
			}

			want := connector.Place{Instance: "example.com/bugs", ID: tt.id, Name: tt.called, URL: "https://example.com/bugs/set_project.php?project_id=" + tt.id}
			if err != nil || p != want {
				t.Errorf("%+v, %v", p, err)
			}
		})
	}
}

// An account that may not ask at all gets the reason.
func TestResolveWithoutALogIn(t *testing.T) {
	for status, want := range map[int]string{401: "credentials_rejected", 404: "api_not_found", 302: "target_moved", 429: "rate_limited"} {
		f, c := start(t, nil)
		f.users = func(w http.ResponseWriter, _ *http.Request) { reply(w, status, nil, "") }
		f.answers(status, nil, "")
		_, err := c.Resolve(t.Context())
		if e := failureOf(t, err); e.Code != want {
			t.Errorf("%d: %v", status, e)
		}
	}
}

// After Use calls go by the number, though the configuration has a name, and
// the project is not looked for.
func TestCallsGoByNumber(t *testing.T) {
	f, c := start(t, func(c *Config) { c.Project = "Old name" })
	c.Use(connector.Place{Instance: "example.com/bugs", ID: "7", Name: "New name"})
	f.answer = func(w http.ResponseWriter, r *http.Request, body []byte) {
		switch {
		case r.Method == http.MethodPost:
			reply(w, 201, nil, made(issueOf(1, 10, "")))
		case strings.HasSuffix(r.URL.Path, "/issues"):
			reply(w, 200, nil, listOf())
		case strings.HasSuffix(r.URL.Path, "/projects/7"):
			reply(w, 200, nil, `{"projects":[{"id":7,"name":"New name"},{"id":8,"name":"Below"}]}`)
		default:
			t.Errorf("%s %s was not expected", r.Method, r.URL)
			reply(w, 500, nil, "")
		}
	}

	marker := connector.Marker{Integration: 11, Item: 22, Attempt: 1}
	if _, err := c.Create(t.Context(), c.Render(domain.Item{ID: 22, Title: "T"}), marker); err != nil {
		t.Error(err)
	}

	if _, _, err := c.Changes(t.Context(), time.Time{}, 0); err != nil {
		t.Error(err)
	}

	if _, err := c.Find(t.Context(), now, []connector.Marker{marker}); err != nil {
		t.Error(err)
	}

	if _, err := c.Check(t.Context()); err != nil {
		t.Error(err)
	}

	posted := false
	for _, one := range f.take() {
		if strings.Contains(one.body, `"project":{"id":7}`) {
			posted = true
		}

		if strings.Contains(one.body+one.query, "name") && strings.Contains(one.body+one.query, "Old") || one.path == "/issues" && one.method == "GET" && !strings.Contains(one.query, "project_id=7") {
			t.Errorf("%+v", one)
		}
	}

	if !posted {
		t.Error("the create does not name the project by its number")
	}

	for _, p := range []connector.Place{{}, {ID: "x"}, {ID: "-1"}, {ID: "0"}} {
		c.Use(p)
	}

	if got := c.place.guess().id; got != 7 {
		t.Errorf("what is no place was used: %d", got)
	}
}

// A place costs no call: with one, a new connector asks for the project no more
// before its first update, and for nothing else instead.
func TestUseCostsNoCalls(t *testing.T) {
	for _, use := range []bool{false, true} {
		f, c := start(t, func(c *Config) { c.Project = "Below" }) // in no user's own list
		logIns := 0
		f.users = func(w http.ResponseWriter, _ *http.Request) { logIns++; reply(w, 200, nil, me) }
		f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
			if strings.HasSuffix(r.URL.Path, "/projects") {
				reply(w, 200, nil, `{"projects":[{"id":5,"name":"Below"}]}`)
				return
			}
			reply(w, 200, nil, listOf(issueOf(1, 10, "")))
		}
		if use {
			c.Use(connector.Place{ID: "5"})
		}

		sent := connector.Sent{Remote: domain.Remote{Key: "1"}, State: domain.Open}
		if _, err := c.Update(t.Context(), sent, c.Render(domain.Item{ID: 22, Title: "T", State: domain.Open}), connector.Marker{Integration: 11, Item: 22, Attempt: 1}); err != nil {
			t.Fatal(err)
		}

		want := map[bool]int{false: 3, true: 2}[use] // the list of projects; the issue and its change
		if calls := f.take(); len(calls) != want || logIns != 1 {
			t.Errorf("with a place %v: %d log-ins, %+v", use, logIns, calls)
		}
	}
}

// A place used after another one has the statuses and the list of its own.
func TestAnotherPlaceIsReadAnew(t *testing.T) {
	f, c := start(t, nil)
	f.answers(200, nil, listOf())
	for _, id := range []string{"3", "4"} {
		c.Use(connector.Place{ID: id})
		if _, _, err := c.Changes(t.Context(), time.Time{}, 0); err != nil {
			t.Fatal(err)
		}

		for _, one := range f.take() {
			if !strings.Contains(one.query, "project_id="+id) {
				t.Errorf("%s: %+v", id, one)
			}
		}
	}
}

// A place may be used while calls are under way: each goes to one project as a
// whole.
func TestUseBesideCalls(t *testing.T) {
	f, c := start(t, nil)
	f.answers(200, nil, listOf())
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			c.Use(connector.Place{ID: strconv.Itoa(3 + n%2)})
			if _, _, err := c.Changes(t.Context(), time.Time{}, 0); err != nil {
				t.Error(err)
			}
		})
	}

	all.Wait()
	for _, one := range f.take() {
		if !strings.Contains(one.query, "project_id=3") && !strings.Contains(one.query, "project_id=4") {
			t.Errorf("%+v", one)
		}
	}
}

// A recording is one exchange with a real server.
type recording struct {
	Case    string `json:"case"`
	Request struct {
		Method string `json:"method"`
		Path   string `json:"path"`
	} `json:"request"`
	Response struct {
		Status int               `json:"status"`
		Reason string            `json:"reason"`
		Header map[string]string `json:"headers"`
		Body   json.RawMessage   `json:"body"`
	} `json:"response"`
}

// recorded are the recorded exchanges by case.
func recorded(t *testing.T) map[string]recording {
	t.Helper()
	path := shared("recordings/mantisbt-2.28.4.jsonl")
	if path == "" {
		t.Skip("the recordings of a real MantisBT are absent")
	}

	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}

	defer file.Close()

	all := map[string]recording{}
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var one recording
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			t.Fatal(err)
		}
		all[one.Case] = one
	}

	if lines.Err() != nil || len(all) < 100 {
		t.Fatalf("%d recordings, %v", len(all), lines.Err())
	}

	return all
}

// B4 and A8: a real server's answers lead to the same project by number and by
// name, for a project with others below it and for one that is below another.
func TestResolveAgainstRecordings(t *testing.T) {
	all := recorded(t)
	replay := func(w http.ResponseWriter, name string) {
		one := all[name]
		if one.Case == "" {
			t.Fatalf("no recording %s", name)
		}

		body := string(one.Response.Body)
		if strings.HasPrefix(body, `"`) {
			body = "" // the body was no JSON
		}

		reply(w, one.Response.Status, nil, body)
	}
	for _, tt := range []struct{ project, want string }{
		{"1", "1 Work"}, {"Work", "1 Work"}, {"work", "1 Work"},
		{"2", "2 Below"}, {"Below", "2 Below"},
		{"4", "4 Else"}, {"Else", "4 Else"},
		{"3", "target_not_found"}, {"Secret", "target_not_found"}, {"999", "target_not_found"},
	} {
		f, c := start(t, func(c *Config) { c.Project = tt.project })
		f.users = func(w http.ResponseWriter, _ *http.Request) { replay(w, "me-updater") }
		f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
			switch strings.TrimPrefix(r.URL.Path, "/bugs/api/rest") {
			case "/projects":
				replay(w, "projects-all")
			case "/projects/2": // not recorded: as a parent's answer shows it
				_, rows, _ := strings.Cut(string(all["project-with-subproject-updater"].Response.Body), `}]}, {"id": 2`)
				reply(w, 200, nil, `{"projects": [{"id": 2`+rows)
			case "/projects/3":
				replay(w, "project-private-no-access")
			default:
				replay(w, "project-unknown-id")
			}
		}

		p, err := c.Resolve(t.Context())
		got := p.ID + " " + p.Name
		if err != nil {
			got = failureOf(t, err).Code
		}

		if got != tt.want {
			t.Errorf("%s: %s (%v), want %s", tt.project, got, err, tt.want)
		}
	}

	// The project of the answer that holds two is picked by its number.
	list, err := parseProjects(all["project-with-subproject-updater"].Response.Body)
	if err != nil || len(list) != 2 || byID(list, 1).Name != "Work" || byID(list, 2).Name != "Below" || byID(list, 3) != nil {
		t.Errorf("%+v, %v", list, err)
	}
}

// FuzzProjects: what is picked out of a list has the number or name that was
// asked for.
func FuzzProjects(f *testing.F) {
	f.Add([]byte(`{"projects":[{"id":1,"name":"Work","subProjects":[{"id":2,"name":"Below"}]},{"id":"2","name":"Below"}]}`), int64(2), "below")
	f.Add([]byte(`{"projects":[null,{"id":0,"name":""},{"id":-1}]}`), int64(0), "")
	f.Add([]byte(`{"projects":{}}`), int64(1), "x")
	f.Fuzz(func(t *testing.T, body []byte, id int64, name string) {
		list, err := parseProjects(body)
		if err != nil {
			return
		}

		if p := byID(list, id); p != nil && (int64(p.ID) != id || id <= 0) {
			t.Errorf("%q: %d is %+v", body, id, p)
		}

		for _, p := range []*project{byName(list, name), byFoldedName(list, name)} {
			if p != nil && (p.ID <= 0 || !strings.EqualFold(p.Name, name)) {
				t.Errorf("%q: %q is %+v", body, name, p)
			}
		}

		// An order that is not documented decides nothing.
		back := slices.Clone(list)
		slices.Reverse(back)
		a := byFoldedName(list, name)
		b := byFoldedName(back, name)
		if fmt.Sprint(a == nil) != fmt.Sprint(b == nil) || a != nil && a.ID != b.ID {
			t.Errorf("%q: %q is %+v or %+v", body, name, a, b)
		}
	})
}
