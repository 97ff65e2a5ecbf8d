package worker

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/integrations/local/testkit"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// respell spells the place otherwise in the configuration, and makes it look
// otherwise to the provider.
func (w *world) respell(spelling string, change func(*connector.Place)) {
	w.t.Helper()
	place := there
	if change != nil {
		change(&place)
	}

	w.provider.place = place
	w.reconfigure(store.Change{Enabled: true, Configuration: `{"pull":"all"}`, TargetHash: spelling, ConfigurationChanged: true})
}

// synced is a world in which items were brought to the place and recorded.
func synced(t *testing.T, n int) (*world, []domain.Item) {
	t.Helper()
	w := newWorld(t)
	w.pulling("all")
	var items []domain.Item
	for id := domain.Snowflake(1); id <= domain.Snowflake(n); id++ {
		items = append(items, w.item(id, 1, func(i *domain.Item) {
			if id%3 == 0 {
				i.State = domain.Closed
			}
		}))
	}

	w.start(domain.Full)
	w.settle()
	w.pass(time.Hour)
	w.settle()

	return w, items
}

func (w *world) state() *store.State {
	w.t.Helper()
	st, err := w.sure.State(w.ctx, 77)
	w.must(err)

	return st
}

// A1, A2, A4, A8: however the same place is spelled or named, nothing is created
// again, nothing is published twice, and the sync goes on.
func TestTheSamePlaceUnderAnotherName(t *testing.T) {
	for name, change := range map[string]func(w *world){
		"renamed at the provider": func(w *world) { w.provider.place = there; w.provider.place.Name = "new name" },
		"spelling corrected":      func(w *world) { w.respell("corrected", func(p *connector.Place) { p.Name = "new name" }) },
		"number for path":         func(w *world) { w.respell("number", nil) },
		"number and back": func(w *world) {
			w.respell("number", nil)
			w.start(domain.Incremental)
			w.settle()
			w.respell("there", nil)
		},
		"another case":            func(w *world) { w.respell("THERE", nil) },
		"new address":             func(w *world) { w.respell("moved", func(p *connector.Place) { p.URL = "https://new.example/there" }) },
		"new host name":           func(w *world) { w.respell("host", func(p *connector.Place) { p.Instance = "new.example" }) },
		"new host, same spelling": func(w *world) { w.provider.place = there; w.provider.place.Instance = "new.example"; w.reconfigured() },
	} {
		t.Run(name, func(t *testing.T) {
			w, items := synced(t, 40)
			cursor := w.state().Pull
			creates := w.provider.creates
			updates := w.provider.updates
			full := w.state().FullEpoch

			change(w)
			id := w.start(domain.Incremental)
			w.settle()

			mustBe(t, "status", w.run(id).Status, domain.Succeeded)
			mustBe(t, "creates", w.provider.creates, creates)
			if st := w.state(); st.Target.Instance == there.Instance {
				mustBe(t, "updates", w.provider.updates, updates)
				mustBe(t, "activation of the pull", st.Pull.Activated, cursor.Activated)
				mustBe(t, "full epoch", st.FullEpoch, full)
			}

			items[4] = w.change(5, 2)
			w.pass(time.Hour)
			w.settle()
			w.start(domain.Full)
			w.settle()
			w.exact(items...)
			mustBe(t, "creates", w.provider.creates, creates)
			mustBe(t, "updates", w.provider.updates, updates+1)
			mustBe(t, "events", fmt.Sprint(w.changes()), "[]")

			w.provider.touch(0, edit)
			w.pass(time.Hour)
			mustBe(t, "events of an edit", fmt.Sprint(w.changes()), "[1 edited]")
		})
	}
}

// reconfigured changes the configuration in a way that leads to the same place.
func (w *world) reconfigured() {
	w.t.Helper()
	w.reconfigure(store.Change{Enabled: true, Configuration: `{"pull":"all","labels":"none"}`, TargetHash: "there", ConfigurationChanged: true})
}

