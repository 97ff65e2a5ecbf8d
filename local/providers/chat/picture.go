package chat

import (
	_ "embed"
	"fmt"
	"html/template"
	"strings"
)

// A Picture is a message as people see it in a chat, drawn as HTML. The content and
// the markup of each chat are read into one.
type Picture struct {
	Blocks []Block // the parts without a frame
	Cards  []Card
}

// A Card is a part of a message in a frame of its own.
type Card struct {
	Color  string // of its side, as in CSS; "" is none
	Blocks []Block
}

// A BlockKind is what a block is.
type BlockKind string

// The kinds of blocks.
const (
	Heading BlockKind = "heading"
	Text    BlockKind = "text"
	Quote   BlockKind = "quote"
	Item    BlockKind = "item" // of a list
	Small   BlockKind = "small"
	Code    BlockKind = "code" // its text is in one span
	Rule    BlockKind = "rule"
	Fields  BlockKind = "fields"
	Buttons BlockKind = "buttons" // a span each
)

// A Block is a paragraph or the like.
type Block struct {
	Kind   BlockKind
	Spans  []Span
	Fields []Field
	Apart  bool // with space above
}

// A Field has a name and a value.
type Field struct{ Name, Value []Span }

// A Span is text of one style. Its text is shown as it stands.
type Span struct {
	Text                            string
	Bold, Italic, Strike, Underline bool
	Code                            bool
	// Mention says that the chat would notify people or run a command.
	Mention bool
	Subtle  bool
	Size    string // small, large, or "" for the usual one
	Tone    string // good, warning, attention or accent; "" is the usual
	Link    string // where it leads to
}

// Plain is text without any style.
func Plain(text string) []Span { return []Span{{Text: text}} }

// Class is the span's style, for the style sheet.
func (s Span) Class() string {
	var names []string
	for _, one := range []struct {
		on   bool
		name string
	}{
		{s.Bold, "b"}, {s.Italic, "i"}, {s.Strike, "s"}, {s.Underline, "u"}, {s.Code, "c"}, {s.Mention, "mention"}, {s.Subtle, "subtle"}, {s.Size != "", s.Size}, {s.Tone != "", s.Tone},
	} {
		if one.on {
			names = append(names, one.name)
		}
	}

	return strings.Join(names, " ")
}

// Leads is the link of a span if it is a web address, "" otherwise: other links are
// not clickable.
func (s Span) Leads() string {
	lower := strings.ToLower(s.Link)
	if strings.HasPrefix(lower, "https://") || strings.HasPrefix(lower, "http://") {
		return s.Link
	}
	return ""
}

// All are the blocks of a picture, in order.
func (p Picture) All() []Block {
	all := p.Blocks
	for _, c := range p.Cards {
		all = append(all[:len(all):len(all)], c.Blocks...)
	}
	return all
}

// String is the text of a picture, at least a line for each block.
func (p Picture) String() string {
	var lines []string
	for _, b := range p.All() {
		line := text(b.Spans)
		for _, f := range b.Fields {
			line += text(f.Name) + ": " + text(f.Value) + "\n"
		}

		if line != "" {
			lines = append(lines, line)
		}
	}

	return strings.Join(lines, "\n")
}

func text(spans []Span) string {
	var all strings.Builder
	for _, s := range spans {
		all.WriteString(s.Text)
	}
	return all.String()
}

// Hex is a color given as a number, for CSS.
func Hex(color int) string { return fmt.Sprintf("#%06x", color) }

//go:embed picture.html
var pictureSource string

var drawing = template.Must(template.New("picture").Parse(pictureSource))

// HTML draws the picture. It needs Style once on the page.
func (p Picture) HTML() (template.HTML, error) {
	var out strings.Builder
	if err := drawing.ExecuteTemplate(&out, "picture", p); err != nil {
		return "", err
	}
	return template.HTML(out.String()), nil
}

// Style is the style sheet of drawn pictures.
func Style() (template.HTML, error) {
	var out strings.Builder
	if err := drawing.ExecuteTemplate(&out, "style", nil); err != nil {
		return "", err
	}
	return template.HTML(out.String()), nil
}
