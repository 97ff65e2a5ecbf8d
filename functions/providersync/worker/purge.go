package worker

import (
	"context"
	"errors"
	"time"

	"example.com/integrations/shared/store"
)

const (
	// purgePage is how many records a step of a purge removes.
	purgePage = 100
	// outboxPause is how long a purge waits for notices to be taken.
	outboxPause = time.Minute
)

// purge removes what a deleted integration leaves: first its marks, links,
// runs and plans, then, when everything that is to be told has been told, the
// rest.
func (s *slice) purge(ctx context.Context) (*verdict, error) {
	if _, err := s.Store.AcknowledgeSignal(ctx, s.lease); err != nil {
		return nil, err
	}

	for {
		if !s.room() {
			s.progressed()
			return goOn, nil
		}

		n, err := s.Store.Purge(ctx, s.lease, purgePage)
		if err != nil {
			return nil, err
		}
		if n == 0 {
			break
		}
	}

	notices, err := s.Store.Outbox(ctx, s.lease.Pair.ID)
	if err != nil {
		return nil, err
	}

	if len(notices) > 0 {
		s.recorded = notices
		s.publish(ctx)
		left, err := s.Store.Outbox(ctx, s.lease.Pair.ID)
		if err != nil || len(left) > 0 {
			return wait(s.Clock.Now().Add(outboxPause), "outbox"), err
		}
	}

	if err := s.Store.FreeTarget(ctx, s.lease.Pair, s.state.TargetKey()); err != nil {
		return nil, err
	}

	err = s.Store.Forget(ctx, s.lease)
	if errors.Is(err, store.ErrSignaled) { // by a change that was on its way
		return goOn, nil
	}

	s.log.InfoContext(ctx, "integration purged")

	return nil, err
}
