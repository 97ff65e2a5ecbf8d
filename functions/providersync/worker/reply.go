package worker

import (
	"context"
	"errors"
	"time"

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
func (c chat) replies() bool { return c.is && c.manner.Replies }

// followThread posts a reply below an item's message if its progress has changed
// since the last one. The message itself is up to date.
func (s *slice) followThread(ctx context.Context, t *task) (*verdict, error) {
	if !t.done || !t.takesReply() || t.link.Outcome == domain.Skipped {
		return nil, nil
	}

	is := t.progress()
	if !s.chat.replies() {
		t.stopThread(is)
		return nil, nil
	}

	if t.link.Thread == nil { // the message says it
		t.setThread(store.Thread{Said: is})
		return nil, nil
	}

	t.done = false
	if v, err := s.resolveReply(ctx, t); v != nil || err != nil || t.waitsForReply() {
		return v, err
	}

	thread := *t.link.Thread
	due := s.replyDue(thread)
	switch {
	case thread.Said == is || s.quiet(t):
		s.nothingToReply(t)
		return nil, nil
	case due.After(s.Clock.Now()):
		s.holdReply(t, due)
		return nil, nil
	}

	return s.reply(ctx, t, is)
}

// takesReply reports whether an item's message says how it stands now, so that a reply
// can follow. An item that was given up, or is not there any more, gets none.
func (t *task) takesReply() bool {
	switch t.step {
	case unchanged, create, update:
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
		t.dirty = true
	}
}

// replyDue is when the next reply may be posted. A time of the last reply that is
// still to come is that of a clock that was ahead, and does not count.
func (s *slice) replyDue(thread store.Thread) time.Time {
	last := time.UnixMilli(thread.At)
	if thread.At == 0 || last.After(s.Clock.Now()) {
		return time.Time{}
	}

	return last.Add(replyEvery)
}

// setThread notes what is known of the replies.
func (t *task) setThread(thread store.Thread) {
	t.link.Thread = &thread
	t.dirty = true
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
func (s *slice) owesReply(t *task) bool {
	thread := t.link.Thread
	if !s.chat.replies() || thread == nil || t.link.Remote == nil {
		return false
	}

	return t.waitsForReply() || thread.Said != t.progress()
}

// holdReply leaves a reply to a run that begins when it is due.
func (s *slice) holdReply(t *task, due time.Time) {
	s.run.ReplyAt = sooner(s.run.ReplyAt, due)
	if t.step == unchanged {
		s.countOnce(t, domain.Unchanged)
	}

	t.link.Reason = replyPending
	t.dirty = true
}

// nothingToReply ends an item whose thread says all there is to say.
func (s *slice) nothingToReply(t *task) {
	t.done = true
	if t.step == unchanged {
		s.recordUnchanged(t)
	}

	if t.link.Reason == replyPending {
		t.link.Reason = ""
		t.dirty = true
	}
}

// reply posts a reply. Before that it notes that the reply may be posted.
func (s *slice) reply(ctx context.Context, t *task, is domain.Progress) (*verdict, error) {
	if v, err := s.await(ctx, limits.Create); v != nil || err != nil {
		return v, err
	}

	if err := s.intendReply(ctx, t, is); err != nil {
		return nil, err
	}

	began := s.Clock.Now()
	var w connector.Written
	var failed *failure.Error
	t.step = replying
	v, err := s.call(ctx, t, false, func() (err error) {
		w, err = s.chat.replier.Reply(ctx, s.replyOf(t))
		failed = nil
		errors.As(err, &failed)
		return err
	})
	if failed != nil && failed.Class != failure.Ambiguous {
		t.takeReplyBack()
	}

	if v != nil || err != nil || failed != nil || w.Remote.ID == "" {
		return v, err
	}

	s.replied(t, w, began)
	s.did(limits.Create)
	s.took(began)
	if err := s.commit(ctx, store.Batch{Links: []store.Link{t.link}}); err != nil {
		return nil, err
	}

	t.dirty = false
	t.done = true

	return nil, nil
}

// intendReply stores that a reply may be posted, and that it fulfils a manager's
// wish to have it tried. The same reply that was not found keeps its id.
func (s *slice) intendReply(ctx context.Context, t *task, is domain.Progress) error {
	now := s.Clock.Now().UTC()
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
		b.RetriedPending = t.marks
	}

	s.claim(t)
	b.Links = []store.Link{t.link}

	return s.commit(ctx, b)
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

// replyOf is the reply that the link's intent stands for.
func (s *slice) replyOf(t *task) connector.Reply {
	thread := t.link.Thread
	intent := thread.Intent
	r := connector.Reply{
		Message:   *t.link.Remote,
		After:     thread.Last,
		From:      thread.Said,
		To:        intent.To,
		Content:   t.content,
		Since:     intent.ID.Time().Add(-skew - s.behind()),
		ChangedBy: intent.ChangedBy,
	}
	for attempt := firstWanted(intent.Attempt); attempt <= intent.Attempt; attempt++ {
		r.Markers = append(r.Markers, s.signed(intent.ID, attempt, intent.ID.Time()))
	}

	return r
}

// replied records a reply that is there.
func (s *slice) replied(t *task, w connector.Written, at time.Time) {
	intent := t.link.Thread.Intent
	t.setThread(store.Thread{Said: intent.To, Last: w.Remote, At: at.UnixMilli()})
	s.record(t, domain.Updated, "")
	t.link.Attempts = 0
	t.link.RetryAt = time.Time{}
	t.link.GivenUp = false
}

// resolveReply looks for a reply that may have been posted. One that is not there
// after the settle time may be sent again.
func (s *slice) resolveReply(ctx context.Context, t *task) (*verdict, error) {
	if !t.waitsForReply() {
		return nil, nil
	}

	if s.Clock.Now().Before(s.replyRipe(t)) {
		s.settleReply(t)
		return nil, nil
	}

	if v, err := s.await(ctx, limits.Read); v != nil || err != nil {
		return v, err
	}

	step := t.step
	t.step = resolve
	var w connector.Written
	found := false
	asked := false
	v, err := s.call(ctx, t, true, func() (err error) {
		w, found, err = s.chat.replier.FindReply(ctx, s.replyOf(t))
		asked = err == nil
		return err
	})

	t.step = step
	if v != nil || err != nil || !asked {
		return v, err
	}

	thread := *t.link.Thread
	intent := *thread.Intent
	if found {
		s.replied(t, w, intent.At)
		s.did(limits.Create)
		return nil, nil
	}

	intent.At = time.Time{}
	thread.Intent = &intent
	t.setThread(thread)

	return nil, nil
}

// lostReply notes a reply whose answer was lost: it may be there.
func (s *slice) lostReply(t *task, e *failure.Error) (*verdict, error) {
	t.tried = true
	t.freshen()
	s.record(t, domain.Unknown, e.Code)
	t.link.Attempts++
	if t.link.Attempts > len(backOff) {
		s.giveUp(t)
	} else {
		s.settleReply(t)
	}

	s.run.Outages++
	if s.run.Outages >= outagesInARow {
		return s.outage(e), nil
	}

	return nil, nil
}

// replyRipe is when a reply that was not answered is looked for.
func (s *slice) replyRipe(t *task) time.Time { return t.link.Thread.Intent.At.Add(s.settle(t)) }

// settleReply says when a reply that was not answered is looked for. The first
// time the run waits for that; later times are further apart, and the run ends
// without it.
func (s *slice) settleReply(t *task) {
	ripe := s.replyRipe(t)
	if t.link.Attempts <= 1 {
		s.run.SettleAt = sooner(s.run.SettleAt, ripe)
		return
	}

	t.link.RetryAt = ripe.UTC()
	s.run.RetryAt = sooner(s.run.RetryAt, ripe)
	t.dirty = true
}
