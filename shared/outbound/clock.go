package outbound

import (
	"net/http"
	"sync"
	"time"
)

// MaxClockSkew is the most that a provider's clock can be off ours. A server with the
// wrong time zone is within it. A search over years would help nobody.
const MaxClockSkew = 24 * time.Hour

// clocks is what answers told of the clocks of who gave them.
type clocks struct {
	mu         sync.Mutex
	told       bool
	last, most time.Duration
}

// ClockLag is how far the clock of whoever answered last is behind ours, as the
// Date of his answer tells (https://www.rfc-editor.org/rfc/rfc9110#field.date),
// and the most that any answer has told; negative where it is ahead, zero where
// it was not told yet. It is exact to a second and the time the answer took.
func (c *Client) ClockLag() (last, most time.Duration) {
	c.clocks.mu.Lock()
	defer c.clocks.mu.Unlock()
	return c.clocks.last, c.clocks.most
}

// compare reads an answer's Date. An answer out of a cache tells an old one.
func (c *Client) compare(header http.Header) {
	now := c.now()
	theirs, told := dated(header, now)
	if !told || header.Get("Age") != "" {
		return
	}

	behind := now.Sub(theirs)
	c.clocks.mu.Lock()
	defer c.clocks.mu.Unlock()
	if !c.clocks.told || behind > c.clocks.most {
		c.clocks.most = behind
	}

	c.clocks.told = true
	c.clocks.last = behind
}

// Until is how long it is until a time that an answer names, by the clock of who
// gave it, from a second up to MaxWait. It is a second more than told: Date has
// no fractions.
func Until(at time.Time, header http.Header, now time.Time) time.Duration {
	return min(max(at.Sub(answeredAt(header, now))+time.Second, time.Second), MaxWait)
}

// answeredAt is the time of an answer by the clock of who gave it, which is the
// one that other times in it are of; now where it does not tell.
func answeredAt(header http.Header, now time.Time) time.Time {
	if theirs, told := dated(header, now); told {
		return theirs
	}
	return now
}

func dated(header http.Header, now time.Time) (time.Time, bool) {
	theirs, err := http.ParseTime(header.Get("Date"))
	if err != nil || now.Sub(theirs).Abs() > MaxClockSkew {
		return time.Time{}, false
	}
	return theirs, true
}
