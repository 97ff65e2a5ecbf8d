package teams

import (
	"encoding/json"
	"strings"

	"example.com/integrations/shared/connector"
)

// markerOf reads the marker of a card: it is the id of one of its elements, with
// hyphens between its parts. Teams does not show it. In the card as it was sent it
// tells the original from a copy.
func markerOf(card json.RawMessage) (found connector.Marker, ok bool) {
	var root any
	if json.Unmarshal(card, &root) != nil {
		return connector.Marker{}, false
	}

	walk(root, "", func(path string, value any) {
		name, is := value.(string)
		if !is || ok || !strings.HasSuffix(path, "/id") {
			return
		}

		text, is := strings.CutPrefix(name, "sync-")
		if is {
			found, ok = connector.ParseMarker(strings.ReplaceAll(text, "-", "/"))
		}
	})

	return found, ok
}
