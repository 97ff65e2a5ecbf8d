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

// pulls reports whether the integration reads what changed at the provider.
func (s *slice) pulls() bool {
	_, can := s.conn.(connector.Puller)
	return can && (s.reads.Pull == pullLinked || s.reads.Pull == pullAll)
}

var errMisjudged = errors.New("the provider's clock is another than was believed")

// pull reads what changed at the target since the cursor, if anything may have
// since the last time. What we wrote ourselves is known by how it looked then;
// the rest becomes the link's remote state and goes out as events.
func (s *slice) pull(ctx context.Context) (*verdict, error) {
	if !s.pulls() {
		return nil, s.unstall(ctx)
	}
	if s.pulled || s.unlisted || s.pullRests() {
		return nil, nil
	}

	for n := 1; ; n++ {
		p := s.cursor()
		first := true
		believed, _ := s.told()
		v, err := s.walk(ctx, &p, func(objects []connector.Object) (store.Batch, error) {
			if first && n < reasks && s.misjudged(believed) {
				return store.Batch{}, errMisjudged
			}

			first = false
			pulled, err := s.compareRemote(ctx, p, objects)
			return store.Batch{Pulled: pulled, Pull: &p}, err
		})
		if errors.Is(err, errMisjudged) {
			continue // from where the clock that is known now says
		}

		s.pulled = v == nil && err == nil
		switch {
		case s.pulled:
			return nil, s.unstall(ctx)
		case v != nil && v.outage != nil:
			return s.stall(ctx, v)
		}

		return v, err
	}
}

// misjudged reports whether a walk has begun by another idea of the provider's
// clock than its first answer gives, by as much as matters: more to the first
// walk, which says since when there is news.
func (s *slice) misjudged(believed time.Duration) bool {
	last, _ := s.told()
	off := (last - believed).Abs()
	return off >= skew || s.state.Pull == nil && off >= drift
}

// future reports whether a time is beyond the provider's present.
func (s *slice) future(at int64) bool { return at > s.theirs().Add(skew).UnixMilli() }

// cursor is where to go on: in the middle of a walk that a slice left, or at
// the beginning of a new one, some way back for the provider's clock, by which
// all its times are. The first begins with the run that first sees the target.
func (s *slice) cursor() store.Pull {
	last, _ := s.told()
	p := store.Pull{Target: s.target.Key, Since: s.run.RequestedAt.Add(-last).UnixMilli()}
	if s.state.Pull != nil && s.state.Pull.Target == s.target.Key {
		p = *s.state.Pull
	} else {
		p.Activated = p.Since
	}

	if p.Began == 0 {
		if s.future(p.Since) { // the clock was set back, and what has changed since is dated before
			p.Since = s.theirs().Add(-outbound.MaxClockSkew).UnixMilli()
		}

		if p.At = p.Since; !p.Settled {
			p.At -= skew.Milliseconds()
		}

		p.Offset = 0
		p.Newest = p.Since
		p.Block = 0
		p.Began = s.theirs().UnixMilli()
	}

	return p
}

// walk goes through what changed from a cursor on, oldest first. Each page is
// recorded with the cursor behind it. The next page begins at the newest change
// of the last, since objects that change meanwhile move to the end and shift the
// others; only within a block of equal times it goes on by an offset.
func (s *slice) walk(ctx context.Context, p *store.Pull, handle func([]connector.Object) (store.Batch, error)) (*verdict, error) {
	for {
		if v, err := s.await(ctx, limits.Read); v != nil || err != nil {
			return v, err
		}

		var objects []connector.Object
		var more bool
		v, err := s.call(ctx, nil, true, func() (err error) {
			since := time.Time{}
			if p.At > 0 {
				since = time.UnixMilli(p.At).UTC()
			}

			objects, more, err = s.conn.(connector.Puller).Changes(ctx, since, p.Offset)
			if err == nil && more && len(objects) == 0 {
				err = errStuck()
			}

			return err
		})
		if v != nil || err != nil {
			return v, err
		}

		batch, err := handle(spoken(objects))
		if err != nil {
			return nil, err
		}

		advance(p, objects, more, s.theirs())
		if more || len(batch.Pulled) > 0 { // to find nothing new is not to bring forward
			s.progressed()
		}

		if err := s.commit(ctx, batch); err != nil {
			return nil, err
		}

		if !more {
			return nil, nil
		}
	}
}

// errStuck is for a list that says that more follows and hands over nothing: an
// offset cannot move on in it.
func errStuck() error {
	return &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "list_stuck",
		Detail: "the provider's list says that more follows, and gives nothing"}
}

// spoken are the objects that are something to speak of.
func spoken(objects []connector.Object) []connector.Object {
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
		if p.Block == 0 || p.Newest < p.Began-skew.Milliseconds() {
			p.Since = p.Newest
		} else { // something changed meanwhile, so the pages of the block may have shifted
			p.Since = max(p.Since, min(p.Block, p.Newest))
		}

		p.Settled = p.Began-p.Newest > 2*skew.Milliseconds()
		p.Began = 0
	}
}

