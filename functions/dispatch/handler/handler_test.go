package handler_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync"
	"testing"
	"time"

	"example.com/integrations/functions/dispatch/handler"
	"example.com/integrations/local/testkit"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
	"example.com/integrations/shared/runs"
	"example.com/integrations/shared/store"
)

var dynamoURL string

func TestMain(m *testing.M) { os.Exit(testkit.Main(m, &dynamoURL)) }

var (
	pair  = store.IntegrationRef{ID: 501, OrganisationID: 1001, ItemType: "work_item"}
	start = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
)

// A queue records the runs messages are sent for.
type queue struct {
	mu   sync.Mutex
	sent []string // organisation/integration/run
	err  error
}

func (q *queue) Send(_ context.Context, organisation, integration, run domain.Snowflake) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sent = append(q.sent, fmt.Sprintf("%s/%s/%s", organisation, integration, run))
	return q.err
}

func (q *queue) take() []string {
	q.mu.Lock()
	defer q.mu.Unlock()
	sent := q.sent
	q.sent = nil
	return sent
}

// A bus takes notices, unless it is away.
type bus struct {
	mu    sync.Mutex
	taken []domain.Snowflake
	err   error
}

func (b *bus) Publish(_ context.Context, notices []outgoing.Event) ([]outgoing.Event, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.err != nil {
		return nil, b.err
	}

	for _, n := range notices {
		b.taken = append(b.taken, n.ID)
	}

	return notices, nil
}

type world struct {
	store *store.Store
	queue *queue
	bus   *bus
	now   time.Time
	h     *handler.Handler
}

func newWorld(t *testing.T) *world {
	t.Helper()
	table := rand.Text()
	must(t, testkit.CreateTable(t.Context(), dynamoURL, table))
	w := &world{store: store.New(testkit.DynamoDBClient(dynamoURL), table), queue: &queue{}, bus: &bus{}, now: start}
	w.h = &handler.Handler{
		Index: w.store, Schedule: w.store, Runs: w.runs(), Outbox: w.store, Erasures: w.store, Queue: w.queue, Bus: w.bus, LostAfter: time.Minute,
		Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return w.now },
	}

	return w
}

// runs starts what is due in the world's table.
func (w *world) runs() *runs.Runs {
	return &runs.Runs{Table: w.store, Queue: w.queue, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return w.now }, LostAfter: time.Minute}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// request starts a run whose message is to arrive within a minute.
func (w *world) request(t *testing.T, p store.IntegrationRef) store.ActiveRun {
	t.Helper()
	run := store.ActiveRun{Run: domain.Run{
		ID: p.ID + 1000, IntegrationID: p.ID, OrganisationID: p.OrganisationID, Mode: domain.Incremental, RequestedAt: w.now, Status: domain.Queued,
	}}
	if _, started, err := w.store.RequestRun(t.Context(), p, run, 0, w.now.Add(time.Minute)); !started || err != nil {
		t.Fatal(started, err)
	}

	return run
}

func (w *world) acquire(t *testing.T, run domain.Snowflake, until time.Time) (store.State, store.Lease) {
	t.Helper()
	st, lease, held, err := w.store.Acquire(t.Context(), pair, run, rand.Text(), w.now, until)
	if !held || err != nil {
		t.Fatal(held, err)
	}
	return st, lease
}

func (w *world) state(t *testing.T) *store.State {
	t.Helper()
	st, err := w.store.State(t.Context(), pair.ID)
	must(t, err)
	return st
}

// tick expects exactly the given messages of one tick at a time.
func (w *world) tick(t *testing.T, at time.Time, want ...string) {
	t.Helper()
	w.now = at
	must(t, w.h.Handle(t.Context()))
	if got := w.queue.take(); !slices.Equal(got, want) {
		t.Errorf("at %s: sent %v, want %v", at.Sub(start), got, want)
	}
}

const message = "1001/501/1501"

// A lost message is sent again after 1, 2, 4 … 60 minutes.
func TestLostMessageBacksOff(t *testing.T) {
	w := newWorld(t)
	w.request(t, pair)
	w.tick(t, start.Add(time.Minute-time.Millisecond))
	at := start.Add(time.Minute)
	for n, minutes := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		w.tick(t, at, message)
		w.tick(t, at) // the same minute again
		next := at.Add(minutes * time.Minute)
		if st := w.state(t); st.DueAt != next.UnixMilli() || st.DueCount != int64(n+1) {
			t.Fatalf("try %d: due %s later, counted %d", n, time.UnixMilli(st.DueAt).Sub(at), st.DueCount)
		}

		w.tick(t, next.Add(-time.Millisecond))
		at = next
	}

	// A worker that takes it up resets the count.
	w.acquire(t, 1501, at.Add(time.Hour))
	if st := w.state(t); st.DueCount != 0 {
		t.Errorf("%+v", st)
	}
}

func TestEndedWait(t *testing.T) {
	w := newWorld(t)
	run := w.request(t, pair)
	_, lease := w.acquire(t, run.ID, start.Add(time.Minute))
	run.Status = domain.Waiting
	must(t, w.store.Release(t.Context(), lease, run, start.Add(time.Hour)))
	w.tick(t, start.Add(time.Hour-time.Millisecond))
	w.tick(t, start.Add(time.Hour), message)
}

