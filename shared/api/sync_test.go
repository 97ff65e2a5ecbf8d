package api_test

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
	"example.com/integrations/shared/syncqueue"
)

func TestSyncRefuses(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		name string
		request
		refusal
	}{
		{"disabled", request{id: disabled.String()}, refusal{400, "integration_disabled", nil}},
		{"disabled, with a body", request{id: disabled.String(), body: `{"mode":"full"}`}, refusal{400, "integration_disabled", nil}},
		{"order: body before state", request{id: disabled.String(), body: `{"mode":"all"}`}, refusal{400, "invalid_body", []string{"mode"}}},
		{"another mode", request{body: `{"mode":"Full"}`}, refusal{400, "invalid_body", []string{"mode"}}},
		{"nulls", request{body: `{"mode":null,"dry_run":null,"announce":null}`}, refusal{400, "invalid_body", []string{"mode", "dry_run", "announce"}}},
		{"wrong types", request{body: `{"mode":1,"dry_run":"true","announce":0}`}, refusal{400, "invalid_body", []string{"mode", "dry_run", "announce"}}},
		{"doubled", request{body: `{"mode":"full","mode":"full"}`}, refusal{400, "invalid_body", []string{"mode"}}},
		{"merge patch", request{body: `{}`, header: map[string]string{"content-type": "application/merge-patch+json"}}, refusal{415, "unsupported_media_type", nil}},
		{"PATCH's member", request{body: `{"enabled":true}`}, refusal{400, "invalid_body", []string{"enabled"}}},
		{"dry run of a disabled one", request{id: disabled.String(), body: `{"dry_run":true}`}, refusal{400, "integration_disabled", nil}},
		{"a query", request{query: map[string]string{"mode": "full"}}, refusal{400, "invalid_query", []string{"mode"}}},
	} {
		t.Run(c.name, func(t *testing.T) { refused(t, send(t, w.sync, c.request), c.refusal) })
	}

	if v := w.view(t, github); v.State != nil {
		t.Errorf("a refused request has started a run: %+v", v.State)
	}

	if sent := messages(t, w); len(sent) != 0 {
		t.Errorf("sent %v", sent)
	}
}

// messages are those sent since the last take.
func messages(t *testing.T, w *world) []syncqueue.Message {
	t.Helper()
	var sent []syncqueue.Message
	for _, c := range w.wire.take() {
		if c.operation != "SendMessage" {
			continue
		}

		var in struct{ MessageBody, MessageGroupId string }
		must(t, json.Unmarshal([]byte(c.body), &in))
		m, err := syncqueue.Parse(in.MessageBody)
		must(t, err)
		if in.MessageGroupId != m.OrganisationID.String() {
			t.Errorf("message group %q, organisation %s", in.MessageGroupId, m.OrganisationID)
		}

		sent = append(sent, m)
	}

	return sent
}

// accepted asks for a run that must be accepted.
func (w *world) accepted(t *testing.T, q request) domain.Run {
	t.Helper()
	resp := send(t, w.sync, q)
	var run domain.Run
	if err := json.Unmarshal([]byte(resp.Body), &run); err != nil || resp.StatusCode != 202 {
		t.Fatalf("%d %s", resp.StatusCode, resp.Body)
	}

	if want := "/integrations/" + run.IntegrationID.String() + "/syncs/" + run.ID.String(); resp.Headers["location"] != want {
		t.Errorf("location %q, want %q", resp.Headers["location"], want)
	}

	return run
}

