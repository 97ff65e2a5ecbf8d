package mantisbt

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// What a real server was seen to answer to reads and writes that are not the
// usual ones. The recordings themselves are in TestRecordings; this holds where
// they are absent.
func TestUnusualAnswers(t *testing.T) {
	const viewer, gone = "viewer-token", "disabled-token"
	d := start(t, func(c *Config) {
		c.SpecPath = "" // MantisBT takes more than its description says
		c.Tokens[viewer] = "guest"
		c.Tokens[gone] = "leaver"
		c.Roles["guest"] = Viewer
		c.Accounts = map[string]Account{"leaver": {Disabled: true}}
		c.Filters = map[string][]int{"7": {submitted}}
		c.ByTimeOnly = true
	})

	d.create("")
	d.create("")
	d.create("")
	d.send("PATCH", "/issues/3", `{"status":{"name":"closed"}}`)

	for _, test := range []struct {
		name, method, path, body, token string
		status                          int
		said                            string // on the status line and in the body
	}{
		{"a disabled account", "GET", "/users/me", "", gone, 403, "Access denied"},
		{"a hidden project", "GET", "/projects/2", "", ours, 404, "Project '2' doesn't exist"},
		{"no such project", "GET", "/projects/99", "", ours, 404, "Project '99' doesn't exist"},
		{"a name in place of a number", "GET", "/projects/Work", "", ours, 200, `"name":"Other"`},
		{"page 0", "GET", "/issues?page=0&page_size=1&select=id", "", ours, 200, `OK{"issues":[{"id":3}]}`},
		{"all on one page", "GET", "/issues?page_size=0&select=id", "", ours, 200, `OK{"issues":[{"id":3},{"id":2},{"id":1}]}`},
		{"far behind", "GET", "/issues?page_size=9223372036854775807&page=9223372036854775807", "", ours, 200, `OK{"issues":[]}`},
		{"a stored filter", "GET", "/issues?filter_id=7&select=id", "", ours, 200, `OK{"issues":[{"id":2},{"id":1}]}`},
		{"no such filter", "GET", "/issues?filter_id=nope", "", ours, 200, `OK{"issues":{"status_code":404,"fault_string":"Unknown filter 'nope'"}}`},
		{"some members", "GET", "/issues/1?select=id,summary", "", ours, 200, `OK{"issues":[{"id":1,"summary":"S"}]}`},
		{"no member", "GET", "/issues/1?select=nope", "", ours, 200, `OK{"issues":[[]]}`},
		{"nothing to change", "PATCH", "/issues/1", `{}`, ours, 400, "Invalid request body or format"},
		{"a delete by a viewer", "DELETE", "/issues/1", "", viewer, 403, `"code":13`},
		{"a note", "POST", "/issues/1/notes", `{"text":"Seen."}`, reporter, 201, `"text":"Seen."`},
		{"a note without words", "POST", "/issues/1/notes", `{"text":" "}`, reporter, 400, `"code":11`},
		{"a note by a viewer", "POST", "/issues/1/notes", `{"text":"x"}`, viewer, 403, `"code":13`},
		{"a note to a closed issue", "POST", "/issues/3/notes", `{"text":"x"}`, reporter, 403, `"code":1103`},
		{"a note to no issue", "POST", "/issues/9/notes", `{"text":"x"}`, reporter, 404, `"code":1100`},
		{"a private note", "POST", "/issues/1/notes", `{"text":"Hidden.","view_state":{"name":"private"}}`, ours, 201, "Hidden."},
		{"a child", "POST", "/issues/1/relationships", `{"issue":{"id":2},"type":{"name":"parent-of"}}`, ours, 201, `"label":"parent of"`},
		{"a child that is not there", "POST", "/issues/1/relationships", `{"issue":{"id":9},"type":{"name":"parent-of"}}`, ours, 404, `"code":1100`},
		{"a child by a reporter", "POST", "/issues/1/relationships", `{"issue":{"id":2},"type":{"name":"parent-of"}}`, reporter, 403, `"code":13`},
		{"a parent of an open child", "PATCH", "/issues/1", `{"status":{"name":"closed"}}`, ours, 400, "Unresolved child issues."},
		{"a category that is not there", "PATCH", "/issues/1", `{"category":{"name":"Docs"}}`, ours, 200, "Docs"},
		{"a move without it", "PATCH", "/issues/1", `{"project":{"id":4}}`, ours, 400, `"code":1503`},
		{"a move out of sight", "PATCH", "/issues/1", `{"project":{"id":2}}`, ours, 200, `OK{"issues":[{"status_code":403,"fault_string":"Access denied for user sync-bot."}]}`},
		{"out of sight", "GET", "/issues/1", "", ours, 403, "Access denied for user sync-bot."},
	} {
		answer := d.send(test.method, test.path, test.body, "Authorization", test.token)
		if said := answer.reason + answer.text; answer.status != test.status || !strings.Contains(said, test.said) {
			t.Errorf("%s: %d %s, want %d %s", test.name, answer.status, said, test.status, test.said)
		}
	}
}

