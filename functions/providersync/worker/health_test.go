package worker

import (
	"encoding/json"
	"testing"
	"time"

	ingest "example.com/integrations/functions/ingest/handler"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
	"example.com/integrations/shared/runs"
	"example.com/integrations/shared/store"

	"github.com/aws/aws-lambda-go/events"
)

const purgeAfter = 30 * 24 * time.Hour

func rejected() error {
	return &failure.Error{Class: failure.Final, Scope: failure.IntegrationScope, Code: "credentials_rejected", Detail: "Bad credentials"}
}

func (w *world) health() domain.Health {
	w.t.Helper()
	v, err := w.sure.View(w.ctx, w.pair, 0)
	w.must(err)
	return v.State.Health(*v.Integration)
}

// change publishes an item event, as the platform does, to the real ingest.
func (w *world) change(id domain.Snowflake, version int64) domain.Item {
	w.t.Helper()
	i := w.item(id, version, nil)
	detail, err := json.Marshal(map[string]any{
		"id": id, "organisation_id": "5", "item_type": "work_item", "formatted_number": i.FormattedNumber, "version": version, "title": i.Title,
		"description": i.Description, "url": "https://example.com/", "state": "open", "status": "new", "labels": []string{}, "updated_at": w.clock.now,
	})
	w.must(err)
	w.event("item.updated", json.RawMessage(detail))

	return i
}

// runs starts runs in the world's table.
func (w *world) runs() *runs.Runs {
	return &runs.Runs{Table: w.sure, Queue: w, Log: w.engine.Log, Now: w.clock.Now, LostAfter: time.Minute}
}

// event publishes an event of the platform to the real ingest.
func (w *world) event(detailType string, detail any) {
	w.t.Helper()
	body, err := json.Marshal(map[string]any{"id": "e", "detail-type": detailType, "source": "platform", "detail": detail})
	w.must(err)
	h := &ingest.Handler{Items: w.sure, Organisations: w.sure, Grants: w.sure, Marks: w.sure, Runs: w.runs(), Log: w.engine.Log, Now: w.clock.Now, PurgeAfter: purgeAfter}
	out, err := h.Handle(w.ctx, events.SQSEvent{Records: []events.SQSMessage{{MessageId: "m", Body: string(body)}}})
	w.must(err)
	if len(out.BatchItemFailures) > 0 {
		w.t.Fatal("the event was not taken")
	}
}

// pass lets everything run for a time, dispatch every minute, and counts the
// provider's calls of each minute. Minutes in which nothing can be due are not
// played.
func (w *world) pass(d time.Duration) (calls []int) {
	w.t.Helper()
	for end := w.clock.now.Add(d); w.clock.now.Before(end); {
		before := w.provider.calls()
		for len(w.queue) > 0 {
			w.must(w.slice())
		}

		calls = append(calls, w.provider.calls()-before)
		w.clock.now = w.clock.now.Add(time.Minute)
		st, err := w.sure.State(w.ctx, 77)
		w.must(err)
		for !w.bus.away && len(w.queue) == 0 && w.clock.now.Before(end) && (st == nil || st.DueAt == 0 || st.DueAt > w.clock.now.UnixMilli()) {
			w.clock.now = w.clock.now.Add(time.Minute)
			calls = append(calls, 0)
		}

		w.must(w.tick())
	}

	return calls
}

