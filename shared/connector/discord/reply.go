package discord

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/message"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// A reply goes into a thread that the bot makes on the message: its id is the
// message's (https://discord.com/developers/docs/topics/threads). Where the bot
// may not do that, as in a channel that is a thread itself, it is a reply in the
// channel that mentions nobody.

const (
	// archiveAfter is after how many minutes without a message Discord hides a
	// thread. A new reply shows it again.
	archiveAfter = 1440
	// maxReplyText bounds a reply, in UTF-16 units.
	maxReplyText = 1900
)

// noThread are the codes with which Discord refuses to make a thread or a message
// in it, though the channel takes messages
// (https://discord.com/developers/docs/topics/opcodes-and-status-codes#json).
var noThread = []string{
	codeUnknownChannel,
	"50001",  // the bot may not see the thread
	"50013",  // the bot lacks the permission
	"50024",  // not in this type of channel, such as a thread
	"50083",  // the thread is archived
	"160005", // the thread is locked
	"160006", // the server has too many threads
}

// threadExists is the code for a message that has a thread.
const threadExists = "160004"

// A below is what we write of a reply. Nobody is mentioned by it, the author of
// the message included.
type below struct {
	Content         string          `json:"content"`
	AllowedMentions allowedMentions `json:"allowed_mentions"`
	Nonce           string          `json:"nonce"`
	EnforceNonce    bool            `json:"enforce_nonce"`
	Reference       *reference      `json:"message_reference,omitempty"`
}

// A reference makes a message a reply to another one.
type reference struct {
	MessageID string `json:"message_id"`
	// FailIfMissing refuses a reply to a message that is not there.
	FailIfMissing bool `json:"fail_if_not_exists"`
}

// replies posts below the messages of items, and finds what it posted.
type replies struct {
	core  *core
	place *place
	lists *lists
}

// post says what has changed below the message of an item.
func (t *replies) post(ctx context.Context, r connector.Reply) (connector.Written, error) {
	channel := cmp.Or(r.Message.Key, t.place.id())
	if !snowflake.MatchString(r.Message.ID) || !snowflake.MatchString(channel) {
		return connector.Written{}, t.core.unknown()
	}

	p := below{Content: replyText(r), AllowedMentions: allowedMentions{Parse: []string{}}, EnforceNonce: true}
	marker := r.Markers[len(r.Markers)-1]
	p.Nonce = t.place.nonce(fmt.Sprint("reply ", marker.Integration, " ", marker.Item))

	if r.After.ID == "" || r.After.Key == r.Message.ID {
		w, possible, err := t.inThread(ctx, channel, r, p)
		if possible || err != nil {
			return w, err
		}
	}

	p.Reference = &reference{MessageID: r.Message.ID, FailIfMissing: true}
	w, _, err := t.say(ctx, channel, p)

	return w, err
}

// replyText is the text of a reply as Discord stores it.
func replyText(r connector.Reply) string { return escaped(message.ReplyText(r), maxReplyText) }

// inThread posts into the thread of the message, and makes it for the first
// reply. Possible is false where the bot may not do that.
func (t *replies) inThread(ctx context.Context, channel string, r connector.Reply, p below) (w connector.Written, possible bool, err error) {
	if r.After.ID == "" {
		possible, err := t.openThread(ctx, channel, r)
		if !possible || err != nil {
			return connector.Written{}, possible, err
		}
	}

	w, code, err := t.say(ctx, r.Message.ID, p)
	if code == codeUnknownChannel && r.After.ID != "" { // a person deleted the thread
		possible, err := t.openThread(ctx, channel, r)
		if !possible || err != nil {
			return connector.Written{}, possible, err
		}

		w, code, err = t.say(ctx, r.Message.ID, p)
		if !slices.Contains(noThread, code) {
			return w, true, err
		}
	}

	if slices.Contains(noThread, code) {
		return connector.Written{}, false, nil
	}

	return w, true, err
}

