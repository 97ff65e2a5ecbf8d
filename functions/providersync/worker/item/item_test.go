package item

import (
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

var (
	now     = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	content = connector.Content{Title: "a title", State: domain.Open}
	retry   = []store.PendingChange{{ItemID: 1, Retry: true}}
	event   = []store.PendingChange{{ItemID: 1, Announced: true}}
	planned = []store.PendingChange{{ItemID: 1, Planned: 7}}
)

// A case changes a subject at version 2 whose object has another content of version 1,
// and the policy of a tracker that can be searched.
type testCase struct {
	name   string
	change func(*Subject, *Policy)
	want   Action
}

func synced(s *Subject) {
	s.Link.Version = 2
	s.Link.SentHash = content.Hash()
	s.Link.Outcome = domain.Updated
}

func neverSent(s *Subject) {
	s.Link = store.Link{}
}

func chat(p *Policy) {
	p.Chat = true
	p.CanSearch = false
}

var cases = []testCase{
	{"changed", func(*Subject, *Policy) {}, Action{Step: Update}},
	{"new", func(s *Subject, _ *Policy) { neverSent(s) }, Action{Step: Create}},
	{"the same", func(s *Subject, _ *Policy) { synced(s) }, Action{Step: Unchanged}},
	{"another version of the same content", func(s *Subject, _ *Policy) { synced(s); s.Link.Version = 1 }, Action{Step: Unchanged}},
	{"the same, and a retry is asked for", func(s *Subject, _ *Policy) { synced(s); s.Pending = retry }, Action{Step: Unchanged}},
	{"the same, in doubt", func(s *Subject, _ *Policy) { synced(s); s.Link.InDoubt = true }, Action{Step: Update}},

	{"create in doubt", func(s *Subject, _ *Policy) { neverSent(s); s.Link.Intent = &store.Intent{} }, Action{Step: Resolve}},
	{"create in doubt, given up", func(s *Subject, _ *Policy) {
		neverSent(s)
		s.Link = store.Link{Version: 2, Intent: &store.Intent{}, GivenUp: true}
	}, Action{Step: GivenUp}},
	{"create in doubt, given up, and a retry is asked for", func(s *Subject, _ *Policy) {
		s.Link = store.Link{Version: 2, Intent: &store.Intent{}, GivenUp: true}
		s.Pending = retry
	}, Action{Step: Resolve}},
	{"create in doubt that cannot be looked for", func(s *Subject, p *Policy) {
		chat(p)
		s.Link = store.Link{Version: 2, Intent: &store.Intent{}}
	}, Action{Step: Unanswerable}},
	{"the same content in doubt in another version", func(s *Subject, p *Policy) {
		chat(p)
		s.Link = store.Link{Version: 1, Intent: &store.Intent{Hash: content.Hash()}}
	}, Action{Step: Unanswerable}},
	{"a change after a create that cannot be looked for", func(s *Subject, p *Policy) {
		chat(p)
		s.Link = store.Link{Version: 1, Intent: &store.Intent{Hash: "another"}}
		s.Pending = event
	}, Action{Step: Create}},
	{"a retry of a create that cannot be looked for", func(s *Subject, p *Policy) {
		chat(p)
		s.Link = store.Link{Version: 2, Intent: &store.Intent{Hash: content.Hash()}}
		s.Pending = retry
	}, Action{Step: Create}},

	{"given up", func(s *Subject, _ *Policy) { s.Link.Version = 2; s.Link.GivenUp = true }, Action{Step: GivenUp}},
	{"given up, and changed since", func(s *Subject, _ *Policy) { s.Link.GivenUp = true }, Action{Step: Update}},
	{"given up, and a retry is asked for", func(s *Subject, _ *Policy) {
		s.Link.Version = 2
		s.Link.GivenUp = true
		s.Pending = retry
	}, Action{Step: Update}},
	{"failed, next attempt later", func(s *Subject, _ *Policy) { s.Link.Version = 2; s.Link.RetryAt = now.Add(time.Minute) }, Action{Step: NotDue}},
	{"failed, next attempt due", func(s *Subject, _ *Policy) { s.Link.Version = 2; s.Link.RetryAt = now }, Action{Step: Update}},
	{"failed, and changed since", func(s *Subject, _ *Policy) { s.Link.RetryAt = now.Add(time.Minute) }, Action{Step: Update}},
	{"refused, others first", func(s *Subject, p *Policy) {
		p.SkipRefused = true
		s.Link.Version = 2
		s.Link.Outcome = domain.FailedOut
	}, Action{Step: NotDue}},

	{"deleted", func(s *Subject, _ *Policy) { s.Item.Deleted = true }, Action{Step: Update}},
	{"deleted before it was sent", func(s *Subject, _ *Policy) { neverSent(s); s.Item.Deleted = true }, Action{Skip, DeletedBeforeFirstSync}},
	{"deleted, its object stays", func(s *Subject, p *Policy) { s.Item.Deleted = true; p.LeaveDeleted = true }, Action{Skip, DeletedAndLeft}},
	{"deleted, its message cannot be edited", func(s *Subject, p *Policy) {
		chat(p)
		p.PostsEach = true
		s.Item.Deleted = true
	}, Action{Skip, NotEditable}},

	{"its object was deleted", func(s *Subject, _ *Policy) { s.Link.Reason = RemoteDeleted }, Action{Skip, RemoteDeleted}},
	{"its object was deleted, nothing else changed", func(s *Subject, _ *Policy) { synced(s); s.Link.Reason = RemoteDeleted }, Action{Skip, RemoteDeleted}},
	{"its message was deleted, and it is reopened", func(s *Subject, p *Policy) {
		chat(p)
		s.Link.Reason = RemoteDeleted
		s.Link.SentState = domain.Closed
		s.Pending = event
	}, Action{Step: Create}},
	{"its message was deleted, and a plan pass finds it reopened", func(s *Subject, p *Policy) {
		chat(p)
		s.Link.Reason = RemoteDeleted
		s.Link.SentState = domain.Closed
		s.Pending = planned
	}, Action{Skip, RemoteDeleted}},

	{"its message was deleted in a chat that posts each change", func(s *Subject, p *Policy) {
		chat(p)
		p.PostsEach = true
		synced(s)
		s.Link.Reason = RemoteDeleted
	}, Action{Step: Unchanged}},

	{"new in a chat, by an event", func(s *Subject, p *Policy) { chat(p); neverSent(s); s.Pending = event }, Action{Step: Create}},
	{"new in a chat, by a plan pass", func(s *Subject, p *Policy) { chat(p); neverSent(s); s.Pending = planned }, Action{Skip, NotAnnounced}},
	{"new in a chat, by a plan pass that announces", func(s *Subject, p *Policy) {
		chat(p)
		p.Announce = true
		neverSent(s)
		s.Pending = planned
	}, Action{Step: Create}},
	{"changed in a chat that edits", func(s *Subject, p *Policy) { chat(p); s.Pending = planned }, Action{Step: Update}},
	{"changed in a chat that posts each change", func(s *Subject, p *Policy) {
		chat(p)
		p.PostsEach = true
		s.Pending = event
	}, Action{Step: Create}},

	{"in a digest that was sent", func(s *Subject, _ *Policy) { s.InSentDigest = true }, Action{Step: SettleDigest}},
	{"in a digest that was sent, given up", func(s *Subject, _ *Policy) {
		s.InSentDigest = true
		s.Link.Version = 2
		s.Link.GivenUp = true
	}, Action{Step: SettleDigest}},
}

func TestDecide(t *testing.T) {
	for _, tt := range cases {
		t.Run(tt.name, func(t *testing.T) {
			s := Subject{
				Item:    domain.Item{ID: 1, Version: 2},
				Content: content,
				Link:    store.Link{Version: 1, SentHash: "of version 1", SentState: domain.Open, Remote: &domain.Remote{ID: "r1"}},
			}

			p := Policy{Now: now, CanSearch: true}
			tt.change(&s, &p)

			if got := Decide(s, p); got != tt.want {
				t.Errorf("Decide gives %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestEveryStepOfDecideIsTested(t *testing.T) {
	tested := map[Action]bool{}
	for _, tt := range cases {
		tested[tt.want] = true
	}

	for _, want := range []Action{
		{Step: Unchanged}, {Step: GivenUp}, {Step: NotDue}, {Step: Resolve}, {Step: Create}, {Step: Update}, {Step: Unanswerable}, {Step: SettleDigest},
		{Skip, DeletedBeforeFirstSync}, {Skip, DeletedAndLeft}, {Skip, RemoteDeleted}, {Skip, NotEditable}, {Skip, NotAnnounced},
	} {
		if !tested[want] {
			t.Errorf("no case gives %+v", want)
		}
	}
}

func TestACreateAtATrackerIsOpen(t *testing.T) {
	closed := connector.Content{State: domain.Closed}
	if got := (Policy{}).Created(closed).State; got != domain.Open {
		t.Errorf("at a tracker: %s", got)
	}

	if got := (Policy{Chat: true}).Created(closed).State; got != domain.Closed {
		t.Errorf("in a chat: %s", got)
	}
}
