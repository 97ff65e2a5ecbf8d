package worker

import (
	"context"
	"time"

	"example.com/integrations/functions/providersync/worker/item"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// pushPageSize is how many pending changes a page has: their links, the deletions and
// the checkpoint fit one transaction.
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

// push brings the items with pending changes to the provider, until this pass has
// read all of them. If a digest says many items, one pass gathers them and, when the
// digest was sent, another one settles them.
func (ps *pusher) push(ctx context.Context) error {
	for {
		err := ps.pushPages(ctx)
		if err != nil {
			return err
		}

		if ps.health.skipsRefused && !ps.health.acceptedOne {
			// All others were refused before: one of those tries the provider.
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

		changes, next, err := ps.reader.nextPendingChanges(ctx)
		if err != nil || len(changes) == 0 {
			return err
		}

		if next != "" && (*ps.run.Remaining <= len(changes) || ps.clock.Now().Sub(ps.countedAt) > recountAfter) { // more has come since
			if err := ps.countRemaining(ctx); err != nil {
				return err
			}
		}

		if err := ps.calls.probe(ctx); err != nil {
			return err
		}

		if err := ps.pushPage(ctx, changes, next); err != nil {
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
	ps.run.Remaining = &n
	ps.countedAt = ps.clock.Now()
	return err
}

// pushPage handles one page of pending changes.
func (ps *pusher) pushPage(ctx context.Context, changes []store.PendingChange, next string) error {
	tasks, err := ps.reader.readTasks(ctx, changes)
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

	ps.pacer.calls.plan(ps.items.operations(tasks))
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

// checkpoint records a page. It takes back the intents of creates that were not sent,
// so that no invocation looks for them, and the doubts about updates that were not
// sent.
func (ps *pusher) checkpoint(ctx context.Context, tasks []*task, next string, complete bool) error {
	b := store.Batch{Cursor: complete}
	for _, t := range tasks {
		if t.step == item.Create && t.intentStored && !t.unanswered { // an earlier one's stays: it may have been sent
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
