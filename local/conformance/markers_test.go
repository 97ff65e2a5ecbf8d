package conformance

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/domain"
)

// tags are those of three attempts, of times long ago, and one without a valid
// signature.
const (
	tagOne   = "aaaaaaaaaaaaaaaaaaaaaaaa"
	tagTwo   = "aaaaaaabbcdefghijklmnop2"
	tagOther = "aaaaaaacq7q7q7q7q7q7q7q7"
	forged   = "zzzzzzzzzzzzzzzzzzzzzzzz"
)

// markedKits gives each connector that can look for a marker, in front of its
// fake server, which is empty.
func markedKits(t *testing.T, test func(t *testing.T, c connector.Connector)) {
	t.Helper()
	for _, k := range kits {
		if k.fill != nil {
			t.Run(k.name, func(t *testing.T) { test(t, k.fill(t, 0, straight)) })
		}
	}

	for _, s := range chatStages(t) {
		c := s.open(connectortest.Serve(t, s.api, s.secrets...))
		if _, can := c.(connector.Finder); can {
			t.Run(s.name, func(t *testing.T) { test(t, c) })
		}
	}
}

// marked makes one object with this marker and gives its id.
func marked(t *testing.T, c connector.Connector, title string, m connector.Marker) string {
	t.Helper()
	made := content(c)
	made.Title = title
	made.State = domain.Open
	w, err := c.Create(t.Context(), made, m)
	if err != nil {
		t.Fatalf("%s: %v", title, err)
	}

	return w.Remote.ID
}

// foundBy gives the id of each object that is found, by its item.
func foundBy(t *testing.T, c connector.Connector, want ...connector.Marker) map[domain.Snowflake]string {
	t.Helper()
	found, err := c.(connector.Finder).Find(context.WithoutCancel(t.Context()), time.Now().Add(-time.Minute), want)
	if err != nil {
		t.Fatal(err)
	}

	ids := map[domain.Snowflake]string{}
	for item, w := range found {
		ids[item] = w.Remote.ID
	}

	return ids
}

// A6, A7: a marker counts as a whole. What carries a forged tag, none, another
// attempt or another integration is a person's object.
func TestAForgedMarkerIsNotFound(t *testing.T) {
	markedKits(t, func(t *testing.T, c connector.Connector) {
		signed := connector.Marker{Integration: 77, Item: 4711, Attempt: 2, Tag: tagTwo}
		bare := signed
		wrong := signed
		attempt := signed
		integration := signed
		bare.Tag = ""
		wrong.Tag = forged
		attempt.Attempt = 3
		integration.Integration = 78

		marked(t, c, "copied without the tag", bare)
		marked(t, c, "forged", wrong)
		marked(t, c, "of an attempt that never was", attempt)
		marked(t, c, "of another integration", integration)
		if got := foundBy(t, c, signed); len(got) != 0 {
			t.Fatalf("a forgery was found: %v", got)
		}

		ours := marked(t, c, "ours", signed)
		marked(t, c, "forged afterwards", wrong)
		if got := foundBy(t, c, signed); len(got) != 1 || got[4711] != ours {
			t.Errorf("%v, want %s", got, ours)
		}
	})
}

// A7: of two objects with the same valid marker the oldest is the item's; the
// copy is a person's.
func TestTheOldestOfTwoCopies(t *testing.T) {
	markedKits(t, func(t *testing.T, c connector.Connector) {
		signed := connector.Marker{Integration: 77, Item: 4711, Attempt: 1, Tag: tagOne}
		ours := marked(t, c, "ours", signed)
		marked(t, c, "a copy", signed)
		marked(t, c, "another copy", signed)
		if got := foundBy(t, c, signed); len(got) != 1 || got[4711] != ours {
			t.Errorf("%v, want %s", got, ours)
		}
	})
}

