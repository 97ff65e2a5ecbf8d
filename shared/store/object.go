package store

import (
	"context"
	"errors"

	"example.com/integrations/shared/domain"
)

// An Object is what is stored of an object at the provider: the item it belongs to,
// or its content if it belongs to none.
type Object struct {
	Target    string           `json:"target"`
	RemoteID  string           `json:"remote_id"`
	ItemID    domain.Snowflake `json:"item_id"` // 0: it belongs to none
	SeenText  string           `json:"seen_text"`
	SeenState domain.ItemState `json:"seen_state"`
}

// Objects reads what is stored of the objects with at most 100 remote ids at a
// target.
func (r linkRepository) Objects(ctx context.Context, integration domain.Snowflake, target string, remoteIDs []string) (map[string]Object, error) {
	var keys []key
	for _, id := range remoteIDs {
		keys = append(keys, remoteKey(integration, target, id))
	}

	found, err := r.table.batchGet(ctx, keys)
	objects := map[string]Object{}
	for _, record := range found {
		var o Object
		err = errors.Join(err, decode(record, &o))
		objects[o.RemoteID] = o
	}

	return objects, wrap(err, "read objects of integration", integration)
}

// A Claimed is an object whose marker names an item of another integration.
type Claimed struct {
	Integration domain.Snowflake
	Item        domain.Snowflake
	Attempt     int
	RemoteID    string
}

// Owned reports which objects belong to the integrations that their markers name: an
// object is stored there as the object of an item, or an unanswered create may
// have made it. It takes at most 50 objects.
func (r linkRepository) Owned(ctx context.Context, target string, objects []Claimed) (map[string]bool, error) {
	var keys []key
	for _, o := range objects {
		keys = append(keys, remoteKey(o.Integration, target, o.RemoteID), linkKey(o.Integration, target, o.Item))
	}

	found, err := r.table.batchGet(ctx, unique(keys))
	if err != nil {
		return nil, wrap(err, "read owners of objects at target", target)
	}

	owned := map[string]bool{}
	for _, o := range objects {
		var object *Object
		var link *Link
		err = errors.Join(err,
			into(found[remoteKey(o.Integration, target, o.RemoteID)], &object),
			into(found[linkKey(o.Integration, target, o.Item)], &link))

		recorded := object != nil && object.ItemID != 0
		awaited := link != nil && link.Intent != nil && o.Attempt <= link.Intent.Attempt
		owned[o.RemoteID] = owned[o.RemoteID] || recorded || awaited
	}

	return owned, wrap(err, "read owners of objects at target", target)
}

// unique drops repeated keys, which BatchGetItem refuses.
func unique(keys []key) []key {
	seen := map[key]bool{}
	var once []key
	for _, k := range keys {
		if !seen[k] {
			seen[k] = true
			once = append(once, k)
		}
	}

	return once
}
