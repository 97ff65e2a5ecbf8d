package worker

import (
	"errors"
	"time"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

// A Stop says how an invocation ends.
type Stop struct {
	status    domain.Status // Queued: go on in another invocation
	until     time.Time     // Waiting
	reason    string        // Waiting
	err       *domain.RunError
	unhealthy bool // the provider refuses what is configured
	// outage is what the provider answered, or what stood for an answer, when it
	// could not be asked; nil for another reason to wait.
	outage *failure.Error
}

// Error makes a Stop an error, so that it ends each step above it.
func (s *Stop) Error() string {
	if s.reason != "" {
		return "the invocation stops: " + s.reason
	}

	return "the invocation stops: " + string(s.status)
}

// asStop takes a Stop out of an error. Any other error is returned: one of the table,
// the queue or the context.
func asStop(err error) (*Stop, error) {
	var stop *Stop
	if errors.As(err, &stop) {
		return stop, nil
	}

	return nil, err
}

// stopContinue: go on in another invocation.
var stopContinue = &Stop{status: domain.Queued}

func stopFailed(code, detail string) *Stop {
	return &Stop{status: domain.Failed, err: &domain.RunError{Code: code, Detail: detail}}
}

// stopRefused is the Stop when the provider refuses what is configured.
func stopRefused(e *failure.Error) *Stop {
	return &Stop{status: domain.Failed, err: refusalError(e), unhealthy: true}
}

func stopCancelled(why *domain.RunError) *Stop {
	return &Stop{status: domain.Cancelled, err: why}
}

// stopWaiting is the Stop that the run can go on at a time.
func stopWaiting(until time.Time, reason string) *Stop {
	return &Stop{status: domain.Waiting, until: until, reason: reason}
}
