package gitlab

import (
	"io"
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

// typed is an answer with a media type of its own.
func typed(w http.ResponseWriter, status int, media, body string) {
	w.Header().Set("Content-Type", media)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// B1, B15, A3: what each answer to a write comes to, where the project is well.
func TestRefusalsOfWrites(t *testing.T) {
	for name, tt := range map[string]struct {
		status int
		media  string
		body   string
		scope  failure.Scope
		code   string
		detail string
		// asked says that the project is asked about it.
		asked bool
	}{
		"firewall":         {403, "text/html", page, failure.ItemScope, "rejected", `403 text/html "Attention Required!"`, false},
		"proxy's 401":      {401, "text/html", page, failure.ItemScope, "rejected", `401 text/html "Attention Required!"`, false},
		"proxy's 404":      {404, "text/html", page, failure.ItemScope, "rejected", `404 text/html "Attention Required!"`, false},
		"own 401":          {401, "application/json", `{"message":"401 Unauthorized"}`, failure.IntegrationScope, "credentials_rejected", "401 Unauthorized", false},
		"scope":            {403, "application/json", `{"error":"insufficient_scope","error_description":"The request requires higher privileges"}`, failure.IntegrationScope, "forbidden", "lacks the api scope: insufficient_scope; The request", false},
		"blocked account":  {403, "application/json", `{"message":"403 Forbidden - Your account has been blocked."}`, failure.IntegrationScope, "credentials_rejected", "Your account has been blocked", false},
		"terms":            {403, "application/json", `{"message":"403 Forbidden - You (@bot) must accept the Terms of Service in order to perform this action."}`, failure.IntegrationScope, "credentials_rejected", "Terms of Service", false},
		"moved project":    {405, "application/json", `{"message":"405 Method Not Allowed - Non GET methods are not allowed for moved projects"}`, failure.IntegrationScope, "target_moved", "moved", false},
		"about the object": {403, "application/json", `{"message":"403 Forbidden"}`, failure.ItemScope, "forbidden", "403 Forbidden", true},
		"no body":          {422, "application/json", ``, failure.ItemScope, "rejected", "422 without a body", false},
		"string":           {400, "application/json", `"Problems"`, failure.ItemScope, "rejected", `400 application/json "Problems"`, false},
		"not acceptable":   {406, "text/html", `<title>Not Acceptable!</title>`, failure.ItemScope, "rejected", `406 text/html "Not Acceptable!"`, false},
		"base":             {400, "application/json", `{"message":{"base":["Issue can't be changed"]}}`, failure.ItemScope, "rejected", "Issue can't be changed", false},
		"too large":        {413, "text/html", `<html><head><title>413 Request Entity Too Large</title>`, failure.ItemScope, "rejected", `413 text/html "413 Request Entity Too Large"`, false},
	} {
		f, c := start(t, Config{})
		f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
			if r.Method == http.MethodGet {
				reply(w, 200, nil, healthy)
				return
			}
			typed(w, tt.status, tt.media, tt.body)
		}

		_, created := c.Create(t.Context(), connector.Content{Title: "T"}, marker)
		_, updated := c.Update(t.Context(), connector.Sent{Remote: domain.Remote{Key: "7"}}, connector.Content{Title: "T"}, marker)
		for what, err := range map[string]error{"create": created, "update": updated} {
			e := failureOf(t, err)
			if e.Class != failure.Final || e.Scope != tt.scope || e.Code != tt.code || e.Status != tt.status || !strings.Contains(e.Detail, tt.detail) {
				t.Errorf("%s: %s: %s scope %d %v", name, what, e.Class, e.Scope, e)
			}
		}

		want := 2
		if tt.asked {
			want = 4
		}

		if n := len(f.take()); n != want {
			t.Errorf("%s: %d calls", name, n)
		}
	}
}

// B15: a wait that only the body names counts.
func TestWaitInABody(t *testing.T) {
	f, c := start(t, Config{})
	f.answers(429, nil, `{"message":"Too many requests. Retry in 2 minutes"}`)
	_, err := c.Create(t.Context(), connector.Content{Title: "T"}, marker)
	if e := failureOf(t, err); e.Wait != 2*time.Minute || e.NoRetryAfter {
		t.Errorf("%s %v", e.Wait, e.NoRetryAfter)
	}
}

// B10: the whole issue with our marker is proof, whatever the status.
func TestMarkerInTheAnswerIsProof(t *testing.T) {
	other := marker
	other.Attempt++
	issueOf := func(m connector.Marker) string { return issueJSON(7, "opened", markdown.WithMarker("text", m)) }
	for name, tt := range map[string]struct {
		status int
		media  string
		body   string
		proven bool
	}{
		"documented":           {201, "application/json", issueOf(marker), true},
		"200":                  {200, "application/json", issueOf(marker), true},
		"201 as text":          {201, "text/plain", issueOf(marker), true},
		"200, no marker":       {200, "application/json", issueJSON(7, "opened", ""), false},
		"200, another attempt": {200, "application/json", issueOf(other), false},
		"202":                  {202, "application/json", `{"id":1}`, false},
		"201, login page":      {201, "text/html", "<title>Sign in · GitLab</title>", false},
		"201, nothing":         {201, "application/json", "", false},
		"201, HTML behind it":  {201, "application/json", issueOf(marker) + "<br />", false},
	} {
		f, c := start(t, Config{})
		f.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) { typed(w, tt.status, tt.media, tt.body) }
		made, err := c.Create(t.Context(), connector.Content{Title: "T", Body: "text"}, marker)
		if tt.proven {
			if err != nil || made.Remote.Key != "7" {
				t.Errorf("%s: %+v %v", name, made, err)
			}
			continue
		}

		if e := failureOf(t, err); e.Class != failure.Ambiguous || e.Scope != failure.ItemScope || e.Code != "foreign_answer" && e.Code != "session_expired" || e.Detail == "" || e.RequestID != "REQ1" {
			t.Errorf("%s: %s %v", name, e.Class, e)
		}
	}
}

