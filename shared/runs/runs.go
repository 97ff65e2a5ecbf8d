// Package runs starts the runs of an integration, joins the active one, resumes one
// that waits, and cancels. An integration has one active run at most, and one dry run
// beside it, so each function here handles the case that a run starts or ends between
// the read of the state and the write.
//
// A run is stored before its message is sent. If the message is lost, dispatch sends
// another one after LostAfter.
package runs

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// Gap is the least time between two new runs that managers request for one
// integration.
const Gap = 2 * time.Second

// attempts is how often a request is tried while runs start and end in between.
const attempts = 5

// A Starter stores a new run where none is active. The store implements it.
type Starter interface {
	RequestRun(ctx context.Context, ref store.IntegrationRef, run store.ActiveRun, gap time.Duration, due time.Time) (store.State, bool, error)
	RequestDryRun(ctx context.Context, ref store.IntegrationRef, run store.ActiveRun, gap time.Duration, due time.Time) (store.State, bool, error)
	SignalWithRun(ctx context.Context, ref store.IntegrationRef, run store.ActiveRun, due time.Time) (started bool, err error)
}

// An Asker asks more of the active run. The store implements it. Each method returns
// store.ErrNotFound where the run has ended.
type Asker interface {
	JoinRun(ctx context.Context, integration, run domain.Snowflake, request store.RunRequest) error
	RetryAll(ctx context.Context, integration, run domain.Snowflake) error
	Signal(ctx context.Context, integration domain.Snowflake) error
}

// A Resumer ends the wait of a run. The store implements it.
type Resumer interface {
	ResumeRun(ctx context.Context, integration, run domain.Snowflake, due time.Time) error
}

// A Reader reads the state of integrations, consistently. The store implements it.
type Reader interface {
	States(ctx context.Context, ids []domain.Snowflake) (map[domain.Snowflake]*store.State, error)
}

// A Queue sends the message for one invocation of the worker.
type Queue interface {
	Send(ctx context.Context, organisation, integration, run domain.Snowflake) error
}

// Table is what Runs needs of the table.
type Table interface {
	Starter
	Asker
	Resumer
	Reader
}

// Runs starts and steers the runs of integrations. It is safe for use by several
// goroutines.
type Runs struct {
	Table Table
	Queue Queue
	Log   *slog.Logger
	Now   func() time.Time
	// LostAfter is how long a message can be on its way before dispatch sends
	// another.
	LostAfter time.Duration
}

// newRun is a queued run of an integration.
func newRun(ref store.IntegrationRef, mode domain.Mode, trigger domain.Trigger, now time.Time) store.ActiveRun {
	return store.ActiveRun{Run: domain.Run{
		ID:             domain.NewSnowflake(now),
		IntegrationID:  ref.ID,
		OrganisationID: ref.OrganisationID,
		Mode:           mode,
		Trigger:        trigger,
		RequestedAt:    now,
		Status:         domain.Queued,
	}}
}

// due is when dispatch sends the message again that is sent now.
func (r *Runs) due() time.Time { return r.Now().Add(r.LostAfter) }

// send sends the message for a run. A failure is logged only: the run is stored, and
// dispatch sends its message.
func (r *Runs) send(ctx context.Context, run domain.Run) {
	err := r.Queue.Send(ctx, run.OrganisationID, run.IntegrationID, run.ID)
	if err != nil {
		r.Log.ErrorContext(ctx, "sync message not sent; dispatch will", "run_id", run.ID.String(), "error", err.Error())
	}
}

// resume has a waiting run go on at once. A run that does not wait any more stays as it
// is.
func (r *Runs) resume(ctx context.Context, run domain.Run) (domain.Run, error) {
	err := r.Table.ResumeRun(ctx, run.IntegrationID, run.ID, r.due())
	if errors.Is(err, store.ErrNotFound) {
		return run, nil
	}
	if err != nil {
		return run, err
	}

	run.Status = domain.Queued
	run.WaitingUntil = nil
	run.WaitingReason = nil
	r.send(ctx, run)

	return run, nil
}

// read reads the state of one integration, nil where it has none.
func (r *Runs) read(ctx context.Context, integration domain.Snowflake) (*store.State, error) {
	states, err := r.Table.States(ctx, []domain.Snowflake{integration})

	return states[integration], err
}

// tooQuick is the answer to a caller whose request met a start or an end of a run each
// time.
func tooQuick() error {
	return &domain.Error{Code: domain.CodeConflict, Detail: "Runs start and end too quickly to join one. Try again."}
}

// active reports whether a state has an active run.
func active(state *store.State) bool { return state != nil && state.Run != nil }
