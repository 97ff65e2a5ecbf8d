package gitlab

import (
	"encoding/json"
	"errors"
	"net/http"

	"example.com/integrations/shared/outbound"
)

// state is what we read of a project.
type state struct {
	ID            int64  `json:"id"`
	Path          string `json:"path_with_namespace"`
	Archived      bool   `json:"archived"`
	IssuesEnabled *bool  `json:"issues_enabled"`
	IssuesAccess  string `json:"issues_access_level"`
	Permissions   struct {
		Project *access `json:"project_access"`
		Group   *access `json:"group_access"`
	} `json:"permissions"`
}

// access is a role, as a number that grows with its rights.
type access struct {
	Level int `json:"access_level"`
}

func (s state) issuesOff() bool {
	return s.IssuesAccess == "disabled" || s.IssuesEnabled != nil && !*s.IssuesEnabled
}

// stateOf reads a project out of the answer to a read of it.
func stateOf(answer outbound.Response, err error) (state, error) {
	var s state
	if err == nil && answer.Status == http.StatusOK {
		if err = json.Unmarshal(answer.Body, &s); err == nil && s.ID <= 0 {
			err = errors.New("no project")
		}
	}

	return s, err
}
