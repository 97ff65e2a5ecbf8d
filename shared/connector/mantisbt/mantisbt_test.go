package mantisbt

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
	_ connector.Connector = (*Connector)(nil)
	_ connector.Finder    = (*Connector)(nil)
	_ connector.Puller    = (*Connector)(nil)
)

var marker = connector.Marker{Integration: 11, Item: 22, Attempt: 1, Tag: connectortest.Tag}

func TestCreate(t *testing.T) {
	if len(descriptions()) < 2 {
		t.Log("MantisBT's descriptions are absent: requests are not checked against them")
	}

	f, c := start(t, nil)
	f.answers(201, nil, made(issueOf(7, 10, "")))
	got, err := c.Create(t.Context(), connector.Content{Title: "T", Body: "B", Labels: []string{"x"}, State: domain.Closed}, marker)
	want := domain.Remote{ID: "7", Key: "7", URL: "https://example.com/bugs/view.php?id=7", State: domain.Open}
	if err != nil || got.Remote != want || got.Seen.State != domain.Open || got.Seen.Text == "" {
		t.Fatal(got, err)
	}

	calls := f.take()
	body := `{"summary":"T","description":"B","additional_information":"[integrations:11/22/1/` + connectortest.Tag + `]","project":{"id":3},"category":{"name":"General"}}`
	if len(calls) != 1 || calls[0].method != "POST" || calls[0].path != "/issues" || calls[0].body != body || calls[0].header.Get("Content-Type") != "application/json" {
		t.Fatalf("%+v", calls)
	}
}

func TestCreateAnswers(t *testing.T) {
	f, c := start(t, nil)
	for _, body := range []string{"", "{", "[]", "{}", `{"issue":{}}`, `{"issue":{"id":0}}`, `{"issue":{"id":"x"}}`, `{"issue":null}`, `{"id":7}`, "null", "<html>"} {
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

	if len(f.take()) != 14 {
		t.Error("a write was repeated")
	}
}

// one serves one issue, read and changed: what a PATCH asks for is taken.
func one(f *fake, before, after stored) {
	f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		if r.Method == http.MethodGet {
			reply(w, 200, http.Header{"ETag": {"abc123"}}, listOf(before))
			return
		}
		reply(w, 200, http.Header{"ETag": {"def456"}}, listOf(after))
	}
}

