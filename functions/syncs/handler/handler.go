// Package handler answers GET /integrations/{integration.id}/syncs, GET
// …/syncs/{sync.id} and GET …/syncs/{sync.id}/items: what became of an
// integration's syncs, and what a dry run has planned.
package handler

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"example.com/integrations/shared/access"
	"example.com/integrations/shared/api"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// Runs are what was synced.
type Runs interface {
	Run(ctx context.Context, integration, run domain.Snowflake, now time.Time) (domain.Run, error)
	Runs(ctx context.Context, integration domain.Snowflake, after string, limit int, now time.Time) ([]domain.Run, string, error)
	PlanRows(ctx context.Context, integration, run domain.Snowflake, after string, limit int, now time.Time) ([]domain.PlanRow, string, error)
}

// A Handler shows syncs.
type Handler struct {
	Gate access.Admitter
	Runs Runs
	Now  func() time.Time
}

// The kinds of cursor.
const (
	runsKind = "syncs"
	planKind = "plan"
)

// Route answers one request.
func (h *Handler) Route(ctx context.Context, r api.Request) (api.Answer, error) {
	pair, _, err := h.Gate.Admit(ctx, r.IntegrationID, r.Caller)
	if err != nil {
		return api.Answer{}, err
	}

	switch {
	case r.SyncID == "":
		return h.list(ctx, r, pair.ID)
	case strings.HasSuffix(r.RouteKey, "/items"):
		return h.plan(ctx, r, pair.ID)
	}

	if err := r.NoQuery(); err != nil {
		return api.Answer{}, err
	}

	run, err := h.run(ctx, r, pair.ID)

	return api.Answer{Status: http.StatusOK, Body: run}, err
}

func (h *Handler) run(ctx context.Context, r api.Request, integration domain.Snowflake) (domain.Run, error) {
	id, err := r.Sync()
	if err != nil {
		return domain.Run{}, err
	}

	run, err := h.Runs.Run(ctx, integration, id, h.Now())
	if errors.Is(err, store.ErrNotFound) {
		err = api.SyncNotFound()
	}

	return run, err
}

func (h *Handler) list(ctx context.Context, r api.Request, integration domain.Snowflake) (api.Answer, error) {
	page, err := r.Page(runsKind, nil)
	if err != nil {
		return api.Answer{}, err
	}

	runs, next, err := h.Runs.Runs(ctx, integration, page.After, page.Limit, h.Now())
	return api.Answer{Status: http.StatusOK, Body: api.ListOf(runsKind, runs, next)}, err
}

func (h *Handler) plan(ctx context.Context, r api.Request, integration domain.Snowflake) (api.Answer, error) {
	page, err := r.Page(planKind, nil)
	if err != nil {
		return api.Answer{}, err
	}

	run, err := h.run(ctx, r, integration)
	if err != nil {
		return api.Answer{}, err
	}
	if !run.DryRun {
		return api.Answer{}, &domain.Error{Code: domain.CodeNotADryRun, Detail: "Only a dry run has a plan. What a sync did with each item is in the integration's items."}
	}

	rows, next, err := h.Runs.PlanRows(ctx, integration, run.ID, page.After, page.Limit, h.Now())

	return api.Answer{Status: http.StatusOK, Body: api.ListOf(planKind, rows, next)}, err
}
