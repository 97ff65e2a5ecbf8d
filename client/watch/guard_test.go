package watch

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"example.com/integrations/client"
)

// What answers but is not the API is not taken for a sync that has ended.
func TestAnotherServer(t *testing.T) {
	for _, answer := range []string{"{}", "null", `{"message":"hello"}`} {
		s := &script{t: t, answers: []any{answer}}
		var refused *client.Problem
		if run, err := s.follow(0, "9"); run != nil || !errors.As(err, &refused) || refused.Code != "not_a_sync" {
			t.Errorf("%s: %v %v", answer, run, err)
		}
	}
}

// Why there is no answer, and when the next question comes, is what a short
// line has room for; and an answer after a failure is shown.
func TestNoAnswer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}

	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}

	var out strings.Builder
	now := start
	asked := 0
	transport := func(r *http.Request) (*http.Response, error) {
		if asked++; asked == 2 {
			return http.DefaultTransport.RoundTrip(r)
		}

		body := `{"id":"9","integration_id":"7","organisation_id":"5","status":"running"}`
		if asked == 4 {
			body = strings.Replace(body, "running", "succeeded", 1)
		}

		w := httptest.NewRecorder()
		_, _ = w.WriteString(body)

		return w.Result(), nil
	}

	w := &Watcher{Client: dial(t, "http://"+address, trip(transport)), Out: &out, Now: func() time.Time { return now },
		Sleep: func(_ context.Context, d time.Duration) error { now = now.Add(d); return nil }}
	if _, err := w.Follow(t.Context(), "7", "9"); err != nil {
		t.Fatal(err)
	}

	want := "10:00:00  running\n" +
		"10:00:01  the API does not answer; asking again in 1.0 s (dial tcp " + address + ": connect: connection refused)\n" +
		"10:00:02  running\n" +
		"10:00:03  succeeded: there was nothing to do\n"
	if out.String() != want {
		t.Errorf("\n%s, want\n%s", out.String(), want)
	}
}

type trip func(*http.Request) (*http.Response, error)

func (f trip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A user who stops in the middle of a request sees no error.
func TestLeavingInAQuestion(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	defer server.Close()
	var out strings.Builder
	w := &Watcher{Client: dial(t, server.URL, nil), Out: &out, Now: time.Now, Sleep: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
	if _, err := w.Follow(ctx, "7", "9"); !errors.Is(err, context.Canceled) || out.Len() > 0 {
		t.Errorf("%v %q", err, out.String())
	}
}

// Ids come from a command line: they lead nowhere else, and no answer is
// read without end.
func TestQuestions(t *testing.T) {
	s := &script{t: t, answers: []any{`{"active_run":null}`, `{"items":[]}`}}
	_, _ = s.follow(0, "")
	if s.asked[1] != "/integrations/7/syncs?limit=1" {
		t.Error(s.asked)
	}

	var paths []string
	huge := strings.Repeat(" ", 8<<20)
	w := &Watcher{Out: &strings.Builder{}, Now: time.Now, Sleep: func(context.Context, time.Duration) error { return context.Canceled },
		Client: dial(t, "http://127.0.0.1", trip(func(r *http.Request) (*http.Response, error) {
			paths = append(paths, r.URL.EscapedPath())
			w := httptest.NewRecorder()
			_, _ = w.WriteString(huge + `{"id":"9","integration_id":"7","organisation_id":"5","status":"succeeded"}`)
			return w.Result(), nil
		}))}
	if run, err := w.Follow(t.Context(), "a/b?c", "d/e?f"); run != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("a huge answer was read: %v %v", run, err)
	}

	if paths[0] != "/integrations/a%2Fb%3Fc/syncs/d%2Fe%3Ff" {
		t.Error(paths)
	}
}

// A provider's words are in the lines: they do not steer the terminal, in the
// line that is drawn anew and in the one that stays, and the line leaves the
// last column free, or the terminal goes on to the next.
func TestATerminalIsNotSteered(t *testing.T) {
	why := "x\x1b[2J\x07" + strings.Repeat("y", 80)
	until := start
	evil := finished(client.Failed, 0)
	evil.Error = &client.Reason{Code: "c", Detail: "d\x1b]0;title\x07\r\ne"}
	s := &script{t: t, answers: []any{runOf(func(r *client.Run) {
		r.Status = client.Waiting
		r.WaitingReason = &why
		r.WaitingUntil = &until
	}), evil}}
	if _, err := s.follow(72, "9"); err != nil {
		t.Fatal(err)
	}

	first, rest, _ := strings.Cut(strings.TrimPrefix(s.out.String(), "\r"), "\x1b[K")
	if strings.ContainsAny(first, "\x1b\x07") || len([]rune(first)) != 71 {
		t.Errorf("%d columns: %q", len([]rune(first)), first)
	}

	if rest != "\r\x1b[Kfailed after 1 min 5 s\nc: d ]0;title   e\n" {
		t.Errorf("%q", rest)
	}

	s = &script{t: t, answers: []any{finished(client.Succeeded, 1)}}
	if _, err := s.follow(72, "9"); err != nil || s.out.String() != "succeeded after 1 min 5 s: created 1\n" {
		t.Errorf("no line was there to clear: %q", s.out.String())
	}
}

func TestTimes(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "0.0 s", 9900 * time.Millisecond: "9.9 s", 59 * time.Second: "59 s", 61*time.Second + 700*time.Millisecond: "1 min 2 s",
		3*time.Hour + 59*time.Minute: "3 h 59 min", 50 * time.Hour: "2 d 2 h",
	} {
		if got := span(d); got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}

	east := time.FixedZone("east", 2*60*60)
	if got := clock(start, start.In(east)); got != "12:00:00" {
		t.Errorf("not the watcher's own time: %s", got)
	}

	left := 0
	if got := progress(runOf(func(r *client.Run) {
		r.Remaining = &left
		r.EstimatedFinish = &start
	}), start).text; got != "running  0 left" {
		t.Errorf("an estimate for nothing: %q", got)
	}
}
