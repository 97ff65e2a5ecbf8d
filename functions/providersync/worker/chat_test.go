package worker

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/integrations/functions/providersync/worker/item"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	chatmessage "example.com/integrations/shared/connector/message"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// A room is a chat in memory: messages are posted, perhaps edited, and perhaps
// found again.
type room struct {
	clock    *clock
	manner   connector.DeliveryMode
	nameless bool // messages have no id
	unproven bool
	messages []*message
	edits    int
	asked    int
	refuses  func(message) bool
	frozen   bool // messages cannot be edited any more
	replies  []*replyBelow
	threads  bool            // each item's first message opens a thread, see keyOf
	deleted  map[string]bool // messages that a person deleted
	before   func(call string, item domain.Snowflake) error
	after    func(call string, item domain.Snowflake) error
}

type message struct {
	marker  connector.Marker
	content connector.Content
	was     *connector.PreviousMessage
	digest  *connector.Digest
	at      time.Time
}

// A history is a room whose messages can be listed.
type archive struct{ *room }

func (r *room) DeliveryMode() connector.DeliveryMode { return r.manner }

func (r *room) Render(i domain.Item) connector.Content {
	return connector.Content{Title: i.Title, Body: i.Description, Labels: i.Labels, State: i.State, Number: i.FormattedNumber, Deleted: i.Deleted,
		Facts: domain.Facts{Status: i.Status, Priority: i.Priority}}
}

func (r *room) post(call string, m message) (connector.Written, error) {
	r.asked++
	if err := ask(r.before, call, m.marker.Item); err != nil {
		return connector.Written{}, err
	}

	if r.refuses != nil && r.refuses(m) {
		return connector.Written{}, refusedItem()
	}

	r.clock.now = r.clock.now.Add(20 * time.Millisecond)
	m.at = r.clock.now
	r.messages = append(r.messages, &m)
	if err := ask(r.after, call, m.marker.Item); err != nil {
		return connector.Written{}, err
	}

	return r.written(len(r.messages) - 1), nil
}

func (r *room) written(n int) connector.Written {
	if r.nameless {
		return connector.Written{Unproven: r.unproven}
	}
	return connector.Written{Remote: domain.Remote{ID: fmt.Sprint(n), Key: r.keyOf(n), URL: fmt.Sprint("https://chat.example/", n)}}
}

func (r *room) Create(_ context.Context, c connector.Content, m connector.Marker) (connector.Written, error) {
	return r.post("create", message{marker: m, content: c, was: c.Previous})
}

func (r *room) Digest(_ context.Context, d connector.Digest, m connector.Marker) (connector.Written, error) {
	return r.post("digest", message{marker: m, digest: &d})
}

func (r *room) Update(_ context.Context, sent connector.Sent, c connector.Content, m connector.Marker) (connector.Written, error) {
	r.asked++
	if err := ask(r.before, "update", m.Item); err != nil {
		return connector.Written{}, err
	}

	if r.frozen {
		return connector.Written{}, &failure.Error{Class: failure.Final, Scope: failure.ItemScope, Code: connector.NotEditable}
	}

	var n int
	if _, err := fmt.Sscan(sent.Remote.ID, &n); err != nil {
		return connector.Written{}, err
	}

	if r.deleted[sent.Remote.ID] {
		return connector.Written{}, goneMessage()
	}

	r.edits++
	r.messages[n].content = c
	r.messages[n].was = c.Previous

	return r.written(n), nil
}

func (a archive) ClockLag() (last, most time.Duration) { return 0, 0 }

func (a archive) Find(_ context.Context, since time.Time, want []connector.Marker) (map[domain.Snowflake]connector.Written, error) {
	a.asked++
	search := chatmessage.NewSearch(want)
	for n, m := range a.messages {
		if !m.at.Before(since) {
			search.See(m.marker, a.written(n), false)
		}
	}

	return search.Found, nil
}

