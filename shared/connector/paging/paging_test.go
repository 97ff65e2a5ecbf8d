package paging

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/jsonstream"
)

func failing(class failure.Class, code string, wait time.Duration) *failure.Error {
	return &failure.Error{Class: class, Scope: failure.ItemScope, Code: code, Wait: wait}
}

// B6, B7: which failures make a page smaller, and what is left of them in the
// end.
func TestReadShrinks(t *testing.T) {
	for _, tt := range []struct {
		err   *failure.Error
		asked string
		code  string
	}{
		{failing(failure.Retryable, "provider_unavailable", 0), "[100 50 10]", "provider_unavailable"},
		{failing(failure.Retryable, "no_answer", 0), "[100 50 10]", "provider_unavailable"},
		{failing(failure.Retryable, "answer_cut", 0), "[100 50 10]", "provider_unavailable"},
		{failing(failure.Final, "answer_too_large", 0), "[100 50 10]", "answer_too_large"},
		{failing(failure.Retryable, "answer_too_large", 0), "[100 50 10]", "answer_too_large"},
		{failing(failure.Retryable, "provider_unavailable", time.Second), "[100]", "provider_unavailable"}, // it said when to come back
		{failing(failure.Retryable, "rate_limited", 0), "[100]", "rate_limited"},
		{failing(failure.Retryable, "answer_unreadable", 0), "[100]", "answer_unreadable"},
		{failing(failure.NotSent, "unreachable", 0), "[100]", "unreachable"},
		{failing(failure.Final, "credentials_rejected", 0), "[100]", "credentials_rejected"},
	} {
		s := New(100, 50, 10)
		var asked []int
		err := s.Read(func(size int) error { asked = append(asked, size); return tt.err })
		var e *failure.Error
		if !errors.As(err, &e) || e.Code != tt.code || fmt.Sprint(asked) != tt.asked {
			t.Errorf("%v: asked %v, %v", tt.err, asked, err)
		}

		if len(asked) > 1 && (e.Class != failure.Retryable || e.Scope != failure.IntegrationScope) {
			t.Errorf("%v: %v, scope %v", tt.err, e.Class, e.Scope)
		}

		if tt.err.Scope != failure.ItemScope {
			t.Errorf("%v was changed", tt.err)
		}

		asked = nil
		_ = s.Read(func(size int) error { asked = append(asked, size); return tt.err })
		if len(asked) != 1 {
			t.Errorf("%v: asked again %v", tt.err, asked)
		}
	}
}

func TestASizeThatWorkedStays(t *testing.T) {
	s := New(100, 50, 25, 10, 1)
	var asked []int
	for range 3 {
		err := s.Read(func(size int) error {
			if asked = append(asked, size); size > 25 {
				return failing(failure.Retryable, "provider_unavailable", 0)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}

	if fmt.Sprint(asked) != "[100 50 25 25 25]" || s.Now() != 25 {
		t.Errorf("asked %v, now %d", asked, s.Now())
	}
}

// What took the time is told, not that none is left.
func TestNoTimeLeft(t *testing.T) {
	s := New(100, 50, 25)
	err := s.Read(func(size int) error {
		if size == 100 {
			return failing(failure.Retryable, "no_answer", 0)
		}
		return failing(failure.NotSent, "no_time_left", 0)
	})

	var e *failure.Error
	if !errors.As(err, &e) || e.Code != "provider_unavailable" || e.Class != failure.Retryable {
		t.Error(err)
	}

	if err := New(100, 50).Read(func(int) error { return failing(failure.NotSent, "no_time_left", 0) }); !errors.As(err, &e) || e.Code != "no_time_left" {
		t.Error(err)
	}
}

func TestCode(t *testing.T) {
	for err, want := range map[error]string{
		io.ErrUnexpectedEOF: "answer_cut", jsonstream.ErrTooLarge: "answer_too_large", jsonstream.ErrSyntax: "answer_unreadable", nil: "answer_unreadable",
	} {
		if got := Code(err); got != want {
			t.Errorf("%v: %s", err, got)
		}
	}
}

// Whatever the size, an offset names the same object.
func TestNumber(t *testing.T) {
	for offset := range 500 {
		for _, size := range []int{100, 50, 25, 10, 1} {
			number, skip := Number(offset, size)
			if (number-1)*size+skip != offset || skip >= size {
				t.Fatalf("%d at %d: page %d, skip %d", offset, size, number, skip)
			}
		}
	}
}
