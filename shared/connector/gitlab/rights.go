package gitlab

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/outbound"
)

// Where GitLab documents what a call needs.
const (
	rolesSource = "https://docs.gitlab.com/user/permissions/#project-planning"
	// Authors may change, close and reopen their issues whatever their role, and
	// members below Planner may set labels of new issues only.
	policySource = "app/policies/issuable_policy.rb and app/policies/issue_policy.rb of https://gitlab.com/gitlab-org/gitlab"
	scopesSource = "https://docs.gitlab.com/user/profile/personal_access_tokens/#personal-access-token-scopes"
)

// Needs is what GitLab asks for before it does each of our calls: a scope of the
// token, and a role of its user in the project.
var Needs = []connector.Need{
	{Call: "GET /projects/{id}", When: "find out which project it is", Right: "`read_api`; Guest", Source: "https://docs.gitlab.com/api/projects/#retrieve-a-project"},
	{Call: "GET /personal_access_tokens/self", When: "the check: read the scopes of the token", Right: "any token", Source: "https://docs.gitlab.com/api/personal_access_tokens/#self-inform"},
	{Call: "GET /projects/{id}/members/all/{user_id}", When: "the check: read the role, where the project does not tell it or it is too low", Right: "`read_api`; Guest", Source: "https://docs.gitlab.com/api/members/#get-a-member-of-a-group-or-project-including-inherited-and-invited-members"},
	{Check: connector.CheckList, Call: "GET /projects/{id}/issues", When: "pull, and look for an issue whose create was not answered (confidential issues of others: Planner)", Right: "`read_api`; Guest", Source: rolesSource},
	{Check: connector.CheckCreate, Call: "POST /projects/{id}/issues", When: "create", Right: "`api`; Guest", Source: rolesSource},
	{Check: connector.CheckUpdate, Call: "PUT /projects/{id}/issues/{iid}", When: "change title and text of an issue that the token's user opened (of others: Planner)", Right: "`api`; Guest", Source: policySource},
	{Check: connector.CheckClose, Call: "PUT /projects/{id}/issues/{iid}", When: "close an issue that the token's user opened (of others: Planner)", Right: "`api`; Guest", Source: policySource},
	{Check: connector.CheckReopen, Call: "PUT /projects/{id}/issues/{iid}", When: "reopen an issue that the token's user opened (of others: Planner)", Right: "`api`; Guest", Source: policySource},
	{Check: connector.CheckLabels, Call: "PUT /projects/{id}/issues/{iid}", When: "put labels on and take them off; without the right GitLab drops them without a word", Right: "`api`; Planner", Source: policySource},
}

// A member is what the token's user is in the project.
type member struct {
	level int // 0 where it is not told
	// custom says that the role is one of the organisation's own making, which may
	// allow more than its level does.
	custom bool
}

// granular is the scope of a fine-grained token
// (https://docs.gitlab.com/auth/tokens/fine_grained_access_tokens/).
const granular = "granular"

// An ownToken is what the token tells about itself.
type ownToken struct {
	Scopes []string `json:"scopes"`
	UserID int64    `json:"user_id"`
}

// rights finds out which of our calls GitLab would accept.
type rights struct {
	client *client
	labels bool // whether the items' labels are kept on the issues
}

// all are the checks of all our calls. What the token's user may do stands in
// the project, what the token may do of that in its scopes. The error says for
// the log what stands behind a refusal.
func (r *rights) all(ctx context.Context, s state) ([]connector.Check, error) {
	self := r.self(ctx)
	who := r.member(ctx, s, self)

	checks := []connector.Check{r.mayList(s, self)}
	names := []string{connector.CheckCreate, connector.CheckUpdate, connector.CheckClose, connector.CheckReopen}
	if r.labels {
		names = append(names, connector.CheckLabels)
	}

	for _, name := range names {
		checks = append(checks, mayWrite(name, s, self, who))
	}

	for _, one := range checks {
		if one.OK != nil && !*one.OK && one.Detail != nil {
			return checks, r.client.fail(failure.Final, failure.IntegrationScope, "forbidden", *one.Detail+" "+r.client.place.project, outbound.Response{})
		}
	}

	return checks, nil
}

