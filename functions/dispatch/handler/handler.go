// Package handler runs every minute. It finds what is due and has no worker: lost
// messages, ended waits, expired leases, retries, pulls, purges, and events that the
// bus has not accepted. It sends messages to the worker, or publishes. It erases what
// deleted organisations leave.
package handler

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"example.com/integrations/shared/awsclient"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
	"example.com/integrations/shared/store"
)

// Index finds what is due and reads it again.
type Index interface {
	Due(ctx context.Context, now time.Time, limit int32) ([]store.Due, error)
	StateIn(ctx context.Context, id domain.Snowflake, lane store.RunKind) (*store.State, error)
	View(ctx context.Context, p store.IntegrationRef, user domain.Snowflake) (store.View, error)
}

// Schedule moves what was found.
type Schedule interface {
	MoveDue(ctx context.Context, lane store.RunKind, st store.State, next time.Time) error
	Reschedule(ctx context.Context, lane store.RunKind, st store.State, until time.Time) error
}

// Runs starts runs that are due.
type Runs interface {
	Scheduled(ctx context.Context, ref store.IntegrationRef, now time.Time) (run domain.Run, started bool, err error)
}

// Outbox holds the events that are not published yet.
type Outbox interface {
	Event(ctx context.Context, integration, id domain.Snowflake) (*store.StoredEvent, error)
	OrganisationEvent(ctx context.Context, organisation, id domain.Snowflake) (*store.StoredEvent, error)
	MoveEvent(ctx context.Context, w store.StoredEvent, next time.Time) error
	MarkPublished(ctx context.Context, taken []outgoing.Event) error
}

// A Queue sends the message for one invocation of the worker.
type Queue interface {
	Send(ctx context.Context, organisation, integration, run domain.Snowflake) error
}

// A Bus publishes events and returns those that it accepted.
type Bus interface {
	Publish(ctx context.Context, events []outgoing.Event) (accepted []outgoing.Event, err error)
}

// A Handler dispatches due work.
type Handler struct {
	Index    Index
	Schedule Schedule
	Runs     Runs
	Outbox   Outbox
	Erasures Erasures
	Queue    Queue
	Bus      Bus
	Log      *slog.Logger
	Now      func() time.Time
	// LostAfter is the first pause between two messages for the same work; it
	// doubles up to 60 times its length.
	LostAfter time.Duration
}

const (
	// perShard bounds what one tick takes on of each shard; the rest stays due.
	perShard = 100
	// hands is how many are dispatched at the same time.
	hands = 8
	// spare is what a tick leaves of its time: whatever it has not begun by
	// then stays due.
	spare = 5 * time.Second
)

// Handle is one tick. One integration's failure does not stop the others.
func (h *Handler) Handle(ctx context.Context) error {
	ctx, cancel := awsclient.Within(ctx)
	defer cancel()
	now := h.Now().UTC()
	due, err := h.Index.Due(ctx, now, perShard)
	if err != nil {
		return err
	}
	if len(due) == 0 {
		return nil
	}

	// In any order, so that none is last each time.
	rand.Shuffle(len(due), func(i, j int) { due[i], due[j] = due[j], due[i] })
	t := &tick{Handler: h, now: now}
	work := make(chan store.Due)
	var busy sync.WaitGroup
	for range min(hands, len(due)) {
		busy.Go(func() {
			for d := range work {
				t.one(ctx, d)
			}
		})
	}

	taken := 0
	for _, d := range due {
		if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < spare {
			break
		}
		work <- d
		taken++
	}

	close(work)
	busy.Wait()
	t.publish(ctx)
	h.Log.InfoContext(ctx, "dispatched", "due", len(due), "left", len(due)-taken, "sent", t.sent)

	return errors.Join(t.errs...)
}

// A tick is one round of dispatching.
type tick struct {
	*Handler
	now time.Time

	mu     sync.Mutex
	sent   int
	events []outgoing.Event
	errs   []error
}

