package slack

import (
	gocontext "context"
	"encoding/json"
	"errors"
	"net/url"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/outbound"
)

// The names of Slack's own checks.
const (
	checkWrite   = "write"   // the bot may post into the channel
	checkHistory = "history" // it may look for a message whose answer was lost
)

// onlyByPosting is the code of what is not known before something is posted.
const onlyByPosting = connector.OnlyByPosting

// Check identifies the token, and reads what it may do and the state of the channel.
// The latter needs a scope that no other call needs; without it, it is unknown.
func (b *Bot) Check(ctx gocontext.Context) ([]connector.Check, error) {
	me, err := b.ask(ctx, "auth.test", nil, 0)
	if err != nil {
		return unauthenticated(err), err
	}

	checks := []connector.Check{connector.Passed(connector.CheckReachable), connector.Passed(connector.CheckCredentials)}
	scopes, stated := scopesOf(me.response)
	ch, target, err := b.channel(ctx)

	return append(checks, target, mayWrite(scopes, stated, ch, target), mayLook(scopes, stated, ch, target)), err
}

// unauthenticated are the checks when the token could not be tried, or was
// refused.
func unauthenticated(err error) []connector.Check {
	var e *failure.Error
	if errors.As(err, &e) && e.Class == failure.Final && e.Status != 0 {
		return []connector.Check{connector.Passed(connector.CheckReachable), connector.Refused(connector.CheckCredentials, e.Code)}
	}
	return connector.Unauthenticated(err)
}

// scopesOf are the scopes of the token, which Slack sends with each answer.
func scopesOf(response outbound.Response) (scopes []string, stated bool) {
	for _, value := range response.Header.Values("X-Oauth-Scopes") {
		for scope := range strings.SplitSeq(value, ",") {
			scopes = append(scopes, strings.TrimSpace(scope))
			stated = true
		}
	}

	return scopes, stated
}

func scoped(name, code string, stated, granted bool) connector.Check {
	switch {
	case !stated:
		return connector.Undecided(name, "not_told")
	case !granted:
		return connector.Refused(name, code)
	}

	return connector.Passed(name)
}

// A channel is what we read of one.
type channel struct {
	known    bool
	ID       string `json:"id"`
	Archived bool   `json:"is_archived"`
	Member   bool   `json:"is_member"`
	Private  bool   `json:"is_private"`
}

func (b *Bot) channel(ctx gocontext.Context) (channel, connector.Check, error) {
	a, err := b.ask(ctx, "conversations.info", url.Values{"channel": {b.where()}}, 0)
	var e *failure.Error
	switch {
	case a.Error == "missing_scope":
		return channel{}, connector.Undecided(connector.CheckTarget, "scope_missing"), nil
	case errors.As(err, &e) && e.Class == failure.Final:
		return channel{}, connector.Refused(connector.CheckTarget, e.Code), err
	case err != nil:
		return channel{}, connector.Undecided(connector.CheckTarget, "provider_error"), err
	}

	var info struct {
		Channel channel `json:"channel"`
	}
	if err := json.Unmarshal(a.response.Body, &info); err != nil || info.Channel.ID == "" {
		return channel{}, connector.Undecided(connector.CheckTarget, "provider_error"),
			b.fail(failure.Final, failure.IntegrationScope, "answer_unreadable", "Slack's answer is not a channel", a.response)
	}

	if info.Channel.known = true; info.Channel.Archived {
		return info.Channel, connector.Refused(connector.CheckTarget, "archived"), nil
	}

	return info.Channel, connector.Passed(connector.CheckTarget), nil
}

// Check of a webhook makes no call: at Slack only a post shows whether it works.
func (w *Webhook) Check(gocontext.Context) ([]connector.Check, error) {
	return []connector.Check{
		connector.Undecided(connector.CheckReachable, onlyByPosting), connector.Undecided(connector.CheckCredentials, onlyByPosting),
		connector.Undecided(connector.CheckTarget, onlyByPosting),
	}, nil
}
