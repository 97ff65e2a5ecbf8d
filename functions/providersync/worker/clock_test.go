package worker

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// forgetful has every invocation begin without knowing the provider's clock, as a
// new worker does.
func (w *world) forgetful() {
	open := w.worker.Open
	w.worker.Open = func(c context.Context, v store.View) (Opened, error) {
		w.provider.told = 0
		w.provider.most = 0
		return open(c, v)
	}
}

// diesOverAWrite has the worker die when the provider has done what it was asked.
func (w *world) diesOverAWrite() {
	w.t.Helper()
	w.provider.after = func(string, domain.Snowflake) error {
		w.wire.reset(1, false)
		return nil
	}
	w.start(domain.Incremental)
	if err := w.slice(); err == nil {
		w.t.Fatal("the worker did not die")
	}

	w.wire.reset(0, false)
	w.provider.after = nil
}

var clocks = []time.Duration{-2 * time.Hour, -time.Minute, 0, 4 * time.Minute, 6 * time.Minute, 3 * time.Hour}

// A create whose answer was lost is found again whatever the provider's clock
// says, by a worker that has to learn it first.
func TestAnUnansweredCreateUnderAnotherClock(t *testing.T) {
	for _, behind := range clocks {
		w := newWorld(t)
		w.provider.behind = behind
		w.forgetful()
		item := w.marked(1, 1)
		w.diesOverAWrite()
		w.clock.now = w.clock.now.Add(20 * time.Minute)
		w.settle()
		w.exact(item)
		if w.provider.creates != 1 {
			t.Errorf("%v behind: %d creates", behind, w.provider.creates)
		}

		if most := 1 + min(1, int(max(behind, 0)/clockSkew)); w.provider.finds > most {
			t.Errorf("%v behind: looked %d times, want %d", behind, w.provider.finds, most)
		}
	}
}

// What people change right after the first sync is told, and none of our own
// writes, whatever the provider's clock says.
func TestAPersonsChangesUnderAnotherClock(t *testing.T) {
	for _, behind := range clocks {
		w := newWorld(t)
		w.provider.behind = behind
		w.forgetful()
		w.pulling("all")
		w.marked(1, 1)
		w.start(domain.Full)
		w.settle()
		want := []string{}
		for _, step := range []struct {
			change func(*connector.Content)
			name   string
		}{{edit, "edited"}, {closed, "closed"}} {
			w.provider.touch(0, step.change)
			w.pass(20 * time.Minute)
			want = append(want, "1 "+step.name)
		}

		w.provider.objects = append(w.provider.objects, &object{content: connector.Content{Title: "A person's"}, at: w.provider.now(), updated: w.provider.now()})
		w.pass(20 * time.Minute)
		mustBe(t, fmt.Sprint(behind, " behind: told"), fmt.Sprint(w.changes()), fmt.Sprint(append(want, "unlinked created")))
	}
}

// The first walk, of which nothing came, has learnt the provider's clock too.
func TestTheFirstWalkUnderAnotherClock(t *testing.T) {
	for _, behind := range clocks {
		w := newWorld(t)
		w.provider.behind = behind
		w.forgetful()
		w.pulling("all")
		w.start(domain.Full)
		w.settle()
		st, err := w.sure.State(w.ctx, 77)
		w.must(err)
		mustBe(t, fmt.Sprint(behind, " behind: settled at once"), st.Pull.Settled, false)
		w.provider.objects = append(w.provider.objects, &object{content: connector.Content{Title: "A person's"}, at: w.provider.now(), updated: w.provider.now()})
		w.pass(20 * time.Minute)
		mustBe(t, fmt.Sprint(behind, " behind: told"), fmt.Sprint(w.changes()), "[unlinked created]")
	}
}

// What the provider knew before the first pull is not announced, and an object dated
// in its future hides nothing that changes until then.
func TestNewsUnderAnotherClock(t *testing.T) {
	for _, behind := range clocks {
		w := newWorld(t)
		w.provider.behind = behind
		w.forgetful()
		w.pulling("all")
		old := w.provider.now().Add(-time.Hour)
		w.provider.objects = append(w.provider.objects, &object{at: old, updated: old})
		w.marked(1, 1)
		w.start(domain.Full)
		w.settle()
		w.pass(20 * time.Minute)
		mustBe(t, fmt.Sprint(behind, " behind: of what was there"), fmt.Sprint(w.changes()), "[]")
		want := []string{"unlinked created"}
		w.provider.objects = append(w.provider.objects, &object{at: w.provider.now(), updated: w.provider.now().AddDate(3, 0, 0)})
		w.pass(20 * time.Minute)
		for _, step := range []struct {
			change func(*connector.Content)
			name   string
		}{{edit, "edited"}, {closed, "closed"}} {
			w.provider.touch(1, step.change)
			w.pass(time.Hour)
			want = append(want, "1 "+step.name)
		}

		mustBe(t, fmt.Sprint(behind, " behind: told"), fmt.Sprint(w.changes()), fmt.Sprint(want))
	}
}

// A clock that is set right hides nothing either.
func TestAClockThatIsSet(t *testing.T) {
	for _, c := range []struct{ before, after time.Duration }{{-3 * time.Hour, 0}, {0, 3 * time.Hour}, {3 * time.Hour, 0}, {3 * time.Hour, -3 * time.Hour}} {
		w := newWorld(t)
		w.provider.behind = c.before
		w.forgetful()
		w.pulling("all")
		w.marked(1, 1)
		w.start(domain.Full)
		w.settle()
		w.pass(20 * time.Minute)
		w.provider.behind = c.after
		w.clock.now = w.clock.now.Add(time.Minute)
		w.provider.touch(0, edit)
		w.provider.objects = append(w.provider.objects, &object{at: w.provider.now(), updated: w.provider.now()})
		w.pass(time.Hour)
		w.provider.touch(0, closed)
		w.pass(time.Hour)
		got := w.changes()
		slices.Sort(got)
		if fmt.Sprint(got[:min(2, len(got))]) != "[1 closed 1 edited]" || len(got) > 3 {
			t.Errorf("%v, then %v behind: told %v", c.before, c.after, got)
		}
	}
}

// What was known of the clock when a create left holds when it is looked for.
func TestAClockThatIsSetBehindAnUnansweredCreate(t *testing.T) {
	w := newWorld(t)
	w.provider.behind = 3 * time.Hour
	w.pulling("linked")
	w.start(domain.Full)
	w.settle()
	item := w.marked(1, 1)
	w.diesOverAWrite()
	w.provider.behind = 0
	w.provider.told = 0
	w.provider.most = 0
	w.clock.now = w.clock.now.Add(20 * time.Minute)
	w.settle()
	w.exact(item)
	mustBe(t, "creates", w.provider.creates, 1)
}

// A clock that is told to be further and further behind holds nothing up but
// what cannot be concluded.
func TestAClockThatCreepsAway(t *testing.T) {
	w := newWorld(t)
	w.pulling("all")
	w.provider.before = func(string, domain.Snowflake) error {
		w.provider.behind += 11 * time.Second
		return nil
	}
	item := w.marked(1, 1)
	w.start(domain.Full)
	w.settle()
	w.exact(item)
	if w.provider.changes > 20 {
		t.Errorf("%d pages read", w.provider.changes)
	}
}
