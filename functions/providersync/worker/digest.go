package worker

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"example.com/integrations/functions/providersync/worker/item"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/markup"
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

// deliver posts the digest, unless an earlier invocation has.
func (dg *digester) deliver(ctx context.Context, d connector.Digest) error {
	record, err := dg.records.digest(ctx, dg.run.Digest.ID)
	if err != nil || record != nil && record.Outcome != domain.Deferred {
		return err
	}

	if err := dg.pacer.await(ctx, limits.Create); err != nil {
		return err
	}

	record, err = dg.attemptDigest(ctx, record)
	if err != nil {
		return err
	}

	if record.Bare {
		d.First = nil
		d.ChangedAt = nil
	}

	d.URL = dg.itemsURL()

	w, failed, err := dg.postDigest(ctx, d, record)
	stop, err := asStop(err)

	if err != nil {
		return err
	}

	withoutNames := stop == nil && dg.recordDelivery(record, w, failed)
	if stop != nil { // it was refused for now, or was not sent
		record.Attempt--
		record.Outcome = domain.Deferred
	}

	if err := dg.records.storeDigest(ctx, record); err != nil {
		return err
	}

	switch {
	case stop != nil:
		return stop
	case withoutNames:
		return dg.deliver(ctx, d)
	case failed != nil:
		return nil
	}

	return dg.gate.clearRefusals(ctx, true)
}

// recordDelivery records the answer to a digest. again says that it is posted again
// without the names of items, as one of them may be to blame.
func (dg *digester) recordDelivery(record *store.Digest, w connector.Written, failed *failure.Error) (again bool) {
	switch {
	case failed == nil:
		record.Outcome = created(w)
		record.Remote = remoteOf(w)
		dg.pacer.countCall(limits.Create)
		dg.health.resetRefusals()
		dg.health.markHealthy(true)

	case failed.Class == failure.Final && !record.Bare:
		record.Bare = true
		record.Outcome = domain.Deferred
		return true

	case failed.Class == failure.Final:
		record.Outcome = domain.FailedOut
		record.Reason = reasonText(failed)
	case !dg.site.finder:
		record.Outcome = domain.Unknown
		record.Reason = failed.Code
	}

	return false
}

// itemsURL is the address of the list of the organisation's items, "" for none.
func (dg *digester) itemsURL() string {
	fill := strings.NewReplacer("{organisation_id}", dg.lease.Pair.OrganisationID.String(), "{item_type}", string(dg.lease.Pair.ItemType))
	return fill.Replace(dg.settings.ItemsURL)
}

// ParseItemsURL checks a value of Settings.ItemsURL: "", or the address of a web
// page.
func ParseItemsURL(text string) (string, error) {
	if text == "" {
		return "", nil
	}

	example := strings.NewReplacer("{organisation_id}", "1", "{item_type}", "work_item").Replace(text)
	address, ok := markup.WebURL(example)
	if !ok || address != example || strings.ContainsAny(example, "{}") {
		return "", errors.New("must be an http or https address in which special characters are encoded; {organisation_id} and {item_type} may stand in it")
	}

	return text, nil
}

// attemptDigest counts another attempt at a digest, and records it before the digest
// is sent. Without a record it is the first attempt.
func (dg *digester) attemptDigest(ctx context.Context, record *store.Digest) (*store.Digest, error) {
	if record == nil { // one that tries the provider after a pause is a single write
		record = &store.Digest{ID: dg.run.Digest.ID, Bare: dg.health.writesPaused()}
	}

	record.Attempt++
	record.At = dg.clock.Now().UTC()
	record.Outcome = ""

	return record, dg.records.storeDigest(ctx, record)
}

