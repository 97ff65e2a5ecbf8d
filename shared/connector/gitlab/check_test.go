package gitlab

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
)

var _ connector.Checker = (*Connector)(nil)

// show gives checks as people read them.
func show(checks []connector.Check) (text string) {
	for _, c := range checks {
		text += c.String() + " "
	}
	return text
}

func TestCheck(t *testing.T) {
	f, c := start(t, Config{Labels: true})
	role := func(project, group string) string {
		return `{"id":5,"issues_access_level":"enabled","permissions":{"project_access":` + project + `,"group_access":` + group + `}}`
	}
	const (
		reporter, guest, minimal = `{"access_level":20,"notification_level":3}`, `{"access_level":10}`, `{"access_level":5}`
		good                     = "reachable=ok credentials=ok target=ok "
		api                      = `{"id":1,"scopes":["api","read_user"],"active":true}`
	)

	// all is one result of all calls that write.
	all := func(result string) string {
		return "create=" + result + " update=" + result + " close=" + result + " reopen=" + result + " labels=" + result + " "
	}
	for name, test := range map[string]struct {
		status int
		header http.Header
		body   string
		self   string
		want   string
		log    string
	}{
		"a reporter":                   {200, nil, role(reporter, "null"), api, good + "issues=ok list=ok " + all("ok"), ""},
		"through the group":            {200, nil, role(guest, reporter), api, good + "issues=ok list=ok " + all("ok"), ""},
		"with another scope":           {200, nil, role(reporter, "null"), `{"scopes":["read_api"]}`, good + "issues=ok list=ok " + all("no(scope_missing)"), "lacks the api scope. acme/sub/tracker"},
		"a guest":                      {200, nil, role(guest, "null"), api, good + "issues=ok list=ok create=ok update=ok close=ok reopen=ok labels=no(labels_dropped) ", "below Planner"},
		"a scope that reads nothing":   {200, nil, role(reporter, "null"), `{"scopes":["read_user"]}`, good + "issues=ok list=no(scope_missing) " + all("no(scope_missing)"), "lacks the scope api"},
		"a custom role":                {200, nil, role(guest, "null"), `{"scopes":["api"],"user_id":7}`, good + "issues=ok list=ok create=ok update=ok close=ok reopen=ok labels=?(custom_role) ", ""},
		"a role by an invited group":   {200, nil, role("null", "null"), `{"scopes":["api"],"user_id":8}`, good + "issues=ok list=ok " + all("ok"), ""},
		"no member of the project":     {200, nil, role("null", "null"), `{"scopes":["api"],"user_id":9}`, good + "issues=ok list=ok " + all("?(not_told)"), ""},
		"less than a guest":            {200, nil, role(minimal, "null"), api, good + "issues=ok list=ok " + all("?(not_told)"), ""},
		"a fine-grained token":         {200, nil, role(reporter, "null"), `{"scopes":["granular"],"granular_scopes":[{"access":"selected_memberships","permissions":["read_work_item"],"project_id":1}]}`, good + "issues=ok list=ok " + all("?(not_told)"), ""},
		"scopes not told":              {200, nil, role(reporter, "null"), ``, good + "issues=ok list=ok " + all("?(not_told)"), ""},
		"scopes unreadable":            {200, nil, role(reporter, "null"), `{"scopes":1}`, good + "issues=ok list=ok " + all("?(not_told)"), ""},
		"an administrator":             {200, nil, role("null", "null"), api, good + "issues=ok list=ok " + all("?(not_told)"), ""},
		"issues disabled":              {200, nil, `{"id":5,"issues_enabled":false}`, api, good + "issues=no(issues_disabled) list=no(issues_disabled) " + all("no(issues_disabled)"), ""},
		"issues disabled, said newly":  {200, nil, `{"id":5,"issues_access_level":"disabled"}`, api, good + "issues=no(issues_disabled) list=no(issues_disabled) " + all("no(issues_disabled)"), ""},
		"archived":                     {200, nil, `{"id":5,"archived":true}`, api, good + "issues=no(archived) list=ok " + all("no(archived)"), ""},
		"no project":                   {200, nil, `{"a":1}`, api, "reachable=ok credentials=ok target=?(provider_error) ", "not a project"},
		"no JSON":                      {200, nil, `<html>`, api, "reachable=ok credentials=ok target=?(provider_error) ", "not a project"},
		"credentials":                  {401, nil, `{"error":"invalid_token","error_description":"Token was revoked."}`, api, "reachable=ok credentials=no(credentials_rejected) ", "revoked"},
		"not there, or not to be seen": {404, nil, `{"message":"404 Project Not Found"}`, api, "reachable=ok credentials=ok target=no(target_not_found) ", "Not Found"},
		"sent on elsewhere":            {301, http.Header{"Location": {"https://elsewhere.example/login"}}, `{}`, api, "reachable=ok credentials=ok target=no(target_moved) ", "base_url"},
		"forbidden":                    {403, nil, `{"message":"403 Forbidden"}`, api, "reachable=ok credentials=ok target=no(forbidden) ", "403"},
		"limited":                      {429, http.Header{"Retry-After": {"60"}}, `{}`, api, "reachable=ok credentials=?(rate_limited) ", "rate_limited"},
		"down":                         {503, nil, `x`, api, "reachable=ok credentials=?(provider_error) ", "503"},
	} {
		f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
			switch r.URL.EscapedPath() {
			case project:
				reply(w, test.status, test.header, test.body)
			case "/gitlab/api/v4/personal_access_tokens/self":
				reply(w, map[bool]int{true: 200, false: 404}[test.self != ""], nil, test.self)
			case "/gitlab/api/v4/projects/5/members/all/7":
				reply(w, 200, nil, `{"id":7,"access_level":10,"member_role":{"id":1,"name":"Triager","base_access_level":10}}`)
			case "/gitlab/api/v4/projects/5/members/all/8":
				reply(w, 200, nil, `{"id":8,"access_level":30,"member_role":null}`)
			case "/gitlab/api/v4/projects/5/members/all/9":
				reply(w, 404, nil, `{"message":"404 Not found"}`)
			default:
				t.Errorf("%s: asked %s", name, r.URL)
			}
		}

		checks, err := c.Check(t.Context())
		if got := show(checks); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}

		if (err != nil) != (test.log != "") || err != nil && !strings.Contains(failureOf(t, err).Error(), test.log) {
			t.Errorf("%s: %v, want %s in the log", name, err, test.log)
		}

		for _, one := range f.take() {
			if one.method != http.MethodGet {
				t.Errorf("%s: a check writes: %s", name, one.method)
			}
		}
	}
}

