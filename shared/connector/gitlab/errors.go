package gitlab

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/outbound"
)

// untoldWait is how long GitLab is left alone at least when it does not say
// how long: its application limits count by the minute.
const untoldWait = time.Minute

// refused says what an answer without success means. Refusals of a write belong
// to writeRefused, refusals about one issue to issueRefused.
func (c *Connector) refused(method string, answer outbound.Response) *failure.Error {
	if answer.Success() {
		return c.foreign(method, answer)
	}

	said := answers.Read(answer, c.client.Clean)
	if answer.Status == http.StatusTooManyRequests {
		e := c.fail(failure.Retryable, failure.IntegrationScope, "rate_limited", said.Reason(""), answer)
		e.Wait, e.NoRetryAfter = c.limit(answer.Header, said)
		return e
	}

	class := outbound.Classify(method, answer.Status, answer.Header)
	switch {
	case answer.Status >= 300 && answer.Status < 400:
		return c.fail(class, failure.IntegrationScope, "target_moved", "the server sends on to another address: the project was renamed or moved, or base_url is not GitLab's own", answer)
	case class == failure.Ambiguous:
		return c.fail(class, failure.ItemScope, "no_answer", said.Reason(""), answer)
	case class == failure.Retryable:
		e := c.fail(class, failure.IntegrationScope, "provider_unavailable", said.Reason(""), answer)
		e.Wait, _ = outbound.RetryAfter(answer.Header, c.now())
		return e
	case method == http.MethodGet:
		return c.readRefused(answer, said)
	}

	return c.rejected(method, answer, said)
}

// readRefused is for a refusal of a read. It concerns the project. One that is
// not GitLab's own is an outage.
func (c *Connector) readRefused(answer outbound.Response, said answers.Problem) *failure.Error {
	if said.Foreign(answer, false) {
		return c.intercepted(answer, said)
	}

	return c.readVerdict(answer, said)
}

// readVerdict is what the status of a refused read says about the project.
func (c *Connector) readVerdict(answer outbound.Response, said answers.Problem) *failure.Error {
	scope := failure.IntegrationScope
	code := ""
	detail := ""
	switch answer.Status {
	case http.StatusUnauthorized:
		code = "credentials_rejected"
	case http.StatusForbidden:
		code = "forbidden"
		if said.Member("error") == "insufficient_scope" {
			detail = noScope
		}

	case http.StatusNotFound:
		code = "target_not_found"
		detail = noProject
	default:
		scope = failure.ItemScope
		code = "rejected"
	}

	return c.fail(failure.Final, scope, code, said.Reason(detail), answer)
}

// rejected is for a refusal of a write. It concerns one item, unless the table
// says that it concerns all.
func (c *Connector) rejected(method string, answer outbound.Response, said answers.Problem) *failure.Error {
	if row, ok := answers.FindRefusal(refusals, method, answer, said, said.Member("error")); ok {
		return c.fail(failure.Final, failure.IntegrationScope, row.Means, said.Reason(row.Detail), answer)
	}

	code := "rejected"
	detail := ""
	switch {
	case answer.Status == http.StatusForbidden && said.JSON:
		code = "forbidden"
	case said.Member("needs_captcha_response") == "true":
		code = "captcha_required"
		detail = "GitLab takes the issue for spam and wants a person to solve a captcha"
	}

	return c.fail(failure.Final, failure.ItemScope, code, said.Reason(detail), answer)
}

// limit gives the wait a 429 asks for, in its header or its body, and whether
// GitLab left it to us: only the limits in front of it tell, those of the
// application do not.
func (c *Connector) limit(header http.Header, said answers.Problem) (wait time.Duration, untold bool) {
	if wait, ok := outbound.RetryAfter(header, c.now()); ok {
		return max(wait, time.Second), false
	}

	at, err := strconv.ParseInt(strings.TrimSpace(header.Get("Ratelimit-Reset")), 10, 64)
	if err != nil || at <= 0 || at > 1<<40 || strings.TrimSpace(header.Get("Ratelimit-Remaining")) != "0" {
		if said.WaitTold {
			return max(said.Wait, time.Second), false
		}
		return untoldWait, true
	}

	return outbound.Until(time.Unix(at, 0), header, c.now()), false
}

// state is what we read of a project.
type state struct {
	ID            int64  `json:"id"`
	Path          string `json:"path_with_namespace"`
	Archived      bool   `json:"archived"`
	IssuesEnabled *bool  `json:"issues_enabled"`
	IssuesAccess  string `json:"issues_access_level"`
	Permissions   struct {
		Project *access `json:"project_access"`
		Group   *access `json:"group_access"`
	} `json:"permissions"`
}

