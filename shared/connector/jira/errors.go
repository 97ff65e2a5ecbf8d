package jira

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/connector/problem"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// untoldWait is the least to wait when Jira does not say how long: its bursts
// are counted by the second.
const untoldWait = 10 * time.Second

// An answers turns each answer of Jira that is not what was asked for into an
// error.
type answers struct {
	clean     func(string) string // takes the secrets out of a text
	now       func() time.Time
	hint      string // what may be wrong with rejected credentials
	issueType string // of new issues, as the configuration names it
}

// refused says what an answer means that is not what was asked for. What a
// second look decides is in createRefused, editRefused and issueRefused.
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
// integration scope. One that is not Jira's own is an outage.
func (a *answers) readRefused(answer outbound.Response, said problem.Problem) *failure.Error {
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

	e := a.fail(class, scope, code, said.Reason(detail), answer)
	if class == failure.Retryable {
		e.Wait, _ = outbound.RetryAfter(answer.Header, a.now())
	}

	return e
}

const noProject = "the project does not exist, or the token may not see it"

const sentOn = "Jira sends on to another address: change base_url"

// writeRefused is for writes that were refused for a reason that is not known to
// concern the whole project: the item fails.
func (a *answers) writeRefused(method string, answer outbound.Response, said problem.Problem) *failure.Error {
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
		detail = "Jira sends this request on to another address"
	case answer.Status == http.StatusForbidden && !said.Markup:
		code = "forbidden"
	case answer.Status == http.StatusConflict:
		code = "conflict"
	}

	e := a.fail(class, scope, code, said.Reason(detail), answer)
	if class == failure.Retryable {
		e.Wait, _ = outbound.RetryAfter(answer.Header, a.now())
	}

	return e
}

// limited says how long Jira wants to be left alone, and by whom: one of its
// limits is about a single issue.
func (a *answers) limited(answer outbound.Response, said problem.Problem) *failure.Error {
	reason := answer.Header.Get("Ratelimit-Reason")
	e := a.fail(failure.Retryable, failure.IntegrationScope, "rate_limited", said.Reason(reason), answer)
	if reason == "jira-per-issue-on-write" {
		e.Scope = failure.ItemScope
		e.Code = "issue_rate_limited"
	}

	wait, told := a.wait(answer.Header)
	if !told && said.WaitTold {
		wait = said.Wait
		told = true
	}

	e.Wait = wait
	e.NoRetryAfter = !told

	return e
}

func (a *answers) wait(h http.Header) (time.Duration, bool) {
	if wait, ok := outbound.RetryAfter(h, a.now()); ok {
		return max(wait, time.Second), true
	}

	// Not seconds since 1970, as elsewhere.
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05.999-0700"} {
		at, err := time.Parse(layout, strings.TrimSpace(h.Get("X-Ratelimit-Reset")))
		if err == nil {
			return outbound.Until(at, h, a.now()), true
		}
	}

	// Data Center: so many tokens are filled in at every interval.
	n, err := strconv.Atoi(strings.TrimSpace(h.Get("X-Ratelimit-Interval-Seconds")))
	if err == nil && n > 0 && n <= 3600 {
		return time.Duration(n) * time.Second, true
	}

	return untoldWait, false
}

// undecided is for a refusal whose reach could not be found out: nothing
// happened, ask again.
func (a *answers) undecided(answer outbound.Response, said problem.Problem) *failure.Error {
	return a.fail(failure.Retryable, failure.IntegrationScope, "provider_unavailable",
		said.Reason("whether this concerns one issue or the project could not be found out"), answer)
}

func (a *answers) fail(class failure.Class, scope failure.Scope, code, detail string, answer outbound.Response) *failure.Error {
	id := cmp.Or(answer.Header.Get("Atl-Traceid"), answer.Header.Get("X-Arequestid"), answer.Header.Get("X-Request-Id"))
	return &failure.Error{
		Class: class, Scope: scope, Code: code, Detail: a.clean(detail), Status: answer.Status, RequestID: a.clean(id),
	}
}

func (a *answers) noWay(want domain.ItemState, asked []string) *failure.Error {
	detail := "the workflow has no transition from the issue's status to one of the category done"
	if want != domain.Closed {
		detail = "the workflow has no transition from the issue's status to one that is not done"
	}

	if len(asked) > 0 {
		detail = "every transition there asks for what only a person can fill in: " + strings.Join(asked, ", ")
	}

	return &failure.Error{Class: failure.Final, Scope: failure.ItemScope, Code: cannot(want), Detail: a.clean(detail)}
}

// noList is for half a list, which must not pass for a whole one: an issue not
// found is made again.
func (a *answers) noList(answer outbound.Response) *failure.Error {
	return a.partial("Jira's answer is not a list of issues", answer)
}

// noPage is for a streamed answer that is not what was asked for, or only a part
// of it.
func (a *answers) partial(what string, answer outbound.Response) *failure.Error {
	if paging.Partial(answer.StreamError) {
		return a.fail(failure.Retryable, failure.IntegrationScope, paging.Code(answer.StreamError), what+": "+shown(answer, a.said(answer)), answer)
	}
	return a.unreadable(what, answer)
}

// endless is for a list longer than any that is walked through.
func (a *answers) endless() *failure.Error {
	return a.fail(failure.Final, failure.IntegrationScope, "list_endless", "the list of issues does not end", outbound.Response{})
}

// tooLarge is for an answer about the project that is too large to be read. It is
// no refusal: the next attempt may meet a smaller one.
func tooLarge(err error) error {
	var e *failure.Error
	if errors.As(err, &e) && e.Code == "answer_too_large" {
		e.Class = failure.Retryable
		e.Scope = failure.IntegrationScope
	}
	return err
}

// said reads what an answer says besides its status.
func (a *answers) said(answer outbound.Response) problem.Problem {
	return problem.Read(answer, a.clean)
}

func (a *answers) noIssue(answer outbound.Response) *failure.Error {
	return a.unreadable("Jira's answer is not an issue", answer)
}

// trusted is the error for an answer of success that is not Jira's own, or is
// given to nobody. Other answers are left to the caller.
func (a *answers) trusted(answer outbound.Response) error {
	if answer.Status >= 300 {
		return nil
	}

	if nobody(answer.Header) {
		if e := a.verdict(http.MethodGet, answer, a.said(answer), ""); e != nil {
			return e
		}
	}

	if !problem.IsJSON(problem.MediaType(answer)) {
		return a.unreadable("Jira's answer is not JSON", answer)
	}

	return nil
}

// unnumbered is for a link without the id of an issue: nothing is sent.
func (a *answers) unnumbered() *failure.Error {
	return a.fail(failure.Final, failure.ItemScope, "remote_unknown", "the link does not hold the id of an issue", outbound.Response{})
}

// amiss is what is wrong with a project that answered.
func (a *answers) amiss(code, detail string) error {
	return a.fail(failure.Final, failure.IntegrationScope, code, detail, outbound.Response{})
}
