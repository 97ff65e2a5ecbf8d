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

// check reads the repository that the configuration names. It follows a rename
// as Resolve does: writes go to the new name. A token that may not see the
// repository gets the same 404 as for one that does not exist
// (https://docs.github.com/en/rest/repos/repos#get-a-repository).
func (r *rights) check(ctx context.Context) ([]connector.Check, error) {
	answer, granted, err := r.client.locate(ctx)
	if !granted {
		return r.ungranted(err), err
	}

	if err == nil && answer.Status != http.StatusOK {
		err = r.client.unresolved(answer)
	}

	if err != nil {
		return connector.Failed(err), err
	}

	checks := []connector.Check{connector.Passed(connector.CheckReachable), connector.Passed(connector.CheckCredentials)}
	var repo repository
	if err := json.Unmarshal(answer.Body, &repo); err != nil || repo.HasIssues == nil {
		return append(checks, connector.Undecided(connector.CheckTarget, "provider_error")), r.client.fail(failure.Final, failure.IntegrationScope, "answer_unreadable", "GitHub's answer is not a repository", answer)
	}

	checks = append(checks, connector.Passed(connector.CheckTarget))
	switch {
	case repo.Archived:
		checks = append(checks, connector.Refused(checkIssues, "archived"))
	case !*repo.HasIssues:
		checks = append(checks, connector.Refused(checkIssues, "issues_disabled"))
	default:
		checks = append(checks, connector.Passed(checkIssues))
	}

	rights, err := r.all(ctx, repo, answer.Header)
	for _, one := range rights {
		if one.Code != nil && *one.Code == notInstalled {
			err = r.client.fail(failure.Final, failure.IntegrationScope, "forbidden", "the app's installation is another owner's: it is not installed on "+r.client.place.owner+"/"+r.client.place.repo, answer)
		}
	}

	return append(checks, rights...), err
}

// ungranted are the checks when an app has got no token.
func (r *rights) ungranted(err error) []connector.Check {
	var e *failure.Error
	errors.As(err, &e)
	known := []connector.Check{connector.Passed(connector.CheckReachable), connector.Passed(connector.CheckCredentials)}
	switch {
	case e.Class != failure.Final:
		return connector.Failed(err)
	case e.Code == "forbidden":
		known = append(known, connector.Undecided(connector.CheckTarget, connector.NotTold))
		for _, name := range append([]string{connector.CheckList}, r.writes()...) {
			known = append(known, connector.Refused(name, connector.ScopeMissing).With("The App's installation lacks the permission Issues: read and write."))
		}
		return known

	case e.Code == "target_not_found":
		return append(known, connector.Refused(connector.CheckTarget, e.Code))
	}

	return append(known[:1], connector.Refused(connector.CheckCredentials, e.Code))
}
