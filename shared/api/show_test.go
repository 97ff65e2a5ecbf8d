package api_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"integrations/shared/api"
	"integrations/shared/domain"
	"integrations/shared/store"
)

var pair = store.Pair{ID: github, OrganisationID: org, ItemType: "work_item"}

// work gives a worker's hold on the active run.
func (w *world) work(t *testing.T, run domain.Snowflake) (store.ActiveRun, store.Lease) {
	t.Helper()
	st, lease, held, err := w.store.Acquire(t.Context(), pair, run, "worker", w.now, w.now.Add(time.Minute))
	if err != nil || !held {
		t.Fatal(held, err)
	}
	return *st.Run, lease
}

// told sends a request that must succeed and gives what it is answered.
func told[T any](t *testing.T, h api.Handler, q request, status int) T {
	t.Helper()
	resp := send(t, h, q)
	var v T
	if err := json.Unmarshal([]byte(resp.Body), &v); err != nil || resp.StatusCode != status {
		t.Fatalf("%d %s, want %d: %v", resp.StatusCode, resp.Body, status, err)
	}
	return v
}

type page[T any] struct {
	Items []T
	Next  *string
}

func TestStatus(t *testing.T) {
	w := newWorld(t)
	blank := `{"health":"unknown","reason":null,"cool_down_until":null,"active_run":null,"dirty":0,"parked":0,"last_success_at":null}`
	if resp := send(t, w.status, request{}); resp.StatusCode != 200 || resp.Body != blank {
		t.Errorf("%d %s", resp.StatusCode, resp.Body)
	}
	target := w.view(t, github).Integration.TargetHash
	run := w.accepted(t, request{})
	active, lease := w.work(t, run.ID)
	must(t, w.store.Commit(t.Context(), lease, store.Batch{
		Run: active, AddMarks: []store.Mark{{ItemID: 1, Version: 1}, {ItemID: 2, Version: 1}},
		Links: []store.Link{{ItemID: 3, Target: target, Outcome: domain.FailedOut, Parked: true}, {ItemID: 4, Target: target, Outcome: domain.FailedOut}},
	}))
	type answer struct {
		Health        string
		Reason        *domain.RunError
		CoolDownUntil *time.Time  `json:"cool_down_until"`
		ActiveRun     *domain.Run `json:"active_run"`
		Dirty, Parked int
		LastSuccessAt *time.Time `json:"last_success_at"`
	}
	if got := told[answer](t, w.status, request{}, 200); got.ActiveRun == nil || got.ActiveRun.ID != run.ID || got.ActiveRun.Status != domain.Running || got.Dirty != 2 || got.Parked != 1 {
		t.Errorf("%+v", got)
	}
	until := w.now.Add(time.Hour)
	run.Status, run.FinishedAt = domain.Succeeded, &w.now
	must(t, w.store.Finish(t.Context(), lease, store.Ending{Run: run, Mode: run.Mode, MetaVersion: w.view(t, github).Integration.Version, Condition: &store.Condition{
		ConfigurationVersion: 1, State: domain.Unhealthy, Reason: &domain.RunError{Code: "credentials_rejected", Detail: "d"}, CoolDownUntil: until.UnixMilli()}}))
	got := told[answer](t, w.status, request{}, 200)
	if got.Health != "unhealthy" || got.Reason.Code != "credentials_rejected" || !got.CoolDownUntil.Equal(until) || got.ActiveRun != nil || !got.LastSuccessAt.Equal(w.now) {
		t.Errorf("%+v", got)
	}
	refused(t, send(t, w.status, request{query: map[string]string{"limit": "1"}}), refusal{400, "invalid_query", []string{"limit"}})
}

