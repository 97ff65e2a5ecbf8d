package discord

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"integrations/shared/connector"
	"integrations/shared/connector/message"
	"integrations/shared/domain"
	"integrations/shared/outbound"
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

// Behind is how far Discord's clock is behind ours.
func (b *Bot) Behind() (last, most time.Duration) { return b.client.Behind() }

// Find walks through the channel's messages from since on, the oldest first.
// It needs the permission Read Message History.
func (b *Bot) Find(ctx context.Context, since time.Time, want []connector.Marker) (map[domain.Snowflake]connector.Written, error) {
	search := message.NewSearch(want)
	if len(want) == 0 {
		return search.Found, nil
	}
	wanted, err := message.ByCode(want)
	if err != nil {
		return nil, b.fail(connector.Final, connector.IntegrationScope, "marker_ambiguous", err.Error(), outbound.Response{})
	}

	after := idAt(since)
	for n := range maxPages {
		var list []posted
		var size int
		err := b.sizes.Read(func(of int) (err error) {
			size = of
			list, err = b.page(ctx, size, after)
			return err
		})
		switch {
		case err != nil:
			return nil, err
		case n == 0 && len(list) == 0:
			return search.Found, b.nothing(ctx, after)
		}
		before := after
		for i := len(list) - 1; i >= 0; i-- { // a page has the newest first
			id, _ := strconv.ParseUint(list[i].ID, 10, 64)
			after = max(after, id)
			for _, code := range codesOf(list[i]) {
				if m, ok := wanted[code]; ok {
					search.See(m, connector.Written{Remote: domain.Remote{ID: list[i].ID, Key: b.where()}}, false)
				}
			}
		}
		if len(list) < size || after == before {
			return search.Found, nil
		}
	}
	return nil, b.fail(connector.Final, connector.IntegrationScope, "list_endless", "the channel's messages do not end", outbound.Response{})
}

// page reads messages after an id. Half a page must not pass for a whole one: a
// message not found is posted again.
func (b *Bot) page(ctx context.Context, size int, after uint64) ([]posted, error) {
	response, err := b.pageOf(ctx, b.where(), size, after)
	if err != nil {
		return nil, err
	}
	var list []posted
	err = json.Unmarshal(response.Body, &list)
	whole := err == nil && list != nil && len(list) <= size
	for _, p := range list {
		whole = whole && snowflake.MatchString(p.ID)
	}
	if !whole {
		return nil, b.fail(connector.Retryable, connector.IntegrationScope, "answer_unreadable", "Discord's answer is not a list of messages", response)
	}
	return list, nil
}

// nothing makes sure that an empty list means that there is nothing: without
// the permission to read the history Discord lists no messages and says nothing
// of it (https://discord.com/developers/docs/resources/message#get-channel-messages).
func (b *Bot) nothing(ctx context.Context, after uint64) error {
	return b.nothingIn(ctx, b.where(), after)
}

// nothingIn is nothing for any channel or thread.
func (b *Bot) nothingIn(ctx context.Context, channel string, after uint64) error {
	ch, response, err := b.lookAt(ctx, channel)
	if err != nil {
		return err
	}
	if last, _ := strconv.ParseUint(ch.LastMessageID, 10, 64); last <= after {
		return nil
	}
	code, err := b.readableIn(ctx, channel, ch.LastMessageID)
	switch {
	case code == "":
		return b.fail(connector.Retryable, connector.IntegrationScope, "list_behind", "Discord's list lacks the channel's last message", response)
	case code == "remote_deleted":
		return nil
	}
	return err
}

// readable tries to read one message, and gives the code of why not.
func (b *Bot) readable(ctx context.Context, id string) (string, error) {
	return b.readableIn(ctx, b.where(), id)
}

// readableIn is readable for any channel or thread.
func (b *Bot) readableIn(ctx context.Context, channel, id string) (string, error) {
	if !snowflake.MatchString(id) {
		return "remote_deleted", nil
	}
	_, err := b.get(ctx, b.channel(channel)+"/messages/"+id, 0)
	var e *connector.Error
	if !errors.As(err, &e) {
		return "", nil
	}
	if e.Status == http.StatusForbidden {
		e.Detail = b.client.Clean("the bot needs the permission Read Message History: " + e.Detail)
	}
	return e.Code, err
}
