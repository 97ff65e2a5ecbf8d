package slack

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup/document"
)

var content = connector.Content{
	Number: "WI-1", Title: "Say <!here> & *go*", Body: "Some *text*.", Blocks: document.Parse("Some **text**."), Labels: []string{"a", "b"}, State: domain.Open, URL: "https://app.test/1?a=1&b=2",
}

const posted1 = `{"ok":true,"channel":"C0123456789","ts":"1763892000.000100","message":{"text":"x"}}`

// The whole of a message on the wire: it is what people see.
func TestCreate(t *testing.T) {
	f, b := startBot(t, false)
	f.answers(200, nil, posted1)
	w, err := b.Create(t.Context(), content, marker)
	if err != nil || w.Remote != (domain.Remote{ID: "1763892000.000100", Key: "C0123456789", State: domain.Open}) || w.Unproven {
		t.Fatal(w, err)
	}

	calls := f.take()
	want := `{"channel":"C0123456789","text":"WI-1 Say &lt;!here&gt; &amp; *` + "\u200b" + `go*` + "\u200b" + ` — open","blocks":[` +
		`{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[` +
		`{"type":"link","text":"WI-1 Say <!here> & *go*","url":"https://app.test/1?a=1&b=2","style":{"bold":true}},` +
		`{"type":"text","text":"\n🟢 open"}]}]}],` +
		`"attachments":[{"color":"#2da44e","fallback":"Labels: a, b","blocks":[` +
		`{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"Some "},{"type":"text","text":"text","style":{"bold":true}},{"type":"text","text":"."}]}]},` +
		`{"type":"context","elements":[{"type":"plain_text","text":"Labels: a, b","emoji":false}]},` +
		`{"type":"rich_text","elements":[{"type":"rich_text_section","elements":[{"type":"link","text":"Open on app.test","url":"https://app.test/1?a=1&b=2","style":{"bold":true}}]}]}]}],` +
		`"metadata":{"event_type":"integrations_item","event_payload":{"key":"77/4711/2/` + connectortest.Tag + `"}},"unfurl_links":false,"unfurl_media":false}`
	if len(calls) != 1 || calls[0].path != "/api/chat.postMessage" || calls[0].body != want {
		t.Errorf("got  %s\nwant %s", calls[0].body, want)
	}
}

