package recording

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// served serves a handler until the test ends.
func served(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)

	return server
}

// ask sends a request through a transport and reads the answer.
func ask(t *testing.T, through http.RoundTripper, method, address, body string) (string, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}

	response, err := through.RoundTrip(request)
	if err != nil {
		return "", err
	}

	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)

	return string(text), err
}

// both runs a test with a recorder in front of a server and with one in front of
// a handler.
func both(t *testing.T, handler http.HandlerFunc, test func(t *testing.T, r *Recorder, through http.RoundTripper, address string)) {
	t.Helper()
	t.Run("transport", func(t *testing.T) {
		r := &Recorder{MaxBody: 1000}
		test(t, r, r.Transport(http.DefaultTransport), served(t, handler).URL)
	})
	t.Run("handler", func(t *testing.T) {
		r := &Recorder{MaxBody: 1000}
		test(t, r, http.DefaultTransport, served(t, r.Handler(handler).ServeHTTP).URL)
	})
}

func TestRecorderNotesExchanges(t *testing.T) {
	handler := func(w http.ResponseWriter, request *http.Request) {
		sent, err := io.ReadAll(request.Body)
		if err != nil {
			t.Error(err)
		}

		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusCreated)
		fmt.Fprintf(w, `{"sent":%q}`, sent)
	}

	both(t, handler, func(t *testing.T, r *Recorder, through http.RoundTripper, address string) {
		r.Case("create", "updater", "a note")
		for range 3 {
			if got, err := ask(t, through, "POST", address+"/a%2Fb?c=d%20e", `{"x":1}`); err != nil || got != `{"sent":"{\"x\":1}"}` {
				t.Fatalf("%s, %v", got, err)
			}
		}

		all := r.Exchanges()
		if len(all) != 3 {
			t.Fatalf("%d exchanges", len(all))
		}

		for i, name := range []string{"create", "create-2", "create-3"} {
			e := all[i]
			if e.Case != name || e.Role != "updater" || e.Note != "a note" || e.Seq != i+1 {
				t.Errorf("%+v", e)
			}

			if e.Request.Method != "POST" || e.Request.Path != "/a%2Fb?c=d%20e" || string(e.Request.Body.Bytes()) != `{"x":1}` || e.Request.Cut != "" {
				t.Errorf("%+v", e.Request)
			}

			a := e.Response
			if a.Status != 201 || a.Reason != "Created" || a.Header["Content-Type"] != "application/json" || string(a.Body.Bytes()) != `{"sent":"{\"x\":1}"}` || a.Cut != "" {
				t.Errorf("%+v", a)
			}
		}
	})
}

// An answer reaches the caller while the server still writes it.
func TestRecorderStreams(t *testing.T) {
	for _, at := range []string{"transport", "handler"} {
		t.Run(at, func(t *testing.T) {
			first := make(chan struct{})
			var handler http.Handler = http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
				fmt.Fprint(w, "first")
				w.(http.Flusher).Flush()
				<-first
				fmt.Fprint(w, "second")
			})

			r := &Recorder{}
			through := http.DefaultTransport
			if at == "handler" {
				handler = r.Handler(handler)
			} else {
				through = r.Transport(through)
			}

			request, err := http.NewRequestWithContext(t.Context(), "GET", served(t, handler.ServeHTTP).URL, nil)
			if err != nil {
				t.Fatal(err)
			}

			response, err := through.RoundTrip(request)
			if err != nil {
				t.Fatal(err)
			}

			piece := make([]byte, 5)
			if _, err := io.ReadFull(response.Body, piece); err != nil || string(piece) != "first" {
				t.Fatalf("%s, %v", piece, err)
			}

			if got := r.Exchanges()[0].Response; got.Cut == "" || got.Body != nil {
				t.Errorf("before its end: %+v", got)
			}

			close(first)
			if rest, err := io.ReadAll(response.Body); err != nil || string(rest) != "second" {
				t.Fatalf("%s, %v", rest, err)
			}

			if err := response.Body.Close(); err != nil {
				t.Fatal(err)
			}

			if at == "handler" {
				return // the handler may end after the caller has everything
			}

			if got := string(r.Exchanges()[0].Response.Body.Bytes()); got != "firstsecond" {
				t.Errorf("noted %q", got)
			}
		})
	}
}

