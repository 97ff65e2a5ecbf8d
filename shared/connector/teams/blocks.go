package teams

import (
	"slices"
	"strconv"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/markup/chat"
	"example.com/integrations/shared/markup/document"
)

// text is the beginning of the item's text. Contents that were made by hand have
// a body only.
func text(c connector.Content) []document.Block {
	if len(c.Blocks) > 0 || c.Body == "" {
		return withoutRest(c)
	}

	var list []document.Block
	for one := range strings.SplitSeq(c.Body, "\n") {
		if one != "" {
			list = append(list, document.Plain(one))
		}
	}

	return list
}

// cutSign stands where text was cut. The renderer writes it too.
const cutSign = "…(cut)"

// withoutRest are the blocks of a content without the address of the rest of the
// text, where it is the item's own: the button leads there.
func withoutRest(c connector.Content) []document.Block {
	last := len(c.Blocks) - 1
	if last < 0 || c.Blocks[last].Kind != document.Paragraph {
		return c.Blocks
	}

	spans := c.Blocks[last].Spans
	if len(spans) != 3 || !strings.HasPrefix(spans[0].Text, cutSign) || c.URL == "" || spans[2].Link != c.URL {
		return c.Blocks
	}

	list := slices.Clone(c.Blocks)
	list[last].Spans = spans[:1]

	return list
}

// A place is where blocks stand.
type place struct {
	// indent is what each line begins with.
	indent string
	// within says that the place is within a list, a quotation or a box: blocks
	// are close to one another there, and there are no boxes in it.
	within bool
	quoted bool
}

// step is the indentation of a list's items.
var step = strings.Repeat(hardSpace, 4)

// blocks are the elements that show a text.
func blocks(list []document.Block, at place) []element {
	var all []element
	ruled := false
	for _, b := range list {
		if b.Kind == document.Rule {
			ruled = true
			continue
		}

		made := at.block(b)
		if len(made) == 0 {
			continue
		}

		if !at.within {
			made[0].Spacing = "medium"
		}

		made[0].Separator = ruled && len(all) > 0
		ruled = false
		all = append(all, made...)
	}

	return all
}

func (at place) block(b document.Block) []element {
	switch b.Kind {
	case document.Paragraph:
		return at.lines(spanLines(b.Spans))
	case document.Heading:
		return at.lines(spanLines(document.Bold(b.Spans)))
	case document.Code:
		return at.code(b.Text)
	case document.Quote:
		return at.quote(b.Blocks)
	case document.List:
		return at.list(b)
	case document.Table:
		return at.table(b.Rows)
	}

	return nil
}

// lines are an element for each line: a line break in a text is not shown
// everywhere (microsoft/AdaptiveCards#4914).
func (at place) lines(list [][]run) []element {
	var all []element
	for _, runs := range list {
		if at.quoted {
			for i := range runs {
				runs[i].Subtle = true
			}
		}

		if at.indent != "" {
			runs = append([]run{{Text: at.indent, Subtle: at.quoted}}, runs...)
		}

		all = append(all, line("none", runs...))
	}

	return all
}

// code is text in the font of a machine, in a box.
func (at place) code(text string) []element {
	var list [][]run
	for one := range strings.SplitSeq(text, "\n") {
		list = append(list, []run{{Text: code(one), Font: monospace}})
	}

	return at.box(list)
}

// box puts lines into a box, or leaves them where no box can stand.
func (at place) box(list [][]run) []element {
	lines := at.lines(list)
	if at.within {
		return lines
	}
	return []element{{Type: container, Style: "emphasis", Items: lines}}
}

// quote is a box of toned-down text. A quotation in one, or in a list, has a sign
// before each line.
func (at place) quote(inner []document.Block) []element {
	if at.within {
		return blocks(inner, place{indent: at.indent + "›" + hardSpace, within: true, quoted: true})
	}

	items := blocks(inner, place{within: true, quoted: true})
	if len(items) == 0 {
		return nil
	}

	return []element{{Type: container, Style: "emphasis", Items: items}}
}