// One read finds out which place it is for each configuration; where calls go by
// name, one in each invocation.
func TestAPlaceIsResolvedOnce(t *testing.T) {
	for byName, want := range map[bool]int{false: 1, true: 3} {
		w := newWorld(t)
		w.provider.place = there
		w.provider.place.ByName = byName
		for n := 1; n <= 3; n++ {
			w.marked(1, int64(n))
			w.start(domain.Incremental)
			w.settle()
		}

		mustBe(t, fmt.Sprint("resolved, by name ", byName), w.provider.resolves, want)
		mustBe(t, "calls go to", w.provider.used.ID, there.ID)

		w.reconfigured()
		w.start(domain.Incremental)
		w.settle()
		mustBe(t, "resolved after a PATCH", w.provider.resolves, want+1)
	}
}

// A place that was deleted and made again under its name has another id: nothing
// is written there until a manager accepts it.
func TestAPlaceThatWasMadeAgain(t *testing.T) {
	for _, byName := range []bool{true, false} {
		w, items := synced(t, 20)
		old := w.provider
		w.provider = &provider{clock: w.clock, place: there}
		w.provider.place.ID = "1000"
		w.provider.place.ByName = byName
		// A place that calls reach by id is not there any more.
		gone := true
		w.provider.before = func(string, domain.Snowflake) error {
			if gone {
				return &failure.Error{Class: failure.Final, Scope: failure.IntegrationScope, Code: targetNotFound, Status: 404}
			}
			return nil
		}
		if byName {
			st := w.state()
			st.Target.ByName = true
			w.reconfigured()
		}

		w.marked(1, 2)
		id := w.start(domain.Incremental)
		w.slices(id)
		run := w.run(id)
		mustBe(t, "status", run.Status, domain.Failed)
		mustBe(t, "code", run.Error.Code, targetMoved)
		mustBe(t, "writes", w.provider.creates+w.provider.updates, 0)
		mustBe(t, "health", w.state().Condition.State, domain.Unhealthy)

		// A sync that accepts another id is refused, the one that accepts this goes on.
		id = w.startWith(func(r *store.ActiveRun) {
			r.Mode = domain.Full
			r.AcceptTarget = "999"
		})
		w.slices(id)
		mustBe(t, "another accepted", w.run(id).Error.Code, targetMoved)

		gone = false
		items[0] = w.marked(1, 3)
		id = w.startWith(func(r *store.ActiveRun) {
			r.Mode = domain.Full
			r.AcceptTarget = "1000"
		})
		w.settle()
		mustBe(t, "accepted", w.run(id).Status, domain.Succeeded)
		w.exact(items...)
		mustBe(t, "the old place", old.creates+old.updates, 20+6)
	}
}

// invocations works until a run has ended.
func (w *world) slices(id domain.Snowflake) {
	w.t.Helper()
	for n := 0; !w.ended(id); n++ {
		if len(w.queue) == 0 || n > 50 {
			w.t.Fatal("the run does not end")
		}
		w.must(w.slice())
	}
}

// startWith requests a run with wishes.
func (w *world) startWith(change func(*store.ActiveRun)) domain.Snowflake {
	w.t.Helper()
	w.clock.now = w.clock.now.Add(5 * time.Second)
	run := store.ActiveRun{Run: domain.Run{ID: domain.NewSnowflake(w.clock.now), IntegrationID: 77, OrganisationID: 5,
		Mode: domain.Incremental, Trigger: domain.ByRequest, RequestedAt: w.clock.now, Status: domain.Queued}}
	change(&run)
	_, started, err := w.sure.RequestRun(w.ctx, w.pair, run, 0, w.clock.now.Add(time.Minute))
	w.must(err)
	if !started {
		w.t.Fatal("the run was not started")
	}

	w.must(w.Send(w.ctx, 5, 77, run.ID))

	return run.ID
}

