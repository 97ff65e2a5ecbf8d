package mantisbt

import (
	"net/http"
	"strconv"
	"strings"

	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/outbound"
)

// The headers with MantisBT's version, and with the method of the caller's
// log-in.
const (
	versionHeader = "X-Mantis-Version"
	loginHeader   = "X-Mantis-LoginMethod"
)

const fromRecordings = "recorded from 2.28.4: "

// refusals are the answers that stop the integration at once, because they name
// the credential, its rights in the whole project, or the place. Messages are
// English in every language of the account. Where a refusal has no body, its
// words are on the status line, which HTTP/2 does not have.
var refusals = []answers.Refusal{
	{Status: 401, Header: versionHeader, Means: "credentials_rejected", Source: fromRecordings + "token-revoked"},
	{Status: 401, Challenge: true, Means: "credentials_rejected", Source: "https://www.rfc-editor.org/rfc/rfc9110#status.401"},
	{Status: 401, Bare: true, Words: tokenWords, Means: "credentials_rejected", Source: fromRecordings + "token-garbage"},
	{Status: 403, Creates: true, Bare: true, Words: "access right to report issues", Means: "forbidden",
		Detail: "the token's user needs the role reporter in this project, better developer", Source: fromRecordings + "create-project-private"},
	{Status: 403, Bare: true, Words: "not enough rights to update issues", Means: "forbidden",
		Detail: "the token's user may not change issues, not even its own: it needs the role updater", Source: fromRecordings + "patch-summary-reporter"},
	{Status: 400, Creates: true, Bare: true, Words: "mandatory field", Means: "field_required",
		Detail: "new issues have a required field that items do not fill in: do not require it on report", Source: fromRecordings + "create-custom-field-missing"},
	{Status: 400, Creates: true, Bare: true, Words: "project not specified", Means: "target_not_found",
		Detail: noProject, Source: fromRecordings + "create-project-unknown-name"},
	{Status: 404, Creates: true, Code: "700", Means: "target_not_found",
		Detail: noProject, Source: "ERROR_PROJECT_NOT_FOUND in MantisBT's core/constant_inc.php"},
	{Status: 404, Creates: true, Bare: true, Words: "project '", Means: "target_not_found",
		Detail: noProject, Source: fromRecordings + "project-unknown-id"},
	{Status: 400, Creates: true, Bare: true, Words: "category", Means: "category_not_found",
		Detail: "the project does not have the configured category", Source: fromRecordings + "create-category-missing"},
	{Status: 404, Creates: true, Bare: true, Words: "category", Means: "category_not_found",
		Detail: "the project does not have the configured category", Source: fromRecordings + "create-category-unknown"},
}

// foreign reports whether a refused read may come from a gateway in front of
// MantisBT. MantisBT's own refusals are JSON, have the header with its version, or
// have no body and known words on the status line (recorded: project-unknown-id,
// token-garbage).
func foreign(answer outbound.Response, said answers.Problem) bool {
	ownWords := said.Empty && (said.Says("project '") || said.Says(tokenWords))

	return said.Foreign(answer, ownWords || answer.Header.Get(versionHeader) != "")
}

// tokenWords are MantisBT's words for a token that it does not accept.
const tokenWords = "api token required"

// anonymous reports whether an answer says that the token was not accepted. With
// anonymous access on, MantisBT serves a dead token as the anonymous account: then
// the method of the log-in is "cookie" or "anonymous". For a good token it is
// "api-token".
func anonymous(header http.Header) bool {
	method := header.Get(loginHeader)

	return method != "" && method != "api-token"
}

// rejected is the error for a token that MantisBT does not accept.
func (a *classifier) rejected(answer outbound.Response) *failure.Error {
	return a.fail(failure.Final, failure.IntegrationScope, "credentials_rejected",
		"MantisBT does not accept the token and answers as its anonymous account: the token was revoked", answer)
}

// settled is the error for answers that need no second read: an unproven success
// of a write, a rate limit, and the table of refusals. It is nil for all others.
func (a *classifier) settled(method string, answer outbound.Response, said answers.Problem) *failure.Error {
	switch {
	case answer.Status < 300 && method != http.MethodGet:
		return a.unproven(answer, said)
	case answer.Status == http.StatusTooManyRequests:
		return a.limited(answer, said)
	case anonymous(answer.Header) && answer.Status < 500:
		return a.rejected(answer)
	}

	row, found := answers.FindRefusal(refusals, method, answer, said, said.Member("code"))
	if !found {
		return nil
	}

	return a.fail(failure.Final, failure.IntegrationScope, row.Means, said.Reason(row.Detail), answer)
}

// unproven is the error for an answer of success that does not prove the write:
// it may come from a proxy, or be the text of an error that PHP shows.
func (a *classifier) unproven(answer outbound.Response, said answers.Problem) *failure.Error {
	code := said.ForeignCode()
	if anonymous(answer.Header) {
		code = "session_expired"
	}

	return a.fail(failure.Ambiguous, failure.ItemScope, code, "MantisBT's answer does not show what was done: "+shown(answer, said), answer)
}

// shown is what an error says about an answer of success. Text in JSON may belong
// to any issue, so it is left out, except that of a fault.
func shown(answer outbound.Response, said answers.Problem) string {
	if !said.JSON {
		return said.Summary
	}

	form := strings.TrimSpace(strconv.Itoa(answer.Status) + " " + answers.MediaType(answer))
	if refused, ok := faultIn(answer); ok {
		form += " with a fault " + strconv.Itoa(refused.Status) + " in it: " + said.Words
	}

	return form
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

// intercepted is the error for an answer to a read that is not MantisBT's.
func (a *classifier) intercepted(answer outbound.Response, said answers.Problem) *failure.Error {
	code, detail := said.Intercepted("MantisBT")
	e := a.fail(failure.Retryable, failure.IntegrationScope, code, detail, answer)
	e.Wait, _ = outbound.RetryAfter(answer.Header, a.now())

	return e
}

// disabled reports whether a 403 means that the token's user is disabled. MantisBT
// answers so before it reads the request. Its other refusals have a body, or the
// method of the log-in.
func disabled(answer outbound.Response, said answers.Problem) bool {
	return answer.Status == http.StatusForbidden && said.Empty && answer.Header.Get(versionHeader) != "" && answer.Header.Get(loginHeader) == ""
}
