package engine

import (
	"context"
	"time"

	"integrations/shared/connector"
	"integrations/shared/domain"
	"integrations/shared/pacing"
)

const (
	// skew is how far the provider's clock may be off ours without its telling.
	skew = 5 * time.Minute
	// drift is how far off it may be when it is asked what is news. An answer's
	// way makes it look some seconds behind.
	drift = 10 * time.Second
)

// behind is how far the provider's clock is behind ours, as far as it has told.
// One that is ahead hides nothing: more is looked through than need be.
func (s *slice) behind() time.Duration {
	f, can := s.conn.(connector.Finder)
	if !can {
		return 0
	}
	return max(f.Behind(), 0)
}

// misjudged reports whether what was asked for times, believing the provider
// so far behind, has to be asked again: its answer told that it is further by
// as much as matters.
func (s *slice) misjudged(believed, matters time.Duration) bool {
	return s.behind()-believed >= matters
}

// find looks for what was created since a time of ours.
func (s *slice) find(ctx context.Context, t *task, since time.Time, want []connector.Marker) (map[domain.Snowflake]connector.Written, *verdict, error) {
	for {
		if v, err := s.await(ctx, pacing.Read); v != nil || err != nil {
			return nil, v, err
		}
		believed := s.behind()
		var found map[domain.Snowflake]connector.Written
		v, err := s.call(ctx, t, true, func() (err error) {
			found, err = s.conn.(connector.Finder).Find(ctx, since.Add(-skew-believed), want)
			return err
		})
		if v != nil || err != nil || !s.misjudged(believed, skew) {
			return found, v, err
		}
	}
}
