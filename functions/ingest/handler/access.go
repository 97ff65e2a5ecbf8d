package handler

import (
	"context"

	"integrations/shared/event"
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
	return h.Grants.PutRole(ctx, r.OrganisationID, r.ID, r.RoleGrant)
}
