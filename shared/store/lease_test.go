package store

import (
	"errors"
	"testing"
	"time"

	"example.com/integrations/shared/domain"
)

func TestOneLeaseAtATime(t *testing.T) {
	s, _ := open(t)
	request(t, s, 1, domain.Incremental)
	st, first := acquire(t, s, 1, "a", now, now.Add(time.Minute))
	if first.Fence != 1 || st.Run.Status != domain.Running || st.DueAt != now.Add(time.Minute).UnixMilli() || st.DueCount != 0 || first.Pair != pair {
		t.Errorf("%+v, %+v", st, first)
	}

	for _, at := range []time.Time{now, now.Add(time.Minute)} { // live to its last millisecond
		if held, err := s.Acquire(t.Context(), pair, LeaseRequest{RunID: 1, ID: "b", Now: at, Until: at.Add(time.Minute)}); held != nil || err != nil {
			t.Errorf("a second lease while the first is live: %v, %v", held, err)
		}
	}

	if held, err := s.Acquire(t.Context(), pair, LeaseRequest{RunID: 2, ID: "b", Now: now.Add(time.Hour), Until: now.Add(2 * time.Hour)}); held != nil || err != nil {
		t.Errorf("a lease for a run that is not the active one: %v, %v", held, err)
	}

	_, second := acquire(t, s, 1, "b", now.Add(time.Minute+time.Millisecond), now.Add(2*time.Minute))
	if second.Fence != 2 {
		t.Errorf("fence %d", second.Fence)
	}
}

// D4: the lease of another organisation's integration is not taken.
func TestNoLeaseForAnotherOrganisation(t *testing.T) {
	s, _ := open(t)
	request(t, s, 1, domain.Incremental)
	other := pair
	other.OrganisationID++
	if held, err := s.Acquire(t.Context(), other, LeaseRequest{RunID: 1, ID: "a", Now: now, Until: now.Add(time.Minute)}); held != nil || err != nil {
		t.Errorf("%v, %v", held, err)
	}

	if st := state(t, s); st.Fence != 0 || st.LeaseUntil != 0 || st.Run.Status != domain.Queued {
		t.Errorf("something was taken: %+v", st)
	}

	acquire(t, s, 1, "b", now, now.Add(time.Minute))
}

func TestNoLeaseWithoutAState(t *testing.T) {
	s, _ := open(t)
	if held, err := s.Acquire(t.Context(), pair, LeaseRequest{RunID: 1, ID: "a", Now: now, Until: now.Add(time.Minute)}); held != nil || err != nil {
		t.Errorf("%v, %v", held, err)
	}
}

// A worker that was frozen past its lease can write nothing any more.
func TestTakeoverFencesOff(t *testing.T) {
	s, _ := open(t)
	run := request(t, s, 1, domain.Incremental)
	must(t, s.PutPendingChange(t.Context(), pair.ID, PendingChange{ItemID: 7, Version: 1}))
	_, old := acquire(t, s, 1, "a", now, now.Add(time.Minute))
	later := now.Add(time.Hour)
	_, fresh := acquire(t, s, 1, "b", later, later.Add(time.Minute))
	batch := Batch{Run: run, Links: []Link{{ItemID: 7, Target: "there", Outcome: domain.Created}}, DeletePending: []PendingChange{{ItemID: 7, Version: 1}}}
	ended := run.Run
	ended.FinishedAt = &later
	ended.Status = domain.Succeeded

	is(t, s.Commit(t.Context(), old, batch), ErrFenced)
	is(t, clearSignal(t, s, old), ErrFenced)
	is(t, s.Release(t.Context(), old, run, later), ErrFenced)
	is(t, s.Finish(t.Context(), old, Ending{Run: ended, Mode: domain.Incremental, MetaVersion: 1}), ErrFenced)
	is(t, s.Finish(t.Context(), old, Ending{Run: ended, Mode: domain.Incremental, Forced: true}), ErrFenced)
	links, err := s.Links(t.Context(), pair.ID, "there", []domain.Snowflake{7})
	if n, cerr := s.CountPendingChanges(t.Context(), pair.ID); len(links) != 0 || n != 1 || err != nil || cerr != nil {
		t.Errorf("a fenced worker has written: %v, %d pending changes", links, n)
	}

	if st := state(t, s); st.LeaseUntil != later.Add(time.Minute).UnixMilli() || st.Run == nil {
		t.Errorf("%+v", st)
	}

	must(t, s.Commit(t.Context(), fresh, batch))
}

