package gitlab

import "slices"

// role is the role of a user, 0 for none.
func (p *project) role(user string) int {
	if p.Roles == nil {
		return Developer
	}
	return p.Roles[user]
}

// rank is the role that counts for issues: with a custom role it is at least that
// of a Planner.
func (p *project) rank(user string) int {
	role := p.role(user)
	if slices.Contains(p.Custom, user) {
		return max(role, Planner)
	}

	return role
}

// mayLabel reports whether a user may set labels. At a new issue GitLab lets a
// Guest set those that the project has already (app/policies/issue_policy.rb),
// which is left out here: a label is new unless a test says otherwise.
func (p *project) mayLabel(user string) bool { return p.rank(user) >= Planner }

// mayDelete reports whether a user may delete issues: only owners and planners may,
// not even the author (app/policies/project_policy.rb,
// destroy_issue).
func (p *project) mayDelete(user string) bool {
	role := p.role(user)

	return role == Planner || role >= Owner
}

// mayWrite reports whether a user may write issues at all.
func mayWrite(p *project, user string) bool {
	return !p.NoIssues && !p.Archived && (p.role(user) >= Guest || !p.Private && p.Roles != nil)
}

// visible reports whether a user sees an issue. Users below a Planner do not see the
// confidential issues of others.
func visible(p *project, one *issue, user string) bool {
	return !one.Confidential || one.Author == user || p.rank(user) >= Planner
}
