package worker

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
	"example.com/integrations/shared/store"
)

// A remote change as a subscriber reads it.
type remoteChange struct {
	ItemID *domain.Snowflake `json:"item_id"`
	Change string            `json:"change"`
	Remote outgoing.Remote   `json:"remote"`
}

// changes returns what was published of objects, each event once, as "item change".
func (w *world) changes() []string {
	w.t.Helper()
	var all []string
	for _, n := range w.bus.of(outgoing.TypeRemoteChanged) {
		var c remoteChange
		w.must(json.Unmarshal([]byte(n.Detail), &c))
		item := "unlinked"
		if c.ItemID != nil {
			item = c.ItemID.String()
		}

		all = append(all, item+" "+c.Change)
	}

	return all
}

func edit(c *connector.Content)   { c.Body += " and a person's words" }
func closed(c *connector.Content) { c.State = domain.Closed }
func reopen(c *connector.Content) { c.State = domain.Open }

// A person edits, closes and reopens: one event each. Our own writes make none.
func TestAPersonsChanges(t *testing.T) {
	for _, mode := range []string{"linked", "all"} {
		w := newWorld(t)
		w.pulling(mode)
		for id := domain.Snowflake(1); id <= 5; id++ {
			w.item(id, 1, func(i *domain.Item) {
				if id == 4 {
					i.State = domain.Closed
				}
			})
		}

		w.start(domain.Full)
		w.settle()
		w.pass(time.Hour)
		mustBe(t, "our own creates tell", fmt.Sprint(w.changes()), "[]")
		var want []string
		for _, step := range []struct {
			change func(*connector.Content)
			name   string
		}{{edit, "edited"}, {closed, "closed"}, {reopen, "reopened"}, {edit, "edited"}} {
			w.provider.touch(1, step.change)
			w.pass(20 * time.Minute)
			want = append(want, "2 "+step.name)
			if got := w.changes(); !slices.Equal(got, want) {
				t.Fatalf("%s: told %v, want %v", mode, got, want)
			}

			state := domain.Open
			if step.name == "closed" {
				state = domain.Closed
			}

			mustBe(t, "the ledger's state", w.row(2).Remote.State, state)
		}

		// An update of ours, of the very object that a person has changed.
		w.change(2, 2)
		w.pass(time.Hour)
		if got := w.changes(); !slices.Equal(got, want) {
			t.Errorf("%s: our own update tells: %v", mode, got)
		}

		// A person closes it just before our update: that is not swallowed.
		w.provider.touch(1, closed)
		w.change(2, 3)
		w.pass(time.Hour)
		want = append(want, "2 closed")
		if got := w.changes(); !slices.Equal(got, want) {
			t.Errorf("%s: told %v, want %v", mode, got, want)
		}

		runs, _, err := w.sure.Runs(w.ctx, 77, domain.Page{Limit: 100}, w.clock.now)
		w.must(err)
		pulled := 0
		for _, r := range runs {
			pulled += r.Counts.Pulled
		}

		mustBe(t, "counted as pulled", pulled, len(want))
	}
}

// An object of no item is published only where all is pulled, and only if it
// changed since the integration was led here.
func TestForeignObjects(t *testing.T) {
	for mode, want := range map[string]string{"linked": "[]", "all": "[unlinked created unlinked edited unlinked closed]", "off": "[]"} {
		w := newWorld(t)
		w.pulling(mode)
		old := w.clock.now.Add(-time.Minute)
		w.provider.objects = append(w.provider.objects,
			&object{content: connector.Content{Title: "old", State: domain.Open}, at: old, updated: old},
			&object{content: connector.Content{Title: "older", State: domain.Open}, at: old, updated: old})
		w.item(1, 1, nil)
		w.start(domain.Full)
		w.settle()
		w.clock.now = w.clock.now.Add(time.Minute)
		w.provider.objects = append(w.provider.objects, &object{content: connector.Content{Title: "new", State: domain.Open}, at: w.clock.now, updated: w.clock.now})
		w.pass(30 * time.Minute)
		w.provider.touch(0, edit)
		w.pass(30 * time.Minute)
		w.provider.touch(3, closed)
		w.pass(30 * time.Minute)
		mustBe(t, mode, fmt.Sprint(w.changes()), want)
		if mode == "off" {
			mustBe(t, "calls for changes", w.provider.changes, 0)
		}
	}
}

