package worker

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// dated is a place whose provider says when it was made.
var dated = connector.Place{Instance: "fake.example", ID: "1", Created: "2020-01-02T03:04:05Z", Name: "there"}

// syncedAt is a world in which items were brought to a place and recorded.
func syncedAt(t *testing.T, place connector.Place, n int) (*world, []domain.Item) {
	t.Helper()
	w := newWorld(t)
	w.provider.place = place
	w.pulling("all")
	var items []domain.Item
	for id := domain.Snowflake(1); id <= domain.Snowflake(n); id++ {
		items = append(items, w.item(id, 1, nil))
	}

	w.start(domain.Full)
	w.settle()
	w.pass(time.Hour)
	w.settle()

	return w, items
}

// leadTo has a corrected spelling lead to a place.
func (w *world) leadTo(place connector.Place) {
	w.t.Helper()
	w.provider.place = place
	w.reconfigure(store.Change{Enabled: true, Configuration: `{"pull":"all"}`, TargetHash: "spelled " + place.Instance + place.ID + place.Created, ConfigurationChanged: true})
}

// loseLinks erases the links and the records of objects at a place, as in a
// table that was restored.
func (w *world) loseLinks(key string) {
	w.t.Helper()
	for _, sk := range w.raw("INT#" + w.pair.ID.Sortable()) {
		if strings.HasPrefix(sk, "LINK#"+key) || strings.HasPrefix(sk, "REMOTE#"+key) {
			w.erase(sk)
		}
	}

	w.clock.now = w.clock.now.Add(time.Hour)
	w.engine.Settings.RelinkBefore = w.clock.now
}

// objectOf is the id of an item's object at the target.
func (w *world) objectOf(item domain.Snowflake) string {
	w.t.Helper()
	links, err := w.sure.Links(w.ctx, w.pair.ID, w.state().TargetKey(), []domain.Snowflake{item})
	w.must(err)
	if links[item].Remote == nil {
		return "none"
	}

	return links[item].Remote.ID
}

// full brings all items, until nothing is left to do.
func (w *world) full() {
	w.t.Helper()
	w.start(domain.Full)
	w.settle()
}

// Only the server has got another name: an object of ours is found by the record
// of its id, whatever became of its marker, and wins over any copy of it.
func TestTheSamePlaceUnderANewHostWithoutMarkers(t *testing.T) {
	unmark := func(w *world) { w.provider.objects[1].marker = connector.Marker{} }
	// A copy that is listed before the original.
	copied := func(w *world) {
		w.plantObject(w.provider.objects[1].marker)
		w.clock.now = w.clock.now.Add(time.Minute)
		w.provider.touch(1, func(*connector.Content) {})
	}

	for name, tt := range map[string]struct {
		change func(w *world)
		// undated is how many creates there are where the provider does not say
		// when the place was made.
		undated int
		edited  bool
	}{
		"nothing changed": {func(*world) {}, 0, false},
		"marker removed":  {unmark, 0, false},
		"all markers removed": {func(w *world) {
			unmark(w)
			w.provider.objects[0].marker = connector.Marker{}
			w.provider.objects[2].marker = connector.Marker{}
		}, 0, false},
		"marker of another item":    {func(w *world) { w.provider.objects[1].marker = w.provider.objects[2].marker }, 0, false},
		"marker forged":             {func(w *world) { w.provider.objects[1].marker.Tag = strings.Repeat("a", connector.TagSize) }, 0, false},
		"marker removed and edited": {func(w *world) { unmark(w); w.provider.touch(1, edit) }, 1, true},
		"edited":                    {func(w *world) { w.provider.touch(1, edit) }, 0, true},
		"copied":                    {copied, 0, false},
		"copied, marker removed":    {func(w *world) { copied(w); unmark(w) }, 0, false},
		"pasted into an older object": {func(w *world) {
			w.plantObject(w.provider.objects[1].marker)
			w.provider.objects[3].at = w.clock.now.Add(-1000 * time.Hour)
		}, 0, false},
	} {
		for _, home := range []connector.Place{dated, there} {
			t.Run(fmt.Sprintf("%s, made %q", name, home.Created), func(t *testing.T) {
				w, _ := syncedAt(t, home, 3)
				creates := w.provider.creates
				updates := w.provider.updates
				w.clock.now = w.clock.now.Add(time.Minute)
				tt.change(w)

				renamed := home
				renamed.Instance = "new.example"
				w.leadTo(renamed)
				w.full()

				if home.Created == "" && tt.undated > 0 {
					mustBe(t, "creates", w.provider.creates, creates+tt.undated)
					return
				}

				mustBe(t, "creates", w.provider.creates, creates)
				mustBe(t, "updates", w.provider.updates, updates)
				for n := range 3 {
					mustBe(t, "the object of an item", w.objectOf(domain.Snowflake(n+1)), fmt.Sprint(n))
				}

				var edits int
				for _, change := range w.changes() {
					if change == "2 edited" {
						edits++
					}
				}

				mustBe(t, "the edit is an event", edits == 1, tt.edited)
			})
		}
	}
}

