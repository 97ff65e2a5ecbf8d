package worker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	dispatch "example.com/integrations/functions/dispatch/handler"
	"example.com/integrations/local/testkit"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/store"
	"example.com/integrations/shared/syncqueue"
)

var endpoint string

func TestMain(m *testing.M) {
	if os.Getenv(asWorker) != "" {
		if err := workAlone(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}

	os.Exit(testkit.Main(m, &endpoint))
}

// world is an organisation with one integration, its provider and everything
// around the engine, on a virtual clock.
type world struct {
	t        testing.TB
	ctx      context.Context
	clock    *clock
	provider *provider
	wire     *wire
	store    *store.Store // the engine's, whose wire can be cut
	sure     *store.Store // the test's own
	pair     store.IntegrationRef
	sending  sync.Mutex // guards queue
	queue    []syncqueue.Message
	engine   *Engine
	keys     *connectortest.MarkerKeys
	dispatch *dispatch.Handler
	bus      *bus
	limits   limits.Limits
	// credential is one for each test.
	credential string
	table      string
}

// raw gives the sort keys of a partition.
func (w *world) raw(partition string) []string {
	w.t.Helper()
	out, err := testkit.DynamoDBClient(endpoint).Query(w.ctx, &dynamodb.QueryInput{TableName: &w.table, KeyConditionExpression: aws.String("pk = :p"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":p": &types.AttributeValueMemberS{Value: partition}}})
	w.must(err)
	var keys []string
	for _, r := range out.Items {
		if s, ok := r["sk"].(*types.AttributeValueMemberS); ok {
			keys = append(keys, s.Value)
		}
	}

	return keys
}

// erase takes a record of the integration away.
func (w *world) erase(sk string) {
	w.t.Helper()
	_, err := testkit.DynamoDBClient(endpoint).DeleteItem(w.ctx, &dynamodb.DeleteItemInput{TableName: &w.table, Key: map[string]types.AttributeValue{
		"pk": &types.AttributeValueMemberS{Value: "INT#" + w.pair.ID.Sortable()}, "sk": &types.AttributeValueMemberS{Value: sk}}})
	w.must(err)
}

// dueIndex asks the shards of the index of due times only when there is
// something due at all, which one scan finds. In most minutes of a test there is
// not.
type dueIndex struct {
	*store.Store
	table string
}

func (i dueIndex) Due(ctx context.Context, now time.Time, limit int32) ([]store.Due, error) {
	until := &types.AttributeValueMemberN{Value: strconv.FormatInt(now.UnixMilli(), 10)}
	found, err := testkit.DynamoDBClient(endpoint).Scan(ctx, &dynamodb.ScanInput{
		TableName: &i.table, IndexName: aws.String("due"), Select: types.SelectCount,
		FilterExpression: aws.String("due_at <= :now"), ExpressionAttributeValues: map[string]types.AttributeValue{":now": until},
	})
	if err != nil {
		return nil, err
	}
	if found.Count == 0 && found.LastEvaluatedKey == nil {
		return nil, nil
	}

	return i.Store.Due(ctx, now, limit)
}

// pulling switches pulls on, and the integration.
func (w *world) pulling(pull string) {
	w.t.Helper()
	w.reconfigure(store.Change{Enabled: true, Configuration: `{"pull":"` + pull + `"}`, TargetHash: "there", ConfigurationChanged: true})
}

type ctx = context.Context

const invocation = 120 * time.Second

// Send is the queue: it takes messages from several hands, as dispatch has.
func (w *world) Send(_ context.Context, org, integration, run domain.Snowflake) error {
	w.sending.Lock()
	defer w.sending.Unlock()
	w.queue = append(w.queue, syncqueue.Message{Version: 1, OrganisationID: org, IntegrationID: integration, RunID: run})
	return nil
}

// tick is one round of dispatch. Its hands send in any order; here the older
// run's message comes first, so that a history can be played again.
func (w *world) tick() error {
	before := len(w.queue)
	err := w.dispatch.Handle(w.ctx)
	slices.SortFunc(w.queue[before:], func(a, b syncqueue.Message) int { return cmp.Compare(a.RunID, b.RunID) })
	return err
}

// cutOnce tries nothing again that was cut. A connection the client itself has
// closed while it read an answer is no cut, but how Go's transport and the SDK
// get along (https://github.com/aws/aws-sdk-go-v2/issues/2737).
func cutOnce() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.Retryables = []retry.IsErrorRetryable{retry.IsErrorRetryableFunc(func(err error) aws.Ternary {
			return aws.BoolTernary(errors.Is(err, net.ErrClosed))
		})}
	})
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, ctx: t.Context(), clock: &clock{now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)}}
	table := fmt.Sprintf("t%d", rand.Uint64())
	if err := testkit.CreateTable(w.ctx, endpoint, table); err != nil {
		t.Fatal(err)
	}

	w.wire = &wire{next: http.DefaultTransport}
	cut := dynamodb.New(dynamodb.Options{
		Region: "eu-west-1", BaseEndpoint: &endpoint, HTTPClient: &http.Client{Transport: w.wire},
		Credentials: credentials.NewStaticCredentialsProvider("k", "s", ""), Retryer: cutOnce(),
	})
	w.store, w.sure = store.New(cut, table), store.New(testkit.DynamoDBClient(endpoint), table)
	w.provider = &provider{clock: w.clock}
	w.bus = &bus{}
	w.credential = table
	w.table = table
	w.keys = &connectortest.MarkerKeys{}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	w.engine = &Engine{
		Store: w.store, Queue: w, Clock: w.clock, Log: log,
		Open: func(context.Context, store.View) (Opened, error) {
			return Opened{Connector: w.provider, Credential: w.credential, Limits: w.limits}, nil
		},
		Bus: w.bus, Markers: w.keys,
		Settings: Settings{Slice: time.Minute, Call: 30 * time.Second, Settle: 2 * time.Minute,
			LeaseMargin: 10 * time.Second, LostAfter: time.Minute, PullEvery: 15 * time.Minute, Room: 2},
	}

	w.dispatch = &dispatch.Handler{Index: dueIndex{Store: w.sure, table: table}, Schedule: w.sure, Runs: w.runs(), Outbox: w.sure, Erasures: w.sure, Queue: w, Bus: w.bus, Log: log, Now: w.clock.Now, LostAfter: time.Minute}
	w.pair = store.IntegrationRef{ID: 77, OrganisationID: 5, ItemType: "work_item"}
	w.must(w.sure.PutOrganisation(w.ctx, domain.Organisation{ID: 5, OwnerID: 1, Version: 1}))
	w.must(w.sure.CreateIntegration(w.ctx, store.Integration{TargetHash: "there", Integration: domain.Integration{
		ID: 77, OrganisationID: 5, ItemType: "work_item", Provider: domain.GitHub, Enabled: true, Configuration: `{}`}}, nil))

	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) item(id domain.Snowflake, version int64, change func(*domain.Item)) domain.Item {
	i := domain.Item{ID: id, OrganisationID: 5, ItemType: "work_item", FormattedNumber: fmt.Sprint("WI-", id), Version: version,
		Title: fmt.Sprint("item ", id), Description: fmt.Sprint("version ", version), Labels: []string{}, State: domain.Open, UpdatedAt: w.clock.now}
	if change != nil {
		change(&i)
	}

	_, err := w.sure.PutItem(w.ctx, i)
	w.must(err)

	return i
}

