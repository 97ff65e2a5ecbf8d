package worker

import (
	"time"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

// A stop says how an invocation ends.
type stop struct {
	status    domain.Status // Queued: go on in another invocation
	until     time.Time     // Waiting
	reason    string        // Waiting
	err       *domain.RunError
	unhealthy bool // the provider refuses what is configured
	// outage is what the provider answered, or what stood for an answer, when it
	// could not be asked; nil for another reason to wait.
	outage *failure.Error
}

var stopContinue = &stop{status: domain.Queued}

func stopFailed(code, detail string) *stop {
	return &stop{status: domain.Failed, err: &domain.RunError{Code: code, Detail: detail}}
}

// stopRefused is the stop when the provider refuses what is configured.
func stopRefused(e *failure.Error) *stop {
	return &stop{status: domain.Failed, err: refusalError(e), unhealthy: true}
}

func stopCancelled(why *domain.RunError) *stop {
	return &stop{status: domain.Cancelled, err: why}
}

// stopWaiting is the stop that the run can go on at a time.
func stopWaiting(until time.Time, reason string) *stop {
	return &stop{status: domain.Waiting, until: until, reason: reason}
}
