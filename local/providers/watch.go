package providers

import (
	"fmt"
	"slices"
	"sync"
)

// The phases of a create that a hook is called with.
const (
	Received = "received" // the request is here, nothing has been done
	Applied  = "applied"  // the object exists, the answer has not been sent
)

// maxViolations limits what is kept: a wrong caller breaks the contract at every call.
const maxViolations = 1000

// A Watch shows tests the calls of a fake server: the violations of the contract, and
// each create as it happens.
type Watch struct {
	lock       sync.RWMutex
	violations []string
	hook       func(phase string, n int)
	creates    int
}

// OnCreate makes the server call hook at each phase of each create, with the number of
// the create since the start. It may block: the caller then waits.
func (w *Watch) OnCreate(hook func(phase string, n int)) {
	w.lock.Lock()
	defer w.lock.Unlock()
	w.hook = hook
}

// Violations lists the violations of the contract so far: by callers, and by the fake
// server itself, which are bugs.
func (w *Watch) Violations() []string {
	w.lock.RLock()
	defer w.lock.RUnlock()
	return slices.Clone(w.violations)
}

// Violation records a violation.
func (w *Watch) Violation(format string, args ...any) {
	w.lock.Lock()
	defer w.lock.Unlock()
	if len(w.violations) < maxViolations {
		w.violations = append(w.violations, fmt.Sprintf(format, args...))
	}
}

// Arrive counts a create and calls the hook.
func (w *Watch) Arrive() (n int) {
	w.lock.Lock()
	w.creates++
	n = w.creates
	w.lock.Unlock()
	w.Tell(Received, n)
	return n
}

// Tell calls the hook with a phase of a create.
func (w *Watch) Tell(phase string, n int) {
	w.lock.RLock()
	hook := w.hook
	w.lock.RUnlock()
	if hook != nil {
		hook(phase, n)
	}
}
