package handler_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/integrations/functions/ingest/handler"
	"example.com/integrations/local/testkit"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/incoming"
	"example.com/integrations/shared/store"
)

// everything is all that the table holds, which the product never asks for.
func (w *world) everything(t *testing.T) []map[string]types.AttributeValue {
	t.Helper()
	var all []map[string]types.AttributeValue
	pages := dynamodb.NewScanPaginator(testkit.DynamoDBClient(dynamoURL), &dynamodb.ScanInput{TableName: &w.table})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		must(t, err)
		all = append(all, page.Items...)
	}

	return all
}

// A detail with members changed; nil is null, absent takes the member out.
type absent struct{}

func with(whole string, members map[string]any) string {
	d := map[string]any{}
	if err := json.Unmarshal([]byte(whole), &d); err != nil {
		panic(err)
	}

	for name, value := range members {
		d[name] = value
		if value == (absent{}) {
			delete(d, name)
		}
	}

	b, err := json.Marshal(d)
	if err != nil {
		panic(err)
	}

	return string(b)
}

// Whole details of each kind, of an item, a member and a role that are there.
const (
	anItem = `{"id":"7","organisation_id":"1001","item_type":"work_item","prefix_id":null,"formatted_number":"W-7","version":5,"title":"t",
		"description":"d","url":"https://example.com/7","state":"open","status":"new","priority":null,"labels":[],"updated_at":"2026-03-04T05:06:07Z"}`
	anOrganisation = `{"id":"1001","name":"Acme","owner_id":"11","is_deleted":false,"version":5}`
	aMember        = `{"organisation_id":"1001","user_id":"12","pending":false,"role_ids":["21"],"permissions":{"MANAGE_ORGANISATION":1},"version":5}`
	aRole          = `{"organisation_id":"1001","id":"21","order":1,"permissions":{"MANAGE_ORGANISATION":1},"version":5}`
)

// people are the members of an item that name an object or a person.
var people = []string{"type", "project", "milestone", "owner", "updated_by"}

// A bad event: nothing may be stored of it, and the reason must name the
// member.
type bad struct{ name, body, reason string }

// badMembers are an event's members spoilt one by one, all of another version
// than what is there.
func badMembers(detailType, whole string, values map[string][]any) []bad {
	var all []bad
	for member, spoilt := range values {
		for _, value := range append(spoilt, nil, absent{}) {
			detail := with(whole, map[string]any{"version": 6, member: value})
			name := fmt.Sprintf("%s %s %.20v", detailType, member, value)
			all = append(all, bad{name, message(detailType, json.RawMessage(detail)), member})
		}
	}

	return all
}

// anItemWith is an update of the item with one member changed.
func anItemWith(member string, value any) string {
	return message("item.updated", json.RawMessage(with(anItem, map[string]any{"version": 6, member: value})))
}

