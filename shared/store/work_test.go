package store

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"example.com/integrations/shared/domain"
)

func pendingChanges(t *testing.T, s *Store) []PendingChange {
	t.Helper()
	var all []PendingChange
	for after := ""; ; {
		page, next, err := s.PendingChanges(t.Context(), pair.ID, after, 2)
		must(t, err)
		all = append(all, page...)
		if after = next; next == "" {
			return all
		}
	}
}

// A pending change is deleted by its exact key: one for a newer version survives.
func TestPendingChangesGoByTheirExactKey(t *testing.T) {
	s, _ := open(t)
	run := request(t, s, 1, domain.Incremental)
	_, lease := acquire(t, s, 1, "a", now, now.Add(time.Minute))
	for _, m := range []PendingChange{{ItemID: 8, Version: 1}, {ItemID: 7, Version: 10}, {ItemID: 7, Version: 9}, {ItemID: 7, Version: 9}, {ItemID: 100, Version: 1}} {
		must(t, s.PutPendingChange(t.Context(), pair.ID, m))
	}

	if got, want := pendingChanges(t, s), []PendingChange{{ItemID: 7, Version: 9, Announced: true}, {ItemID: 7, Version: 10, Announced: true}, {ItemID: 8, Version: 1, Announced: true}, {ItemID: 100, Version: 1, Announced: true}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}

	must(t, s.Commit(t.Context(), lease, Batch{Run: run, DeletePending: []PendingChange{{ItemID: 7, Version: 9}, {ItemID: 8, Version: 1}}, AddPending: []PendingChange{{ItemID: 9, Version: 3}}}))
	if got, want := pendingChanges(t, s), []PendingChange{{ItemID: 7, Version: 10, Announced: true}, {ItemID: 9, Version: 3, Announced: true}, {ItemID: 100, Version: 1, Announced: true}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}

	if n, err := s.CountPendingChanges(t.Context(), pair.ID); n != 3 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
}

// More than one transaction's worth: links are there before any pending change is gone,
// and the cursor moves with the last.
func TestCommitInSeveralTransactions(t *testing.T) {
	s, w := open(t)
	run := request(t, s, 1, domain.Incremental)
	_, lease := acquire(t, s, 1, "a", now, now.Add(time.Minute))
	batch := Batch{Run: run, Cursor: true}
	ids := []domain.Snowflake{}
	batch.Run.PendingCursor = "PENDING#end"
	for n := range domain.Snowflake(75) {
		m := PendingChange{ItemID: n + 1, Version: 1}
		must(t, s.PutPendingChange(t.Context(), pair.ID, m))
		batch.DeletePending, ids = append(batch.DeletePending, m), append(ids, m.ItemID)
		batch.Links = append(batch.Links, Link{ItemID: m.ItemID, Target: "there", Outcome: domain.Created, Remote: &domain.Remote{ID: m.ItemID.String()}})
	}

	sent := 0
	w.before = func(operation string) {
		if sent++; operation != "TransactWriteItems" || sent != 2 {
			return
		}

		w.before = nil // the look itself is not watched
		links, err := s.Links(t.Context(), pair.ID, "there", ids)
		if n, _ := s.CountPendingChanges(t.Context(), pair.ID); err != nil || len(links) != 75 || n == 0 || state(t, s).Run.PendingCursor != "" {
			t.Errorf("between the transactions: %d links, %d pending changes, %v", len(links), n, err)
		}
	}

	must(t, s.Commit(t.Context(), lease, batch))
	if got := pendingChanges(t, s); len(got) != 0 || state(t, s).Run.PendingCursor != "PENDING#end" || sent != 2 {
		t.Errorf("%d pending changes, cursor %q, %d transactions", len(got), state(t, s).Run.PendingCursor, sent)
	}
}

func TestLinksComeBackWhole(t *testing.T) {
	s, _ := open(t)
	run := request(t, s, 1, domain.Incremental)
	_, lease := acquire(t, s, 1, "a", now, now.Add(time.Minute))
	want := Link{
		ItemID: 7, FormattedNumber: "KEP-1", Target: "there", Remote: &domain.Remote{ID: "1", Key: "#1", URL: "https://x", State: domain.Closed},
		SentHash: "h", SentLabels: []string{"a"}, SentState: domain.Open, Intent: &Intent{Attempt: 2, At: now, Hash: "h", Labels: []string{"b"}, State: domain.Open},
		Attempt: 2, Outcome: domain.FailedOut, Reason: "r", Version: 3, Attempts: 4, RetryAt: now, GivenUp: true, LastRunID: 1, UpdatedAt: now,
	}

	must(t, s.Commit(t.Context(), lease, Batch{Run: run, Links: []Link{want, {ItemID: 8, Target: "there", Outcome: domain.Created}}}))
	items, links, err := s.ItemsAndLinks(t.Context(), pair, "there", []domain.Snowflake{7, 8, 9}, true)
	if err != nil || len(items) != 0 || len(links) != 2 || !reflect.DeepEqual(links[7], want) {
		t.Errorf("%+v, %v\nwant %+v", links, err, want)
	}

	if _, indexed := putLink(501, links[8]).record["outcome_pk"]; indexed {
		t.Error("a created item is in the index of what needs a look")
	}

	// A failed item that succeeds leaves the index.
	index := "outcome"
	condition := "outcome_pk = :p"
	failed := func() int32 {
		out, err := tableOf(s).db.Query(t.Context(), &dynamodb.QueryInput{TableName: &tableOf(s).name, IndexName: &index, KeyConditionExpression: &condition,
			ExpressionAttributeValues: record{":p": text(integrationPartition(pair.ID) + "#failed")}})
		must(t, err)
		return out.Count
	}
	if failed() != 1 {
		t.Error("the failed item is not in the index")
	}

	want.Outcome = domain.Updated
	must(t, s.Commit(t.Context(), lease, Batch{Run: run, Links: []Link{want}}))
	if failed() != 0 {
		t.Error("the item is still in the index")
	}
}

