package message

import (
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
)

// Key is a marker as text: integration, item, attempt and tag. It holds no
// secret.
func Key(m connector.Marker) string { return m.Text() }

// ParseKey reads a marker that Key wrote.
func ParseKey(text string) (connector.Marker, bool) { return connector.ParseMarker(text) }

// A Search picks, out of a channel's messages, those that unanswered creates
// made.
type Search struct {
	Found map[domain.Snowflake]connector.Written

	wanted   map[connector.Marker]bool
	attempts map[domain.Snowflake]int // of the messages found
}

// NewSearch begins to look for markers. A message is found only by a marker
// that is wanted as a whole, attempt and tag included.
func NewSearch(want []connector.Marker) *Search {
	s := &Search{
		Found:    map[domain.Snowflake]connector.Written{},
		wanted:   map[connector.Marker]bool{},
		attempts: map[domain.Snowflake]int{},
	}
	for _, m := range want {
		s.wanted[m] = true
	}

	return s
}

// See looks at a message with a marker, which is older than those seen before
// or newer. Of several messages of one item, the one of the highest attempt is
// found: it shows what was sent last. Of several of one attempt it is the
// oldest: the others are copies.
func (s *Search) See(m connector.Marker, w connector.Written, older bool) {
	if !s.wanted[m] {
		return
	}

	attempt, found := s.attempts[m.Item]
	if found && (m.Attempt < attempt || m.Attempt == attempt && !older) {
		return
	}

	s.Found[m.Item] = w
	s.attempts[m.Item] = m.Attempt
}
