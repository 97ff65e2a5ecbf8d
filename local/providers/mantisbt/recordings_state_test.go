package mantisbt

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // Europe/Berlin, on a machine without a database of zones

	"example.com/integrations/local/providers/faults"
)

// The users of the recorded server. In the file a token is called by its user.
var recordedRoles = map[string]Role{
	"administrator": Administrator, "reporter": Reporter, "updater": Updater, "developer": Developer, "manager": Manager,
	"viewer": Viewer, "anonymous": Viewer, "disabled": Reporter, "person": Developer,
}

var recordedNumbers = map[string]int{
	"administrator": 1, "reporter": 2, "updater": 3, "developer": 4, "manager": 5, "viewer": 6, "anonymous": 7, "disabled": 9, "person": 10,
}

// recordedServer is the server as its README describes it: the data, and the
// settings that differ from MantisBT's own.
func recordedServer(dir string, now func() time.Time) Config {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		panic(err) // the zones are in the test
	}

	tokens := map[string]string{}
	accounts := map[string]Account{}
	for user, id := range recordedNumbers {
		tokens["<token of "+user+">"] = user
		accounts[user] = Account{ID: id, Disabled: user == "disabled", CreatedAt: at("00:08:23")}
	}

	return Config{
		Dir: dir, Now: now, Tokens: tokens, Roles: recordedRoles, Installation: Installation{Zone: berlin, Replacing: true, ByTimeOnly: true},
		Directory: Directory{
			Accounts: accounts, Filters: map[string][]int{"1": {submitted}},
			Categories: []Category{{ID: 1, Name: "General"}, {ID: 2, Name: "Hardware", Project: 1}, {ID: 3, Name: "ElseOnly", Project: 4}},
		},
		Projects: []Project{
			{ID: 1, Name: "Work"},
			{ID: 2, Name: "Below", Parent: 1},
			{ID: 3, Name: "Secret", Members: []string{"person"}},
			{ID: 4, Name: "Else", Settings: map[string]any{"update_bug_status_threshold": Updater}},
			{ID: 5, Name: "Fields", Fields: []Field{{ID: 1, Name: "Customer", Required: true, Write: Viewer}}},
			{ID: 6, Name: "FieldsUpd", Fields: []Field{{ID: 2, Name: "Reviewed", RequiredOnUpdate: true, Write: Viewer}}},
			{ID: 7, Name: "Lists"},
			{ID: 8, Name: "ListsBelow", Parent: 7},
			{ID: 9, Name: "Dormant", Disabled: true},
		},
	}
}

// settingsOf are the settings that a case was recorded with.
var settingsOf = map[string]func(*Config){
	"time-zone-of-account":                func(c *Config) { account(c, "developer", Account{ID: 4, Zone: "Asia/Kolkata"}) },
	"language-of-account-issue":           german,
	"config-threshold-array":              set("update_bug_threshold", []Role{Updater, Manager}, "update_bug_status_threshold", []Role{Developer}),
	"patch-against-workflow":              set("status_enum_workflow", map[string]any{"10": "20:feedback"}),
	"create-no-category-allowed":          set("allow_no_category", 1),
	"patch-resolved-readonly-from-closed": set("bug_readonly_status_threshold", closed),
	"anonymous-me":                        anonymous,
	"anonymous-revoked-token-me":          anonymous,
	"anonymous-revoked-token-create":      anonymous,
	"anonymous-revoked-token-patch":       anonymous,
	"rest-disabled":                       func(c *Config) { c.RESTOff = true },
	"offline-me":                          func(c *Config) { c.Offline = true },
	"create-summary-129-not-strict":       func(c *Config) { c.Lenient = true },
	"antispam-create":                     func(c *Config) { c.Limits = true },
	"antispam-updater-exempt":             func(c *Config) { c.Limits = true },
}

// set replaces settings: names and values in turn.
func set(pairs ...any) func(*Config) {
	return func(c *Config) {
		c.Settings = map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			c.Settings[pairs[i].(string)] = pairs[i+1]
		}
	}
}

func anonymous(c *Config) { c.Anonymous = "anonymous" }

func account(c *Config, user string, a Account) {
	c.Accounts = maps.Clone(c.Accounts)
	c.Accounts[user] = a
}

