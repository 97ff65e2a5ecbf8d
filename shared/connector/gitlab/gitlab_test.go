package gitlab

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

var (
	_ connector.Finder = (*Connector)(nil)
	_ connector.Puller = (*Connector)(nil)
)

var marker = connector.Marker{Integration: 11, Item: 22, Attempt: 3, Tag: connectortest.Tag}

const markerText = "<!-- integrations:11/22/3/" + connectortest.Tag + " -->"

func TestCreate(t *testing.T) {
	f, c := start(t, Config{Labels: true})
	f.answers(201, nil, issueJSON(7, "opened", ""))
	got, err := c.Create(t.Context(), connector.Content{Title: "T", Body: "B", Labels: []string{"x", "y z"}, State: domain.Closed}, marker)
	want := domain.Remote{ID: "9007", Key: "7", URL: "https://example.com/gitlab/acme/sub/tracker/-/issues/7", State: domain.Open}
	if err != nil || got.Remote != want || got.Seen.State != domain.Open || got.Seen.Text == "" {
		t.Fatal(got, err)
	}

	calls := f.take()
	body := `{"title":"T","description":"B\n\n\u003c!-- integrations:11/22/3/` + connectortest.Tag + ` --\u003e","labels":"x,y z"}`
	if len(calls) != 1 || calls[0].method != "POST" || calls[0].path != list || calls[0].body != body {
		t.Fatalf("%+v", calls)
	}

	// Labels none: none are sent at all.
	f, c = start(t, Config{})
	f.answers(201, nil, issueJSON(7, "opened", ""))
	if _, err := c.Create(t.Context(), connector.Content{Title: "T", Labels: []string{"x"}}, marker); err != nil {
		t.Fatal(err)
	}

	if calls := f.take(); strings.Contains(calls[0].body, "labels") {
		t.Error(calls[0].body)
	}
}

func TestAddresses(t *testing.T) {
	for project, want := range map[string]string{
		"42": "https://gitlab.com/api/v4/projects/42", "group/sub/pro.ject": "https://gitlab.com/api/v4/projects/group%2Fsub%2Fpro.ject",
		"../x": "https://gitlab.com/api/v4/projects/..%2Fx", "a?b#c": "https://gitlab.com/api/v4/projects/a%3Fb%23c",
	} {
		if got := New(Config{Project: project}, nil, nil).client.place.address(); got != want {
			t.Errorf("%s: %s, want %s", project, got, want)
		}
	}
}

func TestCreateAnswers(t *testing.T) {
	f, c := start(t, Config{})
	for _, body := range []string{"", "{", "[]", "{}", `{"id":1}`, `{"id":0,"iid":1}`, `{"id":"1","iid":1}`, "null", "<html>"} {
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
		want    string // members of the PUT beside title and description
	}{
		"text":         {connector.Sent{State: "open", Labels: []string{"a"}}, connector.Content{State: "open", Labels: []string{"a"}}, ``},
		"close":        {connector.Sent{State: "open"}, connector.Content{State: "closed"}, `,"state_event":"close"`},
		"reopen":       {connector.Sent{State: "closed"}, connector.Content{State: "open"}, `,"state_event":"reopen"`},
		"still closed": {connector.Sent{State: "closed"}, connector.Content{State: "closed"}, ``},
		"labels":       {connector.Sent{State: "open", Labels: []string{"a", "b"}}, connector.Content{State: "open", Labels: []string{"b", "c d"}}, `,"add_labels":"b,c d","remove_labels":"a"`},
		"new label":    {connector.Sent{State: "open"}, connector.Content{State: "open", Labels: []string{"b"}}, `,"add_labels":"b"`},
		"all labels":   {connector.Sent{State: "open", Labels: []string{"a"}}, connector.Content{State: "closed"}, `,"remove_labels":"a","state_event":"close"`},
		"other case":   {connector.Sent{State: "open", Labels: []string{"a"}}, connector.Content{State: "open", Labels: []string{"A"}}, `,"add_labels":"A","remove_labels":"a"`},
	} {
		t.Run(name, func(t *testing.T) {
			f, c := start(t, Config{Labels: true})
			f.answers(200, nil, issueJSON(7, map[domain.ItemState]string{"open": "opened", "closed": "closed"}[tt.content.State], ""))
			tt.sent.Remote.Key = "7"
			tt.content.Title = "T"
			tt.content.Body = "B"
			got, err := c.Update(t.Context(), tt.sent, tt.content, marker)
			if err != nil || got.Remote.State != tt.content.State || got.Remote.Key != "7" {
				t.Fatal(got, err)
			}

			calls := f.take()
			want := `{"title":"T","description":"B\n\n\u003c!-- integrations:11/22/3/` + connectortest.Tag + ` --\u003e"` + tt.want + `}`
			if len(calls) != 1 || calls[0].method != "PUT" || calls[0].path != list+"/7" || calls[0].body != want {
				t.Errorf("%+v\nwant %s", calls, want)
			}
		})
	}
}

