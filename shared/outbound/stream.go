package outbound

import (
	"errors"
	"io"
	"strconv"
)

// StreamBeginning is how many bytes of a streamed body are kept.
const StreamBeginning = 4 << 10

// stream hands the body to the request's own reader, up to the limit.
func (c *Client) stream(r Request, body io.Reader, answer Response, limit int64) (Response, error) {
	from := &limited{from: body, left: limit}
	answer.StreamError = r.Stream(from)
	answer.Body = from.beginning
	switch {
	case from.over:
		return c.unreadable(r, answer, "answer_too_large", "the answer is larger than "+strconv.FormatInt(limit, 10)+" bytes")
	case from.broken:
		return c.unreadable(r, answer, "answer_cut", "the answer broke off")
	}

	return answer, nil
}

// A limited reader ends with an error behind its limit, and remembers how it
// ended.
type limited struct {
	from   io.Reader
	left   int64
	over   bool
	broken bool
	// beginning is what was read first.
	beginning []byte
}

// Read is io.Reader's.
func (l *limited) Read(b []byte) (int, error) {
	if l.left < 0 {
		l.over = true
		return 0, errTooLarge
	}

	// One byte more than is left shows whether the body goes on.
	if int64(len(b)) > l.left+1 {
		b = b[:l.left+1]
	}

	n, err := l.from.Read(b)
	l.left -= int64(n)
	if l.left < 0 {
		l.over = true
		return 0, errTooLarge
	}

	if kept := min(n, StreamBeginning-len(l.beginning)); kept > 0 {
		l.beginning = append(l.beginning, b[:kept]...)
	}

	if err != nil && !errors.Is(err, io.EOF) {
		l.broken = true
	}

	return n, err
}
