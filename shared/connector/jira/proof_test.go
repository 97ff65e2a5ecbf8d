package jira

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

const (
	jsonType = "application/json;charset=UTF-8"
	htmlType = "text/html;charset=UTF-8"

	loginPage   = `<!DOCTYPE html><html><head><title>Log in - Jira</title></head><body><form id="login-form"></form></body></html>`
	blockedPage = `<html><head><title>Attention Required!</title></head><body>Your request was blocked.</body></html>`

	wayDone   = `{"transitions":[{"id":"2","to":{"statusCategory":{"key":"done"}}}]}`
	allRights = `{"permissions":{"BROWSE_PROJECTS":{"havePermission":true},"CREATE_ISSUES":{"havePermission":true},"EDIT_ISSUES":{"havePermission":true},"TRANSITION_ISSUES":{"havePermission":true}}}`
)

// A told answer is one of a server.
type told struct {
	status int
	header http.Header
	body   string
}

func pageOf(status int, body string) told {
	return told{status, http.Header{"Content-Type": {htmlType}}, body}
}

func object(status int, body string) told {
	return told{status, http.Header{"Content-Type": {jsonType}}, body}
}

func nothing(status int) told { return told{status: status} }

func (a told) with(name, value string) told {
	header := a.header.Clone()
	if header == nil {
		header = http.Header{}
	}

	header.Set(name, value)
	a.header = header
	return a
}

// routes answers by method and the end of the path. A key that is only a method
// is for all that no other fits.
func (f *fake) routes(answers map[string]told) {
	f.answer = func(w http.ResponseWriter, r *http.Request) {
		best := ""
		for key := range answers {
			method, end, _ := strings.Cut(key, " ")
			if r.Method == method && strings.HasSuffix(r.URL.Path, end) && len(key) > len(best) {
				best = key
			}
		}

		a, ok := answers[best]
		if !ok {
			f.t.Errorf("%s %s was not expected", r.Method, r.URL)
			a = nothing(500)
		}

		for name, values := range a.header {
			w.Header()[http.CanonicalHeaderKey(name)] = values
		}

		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.body)
	}
}

// writes counts the calls that are no reads.
func writes(calls []call) (n int) {
	for _, one := range calls {
		if one.method != http.MethodGet {
			n++
		}
	}
	return n
}

// asSent is an issue as it is after it was made or edited as the content says.
func asSent(c *Connector, category string, content connector.Content, labels ...string) string {
	return issueJSON(7, category, func(all map[string]any) {
		fields := all["fields"].(map[string]any)
		fields["summary"], fields["labels"] = content.Title, append(labels, label(marker))
		fields["description"] = c.client.flavor.description(content.Body)
	})
}

func text(flavor, line string) string {
	if flavor == form.Datacenter {
		return line
	}
	return `{"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"text","text":"` + line + `"}]}]}`
}

var linked = connector.Sent{
	Remote: domain.Remote{ID: "9007", Key: "WORK-7"}, State: domain.Open, Seen: connector.Seen{Text: "x", State: domain.Open},
}

// B9, B10, B12: a success counts with the documented status and form, or with
// the object in its body. Everything else leaves it open whether an issue was
// made.
func TestProofOfACreate(t *testing.T) {
	named := `{"id":"9007","key":"WORK-7","self":"x"}`
	each(t, func(t *testing.T, flavor string) {
		content := connector.Content{Title: "T", Body: text(flavor, "B"), State: domain.Open}
		for name, tt := range map[string]struct {
			answer told
			code   string // "": it counts
		}{
			"documented":                        {object(201, named), ""},
			"B10: 200, the issue, our marker":   {object(200, "whole"), ""},
			"B10: 201, the issue, as text/html": {pageOf(201, "whole"), ""},
			"200, the issue without our marker": {object(200, issueJSON(7, "new")), "foreign_answer"},
			"200, only a name":                  {object(200, named), "foreign_answer"},
			"201, only a name, as text/html":    {pageOf(201, named), "foreign_answer"},
			"B9: 200, a login page":             {pageOf(200, loginPage), "session_expired"},
			"B9: 201, a login page":             {pageOf(201, loginPage), "session_expired"},
			"200, another page":                 {pageOf(200, blockedPage), "foreign_answer"},
			"B12: 200, the login failed":        {object(200, `{}`).with("X-Seraph-LoginReason", "AUTHENTICATED_FAILED"), "session_expired"},
			"200, as anonymous":                 {object(200, `{}`).with("X-AUSERNAME", "anonymous"), "session_expired"},
			"202, nothing":                      {nothing(202), "foreign_answer"},
			"204, nothing":                      {nothing(204), "foreign_answer"},
			"200, a word":                       {told{200, http.Header{"Content-Type": {"text/plain"}}, "OK"}, "foreign_answer"},
			"201, another object":               {object(201, `{"ok":true}`), "foreign_answer"},
			"201, half an object":               {object(201, `{"id":"9007","key":`), "foreign_answer"},
		} {
			f, c := start(t, flavor)
			if tt.answer.body == "whole" {
				tt.answer.body = asSent(c, "new", content)
			}

			f.routes(map[string]told{"POST /issue": tt.answer, "GET /issue/9007": object(200, asSent(c, "new", content))})
			got, err := c.Create(t.Context(), content, marker)
			if tt.code == "" {
				if err != nil || got.Remote.ID != "9007" || got.Remote.Key != "WORK-7" {
					t.Errorf("%s: %+v %v", name, got, err)
				}
				continue
			}

			e := failureOf(t, err)
			if e.Class != failure.Ambiguous || e.Scope != failure.ItemScope || e.Code != tt.code || e.Detail == "" || e.Status != tt.answer.status {
				t.Errorf("%s: %v scope %d %v", name, e.Class, e.Scope, e)
			}

			if n := writes(f.take()); n != 1 {
				t.Errorf("%s: %d writes", name, n)
			}
		}
	})
}

