package markdown

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"integrations/shared/connector"
	"integrations/shared/domain"
)

// MarkerRoom is what the longest marker takes, with the lines before it.
const MarkerRoom = len("\n\n<!-- integrations:") + 19 + 1 + 19 + 1 + 20 + len(" -->")

// WithMarker puts the marker on the last line, where Markdown shows nothing of
// it.
func WithMarker(body string, m connector.Marker) string {
	return fmt.Sprintf("%s\n\n<!-- integrations:%s/%s/%d -->", body, m.Integration, m.Item, m.Attempt)
}

var markerLine = regexp.MustCompile(`^<!-- integrations:([0-9]{1,19})/([0-9]{1,19})/([0-9]{1,10}) -->$`)

// ParseMarker reads the last line of a body that is a marker. Item text reaches
// none, and people and their programs write below it.
func ParseMarker(body string) (connector.Marker, bool) {
	for end := len(body); end >= 0; {
		start := strings.LastIndexByte(body[:end], '\n')
		if m, ok := parseLine(strings.TrimRight(body[start+1:end], " \t\r")); ok {
			return m, true
		}
		end = start
	}
	return connector.Marker{}, false
}

func parseLine(line string) (connector.Marker, bool) {
	groups := markerLine.FindStringSubmatch(line)
	if groups == nil {
		return connector.Marker{}, false
	}
	integration, err1 := domain.ParseSnowflake(groups[1])
	item, err2 := domain.ParseSnowflake(groups[2])
	attempt, err3 := strconv.Atoi(groups[3])
	return connector.Marker{Integration: integration, Item: item, Attempt: attempt}, err1 == nil && err2 == nil && err3 == nil
}

// TextHash names a text as a provider stores it. Its line ends are those of
// whoever wrote last.
func TextHash(title, body string) string {
	sum := sha256.Sum256([]byte(strconv.Quote(title) + strings.ReplaceAll(body, "\r\n", "\n")))
	return hex.EncodeToString(sum[:16])
}
