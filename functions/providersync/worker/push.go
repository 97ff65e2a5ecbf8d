package worker

import (
	"context"
	"time"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/store"
)

// pushPageSize is how many marks a page takes: their links, their pending changes and the
// checkpoint fit one transaction.
const pushPageSize = (store.MaxActions - 1) / 2

// push brings the items with pending changes to the provider, until no pending change is left to look at
// in this pass. Where a digest is to tell of many, one pass gathers them and,
// when it has left, another settles them.
func (s *invocation) push(ctx context.Context) error {
	for {
		err := s.pushPages(ctx)
		if err != nil {
			return err
		}

		if s.skipsRefused && !s.acceptedOne {
			// All that is left was refused before: one of those tries the provider.
			s.skipsRefused = false
			s.run.PendingCursor = ""
			continue
		}

		if s.run.Digest == nil || s.run.SettleAt != 0 {
			return nil
		}

		if err := s.finishDigest(ctx); err != nil {
			return err
		}
	}
}

// pushPages looks at the pending changes, page by page.
func (s *invocation) pushPages(ctx context.Context) error {
	if s.run.PendingCursor == "" {
		s.run.RetryAt = 0
		s.run.SettleAt = 0
		s.run.ReplyAt = 0
		if err := s.countRemaining(ctx); err != nil {
			return err
		}

		if err := s.planDigest(ctx); err != nil {
			return err
		}
	}

	for {
		if !s.timeLeft() {
			return stopContinue
		}

		marks, next, err := s.nextPendingChanges(ctx)
		if err != nil || len(marks) == 0 {
			return err
		}

		if next != "" && (*s.run.Remaining <= len(marks) || s.Clock.Now().Sub(s.countedAt) > recountAfter) { // more has come since
			if err := s.countRemaining(ctx); err != nil {
				return err
			}
		}

		if err := s.probe(ctx); err != nil {
			return err
		}

		if err := s.pushPage(ctx, marks, next); err != nil {
			return err
		}

		if next == "" {
			return nil
		}
	}
}

// recountAfter is how old the number of what remains may be: changes arrive while
// the run goes on.
const recountAfter = 30 * time.Second

// countRemaining counts what has yet to reach the provider.
func (s *invocation) countRemaining(ctx context.Context) error {
	n, err := s.Store.CountPendingChanges(ctx, s.lease.Pair.ID)
	s.run.Remaining, s.countedAt = &n, s.Clock.Now()
	return err
}

// pageSize is how many items a page has: one while it is to be found out
// whether the provider is back, as a whole page would be written down twice for
// one call that fails.
func (s *invocation) pageSize() int {
	known := s.known()
	if s.run.Outages > 0 || known != nil && known.State == domain.Unhealthy {
		return 1
	}
	return pushPageSize
}

// pushPage handles one page of pending changes.
func (s *invocation) pushPage(ctx context.Context, marks []store.PendingChange, next string) error {
	tasks, err := s.readTasks(ctx, marks)
	if err != nil {
		return err
	}

	s.expectLikePage(tasks)
	if err := s.loadUsage(ctx); err != nil {
		return err
	}

	s.estimate(s.Clock.Now())
	stop, err := asStop(s.pushTasks(ctx, tasks))
	if err != nil {
		return err
	}

	// A page that stops is recorded too, as far as it has come.
	if err := s.checkpoint(ctx, tasks, next, stop == nil); err != nil {
		return err
	}

	if stop != nil {
		return stop
	}

	return nil
}

// pushTasks looks for what may have been sent before, stores what is about to be
// sent, and sends it.
func (s *invocation) pushTasks(ctx context.Context, tasks []*task) error {
	err := s.resolvePage(ctx, tasks)
	for _, t := range tasks { // also when it stops, since the page is recorded
		s.assignToDigest(t)
	}

	if err != nil {
		return err
	}

	if err := s.storeIntents(ctx, tasks); err != nil {
		return err
	}

	s.pace.plan(s.operations(tasks))
	for _, t := range tasks {
		if err := s.pushItem(ctx, t); err != nil {
			return err
		}
	}

	return nil
}

// resolvePage looks for what earlier invocations may have sent.
func (s *invocation) resolvePage(ctx context.Context, tasks []*task) error {
	if err := s.resolveAll(ctx, tasks); err != nil {
		return err
	}

	if err := s.resolveDigests(ctx, tasks); err != nil {
		return err
	}

	return s.check(ctx)
}

// readTasks gathers items and links and decides about each.
func (s *invocation) readTasks(ctx context.Context, marks []store.PendingChange) ([]*task, error) {
	var ids []domain.Snowflake
	of := map[domain.Snowflake][]store.PendingChange{}
	for _, m := range marks {
		if of[m.ItemID] == nil {
			ids = append(ids, m.ItemID)
		}
		of[m.ItemID] = append(of[m.ItemID], m)
	}

	items, links, err := s.Store.ItemsAndLinks(ctx, s.lease.Pair, s.target.Key, ids, true)
	if err != nil {
		return nil, err
	}

	tasks := make([]*task, len(ids))
	for i, id := range ids {
		item, known := items[id]
		link, linked := links[id]
		t := s.newTask(id, item, link, linked)
		t.pending = of[id]
		t.planned = s.plannedIn(t.pending)
		if err := s.loadDigestOf(ctx, t); err != nil {
			return nil, err
		}

		s.decide(t, known)
		tasks[i] = t
	}

	return tasks, s.plannedBeyond(ctx, tasks)
}

