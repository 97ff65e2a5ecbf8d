package worker

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
)

// digestItems are so many that a chat gets a digest of them.
const digestItems = digestOver + 4

// A digest is a write too. Refused for what an item in it is called, it leaves
// without names: all arrive in the same run, and the integration stays healthy.
// Where that one is refused as well it is about no item: the integration pauses,
// each row names status and words, nothing is given up, and after each pause one
// digest tries the provider. Once it is taken, one message names all items.
func TestHistoriesOfARefusedDigest(t *testing.T) {
	for n, p := range places() {
		if !p.chat {
			continue // a tracker has an object for each item
		}

		a := p.aboutOneItem()[n%5]
		t.Run(p.name+"/"+a.name, func(t *testing.T) {
			h := newScene(t, p)
			h.namesRefused(a)
			pauses := 1
			if p.name == "slack" {
				pauses = len(retryPauses) + 1 // more than an item has attempts
			}

			h.allDigestsRefused(a, pauses)
		})
	}
}

// namesRefused has a chat refuse whatever names an item: two items, a digest, and
// one more item. The digest without names was accepted between them, so that the
// third item does not pause the integration.
func (h *scene) namesRefused(a reply) {
	h.t.Helper()
	h.wall.set(func(_ *http.Request, item domain.Snowflake) *reply {
		if item == 0 {
			return nil
		}
		return &a
	})

	h.put(1, 1, domain.Open)
	h.put(2, 1, domain.Open)
	mustBe(h.t, "two items: status", h.sync(domain.Incremental).Status, domain.Partial)

	h.digest(2)
	run := h.sync(domain.Incremental)
	mustBe(h.t, "status", run.Status, domain.Succeeded)
	mustBe(h.t, "arrived", run.Counts.Created, digestItems)
	mustBe(h.t, "refused", len(h.wall.requests()), 3)
	mustBe(h.t, "messages", len(h.shown()), 1)
	h.noMarks()

	h.put(digestItems+1, 1, domain.Open)
	mustBe(h.t, "one more item: status", h.sync(domain.Incremental).Status, domain.Partial)
	mustBe(h.t, "changes of health", len(h.bus.of(outgoing.TypeHealthChanged)), 0)
	h.wall.set(nil)
	h.clock.now = h.clock.now.Add(2 * time.Minute)
	h.sync(domain.Incremental)
	h.noMarks()
}

// allDigestsRefused has a chat refuse a digest whatever it says, and take it
// after so many pauses.
func (h *scene) allDigestsRefused(a reply, pauses int) {
	h.t.Helper()
	h.digest(3)
	h.wall.set(func(*http.Request, domain.Snowflake) *reply { return &a })
	before := len(h.shown())
	id := h.start(domain.Incremental)
	h.must(h.slice())
	run := h.run(id)
	mustBe(h.t, "all refused: status", run.Status, domain.Failed)
	if run.Error == nil {
		h.t.Fatal("all refused: no error")
	}

	mustBe(h.t, "all refused: code", run.Error.Code, writesRefused)
	h.named("all refused: the run", run.Error.ProviderMessage, a)
	mustBe(h.t, "all refused: changes of health", len(h.bus.of(outgoing.TypeHealthChanged)), 1)
	for id := domain.Snowflake(1); id <= digestItems; id++ {
		row := h.ledger(id)
		mustBe(h.t, fmt.Sprint("all refused: outcome of item ", id), row.Outcome, domain.FailedOut)
		if row.Reason == nil {
			h.t.Fatalf("item %d has no reason", id)
		}

		h.named(fmt.Sprint("all refused: row ", id), *row.Reason, a)
	}

	h.probes(pauses)
	_, givenUp, err := h.sure.Backlog(h.ctx, 77, h.state().Target.Key)
	h.must(err)
	mustBe(h.t, "all refused: given up", givenUp, 0)
	h.marksLeft(digestItems)

	h.wall.set(nil)
	h.pass(26 * time.Hour)
	mustBe(h.t, "once it is taken: health", h.state().Condition.State, domain.Healthy)
	mustBe(h.t, "once it is taken: messages", len(h.shown())-before, 1)
	usage, err := h.sure.Usage(h.ctx, h.credential)
	h.must(err)
	mustBe(h.t, "once it is taken: refusals of the credential", len(usage.Writes), 0)
	h.noMarks()
}

// probes lets pauses pass until so many writes have tried the provider. Each
// pause is followed by at most one.
func (h *scene) probes(n int) {
	h.t.Helper()
	probed := 0
	for range 10 * n {
		before := len(h.wall.requests())
		h.pass(max(time.UnixMilli(h.state().Condition.PausedUntil).Sub(h.clock.now), 0) + 2*time.Minute)
		sent := len(h.wall.requests()) - before
		if sent > 1 {
			h.t.Errorf("a pause is followed by %d writes", sent)
		}

		if probed += sent; probed >= n {
			return
		}
	}

	h.t.Errorf("the provider was tried %d times", probed)
}

// digest marks as many items as a digest names.
func (h *scene) digest(version int64) {
	for id := domain.Snowflake(1); id <= digestItems; id++ {
		h.put(id, version, domain.Open)
	}
}

// A digest that is taken after a pause makes the integration healthy, though an
// item of the same run still waits for its next attempt.
func TestADigestThatIsTakenEndsAPause(t *testing.T) {
	w, r := chatting(t, "edits, asked")
	w.told(1, 1, nil)
	w.sync(domain.Incremental)
	r.before = func(call string, _ domain.Snowflake) error {
		if call == "update" {
			return refusedItem()
		}
		return nil
	}

	w.told(1, 2, func(i *domain.Item) { i.Title = "changed" })
	w.start(domain.Incremental)
	w.pass(25 * time.Minute) // its fourth attempt was refused, the next one is an hour away

	r.before = func(string, domain.Snowflake) error { return refusedItem() }
	for id := domain.Snowflake(2); id <= digestItems; id++ {
		w.told(id, 1, nil)
	}

	w.sync(domain.Incremental)
	mustBe(t, "health", w.state().Condition.State, domain.Unhealthy)

	r.before = nil
	w.pass(10 * time.Minute)
	mustBe(t, "digests", len(r.digests()), 1)
	mustBe(t, "outcome of the item that waits", w.link(1).Outcome, domain.FailedOut)
	mustBe(t, "health", w.state().Condition.State, domain.Healthy)
}

// A digest that is taken is recorded before what is known of the credential: a
// worker that dies between the two leaves no item in doubt.
func TestATakenDigestIsRecordedFirst(t *testing.T) {
	w, r := chatting(t, "edits, not asked")
	r.before = func(string, domain.Snowflake) error { return refusedItem() }
	for id := domain.Snowflake(1); id <= digestItems; id++ {
		w.told(id, 1, nil)
	}

	w.sync(domain.Incremental)
	mustBe(t, "health", w.state().Condition.State, domain.Unhealthy)

	r.before = nil
	r.after = func(string, domain.Snowflake) error {
		r.after = nil
		w.wire.reset(2, false)
		return nil
	}

	w.clock.now = w.clock.now.Add(10 * time.Minute)
	w.must(w.tick())
	for len(w.queue) > 0 && r.after != nil {
		_ = w.slice()
	}

	w.wire.reset(0, false)
	w.clock.now = w.clock.now.Add(2 * invocationTime)
	w.must(w.tick())
	w.pass(2 * time.Hour)
	mustBe(t, "digests", len(r.digests()), 1)
	mustBe(t, "outcome", w.link(1).Outcome, domain.Created)
}
