package worker

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/outbound"
	"example.com/integrations/shared/store"
)

// The settings of pull.
const (
	pullLinked = "linked"
	pullAll    = "all"
)

var errMisjudged = errors.New("the provider's clock is another than was believed")

// An objectStore knows which objects at the provider are ours, and how they looked.
type objectStore interface {
	Objects(ctx context.Context, integration domain.Snowflake, target string, remoteIDs []string) (map[string]store.Object, error)
	Owned(ctx context.Context, target string, objects []store.Claimed) (map[string]bool, error)
	Links(ctx context.Context, integration domain.Snowflake, target string, items []domain.Snowflake) (map[domain.Snowflake]store.Link, error)
}

// A puller reads what people changed at the provider.
type puller struct {
	*session
	site       *site
	pacer      *pacer
	calls      *caller
	store      objectStore
	pulled     bool // all there was has been pulled since the last write
	stalled    bool // the pull cannot go on: updates read their objects first
	listFailed bool // the list of changes could not be had in this invocation
}

// pull reads what changed at the target since the cursor, if anything may have
// since the last time. What we wrote ourselves is known by how it looked then;
// the rest becomes the link's remote state and goes out as events.
func (pu *puller) pull(ctx context.Context) error {
	if !pu.site.pulls() {
		return pu.pullWorks(ctx)
	}
	if pu.pulled || pu.listFailed || pu.pullPaused() {
		return nil
	}

	for n := 1; ; n++ {
		p := pu.cursor()
		first := true
		believed, _ := pu.site.clockLags()
		stop, err := asStop(pu.walk(ctx, &p, func(objects []connector.Object) (store.Batch, error) {
			if first && n < maxRepeats && pu.misjudged(believed) {
				return store.Batch{}, errMisjudged
			}

			first = false
			pulled, err := pu.compareRemote(ctx, p, objects)
			return store.Batch{Pulled: pulled, Pull: &p}, err
		}))
		if errors.Is(err, errMisjudged) {
			continue // from where the clock that is known now says
		}

		pu.pulled = stop == nil && err == nil
		switch {
		case pu.pulled:
			return pu.pullWorks(ctx)
		case err != nil:
			return err
		case stop.outage != nil:
			return pu.pullFailed(ctx, stop)
		}

		return stop
	}
}

// misjudged reports whether a walk has begun with another clock skew than its first
// answer shows, by enough to matter. The first walk is stricter, since it sets from
// when on changes count.
func (pu *puller) misjudged(believed time.Duration) bool {
	last, _ := pu.site.clockLags()
	off := (last - believed).Abs()
	return off >= clockSkew || pu.state.Pull == nil && off >= clockDrift
}

// cursor is where to go on: in the middle of a walk that an invocation did not
// finish, or at the beginning of a new one, some way back for the provider's clock,
// by which all its times are. The first begins with the run that first works at the
// target.
func (pu *puller) cursor() store.Pull {
	last, _ := pu.site.clockLags()
	p := store.Pull{Target: pu.site.target.Key, Since: pu.run.RequestedAt.Add(-last).UnixMilli()}
	if pu.state.Pull != nil && pu.state.Pull.Target == pu.site.target.Key {
		p = *pu.state.Pull
	} else {
		p.Activated = p.Since
	}

	if p.Began == 0 {
		if pu.site.future(p.Since) { // the clock was set back, and what has changed since is dated before
			p.Since = pu.site.providerNow().Add(-outbound.MaxClockSkew).UnixMilli()
		}

		p.At = p.Since
		if !p.Settled {
			p.At -= clockSkew.Milliseconds()
		}

		p.Offset = 0
		p.Newest = p.Since
		p.Block = 0
		p.Began = pu.site.providerNow().UnixMilli()
	}

	return p
}

// walk goes through what changed from a cursor on, oldest first. Each page is
// recorded with the cursor behind it. The next page begins at the newest change
// of the last, since objects that change meanwhile move to the end and shift the
// others; only within a block of equal times it goes on by an offset.
func (pu *puller) walk(ctx context.Context, p *store.Pull, handle func([]connector.Object) (store.Batch, error)) error {
	for {
		if err := pu.pacer.await(ctx, limits.Read); err != nil {
			return err
		}

		var objects []connector.Object
		var more bool
		err := pu.calls.read(ctx, "", true, func() (err error) {
			since := time.Time{}
			if p.At > 0 {
				since = time.UnixMilli(p.At).UTC()
			}

			objects, more, err = pu.site.conn.(connector.Puller).Changes(ctx, since, p.Offset)
			if err == nil && more && len(objects) == 0 {
				err = errStuck()
			}

			return err
		})
		if err != nil {
			return err
		}

		batch, err := handle(relevant(objects))
		if err != nil {
			return err
		}

		advance(p, objects, more, pu.site.providerNow())
		if more || len(batch.Pulled) > 0 { // to find nothing new is not to bring forward
			pu.madeProgress()
		}

		if err := pu.commit(ctx, batch); err != nil {
			return err
		}

		if !more {
			return nil
		}
	}
}

// errStuck is for a list that says that more follows and hands over nothing: an
// offset cannot move on in it.
func errStuck() error {
	return &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "list_stuck",
		Detail: "the provider's list says that more follows, and gives nothing"}
}

// relevant drops what is not an item's object, for example a pull request.
func relevant(objects []connector.Object) []connector.Object {
	var some []connector.Object
	for _, o := range objects {
		if !o.Ignored {
			some = append(some, o)
		}
	}

	return some
}

// advance moves a cursor behind a page. An object dated in the future does not
// take it there, where it would pass by all that changes until then.
func advance(p *store.Pull, objects []connector.Object, more bool, theirs time.Time) {
	last := p.At
	for _, o := range objects {
		last = max(last, o.UpdatedAt.UnixMilli())
	}

	p.Newest = max(p.Newest, min(last, theirs.UnixMilli()))
	switch {
	case more && last > p.At:
		p.At = last
		p.Offset = 0
	case more:
		p.Offset += len(objects)
		if p.Block == 0 {
			p.Block = max(p.At, 1)
		}

	default:
		if p.Block == 0 || p.Newest < p.Began-clockSkew.Milliseconds() {
			p.Since = p.Newest
		} else { // something changed meanwhile, so the pages of the block may have shifted
			p.Since = max(p.Since, min(p.Block, p.Newest))
		}

		p.Settled = p.Began-p.Newest > 2*clockSkew.Milliseconds()
		p.Began = 0
	}
}

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
