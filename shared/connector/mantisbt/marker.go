package mantisbt

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"integrations/shared/connector"
	"integrations/shared/domain"
)

// markerLine is the marker as it stands among an issue's additional
// information, which item text never reaches.
func markerLine(m connector.Marker) string {
	return fmt.Sprintf("[integrations:%s/%s/%d]", m.Integration, m.Item, m.Attempt)
}

var markerForm = regexp.MustCompile(`^\[integrations:([0-9]{1,19})/([0-9]{1,19})/([0-9]{1,10})\]$`)

// parseMarker reads the first line that is a marker: people may write around
// it.
func parseMarker(additional string) (connector.Marker, bool) {
	for line := range strings.Lines(additional) {
		groups := markerForm.FindStringSubmatch(strings.TrimSpace(line))
		if groups == nil {
			continue
		}
		integration, err1 := domain.ParseSnowflake(groups[1])
		item, err2 := domain.ParseSnowflake(groups[2])
		attempt, err3 := strconv.Atoi(groups[3])
		if err1 == nil && err2 == nil && err3 == nil {
			return connector.Marker{Integration: integration, Item: item, Attempt: attempt}, true
		}
	}
	return connector.Marker{}, false
}

// keepMarker is what to write as additional information so that the marker is
// there and what people wrote stays: "", if nothing is to be written.
func keepMarker(current string, m connector.Marker) string {
	if found, ok := parseMarker(current); ok && found.Integration == m.Integration && found.Item == m.Item {
		return ""
	}
	// Ours comes first: an issue that was copied carries the other's too.
	text := strings.TrimRight(markerLine(m)+"\n\n"+current, " \t\r\n")
	if len([]rune(text)) > maxText {
		return ""
	}
	return text
}
