package markdown

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"example.com/integrations/shared/connector"
)

const (
	markerBegin = "<!-- integrations:"
	markerEnd   = " -->"
)

// MarkerRoom is the length of the longest marker, with the lines before it.
const MarkerRoom = len("\n\n"+markerBegin) + connector.MarkerSize + len(markerEnd)

// WithMarker puts the marker on the last line, where Markdown shows nothing of
// it.
func WithMarker(body string, m connector.Marker) string {
	return body + "\n\n" + markerBegin + m.Text() + markerEnd
}

// ParseMarker reads the last line of a body that is a marker.
func ParseMarker(body string) (connector.Marker, bool) {
	found := Markers(body)
	return connector.FirstMarker(found), len(found) > 0
}

// Markers reads the lines of a body that are markers, from the last one up: we
// write ours on the last line. Item text reaches none, and people and their
// programs write below it.
func Markers(body string) []connector.Marker {
	var found []connector.Marker
	for end := len(body); end >= 0; {
		start := strings.LastIndexByte(body[:end], '\n')
		if m, ok := parseLine(strings.TrimRight(body[start+1:end], " \t\r")); ok {
			found = connector.AddMarker(found, m)
		}
		end = start
	}

	return found
}

func parseLine(line string) (connector.Marker, bool) {
	text, begins := strings.CutPrefix(line, markerBegin)
	text, ends := strings.CutSuffix(text, markerEnd)
	if !begins || !ends {
		return connector.Marker{}, false
	}

	return connector.ParseMarker(text)
}

// TextHash names a text as a provider stores it. Its line ends are those of
// the last writer.
func TextHash(title, body string) string {
	sum := sha256.Sum256([]byte(strconv.Quote(title) + strings.ReplaceAll(body, "\r\n", "\n")))
	return hex.EncodeToString(sum[:16])
}

// SameText compares texts as GitHub and GitLab store them: they may change line
// ends and cut white space around a text.
func SameText(a, b string) bool {
	return stored(a) == stored(b)
}

func stored(text string) string {
	return strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
}
