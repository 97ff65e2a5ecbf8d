package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	cancel "example.com/integrations/functions/cancel/handler"
	create "example.com/integrations/functions/create/handler"
	remove "example.com/integrations/functions/delete/handler"
	patch "example.com/integrations/functions/patch/handler"
	retry "example.com/integrations/functions/retry/handler"
	start "example.com/integrations/functions/sync/handler"
	"example.com/integrations/shared/access"
	"example.com/integrations/shared/api"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/runs"
	"example.com/integrations/shared/store"
)

func TestDryRun(t *testing.T) {
	w := newWorld(t)
	live := w.accepted(t, request{body: `{"mode":"incremental"}`})
	messages(t, w)
	before := w.state(t)
	dry := w.accepted(t, request{body: `{"dry_run":true,"mode":"full"}`})
	if dry.ID == live.ID || !dry.DryRun || dry.Mode != domain.Full || dry.Status != domain.Queued {
		t.Fatalf("%+v", dry)
	}

	if sent := messages(t, w); len(sent) != 1 || sent[0].RunID != dry.ID {
		t.Errorf("sent %v", sent)
	}

	if again := w.accepted(t, request{body: `{"dry_run":true}`}); again.ID != dry.ID {
		t.Errorf("a second dry run: %+v", again)
	}

	if after := w.state(t); !bytes.Equal(before, after) {
		t.Errorf("the active run was touched:\n%s\nbefore\n%s", after, before)
	}

	plan := request{sync: dry.ID.String(), route: planRoute}
	if got := told[page[domain.PlanRow]](t, w.syncs, plan, 200); len(got.Items) != 0 {
		t.Errorf("%+v", got)
	}

	run, lease := w.work(t, dry.ID)
	rows := []domain.PlanRow{{ItemID: 5, FormattedNumber: "A-5", Action: domain.PlanCreate, Steps: []string{"create", "close"}}, {ItemID: 6, Action: domain.PlanSkip, Steps: []string{}}}
	must(t, w.store.Commit(t.Context(), lease, store.Batch{Run: run, PlanRows: rows, PlansUntil: w.now.Add(time.Hour)}))
	plan.query = map[string]string{"limit": "1"}
	first := told[page[domain.PlanRow]](t, w.syncs, plan, 200)
	if len(first.Items) != 1 || first.Items[0].ItemID != 5 || first.Next == nil {
		t.Fatalf("%+v", first)
	}

	plan.query["after"] = *first.Next
	if second := told[page[domain.PlanRow]](t, w.syncs, plan, 200); len(second.Items) != 1 || second.Items[0].ItemID != 6 {
		t.Errorf("%+v", second)
	}

	plan.sync = live.ID.String()
	plan.query = nil
	refused(t, send(t, w.syncs, plan), refusal{400, "not_a_dry_run", nil})
	// It is listed, and can be cancelled, like any other.
	if list := told[page[domain.Run]](t, w.syncs, request{}, 200); len(list.Items) != 2 {
		t.Errorf("%+v", list)
	}

	if got := told[domain.Run](t, w.cancel, request{sync: dry.ID.String()}, 202); got.CancelRequestedAt == nil {
		t.Errorf("%+v", got)
	}

	if after := w.state(t); !bytes.Equal(before, after) {
		t.Errorf("the active run was touched:\n%s\nbefore\n%s", after, before)
	}
}

// A dry run leaves a run that is paused alone, and is started all the same.
func TestDryRunWhileCooling(t *testing.T) {
	w := newWorld(t)
	live := w.waiting(t, store.ReasonPaused)
	before := w.state(t)
	for range 2 {
		if dry := w.accepted(t, request{body: `{"dry_run":true,"announce":true}`}); dry.ID == live.ID || !dry.DryRun || dry.Status != domain.Queued {
			t.Errorf("%+v", dry)
		}
	}

	if sent := messages(t, w); len(sent) != 1 || sent[0].RunID == live.ID || !bytes.Equal(before, w.state(t)) {
		t.Errorf("sent %v, state\n%s\nbefore\n%s", sent, w.state(t), before)
	}
}

