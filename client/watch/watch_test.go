package watch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/rivo/uniseg"

	"example.com/integrations/client"
)

var start = time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)

// dial is a client that reports each failure.
func dial(t *testing.T, address string, transport http.RoundTripper) *client.Client {
	t.Helper()
	c, err := client.New(address, client.Token("T"), client.WithTries(1), client.WithHTTPClient(&http.Client{Transport: transport}))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A script is an API that answers each question with the next of its answers,
// and a clock that moves when somebody sleeps.
type script struct {
	t       *testing.T
	answers []any // a client.Run, a status code, or a text
	asked   []string
	now     time.Time
	stop    context.CancelFunc // at the last answer but one
	out     strings.Builder
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.asked = append(s.asked, r.URL.RequestURI())
	if r.Method != http.MethodGet || r.Header.Get("Authorization") != "Bearer T" {
		s.t.Errorf("%s %v", r.Method, r.Header)
	}

	if len(s.answers) == 0 {
		s.t.Error("asked too often")
		w.WriteHeader(http.StatusForbidden)
		return
	}

	next := s.answers[0]
	s.answers = s.answers[1:]
	switch next := next.(type) {
	case int:
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(next)
		fmt.Fprintf(w, `{"code":"some_code","detail":"Some \u001b[2Jdetail."}`)
	case string:
		fmt.Fprint(w, next)
	default:
		_ = json.NewEncoder(w).Encode(next)
	}
}

func (s *script) follow(columns int, sync string) (*client.Run, error) {
	s.t.Helper()
	server := httptest.NewServer(s)
	s.t.Cleanup(server.Close)
	ctx, cancel := context.WithCancel(s.t.Context())
	defer cancel()
	s.now = start
	w := &Watcher{Client: dial(s.t, server.URL, nil), Out: &s.out, Now: func() time.Time { return s.now },
		Sleep: func(ctx context.Context, d time.Duration) error {
			s.now = s.now.Add(d)
			if s.stop != nil && len(s.answers) == 0 {
				cancel()
			}
			return ctx.Err()
		}}
	if columns > 0 {
		w.Width = func() int { return columns }
	}

	return w.Follow(ctx, "7", sync)
}

func runOf(change func(*client.Run)) client.Run {
	r := client.Run{ID: "9", IntegrationID: "7", OrganisationID: "5", Status: client.Running}
	if change != nil {
		change(&r)
	}
	return r
}

func step(done, left int) client.Run {
	return runOf(func(r *client.Run) {
		r.Counts.Created = done
		r.Remaining = &left
	})
}

func finished(status string, done int) client.Run {
	return runOf(func(r *client.Run) {
		at := start
		until := start.Add(65 * time.Second)
		r.Status = status
		r.Counts.Created = done
		r.StartedAt = &at
		r.FinishedAt = &until
	})
}

// In a terminal there is one line, drawn anew, and at the end what became of it.
func TestInATerminal(t *testing.T) {
	s := &script{t: t, answers: []any{map[string]any{"active_run": step(0, 4)}, step(1, 3), step(4, 0), finished(client.Succeeded, 4)}}
	run, err := s.follow(80, "")
	if err != nil || run.Status != client.Succeeded {
		t.Fatal(run, err)
	}

	want := "\r" + "running  [####............] 25 %  3 left  created 1\x1b[K" +
		"\r" + "running  [################] 100 %  0 left  created 4\x1b[K" +
		"\r\x1b[K" + "succeeded after 1 min 5 s: created 4\n"
	if got := s.out.String(); got != want {
		t.Errorf("\n%q, want\n%q", got, want)
	}

	if got, want := fmt.Sprint(s.asked), "[/integrations/7/status /integrations/7/syncs/9 /integrations/7/syncs/9 /integrations/7/syncs/9]"; got != want {
		t.Errorf("asked %s", got)
	}

	if s.now.Sub(start) != 2*time.Second {
		t.Errorf("asked within %s", s.now.Sub(start))
	}
}

// Elsewhere lines stay: one at once for a new state, and one in ten seconds
// while only numbers change.
func TestInALog(t *testing.T) {
	s := &script{t: t}
	for n := range 25 {
		s.answers = append(s.answers, step(n, 30-n))
	}

	until := start.Add(40 * time.Second)
	why := "pacing"
	s.answers = append(s.answers, runOf(func(r *client.Run) {
		r.Status = client.Waiting
		r.WaitingUntil = &until
		r.WaitingReason = &why
	}),
		runOf(func(r *client.Run) {
			r.Status = client.Waiting
			r.WaitingUntil = &until
			r.WaitingReason = &why
		}), finished(client.Partial, 0))

	run, err := s.follow(0, "9")
	if err != nil || run.Status != client.Partial {
		t.Fatal(run, err)
	}

	want := `10:00:00  running  [................] 0 %  30 left
10:00:10  running  [#####...........] 33 %  20 left  created 10
10:00:20  running  [##########......] 66 %  10 left  created 20
10:00:25  waiting until 10:00:40: keeping to the provider's limits
10:00:27  partial after 1 min 5 s
`
	if got := s.out.String(); got != want {
		t.Errorf("\n%s, want\n%s", got, want)
	}
}

func TestNothingRuns(t *testing.T) {
	ago := func(d time.Duration) map[string]any {
		run := finished(client.Failed, 1)
		began := start.Add(-d - 65*time.Second)
		at := start.Add(-d)
		run.StartedAt = &began
		run.FinishedAt = &at
		return map[string]any{"items": []client.Run{run}}
	}
	for name, c := range map[string]struct {
		answers []any
		want    string
		run     bool
	}{
		"never":     {[]any{`{"active_run":null}`, `{"items":[]}`}, "10:00:00  nothing runs, and nothing was synced yet\n10:00:00  start one: POST /integrations/7/sync\n", false},
		"ended":     {[]any{`{"active_run":null}`, ago(time.Minute)}, "10:00:00  nothing runs; the last sync: failed after 1 min 5 s: created 1\n10:00:00  start one: POST /integrations/7/sync\n", true},
		"a blink":   {[]any{`{"active_run":null}`, ago(59 * time.Second)}, "10:00:00  failed after 1 min 5 s: created 1\n", true},
		"just then": {[]any{`{"active_run":null}`, map[string]any{"items": []client.Run{step(0, 1)}}, finished(client.Succeeded, 1)}, "10:00:00  succeeded after 1 min 5 s: created 1\n", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{t: t, answers: c.answers}
			run, err := s.follow(0, "")
			if err != nil || s.out.String() != c.want || (run != nil) != c.run {
				t.Errorf("%v %v\n%s, want\n%s", run, err, s.out.String(), c.want)
			}
		})
	}
}

