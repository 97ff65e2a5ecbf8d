package store

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"example.com/integrations/local/testkit"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
	"example.com/integrations/shared/limits"
)

func ids(runs []domain.Run) []domain.Snowflake {
	var all []domain.Snowflake
	for _, r := range runs {
		all = append(all, r.ID)
	}
	return all
}

// Ended runs, the active one and a dry one are one list, newest first, however
// it is paged.
func TestRuns(t *testing.T) {
	s, _ := open(t)
	for _, id := range []domain.Snowflake{10, 20, 30, 40} {
		run := request(t, s, id, domain.Incremental)
		_, lease := acquire(t, s, id, fmt.Sprint(id), now, now.Add(time.Minute))
		finish(t, s, lease, run.Run, Ending{})
	}

	dry := newRunOf(35, domain.Full)
	if _, started, err := s.RequestDryRun(t.Context(), pair, dry, 0, now); err != nil || !started {
		t.Fatal(started, err)
	}

	request(t, s, 50, domain.Full)
	want := []domain.Snowflake{50, 40, 35, 30, 20, 10}
	for limit := 1; limit <= 7; limit++ {
		var got []domain.Snowflake
		after := ""
		for range 10 {
			runs, next, err := s.Runs(t.Context(), pair.ID, after, limit, now)
			must(t, err)
			if len(runs) > limit {
				t.Errorf("%d runs with a limit of %d", len(runs), limit)
			}

			got = append(got, ids(runs)...)
			if after = next; next == "" {
				break
			}
		}

		if !slices.Equal(got, want) {
			t.Errorf("by %d: %v", limit, got)
		}
	}

	for _, id := range want {
		if run, err := s.Run(t.Context(), pair.ID, id, now); err != nil || run.ID != id || run.DryRun != (id == 35) {
			t.Errorf("%d: %+v, %v", id, run, err)
		}
	}

	gone := now.Add(runsKept + time.Hour)
	if runs, _, err := s.Runs(t.Context(), pair.ID, "", 10, gone); err != nil || !slices.Equal(ids(runs), []domain.Snowflake{50, 35}) {
		t.Errorf("after 90 days: %v, %v", ids(runs), err)
	}

	_, err := s.Run(t.Context(), pair.ID, 10, gone)
	is(t, err, ErrNotFound)
}

// A dry run has a lane of its own: it neither occupies nor joins the active
// run, and its worker holds another lease.
func TestDryLane(t *testing.T) {
	s, _ := open(t)
	request(t, s, 1, domain.Incremental)
	if _, started, err := s.RequestDryRun(t.Context(), pair, newRunOf(2, domain.Full), 0, now); err != nil || !started {
		t.Fatal(started, err)
	}

	if _, started, err := s.RequestDryRun(t.Context(), pair, newRunOf(3, domain.Full), 0, now); err != nil || started {
		t.Error("a second dry run started", err)
	}

	_, live := acquire(t, s, 1, "a", now, now.Add(time.Minute))
	st, dry := acquire(t, s, 2, "b", now, now.Add(time.Minute))
	if live.Kind != LiveRun || dry.Kind != DryRun || !st.Run.DryRun {
		t.Fatalf("%+v, %+v", live, dry)
	}

	rows := []domain.PlanRow{{ItemID: 7, FormattedNumber: "A-7", Action: domain.PlanCreate, Steps: []string{"create", "close"}}, {ItemID: 8, Action: domain.PlanSkip, Steps: []string{}}}
	must(t, s.Commit(t.Context(), dry, Batch{Run: *st.Run, PlanRows: rows, PlansUntil: now.Add(plansKept)}))
	finish(t, s, dry, st.Run.Run, Ending{})
	if due, err := s.Due(t.Context(), now.Add(time.Hour), 10); err != nil || len(due) != 1 || due[0].Kind != LiveRun {
		t.Errorf("a dry run has left something to do: %v, %v", due, err)
	}

	if again := state(t, s); again.Run == nil || again.LastSuccessAt != 0 {
		t.Errorf("%+v", again)
	}

	first, next, err := s.PlanRows(t.Context(), pair.ID, 2, "", 1, now)
	if err != nil || len(first) != 1 || first[0].Steps[1] != "close" || next == "" {
		t.Errorf("%+v, %q, %v", first, next, err)
	}

	second, next, err := s.PlanRows(t.Context(), pair.ID, 2, next, 1, now)
	if err != nil || len(second) != 1 || second[0].ItemID != 8 {
		t.Errorf("%+v, %q, %v", second, next, err)
	}

	if late, _, err := s.PlanRows(t.Context(), pair.ID, 2, "", 10, now.Add(plansKept)); err != nil || len(late) != 0 {
		t.Errorf("%v, %v", late, err)
	}
}

