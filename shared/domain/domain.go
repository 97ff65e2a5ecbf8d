// Package domain holds the words of the service: integrations, items, sync
// runs, links and permissions. It is pure: no I/O, no clock, no AWS.
package domain

import "time"

// A Provider is one of the outside tools an integration talks to.
type Provider string

// The providers. An integration's never changes.
const (
	Discord  Provider = "discord"
	GitHub   Provider = "github"
	GitLab   Provider = "gitlab"
	Jira     Provider = "jira"
	MantisBT Provider = "mantisbt"
	Slack    Provider = "slack"
	Teams    Provider = "teams"
)

// Providers lists every provider, in the order documents name them.
var Providers = []Provider{Discord, GitHub, GitLab, Jira, MantisBT, Slack, Teams}

// Chat reports whether the provider shows items as messages. The others are
// trackers, which show them as issues.
func (p Provider) Chat() bool { return p == Discord || p == Slack || p == Teams }

// An ItemType is the object type whose items trigger an integration.
type ItemType string

// ItemTypes lists every object type an integration may be bound to.
var ItemTypes = []ItemType{
	"none", "organisation", "user", "role", "workgroup", "team",
	"document", "document_branch", "document_revision", "document_link", "document_sheet", "document_entity",
	"document_field", "document_property", "document_collection", "document_collection_link",
	"document_collection_sheet", "document_collection_entity",
	"work_item", "work_item_field", "work_item_schedule", "work_item_log", "work_item_link", "work_item_type",
	"location", "fleet", "asset_group", "asset", "asset_consist", "equipment", "asset_zone",
	"project", "milestone", "package",
}

// Valid reports whether t is one of ItemTypes.
func (t ItemType) Valid() bool {
	for _, known := range ItemTypes {
		if t == known {
			return true
		}
	}
	return false
}

// An Integration connects an organisation's items of one type with one place
// at one provider. It has exactly these six members on the wire.
type Integration struct {
	ID             Snowflake `json:"id"`
	OrganisationID Snowflake `json:"organisation_id"`
	ItemType       ItemType  `json:"item_type"`
	Provider       Provider  `json:"provider"`
	Enabled        bool      `json:"enabled"`
	// Configuration is a JSON object as text; a secret member reads as Mask.
	Configuration string `json:"configuration"`
}

// Mask stands where a stored secret is: it is all that is ever read of one.
const Mask = "********"

// ItemState says whether work on an item is still to be done.
type ItemState string

// The states an item can be in.
const (
	Open   ItemState = "open"
	Closed ItemState = "closed"
)

// A Named is an object or a person of the platform that an item refers to. Name
// is the text that people read. It is foreign text: a renderer disarms it.
type Named struct {
	ID   Snowflake `json:"id"`
	Name string    `json:"name"`
}

// An Item is a work item, a document or another object of an organisation, as
// its last event had it.
type Item struct {
	ID              Snowflake `json:"id"`
	OrganisationID  Snowflake `json:"organisation_id"`
	ItemType        ItemType  `json:"item_type"`
	PrefixID        string    `json:"prefix_id,omitempty"`
	FormattedNumber string    `json:"formatted_number"`
	Version         int64     `json:"version"`
	Title           string    `json:"title"`
	Description     string    `json:"description"`
	URL             string    `json:"url"`
	State           ItemState `json:"state"`
	Status          string    `json:"status"`
	Priority        string    `json:"priority,omitempty"`
	Labels          []string  `json:"labels"`
	UpdatedAt       time.Time `json:"updated_at"`

	// These members are optional: nil means that the item has none.
	Type      *Named `json:"type,omitempty"`
	Project   *Named `json:"project,omitempty"`
	Milestone *Named `json:"milestone,omitempty"`
	Owner     *Named `json:"owner,omitempty"`
	UpdatedBy *Named `json:"updated_by,omitempty"`
	// DueAt is when the work is to be done, in the time zone of the event. The
	// zero time means that the item has no due date.
	DueAt time.Time `json:"due_at,omitempty,omitzero"`

	Deleted bool `json:"-"`
}

// DueDate is the day of DueAt, such as 2026-12-01, or "" without a due date. It
// is the day in the time zone of the event: midnight of 1 December in Berlin is
// still 30 November in UTC.
func (i Item) DueDate() string {
	if i.DueAt.IsZero() {
		return ""
	}

	return i.DueAt.Format(time.DateOnly)
}
