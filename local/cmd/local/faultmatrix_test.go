//go:build e2e

package main

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/integrations/local/providers/faults"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// nameless are the integrations whose provider cannot be asked what it holds.
var nameless = []string{"slack_webhook", "discord_webhook", "teams"}

// chats are the sample's integrations with chats.
var chats = []string{"slack", "slack_webhook", "discord", "discord_webhook", "teams"}

// lossy are the faults after which nobody knows whether a write was done.
var lossy = []string{faults.ErrorBefore, faults.ErrorAfter, faults.LostAnswer, faults.SlowAnswer, faults.EndlessAnswer, faults.ForeignAnswer}

// itemFaults are the faults of one item, or of one answer: no integration is
// unhealthy because of them.
var itemFaults = []string{
	faults.MovedObject, faults.DeletedObject, faults.ETagConflict, faults.ForeignAnswer, faults.WrongSuccess, faults.BlockedContent,
	faults.RefusedWords, faults.SlowList, faults.ForbiddenItem, faults.RenamedPlace, faults.ForeignLink,
}

// Each fault in turn during a sync of many items at each provider: nothing is
// lost and nothing is there twice where the provider can be asked; elsewhere
// the ledger says unknown of the affected items and of no others.
func TestEachFaultDuringASync(t *testing.T) {
	endpoint := dynamoDB(t)
	for _, name := range slices.Concat(trackerNames, chats) {
		t.Run(name, func(t *testing.T) {
			for _, fault := range faults.Names() {
				t.Run(fault, func(t *testing.T) { faulted(t, endpoint, name, variant{fault: fault}) })
			}

			for _, v := range variants {
				t.Run(v.String(), func(t *testing.T) { faulted(t, endpoint, name, v) })
			}
		})
	}
}

// A variant is a fault with settings other than its default ones.
type variant struct {
	fault  string
	form   string // "" for the default
	status int    // 0 for the default
}

// variants are tried beside the faults as they are without settings. A provider
// that does not have one refuses the order: see docs/faults.md.
var variants = []variant{
	{fault: faults.ForeignLink, form: faults.Plain},
	{fault: faults.ForeignAnswer, form: faults.Empty},
	{fault: faults.MovedReadonly, status: http.StatusTemporaryRedirect},
}

// String is the variant as a command line has it.
func (v variant) String() string {
	text := v.fault
	if v.form != "" {
		text += ":form=" + v.form
	}

	if v.status != 0 {
		text += ":status=" + strconv.Itoa(v.status)
	}

	return text
}

// word is in the title of an item, and of no other.
func word(id domain.Snowflake) string { return fmt.Sprintf("Zq%04dx", id) }

// crowd is how many items a sync has that a fault disturbs.
const crowd = 200

// shortCall is how long a call may last where one is to last too long.
const shortCall = 3 * time.Second

