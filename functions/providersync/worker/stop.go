package worker

import (
	"context"
	"time"

	"example.com/integrations/shared/store"
)

// recheckAfter is how old a look may be before a call.
const recheckAfter = time.Second

// check looks whether a manager has stopped the run or changed the
// integration, if the last look is too old. A changed configuration takes
// effect with the next invocation, which loads it.
func (s *invocation) check(ctx context.Context) (*stop, error) {
	now := s.Clock.Now()
	if !s.checkedAt.IsZero() && now.Sub(s.checkedAt) <= recheckAfter {
		return nil, nil
	}

	look, err := s.Store.ReadControl(ctx, s.lease)
	if err != nil {
		return nil, err
	}

	s.checkedAt = now
	switch {
	case look.Cancelled != nil:
		s.run.CancelRequestedAt = look.Cancelled
		return stopCancelled(nil), nil
	case look.Integration == nil || !look.Integration.Enabled:
		return stopCancelled(store.Stops(look.Integration)), nil
	case !look.Organisation:
		return stopCancelled(&organisationDeleted), nil
	}

	if look.Integration.Version != s.meta.Version {
		s.madeProgress()
		return stopContinue, nil
	}

	return nil, nil
}
