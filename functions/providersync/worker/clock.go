package worker

import (
	"context"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
)

const (
	// skew is how far the provider's clock may be off ours without its telling.
	skew = 5 * time.Minute
	// drift is how far off it may be when it is asked what is news. An answer's
	// way makes it look some seconds behind.
	drift = 10 * time.Second
	// apart is how far the clocks of one provider's servers may be apart: one
	// answers the last request, and another one dates the object.
	apart = time.Minute
	// reasks bounds how often something is asked again in a row because the clock
	// was misjudged.
	reasks = 3
)

// theirs is the time by the provider's clock, as far as it has told.
func (s *slice) theirs() time.Time {
	last, _ := s.told()
	return s.Clock.Now().Add(-last)
}

// behind is how far any clock of the provider's is behind ours, as far as it
// has told. One that is ahead hides nothing of what is looked for.
func (s *slice) behind() time.Duration {
	_, most := s.told()
	return max(most, 0)
}

func (s *slice) told() (last, most time.Duration) {
	f, can := s.conn.(connector.Finder)
	if !can {
		return 0, 0
	}
	return f.ClockLag()
}

// find looks for what was created since a time of ours, when the provider was
// known to be so far behind. Where its answer tells that it is further, it is
// asked again.
func (s *slice) find(ctx context.Context, t *task, since time.Time, known time.Duration, want []connector.Marker) (map[domain.Snowflake]connector.Written, *verdict, error) {
	for n := 1; ; n++ {
		if v, err := s.await(ctx, limits.Read); v != nil || err != nil {
			return nil, v, err
		}

		known = max(known, s.behind())
		var found map[domain.Snowflake]connector.Written
		v, err := s.call(ctx, t, true, func() (err error) {
			found, err = s.conn.(connector.Finder).Find(ctx, since.Add(-skew-known), want)
			return err
		})
		if v != nil || err != nil || s.behind()-known < skew {
			return found, v, err
		}
		if n == reasks {
			return nil, wait(s.Clock.Now().Add(time.Minute), "reconcile_unsure"), nil // nothing can be concluded
		}
	}
}
