package message

import (
	"fmt"
	"regexp"
	"strconv"

	"integrations/shared/connector"
	"integrations/shared/domain"
)

// Key is a marker as text: integration, item and attempt. It holds no secret.
func Key(m connector.Marker) string { return fmt.Sprintf("%s/%s/%d", m.Integration, m.Item, m.Attempt) }

var key = regexp.MustCompile(`^([1-9][0-9]{0,18})/([1-9][0-9]{0,18})/([0-9]{1,9})$`)

// ParseKey reads a marker that Key wrote.
func ParseKey(text string) (connector.Marker, bool) {
	groups := key.FindStringSubmatch(text)
	if groups == nil {
		return connector.Marker{}, false
	}
	integration, err1 := domain.ParseSnowflake(groups[1])
	item, err2 := domain.ParseSnowflake(groups[2])
	attempt, err3 := strconv.Atoi(groups[3])
	return connector.Marker{Integration: integration, Item: item, Attempt: attempt}, err1 == nil && err2 == nil && err3 == nil
}

// A Search picks, out of a channel's messages, those that unanswered creates
// made.
type Search struct {
	Found map[domain.Snowflake]connector.Written

	exact   bool
	wanted  map[connector.Marker]int
	certain map[domain.Snowflake]bool
}

// NewSearch begins to look for markers. Where an item has many messages, only
// the wanted attempt's is the one (exact); else any of the item's is, but
// rather the wanted attempt's.
func NewSearch(want []connector.Marker, exact bool) *Search {
	s := &Search{Found: map[domain.Snowflake]connector.Written{}, exact: exact, wanted: map[connector.Marker]int{}, certain: map[domain.Snowflake]bool{}}
	for _, m := range want {
		s.wanted[connector.Marker{Integration: m.Integration, Item: m.Item}] = m.Attempt
	}
	return s
}

// See looks at a message with a marker, which is older than those seen before or
// newer. Of several that fit equally well the
// older one is the item's: it was there first.
func (s *Search) See(m connector.Marker, w connector.Written, older bool) {
	attempt, wanted := s.wanted[connector.Marker{Integration: m.Integration, Item: m.Item}]
	exact := attempt == m.Attempt
	_, found := s.Found[m.Item]
	switch {
	case !wanted, s.exact && !exact, s.certain[m.Item] && !exact:
		return
	case found && exact == s.certain[m.Item] && !older:
		return
	}
	s.Found[m.Item], s.certain[m.Item] = w, exact
}
