package discord

import (
	"context"
	"net/http"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/markup/chat"
)

// testColor is at the side of a test message: a grey, which is no item's state.
const testColor = 0x57606a

// A testPost is a test message on the wire. It has an embed, because items have
// one and a bot may lack the right to it, and a text, which notifications show. It
// has no footer and no nonce, so it cannot be taken for the message of an item.
type testPost struct {
	Content         string          `json:"content"`
	Embeds          []testEmbed     `json:"embeds"`
	AllowedMentions allowedMentions `json:"allowed_mentions"`
	ThreadName      string          `json:"thread_name,omitempty"` // opens a thread in a forum
}

type testEmbed struct {
	Description string `json:"description"`
	Color       int    `json:"color"`
}

// composeTest makes the message.
func composeTest(t connector.TestMessage) testPost {
	text := chat.Discord{}.Text(strings.Join(t.Lines(), "\n"))

	return testPost{
		Content:         "**" + connector.TestTitle + "**",
		Embeds:          []testEmbed{{Description: text, Color: testColor}},
		AllowedMentions: allowedMentions{Parse: []string{}},
	}
}

// Test posts the message as the bot.
func (b *Bot) Test(ctx context.Context, t connector.TestMessage) (connector.Written, error) {
	return b.test(ctx, b.place.address(b.place.id())+"/messages", b.place.id(), t, composeTest(t))
}

// Test posts the message through the webhook. Only with wait does Discord answer
// with the message, or with what went wrong.
func (w *Webhook) Test(ctx context.Context, t connector.TestMessage) (connector.Written, error) {
	p := composeTest(t)
	if w.cfg.ThreadName != "" {
		p.ThreadName = connector.TestTitle
	}

	return w.test(ctx, w.address("", "wait", "true"), w.cfg.Thread, t, p)
}

// test posts the message into a channel, "" if it is not known which.
func (c *core) test(ctx context.Context, where, channel string, t connector.TestMessage, p testPost) (connector.Written, error) {
	response, err := c.write(ctx, http.MethodPost, where, p)
	if err != nil {
		return connector.Written{}, err
	}

	made, unproven, err := c.proven(http.MethodPost, post{}, response)
	if err != nil {
		return connector.Written{}, err
	}
	if unproven {
		return connector.Written{Unproven: true}, nil
	}
	if channel != "" && made.ChannelID != "" && made.ChannelID != channel {
		return connector.Written{}, c.foreign(http.MethodPost, response)
	}

	w := connector.Written{}
	w.Remote.ID = made.ID
	w.Remote.Key = made.ChannelID
	w.Remote.URL = pageOf(t.Place, made)

	return w, nil
}

// pageOf is the address of a message: that of its channel's server, the channel
// and the message. It is "" where one of them is not known.
func pageOf(place connector.Place, made posted) string {
	end := strings.LastIndexByte(place.URL, '/')
	if end < 0 || !snowflake.MatchString(made.ChannelID) {
		return ""
	}

	return place.URL[:end+1] + made.ChannelID + "/" + made.ID
}
