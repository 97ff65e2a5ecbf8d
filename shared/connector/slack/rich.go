package slack

import (
	"strconv"

	"example.com/integrations/shared/markup/chat"
	"example.com/integrations/shared/markup/document"
)

// The parts of a rich text.
const (
	partSection      = "rich_text_section"
	partList         = "rich_text_list"
	partPreformatted = "rich_text_preformatted"
	partQuote        = "rich_text_quote"
)

func richText(parts ...element) block { return block{Type: "rich_text", Elements: parts} }

func section(line []element) element { return element{Type: partSection, Elements: line} }

// addText puts text behind others, into the last one if neither has a style. Slack
// refuses a text without characters, so an empty one is left out.
func addText(line []element, text string, style *textStyle) []element {
	if text == "" {
		return line
	}

	last := len(line) - 1
	if style == nil && last >= 0 && line[last].Type == "text" && line[last].Style == nil {
		line[last].Text += text
		return line
	}

	one := element{Type: "text", Text: text}
	if style != nil {
		one.Style = style
	}

	return append(line, one)
}

// join puts a line behind another one.
func join(line, more []element) []element {
	if len(more) > 0 && more[0].Type == "text" && more[0].Style == nil {
		line = addText(line, more[0].Text, nil)
		more = more[1:]
	}
	return append(line, more...)
}

// rich is a document as blocks: rich texts, with a divider for each rule between
// them.
func rich(list []document.Block) []block {
	var w writer
	w.write(list, place{})
	w.endBlock()

	return w.blocks
}

// A place is where a block stands: how deep in lists, and whether within a
// quotation.
type place struct {
	indent int
	quoted bool
}

func (p place) border() int {
	if p.quoted {
		return 1
	}
	return 0
}

// text is the part for paragraphs.
func (p place) text() string {
	if p.quoted {
		return partQuote
	}
	return partSection
}

// maxIndent is how deep Slack indents a list.
const maxIndent = 8

// A writer writes a document part by part.
type writer struct {
	blocks []block   // that are complete
	parts  []element // of the rich text that is being written
	rule   bool      // a divider is due before the next part
}

func (w *writer) write(list []document.Block, at place) {
	for _, b := range list {
		w.block(b, at)
	}
}

func (w *writer) block(b document.Block, at place) {
	switch b.Kind {
	case document.Paragraph, document.Heading:
		w.paragraph(lineOf(b), at)
	case document.Code:
		w.code(b.Text, at)
	case document.Quote:
		at.quoted = true
		w.write(b.Blocks, at)
	case document.List:
		w.list(b, at)
	case document.Table:
		w.table(b.Rows, at)
	case document.Rule:
		w.rule = true
	}
}

// add puts a part behind the others. A rule between two parts is a divider, which
// is a block of its own; others are left out, so that there are never more
// dividers than parts.
func (w *writer) add(part element) {
	if w.rule {
		w.rule = false
		if w.endBlock() {
			w.blocks = append(w.blocks, block{Type: "divider"})
		}
	}

	w.parts = append(w.parts, part)
}

// endBlock completes the rich text, and reports whether there was one.
func (w *writer) endBlock() bool {
	if len(w.parts) == 0 {
		return false
	}

	w.blocks = append(w.blocks, richText(w.parts...))
	w.parts = nil

	return true
}

// last is the part written last, nil if the next one begins a block.
func (w *writer) last() *element {
	if len(w.parts) == 0 || w.rule {
		return nil
	}
	return &w.parts[len(w.parts)-1]
}

// paragraph adds text, apart by an empty line from a paragraph or a list above it.
func (w *writer) paragraph(line []element, at place) {
	if len(line) == 0 {
		return
	}

	last := w.last()
	switch {
	case last != nil && last.Type == at.text():
		last.Elements = join(addText(last.Elements, "\n\n", nil), line)
		return
	case last != nil && last.Type == partList:
		line = join(addText(nil, "\n", nil), line)
	}

	w.add(element{Type: at.text(), Elements: line})
}