// A place that cannot be found ends the run; the one that was resolved stays
// known.
func TestAPlaceThatIsNotFound(t *testing.T) {
	w, _ := synced(t, 3)
	w.provider.unresolved = &failure.Error{Class: failure.Final, Scope: failure.IntegrationScope, Code: targetNotFound, Detail: "no such place", Status: 404}
	w.reconfigured()
	w.marked(1, 2)
	id := w.start(domain.Incremental)
	w.slices(id)
	mustBe(t, "code", w.run(id).Error.Code, targetNotFound)
	mustBe(t, "the place known", w.state().Target.ID, there.ID)

	w.provider.unresolved = nil
	w.pass(time.Hour)
	mustBe(t, "creates", w.provider.creates, 3)
}

// A truly different place leaves the old objects alone. What was made there by
// us before is found again, and nothing is created twice.
func TestAnotherPlaceAndBack(t *testing.T) {
	w, items := synced(t, 10)
	home := w.provider
	writes := w.provider.creates + w.provider.updates
	away := &provider{clock: w.clock}
	w.provider = away
	w.respell("elsewhere", func(p *connector.Place) { *p = elsewhere })
	id := w.startWith(func(r *store.ActiveRun) { r.ModeChosen = true })
	w.settle()
	mustBe(t, "status", w.run(id).Status, domain.Succeeded)
	mustBe(t, "mode", w.run(id).Mode, domain.Full)
	w.exact(items...)

	w.provider = home
	w.respell("there", nil)
	id = w.startWith(func(r *store.ActiveRun) { r.ModeChosen = true })
	w.settle()
	w.exact(items...)
	mustBe(t, "writes at home", home.creates+home.updates, writes)
	mustBe(t, "creates away", away.creates, 10)
	mustBe(t, "counts", w.run(id).Counts, domain.Counts{Unchanged: 10})
	mustBe(t, "events", fmt.Sprint(w.changes()), "[]")
}

// twin makes a second integration of the organisation and item type.
func (w *world) twin(id domain.Snowflake, spelling string) store.IntegrationRef {
	w.t.Helper()
	w.must(w.sure.CreateIntegration(w.ctx, store.Integration{TargetHash: spelling, Integration: domain.Integration{
		ID: id, OrganisationID: 5, ItemType: "work_item", Provider: domain.GitHub, Enabled: true, Configuration: `{"pull":"all"}`}}, nil))

	return store.IntegrationRef{ID: id, OrganisationID: 5, ItemType: "work_item"}
}

// syncOf starts a sync of an integration and works until it has ended.
func (w *world) syncOf(p store.IntegrationRef) domain.Run {
	w.t.Helper()
	w.clock.now = w.clock.now.Add(5 * time.Second)
	run := store.ActiveRun{Run: domain.Run{ID: domain.NewSnowflake(w.clock.now), IntegrationID: p.ID, OrganisationID: p.OrganisationID,
		Mode: domain.Full, Trigger: domain.ByRequest, RequestedAt: w.clock.now, Status: domain.Queued}}
	for {
		_, started, err := w.sure.RequestRun(w.ctx, p, run, 0, w.clock.now.Add(time.Minute))
		w.must(err)
		if started {
			break
		}

		w.clock.now = w.clock.now.Add(time.Minute) // a scheduled run is under way
		w.must(w.tick())
		for len(w.queue) > 0 {
			w.must(w.slice())
		}
	}

	w.must(w.Send(w.ctx, p.OrganisationID, p.ID, run.ID))
	for range 100 {
		for len(w.queue) > 0 {
			w.must(w.slice())
		}

		ended, err := w.sure.Run(w.ctx, p.ID, run.ID, w.clock.now)
		w.must(err)
		if ended.FinishedAt != nil {
			return ended
		}

		w.clock.now = w.clock.now.Add(time.Minute)
		w.must(w.tick())
	}

	w.t.Fatal("the run does not end")

	return domain.Run{}
}

