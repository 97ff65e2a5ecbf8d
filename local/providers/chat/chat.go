// Package chat is what the fake servers of chats share: channels of messages on a
// journal, the log of writes, how messages are drawn, and the pages on which people
// see, post and delete messages.
package chat

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/faults"
)

// The phases of a create that a hook is told of.
const (
	Received = providers.Received
	Applied  = providers.Applied
)

// A Dialect is what makes a chat the one it is.
type Dialect struct {
	Name string // as people call it
	File string // of the journal
	// Channels are all there are, in the order they are shown in.
	Channels []Place
	// NextID names a channel's next message, given the last one's name.
	NextID func(now time.Time, last string) string
	// Draw shows a message's content.
	Draw func(wire json.RawMessage) Picture
	// Typed is the content of a message that a person typed.
	Typed func(text string) json.RawMessage
	// Person is who posts and deletes on the page; without one it only shows.
	Person string
	// Prefix is below which the chat's API is at the plain address, and API what
	// is there.
	Prefix string
	API    http.Handler
	// Known makes the person of whoever comes there with a token of nobody's.
	Known func(*http.Request)
	// Faults makes the chat fail on purpose.
	Faults *faults.Kit
}

// A Place is a channel.
type Place struct{ ID, Name string }

// A Chat keeps messages. It survives the death of its process.
type Chat struct {
	providers.Watch
	dialect Dialect
	now     func() time.Time
	journal *providers.Journal
	writes  providers.Log[entry]

	// deciding is held by a write from its decision to its commitment.
	deciding sync.Mutex

	lock     sync.RWMutex
	channels map[string]*channel
	threads  []opened // in the order they were opened
}

// Open returns the chat with all that the journal in dir holds. A nil clock is
// the system's.
func Open(dir string, dialect Dialect, now func() time.Time) (*Chat, error) {
	if now == nil {
		now = time.Now
	}

	c := &Chat{dialect: dialect, now: now, channels: map[string]*channel{}}
	var err error
	if c.journal, err = providers.OpenJournal(filepath.Join(dir, dialect.File), c.replay); err != nil {
		return nil, fmt.Errorf("%s fake server: %w", dialect.Name, err)
	}

	return c, nil
}

// Close closes the journal.
func (c *Chat) Close() error {
	c.dialect.Faults.Close()
	return c.journal.Close()
}

// Now is the time on the chat's clock.
func (c *Chat) Now() time.Time { return c.now().UTC() }

// A Kind is what a request does.
type Kind int

// The kinds of requests.
const (
	Read Kind = iota
	Write
	Create // a write that makes a message
)

// A Call is a request on its way through the API.
type Call struct {
	*http.Request
	Body []byte
	// TooLarge says that the body is no more than the beginning of one.
	TooLarge bool
	// User is whose credentials it came with, which the decision finds out.
	User string
}

// An Answer is what a request is answered with.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	// Refusal is the chat's own code of why nothing was done.
	Refusal string
	// Message is to be stored: a new one, or another form of one.
	Message *Message
}

// Serve answers a request. A write is decided, stored and counted as one step,
// so that what was answered is never lost and never done twice. limit is how
// long a body may be; failed is the answer when nothing can be stored.
func (c *Chat) Serve(w http.ResponseWriter, r *http.Request, kind Kind, limit int64, decide func(*Call) Answer, failed Answer) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	var tooLarge *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLarge) {
		panic(http.ErrAbortHandler) // the caller went away in mid-request
	}

	call := &Call{Request: r, Body: body, TooLarge: tooLarge != nil}
	var out Answer
	if kind == Read {
		out = decide(call)
	} else {
		out = c.write(call, kind, decide, failed)
	}

	for name, values := range out.Header {
		w.Header()[name] = values
	}

	w.WriteHeader(out.Status)
	_, _ = w.Write(out.Body)
}

func (c *Chat) write(call *Call, kind Kind, decide func(*Call) Answer, failed Answer) Answer {
	number := c.writes.Arrive()
	at := c.Now()
	n := 0
	if kind == Create {
		n = c.Arrive()
	}

	c.deciding.Lock()
	out := decide(call)
	err := c.commit(entry{Number: number, Message: out.Message, Write: &providers.Write{
		At: at, User: call.User, Method: call.Method, Path: call.URL.Path, Body: providers.JSONBody(call.Body), Status: out.Status, Refusal: out.Refusal,
		Fault: faults.Of(call.Context()),
	}})
	c.deciding.Unlock()
	if err != nil {
		return failed
	}

	if kind == Create && out.Message != nil {
		c.Tell(Applied, n)
	}

	return out
}
