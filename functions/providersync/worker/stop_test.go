package worker

import (
	"context"
	"fmt"
	"testing"
	"time"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
	"example.com/integrations/shared/store"
)

// stops are the ways in which a manager stops a run.
var stops = map[string]func(w *world, run domain.Snowflake){
	"cancel": func(w *world, run domain.Snowflake) {
		_, err := w.sure.CancelRun(w.ctx, w.pair, run, w.clock.now)
		w.must(err)
	},
	"disable": func(w *world, _ domain.Snowflake) {
		w.reconfigure(store.Change{Configuration: `{}`, TargetHash: "there"})
	},
	"lead away": func(w *world, _ domain.Snowflake) { w.lead("elsewhere") },
	"delete": func(w *world, _ domain.Snowflake) {
		v, err := w.sure.View(w.ctx, w.pair, 0)
		w.must(err)
		_, err = w.sure.DeleteIntegration(w.ctx, v, 4711, w.clock.now)
		w.must(err)
	},
}

func (w *world) reconfigure(c store.Change) {
	w.t.Helper()
	v, err := w.sure.View(w.ctx, w.pair, 0)
	w.must(err)
	_, err = w.sure.UpdateIntegration(w.ctx, v, c, w.clock.now)
	w.must(err)
}

var codes = map[string]string{"disable": "integration_disabled", "lead away": "configuration_changed", "delete": "integration_deleted"}

// Whatever a worker is at when a manager stops the run, it finishes at most the
// call under way, records it, and makes none after it.
func TestStopsDuringARun(t *testing.T) {
	for how, stop := range stops {
		for _, step := range []string{"create", "update", "close", "find", "changes"} {
			t.Run(how+" during "+step, func(t *testing.T) {
				w := newWorld(t)
				w.pulling("linked")
				for id := domain.Snowflake(1); id <= 6; id++ {
					w.item(id, 1, func(i *domain.Item) {
						if id == 3 {
							i.State = domain.Closed
						}
					})
				}

				w.prepare(step)
				run := w.start(domain.Full)
				stopped := false
				after := 0
				w.provider.before = func(call string, _ domain.Snowflake) error {
					if stopped {
						after++
					}

					w.clock.now = w.clock.now.Add(1100 * time.Millisecond)
					if name := call; !stopped && (name == step || step == "close" && name == "update") {
						stopped = true
						stop(w, run)
					}

					return nil
				}

				w.must(w.slice())
				for len(w.queue) > 0 && !w.ended(run) {
					w.must(w.slice())
				}

				if !stopped {
					t.Fatalf("there was no %s to stop during", step)
				}

				mustBe(t, "calls after the stop", after, 0)
				w.provider.before = nil
				w.stopped(how, run)
				w.accounted()
			})
		}
	}
}

// prepare makes sure that a run has the step in it.
func (w *world) prepare(step string) {
	switch step {
	case "update", "changes":
		w.start(domain.Full)
		w.settle()
		if step == "update" {
			for id := domain.Snowflake(1); id <= 6; id++ {
				w.marked(id, 2)
			}
		}

		w.clock.now = w.clock.now.Add(time.Hour)

	case "find":
		w.start(domain.Full)
		w.provider.after = func(string, domain.Snowflake) error { return ambiguous() }
		w.must(w.slice())
		w.provider.after = nil
		st, err := w.sure.State(w.ctx, 77)
		w.must(err)
		_, err = w.sure.CancelRun(w.ctx, w.pair, st.Run.ID, w.clock.now)
		w.must(err)
		w.clock.now = w.clock.now.Add(time.Hour)
	}

	w.queue = nil
}

func (w *world) ended(run domain.Snowflake) bool {
	st, err := w.sure.State(w.ctx, 77)
	w.must(err)
	return st == nil || st.Run == nil || st.Run.ID != run
}

// stopped checks how the run has ended.
func (w *world) stopped(how string, id domain.Snowflake) {
	w.t.Helper()
	if how == "delete" {
		w.settle()
		pair, err := w.sure.Locate(w.ctx, 77)
		if err == nil {
			w.t.Errorf("the integration is still there: %v", pair)
		}
	} else {
		run := w.run(id)
		mustBe(w.t, "status", run.Status, domain.Cancelled)
		code := ""
		if run.Error != nil {
			code = run.Error.Code
		}

		mustBe(w.t, "code", code, codes[how])
	}

	told := 0
	for _, n := range w.bus.of(outgoing.TypeSyncFinished) {
		if n.ID == id {
			told++
		}
	}

	mustBe(w.t, "events about the end", told, 1)
}

