package worker

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
)

// digestOver is more than the items of a scene: each gets its own message.
const digestOver = 20

// titleOf is what an item is called in a version.
func titleOf(id domain.Snowflake, version int64) string {
	return fmt.Sprint(nameOf(id), " in form ", version)
}

// moves reports whether a request changes nothing but an issue's state.
func moves(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/transitions") }

// prepare has six items ready for a kind of write: a version of each is marked
// that is to be written.
func (h *scene) prepare(kind string) {
	h.t.Helper()
	h.ids = []domain.Snowflake{1, 2, 3, 4, 5, 6}
	h.version = 1
	h.form = domain.Open
	if kind == "reopen" {
		h.form = domain.Closed
	}

	h.mark()
	if kind == "create" {
		return
	}

	h.start(domain.Incremental)
	h.settle()
	h.noMarks()
	h.linkAll()
	h.again(kind)
}

// again has the six items written once more by the same kind of write, or six
// others. An item that was closed is reopened, which is the same call.
func (h *scene) again(kind string) {
	h.t.Helper()
	if kind == "create" {
		for n := range h.ids {
			h.ids[n] += 6
		}
		h.mark()
		return
	}

	h.version++
	if kind == "close" || kind == "reopen" {
		h.form = map[domain.ItemState]domain.ItemState{domain.Open: domain.Closed, domain.Closed: domain.Open}[h.form]
	}

	h.mark()
}

// mark marks the items in the version that is to be written.
func (h *scene) mark() {
	for _, id := range h.ids {
		h.put(id, h.version, h.form)
	}
}

// refuse has the refuser give the answers, in turn, to the writes of a kind for the
// first n of the six items.
func (h *scene) refuse(p place, kind string, n int, answers ...reply) {
	refused := h.ids[:n]
	byTransition := p.transitions() && (kind == "close" || kind == "reopen")
	h.wall.set(func(r *http.Request, item domain.Snowflake) *reply {
		if item == 0 {
			h.t.Errorf("%s %s names no item", r.Method, r.URL.Path)
		}

		at := slices.Index(refused, item)
		if at < 0 || byTransition && !moves(r) {
			return nil
		}

		return &answers[at%len(answers)]
	})
}

// holds fails unless the provider shows some of the six items once, as they are
// to be.
func (h *scene) holds(what string, ids []domain.Snowflake) {
	h.t.Helper()
	shown := h.shown()
	for _, id := range ids {
		found := 0
		for _, one := range shown {
			if !strings.Contains(one, nameOf(id)) {
				continue
			}

			found++
			if !strings.Contains(one, titleOf(id, h.version)) || h.messages == nil && !strings.HasSuffix(one, string(h.form)) {
				h.t.Errorf("%s: item %d is shown as %.300s", what, id, one)
			}
		}

		if found != 1 {
			h.t.Errorf("%s: item %d is shown %d times", what, id, found)
		}
	}

	if broken := h.violations(); len(broken) > 0 {
		h.t.Errorf("%s: %v", what, broken)
	}
}

// ledger is the row of an item.
func (h *scene) ledger(id domain.Snowflake) domain.LedgerRow {
	h.t.Helper()
	rows, _, err := h.sure.Ledger(h.ctx, 77, h.state().Target.Key, "", domain.Page{After: (id - 1).Sortable(), Limit: 1})
	h.must(err)
	if len(rows) != 1 || rows[0].ItemID != id {
		h.t.Fatalf("item %d has no row: %v", id, rows)
	}

	return rows[0]
}

// named fails unless a text names an answer's status and words.
func (h *scene) named(what, text string, a reply) {
	h.t.Helper()
	if !strings.Contains(text, fmt.Sprint(a.status)) || !strings.Contains(text, a.words) {
		h.t.Errorf("%s: %q names not both %d and %q", what, text, a.status, a.words)
	}
}

// everyKind runs a history for each provider and kind of write.
func everyKind(t *testing.T, play func(t *testing.T, p place, kind string)) {
	for _, p := range places() {
		for _, kind := range p.kinds {
			t.Run(p.name+"/"+kind, func(t *testing.T) { play(t, p, kind) })
		}
	}
}

// B1, B2, B3, B16 at each provider over HTTP, for each kind of write and each
// refusal that is about one item. Items 1 and 2 of six are refused: the others
// arrive in the same run, the integration stays healthy, rows 1 and 2 name status
// and words. Once they are taken, both arrive, each once.
func TestHistoriesOfRefusedItems(t *testing.T) {
	everyKind(t, func(t *testing.T, p place, kind string) {
		h := newScene(t, p)
		h.prepare(kind)
		waiting := 0
		for n, a := range p.aboutOneItem() {
			if n > 0 {
				h.again(kind)
			}

			h.refuse(p, kind, 2, a)
			h.twoRefused(a, waiting)
			switch kind {
			case "create":
				waiting += 2 // the next six are others
			case "close", "reopen":
				h.taken() // so that the next call is the opposite one
			}
		}

		h.taken()
	})
}

// taken lets the refused items arrive when their time has come.
func (h *scene) taken() {
	h.t.Helper()
	h.wall.set(nil)
	h.clock.now = h.clock.now.Add(2 * time.Minute)
	h.must(h.tick())
	h.settle()
	h.holds("once they are taken", h.ids)
	h.noMarks()
}

// twoRefused plays a run in which the first two items are refused, while others
// wait that were refused before.
func (h *scene) twoRefused(a reply, waiting int) {
	h.t.Helper()
	id := h.start(domain.Incremental)
	h.must(h.slice())
	run := h.run(id)
	mustBe(h.t, a.name+": status", run.Status, domain.Partial)
	mustBe(h.t, a.name+": failed", run.Counts.Failed, 2+waiting)
	mustBe(h.t, a.name+": arrived", run.Counts.Created+run.Counts.Updated, 4)
	mustBe(h.t, a.name+": health", h.state().Condition.State, domain.Healthy)
	mustBe(h.t, a.name+": changes of health", len(h.bus.of(outgoing.TypeHealthChanged)), 0)
	h.holds(a.name+": in the same run", h.ids[2:])

	for _, item := range h.ids[:2] {
		row := h.ledger(item)
		mustBe(h.t, a.name+": outcome", row.Outcome, domain.FailedOut)
		if row.Reason == nil {
			h.t.Fatalf("%s: item %d has no reason", a.name, item)
		}

		h.named(fmt.Sprint(a.name, ": row ", item), *row.Reason, a)
	}
}

// allRefused plays a run in which all items are refused. The answer is that to
// the third one.
func (h *scene) allRefused(p place, a reply) {
	h.t.Helper()
	id := h.start(domain.Incremental)
	h.must(h.slice())
	run := h.run(id)
	mustBe(h.t, "status", run.Status, domain.Failed)
	if run.Error == nil {
		h.t.Fatal("no error")
	}

	mustBe(h.t, "code", run.Error.Code, writesRefused)
	h.named("the run", run.Error.ProviderMessage, a)
	mustBe(h.t, "tried", fmt.Sprint(h.wall.tried()), fmt.Sprint(h.ids[:3]))
	if again := len(h.wall.requests()) - 3; again > 0 && (p.twice == "" || again > 1) {
		h.t.Errorf("%d refused writes are repeated", again)
	}

	mustBe(h.t, "health", h.state().Condition.State, domain.Unhealthy)
	mustBe(h.t, "changes of health", len(h.bus.of(outgoing.TypeHealthChanged)), 1)
	h.unparked()
}

// unparked fails unless all six items are still to be tried, and none is given up.
func (h *scene) unparked() {
	h.t.Helper()
	_, givenUp, err := h.sure.Backlog(h.ctx, 77, h.state().Target.Key)
	h.must(err)
	mustBe(h.t, "given_up", givenUp, 0)
	h.marksLeft(6)
}

// All six are refused, each by another answer: the third one pauses the
// integration, and nothing is given up. After each pause one write tries the
// provider, of an item that was not refused yet. Once the writes are taken, all
// six arrive, each once. Over its kinds of writes each provider has each answer
// among the first three.
func TestHistoriesOfPauses(t *testing.T) {
	everyKind(t, func(t *testing.T, p place, kind string) {
		starts := []int{2 * slices.Index(p.kinds, kind)}
		if len(p.kinds) == 1 {
			starts = []int{0, 2, 4}
		}

		for _, start := range starts {
			answers := append([]reply{foreign401}, p.aboutOneItem()...)
			start %= len(answers)
			answers = slices.Concat(answers[start:], answers[:start])
			t.Run("from "+answers[0].name, func(t *testing.T) { playPauses(t, p, kind, answers) })
		}
	})
}

func playPauses(t *testing.T, p place, kind string, answers []reply) {
	h := newScene(t, p)
	h.prepare(kind)
	h.refuse(p, kind, 6, answers...)
	h.allRefused(p, answers[2])

	for range 3 {
		before := len(h.wall.tried())
		h.pass(time.UnixMilli(h.state().Condition.PausedUntil).Sub(h.clock.now) + 2*time.Minute)
		mustBe(t, "tried after a pause", len(h.wall.tried())-before, 1)
	}

	mustBe(t, "tried after three pauses", fmt.Sprint(h.wall.tried()), fmt.Sprint(h.ids))
	h.unparked()

	h.wall.set(nil)
	h.pass(4 * time.Hour)
	mustBe(t, "health", h.state().Condition.State, domain.Healthy)
	h.holds("once they are taken", h.ids)
	h.noMarks()
}

// A refusal that names the credential, its rights or the place as a whole counts
// at once: one write is sent, and the integration is unhealthy.
func TestHistoriesOfARefusalThatCountsAtOnce(t *testing.T) {
	for _, p := range places() {
		t.Run(p.name, func(t *testing.T) {
			h := newScene(t, p)
			h.prepare("create")
			h.refuse(p, "create", 6, p.atOnce)
			id := h.start(domain.Incremental)
			h.must(h.slice())

			run := h.run(id)
			mustBe(t, "status", run.Status, domain.Failed)
			mustBe(t, "code", run.Error.Code, p.means)
			mustBe(t, "tried", fmt.Sprint(h.wall.requests()), "[1]")
			mustBe(t, "health", h.state().Condition.State, domain.Unhealthy)
		})
	}
}
