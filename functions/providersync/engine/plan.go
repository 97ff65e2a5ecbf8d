package engine

import (
	"context"

	"integrations/shared/domain"
	"integrations/shared/store"
)

// planPage is how many items a step of the plan pass compares: their marks and
// the checkpoint fit one transaction.
const planPage = store.MaxActions - 1

// plan compares every item of the type with what was last sent and marks what
// differs. It asks the provider nothing.
func (s *slice) plan(ctx context.Context) (*verdict, error) {
	if s.run.PlanCursor == "" {
		s.run.FullEpoch = s.meta.FullEpoch
	}
	for {
		if !s.room() {
			return goOn, nil
		}
		items, next, err := s.Store.Items(ctx, s.lease.Pair, s.run.PlanCursor, planPage)
		if err != nil {
			return nil, err
		}
		ids := make([]domain.Snowflake, len(items))
		for i, item := range items {
			ids[i] = item.ID
		}
		links, err := s.Store.Links(ctx, s.lease.Pair.ID, s.meta.TargetHash, ids)
		if err != nil {
			return nil, err
		}
		batch := store.Batch{}
		for _, item := range items {
			if s.differs(item, links[item.ID]) {
				batch.AddMarks = append(batch.AddMarks, store.Mark{ItemID: item.ID, Version: item.Version})
			}
		}
		s.run.PlanCursor, s.run.PlanDone = next, next == ""
		batch.Run = s.run
		if err := s.Store.Commit(ctx, s.lease, batch); err != nil {
			return nil, err
		}
		if s.run.PlanDone {
			s.run.MarkCursor = ""
			return nil, nil
		}
	}
}

// differs counts an item that needs no push, and reports whether it needs one.
func (s *slice) differs(item domain.Item, link store.Link) bool {
	t := task{id: item.ID, item: item, link: link}
	t.link.ItemID, t.link.Target = item.ID, s.meta.TargetHash
	s.decide(&t, true)
	switch t.step {
	case unchanged:
		if t.link.LastRunID != s.run.ID {
			s.run.Counts.Unchanged++
		}
		return false
	case nothing:
		s.run.Counts.Failed++ // parked: its last outcome stands
		return false
	case skip:
		// What was skipped for this very reason and version needs no new row.
		if t.link.Outcome == domain.Skipped && t.link.Reason == t.reason && t.link.Version == item.Version {
			s.run.Counts.Skipped++
			return false
		}
	}
	return true
}
