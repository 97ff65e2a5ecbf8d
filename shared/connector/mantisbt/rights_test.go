package mantisbt

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
)

// B2, B3, B5: what the check says of a role is what a real MantisBT 2.28.4 did
// when that role made the call. The settings and the projects that the check
// reads are the recorded ones.
func TestTheCheckAgreesWithARealServer(t *testing.T) {
	real := recorded(t)
	level := regexp.MustCompile(`"access_level":\s*\{"id":\s*\d+`)
	for _, tt := range []struct {
		call    string // the recorded one
		role    int
		check   string
		project string // the recorded project, "" for a plain one
		options string // recorded settings that are in force there besides
		bare    bool   // the server does not say which version it is
	}{
		{"create-minimal-reporter", 25, connector.CheckCreate, "", "", false},
		{"create-minimal-updater", 40, connector.CheckCreate, "", "", false},
		{"patch-summary-reporter", 25, connector.CheckUpdate, "", "", false},
		{"patch-summary-updater", 40, connector.CheckUpdate, "", "", false},
		{"patch-close-updater", 40, connector.CheckClose, "", "", false},
		{"patch-close-developer", 55, connector.CheckClose, "", "", false},
		{"patch-close-updater-allowed", 40, connector.CheckClose, "", "config-project-override", false},
		{"patch-closed-summary-updater", 40, checkUpdateClosed, "", "", false},
		{"patch-closed-summary-developer", 55, checkUpdateClosed, "", "", false},
		{"patch-closed-summary-manager", 70, checkUpdateClosed, "", "", false},
		{"patch-reopen-developer", 55, connector.CheckReopen, "", "", false},
		{"patch-reopen-manager", 70, connector.CheckReopen, "", "", false},
		{"patch-with-foreign-note-updater", 40, checkUpdateNoted, "", "", true},
		{"patch-with-foreign-note-developer", 55, checkUpdateNoted, "", "", true},
		{"patch-with-foreign-note-notes-emptied", 40, checkUpdateNoted, "", "", false}, // B21
		{"create-custom-field-missing", 40, connector.CheckRequiredFields, "project-with-custom-field", "", false},
		{"create-minimal-updater", 40, connector.CheckRequiredFields, "project-plain", "", false},
		{"create-minimal-updater", 40, connector.CheckRequiredFields, "project-with-subproject-updater", "", false},
		{"list-project", 40, connector.CheckList, "", "", false},
	} {
		name := tt.project
		if name == "" {
			name = "project-plain"
		}

		project := level.ReplaceAllString(string(real[name].Response.Body), fmt.Sprintf(`"access_level":{"id":%d`, tt.role))
		options := string(real["config-together"].Response.Body)
		if tt.options != "" {
			options = merged(t, options, string(real[tt.options].Response.Body))
		}

		f, c := start(t, func(cfg *Config) { cfg.Project = firstID(t, project) })
		f.bare = tt.bare
		f.configs = strings.TrimSuffix(strings.TrimPrefix(strings.ReplaceAll(options, `{"configs": [`, `{"configs":[`), `{"configs":[`), "]}")
		f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
			if strings.HasSuffix(r.URL.Path, "/issues") {
				reply(w, 200, nil, listOf())
				return
			}
			reply(w, 200, nil, project)
		}

		checks, err := c.Check(t.Context())
		if err != nil {
			t.Fatal(tt.call, err)
		}

		done := real[tt.call].Response.Status
		said := find(t, checks, tt.check)
		if done == 0 || said.OK == nil || *said.OK != (done < 300) {
			t.Errorf("%s by %d: the server answered %d, and the check says %v", tt.call, tt.role, done, said)
		}

		if said.OK != nil && !*said.OK && (said.Detail == nil || *said.Detail == "") {
			t.Errorf("%s by %d: no sentence for a manager: %v", tt.call, tt.role, said)
		}
	}
}

// merged replaces settings with those of another answer.
func merged(t *testing.T, configs, over string) string {
	t.Helper()
	told, err := settings([]byte(configs))
	if err != nil {
		t.Fatal(err)
	}

	replaced, err := settings([]byte(over))
	if err != nil || len(replaced) == 0 {
		t.Fatal(over, err)
	}

	for option, value := range replaced {
		told[option] = value
	}

	var list []any
	for option, value := range told {
		list = append(list, map[string]any{"option": option, "value": value})
	}

	return text(map[string]any{"configs": list})
}

