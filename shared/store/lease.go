package store

import (
	"context"
	"errors"
	"time"

	"example.com/integrations/shared/domain"
)

// A leaseRepository has the writes of a worker that holds the lease of a run. Each
// write is conditional on the lease's fence; ErrFenced means that the lease is lost.
type leaseRepository struct{ table *table }

// A Lease is a worker's right to write to an integration.
type Lease struct {
	Pair  IntegrationRef
	Kind  RunKind
	RunID domain.Snowflake
	ID    string
	Fence int64
}

func (l Lease) key() key { return kindKey(l.Pair.ID, l.Kind) }

// held are the conditions that the lease is not lost.
func (l Lease) held() []condition {
	return []condition{equal("fence", number(l.Fence)), equal("run.id", idOf(l.RunID))}
}

// heldIn reports whether a state still has the lease's fence and run.
func (l Lease) heldIn(state record) bool {
	var st State
	return decode(state, &st) == nil && st.Fence == l.Fence && st.Run != nil && st.Run.ID == l.RunID
}

// progressUpdate writes the worker's progress under the lease. withCursor writes
// the position among the pending changes too: everything before it is done.
func (l Lease) progressUpdate(run ActiveRun, withCursor bool) *update {
	u := newUpdate().when(l.held()...)
	encoded := mustEncode(run)
	for _, name := range progress {
		u.set("run."+name, encoded[name])
	}

	if withCursor {
		u.set("run.pending_cursor", encoded["pending_cursor"])
	}

	return u
}

// A LeaseRequest is a worker's request for the lease of a run.
type LeaseRequest struct {
	RunID      domain.Snowflake
	ID         string // identifies the request, so that a repetition recognises its own lease
	Now, Until time.Time
}

// update takes a lease that is free or has expired.
func (q LeaseRequest) update() *update {
	return newUpdate().
		set("lease_id", text(q.ID)).
		set("lease_until", millis(q.Until)).
		increment("fence").
		set("due_at", millis(q.Until)).
		set("due_count", number(0)).
		set("run.status", text(string(domain.Running))).
		increment("run.idle").
		when(equal("run.id", idOf(q.RunID)), either(absent("lease_until"), less("lease_until", millis(q.Now))))
}

// A HeldLease is a lease that was acquired, with the state after that.
type HeldLease struct {
	Lease Lease
	State State
}

// Acquire takes the lease for one invocation of a worker on a run, of the kind of
// which the run is the active one. It returns nil when another worker holds a live
// lease or the run is not active: the caller then ignores the message. The run's
// Idle counts this invocation. When ref has an organisation, the integration must
// belong to it.
func (r leaseRepository) Acquire(ctx context.Context, ref IntegrationRef, request LeaseRequest) (*HeldLease, error) {
	u := request.update()
	if ref.OrganisationID != 0 {
		u.when(equal("organisation_id", idOf(ref.OrganisationID)))
	}

	for _, kind := range runKinds {
		st, err := r.acquire(ctx, kindKey(ref.ID, kind), u)
		if err != nil {
			return nil, wrap(err, "acquire lease of integration", ref.ID)
		}

		if st.Run == nil || st.Run.ID != request.RunID {
			continue // the active run of this kind is another one
		}
		if st.LeaseID != request.ID {
			return nil, nil
		}

		lease := Lease{Pair: st.IntegrationRef, Kind: kind, RunID: request.RunID, ID: request.ID, Fence: st.Fence}

		return &HeldLease{Lease: lease, State: st}, nil
	}

	return nil, nil
}

// acquire tries to take the lease of one kind and returns the state after it, or
// the state that was met. That state has the caller's own lease id when the SDK
// repeated a write that had succeeded.
func (r leaseRepository) acquire(ctx context.Context, k key, u *update) (st State, err error) {
	state, err := r.table.update(ctx, k, u)
	if old, failed := conditionFailed(err); failed {
		state = old
		err = nil
	}

	if err == nil {
		err = decode(state, &st)
	}

	return st, err
}

// AcknowledgeSignal clears the signal and the position among the pending changes:
// the worker must read all pending changes after this, and so must a worker that
// takes over. It returns the active run as it is requested now.
func (r leaseRepository) AcknowledgeSignal(ctx context.Context, l Lease) (ActiveRun, error) {
	u := newUpdate().set("run.pending_cursor", text("")).remove("signal").when(l.held()...)
	return r.fencedUpdate(ctx, l, "clear signal of integration", u)
}

