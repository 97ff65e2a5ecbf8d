package worker

import (
	"context"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/signing"
	"example.com/integrations/shared/store"
)

// MarkerKeys gives the key that markers are signed with.
type MarkerKeys interface {
	MarkerKey(ctx context.Context) (signing.Key, error)
}

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

// signed is the marker of an attempt to create an item's object, or a digest,
// that is made at a time by the provider's clock or later.
func (s *slice) signed(item domain.Snowflake, attempt int, notBefore time.Time) connector.Marker {
	return s.markerKey.Sign(connector.Marker{Integration: s.lease.Pair.ID, Item: item, Attempt: attempt}, notBefore)
}

// attempt is the marker of one of the last attempts to create an item's object.
func (s *slice) attempt(t *task, attempt int) connector.Marker {
	return s.signed(t.id, attempt, t.link.AttemptedAt(attempt))
}

// notBefore is the earliest time by the provider's clock at which it can date
// what is created from now on, zero where nothing is known of its clock. Where no
// answer of this slice has told it, it is as it was when the place was last read.
func (s *slice) notBefore() time.Time {
	last, _ := s.told()
	if last != 0 {
		return s.theirs().Add(-apart)
	}
	if s.target.ClockLag == 0 {
		return time.Time{}
	}

	behind := time.Duration(s.target.ClockLag) * time.Millisecond

	return s.Clock.Now().Add(-behind - skew)
}

// wanted are the markers to look for when an item's create was not answered.
// They are those of all attempts so far: an earlier one that was not found then
// may have arrived since. A chat that posts each change as a message of its own
// has a message of each attempt: there it is the last one alone.
func (s *slice) wanted(t *task) []connector.Marker {
	last := t.link.Attempt
	if s.chat.posts() {
		return []connector.Marker{s.attempt(t, last)}
	}

	var all []connector.Marker
	for attempt := firstWanted(last); attempt <= last; attempt++ {
		all = append(all, s.attempt(t, attempt))
	}

	return all
}

// firstWanted is the first attempt that is looked for, given the last.
func firstWanted(last int) int { return max(1, last-store.MaxAttempted+1) }