func TestUpdate(t *testing.T) {
	const own = "[integrations:11/22/1/" + connectortest.Tag + "]"
	for name, tt := range map[string]struct {
		sent          domain.ItemState
		content       domain.ItemState
		status, after int    // as read, and as answered
		additional    string // as read
		want          string // members of the PATCH beside summary and description
	}{
		"text":                     {"open", "open", 10, 10, own, ``},
		"text of one in work":      {"open", "open", 50, 50, own, ``},
		"close":                    {"open", "closed", 10, 90, own, `,"status":{"id":90},"resolution":{"id":20}`},
		"resolved by a person":     {"open", "closed", 80, 80, own, ``},
		"reopen":                   {"closed", "open", 90, 20, own, `,"status":{"id":20},"resolution":{"id":30}`},
		"reopened by a person":     {"closed", "open", 50, 50, own, ``},
		"still closed":             {"closed", "closed", 90, 90, own, ``},
		"another attempt's marker": {"open", "open", 10, 10, "[integrations:11/22/9/" + connectortest.Tag + "]\r\n", `,"additional_information":"` + own + `"`},
		"an older form of it":      {"open", "open", 10, 10, "Noon.\r\n[integrations:11/22/1]\r\nKim.", `,"additional_information":"` + own + `\n\nNoon.\r\nKim."`},
		"a forged tag":             {"open", "open", 10, 10, "[integrations:11/22/1/" + connectortest.OtherTag + "]\n\nKim.", `,"additional_information":"` + own + `\n\nKim."`},
		"a person wrote beside it": {"open", "open", 10, 10, "Seen at noon.\r\n" + own + "\r\nBy Kim.", ``},
		"pasted above it":          {"open", "open", 10, 10, "[integrations:11/23/1]\r\n" + own, ``},
		"the marker was removed":   {"open", "open", 10, 10, "Seen at noon.", `,"additional_information":"` + own + `\n\nSeen at noon."`},
		"a copy of another's":      {"open", "open", 10, 10, "[integrations:11/23/1]", `,"additional_information":"` + own + `\n\n[integrations:11/23/1]"`},
	} {
		t.Run(name, func(t *testing.T) {
			f, c := start(t, nil)
			one(f, issueOf(7, tt.status, tt.additional), issueOf(7, tt.after, tt.additional))
			sent := connector.Sent{Remote: domain.Remote{Key: "7"}, State: tt.sent, Seen: connector.Seen{State: tt.sent}}
			got, err := c.Update(t.Context(), sent, connector.Content{Title: "T", Body: "B", State: tt.content}, marker)
			state := domain.Open
			if tt.after >= 80 {
				state = domain.Closed
			}

			if err != nil || got.Remote.State != state || got.Remote.Key != "7" {
				t.Fatal(got, err)
			}

			calls := f.take()
			want := `{"summary":"T","description":"B"` + tt.want + `,"notes":[]}`
			if len(calls) != 2 || calls[0].method != "GET" || calls[0].query != "" || calls[1].method != "PATCH" || calls[1].path != "/issues/7" || calls[1].body != want {
				t.Errorf("%+v\nwant %s", calls, want)
			}

			if calls[1].header.Get("If-Match") != "abc123" {
				t.Errorf("If-Match %q: MantisBT wants the tag as it gave it", calls[1].header.Get("If-Match"))
			}

			// A change of state that we did not make is still to be noticed.
			if seen := got.Seen.State; strings.Contains(tt.want, "status") && seen != state || !strings.Contains(tt.want, "status") && seen != tt.sent {
				t.Errorf("seen as %s", seen)
			}
		})
	}
}

// Where the state sent before is not known, a close that is met may be our own.
func TestAnUpdateMeetsItsOwnClose(t *testing.T) {
	f, c := start(t, nil)
	one(f, issueOf(7, 90, markerLine(marker)), issueOf(7, 90, markerLine(marker)))
	sent := connector.Sent{Remote: domain.Remote{Key: "7"}, Seen: connector.Seen{State: "open"}}
	got, err := c.Update(t.Context(), sent, connector.Content{Title: "T", Body: "B", State: "closed"}, marker)
	if err != nil || got.Seen.State != domain.Closed {
		t.Errorf("%+v %v", got, err)
	}
}

