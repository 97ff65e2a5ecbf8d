package worker

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
	"example.com/integrations/shared/store"
)

// silent is a provider whose answers do not tell the time, or whose proxy tells
// another one than the database that dates the objects.
type silent struct {
	*provider
	last time.Duration
}

func (s silent) ClockLag() (last, most time.Duration) { return s.last, max(s.last, 0) }

// opens has the worker work with another connector.
func (w *world) opens(c connector.Connector) {
	w.worker.Open = func(context.Context, store.View) (Opened, error) {
		return Opened{Connector: c, Credential: w.credential, Limits: w.limits}, nil
	}
}

// With pull off, the default, the clock is not known when a create leaves. It is
// wrong then and set right later. After that the table is restored.
func TestTheClockIsSetRightBeforeARelink(t *testing.T) {
	for name, behind := range map[string]time.Duration{"twenty minutes behind": 20 * time.Minute, "behind": 3 * time.Hour, "ahead": -3 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.provider.behind = behind
			items := []domain.Item{w.item(1, 1, nil), w.item(2, 1, nil)}
			w.full()
			creates := w.provider.creates

			w.provider.behind = 0
			w.provider.told = 0
			w.provider.most = 0
			w.loseLinks(placed)
			w.full()
			mustBe(t, "creates", w.provider.creates, creates)
			w.exact(items...)
		})
	}
}

// The provider's Date tells nothing, or a proxy's right time, and its objects are
// dated by another clock, before and after the restore the same.
func TestAClockThatIsNotToldBeforeARelink(t *testing.T) {
	for _, pull := range []string{"off", "all"} {
		for _, told := range []time.Duration{0, time.Second} {
			for _, behind := range []time.Duration{20 * time.Minute, 3 * time.Hour, -3 * time.Hour} {
				t.Run(fmt.Sprintf("pull %s, told %s, is %s behind", pull, told, behind), func(t *testing.T) {
					w := newWorld(t)
					w.provider.behind = behind
					w.opens(silent{w.provider, told})
					w.pulling(pull)
					items := []domain.Item{w.item(1, 1, nil), w.item(2, 1, nil)}
					w.full()
					creates := w.provider.creates

					w.loseLinks(placed)
					w.full()
					mustBe(t, "creates", w.provider.creates, creates)
					w.exact(items...)
				})
			}
		}
	}
}

// The first four attempts do not arrive, the fifth does and is not answered; the
// item is given up. It changes: its object is found, and the update writes the
// marker anew. Then the table is restored.
func TestTheFifthAttemptIsFoundAfterARelink(t *testing.T) {
	w := newWorld(t)
	w.provider.behind = time.Second
	w.pulling("all")
	w.item(1, 1, nil)
	lost := 0
	w.provider.before = func(write string, _ domain.Snowflake) error {
		if write != "create" || lost == 4 {
			return nil
		}

		lost++

		return ambiguous()
	}

	w.provider.after = func(write string, _ domain.Snowflake) error {
		w.provider.after = nil

		return ambiguous()
	}

	w.start(domain.Full)
	w.pass(4 * time.Hour)
	mustBe(t, "creates that arrived", w.provider.creates, 1)
	mustBe(t, "attempts", w.link(1).Attempt, 5)

	item := w.change(1, 2)
	w.pass(time.Hour)
	w.exact(item)

	w.loseLinks(placed)
	w.full()
	mustBe(t, "creates", w.provider.creates, 1)
	w.exact(item)
}

