package connector

import (
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/integrations/shared/domain"
)

const (
	// TagSize is how many letters and digits a Tag has.
	TagSize = 24
	// TagTimeSize is how many of them, at the beginning, are the time of the attempt.
	TagTimeSize = 8
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
	tagForm    = regexp.MustCompile(`^[a-z2-7]{24}$`)
	markerForm = regexp.MustCompile(`^([1-9][0-9]{0,18})/([1-9][0-9]{0,18})/(0|[1-9][0-9]{0,8})(?:/([a-z2-7]{24}))?$`)
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

// Letters encodes markers: base32 (RFC 4648, section 6) in lower case and without
// padding, since Jira's search does not tell cases apart.
var Letters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// NewTag puts the time of an attempt, in whole seconds, before a signature of 10
// bytes.
func NewTag(at time.Time, signature []byte) string {
	var seconds [8]byte
	binary.BigEndian.PutUint64(seconds[:], uint64(max(at.Unix(), 0)))

	// Five bytes are eight letters, and last for some 30,000 years.
	return Letters.EncodeToString(append(seconds[3:], signature...))
}

// NotBefore is the time of the attempt that the Tag says: by the provider's
// clock, the object was not made before it. It is zero where the marker does not
// say. Only a valid signature proves it.
func (m Marker) NotBefore() time.Time {
	if !IsTag(m.Tag) {
		return time.Time{}
	}

	b, err := Letters.DecodeString(m.Tag[:TagTimeSize])
	if err != nil {
		return time.Time{} // IsTag has looked at every letter
	}

	seconds := int64(binary.BigEndian.Uint64(append(make([]byte, 3), b...)))
	if seconds == 0 {
		return time.Time{}
	}

	return time.Unix(seconds, 0).UTC()
}

// An Origin is what tells which of several objects with an item's marker the
// attempt made. People copy markers: into objects that they make afterwards, and
// into objects that they had before.
type Origin struct {
	// Early says that the object was there before the attempt of its marker.
	Early   bool
	Created time.Time
	Number  int64 // grows with each object of the place; 0 where it is not known
}

// OriginOf is what is known of an object that carries the marker.
func (m Marker) OriginOf(created time.Time, number int64) Origin {
	return Origin{Early: created.Before(m.NotBefore()), Created: created, Number: number}
}

// Over reports whether the object is rather the one that was made than the
// other: the first of those made since the attempt. An earlier one counts only
// where there is no such object, as at a provider whose clock is wrong and was
// not known to be.
func (a Origin) Over(b Origin) bool {
	switch {
	case a.Early != b.Early:
		return b.Early
	case !a.Created.Equal(b.Created):
		return a.Created.Before(b.Created)
	}

	return a.Number < b.Number
}

// Originals picks, for each item, the object that its create made among those
// that carry a wanted marker.
type Originals struct {
	wanted map[Marker]bool
	picked map[domain.Snowflake]Origin
}

// NewOriginals begins to look for the markers.
func NewOriginals(want []Marker) *Originals {
	o := &Originals{wanted: map[Marker]bool{}, picked: map[domain.Snowflake]Origin{}}
	for _, m := range want {
		o.wanted[m] = true
	}

	return o
}

// Certain is how many items have an object that was made since the attempt of its
// marker.
func (o *Originals) Certain() int {
	n := 0
	for _, origin := range o.picked {
		if !origin.Early {
			n++
		}
	}

	return n
}

// See looks at an object and gives the items whose it is rather than any object
// before. A marker counts only as a whole: one with another attempt or another
// tag is not wanted.
func (o *Originals) See(carried []Marker, created time.Time, number int64) []domain.Snowflake {
	var items []domain.Snowflake
	for _, m := range carried {
		if !o.wanted[m] {
			continue
		}

		origin := m.OriginOf(created, number)
		before, known := o.picked[m.Item]
		if known && !origin.Over(before) {
			continue
		}

		o.picked[m.Item] = origin
		if !slices.Contains(items, m.Item) {
			items = append(items, m.Item)
		}
	}

	return items
}
