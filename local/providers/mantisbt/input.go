package mantisbt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"unicode/utf8"
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

// change is what a body asks for. What is nil is not to change.
type change struct {
	summary, description, steps, additional *string
	project, category, status, resolution   *reference
	sticky, private                         *bool
	// emptiesNotes: the body has the member notes, and it is an empty list. The
	// notes stay, and are not asked for (recorded:
	// patch-with-foreign-note-notes-emptied).
	emptiesNotes bool
	fields       map[string]string // values of custom fields, by name
}

// known are the members that mean something. MantisBT reads over others, but
// whoever sends them is mistaken.
var known = []string{
	"id", "summary", "description", "steps_to_reproduce", "additional_information", "project", "category", "handler", "view_state", "priority",
	"severity", "reproducibility", "status", "resolution", "sticky", "files", "custom_fields", "tags", "notes",
}

// parse reads a body: an object with members of the right types.
func (s *Server) parse(made *call) (*change, *answer) {
	given, refused := parseObject(made.body)
	if refused != nil {
		return nil, refused
	}

	for name := range given {
		if !slices.Contains(known, name) {
			s.Violation("request %s %s: MantisBT knows no member %q", made.Method, made.URL.Path, name)
		}
	}

	asked := &change{}
	var view *reference
	for _, member := range []struct {
		name string
		into any
	}{
		{"summary", &asked.summary}, {"description", &asked.description}, {"steps_to_reproduce", &asked.steps}, {"additional_information", &asked.additional},
		{"project", &asked.project}, {"category", &asked.category}, {"status", &asked.status}, {"resolution", &asked.resolution}, {"sticky", &asked.sticky},
		{"view_state", &view},
	} {
		if value, ok := given[member.name]; ok && json.Unmarshal(value, member.into) != nil {
			return nil, refuse(http.StatusBadRequest, "Invalid value for '%s'", member.name)
		}
	}

	var notes []json.RawMessage
	if err := json.Unmarshal(given["notes"], &notes); err == nil && notes != nil {
		asked.emptiesNotes = len(notes) == 0
	}

	asked.fields = fieldValues(given["custom_fields"])
	if view != nil {
		private := view.ID == 50 || view.ID == 0 && view.Name == "private"
		asked.private = &private
	}

	return asked, nil
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

// parseObject reads a body. PHP takes an empty object for none (recorded:
// patch-empty-object).
func parseObject(body []byte) (map[string]json.RawMessage, *answer) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	var given map[string]json.RawMessage
	if err := decoder.Decode(&given); err != nil || len(given) == 0 || !utf8.Valid(body) {
		return nil, unreadable()
	}

	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, unreadable()
	}

	return given, nil
}
