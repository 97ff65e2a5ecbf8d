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

// takeSlot asks for one of the organisation's slots, so that one organisation leaves
// workers free for the others. A run that gets none is put on a waiting list. A
// message that names another organisation than the integration's gets neither
// (ErrWrongOrganisation).
func (w *Worker) takeSlot(ctx context.Context, m syncqueue.Message, lease string, now, until time.Time) (bool, error) {
	for {
		t, owner, err := w.Store.SlotsFor(ctx, m.OrganisationID, m.IntegrationID)
		if err != nil {
			return false, err
		}
		if owner != 0 && owner != m.OrganisationID {
			return false, fmt.Errorf("invocation of run %s: %w", m.RunID, ErrWrongOrganisation)
		}

		waiter := limits.Waiter{OrganisationID: m.OrganisationID, IntegrationID: m.IntegrationID, RunID: m.RunID}
		next, granted := t.Slots.Take(waiter, lease, w.Settings.Slots, now, until)
		t.Slots = next
		err = w.Store.PutSlots(ctx, m.OrganisationID, t, now)
		if errors.Is(err, store.ErrConflict) {
			continue
		}

		return granted, err
	}
}

// releaseSlot gives the slot back and sends for the run that has waited longest. A
// run that waits for a slot at a credential is favoured when it asks again. If that
// fails, the slot comes free when the lease would have ended, and dispatch sends the
// message.
func (w *Worker) releaseSlot(ctx context.Context, log *slog.Logger, m syncqueue.Message, lease string, favour bool) {
	var next *limits.Waiter
	var err error
	for {
		var t store.Slots
		t, err = w.Store.Slots(ctx, m.OrganisationID)
		if err != nil {
			break
		}

		t.Slots, next = t.Slots.Release(m.RunID, lease, w.Settings.Slots, w.Clock.Now())
		if favour {
			t.Slots = t.Favour(m.RunID, w.Clock.Now())
		}

		err = w.Store.PutSlots(ctx, m.OrganisationID, t, w.Clock.Now())
		if !errors.Is(err, store.ErrConflict) {
			break
		}
	}

	if err == nil && next != nil {
		err = w.Queue.Send(ctx, m.OrganisationID, next.IntegrationID, next.RunID)
	}

	if err != nil {
		log.WarnContext(ctx, "slot not passed on; dispatch repairs it", "error", err.Error())
	}
}
