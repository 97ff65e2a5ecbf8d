package mantisbt

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"strings"
	"time"
)

// An enum is a list of numbers with names.
type enum []reference

var (
	statuses = enum{{10, "new"}, {20, "feedback"}, {30, "acknowledged"}, {40, "confirmed"}, {50, "assigned"}, {80, "resolved"}, {90, "closed"}}

	resolutions = enum{
		{10, "open"}, {20, "fixed"}, {30, "reopened"}, {40, "unable to reproduce"}, {50, "not fixable"}, {60, "duplicate"},
		{70, "no change required"}, {80, "suspended"}, {90, "won't fix"},
	}
	levels = enum{{10, "viewer"}, {25, "reporter"}, {40, "updater"}, {55, "developer"}, {70, "manager"}, {90, "administrator"}}
)

// number is what MantisBT makes of a reference: a number is taken as it is,
// and a name it does not know is none.
func (e enum) number(asked reference) int {
	if asked.ID != 0 {
		return asked.ID
	}
	for _, one := range e {
		if one.Name == asked.Name {
			return one.ID
		}
	}
	return 0
}

// view shows a number; one that is not of the enum reads @number@.
func (e enum) view(id int) map[string]any {
	for _, one := range e {
		if one.ID == id {
			return map[string]any{"id": id, "name": one.Name, "label": one.Name}
		}
	}
	name := fmt.Sprintf("@%d@", id)
	return map[string]any{"id": id, "name": name, "label": name}
}

func (e enum) all() []map[string]any {
	list := []map[string]any{}
	for _, one := range e {
		list = append(list, e.view(one.ID))
	}
	return list
}

// zone is where the server is: times are written so.
var zone = time.FixedZone("", 3600)

func written(at time.Time) string { return at.In(zone).Format("2006-01-02T15:04:05-07:00") }

// identify gives a name an id that is the same after every start.
func identify(name string) int {
	sum := fnv.New32a()
	sum.Write([]byte(name))
	return int(sum.Sum32()>>12) + 1
}

// view is an issue as the API shows it. Empty texts are left out.
func (s *Server) view(one *issue) map[string]any {
	view := map[string]any{
		"id": one.ID, "summary": one.Summary, "description": one.Description, "sticky": one.Sticky,
		"project": s.projectRef(one.Project), "category": map[string]any{"id": s.categoryNumber(one), "name": one.Category},
		"reporter": map[string]any{"id": identify(one.Reporter), "name": one.Reporter, "email": one.Reporter + "@example.com"},
		"status":   statuses.view(one.Status), "resolution": resolutions.view(one.Resolution),
		"view_state": enum{{10, "public"}, {50, "private"}}.view(10), "priority": enum{{30, "normal"}}.view(30),
		"severity": enum{{50, "minor"}}.view(50), "reproducibility": enum{{70, "have not tried"}}.view(70),
		"created_at": written(one.CreatedAt), "updated_at": written(one.UpdatedAt), "history": []any{},
	}
	if one.Private {
		view["view_state"] = enum{{50, "private"}}.view(50)
	}
	if len(one.Notes) > 0 {
		notes := []any{}
		for _, id := range one.Notes {
			notes = append(notes, map[string]any{"id": id, "reporter": map[string]any{"id": 10, "name": "person"}, "text": "I had a look.",
				"view_state": enum{{10, "public"}}.view(10), "type": "note", "created_at": written(one.CreatedAt), "updated_at": written(one.CreatedAt)})
		}
		view["notes"] = notes
	}
	for name, text := range map[string]string{"steps_to_reproduce": one.Steps, "additional_information": one.Additional} {
		if text != "" {
			view[name] = text
		}
	}
	return view
}

func (s *Server) projectRef(id int) map[string]any {
	ref := map[string]any{"id": id, "name": ""}
	if found := s.project(id, ""); found != nil {
		ref["name"] = found.Name
	}
	return ref
}

func (s *Server) categoryNumber(one *issue) int {
	if found := s.project(one.Project, ""); found != nil {
		for i, name := range found.categories() {
			if name == one.Category {
				return i + 1
			}
		}
	}
	return 0
}

