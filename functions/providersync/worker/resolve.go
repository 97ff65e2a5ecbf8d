package worker

import (
	"context"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/store"
)

// resolveAll looks for the creates that may have left in an earlier slice. One
// that is found is recorded; one that is not is sent again only after the
// settle time; one that is too young stays.
func (s *slice) resolveAll(ctx context.Context, tasks []*task) (*verdict, error) {
	open, want, since, behind := s.unresolved(tasks)
	if len(open) == 0 {
		return nil, nil
	}

	if s.unfound {
		s.findLater()
		return nil, nil
	}

	asked := s.Clock.Now()
	found, v, err := s.find(ctx, open[0], since, behind, want)
	if err == nil && v != nil && v.outage != nil {
		return s.cannotFind(ctx, v)
	}

	if v != nil || err != nil {
		return v, err
	}

	var made []store.Pulled
	for _, t := range open {
		if w, ok := found[t.id]; ok && (t.link.NotEditable == "" || w.Remote.ID != t.link.NotEditable) {
			s.found(t, w)
			s.did(limits.Create)
			made = append(made, s.made(t))
			t.dirty = false
			s.decide(t, true)
			continue
		}

		if asked.Before(t.link.Intent.At.Add(s.settle(t))) {
			s.settles(t)
			continue
		}

		t.link.Intent = nil
		s.decide(t, true)
	}

	if len(made) == 0 {
		return nil, nil
	}

	return nil, s.commit(ctx, store.Batch{Pulled: made})
}

// cannotFind is for a list in which unanswered creates are looked for, and that
// cannot be had. If the provider answers a read of the place, only these items
// wait.
func (s *slice) cannotFind(ctx context.Context, v *verdict) (*verdict, error) {
	if _, can := s.conn.(connector.Puller); !can {
		return v, nil
	}

	if v, err := s.ask(ctx); v != nil || err != nil {
		return v, err
	}

	s.unfound = true
	s.findLater()

	return nil, nil
}

// findLater has the run wait, once all else is done, to look again for creates
// that were not answered.
func (s *slice) findLater() {
	s.run.SettleAt = sooner(s.run.SettleAt, s.Clock.Now().Add(longestOutage))
}

// unresolved are the tasks whose create may have left, since when, and how far
// behind the provider was known to be then.
func (s *slice) unresolved(tasks []*task) (open []*task, want []connector.Marker, since time.Time, behind time.Duration) {
	for _, t := range tasks {
		if t.step != resolve {
			continue
		}

		open = append(open, t)
		want = append(want, s.wanted(t)...)
		if since.IsZero() || t.link.Intent.At.Before(since) {
			since = t.link.Intent.At
		}

		behind = max(behind, time.Duration(t.link.Intent.ClockLag)*time.Millisecond)
	}

	return open, want, since, behind
}

// found records an object that an earlier attempt made.
func (s *slice) found(t *task, w connector.Written) {
	intent := *t.link.Intent
	t.sent(w, connector.Content{})
	t.link.SetCreatedAt(w.CreatedAt)
	t.link.Verbatim = s.verbatim(t, w, t.content)
	t.link.SentHash = intent.Hash
	t.link.SentLabels = intent.Labels
	t.link.SentState = intent.State
	t.link.Previous = intent.Previous
	switch {
	case w.Remote.State != "":
		t.link.SentState = w.Remote.State
	case t.link.Remote != nil: // a message has none
		t.link.Remote.State = intent.State
	}

	s.record(t, domain.Created, "")
}

// retryAll marks every failed and unknown item, so that it is tried again.
func (s *slice) retryAll(ctx context.Context) (*verdict, error) {
	for _, out := range []domain.Outcome{domain.FailedOut, domain.Unknown} {
		for after := ""; ; {
			marks, next, err := s.Store.Retriable(ctx, s.lease.Pair.ID, s.run.Target, out, after, planPage)
			if err != nil {
				return nil, err
			}

			if len(marks) > 0 {
				s.progressed()
				if err := s.commit(ctx, store.Batch{AddPending: marks}); err != nil {
					return nil, err
				}
			}

			if next == "" {
				break
			}

			if after = next; !s.room() {
				return goOn, nil // marking again what is marked changes nothing
			}
		}
	}

	return nil, s.Store.ClearRetryAll(ctx, s.lease)
}
