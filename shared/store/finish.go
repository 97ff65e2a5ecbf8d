package store

import (
	"context"
	"time"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
)

// An Ending is how a run ends.
type Ending struct {
	Run     domain.Run // with its final status, counts and finished_at
	Mode    domain.Mode
	RetryAt time.Time // when to try again what failed, zero for not
	PullAt  time.Time // when to pull next, zero for not
	// FullEpoch is set when a full run saw everything of that epoch.
	FullEpoch int64
	// Forced ends the run although changes may have arrived: it failed or was
	// cancelled. Pending changes stay for the next run.
	Forced bool
	// OnlyIfSeen refuses a forced end with ErrSignaled when a change has arrived that
	// the worker has not read.
	OnlyIfSeen bool
	// Condition is the last result of the provider, nil to keep the stored one.
	Condition *Condition
	Events    []outgoing.Event // beside the one about the end of the run
	// EventsDue is when dispatch publishes the events if the worker does not.
	EventsDue time.Time
	// MetaVersion is the version of the manager's record that the worker has read. A
	// run whose end is not forced ends only while the record has it.
	MetaVersion int64
	// Judged says that the end is forced by an answer of the provider about the
	// configuration. MetaVersion is then checked too.
	Judged bool
	// Purge is the run that follows, when the integration was deleted.
	Purge *ActiveRun
}

// Finish ends the active run and stores it in the integration's history, in one
// transaction with the event about it. ErrSignaled when a change arrived, or the
// run was made full, since the worker last read the state. ErrChanged when a
// manager has stopped the run, or has changed or deleted the integration.
// ErrFenced when the lease is lost.
func (r leaseRepository) Finish(ctx context.Context, l Lease, e Ending) error {
	actions := []action{change(l.key(), e.update(l))}
	switch {
	case e.Purge != nil, e.Forced && l.Kind == DryRun:
	case e.Forced && !e.Judged:
		actions = append(actions, anyMeta(l.Pair))
	default:
		actions = append(actions, sameMeta(l.Pair, e.MetaVersion))
	}

	err := r.table.transact(ctx, append(actions, ended(e.Run, e.EventsDue, e.Events...)...))
	switch old, at := refused(err); {
	case at == 0 && !l.heldIn(old):
		err = ErrFenced
	case at == 0 && (e.Forced || !cancelRequested(old)):
		err = ErrSignaled
	case at >= 0:
		err = ErrChanged
	}

	return wrap(err, "finish run", l.RunID)
}

// update is what the end of a run changes in the state.
func (e Ending) update(l Lease) *update {
	u := newUpdate().set("lease_until", number(0)).when(l.held()...)
	switch {
	case e.Forced && e.OnlyIfSeen:
		u.when(absent("signal"))
	case e.Forced:
		u.remove("signal")
	default:
		u.when(absent("signal"), equal("run.mode", text(string(e.Mode))), notCancelled())
	}

	if e.FullEpoch > 0 {
		u.set("full_epoch", number(e.FullEpoch))
	}

	if e.Run.Status == domain.Succeeded {
		u.set("last_success_at", millis(*e.Run.FinishedAt))
	}

	if e.Condition != nil {
		u.set("condition", fields(e.Condition))
	}

	e.next(l, u)

	return u
}

// next writes what follows the run: a purge, the next due time, or nothing.
func (e Ending) next(l Lease, u *update) {
	shard := text(dueShard(l.Pair.ID))
	if e.Purge != nil {
		u.set("run", fields(*e.Purge)).set("due_at", millis(e.Purge.RequestedAt)).set("due_shard", shard)
		return
	}

	due := soonest(e.RetryAt, e.PullAt)
	u.remove("run").
		setTime("retry_at", e.RetryAt).
		setTime("pull_at", e.PullAt).
		setTime("due_at", due)
	if due.IsZero() {
		u.remove("due_shard")
	} else {
		u.set("due_shard", shard)
	}
}

// ended is what is written beside the state when a run ends: its history and,
// unless it was a dry run, the event about it.
func ended(run domain.Run, due time.Time, events ...outgoing.Event) []action {
	history := mustEncode(run)
	history["expires_at"] = number(run.FinishedAt.Add(runsKept).Unix())
	actions := []action{put(runKey(run.IntegrationID, run.ID), history)}
	if !run.DryRun {
		events = append(events, outgoing.SyncFinished(run))
	}

	for _, event := range events {
		actions = append(actions, putEvent(event, due))
	}

	return actions
}

func cancelRequested(state record) bool {
	var st State
	return decode(state, &st) == nil && st.Run != nil && st.Run.CancelRequestedAt != nil
}

// soonest is the earlier of two times. Zero means never.
func soonest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
