package jira

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"integrations/shared/connector"
	"integrations/shared/outbound"
)

// untoldWait is the least to wait when Jira does not say how long: its bursts
// are counted by the second.
const untoldWait = 10 * time.Second

// A problem is Jira's account of a refusal. Its words are in the language of
// whose token it is, so nothing is made out from them: only from the fields.
type problem struct {
	Messages []string
	Errors   map[string]string
}

// parseProblem reads as much of a refusal as is there: bodies may be cut, HTML
// or nothing at all.
func parseProblem(body []byte) problem {
	var members map[string]json.RawMessage
	_ = json.Unmarshal(body, &members)
	p := problem{Errors: map[string]string{}}
	_ = json.Unmarshal(members["errorMessages"], &p.Messages)
	var one string
	for _, name := range []string{"message", "errorMessage", "error"} {
		if json.Unmarshal(members[name], &one) == nil && one != "" {
			p.Messages = append(p.Messages, one)
			break
		}
	}
	var errors map[string]json.RawMessage
	_ = json.Unmarshal(members["errors"], &errors)
	for name, raw := range errors {
		var text string
		if json.Unmarshal(raw, &text) == nil {
			p.Errors[name] = text
		}
	}
	return p
}

// fields are those the refusal names, in order.
func (p problem) fields() []string {
	var names []string
	for name := range p.Errors {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// String is what it says, and of each field.
func (p problem) String() string {
	parts := slices.DeleteFunc(slices.Clone(p.Messages[:min(len(p.Messages), 5)]), func(s string) bool { return s == "" })
	names := p.fields()
	for _, name := range names[:min(len(names), 5)] {
		parts = append(parts, strings.TrimSpace(name+": "+p.Errors[name]))
	}
	return strings.Join(parts, "; ")
}

// refused says what an answer other than success means. What concerns a single
// issue is issueRefused's.
func (c *Connector) refused(method string, answer outbound.Response) *connector.Error {
	said := parseProblem(answer.Body).String()
	if answer.Status == http.StatusTooManyRequests {
		return c.limited(answer, said)
	}
	if e := c.denied(answer, said); e != nil {
		return e
	}
	class := outbound.Classify(method, answer.Status, answer.Header)
	scope, code := connector.ItemScope, "rejected"
	switch {
	case answer.Status == http.StatusForbidden:
		scope, code = connector.IntegrationScope, "forbidden"
	case answer.Status == http.StatusNotFound:
		scope, code = connector.IntegrationScope, "target_not_found"
		said = "the project does not exist, or the token may not see it: " + said
	case answer.Status == http.StatusGone:
		scope, code, said = connector.IntegrationScope, "api_removed", "this Jira no longer has what was asked for: "+said
	case answer.Status >= 300 && answer.Status < 400:
		scope, code, said = connector.IntegrationScope, "target_moved", "Jira sends on to another address: change base_url"
	case answer.Status == http.StatusConflict:
		code = "conflict"
	case class == connector.Ambiguous:
		code = "no_answer"
	case class == connector.Retryable:
		scope, code = connector.IntegrationScope, "provider_unavailable"
	}
	e := c.fail(class, scope, code, said, answer)
	if class == connector.Retryable {
		e.Wait, _ = outbound.RetryAfter(answer.Header, c.now())
	}
	return e
}

// denied is for answers to who was not let in. After failed log-ins Jira wants
// a captcha solved; some of its resources answer 404 to who is nobody.
func (c *Connector) denied(answer outbound.Response, said string) *connector.Error {
	seraph := strings.ToUpper(answer.Header.Get("X-Seraph-Loginreason"))
	reason := strings.ToUpper(answer.Header.Get("X-Authentication-Denied-Reason"))
	refusal := answer.Status >= 400 && answer.Status < 500
	switch {
	case refusal && (strings.Contains(reason, "CAPTCHA") || strings.Contains(seraph, "AUTHENTICATION_DENIED")):
		return c.fail(connector.Final, connector.IntegrationScope, "captcha_required",
			"Jira wants a captcha solved after failed log-ins: log in with a browser as the token's account once", answer)
	case answer.Status == http.StatusUnauthorized, refusal && strings.Contains(seraph, "AUTHENTICATED_FAILED"):
		return c.fail(connector.Final, connector.IntegrationScope, "credentials_rejected", c.flavor.hint(c.cfg)+said, answer)
	}
	return nil
}

// limited says how long Jira wants to be left alone, and by whom: one of its
// limits is about a single issue.
func (c *Connector) limited(answer outbound.Response, said string) *connector.Error {
	reason := answer.Header.Get("Ratelimit-Reason")
	e := c.fail(connector.Retryable, connector.IntegrationScope, "rate_limited", strings.TrimSpace(reason+" "+said), answer)
	if reason == "jira-per-issue-on-write" {
		e.Scope, e.Code = connector.ItemScope, "issue_rate_limited"
	}
	wait, told := c.wait(answer.Header)
	e.Wait, e.Untold = wait, !told
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
func (c *Connector) issueRefused(ctx context.Context, method string, answer outbound.Response) *connector.Error {
	if answer.Status != http.StatusNotFound && answer.Status != http.StatusForbidden {
		return c.refused(method, answer)
	}
	said := parseProblem(answer.Body).String()
	if e := c.denied(answer, said); e != nil {
		return e
	}
	may, probe, err := c.permissions(ctx)
	switch {
	case err != nil:
		return c.undecided(answer)
	case probe.Status != http.StatusOK:
		return c.refused(http.MethodGet, probe)
	case !may[browse]:
		return c.fail(connector.Final, connector.IntegrationScope, "target_not_found", "the token may not see the project", answer)
	case answer.Status == http.StatusForbidden && !(may[edit] && may[transit]):
		return c.fail(connector.Final, connector.IntegrationScope, "forbidden", "the token may not edit and transition issues of the project: "+said, answer)
	case answer.Status == http.StatusForbidden:
		return c.fail(connector.Final, connector.ItemScope, "forbidden", "the token may not change this issue: "+said, answer)
	}
	return c.fail(connector.Final, connector.ItemScope, "remote_deleted", "the project is there, but the issue was deleted or moved to where the token may not see it", answer)
}

// undecided is for a refusal whose reach could not be found out: nothing
// happened, ask again.
func (c *Connector) undecided(answer outbound.Response) *connector.Error {
	return c.fail(connector.Retryable, connector.IntegrationScope, "provider_unavailable", "whether the issue or the project is gone could not be found out", answer)
}

func (c *Connector) fail(class connector.Class, scope connector.Scope, code, detail string, answer outbound.Response) *connector.Error {
	id := cmp.Or(answer.Header.Get("Atl-Traceid"), answer.Header.Get("X-Arequestid"), answer.Header.Get("X-Request-Id"))
	return &connector.Error{
		Class: class, Scope: scope, Code: code, Detail: c.client.Clean(detail), Status: answer.Status, RequestID: c.client.Clean(id),
	}
}
