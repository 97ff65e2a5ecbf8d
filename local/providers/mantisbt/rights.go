package mantisbt

import (
	"cmp"
	"slices"
	"strconv"
)

// Hidden is a setting that the API does not tell.
type Hidden struct{}

// thresholds are the options that can be replaced, with the values that they have
// in an untouched MantisBT (config_defaults_inc.php, and recorded:
// config-together).
var thresholds = map[string]any{
	"report_bug_threshold": Reporter, "update_bug_threshold": Updater, "update_bug_status_threshold": Developer,
	"update_bugnote_threshold": Developer, "update_readonly_bug_threshold": Manager, "reopen_bug_threshold": Developer,
	"handle_bug_threshold": Developer, "bug_readonly_status_threshold": resolved, "webservice_readwrite_access_level_threshold": Reporter,
	"delete_bug_threshold": Developer, "add_bugnote_threshold": Reporter, "private_bugnote_threshold": Developer, "allow_no_category": 0,
	"set_status_threshold": map[string]any{"10": Reporter}, "status_enum_workflow": []any{},
}

// setting is a threshold as it is in force in a project, and whether the API
// tells it.
func (s *Server) setting(p *Project, name string) (value any, told bool) {
	value = thresholds[name]
	told = value != nil
	for _, replaced := range []map[string]any{s.config.Settings, p.settings()} {
		switch given := replaced[name].(type) {
		case nil:
		case Hidden:
			told = false
		default:
			value = given
			told = true
		}
	}

	return value, told
}

func (p *Project) settings() map[string]any {
	if p == nil {
		return nil
	}

	return p.Settings
}

// roleIn is what a user may do in a project.
func (s *Server) roleIn(p *Project, user string) Role {
	if p != nil {
		if role, ok := p.Roles[user]; ok {
			return role
		}
	}

	return s.role(user)
}

// may reports whether a user reaches a threshold in a project. A list holds the
// roles that are enough (recorded: config-threshold-array).
func (s *Server) may(p *Project, user, name string) bool {
	value, _ := s.setting(p, name)
	role := s.roleIn(p, user)
	switch least := value.(type) {
	case Role:
		return role >= least
	case []Role:
		return slices.Contains(least, role)
	}

	return false
}

// readonly reports whether a user may not change an issue because of its status.
func (s *Server) readonly(p *Project, one *issue, user string) bool {
	from, _ := s.setting(p, "bug_readonly_status_threshold")
	status, ok := from.(int)

	return ok && one.Status >= status && !s.may(p, user, "update_readonly_bug_threshold")
}

// mayChange is nil if a user may make a change, else the refusal. The order is
// that of a real server (recorded: patch-reopen-developer,
// patch-with-foreign-note-updater, patch-close-updater).
func (s *Server) mayChange(p *Project, found *issue, asked *change, user string) *answer {
	refused := func(reason string) *answer {
		return denied("Access denied for user " + user + ". Reason: " + reason + ".")
	}
	switch {
	case s.readonly(p, found, user):
		return denied("Issue '" + strconv.Itoa(found.ID) + "' is readonly")
	case !s.may(p, user, "webservice_readwrite_access_level_threshold"):
		return deniedFor(user)
	case !s.may(p, user, "update_bug_threshold"):
		return refused("Not enough rights to update issues")
	case len(found.Notes) > 0 && !asked.emptiesNotes && !s.may(p, user, "update_bugnote_threshold"):
		return refused("Not allowed to update note " + strconv.Itoa(found.Notes[0].ID))
	case asked.status != nil && statuses.number(*asked.status) != found.Status && !s.may(p, user, "update_bug_status_threshold"):
		return refused("Not allowed to change Issue status")
	}

	return nil
}

// missing is the refusal of a new issue that lacks the value of a required
// field, nil where it lacks none (recorded: create-custom-field-missing). Who
// may not fill in a field is not asked for it.
func (s *Server) missing(p *Project, asked *change, user string) *answer {
	for _, f := range p.Fields {
		if f.Required && s.roleIn(p, user) >= f.Write && asked.fields[f.Name] == "" {
			return emptyField(f.Name, "Mandatory field '"+f.Name+"' is missing.")
		}
	}

	return nil
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
func (s *Server) fieldsOf(one *issue) []any {
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