func faulted(t *testing.T, endpoint, name string, v variant) {
	fault := v.fault
	more := map[string]any{}
	if slices.Contains(chats, name) {
		more["digest_over"] = 1000 // one by one, so that each can be lost
	}

	limit := longestCall
	order := faults.Order{Fault: fault, Times: 3, Form: v.form, Status: v.status}
	switch fault {
	case faults.SlowAnswer: // only this one waits for the limit, and never sees the answer
		limit = shortCall
		order.Duration = new(faults.Duration(time.Hour))
	case faults.LaggingLists:
		order.Duration = new(faults.Duration(time.Minute))
	case faults.BlockedContent: // of one item
		order.Pattern = word(9)
	case faults.RefusedWords: // a third item refused in a row says that all are
		order.Times = 2
	case faults.SlowList:
		order.Page = 25
	}

	s := stagedWithin(t, limit, endpoint, name, more)
	switch posts := slices.Contains([]string{"slack_webhook", "teams"}, name); {
	case (fault == faults.LaggingLists || fault == faults.SlowList) && slices.Contains(nameless, name):
		t.Skipf("%s cannot have it: nothing is listed there", name)
	case (fault == faults.DeletedObject || fault == faults.ForbiddenItem) && posts:
		t.Skipf("%s cannot have it: no message is touched again there", name)
	}

	disturb := func(kind faults.Kind) {
		switch fault {
		case faults.SlowAnswer, faults.EndlessAnswer: // of a write, so that it is in doubt
			order.Match.Kind = kind
		case faults.ForeignAnswer: // of the first call, whatever it is, and of writes, done or not
			if _, refused := s.kit.Add(faults.Order{Fault: fault, Times: 1, Form: v.form}); refused != nil {
				t.Skipf("%s cannot have it: %v", name, refused)
			}

			order.Match.Kind = kind
			_, refused := s.kit.Add(faults.Order{Fault: fault, Times: 2, Match: order.Match, Form: cmp.Or(v.form, faults.Login), Done: true})
			must(t, refused)

		case faults.MovedReadonly, faults.Anonymous: // in the middle of a sync, then from its first call
			order.Match.Kind = ""
			if kind == faults.Create {
				order.Match.Kind = kind
			}

		case faults.ForeignLink: // of a list that goes on
			order.Match.Kind = faults.List
		case faults.LaggingLists, faults.SlowList: // it is in the way of who looks for what he lost
			_, refused := s.kit.Add(faults.Order{Fault: faults.LostAnswer, Times: 1})
			must(t, refused)
		}

		if _, refused := s.kit.Add(order); refused != nil {
			t.Skipf("%s cannot have it: %v", name, refused)
		}
	}

	disturb(faults.Create)
	item := func(id domain.Snowflake, version int64) domain.Item {
		i := domain.Item{ID: id, FormattedNumber: fmt.Sprint("WI-", id), Version: version, Title: fmt.Sprint("Item ", word(id)),
			Description: fmt.Sprint("Version ", version), State: domain.Open, URL: "https://items.example/" + id.String(), Labels: []string{"bug"}}
		if id%5 == 0 {
			i.State = domain.Closed
		}
		return i
	}

	again := faults.Update
	if slices.Contains([]string{"slack_webhook", "teams"}, name) {
		again = faults.Create // each change is a post
	}

	var ids []domain.Snowflake
	for id := domain.Snowflake(1); id <= crowd; id++ {
		ids = append(ids, id)
		s.put(item(id, 1))
	}

	waits, run := s.sync(domain.Incremental)
	tells := outcome(waits, run)
	s.healthy(fault)
	s.followed(fault, waits)
	s.explained(fault, ids)
	if fault == faults.RevokedToken || fault == faults.Anonymous {
		same(t, "run", run.Status, domain.Failed)
	}

	created := s.kit.Applied(fault)
	// Then some of them change, with the fault on again, and all ends well.
	s.kit.Clear("", "")
	disturb(again)
	for id := domain.Snowflake(1); id <= crowd; id += 4 {
		s.put(item(id, 2))
	}

	waits, _ = s.sync(domain.Incremental)
	s.healthy(fault)
	s.followed(fault, waits)
	updated := s.kit.Applied(fault) - created
	s.kit.Clear("", "")
	for range 8 { // what failed is tried again, and the provider asked
		s.pass(20 * time.Minute)
		must(t, s.dispatch.Handle(t.Context()))
		s.rest()
	}

	if created+updated == 0 {
		t.Errorf("%s was never done", fault)
	}

	s.judge(ids, fault)
	s.noViolations()
	t.Logf("| %s | %s | done %d + %d times | %s |", name, v, created, updated, tells)
}

// healthy checks that the fault of an item is no fault of its integration.
func (s *stage) healthy(fault string) {
	s.t.Helper()
	st, err := s.table.State(s.t.Context(), s.pair.ID)
	must(s.t, err)
	if c := st.Condition; slices.Contains(itemFaults, fault) && c != nil && c.State == domain.Unhealthy {
		s.t.Errorf("%s makes the integration unhealthy: %+v", fault, c.Reason)
	}
}

// followed checks that a list with foreign links is read to its end at the
// configured host: no run waits for another answer.
func (s *stage) followed(fault string, waits []string) {
	s.t.Helper()
	if fault == faults.ForeignLink {
		same(s.t, "waited for", strings.Join(waits, ", "), "")
	}
}

// shown are the words that the rows of refused items give.
var shown = map[string][]string{
	faults.BlockedContent: {"403 text/html", "Attention Required!"},
	faults.RefusedWords:   {faults.NotTaken},
	faults.ForbiddenItem:  {"forbidden"},
}

// explained checks that the row of each item that failed says why.
func (s *stage) explained(fault string, ids []domain.Snowflake) {
	s.t.Helper()
	if shown[fault] == nil {
		return
	}

	for id, l := range s.links(ids...) {
		if l.Outcome != domain.FailedOut {
			continue
		}

		for _, words := range shown[fault] {
			if s.name == "slack_webhook" && words == faults.NotTaken {
				words = "invalid_payload" // an incoming webhook has a code only
			}

			if !strings.Contains(l.Reason, words) {
				s.t.Errorf("the row of item %d says %q, not %q", id, l.Reason, words)
			}
		}
	}
}

// outcome is what a person reads of a run.
func outcome(waits []string, run domain.Run) string {
	says := fmt.Sprintf("%s, %+v", run.Status, run.Counts)
	if len(waits) > 0 {
		says += ", waited: " + strings.Join(waits, ", ")
	}

	if run.Error != nil {
		says += ", " + run.Error.Code
	}

	return says
}

