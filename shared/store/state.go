package store

import (
	"context"
	"time"

	"integrations/shared/domain"
)

// A State is what sync, ingest, dispatch and the worker know of an
// integration at run time.
type State struct {
	Pair
	// Run is the active run, nil when there is none.
	Run *ActiveRun `json:"run,omitempty"`
	// Fence grows with every lease; a worker's writes are conditional on it.
	Fence      int64  `json:"fence"`
	LeaseID    string `json:"lease_id"`
	LeaseUntil int64  `json:"lease_until"` // Unix milliseconds by wall clock
	// Wake is set by ingest after a mark and cleared by the worker before it
	// looks for marks: a run does not end while it is set.
	Wake bool `json:"wake"`
	// FullEpoch is Integration.FullEpoch as of the last completed full run.
	FullEpoch       int64 `json:"full_epoch"`
	LastRequestedAt int64 `json:"last_requested_at"` // Unix milliseconds
	LastSuccessAt   int64 `json:"last_success_at"`   // Unix milliseconds
	// DueAt says when dispatch must look; DueCount how often it has, in vain.
	DueAt    int64 `json:"due_at"` // Unix milliseconds
	DueCount int64 `json:"due_count"`
	// RetryAt is when the earliest failed item is to be tried again, 0 for none.
	RetryAt int64 `json:"retry_at"` // Unix milliseconds
}

// NeedsFull reports whether the next sync must look at every item.
func NeedsFull(i Integration, s *State) bool { return s == nil || s.FullEpoch < i.FullEpoch }

// An ActiveRun is a run with the worker's progress in it.
type ActiveRun struct {
	domain.Run
	Announce bool `json:"announce"`
	// Target is where this run's first slice was led; a run serves one target.
	Target string `json:"target"`
	// FullEpoch is what a full run's plan pass has seen of the manager's record.
	FullEpoch int64 `json:"full_epoch"`
	// PlanCursor is the last item the plan pass handled.
	PlanCursor string `json:"plan_cursor"`
	PlanDone   bool   `json:"plan_done"`
	// MarkCursor is the last mark this pass over the marks has handled.
	MarkCursor string `json:"mark_cursor"`
	// RetryAt and SettleAt are the earliest times at which an item this pass
	// left alone is to be tried again, or looked for again; 0 for none.
	RetryAt  int64 `json:"pass_retry_at"`  // Unix milliseconds
	SettleAt int64 `json:"pass_settle_at"` // Unix milliseconds
	// Outages counts how often in a row the provider could not be reached.
	Outages int `json:"outages"`
}

// progress lists the members of a run that the worker writes; the others are
// written by the API while the worker runs (mode, cancel_requested_at).
var progress = []string{
	"status", "counts", "remaining", "estimated_finish", "started_at", "waiting_until", "waiting_reason",
	"target", "full_epoch", "plan_cursor", "plan_done", "pass_retry_at", "pass_settle_at", "outages",
}

// A Lease is a worker's right to write to an integration.
type Lease struct {
	Pair  Pair
	RunID domain.Snowflake
	ID    string
	Fence int64
}

// State reads an integration's state, nil when it never had one.
func (s *Store) State(ctx context.Context, id domain.Snowflake) (*State, error) {
	r, err := s.get(ctx, stateKey(id))
	var st *State
	if err == nil {
		err = into(r, &st)
	}
	return st, wrap(err, "read state of integration", id)
}

// newRun is the update that makes a run the active one.
func newRun(p Pair, run ActiveRun, due time.Time) update {
	return update{
		expression: "SET #run = :run, #id = :id, #org = :org, #type = :type, #shard = :shard, #due = :due, #count = :zero",
		condition:  "attribute_not_exists(#run)",
		names: map[string]string{
			"#run": "run", "#id": "id", "#org": "organisation_id", "#type": "item_type",
			"#shard": "due_shard", "#due": "due_at", "#count": "due_count",
		},
		values: record{
			":run": encodeRun(run), ":id": number(int64(p.ID)), ":org": number(int64(p.OrganisationID)),
			":type": text(string(p.ItemType)), ":shard": text(dueShard(p.ID)), ":due": number(due.UnixMilli()), ":zero": number(0),
		},
	}
}

// RequestRun makes run the active one, unless one is active already or one was
// requested less than gap ago (both are told from the state it returns), and
// sets when dispatch is to repair a lost message. started says that the run is
// this call's own, even when the SDK had to retry its write.
func (s *Store) RequestRun(ctx context.Context, p Pair, run ActiveRun, gap time.Duration, due time.Time) (st State, started bool, err error) {
	u := newRun(p, run, due)
	u.expression += ", #last = :now"
	u.condition += " AND (attribute_not_exists(#last) OR #last <= :gap)"
	u.names["#last"] = "last_requested_at"
	u.values[":now"] = number(run.RequestedAt.UnixMilli())
	u.values[":gap"] = number(run.RequestedAt.Add(-gap).UnixMilli())
	return s.addRun(ctx, p, run, u)
}

// WakeWithRun sets wake and makes run the active one. started is false when
// one is active already.
func (s *Store) WakeWithRun(ctx context.Context, p Pair, run ActiveRun, due time.Time) (started bool, err error) {
	u := newRun(p, run, due)
	u.expression += ", #wake = :true"
	u.names["#wake"], u.values[":true"] = "wake", truth(true)
	_, started, err = s.addRun(ctx, p, run, u)
	return started, err
}

