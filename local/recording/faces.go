package recording

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
)

// Transport notes what passes through next. It belongs behind a proxy or into an
// http.Client, in front of the real server. It changes nothing, except that a
// request's body cannot be sent a second time.
func (r *Recorder) Transport(next http.RoundTripper) http.RoundTripper {
	return transport{r, next}
}

type transport struct {
	recorder *Recorder
	next     http.RoundTripper
}

// RoundTrip is http.RoundTripper's.
func (t transport) RoundTrip(request *http.Request) (*http.Response, error) {
	x := t.recorder.begin(request)

	sent := request.Clone(request.Context())
	sent.GetBody = nil
	if request.Body != nil && request.Body != http.NoBody {
		sent.Body = &tee{ReadCloser: request.Body, to: x.asked, done: x.asked.finish, length: request.ContentLength}
	}

	response, err := t.next.RoundTrip(sent)
	if err != nil {
		x.end("no answer came") // the error's text names addresses

		return nil, err
	}

	x.head(response.StatusCode, reasonOf(response.Status), response.Header)
	length := response.ContentLength
	if response.Body == http.NoBody || request.Method == http.MethodHead {
		length = 0
	}

	response.Body = &tee{ReadCloser: response.Body, to: x.answered, done: x.end, length: length}

	return response, nil
}

// reasonOf is the reason phrase of a status line.
func reasonOf(status string) string {
	_, reason, _ := strings.Cut(status, " ")

	return reason
}

// Handler notes what next answers. It belongs in front of a fake server. An answer
// that next writes to a connection that it took over is noted when next returns.
func (r *Recorder) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		x := r.begin(request)

		seen := request.Clone(request.Context())
		if request.Body != nil && request.Body != http.NoBody {
			seen.Body = &tee{ReadCloser: request.Body, to: x.asked, done: x.asked.finish, length: request.ContentLength}
		}

		writer := &noting{ResponseWriter: w, running: x, head: request.Method == http.MethodHead}
		cut := "the handler broke the answer off"
		defer func() { x.end(cut) }()

		next.ServeHTTP(writer, seen)
		if writer.taken != nil {
			writer.noteTaken(seen)
		} else {
			writer.begin(http.StatusOK)
		}

		cut = writer.cut
	})
}

// A noting writer notes an answer while it is written.
type noting struct {
	http.ResponseWriter
	running *running
	head    bool // the request is a HEAD: its answer has no body
	begun   bool
	cut     string
	taken   *taken // the connection, if the handler took it over
}

func (n *noting) begin(status int) {
	if n.begun {
		return
	}
	n.begun = true
	n.running.head(status, http.StatusText(status), n.Header())
}

// WriteHeader is http.ResponseWriter's.
func (n *noting) WriteHeader(status int) {
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		n.begin(status)
	}
	n.ResponseWriter.WriteHeader(status)
}

// Write is http.ResponseWriter's.
func (n *noting) Write(b []byte) (int, error) {
	if n.Header().Get("Content-Type") == "" && !n.begun {
		n.Header().Set("Content-Type", http.DetectContentType(b))
	}

	n.begin(http.StatusOK)

	written, err := n.ResponseWriter.Write(b)
	if !n.head {
		n.running.answered.add(b[:written])
	}

	if err != nil && !errors.Is(err, http.ErrBodyNotAllowed) {
		n.cut = "the caller did not take the whole answer"
	}

	return written, err
}

// Flush is http.Flusher's.
func (n *noting) Flush() {
	n.begin(http.StatusOK)
	if err := http.NewResponseController(n.ResponseWriter).Flush(); err != nil {
		n.cut = "the caller did not take the whole answer"
	}
}

// Unwrap is for http.ResponseController.
func (n *noting) Unwrap() http.ResponseWriter { return n.ResponseWriter }

// A taken connection is one that a handler took over. It keeps what is written, up
// to a bound.
type taken struct {
	net.Conn
	bound int

	lock sync.Mutex
	text []byte
	over bool
}

// headRoom is what the head of an answer may take, in bytes.
const headRoom = 64 << 10

// Hijack is http.Hijacker's.
func (n *noting) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(n.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}

	bound := orElse(n.running.recorder.MaxBody, DefaultMaxBody) + headRoom
	n.taken = &taken{Conn: conn, bound: bound}

	return n.taken, bufio.NewReadWriter(buffered.Reader, bufio.NewWriter(n.taken)), nil
}

// Write is net.Conn's.
func (t *taken) Write(b []byte) (int, error) {
	n, err := t.Conn.Write(b)

	t.lock.Lock()
	defer t.lock.Unlock()

	t.over = t.over || len(t.text)+n > t.bound
	if !t.over {
		t.text = append(t.text, b[:n]...)
	}

	return n, err
}

// noteTaken notes the answer that was written to a connection that was taken over.
func (n *noting) noteTaken(request *http.Request) {
	n.taken.lock.Lock()
	defer n.taken.lock.Unlock()

	response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(n.taken.text)), request)
	if err != nil {
		n.cut = "the handler wrote no whole answer"

		return
	}

	defer func() { _ = response.Body.Close() }()

	n.running.head(response.StatusCode, reasonOf(response.Status), response.Header)
	body, err := io.ReadAll(response.Body)
	n.running.answered.add(body)
	if err != nil || n.taken.over {
		n.cut = "the handler broke the answer off, or it is too long"
	}
}
