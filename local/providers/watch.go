package providers

import (
	"fmt"
	"slices"
	"sync"
)

// The phases of a create that a hook is told of.
const (
	Received = "received" // the request is here, nothing has been done
	Applied  = "applied"  // the object exists, the answer has not been sent
)

// maxViolations bounds what is kept; a caller who is wrong is so at every call.
const maxViolations = 1000

// A Watch is what a fake server lets tests see of its calls: the breaches of the
// contract, and each create as it happens.
type Watch struct {
	lock       sync.RWMutex
	violations []string
	hook       func(phase string, n int)
	creates    int
}

// OnCreate has hook called at each phase of each create, with the number of
// the create since the start. It may block: the caller then waits.
func (w *Watch) OnCreate(hook func(phase string, n int)) {
	w.lock.Lock()
	defer w.lock.Unlock()
	w.hook = hook
}

// Violations lists the breaches of the contract so far: the callers' and, each
// a mistake of the fake server, our own.
func (w *Watch) Violations() []string {
	w.lock.RLock()
	defer w.lock.RUnlock()
	return slices.Clone(w.violations)
}

// Violation notes a breach.
func (w *Watch) Violation(format string, args ...any) {
	w.lock.Lock()
	defer w.lock.Unlock()
	if len(w.violations) < maxViolations {
		w.violations = append(w.violations, fmt.Sprintf(format, args...))
	}
}

// Arrive counts a create and tells the hook of it.
func (w *Watch) Arrive() (n int) {
	w.lock.Lock()
	w.creates++
	n = w.creates
	w.lock.Unlock()
	w.Tell(Received, n)
	return n
}

// Tell tells the hook of a phase of a create.
func (w *Watch) Tell(phase string, n int) {
	w.lock.RLock()
	hook := w.hook
	w.lock.RUnlock()
	if hook != nil {
		hook(phase, n)
	}
}
