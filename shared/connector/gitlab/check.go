package gitlab

import (
	"context"
	"errors"
	"net/http"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
)

// checkIssues: the project has issues, and takes new ones.
const checkIssues = "issues"

// The least roles that may open issues and keep what they opened true, and that
// may put labels on them (https://docs.gitlab.com/user/permissions/).
const (
	guest   = 10
	planner = 15
)

// check reads the project that the configuration names, and what the token may
// do. A token that may not see a project gets the same 404 as for one that does
// not exist. It follows a rename as Resolve does: writes go to the number.
func (r *rights) check(ctx context.Context) ([]connector.Check, error) {
	answer, err := r.client.locate(ctx)
	s, err := stateOf(answer, err)
	if err == nil && answer.Status != http.StatusOK {
		err = r.client.unresolved(answer)
	}

	var e *failure.Error
	if errors.As(err, &e) {
		return connector.Failed(err), err
	}

	checks := []connector.Check{connector.Passed(connector.CheckReachable), connector.Passed(connector.CheckCredentials)}
	if err != nil {
		return append(checks, connector.Undecided(connector.CheckTarget, "provider_error")), r.client.fail(failure.Final, failure.IntegrationScope, "answer_unreadable", "GitLab's answer is not a project", answer)
	}

	checks = append(checks, connector.Passed(connector.CheckTarget))
	switch {
	case s.Archived:
		checks = append(checks, connector.Refused(checkIssues, "archived"))
	case s.issuesOff():
		checks = append(checks, connector.Refused(checkIssues, "issues_disabled"))
	default:
		checks = append(checks, connector.Passed(checkIssues))
	}

	rights, err := r.all(ctx, s)

	return append(checks, rights...), err
}
