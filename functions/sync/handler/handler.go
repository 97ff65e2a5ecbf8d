// Package handler answers POST /integrations/{integration.id}/sync: it makes
// sure that one run is under way and says which.
package handler

import (
	"context"

	"example.com/integrations/shared/access"
	"example.com/integrations/shared/api"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/runs"
	"example.com/integrations/shared/store"
)

// Runs starts runs.
type Runs interface {
	Sync(ctx context.Context, ref store.IntegrationRef, state *store.State, want runs.Sync) (domain.Run, error)
}

// A Handler starts syncs.
type Handler struct {
	Gate access.Admitter
	Runs Runs
}

// maxPlaceID bounds the id of a place, in bytes.
const maxPlaceID = 200

// read reads the body.
func read(r api.Request) (runs.Sync, error) {
	var q runs.Sync
	var mode string
	err := r.Object([]string{"application/json"}, true, map[string]api.Member{
		"mode":     api.Text(func(v string) { mode = v }),
		"dry_run":  api.Truth(func(v bool) { q.DryRun = v }),
		"announce": api.Truth(func(v bool) { q.Announce = v }),

		"accept_target": api.Text(func(v string) { q.AcceptTarget = v }),
	})
	if err != nil {
		return q, err
	}

	q.Mode = domain.Mode(mode)
	if mode != "" && q.Mode != domain.Incremental && q.Mode != domain.Full {
		return q, api.BadBody(domain.FieldError{Field: "mode", Detail: `must be "incremental" or "full"`})
	}
	if len(q.AcceptTarget) > maxPlaceID {
		return q, api.BadBody(domain.FieldError{Field: "accept_target", Detail: "must be at most 200 bytes; it is the id that the reason of status names"})
	}
	if q.AcceptTarget != "" && (q.Mode != domain.Full || q.DryRun) {
		return q, api.BadBody(domain.FieldError{Field: "accept_target", Detail: `needs "mode": "full" and no dry run`})
	}

	return q, nil
}

// Route answers one request. It reads like get, writes once and sends once; a
// send that fails is repaired by dispatch.
func (h *Handler) Route(ctx context.Context, r api.Request) (api.Answer, error) {
	pair, view, err := h.Gate.Admit(ctx, r.IntegrationID, r.Caller)
	if err != nil {
		return api.Answer{}, err
	}

	if err := r.NoQuery(); err != nil {
		return api.Answer{}, err
	}

	q, err := read(r)
	if err != nil {
		return api.Answer{}, err
	}
	if !view.Integration.Enabled {
		return api.Answer{}, api.Disabled()
	}

	if q.Mode == "" {
		q.Mode = neededMode(view, q.Announce)
		q.ModeChosen = true
	}

	q.RequestedBy, err = domain.ParseSnowflake(r.Caller)
	if err != nil {
		return api.Answer{}, err
	}

	run, err := h.Runs.Sync(ctx, pair, view.State, q)
	if err != nil {
		return api.Answer{}, err
	}

	return api.Accepted(run), nil
}

// neededMode is the mode of a sync whose caller names none, also where it joins a run
// that changes have started. Only a full run finds items that a chat has no message of.
func neededMode(v store.View, announce bool) domain.Mode {
	if announce || store.NeedsFull(*v.Integration, v.State) {
		return domain.Full
	}
	return domain.Incremental
}
