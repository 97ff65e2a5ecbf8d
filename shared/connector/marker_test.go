package connector

import (
	"fmt"
	"strings"
	"testing"

	"integrations/shared/domain"
)

const testTag = "abcdefghij234567"

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
		"1/2/3/", "1/2/3/" + testTag[1:], "1/2/3/" + testTag + "a", "1/2/3/" + strings.ToUpper(testTag), "1/2/3/abcdefghij234561", "1/2/3/" + testTag + "\n",
	} {
		if m, ok := ParseMarker(bad); ok {
			t.Errorf("%q is read as %+v", bad, m)
		}
	}
}

func TestWantedAsAWhole(t *testing.T) {
	m := Marker{Integration: 7, Item: 1, Attempt: 2, Tag: testTag}
	earlier := Marker{Integration: 7, Item: 1, Attempt: 1, Tag: "aaaaaaaaaaaaaaaa"}
	wanted := NewWanted([]Marker{m, earlier, {Integration: 7, Item: 2, Attempt: 1, Tag: testTag}})
	bare, forged, moved := m, m, m
	bare.Tag, forged.Tag, moved.Integration = "", "bbbbbbbbbbbbbbbb", 8
	for name, tt := range map[string]struct {
		carried []Marker
		want    string
	}{
		"the marker":              {[]Marker{m}, "[1]"},
		"an earlier attempt":      {[]Marker{earlier}, "[1]"},
		"both attempts":           {[]Marker{earlier, m}, "[1]"},
		"without a tag":           {[]Marker{bare}, "[]"},
		"a forged tag":            {[]Marker{forged}, "[]"},
		"another integration's":   {[]Marker{moved}, "[]"},
		"forged ones around ours": {[]Marker{forged, m, bare}, "[1]"},
		"nothing":                 {nil, "[]"},
	} {
		if got := fmt.Sprint(wanted.Items(tt.carried)); got != tt.want {
			t.Errorf("%s: %s", name, got)
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
