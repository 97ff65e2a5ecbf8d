package mantisbt

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/markup"
)

// The names of MantisBT's own checks of rights.
const (
	checkUpdateClosed = "update_closed"     // change an issue that is read-only, since it is resolved or closed
	checkUpdateNoted  = "update_with_notes" // change an issue that has notes
)

// The options that limit the connector's calls, by MantisBT's names.
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

// thresholds are the options that the check reads beside those of a workflow.
var thresholds = []string{
	reportThreshold, updateThreshold, statusThreshold, noteThreshold, readonlyThreshold, reopenThreshold, readonlyStatus, writeThreshold,
	limitedView, limitReporters, levelNames,
}

// A standing is the role of the token's user in a project, and what the server
// demands.
type standing struct {
	level   int64                      // of the user in the project, 0 where the server does not say it
	options map[string]json.RawMessage // as far as the server gives them
	version string                     // of MantisBT
	names   []named                    // of the access levels
	// noClose and noReopen say that the server has no status to do it with.
	noClose, noReopen bool
}

// A reach is whether the user's level is high enough for an option.
type reach int

const (
	notTold reach = iota
	below
	reached
)

// reaches compares the user's level with an option. If the option is a list, only
// the levels in it are enough, not higher ones (access_compare_level in
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

// parseThreshold reads an option: the lowest level, or a list of levels.
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

// usualLevels are the names of a MantisBT with the default settings.
var usualLevels = []named{{10, "viewer"}, {25, "reporter"}, {40, "updater"}, {55, "developer"}, {70, "manager"}, {90, "administrator"}}

// called is a level as people know it, for example developer (55).
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

// asks is the sentence about what an option demands.
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

// A demand is an option that limits a call.
type demand struct {
	option string
	what   string // what it allows, as it follows "lets X and above …"
	// unproven: it is not proved that the API checks it. Then it is not certain that
	// a user below it is refused.
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

// may checks all demands of a call. A right that is missing for certain decides,
// then one that the server does not give.
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

// rights are the checks of all the connector's calls.
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

// writing adds the demand of every write. Servers that do not give that option
// have the level that a write needs anyway: reporter.
func (s standing) writing(demands ...demand) []demand {
	if s.reaches(writeThreshold) == notTold {
		return demands
	}

	return append([]demand{demandWrite}, demands...)
}

// A readonly says whether closed issues are read-only for most users.
type readonly struct {
	demand bool
	told   bool
}

// readonly compares the status from which issues are read-only with the status to
// close with.
func (s standing) readonly() readonly {
	least, _, told := parseThreshold(s.options[readonlyStatus])
	flow, err := workflowOf(s.options)
	if !told || err != nil {
		return readonly{demand: true}
	}

	return readonly{demand: least <= flow.closed, told: true}
}

// judged makes a refusal undecided where it is not known whether closed issues
// are read-only.
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

// requiredFields checks that new issues have no required fields that items do not
// fill in. MantisBT demands a required field even if it has a default value, and
// only from users who may fill it in (mci_project_custom_fields_validate in
// api/soap/mc_project_api.php; recorded: create-custom-field-missing). It does not
// demand fields that are required on update (recorded:
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

// seesOwnOnly reports whether the server shows the user only its own issues.
func (s standing) seesOwnOnly() bool {
	if s.reaches(limitedView) == below {
		return true
	}

	var limited number
	_ = json.Unmarshal(s.options[limitReporters], &limited)

	return limited > 0 && s.level > 0 && s.level <= reporterRole
}
