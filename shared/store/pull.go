package store

import "example.com/integrations/shared/domain"

// A Problem is why something does not work, and since when.
type Problem struct {
	// ConnectionVersion is Integration.ConnectionVersion: a trouble of another
	// one says nothing.
	ConnectionVersion int64           `json:"connection_version"`
	Reason            domain.RunError `json:"reason"`
	Since             int64           `json:"since"` // Unix milliseconds
	// Until is when the provider wants to be asked again, 0 if it does not say.
	Until int64 `json:"until,omitempty"` // Unix milliseconds
}

// A Pull is how far the worker has read what changed at a target.
type Pull struct {
	Target string `json:"target"`
	// Since is the cursor: all that changed before it has been handled.
	Since int64 `json:"since"` // Unix milliseconds
	// A walk in progress stands at what changed since At, Offset objects on.
	At     int64 `json:"at"` // Unix milliseconds
	Offset int   `json:"offset"`
	// Began is when the walk began, 0 when none is in progress.
	Began int64 `json:"began"` // Unix milliseconds
	// Newest is the newest change the walk has met.
	Newest int64 `json:"newest"` // Unix milliseconds
	// Block is where a block of equal times had more than one page: pages of
	// it may have shifted if something in it changed meanwhile.
	Block int64 `json:"block"` // Unix milliseconds
	// Settled says that the last walk began so long after Newest that nothing
	// from before can have been hidden from it.
	Settled bool `json:"settled"`
	// Activated is when the first walk began: what changed before is no news.
	Activated int64 `json:"activated"` // Unix milliseconds
}

// PullProblem is why the pull of an integration cannot go on, nil if it can or
// has not been tried since a change of the credentials or the place.
func (s *State) PullProblem(i Integration) *Problem {
	if s == nil || s.StoredPullProblem == nil || s.StoredPullProblem.ConnectionVersion != i.ConnectionVersion {
		return nil
	}

	return s.StoredPullProblem
}