// marked stores an item and its mark, as ingest does.
func (w *world) marked(id domain.Snowflake, version int64) domain.Item {
	i := w.item(id, version, nil)
	w.must(w.sure.PutPendingChange(w.ctx, 77, store.PendingChange{ItemID: id, Version: version}))
	return i
}

// start requests a run and sends its message.
func (w *world) start(mode domain.Mode) domain.Snowflake {
	w.t.Helper()
	w.clock.now = w.clock.now.Add(5 * time.Second)
	run := store.ActiveRun{Run: domain.Run{ID: domain.NewSnowflake(w.clock.now), IntegrationID: 77, OrganisationID: 5,
		Mode: mode, Trigger: domain.ByRequest, RequestedAt: w.clock.now, Status: domain.Queued}}
	_, started, err := w.sure.RequestRun(w.ctx, w.pair, run, 2*time.Second, w.clock.now.Add(time.Minute))
	w.must(err)
	if !started { // a scheduled run is under way: its time has a random part
		w.settle()
		run.RequestedAt = w.clock.now.Add(5 * time.Second)
		_, started, err = w.sure.RequestRun(w.ctx, w.pair, run, 2*time.Second, w.clock.now.Add(time.Minute))
		w.must(err)
	}

	if !started {
		w.t.Fatal("the run was not started")
	}

	w.must(w.Send(w.ctx, 5, 77, run.ID))

	return run.ID
}

