package worker

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"example.com/integrations/functions/providersync/worker/item"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// A replyBelow is a reply that was posted below a message.
type replyBelow struct {
	message string
	text    string
	id      string
	marker  connector.Marker
}

// A forum is a chat whose messages can be replied to.
type forum struct{ archive }

func (f forum) Reply(_ context.Context, r connector.Reply) (connector.Written, error) {
	f.asked++
	marker := r.Markers[len(r.Markers)-1]
	if err := ask(f.before, "reply", marker.Item); err != nil {
		return connector.Written{}, err
	}

	if f.deleted[r.Message.ID] {
		return connector.Written{}, goneMessage()
	}

	f.clock.now = f.clock.now.Add(20 * time.Millisecond)
	posted := &replyBelow{message: r.Message.ID, text: fmt.Sprintf("%+v → %+v", r.From, r.To), id: fmt.Sprint("r", len(f.replies)), marker: marker}
	f.replies = append(f.replies, posted)
	if err := ask(f.after, "reply", marker.Item); err != nil {
		return connector.Written{}, err
	}

	return connector.Written{Remote: domain.Remote{ID: posted.id}}, nil
}

func (f forum) FindReply(_ context.Context, r connector.Reply) (connector.Written, bool, error) {
	f.asked++
	seen := r.After.ID == ""
	for _, posted := range f.replies {
		if posted.message != r.Message.ID {
			continue
		}
		if seen && slices.Contains(r.Markers, posted.marker) {
			return connector.Written{Remote: domain.Remote{ID: posted.id}}, true, nil
		}

		seen = seen || posted.id == r.After.ID
	}

	return connector.Written{}, false, nil
}

// replyingChat is a world whose integration is a chat that replies.
func replyingChat(t *testing.T) (*world, *room) {
	w := newWorld(t)
	r := &room{clock: w.clock, manner: connector.DeliveryMode{Edits: true, Replies: true, DigestOver: 20}}
	w.worker.Open = func(context.Context, store.View) (Opened, error) {
		return Opened{Connector: forum{archive{r}}, Credential: w.credential, Limits: w.limits}, nil
	}

	return w, r
}

// below are the texts of the replies.
func (r *room) below() []string {
	var texts []string
	for _, one := range r.replies {
		texts = append(texts, one.text)
	}

	return texts
}

func status(name string) func(*domain.Item) {
	return func(i *domain.Item) { i.Status = name }
}

func said(from, to domain.Progress) string { return fmt.Sprintf("%+v → %+v", from, to) }

func open(status string) domain.Progress { return domain.Progress{State: domain.Open, Status: status} }

// later lets scheduled runs come due, minute by minute.
func (w *world) later(minutes int) {
	w.t.Helper()
	for range minutes {
		w.clock.now = w.clock.now.Add(time.Minute)
		w.must(w.tick())
		w.settle()
	}
}

// C13: a change of the status is one edit and one reply, which says old and new. A
// change of the text alone is an edit. Another sync costs nothing.
func TestAChangeOfProgressIsSaidInAReply(t *testing.T) {
	w, r := replyingChat(t)
	w.told(1, 1, status("planned"))
	mustBe(t, "first", w.sync(domain.Incremental).Counts, domain.Counts{Created: 1})
	mustBe(t, "replies to a new message", len(r.replies), 0)

	w.told(1, 2, func(i *domain.Item) {
		i.Status = "in review"
		i.Priority = "urgent"
	})
	run := w.sync(domain.Incremental)
	w.noMarks()
	mustBe(t, "counts", run.Counts, domain.Counts{Updated: 1})
	mustBe(t, "status", run.Status, domain.Succeeded)
	mustBe(t, "edits", r.edits, 1)
	mustBe(t, "replies", fmt.Sprint(r.below()), fmt.Sprint([]string{said(open("planned"), domain.Progress{State: domain.Open, Status: "in review", Priority: "urgent"})}))

	asked := r.asked
	mustBe(t, "second sync", w.sync(domain.Full).Counts, domain.Counts{Unchanged: 1})
	mustBe(t, "its calls", r.asked, asked)

	w.told(1, 3, func(i *domain.Item) {
		i.Status = "in review"
		i.Priority = "urgent"
		i.Description = "another text"
	})

	w.sync(domain.Incremental)
	w.noMarks()
	mustBe(t, "edits", r.edits, 2)
	mustBe(t, "replies", len(r.replies), 1)
	mustBe(t, "messages", len(r.messages), 1)
}

