package slack

import (
	"strings"
	"unicode"

	"example.com/integrations/shared/markup/document"
)

// maxWidth is how wide a table may be that is shown in columns: a wider one is
// broken within its rows.
const maxWidth = 60

// table shows a table in columns of one width for each letter, or as lines if it is
// too wide or has links, which take no style there. Slack's own table block is not
// used: a message may have only one, at its end
// (https://docs.slack.dev/reference/block-kit/blocks/table-block).
func (w *writer) table(rows [][][]document.Span, at place) {
	if text, ok := columns(rows); ok {
		w.code(text, at)
		return
	}

	var lines []element
	for i, row := range rows {
		spans := document.Row(row)
		if i == 0 {
			spans = document.Bold(spans)
		}

		if line := inline(spans); len(line) > 0 {
			if len(lines) > 0 {
				lines = addText(lines, "\n", nil)
			}
			lines = join(lines, line)
		}
	}

	w.paragraph(lines, at)
}

// columns draws a table with a line below its heading. It reports whether the table
// can be shown so.
func columns(rows [][][]document.Span) (string, bool) {
	cells := make([][]string, len(rows))
	var widths []int
	for i, row := range rows {
		for k, cell := range row {
			text, ok := cellText(cell)
			if !ok {
				return "", false
			}

			if k == len(widths) {
				widths = append(widths, 0)
			}

			widths[k] = max(widths[k], width(text))
			cells[i] = append(cells[i], text)
		}
	}

	total := -len(between)
	for _, n := range widths {
		total += n + len(between)
	}

	if total < 1 || total > maxWidth {
		return "", false
	}

	lines := make([]string, 0, len(rows)+1)
	for i, row := range cells {
		lines = append(lines, rowLine(row, widths))
		if i == 0 {
			lines = append(lines, strings.Repeat("-", total))
		}
	}

	return strings.Join(lines, "\n"), true
}

// between stands between two columns.
const between = "  "

func rowLine(row []string, widths []int) string {
	var line strings.Builder
	for k, text := range row {
		if k > 0 {
			line.WriteString(between)
		}
		line.WriteString(text)
		line.WriteString(strings.Repeat(" ", widths[k]-width(text)))
	}

	return strings.TrimRight(line.String(), " ")
}

// cellText is a cell's text. A cell with a link or a line break has none.
func cellText(cell []document.Span) (string, bool) {
	var text strings.Builder
	for _, s := range cell {
		if s.Link != "" || s.Break {
			return "", false
		}
		text.WriteString(s.Text)
	}

	return text.String(), true
}

// width is about how many columns a text takes in a font of one width.
func width(text string) int {
	n := 0
	for _, r := range text {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul), r >= 0x1f300:
			n += 2
		default:
			n++
		}
	}

	return n
}
