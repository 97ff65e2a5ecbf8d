package jira

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

var marker = connector.Marker{Integration: 11, Item: 22, Attempt: 3, Tag: connectortest.Tag}

func TestCreate(t *testing.T) {
	for flavor, want := range map[string]string{
		form.Cloud: `{"fields":{"project":{"key":"WORK"},"issuetype":{"name":"Task"},"summary":"T","description":{"type":"doc","version":1,"content":[]},"labels":["` + label(marker) +
			`","x"]},"properties":[{"key":"integrations.sync","value":{"integration":"11","item":"22","attempt":3,"tag":"` + connectortest.Tag + `"}}]}`,
		form.Datacenter: `{"fields":{"project":{"key":"WORK"},"issuetype":{"name":"Task"},"summary":"T","description":"{\"type\":\"doc\",\"version\":1,\"content\":[]}","labels":["` + label(marker) + `","x"]}}`,
	} {
		f, c := start(t, flavor)
		f.by("POST /issue", "201", `{"id":"9007","key":"WORK-7","self":"x"}`, "GET /issue/9007", "200", issueJSON(7, "new"))
		content := connector.Content{Title: "T", Body: `{"type":"doc","version":1,"content":[]}`, Labels: []string{"x"}, State: domain.Closed}
		got, err := c.Create(t.Context(), content, marker)
		remote := domain.Remote{ID: "9007", Key: "WORK-7", URL: base + "/browse/WORK-7", State: domain.Open}
		if err != nil || got.Remote != remote || got.Seen.State != domain.Open || len(got.Seen.Text) != 32 {
			t.Fatal(got, err)
		}

		if calls := f.take(); len(calls) != 2 || calls[0].body != want {
			t.Errorf("%+v\nwant %s", calls, want)
		}
	}

	_, c := start(t, form.Cloud)
	c.client.cfg.IssueType = "10001"
	c.labels.kept = false
	if d := c.writer.newIssue(connector.Content{Labels: []string{"x"}}, marker); *d.Fields.IssueType != (named{ID: "10001"}) || len(d.Fields.Labels) != 1 {
		t.Errorf("%+v", d.Fields)
	}
}

// An issue that was made is recorded, whatever becomes of the look at it.
func TestCreateThatCannotBeRead(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		for _, status := range []string{"200", "404", "500", "429"} {
			f, c := start(t, flavor)
			f.by("POST /issue", "201", `{"id":"9007","key":"WORK-7","self":"x"}`, "GET /issue/9007", status, "{}", "GET /mypermissions", "500", "")
			got, err := c.Create(t.Context(), connector.Content{Title: "T"}, marker)
			if err != nil || got.Remote.ID != "9007" || got.Seen != (connector.Seen{State: domain.Open}) {
				t.Errorf("%s: %+v %v", status, got, err)
			}
		}
	})
}

func TestCreateAnswers(t *testing.T) {
	f, c := start(t, form.Cloud)
	for _, body := range []string{"", "{", "[]", "{}", `{"id":"1"}`, `{"id":"0","key":"A-1"}`, `{"id":1,"key":"A-1"}`, `{"id":"1","key":"../x"}`, "null", "<html>"} {
		f.answers(201, nil, body)
		_, err := c.Create(t.Context(), connector.Content{Title: "T"}, marker)
		if e := failureOf(t, err); e.Class != failure.Ambiguous {
			t.Errorf("201 %q: %v %v", body, e.Class, e)
		}

		if n := len(f.take()); n != 1 {
			t.Errorf("%q: %d requests", body, n)
		}
	}

	for _, status := range []int{200, 202, 204} {
		f.answers(status, nil, "")
		_, err := c.Create(t.Context(), connector.Content{Title: "T"}, marker)
		if e := failureOf(t, err); e.Class != failure.Ambiguous {
			t.Errorf("%d: %v %v", status, e.Class, e)
		}
	}
}