func badEvents() []bad {
	ids := []any{7, "07", "0", "-7", "+7", " 7", "7.0", "x", "", "9223372036854775808", true, []string{"7"}}
	versions := []any{0, -1, 1.5, "3", 1e30, true}
	truths := []any{"true", 1, []any{}}
	grants := []any{"1", []any{}, map[string]any{"MANAGE_ORGANISATION": 2}, map[string]any{"OTHER": -2}, map[string]any{"MANAGE_ORGANISATION": "1"}, map[string]any{"MANAGE_ORGANISATION": nil}}
	texts := []any{1, true, []any{}, map[string]any{}}
	all := []bad{
		{"not JSON", "not JSON", "JSON"},
		{"nothing", "", "JSON"},
		{"a text", `"item.created"`, "object"},
		{"an array", `[` + message("item.created", json.RawMessage(anItem)) + `]`, "object"},
		{"no detail", `{"detail-type":"item.created"}`, "detail is missing"},
		{"no detail-type", `{"detail":` + anItem + `}`, "detail-type is missing"},
		{"detail-type of another type", `{"detail-type":["item.created"],"detail":` + anItem + `}`, "detail-type must be"},
		{"a detail without its envelope", anItem, "detail-type is missing"},
		{"detail in a text", `{"detail-type":"item.created","detail":"{}"}`, "detail must be"},
		{"detail null", `{"detail-type":"item.created","detail":null}`, "detail is null"},
		{"unknown detail-type", message("item.moved", json.RawMessage(anItem)), `detail-type "item.moved"`},
		{"one of our own", message("integration.sync.finished", map[string]any{}), "detail-type"},
		{"two of them", message("item.created", json.RawMessage(anItem)) + message("item.created", json.RawMessage(anItem)), "JSON"},
		{"description of 70 KiB", message("item.updated", json.RawMessage(with(anItem, map[string]any{"version": 6, "description": strings.Repeat("x", 70<<10)}))), "description has 71680 bytes"},
		{"an item that changes its type", message("item.updated", json.RawMessage(with(anItem, map[string]any{"version": 6, "item_type": "document"}))), "item_type"},
		{"an item that changes its organisation", message("item.updated", json.RawMessage(with(anItem, map[string]any{"version": 6, "organisation_id": "1002"}))), "organisation_id"},
		{"created anew elsewhere", message("item.created", json.RawMessage(with(anItem, map[string]any{"version": 1, "organisation_id": "1002"}))), "organisation_id"},
		{"another organisation's deletion", message("item.deleted", json.RawMessage(`{"id":"7","organisation_id":"1002","version":6}`)), "organisation_id"},
		{"name of an organisation without end", message("organisation.updated", json.RawMessage(with(anOrganisation, map[string]any{"version": 6, "name": strings.Repeat("x", incoming.MaxName+1)}))), "name"},
		// D3: what is stored has bounds, and the reason names the member.
		{"title of 100,000 characters", anItemWith("title", strings.Repeat("x", 100_000)), "title has 100000 characters, at most 1000"},
		{"title of one character too many", anItemWith("title", strings.Repeat("é", incoming.MaxTitle+1)), "title has 1001 characters"},
		{"10,000 labels", anItemWith("labels", slices.Repeat([]string{"x"}, 10_000)), "labels has 10000 labels, at most 100"},
		{"one label too many", anItemWith("labels", slices.Repeat([]string{"x"}, incoming.MaxLabels+1)), "labels has 101 labels"},
		{"a label too long", anItemWith("labels", []string{"x", strings.Repeat("é", incoming.MaxLabel+1)}), "labels has a label of 201 characters (number 2)"},
		{"url too long", anItemWith("url", "https://example.com/"+strings.Repeat("x", incoming.MaxURL)), "url has 2068 characters"},
		{"status too long", anItemWith("status", strings.Repeat("x", incoming.MaxWord+1)), "status has 201 characters"},
		{"priority too long", anItemWith("priority", strings.Repeat("x", incoming.MaxWord+1)), "priority has 201 characters"},
		{"formatted number too long", anItemWith("formatted_number", strings.Repeat("x", incoming.MaxWord+1)), "formatted_number has 201 characters"},
		{"20,000 roles", message("member.updated", json.RawMessage(with(aMember, map[string]any{"version": 6, "role_ids": slices.Repeat([]string{"21"}, 20_000)}))), "role_ids has 20000 roles, at most 1000"},
		{"one role too many", message("member.updated", json.RawMessage(with(aMember, map[string]any{"version": 6, "role_ids": slices.Repeat([]string{"21"}, incoming.MaxRoles+1)}))), "role_ids has 1001 roles"},
		{"other spelling of a member", message("item.updated", json.RawMessage(`{"ID":"8",`+with(anItem, map[string]any{"version": 6, "id": absent{}})[1:])), "id is missing"},
	}
	for _, detailType := range []string{"item.created", "item.updated"} {
		all = append(all, badMembers(detailType, anItem, map[string][]any{
			"id": ids, "organisation_id": ids, "version": versions, "item_type": {"", "ticket", "Work_item", 1, "work_item "}, "formatted_number": texts,
			"title": texts, "description": texts, "url": texts, "state": {"", "OPEN", "done", true}, "status": texts,
			"labels": {"a", []any{1}, []any{nil}, map[string]any{}}, "updated_at": {"yesterday", 1700000000, "2026-03-04", "2026-03-04T05:06:07"},
		})...)

		all = append(all, bad{"prefix", message(detailType, json.RawMessage(with(anItem, map[string]any{"version": 6, "prefix_id": 5}))), "prefix_id"},
			bad{"priority", message(detailType, json.RawMessage(with(anItem, map[string]any{"version": 6, "priority": 5}))), "priority"})
		for _, name := range people {
			for _, wrong := range []any{"Ada", 5, []any{}, map[string]any{}, map[string]any{"id": "34"}, map[string]any{"id": 34, "name": "x"}, map[string]any{"id": "34", "name": nil}} {
				all = append(all, bad{name, message(detailType, json.RawMessage(with(anItem, map[string]any{"version": 6, name: wrong}))), name})
			}
			long := map[string]any{"id": "34", "name": strings.Repeat("é", incoming.MaxNamed+1)}
			all = append(all, bad{name, message(detailType, json.RawMessage(with(anItem, map[string]any{"version": 6, name: long}))), name + " is wrong: name has 201 characters"})
		}

		for _, wrong := range []any{"", "2026-12-01", 1700000000} {
			all = append(all, bad{"due date", message(detailType, json.RawMessage(with(anItem, map[string]any{"version": 6, "due_at": wrong}))), "due_at"})
		}
	}

	all = append(all, badMembers("item.deleted", anItem, map[string][]any{"id": ids, "organisation_id": ids, "version": versions})...)
	all = append(all, badMembers("organisation.updated", anOrganisation, map[string][]any{"id": ids, "name": texts, "owner_id": ids, "is_deleted": truths, "version": versions})...)
	all = append(all, badMembers("organisation.deleted", anOrganisation, map[string][]any{"id": ids, "version": versions})...)
	all = append(all, badMembers("member.updated", aMember, map[string][]any{
		"organisation_id": ids, "user_id": ids, "pending": truths, "role_ids": {"21", []any{21}, []any{"021"}, []any{nil}, map[string]any{}}, "permissions": grants, "version": versions,
	})...)
	all = append(all, badMembers("member.removed", aMember, map[string][]any{"organisation_id": ids, "user_id": ids, "version": versions})...)
	all = append(all, badMembers("role.updated", aRole, map[string][]any{
		"organisation_id": ids, "id": ids, "order": {"1", 1.5, true}, "permissions": grants, "version": versions,
	})...)

	return append(all, badMembers("role.deleted", aRole, map[string][]any{"organisation_id": ids, "id": ids, "version": versions})...)
}

