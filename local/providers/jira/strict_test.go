package jira

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// fieldsJSON is the body of a create with members added or replaced.
func fieldsJSON(members string) string {
	return `{"fields":{"project":{"key":"WORK"},"issuetype":{"name":"Task"}` + members + `}}`
}

// TestRefusals: what Jira refuses is refused, and nothing is made of it.
func TestRefusals(t *testing.T) {
	long := strings.Repeat("é", 256)
	paragraph := func(text string) string {
		return `{"type":"doc","version":1,"content":[{"type":"paragraph","content":[` + text + `]}]}`
	}
	for _, test := range []struct {
		name, body, text string
		only             string // the flavor, or both
	}{
		{"no summary", fieldsJSON(``), "You must specify a summary", ""},
		{"empty summary", fieldsJSON(`,"summary":" "`), "You must specify a summary", ""},
		{"summary of the wrong type", fieldsJSON(`,"summary":1`), "must be a string", ""},
		{"summary too long", fieldsJSON(`,"summary":"` + long + `"`), "255 characters", ""},
		{"summary too long in UTF-16", fieldsJSON(`,"summary":"` + strings.Repeat("🦀", 128) + `"`), "255 characters", ""},
		{"two lines", fieldsJSON(`,"summary":"a\nb"`), "newline", ""},
		{"unknown field", fieldsJSON(`,"summary":"x","customfield_1":"y"`), "cannot be set", ""},
		{"label with a space", fieldsJSON(`,"summary":"x","labels":["a b"]`), "contains spaces", ""},
		{"label too long", fieldsJSON(`,"summary":"x","labels":["` + long + `"]`), "too long", ""},
		{"labels no array", fieldsJSON(`,"summary":"x","labels":"a"`), "array", ""},
		{"no type", `{"fields":{"project":{"key":"WORK"},"summary":"x"}}`, "issuetype", ""},
		{"no project", `{"fields":{"issuetype":{"name":"Task"},"summary":"x"}}`, "project", ""},
		{"no JSON", `{"fields":`, "Invalid request payload", ""},
		{"two values", fieldsJSON(`,"summary":"x"`) + "{}", "Invalid request payload", ""},
		{"unknown member", `{"surprise":1}`, "Invalid request payload", ""},
		{"text for a document", fieldsJSON(`,"summary":"x","description":"text"`), "Atlassian Document", Cloud},
		{"a document for text", fieldsJSON(`,"summary":"x","description":` + paragraph(``) + ``), "must be a string", Datacenter},
		{"text too long", fieldsJSON(`,"summary":"x","description":"` + strings.Repeat("x", 32_768) + `"`), "32,767", Datacenter},
		{"document too long", fieldsJSON(`,"summary":"x","description":` + paragraph(`{"type":"text","text":"`+strings.Repeat("x", 32_768)+`"}`)), "CONTENT_LIMIT_EXCEEDED", Cloud},
		{"empty text", fieldsJSON(`,"summary":"x","description":` + paragraph(`{"type":"text","text":""}`)), "an empty text", Cloud},
		{"mention", fieldsJSON(`,"summary":"x","description":` + paragraph(`{"type":"mention","attrs":{"id":"1"}}`)), "mention in paragraph", Cloud},
		{"script link", fieldsJSON(`,"summary":"x","description":` + paragraph(`{"type":"text","text":"x","marks":[{"type":"link","attrs":{"href":"javascript:x"}}]}`)), "a link to", Cloud},
		{"bold code", fieldsJSON(`,"summary":"x","description":` + paragraph(`{"type":"text","text":"x","marks":[{"type":"code"},{"type":"strong"}]}`)), "code with other marks", Cloud},
		{"heading in a list", fieldsJSON(`,"summary":"x","description":{"type":"doc","version":1,"content":[{"type":"bulletList","content":[{"type":"listItem","content":[{"type":"heading","attrs":{"level":1}}]}]}]}`), "list item", Cloud},
		{"empty list", fieldsJSON(`,"summary":"x","description":{"type":"doc","version":1,"content":[{"type":"bulletList"}]}`), "an empty bulletList", Cloud},
		{"no version", fieldsJSON(`,"summary":"x","description":{"type":"doc","content":[]}`), "version 1", Cloud},
	} {
		each(t, func(t *testing.T, flavor string) {
			if test.only != "" && test.only != flavor {
				return
			}

			d := start(t, flavor, nil)
			answer := d.send(ours, "POST", "/issue", test.body)
			if answer.status != 400 || !strings.Contains(answer.text, test.text) {
				t.Errorf("%s: %d %s, want %s", test.name, answer.status, answer.text, test.text)
			}

			if left := len(d.snapshot(d.now())); left != 0 || len(d.Writes()) != 1 {
				t.Errorf("%s: %d issues, %d writes", test.name, left, len(d.Writes()))
			}
		})
	}
}