func TestUpdate(t *testing.T) {
	f, b := startBot(t, false)
	f.answers(200, nil, `{"ok":true,"channel":"C9","ts":"1763892000.000100","message":{"text":"x"}}`)
	c := content
	c.State, c.Previous = domain.Closed, &connector.PreviousMessage{Title: "Old", State: domain.Open, Labels: c.Labels, Text: connector.TextHash(c.Body)}
	sent := connector.Sent{Remote: domain.Remote{ID: "1763892000.000100", Key: "C9"}, State: domain.Open}
	w, err := b.Update(t.Context(), sent, c, marker)
	if err != nil || w.Remote != (domain.Remote{ID: "1763892000.000100", Key: "C9", State: domain.Closed}) {
		t.Fatal(w, err)
	}

	body := f.take()[0].body
	for _, part := range []string{`"channel":"C9","ts":"1763892000.000100"`, `"text":"\n✅ closed\n"`, `{"type":"text","text":"Changed:","style":{"bold":true}},{"type":"text","text":" closed · title was “Old”"}`, `"color":"#8250df"`, `"key":"77/4711/2/` + connectortest.Tag + `"`} {
		if !strings.Contains(body, part) {
			t.Errorf("%s is not in %s", part, body)
		}
	}

	c.Deleted = true
	c.Body = ""
	c.Blocks = nil
	if _, err := b.Update(t.Context(), sent, c, marker); err != nil {
		t.Fatal(err)
	}

	if body := f.take()[0].body; !strings.Contains(body, `"style":{"bold":true,"strike":true}`) || !strings.Contains(body, `"\n🗑️ deleted"`) || strings.Contains(body, "Some") || strings.Contains(body, "Open on") {
		t.Error(body)
	}

	for _, bad := range []string{"", "x", "1763892000", "1.1&channel=C2"} {
		sent.Remote.ID = bad
		if e := failureOf(t, second(b.Update(t.Context(), sent, c, marker))); e.Code != "remote_unknown" || e.Class != failure.Final || len(f.take()) != 0 {
			t.Errorf("%q: %v", bad, e)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// Blocks that Slack does not take leave the edit to be made without them, once,
// and never become a new message.
func TestUpdateWithoutBlocks(t *testing.T) {
	f, b := startBot(t, false)
	for code, then := range map[string]string{
		"invalid_blocks": posted1, "msg_blocks_too_long": posted1, "invalid_attachments": posted1, "invalid_blocks_format": `{"ok":false,"error":"message_not_found"}`,
	} {
		answers := []string{`{"ok":false,"error":"` + code + `","response_metadata":{"messages":["[ERROR] x"]}}`, then}
		f.answer = func(w http.ResponseWriter, _ *http.Request, _ string) {
			fmt.Fprint(w, answers[0])
			answers = answers[1:]
		}
		_, err := b.Update(t.Context(), connector.Sent{Remote: domain.Remote{ID: "1763892000.000100", Key: "C0123456789"}}, content, marker)
		calls := f.take()
		if len(calls) != 2 || calls[0].path != "/api/chat.update" || calls[1].path != "/api/chat.update" {
			t.Fatalf("%v", calls)
		}

		if (err == nil) != (then == posted1) {
			t.Errorf("%s: %v", then, err)
		}

		var plain struct {
			Text                string
			Blocks, Attachments []any
		}
		if err := json.Unmarshal([]byte(calls[1].body), &plain); err != nil || !strings.Contains(plain.Text, "<https://app.test/1") || !strings.Contains(plain.Text, "Some *text*.") {
			t.Errorf("%+v %v", plain, err)
		}

		// What is not given could stay: lists that are empty take it away.
		if plain.Blocks == nil || len(plain.Blocks) > 0 || plain.Attachments == nil || len(plain.Attachments) > 0 {
			t.Errorf("blocks %v, attachments %v", plain.Blocks, plain.Attachments)
		}
	}

	f.answers(200, nil, `{"ok":false,"error":"invalid_blocks"}`)
	if e := failureOf(t, second(b.Create(t.Context(), content, marker))); e.Code != "rejected" || len(f.take()) != 1 {
		t.Error("a new message is posted twice: ", e)
	}
}

func TestDigest(t *testing.T) {
	f, b := startBot(t, false)
	f.answers(200, nil, posted1)
	d := connector.Digest{New: 10, Closed: 2, URL: "https://app.test/items?all=1&x=2", First: []connector.Content{
		content,
		{Title: "No <link>", State: domain.Closed, Facts: domain.Facts{Status: "done", Priority: "high"}},
		{Number: "N", Title: "x", Deleted: true, URL: "https://a.test/" + strings.Repeat("x", 3000)},
	}}
	if w, err := b.Digest(t.Context(), d, connector.Marker{Integration: 77, Item: 5, Attempt: 1}); err != nil || w.Remote.ID == "" {
		t.Fatal(w, err)
	}

	call := f.take()[0]
	if !strings.Contains(call.body, `"text":"12 items: 10 new, 2 closed"`) || !strings.Contains(call.body, `"key":"77/5/1"`) || strings.Contains(call.body, `"attachments"`) {
		t.Error(call.body)
	}

	want := strings.Join([]string{
		"rich_text",
		" section: b“12 items: 10 new, 2 closed”",
		" bullet: b“WI-1 Say <!here> & *go*”→https://app.test/1?a=1&b=2 “ — 🟢 open”",
		" bullet: b“No <link>” “ — ✅ closed · done · priority: high”",
		" bullet: bs“N x” “ — 🗑️ deleted”",
		" section: “and 9 more⏎” b“All items on app.test”→https://app.test/items?all=1&x=2",
	}, "\n")
	if got := outline(t, call.body); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}

	f2, w := startHook(t)
	f2.answers(200, nil, "ok")
	if made, err := w.Digest(t.Context(), d, marker); err != nil || made.Remote != (domain.Remote{}) || !strings.Contains(f2.take()[0].body, "and 9 more") {
		t.Error(made, err)
	}
}

func TestWebhook(t *testing.T) {
	f, w := startHook(t)
	f.answers(200, nil, "ok")
	made, err := w.Create(t.Context(), content, marker)
	if err != nil || made.Remote != (domain.Remote{}) || made.Unproven {
		t.Fatal(made, err)
	}

	calls := f.take()
	if len(calls) != 1 || calls[0].path != "/services/T0/B0/"+secret || strings.Contains(calls[0].body, "metadata") || strings.Contains(calls[0].body, "channel") ||
		!strings.Contains(calls[0].body, `"unfurl_links":false,"unfurl_media":false`) {
		t.Errorf("%v", calls)
	}

	if e := failureOf(t, second(w.Update(t.Context(), connector.Sent{}, content, marker))); e.Code != connector.NotEditable || e.Scope != failure.ItemScope || len(f.take()) != 0 {
		t.Error(e)
	}

	for _, body := range []string{"", "OK", "okay", "<html>ok", "null", `{"ok":true}`} {
		f.answers(200, nil, body)
		if e := failureOf(t, second(w.Create(t.Context(), content, marker))); e.Class != failure.Ambiguous {
			t.Errorf("%q: %v", body, e)
		}
	}
}

func TestManner(t *testing.T) {
	_, edits := startBot(t, false)
	_, posts := startBot(t, true)
	_, w := startHook(t)
	for _, tt := range []struct {
		c     connector.Chat
		edits bool
	}{{edits, true}, {posts, false}, {w, false}} {
		if m := tt.c.DeliveryMode(); m.Edits != tt.edits || m.DigestOver != 5 {
			t.Errorf("%T: %+v", tt.c, m)
		}
	}
}

// Slack answers with success whatever happened: its code tells.
func TestCodes(t *testing.T) {
	f, b := startBot(t, false)
	for code, want := range map[string]failure.Error{
		"invalid_auth":        {Class: failure.Final, Scope: failure.IntegrationScope, Code: "credentials_rejected"},
		"token_revoked":       {Class: failure.Final, Scope: failure.IntegrationScope, Code: "credentials_rejected"},
		"account_inactive":    {Class: failure.Final, Scope: failure.IntegrationScope, Code: "credentials_rejected"},
		"token_expired":       {Class: failure.Final, Scope: failure.IntegrationScope, Code: "credentials_rejected"},
		"missing_scope":       {Class: failure.Final, Scope: failure.IntegrationScope, Code: "forbidden"},
		"restricted_action":   {Class: failure.Final, Scope: failure.IntegrationScope, Code: "forbidden"},
		"not_in_channel":      {Class: failure.Final, Scope: failure.IntegrationScope, Code: "forbidden"},
		"channel_not_found":   {Class: failure.Final, Scope: failure.IntegrationScope, Code: "target_not_found"},
		"is_archived":         {Class: failure.Final, Scope: failure.IntegrationScope, Code: "target_not_found"},
		"ratelimited":         {Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "rate_limited", Wait: time.Minute, NoRetryAfter: true},
		"rate_limited":        {Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "rate_limited", Wait: time.Minute, NoRetryAfter: true},
		"internal_error":      {Class: failure.Ambiguous, Scope: failure.ItemScope, Code: "no_answer"},
		"fatal_error":         {Class: failure.Ambiguous, Scope: failure.ItemScope, Code: "no_answer"},
		"service_unavailable": {Class: failure.Ambiguous, Scope: failure.ItemScope, Code: "no_answer"},
		"message_not_found":   {Class: failure.Final, Scope: failure.ItemScope, Code: "remote_deleted"},
		"cant_update_message": {Class: failure.Final, Scope: failure.ItemScope, Code: connector.NotEditable},
		"edit_window_closed":  {Class: failure.Final, Scope: failure.ItemScope, Code: connector.NotEditable},
		"msg_too_long":        {Class: failure.Final, Scope: failure.ItemScope, Code: "rejected"},
		"one_nobody_knows":    {Class: failure.Final, Scope: failure.ItemScope, Code: "rejected"},
	} {
		f.answers(200, nil, `{"ok":false,"error":"`+code+`","needed":"chat:write"}`)
		for name, err := range map[string]error{
			"create": second(b.Create(t.Context(), content, marker)),
			"update": second(b.Update(t.Context(), connector.Sent{Remote: domain.Remote{ID: "1.1"}}, content, marker)),
		} {
			e := failureOf(t, err)
			if e.Class != want.Class || e.Scope != want.Scope || e.Code != want.Code || e.Wait != want.Wait || e.NoRetryAfter != want.NoRetryAfter || e.Status != 200 || e.RequestID != "REQ1" {
				t.Errorf("%s %s: %+v", name, code, e)
			}

			if !strings.Contains(e.Detail, code) || !strings.Contains(e.Detail, "chat:write") {
				t.Errorf("%s %s: %q", name, code, e.Detail)
			}
		}

		// What only reads leaves nothing open.
		if _, err := b.Find(t.Context(), now, []connector.Marker{marker}); want.Class == failure.Ambiguous && failureOf(t, err).Class != failure.Retryable {
			t.Errorf("find %s: %v", code, err)
		}
	}

	f.answers(200, http.Header{"Retry-After": {"7"}}, `{"ok":false,"error":"ratelimited"}`)
	if e := failureOf(t, second(b.Create(t.Context(), content, marker))); e.Wait != 7*time.Second || e.NoRetryAfter {
		t.Errorf("%+v", e)
	}

	f.answers(429, http.Header{"Retry-After": {"30"}}, "")
	if e := failureOf(t, second(b.Create(t.Context(), content, marker))); e.Code != "rate_limited" || e.Wait != 30*time.Second {
		t.Errorf("%+v", e)
	}

	f.answers(503, nil, "<html>x"+strings.Repeat("y", 999))
	if e := failureOf(t, second(b.Create(t.Context(), content, marker))); e.Class != failure.Ambiguous || e.Code != "no_answer" {
		t.Errorf("%+v", e)
	}
}

// A webhook gives its reason in plain text.
func TestReasons(t *testing.T) {
	f, w := startHook(t)
	for _, tt := range []struct {
		status int
		body   string
		class  failure.Class
		scope  failure.Scope
		code   string
	}{
		{404, "no_service", failure.Final, failure.IntegrationScope, "credentials_rejected"},
		{403, "invalid_token", failure.Final, failure.IntegrationScope, "credentials_rejected"},
		{404, "<html>gone", failure.Final, failure.ItemScope, "rejected"},
		{410, "channel_is_archived", failure.Final, failure.IntegrationScope, "target_not_found"},
		{404, "channel_not_found", failure.Final, failure.IntegrationScope, "target_not_found"},
		{403, "action_prohibited", failure.Final, failure.IntegrationScope, "forbidden"},
		{400, "invalid_payload", failure.Final, failure.ItemScope, "rejected"},
		{400, "no_text", failure.Final, failure.ItemScope, "rejected"},
		{500, "rollup_error", failure.Ambiguous, failure.ItemScope, "no_answer"},
		{429, "no_service", failure.Retryable, failure.IntegrationScope, "rate_limited"},
		{302, "", failure.Final, failure.IntegrationScope, "target_moved"},
	} {
		f.answers(tt.status, nil, tt.body)
		e := failureOf(t, second(w.Create(t.Context(), content, marker)))
		if e.Class != tt.class || e.Scope != tt.scope || e.Code != tt.code || strings.Contains(e.Detail, "<") || e.Class == failure.Retryable && e.Wait != time.Minute {
			t.Errorf("%d %q: %+v", tt.status, tt.body, e)
		}
	}
}

func TestAnswersThatProveNothing(t *testing.T) {
	f, b := startBot(t, false)
	for _, body := range []string{"", "null", "[]", `{"a":1}`, `{"ok":"true"}`, `{"ok":true}`, `{"ok":true,"ts":"x"}`, `{"ok":true,"ts":5}`, "ok"} {
		f.answers(200, nil, body)
		if e := failureOf(t, second(b.Create(t.Context(), content, marker))); e.Class != failure.Ambiguous || e.Code != "foreign_answer" {
			t.Errorf("%s: %+v", body, e)
		}
	}
}
