//go:build e2e

package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"example.com/integrations/local/environment/sample"
	"example.com/integrations/local/providers"
	"example.com/integrations/shared/domain"
)

// An edit is a request to a tracker's own API, with an unknown token.
type edit struct{ change, method, path, body string }

// trackers are the sample's, with what a person does to an open object there.
var trackers = map[string]struct {
	id     domain.Snowflake
	header string // of the token; it has a scheme or user name before it
	token  string
	edits  []edit
}{
	"github": {sample.GitHub, "Authorization", "Bearer somebody", []edit{
		{"edited", http.MethodPatch, "/repos/sample-organisation/work-items/issues/KEY", `{"title":"a person's words"}`},
		{"closed", http.MethodPatch, "/repos/sample-organisation/work-items/issues/KEY", `{"state":"closed"}`},
		{"reopened", http.MethodPatch, "/repos/sample-organisation/work-items/issues/KEY", `{"state":"open"}`},
	}},
	"gitlab": {sample.GitLab, "Private-Token", "somebody", []edit{
		{"edited", http.MethodPut, "/api/v4/projects/sample-organisation%2Fwork-items/issues/KEY", `{"title":"a person's words"}`},
		{"closed", http.MethodPut, "/api/v4/projects/sample-organisation%2Fwork-items/issues/KEY", `{"state_event":"close"}`},
		{"reopened", http.MethodPut, "/api/v4/projects/sample-organisation%2Fwork-items/issues/KEY", `{"state_event":"reopen"}`},
	}},
	"jira": {sample.Jira, "Authorization", "Basic c29tZWJvZHk6c29tZWJvZHk=", []edit{
		{"edited", http.MethodPut, "/rest/api/3/issue/KEY", `{"fields":{"summary":"a person's words"}}`},
		{"closed", http.MethodPost, "/rest/api/3/issue/KEY/transitions", `done`},
		{"reopened", http.MethodPost, "/rest/api/3/issue/KEY/transitions", `new`},
	}},
	"jira_datacenter": {sample.JiraDatacenter, "Authorization", "Bearer somebody", []edit{
		{"edited", http.MethodPut, "/jira/rest/api/2/issue/KEY", `{"fields":{"summary":"a person's words"}}`},
		{"closed", http.MethodPost, "/jira/rest/api/2/issue/KEY/transitions", `done`},
		{"reopened", http.MethodPost, "/jira/rest/api/2/issue/KEY/transitions", `new`},
	}},
	"mantisbt": {sample.MantisBT, "Authorization", "somebody", []edit{
		{"edited", http.MethodPatch, "/api/rest/issues/KEY", `{"summary":"a person's words"}`},
		{"closed", http.MethodPatch, "/api/rest/issues/KEY", `{"status":{"name":"closed"},"resolution":{"name":"fixed"}}`},
		{"reopened", http.MethodPatch, "/api/rest/issues/KEY", `{"status":{"name":"assigned"}}`},
	}},
}

