package live

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"example.com/integrations/local/recording"
	"example.com/integrations/shared/connector"
)

// Hide keeps the names of the place out of the recording: those by which it was
// resolved, and those that the provider shows beside its id.
func (l *Line) Hide(places []connector.Place) {
	for _, p := range places {
		for _, part := range strings.Split(p.Name, "/") {
			l.hide(part, "work")
		}

		for _, e := range l.Recorder.Exchanges() {
			var body any
			if json.Unmarshal(e.Response.Body.Bytes(), &body) == nil {
				l.hideNames(body, p.ID, true)
			}
		}
	}
}

// hide gives a name what stands for the place, unless it has another replacement in
// any case.
func (l *Line) hide(name, instead string) {
	known := slices.ContainsFunc(slices.Collect(maps.Keys(l.places)), func(one string) bool { return strings.EqualFold(one, name) })
	usual := slices.Contains(recording.DefaultRules().Keep, strings.ToLower(name)) // a word of the protocol, such as issues
	if known || usual || name == "" || strings.Trim(name, "0123456789") == "" {
		return
	}

	l.places[name] = instead
}

// ofPlaces are the members in which answers hold a place, with its id and name.
var ofPlaces = []string{"channel", "project", "projects", "repository"}

// hideNames hides the names of objects that have the place's id and stand where a
// place is: at the top of an answer, or in a member called like one. Elsewhere the
// same number may be the id of something else.
func (l *Line) hideNames(value any, id string, place bool) {
	switch value := value.(type) {
	case []any:
		for _, one := range value {
			l.hideNames(one, id, place)
		}
	case map[string]any:
		if place && sameID(value["id"], id) {
			l.hideOther(value)
		}

		for member, below := range value {
			l.hideNames(below, id, slices.Contains(ofPlaces, member))
		}
	}
}

// hideOther hides the names of a place: its own, those it had before, and those of
// the groups that it is in.
func (l *Line) hideOther(place map[string]any) {
	for _, member := range []string{"name", "name_normalized", "name_with_namespace"} {
		if name, ok := place[member].(string); ok {
			groups := strings.Split(name, "/")
			for i, part := range groups {
				l.hide(strings.TrimSpace(part), map[bool]string{true: "work", false: "acme"}[i == len(groups)-1])
			}
		}
	}

	before, _ := place["previous_names"].([]any)
	for _, name := range before {
		if name, ok := name.(string); ok {
			l.hide(name, "work")
		}
	}

	for _, member := range []string{"namespace", "projectCategory", "organization", "parent"} {
		if group, ok := place[member].(map[string]any); ok {
			if name, ok := group["name"].(string); ok {
				l.hide(name, "acme")
			}
		}
	}
}

// sameID compares an id in an answer, a text or a number, with that of a place.
func sameID(got any, id string) bool {
	switch got := got.(type) {
	case string:
		return got == id
	case float64:
		text, err := json.Marshal(int64(got))
		return err == nil && string(text) == id
	}

	return false
}