func TestUpdateSendsWhatIsNeeded(t *testing.T) {
	for name, tt := range map[string]struct {
		sent    connector.Sent
		content connector.Content
		labels  string
		calls   string
		stands  string
	}{
		"text":           {connector.Sent{State: "open", Labels: []string{"a"}}, connector.Content{State: "open", Labels: []string{"a"}}, ``, "PUT", "new"},
		"labels":         {connector.Sent{State: "open", Labels: []string{"a", "b"}}, connector.Content{State: "open", Labels: []string{"b", "c"}}, `{"remove":"a"},{"add":"b"},{"add":"c"},`, "PUT", "new"},
		"close":          {connector.Sent{State: "open"}, connector.Content{State: "closed"}, ``, "PUT GET POST", "indeterminate"},
		"closed already": {connector.Sent{State: "open"}, connector.Content{State: "closed"}, ``, "PUT", "done"},
		"reopen":         {connector.Sent{State: "closed"}, connector.Content{State: "open"}, ``, "GET GET POST PUT", "done"},
		"open already":   {connector.Sent{State: "closed"}, connector.Content{State: "open"}, ``, "GET PUT", "new"},
		"closed by us":   {connector.Sent{}, connector.Content{State: "closed"}, ``, "PUT", "done"},
	} {
		f, c := start(t, form.Cloud)
		f.by("PUT /issue/9007", "200", issueJSON(7, tt.stands), "GET /issue/9007", "200", issueJSON(7, tt.stands),
			"GET /transitions", "200", `{"transitions":[{"id":"1","to":{"statusCategory":{"key":"new"}}},{"id":"2","to":{"statusCategory":{"key":"done"}}}]}`, "POST /transitions", "204", "")
		tt.sent.Remote.ID = "9007"
		tt.content.Title = "T"
		tt.content.Body = `{"type":"doc","version":1,"content":[]}`
		tt.sent.Seen.State = tt.sent.State
		got, err := c.Update(t.Context(), tt.sent, tt.content, marker)
		seen := tt.content.State
		if strings.HasSuffix(name, "already") { // a person did that
			seen = tt.sent.State
		}

		if err != nil || got.Remote.State != tt.content.State || got.Seen.State != seen {
			t.Errorf("%s: %+v %v", name, got, err)
		}

		var methods []string
		for _, call := range f.take() {
			methods = append(methods, call.method)
			if call.method == "PUT" {
				want := `{"fields":{"summary":"T","description":{"type":"doc","version":1,"content":[]}},"update":{"labels":[` + tt.labels + `{"add":"` + label(marker) + `"}]}}`
				if call.body != want || call.query != "notifyUsers=false&returnIssue=true" {
					t.Errorf("%s: %+v\nwant %s", name, call, want)
				}
			}

			if call.method == "POST" && call.body != map[domain.ItemState]string{"closed": `{"transition":{"id":"2"}}`, "open": `{"transition":{"id":"1"}}`}[tt.content.State] {
				t.Errorf("%s: %s", name, call.body)
			}
		}

		if got := strings.Join(methods, " "); got != tt.calls {
			t.Errorf("%s: %s, want %s", name, got, tt.calls)
		}
	}

	f, c := start(t, form.Cloud)
	for _, id := range []string{"", "x", "0", "-1", "7/../8", "7?x", "WORK-7", strings.Repeat("9", 20)} {
		_, err := c.Update(t.Context(), connector.Sent{Remote: domain.Remote{ID: id}}, connector.Content{}, marker)
		if e := failureOf(t, err); e.Class != failure.Final || e.Scope != failure.ItemScope {
			t.Errorf("%q: %v", id, e)
		}
	}

	if calls := f.take(); len(calls) != 0 {
		t.Error(calls)
	}
}

// An edit that was taken is recorded, though how it looks cannot be read; a
// close is not taken for done.
func TestUpdateThatCannotBeRead(t *testing.T) {
	f, c := start(t, form.Datacenter)
	f.by("PUT /issue/9007", "204", "", "GET /issue/9007", "500", "")
	sent := connector.Sent{Remote: domain.Remote{ID: "9007", Key: "WORK-7"}, State: domain.Open, Seen: connector.Seen{Text: "x", State: domain.Closed}}
	got, err := c.Update(t.Context(), sent, connector.Content{State: domain.Open}, marker)
	if err != nil || got.Remote != sent.Remote || got.Seen != (connector.Seen{State: domain.Closed}) {
		t.Errorf("%+v %v", got, err)
	}

	if _, err := c.Update(t.Context(), sent, connector.Content{State: domain.Closed}, marker); failureOf(t, err).Class != failure.Retryable {
		t.Error(err)
	}
}