// The server gets one more name while the search is under way: the links are
// still found under the first key.
func TestTheSamePlaceUnderTwoNewHosts(t *testing.T) {
	w, _ := syncedAt(t, dated, 3)
	creates := w.provider.creates
	for _, o := range w.provider.objects {
		o.marker = connector.Marker{}
	}

	second := dated
	third := dated
	second.Instance = "second.example"
	third.Instance = "third.example"
	w.leadTo(second)
	w.provider.before = func(call string, _ domain.Snowflake) error {
		if call != "changes" {
			return nil
		}

		return &failure.Error{Class: failure.Retryable, Scope: failure.IntegrationScope, Code: "provider_unavailable", Status: 503}
	}

	w.start(domain.Full)
	w.must(w.slice())
	mustBe(t, "resolved", w.state().Target.Instance, second.Instance)
	mustBe(t, "searched", w.state().Target.Relinked, false)

	w.provider.before = nil
	w.leadTo(third)
	w.clock.now = w.clock.now.Add(time.Hour)
	w.must(w.tick())
	w.settle()
	w.full()

	mustBe(t, "resolved", w.state().Target.Instance, third.Instance)
	mustBe(t, "searched", w.state().Target.Relinked, true)
	mustBe(t, "creates", w.provider.creates, creates)
}

// Objects of another place may have the ids of ours, and whatever marker
// strangers give them. None is taken, and none is written to.
func TestAnotherPlaceCarriesNothingByID(t *testing.T) {
	otherID := dated
	otherTime := dated
	otherServer := there
	otherID.ID = "2"
	otherTime.Created = "2021-01-02T03:04:05Z"
	otherServer.Instance = "another.example"
	markers := map[string]func(connector.Marker) connector.Marker{
		"no marker":       func(connector.Marker) connector.Marker { return connector.Marker{} },
		"unsigned marker": func(m connector.Marker) connector.Marker { m.Tag = ""; return m },
		"forged marker":   func(m connector.Marker) connector.Marker { m.Tag = strings.Repeat("a", connector.TagSize); return m },
		"copied marker":   func(m connector.Marker) connector.Marker { return m },
	}

	for name, tt := range map[string]struct{ home, next connector.Place }{
		"another id":                             {dated, otherID},
		"another id, no times":                   {there, elsewhere},
		"made at another time":                   {dated, otherTime},
		"the same id at another server, no time": {there, otherServer},
	} {
		for kind, marker := range markers {
			if tt.next == otherServer && kind == "copied marker" {
				continue // nothing tells such places apart, as docs/adr/0011-place-identity.md says
			}

			t.Run(name+", "+kind, func(t *testing.T) {
				w, items := syncedAt(t, tt.home, 3)
				old := w.provider
				w.provider = &provider{clock: w.clock}
				for _, o := range old.objects {
					w.plantObject(marker(o.marker))
				}

				w.leadTo(tt.next)
				w.full()

				mustBe(t, "creates", w.provider.creates, 3)
				mustBe(t, "titles", w.titles(), "planted, planted, planted, item 1, item 2, item 3")
				w.exact(items...)
			})
		}
	}
}

