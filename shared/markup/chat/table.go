package chat

import (
	"strings"
	"unicode"

	"example.com/integrations/shared/markup/document"
)

// A dialect that says how many columns of text it shows side by side in a block
// of code has its tables there, as a grid. Without that a table is a line for each
// row.

// columns: 60 fit beside Discord's list of members on a small screen. A longer
// line wraps, and the grid is lost.
func (Discord) columns() int { return 60 }

// columns: 0 is no grid. Slack's connector shows tables by other means.
func (Slack) columns() int { return 0 }

// columns: 0 is no grid. Plain text has no block of code.
func (Plain) columns() int { return 0 }

// table is a grid where the dialect has one and the table fits into it, else a
// line for each row.
func (w writer) table(rows [][][]document.Span) string {
	if text, ok := grid(rows, w.d.columns()); ok {
		return w.d.block(text, "")
	}

	var lines []string
	for _, row := range rows {
		lines = append(lines, w.lines(document.Row(row)))
	}

	return strings.Join(lines, "\n")
}

// gap is what stands between two columns of a grid.
const gap = "  "

// grid is a table as lines of equal columns, with a line below the heading. It
// returns false for a table that is wider than most, and for one that would lose
// something in a block of code: a link, or the order of text that is written from
// right to left.
func grid(rows [][][]document.Span, most int) (string, bool) {
	cells, ok := plainCells(rows)
	if !ok || len(cells) == 0 {
		return "", false
	}

	widths := widthsOf(cells)
	all := len(gap) * (len(widths) - 1)
	for _, width := range widths {
		all += width
	}

	if len(widths) == 0 || all > most {
		return "", false
	}

	rule := make([]string, len(widths))
	for i, width := range widths {
		rule[i] = strings.Repeat("─", width)
	}

	lines := []string{gridLine(cells[0], widths), gridLine(rule, widths)}
	for _, row := range cells[1:] {
		lines = append(lines, gridLine(row, widths))
	}

	return strings.Join(lines, "\n"), true
}

// plainCells are the texts of a table's cells.
func plainCells(rows [][][]document.Span) ([][]string, bool) {
	var all [][]string
	for _, row := range rows {
		var texts []string
		for _, cell := range row {
			var text strings.Builder
			for _, s := range cell {
				if s.Link != "" || strings.ContainsFunc(s.Text, rightToLeft) {
					return nil, false
				}

				if s.Break {
					text.WriteByte(' ')
				}

				text.WriteString(s.Text)
			}

			texts = append(texts, strings.Join(strings.Fields(text.String()), " "))
		}

		all = append(all, texts)
	}

	return all, true
}

// widthsOf are the widths of a grid's columns.
func widthsOf(rows [][]string) []int {
	var widths []int
	for _, row := range rows {
		for i, text := range row {
			if i == len(widths) {
				widths = append(widths, 1)
			}
			widths[i] = max(widths[i], width(text))
		}
	}

	return widths
}

// gridLine is a row, each cell as wide as its column.
func gridLine(cells []string, widths []int) string {
	var line strings.Builder
	for i, text := range cells {
		if i > 0 {
			line.WriteString(gap)
		}
		line.WriteString(text + strings.Repeat(" ", widths[i]-width(text)))
	}

	return strings.TrimRight(line.String(), " ")
}

// width is how many columns a text takes in a font of fixed width: none for what
// is drawn onto the character before it, two for wide characters.
func width(text string) int {
	n := 0
	for _, r := range text {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		case unicode.Is(wide, r):
			n += 2
		default:
			n++
		}
	}

	return n
}

// wide are the characters that East Asian fonts and emoji draw two columns wide,
// by blocks (Unicode Standard Annex #11).
var wide = &unicode.RangeTable{
	R16: []unicode.Range16{
		{Lo: 0x1100, Hi: 0x115f, Stride: 1}, {Lo: 0x2e80, Hi: 0xa4cf, Stride: 1}, {Lo: 0xac00, Hi: 0xd7a3, Stride: 1},
		{Lo: 0xf900, Hi: 0xfaff, Stride: 1}, {Lo: 0xfe30, Hi: 0xfe6f, Stride: 1}, {Lo: 0xff00, Hi: 0xff60, Stride: 1}, {Lo: 0xffe0, Hi: 0xffe6, Stride: 1},
	},
	R32: []unicode.Range32{{Lo: 0x1f300, Hi: 0x1faff, Stride: 1}, {Lo: 0x20000, Hi: 0x3fffd, Stride: 1}},
}

// rightToLeft reports whether a character is written from right to left.
func rightToLeft(r rune) bool {
	return unicode.In(r, unicode.Hebrew, unicode.Arabic, unicode.Syriac, unicode.Thaana, unicode.Nko)
}