// What was done before an update failed is given beside the error.
func TestUpdateDoneInPart(t *testing.T) {
	c := connector.Content{State: domain.Closed, Body: `{"type":"doc","version":1,"content":[]}`}
	sent := connector.Sent{Remote: domain.Remote{ID: "9007", Key: "WORK-7"}, State: domain.Open, Seen: connector.Seen{Text: "x", State: domain.Open}}
	f, jira := start(t, form.Cloud)
	for _, answer := range [][]string{
		{"GET /transitions", "200", `{"transitions":[]}`}, {"GET /transitions", "429", ""},
		{"GET /transitions", "200", `{"transitions":[{"id":"2","to":{"statusCategory":{"key":"done"}}}]}`, "POST /transitions", "400", "{}"},
	} {
		f.by(append(answer, "PUT /issue/9007", "200", issueJSON(7, "new"))...)
		got, err := jira.Update(t.Context(), sent, c, marker)
		if failureOf(t, err); got.Remote.ID != "9007" || got.Remote.State != domain.Open || got.Seen.State != domain.Open || got.Seen.Text == "x" || got.UpdatedAt.IsZero() {
			t.Errorf("%s: %+v", answer, got)
		}
	}

	sent.State = domain.Closed
	sent.Seen.State = domain.Closed
	c.State = domain.Open
	f.by("GET /issue/9007", "200", issueJSON(7, "done"), "GET /transitions", "200", `{"transitions":[{"id":"1","to":{"statusCategory":{"key":"new"}}}]}`, "POST /transitions", "204", "", "PUT /issue/9007", "400", "{}")
	got, err := jira.Update(t.Context(), sent, c, marker)
	if failureOf(t, err); got.Remote.ID != "9007" || got.Remote.State != domain.Open || got.Seen != (connector.Seen{Text: "x", State: domain.Open}) {
		t.Errorf("reopened, and not edited: %+v", got)
	}

	f.by("PUT /issue/9007", "400", "{}")
	sent.State = domain.Open
	c.State = domain.Closed
	if got, err := jira.Update(t.Context(), sent, c, marker); failureOf(t, err) == nil || got != (connector.Written{}) {
		t.Errorf("nothing was done: %+v", got)
	}
}

func TestChoose(t *testing.T) {
	yes := true
	no := false
	way := func(id, category string, available *bool, asks bool) transition {
		w := transition{ID: id, IsAvailable: available}
		w.To.Category.Key = category
		if asks {
			_ = json.Unmarshal([]byte(`{"resolution":{"name":"Resolution","required":true},"comment":{"required":false},"x":{"required":true,"hasDefaultValue":true}}`), &w.Fields)
		}
		return w
	}
	for name, tt := range map[string]struct {
		list  []transition
		want  domain.ItemState
		id    string
		asked string
	}{
		"done":                  {[]transition{way("1", "new", nil, false), way("2", "done", nil, false), way("3", "done", nil, false)}, "closed", "2", "[]"},
		"not that asks":         {[]transition{way("2", "done", nil, true), way("3", "done", &yes, false)}, "closed", "3", "[]"},
		"all ask":               {[]transition{way("2", "done", nil, true), way("3", "done", nil, true)}, "closed", "", "[Resolution]"},
		"none there":            {[]transition{way("1", "indeterminate", nil, false), way("2", "done", &no, false)}, "closed", "", "[]"},
		"new first":             {[]transition{way("1", "indeterminate", nil, false), way("2", "new", nil, false)}, "open", "2", "[]"},
		"in progress otherwise": {[]transition{way("1", "indeterminate", nil, false), way("2", "done", nil, false)}, "open", "1", "[]"},
		"no id":                 {[]transition{way("", "done", nil, false)}, "closed", "", "[]"},
	} {
		if id, asked := choose(tt.list, tt.want); id != tt.id || fmt.Sprint(asked) != tt.asked {
			t.Errorf("%s: %q %v", name, id, asked)
		}
	}
}

