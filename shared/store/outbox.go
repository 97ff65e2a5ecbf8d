package store

import (
	"cmp"
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
)

// A StoredEvent is a notice that stands in the outbox.
type StoredEvent struct {
	outgoing.Event
	DueAt    int64 `json:"due_at"` // Unix milliseconds
	DueCount int64 `json:"due_count"`
}

// outboxAction puts a notice into the outbox, where dispatch finds it when it
// is due and still there.
func (s *Store) outboxAction(n outgoing.Event, due time.Time) types.TransactWriteItem {
	r := mustEncode(StoredEvent{Event: n, DueAt: due.UnixMilli()})
	r["due_shard"] = text(dueShard(cmp.Or(n.IntegrationID, n.OrganisationID)))
	return s.putAction(outboxKey(n.OrganisationID, n.IntegrationID, n.ID), r)
}

// Event reads a notice of an integration that waits, nil when it was taken.
func (s *Store) Event(ctx context.Context, integration, id domain.Snowflake) (*StoredEvent, error) {
	return s.waiting(ctx, outboxKey(0, integration, id), id)
}

// OrganisationEvent reads a notice of an organisation that waits, nil when it
// was taken.
func (s *Store) OrganisationEvent(ctx context.Context, organisation, id domain.Snowflake) (*StoredEvent, error) {
	return s.waiting(ctx, outboxKey(organisation, 0, id), id)
}

func (s *Store) waiting(ctx context.Context, k key, id domain.Snowflake) (*StoredEvent, error) {
	r, err := s.get(ctx, k)
	var w *StoredEvent
	if err == nil {
		err = into(r, &w)
	}
	return w, wrap(err, "read notice", id)
}

// MoveEvent moves a notice's due time before it is sent again. ErrConflict
// when somebody else did.
func (s *Store) MoveEvent(ctx context.Context, w StoredEvent, next time.Time) error {
	return wrap(s.moveDue(ctx, outboxKey(w.OrganisationID, w.IntegrationID, w.ID), w.DueAt, w.DueCount+1, next), "move notice", w.ID)
}

// MarkPublished removes notices that the bus has taken.
func (s *Store) MarkPublished(ctx context.Context, taken []outgoing.Event) error {
	keys := make([]key, len(taken))
	for i, n := range taken {
		keys[i] = outboxKey(n.OrganisationID, n.IntegrationID, n.ID)
	}
	return wrap(s.deleteAll(ctx, keys), "remove notices", len(taken))
}
