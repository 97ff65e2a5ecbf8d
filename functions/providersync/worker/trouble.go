package worker

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
)

const (
	// tries bounds how often one call is repeated within a slice.
	tries = 3
	// outagesInARow is how many lost answers in a row mean that the provider is
	// down, not that one item is hard to take.
	outagesInARow = 3
	// longestOutage is the longest pause between two looks whether a provider
	// is back: short enough that little time is lost when it is.
	longestOutage = 2 * time.Minute
)

// backOff says when a failed item is tried again; after the last it is parked.
var backOff = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour}

// call makes one call for a task and deals with its failure. A call that may be
// repeated is, after an answer was lost; a create never is. t is nil for a call
// that concerns no single item.
func (s *slice) call(ctx context.Context, t *task, repeatable bool, do func() error) (*verdict, error) {
	for n := 1; ; n++ {
		err := s.guarded(t, do)
		if err == nil {
			s.run.Outages = 0
			wrote := t != nil && t.step != resolve
			if wrote {
				s.acceptedWrite()
			}

			s.answered(wrote)
			return nil, s.allowed(ctx, wrote)
		}

		var e *failure.Error
		if !errors.As(err, &e) {
			return nil, err
		}

		s.log.WarnContext(ctx, "provider call failed", "item_id", t.name(), "class", e.Class.String(), "code", e.Code, "status", e.Status, "error", e.Error())
		if pause, again := s.repeat(e, n, repeatable); again && s.Clock.Now().Add(pause).Before(s.end) {
			if err := s.Clock.Sleep(ctx, pause); err != nil {
				return nil, err
			}
			continue
		}

		return s.fail(ctx, t, e)
	}
}

func (t *task) name() string {
	if t == nil {
		return ""
	}
	return t.id.String()
}

// panicked is the code of an item whose handling failed within ourselves.
const panicked = "internal_error"

// guarded makes a call; a panic in it concerns one item, whose call may have
// left.
func (s *slice) guarded(t *task, do func() error) (err error) {
	s.asked = true
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("panic", "item_id", t.name(), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = &failure.Error{Class: failure.Ambiguous, Scope: failure.ItemScope, Code: panicked}
		}
	}()

	return do()
}

// repeat reports whether a failed call is repeated in this slice, and after how
// long. While the provider is out, one call finds out whether it is back.
func (s *slice) repeat(e *failure.Error, n int, repeatable bool) (time.Duration, bool) {
	if n >= tries || s.run.Outages > 0 || e.Code == panicked {
		return 0, false
	}

	switch e.Class {
	case failure.Retryable:
		return e.Wait, e.Wait <= shortWait && !e.NoRetryAfter
	case failure.NotSent:
		return time.Duration(n) * time.Second, true
	case failure.Ambiguous:
		return time.Duration(n) * time.Second, repeatable
	}

	return 0, false
}

// fail turns a failure into the task's outcome or the slice's verdict.
func (s *slice) fail(ctx context.Context, t *task, e *failure.Error) (*verdict, error) {
	writes := t != nil && t.step != resolve
	switch {
	case e.Class == failure.Final && unread[e.Code] && !writes:
		return s.outage(e), nil
	case e.Class == failure.Final && (e.Scope == failure.IntegrationScope || !writes):
		s.putOff(t, e)
		return refused(e), nil
	case e.Class == failure.Retryable && e.Code == rateLimited:
		until, err := s.limited(ctx, e)
		if e.NoRetryAfter && s.sick(t, e) {
			s.alone(t, e) // the next item finds out whether the limit is its own
		} else {
			s.putOff(t, e)
		}

		return wait(s.untilAsked(until, s.Clock.Now()), e.Code), err

	case e.Class == failure.Retryable && s.sick(t, e):
		s.alone(t, e)
		if _, can := s.conn.(connector.Puller); !can {
			return s.outage(e), nil // the next item finds out whether it is one
		}
		return nil, nil

	case e.Class == failure.Retryable, e.Class == failure.NotSent, t == nil, t.step == resolve:
		s.putOff(t, e)
		return s.outage(e), nil
	case e.Code == panicked:
		t.lost = t.link.Intent != nil
		s.park(t, panicked)
		return nil, nil
	case e.Class == failure.Ambiguous && t.step == replying:
		return s.lostReply(t, e)
	case e.Class == failure.Ambiguous && t.link.Remote == nil:
		s.lost(t, e)
		if s.run.Outages++; s.run.Outages >= outagesInARow {
			return s.outage(e), nil
		}
		return nil, nil

	case e.Class == failure.Ambiguous:
		return s.unanswered(ctx, t, e)
	case e.Code == remoteDeleted && t.step == update && s.isNews(t):
		t.forgetMessage()
		return s.doAgain(ctx, t)
	}

	s.refuse(t, e)

	return s.refusedWrite(t, e), nil
}

