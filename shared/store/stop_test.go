package store

import (
	"testing"
	"time"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
)

// viewed gives an integration with a state, as a manager's request reads it.
func viewed(t *testing.T, s *Store) View {
	t.Helper()
	v, err := s.View(t.Context(), pair, 0)
	must(t, err)
	return v
}

// dueStates counts the states that are due at a time.
func dueStates(t *testing.T, s *Store, at time.Time) int {
	t.Helper()
	due, err := s.Due(t.Context(), at, 100)
	must(t, err)
	n := 0
	for _, d := range due {
		if d.Kind != "" {
			n++
		}
	}

	return n
}

// A stage is where a run stands when a manager stops it.
type stage int

const (
	queued stage = iota
	leased
	waiting
)

func at(t *testing.T, s *Store, where stage) (ActiveRun, Lease) {
	t.Helper()
	there(t, s)
	run := request(t, s, 1, domain.Incremental)
	if where == queued {
		return run, Lease{}
	}

	st, lease := acquire(t, s, 1, "a", now, now.Add(time.Minute))
	if where == waiting {
		st.Run.Status = domain.Waiting
		until := now.Add(time.Hour)
		st.Run.WaitingUntil = &until
		must(t, s.Wait(t.Context(), lease, *st.Run, 1, until))
	}

	return *st.Run, lease
}

func same(c Change) Change {
	c.Configuration = "{}"
	c.TargetHash = "there"
	return c
}

// What a change does to an active run, by where the run stands.
func TestChangesStopRuns(t *testing.T) {
	for name, c := range map[string]struct {
		where   stage
		change  Change
		outcome string // goes on, waits no more, or the code it ended with
	}{
		"disabled, queued":     {queued, same(Change{}), "integration_disabled"},
		"disabled, leased":     {leased, same(Change{}), "goes on"},
		"disabled, waiting":    {waiting, same(Change{}), "integration_disabled"},
		"respelled, queued":    {queued, Change{Enabled: true, TargetHash: "elsewhere", ConfigurationChanged: true}, "goes on"},
		"respelled, leased":    {leased, Change{Enabled: true, TargetHash: "elsewhere", ConfigurationChanged: true}, "goes on"},
		"respelled, waiting":   {waiting, Change{Enabled: true, TargetHash: "elsewhere", ConfigurationChanged: true}, "waits no more"},
		"new secret, queued":   {queued, same(Change{Enabled: true, ConfigurationChanged: true}), "goes on"},
		"new secret, leased":   {leased, same(Change{Enabled: true, ConfigurationChanged: true}), "goes on"},
		"new secret, waiting":  {waiting, same(Change{Enabled: true, ConfigurationChanged: true}), "waits no more"},
		"nothing new, waiting": {waiting, same(Change{Enabled: true}), "goes on"},
	} {
		t.Run(name, func(t *testing.T) {
			s, wire := open(t)
			at(t, s, c.where)
			v := viewed(t, s)
			before := *v.State
			wire.calls = map[string]int{}
			later := now.Add(30 * time.Second)
			next, err := s.UpdateIntegration(t.Context(), v, c.change, later)
			must(t, err)
			if n := wire.calls["UpdateItem"] + wire.calls["TransactWriteItems"]; n != 1 || len(wire.calls) != 1 {
				t.Errorf("calls %v, want one write", wire.calls)
			}

			if again := viewed(t, s).Integration; again.Version != next.Version || again.Enabled != c.change.Enabled || again.TargetHash != c.change.TargetHash {
				t.Errorf("%+v", again)
			}

			st := state(t, s)
			switch c.outcome {
			case "goes on":
				if st.Run == nil || st.Run.Status != before.Run.Status || st.DueAt != before.DueAt || st.LeaseUntil != before.LeaseUntil {
					t.Errorf("%+v", st)
				}
			case "waits no more":
				if st.Run == nil || st.Run.Status != domain.Queued || st.Run.WaitingUntil != nil || st.DueAt != later.UnixMilli() {
					t.Errorf("%+v, %+v", st, st.Run)
				}
			default:
				run, err := s.Run(t.Context(), pair.ID, 1, later)
				if st.Run != nil || st.DueAt != 0 || err != nil || run.Status != domain.Cancelled || run.Error == nil || run.Error.Code != c.outcome || !run.FinishedAt.Equal(later) {
					t.Errorf("%+v, %+v, %v", st, run, err)
				}

				if due, err := s.Due(t.Context(), later, 10); err != nil || len(due) != 1 || due[0].Event != 1 {
					t.Errorf("the event about the end is not in the outbox: %v, %v", due, err)
				}
			}
		})
	}
}

