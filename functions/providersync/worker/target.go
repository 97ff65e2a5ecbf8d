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

// A targetStore keeps the place that an integration works at.
type targetStore interface {
	ResolveTarget(ctx context.Context, l store.Lease, r store.Resolution) error
	LinkedTarget(ctx context.Context, integration domain.Snowflake) (string, error)
}

// targets finds the place to which the configuration leads, and makes the run serve
// it.
type targets struct {
	*session
	site  *site
	pacer *pacer
	calls *caller
	store targetStore
	view  store.View
	// targetRefused says that the invocation has judged that nothing may be written
	// at the target.
	targetRefused bool
}

// locate makes sure that the run works at the place to which the configuration
// leads. The provider is asked once for each configuration; where calls go by
// name, once an invocation. The place is stored before anything is written there.
func (ts *targets) locate(ctx context.Context) error {
	known := ts.knownTarget()

	if known != nil && known.ConfigurationVersion == ts.meta.ConfigurationVersion {
		ts.site.conn.Use(placeOf(*known))
	}

	if ts.located() {
		ts.site.setTarget(*known)
		return ts.serveTarget()
	}

	place, err := ts.resolve(ctx)
	if err != nil {
		return err
	}

	return ts.compareTarget(ctx, known, place)
}

// located reports whether the place is known without asking the provider.
func (ts *targets) located() bool {
	known := ts.knownTarget()

	return known != nil && known.ConfigurationVersion == ts.meta.ConfigurationVersion && !known.ByName && ts.run.AcceptTarget == ""
}

// knownTarget is the target as it was last stored, nil for none.
func (ts *targets) knownTarget() *store.Target {
	if ts.dry() { // its own state has none
		return ts.view.State.KnownTarget()
	}

	return ts.state.Target
}

func placeOf(t store.Target) connector.Place {
	return connector.Place{Instance: t.Instance, ID: t.ID, Created: t.Created, Name: t.Name, URL: t.URL, ByName: t.ByName}
}

// resolve asks the provider to which place the configuration leads.
func (ts *targets) resolve(ctx context.Context) (connector.Place, error) {
	var place connector.Place

	err := ts.pacer.await(ctx, limits.Read)
	if err != nil {
		return place, err
	}

	err = ts.calls.read(ctx, "", true, func() (err error) {
		place, err = ts.site.conn.Resolve(ctx)
		return err
	})

	return place, err
}

// compareTarget compares the place with the one before and stores it. The same
// place under another name goes on. Another place ends a run that has begun at
// the old one. Where the same spelling leads to another place, nothing is
// written until a manager accepts it.
func (ts *targets) compareTarget(ctx context.Context, known *store.Target, place connector.Place) error {
	last, _ := ts.site.clockLags()
	next := store.Target{
		ClockLag: last.Milliseconds(),
		Key:      place.Key(ts.meta.Provider), Instance: place.Instance, ID: place.ID, Created: place.Created,
		Name: place.Name, URL: place.URL, ByName: place.ByName,
		Spelling: ts.meta.TargetHash, ConfigurationVersion: ts.meta.ConfigurationVersion, Relinked: true,
	}

	if known != nil && known.Key == next.Key {
		next.Relinked = known.Relinked
		next.Previous = known.Previous
		next.Carries = known.Carries
		return ts.keepTarget(ctx, *known, next)
	}

	if known != nil && known.Replaced(ts.meta.TargetHash, place.ID, place.Created) && ts.run.AcceptTarget != place.ID {
		detail := fmt.Sprintf("The configuration led to %s (id %s) and now leads to %s (id %s): the place was deleted and made again, or its name was given to another one. Nothing was written. "+
			"To go on there, send POST sync with {\"mode\": \"full\", \"accept_target\": \"%s\"}.", known.Name, known.ID, place.Name, place.ID, place.ID)
		return ts.refuseTarget(targetMoved, detail)
	}

	return ts.moveTarget(ctx, known, next)
}

// keepTarget stores what is new about the same place.
func (ts *targets) keepTarget(ctx context.Context, known, next store.Target) error {
	// The clock alone is no reason to store it again, unless it is a minute off.
	if off := next.ClockLag - known.ClockLag; next.ClockLag == 0 || max(off, -off) < serverSkew.Milliseconds() {
		next.ClockLag = known.ClockLag
	}

	ts.site.setTarget(next)

	if next == known || ts.dry() {
		return ts.serveTarget()
	}

	if err := ts.storeTarget(ctx, store.Resolution{Target: next, Was: &known}); err != nil {
		return err
	}

	return ts.serveTarget()
}

