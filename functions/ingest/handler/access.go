package handler

import (
	"context"
	"errors"
	"fmt"
	"time"

	"example.com/integrations/shared/events/incoming"
	"example.com/integrations/shared/store"
)

// An access event decides the next request. No function caches permissions, so it is
// enough to store them.

// organisation stores an organisation. One that is deleted is erased later, and
// one that has returned goes on where it was. Each step may be repeated.
func (h *Handler) organisation(ctx context.Context, e incoming.Envelope) error {
	o, err := incoming.ParseOrganisation(e.DetailType, e.Detail)
	if err != nil {
		return err
	}

	now := h.Now()
	standing, err := h.Organisations.TakeOrganisation(ctx, o, now)
	if err != nil || !standing.Current {
		return err
	}

	switch {
	case standing.Deleted && e.DetailType == incoming.OrganisationPurged:
		return h.Organisations.ScheduleErasure(ctx, o.ID, standing.DeletedAt, now, now)
	case standing.Deleted:
		at := time.UnixMilli(standing.DeletedAt).Add(h.PurgeAfter)
		return h.Organisations.ScheduleErasure(ctx, o.ID, standing.DeletedAt, at, now)
	case standing.Suspended:
		return h.Organisations.Revive(ctx, o.ID, now)
	}

	return nil
}

func (h *Handler) member(ctx context.Context, e incoming.Envelope) error {
	m, err := incoming.ParseMember(e.DetailType, e.Detail)
	if err != nil {
		return err
	}
	return h.Grants.PutMember(ctx, m)
}

func (h *Handler) role(ctx context.Context, e incoming.Envelope) error {
	r, err := incoming.ParseRole(e.DetailType, e.Detail)
	if err != nil {
		return err
	}

	err = h.Grants.PutRole(ctx, r.OrganisationID, r.ID, r.RoleGrant)
	if errors.Is(err, store.ErrTooManyRoles) { // deleted roles stay, so that no repetition mends it
		return &incoming.Malformed{Problems: []incoming.Problem{{Member: "id", Detail: fmt.Sprintf("is of one role too many: %v (%d)", err, store.MaxRoles)}}}
	}

	return err
}