func TestCallersAreChecked(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		d := start(t, flavor, nil)
		for _, test := range []struct {
			token, method, path, body string
			status                    int
		}{
			{"nobody", "GET", "/myself", "", 401}, {ours, "GET", "/myself", "", 200}, {ours, "GET", "/elsewhere", "", 404},
			{ours, "GET", "/issue/WORK-1", "", 404}, {ours, "DELETE", "/issue/WORK-1", "", 404}, {ours, "PATCH", "/issue/WORK-1", "{}", 404},
			{ours, "GET", "/project/SECRET", "", 404}, {person, "GET", "/project/SECRET", "", 200}, {ours, "GET", "/serverInfo", "", 200},
		} {
			if answer := d.send(test.token, test.method, test.path, test.body); answer.status != test.status {
				t.Errorf("%s %s: %d %s, want %d", test.method, test.path, answer.status, answer.text, test.status)
			}
		}

		other := "https://jira.acme.test/rest/api/2/myself"
		path := "/search?jql=" + url.QueryEscape(`project = "WORK"`)
		status := 200
		if flavor == Cloud {
			other = siteURL + "/rest/api/2/myself"
			status = 410
		}

		if answer := d.send(ours, "GET", other, ""); answer.status == 200 {
			t.Errorf("another path: %d", answer.status)
		}

		if answer := d.send(ours, "GET", path, ""); answer.status != status {
			t.Errorf("the old search: %d, want %d", answer.status, status)
		}
	})
}

func TestJQL(t *testing.T) {
	d := start(t, Cloud, nil)
	d.make("WORK", "x")
	for jql, status := range map[string]int{
		`project = "WORK"`: 200, `project = "WORK" AND updated >= "2026-11-23 10:00" ORDER BY updated ASC, id ASC`: 200,
		`labels in ("a", "b")`: 200, `project = "NOPE"`: 400, `project = "SECRET"`: 400, `project = WORK`: 400, `ORDER BY id`: 400, ``: 400,
		`project = "WORK" OR project = "OTHER"`: 400, `updated >= "yesterday"`: 400, `updated >= "2026-11-23 10:00:00"`: 400, `summary ~ "x"`: 400, `project = "WORK`: 400,
	} {
		if answer := d.send(ours, "GET", "/search/jql?jql="+url.QueryEscape(jql), ""); answer.status != status {
			t.Errorf("%s: %d %s", jql, answer.status, answer.text)
		}
	}

	var page struct {
		Issues []map[string]any `json:"issues"`
	}
	answer := d.send(ours, "GET", "/search/jql?jql="+url.QueryEscape(`project = "WORK"`), "")
	if json.Unmarshal([]byte(answer.text), &page) != nil || len(page.Issues) != 1 || len(page.Issues[0]) != 1 {
		t.Errorf("without fields there are ids only: %s", answer.text)
	}

	for _, token := range []string{"x", token(1, `project = "OTHER"`)} {
		if answer := d.send(ours, "GET", "/search/jql?jql="+url.QueryEscape(`project = "WORK"`)+"&nextPageToken="+url.QueryEscape(token), ""); answer.status != 400 {
			t.Errorf("token %q: %d", token, answer.status)
		}
	}
}

// TestContractAlone: what only the description forbids is refused as well, and
// shown.
func TestContractAlone(t *testing.T) {
	if specPath() == "" {
		t.Skip("Atlassian's description is not beside the project (../shared/specs/derived)")
	}

	d := start(t, Cloud, nil)
	answer := d.send(ours, "GET", "/search/jql?maxResults=many&jql="+url.QueryEscape(`project = "WORK"`), "")
	if answer.status != 400 || len(d.Violations()) != 1 {
		t.Errorf("%d %s, violations %v", answer.status, answer.text, d.Violations())
	}

	d.send(ours, "GET", "/issue/WORK-1/watchers", "")
	if all := d.Violations(); len(all) != 2 || !strings.Contains(all[1], "no such operation") {
		t.Errorf("violations %v", all)
	}

	sent := httptest.NewRecorder()
	request, _ := http.NewRequest("GET", siteURL+"/rest/api/3/myself", nil)
	made := &call{Request: request}
	d.resolve(made)
	d.Server.send(sent, made, &answerOf200)
	if all := d.Violations(); len(all) != 3 || !strings.HasPrefix(all[2], "answer 200 to GET") {
		t.Errorf("our own mistakes: %v", all)
	}
}

var answerOf200 = answer{status: 200, value: map[string]int{"surprise": 1}}

// TestRestart: what was answered is there after a crash, numbers used up too.
func TestRestart(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		d := start(t, flavor, nil)
		d.send(ours, "POST", "/issue", fieldsJSON(`,"summary":"first","labels":["x"]`))
		d.send(ours, "POST", "/issue", fieldsJSON(``))
		d.send(person, "POST", "/issue/WORK-1/transitions", `{"transition":{"id":"910001"}}`)
		again, err := open(d.config, nil)
		if err != nil {
			t.Fatal(err)
		}

		defer again.Close()
		if i := again.get("WORK-1"); i == nil || i.Summary != "first" || findStatus(i.Status).category != "done" || len(again.Writes()) != 3 {
			t.Errorf("%+v, %d writes", i, len(again.Writes()))
		}

		if id, n := again.next(again.find("WORK")); n != 3 || id != "10002" {
			t.Errorf("next is %s, number %d", id, n)
		}
	})
}

