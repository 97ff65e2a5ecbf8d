package worker

import (
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
	"example.com/integrations/shared/store"
)

// minutes lets so many minutes pass, dispatch in each.
func (w *world) minutes(n int) {
	w.t.Helper()
	for range n {
		for len(w.queue) > 0 {
			if err := w.slice(); err != nil {
				w.t.Log(err)
			}
		}

		w.clock.now = w.clock.now.Add(time.Minute)
		w.must(w.tick())
	}
}

const day = 24 * 60

func refusedItem() error {
	return &failure.Error{Class: failure.Final, Scope: failure.ItemScope, Code: "rejected"}
}

func (w *world) marksLeft(want int) {
	w.t.Helper()
	n, err := w.sure.CountPendingChanges(w.ctx, 77)
	w.must(err)
	mustBe(w.t, "marks left", n, want)
}

// hard has a provider not answer one kind of write for item 1.
func hard(write string) func(string, domain.Snowflake) error {
	return func(step string, id domain.Snowflake) error {
		if id == 1 && step == write {
			return ambiguous()
		}
		return nil
	}
}

// What was put off before it had an outcome can be tried again.
func TestWhatWasPutOffIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	item := w.marked(1, 1)
	w.provider.before = func(string, domain.Snowflake) error {
		return &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "rate_limited", Wait: 7 * time.Minute}
	}
	w.start(domain.Incremental)
	w.must(w.slice())
	links, err := w.sure.Links(w.ctx, 77, placed, []domain.Snowflake{1})
	w.must(err)
	mustBe(t, "outcome", links[1].Outcome, domain.Deferred)
	w.must(w.sure.RetryItems(w.ctx, 77, []store.Link{links[1]}))
	w.must(w.sure.Signal(w.ctx, 77))
	w.provider.before = nil
	w.minutes(30)
	w.exact(item)
}

// An update that is never answered is given up in the end, and stops neither
// the others nor the run.
func TestAnUpdateThatIsNeverAnswered(t *testing.T) {
	w := newWorld(t)
	for n := 1; n <= 10; n++ {
		w.marked(domain.Snowflake(n), 1)
	}

	w.start(domain.Incremental)
	w.settle()
	for n := 1; n <= 10; n++ {
		w.marked(domain.Snowflake(n), 2)
	}

	w.provider.before = hard("update")
	id := w.start(domain.Incremental)
	w.minutes(2)
	run := w.run(id)
	mustBe(t, "status", run.Status, domain.Partial)
	mustBe(t, "counts", run.Counts, domain.Counts{Updated: 9, Failed: 1})
	w.minutes(100)
	row := w.row(1)
	mustBe(t, "outcome", row.Outcome, domain.FailedOut)
	mustBe(t, "attempts", row.Attempts, 5)
	w.marksLeft(0)
	w.provider.before = nil
	last := w.marked(1, 3)
	w.start(domain.Incremental)
	w.settle()
	w.exact(append([]domain.Item{last}, w.items(2, 10)...)...)
}

// items reads items of the test.
func (w *world) items(from, to domain.Snowflake) (all []domain.Item) {
	w.t.Helper()
	for id := from; id <= to; id++ {
		found, _, err := w.sure.ItemsAndLinks(w.ctx, w.pair, placed, []domain.Snowflake{id}, true)
		w.must(err)
		all = append(all, found[id])
	}

	return all
}

// A create that is never answered is looked for before each attempt, given up in
// the end, and does not keep the run from pulling. A manager who has it tried again gets one.
func TestACreateThatIsNeverAnswered(t *testing.T) {
	w := newWorld(t)
	w.pulling("linked")
	for n := 1; n <= 3; n++ {
		w.marked(domain.Snowflake(n), 1)
	}

	w.provider.before = hard("create")
	w.start(domain.Incremental)
	w.minutes(150)
	link := w.row(1)
	mustBe(t, "outcome", link.Outcome, domain.FailedOut)
	mustBe(t, "creates that left", link.Attempts, 5)
	if w.provider.finds < 4 || w.provider.changes < 9 {
		t.Errorf("looked for %d times, pulled %d times", w.provider.finds, w.provider.changes)
	}

	w.marksLeft(0)
	w.provider.before = nil
	links, err := w.sure.Links(w.ctx, 77, placed, []domain.Snowflake{1})
	w.must(err)
	w.must(w.sure.RetryItems(w.ctx, 77, []store.Link{links[1]}))
	w.start(domain.Incremental)
	w.settle()
	w.exact(w.items(1, 3)...)
}