// At each tracker an edit, a close and a reopen by a person are published once,
// our own writes never; a second sync writes nothing; one changed field is one
// write; and nothing that was sent was against the provider's contract.
func TestPeopleAtEachTracker(t *testing.T) {
	e := started(t, nil)
	keys := map[string]string{}
	wrote := map[string]int{}
	for name, tr := range trackers {
		run := followed(t, e, begin(t, e, tr.id, "/sync", `{"mode":"full"}`))
		if run.Status != domain.Succeeded || run.Counts.Created != 5 {
			t.Fatalf("%s: %+v", name, run)
		}

		wrote[name] = len(ours(t, e, name))
		for _, row := range list[domain.LedgerRow](t, e, tr.id, "/items") {
			if row.ItemID == 1190000000000001101 {
				keys[name] = row.Remote.Key
			}
		}
	}

	for n := range 3 {
		for name, tr := range trackers {
			by := &request{header: tr.header, token: tr.token, at: e.Endpoints.Providers[name]}
			by.edit(t, tr.edits[n], keys[name])
		}

		for name, tr := range trackers {
			change := tr.edits[n].change
			eventually(t, name+" tells that an object was "+change, func() bool { return len(changes(t, e, tr.id)) > n })
			if got := changes(t, e, tr.id); len(got) != n+1 || got[n] != "#"+keys[name]+" "+change {
				t.Errorf("%s tells %v of %s", name, got, change)
			}
		}
	}

	for name, tr := range trackers {
		run := followed(t, e, begin(t, e, tr.id, "/sync", `{"mode":"full"}`))
		if n := len(ours(t, e, name)) - wrote[name]; run.Status != domain.Succeeded || run.Counts.Unchanged != 5 || n != 0 {
			t.Errorf("%s: the second sync %+v, %d writes", name, run.Counts, n)
		}
	}

	before := map[string]int{}
	for name := range trackers {
		before[name] = len(ours(t, e, name))
	}

	publish(t, e, "item.updated", [][]byte{fmt.Appendf(nil, `{"id":"1190000000000001101","organisation_id":"%s","item_type":"work_item","formatted_number":"KEP-1101","version":2,`+
		`"title":"Write the summer timetable","description":"text","url":"https://items.example/KEP-1101","state":"open","status":"in progress","labels":[],"updated_at":"2026-01-06T09:00:00Z"}`, sample.Organisation)})
	for name, tr := range trackers {
		eventually(t, name+" gets the change", func() bool { return len(ours(t, e, name)) > before[name] })
		quiet(t, e, tr.id, func() bool { return true })
		if n := len(ours(t, e, name)) - before[name]; n != 1 {
			t.Errorf("%s: one changed item is %d writes", name, n)
		}

		if got := changes(t, e, tr.id); len(got) != 3 {
			t.Errorf("%s: our own write is told as another's: %v", name, got)
		}

		var told struct{ Violations []string }
		(&request{at: e.Endpoints.Providers[name]}).get(t, "/_/violations", &told)
		if len(told.Violations) > 0 {
			t.Errorf("%s: %d violations: %s", name, len(told.Violations), told.Violations[0])
		}
	}
}

// ours are the writes of the integration's own account.
func ours(t *testing.T, e *target, provider string) (writes []providers.Write) {
	t.Helper()
	var r struct{ Writes []providers.Write }
	(&request{at: e.Endpoints.Providers[provider]}).get(t, "/_/received", &r)
	for _, w := range r.Writes {
		if w.User == sample.Login {
			writes = append(writes, w)
		}
	}

	return writes
}

// A request is one to a fake server at its plain address.
type request struct{ header, token, at string }

// edit does to the object with a key what an edit says.
func (r *request) edit(t *testing.T, one edit, key string) {
	t.Helper()
	path := strings.Replace(one.path, "KEY", key, 1)
	body := one.body
	if strings.HasSuffix(path, "/transitions") {
		body = r.transition(t, path, body)
	}

	r.send(t, one.method, path, body)
}

func (r *request) send(t *testing.T, method, path, body string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.at+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}

	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}

	if r.header != "" {
		req.Header.Set(r.header, r.token)
	}

	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode >= 300 {
		t.Fatalf("%s %s: %d", method, path, resp.StatusCode)
	}

	return resp
}

func (r *request) get(t *testing.T, path string, into any) {
	t.Helper()
	if err := json.NewDecoder(r.send(t, http.MethodGet, path, "").Body).Decode(into); err != nil {
		t.Fatal(err)
	}
}

// transition is the body of one to a category of statuses.
func (r *request) transition(t *testing.T, path, category string) string {
	t.Helper()
	var ways struct {
		Transitions []struct {
			ID string
			To struct{ StatusCategory struct{ Key string } }
		}
	}

	r.get(t, path, &ways)
	for _, way := range ways.Transitions {
		if way.To.StatusCategory.Key == category {
			return `{"transition":{"id":"` + way.ID + `"}}`
		}
	}

	t.Fatalf("no transition to %s", category)

	return ""
}
