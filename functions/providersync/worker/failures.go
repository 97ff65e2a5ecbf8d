package worker

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"example.com/integrations/functions/providersync/worker/item"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
)

const (
	// tries bounds how often one call is repeated within an invocation.
	tries = 3
	// outagesInARow is how many lost answers in a row mean that the provider is
	// down, not that one item is hard to take.
	outagesInARow = 3
	// longestOutage is the longest pause between two looks whether a provider
	// is back: short enough that little time is lost when it is.
	longestOutage = 2 * time.Minute
)

// retryPauses says when a failed item is tried again; after the last it is given up.
var retryPauses = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour}

// panicked is the code of an item whose handling failed within ourselves.
const panicked = "internal_error"

// unreadableAnswers are the codes of answers to a read that say nothing of what is
// configured: something else answered, or the answer could not be read.
var unreadableAnswers = map[string]bool{"answer_too_large": true, "answer_unreadable": true, "foreign_answer": true, "session_expired": true, "list_endless": true}

// itemFailures turns the failure of an item's write into the item's outcome: tried
// again later, given up, or in doubt.
type itemFailures struct {
	*session
	site    *site
	pacer   *pacer
	calls   *caller
	health  *health
	ledger  *ledger
	decider *decider
}

// write makes a call that writes an item, and turns its failure into the item's
// outcome or a Stop.
func (f *itemFailures) write(ctx context.Context, t *task, repeatable bool, do func() error) error {
	err := f.calls.try(ctx, t.name(), repeatable, do)
	var e *failure.Error
	if errors.As(err, &e) {
		return f.handleFailure(ctx, t, e)
	}

	if err != nil {
		return err
	}

	return f.calls.answered(ctx, true)
}

// handleFailure turns the failure of a write into the item's outcome or a Stop.
func (f *itemFailures) handleFailure(ctx context.Context, t *task, e *failure.Error) error {
	switch {
	case e.Class == failure.Final && e.Scope == failure.IntegrationScope:
		f.deferItem(t, e)
		return stopRefused(e)
	case e.Class == failure.Retryable && e.Code == rateLimited:
		if e.NoRetryAfter && f.failedBefore(t, e) {
			f.failAlone(t, e) // the next item finds out whether the limit is its own
		} else {
			f.deferItem(t, e)
		}

		return f.pacer.stopLimited(ctx, e)

	case e.Class == failure.Retryable && f.failedBefore(t, e):
		f.failAlone(t, e)
		if _, can := f.site.conn.(connector.Puller); !can {
			return f.calls.outage(e) // the next item finds out whether it is one
		}
		return nil

	case e.Class == failure.Retryable, e.Class == failure.NotSent:
		f.deferItem(t, e)
		return f.calls.outage(e)
	case e.Code == panicked:
		t.unanswered = t.link.Intent != nil
		f.giveUp(t, panicked)
		return nil
	case e.Class == failure.Ambiguous && t.step == item.Reply:
		return f.lostReply(t, e)
	case e.Class == failure.Ambiguous && t.link.Remote == nil:
		f.createUnanswered(t, e)
		f.run.Outages++
		if f.run.Outages >= outagesInARow {
			return f.calls.outage(e)
		}
		return nil

	case e.Class == failure.Ambiguous:
		return f.unanswered(ctx, t, e)
	case e.Code == item.RemoteDeleted && t.step == item.Update && f.site.policy().Reopened(t.subject()):
		t.forgetMessage()
		f.decider.decideAgain(t)

		return nil
	}

	f.refuseItem(t, e)

	return f.health.countRefusal(t, e)
}

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

// unanswered handles an update that is not answered, however often it is sent. If the
// provider answers a read, only this item is hard to process: it is tried again
// later, like one that was refused, and does not stop the others. A provider that
// cannot be read is down after three unanswered updates in a row.
func (f *itemFailures) unanswered(ctx context.Context, t *task, e *failure.Error) error {
	if _, can := f.site.conn.(connector.Puller); !can {
		f.run.Outages++
		if f.run.Outages >= outagesInARow {
			f.deferItem(t, e)
			return f.calls.outage(e)
		}
	} else if err := f.calls.probeRead(ctx); err != nil {
		f.deferItem(t, e)
		return err
	}

	f.refuseItem(t, e)
	f.decider.markInDoubt(t) // it may have been applied

	return f.readBack(ctx, t)
}

