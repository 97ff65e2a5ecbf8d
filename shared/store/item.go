package store

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"integrations/shared/domain"
)

// ErrTypeChanged reports an event that gives an item another type than it has.
var ErrTypeChanged = errors.New("an item's type never changes")

type itemRecord struct {
	domain.Item
	Deleted bool `json:"deleted"`
}

func decodeItem(r record) (domain.Item, error) {
	var ir itemRecord
	err := decode(r, &ir)
	ir.Item.Deleted = ir.Deleted
	return ir.Item, err
}

// PutItem stores an item as an event tells it, if its version is not older
// than the stored one. current is false when it is: then nothing is to follow
// from the event. An equal version is current, so that every step after this
// one is repeated when an event comes again.
func (s *Store) PutItem(ctx context.Context, item domain.Item) (current bool, err error) {
	rec := keyed(itemKey(item.OrganisationID, item.ItemType, item.ID), mustEncode(itemRecord{Item: item, Deleted: item.Deleted}))
	condition := "attribute_exists(pk) AND (#version < :v OR (#version = :v AND #deleted = :d))"
	names := map[string]string{"#version": "version", "#deleted": "deleted"}
	values := record{":v": number(item.Version), ":d": truth(item.Deleted)}
	for range 3 { // a creation by another event in between is met at most once
		_, err = s.db.PutItem(ctx, &dynamodb.PutItemInput{
			TableName: &s.table, Item: rec, ConditionExpression: &condition,
			ExpressionAttributeNames: names, ExpressionAttributeValues: values,
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
		})
		old, failed := conditionFailed(err)
		if !failed {
			return err == nil, wrap(err, "put item", item.ID)
		}
		if old != nil {
			return false, nil
		}
		current, err = s.firstPut(ctx, item, rec)
		if !errors.Is(err, ErrConflict) {
			return current, wrap(err, "put item", item.ID)
		}
	}
	return false, wrap(err, "put item", item.ID)
}

// firstPut stores an item that is not there yet together with its claim, which
// holds the item to its type and remembers a deletion that came first.
func (s *Store) firstPut(ctx context.Context, item domain.Item, rec record) (bool, error) {
	absent, claimable := "attribute_not_exists(pk)", "attribute_not_exists(pk) OR item_type = :t OR deleted_version < :v"
	claim := keyed(claimKey(item.OrganisationID, item.ID), record{"item_type": text(string(item.ItemType))})
	err := s.transact(ctx, []types.TransactWriteItem{
		{Put: &types.Put{TableName: &s.table, Item: rec, ConditionExpression: &absent}},
		{Put: &types.Put{TableName: &s.table, Item: claim, ConditionExpression: &claimable,
			ExpressionAttributeValues:           record{":t": text(string(item.ItemType)), ":v": number(item.Version)},
			ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld}},
	})
	old, at := refused(err)
	switch {
	case at == 0:
		return false, ErrConflict
	case at == 1 && old["deleted_version"] != nil:
		return false, nil
	case at == 1:
		return false, ErrTypeChanged
	}
	return err == nil, err
}

// DeleteItem marks an item deleted as of a version and returns its type. An
// item that is not known yet leaves a tombstone, so that its late creation is
// ignored; its type is "" then. current is false for a version older than the
// stored one.
func (s *Store) DeleteItem(ctx context.Context, org, id domain.Snowflake, version int64) (t domain.ItemType, current bool, err error) {
	for range 3 {
		claim, err := s.get(ctx, claimKey(org, id))
		if err != nil {
			return "", false, wrap(err, "delete item", id)
		}
		if claim == nil || claim["item_type"] == nil {
			err = s.bury(ctx, org, id, version)
			if errors.Is(err, ErrConflict) {
				continue // it was created in the meantime
			}
			return "", false, wrap(err, "delete item", id)
		}
		t = domain.ItemType(textOf(claim, "item_type"))
		_, err = s.update(ctx, itemKey(org, t, id), update{
			expression: "SET #deleted = :true, #version = :v", condition: "attribute_exists(pk) AND #version <= :v",
			names:  map[string]string{"#deleted": "deleted", "#version": "version"},
			values: record{":true": truth(true), ":v": number(version)},
		})
		if _, failed := conditionFailed(err); failed {
			return t, false, nil
		}
		return t, err == nil, wrap(err, "delete item", id)
	}
	return "", false, wrap(ErrConflict, "delete item", id)
}

func (s *Store) bury(ctx context.Context, org, id domain.Snowflake, version int64) error {
	_, err := s.update(ctx, claimKey(org, id), update{
		expression: "SET deleted_version = :v",
		condition:  "attribute_not_exists(item_type) AND (attribute_not_exists(deleted_version) OR deleted_version < :v)",
		values:     record{":v": number(version)},
	})
	if old, failed := conditionFailed(err); failed {
		if old["item_type"] != nil {
			return ErrConflict
		}
		return nil // an even later deletion is buried here
	}
	return err
}

// Items reads up to limit items of a type after a cursor, in order of id,
// strongly consistent. Next is "" when there are no more.
func (s *Store) Items(ctx context.Context, p Pair, after string, limit int) (items []domain.Item, next string, err error) {
	records, more, err := s.query(ctx, pageOf{pk: itemsPartition(p.OrganisationID, p.ItemType), after: after, limit: limit})
	for _, r := range records {
		item, derr := decodeItem(r)
		err = errors.Join(err, derr)
		items = append(items, item)
		next = item.ID.Sortable()
	}
	if !more {
		next = ""
	}
	return items, next, wrap(err, "read items of organisation", p.OrganisationID)
}
