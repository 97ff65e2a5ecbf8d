// Package connector is the contract between the sync engine and the seven
// providers: what a connector renders, writes and reconciles, and how it says
// what went wrong.
package connector

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup/document"
)

// Content is an item in a provider's own markup, within its limits and
// disarmed. It holds everything that a provider gets of the item.
type Content struct {
	Title  string           `json:"title"`
	Body   string           `json:"body"` // without the marker
	Labels []string         `json:"labels"`
	State  domain.ItemState `json:"state"`
	// The rest is for chats, whose messages show it beside the body.
	Number  string `json:"number,omitempty"`
	URL     string `json:"url,omitempty"`     // of the item, http or https
	Deleted bool   `json:"deleted,omitempty"` // the item is
	// Blocks is the text that Body shows, for chats whose messages are made of
	// blocks. It is cut to the same length as Body.
	Blocks []document.Block `json:"blocks,omitempty"`
	Facts  domain.Facts     `json:"facts,omitzero"`
	// ChangedBy is the name of the person who changed the item last, "" if it is
	// not known. It is no part of the content: a new name alone is no change.
	ChangedBy string `json:"-"`
	// Previous is what the last message said, nil in the first: a message says what
	// has changed since. It is no part of the content.
	Previous *PreviousMessage `json:"-"`
	// Thread is the name of the thread that the first message opens, "" where it
	// opens none. A thread keeps its name, so it is no part of the content.
	Thread string `json:"-"`
}

// Hash names the content: equal hashes mean that nothing needs to be sent.
func (c Content) Hash() string {
	b, err := json.Marshal(c)
	if err != nil {
		panic(err) // strings and a slice of strings always marshal
	}

	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}

// TextHash names a body.
func TextHash(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:8])
}

// A Marker is the trace of one attempt to create an item's object. It travels
// in the object where the provider allows, so that an attempt whose answer was
// lost can be found again.
type Marker struct {
	Integration domain.Snowflake
	Item        domain.Snowflake
	Attempt     int
	// Tag is the time of the attempt and the signature over all of it, in
	// lower-case letters and digits, "" in a marker without them. A connector
	// writes and reads it and does not judge the signature.
	Tag string
}

// Sent is what is stored of the last content that a provider accepted.
type Sent struct {
	Remote domain.Remote
	Labels []string // the labels we put there; others belong to people
	State  domain.ItemState
	Seen   Seen
}

// Seen is what an object looked like when we last wrote or read it: enough to
// distinguish a person's change from our own. It is about what the provider stored,
// not what we sent, since providers normalise text.
type Seen struct {
	Text  string           `json:"text"` // a hash of title and body
	State domain.ItemState `json:"state"`
}

// Written is an object as a write left it. Where an update did not send the
// state, Seen.State is the one that was seen before: a person's change of it
// is still to be noticed by a pull.
type Written struct {
	Remote domain.Remote
	Seen   Seen
	// UpdatedAt is the provider's own time of that state, zero where the provider
	// states none. A list with an earlier one lags behind.
	UpdatedAt time.Time
	// CreatedAt is the provider's own time at which the object was made, zero
	// where the provider states none.
	CreatedAt time.Time
	// Unproven: the provider accepted it and gives no proof that it is there. Such
	// an object has no remote id, and cannot be asked for.
	Unproven bool
	// Note is a machine-readable code of what the write left out although it
	// succeeded, "" for nothing, such as NoteLabelsNotSettable. The ledger row of
	// the item shows it as its reason.
	Note string
}

// A Connector talks to one place (a repository, a project, a channel) at one
// provider. It makes one attempt a call and never retries a write by itself.
// Every error is a *failure.Error.
type Connector interface {
	Resolver
	// Render is pure: the same item gives the same content.
	Render(item domain.Item) Content
	// Create makes the object, open, with the marker in it. Closing a new
	// object is an Update.
	Create(ctx context.Context, c Content, m Marker) (Written, error)
	// Update makes the object what c says, state included. Where a part of it was
	// done before it failed, what that left is given beside the error. A state
	// sent that is "" is not known: an earlier update may have sent it.
	Update(ctx context.Context, sent Sent, c Content, m Marker) (Written, error)
}

