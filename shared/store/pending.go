package store

import (
	"context"
	"errors"

	"example.com/integrations/shared/domain"
)

// A pendingRepository has the pending changes: versions of items that have yet to
// be sent to the provider. Ingest, retries and plan passes add them; the worker
// deletes them in its batches.
type pendingRepository struct{ table *table }

// A PendingChange is a version of an item that has yet to be sent to the provider.
// It is deleted by its exact key, so that a newer one stays.
type PendingChange struct {
	ItemID  domain.Snowflake
	Version int64
	Deleted bool // the change is the item's deletion
	// Retry: a manager asked to try the item again, given up or not.
	Retry bool
	// Planned is the plan pass that stored the change (ActiveRun.PlanID). The item
	// was not counted by that pass.
	Planned domain.Snowflake
	// Announced: an event reported this version. A change that only a plan pass
	// stored is not news.
	Announced bool
}

// pendingUpdate keeps the flags that are stored: ingest, plan passes and retries
// write one record in any order.
func pendingUpdate(p PendingChange) *update {
	if p.Planned == 0 && !p.Retry {
		return newUpdate().setDefault("planned", number(0)).set("announced", truth(true))
	}

	u := newUpdate()
	if p.Retry {
		u.set("retry", truth(true))
	}

	if p.Planned != 0 {
		u.set("planned", idOf(p.Planned))
	}

	return u
}

// putPending stores a pending change.
func putPending(integration domain.Snowflake, p PendingChange) action {
	return change(pendingKey(integration, p), pendingUpdate(p))
}

// clearRetry records that an item was tried again as a manager asked.
func clearRetry(integration domain.Snowflake, p PendingChange) action {
	return change(pendingKey(integration, p), newUpdate().set("retry", truth(false)))
}

// PutPendingChange stores the pending change that an event reports. Storing it
// again changes nothing.
func (r pendingRepository) PutPendingChange(ctx context.Context, integration domain.Snowflake, p PendingChange) error {
	_, err := r.table.update(ctx, pendingKey(integration, p), pendingUpdate(p))
	return wrap(err, "put pending change of item", p.ItemID)
}

// retry is the pending change that asks to try a link's item again, as the item is
// then. It has a record of its own, without a version: a worker that handles the
// item meanwhile deletes only the records it has read, and this one stays.
func (l Link) retry() PendingChange { return PendingChange{ItemID: l.ItemID, Retry: true} }

// RetryItems asks to try items again: at most 100, whose links were read.
func (r pendingRepository) RetryItems(ctx context.Context, integration domain.Snowflake, links []Link) error {
	var actions []action
	for _, l := range links {
		actions = append(actions, putPending(integration, l.retry()))
	}

	if len(actions) == 0 {
		return nil
	}

	return wrap(r.table.transact(ctx, actions), "retry items of integration", integration)
}

// PendingChanges reads up to limit pending changes after a cursor (a sort key, ""
// for the first), strongly consistent. next is the cursor of the last one, ""
// when there are no more.
func (r pendingRepository) PendingChanges(ctx context.Context, integration domain.Snowflake, after string, limit int) (changes []PendingChange, next string, err error) {
	records, next, err := r.table.query(ctx, pageOf{pk: integrationPartition(integration), prefix: pendingPrefix, after: after, limit: limit})
	for _, record := range records {
		p, perr := parsePending(textOf(record, sortKey))
		var flags struct {
			Retry     bool             `json:"retry"`
			Planned   domain.Snowflake `json:"planned"`
			Announced bool             `json:"announced"`
		}

		err = errors.Join(err, perr, decode(record, &flags))
		p.Retry = flags.Retry
		p.Planned = flags.Planned
		p.Announced = flags.Announced
		changes = append(changes, p)
	}

	return changes, next, wrap(err, "read pending changes of integration", integration)
}

// CountPendingChanges counts what has yet to be sent.
func (r pendingRepository) CountPendingChanges(ctx context.Context, integration domain.Snowflake) (int, error) {
	n, err := r.table.count(ctx, pageOf{pk: integrationPartition(integration), prefix: pendingPrefix})
	return n, wrap(err, "count pending changes of integration", integration)
}

// ItemOfPendingChange is the item of the pending change at a cursor, 0 for the
// beginning.
func ItemOfPendingChange(cursor string) domain.Snowflake {
	p, err := parsePending(cursor)
	if err != nil {
		return 0
	}
	return p.ItemID
}

// Cursor is the position of a pending change: PendingChanges continues after it.
func (p PendingChange) Cursor() string { return pendingKey(0, p).sk }

// PendingCursor is the cursor before the first pending change of an item.
func PendingCursor(item domain.Snowflake) string { return pendingPrefix + item.Sortable() + "#" }
