package markup

import (
	"strconv"
	"strings"
)

// items follows the list items of a text from line to line, to find the code
// blocks that a list item begins with, as in "- ```go". Such a block ends at its
// closing fence, or where a line is not indented as far as the item's text.
type items struct {
	column int  // where the text of the open item begins, 0 without one
	text   bool // the last line may be text that goes on in the next one

	inside bool // a code block of an item is open
	fence  fence
	from   int // how far its lines are indented
}

// within reports whether a line belongs to the code block of an item, of which
// the closing fence is the last line.
func (s *items) within(line string) bool {
	if !s.inside {
		return false
	}

	bare := strings.TrimLeft(line, " ")
	indent := len(line) - len(bare)
	if strings.Trim(bare, " \t") == "" {
		return true
	}

	if indent < s.from {
		s.inside = false
		return false
	}

	if s.fence.closes(line[s.from:]) {
		s.inside = false
	}

	return true
}

// A start is where a list item begins a code block: the fence is at line[at:].
type start struct {
	at    int
	fence fence
	info  string
}

// opens reads a line that certainly begins list items and in them a code block.
func (s *items) opens(line string) (start, bool) {
	first, at, number := markers(line)
	if first == 0 || !s.begins(line, number) {
		return start{}, false
	}

	f, info, ok := opening(line[at:])
	if !ok {
		return start{}, false
	}

	s.inside = true
	s.fence = f
	s.from = at

	return start{at: at, fence: f, info: info}, true
}

// begins reports whether a line with a list marker begins an item. A number other
// than 1 does not where a paragraph goes on in the line.
func (s *items) begins(line string, number int) bool {
	indent := len(line) - len(strings.TrimLeft(line, " "))

	return number == 1 || !s.text || indent < s.column
}

// follow notes a line that is in no code block.
func (s *items) follow(line string) {
	bare := strings.TrimLeft(line, " ")
	blank := strings.Trim(bare, " \t") == ""
	first, _, number := markers(line)
	switch {
	case blank:
	case first > 0 && s.begins(line, number):
		s.column = first
	case len(line)-len(bare) < s.column:
		s.column = 0
	}

	s.text = !blank
}

// markers reads the list markers that a line begins with, each with one to four
// spaces behind it: where the text of the first item begins, 0 without one, where
// the text behind all of them begins, and the number of the first item, 1 for a
// bullet. An item without text is none: it may be the line below a heading.
func markers(line string) (first, text, number int) {
	i := len(line) - len(strings.TrimLeft(line, " "))
	if i > 3 || isRule(line) {
		return 0, 0, 0
	}

	for i < len(line) {
		width, n := marker(line[i:])
		spaces := len(line[i+width:]) - len(strings.TrimLeft(line[i+width:], " "))
		if width == 0 || spaces == 0 || spaces > 4 {
			break
		}

		i += width + spaces
		if first == 0 {
			first = i
			number = n
		}
	}

	if first == 0 || strings.Trim(line[first:], " \t") == "" {
		return 0, 0, 0
	}

	return first, i, number
}

// isRule reports whether a line is a thematic break, which may look like list
// markers.
func isRule(line string) bool {
	signs := strings.NewReplacer(" ", "", "\t", "").Replace(line)
	return len(signs) >= 3 && strings.Trim(signs, signs[:1]) == "" && strings.IndexByte("-*_", signs[0]) >= 0
}

// marker is how long the list marker is that text begins with, and its number.
func marker(text string) (width, number int) {
	if strings.IndexByte("-+*", text[0]) >= 0 {
		return 1, 1
	}

	digits := 0
	for digits < len(text) && text[digits] >= '0' && text[digits] <= '9' {
		digits++
	}

	if digits == 0 || digits > 9 || digits == len(text) || text[digits] != '.' && text[digits] != ')' {
		return 0, 0
	}

	number, _ = strconv.Atoi(text[:digits])

	return digits + 1, number
}