// A5: one place takes one integration of an organisation and item type. The
// second is refused before any write, and goes on when the first is gone.
func TestASecondIntegrationAtThePlace(t *testing.T) {
	w, items := synced(t, 5)
	other := w.twin(78, "another spelling")
	writes := w.provider.creates + w.provider.updates

	for range 2 {
		run := w.syncOf(other)
		mustBe(t, "status", run.Status, domain.Failed)
		mustBe(t, "code", run.Error.Code, targetInUse)
		mustBe(t, "writes", w.provider.creates+w.provider.updates, writes)
	}

	w.reconfigure(store.Change{Configuration: `{}`, TargetHash: "there"}) // disabled: it keeps the place
	mustBe(t, "while disabled", w.syncOf(other).Error.Code, targetInUse)
	w.exact(items...)

	v, err := w.sure.View(w.ctx, w.pair, 0)
	w.must(err)
	_, err = w.sure.DeleteIntegration(w.ctx, v, 4711, w.clock.now)
	w.must(err)
	run := w.syncOf(other)
	mustBe(t, "after the first is gone", run.Status, domain.Succeeded)
	mustBe(t, "items of the second", run.Counts.Created, 5)
}

// A place that an integration has left is free.
func TestAPlaceIsFreeAgain(t *testing.T) {
	w, _ := synced(t, 2)
	other := w.twin(78, "another spelling")
	home := w.provider
	w.provider = &provider{clock: w.clock}
	w.respell("elsewhere", func(p *connector.Place) { *p = elsewhere })
	w.start(domain.Full)
	w.settle()

	w.provider = home
	w.provider.place = there
	run := w.syncOf(other)
	mustBe(t, "status", run.Status, domain.Succeeded)
}

// Two integrations that come to one place at the same time, under two spellings:
// one has it, the other is refused.
func TestTwoComeToOnePlace(t *testing.T) {
	w := newWorld(t)
	other := w.twin(78, "another spelling")
	for id := domain.Snowflake(1); id <= 5; id++ {
		w.item(id, 1, nil)
	}

	first := w.start(domain.Full)
	met := false
	inner := w.worker.Open
	w.worker.Open = func(c ctx, v store.View) (Opened, error) {
		if v.Integration.ID == 77 && !met {
			met = true
			run := w.syncOf(other) // it comes first while the other one is about to resolve
			mustBe(t, "the second", run.Status, domain.Succeeded)
		}
		return inner(c, v)
	}

	w.settle()
	mustBe(t, "the first", w.run(first).Error.Code, targetInUse)
	mustBe(t, "objects", len(w.provider.objects), 5)
}

// An organisation that syncs with the same place is not hindered, and neither
// reports the other's objects as a person's (A6).
func TestAnotherOrganisationAtThePlace(t *testing.T) {
	w, items := synced(t, 5)
	w.must(w.sure.PutOrganisation(w.ctx, domain.Organisation{ID: 6, OwnerID: 1, Version: 1}))
	foreign := store.IntegrationRef{ID: 79, OrganisationID: 6, ItemType: "work_item"}
	w.must(w.sure.CreateIntegration(w.ctx, store.Integration{TargetHash: "there", Integration: domain.Integration{
		ID: 79, OrganisationID: 6, ItemType: "work_item", Provider: domain.GitHub, Enabled: true, Configuration: `{"pull":"all"}`}}, nil))
	for id := domain.Snowflake(101); id <= 105; id++ {
		_, err := w.sure.PutItem(w.ctx, domain.Item{ID: id, OrganisationID: 6, ItemType: "work_item", Version: 1, Title: fmt.Sprint("item ", id), State: domain.Open, UpdatedAt: w.clock.now})
		w.must(err)
	}

	run := w.syncOf(foreign)
	mustBe(t, "status", run.Status, domain.Succeeded)
	w.pass(2 * time.Hour)
	w.provider.touch(len(w.provider.objects)-1, edit) // of the other's object: its own event, not ours
	w.pass(2 * time.Hour)
	_ = w.syncOf(foreign)
	got := w.changes()
	slices.Sort(got)
	mustBe(t, "events", fmt.Sprint(got), "[105 edited]")
	mustBe(t, "objects", len(w.provider.objects), len(items)+5)
}

