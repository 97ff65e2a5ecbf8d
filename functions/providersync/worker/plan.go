package worker

import (
	"context"

	"example.com/integrations/functions/providersync/worker/item"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// planPageSize is how many items a step of the plan pass compares: their pending changes and
// the checkpoint fit one transaction.
const planPageSize = store.MaxActions - 1

// checkpointEvery is after how many pages without a difference the plan pass
// records how far it has come: reading them again costs little.
const checkpointEvery = 20

// A planner compares every item with what was last sent and adds pending changes for
// those that differ.
type planner struct {
	*session
	ledger *ledger
	reader *reader
	pacer  *pacer
}

// plan compares every item of the type with what was last sent and adds a pending
// change for each that differs. It makes no call to the provider.
func (pn *planner) plan(ctx context.Context) error {
	if pn.run.PlanCursor == "" {
		pn.run.FullEpoch = pn.meta.FullEpoch
		pn.run.Creates = 0
		pn.run.Updates = 0
		pn.run.PlanID = domain.NewSnowflake(pn.clock.Now())
		pn.run.Remaining = nil
		pn.run.EstimatedFinish = nil // it is not known before all is planned
	}

	for pages := 1; ; pages++ {
		stop, err := asStop(pn.mayGoOn(ctx))
		if err != nil {
			return err
		}

		if stop != nil {
			if err := pn.commit(ctx, store.Batch{}); err != nil {
				return err
			}

			return stop
		}

		tasks, next, err := pn.reader.compare(ctx)
		if err != nil {
			return err
		}

		batch := store.Batch{}
		for _, t := range tasks {
			if pn.needsPush(t) {
				batch.AddPending = append(batch.AddPending, store.PendingChange{ItemID: t.id, Version: t.item.Version, Planned: pn.run.PlanID})
			}
		}

		pn.run.PlanCursor = next
		pn.run.PlanDone = next == ""
		if pn.run.PlanDone { // all pending changes are to be looked at, wherever the last pass has come
			pn.run.PendingCursor = ""
			batch.Cursor = true
		}

		pn.madeProgress()
		if len(batch.AddPending) > 0 || pn.run.PlanDone || pages%checkpointEvery == 0 {
			if err := pn.commit(ctx, batch); err != nil {
				return err
			}
		}

		if pn.run.PlanDone {
			return nil
		}
	}
}

// replan starts the plan pass again for a configuration that was changed after it: a
// request for a full sync joins this run, and must get what it asked for.
func (pn *planner) replan() {
	for out, n := range outcomesOf(pn.run.PlanCounts) {
		pn.tally(out, -n)
	}

	pn.run.PlanCounts = domain.Counts{}
	pn.run.PlanCursor = ""
	pn.run.PlanDone = false
}

// outcomesOf gives counts by outcome.
func outcomesOf(c domain.Counts) map[domain.Outcome]int {
	return map[domain.Outcome]int{
		domain.Created: c.Created, domain.Updated: c.Updated, domain.Unchanged: c.Unchanged, domain.Skipped: c.Skipped, domain.FailedOut: c.Failed,
	}
}

// needsPush counts an item that needs no push, and reports whether it needs one.
func (pn *planner) needsPush(t *task) bool {
	again := t.link.CountedIn == pn.run.ID // an earlier pass of this run has counted it
	switch t.step {
	case item.Nothing:
		return false
	case item.Unanswerable:
		if t.link.Outcome != domain.Unknown {
			return true
		}

		if !again {
			pn.ledger.tallyPlan(domain.Unknown, 1)
		}

		return false

	case item.Unchanged, item.GivenUp:
		if t.step == item.Unchanged && t.hasOldTrouble() {
			break // its row is rewritten
		}

		if !again {
			pn.ledger.tallyPlan(t.countedByPlan(), 1)
		}

		return false

	case item.Skip:
		// What was skipped for this very reason and version needs no new row.
		if t.link.Outcome == domain.Skipped && t.link.Reason == t.reason && t.link.Version == t.item.Version {
			if !again {
				pn.ledger.tallyPlan(domain.Skipped, 1)
			}
			return false
		}
	}

	pn.pacer.expect(t, 1)

	return true
}
