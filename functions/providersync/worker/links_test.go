package worker

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"example.com/integrations/functions/providersync/worker/item"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// updatesGolden reports whether -update was given: connectortest, which these tests
// import, declares it.
func updatesGolden() bool {
	given := flag.Lookup("update")

	return given != nil && given.Value.String() == "true"
}

// A linkEvent is something that changes a link, in the states in which it happens.
type linkEvent struct {
	name string
	in   func(s item.State) bool
	do   func(i *invocation, t *task)
}

// creatable reports whether a create may follow: nothing is there, or a new message
// follows another one.
func creatable(s item.State) bool {
	return s.Doubt != item.UpdateInDoubt && s.Digest == item.NoDigest
}

func updatable(s item.State) bool {
	return s.Object == item.Present && s.Doubt != item.CreateInDoubt && s.Digest == item.NoDigest
}

func createSent(s item.State) bool {
	return s.Doubt == item.CreateInDoubt && s.Digest == item.NoDigest
}

func updateSent(s item.State) bool { return s.Doubt == item.UpdateInDoubt }

func failuresOf(i *invocation) *itemFailures { return i.tasks.pusher.items.failures }

func finalFailure(code string) *failure.Error {
	return &failure.Error{Class: failure.Final, Scope: failure.ItemScope, Code: code}
}

func noAnswerFailure() *failure.Error {
	return &failure.Error{Class: failure.Ambiguous, Scope: failure.ItemScope, Code: noAnswer}
}

var answer = connector.Written{Remote: domain.Remote{ID: "r1"}}

var linkEvents = []linkEvent{
	{"create stored", creatable, func(i *invocation, t *task) { i.site.intend(t) }},
	{"create answered", createSent, func(i *invocation, t *task) {
		t.recordSent(answer, t.content)
		i.ledger.record(t, domain.Created, "")
	}},
	{"create answered without an id", createSent, func(i *invocation, t *task) {
		t.recordSent(connector.Written{Unproven: true}, t.content)
		i.ledger.record(t, domain.Accepted, "")
	}},
	{"create not answered", createSent, func(i *invocation, t *task) { failuresOf(i).createUnanswered(t, noAnswerFailure()) }},
	{"create not answered, the last time", createSent, func(i *invocation, t *task) {
		t.link.Version = t.item.Version
		t.link.Attempts = len(retryPauses)
		failuresOf(i).createUnanswered(t, noAnswerFailure())
	}},
	{"create refused", createSent, func(i *invocation, t *task) { failuresOf(i).refuseItem(t, finalFailure("rejected")) }},
	{"create refused, the last time", createSent, func(i *invocation, t *task) {
		t.link.Version = t.item.Version
		t.link.Attempts = len(retryPauses)
		failuresOf(i).refuseItem(t, finalFailure("rejected"))
	}},
	{"create not sent", createSent, func(i *invocation, t *task) {
		failuresOf(i).deferItem(t, &failure.Error{Class: failure.NotSent, Code: "unreachable"})
		t.undoAttempt()
	}},
	{"object found", createSent, func(i *invocation, t *task) { i.tasks.pusher.resolver.recordFound(t, answer) }},
	{"object not found", createSent, func(_ *invocation, t *task) { t.link.Intent = nil }},

	{"update stored", updatable, func(i *invocation, t *task) { i.tasks.pusher.reader.decider.markInDoubt(t) }},
	{"update answered", updateSent, func(i *invocation, t *task) {
		t.recordSent(answer, t.content)
		i.ledger.record(t, domain.Updated, "")
	}},
	{"update not answered", updateSent, func(i *invocation, t *task) {
		failuresOf(i).refuseItem(t, noAnswerFailure())
		i.tasks.pusher.reader.decider.markInDoubt(t)
	}},
	{"update refused", updateSent, func(i *invocation, t *task) {
		t.before = inDoubt{}
		failuresOf(i).refuseItem(t, finalFailure("rejected"))
	}},
	{"update refused, the last time", updateSent, func(i *invocation, t *task) {
		t.before = inDoubt{}
		t.link.Version = t.item.Version
		t.link.Attempts = len(retryPauses)
		failuresOf(i).refuseItem(t, finalFailure("rejected"))
	}},
	{"update not sent", updateSent, func(i *invocation, t *task) {
		failuresOf(i).deferItem(t, &failure.Error{Class: failure.NotSent, Code: "unreachable"})
		inDoubt{}.note(&t.link)
	}},
	{"object deleted by a person", updateSent, func(i *invocation, t *task) {
		t.before = inDoubt{}
		failuresOf(i).refuseItem(t, finalFailure(item.RemoteDeleted))
	}},
	{"message not editable", updateSent, func(_ *invocation, t *task) {
		t.link.SentHash = ""
		t.replaceMessage()
	}},

	{"nothing to send", func(s item.State) bool {
		return s.Doubt == item.Certain && s.Digest == item.NoDigest && s.Object != item.Absent && s.Object != item.Gone
	}, func(i *invocation, t *task) {
		i.ledger.record(t, domain.Unchanged, "")
	}},
	{"skipped", func(s item.State) bool {
		return s.Doubt == item.Certain && s.Digest == item.NoDigest && s.Object != item.Gone
	}, func(i *invocation, t *task) {
		i.ledger.record(t, domain.Skipped, item.DeletedAndLeft)
	}},
	{"handling it panicked", func(s item.State) bool { return s.Digest == item.NoDigest }, func(i *invocation, t *task) { failuresOf(i).giveUp(t, panicked) }},
	{"added to a digest", creatable, func(i *invocation, t *task) {
		i.run.Digest = &store.PlannedDigest{ID: 5, Sum: "{}"}
		_ = i.tasks.pusher.digester.gatherIntoDigest(t)
	}},
	{"digest not sent", inDigestNow, func(_ *invocation, t *task) { t.link.InDigest = nil }},
	{"digest answered", inDigestNow, settle(domain.Created)},
	{"digest not answered", inDigestNow, settle(domain.Unknown)},
	{"digest refused", inDigestNow, settle(domain.FailedOut)},
}

