package worker

import (
	"context"
	"time"

	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/store"
)

const (
	// users is how many workers use one credential at the same moment. When it is
	// revoked, no more calls than that are under way and refused. Providers ask
	// for as little: GitHub wants one call after the other
	// (https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#avoid-concurrent-requests).
	users = 2
	// longestTurn is how long a run waits for a turn before it asks again by
	// itself.
	longestTurn = time.Minute
	// aloneAfter is how long an integration must be the only one to use a credential
	// to take no turns any more.
	aloneAfter = 24 * time.Hour
	// keptTurn is how long a turn is kept for a run that was sent for: its own
	// organisation may be busy, and a slice of that ends within a minute.
	keptTurn = 90 * time.Second
	// credentialInUse is why such a run waits.
	credentialInUse = "credential_in_use"
)

// takeCredential asks for a turn at the credential. An integration that is the
// only one to use it needs none: it has one worker at a time, beside dry runs,
// which take turns in any case. The second one to use it gives the first a turn,
// as that may have a worker without one.
func (s *slice) takeCredential(now time.Time) admission {
	a := admission{credential: s.pace.usage.Credential}
	if s.inTurn {
		return a
	}

	c := &a.credential
	if c.FirstUser == 0 {
		c.FirstUser = s.meta.ID
		a.write = true
	}

	switch {
	case !c.Shared && c.FirstUser != s.meta.ID: // the second integration to use it
		first := limits.Waiter{IntegrationID: c.FirstUser, RunID: c.FirstUser}
		if with, taken := c.Turns.Take(first, first.RunID.String(), users, now, s.over); taken {
			c.Turns = with
			c.Shared = true
		}

	case s.dry(): // the turn of the first one is kept for its other worker
	case !c.Shared:
		return a
	case c.Turns.Idle(now) && c.Alone(s.meta.ID, now, aloneAfter): // the others are gone
		c.FirstUser = s.meta.ID
		c.Shared = false
		a.write = true
		return a

	case c.FirstUser == s.meta.ID: // its worker of before has ended
		c.Turns, a.next = c.Turns.Release(c.FirstUser, c.FirstUser.String(), users, now)
	}

	c.UsedBy(s.meta.ID, now)
	c.Turns.Keep = keptTurn.Milliseconds()
	me := limits.Waiter{OrganisationID: s.meta.OrganisationID, IntegrationID: s.meta.ID, RunID: s.run.ID}
	c.Turns, a.inTurn = c.Turns.Take(me, s.lease.ID, users, now, s.over)
	a.write = true
	if !a.inTurn {
		a.verdict = wait(now.Add(longestTurn), credentialInUse)
	}

	return a
}

// leaveCredential gives the turn at the credential back and sends for the run
// that has waited longest. If that fails, the turn ends by itself, and the run
// comes by itself. A slice that was to try a provider, and had nothing to ask,
// lets another one try.
func (s *slice) leaveCredential(ctx context.Context) {
	if !s.inTurn && (!s.tries || s.asked) {
		return
	}

	err := s.giveBack(ctx)
	if err != nil {
		s.log.WarnContext(ctx, "turn at the credential not passed on; it ends by itself", "error", err.Error())
	}
}

func (s *slice) giveBack(ctx context.Context) error {
	for {
		if err := s.usage(ctx); err != nil {
			return err
		}

		now := s.Clock.Now()
		usage := s.pace.usage
		var next *limits.Waiter
		usage.Turns, next = usage.Turns.Release(s.run.ID, s.lease.ID, users, now)
		if s.tries && !s.asked {
			usage.Credential = s.untried(usage.Credential, now)
		}

		retry, err := s.putUsage(ctx, usage, now)
		if err != nil {
			return err
		}

		if !retry {
			s.sendFor(ctx, next)
			return nil
		}
	}
}

// untried forgets that this slice was to try the provider.
func (s *slice) untried(c store.Credential, now time.Time) store.Credential {
	r := s.sharedRefusal()
	switch {
	case r == nil:
		return c
	case !s.afterPause:
		c.ProbedAt = 0
		return c
	}

	next := *r
	next.Until = now.UnixMilli()

	return s.withRefusal(c, &next)
}

// sendFor sends the message of a run that waits for its turn, nil for none. If
// that fails, the run comes by itself.
func (s *slice) sendFor(ctx context.Context, w *limits.Waiter) {
	if w == nil {
		return
	}

	err := s.Queue.Send(ctx, w.OrganisationID, w.IntegrationID, w.RunID)
	if err != nil {
		s.log.WarnContext(ctx, "turn at the credential not passed on; the run comes by itself", "waiting_run_id", w.RunID.String(), "error", err.Error())
	}
}

// waitsForCredential reports whether the slice ends since two others use its
// credential.
func (s *slice) waitsForCredential() bool {
	return s.run.WaitingReason != nil && *s.run.WaitingReason == credentialInUse
}