// moveTarget stores another place, or the first one. An integration that has
// links to any place searches the new one for its objects before it creates any.
func (ts *targets) moveTarget(ctx context.Context, known *store.Target, next store.Target) error {
	ts.site.setTarget(next)
	if ts.dry() {
		return ts.serveTarget()
	}

	linked, err := ts.store.LinkedTarget(ctx, ts.lease.Pair.ID)
	if err != nil {
		return err
	}

	next = next.After(known, linked)

	r := store.Resolution{Was: known, Target: next}
	if known == nil && ts.state.Pull != nil && ts.state.Pull.Target == linked {
		pull := *ts.state.Pull
		pull.Target = next.Key
		r.Pull = &pull
	}

	// Without a known target, links are of a version that named a place by its
	// spelling: the run serves that place.
	begun := ts.run.Target != "" && (known != nil || ts.run.Target != linked)
	if !begun {
		r.RunTarget = next.Key
		r.Full = known != nil && ts.run.ModeChosen
	}

	if err := ts.storeTarget(ctx, r); err != nil {
		return err
	}

	if begun {
		return stopCancelled(store.TargetChanged())
	}

	if r.Full {
		ts.run.Mode = domain.Full
	}

	if r.Pull != nil {
		ts.state.Pull = r.Pull
	}

	ts.run.Target = next.Key

	return ts.serveTarget()
}

// storeTarget stores and claims the place under the fence.
func (ts *targets) storeTarget(ctx context.Context, r store.Resolution) error {
	err := ts.store.ResolveTarget(ctx, ts.lease, r)

	var taken *store.TargetInUseError
	switch {
	case errors.As(err, &taken):
		detail := fmt.Sprintf("Integration %s of this organisation syncs items of the same type with %s already. Change or delete one of the two, then sync again.", taken.Holder, r.Target.Name)
		return ts.refuseTarget(targetInUse, detail)
	case errors.Is(err, store.ErrChanged): // deleted meanwhile
		return stopCancelled(store.Stops(nil))
	case err != nil:
		return err
	}

	ts.site.setTarget(r.Target)
	ts.state.Target = &r.Target

	return nil
}

// serveTarget makes the run serve the target. A run that has begun at another place
// ends.
func (ts *targets) serveTarget() error {
	if ts.run.Target == "" {
		ts.run.Target = ts.site.target.Key
	}

	if ts.run.Target != ts.site.target.Key {
		return stopCancelled(store.TargetChanged())
	}

	return nil
}

// refuseTarget is the stop that nothing may be written at the target.
func (ts *targets) refuseTarget(code, detail string) *Stop {
	ts.targetRefused = true

	stop := stopFailed(code, detail)
	stop.unhealthy = true

	return stop
}

// recheckTarget finds out what stands behind an answer that the place is not
// there: a place that was resolved before may be deleted and made again under
// its name, or may have been renamed since the invocation resolved it.
func (ts *targets) recheckTarget(ctx context.Context, stop *Stop) error {
	if stop.err == nil || ts.dry() || ts.targetRefused || ts.state.Target == nil {
		return stop
	}
	if stop.err.Code != targetNotFound && stop.err.Code != targetMoved {
		return stop
	}

	// The one read that finds out keeps to the limits, as any other call.
	late, err := asStop(ts.pacer.await(ctx, limits.Read))
	if err != nil {
		return err
	}

	if late != nil {
		return stop
	}

	var place connector.Place
	err = ts.calls.guarded("", func() (err error) {
		place, err = ts.site.conn.Resolve(ctx)
		return err
	})
	if no := credentialRefused(err); no != nil {
		return no
	}

	if err != nil {
		return stop // what was answered first stands
	}

	known := *ts.state.Target

	if place.Key(ts.meta.Provider) == known.Key {
		if stop.err.Code == targetMoved { // it has another name now, which the next invocation uses
			return stopContinue
		}

		return stop
	}

	return ts.compareTarget(ctx, &known, place)
}