func TestCancel(t *testing.T) {
	w := newWorld(t)
	run := w.accepted(t, request{})
	q := request{sync: run.ID.String()}
	w.work(t, run.ID)
	for range 2 {
		if got := told[domain.Run](t, w.cancel, q, 202); got.Status != domain.Running || !got.CancelRequestedAt.Equal(w.now) {
			t.Errorf("%+v", got)
		}
	}

	if got := told[domain.Run](t, w.syncs, q, 200); got.CancelRequestedAt == nil {
		t.Errorf("%+v", got)
	}

	w.now = w.now.Add(time.Hour) // the worker died
	for range 2 {
		if got := told[domain.Run](t, w.cancel, q, 200); got.Status != domain.Cancelled || got.Error != nil {
			t.Errorf("%+v", got)
		}
	}

	w.now = w.now.Add(time.Hour)
	run = w.accepted(t, request{})
	if got := told[domain.Run](t, w.cancel, request{sync: run.ID.String(), body: "{}"}, 200); got.Status != domain.Cancelled {
		t.Errorf("a queued run: %+v", got)
	}

	refused(t, send(t, w.cancel, request{sync: run.ID.String(), body: `{"force":true}`}), refusal{400, "invalid_body", []string{"force"}})
	refused(t, send(t, w.cancel, request{sync: run.ID.String(), query: map[string]string{"a": "1"}}), refusal{400, "invalid_query", []string{"a"}})
}

// waiting gives an active run that waits an hour for a reason, and a failed item
// 3.
func (w *world) waiting(t *testing.T, reason string) domain.Run {
	t.Helper()
	return w.waitingFor(t, reason, time.Hour)
}

func (w *world) waitingFor(t *testing.T, reason string, wait time.Duration) domain.Run {
	t.Helper()
	run := w.accepted(t, request{body: `{"mode":"incremental"}`})
	active, lease := w.work(t, run.ID)
	failed := store.Link{ItemID: 3, Target: w.resolved(t, lease), Outcome: domain.FailedOut, GivenUp: true, Version: 4}
	must(t, w.store.Commit(t.Context(), lease, store.Batch{Run: active, Links: []store.Link{failed}}))
	until := w.now.Add(wait)
	active.Status = domain.Waiting
	active.WaitingUntil = &until
	active.WaitingReason = &reason
	must(t, w.store.Release(t.Context(), lease, active, until))
	messages(t, w)

	return run
}

// A run that waits for the end of a pause goes on when a manager asks, and
// no other wait is cut short.
func TestAManagerProbes(t *testing.T) {
	for name, c := range map[string]struct {
		handler func(*world) api.Handler
		request
		mode domain.Mode
	}{
		"sync":       {func(w *world) api.Handler { return w.sync }, request{}, domain.Full}, // one is needed
		"full sync":  {func(w *world) api.Handler { return w.sync }, request{body: `{"mode":"full"}`}, domain.Full},
		"retry all":  {func(w *world) api.Handler { return w.retry }, request{}, domain.Incremental},
		"retry some": {func(w *world) api.Handler { return w.retry }, request{body: `{"item_ids":["3"]}`}, domain.Incremental},
	} {
		t.Run(name, func(t *testing.T) {
			for _, broken := range []bool{false, true} { // a send that fails is dispatch's
				w := newWorld(t)
				run := w.waiting(t, store.ReasonPaused)
				w.wire.fail = map[string]bool{"SendMessage": broken}
				got := told[domain.Run](t, c.handler(w), c.request, 202)
				sent := messages(t, w)
				st := w.view(t, github).State
				if got.ID != run.ID || got.Status != domain.Queued || got.Mode != c.mode || got.WaitingUntil != nil || got.WaitingReason != nil || len(sent) != 1 || sent[0].RunID != run.ID {
					t.Errorf("%+v, sent %v", got, sent)
				}

				if st.Run.Status != domain.Queued || st.Run.Mode != c.mode || st.Run.WaitingUntil != nil || st.DueAt != w.now.Add(time.Minute).UnixMilli() {
					t.Errorf("%+v", st)
				}
			}

			w := newWorld(t)
			run := w.waitingFor(t, "rate_limited", 10*time.Minute)
			got := told[domain.Run](t, c.handler(w), c.request, 202)
			if got.ID != run.ID || got.Status != domain.Waiting || *got.WaitingReason != "rate_limited" || len(messages(t, w)) != 0 {
				t.Errorf("%+v", got)
			}

			if st := w.view(t, github).State; st.Run.Status != domain.Waiting || st.DueAt != w.now.Add(10*time.Minute).UnixMilli() {
				t.Errorf("a wait for the provider's limit was cut short: %+v", st)
			}
		})
	}
}

