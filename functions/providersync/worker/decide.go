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
	nothing   step = iota // there is nothing to do or to count
	unchanged             // the provider has it already
	skip                  // it is not to be sent, for a reason
	resting               // it is parked: it has failed and is not tried again by itself
	later                 // it failed, and its next attempt is not due
	broken                // deciding about it failed within ourselves
	resolve               // a create may have left: look for it first
	create
	update
	unknown  // it may have been sent, and nobody can be asked
	gather   // a digest is to tell of it
	digested // a digest has told of it, or failed to
	replying // its message is up to date, and a reply below it is being posted
)

// A task is one marked item.
type task struct {
	id      domain.Snowflake
	marks   []store.PendingChange
	item    domain.Item
	link    store.Link
	linked  bool // the link was there before
	content connector.Content
	step    step
	reason  string
	done    bool           // its marks may go
	removed bool           // it does not count as remaining any more
	dirty   bool           // its link must be written
	intends bool           // its create was noted in this slice
	lost    bool           // its create left and was not answered
	planned bool           // the plan pass has marked it, and so did not count it
	counted domain.Outcome // what the plan pass counted it as otherwise, "" for nothing
	was     doubt
	left    bool          // its update was tried
	tried   bool          // it was tried and failed: a manager's wish is fulfilled
	digest  *store.Digest // the one its link names, if it has left
}

// A doubt is whether an earlier update may have left, and what it may have made
// of the object.
type doubt struct {
	unsure bool
	labels []string
	texts  []string
	states []domain.ItemState
}

// doubtOf is what a link says of it.
func doubtOf(link store.Link) doubt {
	return doubt{link.InDoubt, link.InDoubtLabels, link.InDoubtTexts, link.InDoubtStates}
}

// note sets what the link says of it.
func (d doubt) note(link *store.Link) {
	link.InDoubt = d.unsure
	link.InDoubtLabels = d.labels
	link.InDoubtTexts = d.texts
	link.InDoubtStates = d.states
}

// newTask prepares the decision about an item.
func (s *slice) newTask(id domain.Snowflake, item domain.Item, link store.Link, linked bool) *task {
	t := &task{id: id, item: item, link: link, linked: linked}
	t.link.ItemID = id
	t.link.Target = s.target.Key
	t.was = doubtOf(link)
	t.counted = t.countedByPlan()
	return t
}

// retry reports whether a manager wants the item tried again.
func (t *task) retry() bool {
	for _, m := range t.marks {
		if m.Retry {
			return true
		}
	}
	return false
}

