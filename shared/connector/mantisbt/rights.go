package mantisbt

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/markup"
)

// The names of MantisBT's own checks of rights.
const (
	checkUpdateClosed = "update_closed"     // change an issue that is read-only, since it is resolved or closed
	checkUpdateNoted  = "update_with_notes" // change an issue that has notes
)

// The options that our calls meet, by MantisBT's names.
const (
	reportThreshold   = "report_bug_threshold"
	updateThreshold   = "update_bug_threshold"
	statusThreshold   = "update_bug_status_threshold"
	noteThreshold     = "update_bugnote_threshold"
	readonlyThreshold = "update_readonly_bug_threshold"
	reopenThreshold   = "reopen_bug_threshold"
	readonlyStatus    = "bug_readonly_status_threshold"
	writeThreshold    = "webservice_readwrite_access_level_threshold"
	limitedView       = "limit_view_unless_threshold"
	limitReporters    = "limit_reporters"
	levelNames        = "access_levels_enum_string"
)

// thresholds are the options that the check reads besides those of a workflow.
var thresholds = []string{
	reportThreshold, updateThreshold, statusThreshold, noteThreshold, readonlyThreshold, reopenThreshold, readonlyStatus, writeThreshold,
	limitedView, limitReporters, levelNames,
}

// source is where MantisBT's own code is.
const source = "https://github.com/mantisbt/mantisbt/blob/master/"

// Needs is what MantisBT asks for before it does each of our calls. The roles
// are those of a server with the default thresholds.
var Needs = []connector.Need{
	{Call: "GET /users/me", When: "find out whose token it is", Right: "any account", Source: fromRecordings + "me-reporter"},
	{Call: "GET /config", When: "read statuses and thresholds", Right: "any account", Source: fromRecordings + "config-together"},
	{Call: "GET /projects/{id}", When: "find the project by its number, read its categories and fields", Right: "viewer in the project", Source: fromRecordings + "project-plain, project-private-no-access"},
	{Call: "GET /projects", When: "find the project by its name", Right: "viewer in the project", Source: fromRecordings + "projects-all"},
	{Check: connector.CheckList, Call: "GET /issues", When: "pull, and look for an issue whose create was not answered", Right: "viewer in the project", Source: fromRecordings + "list-project, list-project-private"},
	{Check: connector.CheckList, Call: "GET /issues/{id}", When: "read an issue before it is changed", Right: "viewer in the project", Source: fromRecordings + "get-full-reporter, get-private-issue"},
	{Check: connector.CheckCreate, Call: "POST /issues", When: "create", Right: "reporter (`" + reportThreshold + "`)", Source: source + "core/commands/IssueAddCommand.php"},
	{Check: connector.CheckUpdate, Call: "PATCH /issues/{id}", When: "change summary and description", Right: "updater (`" + updateThreshold + "`)", Source: fromRecordings + "patch-summary-reporter, patch-summary-updater"},
	{Check: connector.CheckClose, Call: "PATCH /issues/{id}", When: "close", Right: "developer (`" + statusThreshold + "`)", Source: fromRecordings + "patch-close-updater, patch-close-developer"},
	{Check: checkUpdateClosed, Call: "PATCH /issues/{id}", When: "change an issue that is resolved or closed (`" + readonlyStatus + "`)", Right: "manager (`" + readonlyThreshold + "`)", Source: fromRecordings + "patch-closed-summary-developer, patch-closed-summary-manager"},
	{Check: connector.CheckReopen, Call: "PATCH /issues/{id}", When: "reopen", Right: "manager (`" + readonlyThreshold + "`, `" + statusThreshold + "`)", Source: fromRecordings + "patch-reopen-developer, patch-reopen-manager"},
	{Check: checkUpdateNoted, Call: "PATCH /issues/{id}", When: "change an issue that has notes, on a server where they cannot be left out of the request", Right: "developer (`" + noteThreshold + "`)", Source: fromRecordings + "patch-with-foreign-note-updater, patch-with-foreign-note-developer"},
}

// A standing is what the token's user is in a project, and what the server asks
// for.
type standing struct {
	level   int64                      // of the user in the project, 0 where it is not told
	options map[string]json.RawMessage // as the server tells them
	version string                     // of MantisBT
	names   []named                    // of the access levels
	// noClose and noReopen say that the server has no status to do it with.
	noClose, noReopen bool
}

