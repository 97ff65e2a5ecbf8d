package worker

import (
	"context"

	"example.com/integrations/functions/providersync/worker/item"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/store"
)

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
	case item.Nothing:
		t.finished = true
	case item.Unchanged:
		if !ip.threads.owesReply(t) {
			ip.ledger.recordUnchanged(t)
		}
		t.finished = true

	case item.Skip:
		ip.site.recordSkipped(t)
		ip.ledger.record(t, domain.Skipped, t.reason)
		t.finished = true
	case item.GivenUp:
		ip.ledger.countOnce(t, domain.FailedOut)
		t.finished = true
	case item.Unanswerable:
		if t.link.Outcome != domain.Unknown { // the worker died over it
			ip.ledger.record(t, domain.Unknown, noAnswer)
		}

		ip.ledger.countOnce(t, domain.Unknown)
		t.unanswered = true
		t.finished = true

	case item.NotDue:
		ip.ledger.countOnce(t, domain.FailedOut)
		ip.run.RetryAt = earliestMillis(ip.run.RetryAt, t.link.RetryAt)
	case item.Broken:
		ip.failures.giveUp(t, "internal_error")
	case item.AddToDigest:
		if err := ip.digester.gatherIntoDigest(t); err != nil {
			return err
		}
	case item.SettleDigest:
		ip.digester.recordFromDigest(t)
		return nil
	case item.Create:
		return ip.writer.create(ctx, t)
	case item.Update:
		return ip.writer.update(ctx, t)
	}

	ip.ledger.handled++

	return nil
}

// operations are the calls the tasks are expected to make, in order.
func (ip *itemPusher) operations(tasks []*task) []limits.Op {
	var ops []limits.Op
	for _, t := range tasks {
		switch t.step {
		case item.Create:
			ops = append(ops, limits.Create)
			if t.content.State != ip.site.sends(t).State {
				ops = append(ops, limits.Update)
			}

		case item.Update:
			ops = append(ops, limits.Update)
		}
	}

	return ops
}

// storeIntents stores what is about to be sent before the first call of the page: the
// intent of every create, and that every update is in doubt. Where the provider
// cannot be searched afterwards, a create is stored just before its own call.
func (ip *itemPusher) storeIntents(ctx context.Context, tasks []*task) error {
	var links []store.Link
	for _, t := range tasks {
		switch {
		case t.step == item.Create && ip.site.finder:
			ip.site.intend(t)
		case t.step == item.Update:
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
