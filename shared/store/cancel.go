package store

import (
	"context"
	"errors"
	"time"

	"example.com/integrations/shared/domain"
)

// LedAway is the code of a run that ended because the target of its integration
// changed.
const LedAway = "configuration_changed"

// The reasons for the end of a run that a manager's change stops.
var (
	errDisabled = domain.RunError{Code: "integration_disabled", Detail: "The integration was disabled."}
	errDeleted  = domain.RunError{Code: "integration_deleted", Detail: "The integration was deleted."}
	errLedAway  = domain.RunError{Code: LedAway, Detail: "The target changed during the run; the next sync is full."}
)

// TargetChanged is the reason for the end of a run whose integration has another
// target now.
func TargetChanged() *domain.RunError { return &errLedAway }

// Stops is the reason why a run must end after a manager's write, nil if it may
// continue. after is nil when the integration was deleted. A configuration with
// another target stops no run: the worker resolves the target before its next
// call.
func Stops(after *Integration) *domain.RunError {
	switch {
	case after == nil:
		return &errDeleted
	case !after.Enabled:
		return &errDisabled
	}

	return nil
}

// stopped is the ended run, when it ends before its work is done.
func stopped(run domain.Run, now time.Time, reason *domain.RunError) domain.Run {
	at := now.UTC()
	run.Status = domain.Cancelled
	run.FinishedAt = &at
	run.Error = reason
	run.EstimatedFinish = nil
	run.WaitingUntil = nil
	run.WaitingReason = nil

	return run
}

// asRead are the conditions that the state's run and lease are as they were read:
// no worker has taken or released the lease since.
func (s State) asRead() []condition {
	lease := equal("lease_until", number(s.LeaseUntil))
	if s.LeaseUntil == 0 {
		lease = either(absent("lease_until"), lease)
	}

	return []condition{equal("run.id", idOf(s.Run.ID)), lease}
}

// restAfterCancel is how long failed items and pulls wait after a manager has
// cancelled a run.
const restAfterCancel = 15 * time.Minute

// AfterCancel is when work is due after a cancellation that was due at the earlier
// of two times in Unix milliseconds, 0 meaning never. It is not due at once, since
// a manager has just asked to stop.
func AfterCancel(now time.Time, a, b int64) time.Time {
	at := a
	if at == 0 || b != 0 && b < a {
		at = b
	}

	if at == 0 {
		return time.Time{}
	}

	if late := now.Add(restAfterCancel); late.After(time.UnixMilli(at)) {
		return late
	}

	return time.UnixMilli(at)
}

// NextAttempt is the earlier of RetryAt and ReplyAt, 0 for none.
func (r *ActiveRun) NextAttempt() int64 {
	if r.RetryAt == 0 || r.ReplyAt != 0 && r.ReplyAt < r.RetryAt {
		return r.ReplyAt
	}
	return r.RetryAt
}

// endNow are the writes that end a run whose lease is free: they move it from the
// state into the history. Pulls stay due, unless all is set. Attempts stay due too,
// unless the run ends for a reason.
func endNow(kind RunKind, st State, now time.Time, reason *domain.RunError, all bool) []action {
	var retry, pull time.Time
	if !all {
		pull = timeOf(st.PullAt)
	}

	if !all && reason == nil {
		retry = AfterCancel(now, st.RetryAt, st.Run.NextAttempt())
		pull = AfterCancel(now, st.PullAt, 0)
	}

	due := soonest(retry, pull)
	u := newUpdate().
		remove("run", "signal").
		setTime("retry_at", retry).
		setTime("pull_at", pull).
		setTime("due_at", due).
		when(st.asRead()...)
	if due.IsZero() {
		u.remove("due_shard")
	}

	return append([]action{change(kindKey(st.ID, kind), u)}, ended(stopped(st.Run.Run, now, reason), now)...)
}

// timeOf is the time of Unix milliseconds, zero for 0.
func timeOf(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}

// maxTries bounds how often a write is tried again while workers take and release
// leases.
const maxTries = 5

// CancelRun cancels a run for a manager. A run whose lease is free ends at once;
// else the worker ends it, and the run is returned as still active. A run that has
// ended is returned as it is. ErrNotFound when there is none.
func (r runRepository) CancelRun(ctx context.Context, ref IntegrationRef, id domain.Snowflake, now time.Time) (domain.Run, error) {
	for range maxTries {
		found, err := r.findRun(ctx, ref.ID, id, now)
		if err != nil || found.state == nil {
			return found.run, wrap(err, "cancel run", id)
		}

		run, err := r.cancel(ctx, found, now)
		if !errors.Is(err, ErrConflict) {
			return run, wrap(err, "cancel run", id)
		}
	}

	return domain.Run{}, wrap(ErrConflict, "cancel run", id)
}

func (r runRepository) cancel(ctx context.Context, f foundRun, now time.Time) (domain.Run, error) {
	at := now.UTC()
	if f.state.Run.CancelRequestedAt == nil {
		f.state.Run.CancelRequestedAt = &at
	}

	if !f.state.leased(now) {
		err := r.table.transact(ctx, endNow(f.kind, *f.state, now, nil, false))
		if _, i := refused(err); i >= 0 {
			err = ErrConflict
		}
		return stopped(f.state.Run.Run, now, nil), err
	}

	requested := mustEncode(f.state.Run)["cancel_requested_at"]
	u := newUpdate().set("run.cancel_requested_at", requested).when(f.state.asRead()...)

	return f.state.Run.Run, r.table.updateOr(ctx, kindKey(f.state.ID, f.kind), u, ErrConflict)
}
