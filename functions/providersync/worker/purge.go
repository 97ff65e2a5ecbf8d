package worker

import (
	"context"
	"errors"
	"time"

	"example.com/integrations/shared/store"
)

const (
	// purgePageSize is how many records a step of a purge removes.
	purgePageSize = 100
	// outboxPause is how long a purge waits for events to be taken.
	outboxPause = time.Minute
)

// purge removes what a deleted integration leaves: first its pending changes, links,
// runs and plans, then, when everything that is to be told has been told, the
// rest.
func (s *invocation) purge(ctx context.Context) error {
	if _, err := s.Store.AcknowledgeSignal(ctx, s.lease); err != nil {
		return err
	}

	for {
		if !s.timeLeft() {
			s.madeProgress()
			return stopContinue
		}

		n, err := s.Store.Purge(ctx, s.lease, purgePageSize)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
	}

	notices, err := s.Store.Outbox(ctx, s.lease.Pair.ID)
	if err != nil {
		return err
	}

	if len(notices) > 0 {
		s.recorded = notices
		s.publish(ctx)
		left, err := s.Store.Outbox(ctx, s.lease.Pair.ID)
		if err != nil {
			return err
		}

		if len(left) > 0 {
			return stopWaiting(s.Clock.Now().Add(outboxPause), "outbox")
		}
	}

	if err := s.Store.FreeTarget(ctx, s.lease.Pair, s.state.TargetKey()); err != nil {
		return err
	}

	err = s.Store.Forget(ctx, s.lease)
	if errors.Is(err, store.ErrSignaled) { // by a change that was on its way
		return stopContinue
	}

	s.log.InfoContext(ctx, "integration purged")

	return err
}
