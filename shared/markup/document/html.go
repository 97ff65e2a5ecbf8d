package document

import (
	"html"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"

	"example.com/integrations/shared/markup/raw"
)

// A flow turns the tags of HTML, and the text between them, into spans and
// blocks. Within a paragraph (inline) there are only spans.
type flow struct {
	inline bool
	blocks []Block
	spans  []Span
	style  Span
	open   []frame

	heading int    // the level of the heading that is open, else 0
	row     bool   // a table's row is open: line ends are spaces
	cell    bool   // the row has a cell
	summary bool   // a summary is open: it is one line
	mark    string // what goes before the next text: the sign of a list item

	pre      bool // preformatted text is open
	language string
	code     strings.Builder
}

// A frame is an open tag that has a partner.
type frame struct {
	role  raw.Role
	style Span   // outside of the tag
	link  string // Anchor: where it leads
	spans int    // how many spans there were before
	text  int    // how long the text of the last one was
}

// html reads a block of HTML. Comments are left out.
func (r reader) html(n *ast.HTMLBlock) []Block {
	var content strings.Builder
	for i := range n.Lines().Len() {
		line := n.Lines().At(i)
		content.Write(line.Value(r.source))
	}

	if n.HasClosure() {
		content.Write(n.ClosureLine.Value(r.source))
	}

	tokens := raw.Tokens(content.String())
	paired := raw.Paired(tokens)
	page := raw.Page(tokens)
	var f flow
	for i, t := range tokens {
		switch {
		case t.Kind == raw.Tag && page:
			f.add(t.Raw)
		case t.Kind == raw.Text:
			f.text(t.Raw)
		case t.Kind == raw.Tag:
			f.tag(t, paired[i])
		}
	}

	f.closePre()
	f.part()

	return f.blocks
}

// inlineHTML adds what is in a node that has tags among its children.
func (r reader) inlineHTML(to []Span, parent ast.Node, style Span) []Span {
	var tokens []raw.Token
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		if raw, ok := n.(*ast.RawHTML); ok {
			tokens = append(tokens, r.token(raw))
		}
	}

	paired := raw.Paired(tokens)

	f := flow{inline: true, spans: to, style: style}
	next := 0
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		if _, ok := n.(*ast.RawHTML); !ok {
			f.spans = r.span(f.spans, n, f.style)
			continue
		}

		if t := tokens[next]; t.Kind != raw.Comment {
			f.tag(t, paired[next])
		}

		next++
	}

	return f.spans
}

// token is the tag or comment that a node of raw HTML is.
func (r reader) token(n *ast.RawHTML) raw.Token {
	var html strings.Builder
	for i := range n.Segments.Len() {
		segment := n.Segments.At(i)
		html.Write(segment.Value(r.source))
	}

	tokens := raw.Tokens(html.String())
	if len(tokens) != 1 {
		return raw.Token{Raw: html.String()}
	}

	return tokens[0]
}

// hasHTML reports whether a node has tags or comments among its children.
func hasHTML(parent ast.Node) bool {
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		if n.Kind() == ast.KindRawHTML {
			return true
		}
	}

	return false
}

// tag does what a tag means. One that means nothing stays as text.
func (f *flow) tag(t raw.Token, paired bool) {
	role := t.Role()
	switch {
	case f.pre && role != raw.Preformed:
		if role == raw.Unknown {
			f.code.WriteString(t.Raw)
		}
	case f.isText(t, paired):
		f.add(t.Raw)
	case role.NeedsPartner() && paired, role == raw.Summary && paired:
		f.style = f.styled(t)
	case role == raw.Image:
		f.image(t)
	case role == raw.Break:
		f.line()
	default:
		f.structure(t)
	}
}

// isText reports whether what looks like a tag is text.
func (f *flow) isText(t raw.Token, paired bool) bool {
	role := t.Role()
	switch {
	case role == raw.Unknown:
		return true
	case role == raw.Anchor && !paired:
		return t.Closing || t.Bare() || t.Attribute("href") != "" // else it only names a place
	case role.NeedsPartner():
		return !paired
	case role == raw.Image:
		return t.Bare() || t.Closing
	case role == raw.Break || paired:
		return false
	}

	return f.inline && t.Bare() && f.behindWord()
}

