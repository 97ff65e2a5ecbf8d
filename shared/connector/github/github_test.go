package github

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

var marker = connector.Marker{Integration: 11, Item: 22, Attempt: 3, Tag: connectortest.Tag}

const markerText = "<!-- integrations:11/22/3/" + connectortest.Tag + " -->"

func TestCreate(t *testing.T) {
	if shared("specs/derived/github-issues-subset.json") == "" {
		t.Log("GitHub's description is absent: requests are not checked against it")
	}

	f, c := start(t, Config{Labels: true})
	f.answers(201, nil, issueJSON(7, "open", ""))
	got, err := c.Create(t.Context(), connector.Content{Title: "T", Body: "B", Labels: []string{"x", "y"}, State: domain.Closed}, marker)
	want := domain.Remote{ID: "9007", Key: "7", URL: "https://example.com/acme/tracker/issues/7", State: domain.Open}
	if err != nil || got.Remote != want || got.Seen.State != domain.Open || got.Seen.Text == "" {
		t.Fatal(got, err)
	}

	calls := f.take()
	body := `{"title":"T","body":"B\n\n\u003c!-- integrations:11/22/3/` + connectortest.Tag + ` --\u003e","labels":["x","y"]}`
	if len(calls) != 1 || calls[0].method != "POST" || calls[0].path != "/api/v3/repos/acme/tracker/issues" || calls[0].body != body {
		t.Fatalf("%+v", calls)
	}

	// Labels none: none are sent at all.
	f, c = start(t, Config{})
	f.answers(201, nil, issueJSON(7, "open", ""))
	if _, err := c.Create(t.Context(), connector.Content{Title: "T", Labels: []string{"x"}}, marker); err != nil {
		t.Fatal(err)
	}

	if calls := f.take(); strings.Contains(calls[0].body, "labels") {
		t.Error(calls[0].body)
	}
}