// accounted checks that every object at the provider is in the ledger, and no
// other: what was under way was recorded. What a deleted integration has left
// is gone.
func (w *world) accounted() {
	w.t.Helper()
	for item, objects := range w.provider.byItem() {
		_, links, err := w.sure.ItemsAndLinks(w.ctx, w.pair, placed, []domain.Snowflake{item}, false)
		w.must(err)
		if v, err := w.sure.View(w.ctx, w.pair, 0); err == nil && v.Integration == nil {
			continue
		}

		if l := links[item]; len(objects) != 1 || l.Remote == nil && l.Intent == nil {
			w.t.Errorf("item %d: %d objects, link %+v", item, len(objects), l)
		}
	}
}

// A run that waits or is queued ends at once; nothing has to come round first.
func TestStopsOfAWaitingRun(t *testing.T) {
	for how, stop := range stops {
		w := newWorld(t)
		w.marked(1, 1)
		w.provider.before = func(string, domain.Snowflake) error {
			return &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "rate_limited", Wait: time.Hour}
		}
		run := w.start(domain.Incremental)
		w.must(w.slice())
		mustBe(t, how+": status", w.run(run).Status, domain.Waiting)
		w.provider.asked = 0
		stop(w, run)
		calls := 0
		if how == "lead away" { // the worker asks which place it is
			calls = 1
			w.provider.before = nil
			w.pass(2 * time.Hour)
		}

		if !w.ended(run) {
			t.Errorf("%s: the run goes on", how)
		}

		w.clock.now = w.clock.now.Add(2 * time.Minute)
		w.must(w.tick())
		w.stopped(how, run)
		mustBe(t, how+": calls", w.provider.asked, calls)
	}
}

// A stop while the worker is just about to let the run wait.
func TestAStopAsTheRunBeginsToWait(t *testing.T) {
	for how, stop := range stops {
		w := newWorld(t)
		w.marked(1, 1)
		var run domain.Snowflake
		w.provider.before = func(string, domain.Snowflake) error {
			stop(w, run)
			return &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "rate_limited", Wait: time.Hour}
		}
		run = w.start(domain.Incremental)
		w.must(w.slice())
		if how == "lead away" { // the worker asks which place it is, as soon as it may
			w.provider.before = nil
			w.pass(2 * time.Hour)
		}

		if !w.ended(run) {
			t.Errorf("%s: the run waits", how)
		}

		w.provider.before = nil
		w.stopped(how, run)
	}
}

// A configuration that leads to the same place takes effect with the next
// invocation, and the run goes on.
func TestAChangedConfigurationTakesEffectInMidRun(t *testing.T) {
	w := newWorld(t)
	var items []domain.Item
	for id := domain.Snowflake(1); id <= 20; id++ {
		items = append(items, w.marked(id, 1))
	}

	opened := 0
	open := w.worker.Open
	w.worker.Open = func(ctx ctx, v store.View) (Opened, error) {
		opened++
		return open(ctx, v)
	}
	changed := false
	w.provider.before = func(string, domain.Snowflake) error {
		w.clock.now = w.clock.now.Add(1100 * time.Millisecond)
		if !changed {
			changed = true
			w.reconfigure(store.Change{Enabled: true, Configuration: `{"a":1}`, TargetHash: "there", ConfigurationChanged: true})
		}
		return nil
	}

	id := w.start(domain.Incremental)
	w.settle()
	w.exact(items...)
	mustBe(t, "opened", opened, 2)
	mustBe(t, "status", w.run(id).Status, domain.Succeeded)
}

func TestADeletedIntegrationLeavesNothing(t *testing.T) {
	w := newWorld(t)
	for id := domain.Snowflake(1); id <= 230; id++ {
		w.item(id, 1, nil)
	}

	w.bus.away = true
	w.start(domain.Full)
	w.settle()
	stops["delete"](w, 0)
	for range 5 {
		for len(w.queue) > 0 {
			w.must(w.slice())
		}

		w.clock.now = w.clock.now.Add(time.Minute)
		if err := w.tick(); err == nil && len(w.queue) == 0 {
			t.Error("nothing was tried")
		}
	}

	w.bus.away = false
	if _, err := w.sure.Locate(w.ctx, 77); err != nil {
		t.Error("forgotten before all was told")
	}

	w.pass(70 * time.Minute)
	left := w.raw("INT#" + w.pair.ID.Sortable())
	if len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}

	mustBe(t, "objects at the provider", len(w.provider.byItem()), 230)
	if due, err := w.sure.Due(w.ctx, w.clock.now.Add(1000*time.Hour), 100); err != nil || len(due) != 0 {
		t.Errorf("still due: %v, %v", due, err)
	}
}

