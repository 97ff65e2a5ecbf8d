package worker

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/integrations/functions/providersync/worker/item"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// unreadable stands for a list that no connector can read, such as one behind a
// proxy that rewrites links.
func unreadable() error {
	return &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "answer_unreadable", Detail: "no list of issues"}
}

// listless is a world with three items at the place whose list of changes cannot
// be had any more.
func listless(t *testing.T) *world {
	t.Helper()
	w, _ := synced(t, 3)
	w.provider.before = func(call string, _ domain.Snowflake) error {
		if call == "changes" {
			return unreadable()
		}

		return nil
	}

	return w
}

// B8: a pull that cannot go on holds pushes back for one invocation. The status names
// it until a pull works again.
func TestAPullThatCannotGoOn(t *testing.T) {
	w := listless(t)
	began := w.clock.now
	sent := w.change(2, 2)
	created := w.change(4, 1)
	updates := w.provider.updates

	w.must(w.slice())
	mustBe(t, "updates in the first slice", w.provider.updates, updates)
	known := w.state().StoredPullProblem
	if known == nil || known.Reason.Code != "answer_unreadable" || known.Reason.ProviderMessage != "no list of issues" || known.Since != began.UnixMilli() {
		t.Fatalf("why the pull cannot go on: %+v", known)
	}

	mustBe(t, "the run waits", w.state().Run.Run.Status, domain.Waiting)

	w.pass(5 * time.Minute)
	mustBe(t, "updates afterwards", w.provider.updates, updates+1)
	mustBe(t, "reads before updates", w.provider.reads, 1)
	mustBe(t, "the item", w.provider.byItem()[2][0].content.Title, sent.Title)
	mustBe(t, "the new item", w.provider.byItem()[4][0].content.Title, created.Title)
	if w.state().Run != nil {
		t.Errorf("the run goes on: %+v", w.state().Run.Run)
	}

	mustBe(t, "health", w.state().Condition.State, domain.Healthy)

	w.pass(time.Hour)
	known = w.state().StoredPullProblem
	if known == nil || known.Since != began.UnixMilli() {
		t.Errorf("after an hour: %+v", known)
	}

	w.provider.before = nil
	w.pass(time.Hour)
	if known := w.state().StoredPullProblem; known != nil {
		t.Errorf("the list works again: %+v", known)
	}

	mustBe(t, "events", len(w.changes()), 0)
}

// An object that was made in this invocation has been seen: closing it needs no read.
func TestANewObjectIsNotReadWhileThePullIsStalled(t *testing.T) {
	w := listless(t)
	w.change(1, 2)
	w.pass(5 * time.Minute)
	reads := w.provider.reads
	w.item(5, 1, done)
	w.must(w.sure.PutPendingChange(w.ctx, 77, store.PendingChange{ItemID: 5, Version: 1}))
	w.start(domain.Incremental)
	w.settle()
	mustBe(t, "the item", w.provider.byItem()[5][0].content.State, domain.Closed)
	mustBe(t, "reads", w.provider.reads, reads)
}

// While lists cannot be had, an update reads its object first: what a person
// changed goes out before it is overwritten, once, and a pull does not repeat it.
func TestAnEditIsSeenBeforeItIsOverwritten(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*connector.Content)
		want   string
	}{"edited": {edit, "2 edited"}, "closed": {closed, "2 closed"}} {
		w := listless(t)
		w.change(1, 2)
		w.pass(5 * time.Minute)

		w.provider.touch(1, c.change)
		w.provider.wrote = func(_ string, item domain.Snowflake) {
			if item == 2 {
				w.provider.wrote = nil
				records := strings.Join(w.raw("INT#"+w.pair.ID.Sortable()), " ")
				mustBe(t, name+": the event is kept before the update", strings.Contains(records, "OUTBOX#") || len(w.changes()) > 0, true)
			}
		}

		w.clock.now = w.clock.now.Add(time.Minute)
		w.change(2, 2)
		w.pass(5 * time.Minute)
		if w.provider.wrote != nil {
			t.Errorf("%s: the item has not arrived", name)
		}

		if got := w.changes(); !slices.Equal(got, []string{c.want}) {
			t.Errorf("%s: told %v", name, got)
		}

		w.provider.before = nil
		w.pass(time.Hour)
		if got := w.changes(); !slices.Equal(got, []string{c.want}) {
			t.Errorf("%s: told %v after a pull", name, got)
		}
	}
}