// decide compares an item with what was last sent. A panic, which one strange
// item may cause, concerns that item alone.
func (s *slice) decide(t *task, known bool) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("panic", "item_id", t.id.String(), "panic", fmt.Sprint(p))
			t.step = broken
		}
	}()
	if !known {
		t.step = nothing
		return
	}

	t.link.FormattedNumber = t.item.FormattedNumber
	t.content = s.conn.Render(t.item)
	if t.item.Deleted {
		t.content.State = domain.Closed
	}

	settled := t.link.Version == t.item.Version && !t.retry()
	told := t.link.Remote != nil || t.link.SentHash != ""
	switch {
	case t.digest != nil:
		t.step = digested
	case settled && t.link.GivenUp:
		t.step = resting
	case t.link.Intent != nil && s.finder:
		t.step = resolve
	case t.link.Intent != nil && (settled || !t.retry() && t.link.Intent.Hash == s.sends(t).Hash()):
		t.step = unknown // nobody can be asked: the next change posts again
	case settled && (t.link.RetryAt.After(s.Clock.Now()) || s.sparing && t.link.Outcome == domain.FailedOut):
		t.step = later
	case told && t.link.Intent == nil && !t.link.InDoubt && t.link.SentHash == t.content.Hash() && (t.link.Reason != remoteDeleted || s.chat.posts()):
		t.step = unchanged
	case t.item.Deleted && !told:
		t.step = skip
		t.reason = "deleted_before_first_sync"
	case t.item.Deleted && s.reads.OnDelete == "leave":
		t.step = skip
		t.reason = "deleted_and_left"
	case s.messageGone(t) && !s.isNews(t):
		t.step = skip
		t.reason = remoteDeleted
	case s.messageGone(t):
		t.step = create // a reopened item
	case t.link.Remote != nil && !s.chat.posts():
		t.step = update
	case t.item.Deleted:
		t.step = skip
		t.reason = notEditable
	case s.quiet(t):
		t.step = skip
		t.reason = notAnnounced
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

// doubted notes that an update is about to leave.
func (s *slice) doubted(t *task) {
	d := doubt{unsure: true, labels: union(t.was.labels, t.content.Labels)}
	if look := s.look(t, t.content); look != "" {
		d.texts = keepLast(t.was.texts, look)
		d.states = union(t.was.states, []domain.ItemState{t.content.State})
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
func (s *slice) look(t *task, c connector.Content) string {
	puller, can := s.conn.(connector.Puller)
	if !can {
		return ""
	}

	return puller.Look(c, s.marker(t))
}

// verbatim reports whether the provider stored the text as it was sent.
func (s *slice) verbatim(t *task, w connector.Written, c connector.Content) bool {
	return w.Seen.Text != "" && w.Seen.Text == s.look(t, c)
}

func union[T cmp.Ordered](a, b []T) []T {
	all := slices.Concat(a, b)
	slices.Sort(all)

	return slices.Compact(all)
}

// before is what the provider was sent before an update, as far as it is
// known: after a doubtful one the state is sent again whatever it was, and the
// labels of both count as ours.
func (t *task) before() connector.Sent {
	sent := connector.Sent{Remote: *t.link.Remote, Labels: t.link.SentLabels, State: t.link.SentState,
		Seen: connector.Seen{Text: t.link.SeenText, State: t.link.SeenState}}
	if t.was.unsure {
		sent.State, sent.Labels = "", union(t.link.SentLabels, t.was.labels)
	}
	return sent
}

// failed notes what an update had done before it failed: that is no person's
// change, and not the whole either. It gives what a repetition is told of: a
// state that it finds may be its own.
func (t *task) failed(sent connector.Sent, w connector.Written, err error) connector.Sent {
	var e *failure.Error
	if errors.As(err, &e) && e.Class == failure.Ambiguous {
		sent.State = ""
		t.was = doubtOf(t.link) // whatever a repetition is answered
	}

	if w.Remote.ID == "" {
		return sent
	}

	t.link.Remote = &w.Remote
	t.dirty = true
	t.link.SentHash, t.link.SentState, t.link.SentLabels = "", "", union(t.link.SentLabels, t.content.Labels)
	t.link.SeenText, t.link.SeenState, t.link.SeenAt = w.Seen.Text, w.Seen.State, seenAt(w.UpdatedAt)
	sent.Remote = w.Remote
	sent.Seen = w.Seen
	sent.State = ""

	return sent
}

// takeBack is for a create that made nothing: its attempt does not count.
func (t *task) takeBack() {
	if t.link.Intent != nil {
		t.link.Intent = nil
		t.link.UndoAttempt()
	}
}

// sends is what a create sends. At a tracker new objects are open, and closed
// by an update once they are recorded.
func (s *slice) sends(t *task) connector.Content {
	c := t.content
	if !s.chat.is {
		c.State = domain.Open
	}
	return c
}

// marker names the attempt to create an item's object.
func (s *slice) marker(t *task) connector.Marker {
	return s.attempt(t, t.link.Attempt)
}

// sent notes what the provider has taken.
func (t *task) sent(w connector.Written, c connector.Content) {
	t.link.Remote = remoteOf(w)
	t.link.Intent = nil
	t.link.SentHash = c.Hash()
	t.link.SentState = c.State
	if w.Note != connector.NoteLabelsNotSettable { // else the labels there are as before
		t.link.SentLabels = c.Labels
	}

	t.link.SeenText, t.link.SeenState, t.link.SeenAt = w.Seen.Text, w.Seen.State, seenAt(w.UpdatedAt)
	t.was = doubt{}
	t.was.note(&t.link)
	t.link.Attempts = 0
	t.link.RetryAt = time.Time{}
	t.link.GivenUp = false
	t.link.NotEditable = ""
	t.dirty = true
}

// remoteOf is the object of a write, nil where the provider names none.
func remoteOf(w connector.Written) *domain.Remote {
	if w.Remote.ID == "" {
		return nil
	}
	return &w.Remote
}

// seenAt is a provider's time as a link holds it, 0 for none.
func seenAt(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.UnixMilli()
}

// stale reports whether the row of an unchanged item tells of trouble that is
// over: what was refused, put off or skipped was not this content.
func (t *task) stale() bool {
	switch t.link.Outcome {
	case domain.FailedOut, domain.Deferred, domain.Skipped, domain.Unknown:
		return true
	}
	return false
}

// record notes an item's outcome and counts it.
func (s *slice) record(t *task, out domain.Outcome, reason string) {
	if t.link.CountedIn == s.run.ID && t.link.CountedAs == domain.Created && out == domain.Updated {
		out = domain.Created // created and then closed is one creation
	}

	s.count(t, out)
	if out == domain.Skipped || out == domain.Unchanged { // earlier failures are over
		t.link.Attempts = 0
		t.link.RetryAt = time.Time{}
		t.link.GivenUp = false
	}

	t.link.Outcome = out
	t.link.Reason = reason
	t.link.LastRunID = s.run.ID
	t.link.Version, t.link.UpdatedAt = t.item.Version, s.Clock.Now().UTC()
	t.dirty = true
}

// count counts an item once in a run, by its last outcome.
func (s *slice) count(t *task, out domain.Outcome) {
	s.claim(t)
	s.tally(t.link.CountedAs, -1)
	s.tally(out, 1)
	t.link.CountedAs = out
	t.dirty = true
}

// countOnce counts an item to which nothing happened, unless something has in
// this run.
func (s *slice) countOnce(t *task, out domain.Outcome) {
	if t.link.CountedIn != s.run.ID || t.link.CountedAs == "" {
		s.count(t, out)
	}
}

// claim takes back what the plan pass counted the item as. From then on the
// item's row says what the run has counted, "" for nothing yet. It must be
// called before the row is written: afterwards the row does not say what the
// plan pass has seen.
func (s *slice) claim(t *task) {
	if t.link.CountedIn == s.run.ID {
		return
	}

	if s.run.Mode == domain.Full && s.run.PlanDone && !t.planned {
		s.tallyPlan(t.counted, -1)
	}

	t.link.CountedIn = s.run.ID
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

func (s *slice) tally(out domain.Outcome, n int) { tally(&s.run.Counts, out, n) }

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

// configured is what the engine itself reads of a configuration.
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
