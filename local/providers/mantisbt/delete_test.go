package mantisbt

import (
	"strings"
	"testing"
)

// A delete needs delete_bug_threshold, which is developer unless an administrator
// sets it (recorded: delete-updater, delete-manager).
func TestDelete(t *testing.T) {
	for name, test := range map[string]struct {
		role     Role
		settings map[string]any
		status   int
	}{
		"updater":              {Updater, nil, 403},
		"developer":            {Developer, nil, 204},
		"manager":              {Manager, nil, 204},
		"manager, set higher":  {Manager, map[string]any{"delete_bug_threshold": Administrator}, 403},
		"reporter, set to his": {Reporter, map[string]any{"delete_bug_threshold": []Role{Reporter}}, 204},
	} {
		t.Run(name, func(t *testing.T) {
			d := start(t, func(c *Config) {
				c.Roles["maria"] = test.role
				c.Settings = test.settings
			})
			d.create("")

			answer := d.send("DELETE", "/issues/1", "", "Authorization", person)
			if answer.status != test.status {
				t.Fatalf("%d %s", answer.status, answer.text)
			}

			if test.status == 403 {
				if want := `{"message":"Access denied to delete issue 1","code":13,"localized":"Access Denied."}`; answer.text != want {
					t.Errorf("%s", answer.text)
				}

				if read := d.send("GET", "/issues/1", ""); read.status != 200 {
					t.Errorf("it is gone: %d", read.status)
				}

				return
			}

			again := d.send("DELETE", "/issues/1", "", "Authorization", person)
			if answer.text != "" || again.status != 404 || !strings.Contains(again.text, `"code":1100`) {
				t.Errorf("%q, then %d %s", answer.text, again.status, again.text)
			}

			d.noViolations()
		})
	}
}