// What is refused is told; what is out of order is asked again, as late as the
// API wants.
func TestTrouble(t *testing.T) {
	for _, status := range []int{400, 401, 403, 404} {
		s := &script{t: t, answers: []any{step(0, 1), status}}
		_, err := s.follow(80, "9")
		var refused *client.Problem
		if !errors.As(err, &refused) || refused.Status != status || refused.Code != "some_code" {
			t.Errorf("%d: %v", status, err)
		}

		if !strings.HasSuffix(s.out.String(), "\r\x1b[K") {
			t.Errorf("%d: the line is in the way: %q", status, s.out.String())
		}
	}

	s := &script{t: t, answers: []any{429, 503, "no JSON", "no JSON", "no JSON", "no JSON", step(0, 1), finished(client.Succeeded, 1)}}
	if run, err := s.follow(0, "9"); err != nil || run.Status != client.Succeeded {
		t.Fatal(run, err)
	}

	lines := strings.Split(s.out.String(), "\n")
	for n, at := range []string{"10:00:00", "10:00:07", "10:00:14", "10:00:18", "10:00:26", "10:00:36", "10:00:46"} {
		if !strings.HasPrefix(lines[n], at) {
			t.Errorf("line %d is %q, want it at %s", n, lines[n], at)
		}
	}

	if strings.ContainsRune(s.out.String(), '\x1b') || !strings.Contains(lines[0], "some_code") {
		t.Errorf("%q", lines[0])
	}
}

