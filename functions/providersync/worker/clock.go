package worker

import (
	"context"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
)

const (
	// clockSkew is how far the provider's clock may be off ours without its telling.
	clockSkew = 5 * time.Minute
	// clockDrift is how far off it may be when it is asked what is news. An answer's
	// way makes it look some seconds behind.
	clockDrift = 10 * time.Second
	// serverSkew is how far the clocks of one provider's servers may be apart: one
	// answers the last request, and another one dates the object.
	serverSkew = time.Minute
	// maxRepeats bounds how often something is asked again in a row because the clock
	// was misjudged.
	maxRepeats = 3
)

// providerNow is the time by the provider's clock, as far as it has told.
func (si *site) providerNow() time.Time {
	last, _ := si.clockLags()
	return si.clock.Now().Add(-last)
}

// maxClockLag is how far any clock of the provider's is behind ours, as far as it
// has told. One that is ahead hides nothing of what is looked for.
func (si *site) maxClockLag() time.Duration {
	_, most := si.clockLags()
	return max(most, 0)
}

func (si *site) clockLags() (last, most time.Duration) {
	f, can := si.conn.(connector.Finder)
	if !can {
		return 0, 0
	}
	return f.ClockLag()
}

// A search is for objects with one of the markers.
type search struct {
	item     string    // the id of the first item that it is for, for the log
	since    time.Time // they were created since then, by our clock
	clockLag time.Duration
	markers  []connector.Marker
}

// find makes a search. Where the answer shows that the provider's clock is further
// behind than was known, it asks again.
func (c *caller) find(ctx context.Context, wanted search) (map[domain.Snowflake]connector.Written, error) {
	known := wanted.clockLag
	for n := 1; ; n++ {
		if err := c.pacer.await(ctx, limits.Read); err != nil {
			return nil, err
		}

		known = max(known, c.site.maxClockLag())
		var found map[domain.Snowflake]connector.Written
		err := c.read(ctx, wanted.item, true, func() (err error) {
			found, err = c.site.conn.(connector.Finder).Find(ctx, wanted.since.Add(-clockSkew-known), wanted.markers)
			return err
		})
		if err != nil || c.site.maxClockLag()-known < clockSkew {
			return found, err
		}

		if n == maxRepeats {
			return nil, stopWaiting(c.clock.Now().Add(time.Minute), "reconcile_unsure") // nothing can be concluded
		}
	}
}