// ClearRetryAll records that all items to try again have pending changes now.
func (r leaseRepository) ClearRetryAll(ctx context.Context, l Lease) error {
	u := newUpdate().set("run.retry_all", truth(false)).when(l.held()...)
	_, err := r.fencedUpdate(ctx, l, "retry items of integration", u)

	return err
}

// fencedUpdate writes an update under the lease and returns the active run.
func (r leaseRepository) fencedUpdate(ctx context.Context, l Lease, operation string, u *update) (ActiveRun, error) {
	after, err := r.table.update(ctx, l.key(), u)
	if _, failed := conditionFailed(err); failed {
		err = ErrFenced
	}

	var st State
	if err == nil {
		err = decode(after, &st)
	}

	if err == nil && st.Run == nil {
		err = ErrFenced
	}

	if err != nil {
		return ActiveRun{}, wrap(err, operation, l.Pair.ID)
	}

	return *st.Run, nil
}

// Release releases the lease while the run is active: the run is queued for the
// next invocation. due is when dispatch must send its message again.
func (r leaseRepository) Release(ctx context.Context, l Lease, run ActiveRun, due time.Time) error {
	_, err := r.fencedUpdate(ctx, l, "release lease of integration", l.released(run, due))
	return err
}

func (l Lease) released(run ActiveRun, due time.Time) *update {
	return l.progressUpdate(run, true).set("lease_until", number(0)).set("due_at", millis(due))
}

// Wait releases the lease while the run is active: the run waits until due.
// ErrChanged, and the lease is still held, when the manager's record has another
// version or the run is to be cancelled. A manager's change under a live lease
// relies on this: the worker reads the control records again before the run waits.
func (r leaseRepository) Wait(ctx context.Context, l Lease, run ActiveRun, metaVersion int64, due time.Time) error {
	u := l.released(run, due).when(notCancelled())
	err := r.table.transact(ctx, []action{change(l.key(), u), sameMeta(l.Pair, metaVersion)})
	if old, at := refused(err); at >= 0 {
		err = ErrChanged
		if at == 0 && !l.heldIn(old) {
			err = ErrFenced
		}
	}

	return wrap(err, "release lease of integration", l.Pair.ID)
}

// sameMeta checks that the manager's record has a version.
func sameMeta(ref IntegrationRef, version int64) action {
	return check(metaKey(ref), equal("version", number(version)))
}

// anyMeta checks that the manager's record exists. The deletion of an integration
// under a live lease relies on it: the worker then starts the purge. For a dry run
// no worker has to.
func anyMeta(ref IntegrationRef) action { return check(metaKey(ref), exists(partitionKey)) }

// notCancelled holds when no one has asked to cancel the run.
func notCancelled() condition {
	return either(absent("run.cancel_requested_at"), hasType("run.cancel_requested_at", "NULL"))
}

// A RunControl is what decides whether a worker may continue its run.
type RunControl struct {
	Integration  *Integration // nil when it is deleted
	Organisation bool         // it exists and is not deleted
	Cancelled    *time.Time   // when a manager asked to cancel the run
}

// ReadControl reads whether a run may continue. ErrFenced when the lease is lost.
func (r leaseRepository) ReadControl(ctx context.Context, l Lease) (RunControl, error) {
	var control RunControl
	found, err := r.table.batchGet(ctx, []key{metaKey(l.Pair), organisationKey(l.Pair.OrganisationID), l.key()})
	if err != nil {
		return control, wrap(err, "read control records of integration", l.Pair.ID)
	}

	org, unreadable := organisation(found[organisationKey(l.Pair.OrganisationID)])
	err = errors.Join(unreadable, into(found[metaKey(l.Pair)], &control.Integration))
	if err == nil && !l.heldIn(found[l.key()]) {
		err = ErrFenced
	}

	if err != nil {
		return control, wrap(err, "read control records of integration", l.Pair.ID)
	}

	var st State
	err = decode(found[l.key()], &st)
	control.Organisation = org != nil && !org.Deleted
	if st.Run != nil {
		control.Cancelled = st.Run.CancelRequestedAt
	}

	return control, wrap(err, "read control records of integration", l.Pair.ID)
}
