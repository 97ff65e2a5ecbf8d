package worker

import (
	"fmt"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// passing is a failure of the server that may pass.
func passing(code string) *failure.Error {
	return &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: code, Status: 503}
}

// A transferred is a provider that answers a read of one object with another one,
// as a redirect to another repository can.
type transferred struct {
	*provider
	from, to int
}

func (p transferred) Read(ctx ctx, remote domain.Remote) (connector.Object, error) {
	if remote.ID != fmt.Sprint(p.from) {
		return p.provider.Read(ctx, remote)
	}

	o := *p.objects[p.from]
	o.content.Body += " moved"

	return o.shown(p.remote(p.to)), nil
}

// An object that is another one now is left alone, and so is the one in its place.
func TestAnotherObjectInItsPlaceWhileThePullIsStalled(t *testing.T) {
	w := listless(t)
	w.change(1, 2)
	w.pass(5 * time.Minute)
	w.engine.Open = func(ctx, store.View) (Opened, error) {
		return Opened{Connector: transferred{w.provider, 1, 0}, Credential: w.credential, Limits: w.limits}, nil
	}
	before := w.provider.objects[0].content
	updates := w.provider.updates
	w.change(2, 2)
	w.pass(10 * time.Minute)

	mustBe(t, "the other object", w.provider.objects[0].content.Title, before.Title)
	mustBe(t, "updates", w.provider.updates, updates)
	if row := w.row(2); row.Reason == nil || (*row.Reason)[:len("remote_moved")] != "remote_moved" {
		t.Errorf("%+v", row)
	}
}

// An unanswered create needs a list. While none can be had, it alone waits.
func TestAnUnansweredCreateWithoutLists(t *testing.T) {
	for _, pull := range []string{"all", "off"} {
		w, _ := synced(t, 3)
		w.pulling(pull)
		lost := false
		w.provider.after = func(call string, item domain.Snowflake) error {
			if call == "create" && item == 4 && !lost {
				lost = true
				return ambiguous()
			}

			return nil
		}

		w.provider.before = func(call string, _ domain.Snowflake) error {
			if call == "changes" || call == "find" {
				return unreadable()
			}

			return nil
		}

		w.change(1, 2)
		w.pass(5 * time.Minute)
		w.change(4, 1)
		w.change(5, 1)
		w.pass(10 * time.Minute)
		w.change(6, 1)
		sent := w.change(2, 2)
		w.pass(time.Hour)
		mustBe(t, pull+": objects of item 6", len(w.provider.byItem()[6]), 1)
		mustBe(t, pull+": item 2", w.provider.byItem()[2][0].content.Body, sent.Description)

		w.provider.before = nil
		w.pass(3 * time.Hour)
		for id := domain.Snowflake(4); id <= 6; id++ {
			mustBe(t, fmt.Sprint(pull, ": objects of item ", id), len(w.provider.byItem()[id]), 1)
		}
	}
}

// Where nothing is pulled, no list is needed to find out whether the provider is
// up.
func TestListsAreNotNeededWithoutAPull(t *testing.T) {
	for name, failure := range map[string]error{"no answer": ambiguous(), "a failure": passing("provider_unavailable")} {
		w, _ := synced(t, 3)
		w.pulling("off")
		w.start(domain.Full)
		w.settle()
		fails := 3
		w.provider.before = func(call string, item domain.Snowflake) error {
			if call == "changes" {
				return unreadable()
			}

			if call == "update" && item == 1 && fails > 0 {
				fails--
				return failure
			}

			return nil
		}

		w.change(1, 2)
		want := w.change(2, 2)
		w.pass(time.Hour)
		mustBe(t, name+": item 2", w.provider.byItem()[2][0].content.Body, want.Description)
		w.change(4, 1)
		w.pass(time.Hour)
		mustBe(t, name+": objects of item 4", len(w.provider.byItem()[4]), 1)
	}
}

// A list that takes as long as a slice, or that names a wait of hours, holds
// pushes back for one slice.
func TestAListThatTakesItsTime(t *testing.T) {
	for name, list := range map[string]struct {
		takes time.Duration
		says  time.Duration
	}{"a while": {15 * time.Second, 0}, "half a slice": {25 * time.Second, 0}, "a slice": {61 * time.Second, 0}, "it says so": {0, 6 * time.Hour}} {
		w, _ := synced(t, 3)
		lists := 0
		w.provider.before = func(call string, _ domain.Snowflake) error {
			if call != "changes" {
				return nil
			}

			lists++
			w.clock.now = w.clock.now.Add(list.takes)
			e := passing("provider_unavailable")
			e.Wait = list.says

			return e
		}

		want := w.change(2, 2)
		w.pass(15 * time.Minute)
		mustBe(t, name+": item 2", w.provider.byItem()[2][0].content.Body, want.Description)
		if list.says > 0 {
			mustBe(t, name+": lists", lists, 1)
		}

		want = w.change(3, 2)
		w.pass(15 * time.Minute)
		mustBe(t, name+": item 3", w.provider.byItem()[3][0].content.Body, want.Description)
		if st := w.state(); st.Run != nil && st.Run.Run.Status != domain.Queued {
			t.Errorf("%s: the run goes on: %+v", name, st.Run.Run)
		}
	}
}

