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
