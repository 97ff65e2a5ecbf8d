package mantisbt

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"

	"example.com/integrations/local/providers/tracker"
)

// The lengths MantisBT allows, in characters.
const (
	maxSummary = 128
	maxText    = 65535
)

// A reference names something by number or name; the number counts.
type reference struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

func (r reference) String() string {
	if r.ID != 0 {
		return fmt.Sprint(r.ID)
	}
	return r.Name
}

// asked is what a body asks for. What is nil is not to change.
type asked struct {
	summary, description, steps, additional *string
	project, category, status, resolution   *reference
	sticky, private                         *bool
	// emptiesNotes: the body has the member notes, and it is an empty list. The
	// notes stay, and are not asked for (recorded:
	// patch-with-foreign-note-notes-emptied).
	emptiesNotes bool
	fields       map[string]string // values of custom fields, by name
}

// known are the members that mean something. MantisBT ignores others, but a client
// that sends them is wrong.
var known = []string{
	"id", "summary", "description", "steps_to_reproduce", "additional_information", "project", "category", "handler", "view_state", "priority",
	"severity", "reproducibility", "status", "resolution", "sticky", "files", "custom_fields", "tags", "notes",
}

// parse reads a body: an object with members of the right types.
func (s *issues) parse(made *call) (*asked, *answer) {
	given, refused := parseObject(made.body)
	if refused != nil {
		return nil, refused
	}

	for name := range given {
		if !slices.Contains(known, name) {
			s.Violation("request %s %s: MantisBT knows no member %q", made.Method, made.URL.Path, name)
		}
	}

	a := &asked{}
	var view *reference
	for _, member := range []struct {
		name string
		into any
	}{
		{"summary", &a.summary}, {"description", &a.description}, {"steps_to_reproduce", &a.steps}, {"additional_information", &a.additional},
		{"project", &a.project}, {"category", &a.category}, {"status", &a.status}, {"resolution", &a.resolution}, {"sticky", &a.sticky},
		{"view_state", &view},
	} {
		if value, ok := given[member.name]; ok && json.Unmarshal(value, member.into) != nil {
			return nil, refuse(http.StatusBadRequest, "Invalid value for '%s'", member.name)
		}
	}

	var notes []json.RawMessage
	if err := json.Unmarshal(given["notes"], &notes); err == nil && notes != nil {
		a.emptiesNotes = len(notes) == 0
	}

	a.fields = fieldValues(given["custom_fields"])
	if view != nil {
		private := view.ID == 50 || view.ID == 0 && view.Name == "private"
		a.private = &private
	}

	return a, nil
}

// fieldValues are the values of custom fields, by name.
func fieldValues(raw json.RawMessage) map[string]string {
	var list []struct {
		Field reference `json:"field"`
		Value string    `json:"value"`
	}
	_ = json.Unmarshal(raw, &list)
	values := map[string]string{}
	for _, one := range list {
		values[one.Field.Name] = one.Value
	}

	return values
}

// parseObject reads a body. PHP reads an empty object as no body (recorded:
// patch-empty-object).
func parseObject(body []byte) (map[string]json.RawMessage, *answer) {
	given, err := tracker.Members(body)
	if err != nil || len(given) == 0 {
		return nil, unreadable()
	}

	return given, nil
}
