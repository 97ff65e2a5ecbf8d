package worker

import (
	"context"
	"errors"
	"maps"
	"time"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/store"
)

const (
	// refusedInARow is how many different items must be refused, with no write
	// accepted between them, for all writes to pause.
	refusedInARow = 3
	// probeGap is how often a manager's sync may try a refused credential.
	probeGap = 5 * time.Minute
	// longBlock is how long a rate limit must still last for it to be tried
	// before its end. limitProbeGap is how often a manager's sync may do so, and
	// limitAgain how often it is done without one.
	longBlock     = 10 * time.Minute
	limitProbeGap = 10 * time.Minute
	limitAgain    = time.Hour
)

// credentialUsage is what is known of a credential, and by what limits it is used.
type credentialUsage struct {
	credential string
	limits     limits.Limits
	usage      store.Usage
	loaded     bool
}

// A gate decides whether the provider may be called with the credential, as far as
// all workers that use it know, and shares what the provider answers.
type gate struct {
	*session
	site  *site
	store usageStore
	queue Queue
	known credentialUsage

	hasSlot          bool // this invocation has a slot at a shared credential
	calledProvider   bool // the provider was called
	probes           bool // this invocation calls a provider that has refused
	probesAfterPause bool // it does so because the pause is over
	// sharedUntil is until when the provider is left alone, as all integrations
	// with the credential know: Unix milliseconds, 0 for not.
	sharedUntil int64
}

// admit says whether the provider may be asked, as far as other integrations
// with the same credential know. Where it refuses the credential, or all that is
// written at this place, one worker tries it after the pause, and the others
// wait for what it finds out.
func (g *gate) admit(ctx context.Context) error {
	for {
		if err := g.loadUsage(ctx); err != nil {
			return err
		}

		now := g.clock.Now()
		a := g.admission(now)
		if !a.write {
			return g.applyAdmission(a)
		}

		usage := g.known.usage
		usage.Credential = a.credential
		retry, err := g.putUsage(ctx, usage, now)
		if err != nil {
			return err
		}
		if retry {
			continue
		}

		g.resumeWaiting(ctx, a.next)

		return g.applyAdmission(a)
	}
}

// An admission is the answer to a worker that wants to use a credential.
type admission struct {
	credential store.Credential // what is known of it from here on
	write      bool             // it has to be stored
	stop       *Stop            // why not, nil if the provider may be asked
	refused    *store.Refusal   // the refusal that is why not
	inTurn     bool             // the worker has a slot
	tries      bool             // it tries a provider that has refused
	afterPause bool             // it does so since the pause is over
	next       *limits.Waiter   // who is to be sent for
}

// admission decides by what is known of the credential.
func (g *gate) admission(now time.Time) admission {
	a := g.takeCredentialSlot(now)
	r := g.sharedRefusal()
	if r == nil {
		return a
	}

	next := *r
	over := r.Until <= now.UnixMilli()
	switch {
	case over && a.stop != nil:
		return a
	case over:
		next.Until = now.Add(probeGap).UnixMilli()
	case a.stop == nil && g.probeRequested(now, probeGap):
		a.credential.ProbedAt = now.UnixMilli()
	default:
		return g.rejected(r, now)
	}

	a.credential = g.withRefusal(a.credential, &next)
	a.write = true
	a.tries = true
	a.afterPause = over

	return a
}

// rejected is the answer to a worker whose credential was refused lately. The worker
// does not wait for a slot any more.
func (g *gate) rejected(r *store.Refusal, now time.Time) admission {
	why := g.shownReason(r)
	a := admission{refused: r, credential: g.known.usage.Credential, stop: &Stop{status: domain.Failed, err: &why, unhealthy: true}}

	if a.credential.Turns.Waits(g.run.ID) {
		a.credential.Turns, a.next = a.credential.Turns.Release(g.run.ID, g.lease.ID, credentialSlots, now)
		a.write = true
	}

	return a
}

// applyAdmission takes note of the answer.
func (g *gate) applyAdmission(a admission) error {
	g.hasSlot = g.hasSlot || a.inTurn
	g.probes = g.probes || a.tries
	g.probesAfterPause = g.probesAfterPause || a.afterPause
	if a.refused != nil {
		g.sharedUntil = a.refused.Until
	}

	if a.stop == nil {
		return nil
	}

	return a.stop
}

// sharedRefusal is what stands against a call, nil for nothing.
func (g *gate) sharedRefusal() *store.Refusal {
	if g.known.usage.Refusal != nil {
		return g.known.usage.Refusal
	}

	if r, refused := g.known.usage.Writes[g.site.target.Key]; refused {
		return &r
	}

	return nil
}

// shownReason is why a credential is not used. The provider's words may be about
// an item, so another organisation that uses the same credential does not see
// them.
func (g *gate) shownReason(r *store.Refusal) domain.RunError {
	why := r.Reason
	if r.Organisation != g.meta.OrganisationID {
		why.ProviderMessage = ""
	}

	return why
}

// withRefusal gives what is known of a credential with a refusal in it.
func (g *gate) withRefusal(c store.Credential, r *store.Refusal) store.Credential {
	if r.Reason.Code != writesRefused {
		c.Refusal = r
		return c
	}

	c.Writes = maps.Clone(c.Writes)
	if c.Writes == nil {
		c.Writes = map[string]store.Refusal{}
	}

	c.Writes[g.site.target.Key] = *r

	return c
}

