package handler_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"example.com/integrations/functions/ingest/handler"
	"example.com/integrations/local/testkit"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/runs"
	"example.com/integrations/shared/store"
)

var dynamoURL string

func TestMain(m *testing.M) { os.Exit(testkit.Main(m, &dynamoURL)) }

const org = domain.Snowflake(1001)

var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// A queue records what is sent.
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

type world struct {
	table string
	wire  *wire
	store *store.Store
	queue *queue
	log   *bytes.Buffer
	h     *handler.Handler
	runs  *runs.Runs
}

// newWorld has two enabled integrations of work items, 501 and 502, a disabled
// one and one of documents.
func newWorld(t *testing.T) *world {
	t.Helper()
	table := rand.Text()
	must(t, testkit.CreateTable(t.Context(), dynamoURL, table))
	w := &world{table: table, wire: &wire{}, queue: &queue{}, log: &bytes.Buffer{}}
	w.store = store.New(w.wire.client(), table)
	log := slog.New(slog.NewJSONHandler(w.log, nil))
	w.runs = &runs.Runs{Table: w.store, Queue: w.queue, Log: log, Now: func() time.Time { return now }, LostAfter: time.Minute}
	w.h = &handler.Handler{
		Items: w.store, Organisations: w.store, Grants: w.store, Marks: w.store, Runs: w.runs,
		Log: log, Now: func() time.Time { return now },
	}
	for _, i := range []domain.Integration{
		{ID: 501, ItemType: "work_item", Enabled: true}, {ID: 502, ItemType: "work_item", Enabled: true},
		{ID: 503, ItemType: "work_item"}, {ID: 504, ItemType: "document", Enabled: true},
	} {
		i.OrganisationID = org
		must(t, w.store.CreateIntegration(t.Context(), store.Integration{Integration: i, TargetHash: i.ID.String()}, nil))
	}

	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// change is an item event's detail with members changed; nil takes one out.
func change(members map[string]any) map[string]any {
	d := map[string]any{
		"id": "7", "organisation_id": org.String(), "item_type": "work_item", "prefix_id": nil, "formatted_number": "W-7", "version": 1,
		"title": "t", "description": "d", "url": "https://example.com/7", "state": "open", "status": "new", "labels": []string{}, "updated_at": now,
	}
	maps.Copy(d, members)
	return d
}

func message(detailType string, detail any) string {
	b, err := json.Marshal(map[string]any{"id": "e", "detail-type": detailType, "source": "platform", "detail": detail})
	if err != nil {
		panic(err) // maps of plain values always marshal
	}
	return string(b)
}

// give handles a batch and returns the message ids, 0, 1, 2 …, that failed.
func (w *world) give(t *testing.T, bodies ...string) []string {
	t.Helper()
	var batch events.SQSEvent
	for n, body := range bodies {
		batch.Records = append(batch.Records, events.SQSMessage{MessageId: fmt.Sprint(n), Body: body})
	}

	out, err := w.h.Handle(t.Context(), batch)
	must(t, err)
	var failed []string
	for _, f := range out.BatchItemFailures {
		failed = append(failed, f.ItemIdentifier)
	}

	return failed
}

// inOrder handles bodies one after the other, and returns which failed.
func (w *world) inOrder(t *testing.T, bodies ...string) (failed []string) {
	t.Helper()
	for n, body := range bodies {
		if w.give(t, body) != nil {
			failed = append(failed, fmt.Sprint(n))
		}
	}

	return failed
}

// marks lists item@version.
func (w *world) marks(t *testing.T, integration domain.Snowflake) []string {
	t.Helper()
	marks, _, err := w.store.PendingChanges(t.Context(), integration, "", 100)
	must(t, err)
	var all []string
	for _, m := range marks {
		all = append(all, fmt.Sprintf("%s@%d", m.ItemID, m.Version))
	}

	return all
}

func (w *world) state(t *testing.T, integration domain.Snowflake) *store.State {
	t.Helper()
	st, err := w.store.State(t.Context(), integration)
	must(t, err)
	return st
}

func TestFourSteps(t *testing.T) {
	w := newWorld(t)
	if failed := w.give(t, message("item.created", change(nil))); failed != nil {
		t.Fatal(failed, w.log)
	}

	items, _, err := w.store.ItemsAndLinks(t.Context(), store.IntegrationRef{ID: 501, OrganisationID: org, ItemType: "work_item"}, "there", []domain.Snowflake{7}, true)
	if err != nil || items[7].Title != "t" {
		t.Errorf("stored %+v, %v", items, err)
	}

	for _, id := range []domain.Snowflake{501, 502} {
		st := w.state(t, id)
		if got := w.marks(t, id); !slices.Equal(got, []string{"7@1"}) {
			t.Errorf("marks of %s: %v", id, got)
		}

		if st == nil || !st.Signaled || st.Run == nil || st.Run.Trigger != domain.ByEvent || st.Run.Mode != domain.Incremental ||
			st.Run.RequestedBy != nil || st.DueAt != now.Add(time.Minute).UnixMilli() {
			t.Fatalf("%+v", st)
		}

		if want := fmt.Sprintf("%s/%s/%s", org, id, st.Run.ID); !slices.Contains(w.queue.sent, want) {
			t.Errorf("sent %v, not %s", w.queue.sent, want)
		}
	}

	for _, id := range []domain.Snowflake{503, 504} {
		if got, st := w.marks(t, id), w.state(t, id); got != nil || st != nil {
			t.Errorf("%s is not concerned: %v, %+v", id, got, st)
		}
	}

	if len(w.queue.sent) != 2 {
		t.Errorf("sent %v", w.queue.sent)
	}
}

func TestEventsTwiceLateAndOutOfOrder(t *testing.T) {
	w := newWorld(t)
	created := message("item.created", change(nil))
	updated := message("item.updated", change(map[string]any{"version": 3}))
	late := message("item.updated", change(map[string]any{"version": 2}))
	if failed := w.inOrder(t, created, created, updated, late, updated); failed != nil {
		t.Fatal(failed, w.log)
	}

	if got := w.marks(t, 501); !slices.Equal(got, []string{"7@1", "7@3"}) {
		t.Errorf("%v", got)
	}

	if len(w.queue.sent) != 2 {
		t.Errorf("one run each, and yet: %v", w.queue.sent)
	}
}

// A crash after any step is mended when the event comes again: an equal
// version goes on with the steps that follow.
func TestEqualVersionContinues(t *testing.T) {
	w := newWorld(t)
	broken := &failing{Store: w.store, err: errors.New("the table is throttled")}
	w.h.Marks = broken
	w.runs.Table = broken
	body := message("item.created", change(nil))
	for _, step := range []string{"list", "mark", "state", "run"} {
		broken.step = step
		if failed := w.give(t, body); !slices.Equal(failed, []string{"0"}) {
			t.Errorf("%s: failed %v", step, failed)
		}
	}

	if len(w.queue.sent) != 0 {
		t.Errorf("sent %v", w.queue.sent)
	}

	broken.step = ""
	if failed := w.give(t, body); failed != nil || len(w.queue.sent) != 2 {
		t.Errorf("failed %v, sent %v", failed, w.queue.sent)
	}

	for _, id := range []domain.Snowflake{501, 502} {
		if got, st := w.marks(t, id), w.state(t, id); !slices.Equal(got, []string{"7@1"}) || !st.Signaled {
			t.Errorf("%v, %+v", got, st)
		}
	}
}

// failing is the real store, but that one step fails.
type failing struct {
	*store.Store
	step string
	err  error
}

func (f *failing) EnabledOfType(ctx context.Context, o domain.Snowflake, t domain.ItemType) ([]store.Listener, error) {
	if f.step == "list" {
		return nil, f.err
	}
	return f.Store.EnabledOfType(ctx, o, t)
}

func (f *failing) PutPendingChange(ctx context.Context, i domain.Snowflake, m store.PendingChange) error {
	if f.step == "mark" {
		return f.err
	}
	return f.Store.PutPendingChange(ctx, i, m)
}

func (f *failing) States(ctx context.Context, ids []domain.Snowflake) (map[domain.Snowflake]*store.State, error) {
	if f.step == "state" {
		return nil, f.err
	}
	return f.Store.States(ctx, ids)
}

func (f *failing) SignalWithRun(ctx context.Context, p store.IntegrationRef, r store.ActiveRun, due time.Time) (bool, error) {
	if f.step == "run" {
		return false, f.err
	}
	return f.Store.SignalWithRun(ctx, p, r, due)
}

func TestWakesTheActiveRun(t *testing.T) {
	w := newWorld(t)
	pair := store.IntegrationRef{ID: 504, OrganisationID: org, ItemType: "document"}
	run := store.ActiveRun{Run: domain.Run{ID: 9, IntegrationID: 504, OrganisationID: org, Mode: domain.Full, RequestedAt: now, Status: domain.Queued}}
	if _, started, err := w.store.RequestRun(t.Context(), pair, run, 0, now); !started || err != nil {
		t.Fatal(started, err)
	}

	body := message("item.created", change(map[string]any{"item_type": "document"}))
	for range 2 {
		if failed := w.give(t, body); failed != nil {
			t.Fatal(failed, w.log)
		}

		if st := w.state(t, 504); !st.Signaled || st.Run.ID != 9 || st.Run.Mode != domain.Full || len(w.queue.sent) != 0 {
			t.Errorf("%+v, sent %v", st, w.queue.sent)
		}
	}
}

func TestDeletion(t *testing.T) {
	w := newWorld(t)
	gone := func(version int) string {
		return message("item.deleted", map[string]any{"id": "7", "organisation_id": org.String(), "version": version})
	}
	if failed := w.inOrder(t, message("item.created", change(map[string]any{"version": 2})), gone(1), gone(3), gone(3)); failed != nil {
		t.Fatal(failed, w.log)
	}

	if got := w.marks(t, 501); !slices.Equal(got, []string{"7@2", "7@3"}) {
		t.Errorf("%v", got)
	}

	// A deletion that comes first: nothing to do, and its late creation is nothing either.
	w = newWorld(t)
	if failed := w.inOrder(t, gone(2), message("item.created", change(nil))); failed != nil || w.marks(t, 501) != nil || len(w.queue.sent) != 0 {
		t.Errorf("failed %v, marks %v, sent %v", failed, w.marks(t, 501), w.queue.sent)
	}
}

func TestMalformedFailsAlone(t *testing.T) {
	w := newWorld(t)
	good := func(id string) string { return message("item.created", change(map[string]any{"id": id})) }
	if failed := w.give(t, good("1")); failed != nil {
		t.Fatal(failed, w.log)
	}

	failed := w.give(t,
		good("1"),
		"not JSON",
		message("item.created", change(map[string]any{"title": nil})),
		message("item.moved", change(nil)),
		good("2"),
		message("item.created", change(map[string]any{"version": 0})),
		message("item.updated", change(map[string]any{"id": "1", "item_type": "document", "version": 2})),
		`{"detail-type":"item.created"}`,
		good("3"),
	)
	if want := []string{"1", "2", "3", "5", "6", "7"}; !slices.Equal(failed, want) {
		t.Errorf("failed %v, want %v", failed, want)
	}

	if got := w.marks(t, 501); !slices.Equal(got, []string{"1@1", "2@1", "3@1"}) {
		t.Errorf("%v", got)
	}

	if n := strings.Count(w.log.String(), `"malformed":true,"reason":"`); n != 6 {
		t.Errorf("%d of 6 reasons are logged:\n%s", n, w.log)
	}
}

// What cannot be sent is left for dispatch; the event is done.
func TestFailingSend(t *testing.T) {
	w := newWorld(t)
	w.queue.err = errors.New("the queue is away")
	if failed := w.give(t, message("item.created", change(nil))); failed != nil {
		t.Errorf("failed %v", failed)
	}

	if st := w.state(t, 501); st.Run == nil || st.DueAt != now.Add(time.Minute).UnixMilli() || !strings.Contains(w.log.String(), "the queue is away") {
		t.Errorf("%+v", st)
	}
}
