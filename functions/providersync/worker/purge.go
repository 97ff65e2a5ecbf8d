package worker

import (
	"context"
	"errors"
	"time"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
	"example.com/integrations/shared/store"
)

const (
	// purgePageSize is how many records a step of a purge removes.
	purgePageSize = 100
	// outboxPause is how long a purge waits for events to be taken.
	outboxPause = time.Minute
)

// A purgeStore removes the records of a deleted integration.
type purgeStore interface {
	Purge(ctx context.Context, l store.Lease, limit int) (int, error)
	FreeTarget(ctx context.Context, p store.IntegrationRef, target string) error
	Forget(ctx context.Context, l store.Lease) error
}

// An outboxReader reads the events that have yet to be published.
type outboxReader interface {
	Outbox(ctx context.Context, integration domain.Snowflake) ([]outgoing.Event, error)
}

// A purger removes what a deleted integration leaves.
type purger struct {
	*session
	ender   *ender
	store   purgeStore
	outbox  outboxReader
	signals signalStore
}

// purge removes what a deleted integration leaves: first its pending changes, links,
// runs and plans, then, when all events are published, the rest.
func (pg *purger) purge(ctx context.Context) error {
	if _, err := pg.signals.AcknowledgeSignal(ctx, pg.lease); err != nil {
		return err
	}

	for {
		if !pg.timeLeft() {
			pg.madeProgress()
			return stopContinue
		}

		n, err := pg.store.Purge(ctx, pg.lease, purgePageSize)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
	}

	events, err := pg.outbox.Outbox(ctx, pg.lease.Pair.ID)
	if err != nil {
		return err
	}

	if len(events) > 0 {
		pg.events.recorded = events
		pg.ender.publish(ctx)
		left, err := pg.outbox.Outbox(ctx, pg.lease.Pair.ID)
		if err != nil {
			return err
		}

		if len(left) > 0 {
			return stopWaiting(pg.clock.Now().Add(outboxPause), "outbox")
		}
	}

	if err := pg.store.FreeTarget(ctx, pg.lease.Pair, pg.state.TargetKey()); err != nil {
		return err
	}

	err = pg.store.Forget(ctx, pg.lease)
	if errors.Is(err, store.ErrSignaled) { // by a change that was on its way
		return stopContinue
	}

	pg.log.InfoContext(ctx, "integration purged")

	return err
}
