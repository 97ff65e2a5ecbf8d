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

// endWith ends the invocation and gives the lease back.
func (s *invocation) endWith(ctx context.Context, stop *Stop) error {
	var err error
	switch stop.status {
	case domain.Queued:
		err = s.requeue(ctx)
	case domain.Waiting:
		err = s.wait(ctx, stop)
	default:
		err = s.finish(ctx, stop)
	}

	s.log.InfoContext(ctx, "slice ended", "status", string(stop.status), "reason", stop.reason, "counts", s.run.Counts, "handled", s.handled)

	return err
}

// requeue asks for the next invocation.
func (s *invocation) requeue(ctx context.Context) error {
	if err := s.flush(ctx); err != nil {
		return err
	}

	s.run.Status = domain.Queued
	s.nextRun = s.run.ID
	return s.Store.Release(ctx, s.lease, s.run, s.Clock.Now().Add(s.Settings.LostAfter))
}

// wait lets the run wait, unless a manager has stopped it or changed the
// integration: then it goes on at once, to find out.
func (s *invocation) wait(ctx context.Context, stop *Stop) error {
	if err := s.flush(ctx); err != nil {
		return err
	}

	s.madeProgress() // waiting is no idling
	until := stop.until.UTC()
	s.run.Status = domain.Waiting
	s.run.WaitingUntil = &until
	s.run.WaitingReason = &stop.reason
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
		return s.recheckAndEnd(ctx)
	}

	return err
}

// recheckAndEnd looks what a manager has changed, and concludes anew.
func (s *invocation) recheckAndEnd(ctx context.Context) error {
	s.checkedAt = time.Time{}
	stop, err := asStop(s.check(ctx))
	if err != nil {
		return err
	}

	if stop == nil {
		stop = stopContinue
	}

	return s.endWith(ctx, stop)
}

// flush records what no commit has recorded yet.
func (s *invocation) flush(ctx context.Context) error {
	if s.condition == nil && len(s.pending) == 0 {
		return nil
	}
	return s.commit(ctx, store.Batch{})
}

func (s *invocation) finalStatus() domain.Status {
	if s.run.Counts.Failed > 0 || s.run.RetryAt != 0 {
		return domain.Partial
	}
	return domain.Succeeded
}

