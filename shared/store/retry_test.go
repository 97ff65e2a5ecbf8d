package store

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/domain"
)

func stored(t *testing.T, s *Store) Integration {
	t.Helper()
	i := Integration{
		Integration:   domain.Integration{ID: pair.ID, OrganisationID: pair.OrganisationID, ItemType: pair.ItemType, Provider: domain.GitHub, Enabled: true, Configuration: "{}"},
		SecretOrigins: map[string]string{"token": "https://api.example"},
	}
	must(t, s.CreateIntegration(t.Context(), i, map[string][]byte{"token": []byte("sealed")}))
	v, err := s.View(t.Context(), pair, 0)
	must(t, err)

	return *v.Integration
}

// A write whose answer was lost is tried again by the SDK and meets itself.
func TestUpdateIntegrationRecognisesItself(t *testing.T) {
	s, w := open(t)
	read := stored(t, s)
	w.lose["UpdateItem"] = 1
	next, err := s.UpdateIntegration(t.Context(), View{Integration: &read}, Change{Configuration: `{"a":1}`, SecretOrigins: read.SecretOrigins, NeedsFull: true}, now)
	if err != nil || next.Version != 2 || w.calls["UpdateItem"] != 2 {
		t.Fatalf("%+v, %v after %d calls", next, err, w.calls["UpdateItem"])
	}

	v, err := s.View(t.Context(), pair, 0)
	if err != nil || v.Integration.Version != 2 || v.Integration.FullEpoch != read.FullEpoch+1 || v.Integration.Configuration != `{"a":1}` {
		t.Errorf("%+v, %v", v.Integration, err)
	}
}

func TestUpdateIntegrationMeetsAnother(t *testing.T) {
	s, w := open(t)
	read := stored(t, s)
	if _, err := s.UpdateIntegration(t.Context(), View{Integration: &read}, Change{Enabled: true}, now); err != nil {
		t.Fatal(err)
	}

	_, err := s.UpdateIntegration(t.Context(), View{Integration: &read}, Change{Configuration: "lost"}, now)
	is(t, err, ErrConflict)
	w.lose["UpdateItem"] = 1 // a retry must not take another's write for its own
	_, err = s.UpdateIntegration(t.Context(), View{Integration: &read}, Change{Configuration: "lost"}, now)
	is(t, err, ErrConflict)
	read.ID = 999
	_, err = s.UpdateIntegration(t.Context(), View{Integration: &read}, Change{}, now)
	is(t, err, ErrNotFound)
	v, err := s.View(t.Context(), pair, 0)
	if err != nil || v.Integration.Version != 2 || v.Integration.Configuration != "" {
		t.Errorf("%+v, %v", v.Integration, err)
	}

	if v.Sealed("token") != nil {
		t.Error("a secret without an origin is still stored")
	}
}

func TestCreateIntegrationRefusesATakenID(t *testing.T) {
	s, w := open(t)
	i := stored(t, s)
	is(t, s.CreateIntegration(t.Context(), i, nil), ErrConflict)
	w.lose["TransactWriteItems"] = 1 // the client's token makes the retry a no-op
	i.ID = 502
	i.TargetHash = "elsewhere"
	must(t, s.CreateIntegration(t.Context(), i, nil))
	if got, err := s.Locate(t.Context(), 502); err != nil || got.OrganisationID != pair.OrganisationID {
		t.Errorf("%+v, %v", got, err)
	}

	_, err := s.Locate(t.Context(), 503)
	is(t, err, ErrNotFound)
}

func TestStartCheckRecognisesItself(t *testing.T) {
	s, w := open(t)
	w.lose["UpdateItem"] = 1
	if next, err := s.StartCheck(t.Context(), pair.ID, "a", now, 10*time.Second); err != nil || !next.IsZero() || w.calls["UpdateItem"] != 2 {
		t.Errorf("%s, %v after %d calls", next, err, w.calls["UpdateItem"])
	}

	w.lose["UpdateItem"] = 1
	if next, err := s.StartCheck(t.Context(), pair.ID, "b", now.Add(time.Second), 10*time.Second); err != nil || !next.Equal(now.Add(10*time.Second)) {
		t.Errorf("another's: %s, %v", next, err)
	}

	r, err := tableOf(s).get(t.Context(), checkKey(pair.ID))
	if expires := r["expires_at"]; err != nil || expires == nil {
		t.Errorf("a check that a purge has missed stays: %v, %v", r, err)
	}
}

func TestRequestRunRecognisesItself(t *testing.T) {
	s, w := open(t)
	w.lose["UpdateItem"] = 1
	st, started, err := s.RequestRun(t.Context(), pair, newRunOf(1, domain.Full), 2*time.Second, now)
	if err != nil || !started || st.Run.ID != 1 || st.IntegrationRef != pair || w.calls["UpdateItem"] != 2 {
		t.Fatalf("%+v, %v, %v", st, started, err)
	}

	w.lose["UpdateItem"] = 1
	st, started, err = s.RequestRun(t.Context(), pair, newRunOf(2, domain.Full), 2*time.Second, now)
	if err != nil || started || st.Run.ID != 1 {
		t.Errorf("another's run: %+v, %v, %v", st.Run, started, err)
	}
}

