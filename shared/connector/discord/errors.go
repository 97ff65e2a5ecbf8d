package discord

import (
	"errors"
	"net/http"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/outbound"
)

// banWait is how long Discord is left alone at least when it is not Discord that
// turns us away but Cloudflare in front of it, which says no more: asking again
// makes it worse.
const banWait = 15 * time.Minute

// A meaning is what a code of Discord's comes to.
type meaning struct {
	code   string
	detail string
}

// meanings are those of the codes that concern one message and say more than
// HTTP does. Those that concern everything are in refusals
// (https://discord.com/developers/docs/topics/opcodes-and-status-codes#json).
var meanings = map[string]meaning{
	"10008":  {remoteDeleted, "the message was deleted"},
	"30046":  {connector.NotEditable, "the message is over an hour old and was edited too often"},
	"50005":  {connector.NotEditable, "the message is another author's"},
	"200000": {"rejected", "the server's AutoMod does not let the text through"},
	"240000": {"rejected", "Discord takes a link for harmful"},
}

// ofThread is the error of a message that was refused. That the item's own thread
// does not exist concerns the item alone: a person has deleted it. Elsewhere the
// same answer concerns the whole place.
func (c *core) ofThread(p post, response outbound.Response, err error) error {
	said := answers.Read(response, c.client.Clean)
	if p.ownThread && said.JSON && said.Member("code") == codeUnknownChannel {
		return c.fail(failure.Final, failure.ItemScope, remoteDeleted, said.Reason("the item's thread was deleted"), response)
	}

	return err
}

// remoteDeleted is the code of a message, or of its thread, that a person deleted.
const remoteDeleted = "remote_deleted"

// gone reports whether an error says so.
func gone(err error) bool {
	var e *failure.Error
	return errors.As(err, &e) && e.Code == remoteDeleted
}

// refused says what an answer without success means.
func (c *core) refused(method string, response outbound.Response) *failure.Error {
	if response.Success() {
		return c.foreign(method, response)
	}

	said := answers.Read(response, c.client.Clean)
	code := said.Member("code")
	if response.Status < 500 && response.Status >= 400 && said.JSON {
		if m, ok := meaningOf(method, code); ok {
			return c.fail(failure.Final, failure.ItemScope, m.code, said.Reason(m.detail), response)
		}
	}

	if response.Status == http.StatusTooManyRequests {
		return c.limited(said, response)
	}

	class := outbound.Classify(method, response.Status, response.Header)
	switch {
	case response.Status >= 300 && response.Status < 400:
		return c.fail(class, failure.IntegrationScope, "target_moved", said.Reason(""), response)
	case class == failure.Ambiguous:
		return c.fail(class, failure.ItemScope, "no_answer", said.Reason(""), response)
	case class == failure.Retryable:
		e := c.fail(class, failure.IntegrationScope, "provider_unavailable", said.Reason(""), response)
		e.Wait, _ = outbound.RetryAfter(response.Header, c.now())
		return e
	}

	return c.rejected(method, code, response, said)
}

// rejected is for a refusal for good. Of a write it concerns one item, unless
// the table says that it concerns all.
func (c *core) rejected(method, code string, response outbound.Response, said answers.Problem) *failure.Error {
	if row, ok := answers.FindRefusal(refusals, method, response, said, code); ok {
		return c.fail(failure.Final, failure.IntegrationScope, row.Means, said.Reason(row.Detail), response)
	}

	reads := method == http.MethodGet
	if reads && said.Foreign(response, false) {
		means, detail := said.Intercepted("Discord")
		e := c.fail(failure.Retryable, failure.IntegrationScope, means, detail, response)
		e.Wait, _ = outbound.RetryAfter(response.Header, c.now())
		return e
	}

	scope := failure.ItemScope
	means := "rejected"
	switch {
	case reads && response.Status == http.StatusUnauthorized:
		scope = failure.IntegrationScope
		means = "credentials_rejected"
	case reads && response.Status == http.StatusForbidden:
		scope = failure.IntegrationScope
		means = "forbidden"
	case reads && (response.Status == http.StatusNotFound || response.Status == http.StatusGone):
		scope = failure.IntegrationScope
		means = "target_not_found"
	case response.Status == http.StatusForbidden && said.JSON:
		means = "forbidden"
	}

	return c.fail(failure.Final, scope, means, said.Reason(""), response)
}

// meaningOf looks a code up.
func meaningOf(method, code string) (meaning, bool) {
	if code == "50083" && method == http.MethodPatch {
		// A new message opens the thread again, an edit does not.
		return meaning{connector.NotEditable, "the thread is archived"}, true
	}

	m, ok := meanings[code]

	return m, ok
}

// limited is for a limit: Discord's own, which it tells in seconds with a
// fraction, or that of Cloudflare in front of it, which bans the address we come
// from, perhaps for what others there did. A header of Discord's tells its own
// from the latter even if the body is lost.
func (c *core) limited(said answers.Problem, response outbound.Response) *failure.Error {
	e := c.fail(failure.Retryable, failure.IntegrationScope, "rate_limited", said.Reason(""), response)
	wait, told := outbound.RetryAfter(response.Header, c.now())
	scope := response.Header.Get("X-RateLimit-Scope")
	switch {
	case said.JSON && said.WaitTold:
		e.Wait = said.Wait
	case told && scope != "":
		e.Wait = max(wait, time.Second)
	default:
		e.Wait = max(wait, banWait)
		e.NoRetryAfter = true
		e.Detail = c.client.Clean("the address these requests come from is shut out for a while, maybe because of what others do there")
	}

	if said.Member("global") == "true" || scope == "global" {
		e.Detail = c.client.Clean(said.Reason("the limit over all channels"))
	}

	return e
}

func (c *core) fail(class failure.Class, scope failure.Scope, code, detail string, response outbound.Response) *failure.Error {
	return &failure.Error{
		Class: class, Scope: scope, Code: code, Detail: c.client.Clean(detail), Status: response.Status,
		RequestID: c.client.Clean(response.Header.Get("Cf-Ray")),
	}
}
