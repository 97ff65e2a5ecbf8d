package jira

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/outbound"
)

// untoldWait is the least to wait when Jira does not say how long: its bursts
// are counted by the second.
const untoldWait = 10 * time.Second

// refused says what an answer means that is not what was asked for. What a
// second look decides is in createRefused, editRefused and issueRefused.
func (c *Connector) refused(method string, answer outbound.Response) *failure.Error {
	said := c.said(answer)
	if e := c.settled(method, answer, said); e != nil {
		return e
	}

	if method == http.MethodGet {
		e := c.readRefused(answer, said)
		e.Scope = failure.IntegrationScope // it asks for no single issue
		return e
	}

	return c.writeRefused(method, answer, said)
}

// readRefused is for reads: without them nothing goes on, so a refusal is of
// integration scope. One that is not Jira's own is an outage.
func (c *Connector) readRefused(answer outbound.Response, said answers.Problem) *failure.Error {
	class := outbound.Classify(http.MethodGet, answer.Status, answer.Header)
	scope := failure.IntegrationScope
	code := ""
	detail := ""
	switch {
	case answer.Status < 300:
		return c.unreadable("Jira's answer is not what was asked for", answer)
	case foreign(answer, said):
		return c.intercepted(answer, said)
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

	e := c.fail(class, scope, code, said.Reason(detail), answer)
	if class == failure.Retryable {
		e.Wait, _ = outbound.RetryAfter(answer.Header, c.now())
	}

	return e
}

const noProject = "the project does not exist, or the token may not see it"

const sentOn = "Jira sends on to another address: change base_url"

// writeRefused is for writes that were refused for a reason that is not known to
// concern the whole project: the item fails.
func (c *Connector) writeRefused(method string, answer outbound.Response, said answers.Problem) *failure.Error {
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

	e := c.fail(class, scope, code, said.Reason(detail), answer)
	if class == failure.Retryable {
		e.Wait, _ = outbound.RetryAfter(answer.Header, c.now())
	}

	return e
}

// limited says how long Jira wants to be left alone, and by whom: one of its
// limits is about a single issue.
func (c *Connector) limited(answer outbound.Response, said answers.Problem) *failure.Error {
	reason := answer.Header.Get("Ratelimit-Reason")
	e := c.fail(failure.Retryable, failure.IntegrationScope, "rate_limited", said.Reason(reason), answer)
	if reason == "jira-per-issue-on-write" {
		e.Scope = failure.ItemScope
		e.Code = "issue_rate_limited"
	}

	wait, told := c.wait(answer.Header)
	if !told && said.WaitTold {
		wait = said.Wait
		told = true
	}

	e.Wait = wait
	e.NoRetryAfter = !told

	return e
}

func (c *Connector) wait(h http.Header) (time.Duration, bool) {
	if wait, ok := outbound.RetryAfter(h, c.now()); ok {
		return max(wait, time.Second), true
	}

	// Not seconds since 1970, as elsewhere.
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04:05.999-0700"} {
		at, err := time.Parse(layout, strings.TrimSpace(h.Get("X-Ratelimit-Reset")))
		if err == nil {
			return outbound.Until(at, h, c.now()), true
		}
	}

	// Data Center: so many tokens are filled in at every interval.
	n, err := strconv.Atoi(strings.TrimSpace(h.Get("X-Ratelimit-Interval-Seconds")))
	if err == nil && n > 0 && n <= 3600 {
		return time.Duration(n) * time.Second, true
	}

	return untoldWait, false
}

// issueRefused is refused for a request about one issue. Whether 403 or 404
// mean the issue or the project is asked with one read.
func (c *Connector) issueRefused(ctx context.Context, method string, answer outbound.Response) *failure.Error {
	said := c.said(answer)
	reads := method == http.MethodGet
	if e := c.settled(method, answer, said); e != nil {
		return e
	}

	page := said.Markup && answer.Status == http.StatusNotFound // of one issue Jira says so in JSON
	if reads && (page || foreign(answer, said)) {
		return c.intercepted(answer, said)
	}

	if e := c.whole(ctx, method, answer, said, edit, transit); e != nil {
		return e
	}

	switch {
	case answer.Status == http.StatusNotFound && !said.Markup:
		return c.fail(failure.Final, failure.ItemScope, "remote_deleted",
			said.Reason("the project is there, but the issue was deleted or moved to where the token may not see it"), answer)
	case answer.Status == http.StatusForbidden && !said.Markup:
		return c.fail(failure.Final, failure.ItemScope, "forbidden", said.Reason("the token may not change this issue"), answer)
	case reads:
		return c.readRefused(answer, said)
	}

	return c.writeRefused(method, answer, said)
}

// undecided is for a refusal whose reach could not be found out: nothing
// happened, ask again.
func (c *Connector) undecided(answer outbound.Response, said answers.Problem) *failure.Error {
	return c.fail(failure.Retryable, failure.IntegrationScope, "provider_unavailable",
		said.Reason("whether this concerns one issue or the project could not be found out"), answer)
}

func (c *Connector) fail(class failure.Class, scope failure.Scope, code, detail string, answer outbound.Response) *failure.Error {
	id := cmp.Or(answer.Header.Get("Atl-Traceid"), answer.Header.Get("X-Arequestid"), answer.Header.Get("X-Request-Id"))
	return &failure.Error{
		Class: class, Scope: scope, Code: code, Detail: c.client.Clean(detail), Status: answer.Status, RequestID: c.client.Clean(id),
	}
}
