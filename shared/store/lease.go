package store

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"example.com/integrations/shared/domain"
)

// A Lease is a worker's right to write to an integration.
type Lease struct {
	Pair  IntegrationRef
	Kind  RunKind
	RunID domain.Snowflake
	ID    string
	Fence int64
}

func (l Lease) key() key { return laneKey(l.Pair.ID, l.Kind) }

// Acquire takes the lease of an integration for one slice of a run, in the
// lane where that run is the active one. held is false when another worker's
// lease is live or the run is not active: then there is nothing to do for this
// message. The run's Idle counts this slice. Where the pair names an
// organisation, the lease of another organisation's integration is not taken.
func (s *Store) Acquire(ctx context.Context, p IntegrationRef, run domain.Snowflake, leaseID string, now, until time.Time) (st State, lease Lease, held bool, err error) {
	for _, lane := range lanes {
		var elsewhere bool
		st, held, elsewhere, err = s.acquire(ctx, laneKey(p.ID, lane), p.OrganisationID, run, leaseID, now, until)
		if err != nil {
			return State{}, Lease{}, false, wrap(err, "acquire lease of integration", p.ID)
		}
		if held {
			return st, Lease{Pair: st.IntegrationRef, Kind: lane, RunID: run, ID: leaseID, Fence: st.Fence}, true, nil
		}
		if !elsewhere {
			break
		}
	}

	return State{}, Lease{}, false, nil
}

// acquire tries one lane; elsewhere says that its run is another one.
func (s *Store) acquire(ctx context.Context, k key, org, run domain.Snowflake, leaseID string, now, until time.Time) (st State, held, elsewhere bool, err error) {
	u := update{
		expression: "SET #lease = :lease, #until = :until, #fence = if_not_exists(#fence, :zero) + :one, #due = :until, #count = :zero, " +
			"#run.#status = :running, #run.#idle = if_not_exists(#run.#idle, :zero) + :one",
		condition: "#run.#id = :run AND (attribute_not_exists(#until) OR #until < :now)",
		names: map[string]string{
			"#lease": "lease_id", "#until": "lease_until", "#fence": "fence", "#due": "due_at", "#count": "due_count",
			"#run": "run", "#id": "id", "#status": "status", "#idle": "idle",
		},
		values: record{
			":lease": text(leaseID), ":until": number(until.UnixMilli()), ":now": number(now.UnixMilli()), ":zero": number(0),
			":one": number(1), ":run": number(int64(run)), ":running": text(string(domain.Running)),
		},
	}
	if org != 0 {
		u.condition += " AND #org = :org"
		u.names["#org"], u.values[":org"] = "organisation_id", number(int64(org))
	}

	after, err := s.update(ctx, k, u)
	if old, failed := conditionFailed(err); failed {
		var there State
		if err := decode(old, &there); err != nil {
			return st, false, false, err
		}

		if there.Run == nil || there.Run.ID != run {
			return st, false, true, nil
		}

		// Our own lease there means that the SDK's retry met its own success.
		return there, there.LeaseID == leaseID, false, nil
	}

	if err == nil {
		err = decode(after, &st)
	}

	return st, err == nil, false, err
}

// fenced makes an update conditional on the lease.
func (l Lease) fenced(u update) update {
	if u.names == nil {
		u.names = map[string]string{}
		u.values = record{}
	}

	condition := "#fence = :fence AND #run.#id = :run"
	if u.condition != "" {
		condition += " AND " + u.condition
	}

	u.condition = condition
	u.names["#fence"] = "fence"
	u.names["#run"] = "run"
	u.names["#id"] = "id"
	u.values[":fence"], u.values[":run"] = number(l.Fence), number(int64(l.RunID))

	return u
}

// progressUpdate writes the worker's progress, and the place in the marks too
// when everything before it is done.
func (l Lease) progressUpdate(run ActiveRun, cursor bool) update {
	u := l.fenced(update{})
	encoded := encodeRun(run).Value
	names := progress
	if cursor {
		names = append(names[:len(names):len(names)], "pending_cursor")
	}

	u.expression = "SET "
	for i, name := range names {
		if i > 0 {
			u.expression += ", "
		}

		u.expression += "#run.#" + name + " = :" + name
		u.names["#"+name] = name
		u.values[":"+name] = encoded[name]
	}

	return u
}

