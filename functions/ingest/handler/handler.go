// Package handler reads the platform's events from the ingest queue. It stores
// permissions and items, stores a pending change for each integration that an item
// concerns, and has the workers of those integrations read them.
package handler

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"example.com/integrations/shared/awsclient"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/incoming"
	"example.com/integrations/shared/store"
)

// Items stores the items of events.
type Items interface {
	PutItem(ctx context.Context, item domain.Item) (current bool, err error)
	DeleteItem(ctx context.Context, org, id domain.Snowflake, version int64) (t domain.ItemType, current bool, err error)
}

// Organisations stores the organisations of events.
type Organisations interface {
	TakeOrganisation(ctx context.Context, o domain.Organisation, now time.Time) (store.OrganisationState, error)
	ScheduleErasure(ctx context.Context, org domain.Snowflake, deletedAt int64, at, now time.Time) error
	Revive(ctx context.Context, org domain.Snowflake, now time.Time) error
}

// Grants stores the permissions of events.
type Grants interface {
	PutMember(ctx context.Context, m domain.Member) error
	PutRole(ctx context.Context, org, role domain.Snowflake, g domain.RoleGrant) error
}

// Marks says what has to be pushed, and where.
type Marks interface {
	EnabledOfType(ctx context.Context, org domain.Snowflake, t domain.ItemType) ([]store.Listener, error)
	PutPendingChange(ctx context.Context, integration domain.Snowflake, m store.PendingChange) error
}

// Runs has the workers of integrations read pending changes that are stored.
type Runs interface {
	Changed(ctx context.Context, listeners []store.Listener) error
}

// A Handler takes batches of events.
type Handler struct {
	Items         Items
	Organisations Organisations
	Grants        Grants
	Marks         Marks
	Runs          Runs
	Log           *slog.Logger
	Now           func() time.Time
	// PurgeAfter is how long after its deletion an organisation is erased.
	PurgeAfter time.Duration
}

// together is how many events of a batch are handled at once: nearly all of an
// event's time is spent waiting for the table. Their order means nothing, as
// their versions decide.
const together = 5

// Handle takes a batch. What cannot be handled is reported by its message id,
// comes again, and ends in the dead-letter queue; the others proceed.
func (h *Handler) Handle(ctx context.Context, batch events.SQSEvent) (events.SQSEventResponse, error) {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	share := shareOf(ctx, len(batch.Records))
	failed := make([]bool, len(batch.Records))
	var all sync.WaitGroup
	room := make(chan struct{}, together)
	for i, m := range batch.Records {
		room <- struct{}{}
		all.Go(func() {
			defer func() { <-room }()
			failed[i] = !h.handled(ctx, share, m)
		})
	}

	all.Wait()
	var out events.SQSEventResponse
	for i, m := range batch.Records {
		if failed[i] {
			out.BatchItemFailures = append(out.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
		}
	}

	return out, nil
}

// handled handles one message, or logs why it cannot.
func (h *Handler) handled(ctx context.Context, share time.Duration, m events.SQSMessage) bool {
	e, err := h.inTime(ctx, share, m.Body)
	if err != nil {
		h.Log.ErrorContext(ctx, "event not handled", "message_id", m.MessageId, "event_id", short(e.ID), "detail_type", short(e.DetailType),
			"malformed", errors.Is(err, incoming.ErrMalformed), "reason", err.Error())
	}
	return err == nil
}

// longestEvent is the longest that one event may take, whatever time there is.
const longestEvent = 15 * time.Second

// shareOf is how long each event of a batch may take, so that an event whose
// table call hangs leaves the others their time. An invocation that runs out of
// time has done nothing, whatever it did: all of its batch would come again.
func shareOf(ctx context.Context, events int) time.Duration {
	deadline, ok := ctx.Deadline()
	if !ok {
		return longestEvent
	}

	rounds := max(1, (events+together-1)/together)
	return min(longestEvent, time.Until(deadline)/time.Duration(rounds))
}

var errNoTime = errors.New("no time is left in this invocation")

// inTime handles an event within its share of the invocation's time.
func (h *Handler) inTime(ctx context.Context, share time.Duration, body string) (incoming.Envelope, error) {
	if ctx.Err() != nil {
		return incoming.Envelope{}, errNoTime
	}

	own, cancel := context.WithTimeout(ctx, share)
	defer cancel()
	return h.one(own, body)
}

// short keeps what somebody else wrote from filling the log.
func short(s string) string { return fmt.Sprintf("%.64s", s) }

// one handles one event. One that makes our own code panic fails alone, like
// any other that cannot be handled.
func (h *Handler) one(ctx context.Context, body string) (e incoming.Envelope, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	if e, err = incoming.ParseEnvelope(body); err != nil {
		return e, err
	}

	switch e.DetailType {
	case incoming.ItemCreated, incoming.ItemUpdated, incoming.ItemDeleted:
		return e, h.item(ctx, e)
	case incoming.OrganisationUpdated, incoming.OrganisationDeleted, incoming.OrganisationPurged:
		return e, h.organisation(ctx, e)
	case incoming.MemberUpdated, incoming.MemberRemoved:
		return e, h.member(ctx, e)
	case incoming.RoleUpdated, incoming.RoleDeleted:
		return e, h.role(ctx, e)
	}

	return e, incoming.Unknown(e.DetailType)
}