// of are the messages about an item, digests left out.
func (r *room) of(item domain.Snowflake) (all []*message) {
	for _, m := range r.messages {
		if m.digest == nil && m.marker.Item == item {
			all = append(all, m)
		}
	}
	return all
}

func (r *room) digests() (all []*message) {
	for _, m := range r.messages {
		if m.digest != nil {
			all = append(all, m)
		}
	}
	return all
}

// The kinds of chat there are.
var rooms = map[string]room{
	"edits, asked":       {manner: connector.DeliveryMode{Edits: true, DigestOver: 20}},
	"edits, not asked":   {manner: connector.DeliveryMode{Edits: true, DigestOver: 20}},
	"posts, asked":       {manner: connector.DeliveryMode{DigestOver: 20}},
	"posts, not asked":   {manner: connector.DeliveryMode{DigestOver: 20}},
	"posts without name": {manner: connector.DeliveryMode{DigestOver: 20}, nameless: true},
	"posts unproven":     {manner: connector.DeliveryMode{DigestOver: 20}, nameless: true, unproven: true},
}

func asked(kind string) bool { return kind == "edits, asked" || kind == "posts, asked" }

// chatting is a world whose integration is a chat of a kind.
func chatting(t *testing.T, kind string) (*world, *room) {
	w := newWorld(t)
	r := rooms[kind]
	r.clock = w.clock
	w.worker.Open = func(context.Context, store.View) (Opened, error) {
		o := Opened{Connector: &r, Credential: w.credential, Limits: w.limits}
		if asked(kind) {
			o.Connector = archive{&r}
		}
		return o, nil
	}

	return w, &r
}

func everyRoom(t *testing.T, test func(t *testing.T, w *world, r *room, kind string)) {
	for kind := range rooms {
		t.Run(kind, func(t *testing.T) {
			w, r := chatting(t, kind)
			test(t, w, r, kind)
		})
	}
}

// told marks a version of an item, as an event does.
func (w *world) told(id domain.Snowflake, version int64, change func(*domain.Item)) domain.Item {
	i := w.item(id, version, change)
	w.must(w.sure.PutPendingChange(w.ctx, 77, store.PendingChange{ItemID: id, Version: version, Deleted: i.Deleted}))
	return i
}

func (w *world) link(id domain.Snowflake) store.Link {
	w.t.Helper()
	links, err := w.sure.Links(w.ctx, 77, placed, []domain.Snowflake{id})
	w.must(err)
	return links[id]
}

// sync runs a run to its end.
func (w *world) sync(mode domain.Mode) domain.Run {
	w.t.Helper()
	id := w.start(mode)
	w.settle()
	return w.run(id)
}

func (w *world) noMarks() {
	w.t.Helper()
	n, err := w.sure.CountPendingChanges(w.ctx, 77)
	w.must(err)
	mustBe(w.t, "marks left", n, 0)
}

func TestAChatIsToldOfEachChange(t *testing.T) {
	everyRoom(t, func(t *testing.T, w *world, r *room, kind string) {
		w.told(1, 1, done)
		run := w.sync(domain.Incremental)
		mustBe(t, "counts", run.Counts, domain.Counts{Created: 1})
		mustBe(t, "messages: a closed item is announced once", len(r.of(1)), 1)
		mustBe(t, "state told", r.of(1)[0].content.State, domain.Closed)
		mustBe(t, "first message tells no change", r.of(1)[0].was, nil)
		want := domain.Created
		if r.unproven {
			want = domain.Accepted
		}

		mustBe(t, "outcome", w.link(1).Outcome, want)
		mustBe(t, "remote known", w.link(1).Remote != nil, !r.nameless)

		w.told(1, 2, func(i *domain.Item) {
			i.Description = "version 1"
			i.Title = "another title"
		})
		w.told(2, 1, nil)
		run = w.sync(domain.Incremental)
		w.noMarks()
		messages := 2
		edits := 0
		counts := domain.Counts{Created: 2}
		if r.manner.Edits {
			messages = 1
			edits = 1
			counts = domain.Counts{Created: 1, Updated: 1}
		}

		mustBe(t, "counts", run.Counts, counts)
		mustBe(t, "messages", len(r.of(1)), messages)
		mustBe(t, "edits", r.edits, edits)
		last := r.of(1)[messages-1]
		if last.was == nil || last.was.State != domain.Closed || last.was.Title != "item 1" || last.was.Text != connector.TextHash("version 1") || last.content.State != domain.Open {
			t.Errorf("told: %+v, before: %+v", last.content, last.was)
		}

		w.told(1, 3, func(i *domain.Item) {
			i.Description = "version 1"
			i.Title = "another title"
		})
		mustBe(t, "counts of a version that says the same", w.sync(domain.Incremental).Counts, domain.Counts{Unchanged: 1})
	})
}

