package mantisbt

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"slices"
	"strings"
	"time"
)

// An enum is a list of numbers with names.
type enum []reference

var (
	statuses = enum{{10, "new"}, {20, "feedback"}, {30, "acknowledged"}, {40, "confirmed"}, {50, "assigned"}, {80, "resolved"}, {90, "closed"}}

	resolutions = enum{
		{10, "open"}, {20, "fixed"}, {30, "reopened"}, {40, "unable to duplicate"}, {50, "not fixable"}, {60, "duplicate"},
		{70, "not a bug"}, {80, "suspended"}, {90, "wont fix"},
	}
	accesses = enum{{10, "public"}, {50, "private"}}

	levels = enum{{10, "viewer"}, {25, "reporter"}, {40, "updater"}, {55, "developer"}, {70, "manager"}, {90, "administrator"}}
)

// labels are the English labels that differ from the name (recorded:
// config-resolution-enum-string).
var labels = map[string]string{"unable to duplicate": "unable to reproduce", "not a bug": "no change required", "wont fix": "won't fix"}

// A translation gives English labels in another language. A nil one leaves them.
type translation map[string]string

// translated are the labels for a user.
func (s *Server) translated(user string) translation {
	return s.config.Labels[s.config.Accounts[user].Language]
}

// label is a label for a name.
func (t translation) label(name string) string {
	english := cmp.Or(labels[name], name)

	return cmp.Or(t[english], english)
}

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
func (e enum) view(id int, t translation) map[string]any {
	for _, one := range e {
		if one.ID == id {
			return map[string]any{"id": id, "name": one.Name, "label": t.label(one.Name)}
		}
	}

	name := fmt.Sprintf("@%d@", id)
	return map[string]any{"id": id, "name": name, "label": name}
}

func (e enum) all(t translation) []map[string]any {
	list := []map[string]any{}
	for _, one := range e {
		list = append(list, e.view(one.ID, t))
	}
	return list
}

// zone is that of a server whose configuration names none.
var zone = time.FixedZone("", 3600)

// written is a time as the API writes it: in the server's zone.
func (s *Server) written(at time.Time) string {
	in := s.config.Zone
	if in == nil {
		in = zone
	}

	return at.In(in).Format("2006-01-02T15:04:05-07:00")
}

// identify gives a name an id that is the same after every start.
func identify(name string) int {
	sum := fnv.New32a()
	sum.Write([]byte(name))
	return int(sum.Sum32()>>12) + 1
}

// userID is the number of a user.
func (s *Server) userID(user string) int {
	return cmp.Or(s.config.Accounts[user].ID, identify(user))
}

// userRef is a user as another one sees it: without the address, which only the
// user sees (recorded: get-full-reporter).
func (s *Server) userRef(user, viewer string) map[string]any {
	ref := map[string]any{"id": s.userID(user), "name": user}
	if user == viewer {
		ref["email"] = user + "@example.com"
	}

	return ref
}

// view is an issue as the API shows it to a user. Empty texts are left out.
func (s *Server) view(one *issue, viewer string) map[string]any {
	t := s.translated(viewer)
	access := 10
	if one.Private {
		access = 50
	}

	view := map[string]any{
		"id": one.ID, "summary": one.Summary, "description": one.Description, "sticky": one.Sticky,
		"project": s.projectRef(one.Project), "reporter": s.userRef(one.Reporter, viewer),
		"status": statuses.view(one.Status, t), "resolution": resolutions.view(one.Resolution, t),
		"view_state": accesses.view(access, t), "priority": enum{{30, "normal"}}.view(30, t),
		"severity": enum{{50, "minor"}}.view(50, t), "reproducibility": enum{{70, "have not tried"}}.view(70, t),
		"created_at": s.written(one.CreatedAt), "updated_at": s.written(one.UpdatedAt), "history": []any{},
	}
	if one.Category != "" {
		view["category"] = map[string]any{"id": s.categoryNumber(one), "name": one.Category}
	}

	for name, text := range map[string]string{"steps_to_reproduce": one.Steps, "additional_information": one.Additional} {
		if text != "" {
			view[name] = text
		}
	}

	for name, list := range map[string][]any{
		"notes": s.noteViews(one, viewer), "relationships": s.relationViews(one, t), "custom_fields": s.fieldsOf(one),
	} {
		if len(list) > 0 {
			view[name] = list
		}
	}

	return view
}

