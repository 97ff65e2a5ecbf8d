package slack

import (
	"errors"
	"testing"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

var testMessage = connector.TestMessage{
	Integration: 77, ItemType: "work_item", AskedBy: 12, AskedAt: now,
	Place: connector.Place{ID: "C0123456789", URL: "https://acme.slack.com/archives/C0123456789"},
}

const testBody = `"text":"Test message from Integrations","blocks":[` +
	`{"type":"header","text":{"type":"plain_text","text":"Test message from Integrations","emoji":false}},` +
	`{"type":"section","text":{"type":"plain_text","text":"This is a test: messages of integration 77 (item type: work_item) arrive here. You may delete this message.","emoji":false}},` +
	`{"type":"section","text":{"type":"plain_text","text":"User 12 asked for it at 10:00:00 UTC on 23 November 2026.","emoji":false}}],`

// C14: the whole of the test message on the wire. Its metadata is not that of an
// item.
func TestTestMessage(t *testing.T) {
	f, b := startBot(t, false)
	f.answers(200, nil, posted1)
	w, err := b.Test(t.Context(), testMessage)
	where := domain.Remote{ID: "1763892000.000100", Key: "C0123456789", URL: "https://acme.slack.com/archives/C0123456789/p1763892000000100"}
	if err != nil || w.Remote != where || w.Unproven {
		t.Error(w, err)
	}

	want := `{"channel":"C0123456789",` + testBody + `"metadata":{"event_type":"integrations_test","event_payload":{"integration":"77"}},"unfurl_links":false,"unfurl_media":false}`
	if calls := f.take(); len(calls) != 1 || calls[0].path != "/api/chat.postMessage" || calls[0].body != want {
		t.Errorf("got  %v\nwant %s", calls, want)
	}

	f, hook := startHook(t)
	f.answers(200, nil, "ok")
	if w, err := hook.Test(t.Context(), testMessage); err != nil || w != (connector.Written{}) {
		t.Error(w, err)
	}

	want = `{` + testBody + `"unfurl_links":false,"unfurl_media":false}`
	if calls := f.take(); len(calls) != 1 || calls[0].body != want {
		t.Errorf("got  %v\nwant %s", calls, want)
	}
}

// C14: an answer that proves no message is ambiguous, and the message is sent once.
func TestTestMessageWithoutProof(t *testing.T) {
	for name, body := range map[string]string{
		"no time stamp": `{"ok":true,"channel":"C0123456789"}`, "a strange one": `{"ok":true,"ts":"../x"}`, "a page": "<html>Log in</html>", "nothing": "",
	} {
		f, b := startBot(t, false)
		f.answers(200, nil, body)
		_, err := b.Test(t.Context(), testMessage)
		var e *failure.Error
		if !errors.As(err, &e) || e.Class != failure.Ambiguous || len(f.take()) != 1 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// C14: a message has an address only below that of its own channel.
func TestPermalink(t *testing.T) {
	for want, c := range map[string][2]string{
		"https://acme.slack.com/archives/C1/p1763892000000100": {"https://acme.slack.com/archives/C1", "C1"},
		"": {"https://acme.slack.com/archives/C2", "C1"},
	} {
		if got := permalink(connector.Place{URL: c[0]}, c[1], "1763892000.000100"); got != want {
			t.Errorf("%v: %q, want %q", c, got, want)
		}
	}

	if got := permalink(connector.Place{}, "C1", "1.2"); got != "" {
		t.Errorf("an unknown place: %q", got)
	}
}
