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

// signed is the marker of an attempt to create an item's object, or a digest,
// that is made at a time by the provider's clock or later.
func (si *site) signed(item domain.Snowflake, attempt int, notBefore time.Time) connector.Marker {
	return si.markerKey.Sign(connector.Marker{Integration: si.lease.Pair.ID, Item: item, Attempt: attempt}, notBefore)
}

// attempt is the marker of one of the last attempts to create an item's object.
func (si *site) attempt(t *task, attempt int) connector.Marker {
	return si.signed(t.id, attempt, t.link.AttemptedAt(attempt))
}

// notBefore is the earliest time by the provider's clock at which it can date
// what is created from now on, zero where nothing is known of its clock. Where no
// answer of this invocation has shown it, it is as it was when the place was last read.
func (si *site) notBefore() time.Time {
	last, _ := si.clockLags()
	if last != 0 {
		return si.providerNow().Add(-serverSkew)
	}
	if si.target.ClockLag == 0 {
		return time.Time{}
	}

	behind := time.Duration(si.target.ClockLag) * time.Millisecond

	return si.clock.Now().Add(-behind - clockSkew)
}

// wanted are the markers to look for when an item's create was not answered.
// They are those of all attempts so far: an earlier one that was not found then
// may have arrived since. A chat that posts each change as a message of its own
// has a message of each attempt: there it is the last one alone.
func (si *site) wanted(t *task) []connector.Marker {
	last := t.link.Attempt
	if si.chat.posts() {
		return []connector.Marker{si.attempt(t, last)}
	}

	var all []connector.Marker
	for attempt := firstWanted(last); attempt <= last; attempt++ {
		all = append(all, si.attempt(t, attempt))
	}

	return all
}

// firstWanted is the first attempt that is looked for, given the last.
func firstWanted(last int) int { return max(1, last-store.MaxAttempted+1) }

// marker names the attempt to create an item's object.
func (si *site) marker(t *task) connector.Marker {
	return si.attempt(t, t.link.Attempt)
}
