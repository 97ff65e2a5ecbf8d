package jira

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"

	"example.com/integrations/shared/connector/answers"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/outbound"
)

// A probe finds out with one more read whether a refusal concerns one issue or
// the whole project.
type probe struct {
	client     *client
	classifier *classifier
	place      *place
	screens    *screens
}

// issueRefused is the error for a refused request about one issue.
func (pr *probe) issueRefused(ctx context.Context, method string, answer outbound.Response) *failure.Error {
	said := pr.classifier.said(answer)
	reads := method == http.MethodGet
	if e := pr.classifier.settled(method, answer, said); e != nil {
		return e
	}

	// Jira says in JSON that one issue is not there.
	page := said.Markup && answer.Status == http.StatusNotFound
	if reads && (page || foreign(answer, said)) {
		return pr.classifier.intercepted(answer, said)
	}

	if e := pr.wholeProject(ctx, method, answer, said, editIssues, transitionIssues); e != nil {
		return e
	}

	switch {
	case answer.Status == http.StatusNotFound && !said.Markup:
		return pr.classifier.fail(failure.Final, failure.ItemScope, "remote_deleted",
			said.Reason("the project is there, but the issue was deleted or moved to where the token may not see it"), answer)
	case answer.Status == http.StatusForbidden && !said.Markup:
		return pr.classifier.fail(failure.Final, failure.ItemScope, "forbidden", said.Reason("the token may not change this issue"), answer)
	case reads:
		return pr.classifier.readRefused(answer, said)
	}

	return pr.classifier.writeRefused(method, answer, said)
}

// editRefused is issueRefused for an edit. A screen with the summary and without
// the description refuses the edit of every issue. In a status that allows no
// edit the screen has neither, and that concerns one issue.
func (pr *probe) editRefused(ctx context.Context, id string, answer outbound.Response) *failure.Error {
	names := refusedFields(answer.Body)
	if answer.Status == http.StatusBadRequest && slices.Contains(names, "description") && !slices.Contains(names, "summary") {
		screen, err := pr.screens.editScreen(ctx, id)
		if err == nil && screen["summary"] && !screen["description"] {
			return pr.classifier.notSettable("description", answer, pr.classifier.said(answer))
		}
	}

	return pr.issueRefused(ctx, http.MethodPut, answer)
}

// createRefused is the error for a refused create. Where Jira names a field that
// items do not fill in, or that is on no screen, it would refuse every issue, and
// each try would use up a key.
func (pr *probe) createRefused(ctx context.Context, answer outbound.Response) *failure.Error {
	said := pr.classifier.said(answer)
	if e := pr.classifier.settled(http.MethodPost, answer, said); e != nil {
		return e
	}

	names := refusedFields(answer.Body)
	if answer.Status == http.StatusBadRequest && len(names) > 0 {
		if e := pr.fieldsRefused(ctx, answer, said, names); e != nil {
			return e
		}
	}

	if e := pr.wholeProject(ctx, http.MethodPost, answer, said, createIssues); e != nil {
		return e
	}

	return pr.classifier.writeRefused(http.MethodPost, answer, said)
}

// filledIn are the fields that a create fills in.
var filledIn = []string{"project", "issuetype", "summary", "description", "labels"}

// fieldsRefused is the error for a create that was refused because of fields. It
// is nil where the fields are on the create screen: then the values of this item
// were refused. The words of a refusal are in the language of the token's
// account, so they decide only where the screen cannot be read.
func (pr *probe) fieldsRefused(ctx context.Context, answer outbound.Response, said answers.Problem, names []string) *failure.Error {
	for _, name := range names {
		if e := pr.classifier.inTable(http.MethodPost, answer, said, name); e != nil {
			return e
		}
	}

	others := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(filledIn, name) })
	if len(others) > 0 {
		return pr.classifier.fail(failure.Final, failure.IntegrationScope, "field_required",
			said.Reason("new issues have required fields that items do not fill in: "+pr.screens.names(ctx, others).String()+
				". Make them optional or give them a default for the issue type "+pr.client.cfg.IssueType), answer)
	}

	screen, err := pr.screens.createScreen(ctx)
	for _, name := range names {
		missing := !screen[name]
		if err != nil {
			missing = said.Says("cannot be set")
		}

		if missing {
			return pr.classifier.notSettable(name, answer, said)
		}
	}

	return nil
}

// wholeProject reads the token's permissions to find out whether a refusal
// concerns the whole project. It is nil if not. The page of a firewall is about
// the text of one request, so nothing is read for it. Needs are the permissions
// that the request needs.
func (pr *probe) wholeProject(ctx context.Context, method string, answer outbound.Response, said answers.Problem, needs ...string) *failure.Error {
	moved := answer.Status >= 300 && answer.Status < 400
	refused := answer.Status == http.StatusForbidden || answer.Status == http.StatusNotFound
	if !moved && (!refused || said.Markup) {
		return nil
	}

	may, read, err := pr.place.permissions(ctx)
	if e, final := endsTheRun(err); final {
		return e
	}

	if err != nil {
		return pr.classifier.undecided(answer, said)
	}

	switch {
	case method != http.MethodGet && read.Status == http.StatusForbidden && !pr.classifier.said(read).Markup:
		// The read is forbidden like the write: that says no more than the write did.
		return pr.classifier.inTable(http.MethodGet, read, pr.classifier.said(read), "")
	case read.Status != http.StatusOK:
		return pr.classifier.refused(http.MethodGet, read)
	case !may[browseProjects]:
		return pr.classifier.fail(failure.Final, failure.IntegrationScope, "target_not_found", said.Reason("the token may not see the project"), answer)
	}

	lacks := slices.ContainsFunc(needs, func(permission string) bool { return !may[permission] })
	if answer.Status == http.StatusForbidden && lacks {
		return pr.classifier.fail(failure.Final, failure.IntegrationScope, "forbidden",
			said.Reason("the token lacks a permission in the project that this request needs"), answer)
	}

	return nil
}

// endsTheRun gives an error that is final for the whole integration.
func endsTheRun(err error) (*failure.Error, bool) {
	e, ok := err.(*failure.Error)

	return e, ok && e.Class == failure.Final && e.Scope == failure.IntegrationScope
}

// refusedFields are the fields that a refusal names, in order.
func refusedFields(body []byte) []string {
	var answer struct {
		Errors map[string]json.RawMessage `json:"errors"`
	}
	if json.Unmarshal(body, &answer) != nil {
		return nil
	}

	return slices.Sorted(maps.Keys(answer.Errors))
}
