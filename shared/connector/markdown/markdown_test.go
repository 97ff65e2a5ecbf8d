package markdown

import (
	"slices"
	"strings"
	"testing"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/domain"
)

// People and programs write below the marker; the last one of several is ours.
func TestMarkerAmongOtherLines(t *testing.T) {
	m := connector.Marker{Integration: 11, Item: 22, Attempt: 3, Tag: connectortest.Tag}
	body := WithMarker("text", m)
	for text, want := range map[string]bool{
		body: true, body + "\r\n \n": true, body + "\nmore": true, body + "\r\n\r\n<sub>added by a bot</sub>\r\n": true,
		WithMarker("", connector.Marker{Integration: 11, Item: 7, Attempt: 1}) + body + "\nmore": true,
		"": false, "\n": false, "> <!-- integrations:11/22/3 -->": false, "<!-- integrations:11/22/3 --> x": false, "<!-- integrations:11/99999999999999999999/3 -->": false, "<!-- integrations:11/22/3/ -->": false, "<!-- integrations:11/22/3/short -->": false,
		"<!-- integrations:11/22/3/" + strings.ToUpper(connectortest.Tag) + " -->": false,
	} {
		if got, ok := ParseMarker(text); ok != want || want && got != m {
			t.Errorf("%q is read as %v %v", text, got, ok)
		}
	}
}

// A marker that an older version wrote has no tag.
func TestAMarkerWithoutATag(t *testing.T) {
	bare := connector.Marker{Integration: 11, Item: 22, Attempt: 3}
	if body := WithMarker("text", bare); body != "text\n\n<!-- integrations:11/22/3 -->" {
		t.Error(body)
	}

	if got, ok := ParseMarker("text\n\n<!-- integrations:11/22/3 -->"); !ok || got != bare {
		t.Error(got, ok)
	}
}

// A7: another marker is pasted below ours, above it, or instead of it. All are
// handed over, each once, so that the engine can verify which one is ours.
func TestSeveralMarkers(t *testing.T) {
	ours := connector.Marker{Integration: 11, Item: 22, Attempt: 3, Tag: connectortest.Tag}
	other := connector.Marker{Integration: 11, Item: 23, Attempt: 1, Tag: connectortest.OtherTag}
	bare := connector.Marker{Integration: 11, Item: 22, Attempt: 3}
	for name, tt := range map[string]struct {
		body string
		want []connector.Marker
	}{
		"below":  {WithMarker(WithMarker("text", ours), other), []connector.Marker{other, ours}},
		"above":  {WithMarker(WithMarker("text", other), ours), []connector.Marker{ours, other}},
		"around": {WithMarker(WithMarker(WithMarker("text", bare), ours), other), []connector.Marker{other, ours, bare}},
		"twice":  {WithMarker(WithMarker("text", ours), ours), []connector.Marker{ours}},
		"none":   {"text", nil},
	} {
		if got := Markers(tt.body); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %+v", name, got)
		}
	}

	var body strings.Builder
	for n := range 2 * connector.MostMarkers {
		body.WriteString(WithMarker("", connector.Marker{Integration: 11, Item: domain.Snowflake(n + 1), Attempt: 1}))
	}

	if got := Markers(body.String()); len(got) != connector.MostMarkers {
		t.Errorf("%d markers", len(got))
	}
}

func TestTheLongestMarkerHasRoom(t *testing.T) {
	m := connector.Marker{Integration: 1<<63 - 1, Item: 1<<63 - 1, Attempt: 999_999_999, Tag: connectortest.Tag}
	if got := len(WithMarker("", m)); got > MarkerRoom {
		t.Errorf("%d bytes in room for %d", got, MarkerRoom)
	}
}

func FuzzMarker(f *testing.F) {
	f.Add("body", uint64(1), uint64(2), 3)
	f.Add("<!-- integrations:1/2/3/"+connectortest.Tag+" -->\n<!-- integrations:1/2/4 -->", uint64(1), uint64(2), 3)
	f.Fuzz(func(t *testing.T, body string, integration, item uint64, attempt int) {
		m := connector.Marker{Integration: domain.Snowflake(integration>>1 | 1), Item: domain.Snowflake(item>>1 | 1), Attempt: attempt & 0xffff, Tag: connectortest.Tag}
		if got, ok := ParseMarker(WithMarker(body, m)); !ok || got != m {
			t.Errorf("%v is read as %v", m, got)
		}

		if strings.Contains(body, "integrations:") {
			return
		}

		if got, ok := ParseMarker(body); ok {
			t.Errorf("%q is read as %v", body, got)
		}
	})
}
