package engine

import (
	"context"

	"integrations/shared/connector"
	"integrations/shared/domain"
	"integrations/shared/signing"
	"integrations/shared/store"
)

// MarkerKeys gives the key that markers are signed with.
type MarkerKeys interface {
	MarkerKey(ctx context.Context) (signing.Key, error)
}

// attemptsWanted is how many attempts of one create are looked for, the last
// ones. An earlier attempt has been looked for as often, without success.
const attemptsWanted = 10

// loadMarkerKey gets the key for this slice. A dry run writes no markers and
// reads none, so it needs no key. An error fails the slice, as one of the table
// does: without the key nothing could be told to be ours.
func (s *slice) loadMarkerKey(ctx context.Context) error {
	if s.dry() {
		return nil
	}

	key, err := s.Markers.MarkerKey(ctx)
	s.keyOfMarkers = key

	return err
}

// setTarget sets the place that the slice works at, and signs markers for it. A
// marker that was copied from an object of another place is not valid there.
func (s *slice) setTarget(t store.Target) {
	s.target = t
	s.markerKey = s.keyOfMarkers.At(t.ID, connector.Instant(t.Created))
}

// signed is the marker of an attempt to create an item's object, or a digest.
func (s *slice) signed(item domain.Snowflake, attempt int) connector.Marker {
	return s.markerKey.Sign(connector.Marker{Integration: s.lease.Pair.ID, Item: item, Attempt: attempt})
}

// wanted are the markers to look for when an item's create was not answered.
// They are those of all attempts so far: an earlier one that was not found then
// may have arrived since. A chat that posts each change as a message of its own
// has a message of each attempt: there it is the last one alone.
func (s *slice) wanted(t *task) []connector.Marker {
	last := t.link.Attempt
	if s.chat.posts() {
		return []connector.Marker{s.signed(t.id, last)}
	}

	return s.attempts(t.id, last)
}

// attempts are the markers of the attempts up to the last one.
func (s *slice) attempts(item domain.Snowflake, last int) []connector.Marker {
	var all []connector.Marker
	for attempt := max(1, last-attemptsWanted+1); attempt <= last; attempt++ {
		all = append(all, s.signed(item, attempt))
	}

	return all
}
