package gitlab

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"integrations/shared/connector"
	"integrations/shared/outbound"
)

// The names of GitLab's own checks.
const (
	checkIssues = "issues" // the project has issues, and takes new ones
	checkWrite  = "write"  // the token may write issues and labels
)

// The least roles that may open issues and keep what they opened true, and that
// may put labels on them (https://docs.gitlab.com/user/permissions/).
const (
	guest   = 10
	planner = 15
)

// Check reads the project that the configuration names, and what the token may
// do. A token that may not see a project gets the same 404 as for one that does
// not exist. It follows a rename as Resolve does: writes go to the number.
func (c *Connector) Check(ctx context.Context) ([]connector.Check, error) {
	answer, err := c.locate(ctx)
	s, err := stateOf(answer, err)
	if err == nil && answer.Status != http.StatusOK {
		err = c.refused(http.MethodGet, answer)
	}
	var e *connector.Error
	if errors.As(err, &e) {
		return connector.Failed(err), err
	}
	checks := []connector.Check{connector.Passed(connector.CheckReachable), connector.Passed(connector.CheckCredentials)}
	if err != nil {
		return append(checks, connector.Undecided(connector.CheckTarget, "provider_error")), c.fail(connector.Final, connector.IntegrationScope, "answer_unreadable", "GitLab's answer is not a project", answer)
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
	write, err := c.mayWrite(ctx, s)
	return append(checks, write), err
}

// mayWrite tells whether the token may: what its user may do stands in the
// project, what the token may do of that in its scopes
// (https://docs.gitlab.com/api/personal_access_tokens/#self-inform). Of an
// administrator, who needs no role, neither is told.
func (c *Connector) mayWrite(ctx context.Context, s state) (connector.Check, error) {
	level := 0
	for _, role := range []*access{s.Permissions.Project, s.Permissions.Group} {
		if role != nil {
			level = max(level, role.Level)
		}
	}
	switch {
	case level > 0 && level < guest:
		return c.lacks("the token's role in the project is below Guest: it may not open issues")
	case level > 0 && level < planner && c.cfg.Labels:
		return c.lacks("the token's role in the project is below Planner: it may not label issues")
	}
	scopes, told := c.scopes(ctx)
	switch {
	case told && !slices.Contains(scopes, "api"):
		return c.lacks("the token lacks the api scope")
	case !told || level == 0:
		return connector.Undecided(checkWrite, "not_told"), nil
	}
	return connector.Passed(checkWrite), nil
}

func (c *Connector) lacks(detail string) (connector.Check, error) {
	return connector.Refused(checkWrite, "write_not_allowed"),
		c.fail(connector.Final, connector.IntegrationScope, "forbidden", detail+": "+c.cfg.Project, outbound.Response{})
}

// scopes are the token's, where GitLab tells them: it does of personal, project
// and group access tokens.
func (c *Connector) scopes(ctx context.Context) (scopes []string, told bool) {
	answer, err := c.get(ctx, c.cfg.BaseURL+"/personal_access_tokens/self", 0)
	if err != nil || answer.Status != http.StatusOK {
		return nil, false
	}
	var self struct {
		Scopes []string `json:"scopes"`
	}
	err = json.Unmarshal(answer.Body, &self)
	return self.Scopes, err == nil && self.Scopes != nil
}
