package worker

import (
	"context"
	"fmt"
	"testing"
	"time"

	"example.com/integrations/functions/providersync/worker/item"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// deletes has a person delete all messages that are there. Edits of them are
// refused from then on.
func (r *room) deletes() {
	if r.deleted == nil {
		r.deleted = map[string]bool{}
	}

	for n := range r.messages {
		r.deleted[fmt.Sprint(n)] = true
	}
}

func goneMessage() error {
	return &failure.Error{Class: failure.Final, Scope: failure.ItemScope, Code: item.RemoteDeleted}
}

// editingRooms are the kinds of chat that edit, with and without replies and with
// and without a history.
func editingRooms(t *testing.T, test func(t *testing.T, w *world, r *room)) {
	for name, c := range map[string]struct{ asked, replies bool }{
		"edits, asked": {true, false}, "edits, not asked": {false, false}, "replies": {true, true},
	} {
		t.Run(name, func(t *testing.T) {
			w, r := replyingChat(t)
			r.manner.Replies = c.replies
			if !c.asked {
				w.worker.Open = func(context.Context, store.View) (Opened, error) {
					return Opened{Connector: r, Credential: w.credential, Limits: w.limits}, nil
				}
			}

			test(t, w, r)
		})
	}
}

// deletedWhileClosed is a chat with a closed item, whose message a person has
// deleted. No edit has met that yet.
func deletedWhileClosed(w *world, r *room) {
	w.told(1, 1, described("text"))
	w.sync(domain.Incremental)
	w.told(1, 2, func(i *domain.Item) {
		i.State = domain.Closed
		i.Description = "text"
	})
	w.sync(domain.Incremental)
	w.later(2)
	mustBe(w.t, "messages before", len(r.of(1)), 1)
	r.deletes()
}

// deletedBeforeClosed is a chat with an item that was closed after its message was
// deleted.
func deletedBeforeClosed(w *world, r *room) {
	w.told(1, 1, described("text"))
	w.sync(domain.Incremental)
	r.deletes()
	w.told(1, 2, func(i *domain.Item) {
		i.State = domain.Closed
		i.Description = "text"
	})
	w.sync(domain.Incremental)
	w.later(2)
	mustBe(w.t, "reason", w.link(1).Reason, item.RemoteDeleted)
}

func described(text string) func(*domain.Item) { return func(i *domain.Item) { i.Description = text } }

// C12: the edit that says that an item is open again shows that its message is
// gone. The item is posted anew all the same.
func TestAReopenedItemWhoseMessageIsFoundDeleted(t *testing.T) {
	editingRooms(t, func(t *testing.T, w *world, r *room) {
		deletedWhileClosed(w, r)
		before := len(r.replies)
		w.told(1, 3, described("text"))
		run := w.sync(domain.Incremental)
		w.later(3)
		w.noMarks()
		mustBe(t, "counts", run.Counts, domain.Counts{Created: 1})
		mustBe(t, "replies", len(r.replies), before)
		if len(r.of(1)) != 2 {
			t.Fatalf("%d messages", len(r.of(1)))
		}

		if was := r.of(1)[1].was; was == nil || was.State != domain.Closed {
			t.Errorf("the new message does not say that the item was closed: %+v", was)
		}

		asked := r.asked
		w.sync(domain.Full)
		mustBe(t, "calls of a full run", r.asked, asked)
		w.told(1, 4, described("another text"))
		mustBe(t, "the new message is edited", w.sync(domain.Incremental).Counts, domain.Counts{Updated: 1})
		mustBe(t, "messages", len(r.of(1)), 2)
	})
}

// C12: in a quiet run a reopened item is not announced. The next event announces it.
func TestAQuietRunFindsAReopenedItemWhoseMessageIsDeleted(t *testing.T) {
	editingRooms(t, func(t *testing.T, w *world, r *room) {
		deletedWhileClosed(w, r)
		w.item(1, 3, described("text"))
		mustBe(t, "quiet", w.sync(domain.Full).Counts, domain.Counts{Skipped: 1})
		mustBe(t, "again", w.sync(domain.Full).Counts, domain.Counts{Skipped: 1})
		w.noMarks()
		mustBe(t, "messages", len(r.of(1)), 1)
		w.told(1, 4, described("text"))
		mustBe(t, "told", w.sync(domain.Incremental).Counts, domain.Counts{Created: 1})
		mustBe(t, "messages", len(r.of(1)), 2)
	})
}

// C12: a post of a reopened item that fails at first is not lost, also where the
// item is as it was before its message was deleted.
func TestAReopenedItemThatIsNotTakenAtOnce(t *testing.T) {
	limited := &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "rate_limited", Wait: 7 * time.Minute}
	for name, c := range map[string]struct {
		posted bool
		err    error
		times  int
	}{
		"refused":             {false, refusedItem(), 2},
		"limited":             {false, limited, 2},
		"not sent":            {false, &failure.Error{Class: failure.NotSent, Scope: failure.IntegrationScope, Code: "unreachable"}, 5},
		"lost":                {false, ambiguous(), 3},
		"posted, answer lost": {true, ambiguous(), 1},
	} {
		for where, deleted := range map[string]func(*world, *room){"before": deletedBeforeClosed, "while": deletedWhileClosed} {
			for _, replies := range []bool{false, true} {
				t.Run(fmt.Sprint(name, " ", where, " closed ", replies), func(t *testing.T) {
					w, r := replyingChat(t)
					r.manner.Replies = replies
					deleted(w, r)
					times := c.times
					fails := func(call string, _ domain.Snowflake) error {
						if call != "create" || times == 0 {
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

					w.told(1, 3, described("text"))
					w.sync(domain.Incremental)
					w.later(60)
					w.noMarks()
					mustBe(t, "messages", len(r.of(1)), 2)
					l := w.link(1)
					if l.Outcome != domain.Created || l.Remote == nil || l.Remote.ID != "1" {
						t.Errorf("%s %s, %+v", l.Outcome, l.Reason, l.Remote)
					}
				})
			}
		}
	}
}

// C12: whatever the worker dies over, a reopened item whose message is gone is
// posted once.
func TestAWorkerDiesOverAReopenedItem(t *testing.T) {
	for _, deleted := range []func(*world, *room){deletedBeforeClosed, deletedWhileClosed} {
		for cut := 3; cut <= 22; cut++ {
			for _, take := range []bool{false, true} {
				w, r := replyingChat(t)
				deleted(w, r)
				w.told(1, 3, described("text"))
				w.start(domain.Incremental)
				w.wire.reset(cut, take)
				_ = w.slice()
				w.wire.reset(0, false)
				w.clock.now = w.clock.now.Add(invocationTime)
				w.settle()
				w.later(5)
				w.noMarks()
				if n := len(r.of(1)); n != 2 {
					l := w.link(1)
					t.Errorf("cut %d, taken %v: %d messages, %s %s", cut, take, n, l.Outcome, l.Reason)
				}
			}
		}
	}
}

// C12: a digest names a reopened item whose message is gone, and once only,
// whatever becomes of the digest.
func TestAReopenedItemInADigest(t *testing.T) {
	limited := &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "rate_limited", Wait: 7 * time.Minute}
	for name, c := range map[string]struct {
		posted bool
		err    error
		times  int
	}{
		"taken":                 {},
		"limited":               {false, limited, 1},
		"lost":                  {false, ambiguous(), 1},
		"posted, answer lost":   {true, ambiguous(), 1},
		"refused for its names": {false, refusedItem(), 1},
		"refused":               {false, refusedItem(), 2},
	} {
		for where, deleted := range map[string]func(*world, *room){"before": deletedBeforeClosed, "while": deletedWhileClosed} {
			t.Run(name+" "+where+" closed", func(t *testing.T) {
				w, r := replyingChat(t)
				r.manner.DigestOver = 3
				deleted(w, r)
				times := c.times
				fails := func(call string, _ domain.Snowflake) error {
					if call != "digest" || times == 0 {
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

				w.told(1, 3, described("text"))
				for n := domain.Snowflake(2); n <= 6; n++ {
					w.told(n, 1, nil)
				}

				w.sync(domain.Incremental)
				w.later(60)
				w.noMarks()

				reopened := len(r.of(1)) - 1
				for _, d := range r.digests() {
					reopened += d.digest.Reopened
				}

				mustBe(t, "said", reopened, 1)
				if l := w.link(1); l.Outcome != domain.Created {
					t.Errorf("%s %s", l.Outcome, l.Reason)
				}

				asked := r.asked
				w.sync(domain.Full)
				mustBe(t, "calls of a full run", r.asked, asked)
			})
		}
	}
}

// C12: a run that is cancelled before its digest leaves loses nothing of it.
func TestACancelledDigestOfAReopenedItem(t *testing.T) {
	for _, deleted := range []func(*world, *room){deletedBeforeClosed, deletedWhileClosed} {
		w, r := replyingChat(t)
		r.manner.DigestOver = 3
		deleted(w, r)
		w.told(1, 3, described("text"))
		for n := domain.Snowflake(2); n <= 6; n++ {
			w.told(n, 1, nil)
		}

		r.before = func(call string, _ domain.Snowflake) error {
			if call == "digest" {
				return &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "rate_limited", Wait: 7 * time.Minute}
			}
			return nil
		}

		id := w.start(domain.Incremental)
		w.must(w.slice())
		_, err := w.sure.CancelRun(w.ctx, w.pair, id, w.clock.now)
		w.must(err)
		w.queue = nil
		r.before = nil
		w.clock.now = w.clock.now.Add(time.Hour)
		w.sync(domain.Incremental)
		w.later(5)
		w.noMarks()
		if len(r.digests()) != 1 || r.digests()[0].digest.Reopened != 1 || len(r.of(1)) != 1 {
			t.Errorf("%d digests, %d messages of the item, %s", len(r.digests()), len(r.of(1)), w.link(1).Reason)
		}
	}
}

// A chat that posts each change does not need the message before.
func TestAChatThatPostsDoesNotMissADeletedMessage(t *testing.T) {
	w, r := chatting(t, "edits, asked")
	deletedBeforeClosed(w, r)
	r.manner.Edits = false
	w.told(1, 3, func(i *domain.Item) {
		i.State = domain.Closed
		i.Title = "another title"
	})
	mustBe(t, "posted", w.sync(domain.Incremental).Counts, domain.Counts{Created: 1})
	w.noMarks()
	mustBe(t, "messages", len(r.of(1)), 2)
}

// C12, C13: a reply that is held back, and the message is deleted before it is
// due: there is nothing to reply to, and the item stays as it is. When it is open
// again it is posted anew, without an old reply.
func TestAMessageIsDeletedBeforeItsReply(t *testing.T) {
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

		w.told(1, 3, done)
		w.start(domain.Incremental)
		w.must(w.slice())
		r.deletes()
		r.before = nil
		replies := len(r.replies)
		w.later(10)
		w.noMarks()
		mustBe(t, "replies", len(r.replies), replies)
		mustBe(t, "reason", w.link(1).Reason, item.RemoteDeleted)
		mustBe(t, "health", w.health().State, domain.Healthy)

		w.told(1, 4, nil)
		mustBe(t, "reopened", w.sync(domain.Incremental).Counts, domain.Counts{Created: 1})
		w.later(3)
		w.noMarks()
		mustBe(t, "messages", len(r.of(1)), 2)
		mustBe(t, "replies", len(r.replies), replies)

		w.told(1, 5, done)
		w.sync(domain.Incremental)
		w.noMarks()
		last := r.replies[len(r.replies)-1]
		mustBe(t, "the next reply is below", last.message, "1")
	}
}

// C12, C13: a reply is in doubt, a person deletes the message, and the item is opened
// again before the reply was looked for. Nothing of the old thread is looked for or
// repeated.
func TestAReplyIsInDoubtAndTheItemIsPostedAnew(t *testing.T) {
	for _, posted := range []bool{false, true} {
		w, r := replyingChat(t)
		w.told(1, 1, status("new"))
		w.sync(domain.Incremental)
		fails := func(call string, _ domain.Snowflake) error {
			if call == "reply" {
				return ambiguous()
			}
			return nil
		}
		if posted {
			r.after = fails
		} else {
			r.before = fails
		}

		w.told(1, 2, done)
		w.start(domain.Incremental)
		w.must(w.slice())
		if thread := w.link(1).Thread; thread == nil || thread.Intent == nil {
			t.Fatalf("no reply is in doubt: %+v", thread)
		}

		r.before = nil
		r.after = nil
		r.deletes()
		replies := len(r.replies)
		w.told(1, 3, nil)
		w.must(w.sure.Signal(w.ctx, 77))
		w.later(10)
		w.noMarks()
		mustBe(t, "messages", len(r.of(1)), 2)
		mustBe(t, "replies", len(r.replies), replies)
		l := w.link(1)
		if l.Thread == nil || l.Thread.Intent != nil || l.Thread.Last.ID != "" || l.Thread.Said != open("") {
			t.Errorf("thread of the new message: %+v", l.Thread)
		}
	}
}

// C13: a quiet full run meets a reply that is held back. The reply is posted once, when
// it is due.
func TestAQuietRunKeepsAReplyThatIsHeldBack(t *testing.T) {
	for _, announce := range []bool{false, true} {
		w, r := replyingChat(t)
		w.told(1, 1, status("new"))
		w.sync(domain.Incremental)
		w.told(1, 2, status("planned"))
		w.sync(domain.Incremental)
		w.told(1, 3, status("done"))
		w.sync(domain.Incremental)
		mustBe(t, "reason", w.link(1).Reason, replyPending)

		for range 3 {
			id := w.start(domain.Full)
			if announce {
				w.must(w.sure.JoinRun(w.ctx, 77, id, store.RunRequest{Announce: true}))
			}

			w.settle()
			mustBe(t, "status of the run", w.run(id).Status, domain.Succeeded)
		}

		mustBe(t, "replies before it is due", len(r.replies), 1)
		w.later(3)
		w.noMarks()
		mustBe(t, "replies", fmt.Sprint(r.below()), fmt.Sprint([]string{said(open("new"), open("planned")), said(open("planned"), open("done"))}))
		mustBe(t, "messages", len(r.messages), 1)
		mustBe(t, "edits", r.edits, 2)
	}
}