// A place that calls name by its id goes on when its old spelling leads nowhere.
func TestASpellingThatLeadsNowhereWhileThePullIsStalled(t *testing.T) {
	w := listless(t)
	w.change(1, 2)
	w.pass(5 * time.Minute)
	w.provider.unresolved = &failure.Error{Class: failure.Final, Scope: failure.IntegrationScope, Code: targetNotFound}
	want := w.change(2, 2)
	w.pass(time.Hour)
	mustBe(t, "item 2", w.provider.byItem()[2][0].content.Body, want.Description)
	mustBe(t, "health", w.health().State, domain.Healthy)
}

// An item that is always answered with a rate limit stops no other.
func TestOneItemIsAlwaysLimited(t *testing.T) {
	w, _ := synced(t, 3)
	w.provider.before = func(call string, item domain.Snowflake) error {
		if call == "update" && item == 1 {
			return &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: rateLimited, Status: 429, Wait: time.Minute, NoRetryAfter: true}
		}

		return nil
	}

	w.change(1, 2)
	want := w.change(2, 2)
	w.pass(time.Hour)
	mustBe(t, "item 2", w.provider.byItem()[2][0].content.Body, want.Description)
}

// A read that is refused is no refused write.
func TestRefusedReadsPauseNothing(t *testing.T) {
	for code, scope := range map[string]failure.Scope{"answer_too_large": failure.IntegrationScope, "rejected": failure.ItemScope} {
		w := listless(t)
		w.change(1, 2)
		w.pass(5 * time.Minute)
		lists := w.provider.before
		w.provider.before = func(call string, item domain.Snowflake) error {
			if call == "read" {
				return &failure.Error{Class: failure.Final, Scope: scope, Code: code}
			}

			return lists(call, item)
		}

		updates := w.provider.updates
		for id := domain.Snowflake(1); id <= 3; id++ {
			w.change(id, 3)
		}

		w.pass(5 * time.Minute)
		mustBe(t, code+": health", w.health().State, domain.Healthy)
		w.change(4, 1)
		w.pass(10 * time.Minute)
		mustBe(t, code+": health", w.health().State, domain.Healthy)
		mustBe(t, code+": updates", w.provider.updates, updates)
		mustBe(t, code+": objects of a new item", len(w.provider.byItem()[4]), 1)
	}
}

// An outage that begins between two updates is found with three reads of objects
// and one of the place.
func TestAnOutageBetweenUpdatesWhileThePullIsStalled(t *testing.T) {
	w, _ := synced(t, 20)
	away := false
	w.provider.before = func(call string, _ domain.Snowflake) error {
		if away || call == "changes" {
			return passing("provider_unavailable")
		}

		away = call == "read"
		if away {
			return passing("provider_unavailable")
		}

		return nil
	}

	w.provider.beforePlace = func(string, domain.Snowflake) error {
		if away {
			return passing("provider_unavailable")
		}

		return nil
	}
	for id := domain.Snowflake(1); id <= 20; id++ {
		w.change(id, 2)
	}

	w.must(w.slice()) // the list cannot be had
	w.clock.now = w.clock.now.Add(2 * time.Minute)
	w.must(w.tick())
	reads := w.provider.reads
	for len(w.queue) > 0 {
		w.must(w.slice())
	}

	mustBe(t, "reads", w.provider.reads-reads, outagesInARow)
	mustBe(t, "the run waits", w.state().Run.Run.Status, domain.Waiting)

	away = false
	w.provider.before = nil
	w.provider.beforePlace = nil
	w.pass(2 * time.Hour)
	for id, objects := range w.provider.byItem() {
		mustBe(t, fmt.Sprint("item ", id), objects[0].content.Body, "version 2")
	}
}

// Each outage has its sentence, with status and words of the answer.
func TestTroubleOf(t *testing.T) {
	for code := range outages {
		got := troubleOf(&failure.Error{Code: code, Status: 503, Detail: "Service unavailable"})
		if got.Detail == otherOutage || got.ProviderMessage != "503 Service unavailable" {
			t.Errorf("%s: %+v", code, got)
		}
	}

	for want, e := range map[string]*failure.Error{
		"":                          {Code: "unreachable"},
		"503":                       {Code: "provider_unavailable", Status: 503},
		"403 text/html \"Blocked\"": {Code: "provider_unavailable", Status: 403, Detail: "403 text/html \"Blocked\""},
	} {
		mustBe(t, "words", troubleOf(e).ProviderMessage, want)
	}

	mustBe(t, "another code", troubleOf(&failure.Error{Code: "other"}).Detail, otherOutage)
}
