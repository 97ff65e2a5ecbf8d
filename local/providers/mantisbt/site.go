package mantisbt

import (
	"cmp"
	"net/http"
)

// site has the resources of the account, the projects and the settings.
type site struct {
	*state

	rights rights
	views  views
	spam   *spam
}

// me is a user as the user sees the own account. Projects below others are not listed.
func (s *site) me(made *call) (*answer, *issue) {
	account := s.config.Accounts[made.user]
	projects := []map[string]any{}
	for _, p := range s.views.listedProjects(made.user, 0) {
		projects = append(projects, s.views.projectRef(p.ID))
	}

	me := s.views.userRef(made.user, made.user)
	me["language"] = cmp.Or(account.Language, "english")
	me["timezone"] = cmp.Or(account.Zone, "Europe/Berlin")
	me["access_level"] = levels.view(int(s.rights.role(made.user)), s.views.translated(made.user))
	me["projects"] = projects
	if !account.CreatedAt.IsZero() {
		me["created_at"] = s.views.written(account.CreatedAt)
	}

	return &answer{status: http.StatusOK, value: me}, nil
}

// projectsList gives all projects of a user: those below none first, and then
// those below them (recorded: projects-all).
func (s *site) projectsList(made *call) (*answer, *issue) {
	list := []map[string]any{}
	queue := s.views.listedProjects(made.user, 0)
	for i := 0; i < len(queue); i++ {
		list = append(list, s.views.projectView(queue[i], made.user))
		queue = append(queue, s.views.listedProjects(made.user, queue[i].ID)...)
	}

	return &answer{status: http.StatusOK, value: map[string]any{"projects": list}}, nil
}

// oneProject gives a project and, behind it, those that lie directly below it.
// One that the user may not see is as unknown as one that there is not, and the
// answer has no body (recorded: project-with-subproject-updater,
// project-private-no-access, project-unknown-id).
func (s *site) oneProject(made *call) (*answer, *issue) {
	found := s.project(made.route.id, "")
	if !s.rights.visible(found, made.user) {
		return hiddenProject(made.route.id), nil
	}

	list := []map[string]any{s.views.projectView(found, made.user)}
	for _, p := range s.views.listedProjects(made.user, found.ID) {
		list = append(list, s.views.projectView(p, made.user))
	}

	return &answer{status: http.StatusOK, value: map[string]any{"projects": list}}, nil
}

// settings shows the options asked for. Unknown ones are left out.
func (s *site) settings(made *call) (*answer, *issue) {
	query := made.URL.Query()
	id := number(query.Get("project_id"), 0)
	if id != 0 && s.project(id, "") == nil {
		return noProject(id), nil
	}

	t := s.views.translated(made.user)
	told := map[string]any{
		"status_enum_string": statuses.all(t), "resolution_enum_string": resolutions.all(t), "bug_resolved_status_threshold": resolved,
		"bug_closed_status_threshold": closed, "bug_reopen_status": 20, "bug_reopen_resolution": 30, "bug_submit_status": submitted,
		"access_levels_enum_string": levels.all(t),
		"max_textarea_length":       maxText, "antispam_max_event_count": s.spam.allowed(),
	}

	in := s.project(id, "")
	for name := range thresholds {
		if value, public := s.rights.setting(in, name); public {
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
