package worker

import (
	"errors"
	"time"

	"example.com/integrations/functions/providersync/worker/item"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// A task is an item of a page, and what this invocation does about it.
type task struct {
	id      domain.Snowflake
	pending []store.PendingChange
	item    domain.Item
	content connector.Content
	link    store.Link
	linked  bool          // the link was there before
	before  inDoubt       // what the link said of an earlier update
	digest  *store.Digest // the one that its link names, if it was sent

	decision
	result
	planCount
}

// A decision is what has to be done about an item.
type decision struct {
	step   item.Step
	reason string // why it is skipped
	again  bool   // another step was decided on, and follows
}

// A result is what this invocation has done about an item.
type result struct {
	intentStored bool // the intent of its create is stored
	updateSent   bool // its update was sent
	unanswered   bool // its create was sent and not answered
	attempted    bool // it was tried and failed: a request to retry it is fulfilled
	linkChanged  bool // its link must be written
	finished     bool // its pending changes may be deleted
}

// A planCount is how the plan pass has counted an item.
type planCount struct {
	planned   bool           // the plan pass has added a pending change for it, and so did not count it
	countedAs domain.Outcome // what the plan pass counted it as otherwise, "" for nothing
	removed   bool           // it does not count as remaining any more
}

// inDoubt is whether an earlier update may have been sent, and what it may have made
// of the object.
type inDoubt struct {
	maybeSent bool
	labels    []string
	texts     []string
	states    []domain.ItemState
}

// inDoubtOf is what a link says of it.
func inDoubtOf(link store.Link) inDoubt {
	return inDoubt{link.InDoubt, link.InDoubtLabels, link.InDoubtTexts, link.InDoubtStates}
}

// note sets what the link says of it.
func (d inDoubt) note(link *store.Link) {
	link.InDoubt = d.maybeSent
	link.InDoubtLabels = d.labels
	link.InDoubtTexts = d.texts
	link.InDoubtStates = d.states
}

// retry reports whether a manager wants the item tried again.
func (t *task) retry() bool { return item.Retry(t.pending) }

// subject is what is decided about.
func (t *task) subject() item.Subject {
	return item.Subject{Item: t.item, Content: t.content, Link: t.link, Pending: t.pending, InSentDigest: t.digest != nil}
}

// sentBefore is what the provider was sent before an update, as far as it is
// known: after a doubtful one the state is sent again whatever it was, and the
// labels of both count as ours.
func (t *task) sentBefore() connector.Sent {
	sent := connector.Sent{Remote: *t.link.Remote, Labels: t.link.SentLabels, State: t.link.SentState,
		Seen: connector.Seen{Text: t.link.SeenText, State: t.link.SeenState}}
	if t.before.maybeSent {
		sent.State = ""
		sent.Labels = union(t.link.SentLabels, t.before.labels)
	}

	return sent
}

// recordPartial records what an update had done before it failed: that is not a
// person's change, and not the whole update either. It returns what a repetition
// starts from: a state that it finds may be its own.
func (t *task) recordPartial(sent connector.Sent, w connector.Written, err error) connector.Sent {
	var e *failure.Error
	if errors.As(err, &e) && e.Class == failure.Ambiguous {
		sent.State = ""
		t.before = inDoubtOf(t.link) // whatever a repetition is answered
	}

	if w.Remote.ID == "" {
		return sent
	}

	t.link.Remote = &w.Remote
	t.linkChanged = true
	t.link.SentHash = ""
	t.link.SentState = ""
	t.link.SentLabels = union(t.link.SentLabels, t.content.Labels)
	setSeen(&t.link, w.Seen, w.UpdatedAt)
	sent.Remote = w.Remote
	sent.Seen = w.Seen
	sent.State = ""

	return sent
}

// undoAttempt is for a create that made nothing: its attempt does not count.
func (t *task) undoAttempt() {
	if t.link.Intent != nil {
		t.link.Intent = nil
		t.link.UndoAttempt()
	}
}

// recordSent notes what the provider has taken.
func (t *task) recordSent(w connector.Written, c connector.Content) {
	t.link.Remote = remoteOf(w)
	t.link.Intent = nil
	t.link.SentHash = c.Hash()
	t.link.SentState = c.State
	if w.Note != connector.NoteLabelsNotSettable { // else the labels there are as before
		t.link.SentLabels = c.Labels
	}

	setSeen(&t.link, w.Seen, w.UpdatedAt)
	t.before = inDoubt{}
	t.before.note(&t.link)
	t.link.Attempts = 0
	t.link.RetryAt = time.Time{}
	t.link.GivenUp = false
	t.link.NotEditable = ""
	t.linkChanged = true
}

// remoteOf is the object of a write, nil where the provider names none.
func remoteOf(w connector.Written) *domain.Remote {
	if w.Remote.ID == "" {
		return nil
	}
	return &w.Remote
}

// setSeen stores how an object looked when it was last read or written.
func setSeen(link *store.Link, seen connector.Seen, updatedAt time.Time) {
	link.SeenText = seen.Text
	link.SeenState = seen.State
	link.SeenAt = seenAt(updatedAt)
}

// seenAt is a provider's time as a link holds it, 0 for none.
func seenAt(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixMilli()
}

// hasOldTrouble reports whether the row of an unchanged item shows a trouble that is
// over: what was refused, deferred or skipped was not this content.
func (t *task) hasOldTrouble() bool {
	switch t.link.Outcome {
	case domain.FailedOut, domain.Deferred, domain.Skipped, domain.Unknown:
		return true
	}
	return false
}

// countedByPlan is what the plan pass counts an item as for which it adds no pending
// change. It does not rewrite the row, so the row still says it. It is "" for an item
// that was not there yet.
func (t *task) countedByPlan() domain.Outcome {
	switch {
	case !t.linked:
		return ""
	case t.link.Outcome == domain.Unknown:
		return domain.Unknown
	case t.link.GivenUp:
		return domain.FailedOut
	case t.link.Outcome == domain.Skipped:
		return domain.Skipped
	case t.link.Remote != nil || t.link.SentHash != "":
		return domain.Unchanged
	}

	return ""
}

func (t *task) name() string { return t.id.String() }

// resetAttempts starts counting attempts again, for another version or a request to
// retry.
func (t *task) resetAttempts() {
	if t.link.Version != t.item.Version || t.retry() && t.link.GivenUp {
		t.link.Attempts = 0
		t.link.GivenUp = false
	}
}

// previousMessage is what the last message said, nil for none.
func (t *task) previousMessage() *connector.PreviousMessage {
	told := t.link.Previous
	if told == nil {
		return nil
	}

	return &connector.PreviousMessage{
		Title:   told.Title,
		Text:    told.Text,
		Labels:  t.link.SentLabels,
		State:   t.link.SentState,
		Deleted: told.Deleted,
		Facts:   told.Facts,
		Channel: t.link.Channel,
	}
}
