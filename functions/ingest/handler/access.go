package handler

import (
	"context"
	"errors"
	"fmt"

	"integrations/shared/event"
	"integrations/shared/store"
)

// What an access event tells decides the next request: nobody remembers who
// may do what, so there is nothing to do but to write it down.

func (h *Handler) organisation(ctx context.Context, e event.Envelope) error {
	o, err := event.ParseOrganisation(e.DetailType, e.Detail)
	if err != nil {
		return err
	}
	if e.DetailType == event.OrganisationDeleted {
		return h.Organisations.DeleteOrganisation(ctx, o.ID, o.Version)
	}
	return h.Organisations.PutOrganisation(ctx, o)
}

func (h *Handler) member(ctx context.Context, e event.Envelope) error {
	m, err := event.ParseMember(e.DetailType, e.Detail)
	if err != nil {
		return err
	}
	return h.Grants.PutMember(ctx, m)
}

func (h *Handler) role(ctx context.Context, e event.Envelope) error {
	r, err := event.ParseRole(e.DetailType, e.Detail)
	if err != nil {
		return err
	}
	err = h.Grants.PutRole(ctx, r.OrganisationID, r.ID, r.RoleGrant)
	if errors.Is(err, store.ErrTooManyRoles) { // deleted roles stay, so that no repetition mends it
		return &event.Malformed{Problems: []event.Problem{{Member: "id", Detail: fmt.Sprintf("is of one role too many: %v (%d)", err, store.MaxRoles)}}}
	}
	return err
}