func TestLedger(t *testing.T) {
	s, _ := open(t)
	run := request(t, s, 1, domain.Incremental)
	_, lease := acquire(t, s, 1, "a", now, now.Add(time.Minute))
	var links []Link
	outcomes := []domain.Outcome{domain.Created, domain.FailedOut, domain.Created, domain.FailedOut, domain.Skipped, domain.Updated}
	for i, out := range outcomes {
		links = append(links, Link{ItemID: domain.Snowflake(i + 1), Target: "there", Outcome: out, GivenUp: i == 3, Version: 4, UpdatedAt: now})
	}

	links = append(links, Link{ItemID: 99, Target: "elsewhere", Outcome: domain.FailedOut, GivenUp: true})
	links[1].Reason = "why"
	links[1].LastRunID = 1
	links[1].Attempts = 2
	must(t, s.Commit(t.Context(), lease, Batch{Run: run, Links: links, AddPending: []PendingChange{{ItemID: 2, Version: 4, Planned: 1}, {ItemID: 3, Version: 5, Planned: 1}}}))
	for out, want := range map[domain.Outcome]string{
		"": "[1 2 3 4 5 6]", domain.Created: "[1 3]", domain.FailedOut: "[2 4]", domain.Skipped: "[5]", domain.Updated: "[6]",
		domain.Unchanged: "[]", domain.Unknown: "[]",
	} {
		for limit := 1; limit < 8; limit++ {
			got := []domain.Snowflake{}
			after := ""
			for range 10 {
				rows, next, err := s.Ledger(t.Context(), pair.ID, "there", out, after, limit)
				must(t, err)
				if len(rows) > limit {
					t.Errorf("%d rows with a limit of %d", len(rows), limit)
				}

				for _, r := range rows {
					got = append(got, r.ItemID)
				}

				if after = next; next == "" {
					break
				}
			}

			if fmt.Sprint(got) != want {
				t.Errorf("%q by %d: %v, want %s", out, limit, got, want)
			}
		}
	}

	rows, _, err := s.Ledger(t.Context(), pair.ID, "there", domain.FailedOut, "", 1)
	if r := rows[0]; err != nil || *r.Reason != "why" || *r.LastRunID != 1 || r.Attempts != 2 || r.Remote != nil || !r.UpdatedAt.Equal(now) {
		t.Errorf("%+v, %v", r, err)
	}

	pending, givenUp, err := s.Backlog(t.Context(), pair.ID, "there")
	if pending != 2 || givenUp != 1 || err != nil {
		t.Errorf("%d pending, %d given up, %v", pending, givenUp, err)
	}

	marks, next, err := s.Retriable(t.Context(), pair.ID, "there", domain.FailedOut, "", 10)
	if err != nil || next != "" || fmt.Sprint(marks) != fmt.Sprint([]PendingChange{{ItemID: 2, Retry: true}, {ItemID: 4, Retry: true}}) {
		t.Errorf("%v, %q, %v", marks, next, err)
	}
}

// A mark keeps what it says, whoever writes it again.
func TestMarksKeepWhatTheySay(t *testing.T) {
	s, _ := open(t)
	run := request(t, s, 1, domain.Full)
	_, lease := acquire(t, s, 1, "a", now, now.Add(time.Minute))
	must(t, s.PutPendingChange(t.Context(), pair.ID, PendingChange{ItemID: 7, Version: 3, Retry: true}))
	must(t, s.Commit(t.Context(), lease, Batch{Run: run, AddPending: []PendingChange{{ItemID: 7, Version: 3, Planned: 1}}}))
	must(t, s.PutPendingChange(t.Context(), pair.ID, PendingChange{ItemID: 7, Version: 3}))
	marks, _, err := s.PendingChanges(t.Context(), pair.ID, "", 10)
	if err != nil || len(marks) != 1 || marks[0] != (PendingChange{ItemID: 7, Version: 3, Retry: true, Planned: 1, Announced: true}) {
		t.Errorf("%+v, %v", marks, err)
	}

	must(t, s.RetryItems(t.Context(), pair.ID, nil))
}

