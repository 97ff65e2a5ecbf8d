package mantisbt

import (
	"slices"
	"strconv"
)

// Hidden is a setting that the API does not show.
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

// rights say what users may do.
type rights struct{ *state }

// role is what a user may do in general.
func (s *rights) role(user string) Role {
	if role, ok := s.config.Roles[user]; ok {
		return role
	}

	if user == guest {
		return Viewer
	}

	return Manager
}

// visible reports whether a user sees a project. An administrator sees all.
func (s *rights) visible(p *Project, user string) bool {
	return p != nil && (p.Members == nil || slices.Contains(p.Members, user) || s.role(user) >= Administrator)
}

// setting is a threshold as it is in force in a project, and whether the API
// shows it.
func (s *rights) setting(p *Project, name string) (value any, told bool) {
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
func (s *rights) roleIn(p *Project, user string) Role {
	if p != nil {
		if role, ok := p.Roles[user]; ok {
			return role
		}
	}

	return s.role(user)
}

// may reports whether a user reaches a threshold in a project. A list holds the
// roles that are enough (recorded: config-threshold-array).
func (s *rights) may(p *Project, user, name string) bool {
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
func (s *rights) readonly(p *Project, one *issue, user string) bool {
	from, _ := s.setting(p, "bug_readonly_status_threshold")
	status, ok := from.(int)

	return ok && one.Status >= status && !s.may(p, user, "update_readonly_bug_threshold")
}

// mayChange is nil if a user may make a change, else the refusal. The order is
// that of a real server (recorded: patch-reopen-developer,
// patch-with-foreign-note-updater, patch-close-updater).
func (s *rights) mayChange(p *Project, found *issue, asked *asked, user string) *answer {
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
// field, nil where it lacks none (recorded: create-custom-field-missing). The
// server does not ask users for fields that they may not fill in.
func (s *rights) missing(p *Project, asked *asked, user string) *answer {
	for _, f := range p.Fields {
		if f.Required && s.roleIn(p, user) >= f.Write && asked.fields[f.Name] == "" {
			return emptyField(f.Name, "Mandatory field '"+f.Name+"' is missing.")
		}
	}

	return nil
}

// mayReport reports whether a user may make issues in a project. One that the
// user does not see is refused like one where the role is too low (recorded:
// create-project-private).
func (s *rights) mayReport(p *Project, user string) bool {
	return !p.Disabled && s.visible(p, user) && s.may(p, user, "report_bug_threshold") && s.may(p, user, "webservice_readwrite_access_level_threshold")
}

// existing is the issue that a request is about, or the refusal.
func (s *rights) existing(made *call) (*issue, *answer) {
	found := s.get(made.route.id)
	switch {
	case found == nil:
		return nil, noIssue(made.route.id)
	case !s.sees(made.user, found):
		return nil, deniedFor(made.user)
	}

	return found, nil
}

// sees reports whether a user may see an issue.
func (s *rights) sees(user string, found *issue) bool {
	return s.visible(s.project(found.Project, ""), user) && (!found.Private || found.Reporter == user || s.roleIn(s.project(found.Project, ""), user) >= Developer)
}

// openChild reports whether an issue has a child that is not done. Such an issue
// cannot be resolved (recorded: patch-close-parent-of-open-child).
func (s *rights) openChild(one *issue) bool {
	return slices.ContainsFunc(one.Relations, func(r relation) bool {
		child := s.get(r.Issue)

		return r.Type == parentOf && child != nil && child.Status < resolved
	})
}
