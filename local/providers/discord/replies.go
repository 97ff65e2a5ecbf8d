package discord

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"example.com/integrations/local/providers/chat"
)

// createThreads is the permission to open public threads.
const createThreads = 1 << 35

// Flags and types of messages
// (https://discord.com/developers/docs/resources/message#message-object-message-types).
const (
	hasThread = 1 << 5 // the flag of a message with a thread
	replyType = 19
)

var (
	threadThere = refuse(http.StatusBadRequest, 160004, "A thread has already been created for this message")
	wrongType   = refuse(http.StatusBadRequest, 50024, "Cannot execute action on this channel type")
	hidesPast   = refuse(http.StatusForbidden, 160002, "Cannot reply without permission to read message history")
)

// archives are the minutes after which a thread may be archived.
var archives = []int{60, 1440, 4320, 10080}

// startThread opens a thread below a message. Its id is the message's
// (https://discord.com/developers/docs/resources/channel#start-thread-from-message).
func (s *messages) startThread(c *call) result {
	where, refused := s.target(c)
	switch {
	case refused != nil:
		return *refused
	case where.Parent != "" || where.Forum:
		return wrongType
	case slices.Contains(where.NoNewThreads, c.author()):
		return notPermitted
	}

	found := s.Get(where.ID, c.parts[3])
	switch {
	case found == nil:
		return unknownMessage
	case found.Opens != nil:
		return threadThere
	}

	var asked struct {
		Name    string `json:"name"`
		Archive *int   `json:"auto_archive_duration"`
	}
	if err := json.Unmarshal(c.Body, &asked); err != nil {
		return formError(field{"_root", "MODEL_TYPE_CONVERT", "The value is not of the type it must be."})
	}

	k := &checker{}
	if n := length(strings.TrimSpace(asked.Name)); n < 1 || n > maxThread {
		k.add("name", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and %d in length.", maxThread)
	}

	if asked.Archive != nil && !slices.Contains(archives, *asked.Archive) {
		k.add("auto_archive_duration", "BASE_TYPE_CHOICES", "Value must be one of {60, 1440, 4320, 10080}.")
	}

	if len(k.found) > 0 {
		return formError(k.found...)
	}

	s.unreadThread(c)

	after := *found
	after.Opens = &chat.Thread{Name: strings.TrimSpace(asked.Name), Parent: where.ID}
	opened := &Channel{ID: found.ID, Name: after.Opens.Name, Parent: where.ID}

	return result{status: http.StatusCreated, value: s.viewChannel(opened), message: &after}
}

// unreadThread lists the members that Discord does not read.
func (s *messages) unreadThread(c *call) {
	var given map[string]json.RawMessage
	_ = json.Unmarshal(c.Body, &given) // it was read before
	for _, what := range others("thread", given, []string{"name", "auto_archive_duration", "rate_limit_per_user"}) {
		s.Violation("%s: %s", c.route.path, what)
	}
}

// A reference makes a message a reply to another one of its channel
// (https://discord.com/developers/docs/resources/message#message-reference-structure).
type reference struct {
	MessageID string `json:"message_id"`
	ChannelID string `json:"channel_id"`
	// FailIfMissing is true if it is left out.
	FailIfMissing *bool `json:"fail_if_not_exists"`
}

// refers finds the message that a new one replies to: its id, "" for none.
func (s *messages) refers(c *call, where *Channel, asked *input) (string, *result) {
	to := asked.Reference
	if to == nil {
		return "", nil
	}
	if slices.Contains(s.governing(where).Unread, c.author()) {
		return "", &hidesPast
	}

	missing := s.Get(where.ID, to.MessageID) == nil || to.ChannelID != "" && to.ChannelID != where.ID
	if !missing {
		return to.MessageID, nil
	}
	if to.FailIfMissing != nil && !*to.FailIfMissing {
		return "", nil
	}

	out := formError(field{"message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message"})

	return "", &out
}

// replying adds to a message's view what it replies to, and that it has a thread.
func replying(out object, m *chat.Message) {
	if m.Thread != "" {
		out["type"] = replyType
		out["message_reference"] = object{"type": 0, "channel_id": m.Channel, "guild_id": guildID, "message_id": m.Thread}
	}

	if m.Opens != nil && m.Opens.Parent == m.Channel {
		flags, _ := out["flags"].(int)
		out["flags"] = flags | hasThread
	}
}
