package recording

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// Bounds of a Recorder, in bytes.
const (
	// DefaultMaxBody is the longest body that is kept.
	DefaultMaxBody = 1 << 20
	// DefaultMaxTotal bounds all bodies of a recording together.
	DefaultMaxTotal = 64 << 20
)

// A Recorder notes exchanges in the order in which their requests began. It is
// safe for use by several goroutines. It keeps everything in memory, with the
// secrets, until Save writes a scrubbed copy.
type Recorder struct {
	// MaxBody is the longest body that is kept, in bytes; 0 is DefaultMaxBody. Of a
	// longer one nothing is kept: a part of it is no JSON, so names could not be
	// found in it. The exchange says so in Cut.
	MaxBody int
	// MaxTotal bounds all bodies together, in bytes; 0 is DefaultMaxTotal. Later
	// bodies are left out.
	MaxTotal int

	lock  sync.Mutex
	now   Exchange // case, role and note of the exchanges that begin now
	names map[string]int
	all   []*running
	total int
}

// Case names the exchanges that begin from now on. The second one of a case is
// called "name-2", and so on, so that each name is there once. Role says who
// asks; note is free text.
func (r *Recorder) Case(name, role, note string) {
	r.lock.Lock()
	defer r.lock.Unlock()

	r.now = Exchange{Case: name, Role: role, Note: note}
}

// Save scrubs all exchanges and writes them as lines. If the scrubber fails,
// nothing is written. An exchange that has not ended is written without its
// answer's body.
func (r *Recorder) Save(file io.Writer, s *Scrubber) error {
	clean, err := s.Scrub(r.Exchanges())
	if err != nil {
		return err
	}

	var lines bytes.Buffer
	for _, e := range clean {
		if err := Write(&lines, e); err != nil {
			return err
		}
	}

	_, err = lines.WriteTo(file)

	return err
}

// Exchanges are those noted so far, in order. They are not scrubbed.
func (r *Recorder) Exchanges() []Exchange {
	r.lock.Lock()
	running := slices.Clone(r.all)
	r.lock.Unlock()

	all := make([]Exchange, len(running))
	for i, one := range running {
		all[i] = one.exchange()
	}

	return all
}

// A running exchange is noted while it takes place.
type running struct {
	recorder *Recorder
	asked    *kept
	answered *kept

	lock     sync.Mutex
	noted    Exchange
	ended    bool
	encoding string // of the answer's body
}

// begin notes a request. Its body is noted while it is read.
func (r *Recorder) begin(request *http.Request) *running {
	r.lock.Lock()
	defer r.lock.Unlock()

	e := r.now
	if e.Case == "" {
		e.Case = "exchange"
	}

	if r.names == nil {
		r.names = map[string]int{}
	}

	base := e.Case
	for r.names[e.Case] > 0 {
		r.names[base]++
		e.Case = fmt.Sprintf("%s-%d", base, r.names[base])
	}

	r.names[e.Case]++

	e.Seq = len(r.all) + 1
	e.Request = Request{Method: request.Method, Path: request.URL.RequestURI(), Header: map[string]*string{}}
	for name, values := range request.Header {
		joined := strings.Join(values, ", ")
		e.Request.Header[name] = &joined
	}

	one := &running{recorder: r, noted: e, asked: &kept{recorder: r}, answered: &kept{recorder: r}}
	r.all = append(r.all, one)

	return one
}

// head notes the head of the answer.
func (x *running) head(status int, reason string, header http.Header) {
	x.lock.Lock()
	defer x.lock.Unlock()

	joined := map[string]string{}
	for name, values := range header {
		joined[name] = strings.Join(values, ", ")
	}

	x.noted.Response = Response{Status: status, Reason: reason, Header: joined}
	x.encoding = header.Get("Content-Encoding")
}

