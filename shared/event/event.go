// Package event reads what arrives on the event bus: the EventBridge envelope
// and the detail of an item event.
package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"integrations/shared/domain"
)

// The detail types of item events.
const (
	ItemCreated = "item.created"
	ItemUpdated = "item.updated"
	ItemDeleted = "item.deleted"
)

// ErrMalformed reports an event that can never be handled.
var ErrMalformed = errors.New("malformed event")

// MaxDescription is the longest description that is kept, in bytes.
const MaxDescription = 64 << 10

// An Envelope is an event as EventBridge delivers it
// (https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html).
type Envelope struct {
	ID         string          `json:"id"`
	DetailType string          `json:"detail-type"`
	Source     string          `json:"source"`
	Detail     json.RawMessage `json:"detail"`
}

// ParseEnvelope reads a message body.
func ParseEnvelope(body string) (Envelope, error) {
	var e Envelope
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		return e, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	if e.DetailType == "" || len(e.Detail) == 0 {
		return e, fmt.Errorf("%w: no detail-type or no detail", ErrMalformed)
	}
	return e, nil
}

// detail is an item event's detail; a pointer tells what is missing.
type detail struct {
	ID              *domain.Snowflake `json:"id"`
	OrganisationID  *domain.Snowflake `json:"organisation_id"`
	ItemType        *domain.ItemType  `json:"item_type"`
	PrefixID        *domain.Snowflake `json:"prefix_id"`
	FormattedNumber *string           `json:"formatted_number"`
	Version         *int64            `json:"version"`
	Title           *string           `json:"title"`
	Description     *string           `json:"description"`
	URL             *string           `json:"url"`
	State           *domain.ItemState `json:"state"`
	Status          *string           `json:"status"`
	Priority        *string           `json:"priority"`
	Labels          *[]string         `json:"labels"`
	UpdatedAt       *time.Time        `json:"updated_at"`
}

// ParseItem reads the detail of an item event. A deletion needs only its key,
// organisation and version. Unknown members are ignored.
func ParseItem(detailType string, raw json.RawMessage) (domain.Item, error) {
	var d detail
	if err := json.Unmarshal(raw, &d); err != nil {
		return domain.Item{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	item := domain.Item{Deleted: detailType == ItemDeleted}
	missing := take(&item.ID, d.ID, "id", nil)
	missing = take(&item.OrganisationID, d.OrganisationID, "organisation_id", missing)
	missing = take(&item.Version, d.Version, "version", missing)
	if !item.Deleted {
		missing = take(&item.ItemType, d.ItemType, "item_type", missing)
		missing = take(&item.FormattedNumber, d.FormattedNumber, "formatted_number", missing)
		missing = take(&item.Title, d.Title, "title", missing)
		missing = take(&item.Description, d.Description, "description", missing)
		missing = take(&item.URL, d.URL, "url", missing)
		missing = take(&item.State, d.State, "state", missing)
		missing = take(&item.Status, d.Status, "status", missing)
		missing = take(&item.Labels, d.Labels, "labels", missing)
		missing = take(&item.UpdatedAt, d.UpdatedAt, "updated_at", missing)
	}
	if len(missing) > 0 {
		return domain.Item{}, fmt.Errorf("%w: missing or null: %v", ErrMalformed, missing)
	}
	if d.PrefixID != nil {
		item.PrefixID = d.PrefixID.String()
	}
	if d.Priority != nil {
		item.Priority = *d.Priority
	}
	return item, check(item)
}

// take copies a member that is there, or adds its name to those missing.
func take[T any](to *T, from *T, name string, missing []string) []string {
	if from == nil {
		return append(missing, name)
	}
	*to = *from
	return missing
}

func check(i domain.Item) error {
	switch {
	case i.Version < 1:
		return fmt.Errorf("%w: version is %d, want 1 or more", ErrMalformed, i.Version)
	case i.Deleted:
		return nil
	case !i.ItemType.Valid():
		return fmt.Errorf("%w: item_type %q is unknown", ErrMalformed, i.ItemType)
	case i.State != domain.Open && i.State != domain.Closed:
		return fmt.Errorf(`%w: state is %q, want "open" or "closed"`, ErrMalformed, i.State)
	case len(i.Description) > MaxDescription:
		return fmt.Errorf("%w: description has %d bytes, at most %d are kept", ErrMalformed, len(i.Description), MaxDescription)
	}
	return nil
}
