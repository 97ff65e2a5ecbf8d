package store

import (
	"context"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// pageOf asks for records of a partition after a sort key.
type pageOf struct {
	pk, prefix, after string
	limit             int
	newest            bool
	// only are the attributes that are read, nil for all.
	only []string
	// index is "" for the table itself, which is read strongly consistent;
	// indexKey is the index's partition then.
	index, indexKey string
	filter          string
	values          record
	count           bool
}

func (s *Store) query(ctx context.Context, q pageOf) ([]record, bool, error) {
	out, err := s.db.Query(ctx, s.queryInput(q))
	if err != nil {
		return nil, false, err
	}
	return out.Items, len(out.LastEvaluatedKey) > 0, nil
}

func (s *Store) queryInput(q pageOf) *dynamodb.QueryInput {
	consistent := q.index == ""
	forward := !q.newest
	condition := "pk = :p"
	values := record{":p": text(q.pk)}
	if q.index != "" {
		condition = "outcome_pk = :p"
		values[":p"] = text(q.indexKey)
	}

	if q.prefix != "" {
		condition += " AND begins_with(sk, :s)"
		values[":s"] = text(q.prefix)
	}

	for name, v := range q.values {
		values[name] = v
	}

	in := &dynamodb.QueryInput{
		TableName: &s.table, IndexName: optional(q.index), ConsistentRead: &consistent, ScanIndexForward: &forward,
		KeyConditionExpression: &condition, FilterExpression: optional(q.filter), ExpressionAttributeValues: values,
	}
	if q.limit > 0 {
		limit := int32(min(q.limit, 1000))
		in.Limit = &limit
	}

	if q.only != nil {
		projection, names := aliases(q.only)
		in.ProjectionExpression = &projection
		in.ExpressionAttributeNames = names
	}

	if q.count {
		in.Select = types.SelectCount
	}

	if q.after != "" {
		in.ExclusiveStartKey = key{q.pk, q.after}.attributes()
		if q.index != "" {
			in.ExclusiveStartKey["outcome_pk"] = text(q.indexKey)
		}
	}

	return in
}

// count counts what a query finds, over all its pages.
func (s *Store) count(ctx context.Context, q pageOf) (int, error) {
	q.count = true
	pages := dynamodb.NewQueryPaginator(s.db, s.queryInput(q))
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

// deleteAll deletes records, 25 at a time as BatchWriteItem takes them, and
// again what was left unprocessed.
func (s *Store) deleteAll(ctx context.Context, keys []key) error {
	var requests []types.WriteRequest
	for _, k := range keys {
		requests = append(requests, types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: k.attributes()}})
	}

	pause := 20 * time.Millisecond
	for len(requests) > 0 {
		n := min(len(requests), 25)
		out, err := s.db.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: map[string][]types.WriteRequest{s.table: requests[:n]}})
		if err != nil {
			return err
		}

		left := out.UnprocessedItems[s.table]
		requests = append(left[:len(left):len(left)], requests[n:]...)
		if len(left) == 0 {
			continue
		}

		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pause):
		}

		pause = min(2*pause, time.Second)
	}

	return nil
}

// aliases names attributes for an expression: DynamoDB reserves many words.
func aliases(names []string) (projection string, of map[string]string) {
	of = map[string]string{}
	for n, name := range names {
		alias := "#o" + strconv.Itoa(n)
		if n > 0 {
			projection += ", "
		}

		projection += alias
		of[alias] = name
	}

	return projection, of
}
