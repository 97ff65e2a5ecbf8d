package gitlab

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
)

const projectJSON = `{"id":5,"path_with_namespace":"Acme/sub/Tracker","web_url":"https://example.com/gitlab/Acme/sub/Tracker","created_at":"2020-02-03T04:05:06.789Z","archived":false,"issues_access_level":"enabled"}`

var resolved = connector.Place{
	Instance: "example.com", ID: "5", Created: "2020-02-03T04:05:06Z", Name: "Acme/sub/Tracker", URL: "https://example.com/gitlab/Acme/sub/Tracker",
}

// Resolve takes the project from its answer, over one redirect at the
// configured host, and says why there is none.
func TestResolve(t *testing.T) {
	to := func(address string) http.Header { return http.Header{"Location": {address}} }
	for name, test := range map[string]struct {
		status int
		header http.Header
		body   string
		then   int // the status of the second answer, 0 where there must be no second call
		code   string
		class  failure.Class
	}{
		"there":                    {200, nil, projectJSON, 0, "", 0},
		"archived":                 {200, nil, strings.Replace(projectJSON, `"archived":false`, `"archived":true`, 1), 0, "", 0},
		"renamed":                  {301, to(base + "/projects/5"), ``, 200, "", 0},
		"renamed, found":           {302, to("/gitlab/api/v4/projects/5"), ``, 200, "", 0},
		"renamed, temporary":       {307, to(base + "/projects/5"), ``, 200, "", 0},
		"renamed, permanent":       {308, to(base + "/projects/5"), ``, 200, "", 0},
		"a proxy's other name":     {301, to("https://git.internal/gitlab/api/v4/projects/5"), ``, 200, "", 0},
		"a proxy without TLS":      {301, to("http://example.com:8080/gitlab/api/v4/projects/5"), ``, 200, "", 0},
		"renamed and gone":         {301, to(base + "/projects/5"), ``, 404, "target_not_found", failure.Final},
		"sent on twice":            {301, to(base + "/projects/5"), ``, 301, "target_moved", failure.Final},
		"another host":             {301, to("https://elsewhere.example/api/v4/projects/5"), ``, 0, "target_moved", failure.Final},
		"another host by //":       {301, to("//elsewhere.example/users/sign_in"), ``, 0, "target_moved", failure.Final},
		"a login page":             {302, to("https://example.com/gitlab/users/sign_in"), ``, 0, "target_moved", failure.Final},
		"above the root by ..":     {301, to(base + "/../../x"), ``, 0, "target_moved", failure.Final},
		"above the root, escaped":  {301, to(base + "/%2e%2e/%2e%2e/x"), ``, 0, "target_moved", failure.Final},
		"with a user":              {301, to("https://u:p@example.com/gitlab/api/v4/projects/5"), ``, 0, "target_moved", failure.Final},
		"nowhere":                  {301, nil, ``, 0, "target_moved", failure.Final},
		"not there":                {404, nil, `{"message":"404 Project Not Found"}`, 0, "target_not_found", failure.Final},
		"no token":                 {401, nil, `{"message":"401 Unauthorized"}`, 0, "credentials_rejected", failure.Final},
		"no right":                 {403, nil, `{"message":"403 Forbidden"}`, 0, "forbidden", failure.Final},
		"not yet":                  {202, nil, `{"message":"Accepted"}`, 0, "answer_unreadable", failure.Retryable},
		"without a body":           {204, nil, ``, 0, "answer_unreadable", failure.Retryable},
		"gone":                     {410, nil, `{"message":"Gone"}`, 0, "target_not_found", failure.Final},
		"refused otherwise":        {422, nil, `{"message":"no"}`, 0, "rejected", failure.Final},
		"limited":                  {429, nil, ``, 0, "rate_limited", failure.Retryable},
		"down":                     {502, nil, ``, 0, "provider_unavailable", failure.Retryable},
		"a page":                   {200, nil, `<html>Sign in</html>`, 0, "foreign_answer", failure.Retryable},
		"no project":               {200, nil, `{"username":"x"}`, 0, "answer_unreadable", failure.Retryable},
		"a project without a path": {200, nil, `{"id":5}`, 0, "answer_unreadable", failure.Retryable},
		"an id that is not one":    {200, nil, `{"id":-5,"path_with_namespace":"a/b"}`, 0, "answer_unreadable", failure.Retryable},
		"an id that is a text":     {200, nil, `{"id":"5","path_with_namespace":"a/b"}`, 0, "answer_unreadable", failure.Retryable},
	} {
		t.Run(name, func(t *testing.T) {
			f, c := start(t, Config{})
			f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
				switch {
				case r.URL.EscapedPath() == project:
					reply(w, test.status, test.header, test.body)
				case r.URL.EscapedPath() == "/gitlab/api/v4/projects/5" && test.then != 0:
					reply(w, test.then, to(base+"/projects/6"), projectJSON)
				default:
					t.Errorf("asked %s", r.URL)
					reply(w, 200, nil, projectJSON)
				}
			}

			place, err := c.Resolve(t.Context())
			if test.code != "" {
				if e := failureOf(t, err); e.Code != test.code || e.Class != test.class || e.Scope != failure.IntegrationScope {
					t.Errorf("%v scope %d: %v", e.Class, e.Scope, e)
				}

				if place != (connector.Place{}) || !strings.HasSuffix(c.client.place.address(), project) {
					t.Errorf("a place without an answer: %+v", place)
				}
			} else if err != nil || place != resolved || c.client.place.address() != base+"/projects/5" {
				t.Errorf("%+v, %v", place, err)
			}

			calls := f.take()
			if want := 1 + min(test.then, 1); len(calls) != want {
				t.Errorf("%d calls, want %d", len(calls), want)
			}

			for _, one := range calls {
				if one.method != http.MethodGet {
					t.Errorf("it writes: %s %s", one.method, one.path)
				}
			}
		})
	}
}