// access is a role, as a number that grows with its rights.
type access struct {
	Level int `json:"access_level"`
}

func (s state) issuesOff() bool {
	return s.IssuesAccess == "disabled" || s.IssuesEnabled != nil && !*s.IssuesEnabled
}

// look asks once how the project stands.
func (c *Connector) look(ctx context.Context) (state, outbound.Response, error) {
	answer, err := c.client.Do(ctx, outbound.Request{Method: http.MethodGet, URL: c.project(), Header: c.header()})
	s, err := stateOf(answer, err)
	return s, answer, err
}

// stateOf reads a project out of the answer to a read of it.
func stateOf(answer outbound.Response, err error) (state, error) {
	var s state
	if err == nil && answer.Status == http.StatusOK {
		if err = json.Unmarshal(answer.Body, &s); err == nil && s.ID <= 0 {
			err = errors.New("no project")
		}
	}

	return s, err
}

// writeRefused is refused for a write. Whether 403 means the token's rights or
// the project's settings is asked with one read.
func (c *Connector) writeRefused(ctx context.Context, method string, answer outbound.Response) *failure.Error {
	e := c.refused(method, answer)
	own := answers.Read(answer, c.client.Clean).JSON
	if answer.Status != http.StatusForbidden || e.Scope == failure.IntegrationScope || !own {
		return e
	}

	s, probe, err := c.look(ctx)
	switch {
	case err != nil || probe.Status != http.StatusOK:
	case s.issuesOff():
		return c.fail(failure.Final, failure.IntegrationScope, "issues_disabled", "the project has issues turned off", answer)
	case s.Archived:
		return c.fail(failure.Final, failure.IntegrationScope, "forbidden", "the project is archived: its issues can only be read", answer)
	}

	return e
}

// issueRefused is refused for a change of one issue. Whether 404 means the
// issue or the whole project is asked with one read.
func (c *Connector) issueRefused(ctx context.Context, answer outbound.Response) *failure.Error {
	// A page of a proxy does not say that the issue was deleted.
	own := answers.Read(answer, c.client.Clean).JSON
	if answer.Status != http.StatusNotFound && answer.Status != http.StatusGone || !own {
		return c.writeRefused(ctx, http.MethodPut, answer)
	}

	s, probe, err := c.look(ctx)
	switch {
	case err != nil:
		return c.undecided(answer)
	case probe.Status != http.StatusOK:
		return c.refused(http.MethodGet, probe)
	case s.issuesOff():
		return c.fail(failure.Final, failure.IntegrationScope, "issues_disabled", "the project has issues turned off", answer)
	}

	return c.fail(failure.Final, failure.ItemScope, "remote_deleted", "the project is there, but the issue was deleted, or the token may not see it", answer)
}

// undecided is for a refusal whose reach could not be found out: nothing
// happened, ask again.
func (c *Connector) undecided(answer outbound.Response) *failure.Error {
	return c.fail(failure.Retryable, failure.IntegrationScope, "provider_unavailable", "whether the issue or the project is gone could not be found out", answer)
}

// issueUnread is for a read of one issue that is refused. A 403 is about this
// issue alone if the project can be read.
func (c *Connector) issueUnread(ctx context.Context, answer outbound.Response) *failure.Error {
	gone := answer.Status == http.StatusNotFound || answer.Status == http.StatusGone
	foreign := answers.Read(answer, c.client.Clean).Foreign(answer, false)
	if gone && !foreign {
		return c.issueRefused(ctx, answer)
	}

	e := c.refused(http.MethodGet, answer)
	if answer.Status != http.StatusForbidden || e.Class != failure.Final {
		return e
	}

	_, probe, err := c.look(ctx)
	if err != nil {
		return c.undecided(answer)
	}
	if probe.Status != http.StatusOK {
		return c.refused(http.MethodGet, probe)
	}

	e.Scope = failure.ItemScope

	return e
}

// intercepted is for a foreign answer in place of the answer to a read.
func (c *Connector) intercepted(answer outbound.Response, said answers.Problem) *failure.Error {
	code, detail := said.Intercepted("GitLab")
	e := c.fail(failure.Retryable, failure.IntegrationScope, code, detail, answer)
	e.Wait, _ = outbound.RetryAfter(answer.Header, c.now())

	return e
}

func (c *Connector) fail(class failure.Class, scope failure.Scope, code, detail string, answer outbound.Response) *failure.Error {
	return &failure.Error{
		Class: class, Scope: scope, Code: code, Detail: c.client.Clean(detail), Status: answer.Status,
		RequestID: c.client.Clean(cmp.Or(answer.Header.Get("X-Request-Id"), answer.Header.Get("Cf-Ray"))),
	}
}