// judge holds the ledger against what the provider holds.
func (s *stage) judge(ids []domain.Snowflake, fault string) {
	s.t.Helper()
	held := map[domain.Snowflake]int{}
	changed := map[domain.Snowflake]bool{} // objects with the text of the second version
	for _, one := range s.received().Objects {
		for _, id := range ids {
			if strings.Contains(string(one), word(id)) {
				held[id]++
				changed[id] = changed[id] || strings.Contains(string(one), "Version 2")
			}
		}
	}

	can := !slices.Contains(nameless, s.name)
	unknown := 0
	gone := 0
	for id, l := range s.links(ids...) {
		most := 1
		if posts := l.Attempt; !can && id%4 == 1 { // each of its two versions is a message
			most = posts
		}

		if slices.Contains(chats, s.name) && fault == faults.ForbiddenItem {
			most = max(most, l.Attempt) // a message that may not be edited is followed by a new one
		}

		switch {
		case l.Outcome == domain.Unknown && !can:
			unknown++
		case l.Outcome == domain.Skipped && l.Reason == "remote_deleted",
			l.Outcome == domain.FailedOut && (strings.HasPrefix(l.Reason, "remote_moved") || strings.HasPrefix(l.Reason, "remote_forbidden")):
			gone++
			most = 1
		case l.Outcome != domain.Created && l.Outcome != domain.Updated && l.Outcome != domain.Accepted && l.Outcome != domain.Unchanged:
			s.t.Errorf("item %d: %s %s", id, l.Outcome, l.Reason)
		case held[id] == 0 && fault == faults.DeletedObject: // by a read, and not written to since
			gone++
		case held[id] == 0:
			s.t.Errorf("item %d is lost: %+v", id, l)
		case id%4 == 1 && !changed[id]:
			s.t.Errorf("the change of item %d is lost: %+v", id, l)
		}

		if held[id] > most {
			s.t.Errorf("item %d is there %d times: %+v", id, held[id], l)
		}
	}

	marks, err := s.table.CountPendingChanges(s.t.Context(), s.pair.ID)
	must(s.t, err)
	same(s.t, "marks left", marks, 0)
	if !can {
		same(s.t, "unknown", unknown, s.doubtful(ids))
	}

	if most := s.kit.Applied(fault); gone > 0 && (fault != faults.DeletedObject && fault != faults.MovedObject || gone > most) {
		s.t.Errorf("%d are gone, and %s was done %d times", gone, fault, most)
	}
}

func (s *stage) links(ids ...domain.Snowflake) map[domain.Snowflake]store.Link {
	s.t.Helper()
	st, err := s.table.State(s.t.Context(), s.pair.ID)
	must(s.t, err)
	all := map[domain.Snowflake]store.Link{}
	for part := range slices.Chunk(ids, 100) {
		links, err := s.table.Links(s.t.Context(), s.pair.ID, st.TargetKey(), part)
		must(s.t, err)
		maps.Copy(all, links)
	}

	same(s.t, "items with a link", len(all), len(ids))

	return all
}

// doubtful counts the items whose last post was not answered: those of which
// nobody knows whether they are there.
func (s *stage) doubtful(ids []domain.Snowflake) (n int) {
	last := map[domain.Snowflake]bool{}
	for _, w := range s.received().Writes {
		if w.Method != http.MethodPost {
			continue
		}

		for _, id := range ids {
			if strings.Contains(string(w.Body), word(id)) {
				// The text of an incoming webhook shows no message, so its status counts.
				unproven := w.Fault == faults.WrongSuccess && s.name == "slack_webhook"
				last[id] = unproven || slices.Contains(lossy, w.Fault)
			}
		}
	}

	for _, in := range last {
		if in {
			n++
		}
	}

	return n
}

// The words of a refusal reach the item's row, whatever form the refusal has.
func TestEachFormOfRefusedWordsReachesTheRow(t *testing.T) {
	endpoint := dynamoDB(t)
	for _, name := range slices.Concat(trackerNames, chats) {
		for _, form := range []string{faults.Nested, faults.Array, faults.String, faults.Reason} {
			t.Run(name+"/"+form, func(t *testing.T) {
				s := staged(t, endpoint, name, nil)
				if _, refused := s.kit.Add(faults.Order{Fault: faults.RefusedWords, Times: 1, Form: form}); refused != nil {
					t.Skip(refused)
				}

				s.put(domain.Item{ID: 1, FormattedNumber: "WI-1", Version: 1, Title: "An item", State: domain.Open, URL: "https://items.example/1"})
				s.sync(domain.Incremental)
				if l := s.links(1)[1]; l.Outcome != domain.FailedOut {
					t.Errorf("the row: %s %s", l.Outcome, l.Reason)
				}

				s.explained(faults.RefusedWords, []domain.Snowflake{1})
			})
		}
	}
}
