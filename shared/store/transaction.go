package store

import (
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// MaxActions is how many actions one TransactWriteItems takes
// (https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html).
const MaxActions = 100

// maxTransaction is how many bytes the records of one TransactWriteItems have
// together, and maxRecord how many one record has
// (https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html).
const (
	maxTransaction = 4 << 20
	maxRecord      = 400 << 10
)

// An action is one write of a transaction, or a check of a record that it does
// not write.
type action struct {
	key    key
	kind   actionKind
	record record // of a put
	update *update
	when   expression
	old    bool // a refusal returns the record that was met
}

type actionKind int

const (
	putKind actionKind = iota
	updateKind
	deleteKind
	checkKind
)

// put writes a whole record.
func put(k key, r record, conditions ...condition) action {
	return newAction(action{key: k, kind: putKind, record: r}, conditions)
}

// change updates a record under the update's conditions. A refusal returns the
// record that was met.
func change(k key, u *update) action { return action{key: k, kind: updateKind, update: u} }

// erase deletes a record.
func erase(k key, conditions ...condition) action {
	return newAction(action{key: k, kind: deleteKind}, conditions)
}

// check checks a record that the transaction does not write.
func check(k key, conditions ...condition) action {
	return newAction(action{key: k, kind: checkKind}, conditions)
}

func newAction(a action, conditions []condition) action {
	a.when.when(conditions...)
	return a
}

// returningOld makes a refusal return the record that was met.
func (a action) returningOld() action {
	a.old = true
	return a
}

// item is the action as a request on a table.
func (a action) item(table string) types.TransactWriteItem {
	switch a.kind {
	case putKind:
		return types.TransactWriteItem{Put: &types.Put{
			TableName: &table, Item: keyed(a.key, a.record), ConditionExpression: a.when.condition(),
			ExpressionAttributeNames: a.when.names, ExpressionAttributeValues: a.when.values, ReturnValuesOnConditionCheckFailure: a.returned(),
		}}

	case updateKind:
		return types.TransactWriteItem{Update: &types.Update{
			TableName: &table, Key: a.key.attributes(), UpdateExpression: a.update.text(), ConditionExpression: a.update.condition(),
			ExpressionAttributeNames: a.update.names, ExpressionAttributeValues: a.update.values,
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		}}

	case deleteKind:
		return types.TransactWriteItem{Delete: &types.Delete{
			TableName: &table, Key: a.key.attributes(), ConditionExpression: a.when.condition(),
			ExpressionAttributeNames: a.when.names, ExpressionAttributeValues: a.when.values, ReturnValuesOnConditionCheckFailure: a.returned(),
		}}
	}

	return types.TransactWriteItem{ConditionCheck: &types.ConditionCheck{
		TableName: &table, Key: a.key.attributes(), ConditionExpression: a.when.condition(),
		ExpressionAttributeNames: a.when.names, ExpressionAttributeValues: a.when.values,
	}}
}

func (a action) returned() types.ReturnValuesOnConditionCheckFailure {
	if a.old {
		return types.ReturnValuesOnConditionCheckFailureAllOld
	}

	return ""
}

// size estimates how many bytes of a transaction an action takes.
func (a action) size() int {
	size := len(a.key.pk) + len(a.key.sk) + sizeOf(a.record)
	if a.update != nil {
		size += sizeOf(a.update.values)
	}

	return size
}

// nextTransaction takes groups of actions for one transaction and returns the
// rest. The actions of a group stay together. first is an action that each
// transaction begins with; its record may have any size. At least one group is
// taken, if there is one.
func nextTransaction(first action, groups [][]action) (actions []action, rest [][]action) {
	actions = []action{first}
	size := maxRecord
	for len(groups) > 0 {
		group := groups[0]
		more := 0
		for _, a := range group {
			more += a.size()
		}

		full := len(actions)+len(group) > MaxActions || size+more > maxTransaction
		if full && len(actions) > 1 {
			break
		}

		actions = append(actions, group...)
		size += more
		groups = groups[1:]
	}

	return actions, groups
}

// onlyClashes reports whether a transaction failed for nothing but other writes at
// the same time or throttling.
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

// refused returns the record that the first refused action of a transaction met,
// and the position of the action. The position is -1 when the error is not a
// refusal.
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

// refusedAll returns the positions of all refused actions of a transaction.
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

// conditionFailed returns the record that a refused single write met.
func conditionFailed(err error) (record, bool) {
	var failed *types.ConditionalCheckFailedException
	if errors.As(err, &failed) {
		return failed.Item, true
	}
	return nil, false
}