// slice delivers the next message.
func (w *world) slice() error {
	m := w.queue[0]
	w.queue = w.queue[1:]
	return w.engine.Slice(w.ctx, m, w.clock.now.Add(invocation))
}

// settle lets everything run, dispatch every minute, until no run is active.
func (w *world) settle() {
	w.t.Helper()
	for range 2000 {
		for len(w.queue) > 0 {
			if err := w.slice(); err != nil {
				w.t.Log(err)
			}
		}

		st, err := w.sure.State(w.ctx, 77)
		w.must(err)
		if st == nil || st.Run == nil {
			return
		}

		w.clock.now = w.clock.now.Add(time.Minute)
		w.must(w.tick())
	}

	w.t.Fatal("the run does not end")
}

func (w *world) run(id domain.Snowflake) domain.Run {
	w.t.Helper()
	r, err := w.sure.Run(w.ctx, 77, id, w.clock.now)
	w.must(err)
	return r
}

// exact checks that each item is at the provider once, in its last form.
func (w *world) exact(items ...domain.Item) {
	w.t.Helper()
	all := w.provider.byItem()
	for _, i := range items {
		objects := all[i.ID]
		if len(objects) != 1 {
			w.t.Errorf("item %d: %d objects, want 1", i.ID, len(objects))
			continue
		}

		if got, want := objects[0].content.Hash(), w.provider.Render(i).Hash(); got != want {
			w.t.Errorf("item %d: the provider holds %+v", i.ID, objects[0].content)
		}
	}

	mustBe(w.t, "items at the provider", len(all), len(items))
	marks, err := w.sure.CountPendingChanges(w.ctx, 77)
	w.must(err)
	mustBe(w.t, "marks left", marks, 0)
}

func TestFullThenNothingThenTen(t *testing.T) {
	w := newWorld(t)
	var items []domain.Item
	for n := 1; n <= 230; n++ {
		items = append(items, w.item(domain.Snowflake(n), 1, func(i *domain.Item) {
			if n%3 == 0 {
				i.State = domain.Closed
			}
		}))
	}

	id := w.start(domain.Full)
	w.settle()
	w.exact(items...)
	run := w.run(id)
	mustBe(t, "status", run.Status, domain.Succeeded)
	mustBe(t, "counts", run.Counts, domain.Counts{Created: 230})
	mustBe(t, "creates", w.provider.creates, 230)
	mustBe(t, "closes", w.provider.updates, 76)

	id = w.start(domain.Full)
	w.settle()
	mustBe(t, "second: counts", w.run(id).Counts, domain.Counts{Unchanged: 230})
	mustBe(t, "second: writes", w.provider.creates+w.provider.updates, 230+76)

	for n := range 10 {
		items[n*20] = w.marked(items[n*20].ID, 2)
	}

	id = w.start(domain.Incremental)
	w.settle()
	w.exact(items...)
	mustBe(t, "third: counts", w.run(id).Counts, domain.Counts{Updated: 10})
	mustBe(t, "third: writes", w.provider.creates+w.provider.updates, 230+76+10)
}

