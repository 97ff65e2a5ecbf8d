package live

import (
	"encoding/json"
	"slices"
	"strings"

	"integrations/shared/connector"
)

// Hide keeps the names of the place out of the recording: those by which it was
// resolved, and those that the provider shows beside its id.
func (l *Line) Hide(places []connector.Place) {
	for _, p := range places {
		for _, part := range strings.Split(p.Name, "/") {
			l.hide(part)
		}
		for _, e := range l.Recorder.Exchanges() {
			var body any
			if json.Unmarshal(e.Response.Body.Bytes(), &body) == nil {
				l.hideNames(body, p.ID, true)
			}
		}
	}
}

// hide gives a name the replacement that stands for the place.
func (l *Line) hide(name string) {
	_, known := l.places[name]
	if known || strings.Trim(name, "0123456789") == "" {
		return
	}

	l.places[name] = "work"
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
			for _, member := range []string{"name", "name_normalized"} {
				if name, ok := value[member].(string); ok {
					l.hide(name)
				}
			}
		}
		for member, below := range value {
			l.hideNames(below, id, slices.Contains(ofPlaces, member))
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
