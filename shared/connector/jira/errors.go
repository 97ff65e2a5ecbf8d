package jira

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// unknownWait is the wait after a rate limit that does not say how long it
// lasts. Jira counts bursts by the second.
const unknownWait = 10 * time.Second

// A classifier turns each answer of Jira that is not what was asked for into an
// error. It sends no request; what needs one more read is in probe.
type classifier struct {
	clean     func(string) string // removes secrets from a text
	now       func() time.Time
	hint      string // what may be wrong with rejected credentials
	issueType string // of new issues, as the configuration names it
}

// said reads what an answer says besides its status.
func (a *classifier) said(answer outbound.Response) answers.Problem {
	return answers.Read(answer, a.clean)
}

// trusted is the error for an answer of success that is not Jira's own, or that
// Jira gave without a log-in: then many lists are empty. It is nil for all other
// answers.
func (a *classifier) trusted(answer outbound.Response) error {
	if answer.Status >= 300 {
		return nil
	}

	if anonymous(answer.Header) {
		if e := a.inTable(http.MethodGet, answer, a.said(answer), ""); e != nil {
			return e
		}
	}

	if !answers.IsJSON(answers.MediaType(answer)) {
		return a.unreadable("Jira's answer is not JSON", answer)
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

const (
	noProject = "the project does not exist, or the token may not see it"
	sentOn    = "Jira redirects to another address: change base_url"
)

// readRefused is the error for a refused read. Nothing can go on without reads,
// so the error concerns the integration. A refusal that is not Jira's own is an
// outage.
func (a *classifier) readRefused(answer outbound.Response, said answers.Problem) *failure.Error {
	class := outbound.Classify(http.MethodGet, answer.Status, answer.Header)
	scope := failure.IntegrationScope
	code := ""
	detail := ""
	switch {
	case answer.Status < 300:
		return a.unreadable("Jira's answer is not what was asked for", answer)
	case foreign(answer, said):
		return a.intercepted(answer, said)
	case answer.Status == http.StatusForbidden:
		code = "forbidden"
	case answer.Status == http.StatusNotFound:
		code = "target_not_found"
		detail = noProject
	case answer.Status < 400:
		code = "target_moved"
		detail = sentOn
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
		detail = "Jira redirects this request to another address"
	case answer.Status == http.StatusForbidden && !said.Markup:
		code = "forbidden"
	case answer.Status == http.StatusConflict:
		code = "conflict"
	}

	return a.timed(a.fail(class, scope, code, said.Reason(detail), answer), answer)
}

// timed gives an error that may be tried again the wait that the answer asks for.
func (a *classifier) timed(e *failure.Error, answer outbound.Response) *failure.Error {
	if e.Class == failure.Retryable {
		e.Wait, _ = outbound.RetryAfter(answer.Header, a.now())
	}

	return e
}

// limited is the error for an exceeded rate limit. One of Jira's limits counts
// the writes to a single issue.
func (a *classifier) limited(answer outbound.Response, said answers.Problem) *failure.Error {
	reason := answer.Header.Get("Ratelimit-Reason")
	e := a.fail(failure.Retryable, failure.IntegrationScope, "rate_limited", said.Reason(reason), answer)
	if reason == "jira-per-issue-on-write" {
		e.Scope = failure.ItemScope
		e.Code = "issue_rate_limited"
	}

	wait, known := a.wait(answer.Header)
	if !known && said.WaitStated {
		wait = said.Wait
		known = true
	}

	e.Wait = wait
	e.NoRetryAfter = !known

	return e
}

// wait reads how long a rate limit lasts from the headers. If they do not say
// so, known is false.
func (a *classifier) wait(h http.Header) (wait time.Duration, known bool) {
	if after, ok := outbound.RetryAfter(h, a.now()); ok {
		return max(after, time.Second), true
	}

	// At other providers the header X-Ratelimit-Reset has seconds since 1970. Jira
	// writes a date.
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05.999-0700"} {
		at, err := time.Parse(layout, strings.TrimSpace(h.Get("X-Ratelimit-Reset")))
		if err == nil {
			return outbound.Until(at, h, a.now()), true
		}
	}

	// A Data Center refills its tokens once in an interval.
	n, err := strconv.Atoi(strings.TrimSpace(h.Get("X-Ratelimit-Interval-Seconds")))
	if err == nil && n > 0 && n <= 3600 {
		return time.Duration(n) * time.Second, true
	}

	return unknownWait, false
}

// partial is the error for a streamed answer that broke off, or is not what was
// asked for.
func (a *classifier) partial(what string, answer outbound.Response) *failure.Error {
	if paging.Partial(answer.StreamError) {
		detail := what + ": " + shown(answer, a.said(answer))
		return a.fail(failure.Retryable, failure.IntegrationScope, paging.Code(answer.StreamError), detail, answer)
	}

	return a.unreadable(what, answer)
}

// noList is the error for an incomplete list. It must never count as a whole one:
// an issue that is not found is created again.
func (a *classifier) noList(answer outbound.Response) *failure.Error {
	return a.partial("Jira's answer is not a list of issues", answer)
}

func (a *classifier) noIssue(answer outbound.Response) *failure.Error {
	return a.unreadable("Jira's answer is not an issue", answer)
}

// endless is the error for a list that is longer than any that is read.
func (a *classifier) endless() *failure.Error {
	return a.amiss("list_endless", "the list of issues does not end")
}

// unnumbered is the error for a link without the id of an issue. No request is
// sent for it.
func (a *classifier) unnumbered() *failure.Error {
	return a.fail(failure.Final, failure.ItemScope, "remote_unknown", "the link does not hold the id of an issue", outbound.Response{})
}

// noTransition is the error for a state that no transition leads to. Asked are
// the required fields of the transitions that would lead there.
func (a *classifier) noTransition(want domain.ItemState, asked []string) *failure.Error {
	detail := "the workflow has no transition from the issue's status to one of the category done"
	if want != domain.Closed {
		detail = "the workflow has no transition from the issue's status to one that is not done"
	}

	if len(asked) > 0 {
		detail = "every transition there has required fields that items do not fill in: " + strings.Join(asked, ", ")
	}

	return a.fail(failure.Final, failure.ItemScope, cannot(want), detail, outbound.Response{})
}

// undecided is the error for a refusal where it could not be found out whether
// it concerns one issue or the project. Nothing was changed: try again.
func (a *classifier) undecided(answer outbound.Response, said answers.Problem) *failure.Error {
	return a.fail(failure.Retryable, failure.IntegrationScope, "provider_unavailable",
		said.Reason("whether this concerns one issue or the project could not be found out"), answer)
}

// amiss is the error for what is wrong with the project, with no refused request.
func (a *classifier) amiss(code, detail string) *failure.Error {
	return a.fail(failure.Final, failure.IntegrationScope, code, detail, outbound.Response{})
}

func (a *classifier) fail(class failure.Class, scope failure.Scope, code, detail string, answer outbound.Response) *failure.Error {
	id := cmp.Or(answer.Header.Get("Atl-Traceid"), answer.Header.Get("X-Arequestid"), answer.Header.Get("X-Request-Id"))

	return &failure.Error{
		Class: class, Scope: scope, Code: code, Detail: a.clean(detail), Status: answer.Status, RequestID: a.clean(id),
	}
}

// tooLarge makes an answer about the project that is too large to be read an
// outage: the next answer may be smaller.
func tooLarge(err error) error {
	var e *failure.Error
	if errors.As(err, &e) && e.Code == "answer_too_large" {
		e.Class = failure.Retryable
		e.Scope = failure.IntegrationScope
	}

	return err
}
