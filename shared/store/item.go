package store

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/integrations/shared/domain"
)

// Errors of events that give an item another type or organisation than it has.
var (
	ErrTypeChanged         = errors.New("an item's type never changes")
	ErrOrganisationChanged = errors.New("an item's organisation never changes")
)

// An itemRecord is an item in the table. The members that domain.Item does not
// store under their own names are beside it.
type itemRecord struct {
	domain.Item
	Deleted bool `json:"deleted"`
	// ItemDueAt is the item's due date. The attribute due_at is taken: it is the
	// number that the index "due" sorts by.
	ItemDueAt time.Time `json:"item_due_at,omitempty"`
}

func encodeItem(item domain.Item) record {
	ir := itemRecord{Item: item, Deleted: item.Deleted, ItemDueAt: item.DueAt}
	ir.Item.DueAt = time.Time{}

	return mustEncode(ir)
}

func decodeItem(r record) (domain.Item, error) {
	var ir itemRecord
	err := decode(r, &ir)
	ir.Item.Deleted = ir.Deleted
	ir.Item.DueAt = ir.ItemDueAt

	return ir.Item, err
}

// PutItem stores an item as an event tells it, if its version is not older
// than the stored one. current is false when it is: then nothing is to follow
// from the event. An equal version is current, so that every step after this
// one is repeated when an event comes again.
func (s *Store) PutItem(ctx context.Context, item domain.Item) (current bool, err error) {
	rec := keyed(itemKey(item.OrganisationID, item.ItemType, item.ID), encodeItem(item))
	first := item.Version == 1 // most likely it is not there yet
	for range 4 {              // a creation by another event in between is met at most once
		var there bool
		if first {
			if current, err = s.firstPut(ctx, item, rec); !errors.Is(err, ErrConflict) {
				return current, wrap(err, "put item", item.ID)
			}
		}

		if current, there, err = s.putAgain(ctx, item, rec); err != nil || there {
			return current, wrap(err, "put item", item.ID)
		}

		first = true
		err = ErrConflict
	}

	return false, wrap(err, "put item", item.ID)
}

// putAgain stores a version of an item that is there.
func (s *Store) putAgain(ctx context.Context, item domain.Item, rec record) (current, there bool, err error) {
	condition := "attribute_exists(pk) AND (#version < :v OR (#version = :v AND #deleted = :d))"
	_, err = s.db.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &s.table, Item: rec, ConditionExpression: &condition,
		ExpressionAttributeNames:            map[string]string{"#version": "version", "#deleted": "deleted"},
		ExpressionAttributeValues:           record{":v": number(item.Version), ":d": truth(item.Deleted)},
		ReturnValuesOnConditionCheckFailure: types.ReturnValuesOnConditionCheckFailureAllOld,
	})
	if old, failed := conditionFailed(err); failed {
		return false, old != nil, nil
	}

	return err == nil, true, err
}

// firstPut stores an item that is not there yet together with its claim, which
// holds the item to its organisation and type and remembers a deletion that
// came first. ErrConflict when the item is there.
func (s *Store) firstPut(ctx context.Context, item domain.Item, rec record) (bool, error) {
	absent := "attribute_not_exists(pk)"
	claim := update{
		expression: "SET #org = :org, #type = :type REMOVE #buried",
		condition: "(attribute_not_exists(#org) OR (#org = :org AND #type = :type)) AND " +
			"(attribute_not_exists(#buried) OR #buried < :v)",
		names: map[string]string{"#org": "organisation_id", "#type": "item_type", "#buried": buried(item.OrganisationID)},
		values: record{
			":org": number(int64(item.OrganisationID)), ":type": text(string(item.ItemType)), ":v": number(item.Version),
		},
	}

	err := s.transact(ctx, []types.TransactWriteItem{
		{Put: &types.Put{TableName: &s.table, Item: rec, ConditionExpression: &absent}},
		s.updateAction(claimKey(item.ID), claim),
	})
	old, at := refused(err)
	switch {
	case at == 0:
		return false, ErrConflict
	case at == 1:
		return false, heldTo(old, item.OrganisationID, item.ItemType)
	}

	return err == nil, err
}

// buried is the attribute of an item's claim that remembers an organisation's
// deletion of an item it does not have. It is that organisation's alone: a
// deletion that is sent in error must not keep the item from its owner.
func buried(org domain.Snowflake) string { return "deleted_" + org.String() }

// heldTo says in what an item's claim contradicts an event; nil when it does
// not.
func heldTo(claim record, org domain.Snowflake, t domain.ItemType) error {
	var c struct {
		OrganisationID domain.Snowflake `json:"organisation_id"`
		ItemType       domain.ItemType  `json:"item_type"`
	}
	if err := decode(claim, &c); err != nil {
		return err
	}

	switch {
	case c.OrganisationID != 0 && c.OrganisationID != org:
		return ErrOrganisationChanged
	case c.ItemType != "" && t != "" && c.ItemType != t:
		return ErrTypeChanged
	}

	return nil
}

// DeleteItem marks an item deleted as of a version and returns its type. An
// item that is not known yet leaves a tombstone, so that its late creation is
// ignored; its type is "" then. current is false for a version older than the
// stored one.
func (s *Store) DeleteItem(ctx context.Context, org, id domain.Snowflake, version int64) (t domain.ItemType, current bool, err error) {
	for range 3 {
		claim, err := s.get(ctx, claimKey(id))
		if err == nil {
			err = heldTo(claim, org, "")
		}

		if err != nil {
			return "", false, wrap(err, "delete item", id)
		}

		if claim["item_type"] == nil {
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
	_, err := s.update(ctx, claimKey(id), update{
		expression: "SET #buried = :v",
		condition:  "attribute_not_exists(#org) AND (attribute_not_exists(#buried) OR #buried < :v)",
		names:      map[string]string{"#org": "organisation_id", "#buried": buried(org)},
		values:     record{":v": number(version)},
	})
	if old, failed := conditionFailed(err); failed {
		if old["organisation_id"] != nil {
			return ErrConflict
		}
		return nil // an even later deletion is buried here
	}

	return err
}

// Items reads up to limit items of a type after a cursor, in order of id,
// strongly consistent. Next is "" when there are no more.
func (s *Store) Items(ctx context.Context, p IntegrationRef, after string, limit int) (items []domain.Item, next string, err error) {
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