// Where nothing is answered, pushes wait, and an invocation asks once whether the
// provider answers again.
func TestNothingIsPushedDuringAnOutage(t *testing.T) {
	w := listless(t)
	w.change(1, 2)
	w.pass(5 * time.Minute) // the pull cannot go on, pushes do

	away := func(call string, _ domain.Snowflake) error {
		if call == "update" || call == "create" {
			t.Errorf("%s is tried", call)
		}

		return &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "unreachable"}
	}

	w.provider.before = away
	w.provider.beforePlace = away
	w.pass(time.Hour)
	if st := w.state(); st.Run == nil || st.Run.Run.Status != domain.Waiting {
		t.Errorf("a run with nothing to push: %+v", st.Run)
	}

	w.change(4, 1)
	for n, calls := range w.pass(3 * time.Hour) {
		if n > 0 && calls > 1 { // the outage itself takes more calls to be seen
			t.Errorf("minute %d: %d calls", n, calls)
		}
	}

	mustBe(t, "the run waits", w.state().Run.Run.Status, domain.Waiting)

	w.provider.before = nil
	w.provider.beforePlace = nil
	w.pass(2 * time.Hour)
	mustBe(t, "objects of the new item", len(w.provider.byItem()[4]), 1)
	if known := w.state().StoredPullProblem; known != nil {
		t.Errorf("the list works again: %+v", known)
	}

	mustBe(t, "events", len(w.changes()), 0)
}

// While lists cannot be had, the place is read between writes. If its name leads
// to another place now, nothing is written there.
func TestThePlaceMovesWhileThePullIsStalled(t *testing.T) {
	for _, byName := range []bool{false, true} {
		name := fmt.Sprint("by name ", byName)
		w, _ := synced(t, 3)
		w.provider.place.ByName = byName
		w.reconfigured()
		w.pass(time.Hour)
		moves := false
		looks := 0
		w.provider.before = func(call string, _ domain.Snowflake) error {
			if call == "changes" {
				return unreadable()
			}

			if call != "read" {
				mustBe(t, name+": written at", w.provider.used.ID, there.ID)
			}

			return nil
		}

		w.provider.beforePlace = func(string, domain.Snowflake) error {
			if !moves {
				return nil
			}

			looks++
			if looks == 2 || !byName { // after the invocation has looked which place it is
				w.provider.place = elsewhere
				w.provider.place.ByName = byName
			}

			return nil
		}

		w.change(1, 2)
		w.must(w.slice())

		moves = true
		updates := w.provider.updates
		w.pass(10 * time.Minute)
		mustBe(t, name+": updates", w.provider.updates-updates, map[bool]int{false: 1, true: 0}[byName])
	}
}

// An object that is gone, or cannot be read for its own sake, is the update's
// matter: the read before it adds nothing and stops no other item.
func TestAnObjectThatIsGoneWhileThePullIsStalled(t *testing.T) {
	w := listless(t)
	lists := w.provider.before
	w.provider.before = func(call string, id domain.Snowflake) error {
		if call == "read" || call == "update" && id == 2 {
			return &failure.Error{Class: failure.Final, Scope: failure.ItemScope, Code: item.RemoteDeleted}
		}

		return lists(call, id)
	}

	w.change(2, 2)
	want := w.change(3, 2)
	w.pass(10 * time.Minute)
	mustBe(t, "health", w.state().Condition.State, domain.Healthy)
	if row := w.row(2); row.Reason == nil || *row.Reason != item.RemoteDeleted {
		t.Errorf("the row: %+v", row)
	}

	mustBe(t, "the other item", w.provider.byItem()[3][0].content.Title, want.Title)
}

// A pull that is switched off cannot be in trouble.
func TestAStalledPullIsSwitchedOff(t *testing.T) {
	w := listless(t)
	w.change(1, 2)
	w.pass(5 * time.Minute)
	if w.state().StoredPullProblem == nil {
		t.Fatal("no trouble to begin with")
	}

	w.pulling("off")
	w.change(1, 3)
	w.pass(5 * time.Minute)
	if known := w.state().StoredPullProblem; known != nil {
		t.Errorf("%+v", known)
	}

	mustBe(t, "reads before updates", w.provider.reads, 1)
}

