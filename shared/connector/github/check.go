package github

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
)

// checkIssues: the repository has issues, and takes new ones.
const checkIssues = "issues"

// A repository is what we read of GitHub's.
type repository struct {
	ID          int64  `json:"id"`
	FullName    string `json:"full_name"`
	HasIssues   *bool  `json:"has_issues"`
	Archived    bool   `json:"archived"`
	Private     bool   `json:"private"`
	Permissions *struct {
		Push     bool `json:"push"`
		Triage   bool `json:"triage"`
		Maintain bool `json:"maintain"`
		Admin    bool `json:"admin"`
	} `json:"permissions"`
}

// Check reads the repository that the configuration names. It follows a rename
// as Resolve does: writes go to the new name. A token that may not see the
// repository gets the same 404 as for one that does not exist
// (https://docs.github.com/en/rest/repos/repos#get-a-repository).
func (c *Connector) Check(ctx context.Context) ([]connector.Check, error) {
	answer, granted, err := c.locate(ctx)
	if !granted {
		return c.ungranted(err), err
	}

	if err == nil && answer.Status != http.StatusOK {
		err = c.unresolved(answer)
	}

	if err != nil {
		return connector.Failed(err), err
	}

	checks := []connector.Check{connector.Passed(connector.CheckReachable), connector.Passed(connector.CheckCredentials)}
	var r repository
	if err := json.Unmarshal(answer.Body, &r); err != nil || r.HasIssues == nil {
		return append(checks, connector.Undecided(connector.CheckTarget, "provider_error")), c.fail(failure.Final, failure.IntegrationScope, "answer_unreadable", "GitHub's answer is not a repository", answer)
	}

	checks = append(checks, connector.Passed(connector.CheckTarget))
	switch {
	case r.Archived:
		checks = append(checks, connector.Refused(checkIssues, "archived"))
	case !*r.HasIssues:
		checks = append(checks, connector.Refused(checkIssues, "issues_disabled"))
	default:
		checks = append(checks, connector.Passed(checkIssues))
	}

	rights, err := c.rights(ctx, r, answer.Header)
	for _, one := range rights {
		if one.Code != nil && *one.Code == notInstalled {
			err = c.fail(failure.Final, failure.IntegrationScope, "forbidden", "the app's installation is another owner's: it is not installed on "+c.cfg.Owner+"/"+c.cfg.Repo, answer)
		}
	}

	return append(checks, rights...), err
}

// ungranted are the checks when an app has got no token.
func (c *Connector) ungranted(err error) []connector.Check {
	var e *failure.Error
	errors.As(err, &e)
	known := []connector.Check{connector.Passed(connector.CheckReachable), connector.Passed(connector.CheckCredentials)}
	switch {
	case e.Class != failure.Final:
		return connector.Failed(err)
	case e.Code == "forbidden":
		known = append(known, connector.Undecided(connector.CheckTarget, connector.NotTold))
		for _, name := range append([]string{connector.CheckList}, c.writes()...) {
			known = append(known, connector.Refused(name, connector.ScopeMissing).With("The App's installation lacks the permission Issues: read and write."))
		}
		return known

	case e.Code == "target_not_found":
		return append(known, connector.Refused(connector.CheckTarget, e.Code))
	}

	return append(known[:1], connector.Refused(connector.CheckCredentials, e.Code))
}
