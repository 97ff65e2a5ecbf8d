package worker

import (
	"context"
	"errors"
	"fmt"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/store"
)

// The codes of runs that fail because of their target.
const (
	// targetNotFound: the place does not exist, or the credentials may not see
	// it.
	targetNotFound = "target_not_found"
	// targetMoved: the same configuration leads to another place than before,
	// which was deleted and made again, or whose name another place has now.
	targetMoved = store.TargetMoved
	// targetInUse: another integration of the organisation and item type syncs
	// with the place.
	targetInUse = "target_in_use"
)

// locate makes sure that the run works at the place to which the configuration
// leads. The provider is asked once for each configuration; where calls go by
// name, once a slice. The place is stored before anything is written there.
func (s *slice) locate(ctx context.Context) (*verdict, error) {
	known := s.knownTarget()

	if known != nil && known.ConfigurationVersion == s.meta.ConfigurationVersion {
		s.conn.Use(placeOf(*known))
	}

	if s.located() {
		s.setTarget(*known)
		return s.serve(), nil
	}

	place, v, err := s.resolve(ctx)
	if v != nil || err != nil {
		return v, err
	}

	return s.compareTarget(ctx, known, place)
}

// located reports whether the place is known without asking the provider.
func (s *slice) located() bool {
	known := s.knownTarget()

	return known != nil && known.ConfigurationVersion == s.meta.ConfigurationVersion && !known.ByName && s.run.AcceptTarget == ""
}

// knownTarget is the target as it was last stored, nil for none.
func (s *slice) knownTarget() *store.Target {
	if s.dry() { // its own lane has none
		return s.view.State.KnownTarget()
	}

	return s.state.Target
}

func placeOf(t store.Target) connector.Place {
	return connector.Place{Instance: t.Instance, ID: t.ID, Created: t.Created, Name: t.Name, URL: t.URL, ByName: t.ByName}
}

// resolve asks the provider to which place the configuration leads.
func (s *slice) resolve(ctx context.Context) (connector.Place, *verdict, error) {
	var place connector.Place

	v, err := s.await(ctx, limits.Read)
	if v != nil || err != nil {
		return place, v, err
	}

	v, err = s.call(ctx, nil, true, func() (err error) {
		place, err = s.conn.Resolve(ctx)
		return err
	})

	return place, v, err
}

// compareTarget compares the place with the one before and stores it. The same
// place under another name goes on. Another place ends a run that has begun at
// the old one. Where the same spelling leads to another place, nothing is
// written until a manager accepts it.
func (s *slice) compareTarget(ctx context.Context, known *store.Target, place connector.Place) (*verdict, error) {
	last, _ := s.told()
	next := store.Target{
		ClockLag: last.Milliseconds(),
		Key:      place.Key(s.meta.Provider), Instance: place.Instance, ID: place.ID, Created: place.Created,
		Name: place.Name, URL: place.URL, ByName: place.ByName,
		Spelling: s.meta.TargetHash, ConfigurationVersion: s.meta.ConfigurationVersion, Relinked: true,
	}

	if known != nil && known.Key == next.Key {
		next.Relinked = known.Relinked
		next.Previous = known.Previous
		next.Carries = known.Carries
		return s.keepTarget(ctx, *known, next)
	}

	if known != nil && known.Replaced(s.meta.TargetHash, place.ID, place.Created) && s.run.AcceptTarget != place.ID {
		detail := fmt.Sprintf("The configuration led to %s (id %s) and now leads to %s (id %s): the place was deleted and made again, or its name was given to another one. Nothing was written. "+
			"To go on there, send POST sync with {\"mode\": \"full\", \"accept_target\": \"%s\"}.", known.Name, known.ID, place.Name, place.ID, place.ID)
		return s.refuseTarget(targetMoved, detail), nil
	}

	return s.moveTarget(ctx, known, next)
}

// keepTarget stores what is new about the same place.
func (s *slice) keepTarget(ctx context.Context, known, next store.Target) (*verdict, error) {
	// The clock alone is no reason to store it again, unless it is a minute off.
	if off := next.ClockLag - known.ClockLag; next.ClockLag == 0 || max(off, -off) < apart.Milliseconds() {
		next.ClockLag = known.ClockLag
	}

	s.setTarget(next)

	if next == known || s.dry() {
		return s.serve(), nil
	}

	if v, err := s.storeTarget(ctx, store.Resolution{Target: next, Was: &known}); v != nil || err != nil {
		return v, err
	}

	return s.serve(), nil
}

