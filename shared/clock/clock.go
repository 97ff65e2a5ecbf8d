// Package clock is the system's clock. It gives the time without a monotonic
// reading, so that a frozen process that goes on reads the true time.
package clock

import (
	"context"
	"time"
)

// A Clock tells the time and waits.
type Clock struct{}

// Now is the time, without a monotonic reading.
func (Clock) Now() time.Time { return time.Now().Round(0) }

// Sleep waits, but no longer than ctx.
func (Clock) Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