// B9: an edit and a transition that were answered with something else are read
// back once. What the issue then shows decides.
func TestProofOfAnUpdate(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		content := connector.Content{Title: "T", Body: text(flavor, "B"), State: domain.Open, Labels: []string{"new"}}
		closing := content
		closing.State = domain.Closed
		sent := linked
		sent.Labels = []string{"old"}
		for name, tt := range map[string]struct {
			content     connector.Content
			edit, moved told
			reads       []string // the issue at each read: category, or category and "old"
			code        string
			writes      int
		}{
			"documented":                      {content, nothing(204), told{}, []string{"new"}, "", 1},
			"the issue in the answer":         {content, object(200, "whole"), told{}, nil, "", 1},
			"another issue in the answer":     {content, object(200, issueJSON(8, "new")), told{}, []string{"new old"}, "foreign_answer", 1},
			"login page, not applied":         {content, pageOf(200, loginPage), told{}, []string{"new old"}, "session_expired", 1},
			"login page, applied":             {content, pageOf(200, loginPage), told{}, []string{"new"}, "", 1},
			"a proxy's page, not applied":     {content, pageOf(200, blockedPage), told{}, []string{"new old"}, "foreign_answer", 1},
			"nothing with 200, not applied":   {content, nothing(200), told{}, []string{"new old"}, "foreign_answer", 1},
			"nothing with 202, applied":       {content, nothing(202), told{}, []string{"new"}, "", 1},
			"a word, not applied":             {content, object(200, `"ok"`), told{}, []string{"new old"}, "foreign_answer", 1},
			"login page, and no read":         {content, pageOf(200, loginPage), told{}, []string{"page"}, "session_expired", 1},
			"the login failed":                {content, object(200, `{}`).with("X-Seraph-Loginreason", "AUTHENTICATED_FAILED"), told{}, []string{"new old"}, "session_expired", 1},
			"close, documented":               {closing, nothing(204), nothing(204), []string{"new"}, "", 2},
			"close, login page, not applied":  {closing, nothing(204), pageOf(200, loginPage), []string{"new", "new"}, "session_expired", 2},
			"close, login page, applied":      {closing, nothing(204), pageOf(200, loginPage), []string{"new", "done"}, "", 2},
			"close, 200 with nothing":         {closing, nothing(204), nothing(200), []string{"new", "new"}, "foreign_answer", 2},
			"close, 200 with nothing, closed": {closing, nothing(204), nothing(200), []string{"new", "done"}, "", 2},
		} {
			f, c := start(t, flavor)
			read := 0
			f.answer = func(w http.ResponseWriter, r *http.Request) {
				var a told
				switch {
				case r.Method == http.MethodPut:
					if a = tt.edit; a.body == "whole" {
						a.body = asSent(c, "new", content, "new")
					}
				case r.Method == http.MethodPost:
					a = tt.moved
				case strings.HasSuffix(r.URL.Path, "/transitions"):
					a = object(200, wayDone)
				case read >= len(tt.reads):
					t.Errorf("%s: %s %s was not expected", name, r.Method, r.URL)
					a = nothing(500)
				default:
					category, old := strings.CutSuffix(tt.reads[read], " old")
					read++
					a = object(200, asSent(c, category, tt.content, "new"))
					if old {
						a = object(200, asSent(c, category, connector.Content{Title: "before", Body: text(flavor, "B")}, "old"))
					}

					if category == "page" {
						a = pageOf(200, loginPage)
					}
				}

				reply(w, a.status, a.header, a.body)
			}

			got, err := c.Update(t.Context(), sent, tt.content, marker)
			if calls := f.take(); writes(calls) != tt.writes || read != len(tt.reads) {
				t.Errorf("%s: %d writes, %d reads of the issue: %+v", name, writes(calls), read, calls)
			}

			if tt.code == "" {
				if err != nil || got.Remote.ID != "9007" || got.Remote.State != tt.content.State {
					t.Errorf("%s: %+v %v", name, got, err)
				}
				continue
			}

			if e := failureOf(t, err); e.Class != failure.Ambiguous || e.Scope != failure.ItemScope || e.Code != tt.code || e.Detail == "" {
				t.Errorf("%s: %v scope %d %v", name, e.Class, e.Scope, e)
			}

			if closed := strings.HasPrefix(name, "close"); (got.Remote.ID != "") != closed {
				t.Errorf("%s: %+v is given as done", name, got)
			}
		}
	})
}

