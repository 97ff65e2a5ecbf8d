package github

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"integrations/shared/connector"
)

// The names of GitHub's own checks.
const (
	checkIssues = "issues" // the repository has issues, and takes new ones
	checkWrite  = "write"  // the token may write issues and labels
)

// A repository is what we read of GitHub's.
type repository struct {
	ID          int64  `json:"id"`
	FullName    string `json:"full_name"`
	HasIssues   *bool  `json:"has_issues"`
	Archived    bool   `json:"archived"`
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
		return ungranted(err), err
	}
	if err == nil && answer.Status != http.StatusOK {
		err = c.refused(http.MethodGet, answer)
	}
	if err != nil {
		return connector.Failed(err), err
	}
	checks := []connector.Check{connector.Passed(connector.CheckReachable), connector.Passed(connector.CheckCredentials)}
	var r repository
	if err := json.Unmarshal(answer.Body, &r); err != nil || r.HasIssues == nil {
		return append(checks, connector.Undecided(connector.CheckTarget, "provider_error")), c.fail(connector.Final, connector.IntegrationScope, "answer_unreadable", "GitHub's answer is not a repository", answer)
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
	write := c.mayWrite(r, answer.Header)
	if write.OK != nil && !*write.OK && c.cfg.App != nil {
		return append(checks, write), c.fail(connector.Final, connector.IntegrationScope, "forbidden", "the app's installation is another owner's: it is not installed on "+c.cfg.Owner+"/"+c.cfg.Repo, answer)
	}
	return append(checks, write), nil
}

// ungranted are the checks when an app has got no token.
func ungranted(err error) []connector.Check {
	var e *connector.Error
	errors.As(err, &e)
	known := []connector.Check{connector.Passed(connector.CheckReachable), connector.Passed(connector.CheckCredentials)}
	switch {
	case e.Class != connector.Final:
		return connector.Failed(err)
	case e.Code == "forbidden":
		return append(known, connector.Undecided(connector.CheckTarget, "not_told"), connector.Refused(checkWrite, "write_not_allowed"))
	case e.Code == "target_not_found":
		return append(known, connector.Refused(connector.CheckTarget, e.Code))
	}
	return append(known[:1], connector.Refused(connector.CheckCredentials, e.Code))
}

// mayWrite tells whether the token may. What its user may do stands in the
// repository; what the token may do of that is told of classic tokens alone, by
// their scopes, and of an app's, which is granted for writing issues or not at
// all (https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps).
func (c *Connector) mayWrite(r repository, header http.Header) connector.Check {
	scopes := header.Values("X-Oauth-Scopes")
	may := r.Permissions != nil && (r.Permissions.Push || r.Permissions.Triage || r.Permissions.Maintain || r.Permissions.Admin)
	switch {
	case c.cfg.App != nil:
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.grant.reaches(r.ID, cmp.Or(r.FullName, c.cfg.Owner+"/"+c.cfg.Repo)) {
			return connector.Refused(checkWrite, "write_not_allowed")
		}
		return connector.Passed(checkWrite)
	case r.Permissions != nil && !may:
		return connector.Refused(checkWrite, "write_not_allowed")
	case r.Permissions == nil || len(scopes) == 0:
		return connector.Undecided(checkWrite, "not_told")
	}
	for scope := range strings.SplitSeq(strings.Join(scopes, ","), ",") {
		if scope = strings.TrimSpace(scope); scope == "repo" || scope == "public_repo" {
			return connector.Passed(checkWrite)
		}
	}
	return connector.Refused(checkWrite, "write_not_allowed")
}
