package store

import (
	"context"
	"time"

	"example.com/integrations/shared/domain"
)

// A State is what sync, ingest, dispatch and the worker know of an
// integration at run time.
type State struct {
	IntegrationRef
	// Run is the active run, nil when there is none.
	Run *ActiveRun `json:"run,omitempty"`
	// Fence grows with every lease; a worker's writes are conditional on it.
	Fence      int64  `json:"fence"`
	LeaseID    string `json:"lease_id"`
	LeaseUntil int64  `json:"lease_until"` // Unix milliseconds by wall clock
	// Signaled is set by ingest after a mark and cleared by the worker before it
	// looks for marks: a run does not end while it is set.
	Signaled bool `json:"signal"`
	// FullEpoch is Integration.FullEpoch as of the last completed full run.
	FullEpoch       int64 `json:"full_epoch"`
	LastRequestedAt int64 `json:"last_requested_at"` // Unix milliseconds
	LastSuccessAt   int64 `json:"last_success_at"`   // Unix milliseconds
	// DueAt says when dispatch must look; DueCount how often it has, in vain.
	DueAt    int64 `json:"due_at"` // Unix milliseconds
	DueCount int64 `json:"due_count"`
	// RetryAt is when the earliest failed item is to be tried again, or a
	// refused integration, 0 for none. PullAt is when to pull next.
	RetryAt int64 `json:"retry_at"` // Unix milliseconds
	PullAt  int64 `json:"pull_at"`  // Unix milliseconds
	// Condition is how the provider last answered; see Health.
	Condition *Condition `json:"condition,omitempty"`
	Pull      *Pull      `json:"pull,omitempty"`
	// StoredPullProblem says that the last pull could not go on, nil if it could; see
	// PullProblem.
	StoredPullProblem *Problem `json:"pull_problem,omitempty"`
	// Target is the place the integration syncs with, nil until it is resolved.
	Target *Target `json:"place,omitempty"`
	// RelinkedAt is when the target was last searched for objects whose links
	// a table restore may have lost.
	RelinkedAt int64 `json:"relinked_at"` // Unix milliseconds
	// Relink is how far that search has come.
	Relink *Pull `json:"relink,omitempty"`
}

// A Condition is how the provider last answered what was configured then.
type Condition struct {
	// ConnectionVersion is Integration.ConnectionVersion: a condition of another
	// one says nothing.
	ConnectionVersion int64 `json:"connection_version"`
	// ConfigurationVersion is Integration.ConfigurationVersion: any change of the
	// configuration ends the pause, since it may mend what was refused.
	ConfigurationVersion int64              `json:"configuration_version"`
	State                domain.HealthState `json:"state"` // Healthy or Unhealthy
	Reason               *domain.RunError   `json:"reason"`
	PausedUntil          int64              `json:"paused_until"` // Unix milliseconds
	Pauses               int                `json:"pauses"`       // in a row
	// Refused are the items whose writes were refused in a row, each once, with
	// no write accepted between them.
	Refused []domain.Snowflake `json:"refused,omitempty"`
}

// NeedsFull reports whether the next sync must look at every item.
func NeedsFull(i Integration, s *State) bool { return s == nil || s.FullEpoch < i.FullEpoch }

// Health tells how an integration stands with its provider. It is unknown
// after a change of the credentials or the place, until the provider has
// answered. Other changes of the configuration keep it.
func (s *State) Health(i Integration) domain.Health {
	if s == nil || s.Condition == nil || s.Condition.ConnectionVersion != i.ConnectionVersion {
		return domain.Health{State: domain.HealthUnknown}
	}

	h := domain.Health{State: s.Condition.State, Reason: s.Condition.Reason}
	if s.Condition.State == domain.Unhealthy && s.Condition.ConfigurationVersion == i.ConfigurationVersion {
		until := time.UnixMilli(s.Condition.PausedUntil).UTC()
		h.PausedUntil = &until
	}

	return h
}

// PausedUntil tells until when changes wait because the provider refused what is
// configured, zero if they need not.
func (s *State) PausedUntil(configurationVersion int64, now time.Time) time.Time {
	if s == nil || s.Condition == nil || s.Condition.ConfigurationVersion != configurationVersion ||
		s.Condition.State != domain.Unhealthy || s.Condition.PausedUntil <= now.UnixMilli() {
		return time.Time{}
	}
	return time.UnixMilli(s.Condition.PausedUntil).UTC()
}

