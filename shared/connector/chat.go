package connector

import (
	"context"
	"slices"
	"strings"
	"time"

	"example.com/integrations/shared/domain"
)

// A Chat is a connector whose objects are messages, shown to people as they
// arrive. In its contents Title, Number and Labels are plain text of one line,
// disarmed when a message is made of them; Body is in the provider's markup.
// Create posts a message, whatever the item's state; where the provider gives no
// id, the Remote that it returns is zero.
type Chat interface {
	Connector
	// DeliveryMode says how items are shown.
	DeliveryMode() DeliveryMode
	// Digest posts one message that sums up many items, with the marker in it
	// where that is possible. The marker's item is the digest's own id.
	Digest(ctx context.Context, d Digest, m Marker) (Written, error)
}

// A Replier is a chat that can post a reply below the message of an item.
type Replier interface {
	// Reply posts a reply. It makes one attempt.
	Reply(ctx context.Context, r Reply) (Written, error)
	// FindReply looks for a reply that may have been posted: for one with the
	// wanted text or marker, behind Reply.After. It asks no search index.
	FindReply(ctx context.Context, r Reply) (w Written, found bool, err error)
}

// A Reply says what has changed since the reply before it.
type Reply struct {
	// Message is the message of the item.
	Message domain.Remote
	// After is the last reply below the message, zero if there is none.
	After    domain.Remote
	From, To domain.Progress
	// Content is the item as its message shows it.
	Content Content
	// Since is a time before the first attempt, by the provider's clock.
	Since time.Time
	// ChangedBy is the name of the person who made the change, plain text of one
	// line, "" if it is not known.
	ChangedBy string
	// Markers are those of all attempts, the last one of the attempt that is made.
	// Their item is the reply's own id. FindReply looks for any of them.
	Markers []Marker
}

// A DeliveryMode is how a chat shows items.
type DeliveryMode struct {
	// Edits: the message of a changed item is edited in place. Else each change
	// is a message of its own.
	Edits bool
	// Replies: a change of state, status or priority is also said in a reply below
	// the message. Such a chat edits, and is a Replier and a Finder.
	Replies bool
	// DigestOver is how many messages a run may post one by one; more become one
	// digest.
	DigestOver int
}

// PreviousMessage is what the last message said about an item.
type PreviousMessage struct {
	Title   string
	Text    string // TextHash of the body
	Labels  []string
	State   domain.ItemState
	Deleted bool
	Facts   domain.Facts
	// Channel is the provider's id of the channel or thread that the message is
	// in, "" where the provider did not name it.
	Channel string
}

// AsPrevious is what a message with this content says: the PreviousMessage of the
// next one.
func (c Content) AsPrevious() *PreviousMessage {
	return &PreviousMessage{
		Title:   c.Title,
		Text:    TextHash(c.Body),
		Labels:  c.Labels,
		State:   c.State,
		Deleted: c.Deleted,
		Facts:   c.Facts,
	}
}

// A Digest sums up the items of a run that get no message of their own: how
// many there are, by what has happened to each, and the first of them.
type Digest struct {
	New      int `json:"new"`
	Changed  int `json:"changed"` // of those with an earlier message: neither closed nor reopened
	Closed   int `json:"closed"`
	Reopened int `json:"reopened"`
	// First are the most important items, the most important one first. They have
	// no text, and are at most DigestShows.
	First []Content `json:"first"`
	// ChangedAt says when each item of First changed, in Unix milliseconds.
	ChangedAt []int64 `json:"changed_at,omitempty"`
	// URL leads to the list of all items, "" if the deployment has no such page.
	URL string `json:"url,omitempty"`
}

// DigestShows is how many items a digest names.
const DigestShows = 10

// Add names an item in the digest if it is among the most important ones: closed
// items first, then by priority, then the item that changed last. The content has
// no text.
func (d *Digest) Add(c Content, changedAt time.Time) {
	entry := ranked{content: c, at: changedAt.UnixMilli()}
	place := 0
	for place < len(d.First) && !entry.before(ranked{d.First[place], d.ChangedAt[place]}) {
		place++
	}

	d.First = slices.Insert(d.First, place, c)
	d.ChangedAt = slices.Insert(d.ChangedAt, place, entry.at)
	if len(d.First) > DigestShows {
		d.First = d.First[:DigestShows]
		d.ChangedAt = d.ChangedAt[:DigestShows]
	}
}

// ranked is an item that a digest may name.
type ranked struct {
	content Content
	at      int64 // Unix milliseconds
}

// before reports whether an item is more important than another one.
func (r ranked) before(other ranked) bool {
	closed := r.content.State == domain.Closed
	otherClosed := other.content.State == domain.Closed
	if closed != otherClosed {
		return closed
	}

	priority := priorityRank(r.content.Facts.Priority)
	otherPriority := priorityRank(other.content.Facts.Priority)
	if priority != otherPriority {
		return priority > otherPriority
	}

	return r.at > other.at
}

// usualPriority is the rank of an item without a priority, or with one of an
// unknown name.
const usualPriority = 3

// priorityRanks are the usual names of priorities, in lower case. The platform's
// are free texts, so these are the names that trackers use.
var priorityRanks = map[string]int{
	"blocker": 5, "critical": 5, "urgent": 5, "highest": 5, "immediate": 5, "emergency": 5, "p0": 5,
	"high": 4, "major": 4, "important": 4, "p1": 4,
	"medium": 3, "normal": 3, "default": 3, "p2": 3,
	"low": 2, "minor": 2, "p3": 2,
	"lowest": 1, "trivial": 1, "p4": 1,
}

// priorityRank is higher for a more important priority.
func priorityRank(name string) int {
	rank, known := priorityRanks[strings.ToLower(name)]
	if !known {
		return usualPriority
	}
	return rank
}

// Total is how many items it is about.
func (d Digest) Total() int { return d.New + d.Changed + d.Closed + d.Reopened }

// NotEditable is the code of a message that is there and cannot be edited any
// more: a new one takes its place.
const NotEditable = "message_not_editable"
