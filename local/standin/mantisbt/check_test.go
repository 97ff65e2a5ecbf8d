package mantisbt

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"integrations/shared/connector"
	product "integrations/shared/connector/mantisbt"
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
			c.Tokens[updater], c.Roles["clerk"], c.NoRewriting = "clerk", Updater, noRewriting
		})
		const known = "reachable=ok credentials=ok "
		const good, gone = known + "target=ok write=ok category=ok", known + "target=no(target_not_found)"
		for _, c := range []struct{ project, token, category, want string }{
			{"Work", ours, "Docs", good}, {"1", ours, "General", good}, {"Part", ours, "General", good}, {"Work", updater, "General", good},
			{"Work", reporter, "General", known + "target=ok write=no(write_not_allowed) category=ok"},
			{"Work", ours, "docs", known + "target=ok write=ok category=no(category_not_found)"},
			{"Secret", ours, "General", gone}, {"2", ours, "General", gone}, {"9", ours, "General", gone}, {"None", ours, "General", gone},
			{"Work", ours + "x", "General", "reachable=ok credentials=no(credentials_rejected)"},
		} {
			connect := d.connect(nil, func(cfg *product.Config) { cfg.Project, cfg.Token, cfg.Category = c.project, c.token, c.category })
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

// What the check says of writing is what writing then meets.
func TestTheCheckIsRightAboutWriting(t *testing.T) {
	d := start(t, nil)
	for _, c := range []struct {
		token, category string
		change          int
	}{{ours, "General", http.StatusOK}, {reporter, "General", http.StatusForbidden}, {ours, "x", http.StatusBadRequest}} {
		made := d.send("POST", "/issues", `{"summary":"S","description":"D","project":{"id":1},"category":{"name":"`+c.category+`"}}`, "Authorization", c.token)
		status := made.status
		if status == 201 {
			status = d.send("PATCH", fmt.Sprintf("/issues/%v", made.issue(t)["id"]), `{"summary":"T"}`, "Authorization", c.token).status
		}
		said := told(t, d.connect(nil, func(cfg *product.Config) { cfg.Token, cfg.Category = c.token, c.category }))
		if status != c.change || strings.HasSuffix(said, "write=ok category=ok") != (status == http.StatusOK) {
			t.Errorf("%+v: %d, but the check says %s", c, status, said)
		}
	}
}