func TestExpiredLease(t *testing.T) {
	w := newWorld(t)
	run := w.request(t, pair)
	w.acquire(t, run.ID, start.Add(10*time.Minute))
	w.tick(t, start.Add(5*time.Minute)) // a live lease: somebody is at work
	w.tick(t, start.Add(10*time.Minute), message)
}

// end ends the active run, with items to be tried again later.
func (w *world) end(t *testing.T, retry time.Time) {
	t.Helper()
	run := w.request(t, pair)
	_, lease := w.acquire(t, run.ID, w.now.Add(time.Minute))
	run.Status = domain.Partial
	run.FinishedAt = &w.now
	must(t, w.store.Finish(t.Context(), lease, store.Ending{Run: run.Run, Mode: run.Mode, MetaVersion: 1, RetryAt: retry, EventsDue: start.Add(1000 * time.Hour)}))
}

// own makes the integration and its organisation.
func (w *world) own(t *testing.T, enabled, deleted bool) {
	t.Helper()
	must(t, w.store.PutOrganisation(t.Context(), domain.Organisation{ID: pair.OrganisationID, OwnerID: 1, Version: 1, Deleted: deleted}))
	must(t, w.store.CreateIntegration(t.Context(), store.Integration{Integration: domain.Integration{
		ID: pair.ID, OrganisationID: pair.OrganisationID, ItemType: pair.ItemType, Provider: domain.GitHub, Enabled: enabled, Configuration: "{}",
	}}, nil))
}

// What may not run is not started, and left alone until somebody asks for it.
func TestNothingIsStartedForWhatMayNotRun(t *testing.T) {
	for name, prepare := range map[string]func(*world, *testing.T){
		"disabled": func(w *world, t *testing.T) {
			v, err := w.store.View(t.Context(), pair, 0)
			must(t, err)
			_, err = w.store.UpdateIntegration(t.Context(), v, store.Change{}, w.now)
			must(t, err)
		},
		"organisation deleted": func(w *world, t *testing.T) {
			must(t, w.store.PutOrganisation(t.Context(), domain.Organisation{ID: pair.OrganisationID, OwnerID: 1, Version: 2, Deleted: true}))
		},
	} {
		w := newWorld(t)
		w.own(t, true, false)
		w.end(t, start.Add(time.Minute))
		prepare(w, t)
		w.tick(t, start.Add(time.Minute))
		if st := w.state(t); st.Run != nil || st.DueAt != 0 {
			t.Errorf("%s: %+v", name, st)
		}
	}
}

// A pull that is due earlier than a retry starts a run, and the other way
// round; what is left comes due in its time.
func TestPullIsDue(t *testing.T) {
	w := newWorld(t)
	w.own(t, true, false)
	run := w.request(t, pair)
	_, lease := w.acquire(t, run.ID, w.now.Add(time.Minute))
	run.Status = domain.Succeeded
	run.FinishedAt = &w.now
	must(t, w.store.Finish(t.Context(), lease, store.Ending{Run: run.Run, Mode: run.Mode, MetaVersion: 1, RetryAt: start.Add(time.Hour), PullAt: start.Add(10 * time.Minute), EventsDue: start.Add(1000 * time.Hour)}))
	w.tick(t, start.Add(9*time.Minute))
	w.now = start.Add(10 * time.Minute)
	must(t, w.h.Handle(t.Context()))
	if st := w.state(t); st.Run == nil || st.Run.Trigger != domain.BySchedule || len(w.queue.take()) != 1 {
		t.Errorf("%+v", st)
	}
}

// Notices the bus has not taken are published again after 1, 2, 4 … minutes,
// each once a time, until they are taken.
func TestNoticesAreDue(t *testing.T) {
	w := newWorld(t)
	w.own(t, true, false)
	run := w.request(t, pair)
	_, lease := w.acquire(t, run.ID, w.now.Add(time.Minute))
	run.Status = domain.Succeeded
	run.FinishedAt = &w.now
	must(t, w.store.Finish(t.Context(), lease, store.Ending{Run: run.Run, Mode: run.Mode, MetaVersion: 1, EventsDue: start.Add(time.Minute)}))
	w.bus.err = errors.New("the bus is away")
	for _, at := range []time.Duration{1, 2, 4} {
		w.now = start.Add(at * time.Minute)
		if err := w.h.Handle(t.Context()); !errors.Is(err, w.bus.err) {
			t.Errorf("after %d minutes: %v", at, err)
		}
		must(t, w.h.Handle(t.Context())) // the same minute again
	}

	w.bus.err = nil
	w.tick(t, start.Add(7*time.Minute))
	w.tick(t, start.Add(8*time.Minute))
	w.tick(t, start.Add(80*time.Hour))
	if !slices.Equal(w.bus.taken, []domain.Snowflake{run.ID}) {
		t.Errorf("taken: %v", w.bus.taken)
	}
}