// end notes how the answer ended. Without an error it is whole. The first end
// counts.
func (x *running) end(cut string) {
	x.lock.Lock()
	defer x.lock.Unlock()

	if x.ended {
		return
	}

	x.ended = true
	x.noted.Response.Cut = cut
}

// exchange is what is noted so far.
func (x *running) exchange() Exchange {
	x.lock.Lock()
	defer x.lock.Unlock()

	e := x.noted
	e.Request.Header = maps.Clone(e.Request.Header)
	e.Response.Header = maps.Clone(e.Response.Header)
	e.Request.Body, e.Request.Cut = x.asked.body()

	var lost string
	e.Response.Body, lost = x.answered.body()
	switch {
	case !x.ended:
		e.Response.Cut = "the exchange has not ended"
	case e.Response.Cut == "" && x.encoding != "" && !strings.EqualFold(x.encoding, "identity"):
		e.Response.Cut = "the body is compressed"
	case e.Response.Cut == "":
		e.Response.Cut = lost
	}

	if e.Response.Cut != "" {
		e.Response.Body = nil
	}

	return e
}

// kept is a body while it passes, up to the bounds.
type kept struct {
	recorder *Recorder

	lock   sync.Mutex
	text   []byte
	length int64
	cut    string
}

// add keeps a piece.
func (k *kept) add(piece []byte) {
	k.lock.Lock()
	defer k.lock.Unlock()

	k.length += int64(len(piece))
	if k.cut != "" || len(piece) == 0 {
		return
	}

	switch longest := orElse(k.recorder.MaxBody, DefaultMaxBody); {
	case len(k.text)+len(piece) > longest:
		k.cut = fmt.Sprintf("the body is longer than %d bytes", longest)
	case !k.recorder.take(len(piece)):
		k.cut = "the recording is full"
	default:
		k.text = append(k.text, piece...)

		return
	}

	k.recorder.take(-len(k.text))
	k.text = nil
}

// finish ends the body. With a text it is not whole, and the text says why.
func (k *kept) finish(cut string) {
	k.lock.Lock()
	defer k.lock.Unlock()

	if k.cut == "" {
		k.cut = cut
	}
}

func (k *kept) body() (body Body, cut string) {
	k.lock.Lock()
	defer k.lock.Unlock()

	if k.cut != "" {
		return nil, k.cut
	}

	return BodyOf(slices.Clone(k.text)), ""
}

func (k *kept) read() int64 {
	k.lock.Lock()
	defer k.lock.Unlock()

	return k.length
}

// take takes room for bytes, or gives it back. It reports whether there was
// enough.
func (r *Recorder) take(bytes int) bool {
	r.lock.Lock()
	defer r.lock.Unlock()

	if r.total+bytes > orElse(r.MaxTotal, DefaultMaxTotal) {
		return false
	}

	r.total += bytes

	return true
}

func orElse(n, otherwise int) int {
	if n <= 0 {
		return otherwise
	}

	return n
}

// A tee hands a body on and keeps a copy. Done is called once, at its end.
type tee struct {
	io.ReadCloser
	to   *kept
	done func(cut string)
	once sync.Once
	// length is the announced one, -1 if there is none.
	length int64
}

// Read is io.Reader's.
func (t *tee) Read(b []byte) (int, error) {
	n, err := t.ReadCloser.Read(b)
	t.to.add(b[:n])

	switch {
	case errors.Is(err, io.EOF):
		t.finish("")
	case err != nil:
		t.finish(fmt.Sprintf("the body broke off after %d bytes", t.to.read()))
	}

	return n, err
}

// Close is io.Closer's. A body that was not read to its end is not whole, unless
// all announced bytes were there.
func (t *tee) Close() error {
	cut := ""
	if t.to.read() != t.length {
		cut = fmt.Sprintf("the body was read for %d bytes, not to its end", t.to.read())
	}

	t.finish(cut)

	return t.ReadCloser.Close()
}

func (t *tee) finish(cut string) {
	t.once.Do(func() { t.done(cut) })
}
