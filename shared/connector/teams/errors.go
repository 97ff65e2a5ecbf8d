package teams

import (
	"cmp"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"integrations/shared/connector"
	"integrations/shared/outbound"
)

// untoldWait is how long the workflow is left alone at least when nobody says
// how long: its limits count by the minute.
const untoldWait = time.Minute

// passedOn finds the failure of Teams itself in an answer of success: who stands
// in front of it passes it on as text.
var passedOn = regexp.MustCompile(`(?i)HTTP (?:status|error)(?: code)?:? ?([45][0-9]{2})\b`)

// A problem is what Power Automate says of a refusal.
type problem struct {
	Error struct {
		Code    string `json:"code"`
		Message string `json:"message"`
	} `json:"error"`
}

// refused says what an answer means, nil if it is that the workflow was started.
func (c *Connector) refused(response outbound.Response) *connector.Error {
	said := strings.TrimSpace(string(response.Body))
	switch {
	case response.Status == http.StatusAccepted:
		return nil
	case response.Status < 300:
		return c.doubted(said, response)
	}
	var p problem
	_ = json.Unmarshal(response.Body, &p)
	return c.failed(response.Status, p, response)
}

// doubted looks into a success that is not the one expected: a workflow with an
// answer of its own says 200, and so did the connectors of old, whatever came of
// it.
func (c *Connector) doubted(said string, response outbound.Response) *connector.Error {
	if said == "" || said == "1" {
		return nil
	}
	var p problem
	_ = json.Unmarshal(response.Body, &p)
	if groups := passedOn.FindStringSubmatch(said); groups != nil {
		status, _ := strconv.Atoi(groups[1])
		p.Error.Message = cmp.Or(p.Error.Message, said)
		return c.failed(status, p, response)
	}
	return c.fail(connector.Ambiguous, connector.ItemScope, "answer_unreadable", "the answer is not that of a started workflow", response)
}

// failed says what a failure means, by its status or by that which was passed
// on as text.
func (c *Connector) failed(status int, p problem, response outbound.Response) *connector.Error {
	class := outbound.Classify(http.MethodPost, status, response.Header)
	scope, code, detail := connector.ItemScope, "rejected", ""
	switch {
	case status == http.StatusTooManyRequests:
		scope, code = connector.IntegrationScope, "rate_limited"
	case status == http.StatusUnauthorized:
		scope, code, detail = connector.IntegrationScope, "credentials_rejected", "the URL's sig is not valid, or the workflow wants a sign-in, which it must not"
	case status == http.StatusForbidden:
		scope, code, detail = connector.IntegrationScope, "forbidden", "the workflow does not take requests from anyone"
	case status == http.StatusNotFound, status == http.StatusGone:
		scope, code, detail = connector.IntegrationScope, "target_not_found", "the workflow was deleted, or its owner's account"
	case status == http.StatusBadRequest && strings.Contains(p.Error.Code, "NotEnabled"):
		scope, code, detail = connector.IntegrationScope, "target_not_found", "the workflow is switched off"
	case status == http.StatusBadRequest && strings.Contains(p.Error.Code, "SchemaMismatch"):
		scope, code, detail = connector.IntegrationScope, "payload_refused", "the workflow wants another payload: change payload between envelope and card"
	case status >= 300 && status < 400:
		scope, code, detail = connector.IntegrationScope, "target_moved", "the workflow's address sends on to another one"
	case class == connector.Ambiguous:
		code = "no_answer"
	case class == connector.Retryable:
		scope, code = connector.IntegrationScope, "provider_unavailable"
	}
	for _, said := range []string{p.Error.Code, p.Error.Message} {
		if said != "" {
			detail = strings.TrimPrefix(detail+": "+said, ": ")
		}
	}
	e := c.fail(class, scope, code, detail, response)
	if class == connector.Retryable {
		wait, told := outbound.RetryAfter(response.Header, c.now())
		if e.Wait = wait; code == "rate_limited" {
			if e.Wait = max(wait, time.Second); !told {
				e.Wait, e.Untold = untoldWait, true
			}
		}
	}
	return e
}

func (c *Connector) fail(class connector.Class, scope connector.Scope, code, detail string, response outbound.Response) *connector.Error {
	return &connector.Error{
		Class: class, Scope: scope, Code: code, Detail: c.client.Clean(detail), Status: response.Status,
		RequestID: c.client.Clean(cmp.Or(response.Header.Get("X-Ms-Workflow-Run-Id"), response.Header.Get("X-Ms-Request-Id"))),
	}
}
