// Package outgoing holds the events that the service publishes: what happened to a
// sync, to an integration's health, and to an object at a provider. Each has a stable
// id, because it may be published more than once.
package outgoing

import (
	"encoding/json"
	"time"

	"example.com/integrations/shared/domain"
)

// Source is the source of every event the service publishes.
const Source = "integrations"

// The detail types.
const (
	TypeSyncFinished  = "integration.sync.finished"
	TypeHealthChanged = "integration.health.changed"
	TypeRemoteChanged = "integration.item.remote_changed"

	TypeOrganisationPurging = "integration.organisation.purging"
)

// A Event is an event on its way out.
type Event struct {
	ID             domain.Snowflake `json:"id"`
	OrganisationID domain.Snowflake `json:"organisation_id"`
	IntegrationID  domain.Snowflake `json:"integration_id"` // 0 for one about the organisation
	DetailType     string           `json:"detail_type"`
	Detail         string           `json:"detail"` // a JSON object
}

// head is what every detail begins with. EventID is the same however often the
// event comes.
type head struct {
	EventID        domain.Snowflake `json:"event_id"`
	OrganisationID domain.Snowflake `json:"organisation_id"`
	IntegrationID  domain.Snowflake `json:"integration_id"`
}

func event(h head, detailType string, detail any) Event {
	b, err := json.Marshal(detail)
	if err != nil {
		panic(err) // plain structs always marshal
	}
	return Event{ID: h.EventID, OrganisationID: h.OrganisationID, IntegrationID: h.IntegrationID, DetailType: detailType, Detail: string(b)}
}

// OrganisationPurging says that everything of a deleted organisation is erased
// at a time, unless it returns before.
func OrganisationPurging(id, organisation domain.Snowflake, when time.Time) Event {
	detail := struct {
		EventID        domain.Snowflake `json:"event_id"`
		OrganisationID domain.Snowflake `json:"organisation_id"`
		When           time.Time        `json:"when"`
	}{id, organisation, when.UTC()}
	return event(head{EventID: id, OrganisationID: organisation}, TypeOrganisationPurging, detail)
}

// SyncFinished says how a run ended. Its id is the run's.
func SyncFinished(run domain.Run) Event {
	h := head{EventID: run.ID, OrganisationID: run.OrganisationID, IntegrationID: run.IntegrationID}
	return event(h, TypeSyncFinished, struct {
		head
		Sync domain.Run `json:"sync"`
	}{h, run})
}

// HealthChanged says that the provider refuses what is configured, or takes it
// again.
func HealthChanged(id, organisation, integration domain.Snowflake, health domain.Health) Event {
	h := head{EventID: id, OrganisationID: organisation, IntegrationID: integration}
	return event(h, TypeHealthChanged, struct {
		head
		domain.Health
	}{h, health})
}

// The changes of an object at a provider that somebody else made.
const (
	ChangeCreated  = "created"
	ChangeEdited   = "edited"
	ChangeClosed   = "closed"
	ChangeReopened = "reopened"
)

// A Remote is the object that changed.
type Remote struct {
	domain.Remote
	Title     string    `json:"title"`
	UpdatedAt time.Time `json:"updated_at"`
}

// A RemoteChange is what a person changed at the provider.
type RemoteChange struct {
	EventID      domain.Snowflake
	Organisation domain.Snowflake
	Integration  domain.Snowflake
	Item         *domain.Snowflake // nil for an object that is linked to no item
	Provider     domain.Provider
	Change       string // one of the Change constants
	Remote       Remote
}

// RemoteChanged is the event of a change that a person made at the provider.
func RemoteChanged(c RemoteChange) Event {
	h := head{EventID: c.EventID, OrganisationID: c.Organisation, IntegrationID: c.Integration}
	return event(h, TypeRemoteChanged, struct {
		head
		ItemID   *domain.Snowflake `json:"item_id"`
		Provider domain.Provider   `json:"provider"`
		Change   string            `json:"change"`
		Remote   Remote            `json:"remote"`
	}{h, c.Item, c.Provider, c.Change, c.Remote})
}
