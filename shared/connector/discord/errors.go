package discord

import (
	"encoding/json"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"integrations/shared/connector"
	"integrations/shared/outbound"
)

// banWait is how long Discord is left alone at least when it is not Discord that
// turns us away but Cloudflare in front of it, which says no more: asking again
// makes it worse.
const banWait = 15 * time.Minute

// A problem is Discord's account of a refusal.
type problem struct {
	Message    string      `json:"message"`
	Code       json.Number `json:"code"`
	RetryAfter json.Number `json:"retry_after"` // seconds, with a fraction
	Global     bool        `json:"global"`
	Errors     any         `json:"errors"` // a tree like the form, with lists named _errors
}

// parseProblem reads as much of a refusal as is there: bodies may be HTML or
// nothing at all.
func parseProblem(body []byte) problem {
	var p problem
	if err := json.Unmarshal(body, &p); err != nil {
		var message struct {
			Message string `json:"message"`
		}
		_ = json.Unmarshal(body, &message) // another member's type leaves this one readable
		p = problem{Message: message.Message}
	}
	p.Message = joined(p.Message, wrong(p.Errors, ""))
	return p
}

// wrong is the first place in a form that Discord does not take, and why.
func wrong(tree any, path string) string {
	members, _ := tree.(map[string]any)
	if list, _ := members["_errors"].([]any); len(list) > 0 {
		first, _ := list[0].(map[string]any)
		said, _ := first["message"].(string)
		return joined(path, said)
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if found := wrong(members[name], strings.TrimPrefix(path+"."+name, ".")); found != "" {
			return found
		}
	}
	return ""
}

// A meaning is what a code of Discord's comes to.
type meaning struct {
	scope  connector.Scope
	code   string
	detail string
}

// meanings are those of the codes that say more than HTTP does
// (https://discord.com/developers/docs/topics/opcodes-and-status-codes#json).
var meanings = map[string]meaning{
	"10008":  {connector.ItemScope, "remote_deleted", "the message was deleted"},
	"30046":  {connector.ItemScope, connector.NotEditable, "the message is over an hour old and was edited too often"},
	"50005":  {connector.ItemScope, connector.NotEditable, "the message is another author's"},
	"10003":  {connector.IntegrationScope, "target_not_found", "the channel or thread does not exist"},
	"10015":  {connector.IntegrationScope, "target_not_found", "the webhook was deleted"},
	"50001":  {connector.IntegrationScope, "forbidden", "the bot may not see the channel"},
	"50013":  {connector.IntegrationScope, "forbidden", "the bot lacks a permission: it needs View Channel, Send Messages, Embed Links and Read Message History"},
	"50027":  {connector.IntegrationScope, "credentials_rejected", "the webhook's token is not valid"},
	"50008":  {connector.IntegrationScope, "target_not_found", "the channel is of a kind that takes no messages"},
	"50024":  {connector.IntegrationScope, "target_not_found", "the channel is of a kind that takes no messages"},
	"220001": {connector.IntegrationScope, "target_not_found", "webhooks of a forum need a thread: give thread_id"},
	"200000": {connector.ItemScope, "rejected", "the server's AutoMod does not let the text through"},
	"240000": {connector.ItemScope, "rejected", "Discord takes a link for harmful"},
}

// refused says what an answer other than success means.
func (c *core) refused(method string, response outbound.Response) *connector.Error {
	said := parseProblem(response.Body)
	if m, ok := c.meaning(method, said, response); ok {
		return c.fail(connector.Final, m.scope, m.code, joined(m.detail, said.Message), response)
	}
	if response.Status == http.StatusTooManyRequests {
		return c.limited(said, response)
	}
	class := outbound.Classify(method, response.Status, response.Header)
	scope, code := connector.ItemScope, "rejected"
	switch {
	case response.Status == http.StatusUnauthorized:
		scope, code = connector.IntegrationScope, "credentials_rejected"
	case response.Status == http.StatusForbidden:
		scope, code = connector.IntegrationScope, "forbidden"
	case response.Status == http.StatusNotFound, response.Status == http.StatusGone:
		scope, code = connector.IntegrationScope, "target_not_found"
	case response.Status >= 300 && response.Status < 400:
		scope, code = connector.IntegrationScope, "target_moved"
	case class == connector.Ambiguous:
		code = "no_answer"
	case class == connector.Retryable:
		scope, code = connector.IntegrationScope, "provider_unavailable"
	}
	e := c.fail(class, scope, code, said.Message, response)
	if class == connector.Retryable {
		e.Wait, _ = outbound.RetryAfter(response.Header, c.now())
	}
	return e
}

// meaning looks a code up. A server that fails may write anything.
func (c *core) meaning(method string, said problem, response outbound.Response) (meaning, bool) {
	m, ok := meanings[said.Code.String()]
	switch {
	case response.Status >= 500 || response.Status < 400:
		return meaning{}, false
	case said.Code == "50083" && method == http.MethodPatch:
		// A new message opens the thread again, an edit does not.
		return meaning{connector.ItemScope, connector.NotEditable, "the thread is archived"}, true
	}
	return m, ok
}

func joined(detail, said string) string {
	if detail == "" || said == "" {
		return detail + said
	}
	return detail + ": " + said
}

// limited is for a limit: Discord's own, which it tells in seconds with a
// fraction, or that of Cloudflare in front of it, which bans the address we come
// from, perhaps for what others there did. A header of Discord's tells its own
// from the latter even if the body is lost.
func (c *core) limited(said problem, response outbound.Response) *connector.Error {
	e := c.fail(connector.Retryable, connector.IntegrationScope, "rate_limited", said.Message, response)
	wait, told := outbound.RetryAfter(response.Header, c.now())
	scope := response.Header.Get("X-RateLimit-Scope")
	seconds, ok := fraction(said.RetryAfter)
	switch {
	case ok:
		e.Wait = seconds
	case told && scope != "":
		e.Wait = max(wait, time.Second)
	default:
		e.Wait, e.Untold = max(wait, banWait), true
		e.Detail = c.client.Clean("the address these requests come from is shut out for a while, maybe because of what others do there")
	}
	if said.Global || scope == "global" {
		e.Detail = c.client.Clean("the limit over all channels: " + said.Message)
	}
	return e
}

// fraction is a number of seconds as a time, never zero, rounded up to the
// millisecond.
func fraction(n json.Number) (time.Duration, bool) {
	seconds, err := strconv.ParseFloat(n.String(), 64)
	if err != nil || math.IsNaN(seconds) || seconds < 0 {
		return 0, false
	}
	if seconds > outbound.MaxWait.Seconds() {
		return outbound.MaxWait, true
	}
	return max(time.Duration(math.Ceil(seconds*1000))*time.Millisecond, time.Millisecond), true
}

func (c *core) fail(class connector.Class, scope connector.Scope, code, detail string, response outbound.Response) *connector.Error {
	return &connector.Error{
		Class: class, Scope: scope, Code: code, Detail: c.client.Clean(detail), Status: response.Status,
		RequestID: c.client.Clean(response.Header.Get("Cf-Ray")),
	}
}
