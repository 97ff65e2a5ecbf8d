package slack

import (
	gocontext "context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"integrations/shared/connector"
	"integrations/shared/connector/message"
	"integrations/shared/connector/paging"
	"integrations/shared/domain"
	"integrations/shared/outbound"
)

const (
	// pageBody bounds a page.
	pageBody = 8 << 20
	// maxPages bounds a walk whose end never comes.
	maxPages = 1_000
)

// A posted message is what we read of one.
type posted struct {
	TS       string    `json:"ts"`
	Metadata *metadata `json:"metadata"`
}

// Behind is how far Slack's clock is behind ours.
func (b *Bot) Behind() (last, most time.Duration) { return b.client.Behind() }

// Find walks through the channel's history, newest first, back to since. It
// needs the history scope, and the bot to be in the channel.
func (b *Bot) Find(ctx gocontext.Context, since time.Time, want []connector.Marker) (map[domain.Snowflake]connector.Written, error) {
	search := message.NewSearch(want)
	if len(want) == 0 {
		return search.Found, nil
	}
	query := url.Values{"channel": {b.where()}, "inclusive": {"true"}, "include_all_metadata": {"true"},
		"oldest": {fmt.Sprintf("%d.%06d", since.Unix(), since.Nanosecond()/1000)}}
	for range maxPages {
		var next string
		// A cursor is a place in the history, whatever the size of the pages.
		err := b.sizes.Read(func(size int) (err error) {
			query.Set("limit", strconv.Itoa(size))
			next, err = b.page(ctx, query, search)
			return err
		})
		switch {
		case err != nil:
			return nil, err
		case next == "":
			return search.Found, nil
		}
		query.Set("cursor", next)
	}
	return nil, b.fail(connector.Final, connector.IntegrationScope, "list_endless", "the channel's history does not end", outbound.Response{})
}

// page looks through one page and gives the cursor of the next. Half a page
// must not pass for a whole one: a message not found is posted again.
func (b *Bot) page(ctx gocontext.Context, query url.Values, search *message.Search) (string, error) {
	a, err := b.askList(ctx, "conversations.history", query)
	if err != nil {
		return "", err
	}
	list, next, err := b.messages(a)
	if err != nil {
		return "", err
	}

	for _, p := range list {
		if p.Metadata == nil || p.Metadata.EventType != eventType || !stamp.MatchString(p.TS) {
			continue
		}
		if m, ok := message.ParseKey(p.Metadata.EventPayload.Key); ok {
			search.See(m, connector.Written{Remote: domain.Remote{ID: p.TS, Key: b.where()}}, true)
		}
	}

	return next, nil
}

// askList reads a page of messages. One that ends too early is told from one
// that is none: it is asked for again with fewer messages.
func (b *Bot) askList(ctx gocontext.Context, method string, query url.Values) (answer, error) {
	response, err := b.client.Do(ctx, outbound.Request{
		Method: http.MethodGet, URL: b.cfg.BaseURL + "/" + method + "?" + query.Encode(),
		Header: http.Header{"Authorization": {"Bearer " + b.cfg.Token}}, MaxBody: pageBody,
	})
	if err != nil {
		return answer{}, err
	}
	a, err := b.read(http.MethodGet, response)
	if a.Error == threadGone {
		return a, err
	}
	if err != nil && response.Status == http.StatusOK && paging.Cut(response.Body) {
		return answer{}, b.fail(connector.Retryable, connector.IntegrationScope, "answer_cut", "Slack's answer broke off", response)
	}
	if err == nil && !listProof.Proven(response) {
		return answer{}, b.foreign(http.MethodGet, response)
	}
	return a, err
}
