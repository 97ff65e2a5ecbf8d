package runs

import (
	"context"
	"errors"
	"fmt"
	"time"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// Retry returns a run that tries items again, whose pending changes are stored: the
// active one, or a new one. all asks for every item that failed or was not answered.
func (r *Runs) Retry(ctx context.Context, ref store.IntegrationRef, state *store.State, requestedBy domain.Snowflake, all bool) (domain.Run, error) {
	for range attempts {
		run, err := r.retryOnce(ctx, ref, state, requestedBy, all)
		if !errors.Is(err, store.ErrNotFound) {
			return run, err
		}

		state, err = r.read(ctx, ref.ID)
		if err != nil {
			return domain.Run{}, err
		}
	}

	return domain.Run{}, tooQuick()
}

// retryOnce joins or starts a run. store.ErrNotFound says that the state has changed
// since it was read.
func (r *Runs) retryOnce(ctx context.Context, ref store.IntegrationRef, state *store.State, requestedBy domain.Snowflake, all bool) (domain.Run, error) {
	if active(state) {
		return r.joinRetry(ctx, state.Run.Run, all)
	}

	run := newRun(ref, domain.Incremental, domain.ByRequest, r.Now().UTC())
	run.RequestedBy = &requestedBy
	run.RetryAll = all

	return run.Run, r.startForChanges(ctx, ref, run)
}

// joinRetry has the active run look at the items. A run that waits for the end of a
// pause goes on at once.
func (r *Runs) joinRetry(ctx context.Context, run domain.Run, all bool) (domain.Run, error) {
	var err error
	if all {
		err = r.Table.RetryAll(ctx, run.IntegrationID, run.ID)
	} else {
		err = r.Table.Signal(ctx, run.IntegrationID)
	}
	if err != nil || !store.PausesAfter(run) {
		return run, err
	}

	return r.resume(ctx, run)
}

// startForChanges starts a run for pending changes, with the signal set.
// store.ErrNotFound says that another run is active.
func (r *Runs) startForChanges(ctx context.Context, ref store.IntegrationRef, run store.ActiveRun) error {
	started, err := r.Table.SignalWithRun(ctx, ref, run, run.RequestedAt.Add(r.LostAfter))
	if err != nil {
		return err
	}
	if !started {
		return store.ErrNotFound
	}
	r.send(ctx, run.Run)

	return nil
}

// Changed makes sure that a worker of each integration reads its pending changes: the
// active run's worker, by a signal, or that of a new run. During a pause the new run
// waits. All pending changes are stored before: the states are read after them, so a
// worker that has cleared the signal before reads them afterwards.
func (r *Runs) Changed(ctx context.Context, listeners []store.Listener) error {
	ids := make([]domain.Snowflake, len(listeners))
	for i, listener := range listeners {
		ids[i] = listener.ID
	}
	states, err := r.Table.States(ctx, ids)
	if err != nil {
		return err
	}

	for _, listener := range listeners {
		err := r.changed(ctx, listener, states[listener.ID])
		if err != nil {
			return err
		}
	}

	return nil
}

// changed does the part of Changed for one integration.
func (r *Runs) changed(ctx context.Context, listener store.Listener, state *store.State) error {
	for range attempts {
		err := r.changedOnce(ctx, listener, state)
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}

		state, err = r.read(ctx, listener.ID)
		if err != nil {
			return err
		}
	}

	return fmt.Errorf("signal integration %s: %w", listener.ID, store.ErrConflict)
}

// changedOnce signals the active run or starts one. store.ErrNotFound says that the
// state has changed since it was read.
func (r *Runs) changedOnce(ctx context.Context, listener store.Listener, state *store.State) error {
	if active(state) {
		if state.Signaled {
			return nil
		}
		return r.Table.Signal(ctx, listener.ID)
	}

	now := r.Now().UTC()
	run := newRun(listener.IntegrationRef, domain.Incremental, domain.ByEvent, now)
	pausedUntil := state.PausedUntil(listener.ConfigurationVersion, now)
	if pausedUntil.IsZero() {
		return r.startForChanges(ctx, listener.IntegrationRef, run)
	}

	return r.startPaused(ctx, listener.IntegrationRef, run, pausedUntil)
}

// startPaused starts a run that waits for the end of a pause. Dispatch sends its
// message then.
func (r *Runs) startPaused(ctx context.Context, ref store.IntegrationRef, run store.ActiveRun, until time.Time) error {
	paused := store.ReasonPaused
	run.Status = domain.Waiting
	run.WaitingUntil = &until
	run.WaitingReason = &paused

	started, err := r.Table.SignalWithRun(ctx, ref, run, until)
	if err == nil && !started {
		err = store.ErrNotFound
	}

	return err
}

// Scheduled starts a run that dispatch found due. It sends no message: dispatch sends
// it and counts it. started is false where another run is active.
func (r *Runs) Scheduled(ctx context.Context, ref store.IntegrationRef, now time.Time) (run domain.Run, started bool, err error) {
	due := newRun(ref, domain.Incremental, domain.BySchedule, now)
	started, err = r.Table.SignalWithRun(ctx, ref, due, now.Add(r.LostAfter))

	return due.Run, started, err
}