func inDigestNow(s item.State) bool { return s.Digest == item.InDigest }

// settle records what became of the digest that the link names.
func settle(out domain.Outcome) func(i *invocation, t *task) {
	return func(i *invocation, t *task) {
		t.digest = &store.Digest{ID: 5, Outcome: out, Reason: noAnswer}
		i.tasks.pusher.digester.recordFromDigest(t)
	}
}

// linkLab is an invocation whose parts change links without a table.
func linkLab() *invocation {
	c := &clock{now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)}
	i := newInvocation(&Worker{}, &session{clock: c, log: slog.New(slog.NewTextHandler(io.Discard, nil)), settings: Settings{Settle: time.Minute}})
	i.site.conn = &provider{clock: c}
	i.site.finder = true

	return i
}

// apply gives the link after an event.
func (e linkEvent) apply(link store.Link) store.Link {
	i := linkLab()
	t := i.tasks.pusher.reader.decider.newTask(1, domain.Item{ID: 1, Version: 2, Title: "a title"}, link, true)
	t.content = connector.Content{Title: "a title", State: domain.Open}
	e.do(i, t)

	return t.link
}

// A linkState is a state that occurs, with a link in it and what events make of it.
type linkState struct {
	state  item.State
	link   store.Link
	events []string // the events that lead to a state, in the order of the state
	next   []item.State
}

// linkStates finds all states that occur, from an item that was never sent.
func linkStates() []*linkState {
	first := store.Link{}
	all := []*linkState{{state: item.StateOf(first), link: first}}
	seen := map[item.State]bool{all[0].state: true}

	for n := 0; n < len(all); n++ {
		s := all[n]
		for _, e := range linkEvents {
			if !e.in(s.state) {
				continue
			}

			link := e.apply(s.link)
			next := item.StateOf(link)
			s.events = append(s.events, e.name)
			s.next = append(s.next, next)
			if !seen[next] {
				seen[next] = true
				all = append(all, &linkState{state: next, link: link})
			}
		}
	}

	return all
}

// linkTable is the table of docs/links.md.
func linkTable() string {
	all := linkStates()
	number := map[item.State]int{}
	for n, s := range all {
		number[s.state] = n + 1
	}

	var b strings.Builder
	b.WriteString("| no. | object | in doubt | last attempt | in a digest | event → state |\n| --- | --- | --- | --- | --- | --- |\n")
	for n, s := range all {
		var cells []string
		for k, event := range s.events {
			cells = append(cells, fmt.Sprintf("%s → %d", event, number[s.next[k]]))
		}

		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s | %s |\n", n+1, s.state.Object, s.state.Doubt, s.state.Attempt, s.state.Digest, strings.Join(cells, "; "))
	}

	return b.String()
}

const (
	linkDoc      = "../../../docs/links.md"
	linkTableTop = "<!-- table: written by TestLinkStatesAreDocumented -->\n"
	linkTableEnd = "<!-- end of table -->\n"
)

// docs/links.md lists each state that occurs, and what each event makes of it.
func TestLinkStatesAreDocumented(t *testing.T) {
	doc, err := os.ReadFile(linkDoc)
	if err != nil {
		t.Fatal(err)
	}

	before, rest, found := strings.Cut(string(doc), linkTableTop)
	table, after, closed := strings.Cut(rest, linkTableEnd)
	if !found || !closed {
		t.Fatal("docs/links.md has no place for the table")
	}

	want := linkTable()
	if table == want {
		return
	}

	if !updatesGolden() {
		t.Fatal("the table in docs/links.md is not what the code does; write it anew with -update and review the difference")
	}

	if err := os.WriteFile(linkDoc, []byte(before+linkTableTop+want+linkTableEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

// knownState fails unless the link is in one of the states of the table.
func (w *world) knownState(link store.Link) {
	w.t.Helper()
	for _, s := range knownStates {
		if s.state == item.StateOf(link) {
			return
		}
	}

	w.t.Errorf("item %s: the state %+v is not in docs/links.md", link.ItemID, item.StateOf(link))
}

var knownStates = linkStates()

// knownLinks looks whether all links of the first integration are in known states.
// It is for the end of a test, when the test's context is over.
func (w *world) knownLinks() {
	ctx := context.Background()
	for after := ""; ; {
		items, next, err := w.sure.Items(ctx, w.pair, after, 100)
		if err != nil {
			w.t.Error(err)
			return
		}

		var ids []domain.Snowflake
		for _, one := range items {
			ids = append(ids, one.ID)
		}

		links, err := w.sure.Links(ctx, 77, placed, ids)
		if err != nil {
			w.t.Error(err)
			return
		}

		for _, link := range links {
			w.knownState(link)
		}

		if next == "" {
			return
		}

		after = next
	}
}