// postDigest posts a digest. failed is the provider's refusal or the lack of an
// answer. One that is about this digest alone gives neither a stop nor an error.
func (dg *digester) postDigest(ctx context.Context, d connector.Digest, record *store.Digest) (w connector.Written, failed *failure.Error, err error) {
	err = dg.calls.post(ctx, func() (err error) {
		w, err = dg.site.chat.conn.Digest(ctx, d, dg.digestMarker(record))
		if errors.As(err, &failed) && (failed.Class == failure.Ambiguous || failed.Class == failure.Final && failed.Scope == failure.ItemScope) {
			return nil
		}
		return err
	})

	return w, failed, err
}

func (dg *digester) digestMarker(d *store.Digest) connector.Marker {
	return dg.site.signed(d.ID, d.Attempt, d.ID.Time())
}

// digestMarkers are those of all attempts of a digest so far.
func (dg *digester) digestMarkers(d *store.Digest) []connector.Marker {
	var all []connector.Marker
	for attempt := firstWanted(d.Attempt); attempt <= d.Attempt; attempt++ {
		all = append(all, dg.site.signed(d.ID, attempt, d.ID.Time()))
	}

	return all
}

// resolveDigests finds out whether the digests that were not answered have
// arrived.
func (dg *digester) resolveDigests(ctx context.Context, tasks []*task) error {
	for _, t := range tasks {
		if t.digest == nil || t.digest.Outcome != "" {
			continue
		}

		d := *dg.records.digests[t.digest.ID]
		if d.Outcome == "" {
			if err := dg.resolveDigest(ctx, &d); err != nil {
				return err
			}
		}

		if err := dg.records.loadDigestOf(ctx, t); err != nil {
			return err
		}

		dg.reader.decider.decide(t, true)
	}

	return nil
}

func (dg *digester) resolveDigest(ctx context.Context, d *store.Digest) error {
	if !dg.site.finder { // the worker died over it
		d.Outcome = domain.Unknown
		d.Reason = noAnswer
		return dg.records.storeDigest(ctx, d)
	}

	ripe := d.At.Add(dg.settings.Settle)
	if dg.clock.Now().Before(ripe) {
		dg.run.SettleAt = earliestMillis(dg.run.SettleAt, ripe)
		return nil
	}

	found, err := dg.calls.find(ctx, search{since: d.At, markers: dg.digestMarkers(d)})
	if err != nil {
		return err
	}

	d.Outcome = domain.Deferred // it is not there: it was not sent, and another one says its items
	if w, ok := found[d.ID]; ok {
		d.Outcome = domain.Created
		d.Remote = remoteOf(w)
	}

	return dg.records.storeDigest(ctx, d)
}

// noAnswer is the reason of what may have arrived.
const noAnswer = "no_answer"

// recordFromDigest records an item by what became of its digest. What has changed
// since is said by the next pass.
func (dg *digester) recordFromDigest(t *task) {
	d := t.digest
	g := t.link.InDigest
	if d.Outcome == "" {
		return // it is looked for later
	}

	t.digest = nil
	t.link.InDigest = nil
	t.linkChanged = true
	dg.ledger.handled++
	switch d.Outcome {
	case domain.FailedOut:
		e := &failure.Error{Class: failure.Final, Scope: failure.ItemScope, Code: d.Reason}
		dg.failures.refuseItem(t, e)
		dg.health.countRefusal(t, e) // the stop is given when all are settled
		return

	case domain.Unknown:
		t.unanswered = true
		t.attempted = true
		t.finished = true
		t.link.Intent = &g.Content
		dg.ledger.record(t, domain.Unknown, d.Reason)
		t.link.Version = g.Version

	default:
		t.recordSent(connector.Written{}, connector.Content{})
		t.link.SentHash = g.Content.Hash
		t.link.SentLabels = g.Content.Labels
		t.link.SentState = g.Content.State
		t.link.Previous = g.Content.Previous
		dg.ledger.record(t, d.Outcome, inDigest)
		t.link.Version = g.Version
	}

	t.finished = g.Content.Hash == t.content.Hash()
	if t.finished {
		return
	}

	dg.reader.decider.decideAgain(t)
}