// A create that was not answered is given up. A manager has it tried again a day
// later; that attempt arrives and is not answered either.
func TestARetryADayLaterIsFoundAfterARelink(t *testing.T) {
	w := newWorld(t)
	w.provider.behind = time.Second
	w.pulling("all")
	w.item(1, 1, nil)
	arrives := false
	w.provider.before = func(write string, _ domain.Snowflake) error {
		if write != "create" || arrives {
			return nil
		}

		return ambiguous()
	}

	w.start(domain.Full)
	w.pass(24 * time.Hour)
	mustBe(t, "creates that arrived", w.provider.creates, 0)

	arrives = true
	w.provider.after = func(write string, _ domain.Snowflake) error {
		w.provider.after = nil

		return ambiguous()
	}

	w.must(w.sure.RetryItems(w.ctx, 77, []store.Link{w.link(1)}))
	w.start(domain.Incremental)
	w.pass(2 * time.Hour)
	mustBe(t, "creates that arrived", w.provider.creates, 1)
	mustBe(t, "the object of the item", w.objectOf(1), "0")
	item := w.change(1, 2)
	w.pass(time.Hour)

	w.loseLinks(placed)
	w.full()
	mustBe(t, "creates", w.provider.creates, 1)
	w.exact(item)
}

// The first attempt is held back by a proxy and arrives after more than an hour.
// It is found while a later attempt is open, and nothing has been updated yet.
func TestAnAttemptThatArrivesAfterAnHour(t *testing.T) {
	w := newWorld(t)
	w.provider.behind = time.Second
	w.pulling("all")
	item := w.item(1, 1, nil)
	lost := 0
	w.provider.before = func(write string, _ domain.Snowflake) error {
		if write != "create" {
			return nil
		}

		lost++

		return ambiguous()
	}

	w.start(domain.Full)
	for lost < 4 {
		w.pass(time.Minute)
	}

	w.pass(50 * time.Minute)
	mustBe(t, "attempts sent", lost, 4)
	link := w.link(1)
	w.provider.objects = append(w.provider.objects, &object{
		marker: signedBy(1, 1, link.AttemptedAt(1)), content: w.provider.Render(item),
		at: w.provider.now(), updated: w.provider.now(), listed: w.clock.now,
	})
	if late := w.provider.now().Sub(link.AttemptedAt(1)); late < time.Hour {
		t.Fatal(late)
	}

	w.settle()
	w.pass(time.Hour)
	mustBe(t, "the object of the item", w.objectOf(1), "0")
	mustBe(t, "attempts sent", lost, 4)

	w.provider.before = nil
	w.loseLinks(placed)
	w.full()
	mustBe(t, "creates that arrived", w.provider.creates, 0)
	w.exact(item)
}

// A cluster has two nodes whose clocks differ by half a minute. The one with the
// right time is read, the other one creates, and the answer is lost. A person
// copies the object before it is looked for.
func TestACopyWhereTheClocksOfTwoNodesDiffer(t *testing.T) {
	w := newWorld(t)
	w.provider.behind = time.Second
	w.pulling("all")
	w.full() // the clock is known
	w.clock.now = w.clock.now.Add(time.Minute)
	w.marked(1, 1)
	w.provider.before = func(write string, _ domain.Snowflake) error {
		if write == "create" {
			w.provider.behind = 30 * time.Second
		}

		return nil
	}

	w.provider.after = func(string, domain.Snowflake) error {
		w.provider.behind = time.Second
		w.provider.before = nil
		w.provider.after = nil

		return ambiguous()
	}

	w.start(domain.Incremental)
	w.must(w.slice())
	w.clock.now = w.clock.now.Add(time.Minute)
	w.plantObject(w.provider.objects[0].marker)
	w.settle()
	w.pass(time.Hour)
	mustBe(t, "titles", w.titles(), "item 1, planted")
	mustBe(t, "the object of the item", w.objectOf(1), "0")
	mustBe(t, "events", fmt.Sprint(w.changes()), "[unlinked created]")
	for _, n := range w.bus.of(outgoing.TypeRemoteChanged) {
		if strings.Contains(string(n.Detail), "item 1") {
			t.Errorf("our own object goes out as a person's: %+v", n)
		}
	}
}

