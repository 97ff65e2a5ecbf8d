package outbound

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"example.com/integrations/shared/connector/failure"
)

// generous is a time that no call comes near on a slow machine: a test waits
// that long only when it fails.
const generous = 2 * time.Minute

// raw accepts TLS connections and leaves each to serve, with its number.
func raw(t *testing.T, serve func(n int, c net.Conn)) (Config, *atomic.Int32) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.StartTLS()
	t.Cleanup(s.Close)
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: s.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}

	var accepted atomic.Int32
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}

			n := int(accepted.Add(1))
			wg.Go(func() {
				defer func() { _ = c.Close() }()
				_ = c.SetDeadline(time.Now().Add(generous))
				serve(n, c)
			})
		}
	})

	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	cfg := configFor(s)
	cfg.Overrides[host] = netip.MustParseAddrPort(l.Addr().String())

	return cfg, &accepted
}

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// Some answers end the call, some never end: those are cut off when the client's
// time is up.
func TestOutcomeAfterTheRequestLeft(t *testing.T) {
	for name, tt := range map[string]struct {
		serve   func(net.Conn)
		endless bool
	}{
		"closed":          {func(net.Conn) {}, false},
		"no HTTP":         {func(c net.Conn) { _, _ = io.WriteString(c, "SSH-2.0\r\n\r\n") }, false},
		"half a header":   {func(c net.Conn) { _, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-") }, false},
		"endless headers": {func(c net.Conn) { endlessHeaders(c) }, false},
		"silence":         {func(c net.Conn) { _, _ = io.Copy(io.Discard, c) }, true},
		"slow body":       {func(c net.Conn) { slowBody(c) }, true},
	} {
		for _, method := range []string{"GET", "POST", "PATCH"} {
			t.Run(name+" "+method, func(t *testing.T) {
				t.Parallel()
				start := time.Now()
				e := outcome(t, method, tt.serve, tt.endless)
				want := failure.Ambiguous
				if method == "GET" {
					want = failure.Retryable
				}

				if e.Class != want || strings.Contains(e.Error(), "hidden") {
					t.Errorf("%v %v", e.Class, e)
				}

				if took := time.Since(start); took > generous/2 {
					t.Errorf("took %v", took)
				}
			})
		}
	}
}

// outcome asks a server that reads the request and then serves. The time for an
// endless answer is short, and is doubled while the machine needs longer than
// that to send the request at all.
func outcome(t *testing.T, method string, serve func(net.Conn), endless bool) *failure.Error {
	t.Helper()
	var arrived atomic.Bool
	cfg, _ := raw(t, func(_ int, c net.Conn) {
		_, err := http.ReadRequest(bufio.NewReader(c))
		if err == nil {
			arrived.Store(true)
			serve(c)
		}
	})

	cfg.Timeout = generous
	if endless {
		cfg.Timeout = 400 * time.Millisecond
	}

	for {
		_, err := newClient(t, cfg).Do(t.Context(), Request{Method: method, URL: "https://example.com/?k=hidden", Body: bodyOf(method)})
		e := failureOf(t, err)
		early := e.Class == failure.NotSent && !arrived.Load()
		if !early || cfg.Timeout >= generous/8 {
			return e
		}

		cfg.Timeout *= 2
	}
}

func bodyOf(method string) []byte {
	if method == "GET" {
		return nil
	}
	return []byte("x")
}

// endlessHeaders counts the bytes it has sent before the client left.
func endlessHeaders(c net.Conn) int {
	written, _ := io.WriteString(c, "HTTP/1.1 200 OK\r\n")
	for {
		n, err := io.WriteString(c, "X-A: "+strings.Repeat("b", 1000)+"\r\n")
		written += n
		if err != nil {
			return written
		}
	}
}

func slowBody(c net.Conn) {
	_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n")
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if _, err := io.WriteString(c, "x"); err != nil {
			return
		}
	}
}

// A write over a connection that the server is just closing may be lost or
// not: it must never reach the server twice.
func TestWriteOnceOverDyingConnections(t *testing.T) {
	var writes, reads atomic.Int32
	cfg, accepted := raw(t, func(_ int, c net.Conn) {
		// One answer, then the next request is read and the connection cut.
		for first := true; ; first = false {
			r, err := http.ReadRequest(bufio.NewReader(c))
			if err != nil {
				return
			}

			if r.Method == "GET" {
				reads.Add(1)
			} else {
				writes.Add(1)
			}

			if !first {
				return
			}

			_, _ = io.WriteString(c, okAnswer)
		}
	})

	c := newClient(t, cfg)
	for range 20 {
		c.CloseIdle()
		write := post("https://example.com/")
		write.Header.Set("Idempotency-Key", "1") // net/http takes it for leave to repeat
		if _, err := c.Do(t.Context(), get("https://example.com/")); err != nil {
			t.Fatal(err)
		}

		before := writes.Load()
		_, err := c.Do(t.Context(), write)
		if e := failureOf(t, err); e.Class != failure.Ambiguous {
			t.Fatalf("%v %v", e.Class, e)
		}

		if got := writes.Load() - before; got != 1 {
			t.Fatalf("the write arrived %d times", got)
		}
	}

	if accepted.Load() < 20 {
		t.Fatalf("only %d connections", accepted.Load())
	}
}

// The server closes each connection after its answer without saying so. What
// the client then says must be true: a NotSent write never arrived.
func TestWriteOnceOverClosedConnections(t *testing.T) {
	var mu sync.Mutex
	arrived := map[string]int{}
	cfg, _ := raw(t, func(_ int, c net.Conn) {
		r, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}

		mu.Lock()
		arrived[r.URL.Path]++
		mu.Unlock()
		_, _ = io.WriteString(c, okAnswer)
	})

	c := newClient(t, cfg)
	outcome := map[string]error{}
	for i := range 200 {
		path := fmt.Sprintf("/%d", i)
		_, outcome[path] = c.Do(t.Context(), post("https://example.com"+path))
	}

	mu.Lock()
	defer mu.Unlock()
	for path, err := range outcome {
		n := arrived[path]
		if n > 1 || (err == nil && n != 1) {
			t.Errorf("%s arrived %d times, outcome %v", path, n, err)
		}

		if err != nil && failureOf(t, err).Class == failure.NotSent && n != 0 {
			t.Errorf("%s arrived though it was not sent", path)
		}
	}
}

