package teams

import (
	"context"
	"strings"

	"integrations/shared/connector"
)

// A testCard is the card of a test message. It holds text runs only, which Teams
// shows as they are.
type testCard struct {
	Schema       string     `json:"$schema"`
	Type         string     `json:"type"`
	Version      string     `json:"version"`
	FallbackText string     `json:"fallbackText"` // for clients that show no cards
	Body         []testLine `json:"body"`
}

type testLine struct {
	Type    string    `json:"type"`
	Spacing string    `json:"spacing,omitempty"`
	Inlines []testRun `json:"inlines"`
}

type testRun struct {
	Type   string `json:"type"`
	Text   string `json:"text"`
	Weight string `json:"weight,omitempty"`
	Size   string `json:"size,omitempty"`
}

// A testEnvelope is a message with the card attached. Summary is what
// notifications show.
type testEnvelope struct {
	Type        string           `json:"type"`
	Summary     string           `json:"summary"`
	Attachments []testAttachment `json:"attachments"`
}

type testAttachment struct {
	ContentType string   `json:"contentType"`
	ContentURL  *string  `json:"contentUrl"` // null: the content is inline
	Content     testCard `json:"content"`
}

// composeTest makes the card.
func composeTest(t connector.TestMessage) testCard {
	title := testRun{Type: "TextRun", Text: connector.TestTitle, Weight: "bolder", Size: "medium"}
	body := []testLine{{Type: "RichTextBlock", Inlines: []testRun{title}}}
	for _, text := range t.Lines() {
		body = append(body, testLine{Type: "RichTextBlock", Spacing: "small", Inlines: []testRun{{Type: "TextRun", Text: text}}})
	}

	return testCard{
		Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Type: "AdaptiveCard", Version: "1.4",
		FallbackText: connector.TestTitle + ". " + strings.Join(t.Lines(), " "),
		Body:         body,
	}
}

// Test posts the message. The workflow says that it was started, and never whether
// the message has arrived.
func (c *Connector) Test(ctx context.Context, t connector.TestMessage) (connector.Written, error) {
	card := composeTest(t)
	payload := encode(card)
	if !c.cfg.Card {
		attached := testAttachment{ContentType: "application/vnd.microsoft.card.adaptive", Content: card}
		payload = encode(testEnvelope{Type: "message", Summary: connector.TestTitle, Attachments: []testAttachment{attached}})
	}

	if err := c.start(ctx, payload); err != nil {
		return connector.Written{}, err
	}

	return connector.Written{Unproven: true}, nil
}
