package mantisbt

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"example.com/integrations/shared/connector"
)

var _ connector.Checker = (*Connector)(nil)

// rightsConfig are settings as a server of 2.28.4 tells them.
const rightsConfig = `{"option":"status_enum_string","value":[{"id":10,"name":"new"},{"id":20,"name":"feedback"},{"id":80,"name":"resolved"},{"id":90,"name":"closed"}]},
{"option":"resolution_enum_string","value":[{"id":20,"name":"fixed"},{"id":30,"name":"reopened"}]},
{"option":"bug_resolved_status_threshold","value":80},{"option":"bug_reopen_status","value":20},{"option":"bug_reopen_resolution","value":30},
{"option":"report_bug_threshold","value":25},{"option":"update_bug_threshold","value":40},{"option":"update_bug_status_threshold","value":55},
{"option":"update_bugnote_threshold","value":55},{"option":"update_readonly_bug_threshold","value":70},{"option":"reopen_bug_threshold","value":55},
{"option":"bug_readonly_status_threshold","value":80}`

// What answers to the check's questions mean (B3, B4, B5).
func TestCheck(t *testing.T) {
	const found = `{"projects":[{"id":3,"name":"Work","enabled":true,"access_level":{"id":70},"custom_fields":[],"categories":[{"id":1,"name":"General"}]}]}`
	const known, target = "reachable=ok credentials=ok ", "reachable=ok credentials=ok target=ok "
	const all = "list=ok create=ok update=ok close=ok reopen=ok update_closed=ok update_with_notes=ok"
	role := func(level string) string { return strings.Replace(found, "70", level, 1) }
	field := func(text string) string {
		return strings.Replace(found, `"custom_fields":[]`, `"custom_fields":[`+text+`]`, 1)
	}
	below := strings.Replace(found, `[{"id":3`, `[{"id":4,"name":"Below","access_level":{"id":10},"enabled":false},{"id":3`, 1)
	reporting := "create=ok update=no(role_too_low) close=no(role_too_low) reopen=no(role_too_low) update_closed=no(role_too_low) update_with_notes=no(role_too_low)"
	unknown := "create=?(not_told) update=?(not_told) close=?(not_told) reopen=?(not_told) update_closed=?(not_told) update_with_notes=?(not_told)"
	for name, tt := range map[string]struct {
		users, project int
		body, want     string
	}{
		"all is well":        {200, 200, found, target + "category=ok required_fields=ok " + all},
		"a reporter":         {200, 200, role("25"), target + "category=ok required_fields=ok list=ok " + reporting},
		"B3: an updater":     {200, 200, role("40"), target + "category=ok required_fields=ok list=ok create=ok update=ok close=no(role_too_low) reopen=no(role_too_low) update_closed=no(role_too_low) update_with_notes=ok"},
		"a developer":        {200, 200, role("55"), target + "category=ok required_fields=ok list=ok create=ok update=ok close=ok reopen=no(role_too_low) update_closed=no(role_too_low) update_with_notes=ok"},
		"B4: one below it":   {200, 200, below, target + "category=ok required_fields=ok " + all},
		"B5: a field":        {200, 200, field(`{"name":"Customer","require_report":true,"access_level_rw":{"id":10}}`), target + "category=ok required_fields=no(field_required) " + all},
		"a field of others":  {200, 200, field(`{"name":"Budget","require_report":true,"access_level_rw":{"id":90}}`), target + "category=ok required_fields=ok " + all},
		"a field on update":  {200, 200, field(`{"name":"Reviewer","require_report":false,"require_update":true,"access_level_rw":{"id":10}}`), target + "category=ok required_fields=ok " + all},
		"no role told":       {200, 200, `{"projects":[{"id":3}]}`, target + "category=?(not_told) required_fields=?(not_told) list=ok " + unknown},
		"no category":        {200, 200, strings.Replace(found, "General", "Other", 1), target + "category=no(category_not_found) required_fields=ok " + all},
		"numbers as text":    {200, 200, `{"projects":[{"id":"3","access_level":{"id":"70"},"custom_fields":[]}]}`, target + "category=?(not_told) required_fields=ok " + all},
		"a disabled project": {200, 200, strings.Replace(found, "true", "false", 1), known + "target=no(project_disabled)"},
		"another's":          {200, 200, `{"projects":[{"id":4}]}`, "reachable=ok credentials=?(provider_error)"},
		"HTML":               {200, 200, `<html>`, "reachable=ok credentials=?(provider_error)"},
		"hidden":             {200, 403, ``, known + "target=no(target_not_found)"},
		"gone":               {200, 404, ``, known + "target=no(target_not_found)"},
		"bad token":          {401, 0, ``, "reachable=ok credentials=no(credentials_rejected)"},
		"sent on":            {302, 0, ``, "reachable=ok credentials=?(target_moved) target=no(target_moved)"},
		"limited":            {429, 0, ``, "reachable=ok credentials=?(rate_limited)"},
		"an outage":          {502, 0, ``, "reachable=ok credentials=?(provider_error)"},
		"broken off":         {0, 0, ``, "reachable=no(unreachable)"},
		"blocked":            {403, 0, ``, "reachable=ok credentials=?(forbidden) target=no(forbidden)"},
	} {
		f, c := start(t, nil)
		f.configs = rightsConfig
		f.users = func(w http.ResponseWriter, _ *http.Request) {
			if tt.users == 0 {
				panic(http.ErrAbortHandler)
			}
			reply(w, tt.users, nil, me)
		}

		f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
			if strings.HasSuffix(r.URL.Path, "/issues") {
				reply(w, 200, nil, listOf())
				return
			}
			reply(w, tt.project, nil, tt.body)
		}

		checks, err := c.Check(t.Context())
		if got := strings.Trim(fmt.Sprint(checks), "[]"); got != tt.want || (err == nil) != strings.Contains(got, "target=ok") {
			t.Errorf("%s: %s (%v)\nwant %s", name, got, err, tt.want)
		}

		for _, one := range f.take() {
			if one.method != http.MethodGet {
				t.Errorf("%s: %s", name, one.method)
			}
		}
	}
}