// A copy of a server goes on with ids of its own: an object that was made there
// after ours was last seen is a person's, though it has the id of ours.
func TestACopyOfTheServerWithANewerObject(t *testing.T) {
	w, items := syncedAt(t, dated, 3)
	w.provider.objects = w.provider.objects[:2]
	w.clock.now = w.clock.now.Add(time.Hour)
	w.plantObject(connector.Marker{}) // with the id that item 3 has on the first server
	creates := w.provider.creates

	renamed := dated
	renamed.Instance = "copy.example"
	w.leadTo(renamed)
	w.full()
	mustBe(t, "creates", w.provider.creates, creates+1)
	mustBe(t, "titles", w.titles(), "item 1, item 2, planted, item 3")
	w.exact(items...)
}

// A valid marker that a stranger has copied from an object of the place before
// is worth nothing at the next place. At the same place the older object is the
// item's, under whatever name; and all are found again.
func TestPlantedAndCopiedMarkersThatAreValid(t *testing.T) {
	for name, change := range map[string]func(*connector.Place){
		"no change": func(*connector.Place) {},
		"renamed": func(p *connector.Place) {
			p.Name = "new name"
			p.URL = "https://fake.example/new"
		},
		"a new host": func(p *connector.Place) { p.Instance = "new.example" },
		"the time in another zone": func(p *connector.Place) {
			if p.Created != "" {
				p.Created = "2020-01-02T04:04:05+01:00"
			}
		},
	} {
		for _, home := range []connector.Place{dated, there} {
			t.Run(fmt.Sprintf("%s, made %q", name, home.Created), func(t *testing.T) {
				w, items := syncedAt(t, home, 3)
				creates := w.provider.creates
				w.clock.now = w.clock.now.Add(time.Minute)
				for n := range 3 {
					w.plantObject(w.provider.objects[n].marker)
					w.provider.touch(n, func(*connector.Content) {}) // the original is listed last
				}

				w.loseLinks(home.Key(domain.GitHub))

				place := home
				change(&place)
				w.leadTo(place)
				w.full()
				mustBe(t, "creates", w.provider.creates, creates)
				for n := range 3 {
					mustBe(t, "the object of an item", w.objectOf(domain.Snowflake(n+1)), fmt.Sprint(n))
				}

				w.exact(items...)
			})
		}
	}

	t.Run("an unanswered create", func(t *testing.T) {
		w, items := syncedAt(t, dated, 1)
		items = append(items, w.item(9, 1, nil))
		w.provider.after = func(write string, _ domain.Snowflake) error {
			if write != "create" {
				return nil
			}

			w.provider.after = nil

			return ambiguous()
		}

		w.start(domain.Full)
		w.must(w.slice())

		renamed := dated
		renamed.Instance = "new.example"
		w.leadTo(renamed)
		w.settle()
		w.full()
		mustBe(t, "creates", w.provider.creates, 2)
		w.exact(items...)
	})
}

// The same spelling has led to objects of a version without ids of places. One
// whose marker was removed is found by its record where it looks as it did.
func TestATableOfTheVersionBeforeWithoutMarkers(t *testing.T) {
	w, _ := synced(t, 5)
	w.olden("there")
	creates := w.provider.creates
	w.provider.objects[1].marker = connector.Marker{}
	w.pass(time.Hour)
	w.settle()
	w.full()
	mustBe(t, "creates", w.provider.creates, creates)
	mustBe(t, "the object of item 2", w.objectOf(2), "1")
}

// The spelling has changed since the version before: it may lead to another
// place, where unsigned markers prove nothing.
func TestATableOfTheVersionBeforeAtAnotherPlace(t *testing.T) {
	w, items := synced(t, 3)
	w.olden("there")
	planted := &provider{clock: w.clock}
	for _, o := range w.provider.objects {
		m := o.marker
		w.provider, planted = planted, w.provider
		w.plantObject(m)
		w.provider, planted = planted, w.provider
	}

	w.provider = planted
	w.leadTo(elsewhere)
	w.full()
	mustBe(t, "titles", w.titles(), "planted, planted, planted, item 1, item 2, item 3")
	w.exact(items...)
}