// TestCrashAnywhere cuts the table after each number of requests, before and
// after the request takes effect: whatever was under way, each item ends up at
// the provider once.
func TestCrashAnywhere(t *testing.T) {
	for _, take := range []bool{false, true} {
		for cut := 1; cut <= 26; cut++ {
			w := newWorld(t)
			var items []domain.Item
			for n := 1; n <= 5; n++ {
				items = append(items, w.item(domain.Snowflake(n), 1, func(i *domain.Item) {
					if n == 2 {
						i.State = domain.Closed
					}
				}))
			}

			w.start(domain.Full)
			w.wire.reset(cut, take)
			err := w.slice()
			w.wire.reset(0, false)
			if cut < 12 && err == nil {
				t.Errorf("cut %d: the slice did not notice", cut)
			}

			w.clock.now = w.clock.now.Add(invocation)
			w.settle()
			w.exact(items...)
			mustBe(t, fmt.Sprintf("cut %d, taken %v: creates", cut, take), w.provider.creates, 5)
		}
	}
}

// An update arrives, the worker dies before it is recorded, and the item is
// changed back to what was recorded: that is not "unchanged".
func TestAnUpdateThatWasNotRecordedIsInDoubt(t *testing.T) {
	w := newWorld(t)
	text := func(text string) func(*domain.Item) { return func(i *domain.Item) { i.Description = text } }
	w.item(1, 1, text("first"))
	w.start(domain.Full)
	w.settle()
	w.item(1, 2, text("second"))
	w.must(w.sure.PutPendingChange(w.ctx, 77, store.PendingChange{ItemID: 1, Version: 2}))
	w.provider.after = func(string, domain.Snowflake) error {
		w.wire.reset(1, false)
		return nil
	}
	w.start(domain.Incremental)
	if err := w.slice(); !errors.Is(err, errCut) {
		t.Fatalf("the worker lives: %v", err)
	}

	w.provider.after = nil
	w.wire.reset(0, false)
	item := w.item(1, 3, text("first"))
	w.must(w.sure.PutPendingChange(w.ctx, 77, store.PendingChange{ItemID: 1, Version: 3}))
	w.clock.now = w.clock.now.Add(2 * invocation)
	w.must(w.tick())
	w.settle()
	w.exact(item)
}

func TestLostAnswerIsLookedForBeforeASecondCreate(t *testing.T) {
	for _, applied := range []bool{true, false} {
		w := newWorld(t)
		item := w.marked(1, 1)
		failed := false
		fail := func(write string, _ domain.Snowflake) error {
			if write == "create" && !failed {
				failed = true
				return ambiguous()
			}
			return nil
		}
		if applied {
			w.provider.after = fail
		} else {
			w.provider.before = fail
		}

		w.provider.lag = 30 * time.Second
		id := w.start(domain.Incremental)
		w.must(w.slice())
		run := w.run(id)
		mustBe(t, "status", run.Status, domain.Waiting)
		mustBe(t, "reason", *run.WaitingReason, "reconciling")
		_, links, err := w.sure.ItemsAndLinks(w.ctx, w.pair, placed, []domain.Snowflake{1}, false)
		w.must(err)
		mustBe(t, "outcome", links[1].Outcome, domain.Unknown)
		mustBe(t, "creates so far", w.provider.creates, map[bool]int{true: 1, false: 0}[applied])
		w.settle()
		w.exact(item)
		mustBe(t, "creates", w.provider.creates, 1)
		mustBe(t, "counts", w.run(id).Counts, domain.Counts{Created: 1})
	}
}

