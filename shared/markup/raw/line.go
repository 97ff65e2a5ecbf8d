package raw

import (
	"regexp"
	"strings"
)

// lineEnd ends a line within a text.
func (w *rewriter) lineEnd(p piece, in context) string {
	switch {
	case w.form == ToMarkdown:
		return "<br>"
	case in.table:
		return " "
	case w.ends(p):
		return ""
	}

	return "\n"
}

// markers are the signs of quotations and list items that a line begins with.
var markers = regexp.MustCompile(`^(?:[ \t]|>|[-+*][ \t]|[0-9]{1,9}[.)][ \t])+`)

// starts reports whether only signs of quotations and lists, white space and other
// tags are before a piece on its line.
func (w *rewriter) starts(p piece) bool {
	line := max(0, p.from-far)
	line += strings.LastIndexByte(w.source[line:p.from], '\n') + 1
	before := w.source[line:p.from]

	return !hasText(before[len(markers.FindString(before)):])
}

// ends reports whether nothing but tags and white space is behind a piece on its
// line.
func (w *rewriter) ends(p piece) bool {
	end := min(len(w.source), p.to+far)
	rest, _, _ := strings.Cut(w.source[p.to:end], "\n")

	return !hasText(rest)
}

// alone reports whether a piece is the only one on its line.
func (w *rewriter) alone(p piece) bool { return w.starts(p) && w.ends(p) }

// hasText reports whether there is text between the tags of a part of a line.
func hasText(part string) bool {
	for _, t := range Tokens(part) {
		text := t.Kind == Text && strings.TrimSpace(t.Raw) != ""
		if text || t.Kind == Tag && (t.Role() == Unknown || t.Role() == Image) {
			return true
		}
	}

	return false
}
