package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"example.com/integrations/shared/domain"
)

// A Due is a record dispatch must look at, as the index showed it: a lane of
// an integration, a notice that was not taken yet, or an organisation's erasure.
type Due struct {
	IntegrationID  domain.Snowflake // 0 for what concerns an organisation
	OrganisationID domain.Snowflake // 0 for what concerns an integration
	Kind           RunKind          // "" for a notice and an erasure
	Event          domain.Snowflake // 0 for a lane and an erasure
}

// Due lists up to limit records of each shard whose due time has come, the
// longest due first. The index is eventually consistent: it finds, and decides
// nothing.
func (s *Store) Due(ctx context.Context, now time.Time, limit int32) ([]Due, error) {
	var all []Due
	for shard := range dueShards {
		found, err := s.dueOf(ctx, shard, now, limit)
		if err != nil {
			return nil, wrap(err, "query due shard", shard)
		}
		all = append(all, found...)
	}

	return all, nil
}

func (s *Store) dueOf(ctx context.Context, shard int, now time.Time, limit int32) ([]Due, error) {
	index := indexDue
	condition := "due_shard = :s AND due_at <= :now"
	projection := "pk, sk"
	out, err := s.db.Query(ctx, &dynamodb.QueryInput{
		TableName: &s.table, IndexName: &index, KeyConditionExpression: &condition, Limit: &limit,
		ProjectionExpression:      &projection,
		ExpressionAttributeValues: record{":s": text(shardName(shard)), ":now": number(now.UnixMilli())},
	})
	if err != nil {
		return nil, err
	}

	var all []Due
	for _, r := range out.Items {
		d, err := dueIn(textOf(r, partitionKey))
		if err != nil {
			return nil, err
		}

		switch sk := textOf(r, sortKey); {
		case sk == erasureName && d.OrganisationID != 0:
		case sk == string(LiveRun), sk == string(DryRun):
			d.Kind = RunKind(sk)
		case strings.HasPrefix(sk, outboxPrefix):
			if d.Event, err = parsePadded(strings.TrimPrefix(sk, outboxPrefix)); err != nil {
				return nil, err
			}
		default:
			return nil, fmt.Errorf("a record %q has no due time by its kind", sk)
		}

		all = append(all, d)
	}

	return all, nil
}

// dueIn is what is due in a partition: of an integration, or of an organisation.
func dueIn(partition string) (d Due, err error) {
	if org, of := strings.CutPrefix(partition, "ORG#"); of {
		d.OrganisationID, err = parsePadded(org)
		return d, err
	}

	d.IntegrationID, err = parsePadded(strings.TrimPrefix(partition, "INT#"))
	return d, err
}

// MoveDue moves a lane's due time before dispatch acts on it, so that two
// dispatchers never both do. ErrConflict when it was moved already.
func (s *Store) MoveDue(ctx context.Context, lane RunKind, st State, next time.Time) error {
	return wrap(s.moveDue(ctx, laneKey(st.ID, lane), st.DueAt, st.DueCount+1, next), "move due time of integration", st.ID)
}

func (s *Store) moveDue(ctx context.Context, k key, seen, count int64, next time.Time) error {
	_, err := s.update(ctx, k, update{
		expression: "SET #due = :next, #count = :count", condition: "#due = :seen",
		names:  map[string]string{"#due": "due_at", "#count": "due_count"},
		values: record{":next": number(next.UnixMilli()), ":seen": number(seen), ":count": number(count)},
	})
	if _, failed := conditionFailed(err); failed {
		err = ErrConflict
	}

	return err
}

// Reschedule takes a lane without a run out of the index, or lets it come due at a
// time, zero for never. ErrConflict when it has changed since it was read.
func (s *Store) Reschedule(ctx context.Context, lane RunKind, st State, until time.Time) error {
	u := update{
		expression: "REMOVE #due, #shard", condition: "#due = :seen AND attribute_not_exists(#run)",
		names:  map[string]string{"#due": "due_at", "#shard": "due_shard", "#run": "run"},
		values: record{":seen": number(st.DueAt)},
	}
	if !until.IsZero() {
		u.expression = "SET #due = :until"
		u.values[":until"] = number(until.UnixMilli())
		delete(u.names, "#shard")
	}

	_, err := s.update(ctx, laneKey(st.ID, lane), u)
	if _, failed := conditionFailed(err); failed {
		err = ErrConflict
	}

	return wrap(err, "rest integration", st.ID)
}
