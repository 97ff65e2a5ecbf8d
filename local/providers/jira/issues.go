package jira

import (
	"cmp"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// issues are the resources of single issues.
type issues struct {
	*state

	views views
}

// existing is the issue a request is about, if its caller may see it.
func (s *issues) existing(made *call) (*issue, *project, *answer) {
	found := s.get(made.route.issue)
	if found == nil {
		return nil, nil, notFound()
	}

	p := s.find(found.Project)
	if p == nil {
		return nil, nil, notFound()
	}

	if see, _ := p.may(made.account.Name); !see {
		return nil, nil, notFound()
	}

	return found, p, nil
}

// changeable is existing for a write that needs a permission.
func (s *issues) changeable(made *call, permission string) (*issue, *project, *answer) {
	found, p, refused := s.existing(made)
	if refused != nil {
		return nil, nil, refused
	}

	if !p.has(made.account, permission) {
		verb := "edit"
		if permission == deleteIssues {
			verb = "delete"
		}
		return nil, nil, refuse(http.StatusForbidden, "You do not have permission to "+verb+" issues in this project.")
	}

	return found, p, nil
}

// A named thing is given by its id, its key or its name.
type named struct {
	ID   string `json:"id"`
	Key  string `json:"key"`
	Name string `json:"name"`
}

func (s *issues) create(made *call) (*answer, *issue) {
	asked, refused := parseBody(made.body)
	if refused != nil {
		return refused, nil
	}

	var inProject, ofType named
	_ = json.Unmarshal(asked.Fields["project"], &inProject)
	_ = json.Unmarshal(asked.Fields["issuetype"], &ofType)
	p := s.find(cmp.Or(inProject.ID, inProject.Key))
	if p == nil {
		return badField("project", "valid project is required"), nil
	}
	if !p.has(made.account, createIssues) {
		return badField("project", "You cannot create issues in this project."), nil
	}

	id, number := s.next(p)
	at := s.now()
	created := &issue{ID: id, Project: p.Key, Number: number, Status: statusNew, Creator: made.account.Name, Created: at, Updated: at}
	if refused := s.fill(created, p, asked, ofType); refused != nil {
		refused.used = number // a refused create uses up a key all the same
		return refused, nil
	}

	return &answer{status: http.StatusCreated, value: map[string]string{
		"id": id, "key": created.key(), "self": s.views.root(made) + "/issue/" + id,
	}}, created
}

func (s *issues) fill(created *issue, p *project, asked *body, ofType named) *answer {
	at := slices.IndexFunc(p.Types, func(name string) bool {
		return strings.EqualFold(name, ofType.Name) || ofType.ID != "" && typeID(p, name) == ofType.ID
	})
	if at < 0 {
		return badField("issuetype", "Specify a valid issue type")
	}

	created.Type = p.Types[at]
	errors := map[string]string{}
	if asked.Fields["summary"] == nil {
		errors["summary"] = "You must specify a summary of the issue."
	}

	for _, id := range slices.Sorted(maps.Keys(p.Required)) {
		if asked.Fields[id] == nil {
			errors[id] = p.Required[id] + " is required."
		}
	}

	if len(errors) > 0 {
		return invalid(errors)
	}

	return s.apply(created, p, asked, p.NotOnCreate)
}

func (s *issues) read(made *call) (*answer, *issue) {
	found, _, refused := s.existing(made)
	if refused != nil {
		return refused, nil
	}
	return &answer{status: http.StatusOK, value: s.views.view(made, found, false)}, nil
}

func (s *issues) update(made *call) (*answer, *issue) {
	found, p, refused := s.changeable(made, editIssues)
	if refused != nil {
		return refused, nil
	}

	query := made.URL.Query()
	if !s.cloud() && query.Get("notifyUsers") == "false" && !made.account.Admin {
		return refuse(http.StatusForbidden, "To discard the user notification either admin or project admin permissions are required."), nil
	}
	if p.LocksClosed && findStatus(found.Status).category == "done" {
		return refuse(http.StatusBadRequest, "It is not on the appropriate screen, or unknown."), nil
	}

	asked, refused := parseBody(made.body)
	if refused != nil {
		return refused, nil
	}

	updated := *found
	if refused := s.apply(&updated, p, asked, p.NotOnEdit); refused != nil {
		return refused, nil
	}

	if !same(found, &updated) {
		updated.Updated = s.now()
	}

	out := &answer{status: http.StatusNoContent}
	if s.cloud() && query.Get("returnIssue") == "true" {
		out = &answer{status: http.StatusOK, value: s.views.view(made, &updated, true)}
	}

	return out, &updated
}

// same reports whether an edit changed nothing.
func same(a, b *issue) bool {
	return a.Summary == b.Summary && string(a.Description) == string(b.Description) && slices.Equal(a.Labels, b.Labels)
}

func (s *issues) remove(made *call) (*answer, *issue) {
	found, _, refused := s.changeable(made, deleteIssues)
	if refused != nil {
		return refused, nil
	}

	removed := *found
	removed.Deleted = true

	return &answer{status: http.StatusNoContent}, &removed
}

// ways are the statuses an issue may go to from where it stands.
func (p *project) ways(from string) []status {
	return slices.DeleteFunc(slices.Clone(statuses), func(to status) bool {
		done := findStatus(from).category
		return to.id == from || p.Stuck && to.category == "done" || p.Steps && done == "new" && to.category == "done" || p.NoWayBack && done == "done"
	})
}

func (s *issues) transitions(made *call) (*answer, *issue) {
	found, p, refused := s.existing(made)
	if refused != nil {
		return refused, nil
	}

	list := []map[string]any{}
	if p.has(made.account, transitionIssues) {
		for _, to := range p.ways(found.Status) {
			list = append(list, s.way(made, p, to))
		}
	}

	return &answer{status: http.StatusOK, value: map[string]any{"expand": "transitions", "transitions": list}}, nil
}

// wayID is a transition's id, which is not that of the status it leads to.
func wayID(to status) string { return "9" + to.id }

func (s *issues) way(made *call, p *project, to status) map[string]any {
	way := map[string]any{
		"id": wayID(to), "name": "→ " + to.name, "to": s.views.statusView(made, to), "hasScreen": p.AsksResolution && to.category == "done",
		"isGlobal": true, "isInitial": false, "isAvailable": true, "isConditional": false,
	}
	if made.URL.Query().Get("expand") == "transitions.fields" {
		fields := map[string]any{}
		if p.AsksResolution && to.category == "done" {
			fields["resolution"] = map[string]any{
				"required": true, "hasDefaultValue": false, "name": "Lösung", "key": "resolution", "operations": []string{"set"},
				"schema": map[string]string{"type": "resolution", "system": "resolution"},
			}
		}

		way["fields"] = fields
	}

	return way
}

func (s *issues) transit(made *call) (*answer, *issue) {
	found, p, refused := s.changeable(made, transitionIssues)
	if refused != nil {
		return refused, nil
	}

	asked, refused := parseBody(made.body)
	if refused != nil {
		return refused, nil
	}
	if asked.Transition == nil || asked.Transition.ID == "" {
		return refuse(http.StatusBadRequest, "Missing 'transition' identifier"), nil
	}

	ways := p.ways(found.Status)
	at := slices.IndexFunc(ways, func(to status) bool { return wayID(to) == asked.Transition.ID })
	if at < 0 {
		return refuse(http.StatusBadRequest, "It seems that you have tried to perform a workflow operation ("+asked.Transition.ID+") that is not valid for the current state of this issue."), nil
	}
	if p.AsksResolution && ways[at].category == "done" && asked.Fields["resolution"] == nil {
		return badField("resolution", "Lösung ist erforderlich."), nil
	}

	moved := *found
	moved.Status, moved.Updated = ways[at].id, s.now()

	return &answer{status: http.StatusNoContent}, &moved
}

// editmeta lists the fields of an issue that the account may change: none
// without the permission, or where the status lets nobody edit
// (https://developer.atlassian.com/cloud/jira/platform/rest/v3/api-group-issues/#api-rest-api-3-issue-issueidorkey-editmeta-get).
func (s *issues) editmeta(made *call) (*answer, *issue) {
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
