// Package handler takes item events from the ingest queue, stores the items,
// marks them for every integration they concern, and wakes those integrations.
package handler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"integrations/shared/domain"
	"integrations/shared/event"
	"integrations/shared/store"
)

// Items stores what events tell.
type Items interface {
	PutItem(ctx context.Context, item domain.Item) (current bool, err error)
	DeleteItem(ctx context.Context, org, id domain.Snowflake, version int64) (t domain.ItemType, current bool, err error)
}

// Marks says what has to be pushed, and where.
type Marks interface {
	EnabledOfType(ctx context.Context, org domain.Snowflake, t domain.ItemType) ([]store.Listener, error)
	PutMark(ctx context.Context, integration domain.Snowflake, m store.Mark) error
}

// Runs wakes integrations.
type Runs interface {
	State(ctx context.Context, id domain.Snowflake) (*store.State, error)
	Wake(ctx context.Context, id domain.Snowflake) error
	WakeWithRun(ctx context.Context, p store.Pair, run store.ActiveRun, due time.Time) (started bool, err error)
}

// A Queue asks the worker for a slice of a run.
type Queue interface {
	Send(ctx context.Context, organisation, integration, run domain.Snowflake) error
}

// A Handler takes batches of events.
type Handler struct {
	Items     Items
	Marks     Marks
	Runs      Runs
	Queue     Queue
	Log       *slog.Logger
	Now       func() time.Time
	LostAfter time.Duration
}

// Handle takes a batch. What cannot be handled is reported by its message id,
// comes again, and ends in the dead-letter queue; the others proceed.
func (h *Handler) Handle(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
	var failed events.SQSEventResponse
	for _, m := range batch.Records {
		if err := h.one(ctx, m.Body); err != nil {
			h.Log.ErrorContext(ctx, "event not handled", "message_id", m.MessageId,
				"malformed", errors.Is(err, event.ErrMalformed), "reason", err.Error())
			failed.BatchItemFailures = append(failed.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
		}
	}
	return failed, nil
}

// one handles one event; each step may be repeated.
func (h *Handler) one(ctx context.Context, body string) error {
	e, err := event.ParseEnvelope(body)
	if err != nil {
		return err
	}
	switch e.DetailType {
	case event.ItemCreated, event.ItemUpdated, event.ItemDeleted:
	default:
		return fmt.Errorf("%w: detail-type %q is unknown", event.ErrMalformed, e.DetailType)
	}
	item, err := event.ParseItem(e.DetailType, e.Detail)
	if err != nil {
		return err
	}
	current, err := h.keep(ctx, &item)
	if err != nil || !current {
		return err
	}
	listeners, err := h.Marks.EnabledOfType(ctx, item.OrganisationID, item.ItemType)
	if err != nil {
		return err
	}
	for _, p := range listeners {
		if err := h.Marks.PutMark(ctx, p.ID, store.Mark{ItemID: item.ID, Version: item.Version}); err != nil {
			return err
		}
		if err := h.wake(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// keep stores the item; a deletion learns its type from what is stored.
func (h *Handler) keep(ctx context.Context, item *domain.Item) (bool, error) {
	if !item.Deleted {
		current, err := h.Items.PutItem(ctx, *item)
		if errors.Is(err, store.ErrTypeChanged) {
			err = fmt.Errorf("%w: item %s: %w", event.ErrMalformed, item.ID, err)
		}
		return current, err
	}
	t, current, err := h.Items.DeleteItem(ctx, item.OrganisationID, item.ID, item.Version)
	item.ItemType = t
	return current, err
}

// wake makes sure that a worker will look at the marks: one that has not
// looked yet (wake is set already), one that is told to look again, or a new
// run's. While the provider refuses what is configured, the new run waits.
func (h *Handler) wake(ctx context.Context, p store.Listener) error {
	for range 5 { // runs may end and start in between
		state, err := h.Runs.State(ctx, p.ID)
		if err != nil {
			return err
		}
		if state != nil && state.Run != nil {
			if state.Wake {
				return nil
			}
			if err := h.Runs.Wake(ctx, p.ID); !errors.Is(err, store.ErrNotFound) {
				return err
			}
			continue
		}
		now := h.Now().UTC()
		run := store.ActiveRun{Run: domain.Run{
			ID: domain.NewSnowflake(now), IntegrationID: p.ID, OrganisationID: p.OrganisationID,
			Mode: domain.Incremental, Trigger: domain.ByEvent, RequestedAt: now, Status: domain.Queued,
		}}
		due := now.Add(h.LostAfter)
		cooling := state.Cooling(p.ConfigurationVersion, now)
		if !cooling.IsZero() {
			coolDown := store.CoolDown
			due, run.Status, run.WaitingUntil, run.WaitingReason = cooling, domain.Waiting, &cooling, &coolDown
		}
		started, err := h.Runs.WakeWithRun(ctx, p.Pair, run, due)
		if err != nil {
			return err
		}
		if started && !cooling.IsZero() {
			return nil // dispatch sends its message
		}
		if started {
			if err := h.Queue.Send(ctx, p.OrganisationID, p.ID, run.ID); err != nil {
				h.Log.ErrorContext(ctx, "sync message not sent; dispatch will", "run_id", run.ID.String(), "error", err.Error())
			}
			return nil
		}
	}
	return fmt.Errorf("wake integration %s: %w", p.ID, store.ErrConflict)
}