// firstID is the number of the first project in an answer.
func firstID(t *testing.T, projects string) string {
	t.Helper()
	list, err := parseProjects([]byte(projects))
	if err != nil || len(list) == 0 {
		t.Fatal(projects, err)
	}
	return fmt.Sprint(list[0].ID)
}

// find is the check of a name.
func find(t *testing.T, checks []connector.Check, name string) connector.Check {
	t.Helper()
	for _, one := range checks {
		if one.Name == name {
			return one
		}
	}

	t.Fatalf("there is no check %s: %v", name, checks)

	return connector.Check{}
}

// A threshold may be a number, a number as text or a list, and may be missing
// because the server keeps it to itself (recorded: config-threshold-array,
// config-private-option).
func TestThresholdsOfEveryForm(t *testing.T) {
	for value, want := range map[string]reach{
		`40`: reached, `"40"`: reached, `41`: below, `[40]`: reached, `[25,70]`: below, `["40"]`: reached, `[]`: below,
		``: notTold, `null`: notTold, `0`: notTold, `{}`: notTold, `"x"`: notTold, `[{}]`: notTold, `-1`: notTold,
	} {
		s := standing{level: 40, options: map[string]json.RawMessage{updateThreshold: json.RawMessage(value)}}
		if value == "" {
			s.options = nil
		}

		if got := s.reaches(updateThreshold); got != want {
			t.Errorf("%s: %d, want %d", value, got, want)
		}
	}

	unknown := standing{options: map[string]json.RawMessage{updateThreshold: json.RawMessage(`40`)}}
	if got := unknown.reaches(updateThreshold); got != notTold {
		t.Errorf("a user whose level is not told: %d", got)
	}
}

// The sentence for a manager names who may, by which option, and who the user
// is.
func TestTheSentenceForAManager(t *testing.T) {
	said := map[string]json.RawMessage{
		statusThreshold: json.RawMessage(`55`), updateThreshold: json.RawMessage(`[40,70]`), reportThreshold: json.RawMessage(`[]`),
		readonlyThreshold: json.RawMessage(`61`),
	}
	s := standing{level: 40, options: said, names: []named{{40, "Bearbeiter"}}}
	for option, want := range map[string]string{
		statusThreshold:   "The server lets developer (55) and above do it (update_bug_status_threshold). The token's user is Bearbeiter (40) in the project.",
		updateThreshold:   "The server lets only Bearbeiter (40), manager (70) do it (update_bug_threshold). The token's user is Bearbeiter (40) in the project.",
		reportThreshold:   "The server lets nobody do it (report_bug_threshold). The token's user is Bearbeiter (40) in the project.",
		readonlyThreshold: "The server lets level 61 and above do it (update_readonly_bug_threshold). The token's user is Bearbeiter (40) in the project.",
	} {
		if got := s.asks(option, "do it"); got != want {
			t.Errorf("%s: %s", option, got)
		}
	}
}

