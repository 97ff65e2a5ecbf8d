package jira

import (
	"encoding/base32"
	"encoding/binary"
	"strings"

	"integrations/shared/connector"
	"integrations/shared/domain"
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

// letters are base32's in lower case: Jira's search does not tell cases apart.
var letters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// label is a marker's stable part: 16 bytes in 26 letters.
func label(m connector.Marker) string {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], uint64(m.Integration))
	binary.BigEndian.PutUint64(b[8:], uint64(m.Item))
	return labelPrefix + letters.EncodeToString(b[:])
}

// parseLabel reads the marker of a label.
func parseLabel(text string) (connector.Marker, bool) {
	rest, ok := strings.CutPrefix(text, labelPrefix)
	if !ok || len(rest) != 26 {
		return connector.Marker{}, false
	}
	b, err := letters.DecodeString(rest)
	if err != nil || len(b) != 16 {
		return connector.Marker{}, false
	}
	m := connector.Marker{
		Integration: domain.Snowflake(binary.BigEndian.Uint64(b[:8])),
		Item:        domain.Snowflake(binary.BigEndian.Uint64(b[8:])),
	}
	// The last letter holds two bits more than there are: only one spelling counts.
	return m, m.Integration > 0 && m.Item > 0 && label(m) == text
}

// A trace is a marker as the value of a property.
type trace struct {
	Integration string `json:"integration"`
	Item        string `json:"item"`
	Attempt     int    `json:"attempt"`
}

func traceOf(m connector.Marker) trace {
	return trace{m.Integration.String(), m.Item.String(), m.Attempt}
}

// marker is zero for what none of ours wrote.
func (t trace) marker() connector.Marker {
	integration, err1 := domain.ParseSnowflake(t.Integration)
	item, err2 := domain.ParseSnowflake(t.Item)
	if err1 != nil || err2 != nil || integration <= 0 || item <= 0 || t.Attempt < 0 {
		return connector.Marker{}
	}
	return connector.Marker{Integration: integration, Item: item, Attempt: t.Attempt}
}
