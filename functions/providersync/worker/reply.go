package worker

import (
	"context"
	"errors"
	"time"

	"example.com/integrations/functions/providersync/worker/item"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/store"
)

// A chat with on_update "reply" edits an item's message, and says a change of
// state, status or priority in a reply below it. An item stays pending until both
// are done. Like a create, a reply is noted in the link before it is sent, and
// looked for if its answer is lost.

const (
	// replyEvery is the shortest time between two replies below one message, so
	// that an item that changes often does not flood the people who follow it.
	replyEvery = time.Minute
	// replyPending is the reason of an item whose message is up to date and whose
	// reply waits for replyEvery.
	replyPending = "reply_pending"
)

// replies reports whether changes of an item are said in replies.
func (c chat) replies() bool { return c.is && c.mode.Replies }

// threads posts replies below the messages of items.
type threads struct {
	*session
	site     *site
	pacer    *pacer
	calls    *caller
	ledger   *ledger
	failures *itemFailures
}

// followThread posts a reply below an item's message if its progress has changed
// since the last one. The message itself is up to date.
func (th *threads) followThread(ctx context.Context, t *task) error {
	if !t.finished || !t.takesReply() || t.link.Outcome == domain.Skipped {
		return nil
	}

	is := t.progress()
	if !th.site.chat.replies() {
		t.stopThread(is)
		return nil
	}

	if t.link.Thread == nil { // the message says it
		t.setThread(store.Thread{Said: is})
		return nil
	}

	t.finished = false
	if err := th.resolveReply(ctx, t); err != nil || t.waitsForReply() {
		return err
	}

	thread := *t.link.Thread
	due := th.replyDue(thread)
	switch {
	case thread.Said == is || th.site.unannounced(t):
		th.nothingToReply(t)
		return nil
	case due.After(th.clock.Now()):
		th.holdReply(t, due)
		return nil
	}

	return th.reply(ctx, t, is)
}

// takesReply reports whether an item's message says how it stands now, so that a reply
// can follow. An item that was given up, or is not there any more, gets none.
func (t *task) takesReply() bool {
	switch t.step {
	case item.Unchanged, item.Create, item.Update:
		return t.link.Remote != nil
	}

	return false
}

// stopThread is for a chat that does not reply any more. The message says all of
// it, and a reply that is owed or in doubt is given up. What replies there are
// stays known.
func (t *task) stopThread(is domain.Progress) {
	thread := t.link.Thread
	if thread == nil {
		return
	}

	if thread.Said != is || thread.Intent != nil {
		t.setThread(store.Thread{Said: is, Last: thread.Last, At: thread.At})
	}

	if t.link.Reason == replyPending {
		t.link.Reason = ""
		t.linkChanged = true
	}
}

// replyDue is when the next reply may be posted. A time of the last reply that is
// still to come is that of a clock that was ahead, and does not count.
func (th *threads) replyDue(thread store.Thread) time.Time {
	last := time.UnixMilli(thread.At)
	if thread.At == 0 || last.After(th.clock.Now()) {
		return time.Time{}
	}

	return last.Add(replyEvery)
}

// setThread notes what is known of the replies.
func (t *task) setThread(thread store.Thread) {
	t.link.Thread = &thread
	t.linkChanged = true
}

// waitsForReply reports whether a reply may have been posted, and is looked for
// later.
func (t *task) waitsForReply() bool {
	intent := t.link.Thread.Intent
	return intent != nil && !intent.At.IsZero()
}

// progress is how the item goes now.
func (t *task) progress() domain.Progress {
	return domain.ProgressOf(t.content.State, t.content.Facts, t.content.Deleted)
}

// owesReply reports whether a reply may have been posted, or is to be posted.
func (th *threads) owesReply(t *task) bool {
	thread := t.link.Thread
	if !th.site.chat.replies() || thread == nil || t.link.Remote == nil {
		return false
	}

	return t.waitsForReply() || thread.Said != t.progress()
}

// holdReply defers a reply to a run that begins when it is due.
func (th *threads) holdReply(t *task, due time.Time) {
	th.run.ReplyAt = earliestMillis(th.run.ReplyAt, due)
	if t.step == item.Unchanged {
		th.ledger.countOnce(t, domain.Unchanged)
	}

	t.link.Reason = replyPending
	t.linkChanged = true
}

// nothingToReply ends an item whose thread says all there is to say.
func (th *threads) nothingToReply(t *task) {
	t.finished = true
	if t.step == item.Unchanged {
		th.ledger.recordUnchanged(t)
	}

	if t.link.Reason == replyPending {
		t.link.Reason = ""
		t.linkChanged = true
	}
}

