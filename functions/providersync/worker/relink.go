package worker

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
	"example.com/integrations/shared/store"
)

// relinked is the reason of a row whose object was found again by its marker.
const relinked = "relinked"

// relink searches the place for objects of ours whose links are not there, once
// at a place that is new to an integration with links, and once after the table
// was restored. Without this their items would be created twice. Afterwards the
// next sync is full.
func (s *slice) relink(ctx context.Context) (*verdict, error) {
	_, can := s.conn.(connector.Puller)
	restored := s.Settings.RelinkBefore.After(time.UnixMilli(s.state.RelinkedAt))
	if !can || s.target.Relinked && !restored {
		return nil, nil
	}

	p := store.Pull{Target: s.target.Key, Began: s.Clock.Now().UnixMilli()}
	if r := s.state.Relink; r != nil && r.Target == p.Target && r.Began >= s.Settings.RelinkBefore.UnixMilli() && r.Began > s.state.RelinkedAt {
		p = *r
	}

	v, err := s.walk(ctx, &p, func(objects []connector.Object) (store.Batch, error) {
		links, err := s.lostLinks(ctx, objects)
		return store.Batch{Pulled: links, Relink: &p}, err
	})
	if v != nil || err != nil {
		return v, err
	}

	now := s.Clock.Now()
	target := s.target
	target.Relinked = true
	target.Previous = ""
	target.Carries = store.CarriesNone
	if err := s.commit(ctx, store.Batch{Relinked: now, Target: &target}); err != nil {
		return nil, err
	}

	s.target, s.state.Target, s.state.RelinkedAt = target, &target, now.UnixMilli()

	return nil, nil
}

// A find is what is known of the objects of a page that may be ours.
type find struct {
	records map[string]store.Object         // by remote id, at this place
	before  map[string]store.Object         // by remote id, under the key before
	links   map[domain.Snowflake]store.Link // at this place
	old     map[domain.Snowflake]store.Link // under the key before
	claims  map[string][]connector.Marker   // by remote id: the markers of ours
}

// lostLinks makes links for the objects that are ours and have none.
func (s *slice) lostLinks(ctx context.Context, objects []connector.Object) ([]store.Pulled, error) {
	f, err := s.lookUp(ctx, objects)
	if err != nil {
		return nil, err
	}

	// Those with one marker come first: they show which item another one is not of.
	ordered := slices.Clone(objects)
	slices.SortStableFunc(ordered, func(a, b connector.Object) int {
		return len(f.claims[a.Remote.ID]) - len(f.claims[b.Remote.ID])
	})

	var made findings
	for _, o := range ordered {
		if old, ok := s.kept(f, o); ok {
			if p, ok := s.carryKept(f, old, o); ok {
				made.replace(p)
			}

			continue
		}

		for _, m := range f.likeliest(o) {
			if !s.ours(f, o, m) {
				continue
			}

			if p, ok := s.linkTo(f, o, m); ok {
				made.replace(p)
			}

			break
		}
	}

	return made.all, nil
}

// likeliest sorts the markers of an object: first the one of the last attempt
// before the object was made, and last those of attempts after that, which
// somebody has pasted. Of two attempts of one time it is the one whose item has no
// object yet.
func (f find) likeliest(o connector.Object) []connector.Marker {
	sorted := slices.Clone(f.claims[o.Remote.ID])
	slices.SortStableFunc(sorted, func(a, b connector.Marker) int {
		return cmp.Or(
			first(!a.OriginOf(o.CreatedAt, 0).Early, !b.OriginOf(o.CreatedAt, 0).Early),
			b.NotBefore().Compare(a.NotBefore()),
			first(f.links[a.Item].Remote == nil, f.links[b.Item].Remote == nil),
		)
	})

	return sorted
}

// first sorts what is true of a alone before what is true of b alone.
func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}

	return 1
}

// findings are what a page of objects is recorded as. One item has one entry,
// since a transaction writes a record once.
type findings struct {
	all []store.Pulled
	at  map[domain.Snowflake]int // by item
}

