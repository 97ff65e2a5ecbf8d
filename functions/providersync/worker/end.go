package worker

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
	"example.com/integrations/shared/store"
)

var organisationDeleted = domain.RunError{Code: "organisation_deleted", Detail: "The organisation does not exist any more."}

// conclude ends the slice and gives the lease back.
func (s *slice) conclude(ctx context.Context, v *verdict) error {
	if v == nil {
		return nil // finished already
	}

	var err error
	switch v.status {
	case domain.Queued:
		err = s.requeue(ctx)
	case domain.Waiting:
		err = s.wait(ctx, v)
	default:
		err = s.finish(ctx, v)
	}

	s.log.InfoContext(ctx, "slice ended", "status", string(v.status), "reason", v.reason, "counts", s.run.Counts, "handled", s.handled)

	return err
}

// requeue asks for the next slice.
func (s *slice) requeue(ctx context.Context) error {
	if err := s.flush(ctx); err != nil {
		return err
	}

	s.run.Status = domain.Queued
	s.next = s.run.ID
	return s.Store.Release(ctx, s.lease, s.run, s.Clock.Now().Add(s.Settings.LostAfter))
}

// wait lets the run wait, unless a manager has stopped it or changed the
// integration: then it goes on at once, to find out.
func (s *slice) wait(ctx context.Context, v *verdict) error {
	if err := s.flush(ctx); err != nil {
		return err
	}

	s.progressed() // waiting is no idling
	until := v.until.UTC()
	s.run.Status = domain.Waiting
	s.run.WaitingUntil = &until
	s.run.WaitingReason = &v.reason
	if !s.dry() { // that has counted what it has passed
		s.run.PendingCursor = ""
	}

	s.estimate(until)
	if s.run.Mode == domain.Purge {
		return s.Store.Release(ctx, s.lease, s.run, until)
	}

	err := s.Store.Wait(ctx, s.lease, s.run, s.meta.Version, until)
	if errors.Is(err, store.ErrChanged) {
		s.run.WaitingUntil = nil
		s.run.WaitingReason = nil
		return s.again(ctx)
	}

	return err
}

// again looks what a manager has changed, and concludes anew.
func (s *slice) again(ctx context.Context) error {
	s.looked = time.Time{}
	stop, err := s.check(ctx)
	if err != nil {
		return err
	}

	if stop == nil {
		stop = goOn
	}

	return s.conclude(ctx, stop)
}

// flush records what no commit has recorded yet.
func (s *slice) flush(ctx context.Context) error {
	if s.condition == nil && len(s.pending) == 0 {
		return nil
	}
	return s.commit(ctx, store.Batch{})
}

func (s *slice) finalStatus() domain.Status {
	if s.run.Counts.Failed > 0 || s.run.RetryAt != 0 {
		return domain.Partial
	}
	return domain.Succeeded
}

// finish ends the run and files it. store.ErrWoken when a change has arrived
// meanwhile.
func (s *slice) finish(ctx context.Context, v *verdict) error {
	now := s.Clock.Now().UTC()
	e := store.Ending{Run: s.run.Run, Mode: s.run.Mode, Forced: v.status == domain.Failed || v.status == domain.Cancelled}
	e.Run.Status = v.status
	e.Run.Error = v.err
	e.Run.FinishedAt = &now
	e.Run.EstimatedFinish = nil
	e.Run.WaitingUntil = nil
	e.Run.WaitingReason = nil
	condition := s.condition
	pending := s.pending
	if v.ill {
		if err := s.share(ctx, *v.err); err != nil {
			return err
		}
	}

	if v.ill && !s.dry() { // a dry run does not change health
		s.fallIll(v.err)
	}

	if !e.Forced {
		if s.reading && !(s.writesPaused() && s.finalStatus() == domain.Partial) {
			s.answered(true)
		}

		zero := 0
		e.Run.Remaining = &zero
		if s.run.Mode == domain.Full {
			e.FullEpoch = s.run.FullEpoch
		}
	}

	e.RetryAt, e.PullAt = s.nextRetry(v), s.nextPull(v)
	e.OnlyIfSeen = e.Forced && s.heeded() && !v.ill && !(isStopped(v) && v.err.Code != store.LedAway)
	e.Condition = s.condition
	e.Events = s.pending
	if v.err != nil && v.err.Code == deleted && !s.dry() { // the other lane has the purge
		purge := store.PurgeRun(s.lease.Pair, domain.NewSnowflake(now), now)
		e.Purge = &purge
	}

	e.EventsDue = now.Add(s.Settings.LostAfter)
	e.MetaVersion = s.meta.Version
	e.Judged = v.ill
	err := s.Store.Finish(ctx, s.lease, e)
	if e.OnlyIfSeen && errors.Is(err, store.ErrSignaled) { // what has arrived since is another run's
		if err := s.bequeath(ctx); err != nil {
			return err
		}
		e.OnlyIfSeen, e.RetryAt = false, now.Add(s.Settings.LostAfter)
		err = s.Store.Finish(ctx, s.lease, e)
	}

	if errors.Is(err, store.ErrChanged) {
		s.condition = condition
		s.pending = pending
		return s.again(ctx)
	}

	if err != nil {
		return err
	}

	s.condition = nil
	s.pending = nil
	s.recorded = append(s.recorded, e.Events...)
	if !e.Run.DryRun {
		s.recorded = append(s.recorded, outgoing.SyncFinished(e.Run))
	}

	s.log.InfoContext(ctx, "run ended", "status", string(v.status), "counts", s.run.Counts, "error", v.err)
	if e.Purge != nil {
		s.next = e.Purge.ID
	}

	return nil
}