func TestPoke(t *testing.T) {
	s, _ := open(t)
	at(t, s, waiting)
	is(t, s.ResumeRun(t.Context(), pair.ID, 2, now), ErrNotFound)
	must(t, s.ResumeRun(t.Context(), pair.ID, 1, now.Add(time.Minute)))
	if st := state(t, s); st.Run.Status != domain.Queued || st.Run.WaitingUntil != nil || st.DueAt != now.Add(time.Minute).UnixMilli() {
		t.Errorf("%+v", st)
	}

	is(t, s.ResumeRun(t.Context(), pair.ID, 1, now), ErrNotFound) // it waits no more
}

func TestRetryAll(t *testing.T) {
	s, _ := open(t)
	request(t, s, 1, domain.Incremental)
	is(t, s.RetryAll(t.Context(), pair.ID, 2), ErrNotFound)
	must(t, s.RetryAll(t.Context(), pair.ID, 1))
	_, lease := acquire(t, s, 1, "a", now, now.Add(time.Minute))
	asked, err := s.AcknowledgeSignal(t.Context(), lease)
	if err != nil || !asked.RetryAll {
		t.Errorf("%+v, %v", asked, err)
	}

	must(t, s.ClearRetryAll(t.Context(), lease))
	asked, err = s.AcknowledgeSignal(t.Context(), lease)
	if err != nil || asked.RetryAll {
		t.Errorf("%+v, %v", asked, err)
	}
}

func TestOutbox(t *testing.T) {
	s, _ := open(t)
	run := request(t, s, 1, domain.Incremental)
	_, lease := acquire(t, s, 1, "a", now, now.Add(time.Hour))
	n := outgoing.Event{ID: 5, OrganisationID: pair.OrganisationID, IntegrationID: pair.ID, DetailType: "t", Detail: "{}"}
	must(t, s.Commit(t.Context(), lease, Batch{Run: run, Events: []outgoing.Event{n}, EventsDue: now.Add(time.Minute)}))
	due, err := s.Due(t.Context(), now.Add(time.Minute), 10)
	if err != nil || len(due) != 1 || due[0] != (Due{IntegrationID: pair.ID, Event: 5}) {
		t.Fatalf("%+v, %v", due, err)
	}

	w, err := s.Event(t.Context(), pair.ID, 5)
	if err != nil || w == nil || w.Event != n {
		t.Fatalf("%+v, %v", w, err)
	}

	must(t, s.MoveEvent(t.Context(), *w, now.Add(time.Hour)))
	is(t, s.MoveEvent(t.Context(), *w, now.Add(2*time.Hour)), ErrConflict)
	if moved, err := s.Event(t.Context(), pair.ID, 5); err != nil || moved.DueCount != 1 || moved.DueAt != now.Add(time.Hour).UnixMilli() {
		t.Errorf("%+v, %v", moved, err)
	}

	must(t, s.MarkPublished(t.Context(), []outgoing.Event{n}))
	if gone, err := s.Event(t.Context(), pair.ID, 5); gone != nil || err != nil {
		t.Errorf("%+v, %v", gone, err)
	}

	must(t, s.MarkPublished(t.Context(), nil))
}

// Documents are written onto what was read.
func TestDocuments(t *testing.T) {
	s, _ := open(t)
	usage, err := s.Usage(t.Context(), "c")
	must(t, err)
	usage.Usage = limits.Usage{Free: 7, Strikes: 2, Spent: map[string][]limits.Bucket{"0/60000": {{At: 5, N: 3}}}}
	written, err := s.PutUsage(t.Context(), "c", usage, now)
	must(t, err)
	_, err = s.PutUsage(t.Context(), "c", usage, now)
	is(t, err, ErrConflict)
	_, err = s.PutUsage(t.Context(), "c", written, now)
	must(t, err)
	again, err := s.Usage(t.Context(), "c")
	if err != nil || again.Free != 7 || again.Strikes != 2 || again.Spent["0/60000"][0].N != 3 || again.Version != 2 {
		t.Errorf("%+v, %v", again, err)
	}

	queue, err := s.Slots(t.Context(), 1001)
	must(t, err)
	queue.Slots = limits.Slots{Held: map[string]limits.Hold{"1": {Lease: "a", Until: 9}}, Waiting: []limits.Waiter{{IntegrationID: 2, RunID: 3, Called: 4}}}
	must(t, s.PutSlots(t.Context(), 1001, queue, now))
	is(t, s.PutSlots(t.Context(), 1001, queue, now), ErrConflict)
	read, err := s.Slots(t.Context(), 1001)
	if err != nil || read.Held["1"] != (limits.Hold{Lease: "a", Until: 9}) || read.Waiting[0] != queue.Waiting[0] || read.Version != 1 {
		t.Errorf("%+v, %v", read, err)
	}
}