// entry is an item's entry; a new one is empty.
func (f *findings) entry(item domain.Snowflake) *store.Pulled {
	if f.at == nil {
		f.at = map[domain.Snowflake]int{}
	}

	n, ok := f.at[item]
	if !ok {
		n = len(f.all)
		f.at[item] = n
		f.all = append(f.all, store.Pulled{})
	}

	return &f.all[n]
}

// add records a change. What the item's entry holds already stays.
func (f *findings) add(p store.Pulled) {
	if p.Link == nil {
		f.all = append(f.all, p)
		return
	}

	e := f.entry(p.Link.ItemID)
	e.Link = p.Link
	e.Objects = append(e.Objects, p.Objects...)
	e.Events = append(e.Events, p.Events...)
}

// replace records an object as the item's. One that this page has found before
// it was not recorded yet.
func (f *findings) replace(p store.Pulled) {
	e := f.entry(p.Link.ItemID)
	if len(e.Objects) > 0 {
		p.Forget = e.Forget
	}
	*e = p
}

// lookUp reads the records and links that a page of objects needs: of the items
// that markers name, and of those whose objects were known under the key before.
func (s *slice) lookUp(ctx context.Context, objects []connector.Object) (find, error) {
	id := s.lease.Pair.ID
	f := find{claims: map[string][]connector.Marker{}}
	var all, claimed []string
	var items []domain.Snowflake

	for _, o := range objects {
		all = append(all, o.Remote.ID)

		for _, m := range o.Markers {
			if m.Integration != id {
				continue
			}

			if f.claims[o.Remote.ID] == nil {
				claimed = append(claimed, o.Remote.ID)
			}

			f.claims[o.Remote.ID] = append(f.claims[o.Remote.ID], m)
			items = append(items, m.Item)
		}
	}

	carries := s.target.Previous != "" && s.target.Carries != store.CarriesNone

	var err error
	if f.records, err = s.Store.Objects(ctx, id, s.target.Key, claimed); err != nil {
		return f, err
	}

	if carries {
		if f.before, err = s.Store.Objects(ctx, id, s.target.Previous, all); err != nil {
			return f, err
		}
	}

	for _, r := range f.before {
		if r.ItemID != 0 {
			items = append(items, r.ItemID)
		}
	}

	items = unique(items)

	if f.links, err = s.linksOf(ctx, s.target.Key, items); err != nil {
		return f, err
	}

	if carries {
		f.old, err = s.linksOf(ctx, s.target.Previous, items)
	}

	return f, err
}

// linksOf reads links of any number of items.
func (s *slice) linksOf(ctx context.Context, target string, items []domain.Snowflake) (map[domain.Snowflake]store.Link, error) {
	all := map[domain.Snowflake]store.Link{}
	for some := range slices.Chunk(items, linksAtOnce) {
		links, err := s.Store.Links(ctx, s.lease.Pair.ID, target, some)
		if err != nil {
			return nil, err
		}
		maps.Copy(all, links)
	}

	return all, nil
}

// linksAtOnce is how many links one read takes.
const linksAtOnce = 100

// kept finds the link under the key before whose object this is, whatever its
// markers are: a person may have removed them. Where the id alone does not prove
// it, the object must look as it was last seen.
func (s *slice) kept(f find, o connector.Object) (store.Link, bool) {
	link := f.old[f.before[o.Remote.ID].ItemID]
	if link.Remote == nil || link.Remote.ID != o.Remote.ID {
		return link, false
	}

	if s.target.Carries != store.CarriesByID {
		return link, link.SeenText != "" && link.SeenText == o.Seen.Text
	}

	// A copy of a server goes on with ids of its own: what was made after the
	// object was last seen is another one.
	later := link.SeenAt > 0 && o.CreatedAt.UnixMilli() > link.SeenAt+skew.Milliseconds()

	return link, !later
}

