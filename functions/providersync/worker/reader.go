package worker

import (
	"context"
	"slices"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// An itemStore reads items and what is known of their objects.
type itemStore interface {
	Items(ctx context.Context, p store.IntegrationRef, after string, limit int) (items []domain.Item, next string, err error)
	Links(ctx context.Context, integration domain.Snowflake, target string, items []domain.Snowflake) (map[domain.Snowflake]store.Link, error)
	ItemsAndLinks(ctx context.Context, p store.IntegrationRef, target string, ids []domain.Snowflake, withItems bool) (map[domain.Snowflake]domain.Item, map[domain.Snowflake]store.Link, error)
}

// A pendingStore reads pending changes.
type pendingStore interface {
	PendingChanges(ctx context.Context, integration domain.Snowflake, after string, limit int) (changes []store.PendingChange, next string, err error)
}

// A reader reads pages of items, with their links and pending changes, and has each
// decided.
type reader struct {
	*session
	site    *site
	health  *health
	decider *decider
	records *digestRecords
	store   itemStore
	pending pendingStore
}

// nextPendingChanges reads the next page of pending changes. All those of an item are
// on one page, so that all are seen when the item is counted. Only an item that alone
// has more than a page goes over several pages. next is the cursor of the page after,
// "" for none.
func (r *reader) nextPendingChanges(ctx context.Context) (changes []store.PendingChange, next string, err error) {
	found, next, err := r.pending.PendingChanges(ctx, r.lease.Pair.ID, r.run.PendingCursor, pushPageSize+1)
	if err != nil {
		return nil, "", err
	}

	changes = wholeItems(found, r.pageSize())
	if len(changes) < len(found) {
		next = changes[len(changes)-1].Cursor()
	}

	return changes, next, nil
}

// wholeItems cuts pending changes after so many items, and after a page. It does not
// cut within an item, unless that item alone fills the page.
func wholeItems(changes []store.PendingChange, items int) []store.PendingChange {
	end := 0
	seen := 0
	for n := 1; n <= len(changes) && n <= pushPageSize; n++ {
		if n < len(changes) && changes[n].ItemID == changes[n-1].ItemID {
			continue // the item has more pending changes
		}

		end = n
		seen++
		if seen == items {
			break
		}
	}

	if end == 0 {
		end = min(len(changes), pushPageSize)
	}

	return changes[:end]
}

// plannedIn reports whether the run's plan pass has added one of the pending changes.
func (r *reader) plannedIn(changes []store.PendingChange) bool {
	for _, m := range changes {
		if m.Planned != 0 && m.Planned == r.run.PlanID {
			return true
		}
	}
	return false
}

// plannedBeyond looks for the pending change of the plan pass for an item whose
// pending changes go on after the page. It reads only for an item that has not been
// counted yet.
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
		changes, next, err := r.pending.PendingChanges(ctx, r.lease.Pair.ID, cursor, pushPageSize)
		if err != nil {
			return err
		}

		for _, m := range changes {
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

// readTasks gathers items and links and decides about each.
func (r *reader) readTasks(ctx context.Context, changes []store.PendingChange) ([]*task, error) {
	var ids []domain.Snowflake
	of := map[domain.Snowflake][]store.PendingChange{}
	for _, m := range changes {
		if of[m.ItemID] == nil {
			ids = append(ids, m.ItemID)
		}
		of[m.ItemID] = append(of[m.ItemID], m)
	}

	items, links, err := r.store.ItemsAndLinks(ctx, r.lease.Pair, r.site.target.Key, ids, true)
	if err != nil {
		return nil, err
	}

	tasks := make([]*task, len(ids))
	for i, id := range ids {
		item, known := items[id]
		link, linked := links[id]
		t := r.decider.newTask(id, item, link, linked)
		t.pending = of[id]
		t.planned = r.plannedIn(t.pending)
		if err := r.records.loadDigestOf(ctx, t); err != nil {
			return nil, err
		}

		r.decider.decide(t, known)
		tasks[i] = t
	}

	return tasks, r.plannedBeyond(ctx, tasks)
}

// pageSize is how many items a page has: one while it is to be found out
// whether the provider is back, as a whole page would be written down twice for
// one call that fails.
func (r *reader) pageSize() int {
	known := r.health.known()
	if r.run.Outages > 0 || known != nil && known.State == domain.Unhealthy {
		return 1
	}
	return pushPageSize
}

// compare reads a page of items with their links and decides about each.
func (r *reader) compare(ctx context.Context) (tasks []*task, next string, err error) {
	items, next, err := r.store.Items(ctx, r.lease.Pair, r.run.PlanCursor, planPageSize)
	if err != nil {
		return nil, "", err
	}

	ids := make([]domain.Snowflake, len(items))
	for i, item := range items {
		ids[i] = item.ID
	}

	links, err := r.store.Links(ctx, r.lease.Pair.ID, r.site.target.Key, ids)
	if err != nil {
		return nil, "", err
	}

	for _, item := range items {
		link, linked := links[item.ID]
		t := r.decider.newTask(item.ID, item, link, linked)
		if err := r.records.loadDigestOf(ctx, t); err != nil {
			return nil, "", err
		}

		r.decider.decide(t, true)
		tasks = append(tasks, t)
	}

	return tasks, next, nil
}

// pendingTasks reads the next page of items with pending changes. One whose pending changes go over the end
// of a page was read with the first of them.
func (r *reader) pendingTasks(ctx context.Context, cursor string) ([]*task, string, error) {
	changes, next, err := r.pending.PendingChanges(ctx, r.lease.Pair.ID, cursor, pushPageSize)
	if err != nil {
		return nil, "", err
	}

	before := store.ItemOfPendingChange(cursor)
	changes = slices.DeleteFunc(changes, func(m store.PendingChange) bool { return m.ItemID == before })
	tasks, err := r.readTasks(ctx, changes)

	return tasks, next, err
}

// addPendingChanges gives the tasks of a plan pass the pending changes of their
// items: a chat posts what an event has announced, also in a run that does not
// announce.
func (r *reader) addPendingChanges(ctx context.Context, tasks []*task) error {
	if len(tasks) == 0 {
		return nil
	}

	of := map[domain.Snowflake]*task{}
	for _, t := range tasks {
		of[t.id] = t
	}

	last := tasks[len(tasks)-1].id
	for cursor := store.PendingCursor(tasks[0].id); ; {
		changes, next, err := r.pending.PendingChanges(ctx, r.lease.Pair.ID, cursor, pushPageSize)
		if err != nil {
			return err
		}

		for _, m := range changes {
			if m.ItemID > last {
				return nil
			}

			if t := of[m.ItemID]; t != nil {
				t.pending = append(t.pending, m)
				r.decider.decide(t, true)
			}
		}

		if next == "" {
			return nil
		}

		cursor = next
	}
}