func TestSyncStartsARun(t *testing.T) {
	w := newWorld(t)
	run := w.accepted(t, request{})
	by := domain.Snowflake(12)
	if run.IntegrationID != github || run.OrganisationID != org || run.Mode != domain.Full || run.DryRun || run.Trigger != domain.ByRequest ||
		run.RequestedBy == nil || *run.RequestedBy != by || !run.RequestedAt.Equal(w.now) || run.Status != domain.Queued || run.Remaining != nil {
		t.Errorf("%+v", run)
	}

	want := []syncqueue.Message{{Version: 1, OrganisationID: org, IntegrationID: github, RunID: run.ID}}
	if sent := messages(t, w); !slices.Equal(sent, want) {
		t.Errorf("sent %v, want %v", sent, want)
	}

	st := w.view(t, github).State
	if st.Run == nil || st.Run.ID != run.ID || st.DueAt != w.now.Add(time.Minute).UnixMilli() || st.Signaled {
		t.Errorf("%+v", st)
	}

	// The answer has every member of a run, those not known yet as null.
	var members map[string]any
	resp := send(t, w.sync, request{})
	must(t, json.Unmarshal([]byte(resp.Body), &members))
	for _, name := range []string{"id", "integration_id", "organisation_id", "mode", "dry_run", "trigger", "requested_by", "requested_at",
		"started_at", "finished_at", "cancel_requested_at", "status", "counts", "remaining", "estimated_finish", "waiting_until", "waiting_reason", "error"} {
		if _, given := members[name]; !given {
			t.Errorf("no %s in %s", name, resp.Body)
		}
		delete(members, name)
	}

	if len(members) != 0 {
		t.Errorf("more than a run: %v", members)
	}
}

// While a run is queued, running or waiting, the same comes back, without a
// second message.
func TestSyncJoinsTheActiveRun(t *testing.T) {
	w := newWorld(t)
	pair := store.IntegrationRef{ID: github, OrganisationID: org, ItemType: "work_item"}
	first := w.accepted(t, request{})
	messages(t, w)
	same := func(when string, status domain.Status) {
		t.Helper()
		w.now = w.now.Add(time.Hour)
		w.wire.take()
		run := w.accepted(t, request{caller: owner, body: `{"mode":"full"}`})
		if run.ID != first.ID || run.Status != status || !run.RequestedAt.Equal(first.RequestedAt) || *run.RequestedBy != 12 {
			t.Errorf("%s: %+v", when, run)
		}

		for _, c := range w.wire.take() {
			if c.operation == "SendMessage" || c.operation == "UpdateItem" {
				t.Errorf("%s: sent %s", when, c.operation)
			}
		}
	}

	same("queued", domain.Queued)
	st, lease, held, err := w.store.Acquire(t.Context(), pair, first.ID, "lease", w.now, w.now.Add(time.Minute))
	if err != nil || !held {
		t.Fatal(held, err)
	}

	same("running", domain.Running)
	run := *st.Run
	run.Status = domain.Waiting
	must(t, w.store.Release(t.Context(), lease, run, w.now.Add(time.Hour)))
	same("waiting", domain.Waiting)
}

// A full sync asked for during an incremental one makes the active run full.
func TestSyncMakesTheActiveRunFull(t *testing.T) {
	w := newWorld(t)
	first := w.accepted(t, request{body: `{"mode":"incremental","announce":true}`})
	if first.Mode != domain.Incremental || !w.view(t, github).State.Run.Announce {
		t.Fatalf("%+v", first)
	}

	messages(t, w)
	for _, c := range []struct {
		body string
		mode domain.Mode
	}{{`{"mode":"incremental"}`, domain.Incremental}, {`{"mode":"full"}`, domain.Full}, {"", domain.Full}, {`{"mode":"incremental"}`, domain.Full}} {
		if run := w.accepted(t, request{body: c.body}); run.ID != first.ID || run.Mode != c.mode {
			t.Errorf("%s: %+v", c.body, run)
		}

		if run := w.view(t, github).State.Run; run.ID != first.ID || run.Mode != c.mode {
			t.Errorf("%s: stored %+v", c.body, run)
		}
	}

	if sent := messages(t, w); len(sent) != 0 {
		t.Errorf("sent %v", sent)
	}
}

// Who names no mode gets a full sync if one is needed, also from a run that
// changes have started.
func TestSyncWithoutAModeAsksForWhatIsNeeded(t *testing.T) {
	w := newWorld(t)
	first := w.accepted(t, request{body: `{"mode":"incremental"}`})
	if run := w.accepted(t, request{}); run.ID != first.ID || run.Mode != domain.Full {
		t.Errorf("a full one is needed: %+v", run)
	}

	w.end(t, w.view(t, github).State.Run.Run, 1)
	w.now = w.now.Add(time.Minute)
	second := w.accepted(t, request{body: `{"mode":"incremental"}`})
	if run := w.accepted(t, request{}); run.ID != second.ID || run.Mode != domain.Incremental {
		t.Errorf("none is needed: %+v", run)
	}
}

