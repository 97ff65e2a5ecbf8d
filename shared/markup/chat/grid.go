package chat

import (
	"strings"

	"example.com/integrations/shared/markup/document"
)

// Grid is a table as lines of text in columns, for a font of one width: the
// heading, a line below it, and the rows. It returns false for a table that is
// wider than most characters, and for one that would lose something as such
// lines: a link, or the order of text that is written from right to left.
func Grid(rows [][][]document.Span, most int) ([]string, bool) {
	text, ok := grid(rows, most)
	if !ok {
		return nil, false
	}

	return strings.Split(text, "\n"), true
}
