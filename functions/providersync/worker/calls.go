package worker

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
)

// A caller makes the calls to the provider: it repeats those that may be repeated,
// and records what an answer says about health and credential.
type caller struct {
	*session
	site   *site
	gate   *gate
	pacer  *pacer
	health *health
}

// A search is for objects with one of the markers.
type search struct {
	item     string    // the id of the first item that it is for, for the log
	since    time.Time // they were created since then, by our clock
	clockLag time.Duration
	markers  []connector.Marker
}

// read makes a call that reads. item is the id of the item that it is about, ""
// for none. A failure stops the invocation.
func (c *caller) read(ctx context.Context, item string, repeatable bool, do func() error) error {
	err := c.try(ctx, item, repeatable, do)
	var e *failure.Error
	if errors.As(err, &e) {
		return c.readFailure(ctx, e)
	}

	if err != nil {
		return err
	}

	return c.answered(ctx, false)
}

// post makes a call that writes and is about no single item. Its failure stops the
// invocation.
func (c *caller) post(ctx context.Context, do func() error) error {
	return c.read(ctx, "", false, do)
}

// try makes a call. One that may be repeated is, after an answer was lost; a create
// never is. The last failure is a *failure.Error.
func (c *caller) try(ctx context.Context, item string, repeatable bool, do func() error) error {
	for n := 1; ; n++ {
		err := c.guarded(item, do)

		var e *failure.Error
		if !errors.As(err, &e) {
			return err
		}

		c.log.WarnContext(ctx, "provider call failed", "item_id", item, "class", e.Class.String(), "code", e.Code, "status", e.Status, "error", e.Error())
		pause, again := c.repeat(e, n, repeatable)
		if !again || !c.clock.Now().Add(pause).Before(c.workEnds) {
			return err
		}

		if err := c.clock.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// answered records that the provider has answered, and whether to a write.
func (c *caller) answered(ctx context.Context, wrote bool) error {
	c.run.Outages = 0
	if wrote {
		c.health.resetRefusals()
	}

	c.health.markHealthy(wrote)

	return c.gate.clearRefusals(ctx, wrote)
}

// readFailure is the Stop for a failed call that is about no write of an item.
func (c *caller) readFailure(ctx context.Context, e *failure.Error) error {
	switch {
	case e.Class == failure.Final && unreadableAnswers[e.Code]:
		return c.outage(e)
	case e.Class == failure.Final:
		return stopRefused(e)
	case e.Class == failure.Retryable && e.Code == rateLimited:
		return c.pacer.stopLimited(ctx, e)
	}

	return c.outage(e)
}

// guarded makes a call; a panic in it concerns one item, whose call may have
// left.
func (c *caller) guarded(item string, do func() error) (err error) {
	c.gate.calledProvider = true
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("panic", "item_id", item, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = &failure.Error{Class: failure.Ambiguous, Scope: failure.ItemScope, Code: panicked}
		}
	}()

	return do()
}

// repeat reports whether a failed call is repeated in this invocation, and after how
// long. While the provider is out, one call finds out whether it is back.
func (c *caller) repeat(e *failure.Error, n int, repeatable bool) (time.Duration, bool) {
	if n >= tries || c.run.Outages > 0 || e.Code == panicked {
		return 0, false
	}

	switch e.Class {
	case failure.Retryable:
		return e.Wait, e.Wait <= shortWait && !e.NoRetryAfter
	case failure.NotSent:
		return time.Duration(n) * time.Second, true
	case failure.Ambiguous:
		return time.Duration(n) * time.Second, repeatable
	}

	return 0, false
}

// outage parks the run for 1, 2, 2 … minutes, or as long as the provider
// says.
func (c *caller) outage(e *failure.Error) *Stop {
	c.run.Outages++
	pause := min(time.Minute<<min(c.run.Outages-1, 1), longestOutage)
	stop := stopWaiting(c.clock.Now().Add(max(pause, e.Wait)), e.Code)
	stop.outage = e

	return stop
}

// probe finds out by a read whether a provider that was out is back, so that no
// item has to find that out by failing.
func (c *caller) probe(ctx context.Context) error {
	if _, can := c.site.conn.(connector.Puller); c.run.Outages == 0 || !can {
		return nil
	}
	return c.probeRead(ctx)
}

// probeRead makes a read of no consequence: of what changed now, or of the place where
// lists cannot be had or are not wanted. The stop is that of an outage if it is
// not answered.
func (c *caller) probeRead(ctx context.Context) error {
	if err := c.pacer.await(ctx, limits.Read); err != nil {
		return err
	}

	return c.read(ctx, "", false, func() error {
		if c.pullProblem() != nil || !c.site.pulls() {
			return c.readPlace(ctx)
		}
		_, _, err := c.site.conn.(connector.Puller).Changes(ctx, c.clock.Now(), 0)
		return err
	})
}

// readPlace reads the place the run works at. That read shows whether
// the provider is up while its lists cannot be had. Where the name leads to
// another place now, or to none, calls still go to the one of the run; one that
// can only be named cannot be reached, and the next invocation says so.
func (c *caller) readPlace(ctx context.Context) error {
	place, err := c.site.conn.Resolve(ctx)
	var e *failure.Error
	nowhere := errors.As(err, &e) && e.Class == failure.Final && e.Code == targetNotFound
	if err != nil && !nowhere {
		return err
	}
	if err == nil && place.Key(c.meta.Provider) == c.site.target.Key {
		return nil
	}

	c.site.conn.Use(placeOf(c.site.target))
	if !c.site.target.ByName {
		return nil
	}
	if nowhere {
		return err
	}

	return &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: targetMoved,
		Detail: "the name of the place leads to another one now"}
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

// credentialRefused is the stop on a failure by which the provider refuses the
// credential as a whole, nil for any other.
func credentialRefused(err error) error {
	var e *failure.Error
	if !errors.As(err, &e) || !ofCredential[e.Code] {
		return nil
	}

	return stopRefused(e)
}