func german(c *Config) {
	account(c, "developer", Account{ID: 4, Language: "german"})
	c.Labels = map[string]map[string]string{"german": {"new": "neu", "open": "offen"}}
}

// at is a time of the day on which it was recorded, in the server's zone.
func at(clock string) time.Time {
	return day("2026-11-28T" + clock + "+01:00")
}

func day(text string) time.Time {
	read, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}

	return read
}

// plainIssue is an issue as most of the recorded ones were: made by the reporter in
// Work, and not changed since.
func plainIssue(id int, made string, changes ...func(*issue)) issue {
	one := issue{
		ID: id, Project: 1, Category: "General", Summary: "An issue", Description: "Text.", Status: submitted, Resolution: submitted,
		Reporter: "reporter", CreatedAt: at(made), UpdatedAt: at(made),
	}
	for _, change := range changes {
		change(&one)
	}

	return one
}

func titledAs(summary string) func(*issue) { return func(i *issue) { i.Summary = summary } }
func of(user string) func(*issue)          { return func(i *issue) { i.Reporter = user } }
func in(project int) func(*issue)          { return func(i *issue) { i.Project = project } }
func kept(category string) func(*issue)    { return func(i *issue) { i.Category = category } }

func being(status, resolution int) func(*issue) {
	return func(i *issue) {
		i.Status = status
		i.Resolution = resolution
	}
}

func updated(when time.Time) func(*issue) { return func(i *issue) { i.UpdatedAt = when } }

func noted(id int, user, made string) func(*issue) {
	return func(i *issue) {
		i.Notes = append(i.Notes, note{ID: id, Reporter: user, Text: "I had a look.", CreatedAt: at(made)})
	}
}

// issuesBefore are the issues that are there before a case, and how people have
// changed those of earlier cases.
var issuesBefore = map[string][]issue{
	"note-add-reporter": {plainIssue(32, "00:19:28", titledAs("Full issue"), of("updater"), kept("Hardware"), func(i *issue) {
		i.Description = "Line 1\nLine 2"
		i.Steps = "1. Open."
		i.Additional = "Marker: 0002"
	})},
	"relationship-add":                     {plainIssue(33, "00:19:28", titledAs("Related issue"))},
	"delete-updater":                       {plainIssue(34, "00:19:33")},
	"get-private-issue":                    {plainIssue(35, "00:19:33", func(i *issue) { i.Private = true })},
	"get-issue-in-private-project":         {plainIssue(36, "00:19:33", of("person"), in(3))},
	"patch-move-updater":                   {plainIssue(37, "00:19:34", titledAs("To be moved"), of("updater"))},
	"patch-move-category-missing-there":    {plainIssue(38, "00:19:34", kept("Hardware"))},
	"patch-move-to-project-without-access": {plainIssue(39, "00:19:34")},
	"patch-summary-reporter":               {plainIssue(41, "00:19:35")},
	"patch-nothing-new":                    {plainIssue(41, "00:19:35", titledAs("Patched by manager"), func(i *issue) { i.Description = "New text." })},
	"get-issue-without-category":           {plainIssue(42, "00:19:37", titledAs("Without a category"), kept(""))},
	"patch-resolve-updater":                {plainIssue(45, "00:19:38")},
	"patch-resolve-developer":              {plainIssue(46, "00:19:38")},
	"patch-close-updater":                  {plainIssue(48, "00:19:38")},
	"patch-close-developer":                {plainIssue(49, "00:19:39")},
	"patch-close-updater-allowed":          {plainIssue(50, "00:19:39", in(4))},
	"patch-closed-summary-updater":         {plainIssue(53, "00:19:40", being(closed, 20), updated(at("00:19:41")))},
	"patch-reopen-without-resolution":      {plainIssue(54, "00:19:42", being(closed, 20))},
	"patch-status-unknown-name":            {plainIssue(55, "00:19:42")},
	"patch-status-unknown-id":              {plainIssue(56, "00:19:43")},
	"patch-status-same-updater":            {plainIssue(59, "00:19:44")},
	"patch-with-foreign-note-updater":      {plainIssue(60, "00:19:44", noted(4, "person", "00:19:44"))},
	"patch-with-own-note":                  {plainIssue(61, "00:19:45", noted(5, "updater", "00:19:45"))},
	"patch-custom-field-missing-on-update": {plainIssue(64, "00:19:46", in(6), of("updater"))},
	"etag-get":                             {plainIssue(65, "00:19:47", titledAs("For ETags"))},
	"list-project": {
		listed(66, 7, "List 1", "22:39", func(i *issue) { i.Sticky = true }),
		listed(67, 7, "List 2", "22:49", being(closed, 20)),
		listed(68, 7, "List 3", "22:59"),
		listed(69, 7, "List 4", "23:09"),
		listed(70, 7, "List 5", "23:19"),
		listed(71, 8, "In the sub-project", "23:29"),
	},
	"time-zone-summer":                    {plainIssue(77, "00:19:52", updated(day("2026-07-01T12:00:00Z")), func(i *issue) { i.CreatedAt = i.UpdatedAt })},
	"patch-against-workflow":              {plainIssue(80, "00:19:58")},
	"patch-resolved-readonly-from-closed": {plainIssue(82, "00:19:58", being(resolved, 20))},
	"patch-close-parent-of-open-child": {
		plainIssue(84, "00:20:00"),
		plainIssue(83, "00:20:00", func(i *issue) { i.Relations = []relation{{ID: 2, Type: parentOf, Issue: 84}} }),
	},
}

