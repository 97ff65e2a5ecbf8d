package worker

import (
	"encoding/json"
	"fmt"
	"slices"
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
	"example.com/integrations/shared/events/outgoing"
	"example.com/integrations/shared/store"
)

// remove publishes that the organisation is deleted, or purged.
func (w *world) remove(detailType string, version int64) {
	w.t.Helper()
	w.event(detailType, map[string]any{"id": "5", "version": version})
}

// restore publishes that the organisation is there again.
func (w *world) restore(version int64) {
	w.t.Helper()
	w.event("organisation.updated", map[string]any{"id": "5", "name": "Acme", "owner_id": "1", "is_deleted": false, "version": version})
}

// work lets everything run for so many minutes, dispatch in each.
func (w *world) work(minutes int) {
	w.t.Helper()
	for range minutes {
		w.clock.now = w.clock.now.Add(time.Minute)
		_ = w.tick() // it may be cut
		for len(w.queue) > 0 {
			_ = w.slice() // it may be cut
		}
	}
}

// everything gives the keys of all records of the table, without the usage of
// credentials, which expires by itself.
func (w *world) everything() (keys []string) {
	w.t.Helper()
	pages := dynamodb.NewScanPaginator(testkit.DynamoDBClient(endpoint), &dynamodb.ScanInput{TableName: &w.table, ConsistentRead: aws.Bool(true)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(w.ctx)
		w.must(err)
		for _, r := range page.Items {
			pk := r["pk"].(*types.AttributeValueMemberS).Value
			sk := r["sk"].(*types.AttributeValueMemberS).Value
			if !strings.HasPrefix(pk, "PACE#") {
				keys = append(keys, pk+" "+sk)
			}
		}
	}

	slices.Sort(keys)

	return keys
}

// purgings are the events that announce an erasure, each once.
func (w *world) purgings() (times []time.Time) {
	w.t.Helper()
	for _, n := range w.bus.of(outgoing.TypeOrganisationPurging) {
		var told struct {
			OrganisationID string    `json:"organisation_id"`
			When           time.Time `json:"when"`
		}
		w.must(json.Unmarshal([]byte(n.Detail), &told))
		mustBe(w.t, "organisation of the event", told.OrganisationID, "5")
		times = append(times, told.When)
	}

	return times
}

// furnished is a world whose organisation has something of everything: two
// integrations with secrets, links, marks, runs, a plan, items of two types, a
// deleted one, members, roles; and another organisation beside it.
func furnished(t testing.TB, items int) *world {
	t.Helper()
	w := newWorld(t)
	w.pulling("linked")
	w.must(w.sure.CreateIntegration(w.ctx, store.Integration{TargetHash: "there", SecretOrigins: map[string]string{"token": "https://there"},
		Integration: domain.Integration{ID: 78, OrganisationID: 5, ItemType: "document", Provider: domain.GitHub, Enabled: false, Configuration: `{}`}},
		map[string][]byte{"token": []byte("sealed")}))
	for id := domain.Snowflake(1); id <= domain.Snowflake(items); id++ {
		w.marked(id, 1)
	}

	w.item(900, 1, func(i *domain.Item) { i.ItemType = "document" })
	w.must(w.sure.PutMember(w.ctx, domain.Member{OrganisationID: 5, UserID: 12, Version: 1, RoleIDs: []domain.Snowflake{21}}))
	w.must(w.sure.PutRole(w.ctx, 5, 21, domain.RoleGrant{Grant: domain.Allow, Version: 1}))
	w.start(domain.Incremental)
	w.settle()
	w.marked(2, 2)
	_, _, err := w.sure.DeleteItem(w.ctx, 5, 3, 2)
	w.must(err)

	w.must(w.sure.PutOrganisation(w.ctx, domain.Organisation{ID: 6, OwnerID: 2, Name: "Other", Version: 1}))
	w.must(w.sure.CreateIntegration(w.ctx, store.Integration{TargetHash: "there", Integration: domain.Integration{ID: 79, OrganisationID: 6, ItemType: "work_item", Enabled: true}}, nil))
	_, err = w.sure.PutItem(w.ctx, domain.Item{ID: 5000, OrganisationID: 6, ItemType: "work_item", Version: 1, Labels: []string{}})
	w.must(err)
	w.must(w.sure.PutMember(w.ctx, domain.Member{OrganisationID: 6, UserID: 12, Version: 1}))

	return w
}

// others are the records of the other organisation.
var others = []string{
	"INT#0000000000000000079 OWNER", "ITEM#0000000000000005000 CLAIM", "ITEMS#0000000000000000006#work_item 0000000000000005000",
	"ORG#0000000000000000006 INT#work_item#0000000000000000079", "ORG#0000000000000000006 INTEGRATIONS", "ORG#0000000000000000006 MEMBER#0000000000000000012",
	"ORG#0000000000000000006 ORG", "ORG#0000000000000000006 SPELLING#work_item#there",
}

// bare is what stays of the erased organisation until the sweep.
var bare = []string{"ORG#0000000000000000005 ERASURE", "ORG#0000000000000000005 ORG"}

func (w *world) left(when string, want ...string) {
	w.t.Helper()
	want = slices.Sorted(slices.Values(slices.Concat(others, want)))
	if got := w.everything(); !slices.Equal(got, want) {
		w.t.Errorf("%s:\ngot  %s\nwant %s", when, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

// D7: an organisation that was deleted and is there again goes on at once:
// pulls, attempts that failed, changes that came meanwhile. Whatever was under
// way when it was deleted, and however often the events come.
func TestAnOrganisationThatReturns(t *testing.T) {
	for name, between := range map[string]func(w *world){
		"nothing runs": func(*world) {},
		"a run waits": func(w *world) {
			w.provider.before = func(string, domain.Snowflake) error {
				return &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "rate_limited", Wait: time.Hour}
			}
			w.start(domain.Incremental)
			w.must(w.slice())
			w.provider.before = nil
		},
		"a run is queued": func(w *world) { w.start(domain.Incremental) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.pulling("linked")
			w.marked(1, 1)
			w.marked(2, 1)
			w.provider.before = func(_ string, id domain.Snowflake) error {
				if id == 2 {
					return refusedItem()
				}
				return nil
			}

			w.start(domain.Incremental)
			w.must(w.slice())
			w.provider.before = nil
			between(w)

			w.remove("organisation.deleted", 2)
			w.work(90)
			calls := w.provider.calls()
			w.work(30)
			mustBe(t, "calls while it is deleted", w.provider.calls()-calls, 0)

			w.touchByPerson(0)
			w.restore(3)
			w.restore(3)
			w.work(2)
			mustBe(t, "items at the provider", len(w.provider.byItem()), 2)
			w.marksLeft(0)
			if got := fmt.Sprint(w.changes()); got == "[]" {
				t.Error("what a person changed meanwhile was not pulled")
			}

			st, err := w.sure.State(w.ctx, 77)
			w.must(err)
			if st.PullAt <= w.clock.now.UnixMilli() {
				t.Errorf("the next pull is not scheduled: %+v", st)
			}

			e, err := w.sure.Erasure(w.ctx, 5)
			w.must(err)
			if e != nil {
				t.Errorf("it is still to be erased: %+v", e)
			}

			w.clock.now = w.clock.now.Add(purgeAfter + time.Hour)
			w.work(3)
			mustBe(t, "organisation", w.has("ORG#0000000000000000005 ORG"), true)
		})
	}
}

// touchByPerson has a person close an object.
func (w *world) touchByPerson(n int) {
	w.provider.touch(n, func(c *connector.Content) { c.State = domain.Closed })
}

func (w *world) has(key string) bool { return slices.Contains(w.everything(), key) }

// D8: a deleted organisation is erased after the time that the event told, its
// secrets first, and nothing of another one is. What late events bring is erased
// in the sweep.
func TestADeletedOrganisationIsErased(t *testing.T) {
	w := furnished(t, 30)
	deleted := w.clock.now
	w.remove("organisation.deleted", 2)
	w.remove("organisation.deleted", 2)
	w.work(5)
	if got := w.purgings(); len(got) != 1 || !got[0].Equal(deleted.Add(purgeAfter)) {
		t.Fatalf("announced %v, want once %s", got, deleted.Add(purgeAfter))
	}

	before := w.everything()
	w.clock.now = deleted.Add(purgeAfter - 2*time.Minute)
	w.work(1)
	if !slices.Equal(w.everything(), before) {
		t.Error("something was erased before its time")
	}

	w.clock.now = deleted.Add(purgeAfter)
	w.must(w.tick())
	for _, key := range w.everything() {
		if strings.HasPrefix(key, "ORG#0000000000000000005 INT#") {
			t.Errorf("%s: the secrets do not go first", key)
		}
	}

	mustBe(t, "an item beside the purge", w.has("ITEMS#0000000000000000005#work_item 0000000000000000001"), true)
	w.work(10)
	w.left("erased", bare...)
	mustBe(t, "events", len(w.purgings()), 1)

	w.remove("organisation.deleted", 2) // an event that comes late
	_, err := w.sure.PutItem(w.ctx, domain.Item{ID: 40, OrganisationID: 5, ItemType: "work_item", Version: 1, Labels: []string{}})
	w.must(err)
	w.event("organisation.updated", map[string]any{"id": "5", "name": "Acme", "owner_id": "1", "is_deleted": false, "version": 1})
	w.work(30)
	mustBe(t, "an item that came late", w.has("ITEMS#0000000000000000005#work_item 0000000000000000040"), true)
	w.clock.now = w.clock.now.Add(15 * 24 * time.Hour)
	w.work(3)
	w.left("swept")
}

// D8: more than one tick takes, and an organisation that nothing is known of.
func TestErasingIsDoneInSlices(t *testing.T) {
	w := newWorld(t)
	for id := domain.Snowflake(1); id <= 1100; id++ {
		w.item(id, 1, nil)
	}

	w.remove("organisation.purged", 2)
	w.event("organisation.purged", map[string]any{"id": "8", "version": 1})
	for range 10 { // the event goes out, the integration goes, and then the first items
		w.work(1)
		if len(w.raw("ITEMS#0000000000000000005#work_item")) < 1100 {
			break
		}
	}

	one := len(w.raw("ITEMS#0000000000000000005#work_item"))
	if one == 0 || one == 1100 {
		t.Errorf("%d items are left of 1100: one tick erases some", one)
	}

	w.work(5)
	mustBe(t, "items left", len(w.raw("ITEMS#0000000000000000005#work_item")), 0)
	mustBe(t, "records of the unknown one", fmt.Sprint(w.raw("ORG#0000000000000000008")), "[ERASURE ORG]")
}

// D8: organisation.purged erases at once, whether it was deleted before or not;
// the event goes out before, once.
func TestAPurgedOrganisationIsErasedAtOnce(t *testing.T) {
	for name, deletedBefore := range map[string]bool{"deleted before": true, "not deleted before": false} {
		t.Run(name, func(t *testing.T) {
			w := furnished(t, 5)
			if deletedBefore {
				w.remove("organisation.deleted", 2)
				w.work(2)
			}

			w.bus.away = !deletedBefore
			w.remove("organisation.purged", 3)
			w.remove("organisation.purged", 3)
			if !deletedBefore {
				w.work(3)
				mustBe(t, "an integration before the event is out", w.has("ORG#0000000000000000005 INT#work_item#0000000000000000077"), true)
				w.bus.away = false
			}

			w.work(10)
			w.left("erased", bare...)
			mustBe(t, "events", len(w.purgings()), 1)
		})
	}
}

// D8: the event publisher does not hold erasing up for ever.
func TestErasingDoesNotWaitForTheBusForEver(t *testing.T) {
	w := furnished(t, 3)
	w.work(2)
	w.remove("organisation.purged", 3)
	w.bus.away = true
	w.work(5)
	w.clock.now = w.clock.now.Add(25 * time.Hour)
	w.work(3)
	mustBe(t, "an integration", w.has("ORG#0000000000000000005 INT#work_item#0000000000000000077"), false)
	w.bus.away = false
	w.work(90)
	w.left("erased", bare...)
	mustBe(t, "events", len(w.purgings()), 1)
}

// D8: if the organisation returns before its time, nothing is erased; if it is
// deleted again, its time begins anew and is told again.
func TestAnOrganisationThatReturnsIsNotErased(t *testing.T) {
	w := furnished(t, 5)
	w.work(5)
	w.remove("organisation.deleted", 2)
	w.work(2)
	w.clock.now = w.clock.now.Add(20 * 24 * time.Hour)
	w.restore(3)
	w.work(5)
	w.clock.now = w.clock.now.Add(20 * 24 * time.Hour)
	w.work(5)
	for _, key := range []string{"ORG#0000000000000000005 INT#work_item#0000000000000000077", "ORG#0000000000000000005 MEMBER#0000000000000000012",
		"ITEMS#0000000000000000005#work_item 0000000000000000001", "ITEM#0000000000000000001 CLAIM"} {
		mustBe(t, key, w.has(key), true)
	}

	again := w.clock.now
	w.remove("organisation.deleted", 4)
	w.work(2)
	if got := w.purgings(); len(got) != 2 || !got[1].Equal(again.Add(purgeAfter)) {
		t.Errorf("announced %v", got)
	}

	w.clock.now = again.Add(purgeAfter)
	w.work(10)
	w.left("erased", bare...)
}

// D8: an organisation that returns while it is erased keeps what is left, and
// loses nothing that comes afterwards.
func TestAnOrganisationThatReturnsWhileItIsErased(t *testing.T) {
	w := newWorld(t)
	for id := domain.Snowflake(1); id <= 1100; id++ {
		w.item(id, 1, nil)
	}

	w.remove("organisation.purged", 2)
	w.work(3)
	left := len(w.raw("ITEMS#0000000000000000005#work_item"))
	if left == 0 || left == 1100 {
		t.Fatalf("%d items are left of 1100: it is not half erased", left)
	}

	w.restore(3)
	w.item(2000, 1, nil)
	w.work(60)
	w.clock.now = w.clock.now.Add(20 * 24 * time.Hour)
	w.work(3)
	mustBe(t, "items", len(w.raw("ITEMS#0000000000000000005#work_item")), left+1)
	mustBe(t, "organisation", fmt.Sprint(w.raw("ORG#0000000000000000005")), "[INTEGRATIONS ORG SLOTS]")
}

// D8: wherever dispatch or the worker dies while an organisation is erased, it
// is erased in the end, and the event goes out.
func TestErasingSurvivesCrashes(t *testing.T) {
	for _, take := range []bool{false, true} {
		for cut := 1; cut <= 24; cut++ {
			w := furnished(t, 3)
			w.dispatch.Index = w.store
			w.dispatch.Schedule = w.store
			w.dispatch.Outbox = w.store
			w.dispatch.Erasures = w.store
			w.remove("organisation.purged", 2)
			w.work(1)
			w.wire.reset(cut, take)
			w.work(2)
			w.wire.reset(0, false)
			w.clock.now = w.clock.now.Add(invocationTime + time.Minute)
			w.work(25)
			w.left(fmt.Sprintf("cut %d, taken %v", cut, take), bare...)
			mustBe(t, "events", len(w.purgings()), 1)
		}
	}
}
