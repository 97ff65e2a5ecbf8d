package slack

import (
	"encoding/base64"
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

// seen is a channel that the caller may look at, if it has one of the scopes:
// they differ for private channels.
func (s *Server) seen(c *call, public, private string) (*Channel, object) {
	where := s.channel(c.text("channel"))
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

func (s *Server) info(c *call) (object, *chat.Message) {
	where, refused := s.seen(c, "channels:read", "groups:read")
	if refused != nil {
		return refused, nil
	}

	return object{"ok": true, "channel": object{
		"id": where.ID, "name": where.Name, "name_normalized": where.Name, "is_channel": !where.Private, "is_group": where.Private, "is_im": false, "is_mpim": false,
		"is_private": where.Private, "is_archived": where.Archived, "is_general": false, "is_member": where.has(c.account.User), "created": 1700000000,
		"creator": "U0CREATOR1", "context_team_id": team, "topic": object{"value": "", "creator": "", "last_set": 0},
	}}, nil
}

// history lists a channel's messages, newest first; replies in threads are not
// among them.
func (s *Server) history(c *call) (object, *chat.Message) {
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

	within, refused := spanOf(c)
	if refused != nil {
		return refused, nil
	}

	messages := []object{}
	next := ""
	all := s.Listed(c.Context(), where.ID)
	for i := len(all) - 1; i >= 0; i-- {
		m := all[i]
		if m.Thread != "" && m.Thread != m.ID || !within(m.ID) {
			continue
		}

		if len(messages) == most {
			next = base64.StdEncoding.EncodeToString([]byte("next_ts:" + m.ID))
			break
		}

		messages = append(messages, s.view(m, c.yes("include_all_metadata")))
	}

	out := object{"ok": true, "messages": messages, "has_more": next != "", "pin_count": 0, "channel_actions_ts": nil, "channel_actions_count": 0}
	if next != "" {
		out["response_metadata"] = object{"next_cursor": next}
	}

	return out, nil
}

// pageSize is how many messages a page may have, once it may be asked for.
func (s *Server) pageSize(c *call) (int, object) {
	perMinute := 50
	most := maxPage
	if s.config.Scarce {
		perMinute = 1
		most = scarcePage
	}

	if refused := s.limited(c.method, perMinute, time.Minute); refused != nil {
		return 0, refused
	}

	size := min(defaultPage, most)
	if asked := c.text("limit"); asked != "" {
		n, err := strconv.Atoi(asked)
		if err != nil || n < 1 || n > maxPage {
			return 0, fail("invalid_limit")
		}
		size = min(n, most)
	}

	return size, nil
}

// spanOf reads which messages of a channel are asked for.
func spanOf(c *call) (func(ts string) bool, object) {
	within, refused := timesOf(c)
	if refused != nil {
		return nil, refused
	}

	from := int64(1 << 62)
	if cursor := c.text("cursor"); cursor != "" {
		text, err := base64.StdEncoding.DecodeString(cursor)
		ts, ok := strings.CutPrefix(string(text), "next_ts:")
		read, number := micros(ts)
		if err != nil || !ok || !number {
			return nil, fail("invalid_cursor")
		}

		from = read
	}

	return func(ts string) bool {
		at, _ := micros(ts)
		return at <= from && within(ts)
	}, nil
}

// timesOf reads between which times messages are asked for.
func timesOf(c *call) (func(ts string) bool, object) {
	oldest := int64(0)
	latest := int64(1 << 62)
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

	return func(ts string) bool {
		at, _ := micros(ts)
		return at > oldest && at < latest || inclusive && (at == oldest || at == latest)
	}, nil
}
