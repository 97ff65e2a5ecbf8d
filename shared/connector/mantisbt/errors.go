package mantisbt

import (
	"net/http"
	"time"

	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/outbound"
)

// unknownWait is the wait after a rate limit that does not say how long it
// lasts. MantisBT accepts so many issues of a reporter within an hour.
const unknownWait = 10 * time.Minute

// A classifier turns each answer of MantisBT that is not what was asked for into
// an error. It sends no request; what needs one more read is in probe.
type classifier struct {
	clean func(string) string // removes secrets from a text
	now   func() time.Time
}

// said reads what an answer says besides its status.
func (a *classifier) said(answer outbound.Response) answers.Problem {
	return answers.Read(answer, a.clean)
}

// trusted is the error for an answer to the anonymous account, or an answer of
// success that is not MantisBT's own. It is nil for all other answers.
func (a *classifier) trusted(answer outbound.Response) error {
	switch {
	case anonymous(answer.Header) && answer.Status < 500:
		return a.rejected(answer)
	case answer.Status < 300 && !answers.IsJSON(answers.MediaType(answer)):
		return a.unreadable("MantisBT's answer is not JSON", answer)
	}

	return nil
}

// refused is the error for an answer that is not about a single issue, and not
// what was asked for.
func (a *classifier) refused(method string, answer outbound.Response) *failure.Error {
	said := a.said(answer)
	if e := a.settled(method, answer, said); e != nil {
		return e
	}

	if method == http.MethodGet {
		e := a.readRefused(answer, said)
		e.Scope = failure.IntegrationScope

		return e
	}

	return a.writeRefused(method, answer, said)
}

const noProject = "the project does not exist, or the token's user may not see it"

// readRefused is the error for a refused read. Nothing can go on without reads,
// so the error concerns the integration. A refusal that is not MantisBT's own is
// an outage.
func (a *classifier) readRefused(answer outbound.Response, said answers.Problem) *failure.Error {
	class := outbound.Classify(http.MethodGet, answer.Status, answer.Header)
	scope := failure.IntegrationScope
	code := ""
	detail := ""
	switch {
	case answer.Status < 300:
		return a.unreadable("MantisBT's answer is not what was asked for", answer)
	case foreign(answer, said):
		return a.intercepted(answer, said)
	case answer.Status == http.StatusForbidden:
		code = "forbidden"
		detail = "the token's user may not see this project"
	case answer.Status == http.StatusNotFound:
		code = "target_not_found"
		detail = noProject
	case answer.Status < 400:
		code = "target_moved"
		detail = "the server redirects this address to another one: change base_url"
	case class == failure.Retryable:
		code = "provider_unavailable"
	default:
		scope = failure.ItemScope
		code = "rejected"
	}

	return a.timed(a.fail(class, scope, code, said.Reason(detail), answer), answer)
}

// writeRefused is the error for a write that was refused for no reason that is
// known to concern the whole project: the item fails.
func (a *classifier) writeRefused(method string, answer outbound.Response, said answers.Problem) *failure.Error {
	class := outbound.Classify(method, answer.Status, answer.Header)
	if answer.Status == http.StatusServiceUnavailable && offline(answer, said) {
		class = failure.Retryable
	}

	scope := failure.ItemScope
	code := "rejected"
	detail := ""
	switch {
	case class == failure.Ambiguous:
		code = "no_answer"
	case class == failure.Retryable:
		scope = failure.IntegrationScope
		code = "provider_unavailable"
	case answer.Status < 400:
		detail = "the server redirects this request to another address"
	case answer.Status == http.StatusForbidden && !said.Markup:
		code = "forbidden"
		detail = lacks(said)
	}

	return a.timed(a.fail(class, scope, code, said.Reason(detail), answer), answer)
}

// offline reports whether MantisBT itself refused because it is offline. Then it
// did nothing.
func offline(answer outbound.Response, said answers.Problem) bool {
	own := !said.Markup || answer.Header.Get(versionHeader) != ""

	return own && (said.Says("offline") || said.Says("api disabled"))
}

