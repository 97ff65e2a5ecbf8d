package api_test

import (
	"encoding/json"
	"log/slog"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	ingest "example.com/integrations/functions/ingest/handler"
)

// told has ingest handle one event of the platform.
func (w *world) told(t *testing.T, detailType, detail string) {
	t.Helper()
	log := slog.New(slog.NewJSONHandler(w.log, nil))
	h := &ingest.Handler{
		Items: w.store, Organisations: w.store, Grants: w.store, Marks: w.store, Runs: w.runs(log), Log: log,
		Now: func() time.Time { return w.now }, PurgeAfter: 30 * 24 * time.Hour,
	}
	body, err := json.Marshal(map[string]any{"id": "e", "detail-type": detailType, "source": "platform", "detail": json.RawMessage(detail)})
	must(t, err)
	out, err := h.Handle(t.Context(), events.SQSEvent{Records: []events.SQSMessage{{MessageId: "m", Body: string(body)}}})
	if err != nil || len(out.BatchItemFailures) > 0 {
		t.Fatalf("%s %s: %v\n%s", detailType, detail, err, w.log)
	}
}

// What an access event says decides the very next request, at functions that
// are warm and have admitted the caller before.
func TestAnAccessEventDecidesTheNextRequest(t *testing.T) {
	type event struct {
		detailType, detail string
		status             int // of the caller's next request
	}
	role := func(grant, version string) string {
		return `{"organisation_id":"1001","id":"21","order":1,"permissions":{"OTHER":1,"MANAGE_ORGANISATION":` + grant + `},"version":` + version + `}`
	}
	member := func(pending, roles, own, version string) string {
		return `{"organisation_id":"1001","user_id":"12","pending":` + pending + `,"role_ids":[` + roles + `],"permissions":{"MANAGE_ORGANISATION":` + own + `},"version":` + version + `}`
	}
	organisation := func(owner, deleted, version string) string {
		return `{"id":"1001","name":"Acme","owner_id":"` + owner + `","is_deleted":` + deleted + `,"version":` + version + `}`
	}
	for name, c := range map[string]struct {
		caller string
		before int
		events []event
	}{
		"role's grant flipped": {manager, 200, []event{
			{"role.updated", role("-1", "2"), 403}, {"role.updated", role("1", "3"), 200}, {"role.updated", role("0", "4"), 403},
			{"role.updated", role("1", "3"), 403}, {"role.updated", `{"organisation_id":"1001","id":"21","order":1,"permissions":{},"version":5}`, 403},
		}},
		"role deleted": {manager, 200, []event{
			{"role.deleted", `{"organisation_id":"1001","id":"21","version":2}`, 403}, {"role.updated", role("1", "1"), 403}, {"role.updated", role("1", "3"), 200},
		}},
		"role given and taken": {plain, 403, []event{
			{"member.updated", `{"organisation_id":"1001","user_id":"13","pending":false,"role_ids":["21"],"permissions":{},"version":2}`, 200},
			{"member.updated", `{"organisation_id":"1001","user_id":"13","pending":false,"role_ids":["21","22"],"permissions":{},"version":3}`, 403},
			{"member.updated", `{"organisation_id":"1001","user_id":"13","pending":false,"role_ids":[],"permissions":{},"version":4}`, 403},
		}},
		"member removed": {manager, 200, []event{
			{"member.removed", `{"organisation_id":"1001","user_id":"12","version":2}`, 403}, {"member.updated", member("false", `"21"`, "1", "2"), 403},
			{"member.updated", member("false", `"21"`, "0", "3"), 200},
		}},
		"member pending": {manager, 200, []event{
			{"member.updated", member("true", `"21"`, "1", "2"), 403}, {"member.updated", member("false", `"21"`, "0", "3"), 200},
		}},
		"own grant": {manager, 200, []event{
			{"member.updated", member("false", `"21"`, "-1", "2"), 403}, {"member.updated", member("false", "", "1", "3"), 200},
		}},
		"owner changed":     {owner, 200, []event{{"organisation.updated", organisation("18", "false", "2"), 403}, {"organisation.updated", organisation("11", "false", "1"), 403}}},
		"made owner":        {stranger, 403, []event{{"organisation.updated", organisation("15", "false", "2"), 200}}},
		"roles stay":        {manager, 200, []event{{"organisation.updated", organisation("18", "false", "2"), 200}}},
		"told deleted":      {manager, 200, []event{{"organisation.updated", organisation("11", "true", "2"), 400}}},
		"deleted, revived":  {manager, 200, []event{{"organisation.deleted", `{"id":"1001","version":2}`, 400}, {"organisation.updated", organisation("11", "false", "2"), 400}, {"organisation.updated", organisation("11", "false", "3"), 200}}},
		"somebody else's":   {manager, 200, []event{{"role.deleted", `{"organisation_id":"1002","id":"21","version":9}`, 200}, {"member.removed", `{"organisation_id":"1002","user_id":"12","version":9}`, 200}}},
		"a member who came": {stranger, 403, []event{{"member.updated", `{"organisation_id":"1001","user_id":"15","pending":false,"role_ids":["21"],"permissions":{},"version":1}`, 200}}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			q := request{caller: c.caller}
			if resp := send(t, w.get, q); resp.StatusCode != c.before {
				t.Fatalf("before: %d %s", resp.StatusCode, resp.Body)
			}

			for _, e := range c.events {
				w.told(t, e.detailType, e.detail)
				if resp := send(t, w.get, q); resp.StatusCode != e.status {
					t.Errorf("after %s %s: %d, want %d", e.detailType, e.detail, resp.StatusCode, e.status)
				}
			}

			// The other functions see it too.
			last := c.events[len(c.events)-1].status
			change := q
			change.body = `{"enabled":true}`
			if resp := send(t, w.patch, change); resp.StatusCode != last {
				t.Errorf("patch: %d, want %d", resp.StatusCode, last)
			}

			if resp := send(t, w.status, q); resp.StatusCode != last {
				t.Errorf("status: %d, want %d", resp.StatusCode, last)
			}
		})
	}
}

// Roles that come before their organisation make none, and count once it comes.
func TestRolesBeforeTheirOrganisation(t *testing.T) {
	w := newWorld(t)
	q := request{id: homeless.String()}
	for _, e := range []struct {
		detailType, detail string
		status             int
	}{
		{"member.updated", `{"organisation_id":"1003","user_id":"12","pending":false,"role_ids":["5"],"permissions":{},"version":4}`, 400},
		{"role.updated", `{"organisation_id":"1003","id":"5","order":0,"permissions":{"MANAGE_ORGANISATION":1},"version":2}`, 400},
		{"organisation.updated", `{"id":"1003","name":"Late","owner_id":"11","is_deleted":false,"version":7}`, 200},
	} {
		w.told(t, e.detailType, e.detail)
		if resp := send(t, w.get, q); resp.StatusCode != e.status {
			t.Errorf("after %s: %d %s, want %d", e.detailType, resp.StatusCode, resp.Body, e.status)
		}
	}
}