// A Finder is a connector that can look for what an unanswered create made.
// Where there is none, such a create is not sent again by itself.
type Finder interface {
	// Find lists what was created since a time and returns the objects that
	// carry a wanted marker, by item. A marker is wanted as a whole, Attempt and
	// Tag included; several attempts of one item may be wanted. Of several
	// objects of one item, the one is returned that Originals picks. Find never
	// asks a search index.
	Find(ctx context.Context, since time.Time, want []Marker) (map[domain.Snowflake]Written, error)
	// ClockLag is how far the provider's clock is behind ours by its last answer, and
	// the most of all answers. It is zero before the first answer, and negative where
	// the clock is ahead. Since, in calls of a connector, is a time of the provider.
	ClockLag() (last, most time.Duration)
}

// An Object is what a target holds, ours or not.
type Object struct {
	Written
	// Marker is the first of Markers, zero where there is none.
	Marker Marker
	// Markers are the distinct markers in the object, the likeliest first, at
	// most MostMarkers. People copy markers and paste them into other objects,
	// also beside ours, so which one counts is for the engine to verify.
	Markers   []Marker
	Title     string
	UpdatedAt time.Time
	// Ignored: it is not an object of ours, for example a pull request among issues.
	// Only UpdatedAt is used, which shows how far a page goes.
	Ignored bool
}

// A Puller is a connector that can list what changed at its provider. Trackers
// can, chats cannot.
type Puller interface {
	// Changes lists some of the objects changed at or after since (the zero
	// time: all there are), the oldest change first. Offset is how many of them
	// were handed over before; Ignored ones count. It means the same whatever the
	// size of the pages that the connector asks for, which may change between two
	// calls. More says that others follow, and is only said beside at least one
	// object. What is not an issue, but stands in the provider's list and moves in
	// it, is handed over as Ignored.
	Changes(ctx context.Context, since time.Time, offset int) (objects []Object, more bool, err error)
	// Read reads one object as Changes would show it now. It is for an object
	// about to be updated while Changes does not work.
	Read(ctx context.Context, remote domain.Remote) (Object, error)
	// Look is the Seen.Text of an object that has the content and the marker just
	// as they are sent. Where the provider stores its text in another form, no
	// object looks so.
	Look(c Content, m Marker) string
}

// A Check is one thing that a connection needs, and whether it is so. OK is nil
// where that cannot be known without writing; Code says why it is not so, or
// not known. Detail is a sentence for a manager, nil where Code says enough.
type Check struct {
	Name   string  `json:"name"`
	OK     *bool   `json:"ok"`
	Code   *string `json:"code"`
	Detail *string `json:"detail"`
}

// String is "name=ok", "name=no(code)" or "name=?(code)".
func (c Check) String() string {
	says := "?"
	if c.OK != nil {
		says = map[bool]string{true: "ok", false: "no"}[*c.OK]
	}

	if c.Code != nil {
		says += "(" + *c.Code + ")"
	}

	return c.Name + "=" + says
}

// A Checker is a connector that can find out whether its credentials and its
// target work, without writing anything there.
type Checker interface {
	// Check asks the provider. The error says for the log what stands behind a
	// check that did not pass; the checks are complete all the same.
	Check(ctx context.Context) ([]Check, error)
}

// Passed is a check of what is so.
func Passed(name string) Check { yes := true; return Check{Name: name, OK: &yes} }

// Refused is a check of what is not so.
func Refused(name, code string) Check { no := false; return Check{Name: name, OK: &no, Code: &code} }

// Undecided is a check of what cannot be known.
func Undecided(name, code string) Check { return Check{Name: name, Code: &code} }