func TestRefusedCredentialsPause(t *testing.T) {
	w := newWorld(t)
	first := w.marked(1, 1)
	mustBe(t, "at first", w.health().State, domain.HealthUnknown)
	w.provider.before = func(string, domain.Snowflake) error { return rejected() }
	id := w.start(domain.Incremental)
	w.must(w.slice())
	mustBe(t, "status", w.run(id).Status, domain.Failed)
	h := w.health()
	mustBe(t, "health", h.State, domain.Unhealthy)
	mustBe(t, "reason", *h.Reason, domain.RunError{Code: "credentials_rejected", Detail: "The provider does not accept the credentials.", ProviderMessage: "Bad credentials"})
	mustBe(t, "pause", h.PausedUntil.Sub(w.clock.now), 5*time.Minute)

	// A change meanwhile waits, with the reason and the time.
	second := w.change(2, 1)
	mustBe(t, "messages", len(w.queue), 0)
	st, err := w.sure.State(w.ctx, 77)
	w.must(err)
	mustBe(t, "status of the waiting run", st.Run.Status, domain.Waiting)
	mustBe(t, "why", *st.Run.WaitingReason, "paused")
	mustBe(t, "until", st.Run.WaitingUntil.Equal(*h.PausedUntil), true)

	// It is probed when the time has come, once each, ever more rarely: after
	// 5, 10, 20 … minutes, at most a day.
	calls := w.pass(9 * 24 * time.Hour)
	probes := 0
	last := 0
	longest := 0
	for minute, n := range calls {
		if n > 1 {
			t.Fatalf("%d calls in minute %d", n, minute)
		}

		if n == 1 {
			probes = probes + 1
			longest = max(longest, minute-last)
			last = minute
		}
	}

	if probes < 14 || probes > 20 || longest < 24*60 || longest > 24*60+3 {
		t.Errorf("%d probes in nine days, the longest pause %d minutes", probes, longest)
	}

	mustBe(t, "events of health", len(w.bus.of(outgoing.TypeHealthChanged)), 1)

	// It heals by itself.
	w.provider.before = nil
	w.pass(25 * time.Hour)
	w.exact(first, second)
	mustBe(t, "in the end", w.health().State, domain.Healthy)
	mustBe(t, "events of health", len(w.bus.of(outgoing.TypeHealthChanged)), 2)
}

func TestAManagersProbeDoesNotLengthenThePause(t *testing.T) {
	w := newWorld(t)
	w.marked(1, 1)
	w.provider.before = func(string, domain.Snowflake) error { return rejected() }
	w.start(domain.Incremental)
	w.must(w.slice())
	until := *w.health().PausedUntil
	for n := range 5 { // within five minutes a credential is tried once
		before := w.provider.calls()
		want := 0
		if n == 0 {
			want = 1
		}

		w.start(domain.Incremental)
		w.must(w.slice())
		mustBe(t, "calls of a probe", w.provider.calls()-before, want)
	}

	mustBe(t, "until", w.health().PausedUntil.Equal(until), true)
}

func TestANewConfigurationIsTriedAtOnce(t *testing.T) {
	for name, waiting := range map[string]bool{"with a waiting run": true, "without": false} {
		w := newWorld(t)
		item := w.marked(1, 1)
		w.provider.before = func(string, domain.Snowflake) error { return rejected() }
		w.start(domain.Incremental)
		w.must(w.slice())
		if waiting {
			item = w.change(1, 2)
		}

		w.provider.before = nil
		v, err := w.sure.View(w.ctx, w.pair, 0)
		w.must(err)
		_, err = w.sure.UpdateIntegration(w.ctx, v, store.Change{Enabled: true, Configuration: `{}`, TargetHash: "there", ConfigurationChanged: true, ConnectionChanged: true}, w.clock.now)
		w.must(err)
		mustBe(t, name+": health", w.health().State, domain.HealthUnknown)
		w.pass(2 * time.Minute)
		w.exact(item)
		mustBe(t, name+": health", w.health().State, domain.Healthy)
	}
}