// Each bad event fails by itself with a reason that names what is bad, and the
// table is afterwards as it was before.
func TestBadEventsStoreNothing(t *testing.T) {
	w := newWorld(t)
	if failed := w.give(t, message("organisation.updated", json.RawMessage(anOrganisation)), message("member.updated", json.RawMessage(aMember)),
		message("role.updated", json.RawMessage(aRole)), message("item.created", json.RawMessage(anItem))); failed != nil {
		t.Fatal(failed, w.log)
	}

	before := w.everything(t)
	sent := len(w.queue.sent)
	spoilt := badEvents()
	for _, b := range spoilt {
		w.log.Reset()
		if failed := w.give(t, b.body); !slices.Equal(failed, []string{"0"}) {
			t.Errorf("%s: taken", b.name)
		}

		var line struct {
			Malformed bool
			Reason    string
			MessageID string `json:"message_id"`
		}
		if err := json.Unmarshal(w.log.Bytes(), &line); err != nil || !line.Malformed || line.MessageID != "0" || !strings.Contains(line.Reason, b.reason) || len(line.Reason) > 400 {
			t.Errorf("%s: the reason should name %s: %s", b.name, b.reason, w.log)
		}
	}

	if after := w.everything(t); !reflect.DeepEqual(after, before) || len(w.queue.sent) != sent {
		t.Errorf("of %d bad events something was stored or sent:\n%v\nwas %v", len(spoilt), after, before)
	}

	t.Logf("%d bad events", len(spoilt))
}

// panicking is a store that our own mistake makes panic.
type panicking struct{ handler.Grants }

