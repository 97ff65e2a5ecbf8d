package worker

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

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

// rehearse decides about every item, as the real run would, and writes down
// what it would do. It has no way to the provider: all it does with the
// connector is render.
func (s *slice) rehearse(ctx context.Context) (*verdict, error) {
	if err := s.rehearseAnew(ctx); err != nil {
		return nil, err
	}

	for !s.run.PlanDone {
		v, err := s.check(ctx)
		if err != nil {
			return nil, err
		}

		if v == nil && !s.room() {
			v = goOn
		}

		if v != nil {
			return v, nil
		}

		tasks, next, err := s.rehearsed(ctx)
		if err != nil {
			return nil, err
		}

		batch := store.Batch{Cursor: true, PlansUntil: s.Clock.Now().Add(planKept)}
		for _, t := range tasks {
			if row, ok := s.row(t); ok {
				batch.PlanRows = append(batch.PlanRows, row)
			}
		}

		s.run.PlanCursor = next
		s.run.PendingCursor = next
		s.run.PlanDone = next == ""
		s.progressed()
		if err := s.commit(ctx, batch); err != nil {
			return nil, err
		}
	}

	return nil, s.finish(ctx, &verdict{status: s.finalStatus()})
}

// rehearseAnew begins from the beginning if the integration was changed since
// the plan was begun.
func (s *slice) rehearseAnew(ctx context.Context) error {
	if s.run.PlanVersion == s.meta.Version {
		return nil
	}

	if s.run.PlanVersion != 0 {
		if err := s.Store.DropPlan(ctx, s.lease.Pair.ID, s.run.ID); err != nil {
			return err
		}
	}

	s.run.Counts = domain.Counts{}
	s.run.PlanCursor = ""
	s.run.PendingCursor = ""
	s.run.PlanDone = false
	s.run.PlanVersion = s.meta.Version
	s.run.Digest = nil

	return s.foresee(ctx)
}

// rehearsed reads the next page: of all items for a full run, of the marked
// ones else.
func (s *slice) rehearsed(ctx context.Context) ([]*task, string, error) {
	if s.run.Mode == domain.Full {
		tasks, next, err := s.compare(ctx)
		if err == nil && s.chat.is {
			err = s.marksOf(ctx, tasks)
		}
		return tasks, next, err
	}

	return s.marked(ctx, s.run.PendingCursor)
}

// marked reads the next page of marked items. One whose marks go over the end
// of a page was read with the first of them.
func (s *slice) marked(ctx context.Context, cursor string) ([]*task, string, error) {
	marks, next, err := s.Store.PendingChanges(ctx, s.lease.Pair.ID, cursor, pushPage)
	if err != nil {
		return nil, "", err
	}

	before := store.ItemOfPendingChange(cursor)
	marks = slices.DeleteFunc(marks, func(m store.PendingChange) bool { return m.ItemID == before })
	tasks, err := s.read(ctx, marks)

	return tasks, next, err
}

// row counts an item and says what a run would do about it.
func (s *slice) row(t *task) (domain.PlanRow, bool) {
	row := domain.PlanRow{ItemID: t.id, FormattedNumber: t.item.FormattedNumber, Steps: []string{}}
	reason := func(action domain.PlanAction, why string, out domain.Outcome) (domain.PlanRow, bool) {
		row.Action = action
		row.Reason = &why
		s.tally(out, 1)
		return row, true
	}
	switch t.step {
	case unchanged:
		if s.foreseesReply(t) {
			row.Action = domain.PlanUpdate
			row.Steps = []string{replyStep}
			s.tally(domain.Updated, 1)
			return row, true
		}

		s.tally(domain.Unchanged, 1)

		return row, false

	case skip:
		return reason(domain.PlanSkip, t.reason, domain.Skipped)
	case resting:
		return reason(domain.PlanSkip, "parked: "+t.link.Reason, domain.FailedOut)
	case later:
		return reason(domain.PlanSkip, "tried again at "+t.link.RetryAt.UTC().Format(time.RFC3339)+": "+t.link.Reason, domain.FailedOut)
	case broken:
		return reason(domain.PlanSkip, panicked, domain.FailedOut)
	case resolve:
		return reason(domain.PlanReconcile, "an earlier create was not answered", "")
	case unknown:
		return reason(domain.PlanSkip, "an earlier create was not answered, and nobody can be asked", domain.Unknown)
	case digested:
		return reason(domain.PlanReconcile, "an earlier digest has yet to be recorded", "")
	case create:
		row.Action = domain.PlanCreate
		row.Steps = []string{"create"}
		if s.run.Digest != nil {
			row.Steps = []string{"digest"}
		} else if t.content.State != s.sends(t).State {
			row.Steps = append(row.Steps, "close")
		}

		s.tally(domain.Created, 1)

		return row, true

	case update:
		row.Action, row.Steps = domain.PlanUpdate, []string{changeOf(t)}
		if s.foreseesReply(t) {
			row.Steps = append(row.Steps, replyStep)
		}

		s.tally(domain.Updated, 1)
		return row, true
	}

	return row, false
}

// replyStep is the name of a reply below an item's message.
const replyStep = "reply"

// foreseesReply reports whether a run would say a change below the item's message.
// One that is in doubt is looked for first, and may be there.
func (s *slice) foreseesReply(t *task) bool {
	if !s.chat.replies() || len(t.marks) == 0 || s.quiet(t) {
		return false
	}

	said := t.link.Thread
	if said == nil {
		was := t.last()
		return t.step == update && was != nil && domain.ProgressOf(was.State, was.Facts, was.Deleted) != t.progress()
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
