package slack

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/message"
	"example.com/integrations/shared/domain"
)

const page = `<!DOCTYPE html><html><head><title>Attention Required!</title></head><body>x</body></html>`

func typed(media string) http.Header { return http.Header{"Content-Type": {media}} }

// B1, B15, B16: what each answer to a bot's write comes to.
func TestRefusalsOfWrites(t *testing.T) {
	const integration, item = failure.IntegrationScope, failure.ItemScope
	f, b := startBot(t, false)
	for name, tt := range map[string]struct {
		status int
		media  string
		body   string
		scope  failure.Scope
		code   string
		detail string
	}{
		"firewall":                 {403, "text/html", page, item, "rejected", `403 text/html "Attention Required!"`},
		"proxy's 401":              {401, "text/html", page, item, "rejected", `401 text/html "Attention Required!"`},
		"proxy's 404":              {404, "text/html", page, item, "rejected", `404 text/html "Attention Required!"`},
		"JSON 401":                 {401, "application/json", `{"ok":false,"error":"nope"}`, integration, "credentials_rejected", "nope"},
		"enterprise_is_restricted": {200, "application/json", `{"ok":false,"error":"enterprise_is_restricted"}`, integration, "forbidden", "enterprise_is_restricted"},
		"accesslimited":            {200, "application/json", `{"ok":false,"error":"accesslimited"}`, integration, "forbidden", "accesslimited"},
		"team_not_found":           {200, "application/json", `{"ok":false,"error":"team_not_found"}`, integration, "credentials_rejected", "team_not_found"},
		"is_inactive":              {200, "application/json", `{"ok":false,"error":"is_inactive"}`, integration, "credentials_rejected", "is_inactive"},
		"deprecated_endpoint":      {200, "application/json", `{"ok":false,"error":"deprecated_endpoint"}`, integration, "api_removed", "deprecated_endpoint"},
		"method_deprecated":        {200, "application/json", `{"ok":false,"error":"method_deprecated"}`, integration, "api_removed", "method_deprecated"},
		"about the message":        {200, "application/json", `{"ok":false,"error":"msg_too_long","response_metadata":{"messages":["[ERROR] too long"]}}`, item, "rejected", "msg_too_long; [ERROR] too long"},
		"403 about the object":     {403, "application/json", `{"ok":false,"error":"locked"}`, item, "forbidden", "locked"},
		"no body":                  {422, "", ``, item, "rejected", "422 without a body"},
		"string":                   {400, "application/json", `"Problems"`, item, "rejected", `400 application/json "Problems"`},
		"not acceptable":           {406, "text/html", `<title>Not Acceptable!</title>`, item, "rejected", `406 text/html "Not Acceptable!"`},
		"refusal as text":          {200, "text/plain", `{"ok":false,"error":"not_in_channel"}`, integration, "forbidden", "invite it"},
	} {
		f.answers(tt.status, typed(tt.media), tt.body)
		for what, err := range map[string]error{
			"create": second(b.Create(t.Context(), content, marker)),
			"update": second(b.Update(t.Context(), connector.Sent{Remote: domain.Remote{ID: "1.1"}}, content, marker)),
			"digest": second(b.Digest(t.Context(), connector.Digest{New: 1}, marker)),
		} {
			e := failureOf(t, err)
			if e.Class != failure.Final || e.Scope != tt.scope || e.Code != tt.code || e.Status != tt.status || !strings.Contains(e.Detail, tt.detail) {
				t.Errorf("%s: %s: %s scope %d %v", name, what, e.Class, e.Scope, e)
			}
		}
	}
}

// B1, B15: what each answer to a webhook's post comes to.
func TestRefusalsOfAWebhook(t *testing.T) {
	const integration, item = failure.IntegrationScope, failure.ItemScope
	f, w := startHook(t)
	for name, tt := range map[string]struct {
		status int
		media  string
		body   string
		class  failure.Class
		scope  failure.Scope
		code   string
		detail string
	}{
		"refusal in a success":     {200, "application/json", `{"ok":false,"error":"no_service"}`, failure.Final, integration, "credentials_rejected", "no_service"},
		"another in a success":     {200, "application/json", `{"ok":false,"error":"invalid_blocks"}`, failure.Final, item, "rejected", "invalid_blocks"},
		"limit in a success":       {200, "application/json", `{"ok":false,"error":"ratelimited","retry_after":3}`, failure.Retryable, integration, "rate_limited", "ratelimited"},
		"failure in a success":     {200, "application/json", `{"ok":false,"error":"internal_error"}`, failure.Ambiguous, item, "no_answer", "internal_error"},
		"page":                     {200, "text/html", page, failure.Ambiguous, item, "foreign_answer", `200 text/html "Attention Required!"`},
		"login page":               {200, "text/html", `<title>Sign in</title>`, failure.Ambiguous, item, "session_expired", `200 text/html "Sign in"`},
		"another text":             {200, "text/plain", `okay`, failure.Ambiguous, item, "foreign_answer", `200 text/plain "okay"`},
		"nothing":                  {200, "text/html", ``, failure.Ambiguous, item, "foreign_answer", "200 without a body"},
		"202":                      {202, "text/html", `ok`, failure.Ambiguous, item, "foreign_answer", `202 text/html "ok"`},
		"firewall":                 {403, "text/html", page, failure.Final, item, "rejected", `403 text/html "Attention Required!"`},
		"reason in a page":         {404, "text/html", `<html>no_service`, failure.Final, item, "rejected", `404 text/html "no_service"`},
		"reason":                   {404, "text/html", `no_service`, failure.Final, integration, "credentials_rejected", "no_service"},
		"reason about the message": {400, "text/html", `invalid_payload`, failure.Final, item, "rejected", `400 text/html "invalid_payload"`},
		"no body":                  {422, "", ``, failure.Final, item, "rejected", "422 without a body"},
	} {
		f.answers(tt.status, typed(tt.media), tt.body)
		e := failureOf(t, second(w.Create(t.Context(), content, marker)))
		if e.Class != tt.class || e.Scope != tt.scope || e.Code != tt.code || !strings.Contains(e.Detail, tt.detail) {
			t.Errorf("%s: %s scope %d %v", name, e.Class, e.Scope, e)
		}

		if tt.code == "rate_limited" && (e.Wait != 3*time.Second || e.NoRetryAfter) {
			t.Errorf("%s: waits %s", name, e.Wait)
		}
	}

	f.answers(200, typed("text/html"), "ok")
	if _, err := w.Create(t.Context(), content, marker); err != nil {
		t.Error(err)
	}
}

