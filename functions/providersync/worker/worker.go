// Package worker brings an organisation's items to a provider: one slice of
// one run at a time, under a lease, so that no change is lost and no object is
// created twice, whatever crashes in between.
//
// A slice takes its turn and the lease, plans if the run is full (compares
// every item and marks what differs, without asking the provider), pushes the
// marked items page by page, and pulls what people changed there. Before a
// create leaves, its intent is stored; its result is recorded before the next
// create. A mark is deleted, by item and version, only when that version is at
// the provider. What a crashed slice leaves behind, the next one finds: an
// intent without a result is looked for at the provider before anything is
// sent again.
//
// Waiting is a state: a slice that may not call the provider now ends, and the
// run says why and until when. Before each call the slice looks whether a
// manager has stopped the run, if its last look is over a second old.
package worker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/signing"
	"example.com/integrations/shared/store"
	"example.com/integrations/shared/syncqueue"
)

// A Clock tells the time by the wall and waits.
type Clock interface {
	Now() time.Time
	Sleep(ctx context.Context, d time.Duration) error
}

// A Queue asks for the next slice.
type Queue interface {
	Send(ctx context.Context, organisation, integration, run domain.Snowflake) error
}

// A Bus publishes notices and says which were taken.
type Bus interface {
	Publish(ctx context.Context, notices []outgoing.Event) (taken []outgoing.Event, err error)
}

// Opened is the connector for what is configured, and how fast it may be used.
type Opened struct {
	Connector connector.Connector
	// Credential names who calls the provider, without giving it away: all
	// that use the same one share its limits.
	Credential string
	Limits     limits.Limits
}

// An Opener makes the connector for what is configured now. A *connector.Error
// ends the run; any other error is ours, and the slice is tried again.
type Opener func(ctx context.Context, v store.View) (Opened, error)

// Settings are the engine's times and sizes.
type Settings struct {
	Slice       time.Duration // how long a slice takes on new work
	Call        time.Duration // the longest call to a provider
	Settle      time.Duration // how long a provider may take to list what it created
	LeaseMargin time.Duration // how long a lease outlives its invocation
	LostAfter   time.Duration // how long a message may be under way
	PullEvery   time.Duration // the pause between two pulls, give or take a tenth
	Room        int           // how many of an organisation's runs are worked on at once
	// ItemsURL leads to the platform's list of items, "" if it has none. A digest
	// shows it. {organisation_id} and {item_type} in it are replaced.
	ItemsURL string
	// RelinkBefore is when the table was restored, zero if it never was:
	// integrations that have not looked for lost links since must do so.
	RelinkBefore time.Time
}

// An Engine works on slices.
type Engine struct {
	Store    *store.Store
	Open     Opener
	Queue    Queue
	Bus      Bus
	Markers  MarkerKeys
	Clock    Clock
	Log      *slog.Logger
	Settings Settings
}

// ErrWrongOrganisation reports a message that names an integration of another
// organisation.
var ErrWrongOrganisation = errors.New("the integration belongs to another organisation")

// Slice works on one slice of a run until the deadline of its invocation comes
// near. It drops the message when another worker holds the lease, the run is
// over, or it is not the run's turn. An error means that the table or the
// queue failed; the message may come again.
func (e *Engine) Slice(ctx context.Context, m syncqueue.Message, deadline time.Time) error {
	log := e.Log.With("integration_id", m.IntegrationID.String(), "run_id", m.RunID.String())
	now := e.Clock.Now()
	name := rand.Text()
	granted, err := e.takeTurn(ctx, m, name, now, deadline.Add(e.Settings.LeaseMargin))
	if err != nil {
		return err
	}

	if !granted {
		log.InfoContext(ctx, "message dropped: another worker is on the run, or its turn has yet to come")
		return nil
	}

	next, err := e.turn(ctx, log, m, name, now, deadline)
	if next != 0 && err == nil {
		err = e.Queue.Send(ctx, m.OrganisationID, m.IntegrationID, next)
	}

	return err
}

