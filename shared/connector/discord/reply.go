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

// Reply says what has changed below the message of an item.
func (b *Bot) Reply(ctx context.Context, r connector.Reply) (connector.Written, error) {
	channel := cmp.Or(r.Message.Key, b.where())
	if !snowflake.MatchString(r.Message.ID) || !snowflake.MatchString(channel) {
		return connector.Written{}, b.unknown()
	}

	p := below{Content: replyText(r), AllowedMentions: allowedMentions{Parse: []string{}}, EnforceNonce: true}
	marker := r.Markers[len(r.Markers)-1]
	p.Nonce = b.hashed(fmt.Sprint("reply ", marker.Integration, " ", marker.Item))

	if r.After.ID == "" || r.After.Key == r.Message.ID {
		w, possible, err := b.replyInThread(ctx, channel, r, p)
		if possible || err != nil {
			return w, err
		}
	}

	p.Reference = &reference{MessageID: r.Message.ID, FailIfMissing: true}
	w, _, err := b.say(ctx, channel, p)

	return w, err
}

// replyText is the text of a reply as Discord stores it.
func replyText(r connector.Reply) string { return escaped(message.ReplyText(r), maxReplyText) }

// replyInThread posts into the thread of the message, and makes it for the first
// reply. Possible is false where the bot may not do that.
func (b *Bot) replyInThread(ctx context.Context, channel string, r connector.Reply, p below) (w connector.Written, possible bool, err error) {
	if r.After.ID == "" {
		possible, err := b.openThread(ctx, channel, r)
		if !possible || err != nil {
			return connector.Written{}, possible, err
		}
	}

	w, code, err := b.say(ctx, r.Message.ID, p)
	if code == codeUnknownChannel && r.After.ID != "" { // a person deleted the thread
		possible, err := b.openThread(ctx, channel, r)
		if !possible || err != nil {
			return connector.Written{}, possible, err
		}

		w, code, err = b.say(ctx, r.Message.ID, p)
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
func (b *Bot) openThread(ctx context.Context, channel string, r connector.Reply) (possible bool, err error) {
	name := cutThreadName(cmp.Or(message.Heading(r.Content), r.Message.ID))
	body := map[string]any{"name": name, "auto_archive_duration": archiveAfter}
	response, code, err := b.submit(ctx, b.channel(channel)+"/messages/"+r.Message.ID+"/threads", body)
	switch {
	case code == threadExists:
		return true, nil
	case slices.Contains(noThread, code):
		return false, nil
	case err != nil:
		return false, err
	case identity(response) != r.Message.ID:
		return false, b.foreign(http.MethodPost, response)
	}

	return true, nil
}

// say posts a text into a channel or thread. The code is Discord's, "" for a
// success.
func (b *Bot) say(ctx context.Context, channel string, p below) (connector.Written, string, error) {
	response, code, err := b.submit(ctx, b.channel(channel)+"/messages", p)
	if err != nil {
		return connector.Written{}, code, err
	}

	var m posted
	err = json.Unmarshal(response.Body, &m)
	_, documented := answers.ProofOf(domain.Discord, answers.BotAccess, answers.OpPost).Match(response)
	if err != nil || !documented || !snowflake.MatchString(m.ID) || m.ChannelID != "" && m.ChannelID != channel {
		return connector.Written{}, "", b.foreign(http.MethodPost, response)
	}

	return connector.Written{Remote: domain.Remote{ID: m.ID, Key: channel}}, "", nil
}

// submit makes one attempt at a write. The code is Discord's, that of a refusal.
func (b *Bot) submit(ctx context.Context, where string, body any) (outbound.Response, string, error) {
	response, err := b.write(ctx, http.MethodPost, where, body)
	code := ""
	if err != nil && response.Status >= 400 && response.Status < 500 {
		said := answers.Read(response, b.client.Clean)
		if said.JSON {
			code = said.Member("code")
		}
	}

	return response, code, err
}

// FindReply looks in the thread and then in the channel, where a reply goes if the
// thread takes none: for a message of the bot with the text of the reply, behind the
// last known one. Nobody else can post in the name of the bot.
func (b *Bot) FindReply(ctx context.Context, r connector.Reply) (connector.Written, bool, error) {
	channel := cmp.Or(r.Message.Key, b.where())
	if !snowflake.MatchString(r.Message.ID) || !snowflake.MatchString(channel) {
		return connector.Written{}, false, b.unknown()
	}

	response, err := b.get(ctx, b.cfg.BaseURL+"/users/@me", 0)
	if err != nil {
		return connector.Written{}, false, err
	}

	me := identity(response)
	if me == "" {
		return connector.Written{}, false, b.fail(failure.Retryable, failure.IntegrationScope, "answer_unreadable", "Discord's answer is not a user", response)
	}

	text := replyText(r)
	last, _ := strconv.ParseUint(cmp.Or(r.After.ID, r.Message.ID), 10, 64)
	if r.After.ID == "" || r.After.Key == r.Message.ID {
		w, found, err := b.search(ctx, r.Message.ID, last, func(m posted) bool {
			return m.Author.ID == me && strings.TrimSpace(m.Content) == text
		})
		if found || err != nil && !noSuchThread(err) {
			return w, found, err
		}
	}

	return b.search(ctx, channel, max(last, idAt(r.Since)), func(m posted) bool {
		return m.Author.ID == me && strings.TrimSpace(m.Content) == text && m.Reference.MessageID == r.Message.ID
	})
}

// noSuchThread reports whether a message has no thread: then no reply is in it.
func noSuchThread(err error) bool {
	var e *failure.Error
	return errors.As(err, &e) && e.Code == "target_not_found"
}

// search looks for a message of a channel or thread after an id.
func (b *Bot) search(ctx context.Context, channel string, after uint64, wanted func(posted) bool) (w connector.Written, found bool, err error) {
	err = b.walk(ctx, channel, after, func(p posted) (stop bool) {
		if wanted(p) {
			w = connector.Written{Remote: domain.Remote{ID: p.ID, Key: channel}}
			found = true
		}
		return found
	})

	return w, found, err
}
