package worker

import (
	"context"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// A signalStore keeps what was asked of a run while it goes on.
type signalStore interface {
	AcknowledgeSignal(ctx context.Context, l store.Lease) (store.ActiveRun, error)
	StateIn(ctx context.Context, id domain.Snowflake, kind store.RunKind) (*store.State, error)
}

// A retryStore finds the items that failed, for a request to retry them all.
type retryStore interface {
	Retriable(ctx context.Context, integration domain.Snowflake, target string, out domain.Outcome, page domain.Page) (changes []store.PendingChange, next string, err error)
	ClearRetryAll(ctx context.Context, l store.Lease) error
}

// signals takes up what was asked of the run while it goes on.
type signals struct {
	*session
	planner *planner
	store   signalStore
	retries retryStore
}

// acknowledgeSignal clears the signal and takes up what was asked of the run
// meanwhile. All pending changes must be read again after this.
func (sg *signals) acknowledgeSignal(ctx context.Context) error {
	asked, err := sg.store.AcknowledgeSignal(ctx, sg.lease)
	if err != nil {
		return err
	}

	sg.run.Mode = asked.Mode
	if asked.Announce && !sg.run.Announce { // what was not announced is announced now
		sg.run.Announce = true
		if sg.run.PlanDone {
			sg.planner.replan()
		}
	}

	if !asked.RetryAll {
		return nil
	}

	return sg.retryAll(ctx)
}

// retryAll adds a pending change for every failed and unanswered item, so that it is
// tried again.
func (sg *signals) retryAll(ctx context.Context) error {
	for _, out := range []domain.Outcome{domain.FailedOut, domain.Unknown} {
		for after := ""; ; {
			changes, next, err := sg.retries.Retriable(ctx, sg.lease.Pair.ID, sg.run.Target, out, domain.Page{After: after, Limit: planPageSize})
			if err != nil {
				return err
			}

			if len(changes) > 0 {
				sg.madeProgress()
				if err := sg.commit(ctx, store.Batch{AddPending: changes}); err != nil {
					return err
				}
			}

			if next == "" {
				break
			}

			after = next
			if !sg.timeLeft() {
				return stopContinue // marking again what is marked changes nothing
			}
		}
	}

	return sg.retries.ClearRetryAll(ctx, sg.lease)
}

// handOverToNextRun stores what was asked of the run meanwhile as pending changes,
// for the run after it.
func (sg *signals) handOverToNextRun(ctx context.Context) error {
	st, err := sg.store.StateIn(ctx, sg.lease.Pair.ID, sg.lease.Kind)
	if err == nil && st != nil && st.Run != nil && st.Run.RetryAll {
		_, err = asStop(sg.retryAll(ctx)) // what it does not reach now, the run after it does
	}
	return err
}
