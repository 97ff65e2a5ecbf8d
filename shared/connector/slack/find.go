package slack

import (
	gocontext "context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
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
)

// A posted message is what we read of one.
type posted struct {
	TS       string    `json:"ts"`
	Metadata *metadata `json:"metadata"`
}

// ClockLag is how far Slack's clock is behind ours.
func (b *Bot) ClockLag() (last, most time.Duration) { return b.http.ClockLag() }

// Find walks through the channel's history, newest first, back to since. It
// needs the history scope, and the bot to be in the channel.
func (b *Bot) Find(ctx gocontext.Context, since time.Time, want []connector.Marker) (map[domain.Snowflake]connector.Written, error) {
	search := message.NewSearch(want)
	if len(want) == 0 {
		return search.Found, nil
	}

	query := url.Values{"channel": {b.where()}, "inclusive": {"true"}, "include_all_metadata": {"true"},
		"oldest": {fmt.Sprintf("%d.%06d", since.Unix(), since.Nanosecond()/1000)}}
	err := b.lists.walk(ctx, "conversations.history", query, func(p posted) (stop bool) {
		if m, ok := markerOf(p); ok {
			search.See(m, connector.Written{Remote: domain.Remote{ID: p.TS, Key: b.where()}}, true)
		}
		return false
	})
	if err != nil {
		return nil, err
	}

	return search.Found, nil
}

// markerOf is the marker of a message of ours.
func markerOf(p posted) (connector.Marker, bool) {
	if p.Metadata == nil || p.Metadata.EventType != eventType || !stamp.MatchString(p.TS) {
		return connector.Marker{}, false
	}

	return message.ParseKey(p.Metadata.EventPayload.Key)
}

// lists reads the messages of a channel or a thread.
type lists struct {
	client *client
	sizes  *paging.Size // how many messages a page has
}

// walk visits the messages that a method lists, in its order, until visit stops it.
func (l *lists) walk(ctx gocontext.Context, method string, query url.Values, visit func(posted) (stop bool)) error {
	for range maxPages {
		var list []posted
		var next string
		// A cursor is a place in the list, whatever the size of the pages.
		err := l.sizes.Read(func(size int) (err error) {
			query.Set("limit", strconv.Itoa(size))
			list, next, err = l.page(ctx, method, query)
			return err
		})
		if err != nil {
			return err
		}
		if slices.ContainsFunc(list, visit) || next == "" {
			return nil
		}

		query.Set("cursor", next)
	}

	return l.client.fail(failure.Final, failure.IntegrationScope, "list_endless", "the channel's history does not end", outbound.Response{})
}

// page reads a page of messages and the cursor of the next one. Half a page must
// not pass for a whole one: a message not found is posted again. A thread that is
// not there is empty.
func (l *lists) page(ctx gocontext.Context, method string, query url.Values) (list []posted, next string, err error) {
	a, err := l.askList(ctx, method, query)
	if a.Error == threadGone {
		return nil, "", nil
	}
	if err != nil {
		return nil, "", err
	}

	var answered struct {
		Messages []posted `json:"messages"`
		HasMore  bool     `json:"has_more"`
	}
	err = json.Unmarshal(a.response.Body, &answered)
	if err != nil || answered.Messages == nil || answered.HasMore && a.Meta.NextCursor == "" {
		return nil, "", l.client.fail(failure.Retryable, failure.IntegrationScope, "answer_unreadable", "Slack's answer is not a list of messages", a.response)
	}

	return answered.Messages, a.Meta.NextCursor, nil
}

// askList reads a page of messages. A page that ends too early is not treated as an
// answer without a page: it is asked for again with fewer messages.
func (l *lists) askList(ctx gocontext.Context, method string, query url.Values) (answer, error) {
	response, err := l.client.http.Do(ctx, outbound.Request{
		Method: http.MethodGet, URL: l.client.baseURL + "/" + method + "?" + query.Encode(),
		Header: http.Header{"Authorization": {"Bearer " + l.client.token}}, MaxBody: pageBody,
	})
	if err != nil {
		return answer{}, err
	}

	a, err := l.client.read(http.MethodGet, response)
	if a.Error == threadGone {
		return a, err
	}
	if err != nil && response.Status == http.StatusOK && paging.Cut(response.Body) {
		return answer{}, l.client.fail(failure.Retryable, failure.IntegrationScope, "answer_cut", "Slack's answer broke off", response)
	}
	if err == nil && !listProof.Proven(response) {
		return answer{}, l.client.foreign(http.MethodGet, response)
	}

	return a, err
}