// After a run has ended its worker may write nothing for the next one.
func TestEndedRunFencesOff(t *testing.T) {
	s, _ := open(t)
	run := request(t, s, 1, domain.Incremental)
	_, lease := acquire(t, s, 1, "a", now, now.Add(time.Minute))
	finish(t, s, lease, run.Run, Ending{})
	next := request(t, s, 2, domain.Incremental)
	is(t, s.Commit(t.Context(), lease, Batch{Run: next}), ErrFenced)
	_, again := acquire(t, s, 2, "b", now, now.Add(time.Minute))
	if again.Fence != lease.Fence+1 {
		t.Errorf("fence %d after %d", again.Fence, lease.Fence)
	}
}

func clearSignal(t *testing.T, s *Store, l Lease) error {
	t.Helper()
	_, err := s.AcknowledgeSignal(t.Context(), l)
	return err
}

func finish(t *testing.T, s *Store, l Lease, run domain.Run, e Ending) {
	t.Helper()
	must(t, tryFinish(t, s, l, run, e))
}

func tryFinish(t *testing.T, s *Store, l Lease, run domain.Run, e Ending) error {
	t.Helper()
	at := now.Add(time.Second)
	run.Status = domain.Succeeded
	run.FinishedAt = &at
	e.Run = run
	e.Mode = run.Mode
	e.MetaVersion = 1

	return s.Finish(t.Context(), l, e)
}

// A change that arrives while the run is ending keeps it alive.
func TestFinishAgainstSignal(t *testing.T) {
	s, _ := open(t)
	run := request(t, s, 1, domain.Incremental)
	_, lease := acquire(t, s, 1, "a", now, now.Add(time.Minute))
	must(t, s.Signal(t.Context(), pair.ID))
	is(t, tryFinish(t, s, lease, run.Run, Ending{}), ErrSignaled)
	if st := state(t, s); st.Run == nil || !st.Signaled {
		t.Fatalf("%+v", st)
	}

	must(t, clearSignal(t, s, lease))
	finish(t, s, lease, run.Run, Ending{})
	st := state(t, s)
	if st.Run != nil || st.Signaled || st.LeaseUntil != 0 || st.DueAt != 0 || st.LastSuccessAt != now.Add(time.Second).UnixMilli() {
		t.Errorf("%+v", st)
	}

	is(t, s.Signal(t.Context(), pair.ID), ErrNotFound)
	is(t, s.JoinRun(t.Context(), pair.ID, 1, RunRequest{Full: true}), ErrNotFound)
}

func TestFinishAgainstJoin(t *testing.T) {
	s, _ := open(t)
	run := request(t, s, 1, domain.Incremental)
	_, lease := acquire(t, s, 1, "a", now, now.Add(time.Minute))
	is(t, s.JoinRun(t.Context(), pair.ID, 9, RunRequest{Full: true}), ErrNotFound)
	must(t, s.JoinRun(t.Context(), pair.ID, 1, RunRequest{Full: true}))
	is(t, tryFinish(t, s, lease, run.Run, Ending{}), ErrSignaled)
	run.Mode = domain.Full
	finish(t, s, lease, run.Run, Ending{FullEpoch: 4})
	if st := state(t, s); st.FullEpoch != 4 || NeedsFull(Integration{FullEpoch: 4}, &st) || !NeedsFull(Integration{FullEpoch: 5}, &st) {
		t.Errorf("%+v", st)
	}
}

