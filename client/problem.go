package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// ErrNotModified says that an integration is still at the version named with
// IfNoneMatch.
var ErrNotModified = errors.New("not modified")

// A Problem is an answer that is no success: a problem document of the service
// (RFC 9457), or what the gateway before it says.
type Problem struct {
	Status int
	// Code is machine-readable; "" where the gateway answered. With
	// "unavailable" (503) it is not known whether a change was made.
	Code   string
	Title  string
	Detail string
	// Fields say what is wrong with members of the request.
	Fields    []FieldError
	RequestID string
	// RetryAfter is how long the API wants to be left alone; 0 if it does not say.
	RetryAfter time.Duration
}

// A FieldError says what is wrong with a member, parameter or header.
type FieldError struct {
	Field  string `json:"field"`
	Detail string `json:"detail"`
}

// Error is the status, the code, the detail and what is wrong with each field.
func (p *Problem) Error() string {
	var b strings.Builder
	fmt.Fprint(&b, p.Status, " ")
	if p.Code != "" {
		b.WriteString(p.Code + ": ")
	}

	b.WriteString(p.Detail)
	for _, f := range p.Fields {
		b.WriteString("; " + f.Field + " " + f.Detail)
	}

	return b.String()
}

func problem(resp *http.Response, content []byte) error {
	var told struct {
		Title, Detail, Code, Message string
		RequestID                    string       `json:"request_id"`
		Errors                       []FieldError `json:"errors"`
	}

	p := &Problem{Status: resp.StatusCode, Title: http.StatusText(resp.StatusCode), Detail: http.StatusText(resp.StatusCode), RequestID: resp.Header.Get("Apigw-Requestid")}
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 && seconds <= 24*60*60 {
		p.RetryAfter = time.Duration(seconds) * time.Second
	}

	if json.Unmarshal(content, &told) != nil {
		return p
	}

	if told.Message != "" {
		p.Detail = told.Message
	}

	if told.Code != "" {
		p.Code = told.Code
		p.Title = told.Title
		p.Detail = told.Detail
		p.Fields = told.Errors
	}

	if told.RequestID != "" {
		p.RequestID = told.RequestID
	}

	return p
}

// An unanswered request may have been done, or not.
type unanswered struct{ err error }

func (u *unanswered) Error() string { return u.err.Error() }
func (u *unanswered) Unwrap() error { return u.err }

// unsent leaves the address out: it says nothing that the path does not.
func unsent(r request, err error) error {
	var long *url.Error
	if errors.As(err, &long) {
		err = long.Err
	}
	return &unanswered{fmt.Errorf("%s %s: %w", r.method, r.path, err)}
}

// longestWait is the longest that a call waits by itself before it tries again.
const longestWait = 30 * time.Second

// again says whether a request can be sent once more, and after how long. What
// was refused for being one too many was not done. Whether anything else was
// done is unknown where there is no answer or a 5xx, so that only what can be
// repeated without harm is.
func again(r request, err error, try int) (time.Duration, bool) {
	wait := min(250*time.Millisecond<<min(try-1, 6), 8*time.Second)
	wait = wait/2 + rand.N(wait/2) // so that not all come back at once
	var p *Problem
	var u *unanswered
	switch {
	case errors.As(err, &p) && (p.Status == http.StatusTooManyRequests || p.Status >= 500 && r.repeatable):
		if p.RetryAfter > 0 {
			wait = p.RetryAfter
		}
		return wait, wait <= longestWait

	case errors.As(err, &u):
		return wait, r.repeatable
	}

	return 0, false
}
