package worker

import (
	"context"
	"errors"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/store"
)

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