// A run that failed ends although changes may have arrived: pending changes stay.
func TestForcedFinishEndsASignaledRun(t *testing.T) {
	s, _ := open(t)
	run := request(t, s, 1, domain.Incremental)
	_, lease := acquire(t, s, 1, "a", now, now.Add(time.Minute))
	must(t, s.PutPendingChange(t.Context(), pair.ID, PendingChange{ItemID: 7, Version: 1}))
	must(t, s.Signal(t.Context(), pair.ID))
	retry := now.Add(5 * time.Minute)
	finish(t, s, lease, run.Run, Ending{Forced: true, RetryAt: retry})
	st := state(t, s)
	if n, err := s.CountPendingChanges(t.Context(), pair.ID); st.Run != nil || st.Signaled || n != 1 || err != nil {
		t.Errorf("%+v, %d pending changes, %v", st, n, err)
	}

	if st.RetryAt != retry.UnixMilli() || st.DueAt != retry.UnixMilli() {
		t.Errorf("%+v", st)
	}
}

// However the end of a run and a signal interleave, a worker answers each accepted
// signal: either the run continues, or the signal was refused.
func TestFinishAndSignalRace(t *testing.T) {
	s, _ := open(t)
	for i := range domain.Snowflake(20) {
		run := request(t, s, i+1, domain.Incremental)
		_, lease := acquire(t, s, i+1, run.ID.String(), now, now.Add(time.Minute))
		signaled := make(chan error)
		go func() { signaled <- s.Signal(t.Context(), pair.ID) }()
		ending := tryFinish(t, s, lease, run.Run, Ending{})
		signaling := <-signaled
		switch {
		case ending == nil && errors.Is(signaling, ErrNotFound): // ended, and the caller of Signal got an error
		case errors.Is(ending, ErrSignaled) && signaling == nil:
			finish(t, s, lease, run.Run, Ending{Forced: true})
		default:
			t.Fatalf("ending: %v, signaling: %v", ending, signaling)
		}
	}
}

// Progress is the worker's, the mode the API's: neither undoes the other.
func TestCommitKeepsWhatTheAPIWrites(t *testing.T) {
	s, _ := open(t)
	run := request(t, s, 1, domain.Incremental)
	_, lease := acquire(t, s, 1, "a", now, now.Add(time.Minute))
	must(t, s.JoinRun(t.Context(), pair.ID, 1, RunRequest{Full: true}))
	run.Status = domain.Running
	run.Counts.Created = 3
	run.PendingCursor = "PENDING#x"
	run.PlanDone = true
	must(t, s.Commit(t.Context(), lease, Batch{Run: run}))
	if got := state(t, s).Run; got.Mode != domain.Full || got.Counts.Created != 3 || got.PendingCursor != "" || !got.PlanDone {
		t.Errorf("%+v", got)
	}

	must(t, s.Commit(t.Context(), lease, Batch{Run: run, Cursor: true}))
	if got := state(t, s).Run; got.PendingCursor != "PENDING#x" {
		t.Errorf("%+v", got)
	}

	must(t, s.Release(t.Context(), lease, run, now.Add(time.Second)))
	if st := state(t, s); st.LeaseUntil != 0 || st.DueAt != now.Add(time.Second).UnixMilli() || st.Run.Mode != domain.Full {
		t.Errorf("%+v", st)
	}

	acquire(t, s, 1, "b", now, now.Add(time.Minute))
}

func TestRunIsFiledAndExpires(t *testing.T) {
	s, _ := open(t)
	run := request(t, s, 1, domain.Incremental)
	if got, err := s.Run(t.Context(), pair.ID, 1, now); err != nil || got.Status != domain.Queued {
		t.Errorf("active: %+v, %v", got, err)
	}

	_, lease := acquire(t, s, 1, "a", now, now.Add(time.Minute))
	run.Counts = domain.Counts{Created: 1, Failed: 2}
	finish(t, s, lease, run.Run, Ending{})
	ended := now.Add(time.Second)
	got, err := s.Run(t.Context(), pair.ID, 1, now.Add(90*24*time.Hour))
	if err != nil || got.Status != domain.Succeeded || got.Counts != run.Counts || !got.FinishedAt.Equal(ended) || got.ID != 1 {
		t.Errorf("%+v, %v", got, err)
	}

	for id, at := range map[domain.Snowflake]time.Time{1: ended.Add(90 * 24 * time.Hour), 2: now} {
		_, err = s.Run(t.Context(), pair.ID, id, at)
		is(t, err, ErrNotFound)
	}

	_, err = s.Run(t.Context(), 999, 1, now)
	is(t, err, ErrNotFound)
}
