package markup

import (
	"regexp"
	"strings"
)

// A span is a code span with its backticks: text[from:to].
type span struct{ from, to int }

// spans pairs the backtick runs of one line. They are whole only if every run
// found its partner on the line.
func spans(line string) (list []span, whole bool) {
	whole = true
	for i := 0; i < len(line); {
		if line[i] != '`' {
			i++
			continue
		}

		width := run(line, i)
		end := partner(line, i+width, width)
		if end < 0 {
			whole = false
			i += width
			continue
		}

		list = append(list, span{i, end})
		i = end
	}

	return list, whole
}

// partner is where the next run of exactly width backticks ends.
func partner(line string, i, width int) int {
	for i < len(line) {
		next := strings.IndexByte(line[i:], '`')
		if next < 0 {
			return -1
		}

		i += next
		n := run(line, i)
		i += n
		if n == width {
			return i
		}
	}

	return -1
}

// certain reports whether the code spans of lines without a blank one between
// them are where spans sees them, however the lines fall into paragraphs,
// lists, quotations and tables: each pairs up within its line, and nothing
// that binds tighter can take a backtick away.
func certain(lines []string) bool {
	for _, line := range lines {
		list, whole := spans(line)
		if !whole || !plainLinks(line, list) || strings.Contains(line, "$") || strings.Contains(line, "\\`") {
			return false
		}

		for _, s := range list {
			if strings.Contains(line[s.from:s.to], "|") || inAddress(line[:s.from]) {
				return false
			}
		}
	}

	return true
}

// inAddress reports whether what follows before could be part of a bare
// address, which runs to the next white space, backticks included.
func inAddress(before string) bool {
	const far = 256 // a longer word is in doubt anyway, and looking costs time
	long := len(before) > far
	before = before[max(0, len(before)-far):]
	start := strings.LastIndexAny(before, " \t")
	if start < 0 && long {
		return true
	}

	word := strings.ToLower(before[start+1:])

	return strings.Contains(word, ":") || strings.Contains(word, "www.")
}

var (
	linkTail  = regexp.MustCompile(`\](?:\(|\[)`)
	plainTail = regexp.MustCompile("^\\](?:\\([^\\s()<>`\"'\\\\]*\\)|\\[[^\\[\\]`\\\\]*\\])")
)

// plainLinks reports whether the links on a line end there and hold no
// backtick behind their text: what is in a link's brackets is read before code
// spans are.
func plainLinks(line string, list []span) bool {
	at := 0
	for _, s := range append(list, span{len(line), len(line)}) {
		for _, tail := range linkTail.FindAllStringIndex(line[at:s.from], -1) {
			if !plainTail.MatchString(line[at+tail[0]:]) {
				return false
			}
		}

		at = s.to
	}

	return true
}