// A person takes the marker of an issue away, over the provider's own API, and
// then the server gets another host name. Jira's marker is a label, MantisBT's
// stands beside the text; at GitHub and GitLab the whole body is another.
func TestAMarkerIsRemovedBeforeANewHostNameAtEachTracker(t *testing.T) {
	for name, removal := range map[string]struct{ method, path, body string }{
		"github":   {http.MethodPatch, "/api/v3/repos/acme/work/issues/2", `{"body":"a person's text"}`},
		"gitlab":   {http.MethodPut, "/gitlab/api/v4/projects/acme%2Fwork/issues/2", `{"description":"a person's text"}`},
		"jira":     {http.MethodPut, "/jira/rest/api/2/issue/WORK-2", `{"fields":{"labels":[]}}`},
		"mantisbt": {http.MethodPatch, "/bugs/api/rest/issues/2", `{"additional_information":"a person's text"}`},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tr := trackers(t, w.clock.Now)[name]()
			var creates atomic.Int64
			var renamed atomic.Bool
			server := renaming(countingCreates(tr.handler, &creates), &renamed)
			client := connectortest.ServeAt(t, []string{connectortest.Host, moved}, server, trackerToken)
			at := base
			w.engine.Open = func(ctx, store.View) (Opened, error) {
				return Opened{Connector: tr.open(client, at, tr.spellings[0], w.clock.Now), Credential: w.credential, Limits: w.limits}, nil
			}
			w.pulling("all")
			for id := domain.Snowflake(1); id <= 3; id++ {
				w.item(id, 1, nil)
			}

			w.full()
			w.pass(time.Hour)
			w.settle()
			mustBe(t, "creates", creates.Load(), 3)
			first := w.state().TargetKey()
			objects := [3]string{w.objectOf(1), w.objectOf(2), w.objectOf(3)}

			r := httptest.NewRequest(removal.method, base+removal.path, strings.NewReader(removal.body))
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Accept", "application/json")
			r.Header.Set("User-Agent", "a person")
			r.Header.Set("Authorization", "Bearer "+trackerToken)
			if name == "mantisbt" {
				r.Header.Set("Authorization", trackerToken)
			}

			answer := httptest.NewRecorder()
			tr.handler.ServeHTTP(answer, r)
			if answer.Code >= 300 {
				t.Fatalf("the removal: %d %s", answer.Code, answer.Body)
			}

			at = "https://" + moved
			renamed.Store(true)
			w.reconfigure(store.Change{Enabled: true, Configuration: `{"pull":"all"}`, TargetHash: "moved", ConfigurationChanged: true})
			w.clock.now = w.clock.now.Add(time.Minute)
			w.full()
			mustBe(t, "the key is another", w.state().TargetKey() != first, true)
			mustBe(t, "creates", creates.Load(), 3)
			mustBe(t, "objects", [3]string{w.objectOf(1), w.objectOf(2), w.objectOf(3)}, objects)
		})
	}
}

// A stranger takes the valid marker of an issue of ours and pastes it into an
// issue that was there before, or into one that he makes later. All links are
// lost. None of his issues is taken, and ours is found, unless it was deleted:
// then it is made again.
func TestAValidMarkerPastedBeforeARelink(t *testing.T) {
	for name, tt := range map[string]struct {
		age     time.Duration // of the stranger's object, when the item's was made
		deleted bool          // the item's object
	}{
		"much older":                            {1000 * time.Hour, false},
		"an hour older":                         {time.Hour, false},
		"five minutes older":                    {5 * time.Minute, false},
		"a minute younger":                      {-time.Minute, false},
		"two days younger":                      {-48 * time.Hour, false},
		"much older, and ours is deleted":       {1000 * time.Hour, true},
		"two days younger, and ours is deleted": {-48 * time.Hour, true},
	} {
		for clock, behind := range map[string]time.Duration{"right": time.Second, "behind": 3 * time.Hour, "ahead": -3 * time.Hour} {
			t.Run(name+", the provider's clock is "+clock, func(t *testing.T) {
				w := newWorld(t)
				w.provider.behind = behind
				w.pulling("all")
				item := w.item(1, 1, nil)
				w.full()
				w.pass(time.Hour)
				creates := w.provider.creates
				ours := w.provider.objects[0]

				w.plantObject(ours.marker)
				w.provider.objects[1].at = ours.at.Add(-tt.age)
				w.clock.now = w.clock.now.Add(time.Minute)
				w.provider.touch(0, func(*connector.Content) {}) // ours is listed last
				if tt.deleted {
					ours.content.Title = "deleted"
					ours.marker = connector.Marker{}
				}

				w.loseLinks(placed)
				w.full()
				w.pass(time.Hour)

				mustBe(t, "the stranger's", w.provider.objects[1].content.Title, "planted")
				if tt.deleted {
					mustBe(t, "creates", w.provider.creates, creates+1)
					mustBe(t, "the object of the item", w.objectOf(1), "2")
					return
				}

				mustBe(t, "creates", w.provider.creates, creates)
				mustBe(t, "the object of the item", w.objectOf(1), "0")
				w.exact(item)

				// The update after it has written the marker anew.
				mustBe(t, "the marker says when it was made", ours.marker.NotBefore().Sub(ours.at).Abs() <= 2*apart, true)
			})
		}
	}
}

