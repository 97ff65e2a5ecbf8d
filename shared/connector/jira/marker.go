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
	// labels, but they are the only part of an issue that every token can search.
	labelPrefix = "sync-"
	// propertyKey is the entity property with the whole marker. People do not see
	// properties, so they do not remove it.
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
	// maxAttempt is the highest attempt that a label can hold. It stands for later
	// ones too.
	maxAttempt = 1<<16 - 1
)

// label is a marker as a label. In a Data Center a search returns the marker in
// no other form, so the label holds all of it. A marker without a tag has the
// older form, without its attempt.
func label(m connector.Marker) string {
	b := make([]byte, labelBytes)
	binary.BigEndian.PutUint64(b, uint64(m.Integration))
	binary.BigEndian.PutUint64(b[8:], uint64(m.Item))
	if !connector.IsTag(m.Tag) {
		return labelPrefix + connector.Letters.EncodeToString(b[:attemptAt])
	}

	binary.BigEndian.PutUint16(b[attemptAt:], uint16(min(max(m.Attempt, 0), maxAttempt)))
	if _, err := connector.Letters.Decode(b[tagAt:], []byte(m.Tag)); err != nil {
		panic(err) // IsTag has checked every letter
	}

	return labelPrefix + connector.Letters.EncodeToString(b)
}

// parseLabel reads the marker of a label. The older form has no attempt and no
// tag.
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

	// The last letter has unused bits: only the spelling that label gives counts.
	return m, m.Integration > 0 && m.Item > 0 && label(m) == text
}

// asSearched is a marker as its label holds it. In the older form that is without
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

// marker is zero if the value is not one of ours.
func (t trace) marker() connector.Marker {
	integration, err := domain.ParseSnowflake(t.Integration)
	if err != nil || integration <= 0 {
		return connector.Marker{}
	}

	item, err := domain.ParseSnowflake(t.Item)
	if err != nil || item <= 0 {
		return connector.Marker{}
	}

	if t.Attempt < 0 || t.Tag != "" && !connector.IsTag(t.Tag) {
		return connector.Marker{}
	}

	return connector.Marker{Integration: integration, Item: item, Attempt: t.Attempt, Tag: t.Tag}
}

// markers are first that of the property, which people do not see, then those of
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
