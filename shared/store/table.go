package store

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// A table sends requests to one DynamoDB table. It has no methods for one family
// of records.
type table struct {
	db   *dynamodb.Client
	name string
}

// get reads one record, strongly consistent. It is nil when there is none.
func (t *table) get(ctx context.Context, k key) (record, error) {
	yes := true
	out, err := t.db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &t.name, Key: k.attributes(), ConsistentRead: &yes})
	if err != nil {
		return nil, err
	}
	return out.Item, nil
}

// batchGet reads up to 100 records, strongly consistent, and repeats the request
// for unprocessed keys. Records come back by key, the missing ones absent.
func (t *table) batchGet(ctx context.Context, keys []key) (map[key]record, error) {
	found := make(map[key]record, len(keys))
	if len(keys) == 0 {
		return found, nil
	}

	yes := true
	ask := types.KeysAndAttributes{ConsistentRead: &yes}
	for _, k := range keys {
		ask.Keys = append(ask.Keys, k.attributes())
	}

	pause := 20 * time.Millisecond
	for len(ask.Keys) > 0 {
		out, err := t.db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{t.name: ask}})
		if err != nil {
			return nil, err
		}

		for _, r := range out.Responses[t.name] {
			found[keyIn(r)] = r
		}

		ask.Keys = out.UnprocessedKeys[t.name].Keys
		if len(ask.Keys) == 0 {
			break
		}

		if err := wait(ctx, &pause); err != nil {
			return nil, err
		}
	}

	return found, nil
}

// update changes one record and returns it as it is afterwards. A refusal carries
// the record that was met; see conditionFailed.
func (t *table) update(ctx context.Context, k key, u *update) (after record, err error) {
	out, err := t.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &t.name, Key: k.attributes(),
		UpdateExpression: u.text(), ConditionExpression: u.condition(),
		ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values,
		ReturnValues:                        types.ReturnValueAllNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err != nil {
		return nil, err
	}

	return out.Attributes, nil
}

// updateOr is update with the error for a refusal, nil to ignore it.
func (t *table) updateOr(ctx context.Context, k key, u *update, refusal error) error {
	_, err := t.update(ctx, k, u)
	if _, failed := conditionFailed(err); failed {
		return refusal
	}

	return err
}

// put writes one record under the conditions of a put action.
func (t *table) put(ctx context.Context, a action) error {
	_, err := t.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &t.name, Item: keyed(a.key, a.record), ConditionExpression: a.when.condition(),
		ExpressionAttributeNames: a.when.names, ExpressionAttributeValues: a.when.values,
		ReturnValuesOnConditionCheckFailure: a.returned(),
	})

	return err
}

// transact writes all or nothing. A clash with another transaction or write on
// the same record is tried again: nothing was written.
func (t *table) transact(ctx context.Context, actions []action) error {
	items := make([]types.TransactWriteItem, len(actions))
	for i, a := range actions {
		items[i] = a.item(t.name)
	}

	pause := 10 * time.Millisecond
	for {
		_, err := t.db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: items})
		var cancelled *types.TransactionCanceledException
		if err == nil || !errors.As(err, &cancelled) || !onlyClashes(cancelled) {
			return err
		}

		if wait(ctx, &pause) != nil {
			return err
		}
	}
}

// deleteAll deletes records, 25 at a time as BatchWriteItem takes them, and
// repeats the request for unprocessed ones.
func (t *table) deleteAll(ctx context.Context, keys []key) error {
	var requests []types.WriteRequest
	for _, k := range keys {
		requests = append(requests, types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: k.attributes()}})
	}

	pause := 20 * time.Millisecond
	for len(requests) > 0 {
		n := min(len(requests), 25)
		out, err := t.db.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{t.name: requests[:n]}})
		if err != nil {
			return err
		}

		left := out.UnprocessedItems[t.name]
		requests = append(left[:len(left):len(left)], requests[n:]...)
		if len(left) == 0 {
			continue
		}

		if err := wait(ctx, &pause); err != nil {
			return err
		}
	}

	return nil
}

// maxPause is the longest pause between two requests for the same records.
const maxPause = time.Second

// wait waits for a pause and doubles it, up to maxPause.
func wait(ctx context.Context, pause *time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(*pause):
	}

	*pause = min(2**pause, maxPause)

	return nil
}
