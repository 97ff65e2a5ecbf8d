package github

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/markdown"
	"example.com/integrations/shared/domain"
)

const page = `<!DOCTYPE html><html><head><title>Attention Required!</title></head><body>x</body></html>`

// B1, B15, B18: what each answer to a write comes to.
func TestRefusalsOfWrites(t *testing.T) {
	html := http.Header{"Content-Type": {"text/html"}}
	for name, tt := range map[string]struct {
		status int
		header http.Header
		body   string
		class  failure.Class
		scope  failure.Scope
		code   string
		detail string
	}{
		"firewall":               {403, html, page, failure.Final, failure.ItemScope, "rejected", `403 text/html "Attention Required!"`},
		"proxy's 401":            {401, html, page, failure.Final, failure.ItemScope, "rejected", `401 text/html "Attention Required!"`},
		"own 401":                {401, nil, `{"message":"Bad credentials"}`, failure.Final, failure.IntegrationScope, "credentials_rejected", "Bad credentials"},
		"challenge":              {401, http.Header{"Www-Authenticate": {"Basic"}}, ``, failure.Final, failure.IntegrationScope, "credentials_rejected", "401 without a body"},
		"token lacks permission": {403, nil, `{"message":"Resource not accessible by personal access token"}`, failure.Final, failure.IntegrationScope, "forbidden", "Resource not accessible by personal access token"},
		"app lacks permission":   {403, nil, `{"message":"Resource not accessible by integration"}`, failure.Final, failure.IntegrationScope, "forbidden", "Resource not accessible by integration"},
		"SSO":                    {403, nil, `{"message":"Resource protected by organization SAML enforcement. You must grant your Personal Access token access to this organization."}`, failure.Final, failure.IntegrationScope, "credentials_rejected", "SAML enforcement"},
		"allow list":             {403, nil, "{\"message\":\"Although you appear to have the correct authorization credentials, the `acme` organization has an IP allow list enabled, and your IP address is not permitted to access this resource.\"}", failure.Final, failure.IntegrationScope, "forbidden", "IP allow list"},
		"classic token":          {403, nil, "{\"message\":\"`acme` forbids access via a personal access token (classic). Please use a GitHub App\"}", failure.Final, failure.IntegrationScope, "credentials_rejected", "forbids access via"},
		"suspended account":      {403, nil, `{"message":"Sorry. Your account was suspended."}`, failure.Final, failure.IntegrationScope, "credentials_rejected", "suspended"},
		"archived":               {403, nil, `{"message":"Repository was archived so is read-only."}`, failure.Final, failure.IntegrationScope, "forbidden", "archived"},
		"legal reasons":          {451, nil, `{"message":"Repository access blocked"}`, failure.Final, failure.IntegrationScope, "forbidden", "blocked"},
		"about the object":       {403, nil, `{"message":"You cannot edit this issue"}`, failure.Final, failure.ItemScope, "forbidden", "You cannot edit this issue"},
		"no body":                {422, nil, ``, failure.Final, failure.ItemScope, "rejected", "422 without a body"},
		"string":                 {400, nil, `"Problems"`, failure.Final, failure.ItemScope, "rejected", `400 application/json "Problems"`},
		"not acceptable":         {406, html, `<title>Not Acceptable!</title>`, failure.Final, failure.ItemScope, "rejected", `406 text/html "Not Acceptable!"`},
		"too quickly":            {422, nil, `{"message":"Validation Failed","errors":[{"resource":"Issue","code":"custom","message":"was submitted too quickly"}]}`, failure.Retryable, failure.IntegrationScope, "rate_limited", "was submitted too quickly"},
		"errors as a string":     {422, nil, `{"message":"Validation Failed","errors":"Something about the title"}`, failure.Final, failure.ItemScope, "rejected", "Validation Failed; Something about the title"},
		"label":                  {422, nil, `{"message":"Validation Failed","errors":[{"value":"a","resource":"Label","field":"name","code":"invalid"}]}`, failure.Final, failure.ItemScope, "rejected", "Label name: invalid (a)"},
		"broken":                 {502, html, page, failure.Ambiguous, failure.ItemScope, "no_answer", `502 text/html "Attention Required!"`},
	} {
		f, c := start(t, Config{})
		if strings.HasPrefix(tt.body, `"`) {
			tt.header = http.Header{"Content-Type": {"application/json"}}
		}

		f.answers(tt.status, tt.header, tt.body)
		_, created := c.Create(t.Context(), connector.Content{Title: "T"}, marker)
		_, updated := c.Update(t.Context(), connector.Sent{Remote: domain.Remote{Key: "7"}}, connector.Content{Title: "T"}, marker)
		for what, err := range map[string]error{"create": created, "update": updated} {
			e := failureOf(t, err)
			if e.Class != tt.class || e.Scope != tt.scope || e.Code != tt.code || e.Status != tt.status || !strings.Contains(e.Detail, tt.detail) {
				t.Errorf("%s: %s: %s scope %d %v", name, what, e.Class, e.Scope, e)
			}

			if e.Code == "rate_limited" && (!e.NoRetryAfter || e.Wait != secondaryWait) {
				t.Errorf("%s: %s: waits %s, untold %v", name, what, e.Wait, e.NoRetryAfter)
			}
		}
	}
}

