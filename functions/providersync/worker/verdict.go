package worker

import (
	"time"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

// A verdict says how a slice ends.
type verdict struct {
	status domain.Status // Queued: go on in another slice
	until  time.Time     // Waiting
	reason string        // Waiting
	err    *domain.RunError
	ill    bool // the provider refuses what is configured
	// outage is what the provider answered, or what stood for an answer, when it
	// could not be asked; nil for another reason to wait.
	outage *failure.Error
}

var goOn = &verdict{status: domain.Queued}

func failedWith(code, detail string) *verdict {
	return &verdict{status: domain.Failed, err: &domain.RunError{Code: code, Detail: detail}}
}

// refused is the verdict when the provider refuses what is configured.
func refused(e *failure.Error) *verdict {
	return &verdict{status: domain.Failed, err: reasonOf(e), ill: true}
}

func cancelled(why *domain.RunError) *verdict {
	return &verdict{status: domain.Cancelled, err: why}
}

// wait is the verdict that the run can go on at a time.
func wait(until time.Time, reason string) *verdict {
	return &verdict{status: domain.Waiting, until: until, reason: reason}
}
