package worker

import (
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
	"example.com/integrations/shared/store"
)

// A ledger records the outcomes of items and counts them in the run.
type ledger struct {
	*session
	site    *site
	handled int // items and objects that this invocation has handled
}

// record notes an item's outcome and counts it.
func (l *ledger) record(t *task, out domain.Outcome, reason string) {
	if t.link.CountedIn == l.run.ID && t.link.CountedAs == domain.Created && out == domain.Updated {
		out = domain.Created // created and then closed is one creation
	}

	l.count(t, out)
	if out == domain.Skipped || out == domain.Unchanged { // earlier failures are over
		t.link.Attempts = 0
		t.link.RetryAt = time.Time{}
		t.link.GivenUp = false
	}

	t.link.Outcome = out
	t.link.Reason = reason
	t.link.LastRunID = l.run.ID
	t.link.Version = t.item.Version
	t.link.UpdatedAt = l.clock.Now().UTC()
	t.linkChanged = true
}

// count counts an item once in a run, by its last outcome.
func (l *ledger) count(t *task, out domain.Outcome) {
	l.claim(t)
	l.tally(t.link.CountedAs, -1)
	l.tally(out, 1)
	t.link.CountedAs = out
	t.linkChanged = true
}

// countOnce counts an item to which nothing happened, unless something has in
// this run.
func (l *ledger) countOnce(t *task, out domain.Outcome) {
	if t.link.CountedIn != l.run.ID || t.link.CountedAs == "" {
		l.count(t, out)
	}
}

// claim takes back what the plan pass counted the item as. From then on the
// item's row says what the run has counted, "" for nothing yet. It must be
// called before the row is written: afterwards the row does not say what the
// plan pass has seen.
func (l *ledger) claim(t *task) {
	if t.link.CountedIn == l.run.ID {
		return
	}

	if l.run.Mode == domain.Full && l.run.PlanDone && !t.planned {
		l.tallyPlan(t.countedAs, -1)
	}

	t.link.CountedIn = l.run.ID
	t.link.CountedAs = ""
}

// tally adds to the count of an outcome. An item whose message was sent and not
// answered counts as failed: each item that was looked at counts somewhere.
func tally(c *domain.Counts, out domain.Outcome, n int) {
	switch out {
	case domain.Created, domain.Accepted:
		c.Created += n
	case domain.Updated:
		c.Updated += n
	case domain.Unchanged:
		c.Unchanged += n
	case domain.Skipped:
		c.Skipped += n
	case domain.FailedOut, domain.Unknown:
		c.Failed += n
	}
}

// tallyPlan counts an item for which the plan pass adds no pending change.
func (l *ledger) tallyPlan(out domain.Outcome, n int) {
	l.tally(out, n)
	tally(&l.run.PlanCounts, out, n)
}

// recordUnchanged notes that the provider has the item as it is.
func (l *ledger) recordUnchanged(t *task) {
	if t.hasOldTrouble() {
		l.record(t, domain.Unchanged, "")
		return
	}

	l.countOnce(t, domain.Unchanged)
}

// remove takes a task from what remains.
func (l *ledger) remove(t *task) {
	if !t.removed {
		left := max(*l.run.Remaining-len(t.pending), 0)
		l.run.Remaining = &left
		t.removed = true
	}
}

// newObject is the link of a new object, and the record that the object is the
// item's. Other objects with the marker of its create are copies that people made.
func (l *ledger) newObject(t *task) store.Pulled {
	candidates := t.link.Candidates
	t.link.Candidates = nil

	link := t.link
	p := store.Pulled{Link: &link}
	if link.Remote == nil {
		return p
	}

	p.Objects = []store.Object{{Target: link.Target, RemoteID: link.Remote.ID, ItemID: t.id}}
	for _, c := range candidates {
		if c.Remote.ID != link.Remote.ID {
			l.publishCopy(&p, c)
		}
	}

	return p
}

// publishCopy reports a copy of our object as created by a person.
func (l *ledger) publishCopy(p *store.Pulled, c store.Candidate) {
	o := connector.Object{Title: c.Title, UpdatedAt: c.UpdatedAt}
	o.Remote = c.Remote
	l.run.Counts.Pulled++

	p.Objects = append(p.Objects, store.Object{Target: l.site.target.Key, RemoteID: c.Remote.ID, SeenText: c.SeenText, SeenState: c.SeenState})
	p.Events = append(p.Events, l.remoteChanges(nil, []string{outgoing.ChangeCreated}, o)...)
}
