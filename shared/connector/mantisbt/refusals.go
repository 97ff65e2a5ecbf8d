package mantisbt

import (
	"net/http"
	"strconv"
	"strings"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/problem"
	"example.com/integrations/shared/connector/refusal"
	"example.com/integrations/shared/outbound"
)

// The headers in which MantisBT says that it is MantisBT, and how it took the
// caller's login.
const (
	versionHeader = "X-Mantis-Version"
	loginHeader   = "X-Mantis-LoginMethod"
)

const fromRecordings = "recorded from 2.28.4: "

// refusals are the answers that count at once, because they name the
// credential, its rights in all of the project, or the place. Messages are
// English whatever the account's language is. Where a refusal has no body, its
// words are on the status line, which HTTP/2 does not have.
var refusals = []refusal.Row{
	{Status: 401, Header: versionHeader, Means: "credentials_rejected", Source: fromRecordings + "token-revoked"},
	{Status: 401, Challenge: true, Means: "credentials_rejected", Source: "https://www.rfc-editor.org/rfc/rfc9110#status.401"},
	{Status: 401, Bare: true, Words: tokenWords, Means: "credentials_rejected", Source: fromRecordings + "token-garbage"},
	{Status: 403, Creates: true, Bare: true, Words: "access right to report issues", Means: "forbidden",
		Detail: "the token's user needs the role reporter in this project, better developer", Source: fromRecordings + "create-project-private"},
	{Status: 403, Bare: true, Words: "not enough rights to update issues", Means: "forbidden",
		Detail: "the token's user may not change issues, not even its own: it needs the role updater", Source: fromRecordings + "patch-summary-reporter"},
	{Status: 400, Creates: true, Bare: true, Words: "mandatory field", Means: "field_required",
		Detail: "the project wants to know what items do not tell: do not require the field on report", Source: fromRecordings + "create-custom-field-missing"},
	{Status: 400, Creates: true, Bare: true, Words: "project not specified", Means: "target_not_found",
		Detail: "the project does not exist, or the token's user may not see it", Source: fromRecordings + "create-project-unknown-name"},
	{Status: 404, Creates: true, Code: "700", Means: "target_not_found",
		Detail: "the project does not exist, or the token's user may not see it", Source: "ERROR_PROJECT_NOT_FOUND in MantisBT's core/constant_inc.php"},
	{Status: 404, Creates: true, Bare: true, Words: "project '", Means: "target_not_found",
		Detail: "the project does not exist, or the token's user may not see it", Source: fromRecordings + "project-unknown-id"},
	{Status: 400, Creates: true, Bare: true, Words: "category", Means: "category_not_found",
		Detail: "the project does not have the configured category", Source: fromRecordings + "create-category-missing"},
	{Status: 404, Creates: true, Bare: true, Words: "category", Means: "category_not_found",
		Detail: "the project does not have the configured category", Source: fromRecordings + "create-category-unknown"},
}

// foreign reports whether a refusal of a read may come from a gateway before
// MantisBT. MantisBT's own are JSON, have the header of its version, or have no
// body and known words on the status line (recorded: project-unknown-id,
// token-garbage).
func foreign(answer outbound.Response, said problem.Problem) bool {
	ownWords := said.Empty && (said.Says("project '") || said.Says(tokenWords))

	return said.Foreign(answer, ownWords || answer.Header.Get(versionHeader) != "")
}

// tokenWords are MantisBT's for a token that it does not take.
const tokenWords = "api token required"

// nobody reports whether an answer says that the token was not taken. With
// anonymous access on, MantisBT serves a dead token as the anonymous account:
// the method of the login is "cookie" or "anonymous" then, and "api-token" for a
// good token.
func nobody(header http.Header) bool {
	method := header.Get(loginHeader)

	return method != "" && method != "api-token"
}

// rejected is for a token that MantisBT does not take.
func (a *answers) rejected(answer outbound.Response) *failure.Error {
	return a.fail(failure.Final, failure.IntegrationScope, "credentials_rejected",
		"MantisBT does not take the token and answers as its anonymous account: the token was revoked", answer)
}

// settled is for what needs no second look: a success of a write without proof,
// a limit, and what counts at once. It is nil for all others.
func (a *answers) settled(method string, answer outbound.Response, said problem.Problem) *failure.Error {
	switch {
	case answer.Status < 300 && method != http.MethodGet:
		return a.unproven(answer, said)
	case answer.Status == http.StatusTooManyRequests:
		return a.limited(said, answer)
	case nobody(answer.Header) && answer.Status < 500:
		return a.rejected(answer)
	}

	row, found := refusal.Find(refusals, method, answer, said, said.Member("code"))
	if !found {
		return nil
	}

	return a.fail(failure.Final, failure.IntegrationScope, row.Means, said.Reason(row.Detail), answer)
}

// unproven is for a success that does not show what was done: it may come from
// a proxy, or be the text of an error that PHP shows.
func (a *answers) unproven(answer outbound.Response, said problem.Problem) *failure.Error {
	code := said.ForeignCode()
	if nobody(answer.Header) {
		code = "session_expired"
	}

	return a.fail(failure.Ambiguous, failure.ItemScope, code, "MantisBT's answer does not show what was done: "+shown(answer, said), answer)
}

// shown is what a reason says about an answer with success. Words in JSON may be
// those of any issue, so they are left out, but for those of a fault.
func shown(answer outbound.Response, said problem.Problem) string {
	if !said.JSON {
		return said.Summary
	}

	form := strings.TrimSpace(strconv.Itoa(answer.Status) + " " + problem.MediaType(answer))
	if refused, ok := faultIn(answer); ok {
		form += " with a fault " + strconv.Itoa(refused.Status) + " in it: " + said.Words
	}

	return form
}

// unreadable is for an answer to a read that is not what was asked for: an
// outage.
func (a *answers) unreadable(what string, answer outbound.Response) *failure.Error {
	said := a.said(answer)
	code := "answer_unreadable"
	if said.Login || said.Markup || !problem.IsJSON(problem.MediaType(answer)) {
		code = said.ForeignCode()
	}

	return a.fail(failure.Retryable, failure.IntegrationScope, code, what+": "+shown(answer, said), answer)
}

// intercepted is for a foreign answer in place of the answer to a read.
func (a *answers) intercepted(answer outbound.Response, said problem.Problem) *failure.Error {
	code, detail := said.Intercepted("MantisBT")
	e := a.fail(failure.Retryable, failure.IntegrationScope, code, detail, answer)
	e.Wait, _ = outbound.RetryAfter(answer.Header, a.now())

	return e
}

// disabled reports whether a 403 is what MantisBT answers before it looks at
// what was asked for: the token's user is disabled. Its other refusals have a
// body, or say how the caller is logged in.
func disabled(answer outbound.Response, said problem.Problem) bool {
	return answer.Status == http.StatusForbidden && said.Empty && answer.Header.Get(versionHeader) != "" && answer.Header.Get(loginHeader) == ""
}
