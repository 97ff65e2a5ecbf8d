package store

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
)

// DeleteIntegration removes the manager's record with its secrets, so that the
// integration is gone for every caller, and leaves the rest to a purge, which
// the worker does in slices. A run that no worker is on ends at once. purge is
// the id of the purge's run; queued says that it is the active one now, and not
// left to the worker that is on another. ErrConflict when the integration or
// its run has changed since it was read.
func (s *Store) DeleteIntegration(ctx context.Context, v View, purge domain.Snowflake, now time.Time) (queued bool, err error) {
	return s.deleteIntegration(ctx, v, purge, now)
}

// deleteIntegration is DeleteIntegration in one transaction with more actions.
func (s *Store) deleteIntegration(ctx context.Context, v View, purge domain.Snowflake, now time.Time, more ...types.TransactWriteItem) (queued bool, err error) {
	i := *v.Integration
	p := IntegrationRef{ID: i.ID, OrganisationID: i.OrganisationID, ItemType: i.ItemType}
	same := "#version = :read"
	actions := []types.TransactWriteItem{{Delete: &types.Delete{
		TableName: &s.table, Key: metaKey(p).attributes(), ConditionExpression: &same,
		ExpressionAttributeNames: map[string]string{"#version": "version"}, ExpressionAttributeValues: record{":read": number(i.Version)},
	}}, s.countAction(p.OrganisationID, -1)}
	run := PurgeRun(p, purge, now)
	queued = true
	st := v.State
	switch {
	case st == nil || st.Run == nil:
		actions = append(actions, s.updateAction(stateKey(p.ID), newRun(p, run, now)))
	case st.leased(now):
		queued = false
		actions = append(actions, s.unmoved(*st))
	default:
		u := newRun(p, run, now)
		u = st.as(u)
		actions = append(actions, s.updateAction(stateKey(p.ID), u), s.outboxAction(outgoing.SyncFinished(stopped(st.Run.Run, now, &errDeleted)), now))
	}

	actions = append(actions, more...)
	err = s.transact(ctx, append(actions[:len(actions):len(actions)], s.freeActions(p, i, v.State)...))
	if _, at := refused(err); at >= len(actions) { // another integration has the claim
		err = s.transact(ctx, actions)
	}

	if _, at := refused(err); at >= 0 {
		err = ErrConflict
	}

	return queued && err == nil, wrap(err, "delete integration", p.ID)
}

// freeActions give up what an integration has claimed.
func (s *Store) freeActions(p IntegrationRef, i Integration, st *State) []types.TransactWriteItem {
	actions := []types.TransactWriteItem{s.freeAction(spellingKey(p, i.TargetHash), p.ID)}
	if target := st.TargetKey(); target != "" {
		actions = append(actions, s.freeAction(placeKey(p, target), p.ID))
	}

	return actions
}

// FreeTarget gives up the place of an integration that is purged: a worker may
// have claimed it while the integration was deleted. A claim of another
// integration stays.
func (s *Store) FreeTarget(ctx context.Context, p IntegrationRef, target string) error {
	if target == "" {
		return nil
	}

	err := s.transact(ctx, []types.TransactWriteItem{s.freeAction(placeKey(p, target), p.ID)})
	if _, at := refused(err); at == 0 {
		err = nil
	}

	return wrap(err, "free target of integration", p.ID)
}

// PurgeRun is the run that removes what a deleted integration leaves.
func PurgeRun(p IntegrationRef, id domain.Snowflake, now time.Time) ActiveRun {
	return ActiveRun{Run: domain.Run{
		ID: id, IntegrationID: p.ID, OrganisationID: p.OrganisationID, Mode: domain.Purge,
		Trigger: domain.ByRequest, RequestedAt: now.UTC(), Status: domain.Queued,
	}}
}

// Purge deletes up to limit records of a deleted integration, all but its
// lanes, its owner and its notices, which are still to be published. It
// reports how many; 0 means that nothing else is left.
func (s *Store) Purge(ctx context.Context, l Lease, limit int) (int, error) {
	var keys []key
	for _, prefix := range []string{markPrefix, linkPrefix, runPrefix, planPrefix, remotePrefix, digestPrefix, checkName} {
		records, _, err := s.query(ctx, pageOf{pk: integrationPartition(l.Pair.ID), prefix: prefix, limit: limit - len(keys), only: []string{partitionKey, sortKey}})
		if err != nil {
			return 0, wrap(err, "purge integration", l.Pair.ID)
		}

		for _, r := range records {
			keys = append(keys, key{textOf(r, partitionKey), textOf(r, sortKey)})
		}

		if len(keys) >= limit {
			break
		}
	}

	return len(keys), wrap(s.deleteAll(ctx, keys), "purge integration", l.Pair.ID)
}

// Outbox lists up to 100 notices of an integration that were not taken yet.
func (s *Store) Outbox(ctx context.Context, integration domain.Snowflake) ([]outgoing.Event, error) {
	records, _, err := s.query(ctx, pageOf{pk: integrationPartition(integration), prefix: outboxPrefix, limit: 100})
	if err != nil {
		return nil, wrap(err, "list notices of integration", integration)
	}

	all := make([]outgoing.Event, len(records))
	for i, r := range records {
		var w StoredEvent
		if err := decode(r, &w); err != nil {
			return nil, wrap(err, "list notices of integration", integration)
		}
		all[i] = w.Event
	}

	return all, nil
}

// Forget removes the last of a deleted integration: its lanes and its owner.
// ErrFenced when the lease is lost, ErrWoken when a change has marked something
// since the wake was cleared.
func (s *Store) Forget(ctx context.Context, l Lease) error {
	u := l.fenced(update{condition: "attribute_not_exists(#signal)"})
	u.names["#signal"] = "signal"
	err := s.transact(ctx, []types.TransactWriteItem{
		{Delete: &types.Delete{TableName: &s.table, Key: l.key().attributes(), ConditionExpression: &u.condition,
			ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values,
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}},
		s.deleteAction(laneKey(l.Pair.ID, DryRun)),
		s.deleteAction(ownerKey(l.Pair.ID)),
	})
	if old, at := refused(err); at == 0 {
		if err = ErrFenced; l.holds(old) {
			err = ErrSignaled
		}
	}

	return wrap(err, "forget integration", l.Pair.ID)
}
