package worker

import (
	"context"
	"time"

	"example.com/integrations/functions/providersync/worker/item"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/store"
)

// A resolver looks for objects of creates that were not answered.
type resolver struct {
	*session
	site         *site
	pacer        *pacer
	calls        *caller
	ledger       *ledger
	decider      *decider
	failures     *itemFailures
	searchFailed bool // unanswered creates could not be looked for in this invocation
}

// resolveAll looks for the objects of creates that may have been sent in an earlier
// invocation. One that is found is recorded. One that is not found is sent again
// after the settle time.
func (rs *resolver) resolveAll(ctx context.Context, tasks []*task) error {
	open, wanted := rs.unresolved(tasks)
	if len(open) == 0 {
		return nil
	}

	if rs.searchFailed {
		rs.findLater()
		return nil
	}

	asked := rs.clock.Now()
	found, err := rs.calls.find(ctx, wanted)
	stop, _ := asStop(err)
	if stop != nil && stop.outage != nil {
		return rs.cannotFind(ctx, stop)
	}

	if err != nil {
		return err
	}

	var made []store.Pulled
	for _, t := range open {
		if w, ok := found[t.id]; ok && (t.link.NotEditable == "" || w.Remote.ID != t.link.NotEditable) {
			rs.recordFound(t, w)
			rs.pacer.countCall(limits.Create)
			made = append(made, rs.ledger.newObject(t))
			t.linkChanged = false
			rs.decider.decide(t, true)
			continue
		}

		if asked.Before(t.link.Intent.At.Add(rs.failures.settleTime(t))) {
			rs.failures.scheduleSearch(t)
			continue
		}

		t.link.Intent = nil
		rs.decider.decide(t, true)
	}

	if len(made) == 0 {
		return nil
	}

	return rs.commit(ctx, store.Batch{Pulled: made})
}

// cannotFind is for a list in which unanswered creates are looked for, and that
// cannot be had. If the provider answers a read of the place, only these items
// wait.
func (rs *resolver) cannotFind(ctx context.Context, stop *Stop) error {
	if _, can := rs.site.conn.(connector.Puller); !can {
		return stop
	}

	if err := rs.calls.probeRead(ctx); err != nil {
		return err
	}

	rs.searchFailed = true
	rs.findLater()

	return nil
}

// findLater has the run wait, once all else is done, to look again for creates
// that were not answered.
func (rs *resolver) findLater() {
	rs.run.SettleAt = earliestMillis(rs.run.SettleAt, rs.clock.Now().Add(longestOutage))
}

// unresolved are the tasks whose create may have been sent, and the search for their
// objects.
func (rs *resolver) unresolved(tasks []*task) (open []*task, wanted search) {
	for _, t := range tasks {
		if t.step != item.Resolve {
			continue
		}

		open = append(open, t)
		wanted.markers = append(wanted.markers, rs.site.wanted(t)...)
		if wanted.since.IsZero() || t.link.Intent.At.Before(wanted.since) {
			wanted.since = t.link.Intent.At
		}

		wanted.clockLag = max(wanted.clockLag, time.Duration(t.link.Intent.ClockLag)*time.Millisecond)
	}

	if len(open) > 0 {
		wanted.item = open[0].name()
	}

	return open, wanted
}

// recordFound records an object that an earlier attempt made.
func (rs *resolver) recordFound(t *task, w connector.Written) {
	intent := *t.link.Intent
	t.recordSent(w, connector.Content{})
	t.link.SetCreatedAt(w.CreatedAt)
	t.link.Verbatim = rs.site.verbatim(t, w, t.content)
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

	rs.ledger.record(t, domain.Created, "")
}