func TestWriteToAPeerThatClosedBefore(t *testing.T) {
	// The connection dies before the request, seen by the write or before it.
	closed := make(chan struct{}, 64)
	cfg, _ := raw(t, func(_ int, c net.Conn) {
		if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
			return
		}

		_, _ = io.WriteString(c, okAnswer)
		_ = c.(*tls.Conn).NetConn().(*net.TCPConn).SetLinger(0)
		_ = c.(*tls.Conn).NetConn().Close()
		closed <- struct{}{}
	})

	c := newClient(t, cfg)
	for range 30 {
		if _, err := c.Do(t.Context(), post("https://example.com/")); err != nil {
			if class := failureOf(t, err).Class; class != failure.Ambiguous && class != failure.NotSent {
				t.Fatal(class)
			}
			continue
		}

		<-closed
	}
}

// The answer is cut off by its size, not by the time it takes.
func TestEndlessHeadersAreCutOff(t *testing.T) {
	written := make(chan int, 1)
	cfg, _ := raw(t, func(_ int, c net.Conn) {
		_, err := http.ReadRequest(bufio.NewReader(c))
		if err == nil {
			written <- endlessHeaders(c)
		}
	})

	cfg.Timeout = generous
	_, err := newClient(t, cfg).Do(t.Context(), post("https://example.com/"))
	if e := failureOf(t, err); e.Class != failure.Ambiguous {
		t.Errorf("%v: %v", e.Class, e)
	}

	// The client reads 64 KiB. The rest is in the buffers of both sockets.
	n := <-written
	if n > 4<<20 {
		t.Errorf("%d bytes of headers were sent before the client left", n)
	}
}

// What an earlier request wrote on a connection says nothing of the next one.
func TestSentinelStartsAfresh(t *testing.T) {
	used := &conn{}
	used.wrote.Store(true)
	var s sentinel
	if s.written() {
		t.Error("written without a connection")
	}

	s.trace().GotConn(httptrace.GotConnInfo{Conn: used, Reused: true})
	if s.written() {
		t.Error("written before anything was")
	}

	used.wrote.Store(true)
	if !s.written() {
		t.Error("not written")
	}
}