// What is not whole is noted as such, and nothing of it is kept.
func TestRecorderNotesWhatIsNotWhole(t *testing.T) {
	for name, test := range map[string]struct {
		answer func(w http.ResponseWriter)
		sent   string
		cut    string // of the answer
		asked  string // of the request
		status int
	}{
		"long answer":        {func(w http.ResponseWriter) { io.WriteString(w, strings.Repeat("x", 1001)) }, "", "longer than 1000 bytes", "", 200},
		"long request":       {func(w http.ResponseWriter) {}, strings.Repeat("x", 1001), "", "longer than 1000 bytes", 200},
		"as long as allowed": {func(w http.ResponseWriter) { io.WriteString(w, strings.Repeat("x", 1000)) }, strings.Repeat("x", 1000), "", "", 200},
		"broken answer": {func(w http.ResponseWriter) {
			io.WriteString(w, "part")
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, "", "broke", "", 200},
		"compressed": {func(w http.ResponseWriter) { w.Header().Set("Content-Encoding", "br"); io.WriteString(w, "x") }, "", "compressed", "", 200},
	} {
		handler := func(w http.ResponseWriter, request *http.Request) {
			if _, err := io.Copy(io.Discard, request.Body); err != nil {
				t.Error(err)
			}
			test.answer(w)
		}

		both(t, handler, func(t *testing.T, r *Recorder, through http.RoundTripper, address string) {
			_, err := ask(t, through, "POST", address, test.sent)
			if (err != nil) != (test.cut == "broke") {
				t.Errorf("%s: %v", name, err)
			}

			e := r.Exchanges()[0]
			if e.Response.Status != test.status || (e.Response.Cut == "") != (test.cut == "") || !strings.Contains(e.Response.Cut, test.cut) {
				t.Errorf("%s: %+v", name, e.Response)
			}

			if (e.Request.Cut == "") != (test.asked == "") || !strings.Contains(e.Request.Cut, test.asked) {
				t.Errorf("%s: %+v", name, e.Request)
			}

			if e.Response.Cut != "" && e.Response.Body != nil || e.Request.Cut != "" && e.Request.Body != nil {
				t.Errorf("%s: a part of a body is kept", name)
			}
		})
	}
}

func TestRecorderWithoutAnAnswer(t *testing.T) {
	server := served(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	r := &Recorder{}
	if _, err := ask(t, r.Transport(http.DefaultTransport), "POST", server.URL, "{}"); err == nil {
		t.Fatal("there is an answer")
	}

	if e := r.Exchanges()[0]; e.Response.Status != 0 || e.Response.Cut != "no answer came" {
		t.Errorf("%+v", e)
	}
}

func TestRecorderIsBoundedInAll(t *testing.T) {
	server := served(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat("x", 400)) })
	r := &Recorder{MaxTotal: 1000}
	for range 4 {
		if _, err := ask(t, r.Transport(http.DefaultTransport), "GET", server.URL, ""); err != nil {
			t.Fatal(err)
		}
	}

	for i, e := range r.Exchanges() {
		if want := i >= 2; (e.Response.Cut == "the recording is full") != want {
			t.Errorf("%d: %+v", i, e.Response.Cut)
		}
	}
}

