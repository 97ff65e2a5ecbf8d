package jira

import (
	"encoding/binary"
	"encoding/json"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
)

const (
	// labelPrefix begins the label that marks an issue as an item's. People see
	// it: it is the one thing of an issue that can be searched for by every
	// token.
	labelPrefix = "sync-"
	// propertyKey is the entity property with the whole marker. Nobody sees it,
	// so nobody takes it away.
	propertyKey = "integrations.sync"
)

const (
	// A label holds 8 bytes of the integration, 8 of the item, 2 of the attempt
	// and 15 of the tag.
	attemptAt  = 16
	tagAt      = 18
	labelBytes = 33
	// labelLetters is how many letters that takes.
	labelLetters = 53
	// bareLetters is how many letters the older form has: integration and item
	// alone.
	bareLetters = 26
	// maxAttempt is the highest attempt that a label can say. Later ones say the
	// same.
	maxAttempt = 1<<16 - 1
)

// label is a marker as a label. In a Data Center it is the only form in which a
// search returns the marker, so it holds all of it. A marker without a tag has
// the older form, without its attempt.
func label(m connector.Marker) string {
	b := make([]byte, labelBytes)
	binary.BigEndian.PutUint64(b, uint64(m.Integration))
	binary.BigEndian.PutUint64(b[8:], uint64(m.Item))
	if !connector.IsTag(m.Tag) {
		return labelPrefix + connector.Letters.EncodeToString(b[:attemptAt])
	}

	binary.BigEndian.PutUint16(b[attemptAt:], uint16(min(max(m.Attempt, 0), maxAttempt)))
	if _, err := connector.Letters.Decode(b[tagAt:], []byte(m.Tag)); err != nil {
		panic(err) // IsTag has looked at every letter
	}

	return labelPrefix + connector.Letters.EncodeToString(b)
}

// parseLabel reads the marker of a label. The older form says neither attempt
// nor tag.
func parseLabel(text string) (connector.Marker, bool) {
	rest, ok := strings.CutPrefix(text, labelPrefix)
	if !ok || len(rest) != labelLetters && len(rest) != bareLetters {
		return connector.Marker{}, false
	}

	b, err := connector.Letters.DecodeString(rest)
	if err != nil {
		return connector.Marker{}, false
	}

	m := connector.Marker{
		Integration: domain.Snowflake(binary.BigEndian.Uint64(b[:8])),
		Item:        domain.Snowflake(binary.BigEndian.Uint64(b[8:attemptAt])),
	}
	if len(b) == labelBytes {
		m.Attempt = int(binary.BigEndian.Uint16(b[attemptAt:tagAt]))
		m.Tag = connector.Letters.EncodeToString(b[tagAt:])
	}

	// The last letter holds more bits than there are: only one spelling counts.
	return m, m.Integration > 0 && m.Item > 0 && label(m) == text
}

// asSearched is a marker as its label says it. In the older form that is without
// the attempt.
func asSearched(m connector.Marker) connector.Marker {
	if m.Tag == "" {
		m.Attempt = 0
	}

	return m
}

// A trace is a marker as the value of a property.
type trace struct {
	Integration string `json:"integration"`
	Item        string `json:"item"`
	Attempt     int    `json:"attempt"`
	Tag         string `json:"tag,omitempty"`
}

func traceOf(m connector.Marker) trace {
	return trace{m.Integration.String(), m.Item.String(), m.Attempt, m.Tag}
}

// marker is zero for what none of ours wrote.
func (t trace) marker() connector.Marker {
	integration, err1 := domain.ParseSnowflake(t.Integration)
	item, err2 := domain.ParseSnowflake(t.Item)
	if err1 != nil || err2 != nil || integration <= 0 || item <= 0 || t.Attempt < 0 || t.Tag != "" && !connector.IsTag(t.Tag) {
		return connector.Marker{}
	}
	return connector.Marker{Integration: integration, Item: item, Attempt: t.Attempt, Tag: t.Tag}
}

// markers are those of the property, which people do not see, and then those of
// the labels.
func (i issue) markers() []connector.Marker {
	var found []connector.Marker
	var t trace
	if raw, ok := i.Properties[propertyKey]; ok && json.Unmarshal(raw, &t) == nil {
		if m := t.marker(); m != (connector.Marker{}) {
			found = connector.AddMarker(found, m)
		}
	}

	for _, l := range i.Fields.Labels {
		if m, ok := parseLabel(l); ok {
			found = connector.AddMarker(found, m)
		}
	}

	return found
}
