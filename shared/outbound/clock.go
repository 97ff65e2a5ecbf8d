package outbound

import (
	"net/http"
	"sync"
	"time"
)

// MaxClockSkew is the most that a provider's clock can be off ours. A server with the
// wrong time zone is within it. A wider search would take too long.
const MaxClockSkew = 24 * time.Hour

// clocks is how far the clocks of providers are off, by their answers.
type clocks struct {
	mu         sync.Mutex
	known      bool
	last, most time.Duration
}

// ClockLag is how far the provider's clock is behind ours by the Date of its last
// answer (https://www.rfc-editor.org/rfc/rfc9110#field.date), and the most of all
// answers. It is negative where the clock is ahead, and zero before the first
// answer. It is exact to a second and the time that the answer took.
func (c *Client) ClockLag() (last, most time.Duration) {
	c.clocks.mu.Lock()
	defer c.clocks.mu.Unlock()
	return c.clocks.last, c.clocks.most
}

// compare reads an answer's Date. An answer from a cache has an old one.
func (c *Client) compare(header http.Header) {
	now := c.now()
	providerNow, ok := dated(header, now)
	if !ok || header.Get("Age") != "" {
		return
	}

	lag := now.Sub(providerNow)
	c.clocks.mu.Lock()
	defer c.clocks.mu.Unlock()
	if !c.clocks.known || lag > c.clocks.most {
		c.clocks.most = lag
	}

	c.clocks.known = true
	c.clocks.last = lag
}

// Until is how long it is until a time that an answer names, by the provider's
// clock, from a second up to MaxWait. It adds a second: Date has no fractions.
func Until(at time.Time, header http.Header, now time.Time) time.Duration {
	return min(max(at.Sub(answeredAt(header, now))+time.Second, time.Second), MaxWait)
}

// answeredAt is the time of an answer by the provider's clock, as other times in it
// are. It is now for an answer without a usable Date.
func answeredAt(header http.Header, now time.Time) time.Time {
	if providerNow, ok := dated(header, now); ok {
		return providerNow
	}

	return now
}

// dated is the Date of an answer, if it is within MaxClockSkew.
func dated(header http.Header, now time.Time) (time.Time, bool) {
	providerNow, err := http.ParseTime(header.Get("Date"))
	if err != nil || now.Sub(providerNow).Abs() > MaxClockSkew {
		return time.Time{}, false
	}

	return providerNow, true
}
