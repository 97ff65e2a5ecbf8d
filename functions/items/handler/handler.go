// Package handler answers GET /integrations/{integration.id}/items: the ledger,
// which says of each item what became of it at the provider.
package handler

import (
	"context"
	"net/http"
	"slices"

	"example.com/integrations/shared/access"
	"example.com/integrations/shared/api"
	"example.com/integrations/shared/domain"
)

// A Ledger lists what became of items.
type Ledger interface {
	Ledger(ctx context.Context, integration domain.Snowflake, target string, outcome domain.Outcome, after string, limit int) ([]domain.LedgerRow, string, error)
}

const kind = "items"

// New returns the route.
func New(gate access.Admitter, ledger Ledger) api.Route {
	return func(ctx context.Context, r api.Request) (api.Answer, error) {
		pair, view, err := gate.Admit(ctx, r.IntegrationID, r.Caller)
		if err != nil {
			return api.Answer{}, err
		}

		var outcome domain.Outcome
		page, err := r.Page(kind, map[string]func(string) string{"outcome": func(value string) string {
			outcome = domain.Outcome(value)
			if !slices.Contains(domain.Outcomes, outcome) {
				return "must be created, updated, unchanged, skipped, deferred, failed, unknown or accepted"
			}
			return ""
		}})
		if err != nil {
			return api.Answer{}, err
		}

		rows, next, err := ledger.Ledger(ctx, pair.ID, view.State.TargetKey(), outcome, page.After, page.Limit)

		return api.Answer{Status: http.StatusOK, Body: api.ListOf(kind, rows, next)}, err
	}
}
