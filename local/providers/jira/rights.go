package jira

import (
	"net/http"
	"slices"
)

// The permissions that calls need.
const (
	browseProjects   = "BROWSE_PROJECTS"
	createIssues     = "CREATE_ISSUES"
	editIssues       = "EDIT_ISSUES"
	transitionIssues = "TRANSITION_ISSUES"
	deleteIssues     = "DELETE_ISSUES"
)

// has reports whether an account has a permission in a project.
func (p *project) has(account Account, permission string) bool {
	see, change := p.may(account.Name)
	switch permission {
	case browseProjects:
		return see
	case "ADMINISTER_PROJECTS":
		return account.Admin
	}

	return change && !slices.Contains(p.Lacks[account.Name], permission)
}

// closedOff is the refusal of questions for the create screen.
func closedOff(status int) *answer {
	if status == http.StatusUnauthorized {
		// The token itself is valid: nothing says that it is not.
		return refuse(status, "You do not have permission to view create metadata.")
	}

	return refuse(status, "Issue create metadata is not available.")
}

// may reports what an account may do in a project: see it, and change it.
func (p *project) may(name string) (see, change bool) {
	see = (p.Members == nil || slices.Contains(p.Members, name)) && !slices.Contains(p.Lacks[name], browseProjects)
	return see, see && !slices.Contains(p.Readers, name)
}

// visible returns a project that the caller may see, or the refusal.
func (s *state) visible(made *call, key string) (*project, *answer) {
	p := s.find(key)
	if p != nil {
		if see, _ := p.may(made.account.Name); see {
			return p, nil
		}
	}

	return nil, refuse(http.StatusNotFound, "No project could be found with key '"+key+"'.")
}

// version is the one of the API that each flavor is asked for.
func (s *state) version() string {
	if s.cloud() {
		return "/rest/api/3"
	}
	return "/rest/api/2"
}

func (s *state) cloud() bool { return s.config.Flavor == Cloud }
