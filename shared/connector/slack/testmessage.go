package slack

import (
	"cmp"
	gocontext "context"
	"net/http"
	"strings"

	"example.com/integrations/shared/connector"
)

// testType names the metadata of a test message. It differs from eventType, so
// that no search finds a test message as the message of an item.
const testType = "integrations_test"

// A testPost is a test message on the wire
// (https://docs.slack.dev/reference/methods/chat.postMessage).
type testPost struct {
	Channel     string        `json:"channel,omitempty"`
	Text        string        `json:"text"`
	Blocks      []testBlock   `json:"blocks"`
	Metadata    *testMetadata `json:"metadata,omitempty"`
	UnfurlLinks bool          `json:"unfurl_links"`
	UnfurlMedia bool          `json:"unfurl_media"`
}

type testBlock struct {
	Type string   `json:"type"`
	Text testText `json:"text"`
}

// A testText is literal: Slack looks for no markup, names or emoji in it.
type testText struct {
	Type  string `json:"type"`
	Text  string `json:"text"`
	Emoji bool   `json:"emoji"`
}

type testMetadata struct {
	EventType    string            `json:"event_type"`
	EventPayload map[string]string `json:"event_payload"`
}

// composeTest makes the message. Text is what notifications show.
func composeTest(t connector.TestMessage) testPost {
	p := testPost{Text: connector.TestTitle}
	for i, line := range append([]string{connector.TestTitle}, t.Lines()...) {
		kind := "section"
		if i == 0 {
			kind = "header"
		}
		p.Blocks = append(p.Blocks, testBlock{Type: kind, Text: testText{Type: "plain_text", Text: line}})
	}

	return p
}

// Test posts the message as the bot.
func (b *Bot) Test(ctx gocontext.Context, t connector.TestMessage) (connector.Written, error) {
	p := composeTest(t)
	p.Channel = b.where()
	p.Metadata = &testMetadata{EventType: testType, EventPayload: map[string]string{"integration": t.Integration.String()}}

	a, err := b.send(ctx, "chat.postMessage", encode(p))
	if err != nil {
		return connector.Written{}, err
	}
	if !stamp.MatchString(a.TS) || !postProof.Proven(a.response) {
		return connector.Written{}, b.foreign(http.MethodPost, a.response)
	}

	w := connector.Written{}
	w.Remote.ID = a.TS
	w.Remote.Key = cmp.Or(a.Channel, p.Channel)
	w.Remote.URL = permalink(t.Place, w.Remote.Key, a.TS)

	return w, nil
}

// permalink is the address of a message below that of its channel, "" where that
// is not known (https://docs.slack.dev/reference/methods/chat.getPermalink).
func permalink(place connector.Place, channel, ts string) string {
	if !strings.HasSuffix(place.URL, "/archives/"+channel) {
		return ""
	}

	return place.URL + "/p" + strings.ReplaceAll(ts, ".", "")
}

// Test posts the message. Slack answers with no id.
func (w *Webhook) Test(ctx gocontext.Context, t connector.TestMessage) (connector.Written, error) {
	return connector.Written{}, w.send(ctx, encode(composeTest(t)))
}
