package gallery

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"time"

	"example.com/integrations/shared/domain"
)

// An exhibit is an item, and what it shows.
type exhibit struct {
	Name string
	Item domain.Item
	// Before is the item at the last message, nil if it is new.
	Before *domain.Item
	// Replied says that the change is posted as a reply below the message, which
	// only the bots of chats do.
	Replied bool
	// Digest are the items of a digest, nil for none. Only chats have digests.
	Digest []domain.Item
}

// forChats reports whether only chats can show an exhibit.
func (e exhibit) forChats() bool { return e.Replied || e.Digest != nil }

// The exhibits as data: what differs in each from the usual item. They are ten items
// that are difficult to render, one with all the people and dates that an event can
// name, a change that is posted as a reply, and a digest of the ten.
//
//go:embed exhibits.json
var exhibitData []byte

// inDigest is how many items the digest has.
const inDigest = 10

// exhibits reads the exhibits.
func exhibits() ([]exhibit, error) {
	var all []struct {
		exhibit
		Item    json.RawMessage
		Before  json.RawMessage
		Deleted bool
		Digest  bool
	}
	if err := json.Unmarshal(exhibitData, &all); err != nil {
		return nil, fmt.Errorf("exhibits: %w", err)
	}

	var made []exhibit
	var digest []domain.Item
	for i, one := range all {
		e := one.exhibit
		e.Item = usual(i + 1)
		if err := json.Unmarshal(one.Item, &e.Item); err != nil {
			return nil, fmt.Errorf("exhibit %s: %w", e.Name, err)
		}

		e.Item.Deleted = one.Deleted
		if one.Before != nil {
			before := usual(i + 1)
			if err := json.Unmarshal(one.Before, &before); err != nil {
				return nil, fmt.Errorf("exhibit %s, before: %w", e.Name, err)
			}

			e.Before = &before
		}

		if len(digest) < inDigest {
			digest = append(digest, e.Item)
		}

		if one.Digest {
			e.Digest = digest
		}

		made = append(made, e)
	}

	return made, nil
}

// usual is an ordinary item with a number.
func usual(number int) domain.Item {
	return domain.Item{
		ID: domain.Snowflake(1190000000000100000 + number), OrganisationID: 1180000000000000001, ItemType: "work_item", FormattedNumber: fmt.Sprintf("WI-%d", number), Version: 1,
		Title: "Doors close before the train is clear", State: domain.Open, Status: "in progress", Priority: "high", Labels: []string{"doors", "safety"},
		Description: "The doors of **car 3** close while the platform sensor still reports a person.\n\n- seen twice at track 4\n- see the [report](https://items.example/reports/4)",
		URL:         fmt.Sprintf("https://items.example/WI-%d", number), UpdatedAt: time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC),
	}
}