// B9: an update without proof is read back once. What is there then decides.
func TestUpdateIsReadBack(t *testing.T) {
	content := connector.Content{Title: "T", Body: "text", State: "closed", Labels: []string{"new"}}
	sent := connector.Sent{Remote: domain.Remote{Key: "7"}, State: "open", Labels: []string{"old"}}
	is := func(state string, members ...any) string {
		return issueJSON(7, state, markdown.WithMarker("text", marker), append([]any{"labels", []string{"person", "new"}}, members...)...)
	}
	for name, tt := range map[string]struct {
		answer, media, back string
		status              int
		proven              bool
		reads               int
	}{
		"documented":               {is("closed"), "application/json", "", 500, true, 0},
		"object as text":           {is("closed"), "text/plain", "", 500, true, 0},
		"done":                     {page, "text/html", is("closed"), 200, true, 1},
		"title as before":          {page, "text/html", is("closed", "title", "Old"), 200, false, 1},
		"description as before":    {page, "text/html", is("closed", "description", "Old"), 200, false, 1},
		"still open":               {page, "text/html", is("opened"), 200, false, 1},
		"label missing":            {page, "text/html", is("closed", "labels", []string{"person"}), 200, false, 1},
		"label left":               {page, "text/html", is("closed", "labels", []string{"old", "new"}), 200, false, 1},
		"moved away":               {page, "text/html", is("closed", "moved_to_id", 9), 200, false, 1},
		"page again":               {page, "text/html", page, 200, false, 1},
		"unavailable":              {page, "text/html", "", 503, false, 1},
		"nothing, as JSON":         {"", "application/json", is("opened"), 200, false, 1},
		"an object, not as wanted": {is("opened"), "text/plain", is("opened"), 200, false, 1},
	} {
		f, c := start(t, Config{Labels: true})
		f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
			if r.Method == http.MethodPut {
				typed(w, 200, tt.media, tt.answer)
				return
			}
			reply(w, tt.status, nil, tt.back)
		}

		written, err := c.Update(t.Context(), sent, content, marker)
		if reads := len(f.take()) - 1; reads != tt.reads {
			t.Errorf("%s: %d reads", name, reads)
		}

		if tt.proven {
			if err != nil || written.Remote.State != "closed" {
				t.Errorf("%s: %+v %v", name, written, err)
			}
			continue
		}

		if e := failureOf(t, err); e.Class != failure.Ambiguous || e.Scope != failure.ItemScope || e.Code != "foreign_answer" || e.Detail == "" {
			t.Errorf("%s: %s %v", name, e.Class, e)
		}
	}
}

// The provider's page shows the table of refusals.
func TestPageShowsTheRefusals(t *testing.T) { connectortest.Refusals(t, "gitlab", refusals) }