func TestUpdateKeepsToItself(t *testing.T) {
	f, c := start(t, Config{})
	f.answers(200, nil, issueJSON(7, "opened", ""))
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

// What a move to another project leaves behind is not the item's issue any
// more: to write into it must not pass for success.
func TestMovedIssue(t *testing.T) {
	f, c := start(t, Config{})
	f.answers(200, nil, issueJSON(7, "closed", "", "moved_to_id", 31))
	_, err := c.Update(t.Context(), connector.Sent{Remote: domain.Remote{Key: "7"}}, connector.Content{State: "open"}, marker)
	if e := failureOf(t, err); e.Code != "remote_moved" || e.Class != failure.Final || e.Scope != failure.ItemScope {
		t.Error(e)
	}
}

// An issue that a person closed while we wrote the text counts as open for us
// still, so that the next pull notices.
func TestUpdateDoesNotSwallowAChangeOfState(t *testing.T) {
	for _, tt := range []struct {
		sent    connector.Sent
		content domain.ItemState
		want    domain.ItemState
	}{
		{connector.Sent{State: domain.Open, Seen: connector.Seen{State: domain.Open}}, domain.Open, domain.Open},
		{connector.Sent{State: domain.Open, Seen: connector.Seen{State: domain.Closed}}, domain.Open, domain.Closed},
		{connector.Sent{State: domain.Open}, domain.Open, domain.Open},
		{connector.Sent{State: domain.Open, Seen: connector.Seen{State: domain.Open}}, domain.Closed, domain.Closed},
		{connector.Sent{Seen: connector.Seen{State: domain.Open}}, domain.Closed, domain.Closed}, // in doubt: the state is sent
	} {
		f, c := start(t, Config{})
		f.answers(200, nil, issueJSON(7, "closed", ""))
		tt.sent.Remote.Key = "7"
		got, err := c.Update(t.Context(), tt.sent, connector.Content{Title: "T", State: tt.content}, marker)
		if err != nil || got.Seen.State != tt.want {
			t.Errorf("%+v, %v, want %s", got.Seen, err, tt.want)
		}
	}
}

const healthy = `{"id":5,"issues_enabled":true,"issues_access_level":"enabled"}`

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
		{"bad token", 401, nil, `{"message":"401 Unauthorized"}`, failure.Final, failure.IntegrationScope, "credentials_rejected", 0, "401 Unauthorized"},
		{"expired token", 401, nil, `{"error":"invalid_token","error_description":"Token is expired. You can either do re-authorization or token refresh."}`, failure.Final, failure.IntegrationScope, "credentials_rejected", 0, "Token is expired"},
		{"scope", 403, nil, `{"error":"insufficient_scope","error_description":"The request requires higher privileges than provided by the access token.","scope":"api"}`, failure.Final, failure.IntegrationScope, "forbidden", 0, "lacks the api scope"},
		{"role", 403, nil, `{"message":"403 Forbidden"}`, failure.Final, failure.ItemScope, "forbidden", 0, "403 Forbidden"},
		{"blocked address", 403, nil, "Forbidden\n", failure.Final, failure.ItemScope, "rejected", 0, "Forbidden"},
		{"no project", 404, nil, `{"message":"404 Project Not Found"}`, failure.Final, failure.IntegrationScope, "target_not_found", 0, "404 Project Not Found"},
		{"renamed", 301, http.Header{"Location": {base + "/projects/5/issues"}}, ``, failure.Final, failure.IntegrationScope, "target_moved", 0, "renamed"},
		{"login page", 302, http.Header{"Location": {"https://example.com/users/sign_in"}}, ``, failure.Final, failure.IntegrationScope, "target_moved", 0, "base_url"},
		{"retry after", 429, http.Header{"Retry-After": {"42"}, "RateLimit-Remaining": {"0"}, "RateLimit-Reset": {at(time.Hour)}}, "Retry later\n", failure.Retryable, failure.IntegrationScope, "rate_limited", 42 * time.Second, ""},
		{"reset", 429, http.Header{"RateLimit-Remaining": {"0"}, "RateLimit-Reset": {at(20 * time.Second)}}, ``, failure.Retryable, failure.IntegrationScope, "rate_limited", 21 * time.Second, ""},
		{"reset of another limit", 429, http.Header{"RateLimit-Remaining": {"12"}, "RateLimit-Reset": {at(20 * time.Second)}}, ``, failure.Retryable, failure.IntegrationScope, "rate_limited", time.Minute, ""},
		{"reset is past", 429, http.Header{"RateLimit-Remaining": {"0"}, "RateLimit-Reset": {at(-time.Hour)}}, ``, failure.Retryable, failure.IntegrationScope, "rate_limited", time.Second, ""},
		{"reset is junk", 429, http.Header{"RateLimit-Remaining": {"0"}, "RateLimit-Reset": {"soon"}}, ``, failure.Retryable, failure.IntegrationScope, "rate_limited", time.Minute, ""},
		{"bare 429", 429, nil, `{"message":{"error":"This endpoint has been requested too many times. Try again later."}}`, failure.Retryable, failure.IntegrationScope, "rate_limited", time.Minute, "This endpoint has been requested too many times"},
		{"captcha", 409, nil, `{"needs_captcha_response":true,"spam_log_id":1,"captcha_site_key":"k","message":{"error":"Your issue has been recognized as spam."}}`, failure.Final, failure.ItemScope, "captcha_required", 0, "captcha: Your issue has been recognized as spam"},
		{"captcha, otherwise", 400, nil, `{"needs_captcha_response":true,"message":"x"}`, failure.Final, failure.ItemScope, "captcha_required", 0, ""},
		{"duplicate", 409, nil, `{"message":"Duplicated issue"}`, failure.Final, failure.ItemScope, "rejected", 0, "Duplicated issue"},
		{"invalid", 400, nil, `{"message":{"title":["can't be blank","is too long (maximum is 255 characters)"],"base":["x"]}}`, failure.Final, failure.ItemScope, "rejected", 0, "title: can't be blank; title: is too long (maximum is 255 characters); x"},
		{"missing", 400, nil, `{"error":"title is missing"}`, failure.Final, failure.ItemScope, "rejected", 0, "title is missing"},
		{"list of texts", 422, nil, `{"message":["one","two"]}`, failure.Final, failure.ItemScope, "rejected", 0, "one; two"},
		{"html", 422, nil, `<html>no</html>`, failure.Final, failure.ItemScope, "rejected", 0, ""},
		{"server error", 500, nil, `{"message":"500 Internal Server Error"}`, failure.Ambiguous, failure.ItemScope, "no_answer", 0, "500"},
		{"bad gateway", 502, nil, ``, failure.Ambiguous, failure.ItemScope, "no_answer", 0, ""},
		{"outage", 503, nil, ``, failure.Ambiguous, failure.ItemScope, "no_answer", 0, ""},
		{"announced outage", 503, http.Header{"Retry-After": {"30"}}, ``, failure.Retryable, failure.IntegrationScope, "provider_unavailable", 30 * time.Second, ""},
		{"timeout", 504, nil, ``, failure.Ambiguous, failure.ItemScope, "no_answer", 0, ""},
		{"leak", 422, nil, `{"message":"token ` + token + ` at https://u:p@h.test/x?access=1` + strings.Repeat("z", 999) + `"}`, failure.Final, failure.ItemScope, "rejected", 0, "[redacted]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, c := start(t, Config{})
			f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
				if r.Method == http.MethodGet {
					reply(w, 200, nil, healthy)
					return
				}
				reply(w, tt.status, tt.header, tt.body)
			}

			_, err := c.Create(t.Context(), connector.Content{Title: "T"}, marker)
			e := failureOf(t, err)
			if e.Class != tt.class || e.Scope != tt.scope || e.Code != tt.code || e.Wait != tt.wait || e.Status != tt.status || e.RequestID != "REQ1" {
				t.Errorf("got %v scope %d wait %v: %v", e.Class, e.Scope, e.Wait, e)
			}

			if guessed := tt.code == "rate_limited" && tt.wait == time.Minute; e.NoRetryAfter != guessed {
				t.Errorf("untold %v", e.NoRetryAfter)
			}

			if !strings.Contains(e.Detail, tt.detail) || len([]rune(e.Detail)) > 200 || strings.Contains(e.Detail, "access=") {
				t.Errorf("detail %q", e.Detail)
			}

			if n := writes(f); n != 1 {
				t.Errorf("%d writes", n)
			}
		})
	}
}

