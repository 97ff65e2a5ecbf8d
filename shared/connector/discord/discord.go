// Package discord is the connector to Discord: items are messages of one
// channel or thread, posted by a bot, which finds them again, or by a webhook,
// which cannot. Both edit them.
package discord

import (
	"context"
	"encoding/json"
	"net/http"
	"regexp"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/message"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup/chat"
	"example.com/integrations/shared/outbound"
)

// DefaultBaseURL is Discord's API.
const DefaultBaseURL = "https://discord.com/api/v10"

// userAgent has the form that Discord asks for; others are turned away
// (https://discord.com/developers/docs/reference#user-agent).
const userAgent = "DiscordBot (integrations, 1.0)"

// Look is how a bot and a webhook show items.
type Look struct {
	DigestOver int
	// PostUpdates makes a message of each change instead of editing the first.
	PostUpdates bool
	// Templates replace the usual title and body; "" leaves the usual one.
	TitleTemplate, BodyTemplate string
}

// core is what a bot and a webhook have in common.
type core struct {
	message.Renderer
	look   Look
	client *outbound.Client
	now    func() time.Time
	header http.Header
	way    answers.Access
}

func newCore(look Look, way answers.Access, client *outbound.Client, now func() time.Time) *core {
	if now == nil {
		now = time.Now
	}

	return &core{
		Renderer: message.Renderer{Dialect: chat.Discord{}, TitleTemplate: look.TitleTemplate, BodyTemplate: look.BodyTemplate},
		look:     look, client: client, now: now, header: http.Header{"User-Agent": {userAgent}}, way: way,
	}
}

// DeliveryMode says whether messages are edited.
func (c *core) DeliveryMode() connector.DeliveryMode {
	return connector.DeliveryMode{Edits: !c.look.PostUpdates, DigestOver: c.look.DigestOver}
}

// A post is what we write of a message. Nobody is mentioned by it, whatever
// stands in it: without the member Discord would mention.
type post struct {
	Content         string          `json:"content"`
	Embeds          []embed         `json:"embeds"`
	AllowedMentions allowedMentions `json:"allowed_mentions"`
	Nonce           string          `json:"nonce,omitempty"`
	EnforceNonce    bool            `json:"enforce_nonce,omitempty"`
	// ThreadName opens a thread in a forum, with the message as its first.
	ThreadName string `json:"thread_name,omitempty"`

	// ownThread says that the call is for a thread that is the item's alone.
	ownThread bool
}

type allowedMentions struct {
	Parse []string `json:"parse"`
}

func silent(d draft) post {
	return post{Content: d.content, Embeds: []embed{d.embed}, AllowedMentions: allowedMentions{Parse: []string{}}}
}

// A posted message is what we read of one.
type posted struct {
	ID        string `json:"id"`
	ChannelID string `json:"channel_id"`
	Embeds    []struct {
		Footer *footer `json:"footer"`
	} `json:"embeds"`
	// The rest tells a reply from other messages.
	Content string `json:"content"`
	Author  struct {
		ID string `json:"id"`
	} `json:"author"`
	Reference struct {
		MessageID string `json:"message_id"`
	} `json:"message_reference"`
}

var snowflake = regexp.MustCompile(`^[1-9][0-9]{0,19}$`)

// send writes a message, new or edited, and tells which one it is. An answer
// without a message is no proof that there is one.
func (c *core) send(ctx context.Context, method, where string, p post) (posted, bool, error) {
	response, err := c.write(ctx, method, where, p)
	if err != nil {
		return posted{}, false, c.ofThread(p, response, err)
	}

	return c.proven(method, p, response)
}

// write sends a message in JSON. The answer is one of success.
func (c *core) write(ctx context.Context, method, where string, message any) (outbound.Response, error) {
	body, err := json.Marshal(message)
	if err != nil {
		panic(err) // strings always marshal
	}

	header := c.header.Clone()
	header.Set("Content-Type", "application/json")
	response, err := c.client.Do(ctx, outbound.Request{Method: method, URL: where, Header: header, Body: body})
	if err == nil && !response.Success() {
		err = c.refused(method, response)
	}

	return response, err
}

// create posts a message into a channel, "" if it is not known which. A message
// of another channel is not the one we posted.
func (c *core) create(ctx context.Context, where, channel string, p post, content connector.Content) (connector.Written, error) {
	m, unproven, err := c.send(ctx, http.MethodPost, where, p)
	switch {
	case err != nil:
		return connector.Written{}, err
	case channel != "" && m.ChannelID != "" && m.ChannelID != channel:
		return connector.Written{}, c.fail(failure.Ambiguous, failure.ItemScope, "foreign_answer", "Discord's answer is a message of another channel", outbound.Response{Status: http.StatusOK})
	}

	w := written(m, content)
	if unproven {
		w.Remote = domain.Remote{}
		w.Unproven = true
	}

	return w, nil
}

// edit changes a message. An answer with another message proves nothing.
func (c *core) edit(ctx context.Context, where string, sent connector.Sent, content connector.Content, p post) (connector.Written, error) {
	edited, _, err := c.send(ctx, http.MethodPatch, where, p)
	if err != nil {
		return connector.Written{}, err
	}
	if edited.ID != sent.Remote.ID {
		return connector.Written{}, c.fail(failure.Ambiguous, failure.ItemScope, "foreign_answer", "Discord's answer is another message", outbound.Response{Status: http.StatusOK})
	}

	return written(posted{ID: sent.Remote.ID, ChannelID: sent.Remote.Key}, content), nil
}

// written is a message as we left it.
func written(m posted, content connector.Content) connector.Written {
	return connector.Written{
		Remote: domain.Remote{ID: m.ID, Key: m.ChannelID, State: content.State},
		Seen:   connector.Seen{Text: content.Hash(), State: content.State},
	}
}

// unknown is for a link that holds no message.
func (c *core) unknown() error {
	return c.fail(failure.Final, failure.ItemScope, "remote_unknown", "the link does not hold the id of a message", outbound.Response{})
}

// get reads.
func (c *core) get(ctx context.Context, where string, maxBody int64) (outbound.Response, error) {
	response, err := c.client.Do(ctx, outbound.Request{Method: http.MethodGet, URL: where, Header: c.header, MaxBody: maxBody})
	if err == nil && response.Status != http.StatusOK {
		err = c.refused(http.MethodGet, response)
	}

	if err == nil && !answers.IsJSON(answers.MediaType(response)) {
		err = c.foreign(http.MethodGet, response)
	}

	return response, err
}
