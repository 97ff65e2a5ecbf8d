package worker

import (
	"context"

	"example.com/integrations/shared/store"
)

// nextMarks reads the next page of marks. An item's marks are on one page, so
// that all of them are seen when the item is counted. Only an item that alone
// has more marks than a page takes goes over several pages. next is the cursor
// of the page after, "" when there are no more marks.
func (s *slice) nextMarks(ctx context.Context) (marks []store.PendingChange, next string, err error) {
	found, next, err := s.Store.PendingChanges(ctx, s.lease.Pair.ID, s.run.PendingCursor, pushPage+1)
	if err != nil {
		return nil, "", err
	}

	marks = wholeItems(found, s.pageSize())
	if len(marks) < len(found) {
		next = marks[len(marks)-1].Cursor()
	}

	return marks, next, nil
}

// wholeItems cuts marks after so many items, and after a page of marks. It does
// not cut within an item, unless that item alone fills the page.
func wholeItems(marks []store.PendingChange, items int) []store.PendingChange {
	end := 0
	seen := 0
	for n := 1; n <= len(marks) && n <= pushPage; n++ {
		if n < len(marks) && marks[n].ItemID == marks[n-1].ItemID {
			continue // the item has more marks
		}

		end = n
		seen++
		if seen == items {
			break
		}
	}

	if end == 0 {
		end = min(len(marks), pushPage)
	}

	return marks[:end]
}

// plannedIn reports whether the run's plan pass has put one of the marks.
func (s *slice) plannedIn(marks []store.PendingChange) bool {
	for _, m := range marks {
		if m.Planned != 0 && m.Planned == s.run.PlanID {
			return true
		}
	}
	return false
}

// plannedBeyond looks for the plan pass's mark of an item whose marks go on
// after the page. It reads only for an item that has not been counted yet.
func (s *slice) plannedBeyond(ctx context.Context, tasks []*task) error {
	if len(tasks) != 1 || len(tasks[0].marks) < pushPage {
		return nil
	}

	t := tasks[0]
	if t.planned || t.link.CountedIn == s.run.ID || !s.run.PlanDone {
		return nil
	}

	cursor := t.marks[len(t.marks)-1].Cursor()
	for cursor != "" {
		marks, next, err := s.Store.PendingChanges(ctx, s.lease.Pair.ID, cursor, pushPage)
		if err != nil {
			return err
		}

		for _, m := range marks {
			if m.ItemID != t.id {
				return nil
			}

			if s.plannedIn([]store.PendingChange{m}) {
				t.planned = true
				return nil
			}
		}

		cursor = next
	}

	return nil
}
