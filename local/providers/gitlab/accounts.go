package gitlab

import (
	"net/http"
	"slices"
)

// accounts are the resources of users, tokens, projects and members.
type accounts struct {
	*state

	views views
}

func (s *accounts) user(made *call) (*answer, change) {
	return &answer{status: http.StatusOK, value: s.views.self(made.user)}, change{}
}

func (s *accounts) self(made *call) (*answer, change) {
	return &answer{status: http.StatusOK, value: s.views.token(made.user, s.scopes(made.token()))}, change{}
}

func (s *accounts) project(made *call) (*answer, change) {
	return &answer{status: http.StatusOK, value: s.views.project(made.route.project, made.user)}, change{}
}

func (s *accounts) scopes(token string) []string {
	if scopes, ok := s.config.Scopes[token]; ok {
		return scopes
	}
	return []string{"api"}
}

// member is a member with the role in the project
// (https://docs.gitlab.com/api/members/).
func (s *accounts) member(made *call) (*answer, change) {
	p := made.route.project
	for user, role := range p.Roles {
		if identify(user) != int64(made.route.iid) || role == 0 {
			continue
		}

		view := s.views.user(user)
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