// With pull off, the clock is some minutes behind and not known when a create
// leaves. Its answer is lost; the list cannot be had for a while. A person clones
// the object meanwhile.
func TestACopyWhereTheClockWasNotKnown(t *testing.T) {
	for _, behind := range []time.Duration{0, 4 * time.Minute, 10 * time.Minute, 3 * time.Hour, -3 * time.Hour} {
		t.Run(fmt.Sprint(behind), func(t *testing.T) {
			w := newWorld(t)
			w.provider.behind = behind
			w.forgetful()
			w.full()
			w.marked(1, 1)
			w.provider.before = func(call string, _ domain.Snowflake) error {
				if call == "find" {
					return unreadable()
				}

				return nil
			}

			w.provider.after = func(string, domain.Snowflake) error {
				w.provider.after = nil

				return ambiguous()
			}

			w.start(domain.Incremental)
			w.must(w.slice())
			w.pass(behind.Abs() + 10*time.Minute)
			w.plantObject(w.provider.objects[0].marker) // a copy
			w.provider.before = nil
			w.pass(time.Hour)
			w.settle()
			mustBe(t, "titles", w.titles(), "item 1, planted")
			mustBe(t, "the object of the item", w.objectOf(1), "0")
		})
	}
}

// The same before a relink after a restore: no answer is lost.
func TestACopyBeforeARelinkWhereTheClockWasNotKnown(t *testing.T) {
	for _, behind := range []time.Duration{0, 4 * time.Minute, 10 * time.Minute, time.Hour, 3 * time.Hour} {
		t.Run(fmt.Sprint(behind), func(t *testing.T) {
			w := newWorld(t)
			w.provider.behind = behind
			w.forgetful()
			item := w.item(1, 1, nil)
			w.full()
			creates := w.provider.creates
			w.clock.now = w.clock.now.Add(behind + 10*time.Minute)
			w.plantObject(w.provider.objects[0].marker)
			w.loseLinks(placed)
			w.full()
			mustBe(t, "titles", w.titles(), "item 1, planted")
			mustBe(t, "the object of the item", w.objectOf(1), "0")
			mustBe(t, "creates", w.provider.creates, creates)
			w.exact(item)
		})
	}
}

// A stranger's issue that was there an hour before the attempt, at a provider
// whose clock is ahead and was not known when the create left.
func TestAnOlderObjectWhereTheClockWasNotKnown(t *testing.T) {
	w := newWorld(t)
	w.provider.behind = -3 * time.Hour
	w.forgetful()
	w.full()
	w.plantObject(connector.Marker{})
	w.clock.now = w.clock.now.Add(time.Hour)
	item := w.marked(1, 1)
	w.provider.after = func(string, domain.Snowflake) error {
		w.provider.after = nil
		w.provider.objects[0].marker = w.provider.objects[1].marker

		return ambiguous()
	}

	w.start(domain.Incremental)
	w.settle()
	mustBe(t, "titles", w.titles(), "planted, item 1")
	mustBe(t, "the object of the item", w.objectOf(1), "1")
	w.exact(item)
}

// pasted shows further markers in objects, before their own.
type pasted struct {
	*provider
	beside map[string]connector.Marker
}

func (p pasted) Changes(ctx context.Context, since time.Time, offset int) ([]connector.Object, bool, error) {
	all, more, err := p.provider.Changes(ctx, since, offset)
	for i, o := range all {
		if m, ok := p.beside[o.Remote.ID]; ok {
			all[i].Markers = append([]connector.Marker{m}, o.Markers...)
			all[i].Marker = m
		}
	}

	return all, more, err
}

// A person pastes the text of one issue of ours below another one's, marker and
// all. Then the table is restored.
func TestAMarkerBesideAnother(t *testing.T) {
	for name, from := range map[string]int{"of a later issue": 1, "of an earlier issue": 0} {
		for _, together := range []bool{true, false} { // the attempts
			for _, pages := range []bool{true, false} { // each object on one of its own
				for last := range 2 { // in the list
					if together && pages {
						continue // nothing tells them apart
					}

					t.Run(fmt.Sprintf("%s, created together %v, pages %v, %d listed last", name, together, pages, last), func(t *testing.T) {
						besideAnother(t, from, together, pages, last)
					})
				}
			}
		}
	}
}

