package store

import (
	"cmp"
	"context"
	"errors"
	"time"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
)

// An outboxRepository has the outgoing events that are not published yet. They are
// written in one transaction with what they are about; the worker or dispatch
// publishes and deletes them.
type outboxRepository struct{ table *table }

// A StoredEvent is an event in the outbox.
type StoredEvent struct {
	outgoing.Event
	DueAt    int64 `json:"due_at"` // Unix milliseconds
	DueCount int64 `json:"due_count"`
}

// putEvent stores an event in the outbox. Dispatch publishes it if it is still
// there when it is due.
func putEvent(e outgoing.Event, due time.Time) action {
	r := mustEncode(StoredEvent{Event: e, DueAt: due.UnixMilli()})
	r["due_shard"] = text(dueShard(cmp.Or(e.IntegrationID, e.OrganisationID)))

	return put(outboxKey(e.OrganisationID, e.IntegrationID, e.ID), r)
}

// Event reads an event about an integration, nil when it was published.
func (r outboxRepository) Event(ctx context.Context, integration, id domain.Snowflake) (*StoredEvent, error) {
	return r.event(ctx, outboxKey(0, integration, id), id)
}

// OrganisationEvent reads an event about an organisation, nil when it was
// published.
func (r outboxRepository) OrganisationEvent(ctx context.Context, organisation, id domain.Snowflake) (*StoredEvent, error) {
	return r.event(ctx, outboxKey(organisation, 0, id), id)
}

func (r outboxRepository) event(ctx context.Context, k key, id domain.Snowflake) (*StoredEvent, error) {
	found, err := r.table.get(ctx, k)
	var e *StoredEvent
	if err == nil {
		err = into(found, &e)
	}
	return e, wrap(err, "read event", id)
}

// Outbox lists up to 100 unpublished events about an integration.
func (r outboxRepository) Outbox(ctx context.Context, integration domain.Snowflake) ([]outgoing.Event, error) {
	records, _, err := r.table.query(ctx, pageOf{pk: integrationPartition(integration), prefix: outboxPrefix, limit: 100})
	var events []outgoing.Event
	for _, record := range records {
		var e StoredEvent
		err = errors.Join(err, decode(record, &e))
		events = append(events, e.Event)
	}

	return events, wrap(err, "list events of integration", integration)
}

// MoveEvent moves an event's due time before it is sent again. ErrConflict when it
// has moved already.
func (r outboxRepository) MoveEvent(ctx context.Context, e StoredEvent, next time.Time) error {
	k := outboxKey(e.OrganisationID, e.IntegrationID, e.ID)
	err := r.table.updateOr(ctx, k, movedDue(e.DueAt, e.DueCount+1, next), ErrConflict)

	return wrap(err, "move event", e.ID)
}

// MarkPublished deletes published events from the outbox.
func (r outboxRepository) MarkPublished(ctx context.Context, events []outgoing.Event) error {
	keys := make([]key, len(events))
	for i, e := range events {
		keys[i] = outboxKey(e.OrganisationID, e.IntegrationID, e.ID)
	}
	return wrap(r.table.deleteAll(ctx, keys), "delete published events", len(events))
}