// turn works on a slice and passes the turn on. It names the run for which a
// message has to be sent: not before the turn is given back, or its receiver
// would meet it and drop the message.
func (e *Engine) turn(ctx context.Context, log *slog.Logger, m syncqueue.Message, name string, now, deadline time.Time) (next domain.Snowflake, err error) {
	favour := false
	defer func() { e.passTurn(ctx, log, m, name, favour) }()
	state, lease, held, err := e.Store.Acquire(ctx, store.IntegrationRef{ID: m.IntegrationID, OrganisationID: m.OrganisationID}, m.RunID, name, now, deadline.Add(e.Settings.LeaseMargin))
	if err != nil {
		return 0, err
	}

	if !held {
		log.InfoContext(ctx, "message dropped: the run is over, or another worker is on it")
		return 0, nil
	}

	s := &slice{Engine: e, log: log, lease: lease, state: state, run: *state.Run, began: now, digests: map[domain.Snowflake]*store.Digest{}}
	s.end = earlier(now.Add(e.Settings.Slice), deadline.Add(-e.Settings.Call))
	s.over = deadline.Add(e.Settings.LeaseMargin)
	defer s.leaveCredential(ctx)
	s.run.Status = domain.Running
	s.run.WaitingUntil = nil
	s.run.WaitingReason = nil
	if s.run.StartedAt == nil {
		at := now.UTC()
		s.run.StartedAt = &at
	}

	v, err := s.work(ctx)
	if err == nil {
		v, err = s.lookForTarget(ctx, v)
	}

	if err == nil {
		err = s.conclude(ctx, v)
	}

	favour = s.waitsForCredential()
	s.publish(ctx)
	if errors.Is(err, store.ErrFenced) {
		log.WarnContext(ctx, "lease lost: another worker goes on", "error", err.Error())
		return 0, nil
	}

	return s.next, err
}

// A slice is the work of one invocation.
type slice struct {
	*Engine
	log   *slog.Logger
	lease store.Lease
	state store.State // as it was when the lease was taken
	run   store.ActiveRun
	began time.Time
	end   time.Time // no new work from here on
	over  time.Time // no worker is on it any more, whatever became of this one

	meta   store.Integration
	view   store.View
	target store.Target // the place that the run serves
	// sharedUntil is until when the provider is left alone, as all integrations
	// with the credential know: Unix milliseconds, 0 for not.
	sharedUntil int64
	inTurn      bool // this slice has a turn at a shared credential
	asked       bool // the provider was called
	tries       bool // this slice tries a provider that has refused
	afterPause  bool // it does so since the pause is over
	sparing     bool // it tries items first that were not refused yet
	wrote       bool // a write was made
	// targetRefused says that the slice has judged that nothing may be written
	// at the target.
	targetRefused bool
	// keyOfMarkers makes markerKey, zero in a dry run.
	keyOfMarkers signing.Key
	// markerKey signs what this slice writes at the target, and verifies the
	// markers there. It is set with the target.
	markerKey signing.Signer
	conn      connector.Connector
	finder    bool // the provider can be asked for what an unanswered create made
	chat      chat
	// digests are those that links name, as far as they were read; nil for one
	// that has not left.
	digests map[domain.Snowflake]*store.Digest
	reads   configured
	pace    pace
	looked  time.Time // when it last looked whether the run may go on
	// counted is when it last counted what remains.
	counted time.Time

	next      domain.Snowflake // the run that goes on after this slice, by a message
	handled   int
	pulled    bool             // all there was has been pulled since the last write
	stalled   bool             // the pull cannot go on: updates read their objects first
	unlisted  bool             // the list of changes could not be had in this slice
	unfound   bool             // unanswered creates could not be looked for in this slice
	condition *store.Condition // how the provider answered, to be recorded
	reading   bool             // it takes reads, after something was refused
	noticed   domain.Snowflake // the last notice's id
	pending   []outgoing.Event // to be recorded with the next commit
	recorded  []outgoing.Event // in the outbox, to be published
}

// dry says that the run only plans.
func (s *slice) dry() bool { return s.lease.Kind == store.DryRun }

// maxIdle is how many slices in a row may bring nothing forward.
const maxIdle = 20

// work does what fits into the slice.
func (s *slice) work(ctx context.Context) (*verdict, error) {
	if s.run.Mode == domain.Purge {
		return s.purge(ctx)
	}
	if s.run.Idle > maxIdle {
		return failedWith("no_progress", fmt.Sprintf("%d slices in a row brought nothing forward; the log says why.", maxIdle)), nil
	}

	if v, err := s.load(ctx); v != nil || err != nil {
		return v, err
	}

	if s.dry() {
		return s.rehearse(ctx)
	}

	if v, err := s.relink(ctx); v != nil || err != nil {
		return v, err
	}

	if v, err := s.pullFirst(ctx); v != nil || err != nil {
		return v, err
	}

	for {
		handled := s.handled
		if v, err := s.bring(ctx); v != nil || err != nil {
			return v, err
		}

		s.pulled = s.pulled && s.handled == handled
		if v, err := s.pull(ctx); v != nil || err != nil {
			return v, err
		}

		err := s.finish(ctx, &verdict{status: s.finalStatus()})
		if !errors.Is(err, store.ErrSignaled) {
			return nil, err
		}

		s.run.PendingCursor = "" // look at the marks again
	}
}