func besideAnother(t *testing.T, from int, together, pages bool, last int) {
	w := newWorld(t)
	w.provider.behind = time.Second
	p := pasted{w.provider, map[string]connector.Marker{}}
	w.opens(p)
	w.pulling("all")
	w.item(1, 1, nil)
	if !together {
		w.full()
		w.pass(time.Hour)
	}

	w.item(2, 1, nil)
	w.full()
	w.pass(time.Hour)
	creates := w.provider.creates
	w.clock.now = w.clock.now.Add(time.Minute)
	w.provider.touch(last, func(*connector.Content) {})
	if pages {
		w.provider.sizes = func(int) int { return 1 }
	}

	p.beside[fmt.Sprint(1-from)] = w.provider.objects[from].marker
	w.loseLinks(placed)
	w.full()
	mustBe(t, "creates", w.provider.creates, creates)
	mustBe(t, "objects", [2]string{w.objectOf(1), w.objectOf(2)}, [2]string{"0", "1"})
}

// Only the server gets another name, where the provider does not say when the
// place was made (Jira, MantisBT). A person has edited the object, so its marker
// must prove that it is ours. No table is restored.
func TestANewHostNameAndAnEdit(t *testing.T) {
	rename := func(w *world) {
		renamed := there
		renamed.Instance = "new.example"
		w.leadTo(renamed)
		w.full()
		w.pass(time.Hour)
	}

	for name, set := range map[string]bool{"the clock was wrong and is right now": true, "the clock is wrong and not told": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.provider.behind = 3 * time.Hour
			if !set {
				w.opens(silent{w.provider, 0})
			}

			w.item(1, 1, nil)
			w.full()
			mustBe(t, "creates", w.provider.creates, 1)
			if set {
				w.provider.behind = 0
				w.provider.told = 0
				w.provider.most = 0
			}

			w.clock.now = w.clock.now.Add(time.Hour)
			w.provider.touch(0, edit)
			rename(w)
			mustBe(t, "creates", w.provider.creates, 1)
			mustBe(t, "the object of the item", w.objectOf(1), "0")
		})
	}

	t.Run("the fifth attempt was found", func(t *testing.T) {
		w := newWorld(t)
		w.provider.behind = time.Second
		w.pulling("all")
		w.item(1, 1, nil)
		lost := 0
		w.provider.before = func(write string, _ domain.Snowflake) error {
			if write != "create" || lost == 4 {
				return nil
			}

			lost++

			return ambiguous()
		}

		w.provider.after = func(string, domain.Snowflake) error {
			w.provider.after = nil

			return ambiguous()
		}

		w.start(domain.Full)
		w.pass(4 * time.Hour)
		w.change(1, 2)
		w.pass(time.Hour)
		w.provider.touch(0, edit)
		rename(w)
		mustBe(t, "creates", w.provider.creates, 1)
		mustBe(t, "the object of the item", w.objectOf(1), "0")
	})
}

// The fourth attempt is found. A person copies its marker, as the update after it
// has written it, into an issue that he made between the attempts. Then the table
// is restored.
func TestAMarkerPastedIntoAnObjectBetweenTheAttempts(t *testing.T) {
	w := newWorld(t)
	w.provider.behind = time.Second
	w.pulling("linked")
	w.item(1, 1, nil)
	lost := 0
	w.provider.before = func(write string, _ domain.Snowflake) error {
		if write != "create" || lost == 3 {
			return nil
		}

		lost++

		return ambiguous()
	}

	w.provider.after = func(string, domain.Snowflake) error {
		w.provider.after = nil

		return ambiguous()
	}

	w.start(domain.Full)
	for lost < 3 {
		w.pass(time.Minute)
	}

	w.plantObject(connector.Marker{}) // a stranger's, minutes before the fourth attempt
	w.pass(3 * time.Hour)
	mustBe(t, "titles", w.titles(), "planted, item 1")
	mustBe(t, "the object of the item", w.objectOf(1), "1")
	item := w.change(1, 2)
	w.pass(time.Hour)

	w.provider.objects[0].marker = w.provider.objects[1].marker
	w.clock.now = w.clock.now.Add(time.Minute)
	w.provider.touch(0, func(*connector.Content) {})
	w.loseLinks(placed)
	w.full()
	mustBe(t, "titles", w.titles(), "planted, item 1")
	mustBe(t, "the object of the item", w.objectOf(1), "1")
	w.exact(item)
}

