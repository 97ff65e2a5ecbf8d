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
		// The token itself is taken: nothing says that it is not.
		return refuse(status, "You do not have permission to view create metadata.")
	}

	return refuse(status, "Issue create metadata is not available.")
}

// typeOf is the id of an issue's type.
func (s *Server) typeOf(i *issue) string {
	p := s.find(i.Project)
	if p == nil {
		return ""
	}

	return typeID(p, i.Type)
}

// editmeta lists the fields of an issue that the account may change: none
// without the permission, or where the status lets nobody edit
// (https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-editmeta-get).
func (s *Server) editmeta(made *call) (*answer, *issue) {
	found, p, refused := s.existing(made)
	if refused != nil {
		return refused, nil
	}

	fields := map[string]any{}
	if p.has(made.account, editIssues) && !(p.LocksClosed && findStatus(found.Status).category == "done") {
		for _, id := range []string{"summary", "description", "labels"} {
			if slices.Contains(p.NotOnEdit, id) || id == "labels" && p.NoLabels {
				continue
			}
			fields[id] = map[string]any{"key": id, "name": id, "required": id == "summary", "operations": []string{"set"}, "schema": map[string]string{"type": "string", "system": id}}
		}
	}

	return &answer{status: http.StatusOK, value: map[string]any{"fields": fields}}, nil
}
