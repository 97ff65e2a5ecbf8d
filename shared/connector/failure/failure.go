// Package failure says what went wrong with a call to a provider: what is known of the
// request, what it concerns, and a code and a sentence for people.
package failure

import (
	"fmt"
	"time"
)

// Class says what is known about a request that brought no success, and so
// what may be done next.
type Class int

// The classes of outcome.
const (
	// NotSent: the request never left (DNS, dial, TLS). Retry freely.
	NotSent Class = iota + 1
	// Retryable: refused for now (a rate limit, an announced outage). Nothing
	// happened there; wait and send again.
	Retryable
	// Final: refused for good. The same request will be refused again.
	Final
	// Ambiguous: sent, and no trustworthy answer. It may have been applied.
	Ambiguous
)

// String is the class's name in logs.
func (c Class) String() string {
	switch c {
	case NotSent:
		return "not_sent"
	case Retryable:
		return "retryable"
	case Final:
		return "final"
	case Ambiguous:
		return "ambiguous"
	}

	return fmt.Sprintf("class_%d", int(c))
}

// Scope says what a failure concerns.
type Scope int

// The scopes: one item, or everything of the integration.
const (
	ItemScope Scope = iota + 1
	IntegrationScope
)

// An Error is what a connector returns for every failure. Its text is safe to
// store, log and show to a manager: no secret, no URL query, no header.
type Error struct {
	Class     Class
	Scope     Scope
	Code      string        // machine-readable: rate_limited, credentials_rejected, target_not_found, issue_gone, …
	Detail    string        // a sentence, the provider's own words redacted and cut
	Status    int           // the HTTP status, 0 if there was none
	RequestID string        // the provider's, for a support case
	Wait      time.Duration // Retryable: how long the provider asks to wait
	// NoRetryAfter: the provider stated no wait. Wait is the shortest one then, and is
	// doubled for each such answer in a row.
	NoRetryAfter bool
}

// Error gives code, status and detail.
func (e *Error) Error() string {
	s := e.Code
	if e.Status != 0 {
		s += fmt.Sprintf(" (HTTP %d)", e.Status)
	}

	if e.Detail != "" {
		s += ": " + e.Detail
	}

	if e.RequestID != "" {
		s += " [request " + e.RequestID + "]"
	}

	return s
}
