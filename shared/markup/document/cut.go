package document

import (
	"sort"
	"unicode/utf16"

	"example.com/integrations/shared/markup"
)

// Length is a text's length as programs in Java count it: in UTF-16 units.
func Length(text string) int {
	n := 0
	for _, r := range text {
		n += utf16.RuneLen(r)
	}
	return n
}

// CutText is markup.Cut for limits in UTF-16 units.
func CutText(text string, max int, suffix string) string {
	if Length(text) <= max {
		return text
	}

	if Length(suffix) > max {
		suffix = ""
	}

	most := max - Length(suffix)
	for room := most; ; {
		kept := markup.Cut(text, room, "")
		over := Length(kept) - most
		if over <= 0 {
			return kept + suffix
		}

		room = markup.Count(kept) - (over+1)/2
	}
}

// Fit is the document with an end behind it, cut so that it is no larger than
// max as size counts. What is cut is replaced by rest, between two characters
// as people see them.
func Fit(blocks, rest, end []Block, max int, size func([]Block) int) []Block {
	whole := join(blocks, end)
	if size(whole) <= max {
		return whole
	}

	// The largest room that fits: sort.Search finds the first that does not.
	room := sort.Search(weight(blocks), func(n int) bool {
		return size(join(cut(blocks, n+1), rest, end)) > max
	})

	return join(cut(blocks, room), rest, end)
}

func join(parts ...[]Block) []Block {
	var all []Block
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}

// weight is the room that blocks take.
func weight(blocks []Block) int {
	c := cutter{left: 1 << 40}
	c.blocks(blocks)
	return 1<<40 - c.left
}

// cut keeps what has room.
func cut(blocks []Block, room int) []Block {
	c := cutter{left: room}
	return c.blocks(blocks)
}

// A cutter goes through blocks as long as there is room. Each takes as much as
// it has characters, and one more.
type cutter struct{ left int }

func (c *cutter) take() bool {
	c.left--
	return c.left >= 0
}

func (c *cutter) blocks(list []Block) []Block {
	var kept []Block
	for _, b := range list {
		if !c.take() {
			return kept
		}

		if b, some := c.block(b); some {
			kept = append(kept, b)
		}
	}

	return kept
}

// block is what is kept of one, and whether that is anything.
func (c *cutter) block(b Block) (Block, bool) {
	switch b.Kind {
	case Paragraph, Heading:
		b.Spans = c.spans(b.Spans)
		return b, len(b.Spans) > 0
	case Code:
		before := b.Text
		b.Text = c.text(b.Text)
		return b, b.Text != "" || before == ""
	case Quote:
		b.Blocks = c.blocks(b.Blocks)
		return b, len(b.Blocks) > 0
	case List:
		b.Items = c.items(b.Items)
		return b, len(b.Items) > 0
	case Table:
		b.Rows = c.rows(b.Rows)
		return b, len(b.Rows) > 0
	}

	return b, true
}

func (c *cutter) items(list [][]Block) [][]Block {
	var kept [][]Block
	for _, item := range list {
		if inner := c.blocks(item); len(inner) > 0 {
			kept = append(kept, inner)
		}
	}

	return kept
}

// rows keeps whole rows only, so that a table stays one.
func (c *cutter) rows(rows [][][]Span) [][][]Span {
	var kept [][][]Span
	for _, row := range rows {
		for _, cell := range row {
			c.take()
			for _, s := range cell {
				c.left -= markup.Count(s.Text)
			}
		}

		if c.left < 0 {
			return kept
		}

		kept = append(kept, row)
	}

	return kept
}

func (c *cutter) spans(spans []Span) []Span {
	var kept []Span
	for _, s := range spans {
		if !c.take() {
			break
		}

		if s.Text = c.text(s.Text); s.Break || s.Text != "" {
			kept = append(kept, s)
		}
	}

	return trim(kept)
}

func (c *cutter) text(text string) string {
	n := markup.Count(text)
	if n > c.left {
		text = markup.Cut(text, max(c.left, 0), "")
	}

	c.left -= n
	return text
}
