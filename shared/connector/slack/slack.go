// Package slack is the connector to Slack: items are messages of one channel,
// posted by a bot, which edits and finds them again, or by an incoming webhook,
// which can do neither.
package slack

import (
	"bytes"
	"encoding/json"
	"net/http"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/message"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup/chat"
	"example.com/integrations/shared/outbound"
)

// DefaultBaseURL is Slack's Web API.
const DefaultBaseURL = "https://slack.com/api"

// Look is how a bot and a webhook show items.
type Look struct {
	DigestOver int
	// Buttons gives messages a button that opens the item, instead of a link. The
	// app must answer interactions: see opens.
	Buttons bool
	// Templates replace the usual title and body; "" leaves the usual one.
	TitleTemplate, BodyTemplate string
}

// core is what a bot and a webhook have in common.
type core struct {
	message.Renderer
	http       *outbound.Client
	now        func() time.Time
	digestOver int
	buttons    bool
}

func newCore(look Look, client *outbound.Client, now func() time.Time) core {
	if now == nil {
		now = time.Now
	}

	return core{
		Renderer: message.Renderer{Dialect: chat.Slack{}, TitleTemplate: look.TitleTemplate, BodyTemplate: look.BodyTemplate, Blocks: true},
		http:     client, now: now, digestOver: look.DigestOver, buttons: look.Buttons,
	}
}

// A post is what we write of a message. Names and addresses in it are not
// looked for (link_names and parse are unset), nor is anything unfolded. With
// blocks beside it, text is shown in notifications only. An empty list is written,
// nil is not.
type post struct {
	Channel     string       `json:"channel,omitempty"`
	TS          string       `json:"ts,omitempty"`
	ThreadTS    string       `json:"thread_ts,omitempty"`
	Text        string       `json:"text"`
	Blocks      []block      `json:"blocks,omitzero"`
	Attachments []attachment `json:"attachments,omitzero"`
	Metadata    *metadata    `json:"metadata,omitempty"`
	UnfurlLinks *bool        `json:"unfurl_links,omitempty"`
	UnfurlMedia *bool        `json:"unfurl_media,omitempty"`
}

// created is a new message as it is composed.
func created(m composed) post {
	p := post{Text: m.text, Blocks: m.blocks}
	if len(m.attachments) > 0 {
		p.Attachments = m.attachments
	}
	return p
}

// folded is a new message in which nothing is unfolded.
func folded(p post) post {
	no := false
	p.UnfurlLinks = &no
	p.UnfurlMedia = &no
	return p
}

// metadata goes along with a message. Every app of the workspace may read it.
type metadata struct {
	EventType    string `json:"event_type"`
	EventPayload struct {
		Key string `json:"key"`
	} `json:"event_payload"`
}

// eventType names our metadata.
const eventType = "integrations_item"

func metadataOf(m connector.Marker) *metadata {
	meta := &metadata{EventType: eventType}
	meta.EventPayload.Key = message.Key(m)
	return meta
}

// encode writes mrkdwn as it is: Go would escape its signs once more, which
// means the same and cannot be read by people.
func encode(p any) []byte {
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(p); err != nil {
		panic(err) // strings always marshal
	}

	return bytes.TrimRight(out.Bytes(), "\n")
}

func jsonHeader() http.Header {
	return http.Header{"Content-Type": {"application/json; charset=utf-8"}}
}

// written is a message as we left it.
func written(channel, ts string, c connector.Content) connector.Written {
	return connector.Written{
		Remote: domain.Remote{ID: ts, Key: channel, State: c.State},
		Seen:   connector.Seen{Text: c.Hash(), State: c.State},
	}
}