// A1, A3: after Use every call goes to the project's number; what is no place
// changes nothing.
func TestUse(t *testing.T) {
	f, c := start(t, Config{Labels: true})
	for _, none := range []connector.Place{{}, {Name: "a/b"}, {ID: "x"}, {ID: "-1"}, {ID: "1/../2"}} {
		if c.Use(none); !strings.HasSuffix(c.client.place.address(), project) {
			t.Errorf("%+v is used", none)
		}
	}

	f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		switch {
		case r.Method == http.MethodPost:
			reply(w, 201, nil, issueJSON(7, "opened", ""))
		case r.Method == http.MethodGet:
			reply(w, 200, nil, `[]`)
		default:
			reply(w, 200, nil, issueJSON(7, "closed", ""))
		}
	}

	c.Use(connector.Place{ID: "5", Name: "other/name"})
	if calls := f.take(); len(calls) != 0 {
		t.Errorf("Use makes calls: %v", calls)
	}

	content := connector.Content{Title: "T", Labels: []string{"x"}, State: domain.Closed}
	if _, err := c.Create(t.Context(), content, marker); err != nil {
		t.Error(err)
	}

	if _, err := c.Update(t.Context(), connector.Sent{Remote: domain.Remote{Key: "7"}, State: domain.Open}, content, marker); err != nil {
		t.Error(err)
	}

	if _, _, err := c.Changes(t.Context(), now, 0); err != nil {
		t.Error(err)
	}

	if _, err := c.Find(t.Context(), now, []connector.Marker{marker}); err != nil {
		t.Error(err)
	}

	var lines []string
	for _, one := range f.take() {
		lines = append(lines, one.method+" "+one.path)
	}

	const at = "/gitlab/api/v4/projects/5/issues"
	want := []string{"POST " + at, "PUT " + at + "/7", "GET " + at, "GET " + at}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("calls %q, want %q", lines, want)
	}
}

// A3: without a number a write at the old path of a moved project is refused
// with 405. That is the project's affair, not one item's. Another 405 is the
// item's.
func TestWriteAtAnOldPath(t *testing.T) {
	for said, want := range map[string]struct {
		code  string
		scope failure.Scope
	}{
		`{"message":"Non GET methods are not allowed for moved projects"}`: {"target_moved", failure.IntegrationScope},
		`{"message":"405 Method Not Allowed"}`:                             {"rejected", failure.ItemScope},
	} {
		f, c := start(t, Config{})
		f.answers(405, nil, said)
		for name, write := range map[string]func() error{
			"create": func() error {
				_, err := c.Create(t.Context(), connector.Content{Title: "T"}, marker)
				return err
			},
			"update": func() error {
				_, err := c.Update(t.Context(), connector.Sent{Remote: domain.Remote{Key: "7"}}, connector.Content{Title: "T", State: domain.Open}, marker)
				return err
			},
		} {
			if e := failureOf(t, write()); e.Code != want.code || e.Class != failure.Final || e.Scope != want.scope {
				t.Errorf("%s, %s: %v scope %d: %v", name, said, e.Class, e.Scope, e)
			}
		}
	}
}