// AcknowledgeSignal is the worker's promise to look for marks from now on, from the
// first one: whoever takes over looks at all of them too. It returns the active
// run as it is asked for now.
func (s *Store) AcknowledgeSignal(ctx context.Context, l Lease) (ActiveRun, error) {
	u := l.fenced(update{expression: "SET #run.#cursor = :first REMOVE #signal"})
	u.names["#signal"], u.names["#cursor"], u.values[":first"] = "signal", "pending_cursor", text("")
	return s.fencedUpdate(ctx, l, "clear wake of integration", u)
}

// ClearRetryAll says that all items to be tried again are marked.
func (s *Store) ClearRetryAll(ctx context.Context, l Lease) error {
	u := l.fenced(update{expression: "SET #run.#retry = :false"})
	u.names["#retry"], u.values[":false"] = "retry_all", truth(false)
	_, err := s.fencedUpdate(ctx, l, "retry items of integration", u)
	return err
}

func (s *Store) fencedUpdate(ctx context.Context, l Lease, operation string, u update) (ActiveRun, error) {
	after, err := s.update(ctx, l.key(), u)
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

// Release gives the lease back in mid-run: the run is queued for its next
// slice. due is when dispatch must send its message again.
func (s *Store) Release(ctx context.Context, l Lease, run ActiveRun, due time.Time) error {
	_, err := s.fencedUpdate(ctx, l, "release lease of integration", l.released(run, due))
	return err
}

func (l Lease) released(run ActiveRun, due time.Time) update {
	u := l.progressUpdate(run, true)
	u.expression += ", #until = :zero, #due = :due"
	u.names["#until"] = "lease_until"
	u.names["#due"] = "due_at"
	u.values[":zero"], u.values[":due"] = number(0), number(due.UnixMilli())
	return u
}

// Wait gives the lease back in mid-run: the run waits until due. ErrChanged,
// and the lease is still held, when the manager's record is not of that
// version any more or the run is to be cancelled: whoever stops a run while a
// worker is on it relies on that the worker looks again before the run waits.
func (s *Store) Wait(ctx context.Context, l Lease, run ActiveRun, metaVersion int64, due time.Time) error {
	u := l.released(run, due)
	u.condition += " AND " + notCancelled(&u)
	err := s.transact(ctx, []types.TransactWriteItem{s.updateAction(l.key(), u), s.metaCheck(l.Pair, metaVersion, false)})
	if old, at := refused(err); at >= 0 {
		err = ErrChanged
		if at == 0 && !l.holds(old) {
			err = ErrFenced
		}
	}

	return wrap(err, "release lease of integration", l.Pair.ID)
}

// holds reports whether a state still has the lease's fence and run.
func (l Lease) holds(r record) bool {
	var st State
	return decode(r, &st) == nil && st.Fence == l.Fence && st.Run != nil && st.Run.ID == l.RunID
}

// A RunControl is what a worker must know before it goes on.
type RunControl struct {
	Integration  *Integration // nil when it is gone
	Organisation bool         // there, and not deleted
	Cancelled    *time.Time   // when a manager asked for it
}

// ReadControl reads whether a run may go on. ErrFenced when the lease is lost.
func (s *Store) ReadControl(ctx context.Context, l Lease) (RunControl, error) {
	var look RunControl
	found, err := s.batchGet(ctx, []key{metaKey(l.Pair), organisationKey(l.Pair.OrganisationID), l.key()})
	if err != nil {
		return look, wrap(err, "look at integration", l.Pair.ID)
	}

	org, unreadable := organisation(found[organisationKey(l.Pair.OrganisationID)])
	err = errors.Join(unreadable, into(found[metaKey(l.Pair)], &look.Integration))
	if err == nil && !l.holds(found[l.key()]) {
		err = ErrFenced
	}

	if err != nil {
		return look, wrap(err, "look at integration", l.Pair.ID)
	}

	var st State
	err = decode(found[l.key()], &st)
	look.Organisation = org != nil && !org.Deleted
	if st.Run != nil {
		look.Cancelled = st.Run.CancelRequestedAt
	}

	return look, wrap(err, "look at integration", l.Pair.ID)
}