// At most one reply a minute below a message: the changes of that minute are said
// together, and those that were taken back are not said at all.
func TestRepliesAreHeldBackForAMinute(t *testing.T) {
	w, r := replyingChat(t)
	w.told(1, 1, status("new"))
	w.sync(domain.Incremental)
	w.told(1, 2, status("planned"))
	w.sync(domain.Incremental)

	w.told(1, 3, status("in progress"))
	run := w.sync(domain.Incremental)
	mustBe(t, "edits", r.edits, 2)
	mustBe(t, "replies", len(r.replies), 1)
	mustBe(t, "status of the run", run.Status, domain.Succeeded)
	mustBe(t, "reason", w.link(1).Reason, replyPending)
	n, err := w.sure.CountPendingChanges(w.ctx, 77)
	w.must(err)
	mustBe(t, "pending", n, 1)

	w.told(1, 4, status("done"))
	w.sync(domain.Incremental)
	mustBe(t, "replies", len(r.replies), 1)
	w.later(3)
	w.noMarks()
	mustBe(t, "edits", r.edits, 3)
	mustBe(t, "replies", fmt.Sprint(r.below()), fmt.Sprint([]string{said(open("new"), open("planned")), said(open("planned"), open("done"))}))
	mustBe(t, "reason", w.link(1).Reason, "")
	mustBe(t, "outcome", w.link(1).Outcome, domain.Updated)

	w.told(1, 5, status("in progress"))
	w.sync(domain.Incremental)
	mustBe(t, "replies", len(r.replies), 3)
	w.told(1, 6, status("done"))
	w.sync(domain.Incremental)
	w.told(1, 7, status("in progress"))
	w.sync(domain.Incremental)
	w.later(3)
	w.noMarks()
	mustBe(t, "replies about a change that was taken back", len(r.replies), 3)
	mustBe(t, "reason", w.link(1).Reason, "")
}

// A full run that is not to announce says nothing in threads either. The next
// reply says the whole change.
func TestAQuietRunDoesNotReply(t *testing.T) {
	w, r := replyingChat(t)
	w.told(1, 1, status("new"))
	w.sync(domain.Incremental)
	w.item(1, 2, status("planned"))
	mustBe(t, "quiet", w.sync(domain.Full).Counts, domain.Counts{Updated: 1})
	w.noMarks()
	mustBe(t, "replies", len(r.replies), 0)

	w.told(1, 3, status("done"))
	w.sync(domain.Incremental)
	mustBe(t, "replies", fmt.Sprint(r.below()), fmt.Sprint([]string{said(open("new"), open("done"))}))
}

// A chat that is changed from edit to reply knows what its messages say.
func TestAChatBeginsToReply(t *testing.T) {
	w, r := replyingChat(t)
	r.manner.Replies = false
	w.told(1, 1, status("new"))
	w.sync(domain.Incremental)
	r.manner.Replies = true
	w.told(1, 2, status("done"))
	w.sync(domain.Incremental)
	w.noMarks()
	mustBe(t, "replies", fmt.Sprint(r.below()), fmt.Sprint([]string{said(open("new"), open("done"))}))
}

// A reply whose answer is lost is looked for: it is not posted twice, and not
// lost. One that is refused for now, or does not leave, is posted later.
func TestAReplyThatIsNotAnswered(t *testing.T) {
	limited := &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "rate_limited", Wait: 7 * time.Minute}
	for name, c := range map[string]struct {
		posted bool
		err    error
		times  int
	}{
		"posted, answer lost":             {true, ambiguous(), 1},
		"posted, answer lost three times": {true, ambiguous(), 3},
		"not posted, answer lost":         {false, ambiguous(), 1},
		"not posted, three times":         {false, ambiguous(), 3},
		"limited":                         {false, limited, 2},
		"not sent":                        {false, &failure.Error{Class: failure.NotSent, Scope: failure.IntegrationScope, Code: "unreachable"}, 5},
		"refused":                         {false, refusedItem(), 2},
	} {
		t.Run(name, func(t *testing.T) {
			w, r := replyingChat(t)
			for n := domain.Snowflake(1); n <= 5; n++ {
				w.told(n, 1, status("new"))
			}

			w.sync(domain.Incremental)
			times := c.times
			fails := func(call string, _ domain.Snowflake) error {
				if call != "reply" || times == 0 {
					return nil
				}
				times--
				return c.err
			}
			if c.posted {
				r.after = fails
			} else {
				r.before = fails
			}

			for n := domain.Snowflake(1); n <= 5; n++ {
				w.told(n, 2, status("done"))
			}

			w.sync(domain.Incremental)
			w.later(30)
			w.noMarks()
			mustBe(t, "edits", r.edits, 5)
			mustBe(t, "replies", len(r.replies), 5)
			for n := domain.Snowflake(1); n <= 5; n++ {
				l := w.link(n)
				if l.Outcome != domain.Updated || l.Thread == nil || l.Thread.Intent != nil || l.Thread.Said != open("done") {
					t.Errorf("%d: %s %s, %+v", n, l.Outcome, l.Reason, l.Thread)
				}
			}
		})
	}
}