// Once a manager's wish to have an item tried again is fulfilled, its attempts
// are as far apart as any other's.
func TestARetryIsOneAttempt(t *testing.T) {
	w := newWorld(t)
	w.marked(1, 1)
	calls := 0
	w.provider.before = func(_ string, id domain.Snowflake) error {
		if id != 1 {
			return nil
		}
		calls++
		return refusedItem()
	}

	w.start(domain.Incremental)
	w.minutes(2 * 60)
	mustBe(t, "attempts before it is given up", calls, 5)
	links, err := w.sure.Links(w.ctx, 77, placed, []domain.Snowflake{1})
	w.must(err)
	w.must(w.sure.RetryItems(w.ctx, 77, []store.Link{links[1]}))
	for n := range 6 {
		w.marked(domain.Snowflake(100+n), 1)
		w.start(domain.Incremental)
		for len(w.queue) > 0 {
			w.must(w.slice())
		}
	}

	mustBe(t, "attempts within half a minute of the retry", calls, 6)
}

// A dry run that meets a change of the configuration plans anew.
func TestADryRunMeetsAChange(t *testing.T) {
	w := newWorld(t)
	for n := 1; n <= 5; n++ {
		w.item(domain.Snowflake(n), 1, nil)
	}

	open := w.worker.Open
	changed := false
	w.worker.Open = func(c ctx, v store.View) (Opened, error) {
		if !changed {
			changed = true
			w.reconfigure(store.Change{Enabled: true, Configuration: `{"labels":"none"}`, TargetHash: "there", Fingerprint: "x", NeedsFull: true, ConfigurationChanged: true})
		}
		return open(c, v)
	}

	run, rows := w.dryRun(domain.Full)
	mustBe(t, "status", run.Status, domain.Succeeded)
	mustBe(t, "counts", run.Counts, domain.Counts{Created: 5})
	mustBe(t, "rows", len(rows), 5)
}

// A dry run of what cannot be opened changes no health and leaves nothing
// for dispatch.
func TestADryRunOfWhatCannotBeOpened(t *testing.T) {
	w := newWorld(t)
	w.worker.Open = func(ctx, store.View) (Opened, error) {
		return Opened{}, &failure.Error{Class: failure.Final, Scope: failure.IntegrationScope, Code: "provider_not_supported"}
	}
	run, _ := w.dryRun(domain.Full)
	mustBe(t, "status", run.Status, domain.Failed)
	mustBe(t, "events", len(w.bus.taken), 0)
	due, err := w.sure.Due(w.ctx, w.clock.now.Add(48*time.Hour), 100)
	w.must(err)
	mustBe(t, "due", len(due), 0)
}

// A list that lags behind what we have written is no person's change.
func TestAListThatLagsBehind(t *testing.T) {
	w := newWorld(t)
	w.pulling("linked")
	w.marked(1, 1)
	w.start(domain.Incremental)
	w.settle()
	w.clock.now = w.clock.now.Add(time.Minute)
	old := *w.provider.objects[0]
	w.marked(1, 2)
	w.start(domain.Incremental)
	w.provider.lists = func(n int) *object { return &old }
	w.settle()
	w.provider.lists = nil
	w.start(domain.Incremental)
	w.settle()
	mustBe(t, "events of our own write", len(w.bus.of(outgoing.TypeRemoteChanged)), 0)
	w.clock.now = w.clock.now.Add(time.Minute)
	w.provider.touch(0, func(c *connector.Content) { c.Body = "a person's" })
	w.start(domain.Incremental)
	w.settle()
	mustBe(t, "events of a person's edit", len(w.bus.of(outgoing.TypeRemoteChanged)), 1)
}

// A person's edit is told also when the item changes before the next pull.
func TestAnEditBeforeTheItemChanges(t *testing.T) {
	w := newWorld(t)
	w.pulling("linked")
	w.marked(1, 1)
	w.start(domain.Incremental)
	w.settle()
	w.clock.now = w.clock.now.Add(time.Minute)
	w.provider.touch(0, func(c *connector.Content) { c.Body = "a person's" })
	item := w.marked(1, 2)
	w.start(domain.Incremental)
	w.settle()
	w.exact(item)
	mustBe(t, "events", len(w.bus.of(outgoing.TypeRemoteChanged)), 1)
}