// An object that answers each call with a failure of the server fails alone, and
// is not given up; the others arrive. An object that cannot be seen while lists
// cannot be had is not overwritten.
func TestAnObjectThatAlwaysFails(t *testing.T) {
	for name, fails := range map[string]struct {
		call  string
		lists bool
	}{"update": {"update", true}, "read before an update": {"read", false}} {
		w := listless(t)
		lists := w.provider.before
		if fails.lists {
			lists = func(string, domain.Snowflake) error { return nil }
		}

		w.provider.before = func(call string, item domain.Snowflake) error {
			if call == fails.call && item == 2 {
				return &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "provider_unavailable", Status: 503}
			}

			return lists(call, item)
		}

		updates := w.provider.updates
		sent := w.change(2, 2)
		want := w.change(3, 2)
		w.pass(10 * time.Minute)
		mustBe(t, name+": the other item", w.provider.byItem()[3][0].content.Title, want.Title)
		mustBe(t, name+": updates", w.provider.updates-updates, 1)
		mustBe(t, name+": health", w.state().Condition.State, domain.Healthy)

		w.pass(6 * time.Hour)
		row := w.row(2)
		_, givenUp, err := w.sure.Backlog(w.ctx, 77, placed)
		w.must(err)
		if givenUp > 0 || row.Outcome != domain.FailedOut || row.Reason == nil || !strings.HasPrefix(*row.Reason, "provider_unavailable (HTTP 503)") {
			t.Errorf("%s: the row after hours: %+v", name, row)
		}

		mustBe(t, name+": updates after hours", w.provider.updates-updates, 1)

		w.provider.before = nil
		w.pass(2 * time.Hour)
		mustBe(t, name+": the item", w.provider.byItem()[2][0].content.Title, sent.Title)
		mustBe(t, name+": updates at last", w.provider.updates-updates, 2)
	}
}

// A message that the server always fails over stops no other one, though a chat
// cannot be asked whether it is up: the next message finds that out.
func TestAMessageThatAlwaysFails(t *testing.T) {
	everyRoom(t, func(t *testing.T, w *world, r *room, _ string) {
		r.before = func(_ string, item domain.Snowflake) error {
			if item == 1 {
				return &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "provider_unavailable", Status: 503}
			}

			return nil
		}

		w.told(1, 1, nil)
		w.told(2, 1, nil)
		w.told(3, 1, nil)
		w.start(domain.Incremental)
		w.minutes(10)
		mustBe(t, "messages of the others", len(r.of(2))+len(r.of(3)), 2)

		w.minutes(2 * 60)
		_, givenUp, err := w.sure.Backlog(w.ctx, 77, placed)
		w.must(err)
		mustBe(t, "given up", givenUp, 0)

		r.before = nil
		w.minutes(20)
		mustBe(t, "messages at last", len(r.of(1)), 1)
		w.noMarks()
	})
}

// An update is not answered, and a person changes the object before it is
// repeated. What he did is an event, whether lists can be had or not and whether
// the update was carried out, now or later; what the update itself did is none.
func TestAnEditAfterADoubtfulUpdate(t *testing.T) {
	for name, tt := range map[string]struct {
		carried bool // the update was
		person  func(*connector.Content)
		want    string
	}{
		"not carried out":                {false, nil, "[]"},
		"carried out":                    {true, nil, "[]"},
		"not carried out, edited":        {false, edit, "[2 edited]"},
		"carried out, edited":            {true, edit, "[2 edited]"},
		"not carried out, closed":        {false, closed, "[2 closed]"},
		"carried out, closed":            {true, closed, "[2 closed]"},
		"carried out, edited and closed": {true, func(c *connector.Content) { edit(c); closed(c) }, "[2 edited 2 closed]"},
	} {
		for _, lists := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, lists %v", name, lists), func(t *testing.T) {
				w := listless(t)
				w.change(1, 2)
				w.pass(5 * time.Minute)
				broken := w.provider.before
				fails := func(when bool) func(string, domain.Snowflake) error {
					return func(call string, item domain.Snowflake) error {
						switch {
						case call == "update" && item == 2 && when:
							return ambiguous()
						case lists:
							return nil
						}

						return broken(call, item)
					}
				}

				w.provider.before = fails(!tt.carried)
				w.provider.after = func(call string, item domain.Snowflake) error {
					if call == "update" && item == 2 {
						return ambiguous()
					}
					return nil
				}

				w.change(2, 2)
				w.pass(time.Minute)
				if tt.person != nil {
					w.provider.touch(1, tt.person)
				}

				w.provider.before = fails(false)
				w.provider.after = nil
				w.pass(time.Hour)

				mustBe(t, "overwritten", w.provider.objects[1].content.Title, "item 2")
				mustBe(t, "state", w.provider.objects[1].content.State, domain.Open)
				mustBe(t, "events", fmt.Sprint(w.changes()), tt.want)
			})
		}
	}
}