// readBack reads the object of an update that was not answered. What it looks
// like now is the update's work, also where the provider stores a text in a form
// of its own. A read that fails proves nothing, unless the credential is refused.
func (f *itemFailures) readBack(ctx context.Context, t *task) error {
	puller, can := f.site.conn.(connector.Puller)
	if !can || !f.site.pulls() {
		return nil
	}

	if err := f.pacer.await(ctx, limits.Read); err != nil {
		return err
	}

	var o connector.Object
	err := f.calls.guarded(t.name(), func() (err error) {
		o, err = puller.Read(ctx, *t.link.Remote)
		return err
	})
	if err == nil && o.Remote.ID == t.link.Remote.ID && o.Seen.Text != t.link.SeenText {
		t.link.InDoubtTexts = keepLast(t.link.InDoubtTexts, o.Seen.Text)
	}

	return credentialRefused(err)
}

// failedBefore reports whether an item has met the same failure before in this run,
// with a pause since then.
func (f *itemFailures) failedBefore(t *task, e *failure.Error) bool {
	return t.link.Outcome == domain.Deferred && t.link.LastRunID == f.run.ID && t.link.Reason == e.Code
}

// failAlone makes an item fail that meets the same failure again, so that it does not
// stop the others. It is not given up, since the provider may be the cause.
func (f *itemFailures) failAlone(t *task, e *failure.Error) {
	t.link.Attempts = min(t.link.Attempts, 2)
	f.refuseItem(t, e)
	at := f.clock.Now().Add(e.Wait).UTC()
	if t.link.RetryAt.Before(at) {
		t.link.RetryAt = at
	}
}

// deferItem records that an item was not sent for now. It is not counted, since it
// will still be sent.
func (f *itemFailures) deferItem(t *task, e *failure.Error) {
	t.updateSent = t.updateSent && e.Class == failure.Ambiguous
	t.link.Outcome = domain.Deferred
	t.link.Reason = e.Code
	t.link.LastRunID = f.run.ID
	if e.Class == failure.Final {
		t.link.Reason = reasonText(e)
	}

	t.link.UpdatedAt = f.clock.Now().UTC()
	t.linkChanged = true
}

// createUnanswered records a create whose answer was lost: its object may exist.
// Where the provider cannot be searched, that stays so until the item changes or a
// request retries it.
func (f *itemFailures) createUnanswered(t *task, e *failure.Error) {
	t.unanswered = true
	t.attempted = true
	t.resetAttempts()
	f.ledger.record(t, domain.Unknown, e.Code)
	if !f.site.finder {
		t.finished = true
		return
	}

	t.link.Attempts++
	if t.link.Attempts > len(retryPauses) {
		f.giveUpCreate(t)
		return
	}

	f.scheduleSearch(t)
}

// giveUpCreate gives up a create that was not answered too often. Its intent stays:
// if a request retries it, its object is looked for first.
func (f *itemFailures) giveUpCreate(t *task) {
	t.link.GivenUp = true
	t.link.RetryAt = time.Time{}
	t.finished = true
	f.ledger.record(t, domain.FailedOut, t.link.Reason)
}

// scheduleSearch sets when an unanswered create is looked for, and sent again if its
// object is not there. The first time the run waits for that. Later times are further
// apart, and the run ends without it.
func (f *itemFailures) scheduleSearch(t *task) {
	ripe := t.link.Intent.At.Add(f.settleTime(t))
	if t.link.Attempts <= 1 {
		f.run.SettleAt = earliestMillis(f.run.SettleAt, ripe)
		return
	}

	t.link.RetryAt = ripe.UTC()
	f.run.RetryAt = earliestMillis(f.run.RetryAt, ripe)
	t.linkChanged = true
}

