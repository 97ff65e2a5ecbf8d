package slack

import (
	"cmp"
	gocontext "context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/message"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// threadGone is the code of a thread whose message is not there any more
// (https://docs.slack.dev/reference/methods/conversations.replies#errors).
const threadGone = "thread_not_found"

// Reply posts a reply in the thread of an item's message. It is not shown in the
// channel (https://docs.slack.dev/reference/methods/chat.postMessage#threads).
func (b *Bot) Reply(ctx gocontext.Context, r connector.Reply) (connector.Written, error) {
	if !stamp.MatchString(r.Message.ID) {
		return connector.Written{}, b.unknown()
	}

	channel := cmp.Or(r.Message.Key, b.where())
	marker := r.Markers[len(r.Markers)-1]
	text := message.ReplyText(r)
	p := post{
		Channel:  channel,
		ThreadTS: r.Message.ID,
		Text:     disarm.Text(text),
		Blocks:   []block{richText(section(addText(nil, text, nil)))},
		Metadata: metadataOf(marker),
	}

	a, err := b.write(ctx, "chat.postMessage", folded(p))
	switch {
	case err != nil:
		return connector.Written{}, err
	case !stamp.MatchString(a.TS), !posts(a.response, marker):
		return connector.Written{}, b.foreign(http.MethodPost, a.response)
	case astray(a.response):
		return connector.Written{}, b.takeBack(ctx, channel, a)
	}

	return connector.Written{Remote: domain.Remote{ID: a.TS, Key: channel}}, nil
}

// astray reports whether an answer shows a message that is in no thread. Slack posts
// into the channel itself where the thread's message is not there any more, and
// reports no error (https://github.com/slack-go/slack/issues/1571,
// https://github.com/langchain-ai/open-swe/pull/2753).
func astray(response outbound.Response) bool {
	var made struct {
		Message *struct {
			Thread string `json:"thread_ts"`
		} `json:"message"`
	}

	err := json.Unmarshal(response.Body, &made)

	return err == nil && made.Message != nil && made.Message.Thread == ""
}

// takeBack deletes a reply that is not in its thread: in the channel it answers
// nothing. The error says that the item's message is gone.
func (b *Bot) takeBack(ctx gocontext.Context, channel string, a answer) error {
	detail := "the message was deleted, and the reply to it was taken back"
	body, err := json.Marshal(map[string]string{"channel": channel, "ts": a.TS})
	if err == nil {
		_, err = b.send(ctx, "chat.delete", body)
	}

	if err != nil {
		detail = "the message was deleted; the reply to it stands in the channel and could not be taken back"
	}

	return b.fail(failure.Final, failure.ItemScope, "remote_deleted", detail, a.response)
}

// FindReply walks through the thread from the last known reply on. It needs the
// history scope, as Find does.
func (b *Bot) FindReply(ctx gocontext.Context, r connector.Reply) (connector.Written, bool, error) {
	if !stamp.MatchString(r.Message.ID) {
		return connector.Written{}, false, b.unknown()
	}

	channel := cmp.Or(r.Message.Key, b.where())
	query := url.Values{"channel": {channel}, "ts": {r.Message.ID}, "include_all_metadata": {"true"}}
	if stamp.MatchString(r.After.ID) {
		query.Set("oldest", r.After.ID)
	}

	var w connector.Written
	found := false
	err := b.walk(ctx, "conversations.replies", query, func(p posted) (stop bool) {
		m, ok := markerOf(p)
		if ok && p.TS != r.Message.ID && slices.Contains(r.Markers, m) {
			w = connector.Written{Remote: domain.Remote{ID: p.TS, Key: channel}}
			found = true
		}
		return found
	})

	return w, found, err
}