// Updates of several versions are not answered, and each is carried out later.
// None of them is a person's change, and his is one.
func TestSeveralUpdatesInDoubt(t *testing.T) {
	w := newWorld(t)
	w.pulling("linked")
	w.marked(1, 1)
	w.start(domain.Incremental)
	w.settle()
	var now connector.Content
	var sent []connector.Content
	w.provider.before = func(call string, _ domain.Snowflake) error {
		if call != "update" {
			return nil
		}

		if !slices.ContainsFunc(sent, func(c connector.Content) bool { return c.Hash() == now.Hash() }) {
			sent = append(sent, now)
		}

		return ambiguous()
	}
	for version := int64(2); version <= 4; version++ {
		now = w.provider.Render(w.item(1, version, func(i *domain.Item) {
			i.Title = fmt.Sprint("version ", version)
			if version == 3 {
				i.State = domain.Closed
			}
		}))

		w.must(w.sure.PutPendingChange(w.ctx, 77, store.PendingChange{ItemID: 1, Version: version}))
		w.start(domain.Incremental)
		w.pass(2 * time.Hour)
	}

	mustBe(t, "versions sent", len(sent), 3)
	for _, content := range sent {
		w.provider.touch(0, func(c *connector.Content) { *c = content })
		w.pass(30 * time.Minute)
	}

	mustBe(t, "events of our own", fmt.Sprint(w.changes()), "[]")

	w.provider.touch(0, edit)
	w.pass(30 * time.Minute)
	mustBe(t, "events of a person", fmt.Sprint(w.changes()), "[1 edited]")
}

// An update that closes the object is not answered, and was carried out. A
// person who reopens it is seen, though nobody has recorded the closing.
func TestAReopenedObjectAfterADoubtfulClose(t *testing.T) {
	w := newWorld(t)
	w.pulling("linked")
	text := func(i *domain.Item) { i.Description = "as it was" }
	w.item(1, 1, text)
	w.full()
	w.provider.after = func(call string, _ domain.Snowflake) error { return ambiguous() }
	w.item(1, 2, func(i *domain.Item) {
		text(i)
		i.State = domain.Closed
	})
	w.must(w.sure.PutPendingChange(w.ctx, 77, store.PendingChange{ItemID: 1, Version: 2}))
	w.start(domain.Incremental)
	w.pass(time.Minute)
	mustBe(t, "closed", w.provider.objects[0].content.State, domain.Closed)

	w.provider.before = func(call string, _ domain.Snowflake) error {
		if call == "update" {
			return ambiguous() // and is not carried out any more
		}
		return nil
	}

	w.pass(30 * time.Minute)
	mustBe(t, "events of our own", fmt.Sprint(w.changes()), "[]")

	w.provider.touch(0, func(c *connector.Content) { c.State = domain.Open })
	w.pass(30 * time.Minute)
	mustBe(t, "events of a person", fmt.Sprint(w.changes()), "[1 reopened]")
}

// A provider stores texts in a form of its own. There what an update in doubt
// has made cannot be told from what a person did, and is no event.
func TestAnUpdateInDoubtIsStoredInAnotherForm(t *testing.T) {
	w := newWorld(t)
	w.provider.stores = func(c connector.Content) connector.Content {
		c.Body += " "
		return c
	}
	w.pulling("linked")
	w.marked(1, 1)
	w.start(domain.Incremental)
	w.settle()
	w.provider.after = func(string, domain.Snowflake) error { return ambiguous() }
	w.item(1, 2, func(i *domain.Item) { i.Title = "another" })
	w.must(w.sure.PutPendingChange(w.ctx, 77, store.PendingChange{ItemID: 1, Version: 2}))
	w.start(domain.Incremental)
	w.pass(30 * time.Minute)
	w.provider.after = nil
	w.pass(time.Hour)
	mustBe(t, "events", fmt.Sprint(w.changes()), "[]")

	w.provider.touch(0, edit)
	w.pass(time.Hour)
	mustBe(t, "events of a person", fmt.Sprint(w.changes()), "[1 edited]")
}

// While the list cannot be had an object is read before its update. What a person
// did to it is seen, also where the provider stores texts in a form of its own.
func TestAnEditIsSeenWhereTextsAreStoredInAnotherForm(t *testing.T) {
	w := listless(t)
	w.provider.stores = func(c connector.Content) connector.Content {
		c.Body += " "
		return c
	}
	w.change(1, 2)
	w.pass(10 * time.Minute)
	w.provider.touch(0, edit)
	w.change(1, 3)
	w.pass(10 * time.Minute)
	mustBe(t, "events", fmt.Sprint(w.changes()), "[1 edited]")
}