func TestLeaving(t *testing.T) {
	s := &script{t: t, answers: []any{step(0, 1)}, stop: func() {}}
	if _, err := s.follow(80, "9"); !errors.Is(err, context.Canceled) || !strings.HasSuffix(s.out.String(), "the sync goes on\n") {
		t.Errorf("%v %q", err, s.out.String())
	}
}

func TestLines(t *testing.T) {
	at := func(d time.Duration) *time.Time { at := start.Add(d); return &at }
	text := func(s string) *string { return &s }
	number := func(n int) *int { return &n }
	for name, c := range map[string]struct {
		change func(*client.Run)
		want   string
	}{
		"queued":         {func(r *client.Run) { r.Status = client.Queued }, "queued"},
		"no remaining":   {func(r *client.Run) { r.Counts.Unchanged = 3 }, "running  unchanged 3"},
		"nothing at all": {func(r *client.Run) { r.Remaining = number(0) }, "running  0 left"},
		"all counts": {func(r *client.Run) {
			r.Counts = client.Counts{Created: 1, Updated: 2, Unchanged: 3, Skipped: 4, Failed: 5, Pulled: 6}
		},
			"running  created 1, updated 2, unchanged 3, skipped 4, failed 5, pulled 6"},
		"an estimate": {func(r *client.Run) { r.Remaining, r.EstimatedFinish = number(1), at(9*time.Hour+28*time.Minute) },
			"running  [................] 0 %  1 left  done at about 19:28:00 (in 9 h 28 min)"},
		"waiting with numbers": {func(r *client.Run) {
			r.Status, r.WaitingUntil, r.WaitingReason, r.Remaining, r.Counts.Created, r.EstimatedFinish = client.Waiting, at(time.Minute), text("pacing"), number(3), 1, at(-time.Second)
		}, "waiting until 10:01:00: keeping to the provider's limits  25 %  3 left  created 1  done at about 09:59:59 (any moment)"},
		"tomorrow": {func(r *client.Run) { r.Remaining, r.EstimatedFinish = number(1), at(26*time.Hour) },
			"running  [................] 0 %  1 left  done at about Thu 5 Mar 12:00:00 (in 1 d 2 h)"},
		"overdue": {func(r *client.Run) {
			r.Status, r.WaitingUntil, r.WaitingReason = client.Waiting, at(-time.Second), text("paused")
		},
			"waiting until 09:59:59: the provider refuses what is configured"},
		"another reason": {func(r *client.Run) {
			r.Status, r.WaitingUntil, r.WaitingReason = client.Waiting, at(5*time.Second), text("no_answer")
		},
			"waiting until 10:00:05: the provider is not to be reached (no_answer)"},
		"being cancelled": {func(r *client.Run) { r.CancelRequestedAt = at(0) }, "running, being cancelled"},
		"a dry run":       {func(r *client.Run) { r.DryRun = true }, "dry run running"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := progress(runOf(c.change), start).text; got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}

	failed := finished(client.Failed, 0)
	failed.Error = &client.Reason{Code: "c", Detail: "d"}
	failed.Counts.Failed = 2
	failed.DryRun = true
	if got := fmt.Sprint(strings.Join(ended(failed), "|")); got != "(a dry run) failed after 1 min 5 s: failed 2|c: d|what failed, and why: GET /integrations/7/items?outcome=failed" {
		t.Error(got)
	}

	if got := ended(runOf(func(r *client.Run) { r.Status = client.Succeeded })); got[0] != "succeeded: there was nothing to do" {
		t.Error(got)
	}
}

func TestCut(t *testing.T) {
	for _, text := range []string{"plain text", "äöü", "日本語のテキスト", "👩‍👩‍👧 and more", "e\u0301e\u0301e\u0301e\u0301", ""} {
		for columns := 1; columns < 20; columns++ {
			got := cut(text, columns)
			if uniseg.StringWidth(got) > columns {
				t.Errorf("%q in %d columns: %q", text, columns, got)
			}

			if kept := strings.TrimSuffix(got, "…"); !strings.HasPrefix(text, kept) || uniseg.StringWidth(text) <= columns && got != text {
				t.Errorf("%q in %d columns: %q", text, columns, got)
			}
		}
	}

	if got := cut("e\u0301e\u0301e\u0301", 2); got != "e\u0301…" {
		t.Errorf("%q", got)
	}
}
