package jira

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/problem"
	"example.com/integrations/shared/outbound"
)

// A probe finds out with one more read how far a refusal reaches: to one issue,
// or to the whole project.
type probe struct {
	client  *client
	answers *answers
	place   *place
	screens *screens
}

// whole asks with one read whether a refusal of a write, or of one issue,
// concerns the project as a whole. It is nil if not, and for a page of a
// firewall, which is about the text of this request. Where a write and that read
// are forbidden alike, the read says no more than the write; a read that is
// forbidden ends the run. Needs are the permissions that the call lives on.
func (pr *probe) reach(ctx context.Context, method string, answer outbound.Response, said problem.Problem, needs ...string) *failure.Error {
	moved := answer.Status >= 300 && answer.Status < 400
	refused := answer.Status == http.StatusForbidden || answer.Status == http.StatusNotFound
	if !moved && (!refused || said.Markup) {
		return nil
	}

	may, probe, err := pr.place.permissions(ctx)
	switch e, final := finally(err); {
	case final:
		return e
	case err != nil:
		return pr.answers.undecided(answer, said)
	case method != http.MethodGet && probe.Status == http.StatusForbidden && !pr.answers.said(probe).Markup:
		return pr.answers.verdict(http.MethodGet, probe, pr.answers.said(probe), "")
	case probe.Status != http.StatusOK:
		return pr.answers.refused(http.MethodGet, probe)
	case !may[browse]:
		return pr.answers.fail(failure.Final, failure.IntegrationScope, "target_not_found", said.Reason("the token may not see the project"), answer)
	}

	lacks := slices.ContainsFunc(needs, func(right string) bool { return !may[right] })
	if answer.Status == http.StatusForbidden && lacks {
		return pr.answers.fail(failure.Final, failure.IntegrationScope, "forbidden",
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
func (pr *probe) createRefused(ctx context.Context, answer outbound.Response) *failure.Error {
	said := pr.answers.said(answer)
	if e := pr.answers.settled(http.MethodPost, answer, said); e != nil {
		return e
	}

	if names := refusedFields(answer.Body); answer.Status == http.StatusBadRequest && len(names) > 0 {
		if e := pr.fieldsRefused(ctx, answer, said, names); e != nil {
			return e
		}
	}

	if e := pr.reach(ctx, http.MethodPost, answer, said, create); e != nil {
		return e
	}

	return pr.answers.writeRefused(http.MethodPost, answer, said)
}

// fieldsRefused is nil where the fields are on the create screen: then their
// values are at fault, which are one item's. A refusal is in the language of
// whose token it is, so its words decide only where the screen cannot be read.
func (pr *probe) fieldsRefused(ctx context.Context, answer outbound.Response, said problem.Problem, names []string) *failure.Error {
	for _, name := range names {
		if e := pr.answers.verdict(http.MethodPost, answer, said, name); e != nil {
			return e
		}
	}

	foreign := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(filledIn, name) })
	if len(foreign) > 0 {
		return pr.answers.fail(failure.Final, failure.IntegrationScope, "field_required",
			said.Reason("the project wants to know what items do not tell: "+pr.screens.names(ctx, foreign).String()+
				". Make it optional or give it a default for the issue type "+pr.client.cfg.IssueType), answer)
	}

	screen, err := pr.screens.createScreen(ctx)
	for _, name := range names {
		off := !screen[name]
		if err != nil {
			off = said.Says("cannot be set")
		}

		if off {
			return pr.answers.notSettable(name, answer, said)
		}
	}

	return nil
}

// editRefused is issueRefused for an edit. A screen that has the summary and not
// the description refuses all issues alike. In a status in which nothing may be
// edited the screen has neither, and that is about one issue.
func (pr *probe) editRefused(ctx context.Context, id string, answer outbound.Response) *failure.Error {
	names := refusedFields(answer.Body)
	if answer.Status == http.StatusBadRequest && slices.Contains(names, "description") && !slices.Contains(names, "summary") {
		var meta struct {
			Fields map[string]json.RawMessage `json:"fields"`
		}
		err := pr.client.getJSON(ctx, pr.client.api("/issue/"+url.PathEscape(id)+"/editmeta"), &meta)
		if err == nil && meta.Fields["summary"] != nil && meta.Fields["description"] == nil {
			return pr.answers.notSettable("description", answer, pr.answers.said(answer))
		}
	}

	return pr.issueRefused(ctx, http.MethodPut, answer)
}

// issueRefused is refused for a request about one issue. Whether 403 or 404
// mean the issue or the project is asked with one read.
func (pr *probe) issueRefused(ctx context.Context, method string, answer outbound.Response) *failure.Error {
	said := pr.answers.said(answer)
	reads := method == http.MethodGet
	if e := pr.answers.settled(method, answer, said); e != nil {
		return e
	}

	page := said.Markup && answer.Status == http.StatusNotFound // of one issue Jira says so in JSON
	if reads && (page || foreign(answer, said)) {
		return pr.answers.intercepted(answer, said)
	}

	if e := pr.reach(ctx, method, answer, said, edit, transit); e != nil {
		return e
	}

	switch {
	case answer.Status == http.StatusNotFound && !said.Markup:
		return pr.answers.fail(failure.Final, failure.ItemScope, "remote_deleted",
			said.Reason("the project is there, but the issue was deleted or moved to where the token may not see it"), answer)
	case answer.Status == http.StatusForbidden && !said.Markup:
		return pr.answers.fail(failure.Final, failure.ItemScope, "forbidden", said.Reason("the token may not change this issue"), answer)
	case reads:
		return pr.answers.readRefused(answer, said)
	}

	return pr.answers.writeRefused(method, answer, said)
}