func (panicking) PutMember(ctx context.Context, m domain.Member) error { panic("our own mistake") }

// One of ten is poison, whatever is wrong with it: nine proceed.
func TestPoisonFailsAlone(t *testing.T) {
	w := newWorld(t)
	w.h.Grants = panicking{w.store}
	for name, poison := range map[string]string{
		"malformed": "not JSON", "our own mistake": message("member.updated", json.RawMessage(aMember)),
	} {
		for at := range 10 {
			var bodies []string
			for n := range 10 {
				bodies = append(bodies, message("item.updated", change(map[string]any{"id": fmt.Sprint(100 + n), "version": at + 2})))
			}

			bodies[at] = poison
			if failed := w.give(t, bodies...); !slices.Equal(failed, []string{fmt.Sprint(at)}) {
				t.Errorf("%s at %d: failed %v", name, at, failed)
			}
		}
	}

	if got := w.marks(t, 501); len(got) != 90 || !strings.Contains(w.log.String(), "our own mistake") {
		t.Errorf("%d marks of 90\n%.300s", len(got), w.log)
	}
}

// D3: what is at the bounds is stored whole.
func TestTheLargestEventsAreStored(t *testing.T) {
	w := newWorld(t)
	labels := make([]string, incoming.MaxLabels)
	for n := range labels {
		labels[n] = strings.Repeat("ü", incoming.MaxLabel-3) + fmt.Sprintf("%03d", n)
	}

	largest := change(map[string]any{
		"title": strings.Repeat("é", incoming.MaxTitle), "description": strings.Repeat("x", incoming.MaxDescription), "labels": labels,
		"url": "https://example.com/" + strings.Repeat("x", incoming.MaxURL-20), "status": strings.Repeat("s", incoming.MaxWord),
		"priority": strings.Repeat("p", incoming.MaxWord), "formatted_number": strings.Repeat("n", incoming.MaxWord),
	})
	for n, name := range people {
		largest[name] = map[string]any{"id": fmt.Sprint(9223372036854775800 + n), "name": " " + strings.Repeat("ü", incoming.MaxNamed)}
	}

	roles := make([]string, incoming.MaxRoles)
	for n := range roles {
		roles[n] = fmt.Sprint(9223372036854770000 + n)
	}

	member := with(aMember, map[string]any{"role_ids": roles})
	if failed := w.give(t, message("item.created", largest), message("member.updated", json.RawMessage(member))); failed != nil {
		t.Fatal(failed, w.log)
	}

	items, _, err := w.store.Items(t.Context(), store.IntegrationRef{OrganisationID: org, ItemType: "work_item"}, "", 10)
	if err != nil || len(items) != 1 || len(items[0].Labels) != incoming.MaxLabels || len(items[0].Description) != incoming.MaxDescription {
		t.Errorf("%d items, %v", len(items), err)
	}

	want := domain.Named{ID: 9223372036854775803, Name: strings.Repeat("ü", incoming.MaxNamed)}
	if len(items) == 1 && (items[0].Owner == nil || *items[0].Owner != want) {
		t.Errorf("the owner is %+v", items[0].Owner)
	}

	m, err := w.store.Membership(t.Context(), org, 12)
	if err != nil || m.Member == nil || len(m.Member.RoleIDs) != incoming.MaxRoles {
		t.Errorf("%+v, %v", m.Member, err)
	}
}

