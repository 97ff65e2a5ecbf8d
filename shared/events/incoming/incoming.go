// Package incoming reads the platform's events: the EventBridge envelope and the
// details of each type.
package incoming

import (
	"encoding/json"
	"fmt"

	"example.com/integrations/shared/domain"
)

// The detail types of the platform's events.
const (
	ItemCreated         = "item.created"
	ItemUpdated         = "item.updated"
	ItemDeleted         = "item.deleted"
	OrganisationUpdated = "organisation.updated"
	OrganisationDeleted = "organisation.deleted"
	OrganisationPurged  = "organisation.purged"
	MemberUpdated       = "member.updated"
	MemberRemoved       = "member.removed"
	RoleUpdated         = "role.updated"
	RoleDeleted         = "role.deleted"
)

// OfOrganisations lists the detail types whose detail is an organisation;
// InOrganisations those whose detail names the organisation it belongs to.
var (
	OfOrganisations = []string{OrganisationUpdated, OrganisationDeleted, OrganisationPurged}
	InOrganisations = []string{ItemCreated, ItemUpdated, ItemDeleted, MemberUpdated, MemberRemoved, RoleUpdated, RoleDeleted}
)

// Check reports what is wrong with the detail of an event.
func Check(detailType string, detail json.RawMessage) error {
	var err error
	switch detailType {
	case ItemCreated, ItemUpdated, ItemDeleted:
		_, err = ParseItem(detailType, detail)
	case OrganisationUpdated, OrganisationDeleted, OrganisationPurged:
		_, err = ParseOrganisation(detailType, detail)
	case MemberUpdated, MemberRemoved:
		_, err = ParseMember(detailType, detail)
	case RoleUpdated, RoleDeleted:
		_, err = ParseRole(detailType, detail)
	default:
		err = Unknown(detailType)
	}

	return err
}

// Unknown says that there is no such event.
func Unknown(detailType string) error {
	return &Malformed{[]Problem{{"detail-type", fmt.Sprintf("%.64q is unknown", detailType)}}}
}

// An Envelope is an event as EventBridge delivers it
// (https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html).
type Envelope struct {
	ID         string
	DetailType string
	Source     string
	Detail     json.RawMessage // a JSON object
}

// ParseEnvelope reads a message body. What can be read of a malformed one is
// returned with the error, for the log.
func ParseEnvelope(body string) (Envelope, error) {
	var e Envelope
	m, err := read([]byte(body))
	if err != nil {
		return e, err
	}

	optional(m, "id", &e.ID, readText)
	optional(m, "source", &e.Source, readText)
	required(m, "detail-type", &e.DetailType, readText)
	required(m, "detail", &e.Detail, readObject)

	return e, m.err()
}

// ParseItem reads the detail of an item event. A deletion needs only its key,
// organisation and version. Unknown members are ignored.
func ParseItem(detailType string, detail json.RawMessage) (domain.Item, error) {
	m, err := read(detail)
	if err != nil {
		return domain.Item{}, err
	}

	item := domain.Item{Deleted: detailType == ItemDeleted}
	required(m, "id", &item.ID, readID)
	required(m, "organisation_id", &item.OrganisationID, readID)
	required(m, "version", &item.Version, readVersion)
	if item.Deleted {
		return item, m.err()
	}

	var prefix domain.Snowflake
	required(m, "item_type", &item.ItemType, readItemType)
	required(m, "formatted_number", &item.FormattedNumber, readWord)
	required(m, "title", &item.Title, readTitle)
	required(m, "description", &item.Description, readDescription)
	required(m, "url", &item.URL, readURL)
	required(m, "state", &item.State, readState)
	required(m, "status", &item.Status, readWord)
	required(m, "labels", &item.Labels, readLabels)
	required(m, "updated_at", &item.UpdatedAt, readTime)
	optional(m, "prefix_id", &prefix, readID)
	optional(m, "priority", &item.Priority, readWord)
	optional(m, "type", &item.Type, readNamed)
	optional(m, "project", &item.Project, readNamed)
	optional(m, "milestone", &item.Milestone, readNamed)
	optional(m, "owner", &item.Owner, readNamed)
	optional(m, "updated_by", &item.UpdatedBy, readNamed)
	optional(m, "due_at", &item.DueAt, readTime)
	if prefix != 0 {
		item.PrefixID = prefix.String()
	}

	return item, m.err()
}

// ParseOrganisation reads the detail of an organisation event. A deletion, and
// the wish to have everything erased at once, need only its id and version.
func ParseOrganisation(detailType string, detail json.RawMessage) (domain.Organisation, error) {
	m, err := read(detail)
	if err != nil {
		return domain.Organisation{}, err
	}

	o := domain.Organisation{Deleted: detailType != OrganisationUpdated}
	required(m, "id", &o.ID, readID)
	required(m, "version", &o.Version, readVersion)
	if !o.Deleted {
		required(m, "name", &o.Name, readName)
		required(m, "owner_id", &o.OwnerID, readID)
		required(m, "is_deleted", &o.Deleted, readTruth)
	}

	return o, m.err()
}

// ParseMember reads the detail of a member event. A removal needs only its
// organisation, user and version.
func ParseMember(detailType string, detail json.RawMessage) (domain.Member, error) {
	m, err := read(detail)
	if err != nil {
		return domain.Member{}, err
	}

	member := domain.Member{Removed: detailType == MemberRemoved}
	required(m, "organisation_id", &member.OrganisationID, readID)
	required(m, "user_id", &member.UserID, readID)
	required(m, "version", &member.Version, readVersion)
	if !member.Removed {
		required(m, "pending", &member.Pending, readTruth)
		required(m, "role_ids", &member.RoleIDs, readRoleIDs)
		required(m, "permissions", &member.Grant, readGrant)
	}

	return member, m.err()
}

// A Role is the content of a role event.
type Role struct {
	OrganisationID, ID domain.Snowflake
	domain.RoleGrant
}

// ParseRole reads the detail of a role event. A deletion needs only its id,
// organisation and version. The order of roles decides nothing here: any role
// that denies refuses.
func ParseRole(detailType string, detail json.RawMessage) (Role, error) {
	m, err := read(detail)
	if err != nil {
		return Role{}, err
	}

	var r Role
	r.Deleted = detailType == RoleDeleted
	required(m, "organisation_id", &r.OrganisationID, readID)
	required(m, "id", &r.ID, readID)
	required(m, "version", &r.Version, readVersion)
	if !r.Deleted {
		var order int64
		required(m, "order", &order, readInteger)
		required(m, "permissions", &r.Grant, readGrant)
	}

	return r, m.err()
}
