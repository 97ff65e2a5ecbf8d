package worker

import (
	"context"
	"errors"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/store"
)

// A pull that cannot go on holds pushes back for one slice. From then on pushes
// go first, as long as the provider answers a read of the place; each update reads
// its object before it, so that no person's edit is overwritten unseen; and the
// list is tried again at the end of each slice, where it may take its time.

// longestRest is the longest that a list is left alone because the provider says
// so.
const longestRest = time.Hour

// pullFirst reads what people changed before it is overwritten. While the pull
// cannot go on it asks instead whether the provider is up.
func (s *slice) pullFirst(ctx context.Context) (*verdict, error) {
	if !s.pulls() || s.pullProblem() == nil {
		return s.pull(ctx)
	}

	s.stalled = true

	return s.ask(ctx)
}

// pullRests reports whether the provider wants to be left alone with lists.
func (s *slice) pullRests() bool {
	known := s.pullProblem()

	return known != nil && s.Clock.Now().UnixMilli() < known.Until
}

// stall notes that the pull could not go on. The slice ends for it only where
// this is new.
func (s *slice) stall(ctx context.Context, v *verdict) (*verdict, error) {
	s.unlisted = true
	now := s.Clock.Now()
	trouble := &store.Problem{ConnectionVersion: s.meta.ConnectionVersion, Reason: *troubleOf(v.outage), Since: now.UnixMilli()}
	if v.outage.Wait > 0 {
		trouble.Until = now.Add(min(v.outage.Wait, longestRest)).UnixMilli()
	}

	known := s.pullProblem()
	if known != nil {
		trouble.Since = known.Since
	}

	if err := s.noteTrouble(ctx, trouble); err != nil {
		return nil, err
	}

	if known == nil {
		return wait(earlier(v.until, now.Add(longestOutage)), v.reason), nil
	}

	s.run.Outages = 0 // the place was read in this slice
	s.log.WarnContext(ctx, "the list of changes cannot be had; items are still written", "code", trouble.Reason.Code, "since", time.UnixMilli(trouble.Since).UTC())

	return nil, nil
}

// pullProblem is why the pull could not go on when it was last tried, nil if it
// could.
func (s *slice) pullProblem() *store.Problem { return s.state.PullProblem(s.meta) }

// unstall notes that the pull works again, or is not wanted any more.
func (s *slice) unstall(ctx context.Context) error {
	s.stalled = false

	return s.noteTrouble(ctx, nil)
}

// noteTrouble records why the pull cannot go on, nil for that it can, if that is
// new.
func (s *slice) noteTrouble(ctx context.Context, trouble *store.Problem) error {
	known := s.state.StoredPullProblem
	if trouble == nil && known == nil || trouble != nil && known != nil && *trouble == *known {
		return nil
	}

	s.state.StoredPullProblem = trouble

	return s.commit(ctx, store.Batch{PullTried: true, PullProblem: trouble})
}

// readPlace reads the place the run works at. It is the read that tells whether
// the provider is up while its lists cannot be had. Where the name leads to
// another place now, or to none, calls still go to the one of the run; one that
// can only be named cannot be reached, and the next slice says so.
func (s *slice) readPlace(ctx context.Context) error {
	place, err := s.conn.Resolve(ctx)
	var e *failure.Error
	nowhere := errors.As(err, &e) && e.Class == failure.Final && e.Code == targetNotFound
	if err != nil && !nowhere {
		return err
	}
	if err == nil && place.Key(s.meta.Provider) == s.target.Key {
		return nil
	}

	s.conn.Use(placeOf(s.target))
	if !s.target.ByName {
		return nil
	}
	if nowhere {
		return err
	}

	return &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: targetMoved,
		Detail: "the name of the place leads to another one now"}
}

// seeFirst reads an object that is about to be updated, while the pull cannot go
// on, and records what people changed. One that was made in this slice has been
// seen. It says whether the update may leave: an
// object that could not be seen is not overwritten. A verdict ends the page.
func (s *slice) seeFirst(ctx context.Context, t *task) (bool, *verdict, error) {
	puller, can := s.conn.(connector.Puller)
	if !can || !s.stalled || t.link.Remote == nil || t.intends {
		return true, nil, nil
	}

	if v, err := s.await(ctx, limits.Read); v != nil || err != nil {
		return false, v, err
	}

	var o connector.Object
	err := s.guarded(t, func() (err error) {
		o, err = puller.Read(ctx, *t.link.Remote)
		return err
	})

	if err == nil && o.Remote.ID != t.link.Remote.ID {
		err = &failure.Error{Class: failure.Final, Scope: failure.ItemScope, Code: remoteMoved, Detail: "the provider answers with another object"}
	}

	if err != nil {
		v, err := s.unseen(ctx, t, err)
		return false, v, err
	}

	seen := t.link
	t.was.note(&seen) // this update has not left yet
	p, changed := s.linkedChange(seen, o)
	if !changed {
		return true, nil, nil
	}

	t.link.Remote = p.Link.Remote
	t.link.SeenText = p.Link.SeenText
	t.link.SeenState = p.Link.SeenState
	t.link.SeenAt = p.Link.SeenAt
	link := t.link
	p.Link = &link

	err = s.commit(ctx, store.Batch{Pulled: []store.Pulled{p}})

	return err == nil, nil, err
}

// unseen is for an object that could not be read before its update. The update
// does not leave, and no write was refused. Since the place was read in this
// slice, a failure that may pass is first taken to be about the object.
func (s *slice) unseen(ctx context.Context, t *task, err error) (*verdict, error) {
	var e *failure.Error
	if !errors.As(err, &e) {
		return nil, err
	}

	s.log.WarnContext(ctx, "an object cannot be read before its update", "item_id", t.name(), "class", e.Class.String(), "code", e.Code, "status", e.Status, "error", e.Error())
	switch {
	case e.Class == failure.Final && unread[e.Code], e.Class == failure.Retryable && e.Code != rateLimited:
		s.run.Outages++
		if s.run.Outages >= outagesInARow {
			if v, err := s.ask(ctx); v != nil || err != nil {
				s.putOff(t, e)
				return v, err
			}
		}

		s.alone(t, e)

		return nil, nil

	case e.Class == failure.Final && e.Scope == failure.ItemScope:
		s.refuse(t, e)
		return nil, nil
	}

	return s.fail(ctx, t, e)
}
