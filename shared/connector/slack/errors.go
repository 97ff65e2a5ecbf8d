package slack

import (
	"cmp"
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"

	"integrations/shared/connector"
	"integrations/shared/outbound"
)

// untoldWait is how long Slack is left alone at least when it does not say how
// long: its limits count by the minute.
const untoldWait = time.Minute

// An answer is what every method answers with, HTTP 200 even if it failed.
type answer struct {
	OK      *bool  `json:"ok"`
	Error   string `json:"error"`
	Needed  string `json:"needed"` // the scope that is missing
	TS      string `json:"ts"`
	Channel string `json:"-"`
	Meta    struct {
		Messages   []string `json:"messages"` // what is wrong
		NextCursor string   `json:"next_cursor"`
	} `json:"response_metadata"`

	response outbound.Response
}

// UnmarshalJSON tells a channel's id, which messages are answered with, from a
// whole channel.
func (a *answer) UnmarshalJSON(b []byte) error {
	type plain answer
	raw := struct {
		*plain
		Channel json.RawMessage `json:"channel"`
	}{plain: (*plain)(a)}
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	_ = json.Unmarshal(raw.Channel, &a.Channel) // an object leaves it empty
	return nil
}

// read takes an answer. Every error is a *connector.Error.
func (b *Bot) read(method string, response outbound.Response) (answer, error) {
	var a answer
	err := json.Unmarshal(response.Body, &a)
	a.response = response
	switch {
	case response.Status != http.StatusOK:
		return a, b.refused(method, a, response)
	case err != nil || a.OK == nil:
		class := connector.Ambiguous
		if method == http.MethodGet {
			class = connector.Retryable
		}
		return answer{}, b.fail(class, connector.ItemScope, "answer_unreadable", "Slack's answer is none of its API", response)
	case !*a.OK:
		return a, b.refused(method, a, response)
	}
	return a, nil
}

// A meaning is what an error code of Slack's comes to.
type meaning struct {
	class  connector.Class
	scope  connector.Scope
	code   string
	detail string
}

func stop(code, detail string) meaning {
	return meaning{connector.Final, connector.IntegrationScope, code, detail}
}

func item(code, detail string) meaning {
	return meaning{connector.Final, connector.ItemScope, code, detail}
}

var (
	limited  = meaning{connector.Retryable, connector.IntegrationScope, "rate_limited", ""}
	open     = meaning{connector.Ambiguous, connector.ItemScope, "no_answer", "Slack failed, and some of it may have been done"}
	rejected = stop("credentials_rejected", "")
)

// meanings are those of Slack's codes that say more than that the message was
// not taken (https://docs.slack.dev/reference/methods/chat.postMessage#errors).
var meanings = map[string]meaning{
	"ratelimited": limited, "rate_limited": limited,
	"message_limit_exceeded": stop("forbidden", "the workspace has reached its limit of messages"),

	"internal_error": open, "fatal_error": open, "service_unavailable": open, "request_timeout": open,
	"team_added_to_org": {connector.Retryable, connector.IntegrationScope, "provider_unavailable", "the workspace is being moved"},

	"invalid_auth": rejected, "not_authed": rejected, "token_revoked": rejected, "token_expired": rejected, "account_inactive": rejected,
	"org_login_required": rejected, "not_allowed_token_type": rejected, "team_access_not_granted": rejected, "two_factor_setup_required": rejected,
	"ekm_access_denied": stop("forbidden", "administrators have taken the token's access away"), "access_denied": stop("forbidden", ""),

	"missing_scope": stop("forbidden", "the bot lacks a scope"), "no_permission": stop("forbidden", "the bot lacks a scope"),
	"not_in_channel":    stop("forbidden", "the bot is not in the channel: invite it"),
	"restricted_action": stop("forbidden", "a setting of the workspace keeps the bot from posting"), "restricted_action_read_only_channel": stop("forbidden", "the channel is read-only"),
	"restricted_action_thread_only_channel": stop("forbidden", "the channel takes replies only"), "restricted_action_non_threadable_channel": stop("forbidden", ""),
	"method_not_supported_for_channel_type": stop("target_not_found", "the channel is of a kind that takes no messages of bots"),
	"channel_not_found":                     stop("target_not_found", "the channel does not exist, or the bot may not see it"),
	"is_archived":                           stop("target_not_found", "the channel is archived"),

	"message_not_found":   item("remote_deleted", "the message was deleted"),
	"cant_update_message": item(connector.NotEditable, "the message is not the bot's own"),
	"edit_window_closed":  item(connector.NotEditable, "the workspace does not allow messages of this age to be edited"),
}