// deleted is the code with which the run of a deleted integration ends.
const deleted = "integration_deleted"

// bequeath marks what was asked of the run meanwhile, for the one after it.
func (s *slice) bequeath(ctx context.Context) error {
	st, err := s.Store.StateIn(ctx, s.lease.Pair.ID, s.lease.Kind)
	if err == nil && st != nil && st.Run != nil && st.Run.RetryAll {
		_, err = s.retryAll(ctx)
	}
	return err
}

// heeded reports whether the run has promised to look at marks: what has woken
// it since is news.
func (s *slice) heeded() bool {
	return s.run.Remaining != nil || s.run.PlanCursor != "" || s.run.PlanDone
}

// isStopped reports whether a run ends because the integration is disabled,
// deleted or led elsewhere: then nothing goes on by itself.
func isStopped(v *verdict) bool { return v.status == domain.Cancelled && v.err != nil }

// afterNoProgress is when a run is started again whose slices brought nothing
// forward: what stood in the way was ours, and may be over by then.
const afterNoProgress = time.Hour

// nextRetry is when a run after this one goes on with what it leaves, zero for
// when somebody asks for it.
func (s *slice) nextRetry(v *verdict) time.Time {
	now := s.Clock.Now()
	switch {
	case s.dry() || isStopped(v):
		return time.Time{}
	case v.ill:
		return time.UnixMilli(s.condition.PausedUntil)
	case v.status == domain.Failed:
		return now.Add(afterNoProgress)
	case v.status == domain.Cancelled:
		return store.AfterCancel(now, s.run.NextAttempt(), s.state.RetryAt)
	case s.run.NextAttempt() != 0:
		return time.UnixMilli(s.run.NextAttempt())
	}

	return time.Time{}
}

// nextPull is when the run after this one pulls, zero for never.
func (s *slice) nextPull(v *verdict) time.Time {
	switch {
	case s.dry() || isStopped(v) || v.ill:
		return time.Time{}
	case s.conn == nil && v.status == domain.Cancelled:
		return store.AfterCancel(s.Clock.Now(), s.state.PullAt, 0)
	case s.conn == nil && s.state.PullAt > 0: // it ended before anything was opened
		return time.UnixMilli(s.state.PullAt)
	case s.conn == nil || !s.pulls():
		return time.Time{}
	}

	jitter := time.Duration((rand.Float64() - 0.5) / 5 * float64(s.Settings.PullEvery))

	return s.Clock.Now().Add(s.Settings.PullEvery + jitter)
}

// publish sends what the outbox holds from this slice; what the bus does not
// take, dispatch sends again.
func (s *slice) publish(ctx context.Context) {
	if len(s.recorded) == 0 {
		return
	}

	taken, err := s.Bus.Publish(ctx, s.recorded)
	if err == nil {
		err = s.Store.MarkPublished(ctx, taken)
	} else {
		err = errors.Join(err, s.Store.MarkPublished(ctx, taken))
	}

	s.recorded = nil
	if err != nil {
		s.log.WarnContext(ctx, "events not published; dispatch will", "error", err.Error())
	}
}