// carryKept carries a kept link over. An object that this search has found by
// its marker before is a copy then, whichever is older. A link that was at this
// key before the search stays.
func (s *slice) carryKept(f find, old store.Link, o connector.Object) (store.Pulled, bool) {
	link := f.links[old.ItemID]
	if link.Remote == nil {
		return s.carryOver(f, old, o), true
	}
	if link.FoundAt == 0 || link.Remote.ID == o.Remote.ID {
		return store.Pulled{}, false
	}

	p := s.carryOver(f, old, o)
	p.Forget = []store.Object{{Target: s.target.Key, RemoteID: link.Remote.ID}}

	return p, true
}

// ours reports whether an object is the item's that its marker names: our
// records say so, or the marker's signature is valid at this place. A marker
// without a signature counts only in a table of a version that did not sign: for
// an object of its records, and for a create that was not answered and has just
// this attempt.
func (s *slice) ours(f find, o connector.Object, m connector.Marker) bool {
	if r, ok := f.records[o.Remote.ID]; ok {
		return r.ItemID == m.Item
	}

	unsigned := s.target.Carries == store.CarriesBySpelling
	if r, ok := f.before[o.Remote.ID]; ok && (unsigned || r.ItemID != m.Item) {
		return r.ItemID == m.Item
	}

	if m.Tag != "" {
		return s.markerKey.Valid(m) && plausible(o, m)
	}

	intent := f.old[m.Item].Intent
	if !unsigned || intent == nil || intent.Signed || intent.Attempt != m.Attempt && m.Attempt != 0 {
		return false
	}

	behind := time.Duration(intent.ClockLag) * time.Millisecond

	return !o.CreatedAt.Before(intent.At.Add(-skew - behind))
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
func (s *slice) linkTo(f find, o connector.Object, m connector.Marker) (store.Pulled, bool) {
	link, linked := f.links[m.Item]
	found := m.OriginOf(o.CreatedAt, 0)
	var p store.Pulled

	if link.Remote != nil {
		original := link.FoundAt > 0 && found.Over(origin(link))
		if !original || link.Remote.ID == o.Remote.ID {
			return p, false
		}
		p.Forget = []store.Object{{Target: s.target.Key, RemoteID: link.Remote.ID}}
	}

	old, known := f.old[m.Item]
	if known && old.Remote != nil && old.Remote.ID == o.Remote.ID {
		carried := s.carryOver(f, old, o)
		carried.Forget = p.Forget

		return carried, true
	}

	t := s.newTask(m.Item, domain.Item{ID: m.Item}, link, linked)
	// What was last sent is not known any more, so that the object is updated
	// once.
	t.link.Remote = &o.Remote
	t.link.Intent = nil
	t.link.Attempt = max(link.Attempt, m.Attempt)
	t.link.Attempted = []int64{attemptedAt(o, m).Unix()}
	t.link.SentHash = ""
	t.link.SentLabels = nil
	t.link.SentState = o.Seen.State
	t.link.SeenText, t.link.SeenState, t.link.SeenAt = o.Seen.Text, o.Seen.State, seenAt(o.UpdatedAt)
	t.link.FoundAt = o.CreatedAt.UnixMilli()
	t.link.FoundEarly = found.Early
	t.link.Outcome = domain.Created
	t.link.Reason = relinked
	t.link.LastRunID = s.run.ID
	t.link.UpdatedAt = s.Clock.Now().UTC()
	f.links[m.Item] = t.link

	made := s.made(t)
	made.Forget = p.Forget

	return made, true
}

// carryOver moves a link to the key of the same place. Nothing is sent again, and
// what people changed since is published. The record proves whose the object is,
// so that no older one with the same marker takes its place.
func (s *slice) carryOver(f find, old store.Link, o connector.Object) store.Pulled {
	old.Target = s.target.Key
	old.FoundAt = 0
	old.FoundEarly = false

	p, changed := s.linkedChange(old, o)
	if !changed {
		p = store.Pulled{Link: &old}
	}

	p.Objects = []store.Object{{Target: s.target.Key, RemoteID: o.Remote.ID, ItemID: old.ItemID}}
	f.links[old.ItemID] = *p.Link

	return p
}