// unread are the codes of answers to a read that say nothing of what is
// configured: something else answered, or the answer could not be read.
var unread = map[string]bool{"answer_too_large": true, "answer_unreadable": true, "foreign_answer": true, "session_expired": true, "list_endless": true}

// reasonText is the reason of a row: code, status, and the provider's words.
func reasonText(e *failure.Error) string {
	reason := e.Code
	if e.Status != 0 && !strings.HasPrefix(e.Detail, strconv.Itoa(e.Status)) {
		reason += fmt.Sprintf(" (HTTP %d)", e.Status)
	}

	if e.Detail != "" {
		reason += ": " + e.Detail
	}

	return reason
}

// unanswered deals with an update that is not answered, however often it is
// sent. If the provider answers to a read it is up, and the item is hard to
// take: then it is tried again later, like one that was refused, and does not
// stop the others. Where there is nothing to read, three in a row tell.
func (s *slice) unanswered(ctx context.Context, t *task, e *failure.Error) (*verdict, error) {
	if _, can := s.conn.(connector.Puller); !can {
		if s.run.Outages++; s.run.Outages >= outagesInARow {
			s.putOff(t, e)
			return s.outage(e), nil
		}
	} else if v, err := s.ask(ctx); v != nil || err != nil {
		s.putOff(t, e)
		return v, err
	}

	s.refuse(t, e)
	s.doubted(t) // it may have been applied

	return s.lookBack(ctx, t)
}

// lookBack reads the object of an update that was not answered. What it looks
// like now is the update's work, also where the provider stores a text in a form
// of its own. A read that fails proves nothing, unless the credential is refused.
func (s *slice) lookBack(ctx context.Context, t *task) (*verdict, error) {
	puller, can := s.conn.(connector.Puller)
	if !can || !s.pulls() {
		return nil, nil
	}

	if v, err := s.await(ctx, limits.Read); v != nil || err != nil {
		return v, err
	}

	var o connector.Object
	err := s.guarded(t, func() (err error) {
		o, err = puller.Read(ctx, *t.link.Remote)
		return err
	})
	if err == nil && o.Remote.ID == t.link.Remote.ID && o.Seen.Text != t.link.SeenText {
		t.link.InDoubtTexts = keepLast(t.link.InDoubtTexts, o.Seen.Text)
	}

	return credentialRefused(err), nil
}

// sick reports whether an item has met the same failure before in this run, with
// a pause since then.
func (s *slice) sick(t *task, e *failure.Error) bool {
	if t == nil || t.step == resolve {
		return false
	}

	return t.link.Outcome == domain.Deferred && t.link.LastRunID == s.run.ID && t.link.Reason == e.Code
}

// alone has an item fail that meets the same failure again, so that it does not
// stop the others. It is not given up: it may yet be the provider's fault.
func (s *slice) alone(t *task, e *failure.Error) {
	t.link.Attempts = min(t.link.Attempts, 2)
	s.refuse(t, e)
	if at := s.Clock.Now().Add(e.Wait).UTC(); t.link.RetryAt.Before(at) {
		t.link.RetryAt = at
	}
}

// probe finds out by a read whether a provider that was out is back, so that no
// item has to stand for it.
func (s *slice) probe(ctx context.Context) (*verdict, error) {
	if _, can := s.conn.(connector.Puller); s.run.Outages == 0 || !can {
		return nil, nil
	}
	return s.ask(ctx)
}

// ask makes a read of no consequence: of what changed now, or of the place where
// lists cannot be had or are not wanted. The verdict is that of an outage if it is
// not answered.
func (s *slice) ask(ctx context.Context) (*verdict, error) {
	if v, err := s.await(ctx, limits.Read); v != nil || err != nil {
		return v, err
	}

	return s.call(ctx, nil, false, func() error {
		if s.pullProblem() != nil || !s.pulls() {
			return s.readPlace(ctx)
		}
		_, _, err := s.conn.(connector.Puller).Changes(ctx, s.Clock.Now(), 0)
		return err
	})
}

