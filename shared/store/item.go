package store

import (
	"context"
	"errors"
	"time"

	"example.com/integrations/shared/domain"
)

// An itemRepository has the items, as events describe them, and their claims, by
// which an item's organisation and type never change. Ingest writes them.
type itemRepository struct{ table *table }

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

// PutItem stores an item from an event, if its version is not older than the stored
// one. current is false when it is older: the caller must then ignore the event.
// An equal version is current, so that all later steps are repeated when an event
// arrives again.
func (r itemRepository) PutItem(ctx context.Context, item domain.Item) (current bool, err error) {
	write := put(itemKey(item.OrganisationID, item.ItemType, item.ID), encodeItem(item))
	first := item.Version == 1 // most likely it is not stored yet
	for range 4 {              // another event may create the item in between, at most once
		var there bool
		if first {
			if current, err = r.firstPut(ctx, item, write); !errors.Is(err, ErrConflict) {
				return current, wrap(err, "put item", item.ID)
			}
		}

		if current, there, err = r.putAgain(ctx, item, write); err != nil || there {
			return current, wrap(err, "put item", item.ID)
		}

		first = true
		err = ErrConflict
	}

	return false, wrap(err, "put item", item.ID)
}

// putAgain stores a version of an item that is stored already.
func (r itemRepository) putAgain(ctx context.Context, item domain.Item, write action) (current, there bool, err error) {
	v := number(item.Version)
	notOlder := either(less("version", v), all(equal("version", v), equal("deleted", truth(item.Deleted))))
	err = r.table.put(ctx, put(write.key, write.record, exists(partitionKey), notOlder).returningOld())
	if old, failed := conditionFailed(err); failed {
		return false, old != nil, nil
	}

	return err == nil, true, err
}

// The positions of the actions that store an item for the first time.
const (
	firstItem = iota
	firstClaim
)

// firstPut stores an item that is not stored yet, together with its claim. The
// claim keeps its organisation and type, and remembers a deletion that arrived
// first. ErrConflict when the item is stored already.
func (r itemRepository) firstPut(ctx context.Context, item domain.Item, write action) (bool, error) {
	org := idOf(item.OrganisationID)
	itemType := text(string(item.ItemType))
	deletion := earlyDeletion(item.OrganisationID)
	claim := newUpdate().
		set("organisation_id", org).
		set("item_type", itemType).
		remove(deletion).
		when(
			either(absent("organisation_id"), all(equal("organisation_id", org), equal("item_type", itemType))),
			either(absent(deletion), less(deletion, number(item.Version))),
		)

	err := r.table.transact(ctx, []action{
		firstItem:  put(write.key, write.record, absent(partitionKey)),
		firstClaim: change(claimKey(item.ID), claim),
	})
	switch old, at := refused(err); at {
	case firstItem:
		return false, ErrConflict
	case firstClaim:
		return false, contradicts(old, item.OrganisationID, item.ItemType)
	}

	return err == nil, err
}

// earlyDeletion is the attribute of an item's claim with the version of a deletion
// that arrived before the item. There is one for each organisation: a wrong
// deletion by another organisation must not hide the item from its owner.
func earlyDeletion(org domain.Snowflake) string { return "deleted_" + org.String() }

// contradicts is the error of an event whose organisation or type differs from the
// item's claim; nil when they are equal.
func contradicts(claim record, org domain.Snowflake, t domain.ItemType) error {
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

// DeleteItem marks an item as deleted at a version and returns its type. For an item
// that is not stored yet it stores a tombstone, so that its late creation is
// ignored; the type is "" then. current is false for a version older than the
// stored one.
func (r itemRepository) DeleteItem(ctx context.Context, org, id domain.Snowflake, version int64) (t domain.ItemType, current bool, err error) {
	for range 3 {
		claim, err := r.table.get(ctx, claimKey(id))
		if err == nil {
			err = contradicts(claim, org, "")
		}

		if err != nil {
			return "", false, wrap(err, "delete item", id)
		}

		if claim["item_type"] == nil {
			err = r.deleteEarly(ctx, org, id, version)
			if errors.Is(err, ErrConflict) {
				continue // it was created in the meantime
			}
			return "", false, wrap(err, "delete item", id)
		}

		t = domain.ItemType(textOf(claim, "item_type"))
		u := newUpdate().
			set("deleted", truth(true)).
			set("version", number(version)).
			when(exists(partitionKey), atMost("version", number(version)))
		_, err = r.table.update(ctx, itemKey(org, t, id), u)
		if _, failed := conditionFailed(err); failed {
			return t, false, nil
		}

		return t, err == nil, wrap(err, "delete item", id)
	}

	return "", false, wrap(ErrConflict, "delete item", id)
}

// deleteEarly stores the tombstone of an item that is not stored yet. ErrConflict
// when the item exists by now.
func (r itemRepository) deleteEarly(ctx context.Context, org, id domain.Snowflake, version int64) error {
	deletion := earlyDeletion(org)
	u := newUpdate().
		set(deletion, number(version)).
		when(absent("organisation_id"), either(absent(deletion), less(deletion, number(version))))

	_, err := r.table.update(ctx, claimKey(id), u)
	if old, failed := conditionFailed(err); failed {
		if old["organisation_id"] != nil {
			return ErrConflict
		}
		return nil // a later deletion is stored
	}

	return err
}

// Items reads up to limit items of a type after a cursor, in order of id, strongly
// consistent. next is the cursor of the last one, "" when there are no more.
func (r itemRepository) Items(ctx context.Context, ref IntegrationRef, after string, limit int) (items []domain.Item, next string, err error) {
	records, next, err := r.table.query(ctx, pageOf{pk: itemsPartition(ref.OrganisationID, ref.ItemType), after: after, limit: limit})
	for _, record := range records {
		item, derr := decodeItem(record)
		err = errors.Join(err, derr)
		items = append(items, item)
	}

	return items, next, wrap(err, "read items of organisation", ref.OrganisationID)
}