// behindWord reports whether the last sign of the text is a letter or a digit, as
// in List<P>.
func (f *flow) behindWord() bool {
	if len(f.spans) == 0 {
		return false
	}

	r, _ := utf8.DecodeLastRuneInString(f.spans[len(f.spans)-1].Text)

	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

// structure does what tags mean that begin or end a line or a block.
func (f *flow) structure(t raw.Token) {
	switch t.Role() {
	case raw.Rule:
		f.part()
		if !f.inline {
			f.blocks = append(f.blocks, Block{Kind: Rule})
		}

	case raw.Block, raw.Summary:
		f.part()
	case raw.Heading:
		f.part()
		f.heading = 0
		if !t.Closing {
			f.heading = int(t.Name[1] - '0')
		}

	case raw.ListItem:
		f.line()
		f.mark = ""
		if !t.Closing {
			f.mark = "• "
		}

	case raw.Row:
		f.row = false
		f.line()
		f.row = !t.Closing && !f.inline
		f.cell = false

	case raw.Cell:
		if !t.Closing && f.cell {
			f.add(" | ")
		}
		f.cell = true

	case raw.Preformed:
		f.part()
		f.closePre()
		f.pre = !t.Closing && !f.inline
		f.language = t.Attribute("lang")
	}
}

// styled is the style behind a tag that has a partner.
func (f *flow) styled(t raw.Token) Span {
	role := t.Role()
	if role == raw.Summary {
		f.part()
		f.summary = !t.Closing
	}

	if t.Closing {
		last := f.open[len(f.open)-1]
		f.open = f.open[:len(f.open)-1]
		f.shut(last)
		return last.style
	}

	one := frame{role: role, style: f.style, spans: len(f.spans)}
	if one.spans > 0 {
		one.text = len(f.spans[one.spans-1].Text)
	}

	style := f.style
	switch role {
	case raw.Bold, raw.Summary:
		style.Bold = !style.Code
	case raw.Italic:
		style.Italic = !style.Code
	case raw.Strike:
		style.Strike = !style.Code
	case raw.Code:
		style = Span{Code: true, Link: style.Link}
	case raw.Anchor:
		style = linked(style, t.Attribute("href"))
		one.link = style.Link
	}

	f.open = append(f.open, one)

	return style
}

// shut does what the end of a tag means for the text within.
func (f *flow) shut(one frame) {
	switch one.role {
	case raw.Super, raw.Sub:
		f.script(one)
	case raw.Anchor:
		f.reveal(one)
	}
}

// script raises or lowers the text of a sup or sub tag.
func (f *flow) script(one frame) {
	last := len(f.spans) - 1
	begin := 0
	switch {
	case last < 0 || f.spans[last].Break || f.spans[last].Code || last > one.spans:
		return // nothing, or more than a short text
	case last == one.spans-1:
		begin = min(one.text, len(f.spans[last].Text))
	}

	text := f.spans[last].Text
	before := text[:begin]
	if begin == 0 && last > 0 {
		before = f.spans[last-1].Text
	}

	f.spans[last].Text = text[:begin] + raw.Scripted(before, text[begin:], one.role)
}

// reveal shows the address of a link whose text names another host.
func (f *flow) reveal(one frame) {
	from := min(one.spans, len(f.spans))
	var text strings.Builder
	for _, s := range f.spans[from:] {
		text.WriteString(s.Text)
	}

	if one.link == "" || !raw.Hides(text.String(), one.link) {
		return
	}

	for i := range f.spans[from:] {
		if f.spans[from+i].Link == one.link {
			f.spans[from+i].Link = ""
		}
	}

	f.address(one.style, one.link)
}

func withText(style Span, text string) Span {
	style.Text = text
	return style
}

// image is a link to the image, as images of Markdown are. Within a link its text
// leads where the link leads.
func (f *flow) image(t raw.Token) {
	style := f.style
	if style.Link == "" {
		style = linked(style, t.Attribute("src"))
	}

	text := strings.TrimSpace(visible(t.Attribute("alt")))
	if text == "" {
		text = style.Link
	}

	f.begin()
	if f.style.Link != "" || text == style.Link || !raw.Hides(text, style.Link) {
		f.spans = add(f.spans, withText(style, text))
		return
	}

	f.spans = add(f.spans, withText(f.style, text))
	if style.Link != "" {
		f.address(f.style, style.Link)
	}
}

// address writes in brackets where a link leads whose text says something else.
func (f *flow) address(style Span, to string) {
	link := withText(style, to)
	link.Link = to
	for _, s := range []Span{withText(style, " ("), link, withText(style, ")")} {
		f.spans = add(f.spans, s)
	}
}

// text adds the text between tags, in which a line end is one.
func (f *flow) text(raw string) {
	if f.pre {
		f.code.WriteString(html.UnescapeString(raw))
		return
	}

	for i, line := range strings.Split(raw, "\n") {
		switch {
		case i > 0 && (f.row || f.summary):
			line = " " + line
		case i > 0:
			f.line()
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
	if f.mark != "" {
		f.spans = add(f.spans, Span{Text: f.mark})
	}
	f.mark = ""
}

func (f *flow) atSpace() bool { return endsBlank(f.spans) }

// endsBlank reports whether there is white space, or nothing, at the end.
func endsBlank(spans []Span) bool {
	last := len(spans) - 1
	return last < 0 || spans[last].Break || strings.HasSuffix(spans[last].Text, " ")
}

// line ends a line. Two ends in a row are one.
func (f *flow) line() {
	if f.row {
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

// part ends a paragraph. Within a paragraph, and within a table's row, it ends a
// line.
func (f *flow) part() {
	if f.inline || f.row {
		f.line()
		return
	}

	spans := trim(f.spans)
	switch {
	case len(spans) > 0 && f.heading > 0:
		f.blocks = append(f.blocks, Block{Kind: Heading, Level: f.heading, Spans: spans})
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
	if !f.pre {
		return
	}

	f.pre = false
	text := strings.Trim(f.code.String(), "\n")
	f.code.Reset()
	f.blocks = append(f.blocks, Block{Kind: Code, Text: strings.ToValidUTF8(text, "\ufffd"), Language: f.language})
}