// A block of a thousand objects with one time, as a mass edit makes it, does not
// stall the cursor.
func TestABlockOfEqualTimes(t *testing.T) {
	w := newWorld(t)
	w.pulling("all")
	w.start(domain.Full)
	w.settle()
	w.clock.now = w.clock.now.Add(10 * time.Minute)
	at := w.clock.now
	for n := range 1000 {
		w.provider.objects = append(w.provider.objects, &object{content: connector.Content{Title: fmt.Sprint(n), State: domain.Open}, at: at, updated: at})
	}

	w.clock.now = w.clock.now.Add(10 * time.Second)
	w.provider.objects = append(w.provider.objects, &object{content: connector.Content{Title: "last", State: domain.Open}, at: w.clock.now, updated: w.clock.now})
	w.pass(20 * time.Minute)
	mustBe(t, "told", len(w.changes()), 1001)
	w.pass(30 * time.Minute) // once more, since the first walk came so soon after the block
	before := w.provider.changes
	w.pass(2 * time.Hour)
	if n := w.provider.changes - before; n > 9 {
		t.Errorf("%d pages are read again and again", n)
	}

	mustBe(t, "told in the end", len(w.changes()), 1001)
	st, err := w.sure.State(w.ctx, 77)
	w.must(err)
	if since := time.UnixMilli(st.Pull.Since); since.Before(at) {
		t.Errorf("the cursor stands at %s, before the block", since)
	}
}

// The cursor moves only after a page was handled: wherever the worker dies,
// each change is told at least once, and no event is another's double.
func TestACrashDuringAPull(t *testing.T) {
	for cut := 1; cut <= 16; cut++ {
		for _, taken := range []bool{false, true} {
			w := newWorld(t)
			w.pulling("linked")
			for id := domain.Snowflake(1); id <= 3; id++ {
				w.item(id, 1, nil)
			}

			w.start(domain.Full)
			w.settle()
			for n := range 3 {
				w.provider.touch(n, edit)
			}

			w.clock.now = w.clock.now.Add(20 * time.Minute)
			w.must(w.tick())
			w.wire.reset(cut, taken)
			_ = w.slice() // the crash is what is played
			w.wire.reset(0, false)
			w.clock.now = w.clock.now.Add(time.Hour)
			w.pass(2 * time.Hour)
			got := w.changes()
			slices.Sort(got)
			mustBe(t, fmt.Sprintf("cut %d, taken %v", cut, taken), fmt.Sprint(got), "[1 edited 2 edited 3 edited]")
		}
	}
}

// A walk that does not fit into an invocation goes on in the next one.
func TestALongPullGoesInSlices(t *testing.T) {
	w := newWorld(t)
	w.pulling("all")
	w.start(domain.Full)
	w.settle()
	for n := range 2500 {
		w.clock.now = w.clock.now.Add(time.Second)
		w.provider.objects = append(w.provider.objects, &object{content: connector.Content{Title: fmt.Sprint(n), State: domain.Open}, at: w.clock.now, updated: w.clock.now})
	}

	w.provider.before = func(string, domain.Snowflake) error {
		w.clock.now = w.clock.now.Add(5 * time.Second)
		return nil
	}
	w.pass(time.Hour)
	mustBe(t, "told", len(w.changes()), 2500)
}