// Who asks for a full sync while one is under way that has planned already gets
// what is configured now.
func TestAFullSyncDuringAFullSync(t *testing.T) {
	w := newWorld(t)
	for n := 1; n <= 3; n++ {
		w.item(domain.Snowflake(n), 1, nil)
	}

	w.start(domain.Full)
	w.settle()
	w.marked(3, 2)
	w.provider.suffix = ""
	asked := false
	w.provider.before = func(step string, _ domain.Snowflake) error {
		if step == "update" && !asked {
			asked = true
			w.provider.suffix = " (new template)"
			w.reconfigure(store.Change{Enabled: true, Configuration: `{"labels":"none"}`, TargetHash: "there", Fingerprint: "x", NeedsFull: true, ConfigurationChanged: true})
		}
		return nil
	}

	id := w.start(domain.Full)
	w.settle()
	w.exact(w.items(1, 3)...)
	mustBe(t, "counts", w.run(id).Counts, domain.Counts{Updated: 3})
	v, err := w.sure.View(w.ctx, w.pair, 0)
	w.must(err)
	mustBe(t, "needs a full one", store.NeedsFull(*v.Integration, v.State), false)
}

// A change that arrives while a run is being cancelled is brought by another.
func TestAChangeDuringACancel(t *testing.T) {
	w := newWorld(t)
	w.marked(1, 1)
	w.marked(2, 1)
	var id domain.Snowflake
	w.provider.after = func(_ string, item domain.Snowflake) error {
		if item == 1 {
			_, err := w.sure.CancelRun(w.ctx, w.pair, id, w.clock.now)
			w.must(err)
			w.marked(3, 1)
			w.must(w.sure.Signal(w.ctx, 77))
			w.clock.now = w.clock.now.Add(2 * time.Second)
		}

		return nil
	}

	id = w.start(domain.Incremental)
	w.minutes(10)
	run := w.run(id)
	mustBe(t, "status", run.Status, domain.Cancelled)
	if run.CancelRequestedAt == nil || run.Error != nil {
		t.Errorf("why it ended is not told: %+v", run)
	}

	w.exact(w.items(1, 3)...)
}

// A cancelled run leaves the attempts that items have before them, but not to be
// made at once.
func TestACancelKeepsAttempts(t *testing.T) {
	for _, started := range []bool{false, true} {
		w := newWorld(t)
		w.marked(1, 1)
		w.provider.before = func(string, domain.Snowflake) error { return refusedItem() }
		w.start(domain.Incremental)
		w.settle()
		id := w.start(domain.Incremental)
		w.provider.before = func(string, domain.Snowflake) error {
			if started {
				_, err := w.sure.CancelRun(w.ctx, w.pair, id, w.clock.now)
				w.must(err)
				w.clock.now = w.clock.now.Add(2 * time.Second)
			}
			return refusedItem()
		}
		if !started {
			_, err := w.sure.CancelRun(w.ctx, w.pair, id, w.clock.now)
			w.must(err)
		}

		w.minutes(10)
		mustBe(t, "status", w.run(id).Status.Active(), false)
		w.provider.before = nil
		w.minutes(4)
		mustBe(t, "creates soon after", w.provider.creates, 0)
		w.minutes(90)
		mustBe(t, "creates", w.provider.creates, 1)
		w.marksLeft(0)
	}
}

// A run that our own trouble has ended is followed by another.
func TestOurOwnTroubleEnds(t *testing.T) {
	w := newWorld(t)
	item := w.marked(1, 1)
	open := w.worker.Open
	away := true
	w.worker.Open = func(c ctx, v store.View) (Opened, error) {
		if away {
			return Opened{}, errCut
		}
		return open(c, v)
	}

	id := w.start(domain.Incremental)
	w.minutes(day)
	mustBe(t, "code", w.run(id).Error.Code, "no_progress")
	away = false
	w.minutes(90)
	w.exact(item)
}

// Created and then closed is one creation, also when the close has to wait.
func TestACloseThatHasToWait(t *testing.T) {
	w := newWorld(t)
	item := w.item(1, 1, func(i *domain.Item) { i.State = domain.Closed })
	limited := false
	w.provider.before = func(step string, _ domain.Snowflake) error {
		if step == "update" && !limited {
			limited = true
			return &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "rate_limited", Wait: 7 * time.Minute}
		}
		return nil
	}

	id := w.start(domain.Full)
	w.settle()
	w.exact(item)
	mustBe(t, "counts", w.run(id).Counts, domain.Counts{Created: 1})
	mustBe(t, "ledger", w.row(1).Outcome, domain.Created)
}