func TestErrors(t *testing.T) {
	type h = http.Header
	for _, tt := range []struct {
		name   string
		status int
		header http.Header
		body   string
		class  failure.Class
		scope  failure.Scope
		code   string
		wait   time.Duration
		detail string
	}{
		{"bad token", 401, nil, `{"message":"Client must be authenticated"}`, failure.Final, failure.IntegrationScope, "credentials_rejected", 0, "expired"},
		{"nobody", 404, h{"X-Seraph-Loginreason": {"AUTHENTICATED_FAILED"}}, ``, failure.Final, failure.IntegrationScope, "credentials_rejected", 0, ""},
		{"captcha", 403, h{"X-Authentication-Denied-Reason": {"CAPTCHA_CHALLENGE; login-url=https://x"}}, ``, failure.Final, failure.IntegrationScope, "captcha_required", 0, "captcha"},
		{"permission", 403, nil, `{"errorMessages":["You do not have permission"]}`, failure.Final, failure.ItemScope, "forbidden", 0, "You do not"},
		{"burst", 429, h{"Retry-After": {"3"}, "RateLimit-Reason": {"jira-burst-based"}}, ``, failure.Retryable, failure.IntegrationScope, "rate_limited", 3 * time.Second, "jira-burst-based"},
		{"quota", 429, h{"X-RateLimit-Reset": {"2026-11-23T10:20Z"}, "RateLimit-Reason": {"jira-quota-global-based"}}, ``, failure.Retryable, failure.IntegrationScope, "rate_limited", 20*time.Minute + time.Second, "jira-quota"},
		{"reset is past", 429, h{"X-RateLimit-Reset": {"2026-11-23T09:00:00Z"}}, ``, failure.Retryable, failure.IntegrationScope, "rate_limited", time.Second, ""},
		{"reset in seconds is no date", 429, h{"X-RateLimit-Reset": {"1795430000"}}, ``, failure.Retryable, failure.IntegrationScope, "rate_limited", unknownWait, ""},
		{"one issue", 429, h{"Retry-After": {"2"}, "RateLimit-Reason": {"jira-per-issue-on-write"}}, ``, failure.Retryable, failure.ItemScope, "issue_rate_limited", 2 * time.Second, ""},
		{"Data Center", 429, h{"X-RateLimit-Interval-Seconds": {"5"}}, ``, failure.Retryable, failure.IntegrationScope, "rate_limited", 5 * time.Second, ""},
		{"bare 429", 429, nil, ``, failure.Retryable, failure.IntegrationScope, "rate_limited", unknownWait, ""},
		{"no API", 404, nil, `{"errorMessages":["null for uri"]}`, failure.Final, failure.IntegrationScope, "target_not_found", 0, "null for uri"},
		{"gone", 410, nil, `{"errorMessages":["removed"]}`, failure.Final, failure.IntegrationScope, "api_removed", 0, "removed"},
		{"to log in", 302, h{"Location": {"https://example.com/login"}}, ``, failure.Final, failure.IntegrationScope, "target_moved", 0, "base_url"},
		{"conflict", 409, nil, `{"errorMessages":["changed"]}`, failure.Final, failure.ItemScope, "conflict", 0, "changed"},
		{"invalid", 400, nil, `{"errorMessages":["CONTENT_LIMIT_EXCEEDED"],"errors":{"summary":"too long"}}`, failure.Final, failure.ItemScope, "rejected", 0, "CONTENT_LIMIT_EXCEEDED; summary: too long"},
		{"html", 400, nil, `<html>no</html>`, failure.Final, failure.ItemScope, "rejected", 0, ""},
		{"server error", 500, nil, `{"errorMessages":["oops"]}`, failure.Ambiguous, failure.ItemScope, "no_answer", 0, "oops"},
		{"bad gateway", 502, nil, ``, failure.Ambiguous, failure.ItemScope, "no_answer", 0, ""},
		{"outage", 503, nil, ``, failure.Ambiguous, failure.ItemScope, "no_answer", 0, ""},
		{"announced outage", 503, h{"Retry-After": {"30"}}, ``, failure.Retryable, failure.IntegrationScope, "provider_unavailable", 30 * time.Second, ""},
		{"timeout", 504, nil, ``, failure.Ambiguous, failure.ItemScope, "no_answer", 0, ""},
		{"leak", 400, nil, `{"errorMessages":["token ` + token + ` at https://u:p@h.test/x?access=1` + strings.Repeat("z", 999) + `"]}`, failure.Final, failure.ItemScope, "rejected", 0, "[redacted]"},
	} {
		each(t, func(t *testing.T, flavor string) {
			f, c := start(t, flavor)
			f.answers(tt.status, tt.header, tt.body)
			_, err := c.Create(t.Context(), connector.Content{Title: "T"}, marker)
			e := failureOf(t, err)
			if e.Class != tt.class || e.Scope != tt.scope || e.Code != tt.code || e.Wait != tt.wait || e.Status != tt.status || e.RequestID != "REQ:1" {
				t.Errorf("%s: %v %v %v wait %v, want %v %v %s wait %v", tt.name, e.Class, e.Scope, e, e.Wait, tt.class, tt.scope, tt.code, tt.wait)
			}

			if !strings.Contains(e.Detail, tt.detail) || len([]rune(e.Detail)) > 200 || strings.Contains(e.Detail, "access=1") || strings.Contains(e.Detail, "u:p@") {
				t.Errorf("%s: detail %q", tt.name, e.Detail)
			}

			if e.NoRetryAfter != (tt.status == 429 && tt.wait == unknownWait) {
				t.Errorf("%s: untold %v", tt.name, e.NoRetryAfter)
			}

			if n := writes(f.take()); n != 1 {
				t.Errorf("%s: %d writes", tt.name, n)
			}
		})
	}
}

