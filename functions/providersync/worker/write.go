package worker

import (
	"context"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/store"
)

// A writer creates and updates one item's object.
type writer struct {
	*session
	site     *site
	pacer    *pacer
	calls    *caller
	ledger   *ledger
	decider  *decider
	puller   *puller
	failures *itemFailures
}

// create makes the object and records it before anything else happens; a
// closed item's is closed afterwards.
func (wr *writer) create(ctx context.Context, t *task) error {
	if err := wr.pacer.await(ctx, limits.Create); err != nil {
		return err
	}

	if !wr.site.finder || t.link.Intent == nil {
		if err := wr.storeIntent(ctx, t); err != nil {
			return err
		}
	}

	began := wr.clock.Now()
	c := wr.site.sends(t)
	c.Previous = t.previousMessage()
	var w connector.Written
	made := false
	err := wr.failures.write(ctx, t, false, func() (err error) {
		w, err = wr.site.conn.Create(ctx, c, wr.site.marker(t))
		made = err == nil
		return err
	})
	if err != nil || !made {
		return err
	}

	t.recordSent(w, c)
	t.link.Verbatim = wr.site.verbatim(t, w, c)
	t.link.Previous = wr.site.chat.previousMessage(c)
	t.link.Channel = wr.site.chat.channelOf(t, w)
	wr.ledger.record(t, created(w), w.Note)
	wr.pacer.countCall(limits.Create)
	more := t.link.SentHash != t.content.Hash()
	if more {
		wr.decider.markInDoubt(t)
	} else {
		wr.ledger.remove(t)
	}

	if err := wr.commit(ctx, store.Batch{Pulled: []store.Pulled{wr.ledger.newObject(t)}}); err != nil {
		return err
	}

	t.linkChanged = false
	wr.pacer.recordLatency(began)
	if more {
		return wr.update(ctx, t)
	}

	t.finished = true
	wr.ledger.handled++

	return nil
}

// created is the outcome of a create.
func created(w connector.Written) domain.Outcome {
	if w.Unproven {
		return domain.Accepted
	}
	return domain.Created
}

// storeIntent stores that a create is about to be sent, and that a request to retry
// it is fulfilled: a worker that finds it so must not retry again.
func (wr *writer) storeIntent(ctx context.Context, t *task) error {
	wr.site.intend(t)
	wr.ledger.claim(t)
	b := store.Batch{}
	if t.retry() {
		t.link.Attempts = 0
		t.link.GivenUp = false
		b.RetriedPending = t.pending
	}

	b.Links = []store.Link{t.link}

	return wr.commit(ctx, b)
}

// update makes the object what the item is. It may be repeated: it says the
// whole of it.
func (wr *writer) update(ctx context.Context, t *task) error {
	if seen, err := wr.readBeforeUpdate(ctx, t); !seen {
		return err
	}

	if err := wr.pacer.await(ctx, limits.Update); err != nil {
		return err
	}

	began := wr.clock.Now()
	sent := t.sentBefore()
	c := t.content
	c.Previous = t.previousMessage()
	if wr.site.chat.replies() && t.link.Thread == nil && c.Previous != nil { // the message as it is now says this
		t.setThread(store.Thread{Said: domain.ProgressOf(c.Previous.State, c.Previous.Facts, c.Previous.Deleted)})
	}

	t.updateSent = true
	var w connector.Written
	made := false
	gone := false
	err := wr.failures.write(ctx, t, true, func() (err error) {
		w, err = wr.site.conn.Update(ctx, sent, c, wr.site.marker(t))
		made = err == nil
		if made {
			return nil
		}

		gone = wr.site.chat.refusesEdit(err)
		if gone {
			return nil
		}

		sent = t.recordPartial(sent, w, err)

		return err
	})
	if gone && err == nil {
		wr.editRefused(t)
		return nil
	}

	if err != nil || !made {
		return err
	}

	t.recordSent(w, c)
	t.link.Verbatim = wr.site.verbatim(t, w, c)
	t.link.FoundAt = 0
	t.link.FoundEarly = false // it is known to be ours
	t.link.Previous = wr.site.chat.previousMessage(c)
	t.link.Channel = wr.site.chat.channelOf(t, w)
	wr.ledger.record(t, domain.Updated, w.Note)
	wr.pacer.countCall(limits.Update)
	wr.pacer.recordLatency(began)
	t.finished = true
	wr.ledger.handled++

	return nil
}