func TestRateLimitParksTheRun(t *testing.T) {
	w := newWorld(t)
	items := []domain.Item{w.marked(1, 1), w.marked(2, 1), w.marked(3, 1)}
	refusals := 0
	w.provider.before = func(_ string, item domain.Snowflake) error {
		if item == 2 && refusals < 2 {
			refusals++
			return &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "rate_limited", Wait: 7 * time.Minute}
		}
		return nil
	}

	id := w.start(domain.Incremental)
	w.must(w.slice())
	run := w.run(id)
	mustBe(t, "status", run.Status, domain.Waiting)
	mustBe(t, "reason", *run.WaitingReason, "rate_limited")
	mustBe(t, "until", run.WaitingUntil.Sub(w.clock.now).Round(time.Second), 7*time.Minute)
	mustBe(t, "remaining", *run.Remaining, 2)
	w.settle()
	w.exact(items...)
	mustBe(t, "lists asked: the refused creates never left", w.provider.finds, 0)
	for _, o := range w.provider.objects {
		mustBe(t, "attempts of an item that was created once", o.marker.Attempt, 1)
	}

	mustBe(t, "counts", w.run(id).Counts, domain.Counts{Created: 3})
}

func TestAChangeDuringTheRunIsNotLost(t *testing.T) {
	w := newWorld(t)
	var last domain.Item
	w.marked(1, 1)
	w.provider.after = func(write string, item domain.Snowflake) error {
		if write == "create" {
			last = w.marked(1, 2)
			w.must(w.sure.Signal(w.ctx, 77))
		}
		return nil
	}

	w.start(domain.Incremental)
	w.settle()
	w.exact(last)
}

func TestFailedItemsDoNotStopOthersAndArePutOff(t *testing.T) {
	w := newWorld(t)
	w.marked(1, 1)
	other := w.marked(2, 1)
	refuse := true
	w.provider.before = func(_ string, item domain.Snowflake) error {
		if item == 1 && refuse {
			return &failure.Error{Class: failure.Final, Scope: failure.ItemScope, Code: "rejected", Detail: "title is too long"}
		}
		return nil
	}

	id := w.start(domain.Incremental)
	w.settle()
	mustBe(t, "status", w.run(id).Status, domain.Partial)
	mustBe(t, "counts", w.run(id).Counts, domain.Counts{Created: 1, Failed: 1})
	mustBe(t, "others", len(w.provider.byItem()[other.ID]), 1)
	refuse = false
	for range 3 { // dispatch starts the retry when it is due, not before
		w.clock.now = w.clock.now.Add(25 * time.Second)
		w.must(w.tick())
		w.settle()
	}

	mustBe(t, "retried", len(w.provider.byItem()[1]), 1)
}

func TestRejectedCredentialsEndTheRunAndKeepTheMarks(t *testing.T) {
	w := newWorld(t)
	w.marked(1, 1)
	w.provider.before = func(string, domain.Snowflake) error {
		return &failure.Error{Class: failure.Final, Scope: failure.IntegrationScope, Code: "credentials_rejected"}
	}
	id := w.start(domain.Incremental)
	w.settle()
	run := w.run(id)
	mustBe(t, "status", run.Status, domain.Failed)
	mustBe(t, "code", run.Error.Code, "credentials_rejected")
	n, err := w.sure.CountPendingChanges(w.ctx, 77)
	w.must(err)
	mustBe(t, "marks", n, 1)
}

// lead gives the integration a configuration that leads to another place, or
// back.
func (w *world) lead(target string) {
	w.t.Helper()
	w.provider.place = there
	if target != "there" {
		w.provider.place = elsewhere
	}

	v, err := w.sure.View(w.ctx, w.pair, 0)
	w.must(err)
	_, err = w.sure.UpdateIntegration(w.ctx, v, store.Change{Enabled: true, Configuration: `{}`, TargetHash: target, ConfigurationChanged: true}, w.clock.now)
	w.must(err)
}

