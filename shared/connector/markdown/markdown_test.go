package markdown

import (
	"strings"
	"testing"

	"integrations/shared/connector"
	"integrations/shared/domain"
)

func TestNextLink(t *testing.T) {
	for value, want := range map[string]string{
		`<https://a/?page=2>; rel="next", <https://a/?page=9>; rel="last"`: "https://a/?page=2",
		`<https://a/?page=1>; rel="prev", <https://a/?page=3>; rel=next`:   "https://a/?page=3",
		`<https://a/?x=1,2>; title="a, b"; REL="last NEXT"`:                "https://a/?x=1,2",
		`<https://a/>; rel="last"`:                                         "", `<https://a/; rel="next"`: "", `rel="next"`: "", ``: "", `<>; rel=nextish`: "",
	} {
		got, ok := NextLink(value)
		if got != want || ok != (want != "") {
			t.Errorf("NextLink(%q) = %q %v", value, got, ok)
		}
	}
}

// People and programs write below the marker; the last one of several is ours.
func TestMarkerAmongOtherLines(t *testing.T) {
	m := connector.Marker{Integration: 11, Item: 22, Attempt: 3}
	body := WithMarker("text", m)
	for text, want := range map[string]bool{
		body: true, body + "\r\n \n": true, body + "\nmore": true, body + "\r\n\r\n<sub>added by a bot</sub>\r\n": true,
		WithMarker("", connector.Marker{Integration: 11, Item: 7, Attempt: 1}) + body + "\nmore": true,
		"": false, "\n": false, "> <!-- integrations:11/22/3 -->": false, "<!-- integrations:11/22/3 --> x": false, "<!-- integrations:11/99999999999999999999/3 -->": false,
	} {
		if got, ok := ParseMarker(text); ok != want || want && got != m {
			t.Errorf("%q is read as %v %v", text, got, ok)
		}
	}
}

func FuzzMarker(f *testing.F) {
	f.Add("body", uint64(1), uint64(2), 3)
	f.Fuzz(func(t *testing.T, body string, integration, item uint64, attempt int) {
		m := connector.Marker{Integration: domain.Snowflake(integration>>1 | 1), Item: domain.Snowflake(item>>1 | 1), Attempt: attempt & 0xffff}
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