// mayList reports whether issues can be read: whoever sees the project and has
// issues there may, with any scope that reads. The read of the project shows
// that there is one.
func (r *rights) mayList(s state, self ownToken) connector.Check {
	switch {
	case s.issuesOff():
		return connector.Refused(connector.CheckList, "issues_disabled")
	case self.Scopes != nil && !slices.Contains(self.Scopes, "api") && !slices.Contains(self.Scopes, "read_api"):
		return connector.Refused(connector.CheckList, connector.ScopeMissing).With("The token lacks the scope api.")
	}

	return connector.Passed(connector.CheckList)
}

// mayWrite reports whether a call that writes would be taken. A right that is
// known to be missing decides, then one that is not told.
func mayWrite(name string, s state, self ownToken, who member) connector.Check {
	least := guest
	called := "Guest"
	if name == connector.CheckLabels {
		least = planner
		called = "Planner"
	}

	switch {
	case s.issuesOff():
		return connector.Refused(name, "issues_disabled")
	case s.Archived:
		return connector.Refused(name, "archived")
	case self.Scopes != nil && !slices.Contains(self.Scopes, "api"):
		return connector.Refused(name, connector.ScopeMissing).With("The token lacks the api scope.")
	case who.level < guest && !who.custom:
		// Minimal Access counts as no membership, and a public project takes issues
		// of those who are no members.
		return connector.Undecided(name, connector.NotTold).With("GitLab does not say that the token's user is a member of the project. It needs the role " + called + ". Administrators need none.")
	case who.level < least && who.custom:
		return connector.Undecided(name, connector.CustomRole).With("The token's user has a custom role in the project, and GitLab does not say what it allows. It must allow what " + called + " may.")
	case who.level < least:
		return connector.Refused(name, connector.LabelsDropped).With("The token's role in the project is below Planner: GitLab drops changes of labels, and does not say so.")
	case self.Scopes == nil:
		return connector.Undecided(name, connector.NotTold).With("GitLab does not say which scopes the token has, or it is a fine-grained one. It needs the scope api, or permissions for issues.")
	}

	return connector.Passed(name)
}

// self reads what the token tells about itself: personal, project and group
// access tokens do. The scopes are nil where it does not.
func (r *rights) self(ctx context.Context) ownToken {
	answer, err := r.client.get(ctx, r.client.place.baseURL+"/personal_access_tokens/self", 0)
	if err != nil || answer.Status != http.StatusOK {
		return ownToken{}
	}

	var self ownToken
	if json.Unmarshal(answer.Body, &self) != nil {
		return ownToken{}
	}

	if slices.Contains(self.Scopes, granular) {
		self.Scopes = nil // its permissions stand elsewhere, one by one
	}

	return self
}

// member is the role that the project tells. Where it tells none, or one that is
// too low for something, the list of members says more: roles that are inherited
// from an invited group, and custom roles.
func (r *rights) member(ctx context.Context, s state, self ownToken) member {
	who := member{}
	for _, role := range []*access{s.Permissions.Project, s.Permissions.Group} {
		if role != nil {
			who.level = max(who.level, role.Level)
		}
	}

	if who.level >= planner || self.UserID <= 0 {
		return who
	}

	answer, err := r.client.get(ctx, r.client.place.addressOf(strconv.FormatInt(s.ID, 10))+"/members/all/"+strconv.FormatInt(self.UserID, 10), 0)
	if err != nil || answer.Status != http.StatusOK {
		return who
	}

	var told struct {
		Level int             `json:"access_level"`
		Role  json.RawMessage `json:"member_role"`
	}
	if json.Unmarshal(answer.Body, &told) != nil {
		return who
	}

	who.level = max(who.level, told.Level)
	who.custom = len(told.Role) > 0 && string(told.Role) != "null"

	return who
}
