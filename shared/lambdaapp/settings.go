package lambdaapp

import (
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Settings reads the environment of a function once, at its start, and reports
// everything that is missing or malformed together.
type Settings struct {
	lookup func(string) (string, bool)
	errs   []error
}

// NewSettings reads from a lookup such as os.LookupEnv.
func NewSettings(lookup func(string) (string, bool)) *Settings { return &Settings{lookup: lookup} }

// Text is a setting that must be there and not be empty.
func (s *Settings) Text(name string) string {
	v, _ := s.lookup(name)
	if v == "" {
		s.errs = append(s.errs, fmt.Errorf("%s is not set", name))
	}
	return v
}

// TextOr is a setting with a default.
func (s *Settings) TextOr(name, fallback string) string {
	if v, _ := s.lookup(name); v != "" {
		return v
	}
	return fallback
}

// Seconds is a setting of whole seconds over 0, with a default.
func (s *Settings) Seconds(name string, fallback time.Duration) time.Duration {
	v, _ := s.lookup(name)
	if v == "" {
		return fallback
	}

	n, err := strconv.Atoi(v)
	if err != nil || n <= 0 || n > 86400 {
		s.errs = append(s.errs, fmt.Errorf("%s is %q: want whole seconds from 1 to 86400", name, v))
		return fallback
	}

	return time.Duration(n) * time.Second
}

// Parsed is a setting that another package reads. A setting that is not there
// is given to parse as "".
func Parsed[T any](s *Settings, name string, parse func(string) (T, error)) T {
	v, _ := s.lookup(name)
	t, err := parse(v)
	if err != nil {
		s.errs = append(s.errs, fmt.Errorf("%s: %w", name, err))
	}
	return t
}

// Err joins everything that was wrong, or is nil.
func (s *Settings) Err() error { return errors.Join(s.errs...) }
