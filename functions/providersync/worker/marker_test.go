package worker

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/signing"
	"example.com/integrations/shared/store"
)

// signer signs the markers of a place.
func signer(p connector.Place) signing.Signer { return connectortest.MarkerKey().At(p.ID, p.Created) }

// signedBy is a marker of the test's integration as the worker signs it there.
func signedBy(item domain.Snowflake, attempt int, notBefore time.Time) connector.Marker {
	return signer(there).Sign(connector.Marker{Integration: 77, Item: item, Attempt: attempt}, notBefore)
}

// plant has a person make an object with a marker that he copied or made up.
func (w *world) plant(title string, m connector.Marker) {
	w.provider.objects = append(w.provider.objects, &object{
		marker: m, content: connector.Content{Title: title, State: domain.Open},
		at: w.provider.now(), updated: w.provider.now(), listed: w.clock.now,
	})
}

// titles are those of the objects, the oldest first.
func (w *world) titles() string {
	var all []string
	for _, o := range w.provider.objects {
		all = append(all, o.content.Title)
	}

	return strings.Join(all, ", ")
}

func TestMarkersAreSigned(t *testing.T) {
	w := newWorld(t)
	w.marked(1, 1)
	w.marked(2, 1)
	w.start(domain.Incremental)
	w.settle()
	for _, o := range w.provider.objects {
		if !signer(there).Valid(o.marker) || o.marker.Attempt != 1 {
			t.Errorf("%+v", o.marker)
		}
	}

	mustBe(t, "objects", len(w.provider.objects), 2)

	everyRoom(t, func(t *testing.T, w *world, r *room, _ string) {
		w.told(1, 1, nil)
		w.sync(domain.Incremental)
		for n := domain.Snowflake(2); n <= 60; n++ {
			w.told(n, 1, nil)
		}

		w.sync(domain.Incremental)
		mustBe(t, "messages, the last of them a digest", len(r.messages), 2)
		for _, m := range r.messages {
			if !signer(there).Valid(m.marker) {
				t.Errorf("%+v", m.marker)
			}
		}
	})
}

// A7: what strangers plant before, during and after an unanswered create is
// not adopted, whether the create arrived or not.
func TestPlantedMarkersAreNotFound(t *testing.T) {
	bare := connector.Marker{Integration: 77, Item: 1, Attempt: 1}
	forged := bare
	forged.Tag = strings.Repeat("z", connector.TagSize)
	fromElsewhere := bare
	fromElsewhere.Tag = signedBy(2, 1, time.Time{}).Tag
	later := signedBy(1, 2, time.Time{})
	later.Attempt = 1

	for _, arrives := range []bool{true, false} {
		t.Run(fmt.Sprint("arrives ", arrives), func(t *testing.T) {
			w := newWorld(t)
			item := w.marked(1, 1)
			w.plant("before", bare)
			lose := func(write string, _ domain.Snowflake) error {
				if write != "create" {
					return nil
				}

				w.provider.before = nil
				w.provider.after = nil
				w.plant("during", forged)

				return ambiguous()
			}
			if arrives {
				w.provider.after = lose
			} else {
				w.provider.before = lose
			}

			w.start(domain.Incremental)
			w.must(w.slice())
			w.plant("after", fromElsewhere)
			w.plant("after too", later)
			w.settle()

			want := "before, item 1, during, after, after too"
			if !arrives {
				want = "before, during, after, after too, item 1"
			}

			mustBe(t, "objects", w.titles(), want)
			mustBe(t, "creates that arrived", w.provider.creates, 1)
			id := w.link(1).Remote.ID
			var n int
			_, _ = fmt.Sscan(id, &n)
			mustBe(t, "what is linked", w.provider.objects[n].content.Title, item.Title)
		})
	}
}

// A7: a person copies our object, marker included, before its create is
// reconciled. The first one is ours.
func TestACopyOfAnUnansweredCreate(t *testing.T) {
	w := newWorld(t)
	w.marked(1, 1)
	w.provider.after = func(write string, _ domain.Snowflake) error {
		w.provider.after = nil
		w.plant("copy", w.provider.objects[0].marker)

		return ambiguous()
	}

	w.start(domain.Incremental)
	w.settle()
	mustBe(t, "objects", w.titles(), "item 1, copy")
	mustBe(t, "linked", w.link(1).Remote.ID, "0")
}