// listed is an issue of the lists, last changed on the day before.
func listed(id, project int, summary, changed string, changes ...func(*issue)) issue {
	when := day("2026-11-27T" + changed + ":51+01:00")

	return plainIssue(id, "00:19:51", append(changes, in(project), titledAs(summary), updated(when))...)
}

// before is what else took place before a case and was not recorded.
var before = map[string]func(*story){
	"relationship-add": func(s *story) {
		s.edit1(32, func(i *issue) {
			i.Notes = append(slices.Clone(i.Notes),
				note{ID: 2, Reporter: "developer", Text: "For us", Private: true, CreatedAt: at("00:19:29")},
				note{ID: 3, Reporter: "updater", Text: "Private", Private: true, CreatedAt: at("00:19:29")})
		})
	},
	"patch-closed-summary-manager": func(s *story) { s.clock.set(at("00:19:41")) },

	// The database: the row is locked, a table is broken, the server is down.
	"db-lock-timeout-patch": func(s *story) { s.fails(faults.ErrorBefore) },
	"db-table-broken-create": func(s *story) {
		s.clock.set(at("00:20:06"))
		s.skipTo(87)
		s.fails(faults.ErrorAfter)
	},
	"db-down-me":     func(s *story) { s.fails(faults.ErrorBefore) },
	"db-down-create": func(s *story) { s.fails(faults.ErrorBefore) },

	"antispam-create": func(s *story) {
		s.clock.set(at("00:20:20"))
		for range spamEvents {
			s.report()
		}
	},
}

// edit1 changes one issue.
func (s *story) edit1(id int, change func(*issue)) {
	s.t.Helper()
	if err := s.each(id, id, change); err != nil {
		s.t.Fatal(err)
	}
}

// fails makes the server fail at the next call, as with a database error.
func (s *story) fails(fault string) {
	s.t.Helper()
	if _, err := s.Faults().Add(faults.Order{Fault: fault, Status: http.StatusInternalServerError, Times: 1}); err != nil {
		s.t.Fatal(err)
	}
}

// report makes an issue as the reporter.
func (s *story) report() {
	s.t.Helper()
	body := `{"summary":"S","description":"D","project":{"id":1},"category":{"name":"General"}}`
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodPost, s.web.URL+root+"/issues", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}

	request.Header.Set("Authorization", "<token of reporter>")
	request.Header.Set("Content-Type", "application/json")
	if got := roundTrip(s.t, request); got.status != http.StatusCreated {
		s.t.Fatalf("%d %s", got.status, got.text)
	}
}

// declaredCases are the cases for which a state is declared.
func declaredCases() []string {
	all := slices.Collect(maps.Keys(settingsOf))
	all = slices.AppendSeq(all, maps.Keys(issuesBefore))

	return slices.AppendSeq(all, maps.Keys(before))
}
