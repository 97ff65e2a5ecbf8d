package jira

import (
	"net/http"
	"strconv"
	"strings"

	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/outbound"
)

// The headers in which Jira says which account it saw.
const (
	loginHeader   = "X-Seraph-Loginreason"
	accountHeader = "X-Ausername"
)

// Where the answers of the table are documented, or were seen.
const (
	loginSource   = "https://docs.atlassian.com/software/jira/docs/api/latest/com/atlassian/jira/bc/security/login/LoginReason.html, MrRefactoring/jira.js#418, go-jira/jira#8"
	accountSource = "https://developer.atlassian.com/server/jira-servicedesk/info/special-headers"
	captchaSource = "https://developer.atlassian.com/server/jira/platform/jira-rest-api-example-basic-authentication-6291732"
	restSource    = "https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-post"
)

// refusals are the answers that stop the integration at once, because they name
// the credential, the API or the place as a whole. The code of a row is a field
// that the refusal names. Refusals that need one more read are in probe.
var refusals = []answers.Refusal{
	{Header: "X-Authentication-Denied-Reason", Value: "CAPTCHA_CHALLENGE", Means: "captcha_required", Source: captchaSource},
	{Header: loginHeader, Value: "AUTHENTICATION_DENIED", Means: "captcha_required", Source: loginSource},
	{Header: loginHeader, Value: "AUTHENTICATED_FAILED", Means: "credentials_rejected", Source: loginSource},
	{Header: loginHeader, Value: "AUTHORISATION_FAILED", Means: "credentials_rejected", Source: loginSource},
	{Header: accountHeader, Value: "anonymous", Means: "credentials_rejected", Source: accountSource},
	{Status: 401, Challenge: true, Means: "credentials_rejected", Source: restSource},
	{Status: 401, Plain: true, Words: "client must be authenticated", Means: "credentials_rejected", Source: "atlassian/gajira-login#59, jira-node/node-jira-client#255"},
	{Status: 410, Means: "api_removed", Detail: "this Jira no longer has what was asked for", Source: "https://developer.atlassian.com/changelog/#CHANGE-2046"},
	{Status: 400, Creates: true, Code: "project", Means: "target_not_found",
		Detail: "the project does not exist, or the token may not create issues in it", Source: restSource},
	{Status: 400, Creates: true, Code: "issuetype", Means: "issue_type_unknown",
		Detail: "the project has no issue type of this name that the token may create", Source: restSource},
}

// anonymous reports whether Jira says that it did not accept the token. If one
// of several log-ins succeeded, the token was accepted.
func anonymous(header http.Header) bool {
	reasons := strings.ToUpper(strings.Join(header.Values(loginHeader), ","))
	if strings.Contains(reasons, "FAILED") || strings.Contains(reasons, "DENIED") {
		return !loggedIn(header)
	}

	return strings.EqualFold(strings.TrimSpace(header.Get(accountHeader)), "anonymous")
}

func loggedIn(header http.Header) bool {
	for reason := range strings.SplitSeq(strings.Join(header.Values(loginHeader), ","), ",") {
		if strings.EqualFold(strings.TrimSpace(reason), "OK") {
			return true
		}
	}

	return false
}

// foreign reports whether a refused read may come from a gateway in front of
// Jira. Jira's own refusals are JSON, have a challenge, or have a header with the
// caller's account (cristibaluta/Jit#10 shows a page with both headers).
func foreign(answer outbound.Response, said answers.Problem) bool {
	marked := answer.Header.Get(loginHeader) != "" || answer.Header.Get(accountHeader) != ""

	return said.Foreign(answer, marked)
}

// inTable is the error for an answer in the table of refusals, nil for all
// others. Field is a field that the answer names, "" for none.
func (a *classifier) inTable(method string, answer outbound.Response, said answers.Problem, field string) *failure.Error {
	if answer.Status >= 500 {
		return nil
	}

	if loggedIn(answer.Header) {
		answer.Header = answer.Header.Clone()
		answer.Header.Del(loginHeader)
	}

	row, found := answers.FindRefusal(refusals, method, answer, said, field)
	if !found {
		return nil
	}

	detail := row.Detail
	switch row.Means {
	case "credentials_rejected":
		detail = a.hint
	case "captcha_required":
		detail = "Jira wants a captcha solved after failed log-ins: log in with a browser as the token's account once"
	case "issue_type_unknown":
		detail = "the project has no issue type " + a.issueType + " that the token may create"
	}

	return a.fail(failure.Final, failure.IntegrationScope, row.Means, said.Reason(detail), answer)
}

// settled is the error for answers that need no second read: an unproven success
// of a write, a rate limit, and the table of refusals. It is nil for all others.
func (a *classifier) settled(method string, answer outbound.Response, said answers.Problem) *failure.Error {
	switch {
	case answer.Status < 300 && method != http.MethodGet:
		return a.unproven(answer, said)
	case answer.Status == http.StatusTooManyRequests:
		return a.limited(answer, said)
	}

	return a.inTable(method, answer, said, "")
}

// unproven is the error for an answer of success that does not prove the write:
// it may come from a proxy, or be a login page.
func (a *classifier) unproven(answer outbound.Response, said answers.Problem) *failure.Error {
	code := said.ForeignCode()
	if anonymous(answer.Header) {
		code = "session_expired"
	}

	return a.fail(failure.Ambiguous, failure.ItemScope, code, "Jira's answer does not show what was done: "+shown(answer, said), answer)
}

// shown is what an error says about an answer of success. Text in JSON may belong
// to any issue, so it is left out.
func shown(answer outbound.Response, said answers.Problem) string {
	if !said.JSON {
		return said.Summary
	}

	return strings.TrimSpace(strconv.Itoa(answer.Status) + " " + answers.MediaType(answer))
}

// unreadable is the error for an answer to a read that is not what was asked for.
// It counts as an outage.
func (a *classifier) unreadable(what string, answer outbound.Response) *failure.Error {
	said := a.said(answer)
	code := "answer_unreadable"
	if said.Login || said.Markup || !answers.IsJSON(answers.MediaType(answer)) {
		code = said.ForeignCode()
	}

	return a.fail(failure.Retryable, failure.IntegrationScope, code, what+": "+shown(answer, said), answer)
}

// intercepted is the error for an answer to a read that is not Jira's.
func (a *classifier) intercepted(answer outbound.Response, said answers.Problem) *failure.Error {
	code, detail := said.Intercepted("Jira")
	e := a.fail(failure.Retryable, failure.IntegrationScope, code, detail, answer)
	e.Wait, _ = outbound.RetryAfter(answer.Header, a.now())

	return e
}

// notSettable is the error for a field that items fill in and that is on no
// screen.
func (a *classifier) notSettable(name string, answer outbound.Response, said answers.Problem) *failure.Error {
	code := "field_not_settable"
	detail := name + " is not on the screen: put it there for the issue type " + a.issueType
	if name == "labels" {
		code = "labels_not_allowed"
		detail = "labels cannot be set in the project, and issues are found again by their label: put the field on the create screen"
	}

	return a.fail(failure.Final, failure.IntegrationScope, code, said.Reason(detail), answer)
}
