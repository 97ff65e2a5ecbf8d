package worker

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
)

// loginPage is what a gateway answers with when its own session has ended.
var loginPage = reply{"login page", 200, "text/html; charset=utf-8", "<!DOCTYPE html><title>Log in</title><form><input type=password></form>", ""}

// A plan of the items behind the gateway: 1 to 3 change, 4 is closed, 5 is
// reopened, 6 and 7 are new, and 8 is new and closed.
const (
	linkedItems = 5
	allItems    = 8
)

// behind is the state of an item before the gateway answers, and after.
func behind(id domain.Snowflake) (before, after domain.ItemState) {
	switch id {
	case 4, 8:
		return domain.Open, domain.Closed
	case 5:
		return domain.Closed, domain.Open
	}

	return domain.Open, domain.Open
}

// B9 at each provider over HTTP: every write is answered by 200 text/html for ten
// virtual minutes, carried out or not. Nothing counts as done that a read does
// not show. Afterwards everything arrives, each create once, and no change is
// published as a person's. Where messages cannot be listed, a post that was not
// answered stays unknown and is not sent again by itself.
func TestHistoriesOfALoginPage(t *testing.T) {
	for _, p := range places() {
		for _, g := range gateways {
			if g.moves && !p.transitions() {
				continue
			}

			t.Run(p.name+"/"+g.name, func(t *testing.T) {
				h := newScene(t, p)
				h.pulling("all")
				for id := domain.Snowflake(1); id <= linkedItems; id++ {
					before, _ := behind(id)
					h.put(id, 1, before)
				}

				h.start(domain.Incremental)
				h.settle()
				h.noMarks()

				h.gateway(g)
				tried := h.wall.requests()
				h.wall.set(nil)
				h.pass(time.Hour)
				if _, finds := h.connect(h.client).(connector.Finder); finds {
					h.arrived()
				} else {
					h.stayUnknown(p, g.carries, tried)
				}
			})
		}
	}
}

// A gateway is what answers in a provider's place.
type gateway struct {
	name string
	// carries says that the writes it answers are carried out, moves that it
	// answers only those that change nothing but an issue's state.
	carries, moves bool
}

var gateways = []gateway{{name: "in its place"}, {name: "carried out", carries: true}, {name: "transitions only", moves: true}}

// gateway lets a run go on for ten minutes in which a login page answers each
// write.
func (h *scene) gateway(g gateway) {
	h.t.Helper()
	h.wall.carry = g.carries
	h.wall.set(func(r *http.Request, _ domain.Snowflake) *reply {
		if g.moves && !moves(r) {
			return nil
		}
		return &loginPage
	})
	for id := domain.Snowflake(1); id <= allItems; id++ {
		_, after := behind(id)
		h.put(id, 2, after)
	}

	run := h.start(domain.Incremental)
	for _, n := range []int{1, 4, 5} {
		h.minutes(n)
		h.nothingUnseen()
	}

	if len(h.wall.requests()) == 0 {
		h.t.Error("no write was sent")
	}

	if counts := h.run(run).Counts; !g.carries && !g.moves && counts.Created+counts.Updated != 0 {
		h.t.Errorf("counted as done: %+v", counts)
	}
}

// version2 is what the provider shows of an item in its new version.
func (h *scene) version2(id domain.Snowflake) string {
	if h.messages != nil {
		return titleOf(id, 2)
	}

	_, after := behind(id)

	return titleOf(id, 2) + " " + string(after)
}

// nothingUnseen fails if an item counts as done in its new version and the
// provider does not show it so.
func (h *scene) nothingUnseen() {
	h.t.Helper()
	shown := strings.Join(h.shown(), "\n")
	links, err := h.sure.Links(h.ctx, 77, h.state().Target.Key, []domain.Snowflake{1, 2, 3, 4, 5, 6, 7, 8})
	h.must(err)
	for id, link := range links {
		waits := link.Outcome == domain.Unknown || link.Outcome == domain.FailedOut || link.Outcome == domain.Deferred
		if waits || link.Version != 2 {
			continue
		}

		if want := h.version2(id); !strings.Contains(shown, want) {
			h.t.Errorf("item %d is %q, and the provider does not show %q", id, link.Outcome, want)
		}
	}
}

// arrived fails unless the provider holds each item once, in its new version, and
// nothing was published as a person's change.
func (h *scene) arrived() {
	h.t.Helper()
	shown := h.shown()
	mustBe(h.t, "objects at the provider", len(shown), allItems)
	for id := domain.Snowflake(1); id <= allItems; id++ {
		if found := counted(shown, h.version2(id)); found != 1 {
			h.t.Errorf("item %d arrived %d times: %v", id, found, shown)
		}
	}

	h.noMarks()
	h.undisturbed()
}

// counted is how many objects show a text.
func counted(shown []string, text string) (n int) {
	for _, one := range shown {
		if strings.Contains(one, text) {
			n++
		}
	}

	return n
}

// stayUnknown fails unless each post that was tried is unknown, and there once if
// it was carried out, and everything else has arrived once.
func (h *scene) stayUnknown(p place, carried bool, tried []domain.Snowflake) {
	h.t.Helper()
	shown := h.shown()
	for id := domain.Snowflake(1); id <= allItems; id++ {
		edited := id <= linkedItems && slices.Contains(p.kinds, "update")
		lost := !edited && slices.Contains(tried, id)
		outcome := h.ledger(id).Outcome
		if lost != (outcome == domain.Unknown) {
			h.t.Errorf("item %d is %s, tried behind the gateway: %v", id, outcome, lost)
		}

		want := 1
		if lost && !carried {
			want = 0
		}

		mustBe(h.t, fmt.Sprint("messages of item ", id), counted(shown, h.version2(id)), want)
	}

	h.undisturbed()
}

// undisturbed fails if the integration was ever said to be unhealthy, if a change
// of ours was published, or if the provider's contract was broken.
func (h *scene) undisturbed() {
	h.t.Helper()
	mustBe(h.t, "health", h.state().Condition.State, domain.Healthy)
	mustBe(h.t, "changes of health", len(h.bus.of(outgoing.TypeHealthChanged)), 0)
	mustBe(h.t, "events", fmt.Sprint(h.changes()), "[]")
	if broken := h.violations(); len(broken) > 0 {
		h.t.Error(broken)
	}
}
