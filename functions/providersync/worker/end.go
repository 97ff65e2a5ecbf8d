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

// A runStore ends an invocation or the run.
type runStore interface {
	Release(ctx context.Context, l store.Lease, run store.ActiveRun, due time.Time) error
	Wait(ctx context.Context, l store.Lease, run store.ActiveRun, metaVersion int64, due time.Time) error
	Finish(ctx context.Context, l store.Lease, e store.Ending) error
}

// A publishedMarker removes published events from the outbox.
type publishedMarker interface {
	MarkPublished(ctx context.Context, taken []outgoing.Event) error
}

// An ender ends the invocation: it asks for the next one, lets the run wait, or
// finishes it.
type ender struct {
	*session
	site      *site
	gate      *gate
	pacer     *pacer
	health    *health
	ledger    *ledger
	signals   *signals
	store     runStore
	outbox    publishedMarker
	publisher EventPublisher
	nextRun   domain.Snowflake // the run that goes on after this invocation, by a message
}

// endWith ends the invocation and gives the lease back.
func (en *ender) endWith(ctx context.Context, stop *Stop) error {
	var err error
	switch stop.status {
	case domain.Queued:
		err = en.requeue(ctx)
	case domain.Waiting:
		err = en.wait(ctx, stop)
	default:
		err = en.finish(ctx, stop)
	}

	en.log.InfoContext(ctx, "invocation ended", "status", string(stop.status), "reason", stop.reason, "counts", en.run.Counts, "handled", en.ledger.handled)

	return err
}

// requeue asks for the next invocation.
func (en *ender) requeue(ctx context.Context) error {
	if err := en.flush(ctx); err != nil {
		return err
	}

	en.run.Status = domain.Queued
	en.nextRun = en.run.ID
	return en.store.Release(ctx, en.lease, en.run, en.clock.Now().Add(en.settings.LostAfter))
}

// wait lets the run wait, unless a manager has stopped it or changed the
// integration: then it goes on at once, to find out.
func (en *ender) wait(ctx context.Context, stop *Stop) error {
	if err := en.flush(ctx); err != nil {
		return err
	}

	en.madeProgress() // waiting is no idling
	until := stop.until.UTC()
	en.run.Status = domain.Waiting
	en.run.WaitingUntil = &until
	en.run.WaitingReason = &stop.reason
	if !en.dry() { // that has counted what it has passed
		en.run.PendingCursor = ""
	}

	en.pacer.estimate(until)
	if en.run.Mode == domain.Purge {
		return en.store.Release(ctx, en.lease, en.run, until)
	}

	err := en.store.Wait(ctx, en.lease, en.run, en.meta.Version, until)
	if errors.Is(err, store.ErrChanged) {
		en.run.WaitingUntil = nil
		en.run.WaitingReason = nil
		return en.recheckAndEnd(ctx)
	}

	return err
}

// recheckAndEnd looks what a manager has changed, and ends the invocation by that.
func (en *ender) recheckAndEnd(ctx context.Context) error {
	en.checkedAt = time.Time{}
	stop, err := asStop(en.check(ctx))
	if err != nil {
		return err
	}

	if stop == nil {
		stop = stopContinue
	}

	return en.endWith(ctx, stop)
}

// finish ends the run and files it. It returns store.ErrSignaled when a change has
// arrived meanwhile.
func (en *ender) finish(ctx context.Context, stop *Stop) error {
	condition := en.condition
	pending := en.events.pending

	ending, err := en.ending(ctx, stop)
	if err != nil {
		return err
	}

	err = en.store.Finish(ctx, en.lease, ending)
	if ending.OnlyIfSeen && errors.Is(err, store.ErrSignaled) {
		// What has arrived since is for the next run.
		if err := en.signals.handOverToNextRun(ctx); err != nil {
			return err
		}

		ending.OnlyIfSeen = false
		ending.RetryAt = en.clock.Now().UTC().Add(en.settings.LostAfter)
		err = en.store.Finish(ctx, en.lease, ending)
	}

	if errors.Is(err, store.ErrChanged) {
		en.condition = condition
		en.events.pending = pending
		return en.recheckAndEnd(ctx)
	}

	if err != nil {
		return err
	}

	en.finished(ctx, stop, ending)

	return nil
}

