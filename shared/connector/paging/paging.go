// Package paging reads the pages of a provider's list. It chooses how many objects
// a page has, asks for fewer where the provider cannot answer with as many, and
// finds the address of the next page.
package paging

import (
	"bytes"
	"errors"
	"io"
	"sync"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/jsonstream"
)

const (
	// MaxBody is the most bytes that are read of one page. A page is read while
	// it arrives, so that it need not be held.
	MaxBody = 64 << 20
	// Least is how many objects one call hands over at least, where so many
	// follow.
	Least = 10
)

// The codes of a page that could not be read.
const (
	tooLarge    = "answer_too_large"
	cut         = "answer_cut"
	noAnswer    = "no_answer"
	unavailable = "provider_unavailable"
	unreadable  = "answer_unreadable"
)

// A Size is the number of objects per page. It begins with the first of its
// steps and only becomes smaller: what a provider could not answer once it is
// not asked again. It is safe for use by several goroutines.
type Size struct {
	steps []int

	mu sync.Mutex
	at int // the step that is used
}

// New makes a Size of steps, the largest first.
func New(steps ...int) *Size { return &Size{steps: steps} }

// Usual are the steps for lists of issues and messages.
func Usual() *Size { return New(100, 50, 25, 10, 1) }

// Now is the size that is asked for at present.
func (s *Size) Now() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.steps[s.at]
}

// Enough reports whether so many objects are enough for one call. Pages of one
// object are put together: a call that hands over a single one would not get past
// a time that two share.
func (s *Size) Enough(n int) bool { return n >= Least || s.Now() >= Least }

// Read reads a page. Where that fails in a way that a smaller page may not,
// it reads again at once with the next smaller size, so read is called at most
// once a step. The size that worked is used from then on. Where the smallest
// page fails too, that is an outage: the error is Retryable, of integration
// scope, with the code provider_unavailable or answer_too_large, and the
// smallest size stays.
func (s *Size) Read(read func(size int) error) error {
	var before *failure.Error
	for {
		at, size := s.current()
		err := read(size)
		var e *failure.Error
		if !errors.As(err, &e) {
			return err
		}

		if e.Class == failure.NotSent && before != nil {
			// No time is left, or the call was cancelled. What failed before that
			// says more.
			return before
		}

		if !shrinks(e) {
			return err
		}

		before = outage(e)
		if !s.shrink(at) {
			return before
		}
	}
}

func (s *Size) current() (at, size int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at, s.steps[s.at]
}

// shrink goes one step on from the given one, and reports whether a smaller
// size is there.
func (s *Size) shrink(from int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at == from && s.at < len(s.steps)-1 {
		s.at++
	}
	return s.at > from
}

// shrinks reports whether a smaller page may help: the answer was too large or
// cut, or the provider failed or ran out of time without saying when to come
// back.
func shrinks(e *failure.Error) bool {
	switch e.Code {
	case tooLarge:
		return true
	case cut, noAnswer, unavailable:
		return e.Class == failure.Retryable && e.Wait == 0
	}

	return false
}

// outage is the failure of the smallest page.
func outage(e *failure.Error) *failure.Error {
	failed := *e
	failed.Class = failure.Retryable
	failed.Scope = failure.IntegrationScope
	if failed.Code != tooLarge {
		failed.Code = unavailable
	}

	return &failed
}

// Code is the code for a page that arrived and cannot be read, by the error of
// its reader.
func Code(err error) string {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return cut
	case errors.Is(err, jsonstream.ErrTooLarge):
		return tooLarge
	}

	return unreadable
}

// Partial reports whether the error of a page's reader says that a smaller page
// may be read whole.
func Partial(err error) bool { return err != nil && Code(err) != unreadable }

// Cut reports whether a text is JSON that ends too early, or nothing at all.
func Cut(text []byte) bool {
	return errors.Is(jsonstream.NewReader(bytes.NewReader(text)).Skip(), io.ErrUnexpectedEOF)
}

// Number is the number of the page, counted from 1, that holds the object at an
// offset, and how many objects before that one are on the page.
func Number(offset, size int) (number, skip int) {
	return offset/size + 1, offset % size
}