// A server that keeps a threshold to itself, or that lets only some see the
// issues of others, leaves the check open; so does a right of which it is not
// proved that the API asks for it.
func TestWhatIsNotToldIsLeftOpen(t *testing.T) {
	const project = `{"projects":[{"id":3,"access_level":{"id":40},"custom_fields":[],"categories":[{"id":1,"name":"General"}]}]}`
	without := func(option string) string {
		return regexp.MustCompile(`\{"option":"`+option+`","value":\d+\},?\n?`).ReplaceAllString(rightsConfig+",", "") + `{"option":"x","value":1}`
	}
	with := func(option, value string) string {
		return rightsConfig + `,{"option":"` + option + `","value":` + value + `}`
	}
	for name, tt := range map[string]struct{ configs, check, want string }{
		"no report threshold":            {without(reportThreshold), connector.CheckCreate, "create=?(not_told)"},
		"no update threshold":            {without(updateThreshold), connector.CheckUpdate, "update=?(not_told)"},
		"no status threshold":            {without(statusThreshold), connector.CheckClose, "close=?(not_told)"},
		"no threshold of closed ones":    {without(readonlyThreshold), checkUpdateClosed, "update_closed=?(not_told)"},
		"from where they are closed":     {without(readonlyStatus), checkUpdateClosed, "update_closed=?(not_told)"},
		"no note threshold":              {without(noteThreshold), checkUpdateNoted, "update_with_notes=?(not_told)"},
		"closed ones are not read-only":  {with(readonlyStatus, "100"), checkUpdateClosed, "update_closed=ok"},
		"reopening alone is held higher": {with(readonlyStatus, "100") + `,{"option":"` + statusThreshold + `","value":40}`, connector.CheckReopen, "reopen=?(not_told)"},
		"all may write over the API":     {with(writeThreshold, "25"), connector.CheckUpdate, "update=ok"},
		"few may write over the API":     {with(writeThreshold, "70"), connector.CheckUpdate, "update=no(role_too_low)"},
		"own issues only":                {with(limitedView, "55"), connector.CheckList, "list=?(own_only)"},
		"own issues only, before 2.27":   {with(limitReporters, "1"), connector.CheckList, "list=ok"},
	} {
		f, c := start(t, nil)
		f.bare = true
		f.configs = tt.configs
		f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
			if strings.HasSuffix(r.URL.Path, "/issues") {
				reply(w, 200, nil, listOf())
				return
			}
			reply(w, 200, nil, project)
		}

		checks, err := c.Check(t.Context())
		if err != nil {
			t.Fatal(name, err)
		}

		if got := find(t, checks, tt.check); got.String() != tt.want || (!got.Holds() && got.Detail == nil) {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// B19: with anonymous access on, a token that MantisBT does not know is answered
// 200 as the account of those without one (recorded: anonymous-revoked-token-me).
func TestAnAnonymousAccountDoesNotPass(t *testing.T) {
	f, c := start(t, nil)
	f.configs = rightsConfig
	f.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		// The token dies between two calls.
		reply(w, 200, http.Header{"X-Mantis-LoginMethod": {"cookie"}}, `{"projects":[{"id":3,"access_level":{"id":70},"custom_fields":[]}]}`)
	}
	checks, err := c.Check(t.Context())
	if got := fmt.Sprint(checks); err == nil || got != "[reachable=ok credentials=no(credentials_rejected)]" {
		t.Errorf("%s, %v", got, err)
	}
}

// A server that cannot say its settings leaves rights open, and the log says why.
func TestNoSettings(t *testing.T) {
	f, c := start(t, nil)
	f.configs = `x`
	f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		if strings.HasSuffix(r.URL.Path, "/issues") {
			reply(w, 500, nil, "")
			return
		}
		reply(w, 200, nil, `{"projects":[{"id":3,"access_level":{"id":70},"custom_fields":[]}]}`)
	}

	checks, err := c.Check(t.Context())
	got := fmt.Sprint(checks)
	if err == nil || !strings.Contains(got, "list=?(provider_error) create=?(not_told)") || strings.Contains(got, "=no") {
		t.Errorf("%s, %v", got, err)
	}
}

func TestThePageShowsWhatIsNeeded(t *testing.T) {
	connectortest.DocumentsNeeds(t, "mantisbt", Needs)
}

// Whatever a server says of its thresholds, the check does not panic and passes
// nothing that was not told.
func FuzzThreshold(f *testing.F) {
	for _, seed := range []string{`40`, `"40"`, `[40,70]`, `[]`, `null`, `{"10":25}`, `[[40]]`, `9223372036854775808`, ``} {
		f.Add(seed)
	}

	f.Fuzz(func(t *testing.T, value string) {
		least, among, ok := parseThreshold(json.RawMessage(value))
		if ok && among == nil && least <= 0 {
			t.Errorf("%q is read as the level %d", value, least)
		}

		s := standing{level: 25, options: map[string]json.RawMessage{reportThreshold: json.RawMessage(value)}}
		check := s.may(connector.CheckCreate, demandReport)
		if check.Holds() && !ok {
			t.Errorf("%q passes", value)
		}
	})
}