func TestUpdateKeepsToItself(t *testing.T) {
	f, c := start(t, nil)
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

// A status the server does not know is stored as none, with success.
func TestAWrongEchoIsAnError(t *testing.T) {
	f, c := start(t, nil)
	for _, tt := range []struct {
		after stored
		class failure.Class
		code  string
	}{
		{issueOf(7, 0, ""), failure.Final, "status_not_taken"},
		{issueOf(7, 80, ""), failure.Final, "status_not_taken"},
		{issueOf(8, 90, ""), failure.Ambiguous, "foreign_answer"},
	} {
		one(f, issueOf(7, 10, ""), tt.after)
		got, err := c.Update(t.Context(), connector.Sent{Remote: domain.Remote{Key: "7"}, State: "open"}, connector.Content{State: "closed"}, marker)
		if e := failureOf(t, err); e.Class != tt.class || e.Code != tt.code || e.Scope != failure.ItemScope {
			t.Errorf("%v: %v", tt.after, e)
		}

		if (got.Seen.Text != "") != (tt.code == "status_not_taken") { // it was written all the same
			t.Errorf("%v: %+v", tt.after, got)
		}
	}
}

// What an old MySQL fails on is left out at the next try, for this item alone.
func TestFourByteCharacters(t *testing.T) {
	f, c := start(t, nil)
	old := func(w http.ResponseWriter, r *http.Request, body []byte) {
		switch {
		case r.Method == http.MethodGet:
			reply(w, 200, http.Header{"ETag": {"abc"}}, listOf(issueOf(7, 10, markerLine(marker))))
		case strings.Contains(string(body), "🦀"):
			reply(w, 500, nil, "")
		case r.Method == http.MethodPost:
			reply(w, 201, nil, made(issueOf(7, 10, "")))
		default:
			reply(w, 200, nil, listOf(issueOf(7, 10, "")))
		}
	}

	f.answer = old
	content := connector.Content{Title: "a 🦀", Body: "🦀 é 日", State: "open"}
	last := func() string {
		calls := f.take()
		return calls[len(calls)-1].body
	}
	first := marker
	_, err := c.Create(t.Context(), content, first)
	if e := failureOf(t, err); e.Class != failure.Ambiguous {
		t.Error(e)
	}

	f.take()
	second := connector.Marker{Integration: 11, Item: 22, Attempt: 2}
	if _, err := c.Create(t.Context(), content, second); err != nil || !strings.Contains(last(), `"summary":"a �","description":"� é 日"`) {
		t.Error(err)
	}

	_, fresh := start(t, nil) // another slice, which has not seen the first try
	fresh.client.http = c.client.http
	if _, err := fresh.Create(t.Context(), content, second); err != nil {
		t.Error(err)
	}

	other := connector.Marker{Integration: 11, Item: 23, Attempt: 1, Tag: connectortest.Tag}
	update := func(m connector.Marker) error {
		_, err := c.Update(t.Context(), connector.Sent{Remote: domain.Remote{Key: "7"}, State: "open"}, content, m)
		return err
	}
	if e := failureOf(t, update(other)); e.Class != failure.Ambiguous {
		t.Error(e)
	}

	if err := update(other); err != nil {
		t.Errorf("the repeated update: %v", err)
	}

	if err := update(marker); err != nil {
		t.Error(err)
	}

	third := connector.Marker{Integration: 11, Item: 24, Attempt: 1, Tag: connectortest.Tag}
	f.answers(201, nil, made(issueOf(8, 10, "")))
	f.take()
	if _, err := c.Create(t.Context(), content, third); err != nil || !strings.Contains(last(), "🦀") {
		t.Error("another item's characters were left out")
	}
}

func TestErrors(t *testing.T) {
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
		{"bad token", 401, nil, `{"message":"Valid API token required","code":9}`, failure.Final, failure.IntegrationScope, "credentials_rejected", 0, "Valid API token"},
		{"may not report", 403, nil, `{"message":"User does not have access right to report issues"}`, failure.Final, failure.IntegrationScope, "forbidden", 0, "the role reporter"},
		{"no project", 404, nil, `{"message":"Project '3' doesn't exist","code":700}`, failure.Final, failure.IntegrationScope, "target_not_found", 0, "Project '3'"},
		{"no category", 400, nil, `{"message":"Category 'General' not found.","code":1502}`, failure.Final, failure.IntegrationScope, "category_not_found", 0, "Category 'General'"},
		{"category missing", 404, nil, `{"message":"Category not found"}`, failure.Final, failure.IntegrationScope, "category_not_found", 0, ""},
		{"empty field", 400, nil, `{"message":"A necessary field \"description\" was empty.","code":11,"localized":"x"}`, failure.Final, failure.ItemScope, "rejected", 0, "necessary field"},
		{"spam", 429, nil, `{"message":"Hit rate limit threshold","code":27}`, failure.Retryable, failure.IntegrationScope, "rate_limited", 10 * time.Minute, "role updater: Hit rate limit"},
		{"a proxy's limit", 429, http.Header{"Retry-After": {"42"}}, ``, failure.Retryable, failure.IntegrationScope, "rate_limited", 42 * time.Second, ""},
		{"retry after 0", 429, http.Header{"Retry-After": {"0"}}, ``, failure.Retryable, failure.IntegrationScope, "rate_limited", time.Second, ""},
		{"bare 429", 429, nil, ``, failure.Retryable, failure.IntegrationScope, "rate_limited", 10 * time.Minute, ""},
		{"a long summary on PostgreSQL", 500, nil, ``, failure.Ambiguous, failure.ItemScope, "no_answer", 0, ""},
		{"bad gateway", 502, nil, `<html>`, failure.Ambiguous, failure.ItemScope, "no_answer", 0, ""},
		{"outage", 503, nil, ``, failure.Ambiguous, failure.ItemScope, "no_answer", 0, ""},
		{"switched off", 503, nil, `{"message":"API disabled"}`, failure.Retryable, failure.IntegrationScope, "provider_unavailable", 0, "API disabled"},
		{"announced outage", 503, http.Header{"Retry-After": {"30"}}, ``, failure.Retryable, failure.IntegrationScope, "provider_unavailable", 30 * time.Second, ""},
		{"sent on", 301, http.Header{"Location": {"https://example.com/tracker/api/rest/issues"}}, ``, failure.Final, failure.ItemScope, "rejected", 0, "another address"},
		{"sent to another host", 302, http.Header{"Location": {"https://evil.test/"}}, ``, failure.Final, failure.ItemScope, "rejected", 0, ""},
		{"leak", 400, nil, `{"message":"token ` + token + ` at https://u:p@h.test/x?access=1` + strings.Repeat("z", 999) + `"}`, failure.Final, failure.ItemScope, "rejected", 0, "[redacted]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, c := start(t, nil)
			f.answers(tt.status, tt.header, tt.body)
			_, err := c.Create(t.Context(), connector.Content{Title: "T", Body: "B"}, marker)
			e := failureOf(t, err)
			if e.Class != tt.class || e.Scope != tt.scope || e.Code != tt.code || e.Wait != tt.wait || e.Status != tt.status || e.RequestID != "REQ:1" {
				t.Errorf("got %v scope %d wait %v: %v", e.Class, e.Scope, e.Wait, e)
			}

			if guessed := tt.wait == 10*time.Minute; e.NoRetryAfter != guessed {
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

// Many refusals have no body: the status line says why.
func TestReasonOfTheStatusLine(t *testing.T) {
	f, c := start(t, nil)
	f.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			t.Error(err)
			return
		}

		fmt.Fprint(conn, "HTTP/1.1 404 Project '3' doesn't exist\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		conn.Close()
	}

	_, err := c.Create(t.Context(), connector.Content{Title: "T"}, marker)
	if e := failureOf(t, err); e.Code != "target_not_found" || !strings.Contains(e.Detail, "Project '3' doesn't exist") {
		t.Error(e)
	}
}

// What a refusal about one issue means may depend on the project, which is
// asked once.
func TestErrorsOfOneIssue(t *testing.T) {
	type answer struct {
		status int
		body   string
	}
	whole := answer{200, listOf(issueOf(7, 10, ""))}
	for name, tt := range map[string]struct {
		read, write answer
		list        answer
		class       failure.Class
		scope       failure.Scope
		code        string
	}{
		"reporter":      {whole, answer{403, `{"message":"Not enough rights to update issues"}`}, answer{}, failure.Final, failure.IntegrationScope, "forbidden"},
		"read-only":     {whole, answer{403, `{"message":"Issue '7' is readonly"}`}, answer{}, failure.Final, failure.ItemScope, "remote_readonly"},
		"stale":         {whole, answer{412, ``}, answer{}, failure.Retryable, failure.ItemScope, "changed_meanwhile"},
		"deleted":       {answer{404, `{"message":"Issue #7 not found","code":1100}`}, answer{}, answer{200, listOf()}, failure.Final, failure.ItemScope, "remote_deleted"},
		"deleted now":   {whole, answer{404, `{"message":"Issue #7 not found","code":1100}`}, answer{200, listOf()}, failure.Final, failure.ItemScope, "remote_deleted"},
		"private":       {answer{403, `{"message":"Access denied"}`}, answer{}, answer{200, listOf()}, failure.Final, failure.ItemScope, "remote_forbidden"},
		"lost access":   {answer{403, `{"message":"Access denied"}`}, answer{}, answer{403, `{}`}, failure.Final, failure.IntegrationScope, "forbidden"},
		"project gone":  {answer{404, ``}, answer{}, answer{404, `{"message":"Project '3' doesn't exist"}`}, failure.Final, failure.IntegrationScope, "target_not_found"},
		"bad token":     {answer{404, ``}, answer{}, answer{401, ``}, failure.Final, failure.IntegrationScope, "credentials_rejected"},
		"limited":       {answer{404, ``}, answer{}, answer{429, ``}, failure.Retryable, failure.IntegrationScope, "rate_limited"},
		"outage":        {answer{404, ``}, answer{}, answer{502, ``}, failure.Retryable, failure.IntegrationScope, "provider_unavailable"},
		"broken off":    {answer{404, ``}, answer{}, answer{0, ``}, failure.Retryable, failure.IntegrationScope, "provider_unavailable"},
		"no issue":      {answer{200, `{"issues":[]}`}, answer{}, answer{}, failure.Retryable, failure.IntegrationScope, "answer_unreadable"},
		"server error":  {whole, answer{500, ``}, answer{}, failure.Ambiguous, failure.ItemScope, "no_answer"},
		"token expired": {whole, answer{401, `{"message":"Valid API token required"}`}, answer{}, failure.Final, failure.IntegrationScope, "credentials_rejected"},
		"half an echo":  {whole, answer{200, `{"issues":[{"id":7`}, answer{}, failure.Ambiguous, failure.ItemScope, "foreign_answer"},
	} {
		t.Run(name, func(t *testing.T) {
			f, c := start(t, nil)
			f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
				a := tt.list
				switch {
				case r.Method == http.MethodPatch:
					a = tt.write
				case strings.HasSuffix(r.URL.Path, "/issues/7"):
					a = tt.read
				}

				if a.status == 0 {
					panic(http.ErrAbortHandler)
				}

				reply(w, a.status, http.Header{"ETag": {"x"}}, a.body)
			}

			_, err := c.Update(t.Context(), connector.Sent{Remote: domain.Remote{Key: "7"}, State: "open"}, connector.Content{Title: "T", State: "open"}, marker)
			if e := failureOf(t, err); e.Class != tt.class || e.Scope != tt.scope || e.Code != tt.code {
				t.Errorf("got %v scope %d: %v", e.Class, e.Scope, e)
			}

			writes := 0
			for _, call := range f.take() {
				if call.method != "GET" {
					writes++
				}
			}

			if writes > 1 {
				t.Errorf("%d writes", writes)
			}
		})
	}
}

func TestCancelledCallsNothing(t *testing.T) {
	f, c := start(t, nil)
	f.users = func(http.ResponseWriter, *http.Request) { t.Error("asked who it is") }
	f.answers(201, nil, made(issueOf(1, 10, "")))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, do := range []func() error{
		func() error {
			_, err := c.Create(ctx, connector.Content{Title: "T"}, marker)
			return err
		},
		func() error {
			_, err := c.Update(ctx, connector.Sent{Remote: domain.Remote{Key: "7"}}, connector.Content{Title: "T"}, marker)
			return err
		},
		func() error {
			_, err := c.Find(ctx, now, []connector.Marker{marker})
			return err
		},
		func() error {
			_, _, err := c.Changes(ctx, now, 0)
			return err
		},
	} {
		if e := failureOf(t, do()); e.Class != failure.NotSent {
			t.Error(e)
		}
	}

	if calls := f.take(); len(calls) != 0 {
		t.Error(calls)
	}
}

// A call that is cancelled while it waits does not wait on, and no other begins.
func TestCancelledInMidCall(t *testing.T) {
	f, c := start(t, nil)
	arrived := make(chan struct{})
	release := make(chan struct{})
	f.answer = func(http.ResponseWriter, *http.Request, []byte) {
		close(arrived)
		<-release
	}
	t.Cleanup(func() { close(release) })
	_, err := connectortest.GiveUp(t, arrived, func(ctx context.Context) error {
		_, _, err := c.Changes(ctx, now, 0)
		return err
	})
	if e := failureOf(t, err); e.Class != failure.Retryable {
		t.Error(e)
	}

	if n := len(f.take()); n != 1 {
		t.Errorf("%d requests", n)
	}
}