func TestSignalWithRunRecognisesItself(t *testing.T) {
	s, w := open(t)
	w.lose["UpdateItem"] = 1
	started, err := s.SignalWithRun(t.Context(), pair, newRunOf(1, domain.Incremental), now)
	if st := state(t, s); err != nil || !started || !st.Signaled || st.Run.ID != 1 {
		t.Errorf("%+v, %v, %v", st, started, err)
	}

	if started, err = s.SignalWithRun(t.Context(), pair, newRunOf(2, domain.Incremental), now); started || err != nil {
		t.Errorf("%v, %v", started, err)
	}
}

func TestRequestRunGap(t *testing.T) {
	s, _ := open(t)
	run := request(t, s, 1, domain.Incremental)
	_, lease := acquire(t, s, 1, "a", now, now.Add(time.Minute))
	finish(t, s, lease, run.Run, Ending{})
	next := newRunOf(2, domain.Incremental)
	next.RequestedAt = now.Add(2*time.Second - time.Millisecond)
	if st, started, err := s.RequestRun(t.Context(), pair, next, 2*time.Second, now); started || err != nil || st.Run != nil {
		t.Errorf("%+v, %v, %v", st, started, err)
	}

	// An event's run minds no gap and makes none.
	if started, err := s.SignalWithRun(t.Context(), pair, next, now); !started || err != nil {
		t.Errorf("%v, %v", started, err)
	}

	if st := state(t, s); st.LastRequestedAt != now.UnixMilli() {
		t.Errorf("%+v", st)
	}
}

func TestAcquireRecognisesItself(t *testing.T) {
	s, w := open(t)
	request(t, s, 1, domain.Incremental)
	w.lose["UpdateItem"] = 1
	st, lease := acquire(t, s, 1, "a", now, now.Add(time.Minute))
	if lease.Fence != 1 || st.Run.ID != 1 || lease.Pair != pair {
		t.Errorf("%+v, %+v", st, lease)
	}

	must(t, s.Commit(t.Context(), lease, Batch{Run: *st.Run}))
}

// A transaction whose answer was lost is done once.
func TestFinishSurvivesALostAnswer(t *testing.T) {
	s, w := open(t)
	run := request(t, s, 1, domain.Incremental)
	_, lease := acquire(t, s, 1, "a", now, now.Add(time.Minute))
	w.lose["TransactWriteItems"] = 1
	finish(t, s, lease, run.Run, Ending{})
	if got, err := s.Run(t.Context(), pair.ID, 1, now); err != nil || got.Status != domain.Succeeded {
		t.Errorf("%+v, %v", got, err)
	}
}

// What the service leaves unprocessed is asked for again, and only that.
func TestBatchGetAsksAgain(t *testing.T) {
	s, w := open(t)
	stored(t, s)
	must(t, s.PutOrganisation(t.Context(), domain.Organisation{ID: pair.OrganisationID, OwnerID: 11, Version: 1}))
	rewritten := 0
	clear(w.calls)
	w.rewrite = func(operation string, answer []byte) []byte {
		if operation != "BatchGetItem" || rewritten == 2 {
			return answer
		}

		rewritten++
		var out struct {
			Responses       map[string][]map[string]any
			UnprocessedKeys map[string]map[string]any
		}
		if err := json.Unmarshal(answer, &out); err != nil {
			t.Error(err)
		}

		items := out.Responses[tableOf(s).name]
		last := items[len(items)-1]
		out.Responses[tableOf(s).name] = items[:len(items)-1]
		out.UnprocessedKeys = map[string]map[string]any{tableOf(s).name: {
			"Keys": []any{map[string]any{"pk": last["pk"], "sk": last["sk"]}}, "ConsistentRead": true,
		}}
		b, err := json.Marshal(out)
		if err != nil {
			t.Error(err)
		}

		return b
	}

	v, err := s.View(t.Context(), pair, 0)
	if err != nil || v.Integration == nil || v.Organisation == nil || w.calls["BatchGetItem"] != 3 {
		t.Errorf("%+v, %v after %d calls", v, err, w.calls["BatchGetItem"])
	}
}

func TestErrorsNameTheOperation(t *testing.T) {
	s, _ := open(t)
	broken := New(tableOf(s).db, "no-such-table")
	_, err := broken.State(t.Context(), 501)
	if err == nil || errors.Is(err, ErrNotFound) || !strings.HasPrefix(err.Error(), "read state of integration 501: ") {
		t.Error(err)
	}
}