// bring plans, if the run is full, and pushes until nothing is left to do now.
func (s *slice) bring(ctx context.Context) (*verdict, error) {
	if s.run.PendingCursor == "" {
		if v, err := s.heed(ctx); v != nil || err != nil {
			return v, err
		}
	}

	if s.run.Mode == domain.Full && s.run.PlanDone && s.meta.FullEpoch > s.run.FullEpoch {
		s.replan()
	}

	if s.run.Mode == domain.Full && !s.run.PlanDone {
		if v, err := s.plan(ctx); v != nil || err != nil {
			return v, err
		}
	}

	if v, err := s.push(ctx); v != nil || err != nil {
		return v, err
	}

	if s.run.SettleAt != 0 {
		return wait(time.UnixMilli(s.run.SettleAt), "reconciling"), nil
	}

	return nil, nil
}

// heed promises to look at every mark from here on, and takes up what was
// asked of the run meanwhile.
func (s *slice) heed(ctx context.Context) (*verdict, error) {
	asked, err := s.Store.AcknowledgeSignal(ctx, s.lease)
	if err != nil {
		return nil, err
	}

	s.run.Mode = asked.Mode
	if asked.Announce && !s.run.Announce { // what was silently passed over is news now
		s.run.Announce = true
		if s.run.PlanDone {
			s.replan()
		}
	}

	if !asked.RetryAll {
		return nil, nil
	}

	return s.retryAll(ctx)
}

// load reads what is configured now and opens the connector for it.
func (s *slice) load(ctx context.Context) (*verdict, error) {
	view, err := s.Store.View(ctx, s.lease.Pair, 0)
	if err != nil {
		return nil, err
	}

	s.looked = s.Clock.Now()
	if s.run.CancelRequestedAt != nil {
		return cancelled(nil), nil
	}

	if why := store.Stops(view.Integration); why != nil {
		return cancelled(why), nil
	}

	if view.Organisation == nil || view.Organisation.Deleted {
		return cancelled(&organisationDeleted), nil
	}

	s.view, s.meta, s.reads = view, *view.Integration, readConfigured(view.Integration.Configuration)
	if err := s.loadMarkerKey(ctx); err != nil {
		return nil, err
	}

	opened, err := s.Open(ctx, view)
	var no *failure.Error
	if errors.As(err, &no) {
		return refused(no), nil
	}

	s.conn = opened.Connector
	_, s.finder = opened.Connector.(connector.Finder)
	s.chat = chatOf(opened.Connector)
	s.pace = pace{credential: opened.Credential, limits: opened.Limits}
	if err != nil {
		return nil, err
	}

	v, err := s.enter(ctx)
	if s.dry() {
		s.conn = renderer{s.conn}
		s.chat.conn = nil
		s.chat.replier = nil
	}

	return v, err
}

// enter makes sure that the provider may be asked, and at which place.
func (s *slice) enter(ctx context.Context) (*verdict, error) {
	if !s.dry() || !s.located() {
		if v, err := s.admit(ctx); v != nil || err != nil {
			return v, err
		}
	}

	if v, err := s.locate(ctx); v != nil || err != nil {
		return v, err
	}

	if s.dry() {
		return nil, nil
	}

	s.sparing = s.writesPaused()
	if s.tries {
		return nil, nil
	}

	return s.admit(ctx) // what is known of this place
}

// room reports whether new work may begin.
func (s *slice) room() bool { return s.Clock.Now().Before(s.end) }

// progressed notes that the slice brought something forward.
func (s *slice) progressed() { s.run.Idle = 0 }

// commit records a batch, with whatever else has to be recorded.
func (s *slice) commit(ctx context.Context, b store.Batch) error {
	b.Run = s.run
	b.Condition = s.condition
	s.condition = nil
	b.Events = append(b.Events, s.pending...)
	b.EventsDue = s.Clock.Now().Add(s.Settings.LostAfter)
	s.pending = nil
	if b.Condition != nil {
		s.state.Condition = b.Condition
	}

	err := s.Store.Commit(ctx, s.lease, b)
	if err == nil {
		s.recorded = append(s.recorded, b.Events...)
		for _, p := range b.Pulled {
			s.recorded = append(s.recorded, p.Events...)
		}
	}

	return err
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// sooner keeps the earlier of two times in Unix milliseconds, 0 meaning none.
func sooner(ms int64, at time.Time) int64 {
	if t := at.UnixMilli(); ms == 0 || t < ms {
		return t
	}
	return ms
}