func TestAFullRunIsQuiet(t *testing.T) {
	everyRoom(t, func(t *testing.T, w *world, r *room, kind string) {
		for n := domain.Snowflake(1); n <= 30; n++ {
			w.item(n, 1, nil)
		}

		w.told(31, 1, nil) // this is announced
		run := w.sync(domain.Full)
		w.noMarks()
		mustBe(t, "counts", run.Counts, domain.Counts{Created: 1, Skipped: 30})
		mustBe(t, "messages", len(r.messages), 1)
		mustBe(t, "reason", w.link(7).Reason, item.NotAnnounced)
		mustBe(t, "again", w.sync(domain.Full).Counts, domain.Counts{Unchanged: 1, Skipped: 30})
		w.told(7, 2, nil)
		mustBe(t, "a change is announced", w.sync(domain.Incremental).Counts, domain.Counts{Created: 1})
		mustBe(t, "messages", len(r.messages), 2)

		// Announced while it runs: all is told.
		id := w.start(domain.Full)
		w.must(w.sure.JoinRun(w.ctx, 77, id, store.RunRequest{Announce: true}))
		w.settle()
		w.noMarks()
		mustBe(t, "announced", w.run(id).Counts, domain.Counts{Created: 29, Unchanged: 2})
		mustBe(t, "digests", len(r.digests()), 1)
		mustBe(t, "after all", w.sync(domain.Full).Counts, domain.Counts{Unchanged: 31})
	})
}

// Who asks for an announcement when the plan pass is over gets it all the same.
func TestAnnouncedAfterThePlan(t *testing.T) {
	w, r := chatting(t, "edits, asked")
	w.item(1, 1, nil)
	w.told(2, 1, nil)
	id := domain.Snowflake(0)
	r.after = func(string, domain.Snowflake) error {
		r.after = nil
		return w.sure.JoinRun(w.ctx, 77, id, store.RunRequest{Announce: true})
	}
	id = w.start(domain.Full)
	w.settle()
	mustBe(t, "messages", len(r.messages), 2)
	mustBe(t, "counts", w.run(id).Counts, domain.Counts{Created: 2})
}

