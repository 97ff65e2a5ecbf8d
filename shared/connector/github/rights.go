package github

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
)

// Where GitHub documents what a call needs.
const (
	restIssues   = "https://docs.github.com/en/rest/issues/issues"
	restRights   = "https://docs.github.com/en/rest/authentication/permissions-required-for-fine-grained-personal-access-tokens#repository-permissions-for-issues"
	rolesSource  = "https://docs.github.com/en/organizations/managing-user-access-to-your-organizations-repositories/managing-repository-roles/repository-roles-for-an-organization"
	scopesSource = "https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps"
)

// Needs is what GitHub asks for before it does each of our calls: a permission
// of the token, and a role of its user in the repository. An App has no role.
var Needs = []connector.Need{
	{Call: "POST /app/installations/{id}/access_tokens", When: "get an App's token for this one repository", Right: "the App is installed on the repository", Source: "https://docs.github.com/en/rest/apps/apps#create-an-installation-access-token-for-an-app"},
	{Call: "GET /repos/{owner}/{repo}", When: "find out which repository it is", Right: "Metadata: read; role Read", Source: "https://docs.github.com/en/rest/repos/repos#get-a-repository"},
	{Check: connector.CheckList, Call: "GET /repos/{owner}/{repo}/issues", When: "pull, and look for an issue whose create was not answered", Right: "Issues: read; role Read", Source: restRights},
	{Check: connector.CheckList, Call: "GET /repos/{owner}/{repo}/issues/{number}", When: "read the labels of an issue before ours change", Right: "Issues: read; role Read", Source: restRights},
	{Check: connector.CheckCreate, Call: "POST /repos/{owner}/{repo}/issues", When: "create", Right: "Issues: write; role Read", Source: restIssues + "#create-an-issue"},
	{Check: connector.CheckUpdate, Call: "PATCH /repos/{owner}/{repo}/issues/{number}", When: "change title and text of an issue that the token's user opened (of others: role Write)", Right: "Issues: write; role Read", Source: restIssues + "#update-an-issue"},
	{Check: connector.CheckClose, Call: "PATCH /repos/{owner}/{repo}/issues/{number}", When: "close an issue that the token's user opened (of others: role Triage)", Right: "Issues: write; role Read", Source: rolesSource},
	{Check: connector.CheckReopen, Call: "PATCH /repos/{owner}/{repo}/issues/{number}", When: "reopen, also what a person closed", Right: "Issues: write; role Triage", Source: rolesSource},
	{Check: connector.CheckLabels, Call: "PATCH /repos/{owner}/{repo}/issues/{number}", When: "put labels on and take them off, as at `POST`; without the right GitHub drops them without a word", Right: "Issues: write; role Write", Source: restIssues + "#create-an-issue, hub4j/github-api#836"},
}

// writing are the checks of calls that write.
var writing = []string{connector.CheckCreate, connector.CheckUpdate, connector.CheckClose, connector.CheckReopen}

// rights finds out which of our calls GitHub would accept.
type rights struct {
	client *client
	labels bool // whether the items' labels are kept on the issues
}

// writes are the checks of the calls that this configuration makes.
func (r *rights) writes() []string {
	if r.labels {
		return append(slices.Clone(writing), connector.CheckLabels)
	}

	return writing
}

// all are the checks of all our calls. The error says for the log what stands
// behind a refusal.
func (r *rights) all(ctx context.Context, repo repository, header http.Header) ([]connector.Check, error) {
	list, err := r.mayList(ctx, repo, header)
	checks := []connector.Check{list}
	for _, name := range r.writes() {
		checks = append(checks, r.mayWrite(name, repo, header))
	}

	return checks, err
}

