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

// A caller makes the calls to the provider: it repeats those that may be repeated,
// and records what an answer says about health and credential.
type caller struct {
	*session
	site   *site
	gate   *gate
	pacer  *pacer
	health *health
}

// read makes a call that reads. item is the id of the item that it is about, ""
// for none. A failure stops the invocation.
func (c *caller) read(ctx context.Context, item string, repeatable bool, do func() error) error {
	err := c.try(ctx, item, repeatable, do)
	var e *failure.Error
	if errors.As(err, &e) {
		return c.readFailure(ctx, e)
	}

	if err != nil {
		return err
	}

	return c.answered(ctx, false)
}

// post makes a call that writes and is about no single item. Its failure stops the
// invocation.
func (c *caller) post(ctx context.Context, do func() error) error {
	return c.read(ctx, "", false, do)
}

// try makes a call. One that may be repeated is, after an answer was lost; a create
// never is. The last failure is a *failure.Error.
func (c *caller) try(ctx context.Context, item string, repeatable bool, do func() error) error {
	for n := 1; ; n++ {
		err := c.guarded(item, do)

		var e *failure.Error
		if !errors.As(err, &e) {
			return err
		}

		c.log.WarnContext(ctx, "provider call failed", "item_id", item, "class", e.Class.String(), "code", e.Code, "status", e.Status, "error", e.Error())
		pause, again := c.repeat(e, n, repeatable)
		if !again || !c.clock.Now().Add(pause).Before(c.workEnds) {
			return err
		}

		if err := c.clock.Sleep(ctx, pause); err != nil {
			return err
		}
	}
}

// answered records that the provider has answered, and whether to a write.
func (c *caller) answered(ctx context.Context, wrote bool) error {
	c.run.Outages = 0
	if wrote {
		c.health.resetRefusals()
	}

	c.health.markHealthy(wrote)

	return c.gate.clearRefusals(ctx, wrote)
}

// readFailure is the Stop for a failed call that is about no write of an item.
func (c *caller) readFailure(ctx context.Context, e *failure.Error) error {
	switch {
	case e.Class == failure.Final && unreadableAnswers[e.Code]:
		return c.outage(e)
	case e.Class == failure.Final:
		return stopRefused(e)
	case e.Class == failure.Retryable && e.Code == rateLimited:
		return c.pacer.stopLimited(ctx, e)
	}

	return c.outage(e)
}

// stopLimited records a refusal for calling too often, and is the Stop until the
// provider may be called again.
func (pc *pacer) stopLimited(ctx context.Context, e *failure.Error) error {
	until, err := pc.recordRateLimit(ctx, e)
	if err != nil {
		return err
	}

	return stopWaiting(pc.gate.limitRetryAt(until, pc.clock.Now()), e.Code)
}

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

func (t *task) name() string { return t.id.String() }

// panicked is the code of an item whose handling failed within ourselves.
const panicked = "internal_error"

