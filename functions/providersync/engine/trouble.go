package engine

import (
	"context"
	"errors"
	"time"

	"integrations/shared/connector"
	"integrations/shared/domain"
	"integrations/shared/store"
)

const (
	// shortWait is the longest wait that is slept; a longer one parks the run.
	shortWait = 10 * time.Second
	// tries bounds how often one call is repeated within a slice.
	tries = 3
	// outagesInARow is how many lost answers in a row mean that the provider is
	// down, not that one item is hard to take.
	outagesInARow = 3
	// skew is how far the provider's clock may be off ours.
	skew = 5 * time.Minute
)

// backOff says when a failed item is tried again; after the last it is parked.
var backOff = []time.Duration{time.Minute, 5 * time.Minute, 15 * time.Minute, time.Hour}

// call makes one call for a task and deals with its failure. A call that may be
// repeated is, after an answer was lost; a create never is.
func (s *slice) call(ctx context.Context, t *task, repeatable bool, do func() error) (*verdict, error) {
	for n := 1; ; n++ {
		err := do()
		if err == nil {
			s.run.Outages = 0
			return nil, nil
		}
		var e *connector.Error
		if !errors.As(err, &e) {
			return nil, err
		}
		s.log.WarnContext(ctx, "provider call failed", "item_id", t.id.String(), "class", e.Class.String(), "code", e.Code, "status", e.Status, "error", e.Error())
		wait, again := s.again(e, n, repeatable)
		if again && s.Clock.Now().Add(wait).Before(s.end) {
			if err := s.Clock.Sleep(ctx, wait); err != nil {
				return nil, err
			}
			continue
		}
		return s.fail(t, e)
	}
}

// again tells whether a failed call is repeated in this slice, and after how
// long.
func (s *slice) again(e *connector.Error, n int, repeatable bool) (time.Duration, bool) {
	if n >= tries {
		return 0, false
	}
	switch e.Class {
	case connector.Retryable:
		return e.Wait, e.Wait <= shortWait
	case connector.NotSent:
		return time.Duration(n) * time.Second, true
	case connector.Ambiguous:
		return time.Duration(n) * time.Second, repeatable
	}
	return 0, false
}

// fail turns a failure into the task's outcome or the slice's verdict.
func (s *slice) fail(t *task, e *connector.Error) (*verdict, error) {
	now := s.Clock.Now()
	switch {
	case e.Class == connector.Final && e.Scope == connector.IntegrationScope:
		return failure(e.Code, e.Detail), nil
	case e.Class == connector.Retryable:
		return &verdict{status: domain.Waiting, until: now.Add(max(e.Wait, time.Second)), reason: e.Code}, nil
	case e.Class == connector.NotSent || t.step == resolve:
		return s.outage(e), nil
	case e.Class == connector.Ambiguous && t.step == create && t.link.Remote == nil:
		s.lost(t, e)
		if s.run.Outages++; s.run.Outages >= outagesInARow {
			return s.outage(e), nil
		}
		return nil, nil
	case e.Class == connector.Ambiguous:
		return s.outage(e), nil
	}
	s.refuse(t, e)
	return nil, nil
}

// lost notes a create whose answer was lost: it may exist.
func (s *slice) lost(t *task, e *connector.Error) {
	t.lost = true
	s.record(t, domain.Unknown, e.Code)
	s.run.SettleAt = sooner(s.run.SettleAt, t.link.Intent.At.Add(s.Settings.Settle))
}

// outage parks the run for 1, 2, 4 … 15 minutes.
func (s *slice) outage(e *connector.Error) *verdict {
	s.run.Outages++
	wait := min(time.Minute<<min(s.run.Outages-1, 4), 15*time.Minute)
	return &verdict{status: domain.Waiting, until: s.Clock.Now().Add(wait), reason: e.Code}
}

// refuse notes an item the provider will not take as it is.
func (s *slice) refuse(t *task, e *connector.Error) {
	t.link.Intent = nil
	if e.Code == remoteDeleted {
		s.record(t, domain.Skipped, remoteDeleted)
		t.done = true
		return
	}
	if t.link.Version != t.item.Version {
		t.link.Attempts = 0
	}
	t.link.Attempts++
	reason := e.Code
	if e.Detail != "" {
		reason += ": " + e.Detail
	}
	s.record(t, domain.FailedOut, reason)
	if t.link.Attempts > len(backOff) {
		t.link.Parked, t.link.RetryAt, t.done = true, time.Time{}, true
		return
	}
	t.link.RetryAt = s.Clock.Now().Add(backOff[t.link.Attempts-1]).UTC()
	s.run.RetryAt = sooner(s.run.RetryAt, t.link.RetryAt)
}

// resolveAll looks for the creates that may have left in an earlier slice. One
// that is found is recorded; one that is not is sent again only after the
// settle time; one that is too young stays.
func (s *slice) resolveAll(ctx context.Context, tasks []*task) (*verdict, error) {
	var open []*task
	var want []connector.Marker
	var since time.Time
	for _, t := range tasks {
		if t.step != resolve {
			continue
		}
		open, want = append(open, t), append(want, s.marker(t))
		if since.IsZero() || t.link.Intent.At.Before(since) {
			since = t.link.Intent.At
		}
	}
	if len(open) == 0 {
		return nil, nil
	}
	asked := s.Clock.Now()
	var found map[domain.Snowflake]domain.Remote
	v, err := s.call(ctx, open[0], true, func() (err error) {
		found, err = s.conn.Find(ctx, since.Add(-skew), want)
		return err
	})
	if v != nil || err != nil {
		return v, err
	}
	var links []store.Link
	for _, t := range open {
		if remote, ok := found[t.id]; ok {
			s.found(t, remote)
			links = append(links, t.link)
			continue
		}
		ripe := t.link.Intent.At.Add(s.Settings.Settle)
		if asked.Before(ripe) {
			s.run.SettleAt = sooner(s.run.SettleAt, ripe)
			continue
		}
		t.link.Intent = nil
		s.decide(t, true)
	}
	if len(links) == 0 {
		return nil, nil
	}
	return nil, s.Store.Commit(ctx, s.lease, store.Batch{Run: s.run, Links: links})
}

// found records an object that an earlier attempt made, and decides what is
// left to do about it.
func (s *slice) found(t *task, remote domain.Remote) {
	intent := *t.link.Intent
	t.sent(remote, connector.Content{})
	t.link.SentHash, t.link.SentLabels, t.link.SentState = intent.Hash, intent.Labels, intent.State
	if remote.State != "" {
		t.link.SentState = remote.State
	}
	s.record(t, domain.Created, "")
	t.dirty = false
	s.decide(t, true)
}