// B15: a wait that only the body names counts.
func TestWaitInABody(t *testing.T) {
	f, c := start(t, Config{})
	f.answers(429, nil, `{"message":"API rate limit exceeded. Try again in 17 seconds."}`)
	_, err := c.Create(t.Context(), connector.Content{Title: "T"}, marker)
	if e := failureOf(t, err); e.Wait != 17*time.Second || e.NoRetryAfter {
		t.Errorf("%s %v", e.Wait, e.NoRetryAfter)
	}
}

// B10: the whole issue with our marker is proof, whatever the status.
func TestMarkerInTheAnswerIsProof(t *testing.T) {
	other := marker
	other.Attempt++
	issueOf := func(m connector.Marker) string { return issueJSON(7, "open", markdown.WithMarker("text", m)) }
	for name, tt := range map[string]struct {
		status int
		media  string
		body   string
		proven bool
	}{
		"documented":             {201, "application/json", issueOf(marker), true},
		"documented, no marker":  {201, "application/json", issueJSON(7, "open", ""), true},
		"200":                    {200, "application/json", issueOf(marker), true},
		"201 as text":            {201, "text/plain", issueOf(marker), true},
		"200, no marker":         {200, "application/json", issueJSON(7, "open", ""), false},
		"200, another attempt":   {200, "application/json", issueOf(other), false},
		"200, a part of it":      {200, "application/json", `{"id":1,"body":"x"}`, false},
		"204":                    {204, "", "", false},
		"201, login page":        {201, "text/html", "<title>Sign in</title>", false},
		"201, nothing":           {201, "application/json", "", false},
		"201, something else":    {201, "application/json", `{"ok":true}`, false},
		"200, a list of issues":  {200, "application/json", "[" + issueOf(marker) + "]", false},
		"201, HTML behind it":    {201, "application/json", issueOf(marker) + "<br />", false},
		"201, HTML instead of 1": {201, "text/html", issueJSON(7, "open", ""), false},
	} {
		f, c := start(t, Config{})
		f.answers(tt.status, http.Header{"Content-Type": {tt.media}}, tt.body)
		made, err := c.Create(t.Context(), connector.Content{Title: "T", Body: "text"}, marker)
		if tt.proven {
			if err != nil || made.Remote.Key != "7" {
				t.Errorf("%s: %+v %v", name, made, err)
			}
			continue
		}

		if e := failureOf(t, err); e.Class != failure.Ambiguous || e.Scope != failure.ItemScope || e.Code != "foreign_answer" && e.Code != "session_expired" || e.Detail == "" {
			t.Errorf("%s: %s %v", name, e.Class, e)
		}

		if n := len(f.take()); n != 1 {
			t.Errorf("%s: %d calls", name, n)
		}
	}
}