// While the provider is away for a day nothing is lost, it is asked at most
// once a minute, and when it is back all is brought there without delay.
func TestADayWithoutTheProvider(t *testing.T) {
	for name, outage := range map[string]struct {
		hours int
		down  func() error
	}{
		"unreachable": {24, func() error {
			return &failure.Error{Class: failure.NotSent, Scope: failure.IntegrationScope, Code: "unreachable"}
		}},
		"no answer": {3, ambiguous},
		"announced": {3, func() error {
			return &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "provider_unavailable", Wait: 30 * time.Second}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			items := map[domain.Snowflake]domain.Item{}
			for id := domain.Snowflake(1); id <= 40; id++ {
				items[id] = w.marked(id, 1)
			}

			w.start(domain.Incremental)
			w.settle()
			away := true
			w.provider.before = func(string, domain.Snowflake) error {
				if away {
					return outage.down()
				}
				w.clock.now = w.clock.now.Add(time.Second)
				return nil
			}

			w.provider.beforePlace = w.provider.before
			w.provider.asked = 0
			var most int
			for hour := range outage.hours {
				for n := range domain.Snowflake(45) { // 1,080 changes of 1,000 items
					id := (domain.Snowflake(hour)*45+n)%1000 + 1
					items[id] = w.marked(id, items[id].Version+1)
				}

				id := domain.Snowflake(hour)*7 + 1
				items[id] = w.change(id, items[id].Version+1)
				for minute, n := range w.pass(time.Hour) {
					if hour+minute > 0 { // the outage itself may take three calls to be seen
						most = max(most, n)
					}
				}
			}

			if most > 1 {
				t.Errorf("%d calls in a minute", most)
			}

			st, err := w.sure.State(w.ctx, 77)
			w.must(err)
			if st.Run == nil || st.Run.Status != domain.Waiting || st.Run.WaitingReason == nil || *st.Run.Remaining == 0 {
				t.Fatalf("%+v", st.Run)
			}

			away = false
			back := w.clock.now
			w.settle()
			var all []domain.Item
			for _, i := range items {
				all = append(all, i)
			}

			w.exact(all...)
			// At a second a call the backlog of some thousand items takes as many seconds.
			ideal := time.Duration(len(all)) * time.Second
			if took := w.clock.now.Sub(back); took > ideal*12/10 && outage.hours == 24 {
				t.Errorf("%d items took %s, ideal %s", len(all), took, ideal)
			} else {
				t.Logf("%d items took %s after the outage, ideal %s: %.2f", len(all), took, ideal, took.Seconds()/ideal.Seconds())
			}
		})
	}
}

// A token that may read and not write is refused: each further refusal doubles
// the pause, and the reads in between make nobody well.
func TestATokenThatMayOnlyRead(t *testing.T) {
	w := newWorld(t)
	w.pulling("linked")
	item := w.marked(1, 1)
	refused := 0
	w.provider.before = func(step string, _ domain.Snowflake) error {
		if step == "create" {
			refused++
			return &failure.Error{Class: failure.Final, Scope: failure.IntegrationScope, Code: "forbidden"}
		}
		return nil
	}

	w.start(domain.Incremental)
	w.pass(day * time.Minute)
	if refused > 9 {
		t.Errorf("refused %d times in a day", refused)
	}

	mustBe(t, "health", w.health().State, domain.Unhealthy)
	mustBe(t, "events of health", len(w.bus.of(outgoing.TypeHealthChanged)), 1)
	w.provider.before = nil
	w.pass(day * time.Minute)
	w.exact(item)
	mustBe(t, "health in the end", w.health().State, domain.Healthy)
	mustBe(t, "events of health in the end", len(w.bus.of(outgoing.TypeHealthChanged)), 2)
}

// Credentials that are replaced while the old ones are being refused.
func TestNewCredentialsWhileTheOldAreRefused(t *testing.T) {
	w := newWorld(t)
	item := w.marked(1, 1)
	changed := false
	w.provider.before = func(string, domain.Snowflake) error {
		if changed {
			return nil
		}

		changed = true
		w.reconfigure(store.Change{Enabled: true, Configuration: `{}`, TargetHash: "there", ConfigurationChanged: true, ConnectionChanged: true})
		return rejected()
	}

	w.start(domain.Incremental)
	w.minutes(2)
	w.exact(item)
}
