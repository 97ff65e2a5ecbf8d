package slack

import (
	"cmp"
	gocontext "context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"integrations/shared/connector"
	"integrations/shared/connector/message"
	"integrations/shared/domain"
	"integrations/shared/outbound"
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
	for range maxPages {
		var list []posted
		var next string
		err := b.sizes.Read(func(size int) (err error) {
			query.Set("limit", strconv.Itoa(size))
			list, next, err = b.replies(ctx, query)
			return err
		})
		if err != nil {
			return connector.Written{}, false, err
		}
		for _, p := range list {
			if p.TS != r.Message.ID && answers(p, r.Markers) {
				return connector.Written{Remote: domain.Remote{ID: p.TS, Key: channel}}, true, nil
			}
		}
		if next == "" {
			return connector.Written{}, false, nil
		}
		query.Set("cursor", next)
	}

	return connector.Written{}, false, b.fail(connector.Final, connector.IntegrationScope, "list_endless", "the thread does not end", outbound.Response{})
}

// replies reads a page of a thread. A thread without its message is empty.
func (b *Bot) replies(ctx gocontext.Context, query url.Values) (list []posted, next string, err error) {
	a, err := b.askList(ctx, "conversations.replies", query)
	if a.Error == threadGone {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}

	return b.messages(a)
}

// messages reads a page of messages and the cursor of the next page.
func (b *Bot) messages(a answer) (list []posted, next string, err error) {
	var page struct {
		Messages []posted `json:"messages"`
		HasMore  bool     `json:"has_more"`
	}
	err = json.Unmarshal(a.response.Body, &page)
	if err != nil || page.Messages == nil || page.HasMore && a.Meta.NextCursor == "" {
		return nil, "", b.fail(connector.Retryable, connector.IntegrationScope, "answer_unreadable", "Slack's answer is not a list of messages", a.response)
	}

	return page.Messages, a.Meta.NextCursor, nil
}

// answers reports whether a message carries one of the markers.
func answers(p posted, markers []connector.Marker) bool {
	if p.Metadata == nil || p.Metadata.EventType != eventType || !stamp.MatchString(p.TS) {
		return false
	}
	m, ok := message.ParseKey(p.Metadata.EventPayload.Key)

	return ok && slices.Contains(markers, m)
}
