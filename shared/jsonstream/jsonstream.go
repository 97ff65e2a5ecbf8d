// Package jsonstream reads JSON while it arrives and keeps only the members that
// the caller's types have. A member that is skipped takes no memory, however
// large it is.
package jsonstream

import (
	"encoding/json"
	"errors"
	"io"
	"reflect"
)

const (
	// MaxHeld is the most bytes that one Decode holds. It counts what is kept, not
	// what is skipped.
	MaxHeld = 16 << 20
	// maxName is the most bytes of a member's name.
	maxName = 64 << 10
	// maxDepth is how deep values may be nested: as deep as encoding/json goes.
	maxDepth = 10_000
	// bufferSize is how many bytes are asked of the stream at once.
	bufferSize = 32 << 10
)

// The errors of a Reader, beside those of the stream. A text that ends too early
// is io.ErrUnexpectedEOF.
var (
	// ErrSyntax is for what is no JSON.
	ErrSyntax = errors.New("the text is not JSON")
	// ErrTooLarge is for a value of which more than MaxHeld bytes are wanted.
	ErrTooLarge = errors.New("the value is too large to be held")
)

// A Reader reads one JSON text, value by value. The first error ends it.
type Reader struct {
	from   io.Reader
	buffer []byte
	at     int // of the next byte in buffer
	end    int // of the bytes in buffer
	err    error

	held []byte // the value that is being decoded
	name []byte
	// unread says that the callback's value was not read yet.
	unread bool
}

// NewReader reads from a stream, which it may read further than it needs.
func NewReader(from io.Reader) *Reader {
	return &Reader{from: from, buffer: make([]byte, bufferSize)}
}

// Decode reads one whole text into a value, like json.Unmarshal.
func Decode(from io.Reader, into any) error {
	r := NewReader(from)
	if err := r.Decode(into); err != nil {
		return err
	}
	return r.End()
}

// Each reads a text that is one list, and hands over one element at a time.
func Each[T any](from io.Reader, each func(T)) error {
	r := NewReader(from)
	if err := Elements(r, each); err != nil {
		return err
	}
	return r.End()
}

// Elements reads a list and hands over one element at a time.
func Elements[T any](r *Reader, each func(T)) error {
	return r.Array(func() error {
		var one T
		if err := r.Decode(&one); err != nil {
			return err
		}

		each(one)
		return nil
	})
}

// Object reads an object and calls back for each member, with its name. A value
// that the callback does not read is skipped.
func (r *Reader) Object(each func(name string) error) error {
	r.unread = false
	return r.open('{', '}', func() error {
		name, err := r.memberName()
		if err != nil {
			return err
		}

		r.unread = true
		return r.callback(func() error { return each(name) })
	})
}

// Array reads a list and calls back for each element. An element that the
// callback does not read is skipped.
func (r *Reader) Array(each func() error) error {
	r.unread = false
	return r.open('[', ']', func() error {
		r.unread = true
		return r.callback(each)
	})
}

func (r *Reader) callback(each func() error) error {
	if err := each(); err != nil {
		return err
	}

	if r.unread {
		return r.Skip()
	}

	return nil
}

// Decode reads a value like json.Unmarshal, but holds only what the type of into
// has a place for.
func (r *Reader) Decode(into any) error {
	r.unread = false
	r.held = r.held[:0]
	if err := r.value(shapeOf(reflect.TypeOf(into)), 0); err != nil {
		return err
	}
	return json.Unmarshal(r.held, into)
}

// Skip reads a value and holds nothing of it.
func (r *Reader) Skip() error {
	r.unread = false
	return r.value(nil, 0)
}

// End makes sure that nothing but white space follows.
func (r *Reader) End() error {
	_, err := r.peek()
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF) && errors.Is(r.err, io.EOF):
		return nil
	case err != nil:
		return err
	}

	return ErrSyntax
}

// Rest is what follows, without white space before it. More than most bytes are
// ErrTooLarge.
func (r *Reader) Rest(most int) ([]byte, error) {
	var rest []byte
	if _, err := r.peek(); err != nil {
		if errors.Is(r.err, io.EOF) {
			return nil, nil
		}
		return nil, err
	}

	for {
		if err := r.fill(); err != nil {
			if errors.Is(r.err, io.EOF) {
				return rest, nil
			}
			return nil, err
		}

		if len(rest)+r.end-r.at > most {
			return nil, ErrTooLarge
		}

		rest = append(rest, r.buffer[r.at:r.end]...)
		r.at = r.end
	}
}
