package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// A Store reads and writes the table.
type Store struct {
	db    *dynamodb.Client
	table string
}

// New returns a Store on a table.
func New(db *dynamodb.Client, table string) *Store { return &Store{db: db, table: table} }

// Errors that callers tell apart.
var (
	ErrNotFound = errors.New("not found")
	// ErrConflict: the record is no longer as the caller read it.
	ErrConflict = errors.New("changed in the meantime")
	// ErrFenced: another worker holds the lease; this one must stop.
	ErrFenced = errors.New("fenced off: the lease is another worker's")
	// ErrSignaled: a change arrived while the run was ending; it must go on.
	ErrSignaled = errors.New("woken by a change")
	// ErrChanged: a manager stopped the run or changed the integration.
	ErrChanged = errors.New("stopped or changed by a manager")
)

// MaxActions is how many actions one TransactWriteItems takes
// (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html).
const MaxActions = 100

func text(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func number(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}
func truth(b bool) types.AttributeValue { return &types.AttributeValueMemberBOOL{Value: b} }

// encode turns a struct into attributes named by its JSON tags. A member with
// the tag omitempty is left out if it has no value, a time too.
func encode(v any) (record, error) {
	encoder := attributevalue.NewEncoder(func(o *attributevalue.EncoderOptions) {
		o.TagKey = "json"
		o.OmitEmptyTime = true
	})
	av, err := encoder.Encode(v)
	if err != nil {
		return nil, err
	}

	m, ok := av.(*types.AttributeValueMemberM)
	if !ok {
		return nil, fmt.Errorf("%T does not encode to a map", v)
	}

	return m.Value, nil
}

// mustEncode is for our own plain structs, which always encode.
func mustEncode(v any) record {
	r, err := encode(v)
	if err != nil {
		panic(err)
	}
	return r
}

func decode(r record, v any) error {
	return attributevalue.NewDecoder(func(o *attributevalue.DecoderOptions) { o.TagKey = "json" }).
		Decode(&types.AttributeValueMemberM{Value: r}, v)
}

// keyed puts a record under its key.
func keyed(k key, r record) record {
	r[partitionKey], r[sortKey] = text(k.pk), text(k.sk)
	return r
}

func textOf(r record, name string) string {
	if s, ok := r[name].(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

// get reads one record, strongly consistent. It is nil when there is none.
func (s *Store) get(ctx context.Context, k key) (record, error) {
	yes := true
	out, err := s.db.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.table, Key: k.attributes(), ConsistentRead: &yes})
	if err != nil {
		return nil, err
	}
	return out.Item, nil
}

// batchGet reads up to 100 records, strongly consistent, retrying what the
// service left unprocessed. Records come back by key, the missing ones absent.
func (s *Store) batchGet(ctx context.Context, keys []key) (map[key]record, error) {
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
		out, err := s.db.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: map[string]types.KeysAndAttributes{s.table: ask}})
		if err != nil {
			return nil, err
		}

		for _, r := range out.Responses[s.table] {
			found[key{textOf(r, partitionKey), textOf(r, sortKey)}] = r
		}

		ask.Keys = out.UnprocessedKeys[s.table].Keys
		if len(ask.Keys) == 0 {
			break
		}

		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pause):
		}

		pause = min(2*pause, time.Second)
	}

	return found, nil
}

// An update is one UpdateItem in the making; names are always aliased, since
// DynamoDB reserves many words.
type update struct {
	expression, condition string
	names                 map[string]string
	values                record
}

func (s *Store) update(ctx context.Context, k key, u update) (after record, err error) {
	out, err := s.db.UpdateItem(ctx, &dynamodb.UpdateItemInput{
		TableName: &s.table, Key: k.attributes(),
		UpdateExpression: optional(u.expression), ConditionExpression: optional(u.condition),
		ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values,
		ReturnValues:                        types.ReturnValueAllNew,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if err != nil {
		return nil, err
	}

	return out.Attributes, nil
}

// updateAction is the same update as part of a transaction.
func (s *Store) updateAction(k key, u update) types.TransactWriteItem {
	return types.TransactWriteItem{Update: &types.Update{
		TableName: &s.table, Key: k.attributes(),
		UpdateExpression: optional(u.expression), ConditionExpression: optional(u.condition),
		ExpressionAttributeNames: u.names, ExpressionAttributeValues: u.values,
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	}}
}

func (s *Store) putAction(k key, r record) types.TransactWriteItem {
	return types.TransactWriteItem{Put: &types.Put{TableName: &s.table, Item: keyed(k, r)}}
}

func (s *Store) deleteAction(k key) types.TransactWriteItem {
	return types.TransactWriteItem{Delete: &types.Delete{TableName: &s.table, Key: k.attributes()}}
}

// transact writes all or nothing. A clash with another transaction or write on
// the same record is tried again: nothing was written.
func (s *Store) transact(ctx context.Context, actions []types.TransactWriteItem) error {
	pause := 10 * time.Millisecond
	for {
		_, err := s.db.TransactWriteItems(ctx, &dynamodb.TransactWriteItemsInput{TransactItems: actions})
		var cancelled *types.TransactionCanceledException
		if err == nil || !errors.As(err, &cancelled) || !onlyClashes(cancelled) {
			return err
		}

		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}

		pause = min(2*pause, time.Second)
	}
}

func onlyClashes(e *types.TransactionCanceledException) bool {
	clash := false
	for _, r := range e.CancellationReasons {
		switch code(r) {
		case "None":
		case "TransactionConflict", "ThrottlingError", "ProvisionedThroughputExceeded":
			clash = true
		default:
			return false
		}
	}

	return clash
}

func code(r types.CancellationReason) string {
	if r.Code == nil {
		return "None"
	}
	return *r.Code
}

// refused returns what stood at the first action whose condition failed, and
// which action it was; -1 if the error is no such refusal.
func refused(err error) (record, int) {
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &cancelled) {
		for i, r := range cancelled.CancellationReasons {
			if code(r) == "ConditionalCheckFailed" {
				return r.Item, i
			}
		}
	}

	return nil, -1
}

// oldOf is the record that an action of a refused transaction met.
func oldOf(err error, action int) record {
	var cancelled *types.TransactionCanceledException
	if !errors.As(err, &cancelled) || action >= len(cancelled.CancellationReasons) {
		return nil
	}

	return cancelled.CancellationReasons[action].Item
}

// refusedAll tells of which actions of a transaction the condition failed.
func refusedAll(err error) map[int]bool {
	failed := map[int]bool{}
	var cancelled *types.TransactionCanceledException
	if errors.As(err, &cancelled) {
		for i, r := range cancelled.CancellationReasons {
			failed[i] = code(r) == "ConditionalCheckFailed"
		}
	}

	return failed
}

// conditionFailed returns what stood in the way of a conditional write.
func conditionFailed(err error) (record, bool) {
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) {
		return failed.Item, true
	}
	return nil, false
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func wrap(err error, operation string, subject any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %v: %w", operation, subject, err)
}
