package store

import (
	"context"
	"time"

	"example.com/integrations/shared/domain"
)

// A runRepository has the runs: the active ones, which are part of the states, the
// ended ones, and the plans of dry runs. The API, ingest and dispatch request,
// signal and cancel runs here. What a worker writes under its lease is in
// leaseRepository.
type runRepository struct{ table *table }

// State reads an integration's state, nil when it has none yet.
func (r runRepository) State(ctx context.Context, id domain.Snowflake) (*State, error) {
	return r.StateIn(ctx, id, LiveRun)
}

// StateIn reads the state of one kind of runs.
func (r runRepository) StateIn(ctx context.Context, id domain.Snowflake, kind RunKind) (*State, error) {
	found, err := r.table.get(ctx, kindKey(id, kind))
	var st *State
	if err == nil {
		err = into(found, &st)
	}
	return st, wrap(err, "read state of integration", id)
}

// States reads the states of up to 100 integrations in one round trip. An
// integration without a state is absent.
func (r runRepository) States(ctx context.Context, ids []domain.Snowflake) (map[domain.Snowflake]*State, error) {
	var keys []key
	for _, id := range ids {
		keys = append(keys, stateKey(id))
	}

	found, err := r.table.batchGet(ctx, keys)
	states := map[domain.Snowflake]*State{}
	for _, id := range ids {
		var st *State
		if record := found[stateKey(id)]; err == nil && record != nil {
			err = into(record, &st)
			states[id] = st
		}
	}

	return states, wrap(err, "read states of integrations", ids)
}

// activate makes a run the active one, due for dispatch at a time.
func activate(ref IntegrationRef, run ActiveRun, due time.Time) *update {
	return newUpdate().
		set("run", fields(run)).
		set("id", idOf(ref.ID)).
		set("organisation_id", idOf(ref.OrganisationID)).
		set("item_type", text(string(ref.ItemType))).
		set("due_shard", text(dueShard(ref.ID))).
		set("due_at", millis(due)).
		set("due_count", number(0))
}

// RequestRun makes run the active one of its kind. It does not when another one is
// active already, or one was requested less than gap ago; the state it returns
// shows which. due is when dispatch repairs a lost message. started says that the
// run is the caller's own, even when the SDK had to repeat the write.
func (r runRepository) RequestRun(ctx context.Context, ref IntegrationRef, run ActiveRun, gap time.Duration, due time.Time) (st State, started bool, err error) {
	early := millis(run.RequestedAt.Add(-gap))
	u := activate(ref, run, due).
		set("last_requested_at", millis(run.RequestedAt)).
		when(absent("run"), either(absent("last_requested_at"), atMost("last_requested_at", early)))

	kind := LiveRun
	if run.DryRun {
		kind = DryRun
	}

	return r.start(ctx, kindKey(ref.ID, kind), run, u)
}

// RequestDryRun is RequestRun for a dry run.
func (r runRepository) RequestDryRun(ctx context.Context, ref IntegrationRef, run ActiveRun, gap time.Duration, due time.Time) (State, bool, error) {
	run.DryRun = true
	return r.RequestRun(ctx, ref, run, gap, due)
}

// SignalWithRun sets the signal and makes run the active one. started is false when
// one is active already.
func (r runRepository) SignalWithRun(ctx context.Context, ref IntegrationRef, run ActiveRun, due time.Time) (started bool, err error) {
	u := activate(ref, run, due).set("signal", truth(true)).when(absent("run"))
	_, started, err = r.start(ctx, stateKey(ref.ID), run, u)

	return started, err
}

// start writes an update that makes a run the active one. After a refusal it
// returns the state that was met.
func (r runRepository) start(ctx context.Context, k key, run ActiveRun, u *update) (st State, started bool, err error) {
	after, err := r.table.update(ctx, k, u)
	if old, failed := conditionFailed(err); failed {
		after = old
		err = nil
	}

	if err == nil {
		err = decode(after, &st)
	}

	return st, err == nil && st.Run != nil && st.Run.ID == run.ID, wrap(err, "request run of integration", run.IntegrationID)
}