// What failed at one version and is in order at the next has not failed any more.
func TestWhatHasComeRight(t *testing.T) {
	w := newWorld(t)
	w.marked(1, 1)
	w.start(domain.Incremental)
	w.settle()
	w.marked(1, 2)
	w.provider.before = func(string, domain.Snowflake) error { return refusedItem() }
	w.start(domain.Incremental)
	w.minutes(150)
	mustBe(t, "outcome", w.row(1).Outcome, domain.FailedOut)
	w.provider.before = nil
	item := w.item(1, 3, func(i *domain.Item) { i.Description = "version 1" })
	w.must(w.sure.PutPendingChange(w.ctx, 77, store.PendingChange{ItemID: 1, Version: 3}))
	w.start(domain.Incremental)
	w.settle()
	w.exact(item)
	mustBe(t, "outcome in the end", w.row(1).Outcome, domain.Unchanged)
	_, givenUp, err := w.sure.Backlog(w.ctx, 77, placed)
	w.must(err)
	mustBe(t, "given_up", givenUp, 0)
	id := w.start(domain.Full)
	w.settle()
	mustBe(t, "counts", w.run(id).Counts, domain.Counts{Unchanged: 1})
	mustBe(t, "status", w.run(id).Status, domain.Succeeded)
}

func TestAParkedItemIsDeleted(t *testing.T) {
	w := newWorld(t)
	w.marked(1, 1)
	w.provider.before = func(string, domain.Snowflake) error { return refusedItem() }
	w.start(domain.Incremental)
	w.minutes(150)
	_, _, err := w.sure.DeleteItem(w.ctx, 5, 1, 2)
	w.must(err)
	for range 2 {
		predicted, _ := w.dryRun(domain.Full)
		id := w.start(domain.Full)
		w.settle()
		mustBe(t, "counts", w.run(id).Counts, domain.Counts{Skipped: 1})
		mustBe(t, "predicted", predicted.Counts, domain.Counts{Skipped: 1})
	}
}

// A worker that has promised to look at all pending changes anew, and dies, is followed by
// one that does.
func TestACrashAsASecondPassBegins(t *testing.T) {
	for cut := 1; cut <= 12; cut++ {
		w := newWorld(t)
		for n := 1; n <= pushPageSize; n++ {
			w.marked(domain.Snowflake(n), 1)
		}

		w.provider.after = func(_ string, id domain.Snowflake) error {
			if id == pushPageSize && w.provider.creates == pushPageSize {
				w.marked(1, 2)
				w.must(w.sure.Signal(w.ctx, 77))
				w.wire.reset(cut, true)
			}
			return nil
		}

		w.start(domain.Incremental)
		err := w.slice()
		w.wire.reset(0, false)
		w.provider.after = nil
		if err == nil {
			break
		}

		w.settle()
		w.exact(w.items(1, pushPageSize)...)
		if t.Failed() {
			t.Fatalf("cut %d", cut)
		}
	}
}

// A worker that dies right after it has planned anew is followed by one that
// looks at all pending changes, and not only behind where the pass before had come.
func TestACrashAfterANewPlan(t *testing.T) {
	for cut := 9; cut <= 12; cut++ {
		w := newWorld(t)
		for n := 1; n <= 120; n++ {
			w.item(domain.Snowflake(n), 1, nil)
		}

		w.start(domain.Full)
		w.settle()
		for n := 1; n <= 120; n++ {
			w.marked(domain.Snowflake(n), 2)
		}

		changed := false
		w.provider.before = func(step string, id domain.Snowflake) error {
			if step == "update" && id == 60 && !changed {
				changed = true
				w.provider.suffix = " (new template)"
				w.reconfigure(store.Change{Enabled: true, Configuration: `{"labels":"none"}`, TargetHash: "there", Fingerprint: "x", NeedsFull: true, ConfigurationChanged: true})
				w.clock.now = w.clock.now.Add(2 * time.Second)
			}

			return nil
		}

		id := w.start(domain.Full)
		w.must(w.slice())
		w.wire.reset(cut, true)
		err := w.slice()
		w.wire.reset(0, false)
		w.settle()
		w.exact(w.items(1, 120)...)
		mustBe(t, "counts", w.run(id).Counts, domain.Counts{Updated: 120})
		if t.Failed() {
			t.Fatalf("cut %d: %v", cut, err)
		}
	}
}

// looking is a connector that is looked at while it renders.
type looking struct {
	*provider
	each func(domain.Item)
}

func (l *looking) Render(i domain.Item) connector.Content {
	l.each(i)
	return l.provider.Render(i)
}

