package worker

import (
	"testing"
	"time"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// addUp checks the counts of an ended run: none is negative, and together they
// are the items the run looked at.
func addUp(t testing.TB, run domain.Run, items int) {
	t.Helper()
	c := run.Counts
	total := 0
	for out, n := range outcomesOf(c) {
		if n < 0 {
			t.Errorf("run %s: %s is %d: %+v", run.ID, out, n, c)
		}
		total += n
	}

	if total != items {
		t.Errorf("run %s: the counts add up to %d, want %d: %+v", run.ID, total, items, c)
	}
}

// D1: an item has several pending versions and they are on two pages of the
// backlog. The run before was cancelled; the full run counts each item once.
func TestCountsOfABacklogOfMoreThanOnePage(t *testing.T) {
	w := newWorld(t)
	var items []domain.Item
	for id := domain.Snowflake(1); id <= 60; id++ {
		items = append(items, w.marked(id, 1))
	}

	w.start(domain.Incremental)
	w.settle()

	for n := range items {
		w.marked(items[n].ID, 2)
		items[n] = w.marked(items[n].ID, 3)
	}

	cancelled := w.start(domain.Incremental)
	_, err := w.sure.CancelRun(w.ctx, w.pair, cancelled, w.clock.now)
	w.must(err)

	full := w.start(domain.Full)
	w.settle()
	w.exact(items...)
	addUp(t, w.run(full), 60)
	mustBe(t, "counts", w.run(full).Counts, domain.Counts{Updated: 60})
}

// D1: one item alone has more pending versions than a page takes.
func TestCountsOfAnItemWithMoreMarksThanAPage(t *testing.T) {
	w := newWorld(t)
	w.marked(1, 1)
	w.marked(2, 1)
	w.start(domain.Incremental)
	w.settle()

	var last domain.Item
	for version := int64(2); version <= 3*pushPageSize; version++ {
		last = w.marked(2, version)
	}

	full := w.start(domain.Full)
	w.settle()
	w.exact(w.items(1, 1)[0], last)
	mustBe(t, "counts", w.run(full).Counts, domain.Counts{Updated: 1, Unchanged: 1})
}

// D1: the provider is out while a full run is at a backlog: it then takes one
// item a page, and still counts each once.
func TestCountsWhileTheProviderIsOut(t *testing.T) {
	w := newWorld(t)
	for id := domain.Snowflake(1); id <= 3; id++ {
		w.marked(id, 1)
	}

	w.start(domain.Incremental)
	w.settle()
	var items []domain.Item
	for id := domain.Snowflake(1); id <= 3; id++ {
		w.marked(id, 2)
		items = append(items, w.marked(id, 3))
	}

	outages := 5
	w.provider.before = func(string, domain.Snowflake) error {
		if outages--; outages < 0 {
			return nil
		}
		return &failure.Error{Class: failure.NotSent, Scope: failure.IntegrationScope, Code: "unreachable"}
	}

	full := w.start(domain.Full)
	w.settle()
	w.exact(items...)
	mustBe(t, "counts", w.run(full).Counts, domain.Counts{Updated: 3})
}

// D1: after the plan pass has counted an item, an event changes it and the
// provider does not take it at once. What the plan pass counted is taken back
// once, whatever the row says meanwhile.
func TestCountsOfAnItemThatChangesAfterThePlan(t *testing.T) {
	restored := func(w *world) { // deleted and left alone, then restored
		w.reconfigure(store.Change{Enabled: true, Configuration: `{"on_delete":"leave"}`, TargetHash: "there"})
		w.item(1, 2, func(i *domain.Item) { i.Deleted = true })
		w.must(w.sure.PutPendingChange(w.ctx, 77, store.PendingChange{ItemID: 1, Version: 2, Deleted: true}))
		w.start(domain.Incremental)
		w.settle()
		mustBe(w.t, "outcome", w.row(1).Outcome, domain.Skipped)
	}

	givenUp := func(w *world) { // refused until it is given up
		w.provider.before = func(_ string, id domain.Snowflake) error {
			if id == 1 {
				return refusedItem()
			}
			return nil
		}

		w.marked(1, 2)
		w.start(domain.Incremental)
		w.minutes(120)
		w.provider.before = nil
		mustBe(w.t, "attempts", w.row(1).Attempts, 5)
	}

	putOff := &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "rate_limited", Wait: 7 * time.Minute}
	for name, c := range map[string]struct {
		before func(*world)
		answer error
		want   domain.Counts
	}{
		"skipped, then put off":  {restored, putOff, domain.Counts{Updated: 3}},
		"skipped, then refused":  {restored, refusedItem(), domain.Counts{Updated: 2, Failed: 1}},
		"given up, then put off": {givenUp, putOff, domain.Counts{Updated: 3}},
		"given up, then refused": {givenUp, refusedItem(), domain.Counts{Updated: 2, Failed: 1}},
		"equal, then put off":    {func(*world) {}, putOff, domain.Counts{Updated: 3}},
		"equal, then unanswered": {func(*world) {}, ambiguous(), domain.Counts{Updated: 3}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			for id := domain.Snowflake(1); id <= 3; id++ {
				w.marked(id, 1)
			}

			w.start(domain.Incremental)
			w.settle()
			c.before(w)
			w.item(2, 5, nil)
			w.item(3, 5, nil)
			asked := 0
			w.provider.before = func(step string, id domain.Snowflake) error {
				asked++
				if asked == 1 { // the plan pass is over
					w.marked(1, 9)
					w.must(w.sure.Signal(w.ctx, 77))
				}

				if id == 1 && asked <= 4 {
					return c.answer
				}

				return nil
			}

			full := w.start(domain.Full)
			w.must(w.slice())
			w.settle()
			addUp(t, w.run(full), 3)
			mustBe(t, "counts", w.run(full).Counts, c.want)
		})
	}
}

