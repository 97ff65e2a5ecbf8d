package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"example.com/integrations/shared/domain"
)

// A dueRepository reads the index "due", in which dispatch finds states, events and
// erasures whose time has come.
type dueRepository struct{ table *table }

// A Due is a record that dispatch must act on, as found in the index: a state of an
// integration, an unpublished event, or the erasure of an organisation.
type Due struct {
	IntegrationID  domain.Snowflake // 0 for a record of an organisation
	OrganisationID domain.Snowflake // 0 for a record of an integration
	Kind           RunKind          // of a state, "" for an event and an erasure
	Event          domain.Snowflake // 0 for a state and an erasure
}

// Due lists up to limit records of each shard whose due time has come, the longest
// due first. The index is eventually consistent: callers read each record again
// before they act.
func (r dueRepository) Due(ctx context.Context, now time.Time, limit int32) ([]Due, error) {
	var found []Due
	for shard := range dueShards {
		some, err := r.dueOf(ctx, shard, now, limit)
		if err != nil {
			return nil, wrap(err, "query due shard", shard)
		}
		found = append(found, some...)
	}

	return found, nil
}

func (r dueRepository) dueOf(ctx context.Context, shard int, now time.Time, limit int32) ([]Due, error) {
	var e expression
	e.when(equal("due_shard", text(shardName(shard))), atMost("due_at", millis(now)))
	out, err := r.table.db.Query(ctx, &dynamodb.QueryInput{
		TableName: &r.table.name, IndexName: optional(indexDue), Limit: &limit,
		KeyConditionExpression: e.condition(), ProjectionExpression: e.projection([]string{partitionKey, sortKey}),
		ExpressionAttributeNames: e.names, ExpressionAttributeValues: e.values,
	})
	if err != nil {
		return nil, err
	}

	found := make([]Due, len(out.Items))
	for i, record := range out.Items {
		found[i], err = dueAt(keyIn(record))
		if err != nil {
			return nil, err
		}
	}

	return found, nil
}

// dueAt is what is due at a key.
func dueAt(k key) (d Due, err error) {
	org, ofOrganisation := strings.CutPrefix(k.pk, organisationPrefix)
	if ofOrganisation {
		d.OrganisationID, err = parsePadded(org)
	} else {
		d.IntegrationID, err = parsePadded(strings.TrimPrefix(k.pk, integrationPrefix))
	}

	if err != nil {
		return d, err
	}

	switch {
	case k.sk == erasureName && ofOrganisation:
	case k.sk == string(LiveRun), k.sk == string(DryRun):
		d.Kind = RunKind(k.sk)
	case strings.HasPrefix(k.sk, outboxPrefix):
		d.Event, err = parsePadded(strings.TrimPrefix(k.sk, outboxPrefix))
	default:
		err = fmt.Errorf("a record with the sort key %q has no due time", k.sk)
	}

	return d, err
}

// movedDue moves a due time that was read, and writes how often it has moved.
func movedDue(seen, count int64, next time.Time) *update {
	return newUpdate().
		set("due_at", millis(next)).
		set("due_count", number(count)).
		when(equal("due_at", number(seen)))
}
