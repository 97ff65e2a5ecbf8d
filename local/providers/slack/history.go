package slack

import (
	"encoding/base64"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/integrations/local/providers/chat"
)

// The sizes of a page of history.
const (
	defaultPage = 100
	maxPage     = 999
	scarcePage  = 15
)

// conversations are the methods that read channels and their messages.
type conversations struct {
	*Server
	perMinute int // pages
	largest   int // page, in messages
}

// conversation makes a method of the API of one that reads.
func conversation(read func(conversations, *call) object) func(*Server, *call) (object, *chat.Message) {
	return func(s *Server, c *call) (object, *chat.Message) {
		in := conversations{s, 50, maxPage}
		if s.config.Scarce {
			in = conversations{s, 1, scarcePage}
		}

		return read(in, c), nil
	}
}

// seen is a channel that the caller may see. The needed scope differs for private
// channels.
func (s conversations) seen(c *call, public, private string) (*Channel, object) {
	where := s.channels.Get(c.text("channel"))
	if !c.may(public, private) {
		return nil, c.missing(public)
	}

	switch {
	case where == nil, where.Private && !where.has(c.account.User):
		return nil, fail("channel_not_found")
	case where.Private && !c.may(private):
		return nil, c.missing(private)
	case !where.Private && !c.may(public):
		return nil, c.missing(public)
	}

	return where, nil
}

func (s conversations) info(c *call) object {
	where, refused := s.seen(c, "channels:read", "groups:read")
	if refused != nil {
		return refused
	}

	return object{"ok": true, "channel": object{
		"id": where.ID, "name": where.Name, "name_normalized": where.Name, "is_channel": !where.Private, "is_group": where.Private, "is_im": false, "is_mpim": false,
		"is_private": where.Private, "is_archived": where.Archived, "is_general": false, "is_member": where.has(c.account.User), "created": 1700000000,
		"creator": "U0CREATOR1", "context_team_id": team, "topic": object{"value": "", "creator": "", "last_set": 0},
	}}
}

// history lists a channel's messages, newest first. Replies in threads are not
// among them.
func (s conversations) history(c *call) object {
	where, most, refused := s.readable(c)
	if refused != nil {
		return refused
	}

	within, refused := timesOf(c)
	if refused != nil {
		return refused
	}

	from, refused := cursorOf(c, "next_ts:", math.MaxInt64)
	if refused != nil {
		return refused
	}

	messages := []object{}
	next := ""
	for _, m := range slices.Backward(s.Listed(c.Context(), where.ID)) {
		at, _ := micros(m.ID)
		if m.Thread != "" && m.Thread != m.ID || at > from || !within(at) {
			continue
		}

		if len(messages) == most {
			next = "next_ts:" + m.ID
			break
		}

		messages = append(messages, s.view(m, c.yes("include_all_metadata")))
	}

	out := pageOf(messages, next)
	out["pin_count"] = 0
	out["channel_actions_ts"] = nil
	out["channel_actions_count"] = 0

	return out
}

// replies lists a thread: its message, then the replies in the order in which they
// were posted. The message is on every page
// (https://docs.slack.dev/reference/methods/conversations.replies).
func (s conversations) replies(c *call) object {
	where, most, refused := s.readable(c)
	if refused != nil {
		return refused
	}

	parent := s.Get(where.ID, c.text("ts"))
	if parent == nil {
		return fail("thread_not_found")
	}

	within, refused := timesOf(c)
	if refused != nil {
		return refused
	}

	from, refused := cursorOf(c, "next_thread_ts:", 0)
	if refused != nil {
		return refused
	}

	metadata := c.yes("include_all_metadata")
	messages := []object{s.view(parent, metadata)}
	next := ""
	for _, m := range s.Listed(c.Context(), where.ID) {
		at, _ := micros(m.ID)
		if m.Thread != parent.ID || m.ID == parent.ID || at < from || !within(at) {
			continue
		}

		if len(messages) > most {
			next = "next_thread_ts:" + m.ID
			break
		}

		messages = append(messages, s.view(m, metadata))
	}

	return pageOf(messages, next)
}

// pageOf is a page of messages. The next one begins at a cursor, "" for none.
func pageOf(messages []object, next string) object {
	out := object{"ok": true, "messages": messages, "has_more": next != ""}
	if next != "" {
		out["response_metadata"] = object{"next_cursor": base64.StdEncoding.EncodeToString([]byte(next))}
	}

	return out
}

// readable is a channel whose messages the caller may read, and how many of them a
// page may have. It counts the request against the limit.
func (s conversations) readable(c *call) (*Channel, int, object) {
	if refused := s.limited(c.method, s.perMinute, time.Minute); refused != nil {
		return nil, 0, refused
	}

	size := min(defaultPage, s.largest)
	if asked := c.text("limit"); asked != "" {
		n, err := strconv.Atoi(asked)
		if err != nil || n < 1 || n > maxPage {
			return nil, 0, fail("invalid_limit")
		}

		size = min(n, s.largest)
	}

	where, refused := s.seen(c, "channels:history", "groups:history")
	switch {
	case refused != nil:
		return nil, 0, refused
	case !where.has(c.account.User):
		return nil, 0, fail("not_in_channel")
	}

	return where, size, nil
}

// cursorOf is the time of the first message of the requested page, or a given one for
// the first page. A mark begins the cursors of a method.
func cursorOf(c *call, mark string, first int64) (int64, object) {
	cursor := c.text("cursor")
	if cursor == "" {
		return first, nil
	}

	text, err := base64.StdEncoding.DecodeString(cursor)
	ts, marked := strings.CutPrefix(string(text), mark)
	at, number := micros(ts)
	if err != nil || !marked || !number {
		return 0, fail("invalid_cursor")
	}

	return at, nil
}

// timesOf reads between which times messages are requested.
func timesOf(c *call) (func(at int64) bool, object) {
	oldest := int64(0)
	latest := int64(math.MaxInt64)
	inclusive := c.yes("inclusive")
	for _, one := range []struct {
		name string
		into *int64
	}{{"oldest", &oldest}, {"latest", &latest}} {
		if asked := c.text(one.name); asked != "" {
			read, ok := micros(asked)
			if !ok {
				return nil, fail("invalid_ts_" + one.name)
			}

			*one.into = read
		}
	}

	return func(at int64) bool {
		return at > oldest && at < latest || inclusive && (at == oldest || at == latest)
	}, nil
}