func TestCreateAnswers(t *testing.T) {
	f, c := start(t, Config{})
	for _, body := range []string{"", "{", "[]", "{}", `{"id":1}`, `{"id":0,"number":1}`, `{"id":"1","number":1}`, "null", "<html>"} {
		f.answers(201, nil, body)
		_, err := c.Create(t.Context(), connector.Content{Title: "T"}, marker)
		if e := failureOf(t, err); e.Class != failure.Ambiguous {
			t.Errorf("201 %q: %v %v", body, e.Class, e)
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

func TestUpdate(t *testing.T) {
	for name, tt := range map[string]struct {
		sent    connector.Sent
		content connector.Content
		current []string
		gets    int
		want    string // members of the PATCH beside title and body
	}{
		"text":             {connector.Sent{State: "open", Labels: []string{"a"}}, connector.Content{State: "open", Labels: []string{"A"}}, nil, 0, ``},
		"close":            {connector.Sent{State: "open"}, connector.Content{State: "closed"}, nil, 0, `,"state":"closed","state_reason":"completed"`},
		"reopen":           {connector.Sent{State: "closed"}, connector.Content{State: "open"}, nil, 0, `,"state":"open","state_reason":"reopened"`},
		"still closed":     {connector.Sent{State: "closed"}, connector.Content{State: "closed"}, nil, 0, ``},
		"label":            {connector.Sent{State: "open", Labels: []string{"a", "b"}}, connector.Content{State: "open", Labels: []string{"b", "c"}}, []string{"Human", "A", "b"}, 1, `,"labels":["Human","b","c"]`},
		"all labels":       {connector.Sent{State: "open", Labels: []string{"a"}}, connector.Content{State: "open"}, []string{"a"}, 1, `,"labels":[]`},
		"label taken away": {connector.Sent{State: "open", Labels: []string{"a"}}, connector.Content{State: "closed", Labels: []string{"b"}}, nil, 1, `,"labels":["b"],"state":"closed","state_reason":"completed"`},
	} {
		t.Run(name, func(t *testing.T) {
			f, c := start(t, Config{Labels: true})
			f.answers(200, nil, issueJSON(7, string(tt.content.State), "", tt.current...))
			tt.sent.Remote.Key = "7"
			tt.content.Title = "T"
			tt.content.Body = "B"
			got, err := c.Update(t.Context(), tt.sent, tt.content, marker)
			if err != nil || got.Remote.State != tt.content.State || got.Remote.Key != "7" {
				t.Fatal(got, err)
			}

			calls := f.take()
			want := `{"title":"T","body":"B\n\n\u003c!-- integrations:11/22/3/` + connectortest.Tag + ` --\u003e"` + tt.want + `}`
			last := calls[len(calls)-1]
			if len(calls) != tt.gets+1 || last.method != "PATCH" || last.path != "/api/v3/repos/acme/tracker/issues/7" || last.body != want {
				t.Errorf("%+v\nwant %s", calls, want)
			}

			if tt.gets == 1 && calls[0].method != "GET" {
				t.Error(calls[0])
			}
		})
	}
}

func TestUpdateKeepsToItself(t *testing.T) {
	f, c := start(t, Config{})
	f.answers(200, nil, issueJSON(7, "open", ""))
	// Labels none: what was sent before the setting changed stays as it is.
	if _, err := c.Update(t.Context(), connector.Sent{Remote: domain.Remote{Key: "7"}, Labels: []string{"a"}, State: "open"}, connector.Content{State: "open"}, marker); err != nil {
		t.Fatal(err)
	}

	if calls := f.take(); len(calls) != 1 || strings.Contains(calls[0].body, "labels") {
		t.Error(calls)
	}

	for _, key := range []string{"", "x", "0", "-1", "7/../8", "7?x"} {
		_, err := c.Update(t.Context(), connector.Sent{Remote: domain.Remote{Key: key}}, connector.Content{}, marker)
		if e := failureOf(t, err); e.Class != failure.Final || e.Scope != failure.ItemScope {
			t.Errorf("%q: %v", key, e)
		}
	}

	if calls := f.take(); len(calls) != 0 {
		t.Error(calls)
	}
}

func TestErrors(t *testing.T) {
	at := func(d time.Duration) string { return fmt.Sprint(now.Add(d).Unix()) }
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
		{"bad token", 401, nil, `{"message":"Bad credentials"}`, failure.Final, failure.IntegrationScope, "credentials_rejected", 0, "Bad credentials"},
		{"permission", 403, http.Header{"X-RateLimit-Remaining": {"12"}}, `{"message":"Resource not accessible by personal access token"}`, failure.Final, failure.IntegrationScope, "forbidden", 0, "Resource not accessible"},
		{"retry after", 403, http.Header{"Retry-After": {"42"}, "X-RateLimit-Remaining": {"0"}, "X-RateLimit-Reset": {at(time.Hour)}}, `{}`, failure.Retryable, failure.IntegrationScope, "rate_limited", 42 * time.Second, ""},
		{"primary", 403, http.Header{"X-RateLimit-Remaining": {"0"}, "X-RateLimit-Reset": {at(20 * time.Minute)}}, `{"message":"API rate limit exceeded"}`, failure.Retryable, failure.IntegrationScope, "rate_limited", 20*time.Minute + time.Second, ""},
		{"reset is past", 429, http.Header{"X-RateLimit-Remaining": {"0"}, "X-RateLimit-Reset": {at(-time.Hour)}}, ``, failure.Retryable, failure.IntegrationScope, "rate_limited", time.Second, ""},
		{"reset is junk", 403, http.Header{"X-RateLimit-Remaining": {"0"}, "X-RateLimit-Reset": {"soon"}}, ``, failure.Retryable, failure.IntegrationScope, "rate_limited", time.Minute, ""},
		{"secondary without header", 403, nil, `{"message":"You have exceeded a secondary rate limit. Please wait"}`, failure.Retryable, failure.IntegrationScope, "rate_limited", time.Minute, "secondary rate limit"},
		{"abuse", 403, nil, `{"message":"You have triggered an abuse detection mechanism"}`, failure.Retryable, failure.IntegrationScope, "rate_limited", time.Minute, ""},
		{"bare 429", 429, nil, ``, failure.Retryable, failure.IntegrationScope, "rate_limited", time.Minute, ""},
		{"retry after 0", 429, http.Header{"Retry-After": {"0"}}, ``, failure.Retryable, failure.IntegrationScope, "rate_limited", time.Second, ""},
		{"no repository", 404, nil, `{"message":"Not Found"}`, failure.Final, failure.IntegrationScope, "target_not_found", 0, "Not Found"},
		{"renamed", 301, http.Header{"Location": {base + "/repositories/1/issues"}}, `{"message":"Moved Permanently"}`, failure.Final, failure.IntegrationScope, "target_moved", 0, "renamed"},
		{"renamed, method kept", 307, http.Header{"Location": {base + "/repositories/1/issues"}}, ``, failure.Final, failure.IntegrationScope, "target_moved", 0, ""},
		{"issues off", 410, nil, `{"message":"Issues has been disabled in this repository."}`, failure.Final, failure.IntegrationScope, "issues_disabled", 0, "disabled"},
		{"invalid", 422, nil, `{"message":"Validation Failed","errors":[{"resource":"Issue","field":"title","code":"custom","message":"title is too long (maximum is 256 characters)"},{"field":"body","code":"invalid"},"text"]}`, failure.Final, failure.ItemScope, "rejected", 0, "Validation Failed; title: title is too long (maximum is 256 characters); body: invalid; text"},
		{"bad request", 400, nil, `{"message":"Problems parsing JSON"}`, failure.Final, failure.ItemScope, "rejected", 0, "Problems parsing"},
		{"html", 422, nil, `<html>no</html>`, failure.Final, failure.ItemScope, "rejected", 0, ""},
		{"server error", 500, nil, `{"message":"oops"}`, failure.Ambiguous, failure.ItemScope, "no_answer", 0, "oops"},
		{"bad gateway", 502, nil, ``, failure.Ambiguous, failure.ItemScope, "no_answer", 0, ""},
		{"outage", 503, nil, ``, failure.Ambiguous, failure.ItemScope, "no_answer", 0, ""},
		{"announced outage", 503, http.Header{"Retry-After": {"30"}}, ``, failure.Retryable, failure.IntegrationScope, "provider_unavailable", 30 * time.Second, ""},
		{"timeout", 504, nil, ``, failure.Ambiguous, failure.ItemScope, "no_answer", 0, ""},
		{"leak", 422, nil, `{"message":"token ` + token + ` at https://u:p@h.test/x?access=1` + strings.Repeat("z", 999) + `"}`, failure.Final, failure.ItemScope, "rejected", 0, "[redacted]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, c := start(t, Config{})
			f.answers(tt.status, tt.header, tt.body)
			_, err := c.Create(t.Context(), connector.Content{Title: "T"}, marker)
			e := failureOf(t, err)
			if e.Class != tt.class || e.Scope != tt.scope || e.Code != tt.code || e.Wait != tt.wait || e.Status != tt.status || e.RequestID != "REQ:1" {
				t.Errorf("got %v scope %d wait %v: %v", e.Class, e.Scope, e.Wait, e)
			}

			if guessed := tt.code == "rate_limited" && tt.wait == time.Minute; e.NoRetryAfter != guessed {
				t.Errorf("untold %v", e.NoRetryAfter)
			}

			if !strings.Contains(e.Detail, tt.detail) || len([]rune(e.Detail)) > 200 || strings.Contains(e.Detail, "access=") {
				t.Errorf("detail %q", e.Detail)
			}

			if n := len(f.take()); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// What a refusal about one issue means depends on the repository, which is
// asked once.
func TestErrorsOfOneIssue(t *testing.T) {
	for name, tt := range map[string]struct {
		status     int
		repository func(w http.ResponseWriter)
		class      failure.Class
		scope      failure.Scope
		code       string
	}{
		"deleted":       {410, func(w http.ResponseWriter) { reply(w, 200, nil, `{"has_issues":true}`) }, failure.Final, failure.ItemScope, "remote_deleted"},
		"not found":     {404, func(w http.ResponseWriter) { reply(w, 200, nil, `{"has_issues":true}`) }, failure.Final, failure.ItemScope, "remote_deleted"},
		"issues off":    {410, func(w http.ResponseWriter) { reply(w, 200, nil, `{"has_issues":false}`) }, failure.Final, failure.IntegrationScope, "issues_disabled"},
		"lost access":   {404, func(w http.ResponseWriter) { reply(w, 404, nil, `{"message":"Not Found"}`) }, failure.Final, failure.IntegrationScope, "target_not_found"},
		"bad token":     {404, func(w http.ResponseWriter) { reply(w, 401, nil, `{}`) }, failure.Final, failure.IntegrationScope, "credentials_rejected"},
		"limited":       {404, func(w http.ResponseWriter) { reply(w, 429, nil, ``) }, failure.Retryable, failure.IntegrationScope, "rate_limited"},
		"not found out": {404, func(w http.ResponseWriter) { reply(w, 200, nil, `<`) }, failure.Retryable, failure.IntegrationScope, "provider_unavailable"},
		"outage":        {404, func(w http.ResponseWriter) { reply(w, 502, nil, ``) }, failure.Retryable, failure.IntegrationScope, "provider_unavailable"},
		"broken off":    {404, func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, failure.Retryable, failure.IntegrationScope, "provider_unavailable"},
		"moved":         {301, func(w http.ResponseWriter) { reply(w, 200, nil, `{"has_issues":true}`) }, failure.Final, failure.ItemScope, "remote_moved"},
		"renamed":       {307, func(w http.ResponseWriter) { reply(w, 301, http.Header{"Location": {"/x"}}, ``) }, failure.Final, failure.IntegrationScope, "target_moved"},
	} {
		t.Run(name, func(t *testing.T) {
			f, c := start(t, Config{})
			f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
				if r.Method == "PATCH" {
					reply(w, tt.status, http.Header{"Location": {base + "/repositories/1/issues/7"}}, `{"message":"x"}`)
					return
				}
				tt.repository(w)
			}

			_, err := c.Update(t.Context(), connector.Sent{Remote: domain.Remote{Key: "7"}}, connector.Content{Title: "T", State: "open"}, marker)
			if e := failureOf(t, err); e.Class != tt.class || e.Scope != tt.scope || e.Code != tt.code {
				t.Errorf("got %v scope %d: %v", e.Class, e.Scope, e)
			}

			writes := 0
			for _, call := range f.take() {
				if call.method != "GET" {
					writes++
				}
			}

			if writes != 1 {
				t.Errorf("%d writes", writes)
			}
		})
	}
}

func TestCancelledCallsNothing(t *testing.T) {
	f, c := start(t, Config{Labels: true})
	f.answers(201, nil, issueJSON(1, "open", ""))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := c.Create(ctx, connector.Content{Title: "T"}, marker)
	if e := failureOf(t, err); e.Class != failure.NotSent {
		t.Error(e)
	}

	_, err = c.Find(ctx, now, []connector.Marker{marker})
	if e := failureOf(t, err); e.Class != failure.NotSent {
		t.Error(e)
	}

	if calls := f.take(); len(calls) != 0 {
		t.Error(calls)
	}
}