// The headers say whether MantisBT itself answers and how the caller is logged
// in, except where an error ended the request.
func TestWhoSigns(t *testing.T) {
	d := start(t, nil)
	d.create("")
	for _, test := range []struct{ method, path, body, token, want string }{
		{"GET", "/users/me", "", ours, "200 application/json 2.28.4 api-token"},
		{"GET", "/users/me", "", "x", "401 text/html; charset=UTF-8 2.28.4 "},
		{"GET", "/issues/9", "", ours, "404 application/json  "},
		{"GET", "/projects/9", "", ours, "404 text/html; charset=UTF-8 2.28.4 api-token"},
		{"GET", "/nothing", "", ours, "404 text/html;charset=UTF-8 2.28.4 api-token"},
		{"PATCH", "/issues/1", `{"summary":" "}`, ours, "400 application/json  "},
		{"DELETE", "/issues/1", "", ours, "204  2.28.4 api-token"},
	} {
		answer := d.send(test.method, test.path, test.body, "Authorization", test.token)
		h := answer.header
		got := fmt.Sprintf("%d %s %s %s", answer.status, h.Get("Content-Type"), h.Get("X-Mantis-Version"), h.Get("X-Mantis-LoginMethod"))
		if got != test.want {
			t.Errorf("%s %s: %q, want %q", test.method, test.path, got, test.want)
		}
	}

	d.config.Anonymous = "guest"
	if h := d.send("GET", "/users/me", "", "Authorization", "").header; h.Get("X-Mantis-LoginMethod") != "cookie" || h.Get("X-Mantis-Username") != "guest" {
		t.Errorf("%v", h)
	}
}

// A server may be under maintenance, have its API off, a database that cuts, or
// one without room for emoji.
func TestStatesOfAServer(t *testing.T) {
	long := strings.Repeat("é", 130)
	for name, test := range map[string]struct {
		change  func(*Config)
		summary string
		status  int
		want    string
	}{
		"usual":       {func(*Config) {}, "🦀", 201, `"summary":"\ud83e\udd80"`},
		"maintenance": {func(c *Config) { c.Offline = true }, "S", 503, "Mantis Offline"},
		"off":         {func(c *Config) { c.RESTOff = true }, "S", 503, "API disabled"},
		"strict":      {func(*Config) {}, long, 500, "Internal Server Error"},
		"lenient":     {func(c *Config) { c.Lenient = true }, long, 201, `"summary":"` + strings.Repeat(`\u00e9`, 128) + `"`},
		"narrow":      {func(c *Config) { c.Narrow = true }, "🦀", 500, ""},
		"replacing":   {func(c *Config) { c.Replacing = true }, "a 🦀", 201, `"summary":"a \ufffd"`},
	} {
		d := start(t, test.change)
		answer := d.send("POST", "/issues", `{"summary":"`+test.summary+`","description":"D",`+usual+`}`)
		if said := answer.reason + answer.text; answer.status != test.status || !strings.Contains(said, test.want) {
			t.Errorf("%s: %d %s", name, answer.status, said)
		}
	}
}

// On MySQL's utf8 MantisBT stores U+FFFD in place of an emoji and answers 201
// (recorded: create-emoji). For the connector that is no edit by a person, and no
// second issue is sent.
func TestReplacedCharactersAreNoEdit(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) {
		c.Now = clock.now
		c.Replacing = true
	})
	c := d.connect(clock.now, nil)
	wide := content
	wide.Title = "Crab 🦀"
	wide.Body = "a 🦀 b"

	written, err := c.Create(t.Context(), wide, marker)
	if err != nil {
		t.Fatal(err)
	}

	unchanged := func(what string) {
		t.Helper()
		if all, _ := d.changes(c, time.Time{}); len(all) != 1 || all[0].Seen != written.Seen || all[0].Marker != marker {
			t.Errorf("%s: %+v, want %+v", what, all, written.Seen)
		}
	}

	unchanged("created")

	clock.pass(time.Minute)
	wide.Title = "Crabs 🦀🦀"
	if written, err = c.Update(t.Context(), sentOf(written), wide, marker); err != nil {
		t.Fatal(err)
	}

	unchanged("updated")

	if got := d.get(1); got.Summary != "Crabs \ufffd\ufffd" || len(d.Writes()) != 2 {
		t.Errorf("%q after %d writes", got.Summary, len(d.Writes()))
	}

	d.noViolations()
}

// FuzzChange: whatever is sent to an issue that is there, it changes or the
// request is refused.
func FuzzChange(f *testing.F) {
	for _, body := range []string{
		`{"summary":"T","custom_fields":[{"field":{"name":"X"},"value":"v"}],"notes":[]}`, `{"project":{"id":2},"category":{"id":1}}`,
		`{"text":"x","view_state":{"name":"private"}}`, `{"issue":{"id":1},"type":{"name":"parent-of"}}`, `{"issue":{"id":-1}}`, `{}`,
	} {
		f.Add([]byte(body))
	}

	f.Fuzz(func(t *testing.T, body []byte) {
		projects := []Project{{ID: 1, Name: "Work"}, {ID: 2, Name: "Secret", Members: []string{"b"}}}
		s := newAPI(Config{Projects: projects, Now: time.Now}, nil)
		s.apply(change{Issue: &issue{ID: 1, Project: 1, Category: "General", Summary: "S", Description: "D", Status: submitted, Reporter: "a"}}, time.Now())
		request, _ := http.NewRequest("PATCH", root+"/issues/1", nil)
		for _, handle := range []func(*call) (*answer, *issue){s.issues.update, s.issues.addNote, s.issues.addRelation} {
			out, changed := handle(&call{Request: request, body: body, user: "a", route: route{id: 1}})
			if (out.status < 300) != (changed != nil) {
				t.Fatalf("%d and %+v", out.status, changed)
			}

			if !json.Valid(encode(out.value)) && out.value != nil {
				t.Fatalf("%s", encode(out.value))
			}
		}
	})
}
