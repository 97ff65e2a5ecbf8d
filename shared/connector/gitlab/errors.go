package gitlab

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"integrations/shared/connector"
	"integrations/shared/outbound"
)

// untoldWait is how long GitLab is left alone at least when it does not say
// how long: its application limits count by the minute.
const untoldWait = time.Minute

// A problem is GitLab's account of a refusal. What it puts into message
// depends on who refused: a text, a list, or lists by field.
type problem struct {
	Message     json.RawMessage `json:"message"`
	Error       json.RawMessage `json:"error"`
	Description json.RawMessage `json:"error_description"`
	Captcha     json.RawMessage `json:"needs_captcha_response"`
}

// parseProblem reads as much of a refusal as is there: bodies may be cut,
// HTML, plain text or nothing at all.
func parseProblem(body []byte) problem {
	var p problem
	_ = json.Unmarshal(body, &p)
	return p
}

// String is everything it says, in one line.
func (p problem) String() string {
	var parts []string
	for _, raw := range []json.RawMessage{p.Message, p.Error, p.Description} {
		var said any
		if json.Unmarshal(raw, &said) == nil {
			parts = append(parts, words(said, 3)...)
		}
	}
	return strings.Join(parts[:min(len(parts), 8)], "; ")
}

// words are the texts in a value, each behind the name it was given by.
func words(said any, depth int) []string {
	switch said := said.(type) {
	case string:
		return []string{said}
	case []any:
		var list []string
		for _, one := range said[:min(len(said), 8)] {
			list = append(list, words(one, depth-1)...)
		}
		return list
	case map[string]any:
		var list []string
		if depth <= 0 {
			return nil
		}
		for _, name := range slices.Sorted(maps.Keys(said)) {
			for _, text := range words(said[name], depth-1) {
				list = append(list, strings.TrimPrefix(name+" ", "error ")+text)
			}
		}
		return list
	}
	return nil
}

func (p problem) code() string {
	var code string
	_ = json.Unmarshal(p.Error, &code)
	return code
}

func (p problem) captcha() bool { return string(p.Captcha) == "true" }

// refused says what an answer other than success means. What concerns a write
// is writeRefused's, what concerns a single issue issueRefused's.
func (c *Connector) refused(method string, answer outbound.Response) *connector.Error {
	said := parseProblem(answer.Body)
	if answer.Status == http.StatusTooManyRequests {
		e := c.fail(connector.Retryable, connector.IntegrationScope, "rate_limited", said.String(), answer)
		e.Wait, e.Untold = c.limit(answer.Header)
		return e
	}
	class := outbound.Classify(method, answer.Status, answer.Header)
	scope, code, detail := connector.ItemScope, "rejected", said.String()
	switch {
	case answer.Status == http.StatusUnauthorized:
		scope, code = connector.IntegrationScope, "credentials_rejected"
	case answer.Status == http.StatusForbidden:
		scope, code = connector.IntegrationScope, "forbidden"
		if said.code() == "insufficient_scope" {
			detail = "the token lacks the api scope: " + detail
		}
	case answer.Status == http.StatusNotFound:
		scope, code = connector.IntegrationScope, "target_not_found"
		detail = "the project does not exist, or the token may not see it: " + detail
	case answer.Status >= 300 && answer.Status < 400:
		scope, code, detail = connector.IntegrationScope, "target_moved", "the server sends on to another address: the project was renamed or moved, or base_url is not GitLab's own"
	case answer.Status == http.StatusMethodNotAllowed && strings.Contains(detail, movedWords):
		scope, code, detail = connector.IntegrationScope, "target_moved", "the project was renamed or moved: "+detail
	case answer.Status < 500 && said.captcha():
		code, detail = "captcha_required", "GitLab takes the issue for spam and wants a person to solve a captcha: "+detail
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

// limit gives the wait a 429 asks for, and whether GitLab left it to us: only
// the limits in front of it tell, those of the application do not.
func (c *Connector) limit(header http.Header) (wait time.Duration, untold bool) {
	if wait, ok := outbound.RetryAfter(header, c.now()); ok {
		return max(wait, time.Second), false
	}
	at, err := strconv.ParseInt(strings.TrimSpace(header.Get("Ratelimit-Reset")), 10, 64)
	if err != nil || at <= 0 || at > 1<<40 || strings.TrimSpace(header.Get("Ratelimit-Remaining")) != "0" {
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
func (c *Connector) writeRefused(ctx context.Context, method string, answer outbound.Response) *connector.Error {
	e := c.refused(method, answer)
	if answer.Status != http.StatusForbidden || parseProblem(answer.Body).code() == "insufficient_scope" {
		return e
	}
	s, probe, err := c.look(ctx)
	switch {
	case err != nil || probe.Status != http.StatusOK:
	case s.issuesOff():
		return c.fail(connector.Final, connector.IntegrationScope, "issues_disabled", "the project has issues turned off", answer)
	case s.Archived:
		return c.fail(connector.Final, connector.IntegrationScope, "forbidden", "the project is archived: its issues can only be read", answer)
	}
	return e
}

// issueRefused is refused for a change of one issue. Whether 404 means the
// issue or the whole project is asked with one read.
func (c *Connector) issueRefused(ctx context.Context, answer outbound.Response) *connector.Error {
	if answer.Status != http.StatusNotFound && answer.Status != http.StatusGone {
		return c.writeRefused(ctx, http.MethodPut, answer)
	}
	s, probe, err := c.look(ctx)
	switch {
	case err != nil:
		// Nothing happened; ask again.
		return c.fail(connector.Retryable, connector.IntegrationScope, "provider_unavailable", "whether the issue or the project is gone could not be found out", answer)
	case probe.Status != http.StatusOK:
		return c.refused(http.MethodGet, probe)
	case s.issuesOff():
		return c.fail(connector.Final, connector.IntegrationScope, "issues_disabled", "the project has issues turned off", answer)
	}
	return c.fail(connector.Final, connector.ItemScope, "remote_deleted", "the project is there, but the issue was deleted, or the token may not see it", answer)
}

func (c *Connector) fail(class connector.Class, scope connector.Scope, code, detail string, answer outbound.Response) *connector.Error {
	return &connector.Error{
		Class: class, Scope: scope, Code: code, Detail: c.client.Clean(detail), Status: answer.Status,
		RequestID: c.client.Clean(cmp.Or(answer.Header.Get("X-Request-Id"), answer.Header.Get("Cf-Ray"))),
	}
}
