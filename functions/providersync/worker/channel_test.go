package worker

import (
	"fmt"
	"testing"
	"time"

	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

// keyOf is the thread that a message is in: that of the item's messages before, or
// else one that the message opens.
func (r *room) keyOf(n int) string {
	if !r.threads {
		return ""
	}

	if was := r.messages[n].was; was != nil && was.Channel != "" {
		return was.Channel
	}

	return fmt.Sprint("thread ", n)
}

// C11: a message that takes the place of one that cannot be edited any more goes
// into the same thread, also when the worker dies between the two.
func TestTheNextMessageIsInTheSameThread(t *testing.T) {
	for _, dies := range []bool{false, true} {
		w, r := chatting(t, "edits, not asked")
		r.threads = true
		w.told(1, 1, nil)
		w.sync(domain.Incremental)
		mustBe(t, "the thread", w.link(1).Channel, "thread 0")

		r.frozen = true
		w.told(1, 2, nil)
		if dies {
			r.before = func(call string, _ domain.Snowflake) error {
				if call == "create" {
					return &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "provider_unavailable"}
				}
				return nil
			}

			w.sync(domain.Incremental)
			mustBe(t, "no message yet", len(r.of(1)), 1)
			r.before = nil
			w.clock.now = w.clock.now.Add(time.Hour)
		}

		w.sync(domain.Incremental)
		all := r.of(1)
		mustBe(t, "messages", len(all), 2)
		if was := all[1].was; was == nil || was.Channel != "thread 0" {
			t.Errorf("dies %v: the previous message of the second one is %+v", dies, was)
		}

		mustBe(t, "the thread stays", w.link(1).Channel, "thread 0")
	}
}

// C11: where each change is a message, all of them are in the first one's thread.
func TestEachChangeIsInOneThread(t *testing.T) {
	w, r := chatting(t, "posts, not asked")
	r.threads = true
	for version := range int64(3) {
		w.told(1, version+1, nil)
		w.sync(domain.Incremental)
	}

	all := r.of(1)
	mustBe(t, "messages", len(all), 3)
	for _, m := range all[1:] {
		if m.was == nil || m.was.Channel != "thread 0" {
			t.Errorf("%+v", m.was)
		}
	}

	mustBe(t, "the thread", w.link(1).Channel, "thread 0")
}