// putOff notes that an item was not taken for now. It is not counted: it is
// still to come.
func (s *slice) putOff(t *task, e *failure.Error) {
	if t == nil || t.step == resolve {
		return
	}

	t.left = t.left && e.Class == failure.Ambiguous
	t.link.Outcome = domain.Deferred
	t.link.Reason = e.Code
	t.link.LastRunID = s.run.ID
	if e.Class == failure.Final {
		t.link.Reason = reasonText(e)
	}

	t.link.UpdatedAt = s.Clock.Now().UTC()
	t.dirty = true
}

// lost notes a create whose answer was lost: it may exist. Where nobody can be
// asked, that is how it stays until the item changes or a manager has it tried
// again.
func (s *slice) lost(t *task, e *failure.Error) {
	t.lost = true
	t.tried = true
	t.freshen()
	s.record(t, domain.Unknown, e.Code)
	if !s.finder {
		t.done = true
		return
	}

	t.link.Attempts++
	if t.link.Attempts > len(backOff) {
		s.giveUp(t)
		return
	}

	s.settles(t)
}

// giveUp parks a create that was not answered too often. Its intent stays: if a
// manager has it tried again, it is looked for first.
func (s *slice) giveUp(t *task) {
	t.link.GivenUp = true
	t.link.RetryAt = time.Time{}
	t.done = true
	s.record(t, domain.FailedOut, t.link.Reason)
}

// settles says when a create that was not answered is looked for, and sent again
// if it is not there. The first time the run waits for that; later times are
// further apart, and the run ends without it.
func (s *slice) settles(t *task) {
	ripe := t.link.Intent.At.Add(s.settle(t))
	if t.link.Attempts <= 1 {
		s.run.SettleAt = sooner(s.run.SettleAt, ripe)
		return
	}

	t.link.RetryAt = ripe.UTC()
	s.run.RetryAt = sooner(s.run.RetryAt, ripe)
	t.dirty = true
}

// settle is how long a create that was not answered is left alone.
func (s *slice) settle(t *task) time.Duration {
	pause := s.Settings.Settle
	if n := t.link.Attempts - 1; n > 0 {
		pause = max(pause, backOff[min(n, len(backOff)-1)])
	}
	return pause
}

// outage parks the run for 1, 2, 2 … minutes, or as long as the provider
// says.
func (s *slice) outage(e *failure.Error) *verdict {
	s.run.Outages++
	pause := min(time.Minute<<min(s.run.Outages-1, 1), longestOutage)
	v := wait(s.Clock.Now().Add(max(pause, e.Wait)), e.Code)
	v.outage = e

	return v
}

// refuse notes an item the provider will not take as it is.
func (s *slice) refuse(t *task, e *failure.Error) {
	t.takeBack()
	t.was.note(&t.link)
	if e.Code == remoteDeleted {
		t.reason = remoteDeleted
		s.skipped(t)
		s.record(t, domain.Skipped, remoteDeleted)
		t.done = true
		return
	}

	t.freshen()
	t.tried = true
	t.link.Attempts++
	s.record(t, domain.FailedOut, reasonText(e))
	if s.writesPaused() { // not the item's fault, as far as is known
		t.link.Attempts = min(t.link.Attempts, len(backOff))
	}

	if t.link.Attempts > len(backOff) {
		t.link.GivenUp = true
		t.link.RetryAt = time.Time{}
		t.done = true
		return
	}

	t.link.GivenUp = false
	t.link.RetryAt = s.Clock.Now().Add(backOff[t.link.Attempts-1]).UTC()
	s.run.RetryAt = sooner(s.run.RetryAt, t.link.RetryAt)
}

// freshen begins to count attempts anew, for another version or at a manager's
// wish.
func (t *task) freshen() {
	if t.link.Version != t.item.Version || t.retry() && t.link.GivenUp {
		t.link.Attempts = 0
		t.link.GivenUp = false
	}
}

// park gives an item up until it changes or a manager has it tried again.
func (s *slice) park(t *task, reason string) {
	s.record(t, domain.FailedOut, reason)
	t.link.Attempts++
	t.link.GivenUp = true
	t.link.RetryAt = time.Time{}
	t.done = true
}