func TestManyChangesBecomeOneDigest(t *testing.T) {
	everyRoom(t, func(t *testing.T, w *world, r *room, kind string) {
		w.told(1, 1, nil)
		w.told(2, 1, done)
		w.sync(domain.Incremental)
		w.told(1, 2, done)
		w.told(2, 2, nil)
		for n := domain.Snowflake(3); n <= 130; n++ {
			w.told(n, 1, nil)
		}

		predicted, rows := w.dryRun(domain.Incremental)
		run := w.sync(domain.Incremental)
		w.noMarks()
		d := r.digests()
		if len(d) != 1 {
			t.Fatalf("%d digests", len(d))
		}

		want := connector.Digest{New: 128, Closed: 1, Reopened: 1}
		posts := 3
		counts := domain.Counts{Created: 130}
		if r.manner.Edits {
			want = connector.Digest{New: 128}
			counts = domain.Counts{Created: 128, Updated: 2}
		}

		got := *d[0].digest
		mustBe(t, "named", len(got.First), connector.DigestShows)
		mustBe(t, "their bodies", got.First[0].Body, "")
		got.First = nil
		got.ChangedAt = nil
		mustBe(t, "digest", fmt.Sprint(got), fmt.Sprint(want))
		mustBe(t, "messages", len(r.messages), posts)
		mustBe(t, "counts", run.Counts, counts)
		mustBe(t, "status", run.Status, domain.Succeeded)
		mustBe(t, "predicted", predicted.Counts, counts)
		for _, row := range rows {
			if row.Action == domain.PlanCreate {
				mustBe(t, "predicted step", fmt.Sprint(row.Steps), "[digest]")
			}
		}

		l := w.link(77)
		mustBe(t, "reason", l.Reason, inDigest)
		mustBe(t, "gathered", l.InDigest, nil)

		w.told(77, 2, nil) // it has no message of its own to be edited
		mustBe(t, "a change after the digest", w.sync(domain.Incremental).Counts, domain.Counts{Created: 1})
		mustBe(t, "its message", len(r.of(77)), 1)
		if r.of(77)[0].was == nil {
			t.Error("what the digest told is forgotten")
		}

		mustBe(t, "at last", w.sync(domain.Full).Counts, domain.Counts{Unchanged: 130})
	})
}

// Whatever the worker dies over, each item is announced once, by a message or a
// digest, where the chat can be asked; elsewhere what it died over is unknown
// and not told twice.
func TestAWorkerDiesOverAChat(t *testing.T) {
	for kind := range rooms {
		for _, many := range []bool{false, true} {
			for cut := 5; cut <= 23; cut += 3 {
				for _, take := range []bool{false, true} {
					w, r := chatting(t, kind)
					n := domain.Snowflake(3)
					if many {
						n = 24
					}

					for id := domain.Snowflake(1); id <= n; id++ {
						w.told(id, 1, nil)
					}

					w.start(domain.Incremental)
					w.wire.reset(cut, take)
					_ = w.slice()
					w.wire.reset(0, false)
					w.clock.now = w.clock.now.Add(invocationTime)
					w.settle()
					w.noMarks()
					what := fmt.Sprintf("%s, many %v, cut %d, taken %v", kind, many, cut, take)
					unknown := 0
					for id := domain.Snowflake(1); id <= n; id++ {
						l := w.link(id)
						if l.Outcome == domain.Unknown {
							unknown++
						} else if l.SentHash == "" || l.Intent != nil || l.InDigest != nil {
							t.Errorf("%s: item %d: %+v", what, id, l)
						}

						if len(r.of(id)) > 1 {
							t.Errorf("%s: item %d was announced %d times", what, id, len(r.of(id)))
						}
					}

					most := 1
					if many {
						most = int(n)
					}

					if asked(kind) {
						most = 0
					}

					if unknown > most || many && len(r.digests()) > 1 {
						t.Errorf("%s: %d unknown, %d messages, %d digests", what, unknown, len(r.messages), len(r.digests()))
					}

					if many && unknown == 0 {
						mustBe(t, what+": digests", len(r.digests()), 1)
					}
				}
			}
		}
	}
}

// A digest whose answer is lost.
func TestALostDigest(t *testing.T) {
	everyRoom(t, func(t *testing.T, w *world, r *room, kind string) {
		for n := domain.Snowflake(1); n <= 60; n++ {
			w.told(n, 1, nil)
		}

		r.after = func(call string, _ domain.Snowflake) error {
			r.after = nil
			return ambiguous()
		}
		run := w.sync(domain.Incremental)
		w.noMarks()
		mustBe(t, "digests", len(r.digests()), 1)
		if asked(kind) {
			mustBe(t, "counts", run.Counts, domain.Counts{Created: 60})
			return
		}

		for n := domain.Snowflake(1); n <= 60; n++ {
			mustBe(t, "outcome", w.link(n).Outcome, domain.Unknown)
		}

		mustBe(t, "not sent again by itself", w.sync(domain.Incremental).Counts, domain.Counts{})
		w.told(5, 2, nil)
		mustBe(t, "the next change is told", w.sync(domain.Incremental).Counts, domain.Counts{Created: 1})
		mustBe(t, "messages", len(r.messages), 2)
	})
}

