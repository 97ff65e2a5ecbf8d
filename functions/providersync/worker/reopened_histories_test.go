package worker

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

// A follower is a chat, and what its messages must be after what people and events
// have done.
type follower struct {
	*world
	r       *room
	dice    *rand.Rand
	items   map[domain.Snowflake]*followed
	history []string
}

// A followed item is what must be true of its messages.
type followed struct {
	version int64
	state   domain.ItemState
	status  string
	title   string
	// due says that the item has a message, or is named in a digest after the last
	// message was deleted.
	due bool
	// reopenings bounds the messages: each is one more at most.
	reopenings int
}

// C12, C13: random histories of changes, deleted messages, quiet runs and faults. No
// message is there twice, none that is due is missing, and each one shows its item as
// it is.
func TestHistoriesOfDeletedMessages(t *testing.T) {
	seeds := uint64(6)
	for seed := range seeds {
		w, r := replyingChat(t)
		r.manner.Replies = seed%2 == 0
		r.manner.DigestOver = []int{20, 2}[seed/2%2]
		f := &follower{world: w, r: r, dice: rand.New(rand.NewPCG(seed, 16)), items: map[domain.Snowflake]*followed{}}
		for id := domain.Snowflake(1); id <= 5; id++ {
			f.items[id] = &followed{state: domain.Open, title: "first"}
			f.event(id)
			f.items[id].due = true
		}

		f.bring()
		for range 12 {
			f.step()
			f.check(t, seed)
		}

		if t.Failed() {
			return
		}
	}
}

// event tells a change of an item to the service.
func (f *follower) event(id domain.Snowflake) {
	i := f.items[id]
	i.version++
	f.told(id, i.version, func(item *domain.Item) {
		item.Title = i.title
		item.State = i.state
		item.Status = i.status
		item.Description = "text"
	})
}

// step is one thing that happens, with a fault or without.
func (f *follower) step() {
	f.faulty()
	switch f.dice.IntN(6) {
	case 0, 1:
		f.delete(domain.Snowflake(1 + f.dice.IntN(5)))
	case 2:
		f.history = append(f.history, "full")
		f.sync(domain.Full)
	default:
		for id := domain.Snowflake(1); id <= 5; id++ {
			if f.dice.IntN(2) == 0 {
				f.change(id)
				f.event(id)
			}
		}
	}

	f.bring()
}

// delete has a person delete the messages of an item.
func (f *follower) delete(id domain.Snowflake) {
	if f.r.deleted == nil {
		f.r.deleted = map[string]bool{}
	}

	for n, m := range f.r.messages {
		if m.digest == nil && m.marker.Item == id && !f.r.deleted[fmt.Sprint(n)] {
			f.r.deleted[fmt.Sprint(n)] = true
			f.items[id].due = false
		}
	}

	f.history = append(f.history, fmt.Sprint("delete ", id))
}

// change is a random change of an item.
func (f *follower) change(id domain.Snowflake) {
	i := f.items[id]
	what := f.dice.IntN(8)
	switch {
	case what == 0:
		i.title = []string{"first", "second"}[f.dice.IntN(2)]
	case what == 1:
		i.status = []string{"", "planned"}[f.dice.IntN(2)]
	case i.state == domain.Open:
		i.state = domain.Closed
	default:
		i.state = domain.Open
		i.reopenings++
		i.due = true
	}

	f.history = append(f.history, fmt.Sprintf("%d: %s %s %s", id, i.state, i.status, i.title))
}

// faulty has the next calls fail.
func (f *follower) faulty() {
	f.r.before = nil
	f.r.after = nil
	call := []string{"create", "create", "update", "reply", "digest"}[f.dice.IntN(5)]
	times := f.dice.IntN(4)
	err := []error{
		ambiguous(), refusedItem(),
		&failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "rate_limited", Wait: 7 * time.Minute},
		&failure.Error{Class: failure.NotSent, Scope: failure.IntegrationScope, Code: "unreachable"},
	}[f.dice.IntN(4)]

	fails := func(name string, _ domain.Snowflake) error {
		if name != call || times == 0 {
			return nil
		}
		times--
		return err
	}
	if code := err.(*failure.Error); code.Class == failure.Ambiguous && f.dice.IntN(2) == 0 {
		f.r.after = fails
	} else {
		f.r.before = fails
	}

	f.history = append(f.history, fmt.Sprintf("%s fails %d times: %s", call, times, err.(*failure.Error).Code))
}

// bring lets the service do its work, and forgives what has failed.
func (f *follower) bring() {
	f.sync(domain.Incremental)
	f.later(45)
	f.r.before = nil
	f.r.after = nil
	f.later(20)
}

// check holds the chat against the items.
func (f *follower) check(t *testing.T, seed uint64) {
	t.Helper()
	f.noMarks()
	mustBe(t, "health", f.health().State, domain.Healthy)
	for id, i := range f.items {
		var alive []*message
		for n, m := range f.r.messages {
			if m.digest == nil && m.marker.Item == id && !f.r.deleted[fmt.Sprint(n)] {
				alive = append(alive, m)
			}
		}

		l := f.link(id)
		digests := f.r.manner.DigestOver < 5
		named := digests && (l.Reason == inDigest || l.Outcome == domain.Unchanged && l.Remote == nil)
		wrong := ""
		switch {
		case len(alive) > 1:
			wrong = "has several messages"
		case len(f.r.of(id)) > 1+i.reopenings:
			wrong = "was posted too often"
		case len(alive) == 0 && i.due && !named:
			wrong = "has no message"
		case len(alive) == 1 && !i.due && !digests:
			wrong = "was posted anew"
		case len(alive) == 1 && (alive[0].content.Title != i.title || alive[0].content.State != i.state || alive[0].content.Facts.Status != i.status):
			wrong = fmt.Sprintf("has a message that says %s %s %s", alive[0].content.State, alive[0].content.Facts.Status, alive[0].content.Title)
		}

		if wrong != "" {
			t.Errorf("seed %d: item %d %s: %s %s %s; row %s %s, %v\n%q", seed, id, wrong, i.state, i.status, i.title, l.Outcome, l.Reason, l.Remote, f.history)
		}

		if l.Thread != nil && l.Thread.Intent != nil {
			t.Errorf("seed %d: item %d has a reply in doubt", seed, id)
		}
	}

	for _, reply := range f.r.replies {
		var n int
		_, err := fmt.Sscan(reply.message, &n)
		if err != nil || n >= len(f.r.messages) || f.r.messages[n].digest != nil {
			t.Errorf("seed %d: a reply below %q", seed, reply.message)
		}
	}
}
