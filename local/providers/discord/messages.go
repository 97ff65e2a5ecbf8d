package discord

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/integrations/local/providers/chat"
)

const (
	// repeats is how long a nonce identifies the first message: "the past few minutes".
	repeats = 5 * time.Minute
	// aged is the age from which edits of a message are limited.
	aged = time.Hour
)

// messages are the requests that read, post and change messages and open threads.
type messages struct {
	*Server
	old      *chat.Limiter // of edits of old messages
	oldEdits int           // in each window, by channel
}

// message makes a method of a route of one of messages.
func message(do func(*messages, *call) result) func(*Server, *call) result {
	return func(s *Server, c *call) result { return do(s.messages, c) }
}

// target is the channel of a call: that of the webhook or a thread of it, or the one in
// the path. The caller must be able to see it.
func (s *Server) target(c *call) (*Channel, *result) {
	if c.webhook == nil {
		where := s.channel(c.parts[1])
		if where == nil {
			return nil, &unknownChannel
		}

		if members := s.governing(where).Members; members != nil && !slices.Contains(members, c.account.ID) {
			return nil, &missingAccess
		}

		return where, nil
	}

	where := s.channel(c.webhook.Channel)
	if thread := c.URL.Query().Get("thread_id"); thread != "" {
		where = s.channel(thread)
		if where != nil && where.Parent != c.webhook.Channel {
			where = nil
		}
	}

	if where == nil {
		return nil, &unknownChannel
	}

	return where, nil
}

// execute posts by a webhook. Without wait=true the answer says neither which message
// it is nor that it failed.
func (s *messages) execute(c *call) result {
	wait := c.URL.Query().Get("wait") == "true" || c.URL.Query().Get("wait") == "1"
	if !wait {
		s.Violation("%s: without wait=true it is not told which message it is, nor that there is none", c.route.path)
	}

	out := s.create(c, false)
	if !wait && out.status == http.StatusOK {
		out.status = http.StatusNoContent
		out.value = nil
	}

	return out
}

// post posts by a bot, or a person.
func (s *messages) post(c *call) result { return s.create(c, true) }

func (s *messages) create(c *call, nonces bool) result {
	where, refused := s.target(c)
	if refused != nil {
		return *refused
	}
	if s.silenced(where, c.author()) {
		return notPermitted
	}

	asked, out := s.parse(c)
	if out != nil {
		return *out
	}

	made := asked.content(content{})
	if len(made.Embeds) > 0 && slices.Contains(s.governing(where).NoEmbeds, c.author()) {
		return notPermitted
	}
	if asked.empty() {
		return emptyMessage
	}

	if out := s.misplaced(c, where, asked); out != nil {
		return *out
	}

	to, out := s.refers(c, where, asked)
	if out != nil {
		return *out
	}

	if nonces && asked.EnforceNonce && asked.nonce() != "" {
		if first := s.repeated(c.author(), asked.nonce()); first != nil {
			return result{status: http.StatusOK, value: s.view(first, asked.nonce())}
		}
	}

	s.judge(c, asked, made)
	m := s.New(where.ID, asked.author(c), c.author(), chat.Encode(made))
	m.Thread = to
	if nonces {
		m.Key = asked.nonce()
	}

	if asked.ThreadName != nil {
		s.open(where, m, *asked.ThreadName)
	}

	s.Archive(m.Channel, false)

	return result{status: http.StatusOK, value: s.view(m, m.Key), message: m}
}

// repeated is the message that an author has sent with a nonce in the past few
// minutes, into any channel.
func (s *messages) repeated(author, nonce string) *chat.Message {
	for _, id := range s.Places() {
		for _, m := range s.Messages(id) {
			if m.Key == nonce && m.Owner == author && s.Now().Sub(m.CreatedAt) < repeats {
				return m
			}
		}
	}

	return nil
}

// existing is the message that a path names.
func (s *messages) existing(c *call) (*chat.Message, *result) {
	where, refused := s.target(c)
	if refused != nil {
		return nil, refused
	}

	found := s.Get(where.ID, c.parts[len(c.parts)-1])
	if found == nil || c.webhook != nil && found.Owner != c.webhook.ID {
		return nil, &unknownMessage // a webhook sees its own only
	}

	return found, nil
}

func (s *messages) show(c *call) result {
	found, refused := s.existing(c)
	if refused != nil {
		return *refused
	}
	return result{status: http.StatusOK, value: s.view(found, "")}
}