// openThread makes the thread of a message. It is there already if an earlier
// attempt made it.
func (t *replies) openThread(ctx context.Context, channel string, r connector.Reply) (possible bool, err error) {
	name := cutThreadName(cmp.Or(message.Heading(r.Content), r.Message.ID))
	body := map[string]any{"name": name, "auto_archive_duration": archiveAfter}
	response, code, err := t.submit(ctx, t.place.address(channel)+"/messages/"+r.Message.ID+"/threads", body)
	switch {
	case code == threadExists:
		return true, nil
	case slices.Contains(noThread, code):
		return false, nil
	case err != nil:
		return false, err
	case identity(response) != r.Message.ID:
		return false, t.core.foreign(http.MethodPost, response)
	}

	return true, nil
}

// say posts a text into a channel or thread. The code is Discord's, "" for a
// success.
func (t *replies) say(ctx context.Context, channel string, p below) (connector.Written, string, error) {
	response, code, err := t.submit(ctx, t.place.address(channel)+"/messages", p)
	if err != nil {
		return connector.Written{}, code, err
	}

	var m posted
	err = json.Unmarshal(response.Body, &m)
	_, documented := answers.ProofOf(domain.Discord, answers.BotAccess, answers.OpPost).Match(response)
	if err != nil || !documented || !snowflake.MatchString(m.ID) || m.ChannelID != "" && m.ChannelID != channel {
		return connector.Written{}, "", t.core.foreign(http.MethodPost, response)
	}

	return connector.Written{Remote: domain.Remote{ID: m.ID, Key: channel}}, "", nil
}

// submit makes one attempt at a write. The code is Discord's, that of a refusal.
func (t *replies) submit(ctx context.Context, where string, body any) (outbound.Response, string, error) {
	response, err := t.core.write(ctx, http.MethodPost, where, body)
	code := ""
	if err != nil && response.Status >= 400 && response.Status < 500 {
		said := answers.Read(response, t.core.client.Clean)
		if said.JSON {
			code = said.Member("code")
		}
	}

	return response, code, err
}

// find looks in the thread and then in the channel, where a reply goes if the
// thread takes none: for a message of the bot with the text of the reply, behind the
// last known one. Nobody else can post in the name of the bot.
func (t *replies) find(ctx context.Context, r connector.Reply) (connector.Written, bool, error) {
	channel := cmp.Or(r.Message.Key, t.place.id())
	if !snowflake.MatchString(r.Message.ID) || !snowflake.MatchString(channel) {
		return connector.Written{}, false, t.core.unknown()
	}

	response, err := t.core.get(ctx, t.place.baseURL+"/users/@me", 0)
	if err != nil {
		return connector.Written{}, false, err
	}

	me := identity(response)
	if me == "" {
		return connector.Written{}, false, t.core.fail(failure.Retryable, failure.IntegrationScope, "answer_unreadable", "Discord's answer is not a user", response)
	}

	text := replyText(r)
	last, _ := strconv.ParseUint(cmp.Or(r.After.ID, r.Message.ID), 10, 64)
	if r.After.ID == "" || r.After.Key == r.Message.ID {
		w, found, err := t.lists.search(ctx, r.Message.ID, last, func(m posted) bool {
			return m.Author.ID == me && strings.TrimSpace(m.Content) == text
		})
		if found || err != nil && !noSuchThread(err) {
			return w, found, err
		}
	}

	return t.lists.search(ctx, channel, max(last, idAt(r.Since)), func(m posted) bool {
		return m.Author.ID == me && strings.TrimSpace(m.Content) == text && m.Reference.MessageID == r.Message.ID
	})
}

// noSuchThread reports whether a message has no thread: then no reply is in it.
func noSuchThread(err error) bool {
	var e *failure.Error
	return errors.As(err, &e) && e.Code == "target_not_found"
}
