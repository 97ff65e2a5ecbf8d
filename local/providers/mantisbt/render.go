package mantisbt

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.com/integrations/local/providers/tracker"
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

// views render what the API shows.
type views struct {
	*state

	rights     rights
	categories categories
}

// translated are the labels for a user.
func (s *views) translated(user string) translation {
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
func (s *views) written(at time.Time) string {
	in := s.config.Zone
	if in == nil {
		in = zone
	}

	return at.In(in).Format("2006-01-02T15:04:05-07:00")
}

// identify gives a name an id that is the same after every start.
func identify(name string) int {
	return int(tracker.Hash(name)>>12) + 1
}

// userID is the number of a user.
func (s *views) userID(user string) int {
	return cmp.Or(s.config.Accounts[user].ID, identify(user))
}

// userRef is a user as another one sees it: without the address, which only the
// user sees (recorded: get-full-reporter).
func (s *views) userRef(user, viewer string) map[string]any {
	ref := map[string]any{"id": s.userID(user), "name": user}
	if user == viewer {
		ref["email"] = user + "@example.com"
	}

	return ref
}

// view is an issue as the API shows it to a user. Empty texts are left out.
func (s *views) view(one *issue, viewer string) map[string]any {
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
		view["category"] = map[string]any{"id": s.categories.categoryNumber(one), "name": one.Category}
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
func (s *views) shown(one *issue, viewer string) (view any, strange bool) {
	if !s.rights.sees(viewer, one) {
		return fault{http.StatusForbidden, "Access denied for user " + viewer + "."}, true
	}

	return s.view(one, viewer), false
}

func (s *views) projectRef(id int) map[string]any {
	ref := map[string]any{"id": id, "name": ""}
	if found := s.project(id, ""); found != nil {
		ref["name"] = found.Name
	}
	return ref
}

// listedProjects are the projects directly below another one (0: below none)
// that are in a user's lists, by name.
func (s *views) listedProjects(user string, parent int) []*Project {
	var list []*Project
	all := s.all()
	for i := range all {
		if p := &all[i]; p.Parent == parent && !p.Disabled && s.rights.visible(p, user) {
			list = append(list, p)
		}
	}

	slices.SortFunc(list, func(a, b *Project) int {
		return cmp.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name))
	})

	return list
}

func (s *views) projectView(p *Project, user string) map[string]any {
	t := s.translated(user)
	access := 10
	if p.Members != nil {
		access = 50
	}

	view := s.projectRef(p.ID)
	for name, value := range map[string]any{
		"status": enum{{10, "development"}}.view(10, t), "description": p.Description, "enabled": !p.Disabled, "view_state": accesses.view(access, t),
		"inherit_global": true, "access_level": levels.view(int(s.rights.roleIn(p, user)), t), "custom_fields": p.fieldViews(t), "versions": []any{},
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

func web(base string, id int) string {
	return fmt.Sprintf("%s/view.php?id=%d", strings.TrimSuffix(base, "/"), id)
}

// one is an answer with an issue, or the members of it that are asked for, and
// its tag.
func (s *views) one(made *call, found *issue, members string) *answer {
	shown, strange := s.shown(found, made.user)
	if view, whole := shown.(map[string]any); whole {
		shown = selected(view, members)
	}

	if _, object := shown.(map[string]any); !object {
		strange = true
	}

	value := map[string]any{"issues": []any{shown}}

	return &answer{status: http.StatusOK, header: http.Header{"Etag": {tag(made.user, value)}}, value: value, strange: strange}
}

// fieldViews are the fields of a project as the API shows them.
func (p *Project) fieldViews(t translation) []map[string]any {
	list := []map[string]any{}
	for i, f := range p.Fields {
		list = append(list, map[string]any{
			"id": cmp.Or(f.ID, i+1), "name": f.Name, "type": "string", "default_value": "", "possible_values": "", "valid_regexp": "",
			"length_min": 0, "length_max": 0, "access_level_r": levels.view(int(Viewer), t), "access_level_rw": levels.view(int(max(f.Write, Viewer)), t),
			"display_report": true, "display_update": true, "display_resolved": true, "display_closed": true,
			"require_report": f.Required, "require_update": f.RequiredOnUpdate, "require_resolved": false, "require_closed": false,
		})
	}

	return list
}

// fieldsOf are the values of an issue's fields as the API shows them. One that
// was never filled in is empty (recorded: patch-custom-field-missing-on-update).
func (s *views) fieldsOf(one *issue) []any {
	found := s.project(one.Project, "")
	if found == nil {
		return nil
	}

	var list []any
	for i, f := range found.Fields {
		list = append(list, map[string]any{"field": map[string]any{"id": cmp.Or(f.ID, i+1), "name": f.Name}, "value": one.Fields[f.Name]})
	}

	return list
}