// shown is an issue as a user sees it after a change. In the place of one that
// the user may not see any more there is a fault, and the status is that of
// success.
func (s *Server) shown(one *issue, viewer string) (view any, strange bool) {
	if !s.sees(viewer, one) {
		return fault{http.StatusForbidden, "Access denied for user " + viewer + "."}, true
	}

	return s.view(one, viewer), false
}

func (s *Server) projectRef(id int) map[string]any {
	ref := map[string]any{"id": id, "name": ""}
	if found := s.project(id, ""); found != nil {
		ref["name"] = found.Name
	}
	return ref
}

// me is what a user sees of himself. Projects below others are not listed.
func (s *Server) me(made *call) (*answer, *issue) {
	account := s.config.Accounts[made.user]
	projects := []map[string]any{}
	for _, p := range s.listedProjects(made.user, 0) {
		projects = append(projects, s.projectRef(p.ID))
	}

	me := s.userRef(made.user, made.user)
	me["language"] = cmp.Or(account.Language, "english")
	me["timezone"] = cmp.Or(account.Zone, "Europe/Berlin")
	me["access_level"] = levels.view(int(s.role(made.user)), s.translated(made.user))
	me["projects"] = projects
	if !account.CreatedAt.IsZero() {
		me["created_at"] = s.written(account.CreatedAt)
	}

	return &answer{status: http.StatusOK, value: me}, nil
}

// listedProjects are the projects directly below another one (0: below none)
// that are in a user's lists, by name.
func (s *Server) listedProjects(user string, parent int) []*Project {
	var list []*Project
	all := s.all()
	for i := range all {
		if p := &all[i]; p.Parent == parent && !p.Disabled && s.visible(p, user) {
			list = append(list, p)
		}
	}

	slices.SortFunc(list, func(a, b *Project) int {
		return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})

	return list
}

// projectsList gives all projects of a user: those below none first, and then
// those below them (recorded: projects-all).
func (s *Server) projectsList(made *call) (*answer, *issue) {
	list := []map[string]any{}
	queue := s.listedProjects(made.user, 0)
	for i := 0; i < len(queue); i++ {
		list = append(list, s.projectView(queue[i], made.user))
		queue = append(queue, s.listedProjects(made.user, queue[i].ID)...)
	}

	return &answer{status: http.StatusOK, value: map[string]any{"projects": list}}, nil
}

// oneProject gives a project and, behind it, those that lie directly below it.
// One that the user may not see is as unknown as one that there is not, and the
// answer has no body (recorded: project-with-subproject-updater,
// project-private-no-access, project-unknown-id).
func (s *Server) oneProject(made *call) (*answer, *issue) {
	found := s.project(made.route.id, "")
	if !s.visible(found, made.user) {
		return hiddenProject(made.route.id), nil
	}

	list := []map[string]any{s.projectView(found, made.user)}
	for _, p := range s.listedProjects(made.user, found.ID) {
		list = append(list, s.projectView(p, made.user))
	}

	return &answer{status: http.StatusOK, value: map[string]any{"projects": list}}, nil
}

func (s *Server) projectView(p *Project, user string) map[string]any {
	t := s.translated(user)
	access := 10
	if p.Members != nil {
		access = 50
	}

	view := s.projectRef(p.ID)
	for name, value := range map[string]any{
		"status": enum{{10, "development"}}.view(10, t), "description": p.Description, "enabled": !p.Disabled, "view_state": accesses.view(access, t),
		"inherit_global": true, "access_level": levels.view(int(s.roleIn(p, user)), t), "custom_fields": p.fieldViews(t), "versions": []any{},
		"categories": s.categoryViews(p),
	} {
		view[name] = value
	}

	below := []map[string]any{}
	for _, other := range s.listedProjects(user, p.ID) {
		below = append(below, s.projectRef(other.ID))
	}

	if len(below) > 0 {
		view["subProjects"] = below
	}

	return view
}

// settings tells those asked for. What there is not is left out.
func (s *Server) settings(made *call) (*answer, *issue) {
	query := made.URL.Query()
	id := number(query.Get("project_id"), 0)
	if id != 0 && s.project(id, "") == nil {
		return noProject(id), nil
	}

	t := s.translated(made.user)
	told := map[string]any{
		"status_enum_string": statuses.all(t), "resolution_enum_string": resolutions.all(t), "bug_resolved_status_threshold": resolved,
		"bug_closed_status_threshold": closed, "bug_reopen_status": 20, "bug_reopen_resolution": 30, "bug_submit_status": submitted,
		"access_levels_enum_string": levels.all(t),
		"max_textarea_length":       maxText, "antispam_max_event_count": s.spam.allowed(),
	}

	in := s.project(id, "")
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
