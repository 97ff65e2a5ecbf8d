package worker

import (
	"context"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/store"
)

// resolveAll looks for the creates that may have left in an earlier invocation. One
// that is found is recorded; one that is not is sent again only after the
// settle time; one that is too young stays.
func (s *invocation) resolveAll(ctx context.Context, tasks []*task) error {
	open, want, since, behind := s.unresolved(tasks)
	if len(open) == 0 {
		return nil
	}

	if s.searchFailed {
		s.findLater()
		return nil
	}

	asked := s.Clock.Now()
	found, err := s.find(ctx, open[0].name(), since, behind, want)
	stop, _ := asStop(err)
	if stop != nil && stop.outage != nil {
		return s.cannotFind(ctx, stop)
	}

	if err != nil {
		return err
	}

	var made []store.Pulled
	for _, t := range open {
		if w, ok := found[t.id]; ok && (t.link.NotEditable == "" || w.Remote.ID != t.link.NotEditable) {
			s.recordFound(t, w)
			s.countCall(limits.Create)
			made = append(made, s.newObject(t))
			t.linkChanged = false
			s.decide(t, true)
			continue
		}

		if asked.Before(t.link.Intent.At.Add(s.settleTime(t))) {
			s.scheduleSearch(t)
			continue
		}

		t.link.Intent = nil
		s.decide(t, true)
	}

	if len(made) == 0 {
		return nil
	}

	return s.commit(ctx, store.Batch{Pulled: made})
}

// cannotFind is for a list in which unanswered creates are looked for, and that
// cannot be had. If the provider answers a read of the place, only these items
// wait.
func (s *invocation) cannotFind(ctx context.Context, stop *Stop) error {
	if _, can := s.conn.(connector.Puller); !can {
		return stop
	}

	if err := s.probeRead(ctx); err != nil {
		return err
	}

	s.searchFailed = true
	s.findLater()

	return nil
}

// findLater has the run wait, once all else is done, to look again for creates
// that were not answered.
func (s *invocation) findLater() {
	s.run.SettleAt = earliestMillis(s.run.SettleAt, s.Clock.Now().Add(longestOutage))
}

// unresolved are the tasks whose create may have left, since when, and how far
// behind the provider was known to be then.
func (s *invocation) unresolved(tasks []*task) (open []*task, want []connector.Marker, since time.Time, behind time.Duration) {
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

// recordFound records an object that an earlier attempt made.
func (s *invocation) recordFound(t *task, w connector.Written) {
	intent := *t.link.Intent
	t.recordSent(w, connector.Content{})
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
func (s *invocation) retryAll(ctx context.Context) error {
	for _, out := range []domain.Outcome{domain.FailedOut, domain.Unknown} {
		for after := ""; ; {
			marks, next, err := s.Store.Retriable(ctx, s.lease.Pair.ID, s.run.Target, out, after, planPageSize)
			if err != nil {
				return err
			}

			if len(marks) > 0 {
				s.madeProgress()
				if err := s.commit(ctx, store.Batch{AddPending: marks}); err != nil {
					return err
				}
			}

			if next == "" {
				break
			}

			if after = next; !s.timeLeft() {
				return stopContinue // marking again what is marked changes nothing
			}
		}
	}

	return s.Store.ClearRetryAll(ctx, s.lease)
}