// D1: a run that plans anew forgets what its first plan pass has marked: an
// item that is equal again is counted once.
func TestCountsOfARunThatPlansTwice(t *testing.T) {
	w := newWorld(t)
	for id := domain.Snowflake(1); id <= 3; id++ {
		w.marked(id, 1)
	}

	w.start(domain.Incremental)
	w.settle()
	w.item(1, 2, nil)
	w.item(2, 2, nil)
	again := false
	w.provider.before = func(string, domain.Snowflake) error {
		if again {
			return nil
		}

		again = true
		w.item(2, 3, func(i *domain.Item) { i.Description = "version 1" }) // as it was
		w.reconfigure(store.Change{Enabled: true, Configuration: `{}`, TargetHash: "there", NeedsFull: true})
		return &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "rate_limited", Wait: time.Minute}
	}

	full := w.start(domain.Full)
	w.settle()
	mustBe(t, "counts", w.run(full).Counts, domain.Counts{Updated: 1, Unchanged: 2})
}

// D1: a message that was sent and not answered counts too, in the run that sent
// it and in each full run after it.
func TestCountsOfAnUnansweredMessage(t *testing.T) {
	everyRoom(t, func(t *testing.T, w *world, r *room, kind string) {
		if asked(kind) {
			return // the message is looked for, and found or sent again
		}

		r.after = func(_ string, id domain.Snowflake) error {
			if id == 2 {
				return ambiguous()
			}
			return nil
		}
		for id := domain.Snowflake(1); id <= 3; id++ {
			w.told(id, 1, nil)
		}

		first := w.sync(domain.Full)
		mustBe(t, "status", first.Status, domain.Partial)
		mustBe(t, "counts", first.Counts, domain.Counts{Created: 2, Failed: 1})

		second := w.sync(domain.Full)
		mustBe(t, "counts of the second run", second.Counts, domain.Counts{Unchanged: 2, Failed: 1})
	})
}