// Between reading and writing the active run ends, or stops waiting.
func TestSteeringMeetsAnEnd(t *testing.T) {
	for name, c := range map[string]struct {
		handler func(*world) api.Handler
		request
	}{
		"full sync":  {func(w *world) api.Handler { return w.sync }, request{body: `{"mode":"full"}`}},
		"retry all":  {func(w *world) api.Handler { return w.retry }, request{}},
		"retry some": {func(w *world) api.Handler { return w.retry }, request{body: `{"item_ids":["3"]}`}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			old := w.waiting(t, "rate_limited")
			w.now = w.now.Add(time.Minute)
			w.wire.before = func() { w.finish(t, old) }
			run := told[domain.Run](t, c.handler(w), c.request, 202)
			sent := messages(t, w)
			if st := w.view(t, github).State; run.ID == old.ID || st.Run == nil || st.Run.ID != run.ID || len(sent) != 1 || sent[0].RunID != run.ID {
				t.Errorf("%+v\nactive %+v, sent %v", run, st.Run, sent)
			}
		})
	}

	w := newWorld(t)
	run := w.waiting(t, store.ReasonPaused)
	w.wire.before = func() { w.work(t, run.ID) } // dispatch was first
	if got := told[domain.Run](t, w.sync, request{}, 202); got.ID != run.ID || len(messages(t, w)) != 0 {
		t.Errorf("%+v", got)
	}
}

// hasty is a store on which every run ends or moves before it can be joined.
type hasty struct{ *store.Store }

func (hasty) RequestRun(context.Context, store.IntegrationRef, store.ActiveRun, time.Duration, time.Time) (store.State, bool, error) {
	return store.State{Run: &store.ActiveRun{Run: domain.Run{Mode: domain.Incremental}}}, false, nil
}

func (hasty) JoinRun(context.Context, domain.Snowflake, domain.Snowflake, store.RunRequest) error {
	return store.ErrNotFound
}

func (hasty) SignalWithRun(context.Context, store.IntegrationRef, store.ActiveRun, time.Time) (bool, error) {
	return false, nil
}

func (hasty) CancelRun(context.Context, store.IntegrationRef, domain.Snowflake, time.Time) (domain.Run, error) {
	return domain.Run{}, store.ErrConflict
}

func (hasty) UpdateIntegration(context.Context, store.View, store.Change, time.Time) (store.Integration, error) {
	return store.Integration{}, store.ErrConflict
}

func (hasty) DeleteIntegration(context.Context, store.View, domain.Snowflake, time.Time) (bool, error) {
	return false, store.ErrConflict
}

func (hasty) CreateOnce(context.Context, store.Integration, map[string][]byte, *store.IdempotencyKey) error {
	return store.ErrConflict
}

func TestConflicts(t *testing.T) {
	w := newWorld(t)
	gate := access.New(w.store)
	all := hasty{w.store}
	now := func() time.Time { return w.now }
	steered := &runs.Runs{Table: all, Now: now}
	for name, c := range map[string]struct {
		operation string
		route     api.Route
		request
	}{
		"sync":   {"startSync", (&start.Handler{Gate: gate, Runs: steered}).Route, request{body: `{"mode":"full"}`}},
		"retry":  {"retryItems", (&retry.Handler{Gate: gate, Links: all, Runs: steered}).Route, request{}},
		"cancel": {"cancelSync", cancel.New(gate, all, now), request{sync: "7"}},
		"PATCH":  {"updateIntegration", (&patch.Handler{Gate: gate, Writer: all, Now: now}).Route, request{body: `{"enabled":false}`}},
		"delete": {"deleteIntegration", (&remove.Handler{Gate: gate, Deleter: all, Now: now}).Route, request{}},
		"create": {"createIntegration", (&create.Handler{Members: all, Creator: all, Sealer: w.sealer(), Now: now}).Route, request{body: wanted("1")}},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, send(t, checked(c.operation, api.Serve(discard, "sub", c.route)), c.request), refusal{409, "conflict", nil})
		})
	}
}

