package recording

import (
	"regexp"
	"strings"
	"time"
)

// stamps match times in a text, with a zone or without one.
var stamps = regexp.MustCompile(`\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?`)

// layouts are the forms of times.
var layouts = []string{
	"2006-01-02T15:04:05.999999999Z07:00", "2006-01-02T15:04:05.999999999Z0700", "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02 15:04",
}

// timeOf reads a time. Its layout has as many digits as the text.
func timeOf(text string) (at time.Time, layout string, ok bool) {
	for _, layout := range layouts {
		at, err := time.Parse(layout, text)
		if err != nil {
			continue
		}

		fraction := ""
		if _, rest, found := strings.Cut(text, "."); found {
			fraction = "." + strings.Repeat("0", len(rest)-len(strings.TrimLeft(rest, "0123456789")))
		}

		return at, strings.Replace(layout, ".999999999", fraction, 1), true
	}

	return time.Time{}, "", false
}

// time learns a pair of times. The first one of an object that was created in the
// recording says how far the clocks are apart: others may be from before it.
func (m *mapping) time(before, after string) {
	was, _, ok := timeOf(before)
	is, _, also := timeOf(after)
	if !ok || !also {
		return
	}

	if m.recent && !m.shifted {
		m.shift = is.Sub(was)
		m.shifted = true
	}

	if _, known := m.times[before]; !known {
		m.times[before] = after
	}
}

// stamp maps a time: to the one that the fake server gave in its place, or by the
// distance of the clocks.
func (m *mapping) stamp(text string) string {
	if mapped, ok := m.times[text]; ok {
		return mapped
	}

	at, layout, ok := timeOf(text)
	if !ok || m.shift == 0 {
		return text
	}

	return at.Add(m.shift).Format(layout)
}
