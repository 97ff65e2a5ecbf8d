package connector

import (
	"context"

	"integrations/shared/domain"
)

// A Chat is a connector whose objects are messages, shown to people as they
// arrive. In its contents Title, Number and Labels are plain text of one line,
// disarmed when a message is made of them; Body is in the provider's markup.
// Create posts a message, whatever the item's state; where it tells no id, the
// Remote it returns is zero.
type Chat interface {
	Connector
	// Manner says how items are told of.
	Manner() Manner
	// Digest posts one message that sums up many items, with the marker in it
	// where that is possible. The marker's item is the digest's own id.
	Digest(ctx context.Context, d Digest, m Marker) (Written, error)
}

// A Manner is how a chat tells of items.
type Manner struct {
	// Edits: the message of a changed item is edited in place. Else each change
	// is a message of its own.
	Edits bool
	// DigestOver is how many messages a run may post one by one; more become one
	// digest.
	DigestOver int
}

// Was is what the last message told of an item.
type Was struct {
	Title   string
	Text    string // TextHash of the body
	Labels  []string
	State   domain.ItemState
	Deleted bool
	// Channel is the provider's id of the channel or thread that the message is
	// in, "" where the provider did not name it.
	Channel string
}

// A Digest sums up the items of a run that get no message of their own: how
// many there are, by what has happened to each, and the first of them.
type Digest struct {
	New      int       `json:"new"`
	Changed  int       `json:"changed"` // of those that were told before: neither closed nor reopened
	Closed   int       `json:"closed"`
	Reopened int       `json:"reopened"`
	First    []Content `json:"first"` // without bodies, at most DigestShows
}

// DigestShows is how many items a digest names.
const DigestShows = 10

// Total is how many items it is about.
func (d Digest) Total() int { return d.New + d.Changed + d.Closed + d.Reopened }

// NotEditable is the code of a message that is there and cannot be edited any
// more: a new one takes its place.
const NotEditable = "message_not_editable"
