package store

import (
	"time"

	"example.com/integrations/shared/domain"
)

// A State is the run-time state of an integration. Sync, ingest, dispatch and the
// worker write it.
type State struct {
	IntegrationRef
	// Run is the active run, nil when there is none.
	Run *ActiveRun `json:"run,omitempty"`
	// Fence grows with every lease. A worker's writes are conditional on it.
	Fence      int64  `json:"fence"`
	LeaseID    string `json:"lease_id"`
	LeaseUntil int64  `json:"lease_until"` // Unix milliseconds
	// Signaled is set by ingest after it has stored a pending change, and cleared by
	// the worker before it reads pending changes. A run does not end while it is set.
	Signaled bool `json:"signal"`
	// FullEpoch is Integration.FullEpoch as of the last completed full run.
	FullEpoch       int64 `json:"full_epoch"`
	LastRequestedAt int64 `json:"last_requested_at"` // Unix milliseconds
	LastSuccessAt   int64 `json:"last_success_at"`   // Unix milliseconds
	// DueAt is when dispatch must act; DueCount how often it has acted without effect.
	DueAt    int64 `json:"due_at"` // Unix milliseconds
	DueCount int64 `json:"due_count"`
	// RetryAt is when to try again the earliest failed item, or a refused
	// integration, 0 for never. PullAt is when to pull next.
	RetryAt int64 `json:"retry_at"` // Unix milliseconds
	PullAt  int64 `json:"pull_at"`  // Unix milliseconds
	// Condition is how the provider last answered; see Health.
	Condition *Condition `json:"condition,omitempty"`
	Pull      *Pull      `json:"pull,omitempty"`
	// StoredPullProblem is why the last pull could not continue, nil if it could; see
	// PullProblem.
	StoredPullProblem *Problem `json:"pull_problem,omitempty"`
	// Target is the target that the integration syncs with, nil until it is resolved.
	Target *Target `json:"place,omitempty"`
	// RelinkedAt is when the target was last searched for objects whose links may
	// have been lost by a table restore.
	RelinkedAt int64 `json:"relinked_at"` // Unix milliseconds
	// Relink is the position of that search.
	Relink *Pull `json:"relink,omitempty"`
}

