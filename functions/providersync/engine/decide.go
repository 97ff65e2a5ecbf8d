package engine

import (
	"encoding/json"
	"time"

	"integrations/shared/connector"
	"integrations/shared/domain"
	"integrations/shared/store"
)

// A step is what has to be done about one item.
type step int

const (
	nothing   step = iota // there is nothing to do or to count
	unchanged             // the provider has it already
	skip                  // it is not to be sent, for a reason
	later                 // it failed, and its next attempt is not due
	resolve               // a create may have left: look for it first
	create
	update
)

// A task is one marked item.
type task struct {
	id      domain.Snowflake
	marks   []store.Mark
	item    domain.Item
	link    store.Link
	content connector.Content
	step    step
	reason  string
	done    bool // its marks may go
	dirty   bool // its link must be written
	lost    bool // its create left and was not answered
}

// decide compares an item with what was last sent.
func (s *slice) decide(t *task, known bool) {
	now := s.Clock.Now()
	if !known {
		t.step = nothing
		return
	}
	t.link.FormattedNumber = t.item.FormattedNumber
	t.content = s.conn.Render(t.item)
	if t.item.Deleted {
		t.content.State = domain.Closed
	}
	settled := t.link.Version == t.item.Version
	switch {
	case t.link.Intent != nil:
		t.step = resolve
	case settled && t.link.Parked:
		t.step, t.reason = nothing, t.link.Reason
	case settled && t.link.RetryAt.After(now):
		t.step = later
	case t.link.Remote != nil && t.link.SentHash == t.content.Hash():
		t.step = unchanged
	case t.item.Deleted && t.link.Remote == nil:
		t.step, t.reason = skip, "deleted_before_first_sync"
	case t.item.Deleted && s.onDelete == "leave":
		t.step, t.reason = skip, "deleted_and_left"
	case t.link.Reason == remoteDeleted && t.link.Remote != nil:
		t.step, t.reason = skip, remoteDeleted
	case t.link.Remote != nil:
		t.step = update
	default:
		t.step = create
	}
}

// remoteDeleted is the reason for leaving alone an object that a person
// deleted at the provider.
const remoteDeleted = "remote_deleted"

// marker names the attempt to create an item's object.
func (s *slice) marker(t *task) connector.Marker {
	return connector.Marker{Integration: s.lease.Pair.ID, Item: t.id, Attempt: t.link.Attempt}
}

// opened is the content a create sends: new objects are open, and closed by an
// update once they are recorded.
func opened(c connector.Content) connector.Content {
	c.State = domain.Open
	return c
}

// sent notes what the provider has taken.
func (t *task) sent(remote domain.Remote, c connector.Content) {
	t.link.Remote, t.link.Intent = &remote, nil
	t.link.SentHash, t.link.SentLabels, t.link.SentState = c.Hash(), c.Labels, c.State
	t.link.Attempts, t.link.RetryAt, t.link.Parked = 0, time.Time{}, false
	t.dirty = true
}

// record notes an item's outcome and counts it, once in a run, by its last.
func (s *slice) record(t *task, out domain.Outcome, reason string) {
	again := t.link.LastRunID == s.run.ID
	if again && t.link.Outcome == domain.Created && out == domain.Updated {
		out = domain.Created // created and then closed is one creation
	}
	if again {
		s.tally(t.link.Outcome, -1)
	}
	s.tally(out, 1)
	t.link.Outcome, t.link.Reason, t.link.LastRunID = out, reason, s.run.ID
	t.link.Version, t.link.UpdatedAt = t.item.Version, s.Clock.Now().UTC()
	t.dirty = true
}

func (s *slice) tally(out domain.Outcome, n int) {
	c := &s.run.Counts
	switch out {
	case domain.Created, domain.Accepted:
		c.Created += n
	case domain.Updated:
		c.Updated += n
	case domain.Skipped:
		c.Skipped += n
	case domain.FailedOut:
		c.Failed += n
	}
}

// onDelete reads what a tracker's configuration wants of deleted items.
func onDelete(configuration string) string {
	var c struct {
		OnDelete string `json:"on_delete"`
	}
	if json.Unmarshal([]byte(configuration), &c) != nil || c.OnDelete == "" {
		return "close"
	}
	return c.OnDelete
}