// A stranger pastes the marker of a create that was not answered into an issue
// that he has made a moment before.
func TestAValidMarkerPastedBeforeAnAnswer(t *testing.T) {
	w := newWorld(t)
	w.provider.behind = time.Second
	w.pulling("all")
	w.full() // the provider's clock is known
	w.plantObject(connector.Marker{})
	w.clock.now = w.clock.now.Add(time.Minute)
	item := w.item(1, 1, nil)
	w.provider.after = func(string, domain.Snowflake) error {
		w.provider.after = nil
		w.provider.objects[0].marker = w.provider.objects[1].marker

		return ambiguous()
	}

	w.full()
	w.pass(time.Hour)
	w.exact(item)
	mustBe(t, "titles", w.titles(), "planted, item 1")
	mustBe(t, "the object of the item", w.objectOf(1), "1")
}

// What a later attempt has found was made by an earlier one that arrived late.
// The links are lost: the object is still the item's, and not a copy of it.
func TestALateArrivalIsFoundAfterARelink(t *testing.T) {
	w := newWorld(t)
	w.provider.behind = time.Second
	w.pulling("all")
	item := w.item(1, 1, nil)
	lost := 0
	w.provider.before = func(write string, _ domain.Snowflake) error {
		if write != "create" || lost == 2 {
			return nil
		}

		lost++

		return ambiguous()
	}

	w.start(domain.Full)
	for lost < 2 {
		w.clock.now = w.clock.now.Add(time.Hour)
		w.must(w.tick())
		for len(w.queue) > 0 && lost < 2 {
			w.must(w.slice())
		}
	}

	link := w.link(1)
	w.provider.objects = append(w.provider.objects, &object{
		marker: signedBy(1, 1, link.AttemptedAt(1)), content: w.provider.Render(item),
		at: link.AttemptedAt(2).Add(-time.Minute), updated: w.provider.now(), listed: w.clock.now,
	})
	w.settle()
	w.pass(time.Hour)
	item = w.change(1, 2) // an update writes the marker anew
	w.pass(time.Hour)
	mustBe(t, "updates", w.provider.updates > 0, true)

	w.plantObject(w.provider.objects[0].marker)
	w.provider.objects[1].at = w.provider.objects[0].at.Add(10 * time.Minute)
	w.loseLinks(placed)
	w.full()
	mustBe(t, "creates that arrived", w.provider.creates, 0)
	mustBe(t, "titles", w.titles(), item.Title+", planted")
	mustBe(t, "the object of the item", w.objectOf(1), "0")
}

// With pull off the provider's clock may not be known when a create leaves. Its
// object is found after a relink all the same, however wrong that clock is.
func TestRelinkWhereTheClockWasNotKnown(t *testing.T) {
	for name, behind := range map[string]time.Duration{"right": 0, "a little behind": 2 * time.Minute, "behind": 3 * time.Hour, "ahead": -3 * time.Hour} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.provider.behind = behind
			items := []domain.Item{w.item(1, 1, nil), w.item(2, 1, nil)}
			w.full()
			creates := w.provider.creates
			w.plantObject(w.provider.objects[0].marker)
			w.provider.objects[2].at = w.provider.now().Add(10 * time.Minute) // a copy of ours

			w.loseLinks(placed)
			w.full()
			w.exact(items...)
			mustBe(t, "creates", w.provider.creates, creates)
			mustBe(t, "objects", [2]string{w.objectOf(1), w.objectOf(2)}, [2]string{"0", "1"})
		})
	}
}
