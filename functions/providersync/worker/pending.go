package worker

import (
	"context"

	"example.com/integrations/shared/store"
)

// nextPendingChanges reads the next page of pending changes. An item's marks are on one page, so
// that all of them are seen when the item is counted. Only an item that alone
// has more pending changes than a page takes goes over several pages. next is the cursor
// of the page after, "" when there are no more pending changes.
func (r *reader) nextPendingChanges(ctx context.Context) (marks []store.PendingChange, next string, err error) {
	found, next, err := r.pending.PendingChanges(ctx, r.lease.Pair.ID, r.run.PendingCursor, pushPageSize+1)
	if err != nil {
		return nil, "", err
	}

	marks = wholeItems(found, r.pageSize())
	if len(marks) < len(found) {
		next = marks[len(marks)-1].Cursor()
	}

	return marks, next, nil
}

// wholeItems cuts marks after so many items, and after a page of pending changes. It does
// not cut within an item, unless that item alone fills the page.
func wholeItems(marks []store.PendingChange, items int) []store.PendingChange {
	end := 0
	seen := 0
	for n := 1; n <= len(marks) && n <= pushPageSize; n++ {
		if n < len(marks) && marks[n].ItemID == marks[n-1].ItemID {
			continue // the item has more pending changes
		}

		end = n
		seen++
		if seen == items {
			break
		}
	}

	if end == 0 {
		end = min(len(marks), pushPageSize)
	}

	return marks[:end]
}

// plannedIn reports whether the run's plan pass has put one of the pending changes.
func (r *reader) plannedIn(marks []store.PendingChange) bool {
	for _, m := range marks {
		if m.Planned != 0 && m.Planned == r.run.PlanID {
			return true
		}
	}
	return false
}

// plannedBeyond looks for the plan pass's pending change of an item whose pending changes go on
// after the page. It reads only for an item that has not been counted yet.
func (r *reader) plannedBeyond(ctx context.Context, tasks []*task) error {
	if len(tasks) != 1 || len(tasks[0].pending) < pushPageSize {
		return nil
	}

	t := tasks[0]
	if t.planned || t.link.CountedIn == r.run.ID || !r.run.PlanDone {
		return nil
	}

	cursor := t.pending[len(t.pending)-1].Cursor()
	for cursor != "" {
		marks, next, err := r.pending.PendingChanges(ctx, r.lease.Pair.ID, cursor, pushPageSize)
		if err != nil {
			return err
		}

		for _, m := range marks {
			if m.ItemID != t.id {
				return nil
			}

			if r.plannedIn([]store.PendingChange{m}) {
				t.planned = true
				return nil
			}
		}

		cursor = next
	}

	return nil
}
