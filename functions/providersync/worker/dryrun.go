package worker

import (
	"cmp"
	"context"
	"errors"
	"time"

	"example.com/integrations/functions/providersync/worker/item"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// planKept is how long the plan of a dry run can be read.
const planKept = 7 * 24 * time.Hour

// A renderer is all that a dry run has of a connector: whatever went wrong
// above it, it has nothing to write with.
type renderer struct{ conn connector.Connector }

func (r renderer) Render(item domain.Item) connector.Content { return r.conn.Render(item) }

func (renderer) Create(context.Context, connector.Content, connector.Marker) (connector.Written, error) {
	return connector.Written{}, errDryRun
}

func (renderer) Update(context.Context, connector.Sent, connector.Content, connector.Marker) (connector.Written, error) {
	return connector.Written{}, errDryRun
}

// Resolve is not for a renderer: the place was resolved before.
func (renderer) Resolve(context.Context) (connector.Place, error) {
	return connector.Place{}, errDryRun
}

// Use does nothing: a renderer makes no calls.
func (renderer) Use(connector.Place) {}

var errDryRun = errors.New("a dry run does not write to the provider")

// A planStore keeps the plans of dry runs.
type planStore interface {
	DropPlan(ctx context.Context, integration, run domain.Snowflake) error
}

// A dryRunner writes down what a run would do.
type dryRunner struct {
	*session
	site     *site
	reader   *reader
	digester *digester
	store    planStore
}

// dryRun decides about every item, as the real run would, and writes down
// what it would do. It has no way to the provider: all it does with the
// connector is render.
func (dr *dryRunner) dryRun(ctx context.Context) error {
	if err := dr.restartPlan(ctx); err != nil {
		return err
	}

	for !dr.run.PlanDone {
		if err := dr.mayGoOn(ctx); err != nil {
			return err
		}

		tasks, next, err := dr.nextDryRunPage(ctx)
		if err != nil {
			return err
		}

		batch := store.Batch{Cursor: true, PlansUntil: dr.clock.Now().Add(planKept)}
		for _, t := range tasks {
			if row, ok := dr.planRow(t); ok {
				batch.PlanRows = append(batch.PlanRows, row)
			}
		}

		dr.run.PlanCursor = next
		dr.run.PendingCursor = next
		dr.run.PlanDone = next == ""
		dr.madeProgress()
		if err := dr.commit(ctx, batch); err != nil {
			return err
		}
	}

	return nil
}

// restartPlan begins from the beginning if the integration was changed since
// the plan was begun.
func (dr *dryRunner) restartPlan(ctx context.Context) error {
	if dr.run.PlanVersion == dr.meta.Version {
		return nil
	}

	if dr.run.PlanVersion != 0 {
		if err := dr.store.DropPlan(ctx, dr.lease.Pair.ID, dr.run.ID); err != nil {
			return err
		}
	}

	dr.run.Counts = domain.Counts{}
	dr.run.PlanCursor = ""
	dr.run.PendingCursor = ""
	dr.run.PlanDone = false
	dr.run.PlanVersion = dr.meta.Version
	dr.run.Digest = nil

	return dr.planDryRunDigest(ctx)
}

// nextDryRunPage reads the next page: of all items for a full run, of the marked
// ones else.
func (dr *dryRunner) nextDryRunPage(ctx context.Context) ([]*task, string, error) {
	if dr.run.Mode == domain.Full {
		tasks, next, err := dr.reader.compare(ctx)
		if err == nil && dr.site.chat.is {
			err = dr.reader.addPendingChanges(ctx, tasks)
		}
		return tasks, next, err
	}

	return dr.reader.pendingTasks(ctx, dr.run.PendingCursor)
}

// planRow counts an item and says what a run would do about it.
func (dr *dryRunner) planRow(t *task) (domain.PlanRow, bool) {
	row := domain.PlanRow{ItemID: t.id, FormattedNumber: t.item.FormattedNumber, Steps: []string{}}
	reason := func(action domain.PlanAction, why string, out domain.Outcome) (domain.PlanRow, bool) {
		row.Action = action
		row.Reason = &why
		dr.tally(out, 1)
		return row, true
	}
	switch t.step {
	case item.Unchanged:
		if dr.expectsReply(t) {
			row.Action = domain.PlanUpdate
			row.Steps = []string{replyStep}
			dr.tally(domain.Updated, 1)
			return row, true
		}

		dr.tally(domain.Unchanged, 1)

		return row, false

	case item.Skip:
		return reason(domain.PlanSkip, t.reason, domain.Skipped)
	case item.GivenUp:
		return reason(domain.PlanSkip, "given up: "+t.link.Reason, domain.FailedOut)
	case item.NotDue:
		return reason(domain.PlanSkip, "tried again at "+t.link.RetryAt.UTC().Format(time.RFC3339)+": "+t.link.Reason, domain.FailedOut)
	case item.Broken:
		return reason(domain.PlanSkip, panicked, domain.FailedOut)
	case item.Resolve:
		return reason(domain.PlanReconcile, "an earlier create was not answered", "")
	case item.Unanswerable:
		return reason(domain.PlanSkip, "an earlier create was not answered, and nobody can be asked", domain.Unknown)
	case item.SettleDigest:
		return reason(domain.PlanReconcile, "an earlier digest has yet to be recorded", "")
	case item.Create:
		row.Action = domain.PlanCreate
		row.Steps = dr.createSteps(t)
		dr.tally(domain.Created, 1)

		return row, true

	case item.Update:
		row.Action = domain.PlanUpdate
		row.Steps = []string{changeOf(t)}
		if dr.expectsReply(t) {
			row.Steps = append(row.Steps, replyStep)
		}

		dr.tally(domain.Updated, 1)

		return row, true
	}

	return row, false
}

// createSteps are the steps of a create: a closed item's object is closed afterwards.
func (dr *dryRunner) createSteps(t *task) []string {
	if dr.run.Digest != nil {
		return []string{"digest"}
	}

	if t.content.State != dr.site.sends(t).State {
		return []string{"create", "close"}
	}

	return []string{"create"}
}

// replyStep is the name of a reply below an item's message.
const replyStep = "reply"

// expectsReply reports whether a run would say a change below the item's message.
// One that is in doubt is looked for first, and may be there.
func (dr *dryRunner) expectsReply(t *task) bool {
	if !dr.site.chat.replies() || len(t.pending) == 0 || dr.site.unannounced(t) {
		return false
	}

	said := t.link.Thread
	if said == nil {
		was := t.previousMessage()
		return t.step == item.Update && was != nil && domain.ProgressOf(was.State, was.Facts, was.Deleted) != t.progress()
	}

	return said.Said != t.progress()
}

// changeOf names an update by what it does to the state.
func changeOf(t *task) string {
	switch t.content.State {
	case cmp.Or(t.link.SentState, t.link.Remote.State):
		return "update"
	case domain.Closed:
		return "close"
	}

	return "reopen"
}
