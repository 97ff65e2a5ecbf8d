package mantisbt

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"integrations/shared/connector"
)

var _ connector.Checker = (*Connector)(nil)

// What answers to the check's questions mean.
func TestCheck(t *testing.T) {
	const found = `{"projects":[{"id":3,"name":"Work","access_level":{"id":40},"categories":[{"id":1,"name":"General"}]}]}`
	const known = "reachable=ok credentials=ok "
	for name, tt := range map[string]struct {
		users, project int
		body, want     string
	}{
		"all is well":   {200, 200, found, known + "target=ok write=ok category=ok"},
		"a reporter":    {200, 200, strings.Replace(found, "40", "25", 1), known + "target=ok write=no(write_not_allowed) category=ok"},
		"no role told":  {200, 200, `{"projects":[{"id":3}]}`, known + "target=ok write=?(not_told) category=?(not_told)"},
		"no category":   {200, 200, strings.Replace(found, "General", "Other", 1), known + "target=ok write=ok category=no(category_not_found)"},
		"no categories": {200, 200, `{"projects":[{"id":"3","access_level":{"id":"70"}}]}`, known + "target=ok write=ok category=?(not_told)"},
		"another's":     {200, 200, `{"projects":[{"id":4}]}`, "reachable=ok credentials=?(provider_error)"},
		"HTML":          {200, 200, `<html>`, "reachable=ok credentials=?(provider_error)"},
		"hidden":        {200, 403, ``, known + "target=no(target_not_found)"},
		"gone":          {200, 404, ``, known + "target=no(target_not_found)"},
		"bad token":     {401, 0, ``, "reachable=ok credentials=no(credentials_rejected)"},
		"sent on":       {302, 0, ``, "reachable=ok credentials=?(target_moved) target=no(target_moved)"},
		"limited":       {429, 0, ``, "reachable=ok credentials=?(rate_limited)"},
		"an outage":     {502, 0, ``, "reachable=ok credentials=?(provider_error)"},
		"broken off":    {0, 0, ``, "reachable=no(unreachable)"},
		"blocked":       {403, 0, ``, "reachable=ok credentials=?(forbidden) target=no(forbidden)"},
	} {
		f, c := start(t, nil)
		f.users = func(w http.ResponseWriter, _ *http.Request) {
			if tt.users == 0 {
				panic(http.ErrAbortHandler)
			}
			reply(w, tt.users, nil, me)
		}
		f.answers(tt.project, nil, tt.body)
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
