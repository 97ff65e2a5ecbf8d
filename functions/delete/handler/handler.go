// Package handler answers DELETE /integrations/{integration.id}: the
// integration and its secrets are gone at once, the rest is purged by the
// worker.
package handler

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"example.com/integrations/shared/access"
	"example.com/integrations/shared/api"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// A Deleter deletes an integration as it was read.
type Deleter interface {
	DeleteIntegration(ctx context.Context, read store.View, purge domain.Snowflake, now time.Time) (queued bool, err error)
}

// A Queue sends the message for one invocation of the worker.
type Queue interface {
	Send(ctx context.Context, organisation, integration, run domain.Snowflake) error
}

// A Handler deletes integrations.
type Handler struct {
	Gate    access.Admitter
	Deleter Deleter
	Queue   Queue
	Log     *slog.Logger
	Now     func() time.Time
}

// attempts bounds how often it is tried again while others change the
// integration, or workers come and go.
const attempts = 5

// Route answers one request. It reads like get, writes once and sends once; a
// send that fails is repaired by dispatch.
func (h *Handler) Route(ctx context.Context, r api.Request) (api.Answer, error) {
	for range attempts {
		pair, view, err := h.Gate.Admit(ctx, r.IntegrationID, r.Caller)
		if err == nil {
			err = check(r, view)
		}

		if err != nil {
			return api.Answer{}, err
		}

		now := h.Now().UTC()
		purge := domain.NewSnowflake(now)
		queued, err := h.Deleter.DeleteIntegration(ctx, view, purge, now)
		if errors.Is(err, store.ErrConflict) {
			continue
		}
		if err != nil {
			return api.Answer{}, err
		}

		if queued {
			h.send(ctx, pair, purge)
		}

		return api.Answer{Status: http.StatusNoContent}, nil
	}

	return api.Answer{}, &domain.Error{Code: domain.CodeConflict, Detail: "Others are changing the integration at the same time; nothing was deleted."}
}

// check refuses what the route does not take, and a stale precondition.
func check(r api.Request, view store.View) error {
	err := r.NoQuery()
	if err == nil {
		err = r.IfMatch(view.Integration.Version)
	}
	return err
}

func (h *Handler) send(ctx context.Context, p store.IntegrationRef, run domain.Snowflake) {
	if err := h.Queue.Send(ctx, p.OrganisationID, p.ID, run); err != nil {
		h.Log.ErrorContext(ctx, "purge message not sent; dispatch will", "run_id", run.String(), "error", err.Error())
	}
}
