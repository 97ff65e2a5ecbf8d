package handler

import (
	"context"
	"errors"
	"fmt"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/incoming"
	"example.com/integrations/shared/store"
)

// item stores an item and a pending change for each integration that it concerns, and
// has their workers read them. Each step can be repeated.
func (h *Handler) item(ctx context.Context, e incoming.Envelope) error {
	item, err := incoming.ParseItem(e.DetailType, e.Detail)
	if err != nil {
		return err
	}

	current, err := h.keep(ctx, &item)
	if err != nil || !current {
		return err
	}

	listeners, err := h.Marks.EnabledOfType(ctx, item.OrganisationID, item.ItemType)
	if err != nil || len(listeners) == 0 {
		return err
	}

	for _, p := range listeners {
		if err := h.Marks.PutPendingChange(ctx, p.ID, store.PendingChange{ItemID: item.ID, Version: item.Version, Deleted: item.Deleted}); err != nil {
			return err
		}
	}

	return h.Runs.Changed(ctx, listeners)
}

// keep stores the item; a deletion learns its type from what is stored.
func (h *Handler) keep(ctx context.Context, item *domain.Item) (current bool, err error) {
	if item.Deleted {
		item.ItemType, current, err = h.Items.DeleteItem(ctx, item.OrganisationID, item.ID, item.Version)
	} else {
		current, err = h.Items.PutItem(ctx, *item)
	}

	switch {
	case errors.Is(err, store.ErrTypeChanged):
		err = changed("item_type", item.ID, err)
	case errors.Is(err, store.ErrOrganisationChanged):
		err = changed("organisation_id", item.ID, err)
	}

	return current, err
}

func changed(member string, item domain.Snowflake, err error) error {
	return &incoming.Malformed{Problems: []incoming.Problem{{Member: member, Detail: fmt.Sprintf("is another than that of item %s: %v", item, err)}}}
}