// An object of another integration whose create was not answered yet is not a
// person's either.
func TestAnUnansweredCreateOfAnotherIntegration(t *testing.T) {
	w, _ := synced(t, 1)
	other := store.IntegrationRef{ID: 78, OrganisationID: 5, ItemType: "document"}
	w.must(w.sure.CreateIntegration(w.ctx, store.Integration{TargetHash: "there", Integration: domain.Integration{
		ID: 78, OrganisationID: 5, ItemType: "document", Provider: domain.GitHub, Enabled: true, Configuration: `{"pull":"all"}`}}, nil))
	_, err := w.sure.PutItem(w.ctx, domain.Item{ID: 50, OrganisationID: 5, ItemType: "document", Version: 1, Title: "a document", State: domain.Open, UpdatedAt: w.clock.now})
	w.must(err)
	looked := false
	w.provider.after = func(write string, item domain.Snowflake) error {
		if write == "create" && item == 50 && !looked {
			looked = true
			w.clock.now = w.clock.now.Add(20 * time.Minute)
			w.start(domain.Incremental) // ours pulls while the other's worker waits for its answer
			w.settle()
		}

		return nil
	}

	mustBe(t, "status", w.syncOf(other).Status, domain.Succeeded)
	mustBe(t, "pulled meanwhile", looked, true)
	mustBe(t, "events", fmt.Sprint(w.changes()), "[]")
}

// plantObject puts an object of a person there, with a marker.
func (w *world) plantObject(m connector.Marker) {
	w.provider.objects = append(w.provider.objects, &object{
		marker: m, content: connector.Content{Title: "planted", State: domain.Open}, at: w.provider.now(), updated: w.provider.now(), person: true,
	})
}

// Markers that are planted are never adopted: before, during
// and after an unanswered create, and before the place is searched for lost
// links. Each such object is reported as a person's, once.
func TestPlantedAndCopiedMarkers(t *testing.T) {
	forged := func(w *world, item domain.Snowflake, attempt int) connector.Marker {
		return connector.Marker{Integration: 77, Item: item, Attempt: attempt, Tag: strings.Repeat("a", connector.TagSize)}
	}
	unsigned := func(w *world, item domain.Snowflake, attempt int) connector.Marker {
		return connector.Marker{Integration: 77, Item: item, Attempt: attempt}
	}
	foreign := func(w *world, item domain.Snowflake, attempt int) connector.Marker {
		return connector.Marker{Integration: 76, Item: item, Attempt: attempt, Tag: strings.Repeat("a", connector.TagSize)}
	}
	for name, marker := range map[string]func(*world, domain.Snowflake, int) connector.Marker{"forged": forged, "unsigned": unsigned, "of another integration": foreign} {
		t.Run(name, func(t *testing.T) {
			w, items := synced(t, 3)
			w.clock.now = w.clock.now.Add(time.Minute)

			// Before the create, and during it: its answer is lost.
			items = append(items, w.item(9, 1, nil))
			w.plantObject(marker(w, 9, 1))
			w.provider.after = func(write string, item domain.Snowflake) error {
				if write == "create" && item == 9 {
					w.plantObject(marker(w, 9, 1))
					return ambiguous()
				}
				return nil
			}

			w.start(domain.Full)
			w.must(w.slice())
			w.provider.after = nil
			w.plantObject(marker(w, 9, 1))
			w.settle()
			w.plantObject(marker(w, 9, 1)) // and after it was found
			w.pass(time.Hour)
			w.exact(items...)

			// Before the place is searched, the links are lost.
			w.plantObject(marker(w, 1, 1))
			w.erase("LINK#" + placed + "#" + domain.Snowflake(1).Sortable())
			w.erase("REMOTE#" + placed + "#0")
			w.clock.now = w.clock.now.Add(time.Hour)
			w.worker.Settings.RelinkBefore = w.clock.now
			w.pass(time.Hour)
			w.settle()
			w.start(domain.Full)
			w.settle()
			w.exact(items...)
			mustBe(t, "creates", w.provider.creates, 4)
			mustBe(t, "events", fmt.Sprint(w.changes()), "["+join("unlinked created", 5)+"]")
		})
	}
}