// timed gives an error that may be tried again the wait that the answer asks for.
func (a *classifier) timed(e *failure.Error, answer outbound.Response) *failure.Error {
	if e.Class == failure.Retryable {
		e.Wait, _ = outbound.RetryAfter(answer.Header, a.now())
	}

	return e
}

// lacks is what the token's user lacks for a change of one issue.
func lacks(said answers.Problem) string {
	switch {
	case said.Says("update note"):
		return "the server asks for the right to change the notes of this issue: give the token's user the role developer"
	case said.Says("issue status"):
		return "the token's user may not change the status: give it the role developer"
	}

	return "the token's user may not do this with this issue"
}

// limited is the error for an exceeded rate limit. MantisBT itself limits only
// users with the role of new accounts.
func (a *classifier) limited(answer outbound.Response, said answers.Problem) *failure.Error {
	wait, known := outbound.RetryAfter(answer.Header, a.now())
	switch {
	case known:
		wait = max(wait, time.Second)
	case said.WaitStated:
		wait = max(said.Wait, time.Second)
		known = true
	default:
		wait = unknownWait
	}

	detail := ""
	if said.Member("code") == "27" || said.Says("rate limit") {
		detail = "the server takes 10 new issues an hour from reporters: give the token's user the role updater"
	}

	e := a.fail(failure.Retryable, failure.IntegrationScope, "rate_limited", said.Reason(detail), answer)
	e.Wait = wait
	e.NoRetryAfter = !known

	return e
}

// noList is the error for an incomplete list. It must never count as a whole one:
// an issue that is not found is created again.
func (a *classifier) noList(answer outbound.Response) *failure.Error {
	if paging.Partial(answer.StreamError) {
		detail := "MantisBT's answer is not a whole list of issues: " + shown(answer, a.said(answer))
		return a.fail(failure.Retryable, failure.IntegrationScope, paging.Code(answer.StreamError), detail, answer)
	}

	if refusal, ok := faultIn(answer); ok {
		return a.refused(http.MethodGet, refusal)
	}

	return a.unreadable("MantisBT's answer is not a list of issues", answer)
}

// endless is the error for a list that is longer than any that is read.
func (a *classifier) endless(detail string) *failure.Error {
	return a.amiss("list_endless", detail)
}

// moves is the error for a list in which a position cannot be found again.
func (a *classifier) moves() *failure.Error {
	return a.fail(failure.Retryable, failure.IntegrationScope, "list_moves", "the list of issues changes faster than it can be read", outbound.Response{})
}

// unnumbered is the error for a link without the number of an issue. No request
// is sent for it.
func (a *classifier) unnumbered() *failure.Error {
	return a.fail(failure.Final, failure.ItemScope, "remote_unknown", "the link does not hold the number of an issue", outbound.Response{})
}

// undecided is the error for a refusal where it could not be found out whether
// it concerns one issue or the project. Nothing was changed: try again. If the
// read showed that the token is dead, that is the error.
func (a *classifier) undecided(err error, answer outbound.Response, said answers.Problem) *failure.Error {
	if e, ok := err.(*failure.Error); ok && e.Code == "credentials_rejected" {
		return e
	}

	return a.fail(failure.Retryable, failure.IntegrationScope, "provider_unavailable",
		said.Reason("whether the issue or the project is gone could not be found out"), answer)
}

// amiss is the error for what is wrong with the project, with no refused request.
func (a *classifier) amiss(code, detail string) *failure.Error {
	return a.fail(failure.Final, failure.IntegrationScope, code, detail, outbound.Response{})
}

func (a *classifier) fail(class failure.Class, scope failure.Scope, code, detail string, answer outbound.Response) *failure.Error {
	return &failure.Error{
		Class: class, Scope: scope, Code: code, Detail: a.clean(detail), Status: answer.Status,
		RequestID: a.clean(answer.Header.Get("X-Request-Id")),
	}
}
