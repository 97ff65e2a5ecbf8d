package worker

import (
	"time"

	"example.com/integrations/shared/connector"
)

const (
	// clockSkew is how far the provider's clock may be off ours before an answer shows it.
	clockSkew = 5 * time.Minute
	// clockDrift is how far off it may be when it is asked for changes. An answer's
	// way makes it look some seconds behind.
	clockDrift = 10 * time.Second
	// serverSkew is how far the clocks of one provider's servers may be apart: one
	// answers the last request, and another one dates the object.
	serverSkew = time.Minute
	// maxRepeats bounds how often something is asked again in a row because the clock
	// was misjudged.
	maxRepeats = 3
)

// providerNow is the time by the provider's clock, as far as its answers have shown
// it.
func (si *site) providerNow() time.Time {
	last, _ := si.clockLags()
	return si.clock.Now().Add(-last)
}

// maxClockLag is the most that any clock of the provider is behind ours, as far as
// its answers have shown. A clock that is ahead hides no object of a search.
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
