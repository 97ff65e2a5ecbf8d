// Package document reads Markdown into the few kinds of block and span that
// trackers without Markdown can show, and cuts them.
package document

import (
	"regexp"
	"strings"

	"example.com/integrations/shared/markup"
)

// A Kind of block.
type Kind int

// The kinds.
const (
	Paragraph Kind = iota + 1
	Heading
	Code
	Quote
	List
	Rule
	Table
)

// A Block is a piece of text that stands by itself. Which members count is up
// to its kind.
type Block struct {
	Kind     Kind
	Spans    []Span     // Paragraph, Heading
	Level    int        // Heading: 1 to 6
	Text     string     // Code: without a line break at the end
	Language string     // Code: "" where it is unknown
	Blocks   []Block    // Quote
	Items    [][]Block  // List
	Ordered  bool       // List
	Start    int        // List: the first number
	Rows     [][][]Span // Table: rows of cells; the first is the heading
}

// A Span is text in one style, or a line break. Link is "" or an address fit to
// send a reader to.
type Span struct {
	Text                       string
	Bold, Italic, Strike, Code bool
	Link                       string
	Break                      bool
}

// style is a span without its text.
func (s Span) style() Span {
	s.Text = ""
	return s
}

// Plain is a paragraph of text in no style.
func Plain(text string) Block { return Block{Kind: Paragraph, Spans: []Span{{Text: text}}} }

// Bold are the spans of a heading where none can be.
func Bold(spans []Span) []Span {
	bold := make([]Span, len(spans))
	for i, s := range spans {
		s.Bold = !s.Break && !s.Code
		bold[i] = s
	}
	return bold
}

var mail = regexp.MustCompile(`^(?i:mailto:)[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}$`)

// Address gives an address back if a link may lead there: http, https or
// mailto, with nothing in it that means something in a markup.
func Address(text string) (string, bool) {
	if mail.MatchString(text) {
		return "mailto:" + text[len("mailto:"):], true
	}
	return markup.WebURL(text)
}

// add puts a span behind others, into the last one if that has its style.
func add(spans []Span, s Span) []Span {
	last := len(spans) - 1
	switch {
	case s.Break:
		return append(spans, s)
	case s.Text == "":
		return spans
	case last >= 0 && !spans[last].Break && spans[last].style() == s.style():
		spans[last].Text += s.Text
		return spans
	}

	return append(spans, s)
}

// trim takes white space and breaks off both ends, and white space from around
// breaks.
func trim(spans []Span) []Span {
	blank := func(s Span) bool { return s.Break || strings.TrimSpace(s.Text) == "" && !s.Code }
	for len(spans) > 0 && blank(spans[0]) {
		spans = spans[1:]
	}

	for len(spans) > 0 && blank(spans[len(spans)-1]) {
		spans = spans[:len(spans)-1]
	}

	if len(spans) > 0 && !spans[0].Code {
		spans[0].Text = strings.TrimLeft(spans[0].Text, " \t")
	}

	if last := len(spans) - 1; last >= 0 && !spans[last].Code {
		spans[last].Text = strings.TrimRight(spans[last].Text, " \t")
	}

	return spans
}

// Row is a table's row as one line, for where no table may stand.
func Row(cells [][]Span) []Span {
	var line []Span
	for i, cell := range cells {
		if i > 0 {
			line = add(line, Span{Text: " | "})
		}

		for _, s := range cell {
			if s.Break {
				s = Span{Text: " "}
			}
			line = add(line, s)
		}
	}

	return line
}

var language = regexp.MustCompile(`^[A-Za-z0-9+#._-]{1,30}$`)

// Language is a code block's language if it looks like one.
func Language(text string) string {
	text = strings.Trim(text, "{}.")
	if !language.MatchString(text) {
		return ""
	}
	return strings.ToLower(text)
}
