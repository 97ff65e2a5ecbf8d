package store

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"integrations/shared/domain"
)

// A Mark says that a version of an item has yet to reach the provider. It is
// deleted by its exact key, so that a newer one survives.
type Mark struct {
	ItemID  domain.Snowflake
	Version int64
}

// An Intent stands for a create that may have left and has no recorded answer.
type Intent struct {
	Attempt int              `json:"attempt"`
	At      time.Time        `json:"at"`
	Hash    string           `json:"hash"` // of the content that was sent
	Labels  []string         `json:"labels"`
	State   domain.ItemState `json:"state"`
}

// A Link ties an item to its object at the provider; it is the ledger's row.
type Link struct {
	ItemID          domain.Snowflake `json:"item_id"`
	FormattedNumber string           `json:"formatted_number"`
	// Target is the place the remote object is in. It is part of the key: only
	// the links of the configured target are read.
	Target     string           `json:"target"`
	Remote     *domain.Remote   `json:"remote"`
	SentHash   string           `json:"sent_hash"`
	SentLabels []string         `json:"sent_labels"`
	SentState  domain.ItemState `json:"sent_state"`
	Intent     *Intent          `json:"intent"`
	Attempt    int              `json:"attempt"` // creates attempted so far

	Outcome   domain.Outcome   `json:"outcome"`
	Reason    string           `json:"reason"`
	Version   int64            `json:"version"`  // the item's, that the outcome is about
	Attempts  int              `json:"attempts"` // failures in a row at that version
	RetryAt   time.Time        `json:"retry_at"`
	Parked    bool             `json:"parked"`
	LastRunID domain.Snowflake `json:"last_run_id"`
	UpdatedAt time.Time        `json:"updated_at"`
}

// noteworthy outcomes are those an operator filters the ledger by; only they
// stand in the sparse index.
var noteworthy = map[domain.Outcome]bool{
	domain.Skipped: true, domain.Deferred: true, domain.FailedOut: true, domain.Unknown: true, domain.Accepted: true,
}

func linkRecord(integration domain.Snowflake, l Link) record {
	r := mustEncode(l)
	if noteworthy[l.Outcome] {
		r["outcome_pk"] = text(integrationPartition(integration) + "#" + string(l.Outcome))
	}
	return r
}

// A Batch is what a worker records together. Links are written before marks
// are deleted, whatever the number of transactions it takes.
type Batch struct {
	Run         ActiveRun
	Links       []Link
	AddMarks    []Mark
	DeleteMarks []Mark
	// Cursor says that everything up to Run.MarkCursor is done with this batch.
	Cursor bool
}

// Commit writes a batch under the lease: each transaction holds the fence and
// the run's progress. ErrFenced when the lease is lost.
func (s *Store) Commit(ctx context.Context, l Lease, b Batch) error {
	var actions []types.TransactWriteItem
	for _, link := range b.Links {
		actions = append(actions, s.putAction(linkKey(l.Pair.ID, link.Target, link.ItemID), linkRecord(l.Pair.ID, link)))
	}
	for _, m := range b.AddMarks {
		actions = append(actions, s.putAction(markKey(l.Pair.ID, m), record{}))
	}
	for _, m := range b.DeleteMarks {
		actions = append(actions, s.deleteAction(markKey(l.Pair.ID, m)))
	}
	for {
		n := min(len(actions), MaxActions-1)
		last := n == len(actions)
		state := s.updateAction(stateKey(l.Pair.ID), l.progressUpdate(b.Run, b.Cursor && last))
		err := s.transact(ctx, append([]types.TransactWriteItem{state}, actions[:n]...))
		if _, at := refused(err); at == 0 {
			err = ErrFenced
		}
		if err != nil || last {
			return wrap(err, "commit to integration", l.Pair.ID)
		}
		actions = actions[n:]
	}
}

// PutMark stores a mark. Storing it again changes nothing.
func (s *Store) PutMark(ctx context.Context, integration domain.Snowflake, m Mark) error {
	_, err := s.db.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.table, Item: keyed(markKey(integration, m), record{})})
	return wrap(err, "mark item", m.ItemID)
}