// reply posts a reply. Before that it notes that the reply may be posted.
func (th *threads) reply(ctx context.Context, t *task, is domain.Progress) error {
	if err := th.pacer.await(ctx, limits.Create); err != nil {
		return err
	}

	if err := th.intendReply(ctx, t, is); err != nil {
		return err
	}

	began := th.clock.Now()
	var w connector.Written
	var failed *failure.Error
	t.step = item.Reply
	err := th.failures.write(ctx, t, false, func() (err error) {
		w, err = th.site.chat.replier.Reply(ctx, th.replyOf(t))
		failed = nil
		errors.As(err, &failed)
		return err
	})
	if failed != nil && failed.Class != failure.Ambiguous {
		t.takeReplyBack()
	}

	if err != nil || failed != nil || w.Remote.ID == "" {
		return err
	}

	th.replied(t, w, began)
	th.pacer.countCall(limits.Create)
	th.pacer.recordLatency(began)
	if err := th.commit(ctx, store.Batch{Links: []store.Link{t.link}}); err != nil {
		return err
	}

	t.linkChanged = false
	t.finished = true

	return nil
}

// intendReply stores that a reply may be posted, and that a request to retry it is
// fulfilled. The same reply that was not found keeps its id.
func (th *threads) intendReply(ctx context.Context, t *task, is domain.Progress) error {
	now := th.clock.Now().UTC()
	thread := *t.link.Thread
	intent := store.ReplyIntent{ID: domain.NewSnowflake(now), To: is, ChangedBy: t.content.ChangedBy}
	if thread.Intent != nil && thread.Intent.To == is {
		intent = *thread.Intent
	}

	intent.Attempt++
	intent.At = now
	thread.Intent = &intent
	t.setThread(thread)

	b := store.Batch{}
	if t.retry() {
		t.link.Attempts = 0
		t.link.GivenUp = false
		b.RetriedPending = t.pending
	}

	th.ledger.claim(t)
	b.Links = []store.Link{t.link}

	return th.commit(ctx, b)
}

// takeReplyBack is for a reply that was not posted: its attempt does not count.
func (t *task) takeReplyBack() {
	thread := *t.link.Thread
	intent := *thread.Intent
	intent.Attempt--
	intent.At = time.Time{}
	thread.Intent = &intent
	if intent.Attempt == 0 {
		thread.Intent = nil
	}

	t.setThread(thread)
}

// replyOf is the reply of the link's intent.
func (th *threads) replyOf(t *task) connector.Reply {
	thread := t.link.Thread
	intent := thread.Intent
	r := connector.Reply{
		Message:   *t.link.Remote,
		After:     thread.Last,
		From:      thread.Said,
		To:        intent.To,
		Content:   t.content,
		Since:     intent.ID.Time().Add(-clockSkew - th.site.maxClockLag()),
		ChangedBy: intent.ChangedBy,
	}
	for attempt := firstWanted(intent.Attempt); attempt <= intent.Attempt; attempt++ {
		r.Markers = append(r.Markers, th.site.signed(intent.ID, attempt, intent.ID.Time()))
	}

	return r
}

// replied records a reply that is there.
func (th *threads) replied(t *task, w connector.Written, at time.Time) {
	intent := t.link.Thread.Intent
	t.setThread(store.Thread{Said: intent.To, Last: w.Remote, At: at.UnixMilli()})
	th.ledger.record(t, domain.Updated, "")
	t.link.Attempts = 0
	t.link.RetryAt = time.Time{}
	t.link.GivenUp = false
}

// resolveReply looks for a reply that may have been posted. One that is not there
// after the settle time may be sent again.
func (th *threads) resolveReply(ctx context.Context, t *task) error {
	if !t.waitsForReply() {
		return nil
	}

	if th.clock.Now().Before(th.failures.replyRipe(t)) {
		th.failures.settleReply(t)
		return nil
	}

	if err := th.pacer.await(ctx, limits.Read); err != nil {
		return err
	}

	var w connector.Written
	found := false
	asked := false
	err := th.calls.read(ctx, t.name(), true, func() (err error) {
		w, found, err = th.site.chat.replier.FindReply(ctx, th.replyOf(t))
		asked = err == nil
		return err
	})

	if err != nil || !asked {
		return err
	}

	thread := *t.link.Thread
	intent := *thread.Intent
	if found {
		th.replied(t, w, intent.At)
		th.pacer.countCall(limits.Create)
		return nil
	}

	intent.At = time.Time{}
	thread.Intent = &intent
	t.setThread(thread)

	return nil
}
