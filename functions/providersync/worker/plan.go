package worker

import (
	"context"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// planPage is how many items a step of the plan pass compares: their marks and
// the checkpoint fit one transaction.
const planPage = store.MaxActions - 1

// checkpointEvery is after how many pages without a difference the plan pass
// records how far it has come: reading them again costs little.
const checkpointEvery = 20

// plan compares every item of the type with what was last sent and marks what
// differs. It asks the provider nothing.
func (s *slice) plan(ctx context.Context) (*verdict, error) {
	if s.run.PlanCursor == "" {
		s.run.FullEpoch = s.meta.FullEpoch
		s.run.Creates = 0
		s.run.Updates = 0
		s.run.PlanID = domain.NewSnowflake(s.Clock.Now())
		s.run.Remaining = nil
		s.run.EstimatedFinish = nil // nobody knows before all is planned
	}

	for pages := 1; ; pages++ {
		v, err := s.check(ctx)
		if err != nil {
			return nil, err
		}

		if v == nil && !s.room() {
			v = goOn
		}

		if v != nil {
			return v, s.commit(ctx, store.Batch{})
		}

		tasks, next, err := s.compare(ctx)
		if err != nil {
			return nil, err
		}

		batch := store.Batch{}
		for _, t := range tasks {
			if s.differs(t) {
				batch.AddPending = append(batch.AddPending, store.PendingChange{ItemID: t.id, Version: t.item.Version, Planned: s.run.PlanID})
			}
		}

		s.run.PlanCursor = next
		s.run.PlanDone = next == ""
		if s.run.PlanDone { // all marks are to be looked at, wherever the last pass has come
			s.run.PendingCursor = ""
			batch.Cursor = true
		}

		s.progressed()
		if len(batch.AddPending) > 0 || s.run.PlanDone || pages%checkpointEvery == 0 {
			if err := s.commit(ctx, batch); err != nil {
				return nil, err
			}
		}

		if s.run.PlanDone {
			return nil, nil
		}
	}
}

// replan begins the plan pass anew, for a configuration that was changed after
// it: who asks for a full sync then gets this run, and must get what he asked
// for.
func (s *slice) replan() {
	for out, n := range outcomesOf(s.run.PlanCounts) {
		s.tally(out, -n)
	}

	s.run.PlanCounts = domain.Counts{}
	s.run.PlanCursor = ""
	s.run.PlanDone = false
}

// tallyPlan counts an item that the plan pass need not mark.
func (s *slice) tallyPlan(out domain.Outcome, n int) {
	s.tally(out, n)
	tally(&s.run.PlanCounts, out, n)
}

// outcomesOf gives counts by outcome.
func outcomesOf(c domain.Counts) map[domain.Outcome]int {
	return map[domain.Outcome]int{
		domain.Created: c.Created, domain.Updated: c.Updated, domain.Unchanged: c.Unchanged, domain.Skipped: c.Skipped, domain.FailedOut: c.Failed,
	}
}

// compare reads a page of items with their links and decides about each.
func (s *slice) compare(ctx context.Context) (tasks []*task, next string, err error) {
	items, next, err := s.Store.Items(ctx, s.lease.Pair, s.run.PlanCursor, planPage)
	if err != nil {
		return nil, "", err
	}

	ids := make([]domain.Snowflake, len(items))
	for i, item := range items {
		ids[i] = item.ID
	}

	links, err := s.Store.Links(ctx, s.lease.Pair.ID, s.target.Key, ids)
	if err != nil {
		return nil, "", err
	}

	for _, item := range items {
		link, linked := links[item.ID]
		t := s.newTask(item.ID, item, link, linked)
		if err := s.named(ctx, t); err != nil {
			return nil, "", err
		}

		s.decide(t, true)
		tasks = append(tasks, t)
	}

	return tasks, next, nil
}

// differs counts an item that needs no push, and reports whether it needs one.
func (s *slice) differs(t *task) bool {
	again := t.link.CountedIn == s.run.ID // an earlier pass of this run has counted it
	switch t.step {
	case nothing:
		return false
	case unknown:
		if t.link.Outcome != domain.Unknown {
			return true
		}

		if !again {
			s.tallyPlan(domain.Unknown, 1)
		}

		return false

	case unchanged, resting:
		if t.step == unchanged && t.stale() {
			break // its row is rewritten
		}

		if !again {
			s.tallyPlan(t.countedByPlan(), 1)
		}

		return false

	case skip:
		// What was skipped for this very reason and version needs no new row.
		if t.link.Outcome == domain.Skipped && t.link.Reason == t.reason && t.link.Version == t.item.Version {
			if !again {
				s.tallyPlan(domain.Skipped, 1)
			}
			return false
		}
	}

	s.expect(t, 1)

	return true
}