// refused says what a failure means.
func (b *Bot) refused(method string, a answer, response outbound.Response) *connector.Error {
	m, known := meanings[a.Error]
	if !known || response.Status >= 500 || response.Status == http.StatusTooManyRequests {
		m = b.byStatus(method, response)
	}
	if m.class == connector.Ambiguous && method == http.MethodGet {
		m.class, m.scope, m.code = connector.Retryable, connector.IntegrationScope, "provider_unavailable" // nothing can have been done
	}
	detail := strings.Join(append([]string{a.Error}, a.Meta.Messages[:min(len(a.Meta.Messages), 4)]...), "; ")
	if a.Needed != "" {
		detail += ", it needs " + a.Needed
	}
	if m.detail != "" {
		detail = strings.TrimSuffix(m.detail+": "+detail, ": ")
	}
	return b.limit(b.fail(m.class, m.scope, m.code, detail, response), response)
}

// byStatus says what HTTP says: bodies may be HTML, or nothing at all.
func (c *core) byStatus(method string, response outbound.Response) meaning {
	class := outbound.Classify(method, response.Status, response.Header)
	if response.Status == http.StatusOK { // with a code that is none of those known
		class = connector.Final
	}
	switch {
	case response.Status == http.StatusTooManyRequests:
		return limited
	case response.Status == http.StatusUnauthorized:
		return rejected
	case response.Status == http.StatusForbidden:
		return stop("forbidden", "")
	case response.Status == http.StatusNotFound, response.Status == http.StatusGone:
		return stop("target_not_found", "")
	case response.Status >= 300 && response.Status < 400:
		return stop("target_moved", "Slack sends on to another address")
	case class == connector.Ambiguous:
		return meaning{class, connector.ItemScope, "no_answer", ""}
	case class == connector.Retryable:
		return meaning{class, connector.IntegrationScope, "provider_unavailable", ""}
	}
	return meaning{class, connector.ItemScope, "rejected", ""}
}

// limit says how long to wait.
func (c *core) limit(e *connector.Error, response outbound.Response) *connector.Error {
	if e.Class != connector.Retryable {
		return e
	}
	wait, told := outbound.RetryAfter(response.Header, c.now())
	if e.Wait = wait; e.Code != "rate_limited" {
		return e
	}
	if e.Wait = max(wait, time.Second); !told {
		e.Wait, e.Untold = untoldWait, true
	}
	return e
}

// reason is the form of a webhook's: a word in plain text.
var reason = regexp.MustCompile(`^[a-z][a-z_]{1,63}$`)

// hooks are the meanings of a webhook's reasons
// (https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks#errors).
var hooks = map[string]meaning{
	"no_service": rejected, "no_service_id": rejected, "no_active_hooks": rejected, "invalid_token": rejected, "no_team": rejected, "team_disabled": rejected,
	"action_prohibited":                 stop("forbidden", "an administrator keeps the webhook from posting"),
	"posting_to_general_channel_denied": stop("forbidden", "the general channel takes no messages of webhooks"),
	"channel_not_found":                 stop("target_not_found", "the webhook's channel does not exist any more"),
	"channel_is_archived":               stop("target_not_found", "the webhook's channel is archived"),
	"user_not_found":                    stop("target_not_found", "the webhook's user does not exist any more"),
	"invalid_payload":                   item("rejected", ""), "no_text": item("rejected", ""), "invalid_blocks": item("rejected", ""),
}

func (w *Webhook) hookRefused(said string, response outbound.Response) *connector.Error {
	if !reason.MatchString(said) {
		said = ""
	}
	m, known := hooks[said]
	if !known || response.Status >= 500 || response.Status == http.StatusTooManyRequests {
		if m = w.byStatus(http.MethodPost, response); response.Status == http.StatusNotFound {
			m = rejected // the URL is the credential: nothing is known of it
		}
	}
	return w.limit(w.fail(m.class, m.scope, m.code, cmp.Or(strings.TrimSuffix(m.detail+": "+said, ": "), said), response), response)
}

func (c *core) fail(class connector.Class, scope connector.Scope, code, detail string, response outbound.Response) *connector.Error {
	return &connector.Error{
		Class: class, Scope: scope, Code: code, Detail: c.client.Clean(strings.TrimPrefix(detail, ": ")), Status: response.Status,
		RequestID: c.client.Clean(response.Header.Get("X-Slack-Req-Id")),
	}
}
