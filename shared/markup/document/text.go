package document

import (
	"html"
	"strings"
)

// text adds the text between tags, in which a line end is one.
func (f *flow) text(raw string) {
	if f.pre.open {
		f.pre.text.WriteString(html.UnescapeString(raw))
		return
	}

	for i, line := range strings.Split(raw, "\n") {
		switch {
		case i > 0 && (f.line.row || f.line.summary):
			line = " " + line
		case i > 0:
			f.endLine()
		}

		f.add(spaced(visible(html.UnescapeString(line))))
	}
}

// spaced has one space for each run of white space.
func spaced(text string) string {
	words := strings.Join(strings.Fields(text), " ")
	if words == "" {
		return text[:min(len(text), 1)]
	}

	if strings.TrimLeft(text, " \t") != text {
		words = " " + words
	}

	if strings.TrimRight(text, " \t") != text {
		words += " "
	}

	return words
}

// add adds text in the style that is open. White space is none behind other white
// space.
func (f *flow) add(text string) {
	text = visible(text)
	if !f.inline && f.atSpace() {
		text = strings.TrimLeft(text, " \t")
	}

	if text == "" {
		return
	}

	if strings.TrimSpace(text) != "" {
		f.begin()
	}

	f.spans = add(f.spans, withText(f.style, text))
}

// begin writes the sign of the list item that is open, once.
func (f *flow) begin() {
	if f.line.mark != "" {
		f.spans = add(f.spans, Span{Text: f.line.mark})
	}
	f.line.mark = ""
}

// atSpace reports whether there is white space, or nothing, at the end.
func (f *flow) atSpace() bool { return endsBlank(f.spans) }

// endsBlank reports whether there is white space, or nothing, at the end.
func endsBlank(spans []Span) bool {
	last := len(spans) - 1
	return last < 0 || spans[last].Break || strings.HasSuffix(spans[last].Text, " ")
}

// endLine ends a line. Two ends in a row are one.
func (f *flow) endLine() {
	if f.line.row {
		f.add(" ")
		return
	}

	last := len(f.spans) - 1
	if last >= 0 && !f.spans[last].Code {
		f.spans[last].Text = strings.TrimRight(f.spans[last].Text, " \t")
		if f.spans[last].Text == "" && !f.spans[last].Break {
			f.spans = f.spans[:last]
			last--
		}
	}

	if last >= 0 && !f.spans[last].Break {
		f.spans = append(f.spans, Span{Break: true})
	}
}

// endPart ends a paragraph. Within a paragraph, and within a table's row, it ends a
// line.
func (f *flow) endPart() {
	if f.inline || f.line.row {
		f.endLine()
		return
	}

	spans := trim(f.spans)
	switch {
	case len(spans) > 0 && f.line.heading > 0:
		f.blocks = append(f.blocks, Block{Kind: Heading, Level: f.line.heading, Spans: spans})
	case len(spans) > 0:
		f.blocks = append(f.blocks, Block{Kind: Paragraph, Spans: spans})
	}

	f.spans = nil
	for i := range f.open {
		f.open[i].spans = 0
		f.open[i].text = 0
	}
}

// closePre ends preformatted text.
func (f *flow) closePre() {
	if f.pre.open {
		f.blocks = append(f.blocks, f.pre.block())
	}
}
