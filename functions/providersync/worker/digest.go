package worker

import (
	"context"
	"encoding/json"

	"example.com/integrations/functions/providersync/worker/item"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// A run that has more to post to a chat than it takes one by one sums it up in
// a digest. One pass over the pending changes gathers: each item's link says that the
// digest includes it, and the run keeps the sum. Then the digest leaves, like a
// create: its record says so before, and what became of it after. Another pass
// settles each item by that record. Wherever a worker dies, the record tells
// the next one whether what the links say has happened.

// inDigest is the reason of an item that a digest says, or will say.
const inDigest = "digest"

// A digester posts one message about many items, where a chat takes no more one by
// one.
type digester struct {
	*session
	site     *site
	gate     *gate
	pacer    *pacer
	calls    *caller
	health   *health
	ledger   *ledger
	reader   *reader
	records  *digestRecords
	failures *itemFailures
}

// planDigest decides whether a digest says what there is to post.
func (dg *digester) planDigest(ctx context.Context) error {
	if dg.run.Digest != nil {
		return dg.loadDigestState(ctx)
	}
	if !dg.site.chat.is || *dg.run.Remaining <= dg.site.chat.mode.DigestOver {
		return nil
	}

	cursor := ""
	many, err := dg.exceedsDigestLimit(func() (tasks []*task, more bool, err error) {
		tasks, cursor, err = dg.reader.pendingTasks(ctx, cursor)
		return tasks, cursor != "", err
	})
	if many {
		dg.run.Digest = &store.PlannedDigest{ID: domain.NewSnowflake(dg.clock.Now()), Sum: "{}"}
		dg.run.Creates = 1
	}

	return err
}

// loadDigestState finds out whether the digest was sent, also if the worker died over
// it: then no more items are added to it.
func (dg *digester) loadDigestState(ctx context.Context) error {
	d, err := dg.records.digest(ctx, dg.run.Digest.ID)
	dg.run.Digest.Settling = dg.run.Digest.Settling || d != nil && d.Outcome != domain.Deferred
	return err
}

// planDryRunDigest is sumUp for a dry run.
func (dr *dryRunner) planDryRunDigest(ctx context.Context) error {
	if !dr.site.chat.is {
		return nil
	}

	many, err := dr.digester.exceedsDigestLimit(func() ([]*task, bool, error) {
		tasks, next, err := dr.nextDryRunPage(ctx)
		dr.run.PlanCursor = next
		dr.run.PendingCursor = next
		return tasks, next != "", err
	})

	dr.run.PlanCursor = ""
	dr.run.PendingCursor = ""
	if many {
		dr.run.Digest = &store.PlannedDigest{}
	}

	return err
}

// exceedsDigestLimit reports whether there is more to post than a chat takes one by
// one.
func (dg *digester) exceedsDigestLimit(page func() (tasks []*task, more bool, err error)) (bool, error) {
	for n := 0; ; {
		tasks, more, err := page()
		if err != nil {
			return false, err
		}

		for _, t := range tasks {
			if t.step == item.Create {
				n++
			}
		}

		if n > dg.site.chat.mode.DigestOver || !more {
			return n > dg.site.chat.mode.DigestOver, nil
		}
	}
}

// assignToDigest leaves to the digest what would be posted, if there is one.
func (dg *digester) assignToDigest(t *task) {
	if dg.run.Digest != nil && t.step == item.Create {
		t.step = item.AddToDigest
	}
}

// gatherIntoDigest stores in the link that the digest will say the item. What is new
// since the digest was sent waits for the next pass.
func (dg *digester) gatherIntoDigest(t *task) error {
	g := dg.run.Digest
	if g.Settling {
		return nil
	}

	if dg.site.messageGone(t) {
		t.forgetMessage()
	}

	had := t.link.InDigest
	if had == nil || had.Digest != g.ID {
		if err := dg.add(t); err != nil {
			return err
		}
	} else if had.Content.Hash == t.content.Hash() {
		return nil
	}

	t.link.InDigest = &store.DigestEntry{Digest: g.ID, Version: t.item.Version, Content: *dg.site.intent(t)}
	t.link.Outcome = domain.Deferred
	t.link.Reason = inDigest
	t.link.LastRunID = dg.run.ID
	t.link.UpdatedAt = dg.clock.Now().UTC()
	t.linkChanged = true

	return nil
}

// add counts an item in the sum of the digest.
func (dg *digester) add(t *task) error {
	d, err := dg.sum()
	if err != nil {
		return err
	}

	switch was := t.previousMessage(); {
	case was == nil:
		d.New++
	case was.State == domain.Open && t.content.State == domain.Closed:
		d.Closed++
	case was.State == domain.Closed && t.content.State == domain.Open:
		d.Reopened++
	default:
		d.Changed++
	}

	line := t.content
	line.Body = ""
	line.Blocks = nil
	line.Labels = nil
	d.Add(line, t.item.UpdatedAt)
	b, err := json.Marshal(d)
	dg.run.Digest.Sum = string(b)

	return err
}

func (dg *digester) sum() (d connector.Digest, err error) {
	err = json.Unmarshal([]byte(dg.run.Digest.Sum), &d)
	return d, err
}

// finishDigest follows a pass with a digest: after the pass that gathered the digest
// is posted, and after the pass that settled it is done.
func (dg *digester) finishDigest(ctx context.Context) error {
	d, err := dg.sum()
	if err != nil {
		return err
	}

	if d.Total() == 0 {
		dg.run.Digest = nil
		return nil
	}

	if dg.run.Digest.Settling {
		record, err := dg.records.digest(ctx, dg.run.Digest.ID)
		dg.run.Digest = nil
		if err != nil {
			return err
		}

		return dg.refusedDigest(record)
	}

	if err := dg.deliver(ctx, d); err != nil {
		return err
	}

	dg.run.Digest.Settling = true

	return nil
}

// refusedDigest is the stop after a digest, nil unless the chat refused it
// without names too. Then no single item is to blame: all items that it names were
// refused in a row.
func (dg *digester) refusedDigest(record *store.Digest) error {
	if record == nil || record.Outcome != domain.FailedOut {
		return nil
	}

	known := dg.health.known()
	if !dg.health.writesPaused() && (known == nil || len(known.Refused) < refusedInARow) {
		return nil
	}

	return stopRefused(&failure.Error{Code: writesRefused, Detail: record.Reason})
}
