package worker

import (
	"context"
	"time"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/store"
)

// pushPage is how many marks a page takes: their links, their marks and the
// checkpoint fit one transaction.
const pushPage = (store.MaxActions - 1) / 2

// push brings the marked items to the provider, until no mark is left to look at
// in this pass. Where a digest is to tell of many, one pass gathers them and,
// when it has left, another settles them.
func (s *slice) push(ctx context.Context) (*verdict, error) {
	for {
		v, err := s.pass(ctx)
		if v == nil && err == nil && s.sparing && !s.wrote {
			// All that is left was refused before: one of those tries the provider.
			s.sparing = false
			s.run.PendingCursor = ""
			continue
		}

		if v != nil || err != nil || s.run.Digest == nil || s.run.SettleAt != 0 {
			return v, err
		}

		if v, err := s.turnOver(ctx); v != nil || err != nil {
			return v, err
		}
	}
}

// pass looks at the marks, page by page.
func (s *slice) pass(ctx context.Context) (*verdict, error) {
	if s.run.PendingCursor == "" {
		s.run.RetryAt = 0
		s.run.SettleAt = 0
		s.run.ReplyAt = 0
		if err := s.countRemaining(ctx); err != nil {
			return nil, err
		}

		if err := s.sumUp(ctx); err != nil {
			return nil, err
		}
	}

	for {
		if !s.room() {
			return goOn, nil
		}

		marks, next, err := s.nextMarks(ctx)
		if err != nil || len(marks) == 0 {
			return nil, err
		}

		if next != "" && (*s.run.Remaining <= len(marks) || s.Clock.Now().Sub(s.counted) > countAgain) { // more has come since
			if err := s.countRemaining(ctx); err != nil {
				return nil, err
			}
		}

		v, err := s.probe(ctx)
		if v != nil || err != nil {
			return v, err
		}

		v, err = s.page(ctx, marks, next)
		if v != nil || err != nil {
			return v, err
		}
		if next == "" {
			return nil, nil
		}
	}
}

// countAgain is how old the number of what remains may be: changes arrive while
// the run goes on.
const countAgain = 30 * time.Second

// countRemaining counts what has yet to reach the provider.
func (s *slice) countRemaining(ctx context.Context) error {
	n, err := s.Store.CountPendingChanges(ctx, s.lease.Pair.ID)
	s.run.Remaining, s.counted = &n, s.Clock.Now()
	return err
}

// pageSize is how many items a page has: one while it is to be found out
// whether the provider is back, as a whole page would be written down twice for
// one call that fails.
func (s *slice) pageSize() int {
	known := s.known()
	if s.run.Outages > 0 || known != nil && known.State == domain.Unhealthy {
		return 1
	}
	return pushPage
}

// page handles one page of marks.
func (s *slice) page(ctx context.Context, marks []store.PendingChange, next string) (*verdict, error) {
	tasks, err := s.read(ctx, marks)
	if err != nil {
		return nil, err
	}

	s.mix(tasks)
	if err := s.usage(ctx); err != nil {
		return nil, err
	}

	s.estimate(s.Clock.Now())
	v, err := s.resolveAll(ctx, tasks)
	if v == nil && err == nil {
		v, err = s.resolveDigests(ctx, tasks)
	}

	if v == nil && err == nil {
		v, err = s.check(ctx)
	}

	for _, t := range tasks {
		s.gathers(t)
	}

	if v == nil && err == nil {
		err = s.stage(ctx, tasks)
	}

	if v == nil && err == nil {
		s.pace.plan(s.operations(tasks))
		for _, t := range tasks {
			if v, err = s.do(ctx, t); v != nil || err != nil {
				break
			}
		}
	}

	if err != nil {
		return nil, err
	}

	return v, s.checkpoint(ctx, tasks, next, v == nil)
}

// read gathers items and links and decides about each.
func (s *slice) read(ctx context.Context, marks []store.PendingChange) ([]*task, error) {
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
		t.marks = of[id]
		t.planned = s.plannedIn(t.marks)
		if err := s.named(ctx, t); err != nil {
			return nil, err
		}

		s.decide(t, known)
		tasks[i] = t
	}

	return tasks, s.plannedBeyond(ctx, tasks)
}

