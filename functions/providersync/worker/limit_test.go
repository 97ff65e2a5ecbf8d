package worker

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	fake "example.com/integrations/local/providers/github"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/github"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/limits"
	"example.com/integrations/shared/store"
)

// A hub is GitHub's fake server with its published limits, on the virtual clock.
type hub struct {
	*fake.Server
	conn              *timed
	answered, limited int
}

// timed is the real connector, each of whose calls takes a while.
type timed struct {
	*github.Connector
	clock *clock
}

const callTime = 300 * time.Millisecond

func (c *timed) Create(ctx context.Context, content connector.Content, m connector.Marker) (connector.Written, error) {
	defer c.clock.Sleep(ctx, callTime)
	return c.Connector.Create(ctx, content, m)
}

func (c *timed) Update(ctx context.Context, sent connector.Sent, content connector.Content, m connector.Marker) (connector.Written, error) {
	defer c.clock.Sleep(ctx, callTime)
	return c.Connector.Update(ctx, sent, content, m)
}

func newHub(t *testing.T, w *world) *hub {
	t.Helper()
	h := &hub{}
	token := "a-token-of-the-test"
	var err error
	h.Server, err = fake.Open(fake.Config{
		Dir: t.TempDir(), Limits: true, Now: w.clock.Now, Tokens: map[string]string{token: "sync-bot"},
		Repositories: []fake.Repository{{Owner: "acme", Name: "work", PullRequests: 3}},
	})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(func() { _ = h.Close() })
	api := http.StripPrefix("/api/v3", h.API())
	client := connectortest.Serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		recorded := &statusWriter{ResponseWriter: rw}
		api.ServeHTTP(recorded, r)
		h.answered++
		if recorded.status == http.StatusForbidden || recorded.status == http.StatusTooManyRequests {
			h.limited++
		}
	}), token)

	h.conn = &timed{github.New(github.Config{Owner: "acme", Repo: "work", Token: token, BaseURL: "https://" + connectortest.Host + "/api/v3", Labels: true}, client, w.clock.Now), w.clock}
	w.engine.Open = func(context.Context, store.View) (Opened, error) {
		return Opened{Connector: h.conn, Credential: w.credential, Limits: w.limits}, nil
	}

	return h
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (s *statusWriter) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// A sample is what the API says of a run at a time.
type sample struct {
	at       time.Time
	left     int
	estimate *time.Time
}

// follow lets a run go on until it ends, and looks at it as a manager would:
// after each slice, and every minute in between.
func (w *world) follow(id domain.Snowflake) (samples []sample) {
	w.t.Helper()
	for {
		for len(w.queue) > 0 {
			w.must(w.slice())
			run := w.run(id)
			if !run.Status.Active() {
				return samples
			}

			w.explained(run)
			if run.Remaining != nil {
				samples = append(samples, sample{w.clock.now, *run.Remaining, run.EstimatedFinish})
			}
		}

		w.clock.now = w.clock.now.Truncate(time.Minute).Add(time.Minute)
		w.must(w.tick())
	}
}

// explained checks that a run which does not move says why, and until when.
func (w *world) explained(run domain.Run) {
	w.t.Helper()
	switch {
	case run.Status == domain.Queued && len(w.queue) > 0:
	case run.Status != domain.Waiting || run.WaitingUntil == nil || run.WaitingReason == nil || !run.WaitingUntil.After(w.clock.now):
		w.t.Fatalf("nothing moves, and nobody is told why: %+v", run)
	case *run.WaitingReason != "pacing" && *run.WaitingReason != "rate_limited":
		w.t.Fatalf("it waits for %s", *run.WaitingReason)
	case run.Remaining == nil || run.EstimatedFinish == nil || run.EstimatedFinish.Before(*run.WaitingUntil):
		w.t.Fatalf("what is left is not told: %+v", run)
	}
}

// limitItems is how many items the test of the published limits sends. 2,000
// take three full hours of GitHub's limit of an hour and the begin of a fourth.
var limitItems = flag.Int("limit-items", 2000, "how many items meet the published limits, a multiple of 500")

// Thousands of new items at GitHub's published limits take hours: 5,000 take
// nine and a half, 2,000 take three. They are kept by pacing, not found out by
// refusals; the estimate is right throughout.
func TestManyNewItemsAtThePublishedLimits(t *testing.T) {
	const closedEvery = 5
	n := *limitItems
	w := newWorld(t)
	w.limits = limits.Published(domain.GitHub, true)
	h := newHub(t, w)
	for id := domain.Snowflake(1); id <= domain.Snowflake(n); id++ {
		w.item(id, 1, func(i *domain.Item) {
			if id%closedEvery == 0 {
				i.State = domain.Closed
			}
		})
	}

	id := w.start(domain.Full)
	began := w.clock.now
	samples := w.follow(id)
	run := w.run(id)
	mustBe(t, "status", run.Status, domain.Succeeded)
	mustBe(t, "counts", run.Counts, domain.Counts{Created: n})
	took := run.FinishedAt.Sub(began)
	// 500 an hour: full hours, and then the last 500 with their closes, a second each.
	ideal := time.Duration(n/500-1)*time.Hour + (500+500/closedEvery)*time.Second
	goodput := ideal.Seconds() / took.Seconds()
	if share := float64(h.limited) / float64(h.answered); share > 0.001 {
		t.Errorf("%d of %d answers were refusals", h.limited, h.answered)
	}

	if goodput < 0.95 {
		t.Errorf("took %s, ideal %s: %.3f", took, ideal, goodput)
	}

	var curve strings.Builder
	worst := 0.0
	for i, s := range samples {
		if s.estimate == nil {
			t.Fatalf("no estimate with %d left", s.left)
		}

		off := s.estimate.Sub(*run.FinishedAt).Abs()
		rest := run.FinishedAt.Sub(s.at)
		if share := off.Seconds() / max(rest.Seconds(), 60); share > worst {
			worst = share
		}

		if i%(max(len(samples)/20, 1)) == 0 {
			fmt.Fprintf(&curve, "\n%8s  %5d left  estimate off by %5s of %s", s.at.Sub(began).Round(time.Minute), s.left, off.Round(time.Second), rest.Round(time.Minute))
		}
	}

	if worst > 0.10 {
		t.Errorf("the estimate is off by %.0f %% of what is left", 100*worst)
	}

	t.Logf("%d answers, %d refusals; took %s, ideal %s, goodput %.1f %%; estimate off by at most %.1f %% of what was left%s",
		h.answered, h.limited, took.Round(time.Second), ideal, 100*goodput, 100*worst, curve.String())
}

