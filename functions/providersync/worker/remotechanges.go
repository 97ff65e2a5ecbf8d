package worker

import (
	"context"
	"maps"
	"slices"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
	"example.com/integrations/shared/store"
)

// compareRemote finds out what people have changed. Links are of items at this
// target. Objects that belong to no item count only where all are pulled.
func (pu *puller) compareRemote(ctx context.Context, p store.Pull, objects []connector.Object) ([]store.Pulled, error) {
	if len(objects) == 0 {
		return nil, nil
	}

	id := pu.lease.Pair.ID
	target := pu.site.target.Key
	remoteIDs := make([]string, len(objects))
	for i, o := range objects {
		remoteIDs[i] = o.Remote.ID
	}

	known, err := pu.store.Objects(ctx, id, target, remoteIDs)
	if err != nil {
		return nil, err
	}

	var items []domain.Snowflake
	for _, o := range objects {
		if item := pu.itemOf(o, known); item != 0 {
			items = append(items, item)
		}
	}

	links, err := pu.linksOf(ctx, target, unique(items))
	if err != nil {
		return nil, err
	}

	others, err := pu.ownedByOthers(ctx, objects, known)
	if err != nil {
		return nil, err
	}

	return pu.changes(p, objects, remoteState{known: known, links: links, others: others}), nil
}

// A remoteState is what is known of the objects of a page.
type remoteState struct {
	known  map[string]store.Object         // the records of objects, by remote id
	links  map[domain.Snowflake]store.Link // the links of the items that they belong to, or may belong to
	others map[string]bool                 // objects of other integrations, by remote id
}

// changes compares each object of a page with what is known of it.
func (pu *puller) changes(p store.Pull, objects []connector.Object, state remoteState) []store.Pulled {
	links := state.links

	var pulled findings
	for _, o := range objects {
		record := state.known[o.Remote.ID]
		link := links[pu.itemOf(o, state.known)]
		switch {
		case link.Remote != nil && link.Remote.ID == o.Remote.ID:
			if c, changed := pu.linkedChange(link, o); changed {
				links[link.ItemID] = *c.Link
				pulled.add(c)
			}

		case record.ItemID != 0 || state.others[o.Remote.ID] || pu.site.configuration.Pull != pullAll:
			// An earlier object of the item, another integration's, or not asked for.
		case link.Intent != nil && record.RemoteID == "":
			// One object answers the create, others are copies: reconciling decides.
			if c, added := addCandidate(p, link, o); added {
				links[link.ItemID] = *c.Link
				pulled.add(c)
			}

		default:
			if c, changed := pu.foreignChange(p, record, o); changed {
				pulled.add(c)
			}
		}
	}

	return pulled.all
}

// addCandidate remembers an object that carries the marker of an unanswered
// create, for when it is known which object is the item's.
func addCandidate(p store.Pull, link store.Link, o connector.Object) (store.Pulled, bool) {
	same := func(c store.Candidate) bool { return c.Remote.ID == o.Remote.ID }
	link.Candidates = slices.DeleteFunc(slices.Clone(link.Candidates), same)
	if o.CreatedAt.UnixMilli() < p.Activated || len(link.Candidates) >= store.MaxCandidates {
		return store.Pulled{}, false
	}

	link.Candidates = append(link.Candidates, store.Candidate{
		Remote: o.Remote, Title: o.Title, UpdatedAt: o.UpdatedAt, SeenText: o.Seen.Text, SeenState: o.Seen.State,
	})

	return store.Pulled{Link: &link}, true
}

// ownedByOthers finds the objects that other integrations at the same place call
// their own, whichever organisation they are of. A marker alone is no proof:
// their records decide.
func (pu *puller) ownedByOthers(ctx context.Context, objects []connector.Object, known map[string]store.Object) (map[string]bool, error) {
	var claimed []store.Claimed
	for _, o := range objects {
		if _, recorded := known[o.Remote.ID]; recorded {
			continue
		}

		for _, m := range o.Markers {
			if m.Integration != pu.lease.Pair.ID && pu.site.markerKey.Valid(m) {
				claimed = append(claimed, store.Claimed{Integration: m.Integration, Item: m.Item, Attempt: m.Attempt, RemoteID: o.Remote.ID})
			}
		}
	}

	owned := map[string]bool{}
	for some := range slices.Chunk(claimed, ownedAtOnce) {
		theirs, err := pu.store.Owned(ctx, pu.site.target.Key, some)
		if err != nil {
			return nil, err
		}
		maps.Copy(owned, theirs)
	}

	return owned, nil
}