// A digest that did not arrive, or is refused.
func TestADigestThatDidNotArrive(t *testing.T) {
	for code, err := range map[string]error{
		"lost":    ambiguous(),
		"limited": &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "rate_limited", Wait: 7 * time.Minute},
		"refused": refusedItem(),
	} {
		t.Run(code, func(t *testing.T) {
			w, r := chatting(t, "edits, asked")
			for n := domain.Snowflake(1); n <= 60; n++ {
				w.told(n, 1, nil)
			}

			r.before = func(call string, _ domain.Snowflake) error {
				r.before = nil
				return err
			}
			w.sync(domain.Incremental)
			for range 3 {
				w.clock.now = w.clock.now.Add(time.Minute)
				w.must(w.tick())
				w.settle()
			}

			w.noMarks()
			mustBe(t, "messages", len(r.messages), 1)
			mustBe(t, "digests", len(r.digests()), 1)
			for n := domain.Snowflake(1); n <= 60; n++ {
				mustBe(t, "outcome", w.link(n).Outcome, domain.Created)
			}
		})
	}
}

func TestDeletedItemsInAChat(t *testing.T) {
	everyRoom(t, func(t *testing.T, w *world, r *room, kind string) {
		w.told(1, 1, nil)
		w.sync(domain.Incremental)
		w.told(1, 2, func(i *domain.Item) { i.Deleted = true })
		w.told(2, 1, func(i *domain.Item) { i.Deleted = true })
		run := w.sync(domain.Incremental)
		w.noMarks()
		mustBe(t, "messages", len(r.messages), 1)
		mustBe(t, "never told", w.link(2).Reason, "deleted_before_first_sync")
		if r.manner.Edits {
			mustBe(t, "counts", run.Counts, domain.Counts{Updated: 1, Skipped: 1})
			mustBe(t, "says so", r.messages[0].content.Deleted, true)
			return
		}

		mustBe(t, "counts", run.Counts, domain.Counts{Skipped: 2})
		mustBe(t, "reason", w.link(1).Reason, item.NotEditable)
	})
}

// A message too old to be edited is followed by a new one, and not in a quiet
// run.
func TestAMessageThatCannotBeEditedAnyMore(t *testing.T) {
	w, r := chatting(t, "edits, asked")
	w.told(1, 1, nil)
	w.sync(domain.Incremental)
	r.frozen = true
	w.item(1, 2, nil)
	mustBe(t, "quiet", w.sync(domain.Full).Counts, domain.Counts{Skipped: 1})
	mustBe(t, "messages", len(r.of(1)), 1)
	w.told(1, 3, nil)
	mustBe(t, "told", w.sync(domain.Incremental).Counts, domain.Counts{Created: 1})
	mustBe(t, "messages", len(r.of(1)), 2)
	r.frozen = false
	w.told(1, 4, nil)
	mustBe(t, "the new one is edited", w.sync(domain.Incremental).Counts, domain.Counts{Updated: 1})
	mustBe(t, "which", r.of(1)[1].content.Body, "version 4")
}

// A manager has an unknown message posted again; the worker dies over that.
func TestARetryOfAnUnknownMessageIsOnePost(t *testing.T) {
	w, r := chatting(t, "posts, not asked")
	w.told(1, 1, nil)
	r.after = func(string, domain.Snowflake) error { return ambiguous() }
	w.sync(domain.Incremental)
	r.after = func(string, domain.Snowflake) error {
		w.wire.reset(1, false)
		return nil
	}
	w.must(w.sure.RetryItems(w.ctx, 77, []store.Link{w.link(1)}))
	w.start(domain.Incremental)
	_ = w.slice()
	w.wire.reset(0, false)
	r.after = nil
	w.clock.now = w.clock.now.Add(2 * invocationTime)
	w.must(w.tick())
	w.settle()
	w.noMarks()
	mustBe(t, "messages", len(r.messages), 2)
	mustBe(t, "outcome", w.link(1).Outcome, domain.Unknown)
}

