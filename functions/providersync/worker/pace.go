package worker

import (
	"context"
	"time"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/store"
)

// shortWait is the longest wait that is slept; a longer one parks the run.
const shortWait = 10 * time.Second

// A pace is how a slice keeps to its credential's limits: it reserves times
// for the calls of a page at once, in the usage that all workers share.
type pace struct {
	credential string
	limits     limits.Limits
	usage      store.Usage
	read       bool
	planned    []limits.Op
	reserved   []reservation
}

type reservation struct {
	op limits.Op
	at time.Time
}

// plan names the calls to come. Times are reserved when the first is made.
func (p *pace) plan(ops []limits.Op) {
	p.planned = ops
	p.reserved = nil
}

// next takes the next reserved time of an operation. What was reserved before
// it, for calls that were not made, is forgone, and so is a time that is past.
func (p *pace) next(op limits.Op, now time.Time) (time.Time, bool) {
	for i, r := range p.reserved {
		if r.op == op && now.Sub(r.at) <= limits.Late {
			p.reserved = p.reserved[i+1:]
			return r.at, true
		}
	}

	p.reserved = nil

	return time.Time{}, false
}

// await makes sure that a call may be made now: the run goes on, there is time
// left, and the provider's limits allow it. A short wait is slept.
func (s *slice) await(ctx context.Context, op limits.Op) (*verdict, error) {
	if !s.room() {
		return goOn, nil
	}

	at, ok := s.pace.next(op, s.Clock.Now())
	if !ok {
		var v *verdict
		var err error
		if at, v, err = s.reserve(ctx, op); v != nil || err != nil {
			return v, err
		}
	}

	if pause := at.Sub(s.Clock.Now()); pause > 0 {
		if !at.Before(s.end) {
			return goOn, nil
		}

		if err := s.Clock.Sleep(ctx, pause); err != nil {
			return nil, err
		}
	}

	return s.check(ctx)
}

// reserve reserves times for this operation and those planned after it, as
// many as this slice can use. Without one the verdict says how to wait.
func (s *slice) reserve(ctx context.Context, op limits.Op) (time.Time, *verdict, error) {
	for {
		if err := s.usage(ctx); err != nil {
			return time.Time{}, nil, err
		}

		now := s.Clock.Now()
		first := s.pace.limits.Next(s.pace.usage.Usage, now, op)
		switch {
		case first.Sub(now) > shortWait && s.mayAsk(now):
			return s.askWhileLimited(ctx, op, now)
		case first.Sub(now) > shortWait:
			return first, wait(s.untilAsked(first, now), s.pace.why(now)), nil
		case !first.Before(s.end):
			return first, goOn, nil
		case s.pace.limits.Unlimited():
			return first, nil, nil // nothing to keep count of
		}

		ops := s.pace.following(op)
		spent, times := s.pace.limits.Take(s.pace.usage.Usage, now, s.end, ops, s.callTime())
		if len(times) == 0 {
			return first, goOn, nil
		}

		if n := together(now, times); n < len(times) {
			spent, times = s.pace.limits.Take(s.pace.usage.Usage, now, s.end, ops[:n], s.callTime())
		}

		usage := s.pace.usage
		usage.Usage = spent
		retry, err := s.putUsage(ctx, usage, now)
		if err != nil {
			return time.Time{}, nil, err
		}
		if retry { // another worker was first
			continue
		}

		if planned := s.pace.planned; len(planned) >= len(ops) {
			s.pace.planned = planned[len(planned)-len(ops)+len(times):]
		}

		for i, at := range times[1:] {
			s.pace.reserved = append(s.pace.reserved, reservation{ops[i+1], at})
		}

		return times[0], nil, nil
	}
}

// askWhileLimited lets one call try a provider that wants to be left alone for
// long. It is written down first, so that no other worker does so too.
func (s *slice) askWhileLimited(ctx context.Context, op limits.Op, now time.Time) (time.Time, *verdict, error) {
	usage := s.pace.usage
	usage.AskedAt, usage.ProbedAt = now.UnixMilli(), now.UnixMilli()

	retry, err := s.putUsage(ctx, usage, now)
	if err != nil {
		return now, nil, err
	}
	if retry {
		return s.reserve(ctx, op)
	}

	return now, nil, nil
}

// usage reads what the credential has spent, once a slice.
func (s *slice) usage(ctx context.Context) (err error) {
	if !s.pace.read {
		s.pace.usage, err = s.Store.Usage(ctx, s.pace.credential)
		s.pace.read = err == nil
	}
	return err
}

// following are an operation and those planned after it.
func (p *pace) following(op limits.Op) []limits.Op {
	for i, planned := range p.planned {
		if planned == op {
			return p.planned[i:]
		}
	}
	return []limits.Op{op}
}

// together counts the times from the first on between which no pause is so
// long that the run would be parked for it.
func together(now time.Time, times []time.Time) int {
	for i, at := range times {
		if at.Sub(now) > shortWait {
			return i
		}
		now = at
	}

	return len(times)
}

// why names the reason for a wait: the provider has refused, or would.
func (p *pace) why(now time.Time) string {
	if p.usage.Blocked > now.UnixMilli() {
		return rateLimited
	}
	return "pacing"
}

// rateLimited is the code of a refusal for calling too often.
const rateLimited = "rate_limited"

// limited notes in the shared usage that the provider wants to be left alone,
// and returns until when.
func (s *slice) limited(ctx context.Context, e *failure.Error) (time.Time, error) {
	for {
		if err := s.usage(ctx); err != nil {
			return time.Time{}, err
		}

		now := s.Clock.Now()
		usage := s.pace.usage
		var until time.Time
		usage.AskedAt = now.UnixMilli()
		usage.Usage, until = s.pace.limits.Refused(usage.Usage, now, max(e.Wait, time.Second), e.NoRetryAfter)
		retry, err := s.putUsage(ctx, usage, now)
		if retry {
			continue
		}

		s.pace.reserved = nil

		return until, err
	}
}