// givenUpReply is a world in which the reply about item 1 was refused until it was
// given up. From then on the chat takes replies.
func givenUpReply(t *testing.T) (*world, *room) {
	t.Helper()
	w, r := replyingChat(t)
	w.told(1, 1, status("new"))
	w.sync(domain.Incremental)
	r.before = func(call string, _ domain.Snowflake) error {
		if call == "reply" {
			return refusedItem()
		}
		return nil
	}

	w.told(1, 2, status("done"))
	w.sync(domain.Incremental)
	w.later(120)
	r.before = nil

	return w, r
}

// A reply that the chat never takes is given up like an item: its row says why,
// and a manager can have it tried again.
func TestAReplyThatIsRefused(t *testing.T) {
	w, r := givenUpReply(t)
	l := w.link(1)
	mustBe(t, "outcome", l.Outcome, domain.FailedOut)
	mustBe(t, "given up", l.GivenUp, true)
	if l.Reason == "" {
		t.Error("the row has no reason")
	}

	w.noMarks()

	w.must(w.sure.RetryItems(w.ctx, 77, []store.Link{l}))
	w.sync(domain.Incremental)
	w.noMarks()
	mustBe(t, "replies", len(r.replies), 1)
	mustBe(t, "outcome", w.link(1).Outcome, domain.Updated)
}

// Whatever the worker dies over, each change is said once.
func TestAWorkerDiesOverAReply(t *testing.T) {
	for cut := 3; cut <= 26; cut++ {
		for _, take := range []bool{false, true} {
			w, r := replyingChat(t)
			for id := domain.Snowflake(1); id <= 3; id++ {
				w.told(id, 1, status("new"))
			}

			w.sync(domain.Incremental)
			for id := domain.Snowflake(1); id <= 3; id++ {
				w.told(id, 2, status("done"))
			}

			w.start(domain.Incremental)
			w.wire.reset(cut, take)
			_ = w.slice()
			w.wire.reset(0, false)
			w.clock.now = w.clock.now.Add(invocationTime)
			w.settle()
			w.later(5)
			w.noMarks()

			what := fmt.Sprintf("cut %d, taken %v", cut, take)
			mustBe(t, what+": replies", len(r.replies), 3)
			for id := domain.Snowflake(1); id <= 3; id++ {
				l := w.link(id)
				if l.Outcome != domain.Updated || l.Thread == nil || l.Thread.Intent != nil || l.Thread.Said != open("done") {
					t.Errorf("%s: %d: %s %s, %+v", what, id, l.Outcome, l.Reason, l.Thread)
				}
			}
		}
	}
}

// C12: a person deleted the message. Changes of the item are not posted again, but
// a reopened item is announced: it has a new message, also where it was closed after
// the message was gone.
func TestAReopenedItemIsPostedAnew(t *testing.T) {
	for _, replies := range []bool{false, true} {
		w, r := replyingChat(t)
		r.manner.Replies = replies
		w.told(1, 1, nil)
		w.sync(domain.Incremental)
		r.before = func(call string, _ domain.Snowflake) error {
			if call == "update" {
				return &failure.Error{Class: failure.Final, Scope: failure.ItemScope, Code: item.RemoteDeleted}
			}
			return nil
		}

		w.told(1, 2, func(i *domain.Item) { i.Title = "another title" })
		mustBe(t, "changed", w.sync(domain.Incremental).Counts, domain.Counts{Skipped: 1})
		w.told(1, 3, done)
		mustBe(t, "closed", w.sync(domain.Incremental).Counts, domain.Counts{Skipped: 1})
		mustBe(t, "reason", w.link(1).Reason, item.RemoteDeleted)
		w.item(1, 4, nil)
		mustBe(t, "found open by a quiet run", w.sync(domain.Full).Counts.Created, 0)

		w.told(1, 5, func(i *domain.Item) { i.Priority = "urgent" })
		mustBe(t, "reopened", w.sync(domain.Incremental).Counts, domain.Counts{Created: 1})
		w.noMarks()
		mustBe(t, "messages", len(r.of(1)), 2)
		mustBe(t, "replies", len(r.replies), 0)

		r.before = nil
		w.told(1, 6, func(i *domain.Item) { i.Title = "a third title" })
		mustBe(t, "the new message is edited", w.sync(domain.Incremental).Counts, domain.Counts{Updated: 1})
		mustBe(t, "messages", len(r.of(1)), 2)
	}
}
