package document

import (
	"strings"
	"unicode"
	"unicode/utf8"

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

	line line
	pre  preformed
}

// A line is what the open tags say about the line that is written.
type line struct {
	heading int    // the level of the heading that is open, else 0
	row     bool   // a table's row is open: line ends are spaces
	cell    bool   // the row has a cell
	summary bool   // a summary is open: it is one line
	mark    string // what goes before the next text: the sign of a list item
}

// preformed is preformatted text.
type preformed struct {
	open     bool
	language string
	text     strings.Builder
}

// block is the text as a block of code. The preformatted text is closed then.
func (p *preformed) block() Block {
	p.open = false
	text := strings.Trim(p.text.String(), "\n")
	p.text.Reset()

	return Block{Kind: Code, Text: strings.ToValidUTF8(text, "\ufffd"), Language: p.language}
}

// A frame is an open tag that has a partner.
type frame struct {
	role  raw.Role
	style Span   // outside of the tag
	link  string // Anchor: where it leads
	spans int    // how many spans there were before
	text  int    // how long the text of the last one was
}

// tag does what a tag means. One that means nothing stays as text.
func (f *flow) tag(t raw.Token, paired bool) {
	role := t.Role()
	switch {
	case f.pre.open && role != raw.Preformed:
		if role == raw.Unknown {
			f.pre.text.WriteString(t.Raw)
		}
	case f.isText(t, paired):
		f.add(t.Raw)
	case role.NeedsPartner() && paired, role == raw.Summary && paired:
		f.style = f.styled(t)
	case role == raw.Image:
		f.image(t)
	case role == raw.Break:
		f.endLine()
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
		f.endPart()
		if !f.inline {
			f.blocks = append(f.blocks, Block{Kind: Rule})
		}

	case raw.Block, raw.Summary:
		f.endPart()
	case raw.Heading:
		f.endPart()
		f.line.heading = 0
		if !t.Closing {
			f.line.heading = int(t.Name[1] - '0')
		}

	case raw.ListItem:
		f.endLine()
		f.line.mark = ""
		if !t.Closing {
			f.line.mark = "• "
		}

	case raw.Row:
		f.line.row = false
		f.endLine()
		f.line.row = !t.Closing && !f.inline
		f.line.cell = false

	case raw.Cell:
		if !t.Closing && f.line.cell {
			f.add(" | ")
		}
		f.line.cell = true

	case raw.Preformed:
		f.endPart()
		f.closePre()
		f.pre.open = !t.Closing && !f.inline
		f.pre.language = t.Attribute("lang")
	}
}