// The server is named as it names itself, gitlab.com always the same; the time
// is one time in whatever zone it is written.
func TestPlaceOfAnAnswer(t *testing.T) {
	for name, test := range map[string]struct {
		base, page, created string
		instance, url, at   string
	}{
		"gitlab.com":           {DefaultBaseURL, `"https://gitlab.com/a/b"`, `"2020-02-03T04:05:06.789Z"`, "gitlab.com", "https://gitlab.com/a/b", "2020-02-03T04:05:06Z"},
		"whatever it links to": {DefaultBaseURL, `"https://elsewhere.example/a/b"`, `null`, "gitlab.com", "https://elsewhere.example/a/b", ""},
		"in a time zone":       {"https://git.example/api/v4", `"https://git.example/a/b"`, `"2020-02-03T06:05:06.789+02:00"`, "git.example", "https://git.example/a/b", "2020-02-03T04:05:06Z"},
		"behind a proxy":       {"https://proxy.example/api/v4", `"https://GIT.internal:443/a/b"`, `null`, "git.internal", "https://GIT.internal:443/a/b", ""},
		"with a port":          {"https://proxy.example/api/v4", `"http://git.internal:8080/a/b"`, `null`, "git.internal:8080", "http://git.internal:8080/a/b", ""},
		"without a link":       {"https://GIT.example/gitlab/api/v4", `null`, `null`, "git.example", "", ""},
		"a link that is none":  {"https://git.example/api/v4", `"javascript:alert(1)"`, `3`, "git.example", "", ""},
		"another time":         {"https://git.example/api/v4", `7`, `"yesterday"`, "git.example", "", "yesterday"},
	} {
		place, ok := parsePlace(test.base, []byte(`{"id":5,"path_with_namespace":"a/b","web_url":`+test.page+`,"created_at":`+test.created+`}`))
		want := connector.Place{Instance: test.instance, ID: "5", Created: test.at, Name: "a/b", URL: test.url}
		if !ok || place != want {
			t.Errorf("%s: %+v, want %+v", name, place, want)
		}
	}
}

// Whatever an answer holds, a place that comes out of it has a number, a name of
// one line and a link that can be shown.
func FuzzParsePlace(f *testing.F) {
	f.Add([]byte(projectJSON))
	f.Add([]byte(`{"id":1,"path_with_namespace":"a\n\u0000/b","web_url":"https://x/\u0000","created_at":{}}`))
	f.Add([]byte(`{"id":1,"path_with_namespace":"a/b","web_url":"http://[::1]:80/","created_at":"0000-01-01T00:00:00+23:59"}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, body []byte) {
		place, ok := parsePlace(base, body)
		if !ok {
			if place != (connector.Place{}) {
				t.Fatalf("%+v", place)
			}
			return
		}

		if strings.Trim(place.ID, "0123456789") != "" || place.ID == "" || place.Instance == "" || place.ByName {
			t.Fatalf("%+v", place)
		}

		if strings.ContainsAny(place.Name, "\n\r") || utf8.RuneCountInString(place.Name) > longestPath || len(place.Created) > 256 || !utf8.ValidString(place.Created) {
			t.Fatalf("%+v", place)
		}

		if shown, ok := markup.WebURL(place.URL); place.URL != "" && (!ok || shown != place.URL) {
			t.Fatalf("a link that is none: %q", place.URL)
		}

		c := New(Config{Project: "o/r", BaseURL: base}, nil, nil)
		c.Use(place)
		if u, err := url.Parse(c.client.place.address()); err != nil || u.Path != "/gitlab/api/v4/projects/"+place.ID {
			t.Fatalf("%+v leads to %q", place, c.client.place.address())
		}
	})
}

// Before a place is in use, a 404 of any form says that the configuration is
// wrong. Later a gateway's 404 is an outage.
func TestForeignNotFoundOfThePlace(t *testing.T) {
	f, c := start(t, Config{})
	f.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		typed(w, 404, "text/plain", "default backend - 404")
	}
	_, err := c.Resolve(t.Context())
	if e := failureOf(t, err); e.Class != failure.Final || e.Code != "target_not_found" {
		t.Error(e)
	}

	checks, _ := c.Check(t.Context())
	if said := checks[len(checks)-1].String(); said != "target=no(target_not_found)" {
		t.Error(said)
	}

	c.Use(connector.Place{ID: "5", Name: "acme/sub/tracker"})
	_, err = c.Resolve(t.Context())
	if e := failureOf(t, err); e.Class != failure.Retryable || e.Scope != failure.IntegrationScope || e.Code != "provider_unavailable" {
		t.Error(e)
	}
}