// ReasonPaused is why a run waits whose integration the provider has refused.
const ReasonPaused = "paused"

// PausesAfter reports whether a run waits for the end of a pause.
func PausesAfter(run domain.Run) bool {
	return run.Status == domain.Waiting && run.WaitingReason != nil && *run.WaitingReason == ReasonPaused
}

// longLimit is how long a rate limit must still last for a manager's sync to try
// the provider before its end.
const longLimit = 10 * time.Minute

// Probes reports whether a manager's sync has a waiting run try the provider at
// once: it waits for the end of a pause, or of a long rate limit.
func Probes(run domain.Run, now time.Time) bool {
	if PausesAfter(run) {
		return true
	}

	limited := run.Status == domain.Waiting && run.WaitingReason != nil && *run.WaitingReason == "rate_limited"

	return limited && run.WaitingUntil != nil && run.WaitingUntil.Sub(now) > longLimit
}

// leased reports whether a worker is on the run.
func (s *State) leased(now time.Time) bool { return s.LeaseUntil >= now.UnixMilli() }

// An ActiveRun is a run with the worker's progress in it.
type ActiveRun struct {
	domain.Run
	Announce bool `json:"announce"`
	// RetryAll asks the worker to try every failed and unknown item again.
	RetryAll bool `json:"retry_all"`
	// Target is the key of the place this run serves, "" until its first slice
	// has resolved it. A run serves one place.
	Target string `json:"target"`
	// AcceptTarget is the provider's id of the place that a manager accepts,
	// though the configured spelling led to another place before.
	AcceptTarget string `json:"accept_target"`
	// ProbeAt is when a manager last asked to try the provider though it refuses
	// or limits what is sent.
	ProbeAt int64 `json:"probe_at"` // Unix milliseconds
	// ModeChosen says that the caller named no mode, so that the worker may make
	// the run full where one is needed.
	ModeChosen bool `json:"mode_chosen"`
	// FullEpoch is what a full run's plan pass has seen of the manager's record.
	FullEpoch int64 `json:"full_epoch"`
	// PlanCursor is the last item the plan pass handled.
	PlanCursor string `json:"plan_cursor"`
	PlanDone   bool   `json:"plan_done"`
	// PlanID names the plan pass: a run may plan more than once.
	PlanID domain.Snowflake `json:"plan_id"`
	// PlanCounts is what the plan pass has counted: it is taken back when all is
	// planned anew.
	PlanCounts domain.Counts `json:"plan_counts"`
	// PlanVersion is the version of the manager's record that a dry run plans
	// for: a plan of two would be wrong.
	PlanVersion int64 `json:"plan_version"`
	// PendingCursor is the last mark this pass over the marks has handled.
	PendingCursor string `json:"pending_cursor"`
	// RetryAt and SettleAt are the earliest times at which an item this pass
	// left alone is to be tried again, or looked for again; 0 for none.
	RetryAt  int64 `json:"pass_retry_at"`  // Unix milliseconds
	SettleAt int64 `json:"pass_settle_at"` // Unix milliseconds
	// ReplyAt is the earliest time at which a reply that this pass held back is
	// to be posted.
	ReplyAt int64 `json:"pass_reply_at"` // Unix milliseconds
	// Outages counts how often in a row the provider could not be reached.
	Outages int `json:"outages"`
	// Idle counts slices in a row that brought nothing forward, this one
	// included.
	Idle int `json:"idle"`
	// Creates and Updates are how many of the remaining items are expected to
	// be which, for the estimate.
	Creates int `json:"creates"`
	Updates int `json:"updates"`
	// CallMS is how long a write to the provider takes, on average.
	CallMS float64 `json:"call_ms"`
	// Digest is the one the run gathers items for, nil for none.
	Digest *PlannedDigest `json:"digest"`
}

// A PlannedDigest is a digest before it has left and been settled.
type PlannedDigest struct {
	ID       domain.Snowflake `json:"id"`
	Settling bool             `json:"settling"` // all is gathered
	Sum      string           `json:"sum"`      // connector.Digest as JSON
}