func TestAdvance(t *testing.T) {
	at := func(ms ...int64) []connector.Object {
		var all []connector.Object
		for _, m := range ms {
			all = append(all, connector.Object{UpdatedAt: time.UnixMilli(m)})
		}
		return all
	}

	const early = 1_000_000
	for name, c := range map[string]struct {
		before  store.Pull
		objects []connector.Object
		more    bool
		want    store.Pull
	}{
		"newer objects":            {store.Pull{Since: 50, At: 100, Began: early, Newest: 100}, at(100, 200), true, store.Pull{Since: 50, At: 200, Began: early, Newest: 200}},
		"a block":                  {store.Pull{Since: 50, At: 100, Began: early, Newest: 100}, at(100, 100), true, store.Pull{Since: 50, At: 100, Offset: 2, Began: early, Newest: 100, Block: 100}},
		"in the block":             {store.Pull{Since: 50, At: 100, Offset: 2, Began: early, Newest: 100, Block: 100}, at(100, 300), true, store.Pull{Since: 50, At: 300, Began: early, Newest: 300, Block: 100}},
		"on in the block":          {store.Pull{Since: 50, At: 100, Offset: 2, Began: early, Newest: 100, Block: 100}, at(100, 100, 100), true, store.Pull{Since: 50, At: 100, Offset: 5, Began: early, Newest: 100, Block: 100}},
		"the end":                  {store.Pull{Since: 50, At: 100, Began: early, Newest: 100}, at(100, 200), false, store.Pull{Since: 200, At: 100, Newest: 200, Settled: true}},
		"one dated in the future":  {store.Pull{Since: 50, At: 100, Began: early, Newest: 100}, at(100, 9*early), false, store.Pull{Since: early, At: 100, Newest: early}},
		"the end, nothing changed": {store.Pull{Since: 50, At: 20, Began: early, Newest: 50}, nil, false, store.Pull{Since: 50, At: 20, Newest: 50, Settled: true}},
		"the end of a quiet block": {store.Pull{Since: 50, At: 100, Offset: 3, Began: early, Newest: 100, Block: 100}, at(100), false, store.Pull{Since: 100, At: 100, Offset: 3, Newest: 100, Block: 100, Settled: true}},
		"a block, and a change meanwhile": {store.Pull{Since: 50, At: 100, Offset: 3, Began: early, Newest: 100, Block: 100}, at(early), false,
			store.Pull{Since: 100, At: 100, Offset: 3, Newest: early, Block: 100}},
	} {
		p := c.before
		advance(&p, c.objects, c.more, time.UnixMilli(early))
		if p != c.want {
			t.Errorf("%s:\n got %+v\nwant %+v", name, p, c.want)
		}
	}
}

// After the table was restored the links of what was created since are gone:
// they are found by the markers before anything is created.
func TestRelinkAfterARestore(t *testing.T) {
	w := newWorld(t)
	var items []domain.Item
	for id := domain.Snowflake(1); id <= 250; id++ {
		items = append(items, w.item(id, 1, nil))
	}

	w.start(domain.Full)
	w.settle()
	for id := domain.Snowflake(1); id <= 250; id += 2 { // the restored table does not know these
		w.erase("LINK#" + placed + "#" + id.Sortable())
		w.erase("REMOTE#" + placed + "#" + fmt.Sprint(id-1))
	}

	w.clock.now = w.clock.now.Add(time.Hour)
	w.worker.Settings.RelinkBefore = w.clock.now
	creates := w.provider.creates
	w.change(1, 2)
	items[0] = w.change(1, 2)
	w.settle()
	mustBe(t, "creates", w.provider.creates, creates)
	v, err := w.sure.View(w.ctx, w.pair, 0)
	w.must(err)
	if !store.NeedsFull(*v.Integration, v.State) {
		t.Error("the next sync is not full")
	}

	id := w.start(domain.Full)
	w.settle()
	w.exact(items...)
	mustBe(t, "creates", w.provider.creates, creates)
	mustBe(t, "counts", w.run(id).Counts, domain.Counts{Updated: 124, Unchanged: 126})
	pages := w.provider.changes
	w.start(domain.Full)
	w.settle()
	mustBe(t, "searched once", w.provider.changes, pages)
}

// What may be our own write, which no worker has recorded, is no person's
// change; a worker that reads before it writes meets it.
func TestADoubtfulWriteIsNobodysChange(t *testing.T) {
	w := newWorld(t)
	w.pulling("linked")
	w.marked(1, 1)
	w.start(domain.Incremental)
	w.settle()
	w.clock.now = w.clock.now.Add(time.Minute)
	closed := w.item(1, 2, func(i *domain.Item) { i.State = domain.Closed })
	w.must(w.sure.PutPendingChange(w.ctx, 77, store.PendingChange{ItemID: 1, Version: 2}))
	w.diesOverAWrite()
	w.clock.now = w.clock.now.Add(invocationTime)
	w.settle()
	w.exact(closed)
	mustBe(t, "told", fmt.Sprint(w.changes()), "[]")
}