func TestAnEnabledIntegrationResumesNothingByItself(t *testing.T) {
	w := newWorld(t)
	w.pulling("linked")
	w.marked(1, 1)
	run := w.start(domain.Incremental)
	stops["disable"](w, run)
	w.queue = nil
	w.pulling("linked")
	w.pass(time.Hour)
	mustBe(t, "calls", w.provider.calls(), 0)
	id := w.start(domain.Full)
	w.settle()
	mustBe(t, "counts", w.run(id).Counts, domain.Counts{Created: 1})
}

func TestNoProgressEndsTheRun(t *testing.T) {
	w := newWorld(t)
	w.marked(1, 1)
	id := w.start(domain.Incremental)
	crashes := 0
	for !w.ended(id) && crashes < 50 {
		if len(w.queue) > 0 {
			w.wire.reset(9, false) // each worker dies before it has brought anything forward
			if err := w.slice(); err != nil {
				crashes++
			}
			w.wire.reset(0, false)
		}

		w.clock.now = w.clock.now.Add(time.Hour)
		w.must(w.tick())
	}

	run := w.run(id)
	if run.Status != domain.Failed || run.Error == nil || run.Error.Code != "no_progress" || crashes != maxIdle {
		t.Errorf("%+v after %d crashes", run, crashes)
	}

	mustBe(t, "health", w.health().State, domain.HealthUnknown)
	w.clock.now = w.clock.now.Add(time.Hour)
	w.must(w.tick()) // what stood in the way may be over
	w.settle()
	mustBe(t, "creates", w.provider.creates, 1)
	w.marksLeft(0)
}

// One item that makes us panic does not hold up the others, wherever it is.
func TestAPanicParksItsItem(t *testing.T) {
	for _, where := range []string{"render", "create", "update"} {
		w := newWorld(t)
		for id := domain.Snowflake(1); id <= 3; id++ {
			w.item(id, 1, nil)
		}

		if where == "update" {
			w.start(domain.Full)
			w.settle()
			w.marked(2, 2)
		}

		w.provider.panics = map[string]domain.Snowflake{where: 2}
		id := w.start(domain.Full)
		w.settle()
		run := w.run(id)
		mustBe(t, where+": status", run.Status, domain.Partial)
		mustBe(t, where+": failed", run.Counts.Failed, 1)
		row := w.row(2)
		mustBe(t, where+": outcome", row.Outcome, domain.FailedOut)
		mustBe(t, where+": reason", *row.Reason, "internal_error")
		objects := w.provider.byItem()
		mustBe(t, where+": others", len(objects[1])+len(objects[3]), 2)
		again := w.start(domain.Full)
		w.settle()
		mustBe(t, where+": still given up", w.run(again).Counts.Failed, 1)
		w.provider.panics = nil
		w.retry()
		w.clock.now = w.clock.now.Add(10 * time.Minute)
		w.settle()
		mustBe(t, where+": after a retry", len(w.provider.byItem()[2]), 1)
	}
}

func (w *world) row(id domain.Snowflake) domain.LedgerRow {
	w.t.Helper()
	rows, _, err := w.sure.Ledger(w.ctx, 77, placed, "", domain.Page{After: (id - 1).Sortable(), Limit: 1})
	w.must(err)
	if len(rows) != 1 || rows[0].ItemID != id {
		w.t.Fatalf("item %d has no row: %v", id, rows)
	}

	return rows[0]
}

// retry asks for all failed and unknown items to be tried again.
func (w *world) retry() domain.Snowflake {
	w.t.Helper()
	w.clock.now = w.clock.now.Add(5 * time.Second)
	run := store.ActiveRun{RetryAll: true, Run: domain.Run{ID: domain.NewSnowflake(w.clock.now), IntegrationID: 77, OrganisationID: 5,
		Mode: domain.Incremental, Trigger: domain.ByRequest, RequestedAt: w.clock.now, Status: domain.Queued}}
	started, err := w.sure.SignalWithRun(w.ctx, w.pair, run, w.clock.now.Add(time.Minute))
	w.must(err)
	if !started {
		w.t.Fatal("a run is active")
	}

	w.must(w.Send(w.ctx, 5, 77, run.ID))

	return run.ID
}

