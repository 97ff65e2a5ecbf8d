package store

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"integrations/shared/domain"
)

// runsKept is how long an ended run can be read.
const runsKept = 90 * 24 * time.Hour

func encodeRun(run ActiveRun) *types.AttributeValueMemberM {
	return &types.AttributeValueMemberM{Value: mustEncode(run)}
}

// An Ending is how a run ends.
type Ending struct {
	Run     domain.Run // with its final status, counts and finished_at
	Mode    domain.Mode
	RetryAt time.Time // when the earliest failed item is due, zero for none
	// FullEpoch is set when a full run saw everything of that epoch.
	FullEpoch int64
	// Forced ends the run although changes may have arrived: it failed or was
	// cancelled, and their marks stay for the next one.
	Forced bool
}

// Finish ends the active run and files it under the integration's history, in
// one transaction. ErrWoken when a change arrived or the run was made full
// since the worker last looked; ErrFenced when the lease is lost.
func (s *Store) Finish(ctx context.Context, l Lease, e Ending) error {
	set := []string{"#until = :zero"}
	remove := []string{"#run"}
	u := l.fenced(update{})
	u.names["#until"], u.values[":zero"] = "lease_until", number(0)
	if e.Forced {
		u.names["#wake"] = "wake"
		remove = append(remove, "#wake")
	} else {
		u.condition += " AND attribute_not_exists(#wake) AND #run.#mode = :mode"
		u.names["#wake"], u.names["#mode"] = "wake", "mode"
		u.values[":mode"] = text(string(e.Mode))
	}
	if e.FullEpoch > 0 {
		set = append(set, "#epoch = :epoch")
		u.names["#epoch"], u.values[":epoch"] = "full_epoch", number(e.FullEpoch)
	}
	if e.Run.Status == domain.Succeeded {
		set = append(set, "#success = :success")
		u.names["#success"], u.values[":success"] = "last_success_at", number(e.Run.FinishedAt.UnixMilli())
	}
	u.names["#due"], u.names["#retry"], u.names["#shard"] = "due_at", "retry_at", "due_shard"
	if e.RetryAt.IsZero() {
		remove = append(remove, "#due", "#shard", "#retry")
	} else {
		set = append(set, "#due = :retry", "#retry = :retry", "#shard = :shard")
		u.values[":retry"], u.values[":shard"] = number(e.RetryAt.UnixMilli()), text(dueShard(l.Pair.ID))
	}
	u.expression = "SET " + strings.Join(set, ", ") + " REMOVE " + strings.Join(remove, ", ")
	history := mustEncode(e.Run)
	history["expires_at"] = number(e.Run.FinishedAt.Add(runsKept).Unix())
	err := s.transact(ctx, []types.TransactWriteItem{
		s.updateAction(stateKey(l.Pair.ID), u),
		s.putAction(runKey(l.Pair.ID, l.RunID), history),
	})
	if old, at := refused(err); at == 0 {
		err = ErrFenced
		if n, ok := old["fence"].(*types.AttributeValueMemberN); ok && n.Value == strconv.FormatInt(l.Fence, 10) && old["run"] != nil {
			err = ErrWoken
		}
	}
	return wrap(err, "finish run", l.RunID)
}

// Run reads one run of an integration, active or ended. ErrNotFound if it has
// none of that id, or it ended over 90 days ago: DynamoDB deletes late, so
// that is decided here.
func (s *Store) Run(ctx context.Context, integration, id domain.Snowflake, now time.Time) (domain.Run, error) {
	found, err := s.batchGet(ctx, []key{stateKey(integration), runKey(integration, id)})
	if err != nil {
		return domain.Run{}, wrap(err, "read run", id)
	}
	if r := found[runKey(integration, id)]; r != nil {
		var ended struct {
			domain.Run
			ExpiresAt int64 `json:"expires_at"`
		}
		if err := decode(r, &ended); err != nil {
			return domain.Run{}, wrap(err, "read run", id)
		}
		if ended.ExpiresAt > now.Unix() {
			return ended.Run, nil
		}
	}
	var st *State
	if err := into(found[stateKey(integration)], &st); err != nil {
		return domain.Run{}, wrap(err, "read run", id)
	}
	if st != nil && st.Run != nil && st.Run.ID == id {
		return st.Run.Run, nil
	}
	return domain.Run{}, wrap(ErrNotFound, "read run", id)
}

// A Due is an integration dispatch must look at, and the due time the index
// showed, in Unix milliseconds.
type Due struct {
	ID    domain.Snowflake
	DueAt int64
}

// Due lists up to limit integrations of each shard whose due time has come.
// The index is eventually consistent: it finds, and decides nothing.
func (s *Store) Due(ctx context.Context, now time.Time, limit int32) ([]Due, error) {
	var all []Due
	index, condition, projection := indexDue, "due_shard = :s AND due_at <= :now", "pk, due_at"
	for shard := range dueShards {
		out, err := s.db.Query(ctx, &dynamodb.QueryInput{
			TableName: &s.table, IndexName: &index, KeyConditionExpression: &condition, Limit: &limit,
			ProjectionExpression:      &projection,
			ExpressionAttributeValues: record{":s": text(shardName(shard)), ":now": number(now.UnixMilli())},
		})
		if err != nil {
			return nil, wrap(err, "query due shard", shard)
		}
		for _, r := range out.Items {
			id, err := parsePadded(strings.TrimPrefix(textOf(r, partitionKey), "INT#"))
			if err != nil {
				return nil, wrap(err, "query due shard", shard)
			}
			var d struct {
				DueAt int64 `json:"due_at"`
			}
			if err := decode(r, &d); err != nil {
				return nil, wrap(err, "query due shard", shard)
			}
			all = append(all, Due{ID: id, DueAt: d.DueAt})
		}
	}
	return all, nil
}

// MoveDue moves an integration's due time before dispatch acts on it, so that
// two dispatchers never both do. ErrConflict when it was moved already.
func (s *Store) MoveDue(ctx context.Context, st State, next time.Time) error {
	_, err := s.update(ctx, stateKey(st.ID), update{
		expression: "SET #due = :next, #count = :count", condition: "#due = :seen",
		names: map[string]string{"#due": "due_at", "#count": "due_count"},
		values: record{
			":next": number(next.UnixMilli()), ":seen": number(st.DueAt), ":count": number(st.DueCount + 1),
		},
	})
	if _, failed := conditionFailed(err); failed {
		err = ErrConflict
	}
	return wrap(err, "move due time of integration", st.ID)
}

// ClearDue takes an integration with nothing due out of the index.
func (s *Store) ClearDue(ctx context.Context, st State) error {
	_, err := s.update(ctx, stateKey(st.ID), update{
		expression: "REMOVE #due, #shard", condition: "#due = :seen AND attribute_not_exists(#run)",
		names:  map[string]string{"#due": "due_at", "#shard": "due_shard", "#run": "run"},
		values: record{":seen": number(st.DueAt)},
	})
	if _, failed := conditionFailed(err); failed {
		err = ErrConflict
	}
	return wrap(err, "clear due time of integration", st.ID)
}
