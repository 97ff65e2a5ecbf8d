package live

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// A Wire stands between a connector and its provider. It counts calls, notes what
// answers say of limits, and loses the answer of a write on request.
type Wire struct {
	mu     sync.Mutex
	calls  int
	lose   bool
	limits map[string]string
	// provider is what Around was given, written the heads of the writes that it
	// took, by method and path.
	provider http.Handler
	written  map[string]*http.Request
}

// Around is the provider as it is seen through the wire.
func (w *Wire) Around(provider http.Handler) http.Handler {
	w.mu.Lock()
	w.provider = provider
	w.mu.Unlock()

	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if w.arrives(r) {
			provider.ServeHTTP(discard{http.Header{}}, r)
			panic(http.ErrAbortHandler) // the connection ends without an answer
		}

		answer := &noting{ResponseWriter: out, wire: w}
		provider.ServeHTTP(answer, r)
		if answer.status < http.StatusMultipleChoices {
			w.keep(r)
		}
	})
}

// LoseNext lets the provider carry out the next write, and cuts the connection
// instead of handing over the answer.
func (w *Wire) LoseNext() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lose = true
}

// Lost reports whether the answer was lost since LoseNext, and cancels LoseNext.
func (w *Wire) Lost() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	lost := !w.lose
	w.lose = false

	return lost
}

// Calls is how many requests there were.
func (w *Wire) Calls() int {
	w.mu.Lock()
	defer w.mu.Unlock()

	return w.calls
}

// Limits are the headers about limits in the last answers, sorted.
func (w *Wire) Limits() []string {
	w.mu.Lock()
	defer w.mu.Unlock()

	var all []string
	for name, value := range w.limits {
		all = append(all, name+": "+value)
	}

	slices.Sort(all)

	return all
}

// arrives counts a request and says whether its answer is to be lost. Jira and
// Slack read by POST: these answers are not lost.
func (w *Wire) arrives(r *http.Request) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++

	reads := r.Method == http.MethodGet || r.Method == http.MethodHead || strings.Contains(r.URL.Path, "/search")
	for _, method := range []string{"conversations.info", "conversations.history", "auth.test", "users.info", "access_tokens"} {
		reads = reads || strings.HasSuffix(r.URL.Path, method)
	}

	if reads || !w.lose {
		return false
	}

	w.lose = false

	return true
}

// saw notes what the header of an answer says of limits.
func (w *Wire) saw(header http.Header) {
	w.mu.Lock()
	defer w.mu.Unlock()

	if w.limits == nil {
		w.limits = map[string]string{}
	}

	for name := range header {
		if lower := strings.ToLower(name); strings.Contains(lower, "ratelimit") || lower == "retry-after" {
			w.limits[name] = header.Get(name)
		}
	}
}

// noting hands an answer on and notes its header.
type noting struct {
	http.ResponseWriter
	wire   *Wire
	status int // 0 until it is said
}

func (n *noting) WriteHeader(status int) {
	n.status = status
	n.wire.saw(n.Header())
	n.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (n *noting) Unwrap() http.ResponseWriter { return n.ResponseWriter }

// discard drops an answer.
type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// keep notes the head of a write that the provider took.
func (w *Wire) keep(r *http.Request) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return
	}

	head := r.Clone(context.Background())
	head.Body = nil

	w.mu.Lock()
	defer w.mu.Unlock()
	if w.written == nil {
		w.written = map[string]*http.Request{}
	}

	w.written[r.Method+" "+r.URL.EscapedPath()] = head
}

// lastWrite is the head of a write that the provider took, nil if none is as
// wanted. Of two the one is returned whose address sorts last.
func (w *Wire) lastWrite(wanted func(*http.Request) bool) *http.Request {
	w.mu.Lock()
	defer w.mu.Unlock()

	var found *http.Request
	last := ""
	for key, r := range w.written {
		if wanted(r) && key > last {
			found = r
			last = key
		}
	}

	return found
}

// errNoAnswer says that the connection ended without an answer.
var errNoAnswer = errors.New("the provider did not answer")

// send has the provider serve a request of the trial's own. A redirect is an
// answer like another: it is not followed.
func (w *Wire) send(ctx context.Context, r *http.Request) (status int, body []byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, callTime)
	defer cancel()
	w.mu.Lock()
	w.calls++
	provider := w.provider
	w.mu.Unlock()

	taken := &taken{header: http.Header{}}
	defer func() {
		switch failure := recover(); {
		case failure == http.ErrAbortHandler:
			status = 0
			body = nil
			err = errNoAnswer
		case failure != nil:
			panic(failure)
		}
	}()

	provider.ServeHTTP(taken, r.WithContext(ctx))
	w.saw(taken.header)
	if ctx.Err() != nil {
		return 0, nil, errNoAnswer
	}

	if taken.status == 0 {
		taken.status = http.StatusOK
	}

	return taken.status, taken.body.Bytes(), nil
}

// taken is an answer that is kept, up to longestAnswer.
type taken struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (t *taken) Header() http.Header { return t.header }

func (t *taken) WriteHeader(status int) {
	if t.status == 0 && status >= http.StatusOK {
		t.status = status
	}
}

func (t *taken) Write(b []byte) (int, error) {
	t.WriteHeader(http.StatusOK)
	if t.body.Len()+len(b) > longestAnswer {
		return 0, errors.New("the answer is too long")
	}

	return t.body.Write(b)
}

// Flush is http.Flusher's.
func (t *taken) Flush() {}
