//go:build e2e

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.com/integrations/local/environment/sample"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
)

// ask asks the API as a manager and reads the answer.
func ask(t *testing.T, e *target, id domain.Snowflake, method, path, body string, answer any) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, e.Endpoints.API+"/integrations/"+id.String()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}

	req.Header.Set("Authorization", "Bearer "+e.Endpoints.Tokens["manager"])
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}

	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}

	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}

	asDocumented(t, req, resp, text)
	if err := json.Unmarshal(text, answer); err != nil {
		t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, text)
	}

	return resp.StatusCode
}

// begin starts a sync, however soon after the last one.
func begin(t *testing.T, e *target, id domain.Snowflake, path, body string) (run domain.Run) {
	t.Helper()
	eventually(t, "a sync starts", func() bool { return ask(t, e, id, http.MethodPost, path, body, &run) == http.StatusAccepted })
	return run
}

// followed asks for a run until it has ended.
func followed(t *testing.T, e *target, run domain.Run) domain.Run {
	t.Helper()
	eventually(t, "the sync ends", func() bool {
		ask(t, e, run.IntegrationID, http.MethodGet, "/syncs/"+run.ID.String(), "", &run)
		return !run.Status.Active()
	})
	return run
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("not in time: ", what)
		}
	}
}

// list reads a whole list.
func list[T any](t *testing.T, e *target, id domain.Snowflake, path string) (all []T) {
	t.Helper()
	for after := ""; ; {
		var page struct {
			Items []T
			Next  *string
		}
		if status := ask(t, e, id, http.MethodGet, path+"?limit=100"+after, "", &page); status != http.StatusOK {
			t.Fatalf("%s: %d", path, status)
		}

		all = append(all, page.Items...)
		if page.Next == nil {
			return all
		}

		after = "&after=" + url.QueryEscape(*page.Next)
	}
}

// person edits an object on the fake server's page.
func person(t *testing.T, e *target, key string, form url.Values) {
	t.Helper()
	resp, err := http.PostForm(e.Endpoints.Providers["github"]+"/"+sample.RepoOwner+"/"+sample.RepoWork+"/issues/"+key, form)
	if err != nil {
		t.Fatal(err)
	}

	resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("the page answers %d", resp.StatusCode)
	}
}

// changes gives the changes of an integration's objects that were published, each event once.
func changes(t *testing.T, e *target, id domain.Snowflake) (all []string) {
	t.Helper()
	resp, err := http.Get(e.Endpoints.Events + "?source=" + outgoing.Source)
	if err != nil {
		t.Fatal(err)
	}

	defer resp.Body.Close()
	var published []struct {
		DetailType string `json:"detail-type"`
		Detail     struct {
			EventID       string           `json:"event_id"`
			IntegrationID domain.Snowflake `json:"integration_id"`
			Change        string
			Remote        domain.Remote
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&published); err != nil {
		t.Fatal(err)
	}

	seen := map[string]bool{}
	for _, p := range published {
		if p.DetailType == outgoing.TypeRemoteChanged && p.Detail.IntegrationID == id && !seen[p.Detail.EventID] {
			seen[p.Detail.EventID] = true
			all = append(all, "#"+p.Detail.Remote.Key+" "+p.Detail.Change)
		}
	}

	return all
}

// A manager asks for a dry run, syncs, follows, cancels and retries over HTTP, while a
// person edits at the provider.
func TestAManagerFollowsAndSteers(t *testing.T) {
	e := started(t, nil)
	const n = 5 // the sample's items
	dry := followed(t, e, begin(t, e, sample.GitHub, "/sync", `{"dry_run":true,"mode":"full"}`))
	plan := list[domain.PlanRow](t, e, sample.GitHub, "/syncs/"+dry.ID.String()+"/items")
	if writes := look(t, e).Writes; len(writes) != 0 || len(plan) != n || dry.Counts.Created != n {
		t.Fatalf("the dry run wrote %v, planned %d items: %+v", writes, len(plan), dry)
	}

	first := followed(t, e, begin(t, e, sample.GitHub, "/sync", `{"mode":"full"}`))
	objects, closed, creates, updates := look(t, e).count(sample.RepoWork)
	if first.Status != domain.Succeeded || first.Counts != dry.Counts || objects != n || creates != n || closed != 1 || updates != 1 {
		t.Errorf("the first sync %+v, the plan %+v; %d objects, %d closed, %d creates, %d updates", first.Counts, dry.Counts, objects, closed, creates, updates)
	}

	ledger := list[domain.LedgerRow](t, e, sample.GitHub, "/items")
	key := ledger[0].Remote.Key
	for _, c := range []struct {
		form   url.Values
		change string
	}{{url.Values{"body": {"a person's words"}}, "edited"}, {url.Values{"state": {"closed"}}, "closed"}, {url.Values{"state": {"open"}}, "reopened"}} {
		before := changes(t, e, sample.GitHub)
		person(t, e, key, c.form)
		eventually(t, "an event tells that an object was "+c.change, func() bool { return len(changes(t, e, sample.GitHub)) > len(before) })
		if got := changes(t, e, sample.GitHub); fmt.Sprint(got) != fmt.Sprint(append(before, "#"+key+" "+c.change)) {
			t.Errorf("told: %v", got)
		}
	}

	publish(t, e, "item.created", own(150))
	var st struct {
		ActiveRun *domain.Run `json:"active_run"`
	}
	eventually(t, "some items arrive", func() bool {
		ask(t, e, sample.GitHub, http.MethodGet, "/status", "", &st)
		objects, _, _, _ := look(t, e).count(sample.RepoWork)
		return objects >= n+20 && st.ActiveRun != nil
	})

	var run domain.Run
	if status := ask(t, e, sample.GitHub, http.MethodPost, "/syncs/"+st.ActiveRun.ID.String()+"/cancel", "", &run); status != http.StatusAccepted && status != http.StatusOK {
		t.Fatalf("cancel: %d", status)
	}

	run = followed(t, e, run)
	t.Logf("cancelled in mid-run: %s %+v", run.Status, run.Counts)
	if run.Status != domain.Cancelled && run.Status != domain.Succeeded {
		t.Errorf("%+v", run)
	}

	objects, _, _, _ = look(t, e).count(sample.RepoWork)
	if linked := len(linkedRows(list[domain.LedgerRow](t, e, sample.GitHub, "/items"))); run.Status == domain.Cancelled && linked != objects {
		t.Errorf("%d objects after the cancel, %d in the ledger", objects, linked)
	}

	begin(t, e, sample.GitHub, "/items/retry", "")
	quiet(t, e, sample.GitHub, func() bool { got, _, _, _ := look(t, e).count(sample.RepoWork); return got == n+150 })
	if objects, _, creates, _ := look(t, e).count(sample.RepoWork); objects != n+150 || creates != n+150 {
		t.Errorf("%d objects by %d creates, want %d", objects, creates, n+150)
	}

	if linked := len(linkedRows(list[domain.LedgerRow](t, e, sample.GitHub, "/items"))); linked != n+150 {
		t.Errorf("%d in the ledger", linked)
	}
}

func linkedRows(rows []domain.LedgerRow) (linked []domain.LedgerRow) {
	for _, r := range rows {
		if r.Remote != nil {
			linked = append(linked, r)
		}
	}
	return linked
}
