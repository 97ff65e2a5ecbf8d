package mantisbt

import (
	"errors"
	"net/http"
	"time"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/connector/problem"
	"example.com/integrations/shared/outbound"
)

// An answers turns each answer of MantisBT that is not what was asked for into
// an error. It sends no request; what needs one more read is in probe.
type answers struct {
	clean func(string) string // removes secrets from a text
	now   func() time.Time
}

// spamWait is how long to wait at least when the server has taken as many
// issues of a reporter as it takes within an hour. It does not say how long.
const spamWait = 10 * time.Minute

// refused says what an answer means that is not what was asked for. What a
// second look decides is in createRefused and issueRefused.
func (a *answers) refused(method string, answer outbound.Response) *failure.Error {
	said := a.said(answer)
	if e := a.settled(method, answer, said); e != nil {
		return e
	}

	if method == http.MethodGet {
		e := a.readRefused(answer, said)
		e.Scope = failure.IntegrationScope // it asks for no single issue
		return e
	}

	return a.writeRefused(method, answer, said)
}

// readRefused is for reads: without them nothing goes on, so a refusal is of
// integration scope. One that is not MantisBT's own is an outage.
func (a *answers) readRefused(answer outbound.Response, said problem.Problem) *failure.Error {
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
		detail = "the project does not exist, or the token's user may not see it"
	case answer.Status < 400:
		code = "target_moved"
		detail = "the server sends callers of this address elsewhere: change base_url"
	case class == failure.Retryable:
		code = "provider_unavailable"
	default:
		scope = failure.ItemScope
		code = "rejected"
	}

	e := a.fail(class, scope, code, said.Reason(detail), answer)
	if class == failure.Retryable {
		e.Wait, _ = outbound.RetryAfter(answer.Header, a.now())
	}

	return e
}

// writeRefused is for writes that were refused for a reason that is not known to
// concern the whole project: the item fails.
func (a *answers) writeRefused(method string, answer outbound.Response, said problem.Problem) *failure.Error {
	class := outbound.Classify(method, answer.Status, answer.Header)
	ours := !said.Markup || answer.Header.Get(versionHeader) != ""
	if answer.Status == http.StatusServiceUnavailable && (said.Says("offline") || said.Says("api disabled")) && ours {
		class = failure.Retryable // MantisBT itself said so before it did anything
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
		detail = "the server sends this request on to another address"
	case answer.Status == http.StatusForbidden && !said.Markup:
		code = "forbidden"
		detail = lacks(said)
	}

	e := a.fail(class, scope, code, said.Reason(detail), answer)
	if class == failure.Retryable {
		e.Wait, _ = outbound.RetryAfter(answer.Header, a.now())
	}

	return e
}

// lacks is what the token's user lacks for a change of one issue.
func lacks(said problem.Problem) string {
	switch {
	case said.Says("update note"):
		return "the server asks for the right to change the notes of this issue: give the token's user the role developer"
	case said.Says("issue status"):
		return "the token's user may not change the status: give it the role developer"
	}

	return "the token's user may not do this with this issue"
}

// limited is for a server that wants to be left alone. MantisBT itself does so
// only to users whose role is the one of new accounts.
func (a *answers) limited(said problem.Problem, answer outbound.Response) *failure.Error {
	wait, told := outbound.RetryAfter(answer.Header, a.now())
	switch {
	case told:
		wait = max(wait, time.Second)
	case said.WaitTold:
		wait = max(said.Wait, time.Second)
		told = true
	default:
		wait = spamWait
	}

	detail := ""
	if said.Member("code") == "27" || said.Says("rate limit") {
		detail = "the server takes 10 new issues an hour from reporters: give the token's user the role updater"
	}

	e := a.fail(failure.Retryable, failure.IntegrationScope, "rate_limited", said.Reason(detail), answer)
	e.Wait = wait
	e.NoRetryAfter = !told

	return e
}

// undecided is for a refusal whose reach could not be found out: nothing
// happened, ask again. A verdict on the token that came instead counts.
func (a *answers) undecided(err error, answer outbound.Response, said problem.Problem) *failure.Error {
	if e, ok := err.(*failure.Error); ok && e.Code == "credentials_rejected" {
		return e
	}

	return a.fail(failure.Retryable, failure.IntegrationScope, "provider_unavailable",
		said.Reason("whether the issue or the project is gone could not be found out"), answer)
}

func (a *answers) fail(class failure.Class, scope failure.Scope, code, detail string, answer outbound.Response) *failure.Error {
	return &failure.Error{
		Class: class, Scope: scope, Code: code, Detail: a.clean(detail), Status: answer.Status,
		RequestID: a.clean(answer.Header.Get("X-Request-Id")),
	}
}

// endless is for a list longer than any that is walked through.
func (a *answers) endless(detail string) *failure.Error {
	return a.fail(failure.Final, failure.IntegrationScope, "list_endless", detail, outbound.Response{})
}

// said reads what an answer says besides its status.
func (a *answers) said(answer outbound.Response) problem.Problem {
	return problem.Read(answer, a.clean)
}

// trusted is the error for an answer that is given to nobody, or an answer of
// success that is not MantisBT's own. Other answers are left to the caller.
func (a *answers) trusted(answer outbound.Response) error {
	switch {
	case nobody(answer.Header) && answer.Status < 500:
		return a.rejected(answer)
	case answer.Status < 300 && !problem.IsJSON(problem.MediaType(answer)):
		return a.unreadable("MantisBT's answer is not JSON", answer)
	}

	return nil
}

// unnumbered is for a link without the number of an issue: nothing is sent.
func (a *answers) unnumbered() *failure.Error {
	return a.fail(failure.Final, failure.ItemScope, "remote_unknown", "the link does not hold the number of an issue", outbound.Response{})
}

// unread is for a page that is too large to be read. That is no refusal.
func unread(err error) error {
	var e *failure.Error
	if errors.As(err, &e) && e.Code == "answer_too_large" {
		e.Class = failure.Retryable
		e.Scope = failure.IntegrationScope
	}
	return err
}

// noList is for half a list, which must not pass for a whole one: an issue not
// found is made again.
func (a *answers) noList(answer outbound.Response) *failure.Error {
	if paging.Partial(answer.StreamError) {
		return a.fail(failure.Retryable, failure.IntegrationScope, paging.Code(answer.StreamError), "MantisBT's answer is not a whole list of issues: "+shown(answer, a.said(answer)), answer)
	}

	if refusal, ok := faultIn(answer); ok {
		return a.refused(http.MethodGet, refusal)
	}

	return a.unreadable("MantisBT's answer is not a list of issues", answer)
}

// moves is for a list in which a place cannot be found again.
func (a *answers) moves() *failure.Error {
	return a.fail(failure.Retryable, failure.IntegrationScope, "list_moves", "the list of issues changes faster than it can be read", outbound.Response{})
}