func (t *tick) one(ctx context.Context, d store.Due) {
	var acted bool
	var err error
	switch {
	case d.Event != 0:
		err = t.event(ctx, d)
	case d.OrganisationID != 0:
		acted, err = t.erasure(ctx, d.OrganisationID)
	default:
		acted, err = t.runDue(ctx, d)
	}

	if errors.Is(err, store.ErrConflict) {
		err = nil // somebody else is on it
	}

	t.mu.Lock()
	defer t.mu.Unlock()
	if acted {
		t.sent++
	}

	if err != nil {
		t.errs = append(t.errs, err)
		t.Log.ErrorContext(ctx, "not dispatched", "integration_id", d.IntegrationID.String(), "organisation_id", d.OrganisationID.String(), "error", err.Error())
	}
}

// runDue reads the state again, consistently, and moves the due time before it sends, so
// that however often it is called nothing multiplies.
func (t *tick) runDue(ctx context.Context, d store.Due) (bool, error) {
	st, err := t.Index.StateIn(ctx, d.IntegrationID, d.Kind)
	if err != nil || st == nil || st.DueAt == 0 || st.DueAt > t.now.UnixMilli() {
		return false, err
	}
	if st.Run == nil {
		return t.start(ctx, d.Kind, *st)
	}

	if err := t.Schedule.MoveDue(ctx, d.Kind, *st, t.now.Add(t.pause(st.DueCount))); err != nil {
		return false, err
	}

	t.Log.InfoContext(ctx, "message sent again", "integration_id", st.ID.String(), "run_id", st.Run.ID.String(), "status", string(st.Run.Status))

	return true, t.Queue.Send(ctx, st.OrganisationID, st.ID, st.Run.ID)
}

// start starts a run for items or an integration to be tried again, or for a
// pull, when it is time; one that may not run is left alone until somebody
// asks for it.
func (t *tick) start(ctx context.Context, lane store.RunKind, st store.State) (bool, error) {
	next := next(st)
	if next.IsZero() || next.After(t.now) || lane == store.DryRun {
		return false, t.Schedule.Reschedule(ctx, lane, st, next)
	}

	v, err := t.Index.View(ctx, st.IntegrationRef, 0)
	if err != nil {
		return false, err
	}
	if v.Integration == nil || !v.Integration.Enabled || v.Organisation == nil || v.Organisation.Deleted {
		return false, t.Schedule.Reschedule(ctx, lane, st, time.Time{})
	}

	run, started, err := t.Runs.Scheduled(ctx, st.IntegrationRef, t.now)
	if err != nil || !started {
		return false, err
	}

	return true, t.Queue.Send(ctx, st.OrganisationID, st.ID, run.ID)
}

// next is when there is something to do, zero for never.
func next(st store.State) time.Time {
	at := st.RetryAt
	if at == 0 || st.PullAt > 0 && st.PullAt < at {
		at = st.PullAt
	}

	if at == 0 {
		return time.Time{}
	}

	return time.UnixMilli(at)
}

// event moves an event's due time and publishes it with the others.
func (t *tick) event(ctx context.Context, d store.Due) error {
	var w *store.StoredEvent
	var err error
	if d.OrganisationID != 0 {
		w, err = t.Outbox.OrganisationEvent(ctx, d.OrganisationID, d.Event)
	} else {
		w, err = t.Outbox.Event(ctx, d.IntegrationID, d.Event)
	}

	if err != nil || w == nil || w.DueAt > t.now.UnixMilli() {
		return err
	}

	if err := t.Outbox.MoveEvent(ctx, *w, t.now.Add(t.pause(w.DueCount))); err != nil {
		return err
	}

	t.mu.Lock()
	defer t.mu.Unlock()
	t.events = append(t.events, w.Event)

	return nil
}

func (t *tick) publish(ctx context.Context) {
	if len(t.events) == 0 {
		return
	}

	taken, err := t.Bus.Publish(ctx, t.events)
	t.sent += len(taken)
	if err = errors.Join(err, t.Outbox.MarkPublished(ctx, taken)); err != nil {
		t.errs = append(t.errs, err)
		t.Log.ErrorContext(ctx, "events not published", "error", err.Error())
	}
}

// pause is 1, 2, 4 … 60 times LostAfter.
func (h *Handler) pause(count int64) time.Duration {
	return h.LostAfter * time.Duration(min(int64(1)<<min(count, 6), 60))
}
