package mantisbt

import (
	"fmt"
	"strings"
	"testing"

	"example.com/integrations/shared/connector"
	product "example.com/integrations/shared/connector/mantisbt"
)

var _ connector.Checker = (*product.Connector)(nil)

// told is a check as people read it.
func told(t *testing.T, c connector.Checker) string {
	t.Helper()
	checks, err := c.Check(t.Context())
	if (err == nil) != strings.Contains(fmt.Sprint(checks), "target=ok") {
		t.Errorf("%v says in the log: %v", checks, err)
	}
	return strings.Trim(fmt.Sprint(checks), "[]")
}

// What the product's connection check says of every kind of project and token,
// without a write.
func TestTheConnectionCheck(t *testing.T) {
	const updater = "updater-token"
	for _, noRewriting := range []bool{false, true} {
		d := start(t, func(c *Config) {
			c.Tokens[updater] = "clerk"
			c.Roles["clerk"] = Updater
			c.NoRewriting = noRewriting
		})

		const known = "reachable=ok credentials=ok "
		const rights, gone = "list=ok create=ok update=ok close=ok reopen=ok update_closed=ok update_with_notes=ok", known + "target=no(target_not_found)"
		const good = known + "target=ok category=ok required_fields=ok " + rights
		const low = "close=no(role_too_low) reopen=no(role_too_low) update_closed=no(role_too_low)"
		for _, c := range []struct{ project, token, category, want string }{
			{"Work", ours, "Docs", good}, {"1", ours, "General", good}, {"Part", ours, "General", good}, {"Work", updater, "General", known + "target=ok category=ok required_fields=ok list=ok create=ok update=ok " + low + " update_with_notes=ok"},
			{"Work", reporter, "General", known + "target=ok category=ok required_fields=ok list=ok create=ok update=no(role_too_low) " + low + " update_with_notes=no(role_too_low)"},
			{"Work", ours, "docs", known + "target=ok category=no(category_not_found) required_fields=ok " + rights},
			{"Secret", ours, "General", gone}, {"2", ours, "General", gone}, {"9", ours, "General", gone}, {"None", ours, "General", gone},
			{"Work", ours + "x", "General", "reachable=ok credentials=no(credentials_rejected)"},
		} {
			connect := d.connect(nil, func(cfg *product.Config) {
				cfg.Project = c.project
				cfg.Token = c.token
				cfg.Category = c.category
			})
			if got := told(t, connect); got != c.want {
				t.Errorf("%+v: %s", c, got)
			}

			if len(d.Writes()) != 0 {
				t.Fatal("a check has written")
			}
		}

		elsewhere := d.connect(nil, func(cfg *product.Config) { cfg.BaseURL = "https://example.com/tracker/api/rest" })
		if got := told(t, elsewhere); got != "reachable=ok credentials=?(api_not_found) target=no(api_not_found)" {
			t.Errorf("no MantisBT there: %s", got)
		}

		d.noViolations()
	}
}
