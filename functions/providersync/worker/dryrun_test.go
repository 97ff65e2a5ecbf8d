package worker

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/integrations/local/testkit"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// dryRun asks for a dry run and returns its plan.
func (w *world) dryRun(mode domain.Mode) (domain.Run, []domain.PlanRow) {
	w.t.Helper()
	w.clock.now = w.clock.now.Add(5 * time.Second)
	run := store.ActiveRun{Run: domain.Run{ID: domain.NewSnowflake(w.clock.now), IntegrationID: 77, OrganisationID: 5,
		Mode: mode, Trigger: domain.ByRequest, RequestedAt: w.clock.now, Status: domain.Queued}}
	_, started, err := w.sure.RequestDryRun(w.ctx, w.pair, run, 2*time.Second, w.clock.now.Add(time.Minute))
	w.must(err)
	if !started {
		w.t.Fatal("the dry run was not started")
	}

	w.must(w.Send(w.ctx, 5, 77, run.ID))
	for range 100 {
		if len(w.queue) == 0 {
			break
		}
		w.must(w.slice())
	}

	var rows []domain.PlanRow
	for after := ""; ; {
		page, next, err := w.sure.PlanRows(w.ctx, 77, run.ID, domain.Page{After: after, Limit: 100}, w.clock.now)
		w.must(err)
		rows = append(rows, page...)
		if after = next; next == "" {
			return w.run(run.ID), rows
		}
	}
}

// realItems are the enhancement proposals beside the project.
func realItems(t *testing.T) []domain.Item {
	t.Helper()
	root, err := testkit.Root()
	if err != nil {
		t.Fatal(err)
	}

	data, err := os.ReadFile(filepath.Join(root, "..", "shared", "data", "items.jsonl"))
	if err != nil {
		t.Skip("the real items are not beside the project: ", err)
	}

	var items []domain.Item
	for line := range strings.Lines(string(data)) {
		var i domain.Item
		if err := json.Unmarshal([]byte(line), &i); err != nil {
			t.Fatal(err)
		}

		if i.ItemType == "work_item" {
			i.OrganisationID = 5
			items = append(items, i)
		}
	}

	return items
}

// scribe writes down what a provider is asked to do, as steps of a plan.
func (w *world) scribe() map[domain.Snowflake][]string {
	steps := map[domain.Snowflake][]string{}
	w.provider.wrote = func(step string, item domain.Snowflake) { steps[item] = append(steps[item], step) }
	return steps
}

func sameSteps(t *testing.T, rows []domain.PlanRow, steps map[domain.Snowflake][]string) {
	t.Helper()
	planned := 0
	for _, row := range rows {
		if len(row.Steps) > 0 {
			planned++
		}

		if !slices.Equal(row.Steps, steps[row.ItemID]) {
			t.Errorf("item %s: planned %v, done %v", row.ItemID, row.Steps, steps[row.ItemID])
		}
	}

	mustBe(t, "items planned and done", planned, len(steps))
}

// A dry run over all real items writes nothing and says exactly what the real
// run then does: from nothing, and after some have changed.
func TestADryRunPredictsTheRealOne(t *testing.T) {
	items := realItems(t)
	mustBe(t, "items", len(items), 645)
	w := newWorld(t)
	for _, i := range items {
		_, err := w.sure.PutItem(w.ctx, i)
		w.must(err)
	}

	predicted, rows := w.dryRun(domain.Full)
	mustBe(t, "calls of the dry run but to find out which place it is", w.provider.calls()-w.provider.resolves, 0)
	mustBe(t, "status", predicted.Status, domain.Succeeded)
	mustBe(t, "dry run", predicted.DryRun, true)
	mustBe(t, "rows", len(rows), 645)
	steps := w.scribe()
	id := w.start(domain.Full)
	w.settle()
	mustBe(t, "counts", w.run(id).Counts, predicted.Counts)
	mustBe(t, "writes", w.provider.calls()-w.provider.resolves, 645+307)
	sameSteps(t, rows, steps)

	// Some change, some close, some reopen, some go.
	for n, i := range items {
		i.Version++
		switch {
		case n%50 == 0:
			i.Title += " (changed)"
		case n%50 == 1 && i.State == domain.Closed:
			i.State = domain.Open
		case n%50 == 2 && i.State == domain.Open:
			i.State = domain.Closed
		case n%50 == 3:
			_, _, err := w.sure.DeleteItem(w.ctx, 5, i.ID, i.Version)
			w.must(err)
			continue
		default:
			continue
		}

		_, err := w.sure.PutItem(w.ctx, i)
		w.must(err)
	}

	before := w.provider.calls()
	predicted, rows = w.dryRun(domain.Full)
	mustBe(t, "calls of the second dry run", w.provider.calls(), before)
	ledger := w.raw("INT#" + w.pair.ID.Sortable())
	steps = w.scribe()
	id = w.start(domain.Full)
	w.settle()
	mustBe(t, "second counts", w.run(id).Counts, predicted.Counts)
	sameSteps(t, rows, steps)
	if predicted.Counts.Updated < 20 || len(ledger) == 0 {
		t.Errorf("%+v", predicted.Counts)
	}
}

