package github

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"integrations/shared/connector"
	"integrations/shared/outbound"
)

// secondaryWait is how long GitHub wants to be left alone at least when it
// does not say how long.
const secondaryWait = time.Minute

// A problem is GitHub's account of a refusal.
type problem struct {
	Message string            `json:"message"`
	Errors  []json.RawMessage `json:"errors"`
}

// parseProblem reads as much of a refusal as is there: bodies may be cut, HTML
// or nothing at all.
func parseProblem(body []byte) problem {
	var p problem
	if err := json.Unmarshal(body, &p); err != nil {
		// A member of another type leaves the others readable.
		var message struct {
			Message string `json:"message"`
		}
		_ = json.Unmarshal(body, &message)
		return problem{Message: message.Message}
	}
	return p
}

// String is the message with what it says of each field.
func (p problem) String() string {
	parts := []string{}
	if p.Message != "" {
		parts = append(parts, p.Message)
	}
	for _, raw := range p.Errors[:min(len(p.Errors), 5)] {
		if text := fieldError(raw); text != "" {
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, "; ")
}

func fieldError(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	var e struct {
		Field   string `json:"field"`
		Code    string `json:"code"`
		Message string `json:"message"`
	}
	if json.Unmarshal(raw, &e) != nil {
		return ""
	}
	if e.Message == "" {
		e.Message = e.Code
	}
	return strings.TrimSpace(e.Field + " " + e.Message)
}

// refused says what an answer other than success means. What concerns a single
// issue is issueRefused's.
func (c *Connector) refused(method string, answer outbound.Response) *connector.Error {
	said := parseProblem(answer.Body)
	class := outbound.Classify(method, answer.Status, answer.Header)
	if wait, told, limited := c.limit(answer, said.Message); limited {
		e := c.fail(connector.Retryable, connector.IntegrationScope, "rate_limited", said.Message, answer)
		e.Wait, e.Untold = wait, !told
		return e
	}
	scope, code, detail := connector.ItemScope, "rejected", said.String()
	switch {
	case answer.Status == http.StatusUnauthorized:
		scope, code = connector.IntegrationScope, "credentials_rejected"
	case answer.Status == http.StatusForbidden, answer.Status == http.StatusUnavailableForLegalReasons:
		scope, code = connector.IntegrationScope, "forbidden"
	case answer.Status == http.StatusNotFound:
		scope, code = connector.IntegrationScope, "target_not_found"
		detail = "the repository does not exist, or the token may not see it: " + said.Message
	case answer.Status == http.StatusGone:
		scope, code = connector.IntegrationScope, "issues_disabled"
	case answer.Status >= 300 && answer.Status < 400:
		scope, code, detail = connector.IntegrationScope, "target_moved", "the repository was renamed or moved meanwhile, or base_url is not the address of GitHub's API"
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

// limit gives the wait if an answer is a rate limit, in GitHub's order of
// rules, and whether GitHub told it. A 403 is one only if headers or message
// say so.
func (c *Connector) limit(answer outbound.Response, message string) (wait time.Duration, told, limited bool) {
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
	message = strings.ToLower(message)
	for _, sign := range []string{"rate limit", "abuse detection"} {
		if strings.Contains(message, sign) {
			return secondaryWait, false, true
		}
	}
	return secondaryWait, false, answer.Status == http.StatusTooManyRequests
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
func (c *Connector) issueRefused(ctx context.Context, method string, answer outbound.Response) *connector.Error {
	moved := answer.Status >= 300 && answer.Status < 400
	if answer.Status != http.StatusNotFound && answer.Status != http.StatusGone && !moved {
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
		return c.fail(connector.Final, connector.IntegrationScope, "target_moved", "another repository has the name now", answer)
	case r.HasIssues != nil && !*r.HasIssues:
		return c.fail(connector.Final, connector.IntegrationScope, "issues_disabled", "the repository has issues turned off", answer)
	case moved:
		return c.fail(connector.Final, connector.ItemScope, "remote_moved", "the issue was moved to another repository", answer)
	}
	return c.fail(connector.Final, connector.ItemScope, "remote_deleted", "the repository is there, but the issue was deleted", answer)
}

// undecided is for a refusal whose reach could not be found out: nothing
// happened, ask again.
func (c *Connector) undecided(answer outbound.Response) *connector.Error {
	return c.fail(connector.Retryable, connector.IntegrationScope, "provider_unavailable", "whether the issue or the repository is gone could not be found out", answer)
}

func (c *Connector) fail(class connector.Class, scope connector.Scope, code, detail string, answer outbound.Response) *connector.Error {
	return &connector.Error{
		Class: class, Scope: scope, Code: code, Detail: c.client.Clean(detail), Status: answer.Status,
		RequestID: c.client.Clean(answer.Header.Get("X-Github-Request-Id")),
	}
}
