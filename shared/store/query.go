package store

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// A pageOf is a query for records of one partition after a sort key.
type pageOf struct {
	pk, prefix, after string
	limit             int
	newest            bool
	// only are the attributes that are read, nil for all.
	only []string
	// outcome is the partition of the index "outcome", "" for the table itself,
	// which is read strongly consistent.
	outcome string
	filter  condition // nil for none
	count   bool
}

// maxPage is the most that one query asks for.
const maxPage = 1000

// outcomeKey is the attribute of a link that is the partition key of the index
// "outcome".
const outcomeKey = "outcome_pk"

// query reads one page. last is the sort key at which it ended, "" when there are
// no records after it.
func (t *table) query(ctx context.Context, q pageOf) (records []record, last string, err error) {
	out, err := t.db.Query(ctx, t.queryInput(q))
	if err != nil {
		return nil, "", err
	}
	return out.Items, textOf(out.LastEvaluatedKey, sortKey), nil
}

// keys reads the keys of one page.
func (t *table) keys(ctx context.Context, q pageOf) ([]key, error) {
	q.only = []string{partitionKey, sortKey}
	records, _, err := t.query(ctx, q)
	var keys []key
	for _, r := range records {
		keys = append(keys, keyIn(r))
	}

	return keys, err
}

// every reads all pages.
func (t *table) every(ctx context.Context, q pageOf) ([]record, error) {
	pages := dynamodb.NewQueryPaginator(t.db, t.queryInput(q))
	var all []record
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
	}

	return all, nil
}

// count counts what a query finds, over all its pages.
func (t *table) count(ctx context.Context, q pageOf) (int, error) {
	q.count = true
	pages := dynamodb.NewQueryPaginator(t.db, t.queryInput(q))
	n := 0
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, err
		}
		n += int(page.Count)
	}

	return n, nil
}

func (t *table) queryInput(q pageOf) *dynamodb.QueryInput {
	var e expression
	partition := equal(partitionKey, text(q.pk))
	consistent := q.outcome == ""
	in := &dynamodb.QueryInput{TableName: &t.name, ConsistentRead: &consistent}
	if q.outcome != "" {
		partition = equal(outcomeKey, text(q.outcome))
		in.IndexName = optional(indexOutcome)
	}

	e.when(partition)
	if q.prefix != "" {
		e.when(startsWith(sortKey, q.prefix))
	}

	in.KeyConditionExpression = e.condition()
	if q.filter != nil {
		in.FilterExpression = optional(q.filter(&e))
	}

	in.ProjectionExpression = e.projection(q.only)
	in.ExpressionAttributeNames = e.names
	in.ExpressionAttributeValues = e.values

	forward := !q.newest
	in.ScanIndexForward = &forward
	if q.limit > 0 {
		limit := int32(min(q.limit, maxPage))
		in.Limit = &limit
	}

	if q.count {
		in.Select = types.SelectCount
	}

	if q.after != "" {
		in.ExclusiveStartKey = key{q.pk, q.after}.attributes()
		if q.outcome != "" {
			in.ExclusiveStartKey[outcomeKey] = text(q.outcome)
		}
	}

	return in
}
