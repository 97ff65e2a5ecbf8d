package api_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"example.com/integrations/shared/api"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

const planRoute = "GET /integrations/{integration.id}/syncs/{sync.id}/items"

var pair = store.IntegrationRef{ID: github, OrganisationID: org, ItemType: "work_item"}

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
	blank := `{"health":"unknown","reason":null,"paused_until":null,"active_run":null,"pending":0,"given_up":0,"last_success_at":null,"target":null,"pull_problem":null}`
	if resp := send(t, w.status, request{}); resp.StatusCode != 200 || resp.Body != blank {
		t.Errorf("%d %s", resp.StatusCode, resp.Body)
	}

	run := w.accepted(t, request{})
	active, lease := w.work(t, run.ID)
	target := w.resolved(t, lease)
	must(t, w.store.Commit(t.Context(), lease, store.Batch{
		Run: active, AddPending: []store.PendingChange{{ItemID: 1, Version: 1}, {ItemID: 2, Version: 1}},
		Links: []store.Link{{ItemID: 3, Target: target, Outcome: domain.FailedOut, GivenUp: true}, {ItemID: 4, Target: target, Outcome: domain.FailedOut}},
	}))
	type answer struct {
		Health        string
		Reason        *domain.RunError
		PausedUntil   *time.Time  `json:"paused_until"`
		ActiveRun     *domain.Run `json:"active_run"`
		Pending       int
		GivenUp       int        `json:"given_up"`
		LastSuccessAt *time.Time `json:"last_success_at"`
		Target        *struct{ ID, Name, URL string }
		PullProblem   *struct {
			domain.RunError
			Since time.Time
		} `json:"pull_problem"`
	}
	if got := told[answer](t, w.status, request{}, 200); got.ActiveRun == nil || got.ActiveRun.ID != run.ID || got.ActiveRun.Status != domain.Running || got.Pending != 2 || got.GivenUp != 1 ||
		got.Target == nil || got.Target.ID != "1296269" || got.Target.Name != "octo/hello" || got.Target.URL != "https://github.com/octo/hello" {
		t.Errorf("%+v", got)
	}

	since := w.now.Add(-time.Hour)
	must(t, w.store.Commit(t.Context(), lease, store.Batch{Run: active, PullTried: true, PullProblem: &store.Problem{ConnectionVersion: 1, Since: since.UnixMilli(),
		Reason: domain.RunError{Code: "answer_unreadable", Detail: "d", ProviderMessage: "no list"}}}))
	problem := told[answer](t, w.status, request{}, 200).PullProblem
	if problem == nil || problem.Code != "answer_unreadable" || problem.Detail != "d" || problem.ProviderMessage != "no list" || !problem.Since.Equal(since) {
		t.Errorf("%+v", problem)
	}

	until := w.now.Add(time.Hour)
	run.Status = domain.Succeeded
	run.FinishedAt = &w.now
	must(t, w.store.Finish(t.Context(), lease, store.Ending{Run: run, Mode: run.Mode, MetaVersion: w.view(t, github).Integration.Version, Condition: &store.Condition{
		ConfigurationVersion: 1, ConnectionVersion: 1, State: domain.Unhealthy, Reason: &domain.RunError{Code: "credentials_rejected", Detail: "d"}, PausedUntil: until.UnixMilli()}}))
	got := told[answer](t, w.status, request{}, 200)
	if got.Health != "unhealthy" || got.Reason.Code != "credentials_rejected" || !got.PausedUntil.Equal(until) || got.ActiveRun != nil || !got.LastSuccessAt.Equal(w.now) {
		t.Errorf("%+v", got)
	}

	refused(t, send(t, w.status, request{query: map[string]string{"limit": "1"}}), refusal{400, "invalid_query", []string{"limit"}})
}

