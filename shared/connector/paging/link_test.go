package paging

import "testing"

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