// A run that moves between a manager's read and his write is read again: the
// stop is not lost.
func TestAStopMeetsAMovingRun(t *testing.T) {
	s, _ := open(t)
	run, lease := at(t, s, leased)
	v := viewed(t, s)
	run.Status = domain.Waiting
	must(t, s.Wait(t.Context(), lease, run, 1, now.Add(time.Hour)))
	_, err := s.UpdateIntegration(t.Context(), v, same(Change{}), now)
	is(t, err, ErrConflict)
	_, err = s.UpdateIntegration(t.Context(), viewed(t, s), same(Change{}), now)
	must(t, err)
	if st := state(t, s); st.Run != nil {
		t.Errorf("%+v", st.Run)
	}
}

// And the other way round: the worker looks again before the run waits.
func TestAWaitMeetsAStop(t *testing.T) {
	for name, stop := range map[string]func(*testing.T, *Store){
		"disabled": func(t *testing.T, s *Store) {
			_, err := s.UpdateIntegration(t.Context(), viewed(t, s), same(Change{}), now)
			must(t, err)
		},
		"deleted": func(t *testing.T, s *Store) { deleted(t, s) },
		"cancelled": func(t *testing.T, s *Store) {
			run, err := s.CancelRun(t.Context(), pair, 1, now)
			if err != nil || run.CancelRequestedAt == nil || !run.Status.Active() {
				t.Errorf("%+v, %v", run, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := open(t)
			run, lease := at(t, s, leased)
			stop(t, s)
			is(t, s.Wait(t.Context(), lease, run, 1, now.Add(time.Hour)), ErrChanged)
			if st := state(t, s); st.LeaseUntil == 0 || st.Run == nil {
				t.Errorf("the lease is gone: %+v", st)
			}

			look, err := s.ReadControl(t.Context(), lease)
			must(t, err)
			if stopped := look.Cancelled != nil || look.Integration == nil || !look.Integration.Enabled; !stopped {
				t.Errorf("%+v", look)
			}

			_, _ = acquire(t, s, 1, "b", now.Add(time.Hour), now.Add(2*time.Hour))
			_, err = s.ReadControl(t.Context(), lease)
			is(t, err, ErrFenced)
			is(t, s.Wait(t.Context(), lease, run, 1, now.Add(time.Hour)), ErrFenced)
		})
	}
}

func TestCancelRun(t *testing.T) {
	for _, where := range []stage{queued, waiting} {
		s, _ := open(t)
		at(t, s, where)
		run, err := s.CancelRun(t.Context(), pair, 1, now)
		if err != nil || run.Status != domain.Cancelled || run.Error != nil || run.FinishedAt == nil || run.CancelRequestedAt == nil {
			t.Errorf("%+v, %v", run, err)
		}

		if st := state(t, s); st.Run != nil || st.Signaled || st.DueAt != 0 {
			t.Errorf("%+v", st)
		}

		again, err := s.CancelRun(t.Context(), pair, 1, now.Add(time.Minute))
		if err != nil || !again.FinishedAt.Equal(now) {
			t.Errorf("%+v, %v", again, err)
		}

		_, err = s.CancelRun(t.Context(), pair, 2, now)
		is(t, err, ErrNotFound)
	}

	s, _ := open(t)
	at(t, s, leased)
	for _, later := range []time.Duration{0, time.Second} { // the first request is the one that counts
		run, err := s.CancelRun(t.Context(), pair, 1, now.Add(later))
		if err != nil || run.Status != domain.Running || !run.CancelRequestedAt.Equal(now) {
			t.Errorf("%+v, %v", run, err)
		}
	}

	if st := state(t, s); st.Run.CancelRequestedAt == nil || st.Fence != 1 {
		t.Errorf("%+v", st)
	}

	// Its worker died: without a live lease it ends at once.
	run, err := s.CancelRun(t.Context(), pair, 1, now.Add(time.Hour))
	if err != nil || run.Status != domain.Cancelled || !run.CancelRequestedAt.Equal(now) {
		t.Errorf("%+v, %v", run, err)
	}
}

// Pulls go on after a run is cancelled, and stop when all stops.
func TestPullsAfterAStop(t *testing.T) {
	for name, stop := range map[string]struct {
		do   func(*testing.T, *Store)
		goOn bool
	}{
		"cancelled": {func(t *testing.T, s *Store) {
			_, err := s.CancelRun(t.Context(), pair, 2, now)
			must(t, err)
		}, true},
		"disabled": {func(t *testing.T, s *Store) {
			_, err := s.UpdateIntegration(t.Context(), viewed(t, s), same(Change{}), now)
			must(t, err)
		}, false},
	} {
		s, _ := open(t)
		run, lease := at(t, s, leased)
		finish(t, s, lease, run.Run, Ending{PullAt: now.Add(time.Minute)})
		request(t, s, 2, domain.Incremental)
		stop.do(t, s)
		if due := dueStates(t, s, now.Add(restAfterCancel)); (due == 1) != stop.goOn {
			t.Errorf("%s: %d due", name, due)
		}

		if due := dueStates(t, s, now.Add(restAfterCancel-time.Second)); due != 0 {
			t.Errorf("%s: %d due at once", name, due)
		}
	}
}

// A new configuration is tried at once where the old one was refused.
func TestAChangeEndsThePause(t *testing.T) {
	s, _ := open(t)
	run, lease := at(t, s, leased)
	unhealthy := &Condition{ConfigurationVersion: 1, ConnectionVersion: 1, State: domain.Unhealthy, Reason: &domain.RunError{Code: "c"}, PausedUntil: now.Add(time.Hour).UnixMilli(), Pauses: 3}
	finish(t, s, lease, run.Run, Ending{RetryAt: now.Add(time.Hour), Condition: unhealthy, Forced: true})
	v := viewed(t, s)
	if h := v.State.Health(*v.Integration); h.State != domain.Unhealthy || h.Reason.Code != "c" || !h.PausedUntil.Equal(now.Add(time.Hour)) {
		t.Errorf("%+v", h)
	}

	if until := v.State.PausedUntil(1, now); !until.Equal(now.Add(time.Hour)) || !v.State.PausedUntil(2, now).IsZero() || !v.State.PausedUntil(1, now.Add(time.Hour)).IsZero() {
		t.Errorf("cooling until %s", until)
	}

	_, err := s.UpdateIntegration(t.Context(), v, same(Change{Enabled: true, ConfigurationChanged: true, ConnectionChanged: true}), now)
	must(t, err)
	v = viewed(t, s)
	if h := v.State.Health(*v.Integration); h.State != domain.HealthUnknown || h.PausedUntil != nil {
		t.Errorf("%+v", h)
	}

	if due := dueStates(t, s, now); due != 1 {
		t.Errorf("%d due", due)
	}
}

func TestDeleteAndPurge(t *testing.T) {
	for _, where := range []stage{queued, leased, waiting} {
		s, _ := open(t)
		_, lease := at(t, s, where)
		must(t, s.PutPendingChange(t.Context(), pair.ID, PendingChange{ItemID: 7, Version: 1}))
		if next, err := s.StartCheck(t.Context(), pair.ID, "c", now, time.Second); err != nil || !next.IsZero() {
			t.Fatal(next, err)
		}

		if queued := deleted(t, s); queued != (where != leased) {
			t.Errorf("queued: %v", queued)
		}

		if v := viewed(t, s); v.Integration != nil || v.State == nil {
			t.Errorf("%+v", v)
		}

		st := state(t, s)
		if where == leased {
			if st.Run.ID != 1 {
				t.Fatalf("the run under a live lease is gone: %+v", st.Run)
			}

			ended := st.Run.Run
			purge := PurgeRun(pair, 9, now)
			ended.FinishedAt = &now
			ended.Status = domain.Cancelled
			must(t, s.Finish(t.Context(), lease, Ending{Run: ended, Forced: true, Purge: &purge}))
			st = state(t, s)
		}

		if st.Run == nil || st.Run.ID != 9 || st.Run.Mode != domain.Purge || st.DueAt != now.UnixMilli() {
			t.Fatalf("%+v", st.Run)
		}

		for _, hidden := range []func() error{
			func() error { _, err := s.Run(t.Context(), pair.ID, 9, now); return err },
			func() error { _, err := s.CancelRun(t.Context(), pair, 9, now); return err },
		} {
			is(t, hidden(), ErrNotFound)
		}

		_, purging := acquire(t, s, 9, "p", now.Add(time.Hour), now.Add(2*time.Hour))
		for n := 1; n > 0; {
			var err error
			n, err = s.Purge(t.Context(), purging, 3)
			must(t, err)
		}

		left, err := s.Outbox(t.Context(), pair.ID)
		if err != nil || len(left) != 1 || left[0].DetailType != outgoing.TypeSyncFinished {
			t.Errorf("%v, %v", left, err)
		}

		must(t, s.MarkPublished(t.Context(), left))
		must(t, s.Forget(t.Context(), purging))
		found, _, err := tableOf(s).query(t.Context(), pageOf{pk: integrationPartition(pair.ID)})
		if err != nil || len(found) != 0 {
			t.Errorf("left behind: %v, %v", found, err)
		}

		_, err = s.Locate(t.Context(), pair.ID)
		is(t, err, ErrNotFound)
		is(t, s.Forget(t.Context(), purging), ErrFenced)
	}

	s, _ := open(t)
	there(t, s)
	deleted(t, s) // it never ran
	if st := state(t, s); st.Run == nil || st.Run.Mode != domain.Purge {
		t.Errorf("%+v", st)
	}
}

// deleted deletes the integration and reports whether its purge is queued.
func deleted(t *testing.T, s *Store) bool {
	t.Helper()
	queued, err := s.DeleteIntegration(t.Context(), viewed(t, s), 9, now)
	must(t, err)
	return queued
}
