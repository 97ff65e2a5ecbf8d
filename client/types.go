package client

import (
	"fmt"
	"strings"
	"time"
)

// An Integration connects the items of one type in an organisation with one
// place at a provider.
type Integration struct {
	ID             string `json:"id"`
	OrganisationID string `json:"organisation_id"`
	ItemType       string `json:"item_type"`
	Provider       string `json:"provider"`
	Enabled        bool   `json:"enabled"`
	// Configuration is a JSON object as text; secrets read as ********.
	Configuration string `json:"configuration"`
	// ETag is its version, for IfMatch and IfNoneMatch; "" in a list.
	ETag string `json:"-"`
}

// A NewIntegration is what to create. Enabled is true unless given.
type NewIntegration struct {
	ItemType      string `json:"item_type"`
	Provider      string `json:"provider"`
	Configuration string `json:"configuration"`
	Enabled       *bool  `json:"enabled,omitempty"`
}

// A Change is what to change of an integration; what is nil stays.
type Change struct {
	Configuration *string `json:"configuration,omitempty"`
	Enabled       *bool   `json:"enabled,omitempty"`
}

// A CheckResult is what the provider says of credentials and target.
type CheckResult struct {
	OK     *bool   `json:"ok"` // nil where it cannot be known
	Checks []Check `json:"checks"`
	// Message is the test message, nil where none was posted or the provider does
	// not say which it is.
	Message *TestMessage `json:"message"`
}

// A TestMessage is the message that PostTestMessage has posted.
type TestMessage struct {
	ID  string  `json:"id"`
	URL *string `json:"url"` // nil where it is not known
}

// A Check is one thing that was looked at.
type Check struct {
	Name   string  `json:"name"`
	OK     *bool   `json:"ok"`
	Code   *string `json:"code"`
	Detail *string `json:"detail"` // a sentence for people, nil where Code says enough
}

// A Reason is why something is as it is: a machine-readable code, a sentence.
type Reason struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
	// ProviderMessage is what the provider said, "" where it said nothing.
	ProviderMessage string `json:"provider_message"`
}

// A Status is how an integration stands.
type Status struct {
	Health        string     `json:"health"` // unknown, healthy, unhealthy
	Reason        *Reason    `json:"reason"`
	PausedUntil   *time.Time `json:"paused_until"`
	ActiveRun     *Run       `json:"active_run"`
	Pending       int        `json:"pending"`  // changes that have yet to reach the provider
	GivenUp       int        `json:"given_up"` // items given up until they change or are retried
	LastSuccessAt *time.Time `json:"last_success_at"`
	Target        *Target    `json:"target"` // nil until a sync has resolved it
	// PullProblem is why what people change at the provider cannot be read, nil
	// while it can.
	PullProblem *PullProblem `json:"pull_problem"`
}

// A PullProblem is why changes at the provider cannot be read, and since when.
type PullProblem struct {
	Reason
	Since time.Time `json:"since"`
}

// A Target is the place that an integration syncs with, as the provider
// identifies it.
type Target struct {
	ID   string  `json:"id"`
	Name string  `json:"name"`
	URL  *string `json:"url"` // nil where the place has no page
}

// A SyncRequest is how to sync. Without a mode the service chooses; one that
// announces is full.
type SyncRequest struct {
	Mode     string `json:"mode,omitempty"` // incremental, full
	DryRun   bool   `json:"dry_run,omitempty"`
	Announce bool   `json:"announce,omitempty"`
	// AcceptTarget is the provider's id of a place to go on at, though the same
	// configuration led to another place before. It needs the mode full.
	AcceptTarget string `json:"accept_target,omitempty"`
}

// The statuses of a Run.
const (
	Queued    = "queued"
	Running   = "running"
	Waiting   = "waiting"
	Succeeded = "succeeded"
	Partial   = "partial"
	Failed    = "failed"
	Cancelled = "cancelled"
)

// A Run is one sync of one integration.
type Run struct {
	ID                string     `json:"id"`
	IntegrationID     string     `json:"integration_id"`
	OrganisationID    string     `json:"organisation_id"`
	Mode              string     `json:"mode"`
	DryRun            bool       `json:"dry_run"`
	Trigger           string     `json:"trigger"`
	RequestedBy       *string    `json:"requested_by"`
	RequestedAt       time.Time  `json:"requested_at"`
	StartedAt         *time.Time `json:"started_at"`
	FinishedAt        *time.Time `json:"finished_at"`
	CancelRequestedAt *time.Time `json:"cancel_requested_at"`
	Status            string     `json:"status"`
	Counts            Counts     `json:"counts"`
	Remaining         *int       `json:"remaining"`
	EstimatedFinish   *time.Time `json:"estimated_finish"`
	WaitingUntil      *time.Time `json:"waiting_until"`
	WaitingReason     *string    `json:"waiting_reason"`
	Error             *Reason    `json:"error"`
}

// Active reports whether it still has work before it.
func (r Run) Active() bool {
	return r.Status == Queued || r.Status == Running || r.Status == Waiting
}

// Counts say how many items ended how.
type Counts struct {
	Created   int `json:"created"`
	Updated   int `json:"updated"`
	Unchanged int `json:"unchanged"`
	Skipped   int `json:"skipped"`
	Failed    int `json:"failed"`
	Pulled    int `json:"pulled"`
}

// String names what is not 0; "" for nothing.
func (c Counts) String() string {
	var parts []string
	for _, one := range []struct {
		name string
		n    int
	}{{"created", c.Created}, {"updated", c.Updated}, {"unchanged", c.Unchanged}, {"skipped", c.Skipped}, {"failed", c.Failed}, {"pulled", c.Pulled}} {
		if one.n > 0 {
			parts = append(parts, fmt.Sprint(one.name, " ", one.n))
		}
	}

	return strings.Join(parts, ", ")
}

// A PlanRow is what a dry run would do about an item.
type PlanRow struct {
	ItemID          string   `json:"item_id"`
	FormattedNumber string   `json:"formatted_number"`
	Action          string   `json:"action"` // create, update, skip, reconcile
	Steps           []string `json:"steps"`
	Reason          *string  `json:"reason"`
}

// A LedgerRow is what became of an item.
type LedgerRow struct {
	ItemID          string    `json:"item_id"`
	FormattedNumber string    `json:"formatted_number"`
	Outcome         string    `json:"outcome"`
	Reason          *string   `json:"reason"`
	Attempts        int       `json:"attempts"`
	LastRunID       *string   `json:"last_run_id"`
	UpdatedAt       time.Time `json:"updated_at"`
	Remote          *Remote   `json:"remote"`
}

// A Remote is an item's object at the provider.
type Remote struct {
	ID    string `json:"id"`
	Key   string `json:"key"`
	URL   string `json:"url"`
	State string `json:"state"` // open, closed
}