// An item fails at 1, 5, 15 and 60 minutes, then is given up with the provider's
// reason, until it changes or a manager has it tried again.
func TestParkedAndTriedAgain(t *testing.T) {
	for _, again := range []string{"retry one", "retry all", "change"} {
		w := newWorld(t)
		w.marked(1, 1)
		tried := []time.Duration{}
		began := w.clock.now
		refuse := true
		w.provider.before = func(string, domain.Snowflake) error {
			tried = append(tried, w.clock.now.Sub(began).Truncate(time.Minute))
			if refuse {
				return &failure.Error{Class: failure.Final, Scope: failure.ItemScope, Code: "rejected", Detail: "too long"}
			}
			return nil
		}

		w.start(domain.Incremental)
		w.pass(5 * time.Hour)
		if fmt.Sprint(tried) != "[0s 1m0s 6m0s 21m0s 1h21m0s]" && fmt.Sprint(tried) != "[0s 2m0s 8m0s 24m0s 1h25m0s]" {
			t.Errorf("%s: tried after %v", again, tried)
		}

		row := w.row(1)
		mustBe(t, "reason", *row.Reason, "rejected: too long")
		mustBe(t, "attempts", row.Attempts, 5)
		_, givenUp, err := w.sure.Backlog(w.ctx, 77, placed)
		w.must(err)
		mustBe(t, "given_up", givenUp, 1)
		refuse = false
		item := w.item(1, 1, nil)
		switch again {
		case "retry all":
			w.retry()
		case "retry one":
			links, err := w.sure.Links(w.ctx, 77, placed, []domain.Snowflake{1})
			w.must(err)
			w.must(w.sure.RetryItems(w.ctx, 77, []store.Link{links[1]}))
			w.start(domain.Incremental)

		case "change":
			item = w.change(1, 2)
		}

		w.settle()
		w.exact(item)
		mustBe(t, "outcome", w.row(1).Outcome, domain.Created)
	}
}

// A run that is cancelled while it waits does not start again at once.
func TestACancelIsNoPull(t *testing.T) {
	w := newWorld(t)
	w.pulling("linked")
	w.start(domain.Full)
	w.settle()
	w.marked(1, 1)
	w.provider.before = func(step string, _ domain.Snowflake) error {
		if step == "create" {
			return &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "rate_limited", Wait: 20 * time.Minute}
		}
		return nil
	}

	id := w.start(domain.Incremental)
	w.minutes(18)
	_, err := w.sure.CancelRun(w.ctx, w.pair, id, w.clock.now)
	w.must(err)
	w.provider.before = nil
	w.minutes(14)
	mustBe(t, "creates soon after", w.provider.creates, 0)
	w.minutes(10)
	mustBe(t, "creates", w.provider.creates, 1)
}

// A run that brings nothing forward ends, also where each invocation reads what
// people have changed, and finds nothing.
func TestNoProgressWhilePulling(t *testing.T) {
	w := newWorld(t)
	w.pulling("linked")
	w.marked(1, 1)
	id := w.start(domain.Incremental)
	w.provider.before = func(step string, _ domain.Snowflake) error {
		if step == "create" {
			w.wire.reset(1, false)
			return refusedItem()
		}
		return nil
	}

	n := 0
	for ; !w.ended(id) && n < 50; n++ {
		if len(w.queue) > 0 {
			_ = w.slice()
			w.wire.reset(0, false)
		}

		w.clock.now = w.clock.now.Add(time.Hour)
		w.must(w.tick())
	}

	if n == 50 {
		t.Error("does not end")
	}
}

// A change that arrives while a run is led away is brought to the new place.
func TestAChangeWhileLedAway(t *testing.T) {
	w := newWorld(t)
	w.marked(1, 1)
	done := false
	w.provider.after = func(_ string, id domain.Snowflake) error {
		if !done {
			done = true
			w.lead("elsewhere")
			w.marked(3, 1)
			w.must(w.sure.Signal(w.ctx, 77))
			w.clock.now = w.clock.now.Add(2 * time.Second)
		}

		return nil
	}

	w.marked(2, 1)
	w.start(domain.Incremental)
	w.minutes(10)
	mustBe(t, "objects of the change", len(w.provider.byItem()[3]), 1)
}

// late is a bus while which publishes something else happens.
type late struct {
	*bus
	do func()
}

func (l *late) Publish(ctx context.Context, notices []outgoing.Event) ([]outgoing.Event, error) {
	l.do()
	return l.bus.Publish(ctx, notices)
}

// A change whose integration is deleted before it is marked leaves nothing
// either.
func TestAMarkAsTheLastIsForgotten(t *testing.T) {
	w := newWorld(t)
	w.bus.away = true
	w.start(domain.Incremental)
	w.settle()
	stops["delete"](w, 0)
	w.bus.away = false
	w.worker.Events = &late{bus: w.bus, do: func() {
		w.marked(1, 1)
		w.must(w.sure.Signal(w.ctx, 77))
	}}
	w.must(w.Send(w.ctx, 5, 77, 4711))
	w.must(w.slice())
	w.worker.Events = w.bus
	w.minutes(2)
	if left := w.raw("INT#" + w.pair.ID.Sortable()); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