// operations are the calls the tasks are expected to make, in order.
func (s *invocation) operations(tasks []*task) []limits.Op {
	var ops []limits.Op
	for _, t := range tasks {
		switch t.step {
		case create:
			ops = append(ops, limits.Create)
			if t.content.State != s.sends(t).State {
				ops = append(ops, limits.Update)
			}

		case update:
			ops = append(ops, limits.Update)
		}
	}

	return ops
}

// storeIntents stores what is about to leave before the first call of the page is
// made: the intent of every create, and that every update is in doubt. Where
// the provider cannot be asked afterwards, a create is stored just before its
// own call.
func (s *invocation) storeIntents(ctx context.Context, tasks []*task) error {
	var links []store.Link
	for _, t := range tasks {
		switch {
		case t.step == create && s.finder:
			s.intend(t)
		case t.step == update:
			s.markInDoubt(t)
		default:
			continue
		}

		s.claim(t)
		links = append(links, t.link)
	}

	if len(links) == 0 {
		return nil
	}

	return s.commit(ctx, store.Batch{Links: links})
}

// intend notes that a create is about to leave.
func (s *invocation) intend(t *task) {
	t.link.StartAttempt(s.notBefore())
	t.link.Remote = nil
	t.link.Thread = nil // of an earlier message, if there was one
	t.link.Intent = s.intent(t)
	t.intentStored = true
}

func (s *invocation) intent(t *task) *store.Intent {
	c := s.sends(t)
	return &store.Intent{Attempt: t.link.Attempt, At: s.Clock.Now().UTC(), Hash: c.Hash(), Labels: c.Labels, State: c.State, Previous: s.chat.previousMessage(c), ClockLag: s.maxClockLag().Milliseconds(), Signed: true}
}

// pushItem does what was decided about an item, and posts a reply below its message
// if it has to. A step may find out that another one is needed: then that follows.
func (s *invocation) pushItem(ctx context.Context, t *task) error {
	for {
		t.again = false
		if err := s.applyStep(ctx, t); err != nil {
			return err
		}

		if !t.again {
			return s.followThread(ctx, t)
		}

		s.assignToDigest(t)
	}
}

// applyStep does what was decided about one task.
func (s *invocation) applyStep(ctx context.Context, t *task) error {
	switch t.step {
	case nothing:
		t.finished = true
	case unchanged:
		if !s.owesReply(t) {
			s.recordUnchanged(t)
		}
		t.finished = true

	case skip:
		s.recordSkipped(t)
		s.record(t, domain.Skipped, t.reason)
		t.finished = true
	case givenUp:
		s.countOnce(t, domain.FailedOut)
		t.finished = true
	case unanswerable:
		if t.link.Outcome != domain.Unknown { // the worker died over it
			s.record(t, domain.Unknown, noAnswer)
		}

		s.countOnce(t, domain.Unknown)
		t.unanswered = true
		t.finished = true

	case notDue:
		s.countOnce(t, domain.FailedOut)
		s.run.RetryAt = earliestMillis(s.run.RetryAt, t.link.RetryAt)
	case panickedStep:
		s.giveUp(t, "internal_error")
	case inNextDigest:
		if err := s.gatherIntoDigest(t); err != nil {
			return err
		}
	case inSentDigest:
		s.recordFromDigest(t)
		return nil
	case create:
		return s.create(ctx, t)
	case update:
		return s.update(ctx, t)
	}

	s.handled++

	return nil
}

// recordUnchanged notes that the provider has the item as it is.
func (s *invocation) recordUnchanged(t *task) {
	if t.hasOldTrouble() {
		s.record(t, domain.Unchanged, "")
		return
	}

	s.countOnce(t, domain.Unchanged)
}

// remove takes a task from what remains.
func (s *invocation) remove(t *task) {
	if !t.removed {
		left := max(*s.run.Remaining-len(t.pending), 0)
		s.run.Remaining = &left
		t.removed = true
	}
}

// checkpoint records a page. Intents of creates that never left are taken
// back, so that nobody looks for them, and doubts about updates too.
func (s *invocation) checkpoint(ctx context.Context, tasks []*task, next string, complete bool) error {
	b := store.Batch{Cursor: complete}
	for _, t := range tasks {
		if t.step == create && t.intentStored && !t.unanswered { // an earlier one's stays: nobody knows of it
			t.undoAttempt()
			t.linkChanged = true
		}

		if t.link.InDoubt && !t.updateSent && !t.before.maybeSent {
			t.before.note(&t.link)
			t.linkChanged = true
		}

		if t.linkChanged {
			s.claim(t)
			b.Links = append(b.Links, t.link)
		}

		switch {
		case t.finished:
			b.DeletePending = append(b.DeletePending, t.pending...)
			s.remove(t)
			s.forgetExpected(t)
		case t.attempted && t.retry():
			b.RetriedPending = append(b.RetriedPending, t.pending...)
		}
	}

	if complete {
		s.run.PendingCursor = next
	}

	if complete || len(b.DeletePending) > 0 {
		s.madeProgress()
	}

	if *s.run.Remaining == 0 {
		s.run.Creates = 0
		s.run.Updates = 0
	}

	s.estimate(s.Clock.Now())

	return s.commit(ctx, b)
}
