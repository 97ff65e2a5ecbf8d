package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/store"
	"example.com/integrations/shared/syncqueue"
)

// takeTurn asks for room among the organisation's runs that are worked on at
// once, so that one organisation leaves workers free for the others. A run
// that gets none stands on a list. A message that names another organisation
// than the integration's gets no room and no place on a list
// (ErrWrongOrganisation).
func (e *Engine) takeTurn(ctx context.Context, m syncqueue.Message, lease string, now, until time.Time) (bool, error) {
	for {
		t, owner, err := e.Store.SlotsFor(ctx, m.OrganisationID, m.IntegrationID)
		if err != nil {
			return false, err
		}
		if owner != 0 && owner != m.OrganisationID {
			return false, fmt.Errorf("slice of run %s: %w", m.RunID, ErrWrongOrganisation)
		}

		w := limits.Waiter{OrganisationID: m.OrganisationID, IntegrationID: m.IntegrationID, RunID: m.RunID}
		next, granted := t.Slots.Take(w, lease, e.Settings.Room, now, until)
		t.Slots = next
		err = e.Store.PutSlots(ctx, m.OrganisationID, t, now)
		if errors.Is(err, store.ErrConflict) {
			continue
		}

		return granted, err
	}
}

// passTurn gives the room back and sends for the run that has waited longest. A
// run that waits for its turn at a credential is favoured when it asks again.
// If that fails, the room comes free when the lease would have ended, and
// dispatch sends the message.
func (e *Engine) passTurn(ctx context.Context, log *slog.Logger, m syncqueue.Message, lease string, favour bool) {
	var next *limits.Waiter
	err := error(nil)
	for {
		var t store.Slots
		if t, err = e.Store.Slots(ctx, m.OrganisationID); err != nil {
			break
		}

		t.Slots, next = t.Slots.Release(m.RunID, lease, e.Settings.Room, e.Clock.Now())
		if favour {
			t.Slots = t.Favour(m.RunID, e.Clock.Now())
		}

		if err = e.Store.PutSlots(ctx, m.OrganisationID, t, e.Clock.Now()); !errors.Is(err, store.ErrConflict) {
			break
		}
	}

	if err == nil && next != nil {
		err = e.Queue.Send(ctx, m.OrganisationID, next.IntegrationID, next.RunID)
	}

	if err != nil {
		log.WarnContext(ctx, "turn not passed on; dispatch repairs it", "error", err.Error())
	}
}