// list has a mark at the first line of each item; the others are indented.
func (at place) list(b document.Block) []element {
	var all []element
	for i, item := range b.Items {
		mark := "•"
		if b.Ordered {
			mark = strconv.Itoa(b.Start+i) + "."
		}

		deeper := place{indent: at.indent + step, within: true, quoted: at.quoted}
		made := blocks(item, deeper)
		if len(made) == 0 {
			continue
		}

		first := &made[0].Inlines[0]
		first.Text = at.indent + mark + hardSpace + strings.TrimPrefix(first.Text, deeper.indent)
		all = append(all, made...)
	}

	return all
}

// maxTable is how wide a table with columns may be, in characters of one width:
// a wider one is broken up on a phone.
const maxTable = 48

// table has its columns in the font of a machine, in a box. Teams on phones does
// not show the element Table (microsoft/AdaptiveCards#8853). A table with links,
// or one that is too wide, has a line for each row with bars between the cells.
func (at place) table(rows [][][]document.Span) []element {
	if lines, ok := chat.Grid(rows, maxTable); ok {
		return at.grid(lines)
	}

	var list [][]run
	for i, row := range rows {
		spans := document.Row(row)
		if i == 0 {
			spans = document.Bold(spans)
		}
		list = append(list, spanLines(spans)...)
	}

	return at.lines(list)
}

// grid shows lines whose columns have a width. The first is the heading.
func (at place) grid(lines []string) []element {
	var list [][]run
	for i, one := range lines {
		shown := run{Text: code(one), Font: monospace}
		if i == 0 {
			shown.Weight = bold
		}
		list = append(list, []run{shown})
	}

	return at.box(list)
}

// spanLines are the runs of each line.
func spanLines(spans []document.Span) [][]run {
	var list [][]run
	var runs []run
	for i, s := range spans {
		if s.Break {
			list = append(list, runs)
			runs = nil
			continue
		}

		runs = append(runs, spanRuns(s, i+1 < len(spans) && !spans[i+1].Break && spans[i+1].Link == s.Link)...)
	}

	list = append(list, runs)

	var shown [][]run
	for _, runs := range list {
		if len(runs) > 0 {
			shown = append(shown, merged(runs))
		}
	}

	return shown
}

// merged puts runs of one style together.
func merged(runs []run) []run {
	kept := runs[:1]
	for _, one := range runs[1:] {
		last := &kept[len(kept)-1]
		style := one
		style.Text = last.Text
		if one.Select != nil || style != *last {
			kept = append(kept, one)
			continue
		}

		last.Text += one.Text
	}

	return kept
}

// spanRuns show a span. Behind a text that is no address stands the one that it
// leads to, so that no text hides a host. Where the link goes on in the next span,
// the address follows there. Only the address is a link.
func spanRuns(s document.Span, goesOn bool) []run {
	styled := run{Text: s.Text, Italic: s.Italic, Strike: s.Strike}
	if s.Bold {
		styled.Weight = bold
	}

	if s.Code {
		styled.Font = monospace
	}

	to, ok := chat.Address(s.Link)
	if !ok || goesOn {
		return []run{styled}
	}

	link := run{Text: to, Color: "accent", Select: linkTo(to)}
	if isAddress(s, to) {
		return []run{link}
	}

	return []run{styled, {Text: " ("}, link, {Text: ")"}}
}

// maxInline is the longest address in a text that is a link, in bytes. A longer
// one can be read.
const maxInline = 500

func linkTo(to string) *action {
	if len(to) > maxInline {
		return nil
	}
	return open("", to)
}

// isAddress reports whether a span's text is the address it leads to.
func isAddress(s document.Span, to string) bool {
	alone := []document.Block{{Kind: document.Paragraph, Spans: []document.Span{{Text: s.Text, Link: s.Link}}}}

	return chat.Render(chat.Plain{}, alone) == to
}