// Marks reads up to limit marks after a cursor (a sort key, "" for the first),
// strongly consistent. Next is the cursor of the last one, "" when there are
// no more.
func (s *Store) Marks(ctx context.Context, integration domain.Snowflake, after string, limit int32) (marks []Mark, next string, err error) {
	records, more, err := s.page(ctx, integrationPartition(integration), markPrefix, after, limit, "pk, sk")
	for _, r := range records {
		m, perr := parseMark(textOf(r, sortKey))
		err = errors.Join(err, perr)
		marks = append(marks, m)
		next = textOf(r, sortKey)
	}
	if !more {
		next = ""
	}
	return marks, next, wrap(err, "read marks of integration", integration)
}

// CountMarks counts what waits to be pushed.
func (s *Store) CountMarks(ctx context.Context, integration domain.Snowflake) (int, error) {
	yes, condition := true, "pk = :p AND begins_with(sk, :s)"
	pages := dynamodb.NewQueryPaginator(s.db, &dynamodb.QueryInput{
		TableName: &s.table, ConsistentRead: &yes, KeyConditionExpression: &condition, Select: types.SelectCount,
		ExpressionAttributeValues: record{":p": text(integrationPartition(integration)), ":s": text(markPrefix)},
	})
	n := 0
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, wrap(err, "count marks of integration", integration)
		}
		n += int(page.Count)
	}
	return n, nil
}

// page reads up to limit records of a partition after a sort key, in order.
func (s *Store) page(ctx context.Context, pk, prefix, after string, limit int32, projection string) ([]record, bool, error) {
	yes, condition := true, "pk = :p AND begins_with(sk, :s)"
	in := &dynamodb.QueryInput{
		TableName: &s.table, ConsistentRead: &yes, KeyConditionExpression: &condition, Limit: &limit,
		ProjectionExpression:      optional(projection),
		ExpressionAttributeValues: record{":p": text(pk), ":s": text(prefix)},
	}
	if prefix == "" {
		*in.KeyConditionExpression = "pk = :p"
		delete(in.ExpressionAttributeValues, ":s")
	}
	if after != "" {
		in.ExclusiveStartKey = key{pk, after}.attributes()
	}
	out, err := s.db.Query(ctx, in)
	if err != nil {
		return nil, false, err
	}
	return out.Items, len(out.LastEvaluatedKey) > 0, nil
}

// Links reads the links of at most 100 items to objects at a target.
func (s *Store) Links(ctx context.Context, integration domain.Snowflake, target string, items []domain.Snowflake) (map[domain.Snowflake]Link, error) {
	_, links, err := s.ItemsAndLinks(ctx, Pair{ID: integration}, target, items, false)
	return links, err
}

// ItemsAndLinks reads items and their links at a target together, strongly consistent: at
// most 50 items, or 100 links alone.
func (s *Store) ItemsAndLinks(ctx context.Context, p Pair, target string, ids []domain.Snowflake, withItems bool) (map[domain.Snowflake]domain.Item, map[domain.Snowflake]Link, error) {
	var keys []key
	for _, id := range ids {
		keys = append(keys, linkKey(p.ID, target, id))
		if withItems {
			keys = append(keys, itemKey(p.OrganisationID, p.ItemType, id))
		}
	}
	found, err := s.batchGet(ctx, keys)
	if err != nil {
		return nil, nil, wrap(err, "read items and links of integration", p.ID)
	}
	items, links := map[domain.Snowflake]domain.Item{}, map[domain.Snowflake]Link{}
	for _, id := range ids {
		if r := found[linkKey(p.ID, target, id)]; r != nil {
			var l Link
			if err := decode(r, &l); err != nil {
				return nil, nil, wrap(err, "read link of item", id)
			}
			links[id] = l
		}
		if r := found[itemKey(p.OrganisationID, p.ItemType, id)]; withItems && r != nil {
			item, err := decodeItem(r)
			if err != nil {
				return nil, nil, wrap(err, "read item", id)
			}
			items[id] = item
		}
	}
	return items, links, nil
}