// settleTime is how long an unanswered create waits before its object is looked for.
func (f *itemFailures) settleTime(t *task) time.Duration {
	pause := f.settings.Settle
	n := t.link.Attempts - 1
	if n > 0 {
		pause = max(pause, retryPauses[min(n, len(retryPauses)-1)])
	}
	return pause
}

// refuseItem records an item that the provider does not accept as it is.
func (f *itemFailures) refuseItem(t *task, e *failure.Error) {
	t.undoAttempt()
	t.before.note(&t.link)
	if e.Code == item.RemoteDeleted {
		t.reason = item.RemoteDeleted
		f.site.recordSkipped(t)
		f.ledger.record(t, domain.Skipped, item.RemoteDeleted)
		t.finished = true
		return
	}

	t.resetAttempts()
	t.attempted = true
	t.link.Attempts++
	f.ledger.record(t, domain.FailedOut, reasonText(e))
	if f.health.writesPaused() { // not the item's fault, as far as is known
		t.link.Attempts = min(t.link.Attempts, len(retryPauses))
	}

	if t.link.Attempts > len(retryPauses) {
		t.link.GivenUp = true
		t.link.RetryAt = time.Time{}
		t.finished = true
		return
	}

	t.link.GivenUp = false
	t.link.RetryAt = f.clock.Now().Add(retryPauses[t.link.Attempts-1]).UTC()
	f.run.RetryAt = earliestMillis(f.run.RetryAt, t.link.RetryAt)
}

// giveUp gives an item up until it changes or a request retries it.
func (f *itemFailures) giveUp(t *task, reason string) {
	f.ledger.record(t, domain.FailedOut, reason)
	t.link.Attempts++
	t.link.GivenUp = true
	t.link.RetryAt = time.Time{}
	t.finished = true
}

// lostReply notes a reply whose answer was lost: it may be there.
func (f *itemFailures) lostReply(t *task, e *failure.Error) error {
	t.attempted = true
	t.resetAttempts()
	f.ledger.record(t, domain.Unknown, e.Code)
	t.link.Attempts++
	if t.link.Attempts > len(retryPauses) {
		f.giveUpCreate(t)
	} else {
		f.settleReply(t)
	}

	f.run.Outages++
	if f.run.Outages >= outagesInARow {
		return f.calls.outage(e)
	}

	return nil
}

// replyRipe is when a reply that was not answered is looked for.
func (f *itemFailures) replyRipe(t *task) time.Time {
	return t.link.Thread.Intent.At.Add(f.settleTime(t))
}

// settleReply says when a reply that was not answered is looked for. The first
// time the run waits for that; later times are further apart, and the run ends
// without it.
func (f *itemFailures) settleReply(t *task) {
	ripe := f.replyRipe(t)
	if t.link.Attempts <= 1 {
		f.run.SettleAt = earliestMillis(f.run.SettleAt, ripe)
		return
	}

	t.link.RetryAt = ripe.UTC()
	f.run.RetryAt = earliestMillis(f.run.RetryAt, ripe)
	t.linkChanged = true
}

// readFailed handles an object that could not be read before its update. The update
// is not sent, and no write was refused. Since the place was read in this invocation,
// a failure that may pass is first taken to be about the object.
func (f *itemFailures) readFailed(ctx context.Context, t *task, err error) error {
	var e *failure.Error
	if !errors.As(err, &e) {
		return err
	}

	f.log.WarnContext(ctx, "an object cannot be read before its update", "item_id", t.name(), "class", e.Class.String(), "code", e.Code, "status", e.Status, "error", e.Error())
	switch {
	case e.Class == failure.Final && unreadableAnswers[e.Code], e.Class == failure.Retryable && e.Code != rateLimited:
		f.run.Outages++
		if f.run.Outages >= outagesInARow {
			if err := f.calls.probeRead(ctx); err != nil {
				f.deferItem(t, e)
				return err
			}
		}

		f.failAlone(t, e)

		return nil

	case e.Class == failure.Final && e.Scope == failure.ItemScope:
		f.refuseItem(t, e)
		return nil
	}

	return f.handleFailure(ctx, t, e)
}