// putUsage writes what is known of the credential. retry says that another
// worker was first.
func (g *gate) putUsage(ctx context.Context, usage store.Usage, now time.Time) (retry bool, err error) {
	usage, err = g.store.PutUsage(ctx, g.known.credential, usage, now)
	if errors.Is(err, store.ErrConflict) {
		g.known.loaded = false
		return true, nil
	}

	if err == nil {
		g.known.usage = usage
	}

	return false, err
}

// probeRequested reports whether a manager wants the provider to be called, by a sync
// or a changed configuration, and no worker has called within a time.
func (g *gate) probeRequested(now time.Time, gap time.Duration) bool {
	asked := g.run.ProbeAt
	if g.run.Trigger == domain.ByRequest {
		asked = max(asked, g.run.RequestedAt.UnixMilli())
	}

	known := g.state.Condition
	changed := known != nil && known.ConfigurationVersion != g.meta.ConfigurationVersion
	last := g.known.usage.ProbedAt

	return (asked > last || changed) && now.Sub(time.UnixMilli(last)) >= gap
}

// shareRefusal records that the provider refuses the credential, or what is written at
// this place, for all integrations that use it. A refusal during a pause does
// not make it longer.
func (g *gate) shareRefusal(ctx context.Context, why domain.RunError) error {
	if g.sharedUntil != 0 || !ofCredential[why.Code] && why.Code != writesRefused {
		return nil
	}

	for {
		if err := g.loadUsage(ctx); err != nil {
			return err
		}

		now := g.clock.Now()
		usage := g.known.usage
		next := store.Refusal{Reason: why, Organisation: g.meta.OrganisationID}
		was := g.sharedRefusal()
		if was != nil && was.Reason.Code == why.Code {
			next.Until = was.Until
			next.Count = was.Count
		}

		if g.probesAfterPause || next.Until <= now.UnixMilli() {
			next.Count++
			next.Until = now.Add(min(firstPause<<min(next.Count-1, 10), longestPause)).UnixMilli()
		}

		if ofCredential[why.Code] && !g.probesAfterPause && (was != nil || usage.Turns.Others(g.run.ID, now)) {
			usage.ProbedAt = now.UnixMilli() // two workers' calls are enough for five minutes, whenever they were sent
		}

		usage.Credential = g.withRefusal(usage.Credential, &next)
		retry, err := g.putUsage(ctx, usage, now)
		if err != nil {
			return err
		}

		if !retry {
			g.sharedUntil = next.Until
			return nil
		}
	}
}

// clearRefusals removes earlier refusals after a success. If another worker has
// stored a write in between, its record of a rate limit stands. A refusal is removed
// all the same, unless a newer one is stored.
func (g *gate) clearRefusals(ctx context.Context, wrote bool) error {
	now := g.clock.Now()
	usage := g.known.usage
	refusal := usage.Refusal
	atPlace := g.refusalHere(wrote)
	if usage.Strikes == 0 && refusal == nil && atPlace == nil && usage.Blocked <= now.UnixMilli() {
		return nil
	}

	usage.Usage = limits.Succeeded(usage.Usage)
	for {
		usage.Refusal = nil
		if atPlace != nil {
			usage.Writes = maps.Clone(usage.Writes)
			delete(usage.Writes, g.site.target.Key)
		}

		retry, err := g.putUsage(ctx, usage, now)
		if err != nil || !retry || refusal == nil && atPlace == nil {
			return err
		}

		if err := g.loadUsage(ctx); err != nil {
			return err
		}

		usage = g.known.usage
		if !same(usage.Refusal, refusal) || !same(g.refusalHere(wrote), atPlace) {
			return nil
		}
	}
}

// refusalHere is what stands against writes at this place and is over with a
// write, nil for nothing.
func (g *gate) refusalHere(wrote bool) *store.Refusal {
	r, refused := g.known.usage.Writes[g.site.target.Key]
	if !refused || !wrote {
		return nil
	}

	return &r
}

func same(a, b *store.Refusal) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// mayProbeLimit reports whether a provider with a long rate limit may be called once:
// a manager wants it, or no worker has called for an hour.
func (g *gate) mayProbeLimit(now time.Time) bool {
	if time.UnixMilli(g.known.usage.Blocked).Sub(now) <= longBlock {
		return false
	}

	return g.probeRequested(now, limitProbeGap) || now.Sub(time.UnixMilli(g.known.usage.AskedAt)) >= limitAgain
}

// limitRetryAt is when a run that waits for the end of a rate limit goes on: a
// long one is tried each hour.
func (g *gate) limitRetryAt(end, now time.Time) time.Time {
	if time.UnixMilli(g.known.usage.Blocked).Sub(now) <= longBlock {
		return end
	}

	return earlier(end, time.UnixMilli(g.known.usage.AskedAt).Add(limitAgain))
}

// loadUsage reads what the credential has spent, once an invocation.
func (g *gate) loadUsage(ctx context.Context) (err error) {
	if !g.known.loaded {
		g.known.usage, err = g.store.Usage(ctx, g.known.credential)
		g.known.loaded = err == nil
	}
	return err
}

// why names the reason for a wait: the provider has refused, or would.
func (g *gate) why(now time.Time) string {
	if g.known.usage.Blocked > now.UnixMilli() {
		return rateLimited
	}
	return "pacing"
}
