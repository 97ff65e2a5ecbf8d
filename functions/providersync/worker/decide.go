package worker

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// A step is what has to be done about one item.
type step int

const (
	nothing      step = iota // there is nothing to do or to count
	unchanged                // the provider has it already
	skip                     // it is not to be sent, for a reason
	givenUp                  // it is given up: it has failed and is not tried again by itself
	notDue                   // it failed, and its next attempt is not due
	panickedStep             // deciding about it failed within ourselves
	resolve                  // a create may have left: look for it first
	create
	update
	unanswerable // it may have been sent, and the provider cannot be asked
	inNextDigest // a digest is to tell of it
	inSentDigest // a digest has told of it, or failed to
	replying     // its message is up to date, and a reply below it is being posted
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
	step   step
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

// inDoubt is whether an earlier update may have left, and what it may have made
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

// A decider says what has to be done about an item.
type decider struct {
	*session
	site   *site
	health *health
}

// newTask prepares the decision about an item.
func (dc *decider) newTask(id domain.Snowflake, item domain.Item, link store.Link, linked bool) *task {
	t := &task{id: id, item: item, link: link, linked: linked}
	t.link.ItemID = id
	t.link.Target = dc.site.target.Key
	t.before = inDoubtOf(link)
	t.countedAs = t.countedByPlan()
	return t
}

// retry reports whether a manager wants the item tried again.
func (t *task) retry() bool {
	for _, m := range t.pending {
		if m.Retry {
			return true
		}
	}
	return false
}

// decide compares an item with what was last sent. A panic, which one strange
// item may cause, concerns that item alone.
func (dc *decider) decide(t *task, known bool) {
	defer func() {
		if p := recover(); p != nil {
			dc.log.Error("panic", "item_id", t.id.String(), "panic", fmt.Sprint(p))
			t.step = panickedStep
		}
	}()
	if !known {
		t.step = nothing
		return
	}

	t.link.FormattedNumber = t.item.FormattedNumber
	t.content = dc.site.conn.Render(t.item)
	if t.item.Deleted {
		t.content.State = domain.Closed
	}

	settled := t.link.Version == t.item.Version && !t.retry()
	told := t.link.Remote != nil || t.link.SentHash != ""
	switch {
	case t.digest != nil:
		t.step = inSentDigest
	case settled && t.link.GivenUp:
		t.step = givenUp
	case t.link.Intent != nil && dc.site.finder:
		t.step = resolve
	case t.link.Intent != nil && (settled || !t.retry() && t.link.Intent.Hash == dc.site.sends(t).Hash()):
		t.step = unanswerable // the provider cannot be asked: the next change posts again
	case settled && (t.link.RetryAt.After(dc.clock.Now()) || dc.health.skipsRefused && t.link.Outcome == domain.FailedOut):
		t.step = notDue
	case told && t.link.Intent == nil && !t.link.InDoubt && t.link.SentHash == t.content.Hash() && t.link.Reason != remoteDeleted:
		t.step = unchanged
	case t.item.Deleted && !told:
		t.step = skip
		t.reason = "deleted_before_first_sync"
	case t.item.Deleted && dc.site.configuration.OnDelete == "leave":
		t.step = skip
		t.reason = "deleted_and_left"
	case t.link.Reason == remoteDeleted && t.link.Remote != nil && !dc.site.reopened(t):
		t.step = skip
		t.reason = remoteDeleted
	case t.link.Reason == remoteDeleted && t.link.Remote != nil:
		t.step = create // a reopened item, whose message a person deleted
	case t.link.Remote != nil && !dc.site.chat.posts():
		t.step = update
	case t.item.Deleted:
		t.step = skip
		t.reason = notEditable
	case dc.site.unannounced(t):
		t.step = skip
		t.reason = notAnnouncedReason
	default:
		t.step = create
	}
}

// remoteDeleted is the reason for leaving alone an object that a person
// deleted at the provider.
const remoteDeleted = "remote_deleted"

// remoteMoved is the reason for leaving alone an object that was moved to another
// place, or has another one in its place.
const remoteMoved = "remote_moved"

// markInDoubt notes that an update is about to leave.
func (dc *decider) markInDoubt(t *task) {
	d := inDoubt{maybeSent: true, labels: union(t.before.labels, t.content.Labels)}
	if look := dc.site.look(t, t.content); look != "" {
		d.texts = keepLast(t.before.texts, look)
		d.states = union(t.before.states, []domain.ItemState{t.content.State})
	}

	d.note(&t.link)
}

// mostTexts is how many updates in doubt of one object are told from a person's.
const mostTexts = 10

// keepLast puts a text last, and keeps the last mostTexts.
func keepLast(texts []string, one string) []string {
	others := slices.DeleteFunc(slices.Clone(texts), func(text string) bool { return text == one })
	texts = append(others, one)

	return texts[max(0, len(texts)-mostTexts):]
}

// look is what the object looks like with this content where the provider stores
// texts as they are sent, "" for a chat.
func (si *site) look(t *task, c connector.Content) string {
	puller, can := si.conn.(connector.Puller)
	if !can {
		return ""
	}

	return puller.Look(c, si.marker(t))
}

// verbatim reports whether the provider stored the text as it was sent.
func (si *site) verbatim(t *task, w connector.Written, c connector.Content) bool {
	return w.Seen.Text != "" && w.Seen.Text == si.look(t, c)
}

func union[T cmp.Ordered](a, b []T) []T {
	all := slices.Concat(a, b)
	slices.Sort(all)

	return slices.Compact(all)
}

// sentBefore is what the provider was sent before an update, as far as it is
// known: after a doubtful one the state is sent again whatever it was, and the
// labels of both count as ours.
func (t *task) sentBefore() connector.Sent {
	sent := connector.Sent{Remote: *t.link.Remote, Labels: t.link.SentLabels, State: t.link.SentState,
		Seen: connector.Seen{Text: t.link.SeenText, State: t.link.SeenState}}
	if t.before.maybeSent {
		sent.State, sent.Labels = "", union(t.link.SentLabels, t.before.labels)
	}
	return sent
}

// recordPartial notes what an update had done before it failed: that is no person's
// change, and not the whole either. It gives what a repetition is told of: a
// state that it finds may be its own.
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

// sends is what a create sends. At a tracker new objects are open, and closed
// by an update once they are recorded.
func (si *site) sends(t *task) connector.Content {
	c := t.content
	if !si.chat.is {
		c.State = domain.Open
	}
	return c
}

// marker names the attempt to create an item's object.
func (si *site) marker(t *task) connector.Marker {
	return si.attempt(t, t.link.Attempt)
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

// hasOldTrouble reports whether the row of an unchanged item tells of trouble that is
// over: what was refused, put off or skipped was not this content.
func (t *task) hasOldTrouble() bool {
	switch t.link.Outcome {
	case domain.FailedOut, domain.Deferred, domain.Skipped, domain.Unknown:
		return true
	}
	return false
}

// A ledger records the outcomes of items and counts them in the run.
type ledger struct {
	*session
	site    *site
	handled int // items and objects that this invocation has handled
}

// record notes an item's outcome and counts it.
func (l *ledger) record(t *task, out domain.Outcome, reason string) {
	if t.link.CountedIn == l.run.ID && t.link.CountedAs == domain.Created && out == domain.Updated {
		out = domain.Created // created and then closed is one creation
	}

	l.count(t, out)
	if out == domain.Skipped || out == domain.Unchanged { // earlier failures are over
		t.link.Attempts = 0
		t.link.RetryAt = time.Time{}
		t.link.GivenUp = false
	}

	t.link.Outcome = out
	t.link.Reason = reason
	t.link.LastRunID = l.run.ID
	t.link.Version, t.link.UpdatedAt = t.item.Version, l.clock.Now().UTC()
	t.linkChanged = true
}

// count counts an item once in a run, by its last outcome.
func (l *ledger) count(t *task, out domain.Outcome) {
	l.claim(t)
	l.tally(t.link.CountedAs, -1)
	l.tally(out, 1)
	t.link.CountedAs = out
	t.linkChanged = true
}

// countOnce counts an item to which nothing happened, unless something has in
// this run.
func (l *ledger) countOnce(t *task, out domain.Outcome) {
	if t.link.CountedIn != l.run.ID || t.link.CountedAs == "" {
		l.count(t, out)
	}
}

// claim takes back what the plan pass counted the item as. From then on the
// item's row says what the run has counted, "" for nothing yet. It must be
// called before the row is written: afterwards the row does not say what the
// plan pass has seen.
func (l *ledger) claim(t *task) {
	if t.link.CountedIn == l.run.ID {
		return
	}

	if l.run.Mode == domain.Full && l.run.PlanDone && !t.planned {
		l.tallyPlan(t.countedAs, -1)
	}

	t.link.CountedIn = l.run.ID
	t.link.CountedAs = ""
}

// countedByPlan is what the plan pass counts an item as that it does not mark.
// The plan pass does not rewrite the row, so the row still says. It is "" for
// an item that was not there yet.
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

// tally adds to the count of an outcome. An item whose message was sent and not
// answered counts as failed: each item that was looked at counts somewhere.
func tally(c *domain.Counts, out domain.Outcome, n int) {
	switch out {
	case domain.Created, domain.Accepted:
		c.Created += n
	case domain.Updated:
		c.Updated += n
	case domain.Unchanged:
		c.Unchanged += n
	case domain.Skipped:
		c.Skipped += n
	case domain.FailedOut, domain.Unknown:
		c.Failed += n
	}
}

// configured is what the worker itself reads of a configuration.
type configured struct {
	OnDelete string `json:"on_delete"` // close or leave
	Pull     string `json:"pull"`      // off, linked or all
}

func readConfigured(configuration string) configured {
	var c configured
	if err := json.Unmarshal([]byte(configuration), &c); err != nil {
		return configured{}
	}
	return c
}
