package worker

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/store"
)

// A run that has more to post to a chat than it takes one by one sums it up in
// a digest. One pass over the marks gathers: each item's link says that the
// digest tells of it, and the run keeps the sum. Then the digest leaves, like a
// create: its record says so before, and what became of it after. Another pass
// settles each item by that record. Wherever a worker dies, the record tells
// the next one whether what the links say has happened.

// inDigest is the reason of an item that a digest told of, or is to.
const inDigest = "digest"

// sumUp decides whether a digest is to tell of what there is to post.
func (s *slice) sumUp(ctx context.Context) error {
	if s.run.Digest != nil {
		return s.hasLeft(ctx)
	}
	if !s.chat.is || *s.run.Remaining <= s.chat.manner.DigestOver {
		return nil
	}

	cursor := ""
	many, err := s.many(func() (tasks []*task, more bool, err error) {
		tasks, cursor, err = s.marked(ctx, cursor)
		return tasks, cursor != "", err
	})
	if many {
		s.run.Digest = &store.PlannedDigest{ID: domain.NewSnowflake(s.Clock.Now()), Sum: "{}"}
		s.run.Creates = 1
	}

	return err
}

// hasLeft finds out whether the digest has left, though the worker died over it:
// then it tells of nothing more.
func (s *slice) hasLeft(ctx context.Context) error {
	d, err := s.digest(ctx, s.run.Digest.ID)
	s.run.Digest.Settling = s.run.Digest.Settling || d != nil && d.Outcome != domain.Deferred
	return err
}

// foresee is sumUp for a dry run.
func (s *slice) foresee(ctx context.Context) error {
	if !s.chat.is {
		return nil
	}

	many, err := s.many(func() ([]*task, bool, error) {
		tasks, next, err := s.rehearsed(ctx)
		s.run.PlanCursor = next
		s.run.PendingCursor = next
		return tasks, next != "", err
	})

	s.run.PlanCursor = ""
	s.run.PendingCursor = ""
	if many {
		s.run.Digest = &store.PlannedDigest{}
	}

	return err
}

// many reports whether there is more to post than a chat takes one by one.
func (s *slice) many(page func() (tasks []*task, more bool, err error)) (bool, error) {
	for n := 0; ; {
		tasks, more, err := page()
		if err != nil {
			return false, err
		}

		for _, t := range tasks {
			if t.step == create {
				n++
			}
		}

		if n > s.chat.manner.DigestOver || !more {
			return n > s.chat.manner.DigestOver, nil
		}
	}
}

// gathers has the digest tell of what would be posted, if there is one.
func (s *slice) gathers(t *task) {
	if s.run.Digest != nil && t.step == create {
		t.step = gather
	}
}

// gather notes that the digest is to tell of an item. What is new since the
// digest has left waits for the pass after.
func (s *slice) gather(t *task) error {
	g := s.run.Digest
	if g.Settling {
		return nil
	}

	if s.messageGone(t) {
		t.forgetMessage()
	}

	had := t.link.InDigest
	if had == nil || had.Digest != g.ID {
		if err := s.add(t); err != nil {
			return err
		}
	} else if had.Content.Hash == t.content.Hash() {
		return nil
	}

	t.link.InDigest = &store.DigestEntry{Digest: g.ID, Version: t.item.Version, Content: *s.intent(t)}
	t.link.Outcome = domain.Deferred
	t.link.Reason = inDigest
	t.link.LastRunID = s.run.ID
	t.link.UpdatedAt = s.Clock.Now().UTC()
	t.dirty = true

	return nil
}

