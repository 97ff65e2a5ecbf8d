// Package worker brings an organisation's items to a provider: one invocation of one
// run at a time, under a lease, so that no change is lost and no object is created
// twice, whatever crashes in between.
//
// An invocation takes a slot and the lease. If the run is full it plans: it compares
// every item with what was last sent and adds pending changes, without asking the
// provider. It pushes the items with pending changes page by page, and pulls what
// people changed at the provider. Before a create is sent, its intent is stored; its
// result is recorded before the next create. A pending change is deleted, by item and
// version, only when the provider has that version. After a crash the next invocation
// looks at the provider for the object of a stored intent before it sends anything
// again.
//
// Waiting is a state: an invocation that may not call the provider now ends, and the
// run says why and until when. Before each call the invocation looks whether a
// manager has stopped the run, if its last look is over a second old.
package worker

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/store"
	"example.com/integrations/shared/syncqueue"
)

// A Clock gives the time and waits.
type Clock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error
}

// A Queue asks for the next invocation of a run.
type Queue interface {
	Send(ctx context.Context, organisation, integration, run domain.Snowflake) error
}

// An EventPublisher publishes events and returns those that were accepted.
type EventPublisher interface {
	Publish(ctx context.Context, events []outgoing.Event) (taken []outgoing.Event, err error)
}

// Opened is the connector for what is configured, and the limits of its credential.
type Opened struct {
	Connector connector.Connector
	// Credential names who calls the provider, without giving it away: all
	// that use the same one share its limits.
	Credential string
	Limits     limits.Limits
}

// An Opener makes the connector for what is configured now. A *failure.Error ends the
// run; after any other error the invocation is tried again.
type Opener func(ctx context.Context, v store.View) (Opened, error)

// Settings are the times and sizes of a Worker.
type Settings struct {
	WorkTime    time.Duration // how long an invocation takes on new work
	CallTimeout time.Duration // the longest call to a provider
	Settle      time.Duration // how long a provider may take to list what it created
	LeaseMargin time.Duration // how long a lease outlives its invocation
	LostAfter   time.Duration // how long a message may be under way
	PullEvery   time.Duration // the pause between two pulls, give or take a tenth
	Slots       int           // how many of an organisation's runs are worked on at once
	// ItemsURL leads to the platform's list of items, "" if it has none. A digest
	// shows it. {organisation_id} and {item_type} in it are replaced.
	ItemsURL string
	// RelinkBefore is when the table was restored, zero if it never was:
	// integrations that have not looked for lost links since must do so.
	RelinkBefore time.Time
}

// A Worker works on the invocations of runs.
type Worker struct {
	Store    *store.Store
	Open     Opener
	Queue    Queue
	Events   EventPublisher
	Markers  MarkerKeys
	Clock    Clock
	Log      *slog.Logger
	Settings Settings
}

// ErrWrongOrganisation reports a message that names an integration of another
// organisation.
var ErrWrongOrganisation = errors.New("the integration belongs to another organisation")

// Run does what fits into one invocation: it takes a slot and the lease, has the
// invocation load, pull, plan, push and finish, and gives both back. It drops the
// message when another worker holds the lease, the run is over, or its organisation
// has no free slot. An error means that the table or the queue failed; the message
// may come again.
func (w *Worker) Run(ctx context.Context, m syncqueue.Message, deadline time.Time) error {
	log := w.Log.With("integration_id", m.IntegrationID.String(), "run_id", m.RunID.String())
	now := w.Clock.Now()
	leaseID := rand.Text()
	leaseEnds := deadline.Add(w.Settings.LeaseMargin)

	granted, err := w.takeSlot(ctx, m, leaseID, now, leaseEnds)
	if err != nil {
		return err
	}

	if !granted {
		log.InfoContext(ctx, "message dropped: another worker is on the run, or its organisation has no free slot")
		return nil
	}

	next, err := w.runLeased(ctx, log, m, leaseID, deadline)
	if next != 0 && err == nil {
		// The slot is free again: else the receiver would find it taken and drop the message.
		err = w.Queue.Send(ctx, m.OrganisationID, m.IntegrationID, next)
	}

	return err
}

// runLeased takes the lease and works on the run. It returns the run for which a
// message has to be sent, 0 for none.
func (w *Worker) runLeased(ctx context.Context, log *slog.Logger, m syncqueue.Message, leaseID string, deadline time.Time) (next domain.Snowflake, err error) {
	favour := false
	defer func() { w.releaseSlot(ctx, log, m, leaseID, favour) }()

	now := w.Clock.Now()
	leaseEnds := deadline.Add(w.Settings.LeaseMargin)
	ref := store.IntegrationRef{ID: m.IntegrationID, OrganisationID: m.OrganisationID}
	held, err := w.Store.Acquire(ctx, ref, store.LeaseRequest{RunID: m.RunID, ID: leaseID, Now: now, Until: leaseEnds})
	if err != nil {
		return 0, err
	}

	if held == nil {
		log.InfoContext(ctx, "message dropped: the run is over, or another worker is on it")
		return 0, nil
	}

	inv := newInvocation(w, &session{
		store: w.Store, clock: w.Clock, log: log, settings: w.Settings,
		lease: held.Lease, state: held.State, run: *held.State.Run,
		deadlines: deadlines{
			workEnds:  earlier(now.Add(w.Settings.WorkTime), deadline.Add(-w.Settings.CallTimeout)),
			leaseEnds: leaseEnds,
		},
	})

	defer inv.gate.releaseCredential(ctx)

	err = inv.work(ctx)
	favour = inv.gate.waitsForCredential()
	inv.ender.publish(ctx)
	if errors.Is(err, store.ErrFenced) {
		log.WarnContext(ctx, "lease lost: another worker goes on", "error", err.Error())
		return 0, nil
	}

	return inv.ender.nextRun, err
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// earliestMillis keeps the earlier of two times in Unix milliseconds, 0 meaning none.
func earliestMillis(ms int64, at time.Time) int64 {
	if t := at.UnixMilli(); ms == 0 || t < ms {
		return t
	}
	return ms
}