// A Condition is the last result of the provider for a configuration.
type Condition struct {
	// ConnectionVersion is Integration.ConnectionVersion. A condition of another
	// version does not apply.
	ConnectionVersion int64 `json:"connection_version"`
	// ConfigurationVersion is Integration.ConfigurationVersion. Any change of the
	// configuration ends the pause, since it may fix what was refused.
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

// Health is whether the provider accepts the integration's requests. It is unknown
// after a change of the credentials or the target, until the provider has answered.
// Other changes of the configuration keep it.
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

// PausedUntil is when the pause of an integration ends whose configuration the
// provider refused, zero if there is no pause.
func (s *State) PausedUntil(configurationVersion int64, now time.Time) time.Time {
	if s == nil || s.Condition == nil || s.Condition.ConfigurationVersion != configurationVersion ||
		s.Condition.State != domain.Unhealthy || s.Condition.PausedUntil <= now.UnixMilli() {
		return time.Time{}
	}
	return time.UnixMilli(s.Condition.PausedUntil).UTC()
}

// ReasonPaused is why a run waits during a pause after a refusal of the provider.
const ReasonPaused = "paused"

// PausesAfter reports whether a run waits for the end of a pause.
func PausesAfter(run domain.Run) bool {
	return run.Status == domain.Waiting && run.WaitingReason != nil && *run.WaitingReason == ReasonPaused
}

// longLimit is the least remaining time of a rate limit at which a manager's sync
// tries the provider before its end.
const longLimit = 10 * time.Minute

// Probes reports whether a manager's sync makes a waiting run try the provider at
// once. It does when the run waits for the end of a pause or of a long rate limit.
func Probes(run domain.Run, now time.Time) bool {
	if PausesAfter(run) {
		return true
	}

	limited := run.Status == domain.Waiting && run.WaitingReason != nil && *run.WaitingReason == "rate_limited"

	return limited && run.WaitingUntil != nil && run.WaitingUntil.Sub(now) > longLimit
}

// leased reports whether a worker holds the lease.
func (s *State) leased(now time.Time) bool { return s.LeaseUntil >= now.UnixMilli() }

// An ActiveRun is a run with the worker's progress in it.
type ActiveRun struct {
	domain.Run
	Announce bool `json:"announce"`
	// RetryAll asks the worker to try every failed and unknown item again.
	RetryAll bool `json:"retry_all"`
	// Target is the key of the run's target, "" until its first invocation has
	// resolved it. A run has one target.
	Target string `json:"target"`
	// AcceptTarget is the provider's id of the target that a manager accepts, though
	// the same configuration resolved to another target before.
	AcceptTarget string `json:"accept_target"`
	// ProbeAt is when a manager last asked to try the provider during a pause or a
	// rate limit.
	ProbeAt int64 `json:"probe_at"` // Unix milliseconds
	// ModeChosen says that the caller named no mode, so that the worker may make
	// the run full where one is needed.
	ModeChosen bool `json:"mode_chosen"`
	// FullEpoch is Integration.FullEpoch as the plan pass of a full run has read it.
	FullEpoch int64 `json:"full_epoch"`
	// PlanCursor is the last item the plan pass handled.
	PlanCursor string `json:"plan_cursor"`
	PlanDone   bool   `json:"plan_done"`
	// PlanID identifies the plan pass: a run may plan more than once.
	PlanID domain.Snowflake `json:"plan_id"`
	// PlanCounts is what the plan pass has counted. It is subtracted when a new plan
	// pass begins.
	PlanCounts domain.Counts `json:"plan_counts"`
	// PlanVersion is the version of the manager's record that a dry run plans for. A
	// plan for two versions would be wrong.
	PlanVersion int64 `json:"plan_version"`
	// PendingCursor is the last pending change that this pass has handled.
	PendingCursor string `json:"pending_cursor"`
	// RetryAt and SettleAt are the earliest times at which to try again, or to search
	// again, an item that this pass has skipped; 0 for none.
	RetryAt  int64 `json:"pass_retry_at"`  // Unix milliseconds
	SettleAt int64 `json:"pass_settle_at"` // Unix milliseconds
	// ReplyAt is the earliest time at which to post a reply that this pass has
	// delayed.
	ReplyAt int64 `json:"pass_reply_at"` // Unix milliseconds
	// Outages counts how often in a row the provider could not be reached.
	Outages int `json:"outages"`
	// Idle counts invocations in a row without progress, this one included.
	Idle int `json:"idle"`
	// Creates and Updates are the expected numbers among the remaining items, for
	// the estimate.
	Creates int `json:"creates"`
	Updates int `json:"updates"`
	// CallMS is how long a write to the provider takes, on average.
	CallMS float64 `json:"call_ms"`
	// Digest is the digest to which the run adds items, nil for none.
	Digest *PlannedDigest `json:"digest"`
}

// A PlannedDigest is a digest before its result is recorded.
type PlannedDigest struct {
	ID       domain.Snowflake `json:"id"`
	Settling bool             `json:"settling"` // all items are in it
	Sum      string           `json:"sum"`      // connector.Digest as JSON
}

// progress lists the members of a run that the worker writes. The API writes the
// others while the worker runs (mode, announce, retry_all, cancel_requested_at).
var progress = []string{
	"status", "counts", "remaining", "estimated_finish", "started_at", "waiting_until", "waiting_reason",
	"target", "full_epoch", "plan_cursor", "plan_done", "plan_id", "plan_counts", "plan_version", "pass_retry_at", "pass_settle_at", "pass_reply_at", "outages",
	"idle", "creates", "updates", "call_ms", "digest",
}
