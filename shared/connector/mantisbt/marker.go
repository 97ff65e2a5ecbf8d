package mantisbt

import (
	"strings"

	"example.com/integrations/shared/connector"
)

const (
	markerBegin = "[integrations:"
	markerEnd   = "]"
)

// markerLine is the marker as a line of an issue's additional information. The
// text of an item is never written there.
func markerLine(m connector.Marker) string { return markerBegin + m.Text() + markerEnd }

// parseLine reads a line that is a marker and nothing else.
func parseLine(line string) (connector.Marker, bool) {
	text, begins := strings.CutPrefix(strings.TrimSpace(line), markerBegin)
	text, ends := strings.CutSuffix(text, markerEnd)
	if !begins || !ends {
		return connector.Marker{}, false
	}

	return connector.ParseMarker(text)
}

// markers reads the lines that are markers, from the first one on: ours is written
// first. People may write around it.
func markers(additional string) []connector.Marker {
	var found []connector.Marker
	for line := range strings.Lines(additional) {
		if m, ok := parseLine(line); ok {
			found = connector.AddMarker(found, m)
		}
	}

	return found
}

// keepMarker is the additional information with the marker and with what people
// wrote, "" if nothing has to be written. A marker of another attempt of the same
// item is replaced, and so is one with another tag.
func keepMarker(current string, m connector.Marker) string {
	var rest strings.Builder
	replaced := false
	for line := range strings.Lines(current) {
		found, ok := parseLine(line)
		if ok && found == m {
			return ""
		}

		if ok && found.Integration == m.Integration && found.Item == m.Item {
			replaced = true
			continue
		}

		rest.WriteString(line)
	}

	others := rest.String()
	if replaced {
		others = strings.TrimLeft(others, "\r\n")
	}

	// The marker comes first: a copied issue also has the marker of the other one.
	text := strings.TrimRight(markerLine(m)+"\n\n"+others, " \t\r\n")
	if len([]rune(text)) > maxText {
		return ""
	}

	return text
}
