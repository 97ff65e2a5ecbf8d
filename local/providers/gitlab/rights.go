package gitlab

import (
	"net/http"
	"slices"
)

// rank is what a user may do with issues: that of the role, and at least that of
// a Planner with a custom role.
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

// mayDelete reports whether a user may delete issues: owners and planners may, and
// nobody between them, not even the author (app/policies/project_policy.rb,
// destroy_issue).
func (p *project) mayDelete(user string) bool {
	role := p.role(user)

	return role == Planner || role >= Owner
}

// member is a member with the role in the project
// (https://docs.gitlab.com/api/members/).
func (s *Server) member(made *call) (*answer, change) {
	p := made.route.project
	for user, role := range p.Roles {
		if identify(user) != int64(made.route.iid) || role == 0 {
			continue
		}

		view := s.renderUser(user)
		view["access_level"] = role
		view["member_role"] = nil
		view["expires_at"] = nil
		if slices.Contains(p.Custom, user) {
			view["member_role"] = map[string]any{"id": 1, "name": "Triager", "base_access_level": role}
		}

		return &answer{status: http.StatusOK, value: view}, change{}
	}

	return notFound(""), change{}
}