func TestSyncs(t *testing.T) {
	w := newWorld(t)
	var want []domain.Snowflake
	for range 5 {
		run := w.accepted(t, request{})
		w.end(t, run, 1)
		want = append(want, run.ID)
		w.now = w.now.Add(time.Minute)
	}
	active := w.accepted(t, request{})
	want = append(want, active.ID)
	slices.Reverse(want)
	var got []domain.Snowflake
	q := request{query: map[string]string{"limit": "2"}}
	for range 5 {
		p := told[page[domain.Run]](t, w.syncs, q, 200)
		for _, run := range p.Items {
			got = append(got, run.ID)
		}
		if p.Next == nil {
			break
		}
		q.query["after"] = *p.Next
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	for _, id := range want {
		if run := told[domain.Run](t, w.syncs, request{sync: id.String()}, 200); run.ID != id {
			t.Errorf("%+v", run)
		}
	}
	if resp := send(t, w.syncs, request{id: disabled.String()}); resp.Body != `{"items":[],"next":null}` {
		t.Error(resp.Body)
	}
	for id, want := range map[string]refusal{
		"1": {404, "sync_not_found", nil}, "x": {400, "invalid_id", nil}, "01": {400, "invalid_id", nil},
	} {
		refused(t, send(t, w.syncs, request{sync: id}), want)
		refused(t, send(t, w.syncs, request{sync: id, route: "GET /integrations/{integration.id}/syncs/{sync.id}/items"}), want)
		refused(t, send(t, w.cancel, request{sync: id}), want)
	}
	// Another integration's sync is not found here.
	refused(t, send(t, w.syncs, request{id: disabled.String(), sync: active.ID.String()}), refusal{404, "sync_not_found", nil})
	refused(t, send(t, w.syncs, request{sync: active.ID.String(), query: map[string]string{"limit": "1"}}), refusal{400, "invalid_query", []string{"limit"}})
}

func TestDryRun(t *testing.T) {
	w := newWorld(t)
	live := w.accepted(t, request{body: `{"mode":"incremental"}`})
	messages(t, w)
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
	if st := w.view(t, github).State; st.Run == nil || st.Run.ID != live.ID || st.Run.Mode != domain.Incremental {
		t.Errorf("the active run was touched: %+v", st.Run)
	}
	plan := request{sync: dry.ID.String(), route: "GET /integrations/{integration.id}/syncs/{sync.id}/items"}
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

// A run that waits for the end of a cool-down goes on when a manager asks.
func (w *world) cooling(t *testing.T) domain.Run {
	t.Helper()
	run := w.accepted(t, request{})
	active, lease := w.work(t, run.ID)
	until, reason := w.now.Add(time.Hour), store.CoolDown
	active.Status, active.WaitingUntil, active.WaitingReason = domain.Waiting, &until, &reason
	must(t, w.store.Release(t.Context(), lease, active, until))
	messages(t, w)
	return run
}

func TestAManagerProbes(t *testing.T) {
	for name, c := range map[string]struct {
		handler func(*world) api.Handler
		poked   bool
		request
	}{
		"sync":      {func(w *world) api.Handler { return w.sync }, true, request{}},
		"retry all": {func(w *world) api.Handler { return w.retry }, true, request{}},
		"dry run":   {func(w *world) api.Handler { return w.sync }, false, request{body: `{"dry_run":true}`}},
	} {
		w := newWorld(t)
		run := w.cooling(t)
		got := told[domain.Run](t, c.handler(w), c.request, 202)
		sent := messages(t, w)
		st := w.view(t, github).State
		if !c.poked {
			if st.Run.Status != domain.Waiting {
				t.Errorf("%s: %+v", name, st.Run)
			}
			continue
		}
		if got.ID != run.ID || got.Status != domain.Queued || got.WaitingReason != nil || len(sent) != 1 || sent[0].RunID != run.ID {
			t.Errorf("%s: %+v, sent %v", name, got, sent)
		}
		if st.Run.Status != domain.Queued || st.Run.WaitingUntil != nil || st.DueAt != w.now.Add(time.Minute).UnixMilli() {
			t.Errorf("%s: %+v", name, st)
		}
	}
}

func TestItems(t *testing.T) {
	w := newWorld(t)
	run := w.accepted(t, request{})
	active, lease := w.work(t, run.ID)
	target := w.view(t, github).Integration.TargetHash
	var links []store.Link
	for n := range domain.Snowflake(6) {
		l := store.Link{ItemID: n + 1, FormattedNumber: fmt.Sprint("A-", n+1), Target: target, Outcome: domain.Created, LastRunID: run.ID, UpdatedAt: w.now,
			Remote: &domain.Remote{ID: "1", Key: "7", URL: "https://example.com/7", State: domain.Open}}
		if n%3 == 0 {
			l.Outcome, l.Reason, l.Remote, l.Attempts = domain.Skipped, "deleted_before_first_sync", nil, 0
		}
		links = append(links, l)
	}
	must(t, w.store.Commit(t.Context(), lease, store.Batch{Run: active, Links: links}))
	var got []string
	q := request{query: map[string]string{"limit": "4"}}
	for range 3 {
		p := told[page[domain.LedgerRow]](t, w.items, q, 200)
		for _, row := range p.Items {
			got = append(got, row.FormattedNumber)
		}
		if p.Next == nil {
			break
		}
		q.query["after"] = *p.Next
	}
	if fmt.Sprint(got) != "[A-1 A-2 A-3 A-4 A-5 A-6]" {
		t.Errorf("%v", got)
	}
	skipped := send(t, w.items, request{query: map[string]string{"outcome": "skipped", "limit": "1"}})
	want := `{"items":[{"item_id":"1","formatted_number":"A-1","outcome":"skipped","reason":"deleted_before_first_sync","attempts":0,"last_run_id":"` + run.ID.String() +
		`","updated_at":"2026-03-04T05:06:07Z","remote":null}],"next":"`
	if !strings.HasPrefix(skipped.Body, want) {
		t.Errorf("%s", skipped.Body)
	}
	for outcome, n := range map[string]int{"created": 4, "skipped": 2, "failed": 0, "unchanged": 0, "accepted": 0} {
		if p := told[page[domain.LedgerRow]](t, w.items, request{query: map[string]string{"outcome": outcome}}, 200); len(p.Items) != n || p.Next != nil {
			t.Errorf("%s: %+v", outcome, p)
		}
	}
}

func TestBadQueries(t *testing.T) {
	w := newWorld(t)
	cursor := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	for _, query := range []map[string]string{
		{"limit": "0"}, {"limit": "101"}, {"limit": "-1"}, {"limit": "x"}, {"limit": ""}, {"limit": "1.0"}, {"limit": "+1"}, {"limit": "01"},
		{"after": ""}, {"after": "x"}, {"after": "%%"}, {"after": cursor("items:")}, {"after": cursor("items:7")}, {"after": cursor("items:000000000000000000x")},
		{"after": cursor("other:0000000000000000007")}, {"after": cursor("items:0000000000000000000")}, {"after": cursor("items:00000000000000000070")},
		{"after": cursor("items:0000000000000000007") + "="}, {"after": cursor("items:INT#0000000000000000007")}, {"after": cursor("items:9999999999999999999")},
		{"outcome": ""}, {"outcome": "Created"}, {"outcome": "created,failed"}, {"nonsense": "1"},
	} {
		for name := range query {
			refused(t, send(t, w.items, request{query: query}), refusal{400, "invalid_query", []string{name}})
		}
	}
	refused(t, send(t, w.items, request{query: map[string]string{"z": "1", "limit": "x", "after": "x"}}), refusal{400, "invalid_query", []string{"after", "limit", "z"}})
	// One list's cursor is not another's.
	refused(t, send(t, w.syncs, request{query: map[string]string{"after": cursor("items:0000000000000000007")}}), refusal{400, "invalid_query", []string{"after"}})
	if resp := send(t, w.items, request{query: map[string]string{"after": cursor("items:0000000000000000007"), "limit": "100", "outcome": "failed"}}); resp.StatusCode != 200 {
		t.Errorf("%d %s", resp.StatusCode, resp.Body)
	}
}

func TestRetry(t *testing.T) {
	w := newWorld(t)
	target := w.view(t, github).Integration.TargetHash
	first := w.accepted(t, request{})
	active, lease := w.work(t, first.ID)
	must(t, w.store.Commit(t.Context(), lease, store.Batch{Run: active, Links: []store.Link{
		{ItemID: 3, Target: target, Outcome: domain.FailedOut, Parked: true, Version: 4}, {ItemID: 5, Target: "elsewhere", Outcome: domain.FailedOut},
	}}))
	first.Status, first.FinishedAt = domain.Succeeded, &w.now
	must(t, w.store.Finish(t.Context(), lease, store.Ending{Run: first, Mode: first.Mode, MetaVersion: 1}))
	messages(t, w)
	for body, want := range map[string]refusal{
		`{"item_ids":[]}`:              {400, "invalid_body", []string{"item_ids"}},
		`{"item_ids":null}`:            {400, "invalid_body", []string{"item_ids"}},
		`{"item_ids":"3"}`:             {400, "invalid_body", []string{"item_ids"}},
		`{"item_ids":[3]}`:             {400, "invalid_body", []string{"item_ids"}},
		`{"item_ids":["3","03"," 3"]}`: {400, "invalid_body", []string{"item_ids[1]", "item_ids[2]"}},
		`{"item_ids":["3","5","9"]}`:   {400, "invalid_body", []string{"item_ids[1]", "item_ids[2]"}},
		`{"item_ids":[` + strings.Repeat(`"3",`, 100) + `"3"]}`: {400, "invalid_body", []string{"item_ids"}},
		`{"all":true}`: {400, "invalid_body", []string{"all"}},
	} {
		refused(t, send(t, w.retry, request{body: body}), want)
	}
	refused(t, send(t, w.retry, request{id: disabled.String()}), refusal{400, "integration_disabled", nil})
	refused(t, send(t, w.retry, request{query: map[string]string{"a": "b"}}), refusal{400, "invalid_query", []string{"a"}})
	if n, err := w.store.CountMarks(t.Context(), github); n != 0 || err != nil {
		t.Errorf("a refused request has left %d marks, %v", n, err)
	}
	resp := send(t, w.retry, request{body: `{"item_ids":["3","3"]}`})
	var run domain.Run
	must(t, json.Unmarshal([]byte(resp.Body), &run))
	if resp.StatusCode != 202 || run.Mode != domain.Incremental || run.Trigger != domain.ByRequest || *run.RequestedBy != 12 || !strings.HasSuffix(resp.Headers["location"], "/syncs/"+run.ID.String()) {
		t.Fatalf("%d %s %v", resp.StatusCode, resp.Body, resp.Headers)
	}
	marks, _, err := w.store.Marks(t.Context(), github, "", 10)
	if err != nil || len(marks) != 1 || marks[0] != (store.Mark{ItemID: 3, Version: 4, Retry: true}) {
		t.Errorf("%+v, %v", marks, err)
	}
	if sent := messages(t, w); len(sent) != 1 || sent[0].RunID != run.ID {
		t.Errorf("sent %v", sent)
	}
	if st := w.view(t, github).State; !st.Wake || st.Run.RetryAll {
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

var discard = slog.New(slog.DiscardHandler)

func cursorRoute(_ context.Context, r api.Request) (api.Answer, error) {
	p, err := r.Page("items", nil)
	return api.Answer{Status: 200, Body: p.After}, err
}

// finish ends the active run whatever it was told meanwhile.
func (w *world) finish(t *testing.T, run domain.Run) {
	t.Helper()
	_, lease := w.work(t, run.ID)
	run.Status, run.FinishedAt = domain.Cancelled, &w.now
	must(t, w.store.Finish(t.Context(), lease, store.Ending{Run: run, Mode: run.Mode, MetaVersion: w.view(t, github).Integration.Version, Forced: true}))
}

func FuzzCursor(f *testing.F) {
	f.Add("aXRlbXM6MDAwMDAwMDAwMDAwMDAwMDAwNw")
	f.Add("")
	f.Add("....")
	f.Fuzz(func(t *testing.T, text string) {
		h := api.Serve(discard, "sub", cursorRoute)
		resp := send(t, h, request{query: map[string]string{"after": text}})
		if resp.StatusCode == 400 {
			return
		}
		var after string
		must(t, json.Unmarshal([]byte(resp.Body), &after))
		if len(after) != 19 || strings.Trim(after, "0123456789") != "" {
			t.Errorf("%q reads as %q", text, after)
		}
	})
}