// guarded makes a call; a panic in it concerns one item, whose call may have
// left.
func (c *caller) guarded(item string, do func() error) (err error) {
	c.gate.calledProvider = true
	defer func() {
		if p := recover(); p != nil {
			c.log.Error("panic", "item_id", item, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = &failure.Error{Class: failure.Ambiguous, Scope: failure.ItemScope, Code: panicked}
		}
	}()

	return do()
}

// repeat reports whether a failed call is repeated in this invocation, and after how
// long. While the provider is out, one call finds out whether it is back.
func (c *caller) repeat(e *failure.Error, n int, repeatable bool) (time.Duration, bool) {
	if n >= tries || c.run.Outages > 0 || e.Code == panicked {
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
	case e.Class == failure.Ambiguous && t.step == replying:
		return f.lostReply(t, e)
	case e.Class == failure.Ambiguous && t.link.Remote == nil:
		f.createUnanswered(t, e)
		if f.run.Outages++; f.run.Outages >= outagesInARow {
			return f.calls.outage(e)
		}
		return nil

	case e.Class == failure.Ambiguous:
		return f.unanswered(ctx, t, e)
	}

	f.refuseItem(t, e)

	return f.health.countRefusal(t, e)
}

// unreadableAnswers are the codes of answers to a read that say nothing of what is
// configured: something else answered, or the answer could not be read.
var unreadableAnswers = map[string]bool{"answer_too_large": true, "answer_unreadable": true, "foreign_answer": true, "session_expired": true, "list_endless": true}

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
func (f *itemFailures) unanswered(ctx context.Context, t *task, e *failure.Error) error {
	if _, can := f.site.conn.(connector.Puller); !can {
		if f.run.Outages++; f.run.Outages >= outagesInARow {
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

// failedBefore reports whether an item has met the same failure before in this run, with
// a pause since then.
func (f *itemFailures) failedBefore(t *task, e *failure.Error) bool {
	return t.link.Outcome == domain.Deferred && t.link.LastRunID == f.run.ID && t.link.Reason == e.Code
}

// failAlone has an item fail that meets the same failure again, so that it does not
// stop the others. It is not given up: it may yet be the provider's fault.
func (f *itemFailures) failAlone(t *task, e *failure.Error) {
	t.link.Attempts = min(t.link.Attempts, 2)
	f.refuseItem(t, e)
	if at := f.clock.Now().Add(e.Wait).UTC(); t.link.RetryAt.Before(at) {
		t.link.RetryAt = at
	}
}

// probe finds out by a read whether a provider that was out is back, so that no
// item has to stand for it.
func (c *caller) probe(ctx context.Context) error {
	if _, can := c.site.conn.(connector.Puller); c.run.Outages == 0 || !can {
		return nil
	}
	return c.probeRead(ctx)
}

// probeRead makes a read of no consequence: of what changed now, or of the place where
// lists cannot be had or are not wanted. The stop is that of an outage if it is
// not answered.
func (c *caller) probeRead(ctx context.Context) error {
	if err := c.pacer.await(ctx, limits.Read); err != nil {
		return err
	}

	return c.read(ctx, "", false, func() error {
		if c.pullProblem() != nil || !c.site.pulls() {
			return c.readPlace(ctx)
		}
		_, _, err := c.site.conn.(connector.Puller).Changes(ctx, c.clock.Now(), 0)
		return err
	})
}

// deferItem notes that an item was not taken for now. It is not counted: it is
// still to come.
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

// createUnanswered notes a create whose answer was lost: it may exist. Where nobody can be
// asked, that is how it stays until the item changes or a manager has it tried
// again.
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

// giveUpCreate parks a create that was not answered too often. Its intent stays: if a
// manager has it tried again, it is looked for first.
func (f *itemFailures) giveUpCreate(t *task) {
	t.link.GivenUp = true
	t.link.RetryAt = time.Time{}
	t.finished = true
	f.ledger.record(t, domain.FailedOut, t.link.Reason)
}

// scheduleSearch says when a create that was not answered is looked for, and sent again
// if it is not there. The first time the run waits for that; later times are
// further apart, and the run ends without it.
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

// settleTime is how long a create that was not answered is left alone.
func (f *itemFailures) settleTime(t *task) time.Duration {
	pause := f.settings.Settle
	if n := t.link.Attempts - 1; n > 0 {
		pause = max(pause, retryPauses[min(n, len(retryPauses)-1)])
	}
	return pause
}

// outage parks the run for 1, 2, 2 … minutes, or as long as the provider
// says.
func (c *caller) outage(e *failure.Error) *Stop {
	c.run.Outages++
	pause := min(time.Minute<<min(c.run.Outages-1, 1), longestOutage)
	stop := stopWaiting(c.clock.Now().Add(max(pause, e.Wait)), e.Code)
	stop.outage = e

	return stop
}

// refuseItem notes an item the provider will not take as it is.
func (f *itemFailures) refuseItem(t *task, e *failure.Error) {
	t.undoAttempt()
	t.before.note(&t.link)
	if e.Code == remoteDeleted {
		t.reason = remoteDeleted
		f.site.recordSkipped(t)
		f.ledger.record(t, domain.Skipped, remoteDeleted)
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

// resetAttempts begins to count attempts anew, for another version or at a manager's
// wish.
func (t *task) resetAttempts() {
	if t.link.Version != t.item.Version || t.retry() && t.link.GivenUp {
		t.link.Attempts = 0
		t.link.GivenUp = false
	}
}

// giveUp gives an item up until it changes or a manager has it tried again.
func (f *itemFailures) giveUp(t *task, reason string) {
	f.ledger.record(t, domain.FailedOut, reason)
	t.link.Attempts++
	t.link.GivenUp = true
	t.link.RetryAt = time.Time{}
	t.finished = true
}
