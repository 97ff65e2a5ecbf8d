package store

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

func TestActions(t *testing.T) {
	k := key{"a", "b"}
	conditions := []condition{equal("version", number(1))}
	old := types.ReturnValuesOnConditionCheckFailureAllOld

	item := put(k, record{"x": text("y")}, conditions...).item("table")
	if p := item.Put; p == nil || *p.TableName != "table" || textOf(p.Item, "x") != "y" || keyIn(p.Item) != k || *p.ConditionExpression != "#version = :v0" ||
		len(p.ExpressionAttributeNames) != 1 || len(p.ExpressionAttributeValues) != 1 || p.ReturnValuesOnConditionCheckFailure != "" {
		t.Errorf("%+v", p)
	}

	item = put(k, record{}).returningOld().item("table")
	if p := item.Put; p.ConditionExpression != nil || p.ExpressionAttributeNames != nil || p.ReturnValuesOnConditionCheckFailure != old {
		t.Errorf("%+v", p)
	}

	item = change(k, newUpdate().set("x", text("y")).when(conditions...)).item("table")
	if u := item.Update; u == nil || *u.TableName != "table" || keyIn(u.Key) != k || *u.UpdateExpression != "SET #x = :v0" || *u.ConditionExpression != "#version = :v1" ||
		len(u.ExpressionAttributeNames) != 2 || len(u.ExpressionAttributeValues) != 2 || u.ReturnValuesOnConditionCheckFailure != old {
		t.Errorf("%+v", u)
	}

	item = erase(k, conditions...).item("table")
	if d := item.Delete; d == nil || *d.TableName != "table" || keyIn(d.Key) != k || *d.ConditionExpression != "#version = :v0" || d.ReturnValuesOnConditionCheckFailure != "" {
		t.Errorf("%+v", d)
	}

	item = check(k, conditions...).item("table")
	if c := item.ConditionCheck; c == nil || *c.TableName != "table" || keyIn(c.Key) != k || *c.ConditionExpression != "#version = :v0" {
		t.Errorf("%+v", c)
	}
}

// groupsOf makes n groups of some records each, of a size.
func groupsOf(n, records, size int) [][]action {
	var groups [][]action
	for range n {
		var group []action
		for range records {
			group = append(group, put(key{"p", "s"}, record{"v": text(strings.Repeat("x", size))}))
		}
		groups = append(groups, group)
	}

	return groups
}

func TestTransactionsAreBounded(t *testing.T) {
	first := change(key{"p", "state"}, newUpdate().set("x", text("y")))
	for name, tt := range map[string]struct {
		groups [][]action
		want   []int // actions of each transaction
	}{
		"nothing":                         {nil, []int{1}},
		"all at once":                     {groupsOf(99, 1, 10), []int{100}},
		"too many":                        {groupsOf(100, 1, 10), []int{100, 2}},
		"groups stay together":            {groupsOf(50, 3, 10), []int{100, 52}},
		"too large":                       {groupsOf(20, 1, 300<<10), []int{13, 9}},
		"large groups stay together":      {groupsOf(3, 6, 350<<10), []int{7, 7, 7}},
		"one group is larger than it may": {groupsOf(2, 1, 5<<20), []int{2, 2}},
	} {
		groups := tt.groups
		for i, want := range tt.want {
			var actions []action
			actions, groups = nextTransaction(first, groups)
			if len(actions) != want || actions[0].kind != updateKind {
				t.Errorf("%s: transaction %d has %d actions, want %d", name, i, len(actions), want)
			}
		}

		if len(groups) != 0 {
			t.Errorf("%s: %d groups are left", name, len(groups))
		}
	}
}

func TestSizes(t *testing.T) {
	r := record{
		"text": text("four"), "number": number(1), "yes": truth(true), "blob": blob([]byte("12345")),
		"map":  &types.AttributeValueMemberM{Value: record{"a": text("b")}},
		"list": &types.AttributeValueMemberL{Value: []types.AttributeValue{text("abc")}},
	}
	// Names, then values: 4+4, 6+21, 3+1, 4+5, 3+3+1+2, 4+3+1+3.
	if got, want := sizeOf(r), 8+27+4+9+9+11; got != want {
		t.Errorf("%d, want %d", got, want)
	}
}

func TestRefusals(t *testing.T) {
	code := func(s string) *string { return &s }
	err := error(&types.TransactionCanceledException{CancellationReasons: []types.CancellationReason{
		{Code: code("None")},
		{Code: code("ConditionalCheckFailed"), Item: record{"x": text("first")}},
		{Code: code("ConditionalCheckFailed"), Item: record{"x": text("second")}},
	}})

	if old, at := refused(err); at != 1 || textOf(old, "x") != "first" {
		t.Errorf("%d, %v", at, old)
	}

	if all := refusedAll(err); all[0] || !all[1] || !all[2] || textOf(oldOf(err, 2), "x") != "second" || oldOf(err, 3) != nil {
		t.Errorf("%v", all)
	}

	if _, at := refused(nil); at != -1 {
		t.Errorf("%d", at)
	}
}
