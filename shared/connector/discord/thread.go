package discord

import (
	"context"
	"net/http"
	"strings"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/message"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/markup/document"
	"example.com/integrations/shared/outbound"
)

// maxThreadName is the longest name of a thread
// (https://discord.com/developers/docs/resources/webhook#execute-webhook). Discord
// does not say what it counts: UTF-16 units are the most.
const maxThreadName = 100

// codeUnknownChannel is Discord's code for a channel or thread that does not exist.
const codeUnknownChannel = "10003"

// Render gives an item's content, and the name of its thread where the webhook
// makes one for each item.
func (w *Webhook) Render(item domain.Item) connector.Content {
	c := w.core.Render(item)
	if w.cfg.ThreadName != "" {
		c.Thread = threadName(w.cfg.ThreadName, item, c)
	}

	return c
}

// threadName fills the template of a thread's name. Where nothing of the result
// can be seen, the name is the item's number and title.
func threadName(template string, item domain.Item, c connector.Content) string {
	name := markup.OneLine(form.Fill(template, "", item))
	if markup.IsBlank(name) {
		name = message.Heading(c)
	}

	return cutThreadName(name)
}

// cutThreadName cuts a name between two characters as people see them.
func cutThreadName(name string) string {
	cut := markup.Cut(name, maxThreadName, "…")
	for room := maxThreadName; document.Length(cut) > maxThreadName && room > 1; {
		room = room * 3 / 4
		cut = markup.Cut(name, room, "…")
	}

	return cut
}

// post sends a new message: into the configured channel or thread, or in a forum
// into the item's own thread. There the first message opens the thread, and later
// ones go into it. A thread that a person has deleted is opened anew.
func (w *Webhook) post(ctx context.Context, p post, c connector.Content) (connector.Written, error) {
	if w.cfg.ThreadName == "" {
		return w.create(ctx, w.address("", "wait", "true"), w.cfg.Thread, p, c)
	}

	if c.Previous != nil {
		if thread := w.threadOf(c.Previous.Channel); thread != "" {
			p.ownThread = true
			made, err := w.create(ctx, w.addressIn(thread, "", "wait", "true"), thread, p, c)
			if !gone(err) {
				return made, err
			}
		}
	}

	p.ownThread = false
	p.ThreadName = c.Thread
	made, err := w.create(ctx, w.address("", "wait", "true"), "", p, c)
	if err == nil && !made.Unproven && !snowflake.MatchString(made.Remote.Key) {
		return connector.Written{}, w.fail(failure.Ambiguous, failure.ItemScope, "foreign_answer", "Discord's answer does not say which thread was opened", outbound.Response{Status: http.StatusOK})
	}

	return made, err
}

// threadOf is the thread that a message of this webhook is in, "" for a message in
// the webhook's channel itself. A message's channel id is that of its thread.
func (w *Webhook) threadOf(channel string) string {
	if w.cfg.Thread != "" {
		return w.cfg.Thread
	}
	if !snowflake.MatchString(channel) {
		return ""
	}

	parent := w.parent.Load()
	if parent != nil && *parent == channel || parent == nil && w.cfg.ThreadName == "" {
		return ""
	}

	return channel
}

// Use keeps the webhook's channel, as Resolve has found it: what is in another
// channel is in a thread. A webhook posts into one place only.
func (w *Webhook) Use(p connector.Place) {
	parts := strings.Split(p.ID, "/")
	if len(parts) < 2 || !snowflake.MatchString(parts[1]) {
		return
	}
	w.parent.Store(&parts[1])
}
