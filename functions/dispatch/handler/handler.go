// Package handler finds, every minute, the integrations whose work is due and
// has nobody working on it: lost messages, ended waits, expired leases and
// retries. It asks the worker to go on.
package handler

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"integrations/shared/domain"
	"integrations/shared/store"
)

// Index finds what is due and reads it again.
type Index interface {
	Due(ctx context.Context, now time.Time, limit int32) ([]store.Due, error)
	State(ctx context.Context, id domain.Snowflake) (*store.State, error)
}

// Schedule moves what was found.
type Schedule interface {
	MoveDue(ctx context.Context, st store.State, next time.Time) error
	ClearDue(ctx context.Context, st store.State) error
	WakeWithRun(ctx context.Context, p store.Pair, run store.ActiveRun, due time.Time) (started bool, err error)
}

// A Queue asks the worker for a slice of a run.
type Queue interface {
	Send(ctx context.Context, organisation, integration, run domain.Snowflake) error
}

// A Handler dispatches due work.
type Handler struct {
	Index    Index
	Schedule Schedule
	Queue    Queue
	Log      *slog.Logger
	Now      func() time.Time
	// LostAfter is the first pause between two messages for the same work; it
	// doubles up to 60 times its length.
	LostAfter time.Duration
}

// perShard bounds what one tick takes on of each shard; the rest stays due.
const perShard = 100

// Handle is one tick. One integration's failure does not stop the others.
func (h *Handler) Handle(ctx context.Context) error {
	now := h.Now().UTC()
	due, err := h.Index.Due(ctx, now, perShard)
	if err != nil {
		return err
	}
	var errs []error
	sent := 0
	for _, d := range due {
		acted, err := h.one(ctx, d, now)
		if err != nil && !errors.Is(err, store.ErrConflict) {
			errs = append(errs, err)
			h.Log.ErrorContext(ctx, "not dispatched", "integration_id", d.ID.String(), "error", err.Error())
		}
		if acted {
			sent++
		}
	}
	if len(due) > 0 {
		h.Log.InfoContext(ctx, "dispatched", "due", len(due), "sent", sent)
	}
	return errors.Join(errs...)
}

// one looks again, consistently, and moves the due time before it sends, so
// that however often it is called nothing multiplies.
func (h *Handler) one(ctx context.Context, d store.Due, now time.Time) (bool, error) {
	st, err := h.Index.State(ctx, d.ID)
	if err != nil || st == nil || st.DueAt == 0 || st.DueAt > now.UnixMilli() {
		return false, err
	}
	if st.Run == nil && st.RetryAt == 0 {
		return false, h.Schedule.ClearDue(ctx, *st)
	}
	if st.Run == nil {
		return h.retry(ctx, *st, now)
	}
	if err := h.Schedule.MoveDue(ctx, *st, now.Add(h.pause(st.DueCount))); err != nil {
		return false, err
	}
	h.Log.InfoContext(ctx, "message sent again", "integration_id", st.ID.String(), "run_id", st.Run.ID.String(), "status", string(st.Run.Status))
	return true, h.Queue.Send(ctx, st.OrganisationID, st.ID, st.Run.ID)
}

// retry starts a run for items whose next attempt is due.
func (h *Handler) retry(ctx context.Context, st store.State, now time.Time) (bool, error) {
	run := store.ActiveRun{Run: domain.Run{
		ID: domain.NewSnowflake(now), IntegrationID: st.ID, OrganisationID: st.OrganisationID,
		Mode: domain.Incremental, Trigger: domain.BySchedule, RequestedAt: now, Status: domain.Queued,
	}}
	started, err := h.Schedule.WakeWithRun(ctx, st.Pair, run, now.Add(h.LostAfter))
	if err != nil || !started {
		return false, err
	}
	return true, h.Queue.Send(ctx, st.OrganisationID, st.ID, run.ID)
}

// pause is 1, 2, 4 … 60 times LostAfter.
func (h *Handler) pause(count int64) time.Duration {
	return h.LostAfter * time.Duration(min(int64(1)<<min(count, 6), 60))
}
