package store

import (
	"errors"
	"fmt"
)

// Errors that callers distinguish.
var (
	ErrNotFound = errors.New("not found")
	// ErrConflict: the record has changed since the caller read it.
	ErrConflict = errors.New("changed in the meantime")
	// ErrFenced: another worker holds the lease; this one must stop.
	ErrFenced = errors.New("the lease is lost: another worker holds it")
	// ErrSignaled: a change arrived while the run was ending; the run must continue.
	ErrSignaled = errors.New("a change arrived")
	// ErrChanged: a manager stopped the run or changed the integration.
	ErrChanged = errors.New("stopped or changed by a manager")
)

// wrap adds the operation and its subject to an error. nil stays nil.
func wrap(err error, operation string, subject any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s %v: %w", operation, subject, err)
}