// An earlier attempt that was not found in its time arrives while a later one
// is not answered. It is the item's, and nothing is created again.
func TestAnEarlierAttemptArrivesLate(t *testing.T) {
	w := newWorld(t)
	w.provider.behind = time.Second
	item := w.marked(1, 1)
	lost := 0
	w.provider.before = func(write string, _ domain.Snowflake) error {
		if write == "create" {
			lost++

			return ambiguous()
		}

		return nil
	}

	w.start(domain.Incremental)
	for lost < 2 {
		w.clock.now = w.clock.now.Add(w.worker.Settings.Settle)
		w.must(w.tick())
		for len(w.queue) > 0 && lost < 2 {
			w.must(w.slice())
		}
	}

	first := w.link(1)
	mustBe(t, "attempts", first.Attempt, 2)
	mustBe(t, "the attempts are of two times", first.AttemptedAt(1).Before(first.AttemptedAt(2)), true)
	w.provider.objects = append(w.provider.objects, &object{
		marker: signedBy(1, 1, first.AttemptedAt(1)), content: w.provider.Render(item), at: w.provider.now(), updated: w.provider.now(), listed: w.clock.now,
	})
	w.minutes(20) // its next attempt is due after five
	mustBe(t, "attempts sent", lost, 2)
	w.exact(item)
}

// Without its key the worker can neither write a marker nor verify one: the
// invocation fails, nothing is sent, and the message comes again.
func TestTheKeyOfMarkersIsAway(t *testing.T) {
	w := newWorld(t)
	item := w.marked(1, 1)
	away := errors.New("KMS is away")
	w.keys.Err = away
	w.start(domain.Incremental)
	message := w.queue[0]
	if err := w.slice(); !errors.Is(err, away) {
		t.Fatal(err)
	}

	mustBe(t, "calls", w.provider.calls(), 0)

	_, rows := w.dryRun(domain.Incremental)
	mustBe(t, "a dry run needs no key: rows", len(rows), 1)

	w.keys.Err = nil
	w.queue = append(w.queue, message)
	w.settle()
	w.exact(item)
}

// The key is asked for once an invocation, not once an item.
func TestOneKeyASlice(t *testing.T) {
	w := newWorld(t)
	for n := domain.Snowflake(1); n <= 20; n++ {
		w.marked(n, 1)
	}

	w.start(domain.Incremental)
	w.must(w.slice())
	mustBe(t, "creates", w.provider.creates, 20)
	mustBe(t, "the key was asked for", w.keys.Calls, 1)
}

func TestWhichAttemptsAreWanted(t *testing.T) {
	posts := chat{is: true, mode: connector.DeliveryMode{}}
	edits := chat{is: true, mode: connector.DeliveryMode{Edits: true}}
	at := time.Unix(1_700_000_000, 0)
	for name, tt := range map[string]struct {
		chat        chat
		attempt     int
		first, last int
	}{
		"the first":                     {chat{}, 1, 1, 1},
		"the third":                     {chat{}, 3, 1, 3},
		"the last ones of many":         {chat{}, 25, 16, 25},
		"a chat that edits":             {edits, 3, 1, 3},
		"a chat that posts each change": {posts, 3, 3, 3},
	} {
		s := &site{session: &session{lease: store.Lease{Pair: store.IntegrationRef{ID: 77}}}, markerKey: signer(there), chat: tt.chat}
		var link store.Link
		for n := range tt.attempt {
			link.StartAttempt(at.Add(time.Duration(n) * time.Minute))
		}

		want := s.wanted(&task{id: 9, link: link})
		mustBe(t, name, len(want), tt.last-tt.first+1)
		for i, m := range want {
			attempt := tt.first + i
			mustBe(t, name, m, signedBy(9, attempt, at.Add(time.Duration(attempt-1)*time.Minute)))
		}
	}
}