func writes(f *fake) (n int) {
	for _, call := range f.take() {
		if call.method != http.MethodGet {
			n++
		}
	}
	return n
}

// What a refusal means depends on the project, which is asked once.
func TestErrorsThatDependOnTheProject(t *testing.T) {
	const off, archived = `{"id":5,"issues_enabled":false,"issues_access_level":"disabled"}`, `{"id":5,"archived":true}`
	answers := func(status int, body string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { reply(w, status, nil, body) }
	}
	for name, tt := range map[string]struct {
		creates bool
		status  int
		project func(w http.ResponseWriter)
		class   failure.Class
		scope   failure.Scope
		code    string
	}{
		"create, issues off":          {true, 403, answers(200, off), failure.Final, failure.IntegrationScope, "issues_disabled"},
		"create, archived":            {true, 403, answers(200, archived), failure.Final, failure.IntegrationScope, "forbidden"},
		"create, no rights":           {true, 403, answers(200, healthy), failure.Final, failure.ItemScope, "forbidden"},
		"create, all forbidden":       {true, 403, answers(403, ``), failure.Final, failure.ItemScope, "forbidden"},
		"create, project unreadable":  {true, 403, answers(200, `<`), failure.Final, failure.ItemScope, "forbidden"},
		"update, issues off":          {false, 403, answers(200, off), failure.Final, failure.IntegrationScope, "issues_disabled"},
		"update, deleted":             {false, 404, answers(200, healthy), failure.Final, failure.ItemScope, "remote_deleted"},
		"update, 404 with issues off": {false, 404, answers(200, off), failure.Final, failure.IntegrationScope, "issues_disabled"},
		"update, lost access":         {false, 404, answers(404, `{"message":"404 Project Not Found"}`), failure.Final, failure.IntegrationScope, "target_not_found"},
		"update, bad token":           {false, 404, answers(401, `{}`), failure.Final, failure.IntegrationScope, "credentials_rejected"},
		"update, limited":             {false, 404, answers(429, ``), failure.Retryable, failure.IntegrationScope, "rate_limited"},
		"update, not found out":       {false, 404, answers(200, `<`), failure.Retryable, failure.IntegrationScope, "provider_unavailable"},
		"update, no project":          {false, 404, answers(200, `{}`), failure.Retryable, failure.IntegrationScope, "provider_unavailable"},
		"update, outage":              {false, 404, answers(502, ``), failure.Retryable, failure.IntegrationScope, "provider_unavailable"},
		"update, broken off":          {false, 404, func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, failure.Retryable, failure.IntegrationScope, "provider_unavailable"},
		"update, project renamed":     {false, 404, answers(301, ``), failure.Final, failure.IntegrationScope, "target_moved"},
		"update sent on":              {false, 301, answers(200, healthy), failure.Final, failure.IntegrationScope, "target_moved"},
		"update, captcha":             {false, 409, answers(200, healthy), failure.Final, failure.ItemScope, "captcha_required"},
		"create, captcha":             {true, 409, answers(200, healthy), failure.Final, failure.ItemScope, "captcha_required"},
	} {
		t.Run(name, func(t *testing.T) {
			f, c := start(t, Config{})
			f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
				if r.Method == http.MethodGet {
					if r.URL.EscapedPath() != project {
						t.Errorf("asked %s", r.URL)
					}
					tt.project(w)
					return
				}

				reply(w, tt.status, http.Header{"Location": {base + "/projects/5/issues/7"}}, `{"message":"x","needs_captcha_response":true}`)
			}

			var err error
			if tt.creates {
				_, err = c.Create(t.Context(), connector.Content{Title: "T"}, marker)
			} else {
				_, err = c.Update(t.Context(), connector.Sent{Remote: domain.Remote{Key: "7"}}, connector.Content{Title: "T", State: "open"}, marker)
			}

			if e := failureOf(t, err); e.Class != tt.class || e.Scope != tt.scope || e.Code != tt.code {
				t.Errorf("got %v scope %d: %v", e.Class, e.Scope, e)
			}

			if n := writes(f); n != 1 {
				t.Errorf("%d writes", n)
			}
		})
	}
}

func TestCancelledCallsNothing(t *testing.T) {
	f, c := start(t, Config{Labels: true})
	f.answers(201, nil, issueJSON(1, "opened", ""))
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

// Who gives up does not wait for the answer, and nothing is asked after that,
// not even how the project stands.
func TestGivenUpInMidCall(t *testing.T) {
	f, c := start(t, Config{})
	arrived := make(chan struct{}, 10)
	f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		arrived <- struct{}{}
		<-r.Context().Done()
	}
	_, err := connectortest.GiveUp(t, arrived, func(ctx context.Context) error {
		_, err := c.Update(ctx, connector.Sent{Remote: domain.Remote{Key: "7"}}, connector.Content{Title: "T", State: "open"}, marker)
		return err
	})
	if e := failureOf(t, err); e.Class != failure.Ambiguous {
		t.Error(e)
	}

	if calls := f.take(); len(calls) != 1 {
		t.Error(calls)
	}
}