func TestDue(t *testing.T) {
	s, _ := open(t)
	const n = 40 // so that every shard has some
	shards := map[string]bool{}
	for id := range domain.Snowflake(n) {
		p := IntegrationRef{ID: id + 1, OrganisationID: 1, ItemType: "work_item"}
		shards[dueShard(p.ID)] = true
		started, err := s.SignalWithRun(t.Context(), p, newRunOf(id+1, domain.Incremental), now.Add(time.Duration(id)*time.Second))
		if !started || err != nil {
			t.Fatal(started, err)
		}
	}

	if len(shards) != dueShards {
		t.Errorf("%d shards in use of %d", len(shards), dueShards)
	}

	for after, want := range map[time.Duration]int{-time.Millisecond: 0, 0: 1, 9 * time.Second: 10, time.Hour: n} {
		due, err := s.Due(t.Context(), now.Add(after), 100)
		if err != nil || len(due) != want {
			t.Errorf("%d due after %s, want %d: %v", len(due), after, want, err)
		}

		for _, d := range due {
			if d.Kind != LiveRun || d.Event != 0 || after < time.Duration(d.IntegrationID-1)*time.Second {
				t.Errorf("%+v", d)
			}
		}
	}

	if due, err := s.Due(t.Context(), now.Add(time.Hour), 1); err != nil || len(due) != dueShards {
		t.Errorf("%d due with a limit of 1 a shard: %v", len(due), err)
	}
}

// Of two dispatchers that have seen the same state one moves it.
func TestMoveDue(t *testing.T) {
	s, _ := open(t)
	request(t, s, 1, domain.Incremental)
	seen := state(t, s)
	must(t, s.MoveDue(t.Context(), LiveRun, seen, now.Add(time.Hour)))
	is(t, s.MoveDue(t.Context(), LiveRun, seen, now.Add(2*time.Hour)), ErrConflict)
	if st := state(t, s); st.DueAt != now.Add(time.Hour).UnixMilli() || st.DueCount != 1 {
		t.Errorf("%+v", st)
	}

	if due, err := s.Due(t.Context(), now.Add(time.Minute), 10); len(due) != 0 || err != nil {
		t.Errorf("still due: %v, %v", due, err)
	}

	is(t, s.Reschedule(t.Context(), LiveRun, state(t, s), time.Time{}), ErrConflict) // a run is active
}

func TestRest(t *testing.T) {
	s, _ := open(t)
	run := request(t, s, 1, domain.Incremental)
	_, lease := acquire(t, s, 1, "a", now, now.Add(time.Minute))
	finish(t, s, lease, run.Run, Ending{RetryAt: now.Add(time.Minute)})
	seen := state(t, s)
	stale := seen
	stale.DueAt++
	is(t, s.Reschedule(t.Context(), LiveRun, stale, time.Time{}), ErrConflict)
	must(t, s.Reschedule(t.Context(), LiveRun, seen, now.Add(2*time.Hour)))
	if due := dueStates(t, s, now.Add(time.Hour)); due != 0 {
		t.Errorf("due before it is time: %d", due)
	}

	must(t, s.Reschedule(t.Context(), LiveRun, state(t, s), time.Time{}))
	if st := state(t, s); st.DueAt != 0 {
		t.Errorf("%+v", st)
	}

	if due := dueStates(t, s, now.Add(time.Hour)); due != 0 {
		t.Errorf("still in the index: %d", due)
	}
}

func FuzzParsePending(f *testing.F) {
	for _, seed := range []string{"", "PENDING#", "PENDING##", "PENDING#0000000000000000007#0000000000000000001", "PENDING#x#1", "PENDING#1#2#3"} {
		f.Add(seed)
	}

	f.Fuzz(func(t *testing.T, sk string) {
		m, err := parsePending(sk)
		if err != nil {
			return
		}

		again, err := parsePending(pendingKey(501, m).sk)
		if err != nil || again != m {
			t.Errorf("%q is %v, and back %v, %v", sk, m, again, err)
		}
	})
}

func TestKeysSortByNumber(t *testing.T) {
	last := ""
	for _, m := range []PendingChange{{ItemID: 9, Version: 9}, {ItemID: 9, Version: 10}, {ItemID: 10, Version: 1}, {ItemID: 1<<63 - 1, Version: 1}, {ItemID: 1<<63 - 1, Version: 1<<63 - 1}} {
		if k := pendingKey(1, m).sk; k <= last {
			t.Errorf("%v: %q comes before %q", m, k, last)
		} else {
			last = k
		}

		if got, err := parsePending(last); err != nil || got != m {
			t.Errorf("%v, %v", got, err)
		}
	}

	if want := fmt.Sprintf("INT#%019d", 5); integrationPartition(5) != want {
		t.Errorf("%q", integrationPartition(5))
	}
}
