package mantisbt

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"integrations/shared/connector"
	"integrations/shared/outbound"
)

// spamWait is how long to wait at least when the server has taken as many
// issues of a reporter as it takes within an hour. It does not say how long.
const spamWait = 10 * time.Minute

// A problem is MantisBT's account of a refusal.
type problem struct {
	Message   string `json:"message"`
	Localized string `json:"localized"`
	Code      number `json:"code"`
}

// parseProblem reads as much of a refusal as is there. Many have no body and
// say why on the status line.
func parseProblem(answer outbound.Response) problem {
	var p problem
	if err := json.Unmarshal(answer.Body, &p); err != nil {
		// A member of another type leaves the others readable.
		var message struct {
			Message string `json:"message"`
		}
		_ = json.Unmarshal(answer.Body, &message)
		p = problem{Message: message.Message}
	}
	if p.Message == "" {
		p.Message = p.Localized
	}
	if p.Message == "" && answer.Reason != http.StatusText(answer.Status) {
		p.Message = answer.Reason
	}
	return p
}

func (p problem) says(word string) bool { return strings.Contains(strings.ToLower(p.Message), word) }

// with is a sentence of ours and what the server said.
func (p problem) with(sentence string) string {
	if p.Message == "" {
		return sentence
	}
	return sentence + ": " + p.Message
}

// refused says what an answer other than success means. What concerns a single
// issue is issueRefused's.
func (c *Connector) refused(method string, answer outbound.Response) *connector.Error {
	said := parseProblem(answer)
	class := outbound.Classify(method, answer.Status, answer.Header)
	scope, code, detail := connector.ItemScope, "rejected", said.Message
	switch {
	case answer.Status == http.StatusTooManyRequests:
		return c.limited(said, answer)
	case answer.Status == http.StatusUnauthorized:
		scope, code = connector.IntegrationScope, "credentials_rejected"
	case answer.Status == http.StatusForbidden:
		scope, code, detail = connector.IntegrationScope, "forbidden", said.with(roleFor(method))
	case said.says("category") && method == http.MethodPost && (answer.Status == http.StatusBadRequest || answer.Status == http.StatusNotFound):
		scope, code, detail = connector.IntegrationScope, "category_not_found", said.with("the project does not have the configured category")
	case answer.Status == http.StatusNotFound:
		scope, code, detail = connector.IntegrationScope, "target_not_found", said.with("the project does not exist, or the token's user may not see it")
	case answer.Status >= 300 && answer.Status < 400:
		scope, code, detail = connector.IntegrationScope, "target_moved", "the server sends callers of this address elsewhere: change base_url"
	case answer.Status == http.StatusServiceUnavailable && (said.says("offline") || said.says("api disabled")):
		// MantisBT itself said so before it did anything.
		class, scope, code = connector.Retryable, connector.IntegrationScope, "provider_unavailable"
	case class == connector.Ambiguous:
		code = "no_answer"
	case class == connector.Retryable:
		scope, code = connector.IntegrationScope, "provider_unavailable"
	}
	e := c.fail(class, scope, code, detail, answer)
	if class == connector.Retryable {
		e.Wait, _ = outbound.RetryAfter(answer.Header, c.now())
	}
	return e
}

// roleFor says what the token's user lacks.
func roleFor(method string) string {
	switch method {
	case http.MethodPost:
		return "the token's user may not report issues in this project: it needs the role reporter, better updater"
	case http.MethodPatch:
		return "the token's user may not change issues of this project, not even its own: it needs the role updater"
	}
	return "the token's user may not see this project"
}

// limited is for a server that wants to be left alone. MantisBT itself does so
// only to users whose role is the one of new accounts.
func (c *Connector) limited(said problem, answer outbound.Response) *connector.Error {
	wait, told := outbound.RetryAfter(answer.Header, c.now())
	if told {
		wait = max(wait, time.Second)
	} else {
		wait = spamWait
	}
	detail := said.Message
	if said.Code == 27 || said.says("rate limit") {
		detail = said.with("the server takes 10 new issues an hour from reporters: give the token's user the role updater")
	}
	e := c.fail(connector.Retryable, connector.IntegrationScope, "rate_limited", detail, answer)
	e.Wait, e.Untold = wait, !told
	return e
}

// issueRefused is refused for a request about one issue. Whether 403 or 404
// means the issue or the whole project is asked with one read.
func (c *Connector) issueRefused(ctx context.Context, method string, answer outbound.Response) *connector.Error {
	said := parseProblem(answer)
	switch {
	case answer.Status == http.StatusPreconditionFailed:
		// Nothing was changed: whoever asks again reads the issue again.
		return c.fail(connector.Retryable, connector.ItemScope, "changed_meanwhile", "the issue was changed at the same moment", answer)
	case answer.Status == http.StatusForbidden && said.says("readonly"):
		return c.fail(connector.Final, connector.ItemScope, "remote_readonly", said.with("closed issues are changed by managers only: give the token's user the role manager in the project"), answer)
	case answer.Status == http.StatusNotFound, answer.Status == http.StatusForbidden && method == http.MethodGet:
		return c.gone(ctx, answer)
	}
	return c.refused(method, answer)
}

// gone tells an issue that is gone from a project that is.
func (c *Connector) gone(ctx context.Context, answer outbound.Response) *connector.Error {
	p, err := c.find(ctx)
	if err != nil {
		return c.undecided(answer)
	}
	probe, err := c.list(ctx, p, 1, 1, "id")
	if err != nil {
		return c.undecided(answer)
	}
	if probe.Status != http.StatusOK {
		return c.refused(http.MethodGet, probe)
	}
	if answer.Status == http.StatusForbidden {
		return c.fail(connector.Final, connector.ItemScope, "remote_forbidden", "the token's user may see the project, but not this issue: it was moved or made private", answer)
	}
	return c.fail(connector.Final, connector.ItemScope, "remote_deleted", "the project is there, but the issue was deleted", answer)
}

// undecided is for a refusal whose reach could not be found out: nothing
// happened, ask again.
func (c *Connector) undecided(answer outbound.Response) *connector.Error {
	return c.fail(connector.Retryable, connector.IntegrationScope, "provider_unavailable", "whether the issue or the project is gone could not be found out", answer)
}

func (c *Connector) fail(class connector.Class, scope connector.Scope, code, detail string, answer outbound.Response) *connector.Error {
	return &connector.Error{
		Class: class, Scope: scope, Code: code, Detail: c.client.Clean(detail), Status: answer.Status,
		RequestID: c.client.Clean(answer.Header.Get("X-Request-Id")),
	}
}
