package github

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
)

const repositoryJSON = `{"id":42,"name":"Tracker","full_name":"Acme/Tracker","html_url":"https://example.com/Acme/Tracker","created_at":"2020-02-03T04:05:06Z","has_issues":true,"archived":false}`

var resolved = connector.Place{
	Instance: "example.com", ID: "42", Created: "2020-02-03T04:05:06Z", Name: "Acme/Tracker", URL: "https://example.com/Acme/Tracker", ByName: true,
}

// Resolve takes the repository from its answer, over one redirect at the
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
		"there":                    {200, nil, repositoryJSON, 0, "", 0},
		"archived":                 {200, nil, strings.Replace(repositoryJSON, `"archived":false`, `"archived":true`, 1), 0, "", 0},
		"renamed":                  {301, to(base + "/repositories/42"), ``, 200, "", 0},
		"renamed, found":           {302, to(base + "/repositories/42"), ``, 200, "", 0},
		"renamed, temporary":       {307, to(base + "/repositories/42"), ``, 200, "", 0},
		"renamed, permanent":       {308, to("/api/v3/repositories/42"), ``, 200, "", 0},
		"a proxy's other name":     {301, to("https://ghe.internal/api/v3/repositories/42"), ``, 200, "", 0},
		"a proxy without TLS":      {301, to("http://example.com/api/v3/repositories/42"), ``, 200, "", 0},
		"renamed and gone":         {301, to(base + "/repositories/42"), ``, 404, "target_not_found", failure.Final},
		"sent on twice":            {301, to(base + "/repositories/42"), ``, 301, "target_moved", failure.Final},
		"another host":             {301, to("https://elsewhere.example/repos/acme/tracker"), ``, 0, "target_moved", failure.Final},
		"another host by //":       {301, to("//elsewhere.example/login"), ``, 0, "target_moved", failure.Final},
		"above the root":           {301, to("https://example.com/login"), ``, 0, "target_moved", failure.Final},
		"above the root by ..":     {301, to(base + "/../../login"), ``, 0, "target_moved", failure.Final},
		"above the root, escaped":  {301, to(base + "/%2e%2e/%2e%2e/login"), ``, 0, "target_moved", failure.Final},
		"a name beside the root":   {301, to("https://example.com/api/v3evil"), ``, 0, "target_moved", failure.Final},
		"with a user":              {301, to("https://u:p@example.com/api/v3/repositories/42"), ``, 0, "target_moved", failure.Final},
		"to itself":                {301, to(base + "/repos/acme/tracker"), ``, 0, "target_moved", failure.Final},
		"nowhere":                  {301, nil, ``, 0, "target_moved", failure.Final},
		"not there":                {404, nil, `{"message":"Not Found"}`, 0, "target_not_found", failure.Final},
		"no token":                 {401, nil, `{"message":"Bad credentials"}`, 0, "credentials_rejected", failure.Final},
		"no right":                 {403, nil, `{"message":"SAML"}`, 0, "forbidden", failure.Final},
		"taken down":               {451, nil, `{"message":"Repository access blocked"}`, 0, "forbidden", failure.Final},
		"not yet":                  {202, nil, `{"message":"Accepted"}`, 0, "answer_unreadable", failure.Retryable},
		"without a body":           {204, nil, ``, 0, "answer_unreadable", failure.Retryable},
		"gone":                     {410, nil, `{"message":"Gone"}`, 0, "target_not_found", failure.Final},
		"refused otherwise":        {422, nil, `{"message":"no"}`, 0, "rejected", failure.Final},
		"limited":                  {429, nil, ``, 0, "rate_limited", failure.Retryable},
		"down":                     {502, nil, ``, 0, "provider_unavailable", failure.Retryable},
		"a login page":             {200, nil, `<html>Sign in</html>`, 0, "foreign_answer", failure.Retryable},
		"no repository":            {200, nil, `{"login":"x"}`, 0, "answer_unreadable", failure.Retryable},
		"a name that is a path":    {200, nil, `{"id":1,"full_name":"../../x"}`, 0, "answer_unreadable", failure.Retryable},
		"an id that is not one":    {200, nil, `{"id":-1,"full_name":"a/b"}`, 0, "answer_unreadable", failure.Retryable},
		"an id that is too large":  {200, nil, `{"id":99999999999999999999,"full_name":"a/b"}`, 0, "answer_unreadable", failure.Retryable},
		"a name without the owner": {200, nil, `{"id":1,"full_name":"b"}`, 0, "answer_unreadable", failure.Retryable},
	} {
		t.Run(name, func(t *testing.T) {
			f, c := start(t, Config{})
			f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
				switch {
				case r.URL.Path == "/api/v3/repos/acme/tracker":
					reply(w, test.status, test.header, test.body)
				case r.URL.Path == "/api/v3/repositories/42" && test.then != 0:
					reply(w, test.then, to(base+"/repositories/43"), repositoryJSON)
				default:
					t.Errorf("asked %s", r.URL)
					reply(w, 200, nil, repositoryJSON)
				}
			}

			place, err := c.Resolve(t.Context())
			if test.code != "" {
				if e := failureOf(t, err); e.Code != test.code || e.Class != test.class || e.Scope != failure.IntegrationScope {
					t.Errorf("%v scope %d: %v", e.Class, e.Scope, e)
				}

				if place != (connector.Place{}) || c.client.place.fullName() != "acme/tracker" {
					t.Errorf("a place without an answer: %+v", place)
				}
			} else if err != nil || place != resolved || c.client.place.fullName() != "Acme/Tracker" {
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

// After Use every call goes to the place's name; what is no place changes
// nothing.
func TestUse(t *testing.T) {
	f, c := start(t, Config{Labels: true})
	for _, none := range []connector.Place{
		{}, {Name: "a/b"}, {ID: "1", Name: "../x"}, {ID: "1", Name: "a/b/c"}, {ID: "x", Name: "a/b"}, {ID: "-1", Name: "a/b"}, {ID: "1", Name: "a/."},
	} {
		if c.Use(none); c.client.place.fullName() != "acme/tracker" {
			t.Errorf("%+v is used", none)
		}
	}

	f.router = nil // the description is of the name in the configuration
	f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		switch {
		case r.Method == http.MethodPost:
			reply(w, 201, nil, issueJSON(7, "open", ""))
		case strings.HasSuffix(r.URL.Path, "/issues"):
			reply(w, 200, nil, `[]`)
		default:
			reply(w, 200, nil, issueJSON(7, "open", ""))
		}
	}

	c.Use(connector.Place{ID: "42", Name: "other/new.name"})
	if calls := f.take(); len(calls) != 0 {
		t.Errorf("Use makes calls: %v", calls)
	}

	content := connector.Content{Title: "T", Labels: []string{"x"}, State: domain.Closed}
	_, err := c.Create(t.Context(), content, marker)
	if err != nil {
		t.Error(err)
	}

	if _, err = c.Update(t.Context(), connector.Sent{Remote: domain.Remote{Key: "7"}, State: domain.Open}, content, marker); err != nil {
		t.Error(err)
	}

	if _, _, err = c.Changes(t.Context(), now, 0); err != nil {
		t.Error(err)
	}

	if _, err = c.Find(t.Context(), now, []connector.Marker{marker}); err != nil {
		t.Error(err)
	}

	var lines []string
	for _, one := range f.take() {
		lines = append(lines, one.method+" "+one.path)
	}

	const at = "/api/v3/repos/other/new.name"
	want := []string{"POST " + at + "/issues", "GET " + at + "/issues/7", "PATCH " + at + "/issues/7", "GET " + at + "/issues", "GET " + at + "/issues"}
	if strings.Join(lines, "\n") != strings.Join(want, "\n") {
		t.Errorf("calls %q, want %q", lines, want)
	}
}

// A4: an issue that is not there is no deleted one where another repository has
// the name by now.
func TestIssueOfAnotherRepository(t *testing.T) {
	for id, want := range map[string]string{"42": "remote_deleted", "43": "target_moved"} {
		f, c := start(t, Config{})
		c.Use(resolved)
		f.router = nil
		f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
			if strings.HasSuffix(r.URL.Path, "/issues/7") {
				reply(w, 404, nil, `{"message":"Not Found"}`)
				return
			}
			reply(w, 200, nil, strings.Replace(repositoryJSON, "42", id, 1))
		}

		_, err := c.Update(t.Context(), connector.Sent{Remote: domain.Remote{Key: "7"}}, connector.Content{Title: "T", State: domain.Open}, marker)
		e := failureOf(t, err)
		if e.Code != want || e.Class != failure.Final || (e.Scope == failure.IntegrationScope) != (want == "target_moved") {
			t.Errorf("repository %s: %v scope %d: %v", id, e.Class, e.Scope, e)
		}
	}
}

// An app's token is asked for by the id of a place that is known. One that was
// asked for by name before stays good for the same repository, and no other.
func TestAppTokenByID(t *testing.T) {
	byName := `{"repositories":["tracker"],"permissions":{"issues":"write","metadata":"read"}}`
	byID := `{"repository_ids":[42],"permissions":{"issues":"write","metadata":"read"}}`
	for name, test := range map[string]struct {
		listed string // the repositories that the token by name is said to be for
		known  bool   // the place is known before the first call
		want   []string
	}{
		"known":                           {"", true, []string{byID}},
		"not known, not listed":           {"", false, []string{byName}},
		"not known, listed":               {`{"id":42,"full_name":"acme/tracker"}`, false, []string{byName}},
		"listed without an id":            {`{"full_name":"acme/TRACKER"}`, false, []string{byName}},
		"another owner's":                 {`{"id":7,"full_name":"fork/tracker"}`, false, []string{byName, byID}},
		"one of the same name before":     {`{"id":7,"full_name":"acme/tracker"}`, false, []string{byName, byID}},
		"another owner's, without its id": {`{"full_name":"fork/tracker"}`, false, []string{byName, byID}},
	} {
		t.Run(name, func(t *testing.T) {
			f, c := startApp(t, func(w http.ResponseWriter, _ *http.Request) {
				reply(w, 201, nil, fmt.Sprintf(`{"token":"%s","expires_at":"%s","repositories":[%s]}`, ghs, now.Add(time.Hour).Format(time.RFC3339), test.listed))
			})
			granting := f.answer
			f.answer = func(w http.ResponseWriter, r *http.Request, body []byte) {
				switch {
				case r.Method == http.MethodGet:
					reply(w, 200, nil, strings.Replace(repositoryJSON, "Acme", "acme", 1))
				case strings.HasSuffix(r.URL.Path, "/issues"):
					reply(w, 201, nil, issueJSON(7, "open", ""))
				default:
					granting(w, r, body)
				}
			}

			f.router = nil
			if test.known {
				c.Use(resolved)
			}

			for range 2 {
				if _, err := c.Resolve(t.Context()); err != nil {
					t.Fatal(err)
				}

				if _, err := c.Create(t.Context(), connector.Content{Title: "T"}, marker); err != nil {
					t.Fatal(err)
				}
			}

			var asked []string
			for _, one := range f.take() {
				if strings.HasSuffix(one.path, "/access_tokens") {
					asked = append(asked, one.body)
					asDescribed(t, one.body)
				}
			}

			if fmt.Sprint(asked) != fmt.Sprint(test.want) {
				t.Errorf("asked %q, want %q", asked, test.want)
			}
		})
	}
}

// A token for the repository that was resolved is not used for another place.
func TestAppTokenOfAnotherPlace(t *testing.T) {
	f, c := startApp(t, nil)
	granting := f.answer
	f.router = nil
	f.answer = func(w http.ResponseWriter, r *http.Request, body []byte) {
		switch {
		case r.Method == http.MethodPost:
			granting(w, r, body)
		case strings.HasSuffix(r.URL.Path, "/issues"):
			reply(w, 200, nil, `[]`)
		default:
			reply(w, 200, nil, repositoryJSON)
		}
	}
	if _, err := c.Resolve(t.Context()); err != nil {
		t.Fatal(err)
	}

	for range 2 {
		c.Use(connector.Place{ID: "7", Name: "acme/before"})
		if _, err := c.Find(t.Context(), now, []connector.Marker{marker}); err != nil {
			t.Fatal(err)
		}
	}

	var asked []string
	for _, one := range f.take() {
		if one.method == http.MethodPost {
			asked = append(asked, one.body)
		}
	}

	if len(asked) != 2 || !strings.Contains(asked[0], `"repositories":["tracker"]`) || !strings.Contains(asked[1], `"repository_ids":[7]`) {
		t.Errorf("asked %q", asked)
	}
}

// A configuration that spells another repository than the place in use: the
// token of the one does not reach the other, so one is asked for by name.
func TestAppResolvesAnotherRepository(t *testing.T) {
	for name, test := range map[string]struct {
		refused int // what a token by the old id is refused with, 0 where it is given
		tokens  int
	}{
		"installed on both":        {0, 2},
		"no longer on the old one": {422, 2},
	} {
		t.Run(name, func(t *testing.T) {
			f, c := startApp(t, nil)
			f.router = nil
			f.answer = func(w http.ResponseWriter, r *http.Request, body []byte) {
				other := strings.Contains(string(body), "repository_ids")
				switch {
				case r.Method == http.MethodPost && other && test.refused != 0:
					reply(w, test.refused, nil, `{"message":"There is at least one repository that does not exist or is not accessible to the parent installation."}`)
				case r.Method == http.MethodPost:
					token := map[bool]string{true: "old-token", false: "new-token"}[other]
					reply(w, 201, nil, fmt.Sprintf(`{"token":"%s","expires_at":"%s"}`, token, now.Add(time.Hour).Format(time.RFC3339)))
				case r.Header.Get("Authorization") == "Bearer new-token":
					reply(w, 200, nil, repositoryJSON)
				default:
					reply(w, 404, nil, `{"message":"Not Found"}`)
				}
			}

			c.Use(connector.Place{ID: "7", Name: "acme/before"})
			place, err := c.Resolve(t.Context())
			if err != nil || place != resolved {
				t.Errorf("%+v, %v", place, err)
			}

			tokens := 0
			for _, one := range f.take() {
				if one.method == http.MethodPost {
					tokens++
				}
			}

			if tokens != test.tokens {
				t.Errorf("%d tokens asked for", tokens)
			}
		})
	}
}

// The server is named as it names itself, github.com always the same; the time
// is one time however it is written.
func TestPlaceOfAnAnswer(t *testing.T) {
	for name, test := range map[string]struct {
		base, page, created string
		instance, url, at   string
	}{
		"github.com":           {DefaultBaseURL, "https://github.com/a/b", `"2020-02-03T04:05:06Z"`, "github.com", "https://github.com/a/b", "2020-02-03T04:05:06Z"},
		"whatever it links to": {DefaultBaseURL, "https://elsewhere.example/a/b", `"2020-02-03T04:05:06Z"`, "github.com", "https://elsewhere.example/a/b", "2020-02-03T04:05:06Z"},
		"data residency":       {"https://api.acme.ghe.com", "https://acme.ghe.com/a/b", `"2020-02-03T04:05:06.789+02:00"`, "acme.ghe.com", "https://acme.ghe.com/a/b", "2020-02-03T02:05:06Z"},
		"behind a proxy":       {"https://proxy.example/api/v3", "https://GHE.internal:443/a/b", `"2020-02-03T04:05:06Z"`, "ghe.internal", "https://GHE.internal:443/a/b", "2020-02-03T04:05:06Z"},
		"with a port":          {"https://proxy.example/api/v3", "https://ghe.internal:8443/a/b", `"2020-02-03T04:05:06Z"`, "ghe.internal:8443", "https://ghe.internal:8443/a/b", "2020-02-03T04:05:06Z"},
		"without a link":       {"https://GHE.example/api/v3", "", `"2020-02-03T04:05:06Z"`, "ghe.example", "", "2020-02-03T04:05:06Z"},
		"a link that is none":  {"https://ghe.example/api/v3", "javascript:alert(1)", `null`, "ghe.example", "", ""},
		"another time":         {"https://ghe.example/api/v3", "", `"Tue Feb 03"`, "ghe.example", "", "Tue Feb 03"},
		"a time as a number":   {"https://ghe.example/api/v3", "", `1580702706`, "ghe.example", "", ""},
	} {
		page, _ := json.Marshal(test.page)
		place, ok := parsePlace(test.base, []byte(`{"id":42,"full_name":"a/b","html_url":`+string(page)+`,"created_at":`+test.created+`}`))
		want := connector.Place{Instance: test.instance, ID: "42", Created: test.at, Name: "a/b", URL: test.url, ByName: true}
		if !ok || place != want {
			t.Errorf("%s: %+v, want %+v", name, place, want)
		}
	}
}

// Whatever an answer holds, a place that comes out of it has an id and a name
// that is safe in a path.
func FuzzParsePlace(f *testing.F) {
	f.Add([]byte(repositoryJSON))
	f.Add([]byte(`{"id":1,"full_name":"a/..","html_url":"https://x/\u0000","created_at":{}}`))
	f.Add([]byte(`{"id":1,"full_name":"a/b","html_url":"http://[::1]:80/","created_at":"0000-01-01T00:00:00+23:59"}`))
	f.Add([]byte(`[`))
	f.Fuzz(func(t *testing.T, body []byte) {
		place, ok := parsePlace(base, body)
		if !ok {
			if place != (connector.Place{}) {
				t.Fatalf("%+v", place)
			}
			return
		}

		if strings.Trim(place.ID, "0123456789") != "" || place.ID == "" || place.Instance == "" || len(place.Created) > 256 || !utf8.ValidString(place.Created) {
			t.Fatalf("%+v", place)
		}

		if shown, ok := markup.WebURL(place.URL); place.URL != "" && (!ok || shown != place.URL) {
			t.Fatalf("a link that is none: %q", place.URL)
		}

		c := New(Config{Owner: "o", Repo: "r", BaseURL: base}, nil, nil)
		c.Use(place)
		address := c.client.place.address()
		u, err := url.Parse(address)
		if err != nil || u.Path != "/api/v3/repos/"+place.Name || strings.Count(place.Name, "/") != 1 || path.Clean(u.Path) != u.Path {
			t.Fatalf("%q leads to %q", place.Name, address)
		}
	})
}

// Before a place is in use, a 404 of any form says that the configuration is
// wrong. Later a gateway's 404 is an outage.
func TestForeignNotFoundOfThePlace(t *testing.T) {
	f, c := start(t, Config{})
	f.answers(404, http.Header{"Content-Type": {"text/plain"}}, "default backend - 404")
	_, err := c.Resolve(t.Context())
	if e := failureOf(t, err); e.Class != failure.Final || e.Code != "target_not_found" {
		t.Error(e)
	}

	checks, _ := c.Check(t.Context())
	if said := checks[len(checks)-1].String(); said != "target=no(target_not_found)" {
		t.Error(said)
	}

	c.Use(connector.Place{ID: "1", Name: "acme/tracker", ByName: true})
	_, err = c.Resolve(t.Context())
	if e := failureOf(t, err); e.Class != failure.Retryable || e.Scope != failure.IntegrationScope || e.Code != "provider_unavailable" {
		t.Error(e)
	}
}
