package github

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"example.com/integrations/shared/connector"
)

// show gives checks as "name=ok" or "name:code", ? for what is not known.
func show(checks []connector.Check) (text string) {
	for _, c := range checks {
		mark := "?"
		if c.OK != nil {
			mark = map[bool]string{true: "ok", false: "no"}[*c.OK]
		}

		if text += c.Name + "=" + mark; c.Code != nil {
			text += "(" + *c.Code + ")"
		}

		text += " "
	}

	return text
}

func TestCheck(t *testing.T) {
	f, c := start(t, Config{Labels: true})
	scopes := func(s string) http.Header { return http.Header{"X-Oauth-Scopes": {s}} }
	writes := `{"has_issues":true,"archived":false,"permissions":{"push":true,"triage":true,"maintain":false,"admin":false,"pull":true}}`
	const good = "reachable=ok credentials=ok target=ok "
	// each is one result of all calls that write.
	each := func(result string) string {
		return "create=" + result + " update=" + result + " close=" + result + " reopen=" + result + " labels=" + result + " "
	}
	for name, test := range map[string]struct {
		status int
		header http.Header
		body   string
		want   string
	}{
		"a classic token":              {200, scopes("repo, read:org"), writes, good + "issues=ok list=ok " + each("ok")},
		"for public ones":              {200, scopes("public_repo"), writes, good + "issues=ok list=ok " + each("ok")},
		"with other scopes":            {200, scopes("repo:status, gist"), writes, good + "issues=ok list=ok " + each("no(scope_missing)")},
		"with no scope":                {200, scopes(""), writes, good + "issues=ok list=ok " + each("no(scope_missing)")},
		"a fine-grained token":         {200, nil, writes, good + "issues=ok list=ok " + each("?(not_told)")},
		"who only reads":               {200, scopes("repo"), `{"has_issues":true,"permissions":{"push":false,"triage":false,"pull":true}}`, good + "issues=ok list=ok create=ok update=ok close=ok reopen=?(own_only) labels=no(labels_dropped) "},
		"who triages":                  {200, scopes("repo"), `{"has_issues":true,"permissions":{"push":false,"triage":true,"pull":true}}`, good + "issues=ok list=ok create=ok update=ok close=ok reopen=ok labels=no(labels_dropped) "},
		"who reads, fine-grained":      {200, nil, `{"has_issues":true,"permissions":{"pull":true}}`, good + "issues=ok list=ok create=?(not_told) update=?(not_told) close=?(not_told) reopen=?(own_only) labels=no(labels_dropped) "},
		"no permissions told":          {200, scopes("repo"), `{"has_issues":true}`, good + "issues=ok list=ok " + each("?(not_told)")},
		"issues disabled":              {200, nil, `{"has_issues":false,"permissions":{"triage":true}}`, good + "issues=no(issues_disabled) list=no(issues_disabled) " + each("no(issues_disabled)")},
		"archived":                     {200, nil, `{"has_issues":true,"archived":true,"permissions":{"push":true}}`, good + "issues=no(archived) list=ok " + each("no(archived)")},
		"no repository":                {200, nil, `{"a":1}`, "reachable=ok credentials=ok target=?(provider_error) "},
		"no JSON":                      {200, nil, `<html>`, "reachable=ok credentials=ok target=?(provider_error) "},
		"credentials":                  {401, nil, `{"message":"Bad credentials"}`, "reachable=ok credentials=no(credentials_rejected) "},
		"not there, or not to be seen": {404, nil, `{"message":"Not Found"}`, "reachable=ok credentials=ok target=no(target_not_found) "},
		"moved":                        {301, http.Header{"Location": {"https://elsewhere.example/repos/a/b"}}, `{}`, "reachable=ok credentials=ok target=no(target_moved) "},
		"sent on once more":            {301, http.Header{"Location": {base + "/repositories/1"}}, `{}`, "reachable=ok credentials=ok target=no(target_moved) "},
		"forbidden":                    {403, nil, `{"message":"SAML"}`, "reachable=ok credentials=ok target=no(forbidden) "},
		"limited":                      {403, http.Header{"Retry-After": {"60"}}, `{}`, "reachable=ok credentials=?(rate_limited) "},
		"limited without a word":       {429, nil, `{}`, "reachable=ok credentials=?(rate_limited) "},
		"down":                         {503, nil, `x`, "reachable=ok credentials=?(provider_error) "},
		"broken":                       {500, nil, `x`, "reachable=ok credentials=?(provider_error) "},
	} {
		f.answers(test.status, test.header, test.body)
		checks, err := c.Check(t.Context())
		if got := show(checks); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}

		if !strings.Contains(test.want, "target=ok") {
			failureOf(t, err) // for the log
		}

		calls := f.take()
		if want := 1 + strings.Count(name, "sent on"); len(calls) != want {
			t.Errorf("%s: %d calls", name, len(calls))
		}

		for _, one := range calls {
			if one.method != http.MethodGet {
				t.Errorf("%s: a check writes: %s", name, one.method)
			}
		}
	}
}

// A4: a renamed repository passes the check. Calls go to its new name.
func TestCheckFollowsARename(t *testing.T) {
	f, c := start(t, Config{})
	f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		if r.URL.Path == "/api/v3/repos/acme/tracker" {
			reply(w, 301, http.Header{"Location": {base + "/repositories/1"}}, `{"message":"Moved Permanently"}`)
			return
		}
		reply(w, 200, http.Header{"X-Oauth-Scopes": {"repo"}}, `{"id":1,"full_name":"acme/new","has_issues":true,"permissions":{"push":true}}`)
	}

	checks, err := c.Check(t.Context())
	if got := show(checks); err != nil || got != "reachable=ok credentials=ok target=ok issues=ok list=ok create=ok update=ok close=ok reopen=ok " {
		t.Errorf("%s, %v", got, err)
	}
}

// Why a provider cannot be asked is not told: no name, no port, no address.
func TestCheckOfAnUnreachable(t *testing.T) {
	f, c := start(t, Config{})
	f.answer = func(http.ResponseWriter, *http.Request, []byte) { panic(http.ErrAbortHandler) }
	want := `[{"name":"reachable","ok":false,"code":"unreachable","detail":null}]`
	told := func(c *Connector) string {
		checks, err := c.Check(t.Context())
		if err == nil {
			t.Error("nothing for the log")
		}

		text, _ := json.Marshal(checks)
		return string(text)
	}
	if got := told(c); got != want {
		t.Errorf("%s", got)
	}

	for _, address := range []string{"https://no.such.host.invalid", "https://127.0.0.1", "https://169.254.169.254", "https://[::1]", "http://example.com", "https://example.com:1"} {
		blocked := New(Config{Owner: "o", Repo: "r", Token: token, BaseURL: address}, c.client.http.For([]string{"127.0.0.1", "169.254.169.254", "[::1]", "no.such.host.invalid", "example.com:1"}, false, nil), nil)
		if got := told(blocked); got != want {
			t.Errorf("%s: %s", address, got)
		}
	}
}
