// Package settings reads a function's environment once, at its start, and
// reports everything that is missing or malformed together.
package settings

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// A Reader collects settings from a lookup such as os.LookupEnv.
type Reader struct {
	lookup func(string) (string, bool)
	errs   []error
}

// New returns a Reader of the given environment.
func New(lookup func(string) (string, bool)) *Reader { return &Reader{lookup: lookup} }

// Text is a setting that must be there and not be empty.
func (r *Reader) Text(name string) string {
	v, _ := r.lookup(name)
	if v == "" {
		r.errs = append(r.errs, fmt.Errorf("%s is not set", name))
	}
	return v
}

// TextOr is a setting with a default.
func (r *Reader) TextOr(name, fallback string) string {
	if v, _ := r.lookup(name); v != "" {
		return v
	}
	return fallback
}

// Seconds is a setting of whole seconds over 0, with a default.
func (r *Reader) Seconds(name string, fallback time.Duration) time.Duration {
	v, _ := r.lookup(name)
	if v == "" {
		return fallback
	}

	n, err := strconv.Atoi(v)
	if err != nil || n <= 0 || n > 86400 {
		r.errs = append(r.errs, fmt.Errorf("%s is %q: want whole seconds from 1 to 86400", name, v))
		return fallback
	}

	return time.Duration(n) * time.Second
}

// Parsed is a setting that another package reads. A setting that is not there
// is given to parse as "".
func Parsed[T any](r *Reader, name string, parse func(string) (T, error)) T {
	v, _ := r.lookup(name)
	t, err := parse(v)
	if err != nil {
		r.errs = append(r.errs, fmt.Errorf("%s: %w", name, err))
	}
	return t
}

// Err joins everything that was wrong, or is nil.
func (r *Reader) Err() error { return errors.Join(r.errs...) }