func TestObjects(t *testing.T) {
	s, _ := open(t)
	run := request(t, s, 1, domain.Incremental)
	_, lease := acquire(t, s, 1, "a", now, now.Add(time.Minute))
	o := Object{Target: "there", RemoteID: "17", ItemID: 7, SeenText: "h", SeenState: domain.Open}
	link := Link{ItemID: 7, Target: "there", Outcome: domain.Created}
	n := outgoing.Event{ID: 5, IntegrationID: pair.ID}
	p := Pull{Target: "there", Since: 3, Offset: 2}
	must(t, s.Commit(t.Context(), lease, Batch{Run: run, Pulled: []Pulled{{Link: &link, Objects: []Object{o}, Events: []outgoing.Event{n}}}, Pull: &p, Relinked: now}))
	got, err := s.Objects(t.Context(), pair.ID, "there", []string{"17", "18"})
	if err != nil || len(got) != 1 || got["17"] != o {
		t.Errorf("%+v, %v", got, err)
	}

	if other, err := s.Objects(t.Context(), pair.ID, "elsewhere", []string{"17"}); err != nil || len(other) != 0 {
		t.Errorf("%+v, %v", other, err)
	}

	if st := state(t, s); *st.Pull != p || st.RelinkedAt != now.UnixMilli() {
		t.Errorf("%+v", st)
	}
}

// However large a batch is, a link and its notice are never apart.
func TestLargeBatchesKeepTogetherWhatBelongsTogether(t *testing.T) {
	s, wire := open(t)
	run := request(t, s, 1, domain.Incremental)
	_, lease := acquire(t, s, 1, "a", now, now.Add(time.Minute))
	var pulled []Pulled
	for i := range 100 {
		id := domain.Snowflake(i + 1)
		pulled = append(pulled, Pulled{
			Link:   &Link{ItemID: id, Target: "there", Outcome: domain.Created},
			Events: []outgoing.Event{{ID: id, IntegrationID: pair.ID}, {ID: id + 1000, IntegrationID: pair.ID}},
		})
	}

	wire.calls = map[string]int{}
	p := Pull{Since: 9}
	must(t, s.Commit(t.Context(), lease, Batch{Run: run, Pulled: pulled, Pull: &p}))
	if n := wire.calls["TransactWriteItems"]; n != 4 { // 33 groups of 3 and the state in each
		t.Errorf("%d transactions", n)
	}

	left, err := s.count(t.Context(), pageOf{pk: integrationPartition(pair.ID), prefix: outboxPrefix})
	if rows, _, lerr := s.Ledger(t.Context(), pair.ID, "there", "", "", 1000); left != 200 || len(rows) != 100 || err != nil || lerr != nil {
		t.Errorf("%d notices, %d links, %v, %v", left, len(rows), err, lerr)
	}
}

// A run that ends between the reads of its two places is in one of them.
func TestARunEndsWhileItIsLookedFor(t *testing.T) {
	s, w := open(t)
	run := request(t, s, 10, domain.Incremental)
	_, lease := acquire(t, s, 10, "a", now, now.Add(time.Minute))
	other := New(testkit.DynamoDBClient(dynamoURL), s.table)
	w.rewrite = func(operation string, answer []byte) []byte {
		if operation != "BatchGetItem" {
			return answer
		}

		w.rewrite = nil
		finish(t, other, lease, run.Run, Ending{})
		return fmt.Appendf(nil, `{"Responses":{},"UnprocessedKeys":{%q:{"ConsistentRead":true,"Keys":[{"pk":{"S":%q},"sk":{"S":"STATE"}}]}}}`,
			s.table, integrationPartition(pair.ID))
	}
	if got, err := s.Run(t.Context(), pair.ID, 10, now); err != nil || got.Status.Active() {
		t.Errorf("%+v, %v", got, err)
	}
}