// B9: a text that Jira stores in another spelling is the same text.
func TestAnEditIsReadBackInJirasOwnSpelling(t *testing.T) {
	for flavor, tt := range map[string]struct {
		body       string
		same, less []string
	}{
		form.Cloud: {
			`{"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"text","text":"a"}]}]}`,
			[]string{`{"version":1,"type":"doc","content":[{"type":"paragraph","attrs":{"localId":"x"},"content":[{"text":"a","type":"text"}]}]}`},
			[]string{`null`, `{"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"text","text":"b"}]}]}`},
		},
		form.Datacenter: {"a\nb\n", []string{`"a\r\nb"`, `"a\nb"`, `"a\nb\n"`}, []string{`null`, `""`, `"a"`, `{"a":1}`}},
	} {
		for n, stored := range append(tt.same, tt.less...) {
			f, c := start(t, flavor)
			f.routes(map[string]told{"PUT": pageOf(200, loginPage), "GET": object(200, issueJSON(7, "new", func(all map[string]any) {
				fields := all["fields"].(map[string]any)
				fields["summary"], fields["labels"], fields["description"] = "T", []string{label(marker)}, rawText(stored)
			}))})
			_, err := c.Update(t.Context(), linked, connector.Content{Title: " T ", Body: tt.body, State: domain.Open}, marker)
			if same := n < len(tt.same); (err == nil) != same {
				t.Errorf("%s %s: %v, want the same text: %v", flavor, stored, err, same)
			}
		}
	}
}

// B12: an answer with success that says that nobody was logged in is a refusal
// on the credentials, and nothing in it is believed. Values of the header:
// https://docs.atlassian.com/software/jira/docs/api/latest/com/atlassian/jira/bc/security/login/LoginReason.html
func TestReadsAsNobody(t *testing.T) {
	reads := map[string]func(t *testing.T, c *Connector) error{
		"Changes": func(t *testing.T, c *Connector) error {
			objects, more, err := c.Changes(t.Context(), time.Time{}, 0)
			if len(objects) > 0 || more {
				t.Errorf("%d objects, more %v", len(objects), more)
			}
			return err
		},
		"Find": func(t *testing.T, c *Connector) error {
			_, err := c.Find(t.Context(), now, []connector.Marker{marker})
			return err
		},
		"Check": func(t *testing.T, c *Connector) error {
			checks, err := c.Check(t.Context())
			if len(checks) != 2 || checks[1].OK == nil || *checks[1].OK {
				t.Errorf("%v", checks)
			}
			return err
		},
		"a reopen": func(t *testing.T, c *Connector) error {
			closed := linked
			closed.State = domain.Closed
			_, err := c.Update(t.Context(), closed, connector.Content{Title: "T", Body: "{}", State: domain.Open}, marker)
			return err
		},
	}
	for name, tt := range map[string]struct {
		header http.Header
		code   string // "": the header says nothing bad
	}{
		"failed":             {http.Header{"X-Seraph-Loginreason": {"AUTHENTICATED_FAILED"}}, "credentials_rejected"},
		"not authorised":     {http.Header{"X-Seraph-Loginreason": {"AUTHORISATION_FAILED"}}, "credentials_rejected"},
		"denied":             {http.Header{"X-Seraph-Loginreason": {"AUTHENTICATION_DENIED"}}, "captcha_required"},
		"anonymous":          {http.Header{"X-Ausername": {"anonymous"}}, "credentials_rejected"},
		"in small letters":   {http.Header{"X-Seraph-Loginreason": {"authenticated_failed"}}, "credentials_rejected"},
		"logged in":          {http.Header{"X-Seraph-Loginreason": {"OK"}, "X-Ausername": {"sync"}}, ""},
		"at the second try":  {http.Header{"X-Seraph-Loginreason": {"AUTHENTICATED_FAILED", "OK"}}, ""},
		"in one line":        {http.Header{"X-Seraph-Loginreason": {"AUTHENTICATED_FAILED, OK"}}, ""},
		"logged out, and in": {http.Header{"X-Seraph-Loginreason": {"OUT", "OK"}}, ""},
	} {
		for what, read := range reads {
			if tt.code == "" && what != "Changes" {
				continue
			}

			each(t, func(t *testing.T, flavor string) {
				f, c := start(t, flavor)
				f.answer = func(w http.ResponseWriter, r *http.Request) { reply(w, 200, tt.header, listJSON()) }
				err := read(t, c)
				if tt.code == "" {
					if err != nil {
						t.Errorf("%s: %v", name, err)
					}
					return
				}

				if e := failureOf(t, err); e.Class != failure.Final || e.Scope != failure.IntegrationScope || e.Code != tt.code || e.Detail == "" {
					t.Errorf("%s, %s: %v scope %d %v", name, what, e.Class, e.Scope, e)
				}

				if n := len(f.take()); n != 1 {
					t.Errorf("%s, %s: %d calls with a dead token", name, what, n)
				}
			})
		}
	}
}

