package store

import "example.com/integrations/shared/domain"

// A Problem is why the pull cannot continue, and since when.
type Problem struct {
	// ConnectionVersion is Integration.ConnectionVersion. A problem of another
	// version does not apply.
	ConnectionVersion int64           `json:"connection_version"`
	Reason            domain.RunError `json:"reason"`
	Since             int64           `json:"since"` // Unix milliseconds
	// Until is when the provider accepts requests again, 0 if it did not say.
	Until int64 `json:"until,omitempty"` // Unix milliseconds
}

// A Pull is the position of the worker in the changes at a target.
type Pull struct {
	Target string `json:"target"`
	// Since is the cursor: all changes before it were handled.
	Since int64 `json:"since"` // Unix milliseconds
	// At and Offset are the position of a walk in progress: Offset objects after the
	// first change since At.
	At     int64 `json:"at"` // Unix milliseconds
	Offset int   `json:"offset"`
	// Began is when the walk began, 0 when none is in progress.
	Began int64 `json:"began"` // Unix milliseconds
	// Newest is the newest change that the walk has read.
	Newest int64 `json:"newest"` // Unix milliseconds
	// Block is a time that more than one page of objects has. Its pages may have
	// shifted if one of the objects changed meanwhile.
	Block int64 `json:"block"` // Unix milliseconds
	// Settled says that the last walk began so long after Newest that no earlier
	// change can be missing from it.
	Settled bool `json:"settled"`
	// Activated is when the first walk began. Earlier changes are not news.
	Activated int64 `json:"activated"` // Unix milliseconds
}

// PullProblem is why the pull of an integration cannot continue. It is nil if it can,
// or was not tried since a change of the credentials or the target.
func (s *State) PullProblem(i Integration) *Problem {
	if s == nil || s.StoredPullProblem == nil || s.StoredPullProblem.ConnectionVersion != i.ConnectionVersion {
		return nil
	}

	return s.StoredPullProblem
}
