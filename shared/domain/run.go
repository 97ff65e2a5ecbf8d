package domain

import "time"

// Mode says what a sync run looks at.
type Mode string

// The modes: the marked items, or every item of the type.
const (
	Incremental Mode = "incremental"
	Full        Mode = "full"
	// Purge is not for callers: it removes what a deleted integration leaves.
	Purge Mode = "purge"
)

// Trigger says what started a run.
type Trigger string

// The triggers.
const (
	ByRequest  Trigger = "request"
	ByEvent    Trigger = "event"
	BySchedule Trigger = "schedule"
)

// Status is where a run stands.
type Status string

// The statuses. Queued, running and waiting are active; the others final.
const (
	Queued    Status = "queued"
	Running   Status = "running"
	Waiting   Status = "waiting"
	Succeeded Status = "succeeded"
	Partial   Status = "partial"
	Failed    Status = "failed"
	Cancelled Status = "cancelled"
)

// Active reports whether a run with this status still has work before it.
func (s Status) Active() bool { return s == Queued || s == Running || s == Waiting }

// Counts says how many items ended how; an item counts once, by its last
// outcome in the run.
type Counts struct {
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Skipped   int `json:"skipped"`
	Failed    int `json:"failed"`
	Pulled    int `json:"pulled"`
}

// A RunError says why a run failed: a machine-readable code and a sentence of
// ours, which is never empty.
type RunError struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
	// ProviderMessage is what the provider said, cleaned and cut, "" where it
	// said nothing or was not asked.
	ProviderMessage string `json:"provider_message"`
}

// A Run is one sync of one integration.
type Run struct {
	ID                Snowflake  `json:"id"`
	IntegrationID     Snowflake  `json:"integration_id"`
	OrganisationID    Snowflake  `json:"organisation_id"`
	Mode              Mode       `json:"mode"`
	DryRun            bool       `json:"dry_run"`
	Trigger           Trigger    `json:"trigger"`
	RequestedBy       *Snowflake `json:"requested_by"`
	RequestedAt       time.Time  `json:"requested_at"`
	StartedAt         *time.Time `json:"started_at"`
	FinishedAt        *time.Time `json:"finished_at"`
	CancelRequestedAt *time.Time `json:"cancel_requested_at"`
	Status            Status     `json:"status"`
	Counts            Counts     `json:"counts"`
	Remaining         *int       `json:"remaining"`
	EstimatedFinish   *time.Time `json:"estimated_finish"`
	WaitingUntil      *time.Time `json:"waiting_until"`
	WaitingReason     *string    `json:"waiting_reason"`
	Error             *RunError  `json:"error"`
}

// A HealthState says whether the provider accepts what is configured.
type HealthState string

// The states of health. Unknown: the provider has not been asked with what is
// configured now.
const (
	HealthUnknown HealthState = "unknown"
	Healthy       HealthState = "healthy"
	Unhealthy     HealthState = "unhealthy"
)

// Health is how an integration stands with its provider. During the pause,
// changes wait.
type Health struct {
	State       HealthState `json:"health"`
	Reason      *RunError   `json:"reason"`
	PausedUntil *time.Time  `json:"paused_until"`
}

// Outcome is how a sync left an item.
type Outcome string

// The outcomes of a ledger row.
const (
	Created   Outcome = "created"
	Updated   Outcome = "updated"
	Unchanged Outcome = "unchanged"
	Skipped   Outcome = "skipped"
	Deferred  Outcome = "deferred"
	FailedOut Outcome = "failed"
	Unknown   Outcome = "unknown"
	Accepted  Outcome = "accepted"
)

// Outcomes lists every outcome.
var Outcomes = []Outcome{Created, Updated, Unchanged, Skipped, Deferred, FailedOut, Unknown, Accepted}

// A Remote is the provider's object an item is linked to.
type Remote struct {
	ID    string    `json:"id"`
	Key   string    `json:"key"`
	URL   string    `json:"url"`
	State ItemState `json:"state"`
}

// A LedgerRow is what the ledger says of an item.
type LedgerRow struct {
	ItemID          Snowflake  `json:"item_id"`
	FormattedNumber string     `json:"formatted_number"`
	Outcome         Outcome    `json:"outcome"`
	Reason          *string    `json:"reason"`
	Attempts        int        `json:"attempts"`
	LastRunID       *Snowflake `json:"last_run_id"`
	UpdatedAt       time.Time  `json:"updated_at"`
	Remote          *Remote    `json:"remote"`
}

// A PlanAction is what a run would do about an item.
type PlanAction string

// The plan's actions. Reconcile: an earlier create may have arrived; a run
// looks for it before anything is sent.
const (
	PlanCreate    PlanAction = "create"
	PlanUpdate    PlanAction = "update"
	PlanSkip      PlanAction = "skip"
	PlanReconcile PlanAction = "reconcile"
)

// A PlanRow is what a dry run says of an item. What is unchanged has no row.
type PlanRow struct {
	ItemID          Snowflake  `json:"item_id"`
	FormattedNumber string     `json:"formatted_number"`
	Action          PlanAction `json:"action"`
	// Steps are the calls to the provider, in their order: create, update,
	// close, reopen; digest, if a message about many items includes it.
	Steps  []string `json:"steps"`
	Reason *string  `json:"reason"`
}