func done(i *domain.Item) { i.State = domain.Closed }

// The worker dies when the digest has left, and an item changes meanwhile.
func TestAWorkerDiesOverADigest(t *testing.T) {
	everyRoom(t, func(t *testing.T, w *world, r *room, kind string) {
		for n := domain.Snowflake(1); n <= 60; n++ {
			w.told(n, 1, nil)
		}

		r.after = func(string, domain.Snowflake) error {
			r.after = nil
			w.told(5, 2, nil)
			w.wire.reset(1, false)
			return nil
		}

		w.start(domain.Incremental)
		_ = w.slice()
		w.wire.reset(0, false)
		w.clock.now = w.clock.now.Add(2 * invocationTime)
		w.must(w.tick())
		w.settle()
		w.noMarks()
		mustBe(t, "digests", len(r.digests()), 1)
		mustBe(t, "the change since", len(r.of(5)), 1)
		mustBe(t, "messages", len(r.messages), 2)
		want := domain.Created
		if !asked(kind) {
			want = domain.Unknown
		}

		mustBe(t, "outcome", w.link(6).Outcome, want)
	})
}

// Items change after the digest has left: they are told by the pass after, in a
// digest of their own if they are many.
func TestChangesAfterADigest(t *testing.T) {
	for many, want := range map[domain.Snowflake][]int{3: {4, 1}, 30: {2, 2}} {
		w, r := chatting(t, "posts, asked")
		for n := domain.Snowflake(1); n <= 60; n++ {
			w.told(n, 1, nil)
		}

		r.after = func(string, domain.Snowflake) error {
			r.after = nil
			for n := domain.Snowflake(1); n <= many; n++ {
				w.told(n, 2, nil)
			}
			return w.sure.Signal(w.ctx, 77)
		}

		w.sync(domain.Incremental)
		w.noMarks()
		mustBe(t, "messages and digests", fmt.Sprint(len(r.messages), len(r.digests())), fmt.Sprint(want[0], want[1]))
		for n := domain.Snowflake(1); n <= 60; n++ {
			l := w.link(n)
			mustBe(t, "version told", l.Version, map[bool]int64{true: 2, false: 1}[n <= many])
			mustBe(t, "outcome", l.Outcome, domain.Created)
		}
	}
}

// The message that can no longer be edited is not taken for the one that is to
// take its place and was not answered.
func TestAnUnansweredMessageInsteadOfAnEdit(t *testing.T) {
	for arrived, want := range map[bool]int{false: 2, true: 2} {
		w, r := chatting(t, "edits, asked")
		w.told(1, 1, nil)
		w.sync(domain.Incremental)
		r.frozen = true
		once := func(call string, _ domain.Snowflake) error {
			if call != "create" {
				return nil
			}

			r.before = nil
			r.after = nil
			return ambiguous()
		}
		if arrived {
			r.after = once
		} else {
			r.before = once
		}

		w.told(1, 2, func(i *domain.Item) { i.Title = "the change" })
		w.sync(domain.Incremental)
		for range 5 {
			w.clock.now = w.clock.now.Add(time.Minute)
			w.must(w.tick())
			w.settle()
		}

		w.noMarks()
		all := r.of(1)
		if len(all) != want || all[len(all)-1].content.Title != "the change" {
			t.Errorf("arrived %v: %d messages, the last %q", arrived, len(all), all[len(all)-1].content.Title)
		}
	}
}

