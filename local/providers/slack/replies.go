package slack

import (
	"encoding/base64"
	"strings"

	"example.com/integrations/local/providers/chat"
)

// replies lists a thread: its message, then the replies in the order in which they
// were posted. The message is on every page
// (https://docs.slack.dev/reference/methods/conversations.replies).
func (s *Server) replies(c *call) (object, *chat.Message) {
	most, refused := s.pageSize(c)
	if refused != nil {
		return refused, nil
	}

	where, refused := s.seen(c, "channels:history", "groups:history")
	switch {
	case refused != nil:
		return refused, nil
	case !where.has(c.account.User):
		return fail("not_in_channel"), nil
	}

	parent := s.Get(where.ID, c.text("ts"))
	if parent == nil {
		return fail("thread_not_found"), nil
	}

	within, refused := timesOf(c)
	if refused != nil {
		return refused, nil
	}

	from, refused := threadCursor(c)
	if refused != nil {
		return refused, nil
	}

	metadata := c.yes("include_all_metadata")
	messages := []object{s.view(parent, metadata)}
	next := ""
	for _, m := range s.Listed(c.Context(), where.ID) {
		at, _ := micros(m.ID)
		if m.Thread != parent.ID || m.ID == parent.ID || at < from || !within(m.ID) {
			continue
		}

		if len(messages) > most {
			next = base64.StdEncoding.EncodeToString([]byte(threadMark + m.ID))
			break
		}

		messages = append(messages, s.view(m, metadata))
	}

	out := object{"ok": true, "messages": messages, "has_more": next != ""}
	if next != "" {
		out["response_metadata"] = object{"next_cursor": next}
	}

	return out, nil
}

// threadMark begins a cursor of a thread.
const threadMark = "next_thread_ts:"

// threadCursor is the time of the first reply of the page that is asked for.
func threadCursor(c *call) (int64, object) {
	cursor := c.text("cursor")
	if cursor == "" {
		return 0, nil
	}

	text, err := base64.StdEncoding.DecodeString(cursor)
	ts, ok := strings.CutPrefix(string(text), threadMark)
	at, number := micros(ts)
	if err != nil || !ok || !number {
		return 0, fail("invalid_cursor")
	}

	return at, nil
}

// threadOf is the thread that a reply is posted into, "" for the channel itself: Slack
// posts there, and reports no error, where the thread's message is not there any more
// (https://github.com/slack-go/slack/issues/1571). A deleted message with replies keeps
// its thread.
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
