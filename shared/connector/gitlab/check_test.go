package gitlab

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"integrations/shared/connector"
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
	for name, test := range map[string]struct {
		status int
		header http.Header
		body   string
		self   string
		want   string
		log    string
	}{
		"a reporter":                   {200, nil, role(reporter, "null"), api, good + "issues=ok write=ok ", ""},
		"through the group":            {200, nil, role(guest, reporter), api, good + "issues=ok write=ok ", ""},
		"with another scope":           {200, nil, role(reporter, "null"), `{"scopes":["read_api"]}`, good + "issues=ok write=no(write_not_allowed) ", "lacks the api scope: acme/sub/tracker"},
		"a guest":                      {200, nil, role(guest, "null"), api, good + "issues=ok write=no(write_not_allowed) ", "below Planner"},
		"less than a guest":            {200, nil, role(minimal, "null"), api, good + "issues=ok write=no(write_not_allowed) ", "below Guest"},
		"scopes not told":              {200, nil, role(reporter, "null"), ``, good + "issues=ok write=?(not_told) ", ""},
		"scopes unreadable":            {200, nil, role(reporter, "null"), `{"scopes":1}`, good + "issues=ok write=?(not_told) ", ""},
		"an administrator":             {200, nil, role("null", "null"), api, good + "issues=ok write=?(not_told) ", ""},
		"issues disabled":              {200, nil, `{"id":5,"issues_enabled":false}`, api, good + "issues=no(issues_disabled) write=?(not_told) ", ""},
		"issues disabled, said newly":  {200, nil, `{"id":5,"issues_access_level":"disabled"}`, api, good + "issues=no(issues_disabled) write=?(not_told) ", ""},
		"archived":                     {200, nil, `{"id":5,"archived":true}`, api, good + "issues=no(archived) write=?(not_told) ", ""},
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
			default:
				t.Errorf("%s: asked %s", name, r.URL)
			}
		}
		checks, err := c.Check(t.Context())
		if got := show(checks); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
		if (err != nil) != (test.log != "") || err != nil && !strings.Contains(failure(t, err).Error(), test.log) {
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
	if got := show(checks); err != nil || got != "reachable=ok credentials=ok target=ok issues=ok write=ok " {
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
	if err != nil || checks[len(checks)-1].String() != "write=ok" {
		t.Error(checks, err)
	}
}

// Why a provider cannot be asked is not told: no name, no port, no address.
func TestCheckOfAnUnreachable(t *testing.T) {
	f, c := start(t, Config{})
	f.answer = func(http.ResponseWriter, *http.Request, []byte) { panic(http.ErrAbortHandler) }
	want := `[{"name":"reachable","ok":false,"code":"unreachable"}]`
	hosts := c.client.For([]string{"127.0.0.1", "169.254.169.254", "[::1]", "no.such.host.invalid", "example.com:1"}, false, nil)
	list := []*Connector{c}
	for _, address := range []string{"https://no.such.host.invalid", "https://127.0.0.1", "https://169.254.169.254", "https://[::1]", "http://example.com", "https://example.com:1"} {
		list = append(list, New(Config{Project: "o/r", Token: token, BaseURL: address + "/api/v4"}, hosts, nil))
	}
	for _, one := range list {
		checks, err := one.Check(t.Context())
		var e *connector.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: nothing for the log", one.cfg.BaseURL)
		}
		if text, _ := json.Marshal(checks); string(text) != want {
			t.Errorf("%s: %s", one.cfg.BaseURL, text)
		}
	}
}
