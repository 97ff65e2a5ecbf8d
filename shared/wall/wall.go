// Package wall is the clock on the wall: what a frozen process reads when it
// goes on is the time, not how long it thinks it has run.
package wall

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
