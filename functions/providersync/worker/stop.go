package worker

import (
	"context"
	"time"

	"example.com/integrations/shared/store"
)

// lookAgain is how old a look may be before a call.
const lookAgain = time.Second

// check looks whether a manager has stopped the run or changed the
// integration, if the last look is too old. A changed configuration takes
// effect with the next slice, which loads it.
func (s *slice) check(ctx context.Context) (*verdict, error) {
	now := s.Clock.Now()
	if !s.looked.IsZero() && now.Sub(s.looked) <= lookAgain {
		return nil, nil
	}

	look, err := s.Store.ReadControl(ctx, s.lease)
	if err != nil {
		return nil, err
	}

	s.looked = now
	switch {
	case look.Cancelled != nil:
		s.run.CancelRequestedAt = look.Cancelled
		return cancelled(nil), nil
	case look.Integration == nil || !look.Integration.Enabled:
		return cancelled(store.Stops(look.Integration)), nil
	case !look.Organisation:
		return cancelled(&organisationDeleted), nil
	}

	if look.Integration.Version != s.meta.Version {
		s.progressed()
		return goOn, nil
	}

	return nil, nil
}