// A page in place of a list or an issue is an outage, whatever its status, and
// not about the credentials.
func TestReadsOfForeignPages(t *testing.T) {
	for name, tt := range map[string]struct {
		answer told
		code   string
	}{
		"login page":         {pageOf(200, loginPage), "session_expired"},
		"another page":       {pageOf(200, blockedPage), "foreign_answer"},
		"a list as a page":   {pageOf(200, listJSON()), "foreign_answer"},
		"half a list":        {object(200, `{"issues":[`), "provider_unavailable"},
		"403 of a firewall":  {pageOf(403, blockedPage), "provider_unavailable"},
		"401 of a gateway":   {pageOf(401, loginPage), "session_expired"},
		"407 of a proxy":     {pageOf(407, blockedPage), "provider_unavailable"},
		"406 of a firewall":  {pageOf(406, blockedPage), "provider_unavailable"},
		"404 of a gateway":   {pageOf(404, `<html><title>404 Not Found</title>`), "provider_unavailable"},
		"404 as text":        {told{404, http.Header{"Content-Type": {"text/plain"}}, "default backend - 404"}, "provider_unavailable"},
		"401 as text":        {told{401, http.Header{"Content-Type": {"text/plain"}}, "Jwt is missing"}, "provider_unavailable"},
		"401 without a body": {nothing(401), "provider_unavailable"},
		"403 as text":        {told{403, http.Header{"Content-Type": {"text/plain"}}, "RBAC: access denied"}, "provider_unavailable"},
		"400 of a webserver": {pageOf(400, `<html><title>400 Bad Request</title>`), "provider_unavailable"},
	} {
		each(t, func(t *testing.T, flavor string) {
			f, c := start(t, flavor)
			f.routes(map[string]told{"GET": tt.answer})
			_, _, err := c.Changes(t.Context(), time.Time{}, 0)
			if e := failureOf(t, err); e.Class != failure.Retryable || e.Scope != failure.IntegrationScope || e.Code != tt.code || e.Detail == "" {
				t.Errorf("%s: %v scope %d %v", name, e.Class, e.Scope, e)
			}
		})
	}
}

// Jira's own refusals of a read stay refusals, whatever their form: JSON, a
// challenge, its words, or a header that says which account the caller is.
func TestReadsThatJiraRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		answer told
		code   string
	}{
		"401 JSON":              {object(401, `{}`), "credentials_rejected"},
		"401 with a challenge":  {pageOf(401, `<title>Unauthorized (401)</title>`).with("WWW-Authenticate", `OAuth realm="x"`), "credentials_rejected"},
		"401 in Jira's words":   {told{401, http.Header{"Content-Type": {"text/plain"}}, "Client must be authenticated to access this resource."}, "credentials_rejected"},
		"401, the login failed": {nothing(401).with("X-Seraph-LoginReason", "AUTHENTICATED_FAILED"), "credentials_rejected"},
		"403 JSON":              {object(403, `{}`), "forbidden"},
		"403 to an account":     {nothing(403).with("X-AUSERNAME", "bot"), "forbidden"},
		"404 JSON":              {object(404, `{}`), "target_not_found"},
		"404, a dead link":      {pageOf(404, `<title>Oops, you've found a dead link.</title>`).with("X-AUSERNAME", "bot"), "target_not_found"},
	} {
		each(t, func(t *testing.T, flavor string) {
			f, c := start(t, flavor)
			f.routes(map[string]told{"GET": tt.answer})
			_, _, err := c.Changes(t.Context(), time.Time{}, 0)
			if e := failureOf(t, err); e.Class != failure.Final || e.Scope != failure.IntegrationScope || e.Code != tt.code {
				t.Errorf("%s: %v scope %d %v", name, e.Class, e.Scope, e)
			}
		})
	}
}