// TestPage: it shows what there is, and lets a person edit through the API.
func TestPage(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		d := start(t, flavor, nil)
		d.send(ours, "POST", "/issue", fieldsJSON(`,"summary":"<b>first</b>","labels":["x"],"description":`+string(d.description("one\ntwo"))))
		get := func(path string) string {
			t.Helper()
			answer, err := http.Get(d.page + path)
			if err != nil {
				t.Fatal(err)
			}

			defer answer.Body.Close()
			content, _ := io.ReadAll(answer.Body)

			return fmt.Sprint(answer.StatusCode, string(content))
		}
		for path, want := range map[string]string{"/": "&lt;b&gt;first", "/browse/WORK-1": "one\ntwo", "/_/violations": `{"violations":[]}`, "/browse/WORK-9": "404"} {
			if got := get(path); !strings.Contains(got, want) {
				t.Errorf("%s: %s", path, got)
			}
		}

		for _, form := range []url.Values{{"title": {"edited"}, "body": {"three\r\nfour"}}, {"state": {"closed"}}} {
			answer, err := http.PostForm(d.page+"/browse/WORK-1", form)
			if err != nil || answer.StatusCode != 200 {
				t.Fatal(answer, err)
			}
			answer.Body.Close()
		}

		var told struct {
			Objects []object
			Writes  []struct {
				User   string
				Status int
			}
		}
		if err := json.Unmarshal([]byte(strings.TrimPrefix(get("/_/received"), "200")), &told); err != nil {
			t.Fatal(err)
		}

		o := told.Objects[0]
		if o.Title != "edited" || *o.Body != "three\nfour" || o.State != "closed" || o.Key != "WORK-1" || o.HTMLURL != d.config.BaseURL+"/browse/WORK-1" || o.User != "sync-bot" {
			t.Errorf("%+v", o)
		}

		if len(told.Writes) != 3 || told.Writes[0].User != "sync-bot" || told.Writes[2].User != "maria" {
			t.Errorf("%+v", told.Writes)
		}

		d.noViolations()
	})
}

// TestIndexLag: a search knows what was, a read what is.
func TestIndexLag(t *testing.T) {
	clock := newClock()
	d := start(t, Cloud, func(c *Config) {
		c.Now = clock.now
		c.IndexLag = time.Minute
	})
	d.send(ours, "POST", "/issue", fieldsJSON(`,"summary":"x"`))
	count := func() int {
		var page struct{ Issues []any }
		_ = json.Unmarshal([]byte(d.send(ours, "GET", "/search/jql?jql="+url.QueryEscape(`project = "WORK"`), "").text), &page)
		return len(page.Issues)
	}
	if answer := d.send(ours, "GET", "/issue/WORK-1", ""); answer.status != 200 || count() != 0 {
		t.Errorf("at once: %d, found %d", answer.status, count())
	}

	clock.pass(time.Minute)
	if count() != 1 {
		t.Error("not found after a minute")
	}
}

// FuzzCreate: whatever is sent is understood or refused, and never too long.
func FuzzCreate(f *testing.F) {
	f.Add([]byte(fieldsJSON(`,"summary":"x","labels":["a"],"description":"b"`)))
	f.Add([]byte(fieldsJSON(`,"summary":"x","description":{"type":"doc","version":1,"content":[null]}`)))
	f.Add([]byte(`{"fields":null,"update":{"labels":[{"add":"a"},{}]},"properties":[{}],"transition":{"id":"1"}}`))
	s := &issues{state: &state{config: Config{Flavor: Cloud}}}
	f.Fuzz(func(t *testing.T, raw []byte) {
		asked, refused := parseBody(raw)
		if (asked == nil) == (refused == nil) {
			t.Fatal("neither understood nor refused, or both")
		}

		_ = projectOf(raw)
		if refused != nil {
			return
		}

		var i issue
		if s.apply(&i, &project{}, asked, nil) == nil && length(i.Summary) > maxSummary {
			t.Fatalf("summary of %d", length(i.Summary))
		}
	})
}

// FuzzJQL: a query is understood or refused.
func FuzzJQL(f *testing.F) {
	f.Add(`project = "W\"" AND labels in ("a","b") AND updated >= "2026-11-23 10:00" ORDER BY updated DESC, id`)
	f.Fuzz(func(t *testing.T, jql string) {
		q, err := parseJQL(jql, time.UTC, func(name string) string { return name })
		if err == nil {
			for _, c := range q.conditions {
				c(&issue{})
			}
		}
	})
}