// progress lists the members of a run that the worker writes; the others are
// written by the API while the worker runs (mode, announce, retry_all,
// cancel_requested_at).
var progress = []string{
	"status", "counts", "remaining", "estimated_finish", "started_at", "waiting_until", "waiting_reason",
	"target", "full_epoch", "plan_cursor", "plan_done", "plan_id", "plan_counts", "plan_version", "pass_retry_at", "pass_settle_at", "pass_reply_at", "outages",
	"idle", "creates", "updates", "call_ms", "digest",
}

// State reads an integration's state, nil when it never had one.
func (s *Store) State(ctx context.Context, id domain.Snowflake) (*State, error) {
	return s.StateIn(ctx, id, LiveRun)
}

// StateIn reads the state of one lane.
func (s *Store) StateIn(ctx context.Context, id domain.Snowflake, lane RunKind) (*State, error) {
	r, err := s.get(ctx, laneKey(id, lane))
	var st *State
	if err == nil {
		err = into(r, &st)
	}
	return st, wrap(err, "read state of integration", id)
}

// States reads the states of up to 100 integrations in one round trip; those
// that never had one are absent.
func (s *Store) States(ctx context.Context, ids []domain.Snowflake) (map[domain.Snowflake]*State, error) {
	var keys []key
	for _, id := range ids {
		keys = append(keys, stateKey(id))
	}

	found, err := s.batchGet(ctx, keys)
	all := map[domain.Snowflake]*State{}
	for _, id := range ids {
		var st *State
		if r := found[stateKey(id)]; err == nil && r != nil {
			err = into(r, &st)
			all[id] = st
		}
	}

	return all, wrap(err, "read states of integrations", ids)
}

// newRun is the update that makes a run the active one.
func newRun(p IntegrationRef, run ActiveRun, due time.Time) update {
	return update{
		expression: "SET #run = :new, #id = :id, #org = :org, #type = :type, #shard = :shard, #due = :due, #count = :zero",
		condition:  "attribute_not_exists(#run)",
		names: map[string]string{
			"#run": "run", "#id": "id", "#org": "organisation_id", "#type": "item_type",
			"#shard": "due_shard", "#due": "due_at", "#count": "due_count",
		},
		values: record{
			":new": encodeRun(run), ":id": number(int64(p.ID)), ":org": number(int64(p.OrganisationID)),
			":type": text(string(p.ItemType)), ":shard": text(dueShard(p.ID)), ":due": number(due.UnixMilli()), ":zero": number(0),
		},
	}
}

// RequestRun makes run the active one of its lane (a dry run has its own),
// unless one is active there already or one was requested less than gap ago
// (both are told from the state it returns), and sets when dispatch is to
// repair a lost message. started says that the run is this call's own, even
// when the SDK had to retry its write.
func (s *Store) RequestRun(ctx context.Context, p IntegrationRef, run ActiveRun, gap time.Duration, due time.Time) (st State, started bool, err error) {
	u := newRun(p, run, due)
	u.expression += ", #last = :now"
	u.condition += " AND (attribute_not_exists(#last) OR #last <= :gap)"
	u.names["#last"] = "last_requested_at"
	u.values[":now"] = number(run.RequestedAt.UnixMilli())
	u.values[":gap"] = number(run.RequestedAt.Add(-gap).UnixMilli())
	lane := LiveRun
	if run.DryRun {
		lane = DryRun
	}

	return s.addRun(ctx, p, lane, run, u)
}

// RequestDryRun is RequestRun for a run that only plans.
func (s *Store) RequestDryRun(ctx context.Context, p IntegrationRef, run ActiveRun, gap time.Duration, due time.Time) (State, bool, error) {
	run.DryRun = true
	return s.RequestRun(ctx, p, run, gap, due)
}

// SignalWithRun sets wake and makes run the active one. started is false when
// one is active already.
func (s *Store) SignalWithRun(ctx context.Context, p IntegrationRef, run ActiveRun, due time.Time) (started bool, err error) {
	u := newRun(p, run, due)
	u.expression += ", #signal = :true"
	u.names["#signal"], u.values[":true"] = "signal", truth(true)
	_, started, err = s.addRun(ctx, p, LiveRun, run, u)
	return started, err
}

