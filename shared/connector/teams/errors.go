package teams

import (
	"cmp"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// untoldWait is how long the workflow is left alone at least when nobody says
// how long: its limits count by the minute.
const untoldWait = time.Minute

// passedOn finds the failure of Teams itself in an answer of success: a server
// in front of Teams passes it on as text (MicrosoftDocs/msteams-docs#7425).
var passedOn = regexp.MustCompile(`(?i)HTTP (?:status|error)(?: code)?:? ?([45][0-9]{2})\b`)

// maxPassedOn bounds what is looked through for such a text, in bytes.
const maxPassedOn = 64 << 10

// postProof is what proves that a workflow was started.
var postProof = answers.ProofOf(domain.Teams, "", answers.OpPost)

// refused says what an answer means, nil if it is that the workflow was started.
func (c *Connector) refused(response outbound.Response) *failure.Error {
	said := answers.Read(response, c.client.Clean)
	if response.Status < 200 || response.Status > 299 {
		return c.failed(response.Status, said, response)
	}
	if postProof.Proven(response) {
		return nil
	}

	// The failure of Teams itself, passed on in an answer of success.
	if groups := passedOn.FindSubmatch(response.Body[:min(len(response.Body), maxPassedOn)]); groups != nil && !said.Markup {
		status, _ := strconv.Atoi(string(groups[1]))
		return c.failed(status, said, response)
	}

	e := answers.WithoutProof(http.MethodPost, response, c.client.Clean)
	e.RequestID = c.requestID(response)

	return e
}

// failed says what a failure means, by its status or by that which was passed
// on as text.
func (c *Connector) failed(status int, said answers.Problem, response outbound.Response) *failure.Error {
	class := outbound.Classify(http.MethodPost, status, response.Header)
	switch {
	case status == http.StatusTooManyRequests:
		return c.limited(said, response)
	case status >= 300 && status < 400:
		return c.fail(class, failure.IntegrationScope, "target_moved", said.Reason("the workflow's address sends on to another one"), response)
	case class == failure.Ambiguous:
		return c.fail(class, failure.ItemScope, "no_answer", said.Reason(""), response)
	case class == failure.Retryable:
		e := c.fail(class, failure.IntegrationScope, "provider_unavailable", said.Reason(""), response)
		e.Wait, _ = outbound.RetryAfter(response.Header, c.now())
		return e
	}

	if row, ok := answers.FindRefusal(refusals, http.MethodPost, response, said, said.Member("error", "code")); ok {
		return c.fail(failure.Final, failure.IntegrationScope, row.Means, said.Reason(row.Detail), response)
	}

	code := "rejected"
	if status == http.StatusForbidden && said.JSON {
		code = "forbidden"
	}

	return c.fail(failure.Final, failure.ItemScope, code, said.Reason(""), response)
}

// limited is for a limit. How long to wait stands in a header, or in the body:
// "Rate limit is exceeded. Try again in 17 seconds."
func (c *Connector) limited(said answers.Problem, response outbound.Response) *failure.Error {
	e := c.fail(failure.Retryable, failure.IntegrationScope, "rate_limited", said.Reason(""), response)
	wait, told := outbound.RetryAfter(response.Header, c.now())
	switch {
	case told:
		e.Wait = max(wait, time.Second)
	case said.WaitTold:
		e.Wait = max(said.Wait, time.Second)
	default:
		e.Wait = untoldWait
		e.NoRetryAfter = true
	}

	return e
}

func (c *Connector) requestID(response outbound.Response) string {
	return c.client.Clean(cmp.Or(response.Header.Get("X-Ms-Workflow-Run-Id"), response.Header.Get("X-Ms-Request-Id")))
}

func (c *Connector) fail(class failure.Class, scope failure.Scope, code, detail string, response outbound.Response) *failure.Error {
	return &failure.Error{
		Class: class, Scope: scope, Code: code, Detail: c.client.Clean(detail), Status: response.Status,
		RequestID: c.requestID(response),
	}
}