// moveTarget stores another place, or the first one. An integration that has
// links to any place searches the new one for its objects before it creates any.
func (s *slice) moveTarget(ctx context.Context, known *store.Target, next store.Target) (*verdict, error) {
	s.setTarget(next)
	if s.dry() {
		return s.serve(), nil
	}

	linked, err := s.Store.LinkedTarget(ctx, s.lease.Pair.ID)
	if err != nil {
		return nil, err
	}

	next = next.After(known, linked)

	r := store.Resolution{Was: known, Target: next}
	if known == nil && s.state.Pull != nil && s.state.Pull.Target == linked {
		pull := *s.state.Pull
		pull.Target = next.Key
		r.Pull = &pull
	}

	// Without a known target, links are of a version that named a place by its
	// spelling: the run serves that place.
	begun := s.run.Target != "" && (known != nil || s.run.Target != linked)
	if !begun {
		r.RunTarget = next.Key
		r.Full = known != nil && s.run.ModeChosen
	}

	if v, err := s.storeTarget(ctx, r); v != nil || err != nil {
		return v, err
	}

	if begun {
		return cancelled(store.TargetChanged()), nil
	}

	if r.Full {
		s.run.Mode = domain.Full
	}

	if r.Pull != nil {
		s.state.Pull = r.Pull
	}

	s.run.Target = next.Key

	return s.serve(), nil
}

// storeTarget stores and claims the place under the fence.
func (s *slice) storeTarget(ctx context.Context, r store.Resolution) (*verdict, error) {
	err := s.Store.ResolveTarget(ctx, s.lease, r)

	var taken *store.TargetInUseError
	switch {
	case errors.As(err, &taken):
		detail := fmt.Sprintf("Integration %s of this organisation syncs items of the same type with %s already. Change or delete one of the two, then sync again.", taken.Holder, r.Target.Name)
		return s.refuseTarget(targetInUse, detail), nil
	case errors.Is(err, store.ErrChanged): // deleted meanwhile
		return cancelled(store.Stops(nil)), nil
	case err != nil:
		return nil, err
	}

	s.setTarget(r.Target)
	s.state.Target = &r.Target

	return nil, nil
}

// serve makes the run serve the target. A run that has begun at another place
// ends.
func (s *slice) serve() *verdict {
	if s.run.Target == "" {
		s.run.Target = s.target.Key
	}

	if s.run.Target != s.target.Key {
		return cancelled(store.TargetChanged())
	}

	return nil
}

// refuseTarget is the verdict that nothing may be written at the target.
func (s *slice) refuseTarget(code, detail string) *verdict {
	s.targetRefused = true

	v := failedWith(code, detail)
	v.ill = true

	return v
}

// lookForTarget finds out what stands behind an answer that the place is not
// there: a place that was resolved before may be deleted and made again under
// its name, or may have been renamed since the slice resolved it.
func (s *slice) lookForTarget(ctx context.Context, v *verdict) (*verdict, error) {
	if v == nil || v.err == nil || s.dry() || s.targetRefused || s.state.Target == nil {
		return v, nil
	}
	if v.err.Code != targetNotFound && v.err.Code != targetMoved {
		return v, nil
	}

	// The one read that finds out keeps to the limits, as any other call.
	if late, err := s.await(ctx, limits.Read); late != nil || err != nil {
		return v, err
	}

	var place connector.Place
	err := s.guarded(nil, func() (err error) {
		place, err = s.conn.Resolve(ctx)
		return err
	})
	if no := credentialRefused(err); no != nil {
		return no, nil
	}

	if err != nil {
		return v, nil // what was answered first stands
	}

	known := *s.state.Target

	if place.Key(s.meta.Provider) == known.Key {
		if v.err.Code == targetMoved { // it has another name now, which the next slice uses
			return goOn, nil
		}

		return v, nil
	}

	return s.compareTarget(ctx, &known, place)
}