// operations are the calls the tasks are expected to make, in order.
func (s *slice) operations(tasks []*task) []limits.Op {
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

// stage stores what is about to leave before the first call of the page is
// made: the intent of every create, and that every update is in doubt. Where
// the provider cannot be asked afterwards, a create is stored just before its
// own call.
func (s *slice) stage(ctx context.Context, tasks []*task) error {
	var links []store.Link
	for _, t := range tasks {
		switch {
		case t.step == create && s.finder:
			s.intend(t)
		case t.step == update:
			s.doubted(t)
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
func (s *slice) intend(t *task) {
	if s.messageGone(t) {
		t.forgetMessage()
	}

	t.link.StartAttempt(s.notBefore())
	t.link.Remote = nil
	t.link.Thread = nil // of an earlier message, if there was one
	t.link.Intent = s.intent(t)
	t.intends = true
}

func (s *slice) intent(t *task) *store.Intent {
	c := s.sends(t)
	return &store.Intent{Attempt: t.link.Attempt, At: s.Clock.Now().UTC(), Hash: c.Hash(), Labels: c.Labels, State: c.State, Previous: s.chat.told(c), ClockLag: s.behind().Milliseconds(), Signed: true}
}

// do handles one task, and says what has changed below its message. A verdict
// stops the page.
func (s *slice) do(ctx context.Context, t *task) (*verdict, error) {
	if v, err := s.handle(ctx, t); v != nil || err != nil {
		return v, err
	}

	return s.followThread(ctx, t)
}

// handle does what was decided about one task.
func (s *slice) handle(ctx context.Context, t *task) (*verdict, error) {
	switch t.step {
	case nothing:
		t.done = true
	case unchanged:
		if !s.owesReply(t) {
			s.recordUnchanged(t)
		}
		t.done = true

	case skip:
		s.skipped(t)
		s.record(t, domain.Skipped, t.reason)
		t.done = true
	case resting:
		s.countOnce(t, domain.FailedOut)
		t.done = true
	case unknown:
		if t.link.Outcome != domain.Unknown { // the worker died over it
			s.record(t, domain.Unknown, noAnswer)
		}

		s.countOnce(t, domain.Unknown)
		t.lost = true
		t.done = true

	case later:
		s.countOnce(t, domain.FailedOut)
		s.run.RetryAt = sooner(s.run.RetryAt, t.link.RetryAt)
	case broken:
		s.park(t, "internal_error")
	case gather:
		if err := s.gather(t); err != nil {
			return nil, err
		}
	case digested:
		return s.settled(ctx, t)
	case create:
		return s.create(ctx, t)
	case update:
		return s.update(ctx, t)
	}

	s.handled++

	return nil, nil
}

// recordUnchanged notes that the provider has the item as it is.
func (s *slice) recordUnchanged(t *task) {
	if t.stale() {
		s.record(t, domain.Unchanged, "")
		return
	}

	s.countOnce(t, domain.Unchanged)
}

// remove takes a task from what remains.
func (s *slice) remove(t *task) {
	if !t.removed {
		left := max(*s.run.Remaining-len(t.marks), 0)
		s.run.Remaining = &left
		t.removed = true
	}
}

// checkpoint records a page. Intents of creates that never left are taken
// back, so that nobody looks for them, and doubts about updates too.
func (s *slice) checkpoint(ctx context.Context, tasks []*task, next string, complete bool) error {
	b := store.Batch{Cursor: complete}
	for _, t := range tasks {
		if t.step == create && t.intends && !t.lost { // an earlier one's stays: nobody knows of it
			t.takeBack()
			t.dirty = true
		}

		if t.link.InDoubt && !t.left && !t.was.unsure {
			t.was.note(&t.link)
			t.dirty = true
		}

		if t.dirty {
			s.claim(t)
			b.Links = append(b.Links, t.link)
		}

		switch {
		case t.done:
			b.DeletePending = append(b.DeletePending, t.marks...)
			s.remove(t)
			s.forget(t)
		case t.tried && t.retry():
			b.RetriedPending = append(b.RetriedPending, t.marks...)
		}
	}

	if complete {
		s.run.PendingCursor = next
	}

	if complete || len(b.DeletePending) > 0 {
		s.progressed()
	}

	if *s.run.Remaining == 0 {
		s.run.Creates = 0
		s.run.Updates = 0
	}

	s.estimate(s.Clock.Now())

	return s.commit(ctx, b)
}
