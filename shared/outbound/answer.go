package outbound

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"example.com/integrations/shared/connector/failure"
)

var errTooLarge = errors.New("answer too large")

// read takes the answer's body. Once a write was answered with success, a body
// that cannot be read leaves it open what was done.
func (c *Client) read(r Request, resp *http.Response) (Response, error) {
	limit := r.MaxBody
	if limit <= 0 {
		limit = DefaultMaxBody
	}

	_, reason, _ := strings.Cut(resp.Status, " ")
	answer := Response{Status: resp.StatusCode, Reason: reason, Header: resp.Header}
	encoding := resp.Header.Get("Content-Encoding")
	if encoding != "" && !strings.EqualFold(encoding, "identity") {
		return c.unreadable(r, answer, "answer_unreadable", "the answer is compressed though that was not asked for")
	}
	if r.Stream != nil && answer.Status == http.StatusOK {
		return c.stream(r, resp.Body, answer, limit)
	}

	body, err := readAll(resp.Body, limit)
	answer.Body = body
	switch {
	case errors.Is(err, errTooLarge):
		return c.unreadable(r, answer, "answer_too_large", "the answer is larger than "+strconv.FormatInt(limit, 10)+" bytes")
	case err != nil:
		return c.unreadable(r, answer, "answer_cut", "the answer broke off")
	}

	return answer, nil
}

// firstRead is the size of the first buffer, in bytes.
const firstRead = 4 << 10

// readAll reads up to a limit. The room doubles and never exceeds the limit, so
// that an endless answer takes no more than twice the limit in all.
func readAll(body io.Reader, limit int64) ([]byte, error) {
	b := make([]byte, 0, min(firstRead, limit+1))
	for {
		n, err := body.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]

		switch {
		case int64(len(b)) > limit:
			return b[:limit], errTooLarge
		case errors.Is(err, io.EOF):
			return b, nil
		case err != nil:
			return b, err
		}

		if len(b) == cap(b) {
			room := min(2*int64(cap(b)), limit+1)
			b = append(make([]byte, 0, room), b...)
		}
	}
}

func (c *Client) unreadable(r Request, answer Response, code, detail string) (Response, error) {
	if answer.Status >= 300 {
		answer.Truncated = true
		return answer, nil
	}

	class := failure.Ambiguous
	if isRead(r.Method) {
		class = failure.Final
		if code == "answer_cut" {
			class = failure.Retryable
		}
	}

	return Response{}, c.fail(class, failure.ItemScope, code, detail, answer.Status)
}

// unanswered says what is known about a call without an answer.
func (c *Client) unanswered(method, host string, written bool, err error) error {
	if !written {
		var phase *phaseError
		if errors.As(err, &phase) && phase.refused {
			return c.fail(failure.Final, failure.IntegrationScope, "address_refused", host+" "+phase.what, 0)
		}
		return c.fail(failure.NotSent, failure.IntegrationScope, "unreachable", host+" "+reason(err), 0)
	}

	class := failure.Ambiguous
	if isRead(method) {
		class = failure.Retryable // nothing can have happened there
	}

	return c.fail(class, failure.ItemScope, "no_answer", host+" was asked and did not answer as HTTP says, or not in time", 0)
}

// reason is a fixed sentence: the text of network errors names addresses, which must
// not be shown.
func reason(err error) string {
	var phase *phaseError
	if errors.As(err, &phase) {
		return phase.what
	}
	return "could not be reached"
}

func (c *Client) fail(class failure.Class, scope failure.Scope, code, detail string, status int) *failure.Error {
	return &failure.Error{Class: class, Scope: scope, Code: code, Detail: c.Clean(detail), Status: status}
}

// Classify says what a status that is no success means for a request. A connector
// says what its provider means by 403.
func Classify(method string, status int, header http.Header) failure.Class {
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusTooEarly:
		return failure.Retryable
	case status == http.StatusServiceUnavailable && header.Get("Retry-After") != "":
		return failure.Retryable
	case status == http.StatusRequestTimeout, status >= 500:
		if isRead(method) {
			return failure.Retryable
		}
		return failure.Ambiguous

	case status >= 300, isRead(method):
		return failure.Final
	}

	return failure.Ambiguous
}

// MaxWait is the longest wait. A provider that states a longer one is asked again
// after this time.
const MaxWait = 24 * time.Hour

// RetryAfter reads the header of that name, seconds or a date.
func RetryAfter(header http.Header, now time.Time) (time.Duration, bool) {
	text := strings.TrimSpace(header.Get("Retry-After"))
	if text == "" {
		return 0, false
	}

	if strings.Trim(text, "0123456789") == "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n > int64(MaxWait/time.Second) {
			return MaxWait, true
		}
		return time.Duration(n) * time.Second, true
	}

	at, err := http.ParseTime(text)
	if err != nil {
		return 0, false
	}

	return min(max(at.Sub(answeredAt(header, now)), 0), MaxWait), true
}
