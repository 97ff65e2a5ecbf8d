package worker

import (
	"time"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
)

// expect adds an item to, or takes it from, what the estimate reckons with.
func (s *slice) expect(t *task, n int) {
	switch t.step {
	case create, resolve:
		s.run.Creates += n
		if t.content.State != s.sends(t).State {
			s.run.Updates += n
		}

	case update:
		s.run.Updates += n
	}
}

// did takes a call that was made from what the estimate reckons with.
func (s *slice) did(op limits.Op) {
	if op == limits.Create {
		s.run.Creates = max(s.run.Creates-1, 0)
	} else {
		s.run.Updates = max(s.run.Updates-1, 0)
	}
}

// forget takes a task that is done without a call from what the estimate
// reckons with, if there is nothing left to reckon with at all.
func (s *slice) forget(t *task) {
	if s.run.Mode == domain.Full && t.planned && (t.step == unchanged || t.step == skip || t.step == nothing) {
		s.run.Updates = max(s.run.Updates-1, 0)
	}
}

// mix reckons for a run without a plan: what is left is taken to be like the
// page at hand.
func (s *slice) mix(tasks []*task) {
	if s.run.Mode == domain.Full || s.run.Remaining == nil || len(tasks) == 0 {
		return
	}

	s.run.Creates = 0
	s.run.Updates = 0
	for _, t := range tasks {
		s.expect(t, 1)
	}

	left := max(*s.run.Remaining, len(tasks))
	s.run.Creates = s.run.Creates * left / len(tasks)
	s.run.Updates = s.run.Updates * left / len(tasks)
}

// took learns how long a write takes, its recording included: the recent ones
// count most.
func (s *slice) took(began time.Time) {
	ms := float64(s.Clock.Now().Sub(began)) / float64(time.Millisecond)
	if s.run.CallMS == 0 {
		s.run.CallMS = ms
	}
	s.run.CallMS += (ms - s.run.CallMS) / 10
}

// callTime is how long a write takes, as far as it is known.
func (s *slice) callTime() time.Duration {
	return time.Duration(s.run.CallMS * float64(time.Millisecond))
}

// estimate says when the run will be done, if it goes on from a time at the
// pace the provider allows.
func (s *slice) estimate(from time.Time) {
	s.run.EstimatedFinish = nil
	if s.run.Remaining == nil {
		return
	}

	at := s.pace.limits.Finish(s.pace.usage.Usage, from, s.run.Creates, s.run.Updates, s.callTime()).UTC()
	s.run.EstimatedFinish = &at
}