// D10: after a PATCH that changes nothing that matters to the connection the
// status is as before; after one of credentials or place it is unknown.
func TestStatusAfterAPatch(t *testing.T) {
	configured := func(members string) string {
		return `{"configuration":` + strconv.Quote(`{"owner":"octo","repo":"hello",`+members+`}`) + `}`
	}
	kept := `"token":"` + domain.Mask + `"`
	for name, c := range map[string]struct{ body, want string }{
		"templates":      {configured(kept + `,"templates":{"title":"{{title}}"}`), "healthy"},
		"labels":         {configured(kept + `,"labels":"none"`), "healthy"},
		"pull":           {configured(kept + `,"pull":"linked"`), "healthy"},
		"on_delete":      {configured(kept + `,"on_delete":"leave"`), "healthy"},
		"disabled":       {`{"enabled":false}`, "healthy"},
		"a new token":    {configured(`"token":"` + token + `2"`), "unknown"},
		"another place":  {`{"configuration":` + strconv.Quote(`{"owner":"octo","repo":"other",`+kept+`}`) + `}`, "unknown"},
		"another server": {configured(`"base_url":"https://github.example.com","token":"` + token + `2"`), "unknown"},
	} {
		w := newWorld(t)
		run := w.accepted(t, request{})
		active, lease := w.work(t, run.ID)
		must(t, w.store.Commit(t.Context(), lease, store.Batch{Run: active, PullTried: true,
			PullProblem: &store.Problem{ConnectionVersion: 1, Reason: domain.RunError{Code: "answer_unreadable", Detail: "d"}}}))
		run.Status = domain.Succeeded
		run.FinishedAt = &w.now
		must(t, w.store.Finish(t.Context(), lease, store.Ending{Run: run, Mode: run.Mode, MetaVersion: w.view(t, github).Integration.Version,
			Condition: &store.Condition{ConfigurationVersion: 1, ConnectionVersion: 1, State: domain.Healthy}}))
		if resp := send(t, w.patch, request{body: c.body}); resp.StatusCode != 200 {
			t.Fatalf("%s: %d %s", name, resp.StatusCode, resp.Body)
		}

		got := told[struct {
			Health      string
			PullProblem *domain.RunError `json:"pull_problem"`
		}](t, w.status, request{}, 200)
		if got.Health != c.want || (got.PullProblem == nil) != (c.want == "unknown") {
			t.Errorf("%s: %+v, want %s", name, got, c.want)
		}
	}
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
		refused(t, send(t, w.syncs, request{sync: id, route: planRoute}), want)
		refused(t, send(t, w.cancel, request{sync: id}), want)
	}

	// Another integration's sync is not found here.
	refused(t, send(t, w.syncs, request{id: disabled.String(), sync: active.ID.String()}), refusal{404, "sync_not_found", nil})
	refused(t, send(t, w.syncs, request{sync: active.ID.String(), query: map[string]string{"limit": "1"}}), refusal{400, "invalid_query", []string{"limit"}})
	// Ended ones are shown for 90 days, whether or not their records are there.
	w.now = w.now.Add(90*24*time.Hour - 90*time.Second)
	for id, listed := range map[domain.Snowflake]bool{want[0]: true, want[1]: true, want[2]: false} {
		list := told[page[domain.Run]](t, w.syncs, request{query: map[string]string{"limit": "100"}}, 200)
		if slices.ContainsFunc(list.Items, func(r domain.Run) bool { return r.ID == id }) != listed {
			t.Errorf("%s is listed: %v", id, !listed)
		}

		if resp := send(t, w.syncs, request{sync: id.String()}); (resp.StatusCode == 200) != listed {
			t.Errorf("%s: %d", id, resp.StatusCode)
		}
	}
}

// A deleted integration is gone at every route; its purge is no sync.
func TestDeletedIsGone(t *testing.T) {
	w := newWorld(t)
	run := w.accepted(t, request{}).ID.String()
	_, err := w.store.DeleteIntegration(t.Context(), w.view(t, github), 77, w.now)
	must(t, err)
	for _, sync := range []string{run, "77"} {
		for name, resp := range map[string]events.APIGatewayV2HTTPResponse{
			"status": send(t, w.status, request{}), "syncs": send(t, w.syncs, request{}), "one sync": send(t, w.syncs, request{sync: sync}),
			"plan": send(t, w.syncs, request{sync: sync, route: planRoute}), "cancel": send(t, w.cancel, request{sync: sync}),
			"items": send(t, w.items, request{}), "retry": send(t, w.retry, request{}), "sync": send(t, w.sync, request{}),
		} {
			t.Run(name, func(t *testing.T) { refused(t, resp, refusal{404, "integration_not_found", nil}) })
		}
	}
}

func TestItems(t *testing.T) {
	w := newWorld(t)
	run := w.accepted(t, request{})
	active, lease := w.work(t, run.ID)
	target := w.resolved(t, lease)
	var links []store.Link
	for n := range domain.Snowflake(6) {
		l := store.Link{ItemID: n + 1, FormattedNumber: fmt.Sprint("A-", n+1), Target: target, Outcome: domain.Created, LastRunID: run.ID, UpdatedAt: w.now,
			Remote: &domain.Remote{ID: "1", Key: "7", URL: "https://example.com/7", State: domain.Open}}
		if n%3 == 0 {
			l.Outcome = domain.Skipped
			l.Reason = "deleted_before_first_sync"
			l.Remote = nil
			l.Attempts = 0
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