// standing asks for the server's settings for the project.
func (c *Connector) standing(ctx context.Context, p projectRef, found examined) (standing, error) {
	now := standing{level: int64(found.Access.ID)}
	asked := slices.Concat(options, thresholds)
	query := url.Values{"option[]": asked, "project_id": {strconv.FormatInt(p.project, 10)}}

	answer, err := c.client.get(ctx, p.root+"/config?"+query.Encode(), 0)
	if err != nil {
		return now, err
	}
	if answer.Status != http.StatusOK {
		return now, c.answers.refused(http.MethodGet, answer)
	}

	now.options, err = settings(answer.Body)
	if err != nil {
		return now, c.answers.unreadable("MantisBT's answer is not its settings", answer)
	}

	now.version = answer.Header.Get(versionHeader)
	now.names, _ = enum(now.options[levelNames])
	if flow, err := parseWorkflow(answer.Body); err == nil {
		now.noClose = flow.closed == 0
		now.noReopen = flow.reopen == 0
	}

	return now, nil
}

// An answer to whether the user reaches a threshold.
type reach int

const (
	notTold reach = iota
	below
	reached
)

// reaches compares the user's level with an option. A list holds the levels that
// are enough, and no other is, however high (access_compare_level in
// core/access_api.php; recorded: config-threshold-array).
func (s standing) reaches(option string) reach {
	least, among, ok := parseThreshold(s.options[option])
	if !ok || s.level <= 0 {
		return notTold
	}

	enough := s.level >= least
	if among != nil {
		enough = slices.Contains(among, s.level)
	}

	if enough {
		return reached
	}

	return below
}

// parseThreshold reads an option that is the least level, or a list of levels.
func parseThreshold(value json.RawMessage) (least int64, among []int64, ok bool) {
	var one number
	if err := json.Unmarshal(value, &one); err == nil && one > 0 {
		return int64(one), nil, true
	}

	var list []number
	if err := json.Unmarshal(value, &list); err != nil || list == nil {
		return 0, nil, false
	}

	among = []int64{}
	for _, n := range list {
		among = append(among, int64(n))
	}

	return 0, among, true
}

// usualLevels are the names of an untouched MantisBT.
var usualLevels = []named{{10, "viewer"}, {25, "reporter"}, {40, "updater"}, {55, "developer"}, {70, "manager"}, {90, "administrator"}}

// called is a level as people know it, such as developer (55).
func (s standing) called(level int64) string {
	for _, list := range [][]named{s.names, usualLevels} {
		for _, n := range list {
			if int64(n.ID) == level && n.Name != "" {
				return markup.Cut(markup.OneLine(n.Name), maxLevelName, "…") + " (" + strconv.FormatInt(level, 10) + ")"
			}
		}
	}

	return "level " + strconv.FormatInt(level, 10)
}

const (
	maxLevelName = 40 // code points of a name in a sentence
	maxLevels    = 8  // of a list in a sentence
)

// asks is the sentence on what an option asks for.
func (s standing) asks(option, what string) string {
	least, among, _ := parseThreshold(s.options[option])
	who := s.called(least) + " and above"
	if among != nil {
		var names []string
		for _, level := range among[:min(len(among), maxLevels)] {
			names = append(names, s.called(level))
		}
		who = "only " + strings.Join(names, ", ")
	}

	if among != nil && len(among) == 0 {
		who = "nobody"
	}

	return fmt.Sprintf("The server lets %s %s (%s). The token's user is %s in the project.", who, what, option, s.called(s.level))
}

// A demand is one threshold that a call meets.
type demand struct {
	option string
	what   string // what it is for, as it follows "lets X and above …"
	// unproven says that it was not proved that the API asks for it. Then a user
	// below it is not refused with certainty.
	unproven bool
}

var (
	demandWrite    = demand{option: writeThreshold, what: "write over the API"}
	demandReport   = demand{option: reportThreshold, what: "report issues"}
	demandUpdate   = demand{option: updateThreshold, what: "change issues"}
	demandStatus   = demand{option: statusThreshold, what: "change the status"}
	demandReadonly = demand{option: readonlyThreshold, what: "change issues that are resolved or closed"}
	demandNotes    = demand{option: noteThreshold, what: "change notes, which MantisBT asks for when an issue with notes is changed"}
	demandReopen   = demand{option: reopenThreshold, what: "reopen issues", unproven: true}
)

// may compares all that a call meets. A right that is known to be missing
// decides, then one that is not told.
func (s standing) may(name string, demands ...demand) connector.Check {
	unknown := ""
	unproven := ""
	for _, d := range demands {
		switch s.reaches(d.option) {
		case below:
			if !d.unproven {
				return connector.Refused(name, connector.RoleTooLow).With(s.asks(d.option, d.what))
			}
			unproven = s.asks(d.option, d.what) + " Whether the API asks for that is not known."

		case notTold:
			unknown = d.option
		}
	}

	switch {
	case s.level <= 0:
		return connector.Undecided(name, connector.NotTold).With("The server does not say which role the token's user has in the project.")
	case unknown != "":
		return connector.Undecided(name, connector.NotTold).With("The server does not say who may do that: it keeps " + unknown + " to itself.")
	case unproven != "":
		return connector.Undecided(name, connector.NotTold).With(unproven)
	}

	return connector.Passed(name)
}