// Two integrations with one credential share its limits.
func TestOneCredentialHasOneLimit(t *testing.T) {
	w := newWorld(t)
	w.limits = limits.Limits{Gap: time.Second}
	usage, err := w.sure.Usage(w.ctx, w.credential)
	w.must(err)
	usage.Free = w.clock.now.Add(9 * time.Second).UnixMilli() // the other one has just reserved
	_, err = w.sure.PutUsage(w.ctx, w.credential, usage, w.clock.now)
	w.must(err)
	w.marked(1, 1)
	var at time.Duration
	began := w.clock.now
	w.provider.before = func(string, domain.Snowflake) error {
		at = w.clock.now.Sub(began)
		return nil
	}
	w.start(domain.Incremental)
	w.settle()
	mustBe(t, "the first call", at, 9*time.Second)
}

// A provider that does not say how long it wants to be left alone is left alone
// for twice as long each time, by all who use the credential.
func TestUntoldLimitsDouble(t *testing.T) {
	w := newWorld(t)
	item := w.marked(1, 1)
	var asked []time.Duration
	began := w.clock.now
	refuse := true
	w.provider.before = func(string, domain.Snowflake) error {
		asked = append(asked, w.clock.now.Sub(began).Round(time.Minute))
		if refuse {
			return &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "rate_limited", Wait: time.Minute, NoRetryAfter: true}
		}
		return nil
	}

	w.start(domain.Incremental)
	w.pass(2 * time.Hour)
	mustBe(t, "asked after", fmt.Sprint(asked), "[0s 1m0s 3m0s 7m0s 15m0s 31m0s 1h3m0s]")
	row := w.row(1)
	mustBe(t, "outcome", row.Outcome, domain.Deferred)
	mustBe(t, "reason", *row.Reason, "rate_limited")
	refuse = false
	w.settle()
	w.exact(item)
	usage, err := w.sure.Usage(w.ctx, w.credential)
	w.must(err)
	mustBe(t, "strikes after a success", usage.Strikes, 0)
}

// Within a page, too, the API tells what was done, what is left and when it
// will be done.
func TestProgressWithinAPage(t *testing.T) {
	w := newWorld(t)
	w.limits = limits.Limits{Gap: time.Second}
	const n = 40
	for id := domain.Snowflake(1); id <= domain.Snowflake(n); id++ {
		w.marked(id, 1)
	}

	id := w.start(domain.Incremental)
	calls := 0
	w.provider.before = func(string, domain.Snowflake) error {
		if calls++; calls%10 != 0 {
			return nil
		}

		run := w.run(id)
		left := n - calls + 1
		mustBe(t, "created", run.Counts.Created, calls-1)
		mustBe(t, "left", *run.Remaining, left)
		if run.EstimatedFinish == nil || run.EstimatedFinish.Sub(w.clock.now.Add(time.Duration(left)*time.Second)).Abs() > 3*time.Second {
			t.Errorf("with %d left at %s the estimate is %v", left, w.clock.now, run.EstimatedFinish)
		}

		return nil
	}

	w.settle()
	mustBe(t, "status", w.run(id).Status, domain.Succeeded)
}

// What arrives while the run goes on counts as left as soon as it is met.
func TestWhatArrivesMeanwhileIsLeft(t *testing.T) {
	w := newWorld(t)
	w.limits = limits.Limits{Gap: time.Second}
	const before, after = 60, 200
	for id := domain.Snowflake(1); id <= before; id++ {
		w.marked(id, 1)
	}

	id := w.start(domain.Incremental)
	calls := 0
	w.provider.before = func(string, domain.Snowflake) error {
		if calls++; calls == 1 {
			for id := domain.Snowflake(before + 1); id <= before+after; id++ {
				w.marked(id, 1)
			}
			w.must(w.sure.Signal(w.ctx, 77))
		}

		if run := w.run(id); calls > 2*pushPage && run.Status.Active() {
			mustBe(t, "left", *run.Remaining, before+after-calls+1)
		}

		return nil
	}

	w.settle()
	mustBe(t, "calls", calls, before+after)
	mustBe(t, "counts", w.run(id).Counts, domain.Counts{Created: before + after})
}
