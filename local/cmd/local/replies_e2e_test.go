//go:build e2e

package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/integrations/local/providers/faults"
	"example.com/integrations/shared/domain"
)

// bots are the integrations whose chat can reply below a message.
var bots = []string{"slack", "discord"}

// replyWords is the status of an item after its change: no other text has it.
func replyWords(id domain.Snowflake) string { return "done " + word(id) }

// C13: each fault in turn while replies are posted below the messages of 200
// items. No reply is lost, and none is there twice.
func TestEachFaultOnReplies(t *testing.T) {
	endpoint := dynamoDB(t)
	for _, name := range bots {
		t.Run(name, func(t *testing.T) {
			for _, fault := range faults.Names() {
				t.Run(fault, func(t *testing.T) { faultedReplies(t, endpoint, name, fault) })
			}
		})
	}
}

func faultedReplies(t *testing.T, endpoint, name, fault string) {
	limit := longestCall
	order := faults.Order{Fault: fault, Times: 3}
	order.Match.Kind = faults.Create
	switch fault {
	case faults.SlowAnswer:
		limit = shortCall
		order.Duration = new(faults.Duration(time.Hour))
	case faults.LaggingLists:
		order.Duration = new(faults.Duration(time.Minute))
		order.Match.Kind = ""
	case faults.BlockedContent:
		order.Pattern = replyWords(9)
	case faults.RefusedWords:
		order.Times = 2
	case faults.SlowList:
		order.Page = 25
		order.Match.Kind = ""
	case faults.ForeignLink:
		order.Match.Kind = faults.List
	case faults.DeletedObject, faults.MovedObject, faults.ETagConflict, faults.ForbiddenItem:
		t.Skipf("a reply is not touched again, so it cannot have %s", fault)
	}

	s := stagedWithin(t, limit, endpoint, name, map[string]any{"digest_over": 1000, "on_update": "reply"})
	item := func(id domain.Snowflake, version int64, status string) domain.Item {
		return domain.Item{ID: id, FormattedNumber: fmt.Sprint("WI-", id), Version: version, Title: fmt.Sprint("Item ", id),
			Description: "Text", State: domain.Open, Status: status, URL: "https://items.example/" + id.String()}
	}
	var ids []domain.Snowflake
	for id := domain.Snowflake(1); id <= crowd; id++ {
		ids = append(ids, id)
		s.put(item(id, 1, "planned"))
	}

	s.sync(domain.Incremental)
	s.pass(2 * time.Minute)

	if slices.Contains([]string{faults.LaggingLists, faults.SlowList}, fault) { // in the way of who looks for a lost reply
		_, refused := s.kit.Add(faults.Order{Fault: faults.LostAnswer, Times: 1, Match: faults.Match{Kind: faults.Create}})
		must(t, refused)
	}

	if _, refused := s.kit.Add(order); refused != nil {
		t.Skipf("%s cannot have it: %v", name, refused)
	}

	for _, id := range ids {
		s.put(item(id, 2, replyWords(id)))
	}

	waits, run := s.sync(domain.Incremental)
	s.healthy(fault)
	done := s.kit.Applied(fault)
	s.kit.Clear("", "")
	for range 8 { // what failed is tried again, and the provider asked
		s.pass(20 * time.Minute)
		must(t, s.dispatch.Handle(t.Context()))
		s.rest()
	}

	if done == 0 && fault != faults.ForeignLink {
		t.Errorf("%s was never done", fault)
	}

	s.judgeReplies(ids)
	s.noViolations()
	t.Logf("| %s | replies | %s | done %d times | %s |", name, fault, done, outcome(waits, run))
}

// judgeReplies checks that each item has one message that says its status, and one
// reply that says how the status changed.
func (s *stage) judgeReplies(ids []domain.Snowflake) {
	s.t.Helper()
	replies := map[domain.Snowflake]int{}
	messages := map[domain.Snowflake]int{}
	for _, one := range s.received().Objects {
		text := strings.NewReplacer("\u200b", "", `\\`, "").Replace(string(one))
		for _, id := range ids {
			switch {
			case !strings.Contains(text, word(id)):
			case strings.Contains(text, "planned → ") && !strings.Contains(text, fmt.Sprint("Item ", id)):
				replies[id]++
			default:
				messages[id]++
			}
		}
	}

	for id, l := range s.links(ids...) {
		if replies[id] != 1 || messages[id] != 1 {
			s.t.Errorf("item %d has %d messages and %d replies: %s %s, %+v", id, messages[id], replies[id], l.Outcome, l.Reason, l.Thread)
		}

		if l.Thread == nil || l.Thread.Intent != nil || l.Thread.Said.Status != replyWords(id) {
			s.t.Errorf("item %d: %+v", id, l.Thread)
		}
	}

	marks, err := s.table.CountPendingChanges(s.t.Context(), s.pair.ID)
	must(s.t, err)
	same(s.t, "marks left", marks, 0)
}