func TestThereAndBackCreatesNothingTwice(t *testing.T) {
	w := newWorld(t)
	items := []domain.Item{w.item(1, 1, nil), w.item(2, 1, nil)}
	w.start(domain.Full)
	w.settle()
	home := w.provider
	away := &provider{clock: w.clock, place: elsewhere}
	w.provider = away
	w.lead("elsewhere")
	w.start(domain.Full)
	w.settle()
	w.exact(items...)
	w.provider = home
	w.lead("there")
	id := w.start(domain.Full)
	w.settle()
	w.exact(items...)
	mustBe(t, "creates at home", home.creates, 2)
	mustBe(t, "creates away", away.creates, 2)
	mustBe(t, "counts", w.run(id).Counts, domain.Counts{Unchanged: 2})
}

func TestANewTargetCancelsTheRun(t *testing.T) {
	w := newWorld(t)
	w.marked(1, 1)
	w.provider.before = func(string, domain.Snowflake) error {
		return &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "rate_limited", Wait: time.Hour}
	}
	id := w.start(domain.Incremental)
	w.must(w.slice())
	mustBe(t, "status", w.run(id).Status, domain.Waiting)
	w.provider.before = nil
	w.lead("elsewhere")
	w.settle()
	run := w.run(id)
	mustBe(t, "status", run.Status, domain.Cancelled)
	mustBe(t, "code", run.Error.Code, "configuration_changed")
	mustBe(t, "creates", w.provider.creates, 0)
}

func TestASecondWorkerDropsItsMessage(t *testing.T) {
	w := newWorld(t)
	item := w.marked(1, 1)
	id := w.start(domain.Incremental)
	w.provider.before = func(string, domain.Snowflake) error {
		return w.engine.Slice(w.ctx, syncqueue.Message{Version: 1, OrganisationID: 5, IntegrationID: 77, RunID: id}, w.clock.now.Add(invocation))
	}
	w.settle()
	w.exact(item)
	mustBe(t, "creates", w.provider.creates, 1)
}

// D4: a message that names the right run and another organisation takes neither
// the lease nor a turn, so that the right message is worked on at once.
func TestAMessageOfAnotherOrganisationIsRefused(t *testing.T) {
	w := newWorld(t)
	item := w.marked(1, 1)
	id := w.start(domain.Incremental)
	right := w.queue[0]
	w.queue[0].OrganisationID = 6
	if err := w.slice(); !errors.Is(err, ErrWrongOrganisation) {
		t.Errorf("got %v", err)
	}

	mustBe(t, "creates", w.provider.creates, 0)
	state, err := w.sure.State(w.ctx, 77)
	w.must(err)
	mustBe(t, "fence", state.Fence, 0)
	mustBe(t, "lease", state.LeaseID, "")
	mustBe(t, "records of the other organisation", len(w.raw("ORG#"+domain.Snowflake(6).Sortable())), 0)

	w.queue = append(w.queue, right)
	w.must(w.slice())
	mustBe(t, "status", w.run(id).Status, domain.Succeeded)
	w.exact(item)
}

func TestLongRunsGoInSlices(t *testing.T) {
	w := newWorld(t)
	var items []domain.Item
	for n := 1; n <= 120; n++ {
		items = append(items, w.item(domain.Snowflake(n), 1, nil))
	}

	w.provider.before = func(string, domain.Snowflake) error {
		w.clock.now = w.clock.now.Add(time.Second)
		return nil
	}
	id := w.start(domain.Full)
	slices := 0
	for len(w.queue) > 0 {
		w.must(w.slice())
		slices++
	}

	mustBe(t, "slices", slices, 3)
	w.exact(items...)
	mustBe(t, "lists asked: intents that never left were taken back", w.provider.finds, 0)
	mustBe(t, "counts", w.run(id).Counts, domain.Counts{Created: 120})
}