func join(word string, n int) string {
	return fmt.Sprint(slices.Repeat([]string{word}, n))[1 : len(fmt.Sprint(slices.Repeat([]string{word}, n)))-1]
}

// A7: a copy of our object carries a valid marker. The oldest is the item's; the
// copies are a person's, and reported once each.
func TestClonedObjects(t *testing.T) {
	w, items := synced(t, 3)
	clone := func(n int) {
		w.clock.now = w.clock.now.Add(time.Second)
		w.plantObject(w.provider.objects[n].marker)
	}

	clone(0) // of a recorded object
	w.pass(time.Hour)
	mustBe(t, "a recorded object cloned", fmt.Sprint(w.changes()), "[unlinked created]")

	// Of an object whose create was not answered yet.
	items = append(items, w.item(9, 1, nil))
	w.provider.after = func(write string, item domain.Snowflake) error {
		if write == "create" && item == 9 {
			n := len(w.provider.objects) - 1
			clone(n)
			clone(n)
			return ambiguous()
		}

		return nil
	}

	w.start(domain.Full)
	w.must(w.slice())
	w.provider.after = nil
	w.settle()
	w.pass(time.Hour)
	w.exact(items...)
	mustBe(t, "an unanswered create cloned", fmt.Sprint(w.changes()), "["+join("unlinked created", 3)+"]")

	// Links are lost, and the clones changed last.
	for n := range 3 {
		w.erase("LINK#" + placed + "#" + domain.Snowflake(n+1).Sortable())
		w.erase("REMOTE#" + placed + "#" + fmt.Sprint(n))
	}

	clone(1)
	w.provider.touch(1, func(*connector.Content) {}) // the original comes last in the list
	w.clock.now = w.clock.now.Add(time.Hour)
	w.worker.Settings.RelinkBefore = w.clock.now
	w.pass(time.Hour)
	w.settle()
	w.start(domain.Full)
	w.settle()
	w.exact(items...)
	mustBe(t, "creates", w.provider.creates, 4)
	mustBe(t, "item 2 is the original", w.row(2).Remote.ID, "1")
}

// A table of the version before: links are kept under the spelling, markers have
// no signature. Searching the place links all of it again: 200 links, 3 of them
// with an unanswered create, and nothing is created or published.
func TestATableOfTheVersionBefore(t *testing.T) {
	w := newWorld(t)
	w.pulling("all")
	var items []domain.Item
	for id := domain.Snowflake(1); id <= 200; id++ {
		items = append(items, w.item(id, 1, nil))
	}

	w.start(domain.Full)
	w.settle()
	w.pass(time.Hour)
	w.olden("there", 198, 199, 200)

	creates := w.provider.creates
	items[2] = w.change(3, 2)
	w.pass(time.Hour)
	w.settle()
	w.start(domain.Full)
	w.settle()
	w.exact(items...)
	mustBe(t, "creates", w.provider.creates, creates)
	mustBe(t, "events", fmt.Sprint(w.changes()), "[]")
	mustBe(t, "updates", w.provider.updates, 1+3) // those whose last content is not known

	w.provider.touch(7, edit)
	w.pass(time.Hour)
	mustBe(t, "events of an edit", fmt.Sprint(w.changes()), "[8 edited]")
}