// The people and fields of an item are stored, the next version may have none of
// them, and a deletion needs none that are right.
func TestPeopleOfAnItemAreStored(t *testing.T) {
	w := newWorld(t)
	ada := map[string]any{"id": "34", "name": " Ada L.\n", "email": "ada@items.example"}
	nobody := map[string]any{"id": "35", "name": " "}
	stored := func() domain.Item {
		t.Helper()
		items, _, err := w.store.Items(t.Context(), store.IntegrationRef{OrganisationID: org, ItemType: "work_item"}, "", 10)
		if err != nil || len(items) != 1 {
			t.Fatal(len(items), err)
		}
		return items[0]
	}

	first := change(map[string]any{"owner": ada, "updated_by": nobody, "project": nil, "due_at": "2026-12-01T00:00:00+02:00"})
	if failed := w.give(t, message("item.created", first)); failed != nil {
		t.Fatal(failed, w.log)
	}

	i := stored()
	if i.Owner == nil || *i.Owner != (domain.Named{ID: 34, Name: "Ada L."}) || i.UpdatedBy != nil || i.Project != nil || i.DueDate() != "2026-12-01" {
		t.Errorf("stored %+v", i)
	}

	if failed := w.give(t, message("item.updated", change(map[string]any{"version": 2, "owner": nil}))); failed != nil {
		t.Fatal(failed, w.log)
	}

	if i := stored(); i.Owner != nil || i.DueDate() != "" || i.Version != 2 {
		t.Errorf("stored %+v", i)
	}

	if failed := w.give(t, message("item.deleted", change(map[string]any{"version": 3, "owner": "Ada", "due_at": 5}))); failed != nil {
		t.Fatal(failed, w.log)
	}

	if i := stored(); !i.Deleted {
		t.Errorf("stored %+v", i)
	}
}

// Many versions of one item in one batch, of which several are handled at
// once: the highest is what stays, and its mark is there.
func TestOneItemManyTimesInABatch(t *testing.T) {
	w := newWorld(t)
	for round := range 5 {
		var bodies []string
		for n := range 10 {
			bodies = append(bodies, message("item.updated", change(map[string]any{"version": 10*round + (n*7)%10 + 1})))
		}

		if failed := w.give(t, bodies...); failed != nil {
			t.Fatal(failed, w.log)
		}

		if marks := w.marks(t, 501); !slices.Contains(marks, fmt.Sprintf("7@%d", 10*round+10)) {
			t.Errorf("round %d: %v", round, marks)
		}
	}

	if items, _, err := w.store.Items(t.Context(), store.IntegrationRef{OrganisationID: org, ItemType: "work_item"}, "", 10); err != nil || len(items) != 1 || items[0].Version != 50 {
		t.Errorf("%+v, %v", items, err)
	}

	if len(w.queue.sent) != 2 {
		t.Errorf("one run each, and yet: %v", w.queue.sent)
	}
}

// timed is a context that always says how much time is left and never ends: a
// slow machine changes nothing.
type timed struct {
	context.Context
	left time.Duration
}

func (c timed) Deadline() (time.Time, bool) { return time.Now().Add(c.left), true }

// When time runs out, what was handled is done, and only the rest comes again.
func TestTimeRunsOut(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		left time.Duration
		fail int
	}{{time.Hour, 0}, {999 * time.Millisecond, 2}} {
		var batch events.SQSEvent
		for n := range 2 {
			batch.Records = append(batch.Records, events.SQSMessage{MessageId: fmt.Sprint(n), Body: message("item.created", change(nil))})
		}

		out, err := w.h.Handle(timed{t.Context(), c.left}, batch)
		if err != nil || len(out.BatchItemFailures) != c.fail {
			t.Errorf("%d failed, want %d: %v", len(out.BatchItemFailures), c.fail, err)
		}
	}

	if !strings.Contains(w.log.String(), "no time is left") {
		t.Error(w.log)
	}
}

// D3: a role that there is no room for can never be stored, so it is malformed,
// and others go on.
func TestTooManyRoles(t *testing.T) {
	w := newWorld(t)
	full := domain.Organisation{ID: org, OwnerID: 11, Version: 1, Roles: map[string]domain.RoleGrant{}}
	for id := range domain.Snowflake(5000) {
		full.Roles[(1000 + id).String()] = domain.RoleGrant{Version: 1}
	}

	must(t, w.store.PutOrganisation(t.Context(), full))
	failed := w.give(t, message("role.updated", json.RawMessage(aRole)), message("role.updated", json.RawMessage(with(aRole, map[string]any{"id": "1000"}))))
	if !slices.Equal(failed, []string{"0"}) || !strings.Contains(w.log.String(), "as many roles as are kept (5000)") || !strings.Contains(w.log.String(), `"malformed":true`) {
		t.Errorf("failed %v, %s", failed, w.log)
	}
}
