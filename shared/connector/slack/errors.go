package slack

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/outbound"
)

// untoldWait is how long Slack is left alone at least when it does not say how
// long: its limits count by the minute.
const untoldWait = time.Minute

// An answer is what every method answers with, HTTP 200 even if it failed.
type answer struct {
	OK      *bool  `json:"ok"`
	Error   string `json:"error"`
	TS      string `json:"ts"`
	Channel string `json:"-"`
	Meta    struct {
		NextCursor string `json:"next_cursor"`
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

// read takes an answer. Every error is a *connector.Error. Without an error the
// body says ok, which alone proves nothing.
func (b *Bot) read(method string, response outbound.Response) (answer, error) {
	var a answer
	err := json.Unmarshal(response.Body, &a)
	a.response = response
	switch {
	case !response.Success(), err == nil && a.OK != nil && !*a.OK:
		return a, b.refused(method, a, response)
	case err != nil || a.OK == nil:
		return answer{}, b.foreign(method, response)
	}

	return a, nil
}

// A meaning is what an error code of Slack's comes to.
type meaning struct {
	class  failure.Class
	scope  failure.Scope
	code   string
	detail string
}

func item(code, detail string) meaning {
	return meaning{failure.Final, failure.ItemScope, code, detail}
}

var (
	limited = meaning{failure.Retryable, failure.IntegrationScope, "rate_limited", ""}
	open    = meaning{failure.Ambiguous, failure.ItemScope, "no_answer", "Slack failed, and some of it may have been done"}
)

// meanings are those of Slack's codes that concern one item, or that pass
// (https://docs.slack.dev/reference/methods/chat.postMessage#errors). Those that
// concern everything are in refusals.
var meanings = map[string]meaning{
	"ratelimited": limited, "rate_limited": limited,

	"internal_error": open, "fatal_error": open, "service_unavailable": open, "request_timeout": open,
	"team_added_to_org": {failure.Retryable, failure.IntegrationScope, "provider_unavailable", "the workspace is being moved"},

	"message_not_found":   item("remote_deleted", "the message was deleted"),
	"thread_not_found":    item("remote_deleted", "the message was deleted"),
	"cant_update_message": item(connector.NotEditable, "the message is not the bot's own"),
	"edit_window_closed":  item(connector.NotEditable, "the workspace does not allow messages of this age to be edited"),

	"cannot_reply_to_message":         item(notRepliable, "the message takes no replies"),
	"restricted_action_thread_locked": item(notRepliable, "the thread is locked"),
}

// notRepliable is the code of a message that takes no replies.
const notRepliable = "not_repliable"

// refused says what a failure means.
func (b *Bot) refused(method string, a answer, response outbound.Response) *failure.Error {
	said := answers.Read(response, b.client.Clean)
	m := b.meaning(refusals, method, a.Error, response, said)
	if m.class == failure.Ambiguous && method == http.MethodGet {
		m.class = failure.Retryable
		m.scope = failure.IntegrationScope
		m.code = "provider_unavailable" // nothing can have been done
	}

	return b.limit(b.fail(m.class, m.scope, m.code, said.Reason(m.detail), response), response, said)
}

// meaning is what a code comes to, or else the status. A server that fails or
// limits may write anything.
func (c *core) meaning(rows []answers.Refusal, method, code string, response outbound.Response, said answers.Problem) meaning {
	if response.Status >= 500 || response.Status == http.StatusTooManyRequests {
		return byStatus(method, response, said)
	}

	if m, known := meanings[code]; known {
		return m
	}

	if row, found := answers.FindRefusal(rows, method, response, said, code); found {
		return meaning{failure.Final, failure.IntegrationScope, row.Means, row.Detail}
	}

	return byStatus(method, response, said)
}

// byStatus says what HTTP says: bodies may be HTML, or nothing at all.
func byStatus(method string, response outbound.Response, said answers.Problem) meaning {
	class := outbound.Classify(method, response.Status, response.Header)
	reads := method == http.MethodGet
	switch {
	case response.Success(): // with a code that is none of those known
		return item("rejected", "")
	case response.Status == http.StatusTooManyRequests:
		return limited
	case response.Status >= 300 && response.Status < 400:
		return meaning{failure.Final, failure.IntegrationScope, "target_moved", "Slack sends on to another address"}
	case class == failure.Ambiguous:
		return meaning{class, failure.ItemScope, "no_answer", ""}
	case class == failure.Retryable:
		return meaning{class, failure.IntegrationScope, "provider_unavailable", ""}
	case reads && said.Foreign(response, false):
		code, _ := said.Intercepted("Slack")
		return meaning{failure.Retryable, failure.IntegrationScope, code, "something before Slack answers in its place"}
	case reads && response.Status == http.StatusUnauthorized:
		return meaning{class, failure.IntegrationScope, "credentials_rejected", ""}
	case reads && response.Status == http.StatusForbidden:
		return meaning{class, failure.IntegrationScope, "forbidden", ""}
	case reads && (response.Status == http.StatusNotFound || response.Status == http.StatusGone):
		return meaning{class, failure.IntegrationScope, "target_not_found", ""}
	case response.Status == http.StatusForbidden && said.JSON:
		return item("forbidden", "")
	}

	return item("rejected", "")
}

// limit says how long to wait, as the header or else the body tells.
func (c *core) limit(e *failure.Error, response outbound.Response, said answers.Problem) *failure.Error {
	if e.Class != failure.Retryable {
		return e
	}

	wait, told := outbound.RetryAfter(response.Header, c.now())
	e.Wait = wait
	if e.Code != "rate_limited" {
		return e
	}

	switch {
	case told:
		e.Wait = max(wait, time.Second)
	case said.WaitTold:
		e.Wait = max(said.Wait, time.Second)
	default:
		e.Wait = untoldWait
		e.NoRetryAfter = true
	}

	return e
}

// reason is the form of a webhook's: a word in plain text.
var reason = regexp.MustCompile(`^[a-z][a-z_]{1,63}$`)

// hookRefused is for a webhook's refusal: a word in plain text, or JSON as the
// Web API's.
func (w *Webhook) hookRefused(response outbound.Response) *failure.Error {
	said := answers.Read(response, w.client.Clean)
	code := said.Member("error")
	if word := strings.TrimSpace(string(response.Body)); reason.MatchString(word) {
		code = word
	}

	m := w.meaning(hookRefusals, http.MethodPost, code, response, said)

	return w.limit(w.fail(m.class, m.scope, m.code, said.Reason(m.detail), response), response, said)
}

func (c *core) fail(class failure.Class, scope failure.Scope, code, detail string, response outbound.Response) *failure.Error {
	return &failure.Error{
		Class: class, Scope: scope, Code: code, Detail: c.client.Clean(detail), Status: response.Status,
		RequestID: c.client.Clean(response.Header.Get("X-Slack-Req-Id")),
	}
}