// hurried is a context that always says it ends soon and never ends: a slow
// machine changes nothing.
type hurried struct{ context.Context }

func (hurried) Deadline() (time.Time, bool) { return time.Now().Add(4 * time.Second), true }

// A tick that runs out of time leaves the rest due.
func TestATickIsBounded(t *testing.T) {
	w := newWorld(t)
	for id := range domain.Snowflake(20) {
		w.request(t, store.IntegrationRef{ID: 600 + id, OrganisationID: 1001, ItemType: "work_item"})
	}

	w.now = start.Add(time.Hour)
	must(t, w.h.Handle(hurried{t.Context()}))
	if sent := w.queue.take(); len(sent) != 0 {
		t.Errorf("sent %d messages without time for them", len(sent))
	}

	must(t, w.h.Handle(t.Context()))
	if sent := w.queue.take(); len(sent) != 20 {
		t.Errorf("sent %d of 20", len(sent))
	}
}

func TestRetryIsDue(t *testing.T) {
	w := newWorld(t)
	w.own(t, true, false)
	w.end(t, start.Add(5*time.Minute))
	w.tick(t, start.Add(5*time.Minute-time.Millisecond))
	w.now = start.Add(5 * time.Minute)
	must(t, w.h.Handle(t.Context()))
	st := w.state(t)
	sent := w.queue.take()
	if st.Run == nil || st.Run.Trigger != domain.BySchedule || st.Run.Mode != domain.Incremental || !st.Signaled ||
		st.DueAt != w.now.Add(time.Minute).UnixMilli() || st.IntegrationRef != pair {
		t.Fatalf("%+v", st)
	}

	if want := []string{"1001/501/" + st.Run.ID.String()}; !slices.Equal(sent, want) {
		t.Errorf("sent %v, want %v", sent, want)
	}

	w.tick(t, w.now)
}

func TestNothingDue(t *testing.T) {
	w := newWorld(t)
	w.own(t, true, false)
	w.tick(t, start.Add(time.Hour))
	w.end(t, time.Time{})
	w.tick(t, start.Add(2*time.Hour))
}

// What the index shows decides nothing: the state is read again.
func TestIndexMayBeStale(t *testing.T) {
	w := newWorld(t)
	w.own(t, true, false)
	w.request(t, pair)
	w.h.Index = stale{w.store, []store.Due{{IntegrationID: pair.ID, Kind: store.LiveRun}, {IntegrationID: 999, Kind: store.LiveRun}}}
	w.tick(t, start) // not due, and not there
	w.finish(t)
	w.tick(t, start.Add(time.Hour))
}

func (w *world) finish(t *testing.T) {
	t.Helper()
	st, lease := w.acquire(t, 1501, w.now.Add(time.Minute))
	st.Run.FinishedAt = &w.now
	must(t, w.store.Finish(t.Context(), lease, store.Ending{Run: st.Run.Run, Mode: st.Run.Mode, MetaVersion: 1, EventsDue: start.Add(1000 * time.Hour)}))
}

type stale struct {
	*store.Store
	due []store.Due
}

func (s stale) Due(context.Context, time.Time, int32) ([]store.Due, error) { return s.due, nil }

// Two dispatchers at once send one message, for a lost one and for a retry.
func TestTwoDispatchers(t *testing.T) {
	for name, prepare := range map[string]func(*world, *testing.T){
		"lost message": func(w *world, t *testing.T) { w.request(t, pair) },
		"retry": func(w *world, t *testing.T) {
			w.own(t, true, false)
			w.end(t, start.Add(time.Minute))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			prepare(w, t)
			w.now = start.Add(time.Hour)
			barrier := &meeting{Store: w.store}
			barrier.all.Add(2)
			w.h.Index = barrier
			done := make(chan error)
			for range 2 {
				go func() { done <- w.h.Handle(t.Context()) }()
			}

			if err := errors.Join(<-done, <-done); err != nil {
				t.Error(err)
			}

			if sent := w.queue.take(); len(sent) != 1 {
				t.Errorf("sent %v", sent)
			}
		})
	}
}

// A meeting lets both dispatchers see the same state before either acts.
type meeting struct {
	*store.Store
	all sync.WaitGroup
}

func (m *meeting) StateIn(ctx context.Context, id domain.Snowflake, lane store.RunKind) (*store.State, error) {
	st, err := m.Store.StateIn(ctx, id, lane)
	m.all.Done()
	m.all.Wait()
	return st, err
}

// A send that fails is reported, does not stop the others, and is made again
// only when it is due again.
func TestFailingSend(t *testing.T) {
	w := newWorld(t)
	w.request(t, pair)
	w.request(t, store.IntegrationRef{ID: 502, OrganisationID: 1001, ItemType: "work_item"})
	w.now, w.queue.err = start.Add(time.Minute), errors.New("the queue is away")
	if err := w.h.Handle(t.Context()); !errors.Is(err, w.queue.err) {
		t.Error(err)
	}

	if sent := w.queue.take(); len(sent) != 2 {
		t.Errorf("tried %v", sent)
	}

	w.queue.err = nil
	w.tick(t, start.Add(time.Minute))
}
