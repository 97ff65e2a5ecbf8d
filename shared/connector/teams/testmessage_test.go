package teams

import (
	"errors"
	"testing"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

var testMessage = connector.TestMessage{Integration: 77, ItemType: "work_item", AskedBy: 12, AskedAt: now}

// C14: the whole of the test message on the wire, as a message with a card and as
// a bare card. It has text runs only, and no marker.
func TestTestMessage(t *testing.T) {
	const card = `{"$schema":"http://adaptivecards.io/schemas/adaptive-card.json","type":"AdaptiveCard","version":"1.2",` +
		`"fallbackText":"Test message from Integrations. This is a test: messages of integration 77 (item type: work_item) arrive here. You may delete this message. User 12 asked for it at 10:00:00 UTC on 23 November 2026.","msteams":{"width":"Full"},` +
		`"body":[{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":"Test message from Integrations","weight":"bolder","size":"medium"}]},` +
		`{"type":"RichTextBlock","spacing":"small","inlines":[{"type":"TextRun","text":"This is a test: messages of integration 77 (item type: work_item) arrive here. You may delete this message."}]},` +
		`{"type":"RichTextBlock","spacing":"small","inlines":[{"type":"TextRun","text":"User 12 asked for it at 10:00:00 UTC on 23 November 2026."}]}]}`
	for bare, want := range map[bool]string{
		true:  card,
		false: `{"type":"message","summary":"Test message from Integrations. This is a test: messages of integration 77 (item type: work_item) arrive here. You may delete this message. User 12 asked for it at 10:00:00 UTC on 23 November 2026.","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","contentUrl":null,"content":` + card + `}]}`,
	} {
		f, c := start(t, bare)
		f.status = 202
		w, err := c.Test(t.Context(), testMessage)
		if err != nil || !w.Unproven || w.Remote != (domain.Remote{}) {
			t.Error(w, err)
		}

		if calls := f.take(); len(calls) != 1 || calls[0] != want {
			t.Errorf("got  %s\nwant %s", calls, want)
		}
	}
}

// C14: a page in place of the answer is ambiguous, and the message is sent once.
func TestTestMessageWithoutProof(t *testing.T) {
	f, c := start(t, false)
	f.status = 200
	f.body = "<html>Log in</html>"
	_, err := c.Test(t.Context(), testMessage)
	var e *failure.Error
	if !errors.As(err, &e) || e.Class != failure.Ambiguous || len(f.take()) != 1 {
		t.Error(err)
	}
}