func (s *Store) addRun(ctx context.Context, p IntegrationRef, lane RunKind, run ActiveRun, u update) (st State, started bool, err error) {
	after, err := s.update(ctx, laneKey(p.ID, lane), u)
	if old, failed := conditionFailed(err); failed {
		after = old
		err = nil
	}

	if err == nil {
		err = decode(after, &st)
	}

	return st, err == nil && st.Run != nil && st.Run.ID == run.ID, wrap(err, "request run of integration", p.ID)
}

// Signal tells the worker of the active run that there is a new mark.
// ErrNotFound when no run is active any more.
func (s *Store) Signal(ctx context.Context, id domain.Snowflake) error {
	return s.tell(ctx, id, "wake integration", update{
		expression: "SET #signal = :true", condition: "attribute_exists(#run)",
		names: map[string]string{"#signal": "signal", "#run": "run"}, values: record{":true": truth(true)},
	})
}

// A RunRequest is what a manager wants of the run he joins.
type RunRequest struct {
	Full     bool // it must look at every item
	Announce bool // a chat is told of all that is new to it
	// AcceptTarget is the provider's id of a place that the manager accepts, ""
	// for none.
	AcceptTarget string
	ProbeAt      int64 // the provider is to be tried, Unix milliseconds, 0 for not
}

// JoinRun asks more of the active run, if it is still active. ErrNotFound when it
// has ended.
func (s *Store) JoinRun(ctx context.Context, id, run domain.Snowflake, wish RunRequest) error {
	u := update{expression: "SET #run.#id = :run", condition: "#run.#id = :run",
		names: map[string]string{"#run": "run", "#id": "id"}, values: record{":run": number(int64(run))}}
	if wish.Full {
		u.expression += ", #run.#mode = :full"
		u.names["#mode"], u.values[":full"] = "mode", text(string(domain.Full))
	}

	if wish.ProbeAt != 0 {
		u.expression += ", #run.#probe = :probe"
		u.names["#probe"], u.values[":probe"] = "probe_at", number(wish.ProbeAt)
	}

	if wish.AcceptTarget != "" {
		u.expression += ", #run.#accept = :accept"
		u.names["#accept"], u.values[":accept"] = "accept_target", text(wish.AcceptTarget)
	}

	if wish.Announce {
		u.expression += ", #run.#announce = :true, #signal = :true"
		u.names["#announce"], u.names["#signal"], u.values[":true"] = "announce", "signal", truth(true)
	}

	return s.tell(ctx, id, "join run of integration", u)
}

// RetryAll asks the worker of the active run to try all failed and unknown
// items again. ErrNotFound when it has ended.
func (s *Store) RetryAll(ctx context.Context, id, run domain.Snowflake) error {
	return s.tell(ctx, id, "retry items of integration", update{
		expression: "SET #run.#retry = :true, #signal = :true", condition: "#run.#id = :run",
		names:  map[string]string{"#run": "run", "#retry": "retry_all", "#id": "id", "#signal": "signal"},
		values: record{":true": truth(true), ":run": number(int64(run))},
	})
}

// ResumeRun makes a waiting run a queued one, due for dispatch at a time unless its
// message arrives before. ErrNotFound when it is not waiting.
func (s *Store) ResumeRun(ctx context.Context, id, run domain.Snowflake, due time.Time) error {
	u := poke(due)
	u.condition = "#run.#id = :run AND #run.#status = :waiting"
	u.names["#id"] = "id"
	u.values[":run"], u.values[":waiting"] = number(int64(run)), text(string(domain.Waiting))
	return s.tell(ctx, id, "poke run of integration", u)
}

// poke is the update that ends a run's wait.
func poke(due time.Time) update {
	return update{
		expression: "SET #run.#status = :queued, #due = :due, #count = :zero REMOVE #run.#wait, #run.#reason",
		names: map[string]string{
			"#run": "run", "#status": "status", "#due": "due_at", "#count": "due_count",
			"#wait": "waiting_until", "#reason": "waiting_reason",
		},
		values: record{":queued": text(string(domain.Queued)), ":due": number(due.UnixMilli()), ":zero": number(0)},
	}
}

// tell writes to an integration's state under a condition; ErrNotFound when it
// does not hold.
func (s *Store) tell(ctx context.Context, id domain.Snowflake, operation string, u update) error {
	_, err := s.update(ctx, stateKey(id), u)
	if _, failed := conditionFailed(err); failed {
		err = ErrNotFound
	}
	return wrap(err, operation, id)
}
