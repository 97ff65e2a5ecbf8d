// Package handler answers POST
// /integrations/{integration.id}/syncs/{sync.id}/cancel: it stops a sync.
package handler

import (
	"context"
	"errors"
	"net/http"
	"time"

	"example.com/integrations/shared/access"
	"example.com/integrations/shared/api"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// Runs stops runs.
type Runs interface {
	CancelRun(ctx context.Context, p store.IntegrationRef, run domain.Snowflake, now time.Time) (domain.Run, error)
}

// New returns the route. It answers 202 while a worker has yet to stop, and 200
// once the run has ended, however it ended and however often it is asked.
func New(gate access.Admitter, runs Runs, now func() time.Time) api.Route {
	return func(ctx context.Context, r api.Request) (api.Answer, error) {
		pair, _, err := gate.Admit(ctx, r.IntegrationID, r.Caller)
		if err != nil {
			return api.Answer{}, err
		}

		id, err := r.Sync()
		if err == nil {
			err = r.NoQuery()
		}

		if err == nil {
			err = r.Object([]string{"application/json"}, true, nil)
		}

		if err != nil {
			return api.Answer{}, err
		}

		run, err := runs.CancelRun(ctx, pair, id, now())
		switch {
		case errors.Is(err, store.ErrNotFound):
			err = api.SyncNotFound()
		case errors.Is(err, store.ErrConflict):
			err = &domain.Error{Code: domain.CodeConflict, Detail: "The sync moves too quickly to be stopped just now. Try again."}
		}

		status := http.StatusOK
		if run.Status.Active() {
			status = http.StatusAccepted
		}

		return api.Answer{Status: status, Body: run}, err
	}
}
