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
// name, once an invocation. The place is stored before anything is written there.
func (s *invocation) locate(ctx context.Context) error {
	known := s.knownTarget()

	if known != nil && known.ConfigurationVersion == s.meta.ConfigurationVersion {
		s.conn.Use(placeOf(*known))
	}

	if s.located() {
		s.setTarget(*known)
		return s.serveTarget()
	}

	place, err := s.resolve(ctx)
	if err != nil {
		return err
	}

	return s.compareTarget(ctx, known, place)
}

// located reports whether the place is known without asking the provider.
func (s *invocation) located() bool {
	known := s.knownTarget()

	return known != nil && known.ConfigurationVersion == s.meta.ConfigurationVersion && !known.ByName && s.run.AcceptTarget == ""
}

// knownTarget is the target as it was last stored, nil for none.
func (s *invocation) knownTarget() *store.Target {
	if s.dry() { // its own lane has none
		return s.view.State.KnownTarget()
	}

	return s.state.Target
}

func placeOf(t store.Target) connector.Place {
	return connector.Place{Instance: t.Instance, ID: t.ID, Created: t.Created, Name: t.Name, URL: t.URL, ByName: t.ByName}
}

// resolve asks the provider to which place the configuration leads.
func (s *invocation) resolve(ctx context.Context) (connector.Place, error) {
	var place connector.Place

	err := s.await(ctx, limits.Read)
	if err != nil {
		return place, err
	}

	err = s.read(ctx, "", true, func() (err error) {
		place, err = s.conn.Resolve(ctx)
		return err
	})

	return place, err
}

// compareTarget compares the place with the one before and stores it. The same
// place under another name goes on. Another place ends a run that has begun at
// the old one. Where the same spelling leads to another place, nothing is
// written until a manager accepts it.
func (s *invocation) compareTarget(ctx context.Context, known *store.Target, place connector.Place) error {
	last, _ := s.clockLags()
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
		return s.refuseTarget(targetMoved, detail)
	}

	return s.moveTarget(ctx, known, next)
}

// keepTarget stores what is new about the same place.
func (s *invocation) keepTarget(ctx context.Context, known, next store.Target) error {
	// The clock alone is no reason to store it again, unless it is a minute off.
	if off := next.ClockLag - known.ClockLag; next.ClockLag == 0 || max(off, -off) < serverSkew.Milliseconds() {
		next.ClockLag = known.ClockLag
	}

	s.setTarget(next)

	if next == known || s.dry() {
		return s.serveTarget()
	}

	if err := s.storeTarget(ctx, store.Resolution{Target: next, Was: &known}); err != nil {
		return err
	}

	return s.serveTarget()
}

// moveTarget stores another place, or the first one. An integration that has
// links to any place searches the new one for its objects before it creates any.
func (s *invocation) moveTarget(ctx context.Context, known *store.Target, next store.Target) error {
	s.setTarget(next)
	if s.dry() {
		return s.serveTarget()
	}

	linked, err := s.Store.LinkedTarget(ctx, s.lease.Pair.ID)
	if err != nil {
		return err
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

	if err := s.storeTarget(ctx, r); err != nil {
		return err
	}

	if begun {
		return stopCancelled(store.TargetChanged())
	}

	if r.Full {
		s.run.Mode = domain.Full
	}

	if r.Pull != nil {
		s.state.Pull = r.Pull
	}

	s.run.Target = next.Key

	return s.serveTarget()
}

// storeTarget stores and claims the place under the fence.
func (s *invocation) storeTarget(ctx context.Context, r store.Resolution) error {
	err := s.Store.ResolveTarget(ctx, s.lease, r)

	var taken *store.TargetInUseError
	switch {
	case errors.As(err, &taken):
		detail := fmt.Sprintf("Integration %s of this organisation syncs items of the same type with %s already. Change or delete one of the two, then sync again.", taken.Holder, r.Target.Name)
		return s.refuseTarget(targetInUse, detail)
	case errors.Is(err, store.ErrChanged): // deleted meanwhile
		return stopCancelled(store.Stops(nil))
	case err != nil:
		return err
	}

	s.setTarget(r.Target)
	s.state.Target = &r.Target

	return nil
}

// serveTarget makes the run serve the target. A run that has begun at another place
// ends.
func (s *invocation) serveTarget() error {
	if s.run.Target == "" {
		s.run.Target = s.target.Key
	}

	if s.run.Target != s.target.Key {
		return stopCancelled(store.TargetChanged())
	}

	return nil
}

// refuseTarget is the stop that nothing may be written at the target.
func (s *invocation) refuseTarget(code, detail string) *Stop {
	s.targetRefused = true

	stop := stopFailed(code, detail)
	stop.unhealthy = true

	return stop
}

// recheckTarget finds out what stands behind an answer that the place is not
// there: a place that was resolved before may be deleted and made again under
// its name, or may have been renamed since the invocation resolved it.
func (s *invocation) recheckTarget(ctx context.Context, stop *Stop) error {
	if stop.err == nil || s.dry() || s.targetRefused || s.state.Target == nil {
		return stop
	}
	if stop.err.Code != targetNotFound && stop.err.Code != targetMoved {
		return stop
	}

	// The one read that finds out keeps to the limits, as any other call.
	late, err := asStop(s.await(ctx, limits.Read))
	if err != nil {
		return err
	}

	if late != nil {
		return stop
	}

	var place connector.Place
	err = s.guarded("", func() (err error) {
		place, err = s.conn.Resolve(ctx)
		return err
	})
	if no := credentialRefused(err); no != nil {
		return no
	}

	if err != nil {
		return stop // what was answered first stands
	}

	known := *s.state.Target

	if place.Key(s.meta.Provider) == known.Key {
		if stop.err.Code == targetMoved { // it has another name now, which the next invocation uses
			return stopContinue
		}

		return stop
	}

	return s.compareTarget(ctx, &known, place)
}
