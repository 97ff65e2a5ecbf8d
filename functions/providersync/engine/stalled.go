package engine

import (
	"context"
	"errors"

	"integrations/shared/connector"
	"integrations/shared/pacing"
	"integrations/shared/store"
)

// A pull that cannot go on holds pushes back for one slice. From then on pushes
// go on as long as the provider answers to a read of the place, and each update
// reads its object first, so that no person's edit is overwritten unseen.

// stall notes that the pull could not go on, and says whether the slice ends for
// it.
func (s *slice) stall(ctx context.Context, v *verdict) (*verdict, error) {
	s.stalled = true

	trouble := &store.Trouble{ConnectionVersion: s.meta.ConnectionVersion, Reason: *reasonOf(v.outage), Since: s.Clock.Now().UnixMilli()}
	known := s.pullProblem()
	if known != nil {
		trouble.Since = known.Since
	}
	if err := s.noteTrouble(ctx, trouble); err != nil {
		return nil, err
	}
	if known == nil {
		return v, nil
	}

	s.log.WarnContext(ctx, "pull cannot go on; pushes do if the provider answers", "code", trouble.Reason.Code)

	return s.ask(ctx)
}

// pullProblem is why the pull could not go on when it was last tried, nil if it
// could.
func (s *slice) pullProblem() *store.Trouble { return s.state.PullProblem(s.meta) }

// unstall notes that the pull works again, or is not wanted any more.
func (s *slice) unstall(ctx context.Context) error {
	return s.noteTrouble(ctx, nil)
}

// noteTrouble records why the pull cannot go on, nil for that it can, if that is
// new.
func (s *slice) noteTrouble(ctx context.Context, trouble *store.Trouble) error {
	known := s.state.PullTrouble
	if trouble == nil && known == nil || trouble != nil && known != nil && *trouble == *known {
		return nil
	}

	s.state.PullTrouble = trouble

	return s.commit(ctx, store.Batch{PullTried: true, PullTrouble: trouble})
}

// readPlace reads the place the run works at. It is the read that tells whether
// the provider is up while its lists cannot be had. Where the name leads to
// another place now, calls still go to the one of the run; one that can only be
// named cannot be reached, and the next slice says so.
func (s *slice) readPlace(ctx context.Context) error {
	place, err := s.conn.Resolve(ctx)
	if err != nil {
		return err
	}
	if place.Key(s.meta.Provider) == s.target.Key {
		return nil
	}

	s.conn.Use(placeOf(s.target))
	if !place.ByName {
		return nil
	}

	return &connector.Error{Class: connector.Retryable, Scope: connector.IntegrationScope, Code: targetMoved,
		Detail: "the name of the place leads to another one now"}
}

// seeFirst reads an object that is about to be updated, while the pull cannot go
// on, and records what people changed. It says whether the update may leave: an
// object that could not be seen is not overwritten. A verdict ends the page.
func (s *slice) seeFirst(ctx context.Context, t *task) (bool, *verdict, error) {
	puller, can := s.conn.(connector.Puller)
	if !can || !s.stalled || t.link.Remote == nil {
		return true, nil, nil
	}
	if v, err := s.await(ctx, pacing.Read); v != nil || err != nil {
		return false, v, err
	}

	var o connector.Object
	err := s.guarded(t, func() (err error) {
		o, err = puller.Read(ctx, *t.link.Remote)
		return err
	})

	var e *connector.Error
	if errors.As(err, &e) {
		v, err := s.fail(ctx, t, e)
		return false, v, err
	}
	if err != nil {
		return false, nil, err
	}

	seen := t.link
	seen.Unsure = t.was.unsure // this update has not left yet
	p, changed := s.linkedChange(seen, o)
	if !changed {
		return true, nil, nil
	}

	t.link.Remote, t.link.SeenText, t.link.SeenState, t.link.SeenAt = p.Link.Remote, p.Link.SeenText, p.Link.SeenState, p.Link.SeenAt
	link := t.link
	p.Link = &link

	err = s.commit(ctx, store.Batch{Pulled: []store.Pulled{p}})

	return err == nil, nil, err
}