// rights are the checks of all our calls.
func (s standing) rights() []connector.Check {
	closed := s.readonly()
	demands := []demand{demandUpdate}
	if closed.demand {
		demands = append(demands, demandReadonly)
	}

	update := s.may(connector.CheckUpdate, s.writing(demandUpdate)...)
	updateClosed := closed.judged(s.may(checkUpdateClosed, s.writing(demands...)...))
	closing := s.may(connector.CheckClose, s.writing(demandUpdate, demandStatus)...)
	reopening := closed.judged(s.may(connector.CheckReopen, s.writing(append(demands, demandStatus, demandReopen)...)...))
	noted := s.may(checkUpdateNoted, s.writing(demandUpdate, demandNotes)...)

	if s.noClose {
		closing = connector.Refused(connector.CheckClose, "status_missing").With("The server has no status for closed issues.")
	}

	if s.noReopen {
		reopening = connector.Refused(connector.CheckReopen, "status_missing").With("The server has no status for open issues.")
	}

	if notes(s.version) != nil {
		noted = update
		noted.Name = checkUpdateNoted
	}

	return []connector.Check{s.may(connector.CheckCreate, s.writing(demandReport)...), update, closing, reopening, updateClosed, noted}
}

// writing adds what every write meets. Servers that do not tell it have the
// level that a write needs anyway: reporter.
func (s standing) writing(demands ...demand) []demand {
	if s.reaches(writeThreshold) == notTold {
		return demands
	}

	return append([]demand{demandWrite}, demands...)
}

// A readonly says whether the issues that we close are read-only to most.
type readonly struct {
	demand bool
	told   bool
}

// readonly compares the status from which issues are read-only with the one that
// we close with.
func (s standing) readonly() readonly {
	least, _, told := parseThreshold(s.options[readonlyStatus])
	flow, err := workflowOf(s.options)
	if !told || err != nil {
		return readonly{demand: true}
	}

	return readonly{demand: least <= flow.closed, told: true}
}

// judged leaves a refusal open where it is not known whether closed issues are
// read-only.
func (r readonly) judged(c connector.Check) connector.Check {
	if r.told || c.OK == nil || *c.OK {
		return c
	}

	return connector.Undecided(c.Name, connector.NotTold).With("The server does not say from which status on issues are read-only (" + readonlyStatus + ").")
}

// A customField is one that an administrator has added to the project.
type customField struct {
	Name     string `json:"name"`
	Required bool   `json:"require_report"`
	Write    named  `json:"access_level_rw"`
}

// requiredFields reports whether a new issue can do without fields that items say
// nothing of. MantisBT asks for a required field even if it has a default value,
// and only of those who may fill it in (mci_project_custom_fields_validate in
// api/soap/mc_project_api.php; recorded: create-custom-field-missing). It does
// not ask for fields that are required on update (recorded:
// patch-custom-field-missing-on-update).
func (s standing) requiredFields(fields []customField) connector.Check {
	if fields == nil {
		return connector.Undecided(connector.CheckRequiredFields, connector.NotTold).With("The server does not say which fields the project has.")
	}

	var asked []string
	for _, f := range fields {
		if f.Required && (s.level <= 0 || int64(f.Write.ID) <= s.level) {
			asked = append(asked, markup.Cut(markup.OneLine(f.Name), maxLevelName, "…"))
		}
	}

	if len(asked) == 0 {
		return connector.Passed(connector.CheckRequiredFields)
	}

	more := ""
	if len(asked) > maxLevels {
		more = fmt.Sprintf(" and %d more", len(asked)-maxLevels)
	}

	names := strings.Join(asked[:min(len(asked), maxLevels)], ", ")

	return connector.Refused(connector.CheckRequiredFields, connector.FieldRequired).
		With("New issues of the project must have a value in " + names + more + ", and items do not say which.")
}

// listed reports whether issues can be listed, by listing one.
func (c *Connector) listed(ctx context.Context, p projectRef, s standing) (connector.Check, error) {
	answer, err := c.pages.list(ctx, p, 1, 1, "id")
	if err != nil {
		return connector.Undecided(connector.CheckList, "provider_error"), err
	}

	if answer.Status != http.StatusOK {
		e := c.answers.refused(http.MethodGet, answer)
		if e.Class != failure.Final {
			return connector.Undecided(connector.CheckList, "provider_error"), e
		}
		return connector.Refused(connector.CheckList, e.Code), e
	}

	var limited number
	_ = json.Unmarshal(s.options[limitReporters], &limited)
	if s.reaches(limitedView) == below || limited > 0 && s.level > 0 && s.level <= reporterRole {
		return connector.Undecided(connector.CheckList, connector.OwnOnly).
			With("The server shows the token's user only its own issues: what people report is not seen."), nil
	}

	return connector.Passed(connector.CheckList), nil
}