// A stranger's issue made two days before the attempt is the only one with the
// marker, since ours was deleted. No clock is so wrong.
func TestAnOlderObjectAloneWhereTheClockIsBehind(t *testing.T) {
	for _, behind := range []time.Duration{time.Second, 3 * time.Hour} {
		t.Run(fmt.Sprint(behind), func(t *testing.T) {
			w := newWorld(t)
			w.provider.behind = behind
			w.pulling("linked")
			w.full()
			w.plantObject(connector.Marker{})
			w.clock.now = w.clock.now.Add(48 * time.Hour)
			w.marked(1, 1)
			w.start(domain.Incremental)
			w.settle()
			w.provider.objects[0].marker = w.provider.objects[1].marker
			w.provider.objects[1].marker = connector.Marker{} // deleted
			w.provider.objects[1].content.Title = "deleted"
			w.loseLinks(placed)
			w.full()
			mustBe(t, "titles", w.titles(), "planted, deleted, item 1")
		})
	}
}

// A relink has found an object that is dated before its attempt, and an update has
// written to it: it is known to be ours. A younger copy does not take its place at
// the next relink.
func TestASecondRelinkKeepsWhatIsLinked(t *testing.T) {
	w := newWorld(t)
	w.provider.behind = 30 * time.Minute
	w.opens(silent{w.provider, time.Second})
	w.pulling("linked")
	item := w.item(1, 1, nil)
	w.full()
	w.loseLinks(placed)
	w.full()
	w.exact(item)
	mustBe(t, "the object of the item", w.objectOf(1), "0")

	w.plantObject(w.provider.objects[0].marker)
	w.clock.now = w.clock.now.Add(time.Hour)
	w.worker.Settings.RelinkBefore = w.clock.now
	w.full()
	mustBe(t, "titles", w.titles(), "item 1, planted")
	mustBe(t, "the object of the item", w.objectOf(1), "0")
}

// The provider's clock is kept with the place. Seconds are no reason to store the
// place again, minutes are.
func TestTheClockIsKeptWithThePlace(t *testing.T) {
	w := newWorld(t)
	w.provider.place = there
	w.provider.place.ByName = true
	for _, tt := range []struct{ behind, kept time.Duration }{
		{10 * time.Second, 10 * time.Second}, {15 * time.Second, 10 * time.Second},
		{3 * time.Minute, 3 * time.Minute}, {0, 3 * time.Minute}, {-3 * time.Hour, -3 * time.Hour},
	} {
		w.provider.behind = tt.behind
		w.full()
		mustBe(t, fmt.Sprint("behind ", tt.behind), time.Duration(w.state().Target.ClockLag)*time.Millisecond, tt.kept)
	}
}

// The clocks of two nodes differ by half a minute, and every answer arrives. A
// person copies an object minutes later; then the table is restored.
func TestACopyBeforeARelinkWhereTheClocksOfTwoNodesDiffer(t *testing.T) {
	w := newWorld(t)
	w.provider.behind = time.Second
	w.pulling("linked")
	w.full() // the clock is known
	item := w.marked(1, 1)
	w.provider.before = func(write string, _ domain.Snowflake) error {
		if write == "create" {
			w.provider.behind = 30 * time.Second
		}

		return nil
	}

	w.provider.after = func(string, domain.Snowflake) error {
		w.provider.behind = time.Second
		w.provider.before = nil
		w.provider.after = nil

		return nil
	}

	w.start(domain.Incremental)
	w.settle()
	w.clock.now = w.clock.now.Add(5 * time.Minute)
	w.plantObject(w.provider.objects[0].marker)
	w.loseLinks(placed)
	w.full()
	mustBe(t, "titles", w.titles(), "item 1, planted")
	mustBe(t, "the object of the item", w.objectOf(1), "0")
	w.exact(item)
}
