package slack

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"example.com/integrations/local/providers/chat"
)

// The lengths of texts, in characters.
const (
	cutText   = 40_000 // a longer text of a post is cut
	maxUpdate = 4000   // a longer text of an update is refused
	goodText  = 4000   // the length that Slack recommends
)

// content is a message in Slack's own form.
type content struct {
	Text        string          `json:"text"`
	Blocks      json.RawMessage `json:"blocks,omitempty"`
	Attachments json.RawMessage `json:"attachments,omitempty"`
	Metadata    json.RawMessage `json:"metadata,omitempty"`
}

// empty reports whether there is nothing to show.
func (c content) empty() bool { return c.Text == "" && c.Blocks == nil && c.Attachments == nil }

func typed(text string) json.RawMessage {
	return encode(content{Text: strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)})
}

func contentOf(m *chat.Message) content {
	var read content
	_ = json.Unmarshal(m.Wire, &read) // it was written by us
	return read
}

func (s *Server) post(c *call) (object, *chat.Message) {
	where, refused := s.writable(c)
	if refused != nil {
		return refused, nil
	}
	if !where.has(c.account.User) && (where.Private || !c.may("chat:write.public")) {
		return fail("not_in_channel"), nil
	}

	made, refused := s.content(c, content{})
	if refused != nil {
		return refused, nil
	}
	if made.empty() {
		return fail("no_text"), nil
	}

	if utf8.RuneCountInString(made.Text) > cutText {
		made.Text = string([]rune(made.Text)[:cutText])
	}

	m := s.New(where.ID, c.account.Name, c.account.User, encode(made))
	m.Thread = s.threadOf(where.ID, c.text("thread_ts"))

	return object{"ok": true, "channel": where.ID, "ts": m.ID, "message": s.view(m, true)}, m
}

func (s *Server) update(c *call) (object, *chat.Message) {
	found, refused := s.own(c, "cant_update_message")
	if refused != nil {
		return refused, nil
	}
	if utf8.RuneCountInString(c.text("text")) > maxUpdate {
		return fail("msg_too_long"), nil
	}

	before := contentOf(found)
	// Metadata and attachments stay unless others are given. Blocks do not stay if a
	// new text is given (https://docs.slack.dev/reference/methods/chat.update).
	kept := content{Metadata: before.Metadata, Attachments: before.Attachments}
	if c.args["text"] == nil {
		kept.Blocks = before.Blocks
	}

	made, refused := s.content(c, kept)
	if refused != nil {
		return refused, nil
	}
	if made.empty() {
		return fail("no_text"), nil
	}

	after := found.Edited(encode(made), s.Now(), c.account.User)

	return object{"ok": true, "channel": after.Channel, "ts": after.ID, "text": made.Text, "message": s.view(after, true)}, after
}

func (s *Server) remove(c *call) (object, *chat.Message) {
	found, refused := s.own(c, "cant_delete_message")
	if refused != nil {
		return refused, nil
	}

	return object{"ok": true, "channel": found.Channel, "ts": found.ID}, found.Gone()
}

// own finds a message that the caller may change.
func (s *Server) own(c *call, others string) (*chat.Message, object) {
	where, refused := s.writable(c)
	if refused != nil {
		return nil, refused
	}

	found := s.Get(where.ID, c.text("ts"))
	switch {
	case c.text("ts") == "" || found == nil:
		return nil, fail("message_not_found")
	case found.Owner != c.account.User:
		return nil, fail(others)
	}

	return found, nil
}

// writable is the channel that a write is for.
func (s *Server) writable(c *call) (*Channel, object) {
	where := s.channels.Get(c.text("channel"))
	switch {
	case where == nil, where.Private && !where.has(c.account.User):
		return nil, fail("channel_not_found")
	case where.Archived:
		return nil, fail("is_archived")
	}

	return where, nil
}

// content reads the new content of a message, and judges it.
func (s *Server) content(c *call, made content) (content, object) {
	made.Text = c.text("text")
	made.Blocks = given(c.raw("blocks"), made.Blocks)
	made.Attachments = given(c.raw("attachments"), made.Attachments)
	if refused := s.judgeForm(c.method, made); refused != nil {
		return made, refused
	}

	if raw := c.raw("metadata"); len(raw) > 0 && string(raw) != "null" {
		if !goodMetadata(raw) {
			return made, fail("invalid_metadata_format")
		}

		if made.Metadata = raw; string(raw) == "{}" {
			made.Metadata = nil
		}
	}

	s.judgeText(c.method, made.Text)
	if c.yes("link_names") || c.text("parse") != "" && c.text("parse") != "none" {
		s.Violation("%s: link_names or parse makes mentions of what is written in text", c.method)
	}

	return made, nil
}

// given is the list of a caller, nil if it is empty, and the one before if there is
// none.
func given(raw, before json.RawMessage) json.RawMessage {
	switch {
	case len(raw) == 0 || string(raw) == "null":
		return before
	case string(raw) == "[]":
		return nil
	}

	return raw
}

// judgeText checks the text beside the blocks, which is mrkdwn.
func (s *Server) judgeText(where, text string) {
	if n := utf8.RuneCountInString(text); n > goodText {
		s.Violation("%s: text has %d characters, Slack asks for no more than %d", where, n, goodText)
	}

	for _, what := range hazards(text) {
		s.Violation("%s: text: %s", where, what)
	}
}

// goodMetadata reports whether metadata has the form that Slack accepts.
func goodMetadata(raw json.RawMessage) bool {
	if string(raw) == "{}" {
		return true
	}

	var read struct {
		Type    string                     `json:"event_type"`
		Payload map[string]json.RawMessage `json:"event_payload"`
	}

	return json.Unmarshal(raw, &read) == nil && read.Type != "" && read.Payload != nil && len(raw) <= 8000
}

// view is a message as Slack shows it.
func (s *Server) view(m *chat.Message, metadata bool) object {
	held := contentOf(m)
	out := object{"type": "message", "user": m.Owner, "ts": m.ID, "text": held.Text, "team": team}
	if strings.HasPrefix(m.Owner, "B") {
		delete(out, "user")
		out["subtype"] = "bot_message"
		out["bot_id"] = m.Owner
		out["username"] = m.Author
	} else if s.isBot(m.Owner) {
		out["bot_id"] = botID(m.Owner)
	}

	if held.Blocks != nil {
		out["blocks"] = held.Blocks
	}

	if held.Attachments != nil {
		out["attachments"] = shownAttachments(held.Attachments)
	}

	if m.Thread != "" {
		out["thread_ts"] = m.Thread
	}

	if !m.EditedAt.IsZero() {
		out["edited"] = object{"user": m.EditedBy, "ts": nextID(m.EditedAt, "")}
	}

	if metadata && held.Metadata != nil {
		out["metadata"] = held.Metadata
	}

	return out
}

func (s *Server) isBot(user string) bool {
	for _, account := range s.config.Accounts {
		if account.User == user {
			return account.Bot
		}
	}
	return false
}

// threadOf is the thread that a reply is posted into, "" for the channel itself. Slack
// posts into the channel, and reports no error, where the message of the thread is not
// there any more (https://github.com/slack-go/slack/issues/1571). A deleted message
// with replies keeps its thread.
func (s *Server) threadOf(channel, thread string) string {
	if thread == "" || s.Get(channel, thread) != nil {
		return thread
	}

	for _, m := range s.Messages(channel) {
		if m.Thread == thread {
			return thread
		}
	}

	return ""
}