// mayList reports whether issues can be read. Only a fine-grained token may see a
// private repository and not its issues, and what it may do is told by nothing
// but a call: one issue is listed.
func (r *rights) mayList(ctx context.Context, repo repository, header http.Header) (connector.Check, error) {
	switch {
	case !*repo.HasIssues:
		return connector.Refused(connector.CheckList, "issues_disabled"), nil
	case r.client.tokens.app != nil, scopes(header) != nil, !repo.Private:
		return connector.Passed(connector.CheckList), nil
	}

	answer, err := r.client.get(ctx, r.client.place.addressOf(r.client.place.owner, r.client.place.repo)+"/issues?per_page=1", 0)
	if err == nil && answer.Status != http.StatusOK {
		err = r.client.refused(http.MethodGet, answer)
	}

	var issues []json.RawMessage
	if err == nil && json.Unmarshal(answer.Body, &issues) != nil {
		err = r.client.fail(failure.Retryable, failure.IntegrationScope, "answer_unreadable", "GitHub's answer is not a list of issues", answer)
	}

	if err == nil {
		return connector.Passed(connector.CheckList), nil
	}

	if refused := connector.Failed(err); len(refused) > 2 {
		return connector.Refused(connector.CheckList, connector.ScopeMissing).With("The token lacks the permission Issues: read on the repository."), err
	}

	return connector.Undecided(connector.CheckList, "provider_error"), err
}

// mayWrite reports whether a call that writes would be taken: what the token may
// do, and what its user may do in the repository. A right that is known to be
// missing decides.
func (r *rights) mayWrite(name string, repo repository, header http.Header) connector.Check {
	switch {
	case repo.Archived:
		return connector.Refused(name, "archived")
	case !*repo.HasIssues:
		return connector.Refused(name, "issues_disabled")
	case r.client.tokens.app != nil:
		return r.appMay(name, repo)
	}

	role := repo.roleMay(name)
	token := tokenMay(name, header)
	for _, one := range []connector.Check{token, role} {
		if one.OK != nil && !*one.OK {
			return one
		}
	}

	if role.OK == nil {
		return role
	}

	return token
}

// appMay tells what an App may do: it is granted a token for writing issues, or
// none. A token that was asked for by name may be for another owner's repository.
func (r *rights) appMay(name string, repo repository) connector.Check {
	if !r.client.tokens.reach(repo.ID, cmp.Or(repo.FullName, r.client.place.owner+"/"+r.client.place.repo)) {
		return connector.Refused(name, notInstalled).With("The App's installation is another owner's: it is not installed on this repository.")
	}

	return connector.Passed(name)
}

// notInstalled is the code of an App that is not installed on the repository.
const notInstalled = "app_not_installed"

// tokenMay tells what the token may do. GitHub says the scopes of classic tokens
// only. Of a fine-grained one it says nothing.
func tokenMay(name string, header http.Header) connector.Check {
	granted := scopes(header)
	switch {
	case granted == nil:
		return connector.Undecided(name, connector.NotTold).With("GitHub does not say what a fine-grained token may do. It needs Issues: read and write on the repository.")
	case slices.Contains(granted, "repo"), slices.Contains(granted, "public_repo"):
		return connector.Passed(name)
	}

	return connector.Refused(name, connector.ScopeMissing).With("The token lacks the scope repo (public_repo for a public repository).")
}

// scopes are those of a classic token, nil of any other.
func scopes(header http.Header) []string {
	values := header.Values("X-Oauth-Scopes")
	if len(values) == 0 {
		return nil
	}

	granted := []string{}
	for scope := range strings.SplitSeq(strings.Join(values, ","), ",") {
		granted = append(granted, strings.TrimSpace(scope))
	}

	return granted
}

// roleMay tells what the token's user may do in the repository. Everybody who
// sees it may open issues, and edit and close those that they opened, which ours
// are.
func (r repository) roleMay(name string) connector.Check {
	if r.Permissions == nil {
		return connector.Undecided(name, connector.NotTold).With("GitHub does not say which role the token's user has in the repository.")
	}

	write := r.Permissions.Push || r.Permissions.Maintain || r.Permissions.Admin
	switch {
	case name == connector.CheckReopen && !write && !r.Permissions.Triage:
		return connector.Undecided(name, connector.OwnOnly).With("The token's user may reopen only what it closed itself. To reopen what a person closed it needs the role Triage in the repository.")
	case name == connector.CheckLabels && !write:
		return connector.Refused(name, connector.LabelsDropped).With("GitHub drops the labels of users without the role Write in the repository, and does not say so.")
	}

	return connector.Passed(name)
}
