package worker

import (
	"time"

	"example.com/integrations/functions/providersync/worker/item"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
)

// expect adds the calls for an item to the expected calls, n times.
func (pc *pacer) expect(t *task, n int) {
	switch t.step {
	case item.Create, item.Resolve:
		pc.run.Creates += n
		if t.content.State != pc.site.sends(t).State {
			pc.run.Updates += n
		}

	case item.Update:
		pc.run.Updates += n
	}
}

// countCall removes a call that was made from the expected calls.
func (pc *pacer) countCall(op limits.Op) {
	if op == limits.Create {
		pc.run.Creates = max(pc.run.Creates-1, 0)
	} else {
		pc.run.Updates = max(pc.run.Updates-1, 0)
	}
}

// forgetExpected removes an item that is done without a call from the expected calls.
func (pc *pacer) forgetExpected(t *task) {
	if pc.run.Mode == domain.Full && t.planned && (t.step == item.Unchanged || t.step == item.Skip || t.step == item.Nothing) {
		pc.run.Updates = max(pc.run.Updates-1, 0)
	}
}

// expectLikePage estimates the calls of a run without a plan: the remaining items are
// taken to be like those of this page.
func (pc *pacer) expectLikePage(tasks []*task) {
	if pc.run.Mode == domain.Full || pc.run.Remaining == nil || len(tasks) == 0 {
		return
	}

	pc.run.Creates = 0
	pc.run.Updates = 0
	for _, t := range tasks {
		pc.expect(t, 1)
	}

	left := max(*pc.run.Remaining, len(tasks))
	pc.run.Creates = pc.run.Creates * left / len(tasks)
	pc.run.Updates = pc.run.Updates * left / len(tasks)
}

// recordLatency averages how long a write takes, with its recording. Recent writes
// count most.
func (pc *pacer) recordLatency(began time.Time) {
	ms := float64(pc.clock.Now().Sub(began)) / float64(time.Millisecond)
	if pc.run.CallMS == 0 {
		pc.run.CallMS = ms
	}
	pc.run.CallMS += (ms - pc.run.CallMS) / 10
}

// callTime is how long a write takes, as far as it is known.
func (pc *pacer) callTime() time.Duration {
	return time.Duration(pc.run.CallMS * float64(time.Millisecond))
}

// estimate says when the run will be done, if it goes on from a time at the
// pace the provider allows.
func (pc *pacer) estimate(from time.Time) {
	pc.run.EstimatedFinish = nil
	if pc.run.Remaining == nil {
		return
	}

	at := pc.gate.known.limits.Finish(pc.gate.known.usage.Usage, from, pc.run.Creates, pc.run.Updates, pc.callTime()).UTC()
	pc.run.EstimatedFinish = &at
}
