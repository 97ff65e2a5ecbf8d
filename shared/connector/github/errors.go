package github

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/outbound"
)

// secondaryWait is how long GitHub wants to be left alone at least when it
// does not say how long.
const secondaryWait = time.Minute

// refused says what an answer without success means. Refusals of one issue
// belong to issueRefused.
func (c *Connector) refused(method string, answer outbound.Response) *failure.Error {
	if answer.Success() {
		return c.foreign(method, answer)
	}

	said := answers.Read(answer, c.client.Clean)
	if wait, told, limited := c.limit(answer, said); limited {
		e := c.fail(failure.Retryable, failure.IntegrationScope, "rate_limited", said.Reason(""), answer)
		e.Wait = wait
		e.NoRetryAfter = !told
		return e
	}

	class := outbound.Classify(method, answer.Status, answer.Header)
	switch {
	case answer.Status >= 300 && answer.Status < 400:
		return c.fail(class, failure.IntegrationScope, "target_moved", "the repository was renamed or moved meanwhile, or base_url is not the address of GitHub's API", answer)
	case class == failure.Ambiguous:
		return c.fail(class, failure.ItemScope, "no_answer", said.Reason(""), answer)
	case class == failure.Retryable:
		e := c.fail(class, failure.IntegrationScope, "provider_unavailable", said.Reason(""), answer)
		e.Wait, _ = outbound.RetryAfter(answer.Header, c.now())
		return e
	case method == http.MethodGet:
		return c.readRefused(answer, said)
	}

	return c.writeRefused(method, answer, said)
}

// readRefused is for a refusal of a read. It concerns the repository. One that is
// not GitHub's own is an outage.
func (c *Connector) readRefused(answer outbound.Response, said answers.Problem) *failure.Error {
	if said.Foreign(answer, false) {
		return c.intercepted(answer, said)
	}

	return c.readVerdict(answer, said)
}

// readVerdict is what the status of a refused read says about the repository.
func (c *Connector) readVerdict(answer outbound.Response, said answers.Problem) *failure.Error {
	scope := failure.IntegrationScope
	code := ""
	detail := ""
	switch answer.Status {
	case http.StatusUnauthorized:
		code = "credentials_rejected"
	case http.StatusForbidden, http.StatusUnavailableForLegalReasons:
		code = "forbidden"
	case http.StatusNotFound:
		code = "target_not_found"
		detail = noRepository
	case http.StatusGone:
		code = "issues_disabled"
	default:
		scope = failure.ItemScope
		code = "rejected"
	}

	return c.fail(failure.Final, scope, code, said.Reason(detail), answer)
}

// writeRefused is for a refusal of a write. It concerns one item, unless the
// table says that it concerns all.
func (c *Connector) writeRefused(method string, answer outbound.Response, said answers.Problem) *failure.Error {
	if row, ok := answers.FindRefusal(refusals, method, answer, said, ""); ok {
		return c.fail(failure.Final, failure.IntegrationScope, row.Means, said.Reason(row.Detail), answer)
	}

	code := "rejected"
	if answer.Status == http.StatusForbidden && said.JSON {
		code = "forbidden"
	}

	return c.fail(failure.Final, failure.ItemScope, code, said.Reason(""), answer)
}

// limit gives the wait if an answer is a rate limit, in GitHub's order of
// rules, and whether GitHub told it. A 403 is one only if headers or message
// say so, a 422 only if the message does
// (https://github.com/cli/cli/issues/4801#issuecomment-1029207971).
func (c *Connector) limit(answer outbound.Response, said answers.Problem) (wait time.Duration, told, limited bool) {
	if answer.Status == http.StatusUnprocessableEntity && said.Says("was submitted too quickly") {
		return secondaryWait, false, true
	}
	if answer.Status != http.StatusForbidden && answer.Status != http.StatusTooManyRequests {
		return 0, false, false
	}

	if wait, ok := outbound.RetryAfter(answer.Header, c.now()); ok {
		return max(wait, time.Second), true, true
	}

	if strings.TrimSpace(answer.Header.Get("X-Ratelimit-Remaining")) == "0" {
		if wait, ok := c.untilReset(answer.Header); ok {
			return wait, true, true
		}
		return secondaryWait, false, true
	}

	limited = answer.Status == http.StatusTooManyRequests || said.JSON && (said.Says("rate limit") || said.Says("abuse detection"))
	if limited && said.WaitTold {
		return max(said.Wait, time.Second), true, true
	}

	return secondaryWait, false, limited
}

func (c *Connector) untilReset(header http.Header) (time.Duration, bool) {
	at, err := strconv.ParseInt(strings.TrimSpace(header.Get("X-Ratelimit-Reset")), 10, 64)
	if err != nil || at <= 0 || at > 1<<40 {
		return 0, false
	}
	return outbound.Until(time.Unix(at, 0), header, c.now()), true
}

// issueRefused is refused for a request about one issue. Whether 404, 410 or a
// redirect means the issue or the whole repository is asked with one read.
func (c *Connector) issueRefused(ctx context.Context, method string, answer outbound.Response) *failure.Error {
	moved := answer.Status >= 300 && answer.Status < 400
	if answer.Status != http.StatusNotFound && answer.Status != http.StatusGone && !moved {
		return c.refused(method, answer)
	}

	if !moved && !answers.Read(answer, c.client.Clean).JSON {
		// A page of a proxy does not say that the issue was deleted.
		return c.refused(method, answer)
	}

	probe, err := c.look(ctx)
	if err != nil {
		return c.undecided(answer)
	}
	if probe.Status != http.StatusOK {
		return c.refused(http.MethodGet, probe)
	}

	var r repository
	if err := json.Unmarshal(probe.Body, &r); err != nil {
		return c.undecided(answer)
	}

	_, id := c.used()
	switch {
	case id != 0 && r.ID != 0 && r.ID != id:
		return c.fail(failure.Final, failure.IntegrationScope, "target_moved", "another repository has the name now", answer)
	case r.HasIssues != nil && !*r.HasIssues:
		return c.fail(failure.Final, failure.IntegrationScope, "issues_disabled", "the repository has issues turned off", answer)
	case moved:
		return c.moved(answer)
	}

	return c.fail(failure.Final, failure.ItemScope, "remote_deleted", "the repository is there, but the issue was deleted", answer)
}

// undecided is for a refusal whose reach could not be found out: nothing
// happened, ask again.
func (c *Connector) undecided(answer outbound.Response) *failure.Error {
	return c.fail(failure.Retryable, failure.IntegrationScope, "provider_unavailable", "whether the issue or the repository is gone could not be found out", answer)
}

// issueUnread is for a read of one issue that is refused. A 403 is about this
// issue alone if the repository can be read.
func (c *Connector) issueUnread(ctx context.Context, answer outbound.Response) *failure.Error {
	e := c.issueRefused(ctx, http.MethodGet, answer)
	if answer.Status != http.StatusForbidden || e.Class != failure.Final {
		return e
	}

	probe, err := c.look(ctx)
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
	code, detail := said.Intercepted("GitHub")
	e := c.fail(failure.Retryable, failure.IntegrationScope, code, detail, answer)
	e.Wait, _ = outbound.RetryAfter(answer.Header, c.now())

	return e
}

func (c *Connector) fail(class failure.Class, scope failure.Scope, code, detail string, answer outbound.Response) *failure.Error {
	return &failure.Error{
		Class: class, Scope: scope, Code: code, Detail: c.client.Clean(detail), Status: answer.Status,
		RequestID: c.client.Clean(answer.Header.Get("X-Github-Request-Id")),
	}
}
