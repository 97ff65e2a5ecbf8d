package worker

import (
	"context"
	"time"

	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/store"
)

const (
	// credentialSlots is how many workers use one credential at the same moment. When it is
	// revoked, no more calls than that are under way and refused. Providers ask
	// for as little: GitHub wants one call after the other
	// (https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#avoid-concurrent-requests).
	credentialSlots = 2
	// slotRetry is how long a run waits for a slot before it asks again by
	// itself.
	slotRetry = time.Minute
	// aloneAfter is how long an integration must be the only one to use a credential
	// to take no slots any more.
	aloneAfter = 24 * time.Hour
	// keptSlot is how long a slot is kept for a run that was sent for: its own
	// organisation may be busy, and an invocation of that ends within a minute.
	keptSlot = 90 * time.Second
	// credentialInUse is why such a run waits.
	credentialInUse = "credential_in_use"
)

// takeCredentialSlot asks for a slot at the credential. An integration that is the
// only one to use it needs none: it has one worker at a time, beside dry runs, which
// always take a slot. The second integration that uses the credential also takes a
// slot for the first one, since that may have a worker without a slot.
func (g *gate) takeCredentialSlot(now time.Time) admission {
	a := admission{credential: g.known.usage.Credential}
	if g.hasSlot {
		return a
	}

	c := &a.credential
	if c.FirstUser == 0 {
		c.FirstUser = g.meta.ID
		a.write = true
	}

	switch {
	case !c.Shared && c.FirstUser != g.meta.ID: // the second integration to use it
		first := limits.Waiter{IntegrationID: c.FirstUser, RunID: c.FirstUser}
		if with, taken := c.Turns.Take(first, first.RunID.String(), credentialSlots, now, g.leaseEnds); taken {
			c.Turns = with
			c.Shared = true
		}

	case g.dry(): // the slot of the first one is kept for its other worker
	case !c.Shared:
		return a
	case c.Turns.Idle(now) && c.Alone(g.meta.ID, now, aloneAfter): // the others are gone
		c.FirstUser = g.meta.ID
		c.Shared = false
		a.write = true
		return a

	case c.FirstUser == g.meta.ID: // its worker of before has ended
		c.Turns, a.next = c.Turns.Release(c.FirstUser, c.FirstUser.String(), credentialSlots, now)
	}

	c.UsedBy(g.meta.ID, now)
	c.Turns.Keep = keptSlot.Milliseconds()
	me := limits.Waiter{OrganisationID: g.meta.OrganisationID, IntegrationID: g.meta.ID, RunID: g.run.ID}
	c.Turns, a.inTurn = c.Turns.Take(me, g.lease.ID, credentialSlots, now, g.leaseEnds)
	a.write = true
	if !a.inTurn {
		a.stop = stopWaiting(now.Add(slotRetry), credentialInUse)
	}

	return a
}

// releaseCredential gives the slot at the credential back and sends for the run that
// has waited longest. If that fails, the slot ends by itself, and the waiting run
// asks again by itself. An invocation that was to call a provider that has refused,
// and had nothing to ask, lets another one do so.
func (g *gate) releaseCredential(ctx context.Context) {
	if !g.hasSlot && (!g.probes || g.calledProvider) {
		return
	}

	err := g.tryRelease(ctx)
	if err != nil {
		g.log.WarnContext(ctx, "slot at the credential not passed on; it ends by itself", "error", err.Error())
	}
}

func (g *gate) tryRelease(ctx context.Context) error {
	for {
		if err := g.loadUsage(ctx); err != nil {
			return err
		}

		now := g.clock.Now()
		usage := g.known.usage
		var next *limits.Waiter
		usage.Turns, next = usage.Turns.Release(g.run.ID, g.lease.ID, credentialSlots, now)
		if g.probes && !g.calledProvider {
			usage.Credential = g.untried(usage.Credential, now)
		}

		retry, err := g.putUsage(ctx, usage, now)
		if err != nil {
			return err
		}

		if !retry {
			g.resumeWaiting(ctx, next)
			return nil
		}
	}
}

// untried forgets that this invocation was to try the provider.
func (g *gate) untried(c store.Credential, now time.Time) store.Credential {
	r := g.sharedRefusal()
	switch {
	case r == nil:
		return c
	case !g.probesAfterPause:
		c.ProbedAt = 0
		return c
	}

	next := *r
	next.Until = now.UnixMilli()

	return g.withRefusal(c, &next)
}

// resumeWaiting sends the message of a run that waits for a slot, nil for none. If
// that fails, the run asks again by itself.
func (g *gate) resumeWaiting(ctx context.Context, w *limits.Waiter) {
	if w == nil {
		return
	}

	err := g.queue.Send(ctx, w.OrganisationID, w.IntegrationID, w.RunID)
	if err != nil {
		g.log.WarnContext(ctx, "slot at the credential not passed on; the run comes by itself", "waiting_run_id", w.RunID.String(), "error", err.Error())
	}
}

// waitsForCredential reports whether the invocation ends since two others use its
// credential.
func (g *gate) waitsForCredential() bool {
	return g.run.WaitingReason != nil && *g.run.WaitingReason == credentialInUse
}