// B9: an update without proof is read back once. What is there then decides.
func TestUpdateIsReadBack(t *testing.T) {
	content := connector.Content{Title: "New", Body: "text", State: "closed", Labels: []string{"b", "A"}}
	sent := connector.Sent{Remote: domain.Remote{Key: "7"}, State: "open", Labels: []string{"b", "A"}}
	is := func(change func(map[string]any)) string {
		object := map[string]any{"id": 9007, "number": 7, "state": "closed", "title": "New", "body": markdown.WithMarker("text", marker) + "\r\n", "labels": []any{map[string]any{"name": "a"}, "B"}}
		change(object)
		b, _ := json.Marshal(object)
		return string(b)
	}

	same := func(map[string]any) {}
	for name, tt := range map[string]struct {
		answer string
		media  string
		back   string
		status int
		proven bool
		reads  int
	}{
		"documented":                    {is(same), "application/json", "", 500, true, 0},
		"object as text":                {is(same), "text/plain", "", 500, true, 0},
		"login page, done":              {"<title>Log in</title>", "text/html", is(same), 200, true, 1},
		"login page, title as before":   {"<title>Log in</title>", "text/html", is(func(o map[string]any) { o["title"] = "Old" }), 200, false, 1},
		"login page, body as before":    {"<title>Log in</title>", "text/html", is(func(o map[string]any) { o["body"] = "x" }), 200, false, 1},
		"login page, still open":        {"<title>Log in</title>", "text/html", is(func(o map[string]any) { o["state"] = "open" }), 200, false, 1},
		"login page, again":             {"<title>Log in</title>", "text/html", "<title>Log in</title>", 200, false, 1},
		"login page, then not found":    {"<title>Log in</title>", "text/html", `{"message":"Not Found"}`, 404, false, 1},
		"login page, then unavailable":  {"<title>Log in</title>", "text/html", "", 503, false, 1},
		"an object that is not as sent": {is(func(o map[string]any) { o["title"] = "Old" }), "text/plain", is(func(o map[string]any) { o["title"] = "Old" }), 200, false, 1},
	} {
		f, c := start(t, Config{Labels: true})
		f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
			if r.Method == "PATCH" {
				reply(w, 200, http.Header{"Content-Type": {tt.media}}, tt.answer)
				return
			}
			reply(w, tt.status, nil, tt.back)
		}

		written, err := c.Update(t.Context(), sent, content, marker)
		reads := 0
		for _, call := range f.take() {
			if call.method == "GET" {
				reads++
			}
		}

		if reads != tt.reads {
			t.Errorf("%s: %d reads", name, reads)
		}

		if tt.proven {
			if err != nil || written.Remote.Key != "7" || written.Remote.State != "closed" {
				t.Errorf("%s: %+v %v", name, written, err)
			}
			continue
		}

		if e := failureOf(t, err); e.Class != failure.Ambiguous || e.Scope != failure.ItemScope || e.Status != 200 || e.Detail == "" {
			t.Errorf("%s: %s %v", name, e.Class, e)
		}
	}
}

// B9: labels that were sent belong to the proof.
func TestLabelsBelongToTheProof(t *testing.T) {
	for _, labels := range [][]string{{"person", "new"}, {"person", "old"}} {
		f, c := start(t, Config{Labels: true})
		reads := 0
		f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
			if r.Method == "PATCH" {
				reply(w, 200, http.Header{"Content-Type": {"text/html"}}, page)
				return
			}

			if reads++; reads == 1 {
				reply(w, 200, nil, issueJSON(7, "open", "", "person", "old"))
				return
			}

			reply(w, 200, nil, issueJSON(7, "open", strings.TrimSpace(markdown.WithMarker("", marker)), labels...))
		}

		sent := connector.Sent{Remote: domain.Remote{Key: "7"}, State: "open", Labels: []string{"old"}}
		_, err := c.Update(t.Context(), sent, connector.Content{State: "open", Labels: []string{"new"}}, marker)
		if done := labels[1] == "new"; (err == nil) != done {
			t.Errorf("%v: %v", labels, err)
		}
	}
}

// meant is what an error says to do.
type meant struct {
	class failure.Class
	scope failure.Scope
	code  string
}

// A page of a proxy in place of an issue does not say that it was deleted. To a
// write it is one item's refusal, to the read before it an outage.
func TestForeignNotFoundIsNoDeletion(t *testing.T) {
	f, c := start(t, Config{Labels: true})
	f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		if strings.HasSuffix(r.URL.Path, "/7") {
			reply(w, 404, http.Header{"Content-Type": {"text/html"}}, "<title>404</title>")
			return
		}
		reply(w, 200, nil, `{"id":1,"has_issues":true}`)
	}
	for _, labels := range [][]string{nil, {"a"}} { // with labels the issue is read first
		_, err := c.Update(t.Context(), connector.Sent{Remote: domain.Remote{Key: "7"}}, connector.Content{Title: "T", Labels: labels}, marker)
		want := meant{failure.Final, failure.ItemScope, "rejected"}
		if labels != nil {
			want = meant{failure.Retryable, failure.IntegrationScope, "provider_unavailable"}
		}

		e := failureOf(t, err)
		if got := (meant{e.Class, e.Scope, e.Code}); got != want || !strings.Contains(e.Detail, `404 text/html "404"`) {
			t.Errorf("%s scope %d %v", e.Class, e.Scope, e)
		}
	}
}

// The provider's page shows the table of refusals.
func TestPageShowsTheRefusals(t *testing.T) { connectortest.Refusals(t, "github", refusals) }
