package worker

import (
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
	"example.com/integrations/shared/store"
)

// kept finds the link under the key before whose object this is, whatever its
// markers are: a person may have removed them. Where the id alone does not prove
// it, the object must look as it was last seen.
func (rl *relinker) kept(f pageRecords, o connector.Object) (store.Link, bool) {
	link := f.old[f.before[o.Remote.ID].ItemID]
	if link.Remote == nil || link.Remote.ID != o.Remote.ID {
		return link, false
	}

	if rl.site.target.Carries != store.CarriesByID {
		return link, link.SeenText != "" && link.SeenText == o.Seen.Text
	}

	// A copy of a server goes on with ids of its own: what was made after the
	// object was last seen is another one.
	later := link.SeenAt > 0 && o.CreatedAt.UnixMilli() > link.SeenAt+clockSkew.Milliseconds()

	return link, !later
}

// carryKept carries a kept link over. An object that this search has found by
// its marker before is a copy then, whichever is older. A link that was at this
// key before the search stays.
func (rl *relinker) carryKept(f pageRecords, old store.Link, o connector.Object) (store.Pulled, bool) {
	link := f.links[old.ItemID]
	if link.Remote == nil {
		return rl.carryOver(f, old, o), true
	}
	if link.FoundAt == 0 || link.Remote.ID == o.Remote.ID {
		return store.Pulled{}, false
	}

	p := rl.carryOver(f, old, o)
	p.Forget = []store.Object{{Target: rl.site.target.Key, RemoteID: link.Remote.ID}}

	return p, true
}

// ours reports whether an object is the item's that its marker names: our
// records say so, or the marker's signature is valid at this place. A marker
// without a signature counts only in a table of a version that did not sign: for
// an object of its records, and for a create that was not answered and has just
// this attempt.
func (rl *relinker) ours(f pageRecords, o connector.Object, m connector.Marker) bool {
	if r, ok := f.records[o.Remote.ID]; ok {
		return r.ItemID == m.Item
	}

	unsigned := rl.site.target.Carries == store.CarriesBySpelling
	if r, ok := f.before[o.Remote.ID]; ok && (unsigned || r.ItemID != m.Item) {
		return r.ItemID == m.Item
	}

	if m.Tag != "" {
		return rl.site.markerKey.Valid(m) && plausible(o, m)
	}

	intent := f.old[m.Item].Intent
	if !unsigned || intent == nil || intent.Signed || intent.Attempt != m.Attempt && m.Attempt != 0 {
		return false
	}

	behind := time.Duration(intent.ClockLag) * time.Millisecond

	return !o.CreatedAt.Before(intent.At.Add(-clockSkew - behind))
}

// plausible reports whether the attempt of a marker may have made an object,
// however wrong the provider's clock is. One that is older by more is a person's
// who has pasted the marker into it, and one that is younger is a copy.
func plausible(o connector.Object, m connector.Marker) bool {
	attempted := m.NotBefore()

	return attempted.IsZero() || o.CreatedAt.Sub(attempted).Abs() <= outbound.MaxClockSkew
}

// attemptedAt is the time that the marker of a found object has from now on. It
// stays as it is, unless the marker does not say it.
func attemptedAt(o connector.Object, m connector.Marker) time.Time {
	if at := m.NotBefore(); !at.IsZero() {
		return at
	}

	return o.CreatedAt
}

// origin is where the object comes from that a search has found for an item.
func origin(link store.Link) connector.Origin {
	return connector.Origin{Early: link.FoundEarly, Created: time.UnixMilli(link.FoundAt)}
}

// linkTo links an item to an object found. Of several objects of one item one is
// the original, the others are copies that people made.
func (rl *relinker) linkTo(f pageRecords, o connector.Object, m connector.Marker) (store.Pulled, bool) {
	link, linked := f.links[m.Item]
	found := m.OriginOf(o.CreatedAt, 0)
	var p store.Pulled

	if link.Remote != nil {
		original := link.FoundAt > 0 && found.Over(origin(link))
		if !original || link.Remote.ID == o.Remote.ID {
			return p, false
		}
		p.Forget = []store.Object{{Target: rl.site.target.Key, RemoteID: link.Remote.ID}}
	}

	old, known := f.old[m.Item]
	if known && old.Remote != nil && old.Remote.ID == o.Remote.ID {
		carried := rl.carryOver(f, old, o)
		carried.Forget = p.Forget

		return carried, true
	}

	t := rl.decider.newTask(m.Item, domain.Item{ID: m.Item}, link, linked)
	// What was last sent is not known any more, so that the object is updated
	// once.
	t.link.Remote = &o.Remote
	t.link.Intent = nil
	t.link.Attempt = max(link.Attempt, m.Attempt)
	t.link.Attempted = []int64{attemptedAt(o, m).Unix()}
	t.link.SentHash = ""
	t.link.SentLabels = nil
	t.link.SentState = o.Seen.State
	setSeen(&t.link, o.Seen, o.UpdatedAt)
	t.link.FoundAt = o.CreatedAt.UnixMilli()
	t.link.FoundEarly = found.Early
	t.link.Outcome = domain.Created
	t.link.Reason = relinked
	t.link.LastRunID = rl.run.ID
	t.link.UpdatedAt = rl.clock.Now().UTC()
	f.links[m.Item] = t.link

	made := rl.ledger.newObject(t)
	made.Forget = p.Forget

	return made, true
}

// carryOver moves a link to the key of the same place. Nothing is sent again, and
// what people changed since is published. The record proves whose the object is,
// so that no older one with the same marker takes its place.
func (rl *relinker) carryOver(f pageRecords, old store.Link, o connector.Object) store.Pulled {
	old.Target = rl.site.target.Key
	old.FoundAt = 0
	old.FoundEarly = false

	p, changed := rl.puller.linkedChange(old, o)
	if !changed {
		p = store.Pulled{Link: &old}
	}

	p.Objects = []store.Object{{Target: rl.site.target.Key, RemoteID: o.Remote.ID, ItemID: old.ItemID}}
	f.links[old.ItemID] = *p.Link

	return p
}