func TestSecretsAreRedacted(t *testing.T) {
	f, c := start(t, form.Cloud)
	basic := strings.TrimPrefix(c.client.flavor.authorization(c.client.cfg), "Basic ")
	f.answers(400, nil, `{"errorMessages":["you sent `+basic+` and ATATT`+`3`+strings.Repeat("y", 30)+`"]}`)
	_, err := c.Create(t.Context(), connector.Content{Title: "T"}, marker)
	if e := failureOf(t, err); strings.Contains(e.Detail, basic[len(basic)-20:]) || strings.Contains(e.Detail, "yyy") {
		t.Errorf("%q", e.Detail)
	}
}

func TestSeen(t *testing.T) {
	text := func(summary, description string) string {
		var i issue
		i.Fields.Summary, i.Fields.Description = summary, rawText(description)
		return i.text()
	}

	ours := text("T", `{"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"text","text":"a"}]}]}`)
	for _, same := range []string{
		`{"version":1, "content":[{"content":[{"text":"a","type":"text"}],"type":"paragraph","attrs":{"localId":"x"}}],"type":"doc"}`,
		`{"type":"doc","version":1,"content":[{"type":"paragraph","marks":[],"content":[{"type":"text","text":"a","marks":[]}]}]}`,
	} {
		if text("T", same) != ours {
			t.Errorf("%s is taken for an edit", same)
		}
	}

	if text("T", `"a\r\nb"`) != text("T", `"a\nb"`) || text("T", "null") != text("T", "") {
		t.Error("line ends or nothing at all count")
	}

	for _, other := range []string{text("U", `null`), text("T", `"a"`), text("T", `{"type":"doc","version":1,"content":[{"type":"heading","content":[{"type":"text","text":"a"}]}]}`)} {
		if other == ours {
			t.Error("an edit is taken for our own")
		}
	}
}

// The address of the pages of a site behind the gateway is believed only if it
// is one of Atlassian's.
func TestPages(t *testing.T) {
	for given, want := range map[string]string{
		"https://acme.atlassian.net": "https://acme.atlassian.net", "https://Acme.atlassian.net/": "https://acme.atlassian.net",
		"https://evil.test": "", "http://acme.atlassian.net": "", "https://acme.atlassian.net.evil.test": "", "https://acme.atlassian.net/x": "", "javascript:alert(1)": "", "": "",
	} {
		if got := siteOf(given); got != want {
			t.Errorf("%q: %q", given, got)
		}
	}
}

// FuzzRefusal: a refusal of any form has a reason and names its fields.
func FuzzRefusal(f *testing.F) {
	f.Add(400, []byte(`{"errorMessages":["a"],"errors":{"summary":"b","x":1}}`))
	f.Add(403, []byte(`{"message":"m","errors":[]}`))
	f.Add(200, []byte(loginPage))
	f.Add(204, []byte(`{"id":"9007","key":"WORK-7"}`))
	c := New(config(form.Cloud), outbound.New(outbound.Config{Secrets: []string{token}}), nil)
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		status = 200 + status%400
		if status < 200 {
			status += 400
		}

		answer := outbound.Response{Status: status, Header: http.Header{}, Body: body}
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut} {
			if e := c.client.classifier.refused(method, answer); e.Detail == "" || e.Code == "" || e.Class == 0 || e.Scope == 0 {
				t.Errorf("%s %d %q: %v", method, status, body, e)
			}
		}

		if names := refusedFields(body); len(names) > 0 && !json.Valid(body) {
			t.Errorf("%q names %q", body, names)
		}

		if made, proven := provenCreate(answer, marker); proven && !made.named() {
			t.Errorf("%q is taken for an issue", body)
		}
	})
}
