package recording

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

// FuzzRuns holds the runs against the regular expressions that say what they are.
func FuzzRuns(f *testing.F) {
	for _, text := range []string{
		"", "ABCDEFGHIJ", "ABCDEFGHI", "abcdefghij", "222ABCDEFG", "222abcdefg", "ABCDEFGHI222abcdefg", "ABCDEFGHIJabcdefghij",
		"token=c2VjcmV0LXdvcmRz==", "ab/cd-ef_gh+ij", "deadbeefdead", "deadbeefdea", "DEADbeef0123456789 deadbeefdead",
		"Grüße ABCDEFGHIJ\xff0123456789abcdef", strings.Repeat("a1", 40),
	} {
		f.Add(text)
	}

	kinds := []struct {
		pattern   *regexp.Regexp
		least     int
		encodings []*alphabet
	}{
		{regexp.MustCompile(`[A-Za-z0-9+/_-]{8,}`), 8, []*alphabet{&sixtyFour}},
		{regexp.MustCompile(`[A-Z2-7]{10,}|[a-z2-7]{10,}`), 10, []*alphabet{&upperThirtyTwo, &lowerThirtyTwo}},
		{regexp.MustCompile(`[0-9A-Fa-f]{12,}`), 12, []*alphabet{&hexDigits}},
	}

	f.Fuzz(func(t *testing.T, text string) {
		for _, k := range kinds {
			got := runs(text, k.least, k.encodings...)
			want := k.pattern.FindAllString(text, -1)
			if !slices.Equal(got, want) {
				t.Errorf("%q: %q, want %q", text, got, want)
			}
		}
	})
}
