package worker

import (
	"context"
	"time"

	"example.com/integrations/shared/store"
)

// recheckAfter is how old a look may be before a call.
const recheckAfter = time.Second

// mayGoOn stops a pass without calls when a manager has stopped the run or the
// time is over.
func (s *session) mayGoOn(ctx context.Context) error {
	if err := s.check(ctx); err != nil {
		return err
	}

	if !s.timeLeft() {
		return stopContinue
	}

	return nil
}

// check looks whether a manager has stopped the run or changed the
// integration, if the last look is too old. A changed configuration takes
// effect with the next invocation, which loads it.
func (s *session) check(ctx context.Context) error {
	now := s.clock.Now()
	if !s.checkedAt.IsZero() && now.Sub(s.checkedAt) <= recheckAfter {
		return nil
	}

	look, err := s.store.ReadControl(ctx, s.lease)
	if err != nil {
		return err
	}

	s.checkedAt = now
	switch {
	case look.Cancelled != nil:
		s.run.CancelRequestedAt = look.Cancelled
		return stopCancelled(nil)
	case look.Integration == nil || !look.Integration.Enabled:
		return stopCancelled(store.Stops(look.Integration))
	case !look.Organisation:
		return stopCancelled(&organisationDeleted)
	}

	if look.Integration.Version != s.meta.Version {
		s.madeProgress()
		return stopContinue
	}

	return nil
}