// ending is how a run is filed that ends with a Stop.
func (en *ender) ending(ctx context.Context, stop *Stop) (store.Ending, error) {
	now := en.clock.Now().UTC()
	e := store.Ending{
		Run:         en.run.Run,
		Mode:        en.run.Mode,
		Forced:      stop.status == domain.Failed || stop.status == domain.Cancelled,
		EventsDue:   now.Add(en.settings.LostAfter),
		MetaVersion: en.meta.Version,
		Judged:      stop.unhealthy,
	}

	e.Run.Status = stop.status
	e.Run.Error = stop.err
	e.Run.FinishedAt = &now
	e.Run.EstimatedFinish = nil
	e.Run.WaitingUntil = nil
	e.Run.WaitingReason = nil

	if err := en.judge(ctx, stop); err != nil {
		return e, err
	}

	if !e.Forced {
		zero := 0
		e.Run.Remaining = &zero
		if en.run.Mode == domain.Full {
			e.FullEpoch = en.run.FullEpoch
		}
	}

	e.RetryAt = en.nextRetry(stop)
	e.PullAt = en.nextPull(stop)
	e.OnlyIfSeen = e.Forced && en.readPendingBefore() && !stop.unhealthy && !(isStopped(stop) && stop.err.Code != store.LedAway)
	e.Condition = en.condition
	e.Events = en.events.pending

	if stop.err != nil && stop.err.Code == integrationDeleted && !en.dry() { // the live run starts the purge
		purge := store.PurgeRun(en.lease.Pair, domain.NewSnowflake(now), now)
		e.Purge = &purge
	}

	return e, nil
}

// judge records what the end of a run says about the health of the integration.
func (en *ender) judge(ctx context.Context, stop *Stop) error {
	if stop.unhealthy {
		if err := en.gate.shareRefusal(ctx, *stop.err); err != nil {
			return err
		}
	}

	if stop.unhealthy && !en.dry() { // a dry run does not change health
		en.health.markUnhealthy(stop.err, en.gate.sharedUntil)
	}

	forced := stop.status == domain.Failed || stop.status == domain.Cancelled
	if !forced && en.health.healthyIfDone && !(en.health.writesPaused() && en.finalStatus() == domain.Partial) {
		en.health.markHealthy(true)
	}

	return nil
}

// finished takes note of a run that was filed.
func (en *ender) finished(ctx context.Context, stop *Stop, e store.Ending) {
	en.condition = nil
	en.events.pending = nil
	en.events.recorded = append(en.events.recorded, e.Events...)
	if !e.Run.DryRun {
		en.events.recorded = append(en.events.recorded, outgoing.SyncFinished(e.Run))
	}

	en.log.InfoContext(ctx, "run ended", "status", string(stop.status), "counts", en.run.Counts, "error", stop.err)
	if e.Purge != nil {
		en.nextRun = e.Purge.ID
	}
}

// integrationDeleted is the code with which the run of a deleted integration ends.
const integrationDeleted = "integration_deleted"

// readPendingBefore reports whether the run has begun to read pending changes: a
// signal since then is for a change that it may have missed.
func (en *ender) readPendingBefore() bool {
	return en.run.Remaining != nil || en.run.PlanCursor != "" || en.run.PlanDone
}

// isStopped reports whether a run ends because the integration is disabled,
// deleted or led elsewhere: then nothing goes on by itself.
func isStopped(stop *Stop) bool { return stop.status == domain.Cancelled && stop.err != nil }

// afterNoProgress is when a run is started again whose invocations made no progress:
// the cause was ours, and may be over by then.
const afterNoProgress = time.Hour

// nextRetry is when the next run retries what this one did not finish, zero for when
// a request asks for it.
func (en *ender) nextRetry(stop *Stop) time.Time {
	now := en.clock.Now()
	switch {
	case en.dry() || isStopped(stop):
		return time.Time{}
	case stop.unhealthy:
		return time.UnixMilli(en.condition.PausedUntil)
	case stop.status == domain.Failed:
		return now.Add(afterNoProgress)
	case stop.status == domain.Cancelled:
		return store.AfterCancel(now, en.run.NextAttempt(), en.state.RetryAt)
	case en.run.NextAttempt() != 0:
		return time.UnixMilli(en.run.NextAttempt())
	}

	return time.Time{}
}

// nextPull is when the run after this one pulls, zero for never.
func (en *ender) nextPull(stop *Stop) time.Time {
	switch {
	case en.dry() || isStopped(stop) || stop.unhealthy:
		return time.Time{}
	case en.site.conn == nil && stop.status == domain.Cancelled:
		return store.AfterCancel(en.clock.Now(), en.state.PullAt, 0)
	case en.site.conn == nil && en.state.PullAt > 0: // it ended before anything was opened
		return time.UnixMilli(en.state.PullAt)
	case en.site.conn == nil || !en.site.pulls():
		return time.Time{}
	}

	jitter := time.Duration((rand.Float64() - 0.5) / 5 * float64(en.settings.PullEvery))

	return en.clock.Now().Add(en.settings.PullEvery + jitter)
}

// publish sends the events of this invocation in the outbox. Those that the event
// publisher does not accept are sent again by dispatch.
func (en *ender) publish(ctx context.Context) {
	if len(en.events.recorded) == 0 {
		return
	}

	taken, err := en.publisher.Publish(ctx, en.events.recorded)
	if err == nil {
		err = en.outbox.MarkPublished(ctx, taken)
	} else {
		err = errors.Join(err, en.outbox.MarkPublished(ctx, taken))
	}

	en.events.recorded = nil
	if err != nil {
		en.log.WarnContext(ctx, "events not published; dispatch will", "error", err.Error())
	}
}