// An object that was there before the attempt of its marker is not what the
// attempt made: a person has pasted the marker into it.
func TestAMarkerPastedIntoAnOlderObject(t *testing.T) {
	markedKits(t, func(t *testing.T, c connector.Connector) {
		if _, chat := c.(connector.Chat); chat {
			t.Skip("no account can change another's message")
		}

		signed := connector.Marker{Integration: 77, Item: 4711, Attempt: 1, Tag: tagOne}
		pasted := signed
		pasted.Attempt, pasted.Tag = 2, connector.NewTag(time.Now().Add(time.Hour), []byte("ten bytes."))
		marked(t, c, "an older one", pasted)
		ours := marked(t, c, "ours", signed)
		marked(t, c, "a copy", signed)
		if got := foundBy(t, c, signed, pasted); len(got) != 1 || got[4711] != ours {
			t.Errorf("%v, want %s", got, ours)
		}
	})
}

// Several attempts of one item may be wanted. A tracker's oldest object is
// found; a chat's last message, which shows what was sent last.
func TestSeveralAttemptsAreWanted(t *testing.T) {
	markedKits(t, func(t *testing.T, c connector.Connector) {
		first := connector.Marker{Integration: 77, Item: 4711, Attempt: 1, Tag: tagOne}
		second := connector.Marker{Integration: 77, Item: 4711, Attempt: 2, Tag: tagTwo}
		neighbour := connector.Marker{Integration: 77, Item: 4712, Attempt: 1, Tag: tagOther}
		early := marked(t, c, "first", first)
		beside := marked(t, c, "a neighbour", neighbour)
		if got := foundBy(t, c, first, second, neighbour); len(got) != 2 || got[4711] != early || got[4712] != beside {
			t.Errorf("%v, want %s and %s", got, early, beside)
		}

		late := marked(t, c, "second", second)
		want := early
		if _, chat := c.(connector.Chat); chat {
			want = late
		}

		if got := foundBy(t, c, first, second); len(got) != 1 || got[4711] != want {
			t.Errorf("%v, want %s", got, want)
		}

		if got := foundBy(t, c, second); got[4711] != late {
			t.Errorf("%v, want %s", got, late)
		}
	})
}

// All markers are looked for, also if one request cannot hold them.
func TestManyMarkersAreWanted(t *testing.T) {
	markedKits(t, func(t *testing.T, c connector.Connector) {
		var want []connector.Marker
		for item := range 45 {
			for attempt := range 2 {
				tag := strings.Repeat(string(rune('a'+attempt)), connector.TagSize)
				want = append(want, connector.Marker{Integration: 77, Item: domain.Snowflake(item + 1), Attempt: attempt + 1, Tag: tag})
			}
		}

		first := marked(t, c, "first", want[0])
		last := marked(t, c, "last", want[len(want)-1])
		if got := foundBy(t, c, want...); len(got) != 2 || got[1] != first || got[45] != last {
			t.Errorf("%v, want %s and %s", got, first, last)
		}
	})
}

// A list of changes shows the whole marker, tag included, also after an update
// that renewed it, and never more than one of the item's own.
func TestAMarkerGoesThereAndBack(t *testing.T) {
	markedKits(t, func(t *testing.T, c connector.Connector) {
		puller, can := c.(connector.Puller)
		if !can {
			t.Skip("a chat's messages are not listed")
		}

		signed := connector.Marker{Integration: 1<<63 - 1, Item: 1<<62 + 3, Attempt: 12, Tag: tagTwo}
		made := content(c)
		made.State = domain.Open
		w, err := c.Create(t.Context(), made, signed)
		if err != nil {
			t.Fatal(err)
		}

		sent := connector.Sent{Remote: w.Remote, Labels: made.Labels, State: domain.Open, Seen: w.Seen}
		made.Title = "changed"
		if _, err := c.Update(t.Context(), sent, made, signed); err != nil {
			t.Fatal(err)
		}

		objects, _, err := puller.Changes(t.Context(), time.Time{}, 0)
		if err != nil || len(objects) != 1 {
			t.Fatal(objects, err)
		}

		if o := objects[0]; o.Marker != signed || !slices.Equal(o.Markers, []connector.Marker{signed}) {
			t.Errorf("%+v, want %+v alone", o.Markers, signed)
		}
	})
}
