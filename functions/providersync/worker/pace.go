package worker

import (
	"context"
	"time"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/limits"
)

// shortWait is the longest wait that is slept; a longer one parks the run.
const shortWait = 10 * time.Second

// reservations are the times that are reserved for the calls of a page, in the usage
// that all workers share.
type reservations struct {
	planned  []limits.Op // the calls to come that have no time yet
	reserved []reservation
}

type reservation struct {
	op limits.Op
	at time.Time
}

// plan sets the calls to come. Times are reserved when the first is made.
func (p *reservations) plan(ops []limits.Op) {
	p.planned = ops
	p.reserved = nil
}

// next takes the next reserved time of an operation. What was reserved before
// it, for calls that were not made, is forgone, and so is a time that is past.
func (p *reservations) next(op limits.Op, now time.Time) (time.Time, bool) {
	for i, r := range p.reserved {
		if r.op == op && now.Sub(r.at) <= limits.Late {
			p.reserved = p.reserved[i+1:]
			return r.at, true
		}
	}

	p.reserved = nil

	return time.Time{}, false
}

// A pacer makes calls wait for the limits of the credential, and estimates when the
// run is done by the same limits.
type pacer struct {
	*session
	site  *site
	gate  *gate
	calls reservations
}

// await makes sure that a call may be made now: the run goes on, there is time
// left, and the provider's limits allow it. A short wait is slept.
func (pc *pacer) await(ctx context.Context, op limits.Op) error {
	if !pc.timeLeft() {
		return stopContinue
	}

	at, ok := pc.calls.next(op, pc.clock.Now())
	if !ok {
		var err error
		at, err = pc.reserve(ctx, op)
		if err != nil {
			return err
		}
	}

	if pause := at.Sub(pc.clock.Now()); pause > 0 {
		if !at.Before(pc.workEnds) {
			return stopContinue
		}

		if err := pc.clock.Sleep(ctx, pause); err != nil {
			return err
		}
	}

	return pc.check(ctx)
}

// reserve reserves times for this operation and those planned after it, as
// many as this invocation can use. Without one the stop says how to wait.
func (pc *pacer) reserve(ctx context.Context, op limits.Op) (time.Time, error) {
	for {
		if err := pc.gate.loadUsage(ctx); err != nil {
			return time.Time{}, err
		}

		now := pc.clock.Now()
		first := pc.gate.known.limits.Next(pc.gate.known.usage.Usage, now, op)
		switch {
		case first.Sub(now) > shortWait && pc.gate.mayProbeLimit(now):
			return pc.askWhileLimited(ctx, op, now)
		case first.Sub(now) > shortWait:
			return first, stopWaiting(pc.gate.limitRetryAt(first, now), pc.gate.why(now))
		case !first.Before(pc.workEnds):
			return first, stopContinue
		case pc.gate.known.limits.Unlimited():
			return first, nil // nothing to keep count of
		}

		ops := pc.calls.following(op)
		spent, times := pc.gate.known.limits.Take(pc.gate.known.usage.Usage, now, pc.workEnds, ops, pc.callTime())
		if len(times) == 0 {
			return first, stopContinue
		}

		if n := withoutLongPause(now, times); n < len(times) {
			spent, times = pc.gate.known.limits.Take(pc.gate.known.usage.Usage, now, pc.workEnds, ops[:n], pc.callTime())
		}

		usage := pc.gate.known.usage
		usage.Usage = spent
		retry, err := pc.gate.putUsage(ctx, usage, now)
		if err != nil {
			return time.Time{}, err
		}
		if retry { // another worker was first
			continue
		}

		if planned := pc.calls.planned; len(planned) >= len(ops) {
			pc.calls.planned = planned[len(planned)-len(ops)+len(times):]
		}

		for i, at := range times[1:] {
			pc.calls.reserved = append(pc.calls.reserved, reservation{ops[i+1], at})
		}

		return times[0], nil
	}
}

// askWhileLimited lets one call try a provider with a long rate limit. It is stored
// first, so that no other worker does so too.
func (pc *pacer) askWhileLimited(ctx context.Context, op limits.Op, now time.Time) (time.Time, error) {
	usage := pc.gate.known.usage
	usage.AskedAt = now.UnixMilli()
	usage.ProbedAt = now.UnixMilli()

	retry, err := pc.gate.putUsage(ctx, usage, now)
	if err != nil {
		return now, err
	}
	if retry {
		return pc.reserve(ctx, op)
	}

	return now, nil
}

// following are an operation and those planned after it.
func (p *reservations) following(op limits.Op) []limits.Op {
	for i, planned := range p.planned {
		if planned == op {
			return p.planned[i:]
		}
	}
	return []limits.Op{op}
}

// withoutLongPause counts the times from the first on between which no pause is so
// long that the run would be given up for it.
func withoutLongPause(now time.Time, times []time.Time) int {
	for i, at := range times {
		if at.Sub(now) > shortWait {
			return i
		}
		now = at
	}

	return len(times)
}

// rateLimited is the code of a refusal for calling too often.
const rateLimited = "rate_limited"

// recordRateLimit stores in the shared usage that the provider wants no calls, and
// returns until when.
func (pc *pacer) recordRateLimit(ctx context.Context, e *failure.Error) (time.Time, error) {
	for {
		if err := pc.gate.loadUsage(ctx); err != nil {
			return time.Time{}, err
		}

		now := pc.clock.Now()
		usage := pc.gate.known.usage
		var until time.Time
		usage.AskedAt = now.UnixMilli()
		usage.Usage, until = pc.gate.known.limits.Refused(usage.Usage, now, max(e.Wait, time.Second), e.NoRetryAfter)
		retry, err := pc.gate.putUsage(ctx, usage, now)
		if retry {
			continue
		}

		pc.calls.reserved = nil

		return until, err
	}
}

// stopLimited records a refusal for calling too often, and is the Stop until the
// provider may be called again.
func (pc *pacer) stopLimited(ctx context.Context, e *failure.Error) error {
	until, err := pc.recordRateLimit(ctx, e)
	if err != nil {
		return err
	}

	return stopWaiting(pc.gate.limitRetryAt(until, pc.clock.Now()), e.Code)
}
