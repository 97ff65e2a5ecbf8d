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

// lists reads the messages of channels and threads, the oldest first.
type lists struct {
	core  *core
	place *place
	sizes *paging.Size // how many messages a page has
}

// find walks through the channel's messages from since on, the oldest first.
// It needs the permission Read Message History.
func (l *lists) find(ctx context.Context, since time.Time, want []connector.Marker) (map[domain.Snowflake]connector.Written, error) {
	search := message.NewSearch(want)
	if len(want) == 0 {
		return search.Found, nil
	}

	wanted, err := message.ByCode(want)
	if err != nil {
		return nil, l.core.fail(failure.Final, failure.IntegrationScope, "marker_ambiguous", err.Error(), outbound.Response{})
	}

	err = l.walk(ctx, l.place.id(), idAt(since), func(p posted) (stop bool) {
		for _, code := range codesOf(p) {
			if m, ok := wanted[code]; ok {
				search.See(m, connector.Written{Remote: domain.Remote{ID: p.ID, Key: l.place.id()}}, false)
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
func (l *lists) walk(ctx context.Context, channel string, after uint64, visit func(posted) (stop bool)) error {
	for n := range maxPages {
		var list []posted
		var size int
		err := l.sizes.Read(func(of int) (err error) {
			size = of
			list, err = l.page(ctx, channel, size, after)
			return err
		})
		switch {
		case err != nil:
			return err
		case n == 0 && len(list) == 0:
			return l.nothing(ctx, channel, after)
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

	return l.core.fail(failure.Final, failure.IntegrationScope, "list_endless", "the channel's messages do not end", outbound.Response{})
}

// page reads messages of a channel or thread after an id. Half a page must not
// pass for a whole one: a message not found is posted again.
func (l *lists) page(ctx context.Context, channel string, size int, after uint64) ([]posted, error) {
	where := fmt.Sprintf("%s/messages?limit=%d&after=%d", l.place.address(channel), size, after)
	response, err := l.core.get(ctx, where, pageBody)
	switch {
	case err != nil:
		return nil, err
	case paging.Cut(response.Body):
		return nil, l.core.fail(failure.Retryable, failure.IntegrationScope, "answer_cut", "Discord's answer broke off", response)
	case !listProof.Proven(response):
		return nil, l.core.foreign(http.MethodGet, response)
	}

	var list []posted
	err = json.Unmarshal(response.Body, &list)
	whole := err == nil && list != nil && len(list) <= size
	for _, p := range list {
		whole = whole && snowflake.MatchString(p.ID)
	}

	if !whole {
		return nil, l.core.fail(failure.Retryable, failure.IntegrationScope, "answer_unreadable", "Discord's answer is not a list of messages", response)
	}

	return list, nil
}

// nothing makes sure that an empty list means that there is nothing: without
// the permission to read the history Discord lists no messages and says nothing
// of it (https://discord.com/developers/docs/resources/message#get-channel-messages).
func (l *lists) nothing(ctx context.Context, channel string, after uint64) error {
	ch, response, err := l.core.readChannel(ctx, l.place.address(channel))
	if err != nil {
		return err
	}

	if last, _ := strconv.ParseUint(ch.LastMessageID, 10, 64); last <= after {
		return nil
	}

	code, err := l.readable(ctx, channel, ch.LastMessageID)
	switch {
	case code == "":
		return l.core.fail(failure.Retryable, failure.IntegrationScope, "list_behind", "Discord's list lacks the channel's last message", response)
	case code == "remote_deleted":
		return nil
	}

	return err
}

// readable tries to read one message, and gives the code of why not.
func (l *lists) readable(ctx context.Context, channel, id string) (string, error) {
	if !snowflake.MatchString(id) {
		return "remote_deleted", nil
	}

	_, err := l.core.get(ctx, l.place.address(channel)+"/messages/"+id, 0)
	var e *failure.Error
	if !errors.As(err, &e) {
		return "", nil
	}

	if e.Status == http.StatusForbidden {
		e.Detail = l.core.client.Clean("the bot needs the permission Read Message History: " + e.Detail)
	}

	return e.Code, err
}

// search looks for a message of a channel or thread after an id.
func (l *lists) search(ctx context.Context, channel string, after uint64, wanted func(posted) bool) (w connector.Written, found bool, err error) {
	err = l.walk(ctx, channel, after, func(p posted) (stop bool) {
		if wanted(p) {
			w = connector.Written{Remote: domain.Remote{ID: p.ID, Key: channel}}
			found = true
		}
		return found
	})

	return w, found, err
}