// ownedAtOnce is how many objects Store.Owned takes.
const ownedAtOnce = 50

func unique(ids []domain.Snowflake) []domain.Snowflake {
	seen := map[domain.Snowflake]bool{}
	var once []domain.Snowflake
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			once = append(once, id)
		}
	}

	return once
}

// itemOf is the item that an object belongs to, or may belong to: as was
// recorded when it was made, since people may remove the marker; else as a
// marker with a valid signature says, which may be a copy.
func (pu *puller) itemOf(o connector.Object, known map[string]store.Object) domain.Snowflake {
	if k, ok := known[o.Remote.ID]; ok {
		return k.ItemID
	}

	for _, m := range o.Markers {
		if m.Integration == pu.lease.Pair.ID && pu.site.markerKey.Valid(m) {
			return m.Item
		}
	}

	return 0
}

// linkedChange compares an item's object with how it was last seen.
func (pu *puller) linkedChange(link store.Link, o connector.Object) (store.Pulled, bool) {
	switch {
	case !o.UpdatedAt.IsZero() && o.UpdatedAt.UnixMilli() < link.SeenAt && !pu.site.future(link.SeenAt):
		return store.Pulled{}, false // the list lags behind what we have seen
	case link.InDoubt && !link.Verbatim:
		return store.Pulled{}, false // it may be our own write that was not recorded
	}

	changes := changesOf(link.SeenText, link.SeenState, o)
	if link.InDoubt {
		changes = notOurs(link, o, changes)
	}

	if len(changes) == 0 && link.SeenText == o.Seen.Text && link.SeenState == o.Seen.State {
		return store.Pulled{}, false
	}

	remote := o.Remote
	link.Remote = &remote
	setSeen(&link, o.Seen, o.UpdatedAt)
	link.UpdatedAt = pu.clock.Now().UTC()
	if len(changes) > 0 {
		pu.run.Counts.Pulled++
	}

	item := link.ItemID

	return store.Pulled{Link: &link, Events: pu.remoteChanges(&item, changes, o)}, true
}

// notOurs are the changes that no update in doubt has made.
func notOurs(link store.Link, o connector.Object, changes []string) []string {
	return slices.DeleteFunc(changes, func(change string) bool {
		if change == outgoing.ChangeEdited {
			return slices.Contains(link.InDoubtTexts, o.Seen.Text)
		}

		return slices.Contains(link.InDoubtStates, o.Seen.State)
	})
}

// foreignChange compares an object that belongs to no item with how it was last seen.
// One that changed before anything was pulled is only recorded.
func (pu *puller) foreignChange(p store.Pull, known store.Object, o connector.Object) (store.Pulled, bool) {
	changes := changesOf(known.SeenText, known.SeenState, o)
	if known.RemoteID == "" {
		changes = []string{outgoing.ChangeEdited}
		if o.CreatedAt.UnixMilli() >= p.Activated {
			changes = []string{outgoing.ChangeCreated}
		}

		if o.UpdatedAt.UnixMilli() < p.Activated {
			changes = nil
		}
	} else if len(changes) == 0 {
		return store.Pulled{}, false
	}

	if len(changes) > 0 {
		pu.run.Counts.Pulled++
	}

	object := store.Object{Target: pu.site.target.Key, RemoteID: o.Remote.ID, SeenText: o.Seen.Text, SeenState: o.Seen.State}

	return store.Pulled{Objects: []store.Object{object}, Events: pu.remoteChanges(nil, changes, o)}, true
}

// changesOf names what is different about an object. Text that was never seen
// is no edit.
func changesOf(text string, state domain.ItemState, o connector.Object) []string {
	var changes []string
	if text != "" && text != o.Seen.Text {
		changes = append(changes, outgoing.ChangeEdited)
	}

	if state != "" && state != o.Seen.State {
		change := outgoing.ChangeReopened
		if o.Seen.State == domain.Closed {
			change = outgoing.ChangeClosed
		}
		changes = append(changes, change)
	}

	return changes
}

// linksOf reads links of any number of items.
func (pu *puller) linksOf(ctx context.Context, target string, items []domain.Snowflake) (map[domain.Snowflake]store.Link, error) {
	all := map[domain.Snowflake]store.Link{}
	for some := range slices.Chunk(items, linksAtOnce) {
		links, err := pu.store.Links(ctx, pu.lease.Pair.ID, target, some)
		if err != nil {
			return nil, err
		}
		maps.Copy(all, links)
	}

	return all, nil
}

// linksAtOnce is how many links one read takes.
const linksAtOnce = 100
