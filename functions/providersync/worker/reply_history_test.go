package worker

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"example.com/integrations/functions/providersync/worker/item"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// While a chat only edits, its messages say each change. When it replies again, its
// replies do not repeat those changes.
func TestAChatThatOnlyEditedForAWhileDoesNotRepeatOldChanges(t *testing.T) {
	w, r := replyingChat(t)
	w.told(1, 1, status("new"))
	w.sync(domain.Incremental)
	w.told(1, 2, status("planned"))
	w.sync(domain.Incremental)
	mustBe(t, "replies", len(r.replies), 1)

	r.manner.Replies = false
	w.told(1, 3, status("in progress"))
	w.sync(domain.Incremental)

	r.manner.Replies = true
	w.later(2)
	w.told(1, 4, func(i *domain.Item) {
		i.Status = "in progress"
		i.Description = "another text"
	})
	w.sync(domain.Incremental)
	w.later(2)
	w.noMarks()
	mustBe(t, "replies after a change of the text", len(r.replies), 1)

	w.told(1, 5, status("done"))
	w.sync(domain.Incremental)
	w.later(2)
	mustBe(t, "last reply", r.below()[len(r.replies)-1], said(open("in progress"), open("done")))
}

// A chat that is changed to edit while a reply is held back, or in doubt, forgets
// that reply: nothing is pending and no row says so.
func TestAChatEndsToReply(t *testing.T) {
	for _, doubt := range []bool{false, true} {
		w, r := replyingChat(t)
		w.told(1, 1, status("new"))
		w.sync(domain.Incremental)
		w.told(1, 2, status("planned"))
		w.sync(domain.Incremental)
		if doubt {
			w.later(2)
			r.before = func(call string, _ domain.Snowflake) error {
				if call == "reply" {
					return ambiguous()
				}
				return nil
			}
		}

		w.told(1, 3, status("done"))
		w.start(domain.Incremental)
		w.must(w.slice())

		r.manner.Replies = false
		r.before = nil
		w.later(5)
		w.noMarks()
		l := w.link(1)
		if l.Reason != "" || l.Thread != nil && (l.Thread.Intent != nil || l.Thread.Said != open("done")) {
			t.Errorf("in doubt %v: reason %q, %+v", doubt, l.Reason, l.Thread)
		}
	}
}

// A clock that was ahead and is set back does not hold replies back for longer than
// a minute.
func TestRepliesAfterTheClockWasSetBack(t *testing.T) {
	w, r := replyingChat(t)
	w.told(1, 1, status("new"))
	w.sync(domain.Incremental)
	w.told(1, 2, status("planned"))
	w.sync(domain.Incremental)

	l := w.link(1)
	l.Thread.At = w.clock.now.Add(24 * time.Hour).UnixMilli()
	w.replaceLink(l)
	w.told(1, 3, status("done"))
	w.sync(domain.Incremental)
	w.later(2)
	w.noMarks()
	mustBe(t, "replies", len(r.replies), 2)
}

// A reply that was given up is tried again only for another version of the item or
// at a manager's wish, not because the item is marked again.
func TestAReplyThatWasGivenUpRests(t *testing.T) {
	w, r := givenUpReply(t)
	mustBe(t, "given up", w.link(1).GivenUp, true)

	w.must(w.sure.PutPendingChange(w.ctx, 77, store.PendingChange{ItemID: 1, Version: 2}))
	w.sync(domain.Incremental)
	w.noMarks()
	mustBe(t, "replies", len(r.replies), 0)
}

// A dry run says that a reply is to be posted, and makes no call.
func TestADryRunForeseesAReply(t *testing.T) {
	w, r := replyingChat(t)
	w.told(1, 1, status("new"))
	w.sync(domain.Incremental)
	w.told(1, 2, status("planned"))
	w.sync(domain.Incremental)

	w.told(1, 3, status("done"))
	_, rows := w.dryRun(domain.Incremental)
	mustBe(t, "steps of an edit with a reply", fmt.Sprint(stepsOf(rows)), "[update reply]")

	w.sync(domain.Incremental)
	mustBe(t, "reason", w.link(1).Reason, replyPending)
	asked := r.asked
	run, rows := w.dryRun(domain.Incremental)
	mustBe(t, "steps of a reply", fmt.Sprint(stepsOf(rows)), "[reply]")
	mustBe(t, "counts", run.Counts, domain.Counts{Updated: 1})
	mustBe(t, "calls of the dry run", r.asked, asked)
}

func stepsOf(rows []domain.PlanRow) (steps []string) {
	for _, row := range rows {
		steps = slices.Concat(steps, row.Steps)
	}

	return steps
}

// An item that was named in a digest has no message. It still counts in each run that
// looks at it, whatever was said below an earlier message.
func TestAnItemOfADigestCounts(t *testing.T) {
	w, r := replyingChat(t)
	w.told(1, 1, status("new"))
	w.sync(domain.Incremental)
	r.before = func(call string, _ domain.Snowflake) error {
		if call == "update" {
			return &failure.Error{Class: failure.Final, Scope: failure.ItemScope, Code: item.RemoteDeleted}
		}
		return nil
	}

	w.told(1, 2, func(i *domain.Item) {
		i.Status = "done"
		i.State = domain.Closed
	})
	w.sync(domain.Incremental)
	mustBe(t, "reason", w.link(1).Reason, item.RemoteDeleted)

	r.before = nil
	r.manner.DigestOver = 0
	w.told(1, 3, status("again"))
	w.sync(domain.Incremental)
	mustBe(t, "reason after the digest", w.link(1).Reason, inDigest)

	w.must(w.sure.PutPendingChange(w.ctx, 77, store.PendingChange{ItemID: 1, Version: 3}))
	mustBe(t, "counts", w.sync(domain.Incremental).Counts, domain.Counts{Unchanged: 1})
	w.noMarks()
}

// replaceLink writes a link as another run would have left it.
func (w *world) replaceLink(l store.Link) {
	w.t.Helper()
	id := w.start(domain.Incremental)
	held, err := w.sure.Acquire(w.ctx, w.pair, store.LeaseRequest{RunID: id, ID: "another", Now: w.clock.now, Until: w.clock.now.Add(time.Minute)})
	w.must(err)
	if held == nil {
		w.t.Fatal("the run is not free")
	}
	lease := held.Lease

	st, err := w.sure.StateIn(w.ctx, 77, lease.Kind)
	w.must(err)
	w.must(w.sure.Commit(w.ctx, lease, store.Batch{Run: *st.Run, Links: []store.Link{l}}))
	w.must(w.sure.Release(w.ctx, lease, *st.Run, w.clock.now))
	w.settle()
}

// Threads that are locked say nothing about messages: however many replies are
// refused in a row, items are still written.
func TestRefusedRepliesDoNotPauseWrites(t *testing.T) {
	w, r := replyingChat(t)
	for id := domain.Snowflake(1); id <= 5; id++ {
		w.told(id, 1, status("new"))
	}

	w.sync(domain.Incremental)
	r.before = func(call string, _ domain.Snowflake) error {
		if call == "reply" {
			return refusedItem()
		}
		return nil
	}
	for id := domain.Snowflake(1); id <= 5; id++ {
		w.told(id, 2, status("done"))
	}

	w.sync(domain.Incremental)
	w.later(10)
	mustBe(t, "health", w.health().State, domain.Healthy)

	w.told(6, 1, nil)
	w.sync(domain.Incremental)
	mustBe(t, "messages", len(r.messages), 6)
	for id := domain.Snowflake(1); id <= 5; id++ {
		mustBe(t, "outcome", w.link(id).Outcome, domain.FailedOut)
	}
}