func (w *writer) code(text string, at place) {
	if text == "" {
		return
	}
	w.add(element{Type: partPreformatted, Border: at.border(), Elements: addText(nil, text, nil)})
}

// list writes the items one by one: what is in an item and is no text ends Slack's
// list, which goes on behind it with the right number.
func (w *writer) list(b document.Block, at place) {
	for i, item := range b.Items {
		number := 0
		if b.Ordered {
			number = b.Start + i
		}
		w.item(item, b.Ordered, number, at)
	}
}

// maxNumber is the last number that Slack is asked to count to.
const maxNumber = 9999

// item writes an item of a list: its text beside the mark, and the rest below.
func (w *writer) item(item []document.Block, ordered bool, number int, at place) {
	var line []element
	for len(item) > 0 && (item[0].Kind == document.Paragraph || item[0].Kind == document.Heading) {
		if len(line) > 0 {
			line = addText(line, "\n", nil)
		}
		line = join(line, lineOf(item[0]))
		item = item[1:]
	}

	// A mark without text: Slack refuses an item without characters.
	if len(line) == 0 {
		line = addText(nil, "\u00a0", nil)
	}

	style := "bullet"
	switch {
	case ordered && number >= 1 && number <= maxNumber:
		style = "ordered"
	case ordered:
		line = join(addText(nil, strconv.Itoa(number)+") ", nil), line)
	}

	w.mark(section(line), style, number, at)

	at.indent = min(at.indent+1, maxIndent)
	w.write(item, at)
}

// mark adds an item to the list above it, or begins one.
func (w *writer) mark(item element, style string, number int, at place) {
	offset := 0
	if style == "ordered" {
		offset = number - 1
	}

	last := w.last()
	if last != nil && last.Type == partList && last.Style == style && last.Indent == at.indent && last.Border == at.border() {
		if style == "bullet" || last.Offset+len(last.Elements) == offset {
			last.Elements = append(last.Elements, item)
			return
		}
	}

	w.add(element{Type: partList, Style: style, Indent: at.indent, Offset: offset, Border: at.border(), Elements: []element{item}})
}

// lineOf is the text of a paragraph, or of a heading, for which Slack has no part.
func lineOf(b document.Block) []element {
	if b.Kind == document.Heading {
		return inline(document.Bold(b.Spans))
	}
	return inline(b.Spans)
}

// inline is a line of text. A link stands behind its text and shows its address,
// unless the text is the address. A link must lead to the place that can be read,
// and a phone shows no address before the tap.
func inline(spans []document.Span) []element {
	var line []element
	for _, s := range spans {
		if s.Break {
			line = addText(line, "\n", nil)
			continue
		}

		to, ok := chat.Address(s.Link)
		if !ok || !linkable(to) {
			line = addText(line, s.Text, styleOf(s))
			continue
		}

		link := element{Type: "link", URL: to}
		if shows(s, to) {
			line = append(line, link)
			continue
		}

		line = addText(line, s.Text, styleOf(s))
		line = addText(line, " (", nil)
		line = append(line, link)
		line = addText(line, ")", nil)
	}

	return line
}

// shows reports whether a link's text is the address it leads to, by the rule of
// all chats.
func shows(s document.Span, to string) bool {
	alone := []document.Block{{Kind: document.Paragraph, Spans: []document.Span{{Text: s.Text, Link: to}}}}
	return chat.Render(chat.Plain{}, alone) == to
}

// styleOf is a span's style, nil if it has none. Code has no other.
func styleOf(s document.Span) *textStyle {
	switch {
	case s.Code:
		return &textStyle{Code: true}
	case s.Bold || s.Italic || s.Strike:
		return &textStyle{Bold: s.Bold, Italic: s.Italic, Strike: s.Strike}
	}

	return nil
}
