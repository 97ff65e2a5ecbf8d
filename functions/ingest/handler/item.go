package handler

import (
	"context"
	"errors"
	"fmt"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/incoming"
	"example.com/integrations/shared/store"
)

// item stores an item and tells the integrations it concerns. Each step may be
// repeated. All marks are there before the first state is read: whoever
// cleared wake before that looks for marks after it.
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

	var ids []domain.Snowflake
	for _, p := range listeners {
		if err := h.Marks.PutPendingChange(ctx, p.ID, store.PendingChange{ItemID: item.ID, Version: item.Version, Deleted: item.Deleted}); err != nil {
			return err
		}
		ids = append(ids, p.ID)
	}

	states, err := h.Runs.States(ctx, ids)
	if err != nil {
		return err
	}

	for _, p := range listeners {
		if err := h.wake(ctx, p, states[p.ID]); err != nil {
			return err
		}
	}

	return nil
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

// wake makes sure that a worker will look at the marks: one that has not
// looked yet (wake is set already), one that is told to look again, or a new
// run's. While the provider refuses what is configured, the new run waits.
func (h *Handler) wake(ctx context.Context, p store.Listener, state *store.State) error {
	for range 5 { // runs may end and start in between
		done, err := h.wakeOnce(ctx, p, state)
		if err != nil || done {
			return err
		}

		states, err := h.Runs.States(ctx, []domain.Snowflake{p.ID})
		if err != nil {
			return err
		}

		state = states[p.ID]
	}

	return fmt.Errorf("wake integration %s: %w", p.ID, store.ErrConflict)
}

// wakeOnce wakes an integration that is as state has it; it is not done when
// the integration has changed since.
func (h *Handler) wakeOnce(ctx context.Context, p store.Listener, state *store.State) (done bool, err error) {
	if state != nil && state.Run != nil {
		if state.Signaled {
			return true, nil
		}

		err := h.Runs.Signal(ctx, p.ID)
		if errors.Is(err, store.ErrNotFound) {
			return false, nil
		}

		return true, err
	}

	now := h.Now().UTC()
	run := store.ActiveRun{Run: domain.Run{
		ID: domain.NewSnowflake(now), IntegrationID: p.ID, OrganisationID: p.OrganisationID,
		Mode: domain.Incremental, Trigger: domain.ByEvent, RequestedAt: now, Status: domain.Queued,
	}}
	due := now.Add(h.LostAfter)
	cooling := state.PausedUntil(p.ConfigurationVersion, now)
	if !cooling.IsZero() {
		paused := store.ReasonPaused
		due = cooling
		run.Status = domain.Waiting
		run.WaitingUntil = &cooling
		run.WaitingReason = &paused
	}

	started, err := h.Runs.SignalWithRun(ctx, p.IntegrationRef, run, due)
	if err != nil || !started {
		return false, err
	}
	if !cooling.IsZero() {
		return true, nil // dispatch sends its message
	}

	if err := h.Queue.Send(ctx, p.OrganisationID, p.ID, run.ID); err != nil {
		h.Log.ErrorContext(ctx, "sync message not sent; dispatch will", "run_id", run.ID.String(), "error", err.Error())
	}

	return true, nil
}