// A3: a renamed project passes the check. Calls go to its number.
func TestCheckFollowsARename(t *testing.T) {
	f, c := start(t, Config{})
	f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		switch r.URL.EscapedPath() {
		case project:
			reply(w, 301, http.Header{"Location": {base + "/projects/5"}}, ``)
		case "/gitlab/api/v4/projects/5":
			reply(w, 200, nil, `{"id":5,"issues_access_level":"enabled","permissions":{"project_access":{"access_level":20},"group_access":null}}`)
		default:
			reply(w, 200, nil, `{"id":1,"scopes":["api"]}`)
		}
	}

	checks, err := c.Check(t.Context())
	if got := show(checks); err != nil || got != "reachable=ok credentials=ok target=ok issues=ok list=ok create=ok update=ok close=ok reopen=ok " {
		t.Errorf("%s, %v", got, err)
	}
}

// Who may not label is not refused where no labels are kept.
func TestCheckOfAGuestWithoutLabels(t *testing.T) {
	f, c := start(t, Config{})
	f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		if strings.HasSuffix(r.URL.Path, "/personal_access_tokens/self") {
			reply(w, 200, nil, `{"id":1,"scopes":["api"]}`)
			return
		}
		reply(w, 200, nil, `{"id":5,"issues_access_level":"enabled","permissions":{"project_access":{"access_level":10},"group_access":null}}`)
	}

	checks, err := c.Check(t.Context())
	if err != nil || show(checks) != "reachable=ok credentials=ok target=ok issues=ok list=ok create=ok update=ok close=ok reopen=ok " {
		t.Error(checks, err)
	}
}

// Why a provider cannot be asked is not told: no name, no port, no address.
func TestCheckOfAnUnreachable(t *testing.T) {
	f, c := start(t, Config{})
	f.answer = func(http.ResponseWriter, *http.Request, []byte) { panic(http.ErrAbortHandler) }
	want := `[{"name":"reachable","ok":false,"code":"unreachable","detail":null}]`
	hosts := c.client.http.For([]string{"127.0.0.1", "169.254.169.254", "[::1]", "no.such.host.invalid", "example.com:1"}, false, nil)
	list := []*Connector{c}
	for _, address := range []string{"https://no.such.host.invalid", "https://127.0.0.1", "https://169.254.169.254", "https://[::1]", "http://example.com", "https://example.com:1"} {
		list = append(list, New(Config{Project: "o/r", Token: token, BaseURL: address + "/api/v4"}, hosts, nil))
	}

	for _, one := range list {
		checks, err := one.Check(t.Context())
		var e *failure.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: nothing for the log", one.client.place.baseURL)
		}

		if text, _ := json.Marshal(checks); string(text) != want {
			t.Errorf("%s: %s", one.client.place.baseURL, text)
		}
	}
}