// olden rewrites the table as the version before has left it. The creates of
// some items are unanswered.
func (w *world) olden(spelling string, unanswered ...domain.Snowflake) {
	w.t.Helper()
	db := testkit.DynamoDBClient(endpoint)
	pk := "INT#" + w.pair.ID.Sortable()
	out, err := db.Query(w.ctx, &dynamodb.QueryInput{TableName: &w.table, KeyConditionExpression: aws.String("pk = :p"),
		ExpressionAttributeValues: map[string]types.AttributeValue{":p": &types.AttributeValueMemberS{Value: pk}}})
	w.must(err)

	text := func(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
	for _, r := range out.Items {
		sk := r["sk"].(*types.AttributeValueMemberS).Value
		old := strings.Replace(sk, "#"+placed+"#", "#"+spelling+"#", 1)
		switch {
		case strings.HasPrefix(sk, "LINK#"):
			delete(r, "found_at")
			delete(r, "attempted")
			item, err := domain.ParseSnowflake(strings.TrimLeft(sk[strings.LastIndex(sk, "#")+1:], "0"))
			w.must(err)
			if slices.Contains(unanswered, item) {
				w.unanswer(r)
				w.erase("REMOTE#" + placed + "#" + fmt.Sprint(item-1))
			}

			r["target"] = text(spelling)

		case strings.HasPrefix(sk, "REMOTE#"):
			r["target"] = text(spelling)
			id, err := strconv.Atoi(sk[strings.LastIndex(sk, "#")+1:])
			w.must(err)
			if slices.Contains(unanswered, domain.Snowflake(id+1)) {
				continue
			}

		case sk == "STATE":
			delete(r, "place")
			r["pull"].(*types.AttributeValueMemberM).Value["target"] = text(spelling)
		default:
			continue
		}

		r["sk"] = text(old)
		_, err := db.PutItem(w.ctx, &dynamodb.PutItemInput{TableName: &w.table, Item: r})
		w.must(err)
		if old != sk {
			w.erase(sk)
		}
	}

	for _, sk := range w.raw("ORG#" + w.pair.OrganisationID.Sortable()) {
		if strings.HasPrefix(sk, "PLACE#") || strings.HasPrefix(sk, "SPELLING#") {
			_, err := db.DeleteItem(w.ctx, &dynamodb.DeleteItemInput{TableName: &w.table, Key: map[string]types.AttributeValue{
				"pk": text("ORG#" + w.pair.OrganisationID.Sortable()), "sk": text(sk)}})
			w.must(err)
		}
	}

	for _, o := range w.provider.objects {
		o.marker.Tag = ""
	}
}

// unanswer makes a link one whose create was not answered.
func (w *world) unanswer(r map[string]types.AttributeValue) {
	null := &types.AttributeValueMemberNULL{Value: true}
	empty := &types.AttributeValueMemberS{Value: ""}
	r["intent"] = &types.AttributeValueMemberM{Value: map[string]types.AttributeValue{
		"attempt": r["attempt"], "at": r["updated_at"], "hash": r["sent_hash"], "labels": r["sent_labels"],
		"state": &types.AttributeValueMemberS{Value: "open"},
	}}
	r["remote"] = null
	r["sent_hash"] = empty
	r["seen_text"] = empty
	r["outcome"] = &types.AttributeValueMemberS{Value: "unknown"}
}

// The read that finds out why a place is not there is a call like any other: one
// that has no time left in the invocation is not made, and what was answered first
// stands.
func TestTheLookForAPlaceHasItsTime(t *testing.T) {
	for took, want := range map[time.Duration]int{time.Second: 1, time.Minute: 0} {
		w, _ := synced(t, 1)
		before := w.provider.resolves
		w.provider.before = func(string, domain.Snowflake) error {
			w.clock.now = w.clock.now.Add(took)
			return &failure.Error{Class: failure.Final, Scope: failure.IntegrationScope, Code: targetNotFound, Status: 404}
		}

		w.marked(1, 2)
		id := w.start(domain.Incremental)
		w.slices(id)
		mustBe(t, fmt.Sprint("took ", took, ": code"), w.run(id).Error.Code, targetNotFound)
		mustBe(t, fmt.Sprint("took ", took, ": resolved"), w.provider.resolves-before, want)
	}
}
