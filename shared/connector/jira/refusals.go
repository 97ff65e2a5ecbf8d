package jira

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/problem"
	"example.com/integrations/shared/connector/refusal"
	"example.com/integrations/shared/outbound"
)

// The headers in which Jira says who it took the caller for.
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

// refusals are the answers that count at once, because they name the
// credential, the API or the place as a whole. The code of a row is a field that
// the refusal names. What one more read has to show is not in the table:
// whole and fieldsRefused.
var refusals = []refusal.Row{
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

// nobody reports whether Jira says that it did not take the token. Of several
// log-ins one that succeeded counts.
func nobody(header http.Header) bool {
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

// foreign reports whether a refusal of a read may come from a gateway before
// Jira. Jira's own are JSON, have a challenge, or have a header that says which
// account the caller is (cristibaluta/Jit#10 shows a page with both headers).
func foreign(answer outbound.Response, said problem.Problem) bool {
	marked := answer.Header.Get(loginHeader) != "" || answer.Header.Get(accountHeader) != ""

	return said.Foreign(answer, marked)
}

// verdict is for answers that count at once, nil for all others. Field is one
// that the answer names, "" for none.
func (a *answers) verdict(method string, answer outbound.Response, said problem.Problem, field string) *failure.Error {
	if answer.Status >= 500 {
		return nil
	}

	if loggedIn(answer.Header) {
		answer.Header = answer.Header.Clone()
		answer.Header.Del(loginHeader)
	}

	row, found := refusal.Find(refusals, method, answer, said, field)
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

// settled is for what needs no second look: a success of a write without proof,
// a limit, and what counts at once. It is nil for all others.
func (a *answers) settled(method string, answer outbound.Response, said problem.Problem) *failure.Error {
	switch {
	case answer.Status < 300 && method != http.MethodGet:
		return a.unproven(answer, said)
	case answer.Status == http.StatusTooManyRequests:
		return a.limited(answer, said)
	}

	return a.verdict(method, answer, said, "")
}

// unproven is for a success that does not show what was done: it may come from
// a proxy or a login page.
func (a *answers) unproven(answer outbound.Response, said problem.Problem) *failure.Error {
	code := said.ForeignCode()
	if nobody(answer.Header) {
		code = "session_expired"
	}

	return a.fail(failure.Ambiguous, failure.ItemScope, code, "Jira's answer does not show what was done: "+shown(answer, said), answer)
}

// shown is what a reason says about an answer with success. Words in JSON may be
// those of any issue, so they are left out.
func shown(answer outbound.Response, said problem.Problem) string {
	if !said.JSON {
		return said.Summary
	}

	return strings.TrimSpace(strconv.Itoa(answer.Status) + " " + problem.MediaType(answer))
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
	code, detail := said.Intercepted("Jira")
	e := a.fail(failure.Retryable, failure.IntegrationScope, code, detail, answer)
	e.Wait, _ = outbound.RetryAfter(answer.Header, a.now())

	return e
}

// whole asks with one read whether a refusal of a write, or of one issue,
// concerns the project as a whole. It is nil if not, and for a page of a
// firewall, which is about the text of this request. Where a write and that read
// are forbidden alike, the read says no more than the write; a read that is
// forbidden ends the run. Needs are the permissions that the call lives on.
func (c *Connector) whole(ctx context.Context, method string, answer outbound.Response, said problem.Problem, needs ...string) *failure.Error {
	moved := answer.Status >= 300 && answer.Status < 400
	refused := answer.Status == http.StatusForbidden || answer.Status == http.StatusNotFound
	if !moved && (!refused || said.Markup) {
		return nil
	}

	may, probe, err := c.place.permissions(ctx)
	switch e, final := finally(err); {
	case final:
		return e
	case err != nil:
		return c.answers.undecided(answer, said)
	case method != http.MethodGet && probe.Status == http.StatusForbidden && !c.answers.said(probe).Markup:
		return c.answers.verdict(http.MethodGet, probe, c.answers.said(probe), "")
	case probe.Status != http.StatusOK:
		return c.answers.refused(http.MethodGet, probe)
	case !may[browse]:
		return c.answers.fail(failure.Final, failure.IntegrationScope, "target_not_found", said.Reason("the token may not see the project"), answer)
	}

	lacks := slices.ContainsFunc(needs, func(right string) bool { return !may[right] })
	if answer.Status == http.StatusForbidden && lacks {
		return c.answers.fail(failure.Final, failure.IntegrationScope, "forbidden",
			said.Reason("the token lacks a permission in the project that this needs"), answer)
	}

	return nil
}

// finally gives an error that counts at once.
func finally(err error) (*failure.Error, bool) {
	e, ok := err.(*failure.Error)

	return e, ok && e.Class == failure.Final && e.Scope == failure.IntegrationScope
}

// refusedFields are those that a refusal names, in order.
func refusedFields(body []byte) []string {
	var answer struct {
		Errors map[string]json.RawMessage `json:"errors"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return nil
	}

	var names []string
	for name := range answer.Errors {
		names = append(names, name)
	}

	slices.Sort(names)

	return names
}

// filledIn are the fields that a create fills in.
var filledIn = []string{"project", "issuetype", "summary", "description", "labels"}

// createRefused is refused for a create. Where Jira names a field that items do
// not tell, or that is on no screen, every issue would be refused alike, and
// each would use up a key.
func (c *Connector) createRefused(ctx context.Context, answer outbound.Response) *failure.Error {
	said := c.answers.said(answer)
	if e := c.answers.settled(http.MethodPost, answer, said); e != nil {
		return e
	}

	if names := refusedFields(answer.Body); answer.Status == http.StatusBadRequest && len(names) > 0 {
		if e := c.fieldsRefused(ctx, answer, said, names); e != nil {
			return e
		}
	}

	if e := c.whole(ctx, http.MethodPost, answer, said, create); e != nil {
		return e
	}

	return c.answers.writeRefused(http.MethodPost, answer, said)
}

// fieldsRefused is nil where the fields are on the create screen: then their
// values are at fault, which are one item's. A refusal is in the language of
// whose token it is, so its words decide only where the screen cannot be read.
func (c *Connector) fieldsRefused(ctx context.Context, answer outbound.Response, said problem.Problem, names []string) *failure.Error {
	for _, name := range names {
		if e := c.answers.verdict(http.MethodPost, answer, said, name); e != nil {
			return e
		}
	}

	foreign := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(filledIn, name) })
	if len(foreign) > 0 {
		return c.answers.fail(failure.Final, failure.IntegrationScope, "field_required",
			said.Reason("the project wants to know what items do not tell: "+c.screens.names(ctx, foreign).String()+
				". Make it optional or give it a default for the issue type "+c.client.cfg.IssueType), answer)
	}

	screen, err := c.screens.createScreen(ctx)
	for _, name := range names {
		off := !screen[name]
		if err != nil {
			off = said.Says("cannot be set")
		}

		if off {
			return c.answers.notSettable(name, answer, said)
		}
	}

	return nil
}

// notSettable is for a field of ours that is on no screen.
func (a *answers) notSettable(name string, answer outbound.Response, said problem.Problem) *failure.Error {
	code := "field_not_settable"
	detail := name + " is not on the screen: put it there for the issue type " + a.issueType
	if name == "labels" {
		code = "labels_not_allowed"
		detail = "labels cannot be set in the project, though issues are found again by one: put the field on the create screen"
	}

	return a.fail(failure.Final, failure.IntegrationScope, code, said.Reason(detail), answer)
}

// editRefused is issueRefused for an edit. A screen that has the summary and not
// the description refuses all issues alike. In a status in which nothing may be
// edited the screen has neither, and that is about one issue.
func (c *Connector) editRefused(ctx context.Context, id string, answer outbound.Response) *failure.Error {
	names := refusedFields(answer.Body)
	if answer.Status == http.StatusBadRequest && slices.Contains(names, "description") && !slices.Contains(names, "summary") {
		var meta struct {
			Fields map[string]json.RawMessage `json:"fields"`
		}
		err := c.client.getJSON(ctx, c.client.api("/issue/"+url.PathEscape(id)+"/editmeta"), &meta)
		if err == nil && meta.Fields["summary"] != nil && meta.Fields["description"] == nil {
			return c.answers.notSettable("description", answer, c.answers.said(answer))
		}
	}

	return c.issueRefused(ctx, http.MethodPut, answer)
}
