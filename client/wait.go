package client

import (
	"context"
	"time"
)

// The least and the longest time between two looks at a sync.
const (
	soon = time.Second
	late = 15 * time.Second
)

// WaitForSync looks at a sync until it has ended, and gives it as it ended.
// seen, unless it is nil, is called with each answer. While nothing changes the looks
// become rare.
func (c *Client) WaitForSync(ctx context.Context, id, sync string, seen func(Run)) (Run, error) {
	pause := soon
	var last Run
	for {
		run, err := c.GetSync(ctx, id, sync)
		if err != nil {
			return last, err
		}

		if seen != nil {
			seen(run)
		}

		if !run.Active() {
			return run, nil
		}

		if pause = min(2*pause, late); run.Status != last.Status || run.Counts != last.Counts {
			pause = soon
		}

		last = run
		if err := c.sleep(ctx, pause); err != nil {
			return last, err
		}
	}
}
