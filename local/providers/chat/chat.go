// Package chat is what the fake servers of chats share: channels of messages on a
// journal, the log of writes, how messages are drawn, and the pages on which people
// see, post and delete messages.
package chat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/faults"
)

// The phases of a create that a hook sees.
const (
	Received = providers.Received
	Applied  = providers.Applied
)

// A Dialect is what a chat does in its own way.
type Dialect struct {
	Name string // as people call it
	// Channels are all there are, in the order in which the page shows them.
	Channels []Place
	// NextID is the id of a channel's next message, given the last one's.
	NextID func(now time.Time, last string) string
	// Draw shows a message's content.
	Draw func(wire json.RawMessage) Picture
	// Typed is the content of a message that a person typed on the page.
	Typed func(text string) json.RawMessage
	// Person posts and deletes on the page. Without one the page only shows.
	Person string
	// API is the chat's API. Prefix begins its paths at the plain address.
	API    http.Handler
	Prefix string
	// Known turns an unknown token of a request at the plain address into the
	// person's.
	Known func(*http.Request)
	// MaxBody is how many bytes are read of a request.
	MaxBody int64
	// Broken is the answer if nothing can be stored.
	Broken Answer
	// Faults makes the kit that lets the chat fail on purpose, from hooks that have
	// the clock and the log. Without it nothing fails.
	Faults func(faults.Hooks) *faults.Kit
}

// A Place is a channel.
type Place struct{ ID, Name string }

// A Chat keeps messages. They survive the end of its process.
type Chat struct {
	providers.Watch
	*history
	dialect Dialect
	faults  *faults.Kit
	now     func() time.Time
	journal *providers.Journal
	writes  providers.Log[entry]

	// deciding is held by a write from its decision until it is stored.
	deciding sync.Mutex
}

// Open returns the chat with all that the journal in dir holds. A nil clock is
// the system's.
func Open(dir string, dialect Dialect, now func() time.Time) (*Chat, error) {
	if now == nil {
		now = time.Now
	}

	c := &Chat{dialect: dialect, now: now, history: &history{fixed: dialect.Channels, channels: map[string]*channel{}}}
	if dialect.Faults != nil {
		c.faults = dialect.Faults(faults.Hooks{Now: now, Log: func(_ *http.Request, w providers.Write) {
			_ = c.commit(entry{Number: c.writes.Arrive(), Write: &w})
		}})
	}

	var err error
	c.journal, err = providers.OpenJournal(filepath.Join(dir, strings.ToLower(dialect.Name)+".jsonl"), c.replay)
	if err != nil {
		return nil, fmt.Errorf("%s fake server: %w", dialect.Name, err)
	}

	return c, nil
}

// Close ends answers that do not end by themselves, and closes the journal.
func (c *Chat) Close() error {
	c.faults.Close()

	return c.journal.Close()
}

// Now is the time on the chat's clock.
func (c *Chat) Now() time.Time { return c.now().UTC() }

// Faults is the kit that lets the chat fail on purpose, nil for none.
func (c *Chat) Faults() *faults.Kit { return c.faults }

// API is what the chat serves under its own hosts, with the faults that are active.
func (c *Chat) API() http.Handler { return c.faults.Wrap(c.dialect.API) }

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
	// TooLarge says that the body is longer than what was read of it.
	TooLarge bool
	// User is the account of the request's credentials. The decision sets it.
	User string
}

// An Answer is the response to a request.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	// Refusal is the chat's own code for why nothing was done.
	Refusal string
	// Message is to be stored: a new one, or another form of one.
	Message *Message
}

// Serve answers a request. A write is decided, stored and counted as one step,
// so that what was answered is never lost and never done twice.
func (c *Chat) Serve(w http.ResponseWriter, r *http.Request, kind Kind, decide func(*Call) Answer) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, c.dialect.MaxBody))
	var tooLarge *http.MaxBytesError
	if err != nil && !errors.As(err, &tooLarge) {
		panic(http.ErrAbortHandler) // the caller went away during the request
	}

	call := &Call{Request: r, Body: body, TooLarge: tooLarge != nil}
	var out Answer
	if kind == Read {
		out = decide(call)
	} else {
		out = c.write(call, kind, decide)
	}

	for name, values := range out.Header {
		w.Header()[name] = values
	}

	w.WriteHeader(out.Status)
	_, _ = w.Write(out.Body)
}

func (c *Chat) write(call *Call, kind Kind, decide func(*Call) Answer) Answer {
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
		return c.dialect.Broken
	}

	if kind == Create && out.Message != nil {
		c.Tell(Applied, n)
	}

	return out
}

// Encode is a value as JSON, in which <, > and & stand as they are.
func Encode(value any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(value); err != nil {
		panic(err) // what a fake server holds always marshals
	}

	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