// finish ends the run and files it. store.ErrWoken when a change has arrived
// meanwhile.
func (s *invocation) finish(ctx context.Context, stop *Stop) error {
	now := s.Clock.Now().UTC()
	e := store.Ending{Run: s.run.Run, Mode: s.run.Mode, Forced: stop.status == domain.Failed || stop.status == domain.Cancelled}
	e.Run.Status = stop.status
	e.Run.Error = stop.err
	e.Run.FinishedAt = &now
	e.Run.EstimatedFinish = nil
	e.Run.WaitingUntil = nil
	e.Run.WaitingReason = nil
	condition := s.condition
	pending := s.pending
	if stop.unhealthy {
		if err := s.shareRefusal(ctx, *stop.err); err != nil {
			return err
		}
	}

	if stop.unhealthy && !s.dry() { // a dry run does not change health
		s.markUnhealthy(stop.err, s.sharedUntil)
	}

	if !e.Forced {
		if s.healthyIfDone && !(s.writesPaused() && s.finalStatus() == domain.Partial) {
			s.markHealthy(true)
		}

		zero := 0
		e.Run.Remaining = &zero
		if s.run.Mode == domain.Full {
			e.FullEpoch = s.run.FullEpoch
		}
	}

	e.RetryAt, e.PullAt = s.nextRetry(stop), s.nextPull(stop)
	e.OnlyIfSeen = e.Forced && s.readPendingBefore() && !stop.unhealthy && !(isStopped(stop) && stop.err.Code != store.LedAway)
	e.Condition = s.condition
	e.Events = s.pending
	if stop.err != nil && stop.err.Code == integrationDeleted && !s.dry() { // the other lane has the purge
		purge := store.PurgeRun(s.lease.Pair, domain.NewSnowflake(now), now)
		e.Purge = &purge
	}

	e.EventsDue = now.Add(s.Settings.LostAfter)
	e.MetaVersion = s.meta.Version
	e.Judged = stop.unhealthy
	err := s.Store.Finish(ctx, s.lease, e)
	if e.OnlyIfSeen && errors.Is(err, store.ErrSignaled) { // what has arrived since is another run's
		if err := s.handOverToNextRun(ctx); err != nil {
			return err
		}
		e.OnlyIfSeen, e.RetryAt = false, now.Add(s.Settings.LostAfter)
		err = s.Store.Finish(ctx, s.lease, e)
	}

	if errors.Is(err, store.ErrChanged) {
		s.condition = condition
		s.pending = pending
		return s.recheckAndEnd(ctx)
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

	s.log.InfoContext(ctx, "run ended", "status", string(stop.status), "counts", s.run.Counts, "error", stop.err)
	if e.Purge != nil {
		s.nextRun = e.Purge.ID
	}

	return nil
}

// integrationDeleted is the code with which the run of a deleted integration ends.
const integrationDeleted = "integration_deleted"

// handOverToNextRun marks what was asked of the run meanwhile, for the one after it.
func (s *invocation) handOverToNextRun(ctx context.Context) error {
	st, err := s.Store.StateIn(ctx, s.lease.Pair.ID, s.lease.Kind)
	if err == nil && st != nil && st.Run != nil && st.Run.RetryAll {
		_, err = asStop(s.retryAll(ctx)) // what it does not reach now, the run after it does
	}
	return err
}

// readPendingBefore reports whether the run has promised to look at marks: what has woken
// it since is news.
func (s *invocation) readPendingBefore() bool {
	return s.run.Remaining != nil || s.run.PlanCursor != "" || s.run.PlanDone
}

// isStopped reports whether a run ends because the integration is disabled,
// deleted or led elsewhere: then nothing goes on by itself.
func isStopped(stop *Stop) bool { return stop.status == domain.Cancelled && stop.err != nil }

// afterNoProgress is when a run is started again whose invocations brought nothing
// forward: what stood in the way was ours, and may be over by then.
const afterNoProgress = time.Hour

// nextRetry is when a run after this one goes on with what it leaves, zero for
// when somebody asks for it.
func (s *invocation) nextRetry(stop *Stop) time.Time {
	now := s.Clock.Now()
	switch {
	case s.dry() || isStopped(stop):
		return time.Time{}
	case stop.unhealthy:
		return time.UnixMilli(s.condition.PausedUntil)
	case stop.status == domain.Failed:
		return now.Add(afterNoProgress)
	case stop.status == domain.Cancelled:
		return store.AfterCancel(now, s.run.NextAttempt(), s.state.RetryAt)
	case s.run.NextAttempt() != 0:
		return time.UnixMilli(s.run.NextAttempt())
	}

	return time.Time{}
}

// nextPull is when the run after this one pulls, zero for never.
func (s *invocation) nextPull(stop *Stop) time.Time {
	switch {
	case s.dry() || isStopped(stop) || stop.unhealthy:
		return time.Time{}
	case s.conn == nil && stop.status == domain.Cancelled:
		return store.AfterCancel(s.Clock.Now(), s.state.PullAt, 0)
	case s.conn == nil && s.state.PullAt > 0: // it ended before anything was opened
		return time.UnixMilli(s.state.PullAt)
	case s.conn == nil || !s.pulls():
		return time.Time{}
	}

	jitter := time.Duration((rand.Float64() - 0.5) / 5 * float64(s.Settings.PullEvery))

	return s.Clock.Now().Add(s.Settings.PullEvery + jitter)
}

// publish sends what the outbox holds from this invocation; what the event publisher does not
// take, dispatch sends again.
func (s *invocation) publish(ctx context.Context) {
	if len(s.recorded) == 0 {
		return
	}

	taken, err := s.Events.Publish(ctx, s.recorded)
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
