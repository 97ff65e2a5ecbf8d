package worker

import (
	"cmp"
	"context"
	"slices"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// relinked is the reason of a row whose object was found again by its marker.
const relinked = "relinked"

// A relinker searches a place for objects of ours whose links were lost.
type relinker struct {
	*session
	site    *site
	ledger  *ledger
	decider *decider
	puller  *puller
	store   objectStore
}

// relink searches the place for objects of ours whose links are not there, once
// at a place that is new to an integration with links, and once after the table
// was restored. Without this their items would be created twice. Afterwards the
// next sync is full.
func (rl *relinker) relink(ctx context.Context) error {
	_, can := rl.site.conn.(connector.Puller)
	restored := rl.settings.RelinkBefore.After(time.UnixMilli(rl.state.RelinkedAt))
	if !can || rl.site.target.Relinked && !restored {
		return nil
	}

	p := store.Pull{Target: rl.site.target.Key, Began: rl.clock.Now().UnixMilli()}
	if r := rl.state.Relink; r != nil && r.Target == p.Target && r.Began >= rl.settings.RelinkBefore.UnixMilli() && r.Began > rl.state.RelinkedAt {
		p = *r
	}

	err := rl.puller.walk(ctx, &p, func(objects []connector.Object) (store.Batch, error) {
		links, err := rl.lostLinks(ctx, objects)
		return store.Batch{Pulled: links, Relink: &p}, err
	})
	if err != nil {
		return err
	}

	now := rl.clock.Now()
	target := rl.site.target
	target.Relinked = true
	target.Previous = ""
	target.Carries = store.CarriesNone
	if err := rl.commit(ctx, store.Batch{Relinked: now, Target: &target}); err != nil {
		return err
	}

	rl.site.target = target
	rl.state.Target = &target
	rl.state.RelinkedAt = now.UnixMilli()

	return nil
}

// A pageRecords is what is known of the objects of a page that may be ours.
type pageRecords struct {
	records map[string]store.Object         // by remote id, at this place
	before  map[string]store.Object         // by remote id, under the key before
	links   map[domain.Snowflake]store.Link // at this place
	old     map[domain.Snowflake]store.Link // under the key before
	claims  map[string][]connector.Marker   // by remote id: the markers of ours
}

// lostLinks makes links for the objects that are ours and have none.
func (rl *relinker) lostLinks(ctx context.Context, objects []connector.Object) ([]store.Pulled, error) {
	f, err := rl.lookUp(ctx, objects)
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
		if old, ok := rl.kept(f, o); ok {
			if p, ok := rl.carryKept(f, old, o); ok {
				made.replace(p)
			}

			continue
		}

		for _, m := range f.likeliest(o) {
			if !rl.ours(f, o, m) {
				continue
			}

			if p, ok := rl.linkTo(f, o, m); ok {
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
func (f pageRecords) likeliest(o connector.Object) []connector.Marker {
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
func (rl *relinker) lookUp(ctx context.Context, objects []connector.Object) (pageRecords, error) {
	id := rl.lease.Pair.ID
	f := pageRecords{claims: map[string][]connector.Marker{}}
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

	carries := rl.site.target.Previous != "" && rl.site.target.Carries != store.CarriesNone

	var err error
	f.records, err = rl.store.Objects(ctx, id, rl.site.target.Key, claimed)
	if err != nil {
		return f, err
	}

	if carries {
		f.before, err = rl.store.Objects(ctx, id, rl.site.target.Previous, all)
		if err != nil {
			return f, err
		}
	}

	for _, r := range f.before {
		if r.ItemID != 0 {
			items = append(items, r.ItemID)
		}
	}

	items = unique(items)

	f.links, err = rl.puller.linksOf(ctx, rl.site.target.Key, items)
	if err != nil {
		return f, err
	}

	if carries {
		f.old, err = rl.puller.linksOf(ctx, rl.site.target.Previous, items)
	}

	return f, err
}