// A dry run leaves no trace but its plan: not in the ledger, the pending changes or the
// state, and no event.
func TestADryRunLeavesNoTrace(t *testing.T) {
	w := newWorld(t)
	w.marked(1, 1)
	w.item(2, 1, nil)
	live := w.start(domain.Incremental)
	w.queue = nil
	before, err := w.sure.State(w.ctx, 77)
	w.must(err)
	for mode, want := range map[domain.Mode]string{domain.Full: "[1 2]", domain.Incremental: "[1]"} {
		run, rows := w.dryRun(mode)
		var ids []domain.Snowflake
		for _, r := range rows {
			ids = append(ids, r.ItemID)
		}

		mustBe(t, "rows", fmt.Sprint(ids), want)
		mustBe(t, "counts", run.Counts, domain.Counts{Created: len(ids)})
	}

	after, err := w.sure.State(w.ctx, 77)
	w.must(err)
	if after.Run == nil || after.Run.ID != live || after.Fence != before.Fence || after.DueAt != before.DueAt {
		t.Errorf("the state was touched: %+v", after)
	}

	rows, _, err := w.sure.Ledger(w.ctx, 77, placed, "", domain.Page{Limit: 10})
	w.must(err)
	n, err := w.sure.CountPendingChanges(w.ctx, 77)
	w.must(err)
	if len(rows) != 0 || n != 1 || len(w.bus.taken) != 0 {
		t.Errorf("ledger %v, %d marks, events %v", rows, n, w.bus.taken)
	}
}

// Every reason not to send an item is in the plan.
func TestAPlanGivesReasons(t *testing.T) {
	w := newWorld(t)
	for id := domain.Snowflake(1); id <= 5; id++ {
		w.item(id, 1, nil)
	}

	w.provider.before = func(_ string, item domain.Snowflake) error {
		switch item {
		case 2:
			return &failure.Error{Class: failure.Final, Scope: failure.ItemScope, Code: "rejected", Detail: "no"}
		case 3:
			return ambiguous()
		}

		return nil
	}

	w.start(domain.Full)
	w.must(w.slice())
	w.provider.before = nil
	_, _, err := w.sure.DeleteItem(w.ctx, 5, 4, 2)
	w.must(err)
	w.item(6, 1, nil)
	_, _, err = w.sure.DeleteItem(w.ctx, 5, 6, 2)
	w.must(err)
	w.item(7, 1, nil)
	w.provider.panics = map[string]domain.Snowflake{"render": 7}
	run, rows := w.dryRun(domain.Full)
	got := []string{}
	for _, r := range rows {
		reason := ""
		if r.Reason != nil {
			reason, _, _ = strings.Cut(*r.Reason, " at ")
		}
		got = append(got, fmt.Sprint(r.ItemID, " ", r.Action, " ", r.Steps, " ", reason))
	}

	want := []string{
		"2 skip [] tried again", "3 reconcile [] an earlier create was not answered", "4 update [close] ",
		"6 skip [] deleted_before_first_sync", "7 skip [] internal_error",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}

	mustBe(t, "counts", run.Counts, domain.Counts{Updated: 1, Unchanged: 2, Skipped: 1, Failed: 2})
}

// What a dry run has of a connector cannot write.
func TestTheRehearsedConnectorCannotWrite(t *testing.T) {
	var c connector.Connector = renderer{&provider{clock: &clock{}}}
	if _, err := c.Create(context.Background(), connector.Content{}, connector.Marker{}); err == nil {
		t.Error("it creates")
	}

	if _, err := c.Update(context.Background(), connector.Sent{}, connector.Content{}, connector.Marker{}); err == nil {
		t.Error("it updates")
	}

	if _, finds := c.(connector.Finder); finds {
		t.Error("it asks")
	}
}

func TestADryRunCanBeStopped(t *testing.T) {
	w := newWorld(t)
	for id := domain.Snowflake(1); id <= 300; id++ {
		w.item(id, 1, nil)
	}

	run := store.ActiveRun{Run: domain.Run{ID: 4712, IntegrationID: 77, OrganisationID: 5, Mode: domain.Full, Trigger: domain.ByRequest, RequestedAt: w.clock.now, Status: domain.Queued}}
	_, _, err := w.sure.RequestDryRun(w.ctx, w.pair, run, 0, w.clock.now)
	w.must(err)
	w.must(w.Send(w.ctx, 5, 77, run.ID))
	_, err = w.sure.CancelRun(w.ctx, w.pair, run.ID, w.clock.now)
	w.must(err)
	w.must(w.slice())
	mustBe(t, "status", w.run(run.ID).Status, domain.Cancelled)
}

// A dry run that meets the deletion of its integration ends, and leaves the purge
// to the other lane.
func TestADryRunOfADeletedIntegration(t *testing.T) {
	w := newWorld(t)
	for id := domain.Snowflake(1); id <= 3; id++ {
		w.item(id, 1, nil)
	}

	run := store.ActiveRun{Run: domain.Run{ID: 4712, IntegrationID: 77, OrganisationID: 5, Mode: domain.Full, Trigger: domain.ByRequest, RequestedAt: w.clock.now, Status: domain.Queued}}
	_, _, err := w.sure.RequestDryRun(w.ctx, w.pair, run, 0, w.clock.now)
	w.must(err)
	w.must(w.Send(w.ctx, 5, 77, run.ID))
	stops["delete"](w, 0)
	for range 5 {
		for len(w.queue) > 0 {
			if err := w.slice(); err != nil {
				t.Error(err)
			}
		}

		w.clock.now = w.clock.now.Add(time.Minute)
		w.must(w.tick())
	}

	if left := w.raw("INT#" + w.pair.ID.Sortable()); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