// add counts an item in the sum.
func (s *slice) add(t *task) error {
	d, err := s.sum()
	if err != nil {
		return err
	}

	switch was := t.last(); {
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
	s.run.Digest.Sum = string(b)

	return err
}

func (s *slice) sum() (d connector.Digest, err error) {
	err = json.Unmarshal([]byte(s.run.Digest.Sum), &d)
	return d, err
}

// turnOver is what follows a pass with a digest: it leaves after the one that
// gathered, and is done with after the one that settled.
func (s *slice) turnOver(ctx context.Context) (*verdict, error) {
	d, err := s.sum()
	if err != nil {
		return nil, err
	}

	if d.Total() == 0 {
		s.run.Digest = nil
		return nil, nil
	}

	if s.run.Digest.Settling {
		record, err := s.digest(ctx, s.run.Digest.ID)
		s.run.Digest = nil
		return s.refusedDigest(record), err
	}

	v, err := s.deliver(ctx, d)
	if v == nil && err == nil {
		s.run.Digest.Settling = true
	}

	return v, err
}

// refusedDigest is the verdict after a digest, nil unless the chat refused it
// without names too. Then no single item is to blame: all items that it names were
// refused in a row.
func (s *slice) refusedDigest(record *store.Digest) *verdict {
	if record == nil || record.Outcome != domain.FailedOut {
		return nil
	}

	known := s.known()
	if !s.writesPaused() && (known == nil || len(known.Refused) < refusedInARow) {
		return nil
	}

	return refused(&failure.Error{Code: writesRefused, Detail: record.Reason})
}

// deliver posts the digest, unless an earlier slice has.
func (s *slice) deliver(ctx context.Context, d connector.Digest) (*verdict, error) {
	record, err := s.digest(ctx, s.run.Digest.ID)
	if err != nil || record != nil && record.Outcome != domain.Deferred {
		return nil, err
	}

	if v, err := s.await(ctx, limits.Create); v != nil || err != nil {
		return v, err
	}

	record, err = s.attemptDigest(ctx, record)
	if err != nil {
		return nil, err
	}

	if record.Bare {
		d.First = nil
		d.ChangedAt = nil
	}

	d.URL = s.itemsURL()

	w, failed, v, err := s.postDigest(ctx, d, record)

	switch {
	case err != nil:
		return nil, err
	case v != nil: // it was refused for now, or did not leave
		record.Attempt--
		record.Outcome = domain.Deferred
	case failed == nil:
		record.Outcome, record.Remote = created(w), remoteOf(w)
		s.did(limits.Create)
		s.acceptedWrite()
		s.answered(true)

	case failed.Class == failure.Final && !record.Bare: // one of the items it names may be to blame
		record.Bare = true
		record.Outcome = domain.Deferred
		if err := s.keep(ctx, record); err != nil {
			return nil, err
		}
		return s.deliver(ctx, d)

	case failed.Class == failure.Final:
		record.Outcome, record.Reason = domain.FailedOut, reasonText(failed)
	case !s.finder:
		record.Outcome = domain.Unknown
		record.Reason = failed.Code
	}

	if err := s.keep(ctx, record); err != nil || v != nil || failed != nil {
		return v, err
	}

	return nil, s.allowed(ctx, true)
}

// itemsURL is the address of the list of the organisation's items, "" for none.
func (s *slice) itemsURL() string {
	fill := strings.NewReplacer("{organisation_id}", s.lease.Pair.OrganisationID.String(), "{item_type}", string(s.lease.Pair.ItemType))
	return fill.Replace(s.Settings.ItemsURL)
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

// attemptDigest counts another attempt at a digest, and records it before it
// leaves. Without a record it is the first one.
func (s *slice) attemptDigest(ctx context.Context, record *store.Digest) (*store.Digest, error) {
	if record == nil { // one that tries the provider after a pause is a single write
		record = &store.Digest{ID: s.run.Digest.ID, Bare: s.writesPaused()}
	}

	record.Attempt++
	record.At = s.Clock.Now().UTC()
	record.Outcome = ""

	return record, s.keep(ctx, record)
}

// postDigest posts a digest. failed is the provider's refusal or the lack of an
// answer. One that is about this digest alone gives neither a verdict nor an error.
func (s *slice) postDigest(ctx context.Context, d connector.Digest, record *store.Digest) (w connector.Written, failed *failure.Error, v *verdict, err error) {
	v, err = s.call(ctx, nil, false, func() (err error) {
		w, err = s.chat.conn.Digest(ctx, d, s.digestMarker(record))
		if errors.As(err, &failed) && (failed.Class == failure.Ambiguous || failed.Class == failure.Final && failed.Scope == failure.ItemScope) {
			return nil
		}
		return err
	})

	return w, failed, v, err
}

func (s *slice) digestMarker(d *store.Digest) connector.Marker {
	return s.signed(d.ID, d.Attempt, d.ID.Time())
}

// digestMarkers are those of all attempts of a digest so far.
func (s *slice) digestMarkers(d *store.Digest) []connector.Marker {
	var all []connector.Marker
	for attempt := firstWanted(d.Attempt); attempt <= d.Attempt; attempt++ {
		all = append(all, s.signed(d.ID, attempt, d.ID.Time()))
	}

	return all
}

// keep records what is known of a digest.
func (s *slice) keep(ctx context.Context, d *store.Digest) error {
	copied := *d
	s.digests[d.ID] = &copied
	return s.commit(ctx, store.Batch{Digest: &copied})
}

// digest reads a digest's record, once a slice.
func (s *slice) digest(ctx context.Context, id domain.Snowflake) (*store.Digest, error) {
	known, ok := s.digests[id]
	if ok {
		return known, nil
	}

	d, err := s.Store.Digest(ctx, s.lease.Pair.ID, id)
	if err == nil {
		s.digests[id] = d
	}

	return d, err
}

// named finds the digest that a link names. One that has not left, and is not
// this run's, is as good as none.
func (s *slice) named(ctx context.Context, t *task) error {
	g := t.link.InDigest
	t.digest = nil
	if g == nil {
		return nil
	}

	d, err := s.digest(ctx, g.Digest)
	if err != nil {
		return err
	}

	if d != nil && d.Outcome != domain.Deferred {
		t.digest = d
	} else if s.run.Digest == nil || s.run.Digest.ID != g.Digest {
		t.link.InDigest = nil
	}

	return nil
}

// resolveDigests finds out whether the digests that were not answered have
// arrived.
func (s *slice) resolveDigests(ctx context.Context, tasks []*task) (*verdict, error) {
	for _, t := range tasks {
		if t.digest == nil || t.digest.Outcome != "" {
			continue
		}

		d := *s.digests[t.digest.ID]
		if d.Outcome == "" {
			if v, err := s.resolveDigest(ctx, &d); v != nil || err != nil {
				return v, err
			}
		}

		if err := s.named(ctx, t); err != nil {
			return nil, err
		}

		s.decide(t, true)
	}

	return nil, nil
}

func (s *slice) resolveDigest(ctx context.Context, d *store.Digest) (*verdict, error) {
	if !s.finder { // the worker died over it
		d.Outcome = domain.Unknown
		d.Reason = noAnswer
		return nil, s.keep(ctx, d)
	}

	ripe := d.At.Add(s.Settings.Settle)
	if s.Clock.Now().Before(ripe) {
		s.run.SettleAt = sooner(s.run.SettleAt, ripe)
		return nil, nil
	}

	found, v, err := s.find(ctx, nil, d.At, 0, s.digestMarkers(d))
	if v != nil || err != nil {
		return v, err
	}

	d.Outcome = domain.Deferred // it is not there: it has not left, and another tells of its items
	if w, ok := found[d.ID]; ok {
		d.Outcome, d.Remote = domain.Created, remoteOf(w)
	}

	return nil, s.keep(ctx, d)
}

// noAnswer is the reason of what may have arrived.
const noAnswer = "no_answer"

// settled records an item by what became of its digest. What has changed since
// is told by the pass after.
func (s *slice) settled(ctx context.Context, t *task) (*verdict, error) {
	d := t.digest
	g := t.link.InDigest
	if d.Outcome == "" {
		return nil, nil // it is looked for later
	}

	t.digest = nil
	t.link.InDigest = nil
	t.dirty = true
	s.handled++
	switch d.Outcome {
	case domain.FailedOut:
		e := &failure.Error{Class: failure.Final, Scope: failure.ItemScope, Code: d.Reason}
		s.refuse(t, e)
		s.refusedWrite(t, e) // the verdict is given when all are settled
		return nil, nil

	case domain.Unknown:
		t.lost = true
		t.tried = true
		t.done = true
		t.link.Intent = &g.Content
		s.record(t, domain.Unknown, d.Reason)
		t.link.Version = g.Version

	default:
		t.sent(connector.Written{}, connector.Content{})
		t.link.SentHash = g.Content.Hash
		t.link.SentLabels = g.Content.Labels
		t.link.SentState = g.Content.State
		t.link.Previous = g.Content.Previous
		s.record(t, d.Outcome, inDigest)
		t.link.Version = g.Version
	}

	if t.done = g.Content.Hash == t.content.Hash(); t.done {
		return nil, nil
	}

	return s.doAgain(ctx, t)
}
