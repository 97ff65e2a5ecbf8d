package discord

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/outbound"
)

// The names of Discord's own checks.
const (
	checkWrite   = "write"   // the bot may post into the channel
	checkHistory = "history" // it may look for a message whose answer was lost
	checkReply   = "reply"   // it may reply to a message
)

// onlyByPosting is the code of what is not known before something is posted.
const onlyByPosting = connector.OnlyByPosting

// A channel is what we read of one.
type channel struct {
	ID            string `json:"id"`
	Type          int    `json:"type"`
	LastMessageID string `json:"last_message_id"`
	Guild         string `json:"guild_id"`
	// Parent is the channel of a thread, or the category of a channel.
	Parent     string      `json:"parent_id"`
	Overwrites []overwrite `json:"permission_overwrites"`
}

// silentTypes are channels without messages of their own: categories, forums
// and collections of media.
var silentTypes = []int{4, 14, 15, 16}

// readChannel reads a channel or a thread by its address.
func (c *core) readChannel(ctx context.Context, address string) (channel, outbound.Response, error) {
	response, err := c.get(ctx, address, 0)
	if err != nil {
		return channel{}, response, err
	}

	var ch channel
	if err := json.Unmarshal(response.Body, &ch); err != nil || ch.ID == "" {
		return channel{}, response, c.fail(failure.Retryable, failure.IntegrationScope, "answer_unreadable", "Discord's answer is not a channel", response)
	}

	return ch, response, nil
}

// check asks whose token it is, reads the channel, and computes what the bot may
// do in it. Where Discord does not tell enough, whether the bot may post is told
// by nothing but posting, and whether it may look for messages by a look.
func (r *rights) check(ctx context.Context) ([]connector.Check, error) {
	response, err := r.core.get(ctx, r.place.baseURL+"/users/@me", 0)
	if err != nil {
		return connector.Unauthenticated(err), err
	}

	checks := []connector.Check{connector.Passed(connector.CheckReachable)}
	if !identified(response) {
		return append(checks, connector.Undecided(connector.CheckCredentials, "provider_error")),
			r.core.fail(failure.Final, failure.IntegrationScope, "answer_unreadable", "Discord's answer is not a user", response)
	}

	checks = append(checks, connector.Passed(connector.CheckCredentials))
	ch, _, err := r.core.readChannel(ctx, r.place.address(r.place.id()))
	var e *failure.Error
	switch {
	case errors.As(err, &e) && e.Class == failure.Final:
		return append(checks, connector.Refused(connector.CheckTarget, e.Code)), err
	case err != nil:
		return append(checks, connector.Undecided(connector.CheckTarget, "provider_error")), err
	case slices.Contains(silentTypes, ch.Type):
		return append(checks, connector.Refused(connector.CheckTarget, "channel_takes_no_messages")), nil
	}

	checks = append(checks, connector.Passed(connector.CheckTarget))
	if rights, told := r.all(ctx, identity(response), ch); told {
		return append(checks, rights...), nil
	}

	history, err := r.history(ctx, ch)

	return append(checks, connector.Undecided(checkWrite, onlyByPosting), history), err
}

// history reports whether the bot may read old messages: whether it is shown any,
// or may read the last. Of an empty channel it is not known.
func (r *rights) history(ctx context.Context, ch channel) (connector.Check, error) {
	list, err := r.lists.page(ctx, r.place.id(), 1, 0)
	if err == nil && len(list) > 0 {
		return connector.Passed(checkHistory), nil
	}

	code := ""
	if err == nil {
		code, err = r.lists.readable(ctx, r.place.id(), ch.LastMessageID)
	}

	var e *failure.Error
	if code == "forbidden" || errors.As(err, &e) && e.Code == "forbidden" {
		return connector.Refused(checkHistory, "history_not_allowed"), err
	}

	return connector.Undecided(checkHistory, "not_told"), nil
}

func identified(response outbound.Response) bool { return identity(response) != "" }

// identity is the id of what an answer holds, "" where it holds none.
func identity(response outbound.Response) string {
	var one struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(response.Body, &one) != nil {
		return ""
	}

	return one.ID
}

// What a webhook's check cannot tell: the answer has the id of the channel, and
// neither its type nor its threads
// (https://discord.com/developers/docs/resources/webhook#webhook-object).
const (
	anyChannel = "Discord does not say what kind of channel the webhook posts into. A forum needs thread_id, or thread_name for a thread of each item."
	anyThread  = "Discord does not say whether the webhook's channel has this thread."
	anyForum   = "Discord does not say whether the webhook's channel is a forum, which thread_name needs."
)

// Check reads the webhook: its URL is all it takes. Whether a post would find its
// place is told by nothing but posting.
func (w *Webhook) Check(ctx context.Context) ([]connector.Check, error) {
	response, err := w.get(ctx, w.cfg.URL, 0)
	var e *failure.Error
	switch {
	case errors.As(err, &e) && e.Class == failure.Final && e.Status != 0:
		return []connector.Check{connector.Passed(connector.CheckReachable), connector.Refused(connector.CheckCredentials, e.Code)}, err
	case err != nil:
		return connector.Unauthenticated(err), err
	case !identified(response):
		return []connector.Check{connector.Passed(connector.CheckReachable), connector.Undecided(connector.CheckCredentials, "provider_error")},
			w.fail(failure.Final, failure.IntegrationScope, "answer_unreadable", "Discord's answer is not a webhook", response)
	}

	detail := anyChannel
	switch {
	case w.cfg.Thread != "":
		detail = anyThread
	case w.cfg.ThreadName != "":
		detail = anyForum
	}

	target := connector.Undecided(connector.CheckTarget, onlyByPosting).With(detail)

	return []connector.Check{connector.Passed(connector.CheckReachable), connector.Passed(connector.CheckCredentials), target}, nil
}
