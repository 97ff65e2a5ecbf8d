package store

import (
	"context"
	"time"

	"example.com/integrations/shared/domain"
)

// PurgeRun is the run that deletes the remaining records of a deleted integration.
func PurgeRun(ref IntegrationRef, id domain.Snowflake, now time.Time) ActiveRun {
	return ActiveRun{Run: domain.Run{
		ID: id, IntegrationID: ref.ID, OrganisationID: ref.OrganisationID, Mode: domain.Purge,
		Trigger: domain.ByRequest, RequestedAt: now.UTC(), Status: domain.Queued,
	}}
}

// Purge deletes up to limit records of a deleted integration. Its states, its
// reference and its unpublished events stay. Purge returns how many it deleted; 0
// means that no other record is left.
func (r erasureRepository) Purge(ctx context.Context, l Lease, limit int) (int, error) {
	var keys []key
	for _, prefix := range []string{pendingPrefix, linkPrefix, runPrefix, planPrefix, remotePrefix, digestPrefix, checkName} {
		found, err := r.table.keys(ctx, pageOf{pk: integrationPartition(l.Pair.ID), prefix: prefix, limit: limit - len(keys)})
		if err != nil {
			return 0, wrap(err, "purge integration", l.Pair.ID)
		}

		keys = append(keys, found...)
		if len(keys) >= limit {
			break
		}
	}

	return len(keys), wrap(r.table.deleteAll(ctx, keys), "purge integration", l.Pair.ID)
}

// Forget deletes the last records of a deleted integration: its states and its
// reference. ErrFenced when the lease is lost, ErrSignaled when a change has
// arrived since the signal was cleared.
func (r erasureRepository) Forget(ctx context.Context, l Lease) error {
	conditions := append(l.held(), absent("signal"))
	err := r.table.transact(ctx, []action{
		erase(l.key(), conditions...).returningOld(),
		erase(kindKey(l.Pair.ID, DryRun)),
		erase(ownerKey(l.Pair.ID)),
	})
	if old, at := refused(err); at == 0 {
		err = ErrFenced
		if l.heldIn(old) {
			err = ErrSignaled
		}
	}

	return wrap(err, "forget integration", l.Pair.ID)
}