func (s *messages) edit(c *call) result {
	found, refused := s.existing(c)
	switch {
	case refused != nil:
		return *refused
	case found.Owner != c.author():
		return notOurs
	}

	if where := s.channel(found.Channel); where != nil && where.Archived { // a new message would open it again
		return refuse(http.StatusBadRequest, 50083, "Thread is archived")
	}

	asked, out := s.parse(c)
	if out != nil {
		return *out
	}

	var held content
	_ = json.Unmarshal(found.Wire, &held) // it was written by us
	made := asked.content(held)
	if made.Content == "" && len(made.Embeds) == 0 {
		return emptyMessage
	}

	if s.Now().Sub(found.CreatedAt) >= aged {
		if _, _, wait := s.old.Take(found.Channel, s.oldEdits, OldWindow); wait > 0 {
			return tooMany(wait, 30046, "Maximum number of edits to messages older than 1 hour reached. Try again later")
		}
	}

	s.judge(c, asked, made)
	after := found.Edited(chat.Encode(made), s.Now(), c.author())

	return result{status: http.StatusOK, value: s.view(after, ""), message: after}
}

// remove deletes a message. Bots and webhooks may delete only their own, people all.
func (s *messages) remove(c *call) result {
	found, refused := s.existing(c)
	switch {
	case refused != nil:
		return *refused
	case found.Owner != c.author() && c.account.Bot:
		return notPermitted
	}

	return result{status: http.StatusNoContent, message: found.Gone()}
}

// list gives a channel's messages, newest first.
func (s *messages) list(c *call) result {
	where, refused := s.target(c)
	if refused != nil {
		return *refused
	}

	query := c.URL.Query()
	most := 50
	if asked := query.Get("limit"); asked != "" {
		n, err := strconv.Atoi(asked)
		if err != nil || n < 1 || n > 100 {
			return formError(field{"limit", "NUMBER_TYPE_MAX", "int value should be between 1 and 100."})
		}
		most = n
	}

	if slices.Contains(s.governing(where).Unread, c.account.ID) {
		return result{status: http.StatusOK, value: []object{}} // no error, and no messages
	}

	all := slices.Clone(s.Listed(c.Context(), where.ID))
	after := query.Get("after")
	before := query.Get("before")
	all = slices.DeleteFunc(all, func(m *chat.Message) bool {
		return after != "" && number(m.ID) <= number(after) || before != "" && number(m.ID) >= number(before)
	})
	if len(all) > most {
		if after != "" {
			all = all[:most] // the ones next to it
		} else {
			all = all[len(all)-most:]
		}
	}

	views := []object{}
	for _, m := range slices.Backward(all) {
		views = append(views, s.view(m, ""))
	}

	return result{status: http.StatusOK, value: views}
}

// stamp is the form of Discord's times.
const stamp = "2006-01-02T15:04:05.000000-07:00"

// view is a message as Discord shows it.
func (s *messages) view(m *chat.Message, nonce string) object {
	var held content
	_ = json.Unmarshal(m.Wire, &held) // it was written by us
	out := object{
		"type": 0, "content": held.Content, "mentions": []any{}, "mention_roles": []any{}, "mention_everyone": held.pings("everyone"), "attachments": []any{},
		"embeds": embedViews(held.Embeds), "timestamp": m.CreatedAt.Format(stamp), "edited_timestamp": nil, "flags": held.Flags, "components": []any{},
		"id": m.ID, "channel_id": m.Channel, "pinned": false, "tts": false,
	}

	byWebhook := s.webhooks.Get(m.Owner) != nil
	out["author"] = s.user(m.Owner, m.Author, byWebhook || s.isBot(m.Owner))
	if byWebhook {
		out["webhook_id"] = m.Owner
	}

	if !m.EditedAt.IsZero() {
		out["edited_timestamp"] = m.EditedAt.Format(stamp)
	}

	if nonce != "" {
		out["nonce"] = nonce
	}

	replying(out, m)

	return out
}

// embedViews are embeds as Discord returns them.
func embedViews(embeds []embed) []object {
	views := []object{}
	for _, e := range embeds {
		var view object
		_ = json.Unmarshal(chat.Encode(e), &view)
		view["type"] = "rich"
		views = append(views, view)
	}

	return views
}

func typed(text string) json.RawMessage {
	return chat.Encode(content{Content: strings.TrimSpace(text)})
}
