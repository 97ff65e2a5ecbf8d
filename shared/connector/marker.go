package connector

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"integrations/shared/domain"
)

const (
	// TagSize is how many letters and digits a Tag has.
	TagSize = 16
	// MostMarkers is how many markers of one object are read. A person who can
	// add more of them to an object of ours can also delete ours from it.
	MostMarkers = 4
	// MarkerSize is the most bytes that Text gives.
	MarkerSize = 19 + 1 + 19 + 1 + 19 + 1 + TagSize
)

// Text is the marker as text: integration/item/attempt/tag, without the last
// part if there is no tag. It holds no secret.
func (m Marker) Text() string {
	text := fmt.Sprintf("%s/%s/%d", m.Integration, m.Item, m.Attempt)
	if m.Tag != "" {
		text += "/" + m.Tag
	}

	return text
}

var (
	tagForm    = regexp.MustCompile(`^[a-z2-7]{16}$`)
	markerForm = regexp.MustCompile(`^([1-9][0-9]{0,18})/([1-9][0-9]{0,18})/(0|[1-9][0-9]{0,8})(?:/([a-z2-7]{16}))?$`)
)

// IsTag says whether text has the form of a Tag.
func IsTag(text string) bool { return tagForm.MatchString(text) }

// ParseMarker reads what Text gives. A text without a tag, as older versions
// wrote it, gives a marker with the Tag "".
func ParseMarker(text string) (Marker, bool) {
	groups := markerForm.FindStringSubmatch(text)
	if groups == nil {
		return Marker{}, false
	}

	integration, err1 := domain.ParseSnowflake(groups[1])
	item, err2 := domain.ParseSnowflake(groups[2])
	attempt, err3 := strconv.Atoi(groups[3])
	if err1 != nil || err2 != nil || err3 != nil {
		return Marker{}, false
	}

	// The copy lets go of the text that the marker was read from.
	tag := strings.Clone(groups[4])

	return Marker{Integration: integration, Item: item, Attempt: attempt, Tag: tag}, true
}

// AddMarker adds a marker to those found in an object, unless it is among them
// or there are MostMarkers of them.
func AddMarker(found []Marker, m Marker) []Marker {
	if len(found) == MostMarkers || slices.Contains(found, m) {
		return found
	}

	return append(found, m)
}

// FirstMarker is the first of the markers found in an object, zero if there is
// none.
func FirstMarker(found []Marker) Marker {
	if len(found) == 0 {
		return Marker{}
	}

	return found[0]
}

// Wanted is the set of markers that Find looks for.
type Wanted map[Marker]bool

// NewWanted makes the set.
func NewWanted(want []Marker) Wanted {
	w := Wanted{}
	for _, m := range want {
		w[m] = true
	}

	return w
}

// Items are the items whose wanted marker is among those of an object. A marker
// counts only as a whole: one with another attempt or another tag is not
// wanted.
func (w Wanted) Items(carried []Marker) []domain.Snowflake {
	var items []domain.Snowflake
	for _, m := range carried {
		if w[m] && !slices.Contains(items, m.Item) {
			items = append(items, m.Item)
		}
	}

	return items
}