// compareRemote finds out what people have changed. Links are of items at this
// target; objects of nobody count only where all are pulled.
func (s *slice) compareRemote(ctx context.Context, p store.Pull, objects []connector.Object) ([]store.Pulled, error) {
	if len(objects) == 0 {
		return nil, nil
	}

	id := s.lease.Pair.ID
	target := s.target.Key
	remoteIDs := make([]string, len(objects))
	for i, o := range objects {
		remoteIDs[i] = o.Remote.ID
	}

	known, err := s.Store.Objects(ctx, id, target, remoteIDs)
	if err != nil {
		return nil, err
	}

	var items []domain.Snowflake
	for _, o := range objects {
		if item := s.itemOf(o, known); item != 0 {
			items = append(items, item)
		}
	}

	links, err := s.linksOf(ctx, target, unique(items))
	if err != nil {
		return nil, err
	}

	others, err := s.ownedByOthers(ctx, objects, known)
	if err != nil {
		return nil, err
	}

	var pulled findings
	for _, o := range objects {
		record := known[o.Remote.ID]
		link := links[s.itemOf(o, known)]
		switch {
		case link.Remote != nil && link.Remote.ID == o.Remote.ID:
			if c, changed := s.linkedChange(link, o); changed {
				links[link.ItemID] = *c.Link
				pulled.add(c)
			}

		case record.ItemID != 0 || others[o.Remote.ID] || s.reads.Pull != pullAll:
			// An earlier object of the item, another integration's, or not asked for.
		case link.Intent != nil && record.RemoteID == "":
			// One object answers the create, others are copies: reconciling decides.
			if c, added := addCandidate(p, link, o); added {
				links[link.ItemID] = *c.Link
				pulled.add(c)
			}

		default:
			if c, changed := s.foreignChange(p, record, o); changed {
				pulled.add(c)
			}
		}
	}

	return pulled.all, nil
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
func (s *slice) ownedByOthers(ctx context.Context, objects []connector.Object, known map[string]store.Object) (map[string]bool, error) {
	var claimed []store.Claimed
	for _, o := range objects {
		if _, recorded := known[o.Remote.ID]; recorded {
			continue
		}

		for _, m := range o.Markers {
			if m.Integration != s.lease.Pair.ID && s.markerKey.Valid(m) {
				claimed = append(claimed, store.Claimed{Integration: m.Integration, Item: m.Item, Attempt: m.Attempt, RemoteID: o.Remote.ID})
			}
		}
	}

	owned := map[string]bool{}
	for some := range slices.Chunk(claimed, ownedAtOnce) {
		theirs, err := s.Store.Owned(ctx, s.target.Key, some)
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
func (s *slice) itemOf(o connector.Object, known map[string]store.Object) domain.Snowflake {
	if k, ok := known[o.Remote.ID]; ok {
		return k.ItemID
	}

	for _, m := range o.Markers {
		if m.Integration == s.lease.Pair.ID && s.markerKey.Valid(m) {
			return m.Item
		}
	}

	return 0
}

// linkedChange compares an item's object with how it was last seen.
func (s *slice) linkedChange(link store.Link, o connector.Object) (store.Pulled, bool) {
	switch {
	case !o.UpdatedAt.IsZero() && o.UpdatedAt.UnixMilli() < link.SeenAt && !s.future(link.SeenAt):
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
	link.Remote, link.SeenText, link.SeenState, link.SeenAt = &remote, o.Seen.Text, o.Seen.State, seenAt(o.UpdatedAt)
	link.UpdatedAt = s.Clock.Now().UTC()
	if len(changes) > 0 {
		s.run.Counts.Pulled++
	}

	item := link.ItemID

	return store.Pulled{Link: &link, Events: s.tell(&item, changes, o)}, true
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

// foreignChange compares an object that is nobody's with how it was last seen.
// One that changed before anything was pulled is only remembered.
func (s *slice) foreignChange(p store.Pull, known store.Object, o connector.Object) (store.Pulled, bool) {
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
		s.run.Counts.Pulled++
	}

	object := store.Object{Target: s.target.Key, RemoteID: o.Remote.ID, SeenText: o.Seen.Text, SeenState: o.Seen.State}

	return store.Pulled{Objects: []store.Object{object}, Events: s.tell(nil, changes, o)}, true
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

// noticeID is a new id for a notice, another than all of this slice: a page of
// changes is made within a millisecond, and ids have few random bits.
func (s *slice) noticeID() domain.Snowflake {
	s.noticed = max(domain.NewSnowflake(s.Clock.Now()), s.noticed+1)
	return s.noticed
}

// tell makes the notices of an object's changes.
func (s *slice) tell(item *domain.Snowflake, changes []string, o connector.Object) []outgoing.Event {
	var all []outgoing.Event
	for _, change := range changes {
		id := s.noticeID()
		all = append(all, outgoing.RemoteChanged(id, s.lease.Pair.OrganisationID, s.lease.Pair.ID, item, s.meta.Provider, change,
			outgoing.Remote{Remote: o.Remote, Title: o.Title, UpdatedAt: o.UpdatedAt.UTC()}))
	}

	return all
}