func TestRecorderIsSafeForConcurrentUse(t *testing.T) {
	server := served(t, func(w http.ResponseWriter, request *http.Request) {
		if _, err := io.Copy(w, request.Body); err != nil {
			t.Error(err)
		}
	})

	r := &Recorder{}
	r.Case("many", "", "")
	through := r.Transport(http.DefaultTransport)

	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			if got, err := ask(t, through, "POST", server.URL+fmt.Sprintf("/%d", i), fmt.Sprint(i)); err != nil || got != fmt.Sprint(i) {
				t.Errorf("%s, %v", got, err)
			}
			r.Exchanges()
		})
	}

	all.Wait()

	names := map[string]bool{}
	for i, e := range r.Exchanges() {
		names[e.Case] = true
		if e.Seq != i+1 || "/"+string(e.Response.Body.Bytes()) != e.Request.Path || string(e.Request.Body.Bytes()) != string(e.Response.Body.Bytes()) {
			t.Errorf("%d: %+v", i, e)
		}
	}

	if len(names) != 40 {
		t.Errorf("%d names of 40 exchanges", len(names))
	}
}

// A recording with something left in it is not written at all.
func TestSaveWritesAllOrNothing(t *testing.T) {
	const planted = "pl4ntedSecr3t"
	server := served(t, func(w http.ResponseWriter, request *http.Request) {
		if request.URL.Path == "/bad" {
			w.Header()["X-Ratelimit-"+planted] = []string{"1"} // the scrubber does not change the name of a header
		}
		io.WriteString(w, planted)
	})
	for path, good := range map[string]bool{"/good": true, "/bad": false} {
		r := &Recorder{}
		for _, one := range []string{"/good", path} {
			if _, err := ask(t, r.Transport(http.DefaultTransport), "GET", server.URL+one, ""); err != nil {
				t.Fatal(err)
			}
		}

		var file bytes.Buffer
		err := r.Save(&file, scrubber(t, Scrub{Secrets: []string{planted}}))
		if (err == nil) != good || (file.Len() > 0) != good {
			t.Errorf("%s: %v, %d bytes", path, err, file.Len())
		}

		if err != nil && (!errors.Is(err, errSecretLeft) || strings.Contains(err.Error(), planted)) {
			t.Error(err)
		}

		if strings.Contains(strings.ToLower(file.String()), strings.ToLower(planted)) {
			t.Errorf("%s: %s", path, file.String())
		}

		if again, err := Read(&file); good && (err != nil || len(again) != 2) {
			t.Errorf("%d exchanges are read, %v", len(again), err)
		}
	}
}

// An answer on a connection that the handler took over is noted with its own
// reason phrase.
func TestRecorderNotesATakenConnection(t *testing.T) {
	for name, test := range map[string]struct {
		written string
		want    Response
	}{
		"words":   {"HTTP/1.1 401 Valid API token required\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", Response{Status: 401, Reason: "Valid API token required"}},
		"body":    {"HTTP/1.1 404 Gone Away\r\nContent-Length: 2\r\n\r\n{}", Response{Status: 404, Reason: "Gone Away", Body: Body("{}")}},
		"cut":     {"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{}", Response{Status: 200, Reason: "OK", Cut: "the handler broke the answer off, or it is too long"}},
		"nothing": {"", Response{Cut: "the handler wrote no whole answer"}},
	} {
		r := &Recorder{}
		ended := make(chan struct{})
		handler := r.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			conn, buffered, err := http.NewResponseController(w).Hijack()
			if err != nil {
				t.Error(err)

				return
			}

			defer conn.Close()
			if _, err := buffered.WriteString(test.written); err != nil {
				t.Error(err)
			}

			if err := buffered.Flush(); err != nil {
				t.Error(err)
			}
		}))

		server := served(t, func(w http.ResponseWriter, request *http.Request) {
			defer close(ended)
			handler.ServeHTTP(w, request)
		})
		request, err := http.NewRequestWithContext(t.Context(), "POST", server.URL, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}

		response, err := http.DefaultTransport.RoundTrip(request)
		if err == nil {
			response.Body.Close()
		}

		<-ended

		got := r.Exchanges()[0].Response
		if got.Status != test.want.Status || got.Reason != test.want.Reason || got.Cut != test.want.Cut || string(got.Body) != string(test.want.Body) {
			t.Errorf("%s: %+v, want %+v", name, got, test.want)
		}
	}
}