func (s *Store) addRun(ctx context.Context, p Pair, run ActiveRun, u update) (st State, started bool, err error) {
	after, err := s.update(ctx, stateKey(p.ID), u)
	if old, failed := conditionFailed(err); failed {
		after, err = old, nil
	}
	if err == nil {
		err = decode(after, &st)
	}
	return st, err == nil && st.Run != nil && st.Run.ID == run.ID, wrap(err, "request run of integration", p.ID)
}

// Wake tells the worker of the active run that there is a new mark.
// ErrNotFound when no run is active any more.
func (s *Store) Wake(ctx context.Context, id domain.Snowflake) error {
	_, err := s.update(ctx, stateKey(id), update{
		expression: "SET #wake = :true", condition: "attribute_exists(#run)",
		names: map[string]string{"#wake": "wake", "#run": "run"}, values: record{":true": truth(true)},
	})
	if _, failed := conditionFailed(err); failed {
		err = ErrNotFound
	}
	return wrap(err, "wake integration", id)
}

// MakeFull turns the active run into a full one, if it is still active.
// ErrNotFound when it has ended.
func (s *Store) MakeFull(ctx context.Context, id, run domain.Snowflake) error {
	_, err := s.update(ctx, stateKey(id), update{
		expression: "SET #run.#mode = :full", condition: "#run.#id = :run",
		names:  map[string]string{"#run": "run", "#mode": "mode", "#id": "id"},
		values: record{":full": text(string(domain.Full)), ":run": number(int64(run))},
	})
	if _, failed := conditionFailed(err); failed {
		err = ErrNotFound
	}
	return wrap(err, "make run full of integration", id)
}

// Acquire takes the lease of an integration for one slice of a run. held is
// false when another worker's lease is live or the run is not the active one:
// then there is nothing to do for this message.
func (s *Store) Acquire(ctx context.Context, p Pair, run domain.Snowflake, leaseID string, now, until time.Time) (st State, lease Lease, held bool, err error) {
	after, err := s.update(ctx, stateKey(p.ID), update{
		expression: "SET #lease = :lease, #until = :until, #fence = if_not_exists(#fence, :zero) + :one, #due = :until, #count = :zero, #run.#status = :running",
		condition:  "#run.#id = :run AND (attribute_not_exists(#until) OR #until < :now)",
		names: map[string]string{
			"#lease": "lease_id", "#until": "lease_until", "#fence": "fence", "#due": "due_at", "#count": "due_count",
			"#run": "run", "#id": "id", "#status": "status",
		},
		values: record{
			":lease": text(leaseID), ":until": number(until.UnixMilli()), ":now": number(now.UnixMilli()), ":zero": number(0),
			":one": number(1), ":run": number(int64(run)), ":running": text(string(domain.Running)),
		},
	})
	if old, failed := conditionFailed(err); failed {
		if textOf(old, "lease_id") != leaseID || old["run"] == nil {
			return State{}, Lease{}, false, nil
		}
		after, err = old, nil // the SDK's retry met its own success
	}
	if err == nil {
		err = decode(after, &st)
	}
	if err != nil {
		return State{}, Lease{}, false, wrap(err, "acquire lease of integration", p.ID)
	}
	return st, Lease{Pair: st.Pair, RunID: run, ID: leaseID, Fence: st.Fence}, true, nil
}

// fenced makes an update conditional on the lease.
func (l Lease) fenced(u update) update {
	if u.names == nil {
		u.names, u.values = map[string]string{}, record{}
	}
	condition := "#fence = :fence AND #run.#id = :run"
	if u.condition != "" {
		condition += " AND " + u.condition
	}
	u.condition = condition
	u.names["#fence"], u.names["#run"], u.names["#id"] = "fence", "run", "id"
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
		names = append(names[:len(names):len(names)], "mark_cursor")
	}
	u.expression = "SET "
	for i, name := range names {
		if i > 0 {
			u.expression += ", "
		}
		u.expression += "#run.#" + name + " = :" + name
		u.names["#"+name], u.values[":"+name] = name, encoded[name]
	}
	return u
}

// ClearWake is the worker's promise to look for marks from now on.
func (s *Store) ClearWake(ctx context.Context, l Lease) error {
	u := l.fenced(update{expression: "REMOVE #wake"})
	u.names["#wake"] = "wake"
	_, err := s.update(ctx, stateKey(l.Pair.ID), u)
	if _, failed := conditionFailed(err); failed {
		err = ErrFenced
	}
	return wrap(err, "clear wake of integration", l.Pair.ID)
}

// Release gives the lease back in mid-run: the run is queued for its next
// slice, or waiting until a time. due is when dispatch must send a message.
func (s *Store) Release(ctx context.Context, l Lease, run ActiveRun, due time.Time) error {
	u := l.progressUpdate(run, true)
	u.expression += ", #until = :zero, #due = :due"
	u.names["#until"], u.names["#due"] = "lease_until", "due_at"
	u.values[":zero"], u.values[":due"] = number(0), number(due.UnixMilli())
	_, err := s.update(ctx, stateKey(l.Pair.ID), u)
	if _, failed := conditionFailed(err); failed {
		err = ErrFenced
	}
	return wrap(err, "release lease of integration", l.Pair.ID)
}
