package outgoing

import (
	"testing"
	"time"

	"example.com/integrations/shared/domain"
)

func TestForms(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	item := domain.Snowflake(9)
	for name, c := range map[string]struct {
		notice Event
		want   Event
	}{
		"sync finished": {
			SyncFinished(domain.Run{ID: 3, IntegrationID: 2, OrganisationID: 1, Mode: domain.Full, Trigger: domain.ByEvent, RequestedAt: at, Status: domain.Failed, Error: &domain.RunError{Code: "c", Detail: "d"}}),
			Event{3, 1, 2, "integration.sync.finished", `{"event_id":"3","organisation_id":"1","integration_id":"2","sync":{"id":"3","integration_id":"2","organisation_id":"1","mode":"full","dry_run":false,"trigger":"event","requested_by":null,"requested_at":"2026-03-04T05:06:07Z","started_at":null,"finished_at":null,"cancel_requested_at":null,"status":"failed","counts":{"created":0,"updated":0,"unchanged":0,"skipped":0,"failed":0,"pulled":0},"remaining":null,"estimated_finish":null,"waiting_until":null,"waiting_reason":null,"error":{"code":"c","detail":"d","provider_message":""}}}`},
		},
		"health changed": {
			HealthChanged(3, 1, 2, domain.Health{State: domain.Unhealthy, Reason: &domain.RunError{Code: "c", Detail: "d"}, PausedUntil: &at}),
			Event{3, 1, 2, "integration.health.changed", `{"event_id":"3","organisation_id":"1","integration_id":"2","health":"unhealthy","reason":{"code":"c","detail":"d","provider_message":""},"paused_until":"2026-03-04T05:06:07Z"}`},
		},
		"an item's object closed": {
			RemoteChanged(RemoteChange{EventID: 3, Organisation: 1, Integration: 2, Item: &item, Provider: domain.GitHub, Change: ChangeClosed, Remote: Remote{domain.Remote{ID: "7", Key: "8", URL: "https://example.com/8", State: domain.Closed}, "A title", at}}),
			Event{3, 1, 2, "integration.item.remote_changed", `{"event_id":"3","organisation_id":"1","integration_id":"2","item_id":"9","provider":"github","change":"closed","remote":{"id":"7","key":"8","url":"https://example.com/8","state":"closed","title":"A title","updated_at":"2026-03-04T05:06:07Z"}}`},
		},
		"an object of no item": {
			RemoteChanged(RemoteChange{EventID: 3, Organisation: 1, Integration: 2, Provider: domain.GitHub, Change: ChangeCreated, Remote: Remote{domain.Remote{ID: "7"}, "", at}}),
			Event{3, 1, 2, "integration.item.remote_changed", `{"event_id":"3","organisation_id":"1","integration_id":"2","item_id":null,"provider":"github","change":"created","remote":{"id":"7","key":"","url":"","state":"","title":"","updated_at":"2026-03-04T05:06:07Z"}}`},
		},
	} {
		if c.notice != c.want {
			t.Errorf("%s:\n got %+v\nwant %+v", name, c.notice, c.want)
		}
	}
}
