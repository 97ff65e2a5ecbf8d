package runs

import (
	"context"
	"errors"
	"time"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// A Sync is what a manager asks for.
type Sync struct {
	Mode domain.Mode
	// ModeChosen says that the caller named no mode: the worker makes the run full
	// where that is needed.
	ModeChosen bool
	// DryRun asks for a plan. Nothing is sent to the provider.
	DryRun bool
	// Announce has a chat post all items that it has no message of.
	Announce bool
	// AcceptTarget is the provider's id of a place that replaces the one before, ""
	// for none.
	AcceptTarget string
	RequestedBy  domain.Snowflake
}

// syncAttempts is how often a sync is tried. A failed start returns the state that was
// in its way, so that no attempt reads.
const syncAttempts = 3

// Sync starts a run, or joins the active one. state is the integration's state as it
// was read, nil for none. A dry run joins only another dry run.
func (r *Runs) Sync(ctx context.Context, ref store.IntegrationRef, state *store.State, want Sync) (domain.Run, error) {
	if want.DryRun {
		state = nil // the active run is none of its kind
	}

	for range syncAttempts {
		if !active(state) {
			run, other, err := r.startSync(ctx, ref, want)
			if err != nil || run != nil {
				return runOf(run), err
			}
			state = other
		}

		run, err := r.joinSync(ctx, *state.Run, want)
		if !errors.Is(err, store.ErrNotFound) {
			return run, err
		}
		state = nil
	}

	return domain.Run{}, tooQuick()
}

// startSync stores a run. Where another one is active, it returns the state that has
// it.
func (r *Runs) startSync(ctx context.Context, ref store.IntegrationRef, want Sync) (*store.ActiveRun, *store.State, error) {
	now := r.Now().UTC()
	run := newRun(ref, want.Mode, domain.ByRequest, now)
	run.RequestedBy = &want.RequestedBy
	run.DryRun = want.DryRun
	run.ModeChosen = want.ModeChosen
	run.Announce = want.Announce
	run.AcceptTarget = want.AcceptTarget

	request := r.Table.RequestRun
	if want.DryRun {
		request = r.Table.RequestDryRun
	}
	state, started, err := request(ctx, ref, run, Gap, now.Add(r.LostAfter))
	switch {
	case err != nil:
		return nil, nil, err
	case started:
		r.send(ctx, run.Run)
		return state.Run, nil, nil
	case state.Run == nil:
		return nil, nil, &domain.Error{Code: domain.CodeTooManyRequests, RetryAfter: int(Gap / time.Second),
			Detail: "A new sync of an integration can be started once every 2 seconds."}
	}

	return nil, &state, nil
}

// joinSync asks the active run for what the manager wants. A run that waits because the
// provider refused or limited it tries at once. A dry run is joined as it is.
// store.ErrNotFound says that the run has ended.
func (r *Runs) joinSync(ctx context.Context, run store.ActiveRun, want Sync) (domain.Run, error) {
	if want.DryRun {
		return run.Run, nil
	}

	now := r.Now()
	probes := store.Probes(run.Run, now)
	request := store.RunRequest{
		Full:         want.Mode == domain.Full && run.Mode != domain.Full,
		Announce:     want.Announce && !run.Announce,
		AcceptTarget: want.AcceptTarget,
	}
	if probes {
		request.ProbeAt = now.UnixMilli()
	}
	if request != (store.RunRequest{}) {
		err := r.Table.JoinRun(ctx, run.IntegrationID, run.ID, request)
		if err != nil {
			return domain.Run{}, err
		}
	}

	if request.Full {
		run.Mode = domain.Full
	}
	if !probes {
		return run.Run, nil
	}

	return r.resume(ctx, run.Run)
}

func runOf(run *store.ActiveRun) domain.Run {
	if run == nil {
		return domain.Run{}
	}

	return run.Run
}
