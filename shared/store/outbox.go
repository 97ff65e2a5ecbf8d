package store

import (
	"cmp"
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
)

// A Waiting is a notice that stands in the outbox.
type Waiting struct {
	outgoing.Event
	DueAt    int64 `json:"due_at"` // Unix milliseconds
	DueCount int64 `json:"due_count"`
}

// outboxAction puts a notice into the outbox, where dispatch finds it when it
// is due and still there.
func (s *Store) outboxAction(n outgoing.Event, due time.Time) types.TransactWriteItem {
	r := mustEncode(Waiting{Event: n, DueAt: due.UnixMilli()})
	r["due_shard"] = text(dueShard(cmp.Or(n.IntegrationID, n.OrganisationID)))
	return s.putAction(outboxKey(n.OrganisationID, n.IntegrationID, n.ID), r)
}

// Notice reads a notice of an integration that waits, nil when it was taken.
func (s *Store) Notice(ctx context.Context, integration, id domain.Snowflake) (*Waiting, error) {
	return s.waiting(ctx, outboxKey(0, integration, id), id)
}

// OrganisationNotice reads a notice of an organisation that waits, nil when it
// was taken.
func (s *Store) OrganisationNotice(ctx context.Context, organisation, id domain.Snowflake) (*Waiting, error) {
	return s.waiting(ctx, outboxKey(organisation, 0, id), id)
}

func (s *Store) waiting(ctx context.Context, k key, id domain.Snowflake) (*Waiting, error) {
	r, err := s.get(ctx, k)
	var w *Waiting
	if err == nil {
		err = into(r, &w)
	}
	return w, wrap(err, "read notice", id)
}

// MoveNotice moves a notice's due time before it is sent again. ErrConflict
// when somebody else did.
func (s *Store) MoveNotice(ctx context.Context, w Waiting, next time.Time) error {
	return wrap(s.moveDue(ctx, outboxKey(w.OrganisationID, w.IntegrationID, w.ID), w.DueAt, w.DueCount+1, next), "move notice", w.ID)
}

// Taken removes notices that the bus has taken.
func (s *Store) Taken(ctx context.Context, taken []outgoing.Event) error {
	keys := make([]key, len(taken))
	for i, n := range taken {
		keys[i] = outboxKey(n.OrganisationID, n.IntegrationID, n.ID)
	}
	return wrap(s.deleteAll(ctx, keys), "remove notices", len(taken))
}