// A sync with announce is full unless the request names a mode: only a full one finds
// items that a chat has no message of.
func TestSyncThatAnnouncesIsFull(t *testing.T) {
	w := newWorld(t)
	w.end(t, w.accepted(t, request{}), 1) // none is needed from here on
	announced := func(body string, mode domain.Mode) domain.Run {
		t.Helper()
		w.now = w.now.Add(time.Minute)
		run := w.accepted(t, request{body: body})
		if stored := w.view(t, github).State.Run; run.Mode != mode || stored.Mode != mode || !stored.Announce {
			t.Errorf("%s: %s, stored %+v", body, run.Mode, stored)
		}

		return run
	}

	w.end(t, announced(`{"announce":true}`, domain.Full), 2)
	first := announced(`{"mode":"incremental","announce":true}`, domain.Incremental)
	if run := announced(`{"announce":true}`, domain.Full); run.ID != first.ID {
		t.Errorf("the active one was not joined: %+v", run)
	}
}

// end lets a worker end the active run.
func (w *world) end(t *testing.T, run domain.Run, epoch int64) {
	t.Helper()
	pair := store.IntegrationRef{ID: github, OrganisationID: org, ItemType: "work_item"}
	_, lease, held, err := w.store.Acquire(t.Context(), pair, run.ID, "lease "+run.ID.String(), w.now, w.now.Add(time.Minute))
	if err != nil || !held {
		t.Fatal(held, err)
	}

	run.Status = domain.Succeeded
	run.FinishedAt = &w.now
	must(t, w.store.Finish(t.Context(), lease, store.Ending{Run: run, Mode: run.Mode, MetaVersion: w.view(t, github).Integration.Version, FullEpoch: epoch}))
}

func TestSyncStartsANewRunOncePerTwoSeconds(t *testing.T) {
	w := newWorld(t)
	first := w.accepted(t, request{})
	w.end(t, first, 1)
	messages(t, w)
	w.now = w.now.Add(2*time.Second - time.Millisecond)
	resp := send(t, w.sync, request{})
	refused(t, resp, refusal{429, "too_many_requests", nil})
	if resp.Headers["retry-after"] != "2" {
		t.Errorf("retry-after %q", resp.Headers["retry-after"])
	}

	if sent := messages(t, w); len(sent) != 0 {
		t.Errorf("sent %v", sent)
	}

	w.now = w.now.Add(time.Millisecond)
	second := w.accepted(t, request{})
	if second.ID == first.ID || second.Mode != domain.Incremental {
		t.Errorf("the full run has seen everything, and yet: %+v", second)
	}

	if sent := messages(t, w); len(sent) != 1 || sent[0].RunID != second.ID {
		t.Errorf("sent %v", sent)
	}

	// A change that must be looked at everywhere makes the next default full.
	w.end(t, second, 0)
	send(t, w.patch, request{body: changed(`{"owner":"octo","repo":"hello","labels":"none","token":"********"}`)})
	w.now = w.now.Add(2 * time.Second)
	if third := w.accepted(t, request{}); third.Mode != domain.Full {
		t.Errorf("%+v", third)
	}
}

// Dispatch sends what could not be sent.
func TestSyncAcceptsWhenTheSendFails(t *testing.T) {
	w := newWorld(t)
	w.wire.fail = map[string]bool{"SendMessage": true}
	run := w.accepted(t, request{})
	st := w.view(t, github).State
	if st.Run == nil || st.Run.ID != run.ID || st.DueAt != w.now.Add(time.Minute).UnixMilli() {
		t.Errorf("%+v", st)
	}
}

func TestSyncsAtOnceAreOneRun(t *testing.T) {
	w := newWorld(t)
	const n = 8
	ids := make(chan string, n)
	for range n {
		event := request{}.event()
		go func() {
			resp, _ := w.sync(t.Context(), event) // its error is always nil
			ids <- resp.Headers["location"]
		}()
	}

	first := <-ids
	for range n - 1 {
		if id := <-ids; id != first || id == "" {
			t.Errorf("runs %q and %q", first, id)
		}
	}

	if sent := messages(t, w); len(sent) != 1 {
		t.Errorf("%d messages", len(sent))
	}
}