// me is what a user sees of himself. Projects below others are not listed.
func (s *Server) me(made *call) (*answer, *issue) {
	projects := []map[string]any{}
	for _, p := range s.all() {
		if p.visible(made.user) && p.Parent == 0 {
			projects = append(projects, s.projectRef(p.ID))
		}
	}
	return &answer{status: http.StatusOK, value: map[string]any{
		"id": identify(made.user), "name": made.user, "email": made.user + "@example.com", "language": "english", "timezone": "Europe/Berlin",
		"access_level": levels.view(int(s.role(made.user))), "projects": projects,
	}}, nil
}

func (s *Server) projectsList(made *call) (*answer, *issue) {
	list := []map[string]any{}
	all := s.all()
	for i := range all {
		if p := &all[i]; p.visible(made.user) {
			list = append(list, s.projectView(p, made.user))
		}
	}
	return &answer{status: http.StatusOK, value: map[string]any{"projects": list}}, nil
}

// oneProject gives a project and, behind it, those that lie directly below it.
// One that the user may not see is as unknown as one that there is not, and the
// answer has no body (recorded: project-with-subproject-updater,
// project-private-no-access, project-unknown-id).
func (s *Server) oneProject(made *call) (*answer, *issue) {
	found := s.project(made.route.id, "")
	if !found.visible(made.user) {
		return notFound(), nil
	}

	list := []map[string]any{s.projectView(found, made.user)}
	all := s.all()
	for i := range all {
		if p := &all[i]; p.Parent == found.ID && p.visible(made.user) {
			list = append(list, s.projectView(p, made.user))
		}
	}
	return &answer{status: http.StatusOK, value: map[string]any{"projects": list}}, nil
}

func (s *Server) projectView(p *Project, user string) map[string]any {
	view := s.projectRef(p.ID)
	categories, below := []map[string]any{}, []map[string]any{}
	for i, name := range p.categories() {
		categories = append(categories, map[string]any{"id": i + 1, "name": name, "project": s.projectRef(p.ID)})
	}
	for _, other := range s.all() {
		if other.Parent == p.ID && other.visible(user) {
			below = append(below, s.projectRef(other.ID))
		}
	}
	for name, value := range map[string]any{
		"status": enum{{10, "development"}}.view(10), "description": "", "enabled": !p.Disabled, "view_state": enum{{10, "public"}}.view(10),
		"access_level": levels.view(int(s.roleIn(p, user))), "custom_fields": p.fieldViews(), "versions": []any{}, "categories": categories,
	} {
		view[name] = value
	}
	if len(below) > 0 {
		view["subProjects"] = below
	}
	return view
}

// settings tells those asked for. What there is not is left out.
func (s *Server) settings(made *call) (*answer, *issue) {
	query := made.URL.Query()
	if id := number(query.Get("project_id"), 0); id != 0 && s.project(id, "") == nil {
		return noProject(query.Get("project_id")), nil
	}
	told := map[string]any{
		"status_enum_string": statuses.all(), "resolution_enum_string": resolutions.all(), "bug_resolved_status_threshold": resolved,
		"bug_reopen_status": 20, "bug_reopen_resolution": 30, "bug_submit_status": submitted,
		"access_levels_enum_string": levels.all(),
	}
	in := s.project(number(query.Get("project_id"), 0), "")
	for name := range thresholds {
		if value, public := s.setting(in, name); public {
			told[name] = value
		}
	}
	configs := []map[string]any{}
	for _, option := range append(query["option[]"], query["option"]...) {
		if value, ok := told[option]; ok {
			configs = append(configs, map[string]any{"option": option, "value": value})
		}
	}
	return &answer{status: http.StatusOK, value: map[string]any{"configs": configs}}, nil
}

// issuesIn takes the issues out of an answer.
func issuesIn(content []byte) []json.RawMessage {
	var answer struct {
		Issue  json.RawMessage   `json:"issue"`
		Issues []json.RawMessage `json:"issues"`
	}
	_ = json.Unmarshal(content, &answer)
	if answer.Issue != nil {
		return append(answer.Issues, answer.Issue)
	}
	return answer.Issues
}

func web(base string, id int) string {
	return fmt.Sprintf("%s/view.php?id=%d", strings.TrimSuffix(base, "/"), id)
}
