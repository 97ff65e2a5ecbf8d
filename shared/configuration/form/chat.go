package form

import (
	"example.com/integrations/shared/configuration/address"
	"example.com/integrations/shared/domain"
)

// DigestOver is how many changes of one run a chat takes one by one, unless
// the configuration says otherwise.
const DigestOver = 20

// What a chat does with a changed item.
const (
	OnUpdateEdit  = "edit"
	OnUpdateReply = "reply" // edit, and reply below the message
	OnUpdatePost  = "post"
)

// How a Slack message leads to its item.
const (
	OpenLink   = "link"
	OpenButton = "button" // asks the app for an answer to each click
)

// What a Teams workflow is sent.
const (
	PayloadEnvelope = "envelope"
	PayloadCard     = "card"
)

// Chat is what the three chats have in common.
type Chat struct {
	Digest    *int      `json:"digest_over"`
	Templates Templates `json:"templates"`
}

// DigestOver is how many changes of one run become messages of their own; more become
// one digest.
func (c *Chat) DigestOver() int { return *c.Digest }

func (c *Chat) setDefaults() {
	if c.Digest == nil {
		n := DigestOver
		c.Digest = &n
	}
}

// Discord posts into a channel or thread, by webhook or as a bot.
type Discord struct {
	Chat
	WebhookURL string `json:"webhook_url"`
	ThreadID   string `json:"thread_id"`
	// ThreadName is a template: each item gets a thread of that name in the
	// webhook's forum. It does not decide where the configuration leads, and a
	// webhook cannot rename a thread, so it is no part of the rendering either.
	ThreadName string `json:"thread_name"`
	BotToken   string `json:"bot_token"`
	ChannelID  string `json:"channel_id"`
	OnUpdate   string `json:"on_update"`
}

func (c *Discord) setDefaults() {
	c.Chat.setDefaults()
	orElse(&c.OnUpdate, OnUpdateEdit)
}

// Destination is the webhook's channel or thread, or the bot's channel.
func (c *Discord) Destination(hook Webhook) Destination {
	if c.WebhookURL != "" {
		return hooked(domain.Discord, hook, c.ThreadID)
	}
	return place(domain.Discord, address.DiscordAPI, "channel", c.ChannelID)
}

// Rendering is the templates.
func (c *Discord) Rendering() any { return []any{c.Templates} }

// Slack posts into a channel, by incoming webhook or as a bot.
type Slack struct {
	Chat
	WebhookURL string `json:"webhook_url"`
	BotToken   string `json:"bot_token"`
	Channel    string `json:"channel"`
	BaseURL    string `json:"base_url"` // of a bot's Slack, without a path
	OnUpdate   string `json:"on_update"`
	// Open is how messages lead to the item. Messages that were posted before keep
	// what they have until the item changes, so it is no part of the rendering.
	Open string `json:"open"`
}

// setDefaults: an incoming webhook returns no message's id, so nothing it posted
// can be edited.
func (c *Slack) setDefaults() {
	c.Chat.setDefaults()
	if c.WebhookURL != "" {
		c.OnUpdate = OnUpdatePost
	}

	orElse(&c.OnUpdate, OnUpdateEdit)
	orElse(&c.BaseURL, address.SlackAPI)
	orElse(&c.Open, OpenLink)
}

// API is the root of the Web API.
func (c *Slack) API() string { return c.BaseURL + "/api" }

// Destination is the webhook's channel or the bot's.
func (c *Slack) Destination(hook Webhook) Destination {
	if c.WebhookURL != "" {
		return hooked(domain.Slack, hook)
	}
	return place(domain.Slack, c.BaseURL, "channel", c.Channel)
}

// Rendering is the templates.
func (c *Slack) Rendering() any { return []any{c.Templates} }

// Teams posts through a Power Automate workflow.
type Teams struct {
	Chat
	WorkflowURL string `json:"workflow_url"`
	Payload     string `json:"payload"` // envelope or card
}

func (c *Teams) setDefaults() {
	c.Chat.setDefaults()
	orElse(&c.Payload, PayloadEnvelope)
}

// Destination is the workflow.
func (c *Teams) Destination(hook Webhook) Destination { return hooked(domain.Teams, hook) }

// Rendering is templates and payload.
func (c *Teams) Rendering() any { return []any{c.Templates, c.Payload} }
