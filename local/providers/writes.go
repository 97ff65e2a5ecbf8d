package providers

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// A Write is a request for a change, and its answer.
// The form is a promise of the environment.
type Write struct {
	At time.Time `json:"at"`
	// User is the account of its token: the integration's or a person's. It is
	// empty if the token is invalid.
	User string `json:"user,omitempty"`
	// Fault names the faults of the call, separated by commas. If the write was
	// carried out in spite of a fault, Status is the provider's, and the caller saw
	// another one or none.
	Fault  string          `json:"fault,omitempty"`
	Method string          `json:"method"`
	Path   string          `json:"path"`
	Body   json.RawMessage `json:"body"`
	Status int             `json:"status"`
	// Refusal is the provider's own error code, if it has one: not every provider
	// refuses by the status.
	Refusal string `json:"refusal,omitempty"`
}

// JSONBody gives a body as a JSON value: itself where it is one, else its text
// as a string, and null where there is none.
func JSONBody(body []byte) json.RawMessage {
	switch {
	case len(body) == 0:
		return json.RawMessage("null")
	case json.Valid(body) && utf8.Valid(body):
		return body
	}

	text, _ := json.Marshal(strings.ToValidUTF8(string(body), "\uFFFD"))

	return text
}

// A Log keeps writes in the order of their arrival. They are added in the order of
// their answers.
type Log[W any] struct {
	lock    sync.Mutex
	next    int64
	numbers []int64
	writes  []W
}

// Arrive takes the next place in the order.
func (l *Log[W]) Arrive() int64 {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.next++
	return l.next
}

// Add puts a write at the place it took.
func (l *Log[W]) Add(number int64, write W) {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.next = max(l.next, number)
	at, _ := slices.BinarySearch(l.numbers, number)
	l.numbers = slices.Insert(l.numbers, at, number)
	l.writes = slices.Insert(l.writes, at, write)
}

// All returns the writes so far.
func (l *Log[W]) All() []W {
	l.lock.Lock()
	defer l.lock.Unlock()
	return slices.Clone(l.writes)
}