// What an update had done before it failed is no person's change, and not the
// whole: an item that is changed back is written again.
func TestAnUpdateThatIsDoneInPart(t *testing.T) {
	w := newWorld(t)
	w.pulling("linked")
	text := func(i *domain.Item) { i.Description = "as it was" }
	w.item(1, 1, text)
	w.start(domain.Full)
	w.settle()
	w.clock.now = w.clock.now.Add(time.Minute)
	w.provider.stuck = 1
	w.item(1, 2, func(i *domain.Item) { i.State = domain.Closed })
	w.must(w.sure.PutPendingChange(w.ctx, 77, store.PendingChange{ItemID: 1, Version: 2}))
	w.start(domain.Incremental)
	w.pass(3 * time.Hour)
	mustBe(t, "outcome", w.row(1).Outcome, domain.FailedOut)
	mustBe(t, "told", fmt.Sprint(w.changes()), "[]")
	w.provider.touch(0, closed) // as a person does who reads why it failed
	w.pass(time.Hour)
	mustBe(t, "published of the person", fmt.Sprint(w.changes()), "[1 closed]")
	item := w.item(1, 3, text)
	w.must(w.sure.PutPendingChange(w.ctx, 77, store.PendingChange{ItemID: 1, Version: 3}))
	w.start(domain.Incremental)
	w.pass(time.Hour)
	w.exact(item)
	mustBe(t, "told in the end", fmt.Sprint(w.changes()), "[1 closed]")
}

// An update that is repeated may meet the state it has sent itself.
func TestARepeatedUpdateDoesNotKnowTheState(t *testing.T) {
	w := newWorld(t)
	w.marked(1, 1)
	w.start(domain.Incremental)
	w.settle()
	lost := false
	w.provider.after = func(string, domain.Snowflake) error {
		if lost = !lost; lost {
			return ambiguous()
		}
		return nil
	}

	w.marked(1, 2)
	w.start(domain.Incremental)
	w.settle()
	mustBe(t, "given the state", fmt.Sprintf("%q", w.provider.sent), `["open" ""]`)
}

// A repository whose pull requests change all the time hides no issue between
// two pages, and the cursor goes on.
func TestPullRequestsAmongIssues(t *testing.T) {
	w := newWorld(t)
	w.pulling("linked")
	for id := domain.Snowflake(1); id <= 3; id++ {
		w.item(id, 1, nil)
	}

	w.start(domain.Full)
	w.settle()
	w.pass(time.Hour)
	request := func() *object {
		w.clock.now = w.clock.now.Add(time.Second)
		return &object{other: true, at: w.clock.now, updated: w.clock.now}
	}
	first := request()
	w.provider.objects = append(w.provider.objects, first)
	for range pageSize - 2 {
		w.provider.objects = append(w.provider.objects, request())
	}

	w.clock.now = w.clock.now.Add(time.Second)
	w.provider.touch(0, edit) // the first of the second page, until a pull request of the first moves behind it
	w.clock.now = w.clock.now.Add(time.Second)
	w.provider.touch(2, edit)
	w.clock.now = w.clock.now.Add(time.Hour)
	pages := 0
	w.provider.before = func(step string, _ domain.Snowflake) error {
		if pages++; pages == 2 {
			first.updated = w.clock.now
		}
		return nil
	}

	w.pass(40 * time.Minute)
	mustBe(t, "told", fmt.Sprint(w.changes()), "[1 edited 3 edited]")
	for round := range 4 { // from here on it is never quiet
		for range 3 * pageSize {
			w.provider.objects = append(w.provider.objects, request())
		}

		last := w.clock.now.Truncate(time.Second)
		pages = 0
		w.provider.before = func(string, domain.Snowflake) error {
			if pages++; pages == 1 {
				w.provider.touch(1, edit)
			}
			return nil
		}

		w.pass(16 * time.Minute)
		st, err := w.sure.State(w.ctx, 77)
		w.must(err)
		if since := time.UnixMilli(st.Pull.Since); since.Before(last) {
			t.Errorf("round %d: the cursor stands at %s, want %s at least", round, since, last)
		}
	}

	mustBe(t, "told in the end", len(w.changes()), 6)
}