// B15: a wait that only the body names counts.
func TestWaitInABody(t *testing.T) {
	f, b := startBot(t, false)
	f.answers(429, typed("application/json"), `{"retry_after":1}`)
	e := failureOf(t, second(b.Create(t.Context(), content, marker)))
	if e.Wait != time.Second || e.NoRetryAfter || e.Detail != `429 application/json "{"retry_after":1}"` {
		t.Errorf("%s %v %v", e.Wait, e.NoRetryAfter, e)
	}
}

// B9, B10: a post counts with the documented answer, or with our marker in it.
func TestProofOfAPost(t *testing.T) {
	other := marker
	other.Attempt++
	with := func(key, event string) string {
		return `{"ok":true,"channel":"C0123456789","ts":"1.2","message":{"ts":"1.2","metadata":{"event_type":"` + event + `","event_payload":{"key":"` + key + `"}}}}`
	}
	f, b := startBot(t, false)
	for name, tt := range map[string]struct {
		status int
		media  string
		body   string
		proven bool
	}{
		"documented":         {200, "application/json; charset=utf-8", `{"ok":true,"ts":"1.2","channel":"C0123456789"}`, true},
		"201, marker":        {201, "application/json", with(message.Key(marker), eventType), true},
		"as text, marker":    {200, "text/plain", with(message.Key(marker), eventType), true},
		"201, other attempt": {201, "application/json", with(message.Key(other), eventType), false},
		"201, other event":   {201, "application/json", with(message.Key(marker), "x"), false},
		"201, no marker":     {201, "application/json", `{"ok":true,"ts":"1.2"}`, false},
		"login page":         {200, "text/html", "<title>Log in</title>", false},
		"no time stamp":      {200, "application/json", `{"ok":true}`, false},
	} {
		f.answers(tt.status, typed(tt.media), tt.body)
		made, err := b.Create(t.Context(), content, marker)
		if tt.proven {
			if err != nil || made.Remote.ID != "1.2" {
				t.Errorf("%s: %+v %v", name, made, err)
			}
			continue
		}

		if e := failureOf(t, err); e.Class != failure.Ambiguous || e.Scope != failure.ItemScope || e.Code != "foreign_answer" && e.Code != "session_expired" || e.Detail == "" {
			t.Errorf("%s: %s %v", name, e.Class, e)
		}
	}
}

// An edit that is answered with another message is not proven.
func TestEditAnsweredByAnotherMessage(t *testing.T) {
	sent := connector.Sent{Remote: domain.Remote{ID: "1.1", Key: "C1"}}
	for body, proven := range map[string]bool{
		`{"ok":true}`:                           true,
		`{"ok":true,"channel":"C1","ts":"1.1"}`: true,
		`{"ok":true,"channel":"C1","ts":"2.2"}`: false,
		`{"ok":true,"channel":"C2","ts":"1.1"}`: false,
	} {
		f, b := startBot(t, false)
		f.answers(200, nil, body)
		w, err := b.Update(t.Context(), sent, content, marker)
		if proven {
			if err != nil || w.Remote.ID != "1.1" || w.Remote.Key != "C1" {
				t.Errorf("%s: %+v %v", body, w, err)
			}
			continue
		}

		if e := failureOf(t, err); e.Class != failure.Ambiguous || e.Scope != failure.ItemScope || e.Code != "foreign_answer" || w.Remote.ID != "" {
			t.Errorf("%s: %s %v %+v", body, e.Class, e, w)
		}
	}
}

// B16: blocks that are too long are edited in as plain text, with one call more.
func TestBlocksTooLong(t *testing.T) {
	for _, code := range badBlocks {
		f, b := startBot(t, false)
		f.answer = func(w http.ResponseWriter, _ *http.Request, body string) {
			answer := `{"ok":true,"ts":"1.1"}`
			if strings.Contains(body, `"blocks":[{`) {
				answer = `{"ok":false,"error":"` + code + `"}`
			}
			_, _ = w.Write([]byte(answer))
		}
		if _, err := b.Update(t.Context(), connector.Sent{Remote: domain.Remote{ID: "1.1"}}, content, marker); err != nil {
			t.Errorf("%s: %v", code, err)
		}

		if calls := f.take(); len(calls) != 2 || strings.Contains(calls[1].body, `"blocks":[{`) {
			t.Errorf("%s: %v", code, calls)
		}

		// A post is not made anew: nothing says how it would look.
		if e := failureOf(t, second(b.Create(t.Context(), content, marker))); e.Code != "rejected" || e.Scope != failure.ItemScope || len(f.take()) != 1 {
			t.Errorf("%s: %v", code, e)
		}
	}
}

// The provider's page shows both tables of refusals.
func TestPageShowsTheRefusals(t *testing.T) {
	connectortest.Refusals(t, "slack", append(append(refusals[:0:0], refusals...), hookRefusals[1:]...))
}
