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

// A pendingCounter counts pending changes.
type pendingCounter interface {
	CountPendingChanges(ctx context.Context, integration domain.Snowflake) (int, error)
}

// A pusher brings the items with pending changes to the provider, page by page.
type pusher struct {
	*session
	pacer     *pacer
	gate      *gate
	calls     *caller
	health    *health
	ledger    *ledger
	reader    *reader
	resolver  *resolver
	digester  *digester
	items     *itemPusher
	store     pendingCounter
	countedAt time.Time // when it last counted what remains
}

// push brings the items with pending changes to the provider, until no pending change is left to look at
// in this pass. Where a digest is to tell of many, one pass gathers them and,
// when it has left, another settles them.
func (ps *pusher) push(ctx context.Context) error {
	for {
		err := ps.pushPages(ctx)
		if err != nil {
			return err
		}

		if ps.health.skipsRefused && !ps.health.acceptedOne {
			// All that is left was refused before: one of those tries the provider.
			ps.health.skipsRefused = false
			ps.run.PendingCursor = ""
			continue
		}

		if ps.run.Digest == nil || ps.run.SettleAt != 0 {
			return nil
		}

		if err := ps.digester.finishDigest(ctx); err != nil {
			return err
		}
	}
}

// pushPages looks at the pending changes, page by page.
func (ps *pusher) pushPages(ctx context.Context) error {
	if ps.run.PendingCursor == "" {
		ps.run.RetryAt = 0
		ps.run.SettleAt = 0
		ps.run.ReplyAt = 0
		if err := ps.countRemaining(ctx); err != nil {
			return err
		}

		if err := ps.digester.planDigest(ctx); err != nil {
			return err
		}
	}

	for {
		if !ps.timeLeft() {
			return stopContinue
		}

		marks, next, err := ps.reader.nextPendingChanges(ctx)
		if err != nil || len(marks) == 0 {
			return err
		}

		if next != "" && (*ps.run.Remaining <= len(marks) || ps.clock.Now().Sub(ps.countedAt) > recountAfter) { // more has come since
			if err := ps.countRemaining(ctx); err != nil {
				return err
			}
		}

		if err := ps.calls.probe(ctx); err != nil {
			return err
		}

		if err := ps.pushPage(ctx, marks, next); err != nil {
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
func (ps *pusher) countRemaining(ctx context.Context) error {
	n, err := ps.store.CountPendingChanges(ctx, ps.lease.Pair.ID)
	ps.run.Remaining, ps.countedAt = &n, ps.clock.Now()
	return err
}

// pageSize is how many items a page has: one while it is to be found out
// whether the provider is back, as a whole page would be written down twice for
// one call that fails.
func (r *reader) pageSize() int {
	known := r.health.known()
	if r.run.Outages > 0 || known != nil && known.State == domain.Unhealthy {
		return 1
	}
	return pushPageSize
}

// pushPage handles one page of pending changes.
func (ps *pusher) pushPage(ctx context.Context, marks []store.PendingChange, next string) error {
	tasks, err := ps.reader.readTasks(ctx, marks)
	if err != nil {
		return err
	}

	ps.pacer.expectLikePage(tasks)
	if err := ps.gate.loadUsage(ctx); err != nil {
		return err
	}

	ps.pacer.estimate(ps.clock.Now())
	stop, err := asStop(ps.pushTasks(ctx, tasks))
	if err != nil {
		return err
	}

	// A page that stops is recorded too, as far as it has come.
	if err := ps.checkpoint(ctx, tasks, next, stop == nil); err != nil {
		return err
	}

	if stop != nil {
		return stop
	}

	return nil
}

// pushTasks looks for what may have been sent before, stores what is about to be
// sent, and sends it.
func (ps *pusher) pushTasks(ctx context.Context, tasks []*task) error {
	err := ps.resolvePage(ctx, tasks)
	for _, t := range tasks { // also when it stops, since the page is recorded
		ps.digester.assignToDigest(t)
	}

	if err != nil {
		return err
	}

	if err := ps.items.storeIntents(ctx, tasks); err != nil {
		return err
	}

	ps.gate.pace.plan(ps.items.operations(tasks))
	for _, t := range tasks {
		if err := ps.items.pushItem(ctx, t); err != nil {
			return err
		}
	}

	return nil
}

// resolvePage looks for what earlier invocations may have sent.
func (ps *pusher) resolvePage(ctx context.Context, tasks []*task) error {
	if err := ps.resolver.resolveAll(ctx, tasks); err != nil {
		return err
	}

	if err := ps.digester.resolveDigests(ctx, tasks); err != nil {
		return err
	}

	return ps.check(ctx)
}

// An itemStore reads items and what is known of their objects.
type itemStore interface {
	Items(ctx context.Context, p store.IntegrationRef, after string, limit int) (items []domain.Item, next string, err error)
	Links(ctx context.Context, integration domain.Snowflake, target string, items []domain.Snowflake) (map[domain.Snowflake]store.Link, error)
	ItemsAndLinks(ctx context.Context, p store.IntegrationRef, target string, ids []domain.Snowflake, withItems bool) (map[domain.Snowflake]domain.Item, map[domain.Snowflake]store.Link, error)
}

// A pendingStore reads pending changes.
type pendingStore interface {
	PendingChanges(ctx context.Context, integration domain.Snowflake, after string, limit int) (changes []store.PendingChange, next string, err error)
}

// A reader reads pages of items, with their links and pending changes, and has each
// decided.
type reader struct {
	*session
	site    *site
	health  *health
	decider *decider
	records *digestRecords
	store   itemStore
	pending pendingStore
}

// readTasks gathers items and links and decides about each.
func (r *reader) readTasks(ctx context.Context, marks []store.PendingChange) ([]*task, error) {
	var ids []domain.Snowflake
	of := map[domain.Snowflake][]store.PendingChange{}
	for _, m := range marks {
		if of[m.ItemID] == nil {
			ids = append(ids, m.ItemID)
		}
		of[m.ItemID] = append(of[m.ItemID], m)
	}

	items, links, err := r.store.ItemsAndLinks(ctx, r.lease.Pair, r.site.target.Key, ids, true)
	if err != nil {
		return nil, err
	}

	tasks := make([]*task, len(ids))
	for i, id := range ids {
		item, known := items[id]
		link, linked := links[id]
		t := r.decider.newTask(id, item, link, linked)
		t.pending = of[id]
		t.planned = r.plannedIn(t.pending)
		if err := r.records.loadDigestOf(ctx, t); err != nil {
			return nil, err
		}

		r.decider.decide(t, known)
		tasks[i] = t
	}

	return tasks, r.plannedBeyond(ctx, tasks)
}

// An itemPusher sends the items of a page, one after the other.
type itemPusher struct {
	*session
	site     *site
	ledger   *ledger
	writer   *writer
	threads  *threads
	digester *digester
	failures *itemFailures
}

// operations are the calls the tasks are expected to make, in order.
func (ip *itemPusher) operations(tasks []*task) []limits.Op {
	var ops []limits.Op
	for _, t := range tasks {
		switch t.step {
		case create:
			ops = append(ops, limits.Create)
			if t.content.State != ip.site.sends(t).State {
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
func (ip *itemPusher) storeIntents(ctx context.Context, tasks []*task) error {
	var links []store.Link
	for _, t := range tasks {
		switch {
		case t.step == create && ip.site.finder:
			ip.site.intend(t)
		case t.step == update:
			ip.writer.decider.markInDoubt(t)
		default:
			continue
		}

		ip.ledger.claim(t)
		links = append(links, t.link)
	}

	if len(links) == 0 {
		return nil
	}

	return ip.commit(ctx, store.Batch{Links: links})
}

// intend notes that a create is about to leave.
func (si *site) intend(t *task) {
	t.link.StartAttempt(si.notBefore())
	t.link.Remote = nil
	t.link.Thread = nil // of an earlier message, if there was one
	t.link.Intent = si.intent(t)
	t.intentStored = true
}

func (si *site) intent(t *task) *store.Intent {
	c := si.sends(t)
	return &store.Intent{Attempt: t.link.Attempt, At: si.clock.Now().UTC(), Hash: c.Hash(), Labels: c.Labels, State: c.State, Previous: si.chat.previousMessage(c), ClockLag: si.maxClockLag().Milliseconds(), Signed: true}
}

// pushItem does what was decided about an item, and posts a reply below its message
// if it has to. A step may find out that another one is needed: then that follows.
func (ip *itemPusher) pushItem(ctx context.Context, t *task) error {
	for {
		t.again = false
		if err := ip.applyStep(ctx, t); err != nil {
			return err
		}

		if !t.again {
			return ip.threads.followThread(ctx, t)
		}

		ip.digester.assignToDigest(t)
	}
}

// applyStep does what was decided about one task.
func (ip *itemPusher) applyStep(ctx context.Context, t *task) error {
	switch t.step {
	case nothing:
		t.finished = true
	case unchanged:
		if !ip.threads.owesReply(t) {
			ip.ledger.recordUnchanged(t)
		}
		t.finished = true

	case skip:
		ip.site.recordSkipped(t)
		ip.ledger.record(t, domain.Skipped, t.reason)
		t.finished = true
	case givenUp:
		ip.ledger.countOnce(t, domain.FailedOut)
		t.finished = true
	case unanswerable:
		if t.link.Outcome != domain.Unknown { // the worker died over it
			ip.ledger.record(t, domain.Unknown, noAnswer)
		}

		ip.ledger.countOnce(t, domain.Unknown)
		t.unanswered = true
		t.finished = true

	case notDue:
		ip.ledger.countOnce(t, domain.FailedOut)
		ip.run.RetryAt = earliestMillis(ip.run.RetryAt, t.link.RetryAt)
	case panickedStep:
		ip.failures.giveUp(t, "internal_error")
	case inNextDigest:
		if err := ip.digester.gatherIntoDigest(t); err != nil {
			return err
		}
	case inSentDigest:
		ip.digester.recordFromDigest(t)
		return nil
	case create:
		return ip.writer.create(ctx, t)
	case update:
		return ip.writer.update(ctx, t)
	}

	ip.ledger.handled++

	return nil
}

// recordUnchanged notes that the provider has the item as it is.
func (l *ledger) recordUnchanged(t *task) {
	if t.hasOldTrouble() {
		l.record(t, domain.Unchanged, "")
		return
	}

	l.countOnce(t, domain.Unchanged)
}

// remove takes a task from what remains.
func (l *ledger) remove(t *task) {
	if !t.removed {
		left := max(*l.run.Remaining-len(t.pending), 0)
		l.run.Remaining = &left
		t.removed = true
	}
}

// checkpoint records a page. Intents of creates that never left are taken
// back, so that nobody looks for them, and doubts about updates too.
func (ps *pusher) checkpoint(ctx context.Context, tasks []*task, next string, complete bool) error {
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
			ps.ledger.claim(t)
			b.Links = append(b.Links, t.link)
		}

		switch {
		case t.finished:
			b.DeletePending = append(b.DeletePending, t.pending...)
			ps.ledger.remove(t)
			ps.pacer.forgetExpected(t)
		case t.attempted && t.retry():
			b.RetriedPending = append(b.RetriedPending, t.pending...)
		}
	}

	if complete {
		ps.run.PendingCursor = next
	}

	if complete || len(b.DeletePending) > 0 {
		ps.madeProgress()
	}

	if *ps.run.Remaining == 0 {
		ps.run.Creates = 0
		ps.run.Updates = 0
	}

	ps.pacer.estimate(ps.clock.Now())

	return ps.commit(ctx, b)
}