// An item that goes back to what was told before an edit nobody answered is told
// again, though edits are refused by now.
func TestBackBehindADoubtfulEdit(t *testing.T) {
	w, r := chatting(t, "edits, asked")
	w.told(1, 1, nil)
	w.sync(domain.Incremental)
	first := r.of(1)[0].content
	r.before = func(call string, _ domain.Snowflake) error {
		if call == "update" {
			r.messages[0].content.Title = "B"
			return ambiguous()
		}
		return nil
	}

	w.told(1, 2, func(i *domain.Item) { i.Title = "B" })
	w.start(domain.Incremental)
	w.settle()
	r.before = nil
	r.frozen = true
	w.told(1, 3, func(i *domain.Item) {
		i.Title = first.Title
		i.Description = first.Body
	})
	w.sync(domain.Incremental)
	for range 5 {
		w.clock.now = w.clock.now.Add(time.Minute)
		w.must(w.tick())
		w.settle()
	}

	w.noMarks()
	all := r.of(1)
	mustBe(t, "last told", all[len(all)-1].content.Title, first.Title)
	mustBe(t, "messages", len(all), 2)
}

// A digest that is refused for what one item is called names the numbers only.
func TestADigestRefusedForOneItem(t *testing.T) {
	w, r := chatting(t, "edits, asked")
	const bad = 3
	for n := domain.Snowflake(1); n <= 30; n++ {
		w.told(n, 1, nil)
	}

	r.refuses = func(m message) bool {
		return m.digest != nil && slices.ContainsFunc(m.digest.First, func(c connector.Content) bool { return strings.Contains(c.Title, fmt.Sprint("item ", bad)) })
	}
	w.sync(domain.Incremental)
	w.noMarks()
	if len(r.messages) != 1 || len(r.messages[0].digest.First) != 0 || r.messages[0].digest.Total() != 30 {
		t.Errorf("%d messages, %+v", len(r.messages), r.messages[0].digest)
	}

	for n := domain.Snowflake(1); n <= 30; n++ {
		mustBe(t, "outcome", w.link(n).Outcome, domain.Created)
	}
}

// What was found again looks like what was answered.
func TestAFoundMessageHasItsState(t *testing.T) {
	w, r := chatting(t, "edits, asked")
	r.after = func(string, domain.Snowflake) error {
		r.after = nil
		return ambiguous()
	}
	w.told(1, 1, nil)
	w.sync(domain.Incremental)
	for range 4 {
		w.clock.now = w.clock.now.Add(time.Minute)
		w.must(w.tick())
		w.settle()
	}

	mustBe(t, "messages", len(r.of(1)), 1)
	mustBe(t, "state", w.link(1).Remote.State, domain.Open)
}

// A post with an unknown outcome stays one, though the page ends before its item's
// next is posted.
func TestAnEarlierIntentIsNotTakenBack(t *testing.T) {
	w, r := chatting(t, "posts, not asked")
	r.after = func(_ string, item domain.Snowflake) error {
		if item == 2 {
			return ambiguous()
		}
		return nil
	}

	w.told(1, 1, nil)
	w.told(2, 1, nil)
	w.sync(domain.Incremental)
	mustBe(t, "outcome", w.link(2).Outcome, domain.Unknown)
	r.after = nil
	r.before = func(string, domain.Snowflake) error {
		return &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "rate_limited", Wait: 7 * time.Minute}
	}
	w.told(1, 2, func(i *domain.Item) { i.Title = "B" })
	w.told(2, 2, func(i *domain.Item) { i.Title = "B" })
	w.start(domain.Incremental)
	w.must(w.slice())
	if l := w.link(2); l.Intent == nil || l.Attempt != 1 {
		t.Errorf("attempt %d, intent %v", l.Attempt, l.Intent)
	}

	r.before = nil
	for range 10 {
		w.clock.now = w.clock.now.Add(time.Minute)
		w.must(w.tick())
		w.settle()
	}

	w.noMarks()
	mustBe(t, "attempts", w.link(2).Attempt, 2)
	mustBe(t, "messages", len(r.of(2)), 2)
}

func (r *room) Resolve(context.Context) (connector.Place, error) { return there, nil }

func (r *room) Use(connector.Place) {}
