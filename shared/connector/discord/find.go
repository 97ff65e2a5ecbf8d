package discord

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/message"
	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

const (
	// pageBody bounds a page.
	pageBody = 8 << 20
	// maxPages bounds a walk whose end never comes.
	maxPages = 1_000
	// epoch is when Discord's ids begin to count, in milliseconds.
	epoch = 1_420_070_400_000
)

// idAt is the least id of a time.
func idAt(t time.Time) uint64 {
	ms := t.UnixMilli() - epoch
	if ms <= 0 {
		return 0
	}
	return uint64(ms) << 22
}

// ClockLag is how far Discord's clock is behind ours.
func (b *Bot) ClockLag() (last, most time.Duration) { return b.client.ClockLag() }

// Find walks through the channel's messages from since on, the oldest first.
// It needs the permission Read Message History.
func (b *Bot) Find(ctx context.Context, since time.Time, want []connector.Marker) (map[domain.Snowflake]connector.Written, error) {
	search := message.NewSearch(want)
	if len(want) == 0 {
		return search.Found, nil
	}

	wanted, err := message.ByCode(want)
	if err != nil {
		return nil, b.fail(failure.Final, failure.IntegrationScope, "marker_ambiguous", err.Error(), outbound.Response{})
	}

	err = b.walk(ctx, b.where(), idAt(since), func(p posted) (stop bool) {
		for _, code := range codesOf(p) {
			if m, ok := wanted[code]; ok {
				search.See(m, connector.Written{Remote: domain.Remote{ID: p.ID, Key: b.where()}}, false)
			}
		}
		return false
	})
	if err != nil {
		return nil, err
	}

	return search.Found, nil
}

// walk visits the messages of a channel or thread after an id, the oldest first,
// until visit stops it.
func (b *Bot) walk(ctx context.Context, channel string, after uint64, visit func(posted) (stop bool)) error {
	for n := range maxPages {
		var list []posted
		var size int
		err := b.sizes.Read(func(of int) (err error) {
			size = of
			list, err = b.page(ctx, channel, size, after)
			return err
		})
		switch {
		case err != nil:
			return err
		case n == 0 && len(list) == 0:
			return b.nothing(ctx, channel, after)
		}

		before := after
		for _, p := range slices.Backward(list) { // a page has the newest first
			id, _ := strconv.ParseUint(p.ID, 10, 64)
			after = max(after, id)
			if visit(p) {
				return nil
			}
		}

		if len(list) < size || after == before {
			return nil
		}
	}

	return b.fail(failure.Final, failure.IntegrationScope, "list_endless", "the channel's messages do not end", outbound.Response{})
}

// page reads messages of a channel or thread after an id. Half a page must not
// pass for a whole one: a message not found is posted again.
func (b *Bot) page(ctx context.Context, channel string, size int, after uint64) ([]posted, error) {
	where := fmt.Sprintf("%s/messages?limit=%d&after=%d", b.channel(channel), size, after)
	response, err := b.get(ctx, where, pageBody)
	switch {
	case err != nil:
		return nil, err
	case paging.Cut(response.Body):
		return nil, b.fail(failure.Retryable, failure.IntegrationScope, "answer_cut", "Discord's answer broke off", response)
	case !listProof.Proven(response):
		return nil, b.foreign(http.MethodGet, response)
	}

	var list []posted
	err = json.Unmarshal(response.Body, &list)
	whole := err == nil && list != nil && len(list) <= size
	for _, p := range list {
		whole = whole && snowflake.MatchString(p.ID)
	}

	if !whole {
		return nil, b.fail(failure.Retryable, failure.IntegrationScope, "answer_unreadable", "Discord's answer is not a list of messages", response)
	}

	return list, nil
}

// nothing makes sure that an empty list means that there is nothing: without
// the permission to read the history Discord lists no messages and says nothing
// of it (https://discord.com/developers/docs/resources/message#get-channel-messages).
func (b *Bot) nothing(ctx context.Context, channel string, after uint64) error {
	ch, response, err := b.lookAt(ctx, channel)
	if err != nil {
		return err
	}

	if last, _ := strconv.ParseUint(ch.LastMessageID, 10, 64); last <= after {
		return nil
	}

	code, err := b.readable(ctx, channel, ch.LastMessageID)
	switch {
	case code == "":
		return b.fail(failure.Retryable, failure.IntegrationScope, "list_behind", "Discord's list lacks the channel's last message", response)
	case code == "remote_deleted":
		return nil
	}

	return err
}

// readable tries to read one message, and gives the code of why not.
func (b *Bot) readable(ctx context.Context, channel, id string) (string, error) {
	if !snowflake.MatchString(id) {
		return "remote_deleted", nil
	}

	_, err := b.get(ctx, b.channel(channel)+"/messages/"+id, 0)
	var e *failure.Error
	if !errors.As(err, &e) {
		return "", nil
	}

	if e.Status == http.StatusForbidden {
		e.Detail = b.client.Clean("the bot needs the permission Read Message History: " + e.Detail)
	}

	return e.Code, err
}
