package connector

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/domain"
)

const testTag = "aaaaaaaaabcdefghij234567"

func TestMarkerAsText(t *testing.T) {
	for m, want := range map[Marker]string{
		{Integration: 1190000000000001027, Item: 4711, Attempt: 12, Tag: testTag}:   "1190000000000001027/4711/12/" + testTag,
		{Integration: 1190000000000001027, Item: 4711, Attempt: 12}:                 "1190000000000001027/4711/12",
		{Integration: 1<<63 - 1, Item: 1<<63 - 1, Attempt: 999999999, Tag: testTag}: "9223372036854775807/9223372036854775807/999999999/" + testTag,
	} {
		got, ok := ParseMarker(m.Text())
		if m.Text() != want || !ok || got != m || len(want) > MarkerSize {
			t.Errorf("%+v is %q and read as %+v %v", m, m.Text(), got, ok)
		}
	}

	if len(testTag) != TagSize || !IsTag(testTag) || IsTag(strings.ToUpper(testTag)) || IsTag(testTag[1:]) || IsTag("") {
		t.Error("the form of a tag")
	}
}

func TestWhatIsNoMarker(t *testing.T) {
	for _, bad := range []string{
		"", "1/2", "1/2/3/4", "01/2/3", "0/2/3", "1/2/-3", "1/2/03", "a/2/3", "1/2/3 ", "99999999999999999999/1/1", "9223372036854775808/1/1", "1/1/9999999999",
		"1/2/3/", "1/2/3/" + testTag[1:], "1/2/3/" + testTag + "a", "1/2/3/" + strings.ToUpper(testTag), "1/2/3/aaaaaaaaabcdefghij234561", "1/2/3/" + testTag + "\n",
	} {
		if m, ok := ParseMarker(bad); ok {
			t.Errorf("%q is read as %+v", bad, m)
		}
	}
}

func TestOriginals(t *testing.T) {
	at := time.Date(2026, 11, 28, 9, 30, 15, 0, time.UTC)
	signature := []byte("ten bytes!")
	m := Marker{Integration: 7, Item: 1, Attempt: 2, Tag: NewTag(at, signature)}
	earlier := Marker{Integration: 7, Item: 1, Attempt: 1, Tag: NewTag(at.Add(-time.Hour), signature)}
	undated := Marker{Integration: 7, Item: 2, Attempt: 1, Tag: NewTag(time.Time{}, signature)}
	bare := m
	forged := m
	moved := m
	bare.Tag, forged.Tag, moved.Integration = "", NewTag(at, []byte("ten others")), 8

	type object struct {
		carried []Marker
		created time.Duration // after the attempt
		number  int64
	}
	for name, tt := range map[string]struct {
		objects []object
		want    string // the numbers of the objects found, by item
	}{
		"the marker":              {[]object{{[]Marker{m}, 0, 1}}, "map[1:1]"},
		"an earlier attempt":      {[]object{{[]Marker{earlier}, 0, 1}}, "map[1:1]"},
		"both attempts":           {[]object{{[]Marker{earlier, m}, 0, 1}}, "map[1:1]"},
		"two items":               {[]object{{[]Marker{undated, m}, 0, 1}}, "map[1:1 2:1]"},
		"without a tag":           {[]object{{[]Marker{bare}, 0, 1}}, "map[]"},
		"a forged tag":            {[]object{{[]Marker{forged}, 0, 1}}, "map[]"},
		"another integration's":   {[]object{{[]Marker{moved}, 0, 1}}, "map[]"},
		"forged ones around ours": {[]object{{[]Marker{forged, m, bare}, 0, 1}}, "map[1:1]"},
		"nothing":                 {nil, "map[]"},
		"a copy after it":         {[]object{{[]Marker{m}, time.Second, 1}, {[]Marker{m}, time.Minute, 2}}, "map[1:1]"},
		"within one second":       {[]object{{[]Marker{m}, time.Second, 2}, {[]Marker{m}, time.Second, 3}}, "map[1:2]"},
		"pasted into older ones":  {[]object{{[]Marker{m}, -time.Hour, 1}, {[]Marker{m}, -time.Second, 2}, {[]Marker{m}, 0, 3}}, "map[1:3]"},
		"a clock behind":          {[]object{{[]Marker{m}, -time.Hour, 1}, {[]Marker{m}, -time.Second, 2}}, "map[1:1]"},
		"of two attempts":         {[]object{{[]Marker{earlier}, -time.Minute, 1}, {[]Marker{m}, 0, 2}}, "map[1:1]"},
		"undated":                 {[]object{{[]Marker{undated}, -100 * time.Hour, 1}, {[]Marker{undated}, 0, 2}}, "map[2:1]"},
	} {
		for _, backward := range []bool{false, true} {
			objects := slices.Clone(tt.objects)
			if backward {
				slices.Reverse(objects)
			}

			originals := NewOriginals([]Marker{m, earlier, undated})
			found := map[domain.Snowflake]int64{}
			for _, o := range objects {
				for _, item := range originals.See(o.carried, at.Add(o.created), o.number) {
					found[item] = o.number
				}
			}

			if got := fmt.Sprint(found); got != tt.want {
				t.Errorf("%s, backward %v: %s", name, backward, got)
			}
		}
	}
}

func TestTheTimeOfATag(t *testing.T) {
	signature := []byte("ten bytes!")
	for _, at := range []time.Time{
		time.Date(2026, 11, 28, 9, 30, 15, 0, time.UTC),
		time.Unix(1, 0).UTC(),
		time.Unix(1<<40-1, 0).UTC(),
		{},
	} {
		m := Marker{Integration: 1, Item: 1, Attempt: 1, Tag: NewTag(at, signature)}
		if !IsTag(m.Tag) || !m.NotBefore().Equal(at) {
			t.Errorf("%s is %s, read as %s", at, m.Tag, m.NotBefore())
		}
	}

	for _, tag := range []string{"", "x", strings.Repeat("1", TagSize)} {
		if got := (Marker{Tag: tag}).NotBefore(); !got.IsZero() {
			t.Errorf("%q says %s", tag, got)
		}
	}
}

func TestAddMarker(t *testing.T) {
	var found []Marker
	if FirstMarker(found) != (Marker{}) {
		t.Error("the first of none")
	}

	for i := range 2 * MostMarkers {
		m := Marker{Integration: 1, Item: domain.Snowflake(i/2 + 1), Attempt: 1}
		found = AddMarker(found, m)
	}

	found = AddMarker(found, Marker{Integration: 9, Item: 9})
	if len(found) != MostMarkers || found[MostMarkers-1].Item != MostMarkers || FirstMarker(found).Item != 1 {
		t.Error(found)
	}
}

func FuzzParseMarker(f *testing.F) {
	f.Add("1/2/3/" + testTag)
	f.Add("1/2/3")
	f.Fuzz(func(t *testing.T, text string) {
		if m, ok := ParseMarker(text); ok && (m.Text() != text || len(text) > MarkerSize) {
			t.Errorf("%q is read as %+v", text, m)
		}
	})
}