func TestRetry(t *testing.T) {
	w := newWorld(t)
	first := w.accepted(t, request{})
	active, lease := w.work(t, first.ID)
	target := w.resolved(t, lease)
	must(t, w.store.Commit(t.Context(), lease, store.Batch{Run: active, Links: []store.Link{
		{ItemID: 3, Target: target, Outcome: domain.FailedOut, GivenUp: true, Version: 4}, {ItemID: 5, Target: "elsewhere", Outcome: domain.FailedOut},
	}}))
	first.Status = domain.Succeeded
	first.FinishedAt = &w.now
	must(t, w.store.Finish(t.Context(), lease, store.Ending{Run: first, Mode: first.Mode, MetaVersion: 1}))
	messages(t, w)
	for body, want := range map[string]refusal{
		`{"item_ids":[]}`:                                       {400, "invalid_body", []string{"item_ids"}},
		`{"item_ids":null}`:                                     {400, "invalid_body", []string{"item_ids"}},
		`{"item_ids":"3"}`:                                      {400, "invalid_body", []string{"item_ids"}},
		`{"item_ids":[3]}`:                                      {400, "invalid_body", []string{"item_ids"}},
		`{"item_ids":["3","03"," 3"]}`:                          {400, "invalid_body", []string{"item_ids[1]", "item_ids[2]"}},
		`{"item_ids":["3","3",null]}`:                           {400, "invalid_body", []string{"item_ids[2]"}},
		`{"item_ids":["3","3","9"]}`:                            {400, "invalid_body", []string{"item_ids[2]"}},
		`{"item_ids":["3"],"x":1}`:                              {400, "invalid_body", []string{"x"}},
		`{"item_ids":["3","5","9"]}`:                            {400, "invalid_body", []string{"item_ids[1]", "item_ids[2]"}},
		`{"item_ids":[` + strings.Repeat(`"3",`, 100) + `"3"]}`: {400, "invalid_body", []string{"item_ids"}},
		`{"all":true}`:                                          {400, "invalid_body", []string{"all"}},
	} {
		refused(t, send(t, w.retry, request{body: body}), want)
	}

	refused(t, send(t, w.retry, request{id: disabled.String()}), refusal{400, "integration_disabled", nil})
	refused(t, send(t, w.retry, request{query: map[string]string{"a": "b"}}), refusal{400, "invalid_query", []string{"a"}})
	if n, err := w.store.CountPendingChanges(t.Context(), github); n != 0 || err != nil {
		t.Errorf("a refused request has left %d marks, %v", n, err)
	}

	resp := send(t, w.retry, request{body: `{"item_ids":["3","3"]}`})
	var run domain.Run
	must(t, json.Unmarshal([]byte(resp.Body), &run))
	if resp.StatusCode != 202 || run.Mode != domain.Incremental || run.Trigger != domain.ByRequest || *run.RequestedBy != 12 || !strings.HasSuffix(resp.Headers["location"], "/syncs/"+run.ID.String()) {
		t.Fatalf("%d %s %v", resp.StatusCode, resp.Body, resp.Headers)
	}

	marks, _, err := w.store.PendingChanges(t.Context(), github, "", 10)
	if err != nil || len(marks) != 1 || marks[0] != (store.PendingChange{ItemID: 3, Retry: true}) {
		t.Errorf("%+v, %v", marks, err)
	}

	if sent := messages(t, w); len(sent) != 1 || sent[0].RunID != run.ID {
		t.Errorf("sent %v", sent)
	}

	if st := w.view(t, github).State; !st.Signaled || st.Run.RetryAll {
		t.Errorf("%+v", st)
	}

	// Everything: the active run is asked to, without a second message.
	if again := told[domain.Run](t, w.retry, request{}, 202); again.ID != run.ID {
		t.Errorf("%+v", again)
	}

	if st := w.view(t, github).State; !st.Run.RetryAll || len(messages(t, w)) != 0 {
		t.Errorf("%+v", st)
	}

	w.finish(t, run)
	fresh := told[domain.Run](t, w.retry, request{body: "{}"}, 202)
	if st := w.view(t, github).State; fresh.ID == run.ID || !st.Run.RetryAll || len(messages(t, w)) != 1 {
		t.Errorf("%+v", st)
	}
}

// state is the record of the active run as the table has it.
func (w *world) state(t *testing.T) []byte {
	t.Helper()
	return dump(t, w.record(t, "INT#"+github.Sortable(), "STATE"))
}

// finish ends the active run whatever it was told meanwhile.
func (w *world) finish(t *testing.T, run domain.Run) {
	t.Helper()
	_, lease := w.work(t, run.ID)
	run.Status = domain.Cancelled
	run.FinishedAt = &w.now
	must(t, w.store.Finish(t.Context(), lease, store.Ending{Run: run, Mode: run.Mode, MetaVersion: w.view(t, github).Integration.Version, Forced: true}))
}