// rendering has something done once while an item is rendered.
func (w *world) rendering(id domain.Snowflake, do func()) {
	look := &looking{provider: w.provider, each: func(i domain.Item) {
		if f := do; i.ID == id && f != nil {
			do = nil
			f()
		}
	}}

	w.worker.Open = func(ctx, store.View) (Opened, error) {
		return Opened{Connector: look, Credential: w.credential, Limits: w.limits}, nil
	}
}

// An incremental run that is made full does not know what remains while it plans.
func TestNothingIsKnownWhilePlanning(t *testing.T) {
	w := newWorld(t)
	for id := domain.Snowflake(1); id <= 120; id++ {
		w.item(id, 1, nil)
	}

	w.marked(1, 1)
	id := w.start(domain.Incremental)
	w.provider.after = func(string, domain.Snowflake) error {
		return w.sure.JoinRun(w.ctx, 77, id, store.RunRequest{Full: true})
	}
	seen := false
	w.rendering(120, func() {
		run := w.run(id)
		seen = run.Remaining == nil && run.EstimatedFinish == nil
	})
	w.settle()
	mustBe(t, "nothing is known while planning", seen, true)
	mustBe(t, "counts", w.run(id).Counts, domain.Counts{Created: 120})
}

// A change that arrives while a run is cancelled that plans is brought by another.
func TestAChangeDuringACancelledPlan(t *testing.T) {
	w := newWorld(t)
	for id := domain.Snowflake(1); id <= 120; id++ {
		w.item(id, 1, nil)
	}

	id := w.start(domain.Full)
	w.rendering(50, func() {
		w.marked(200, 1)
		w.must(w.sure.Signal(w.ctx, 77))
		_, err := w.sure.CancelRun(w.ctx, w.pair, id, w.clock.now)
		w.must(err)
		w.clock.now = w.clock.now.Add(2 * time.Second)
	})

	w.minutes(10)
	mustBe(t, "status", w.run(id).Status, domain.Cancelled)
	mustBe(t, "objects", len(w.provider.byItem()[200]), 1)
}

// A manager's wish that comes while an item is given up is not lost.
func TestARetryWhileTheItemIsGivenUp(t *testing.T) {
	w := newWorld(t)
	w.marked(1, 1)
	w.provider.before = func(string, domain.Snowflake) error { return refusedItem() }
	w.start(domain.Incremental)
	w.minutes(25)
	asked := false
	w.marked(2, 1)
	w.provider.before = func(_ string, id domain.Snowflake) error {
		if id == 1 && !asked {
			return refusedItem()
		}

		if id == 2 {
			asked = true
			links, err := w.sure.Links(w.ctx, 77, placed, []domain.Snowflake{1})
			w.must(err)
			w.must(w.sure.RetryItems(w.ctx, 77, []store.Link{links[1]}))
			w.must(w.sure.Signal(w.ctx, 77))
		}

		return nil
	}

	w.minutes(120)
	w.exact(w.items(1, 2)...)
}

// A deletion that has the version of a change that is under way is brought too.
func TestADeletionWithTheVersionUnderWay(t *testing.T) {
	w := newWorld(t)
	w.marked(1, 1)
	w.marked(2, 1)
	w.provider.before = func(_ string, id domain.Snowflake) error {
		if id == 2 {
			w.event("item.deleted", map[string]any{"id": "1", "organisation_id": "5", "version": 1})
		}
		return nil
	}

	w.start(domain.Incremental)
	w.settle()
	mustBe(t, "state", w.provider.byItem()[1][0].content.State, domain.Closed)
	w.marksLeft(0)
}

// Who has all that failed tried again while a run is being cancelled gets it
// from the run after.
func TestARetryOfAllDuringACancel(t *testing.T) {
	w := newWorld(t)
	w.marked(1, 1)
	w.provider.before = func(string, domain.Snowflake) error { return refusedItem() }
	w.start(domain.Incremental)
	w.minutes(150)
	w.marked(2, 1)
	w.marked(3, 1)
	var id domain.Snowflake
	w.provider.before = func(_ string, item domain.Snowflake) error {
		if item == 2 {
			_, err := w.sure.CancelRun(w.ctx, w.pair, id, w.clock.now)
			w.must(err)
			if err := w.sure.RetryAll(w.ctx, 77, id); err != nil && w.run(id).Status.Active() {
				w.must(err)
			}

			w.clock.now = w.clock.now.Add(2 * time.Second)
		}

		return nil
	}

	id = w.start(domain.Incremental)
	w.must(w.slice())
	mustBe(t, "status", w.run(id).Status, domain.Cancelled)
	w.provider.before = nil
	w.minutes(20)
	w.exact(w.items(1, 3)...)
}