// Signal tells the worker of the active run that there is a new pending change.
// ErrNotFound when no run is active.
func (r runRepository) Signal(ctx context.Context, id domain.Snowflake) error {
	u := newUpdate().set("signal", truth(true)).when(exists("run"))
	return r.changeRun(ctx, id, "signal integration", u)
}

// A RunRequest is what a manager asks of the active run that the request joins.
type RunRequest struct {
	Full     bool // it must look at every item
	Announce bool // a chat gets a message for every item that is new to it
	// AcceptTarget is the provider's id of a target that the manager accepts, ""
	// for none.
	AcceptTarget string
	ProbeAt      int64 // when the manager asked to try the provider, Unix milliseconds, 0 for never
}

// JoinRun adds a request to the active run, if it is still active. ErrNotFound when
// it has ended.
func (r runRepository) JoinRun(ctx context.Context, id, run domain.Snowflake, request RunRequest) error {
	u := newUpdate().set("run.id", idOf(run)).when(equal("run.id", idOf(run)))
	if request.Full {
		u.set("run.mode", text(string(domain.Full)))
	}

	if request.ProbeAt != 0 {
		u.set("run.probe_at", number(request.ProbeAt))
	}

	if request.AcceptTarget != "" {
		u.set("run.accept_target", text(request.AcceptTarget))
	}

	if request.Announce {
		u.set("run.announce", truth(true)).set("signal", truth(true))
	}

	return r.changeRun(ctx, id, "join run of integration", u)
}

// RetryAll asks the worker of the active run to try all failed and unknown items
// again. ErrNotFound when the run has ended.
func (r runRepository) RetryAll(ctx context.Context, id, run domain.Snowflake) error {
	u := newUpdate().
		set("run.retry_all", truth(true)).
		set("signal", truth(true)).
		when(equal("run.id", idOf(run)))

	return r.changeRun(ctx, id, "retry items of integration", u)
}

// ResumeRun makes a waiting run a queued one, due for dispatch at a time unless its
// message arrives before. ErrNotFound when it does not wait.
func (r runRepository) ResumeRun(ctx context.Context, id, run domain.Snowflake, due time.Time) error {
	u := resumed(due).when(equal("run.id", idOf(run)), equal("run.status", text(string(domain.Waiting))))
	return r.changeRun(ctx, id, "resume run of integration", u)
}

// resumed ends a run's wait.
func resumed(due time.Time) *update {
	return newUpdate().
		set("run.status", text(string(domain.Queued))).
		set("due_at", millis(due)).
		set("due_count", number(0)).
		remove("run.waiting_until", "run.waiting_reason")
}

// changeRun changes an integration's state under the update's conditions.
// ErrNotFound when they do not hold.
func (r runRepository) changeRun(ctx context.Context, id domain.Snowflake, operation string, u *update) error {
	return wrap(r.table.updateOr(ctx, stateKey(id), u, ErrNotFound), operation, id)
}

// MoveDue moves the due time of a state before dispatch acts on it, so that of two
// dispatchers one acts. ErrConflict when it has moved already.
func (r runRepository) MoveDue(ctx context.Context, kind RunKind, st State, next time.Time) error {
	err := r.table.updateOr(ctx, kindKey(st.ID, kind), movedDue(st.DueAt, st.DueCount+1, next), ErrConflict)
	return wrap(err, "move due time of integration", st.ID)
}

// Reschedule changes when a state without a run is due, zero for never.
// ErrConflict when it has changed since it was read.
func (r runRepository) Reschedule(ctx context.Context, kind RunKind, st State, until time.Time) error {
	u := newUpdate().setTime("due_at", until).when(equal("due_at", number(st.DueAt)), absent("run"))
	if until.IsZero() {
		u.remove("due_shard")
	}

	return wrap(r.table.updateOr(ctx, kindKey(st.ID, kind), u, ErrConflict), "reschedule integration", st.ID)
}
