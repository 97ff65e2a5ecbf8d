package connector

// The names of the checks of rights: one for each kind of call that a connector
// to a tracker makes. A check passes only if the provider would not refuse that
// call for a lack of rights.
const (
	CheckList           = "list"            // read and list the issues of the place
	CheckCreate         = "create"          // make an issue
	CheckUpdate         = "update"          // change title and text of an open issue
	CheckClose          = "close"           // close an issue
	CheckReopen         = "reopen"          // open a closed issue again
	CheckLabels         = "labels"          // put labels on issues and take them off
	CheckRequiredFields = "required_fields" // items fill in all that a new issue needs
)

// The codes of checks of rights.
const (
	// RoleTooLow: the role or the permissions of the token's account are too low
	// for the call. The detail names what is needed.
	RoleTooLow = "role_too_low"
	// ScopeMissing: the token itself lacks a scope that the call needs.
	ScopeMissing = "scope_missing"
	// NotTold: the provider does not say, with these credentials, whether the call
	// is allowed.
	NotTold = "not_told"
	// OwnOnly: the call is allowed for some issues only, such as those that the
	// token's account closed itself.
	OwnOnly = "own_only"
	// CustomRole: the account has a role of the organisation's own making, and the
	// provider does not say what it allows.
	CustomRole = "custom_role"
	// FieldRequired: a field must be filled in, and items do not say with what.
	FieldRequired = "field_required"
	// FieldNotSettable: a field that items fill in is on no screen.
	FieldNotSettable = "field_not_settable"
	// LabelsDropped: the provider takes the call and leaves the labels out without
	// a word.
	LabelsDropped = "labels_dropped"
	// NoteLabelsNotSettable is the code of labels that the provider refuses to set,
	// and the note of a write that arrived without them.
	NoteLabelsNotSettable = "labels_not_settable"
)

// With is the check with a sentence for a manager.
func (c Check) With(detail string) Check {
	c.Detail = &detail

	return c
}

// Holds reports whether the check passed.
func (c Check) Holds() bool { return c.OK != nil && *c.OK }

// A Need is what the provider asks for before it does one of the calls of a
// connector. The pages in docs/guides show all of them as a table.
type Need struct {
	Check  string // the check that says whether it is met, "" for none
	Call   string // the request, with names of variables in braces
	When   string // what the connector does with it
	Right  string // the least right, in the provider's words
	Source string // where the provider documents it, or how it was proved
}
