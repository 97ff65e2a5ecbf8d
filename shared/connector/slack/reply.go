package slack

import (
	"cmp"
	gocontext "context"
	"net/http"
	"net/url"
	"slices"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/message"
	"example.com/integrations/shared/domain"
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
	}

	return connector.Written{Remote: domain.Remote{ID: a.TS, Key: channel}}, nil
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
