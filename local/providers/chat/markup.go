package chat

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A Markup is the syntax of styles in a chat's text.
type Markup struct {
	// Signs are around the text that they style. The longer ones come first.
	Signs []Sign
	// Backslash says that a backslash escapes the next sign.
	Backslash bool
	// Headings says that a line that begins with # is a heading.
	Headings bool
	// Lists says that a line that begins with - or * is an item of a list.
	Lists bool
	// Languages says that the first line of a code block names a language.
	Languages bool
	// Special reads a link, a mention or the like at the start of rest. It returns
	// its length in bytes, 0 if there is none.
	Special func(rest string) (Span, int)
	// Plain is what people see of text without styles.
	Plain func(text string) string
}

// A Sign styles the text between two of it.
type Sign struct {
	Text  string
	Style func(*Span)
}

// Bold makes a span bold.
func Bold(s *Span) { s.Bold = true }

// Italic makes a span italic.
func Italic(s *Span) { s.Italic = true }

// Strike strikes a span through.
func Strike(s *Span) { s.Strike = true }

// Underline underlines a span.
func Underline(s *Span) { s.Underline = true }

// A MaskedLink is a link in Markdown that shows another text than its address.
type MaskedLink struct {
	Label, Address string
	Length         int // in bytes, from [ to )
}

// MaskedLinks finds all masked links of a text with a function that reads one at the
// start of a text. A backslash escapes the next sign.
func MaskedLinks(text string, read func(rest string) (MaskedLink, bool)) []MaskedLink {
	var all []MaskedLink
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' {
			i++
			continue
		}

		if found, ok := read(text[i:]); ok {
			all = append(all, found)
			i += found.Length - 1
		}
	}

	return all
}

const fence = "```"

// Blocks reads text of many lines.
func (m Markup) Blocks(text string) []Block {
	var blocks []Block
	for text != "" {
		before, rest, fenced := strings.Cut(text, fence)
		code, after, closed := strings.Cut(rest, fence)
		if !fenced || !closed {
			return append(blocks, m.lines(text)...)
		}

		blocks = append(blocks, m.lines(strings.TrimSuffix(before, "\n"))...)
		blocks = append(blocks, Block{Kind: Code, Spans: Plain(m.plain(m.code(code)))})
		text = strings.TrimPrefix(after, "\n")
	}

	return blocks
}

// code is the text of a code block, without the name of its language.
func (m Markup) code(text string) string {
	first, rest, many := strings.Cut(text, "\n")
	if many && (first == "" || m.Languages && !strings.ContainsFunc(first, unicode.IsSpace)) {
		text = rest
	}
	return strings.TrimSuffix(text, "\n")
}

// lines reads text without code blocks. Ordinary lines stay together in one block.
func (m Markup) lines(text string) []Block {
	var blocks []Block
	var together []string
	flush := func() {
		if plain := strings.Trim(strings.Join(together, "\n"), "\n"); plain != "" {
			blocks = append(blocks, Block{Kind: Text, Spans: m.Inline(plain)})
		}
		together = nil
	}
	for line := range strings.SplitSeq(text, "\n") {
		kind, rest := m.line(line)
		if kind == Text {
			together = append(together, line)
			continue
		}

		flush()
		blocks = append(blocks, Block{Kind: kind, Spans: m.Inline(rest)})
	}

	flush()

	return blocks
}

func (m Markup) line(line string) (BlockKind, string) {
	bare := strings.TrimLeft(line, " ")
	if rest, ok := strings.CutPrefix(bare, ">"); ok {
		return Quote, strings.TrimPrefix(rest, " ")
	}

	if rest, ok := strings.CutPrefix(strings.TrimLeft(bare, "#"), " "); ok && m.Headings && strings.HasPrefix(bare, "#") {
		return Heading, rest
	}

	for _, mark := range []string{"- ", "* "} {
		if rest, ok := strings.CutPrefix(bare, mark); ok && m.Lists {
			return Item, "• " + rest
		}
	}

	return Text, line
}

// Inline reads text in which only parts of a line are styled.
func (m Markup) Inline(text string) []Span {
	var spans []Span
	plain := 0
	flush := func(to int) {
		if to > plain {
			spans = append(spans, Span{Text: m.plain(text[plain:to])})
		}
	}
	for i := 0; i < len(text); {
		if m.Backslash && text[i] == '\\' && i+1 < len(text) && isPunctuation(text[i+1]) {
			flush(i)
			plain = i + 1
			i = i + 2
			continue
		}

		found, n := m.special(text, i)
		if n == 0 {
			i++
			continue
		}

		flush(i)
		spans = append(spans, found...)
		i += n
		plain = i
	}

	flush(len(text))

	return spans
}

// special reads a link, code or a styled text at i.
func (m Markup) special(text string, i int) ([]Span, int) {
	rest := text[i:]
	if m.Special != nil {
		if span, n := m.Special(rest); n > 0 {
			return []Span{span}, n
		}
	}

	if rest[0] == '`' {
		if end := strings.IndexByte(rest[1:], '`'); end > 0 {
			return []Span{{Text: m.plain(rest[1 : 1+end]), Code: true}}, end + 2
		}
	}

	for _, sign := range m.Signs {
		if end := m.closing(text, i, sign.Text); end > 0 {
			inner := m.Inline(text[i+len(sign.Text) : end])
			for k := range inner {
				sign.Style(&inner[k])
			}
			return inner, end + len(sign.Text) - i
		}
	}

	return nil, 0
}

// closing is the position of the sign that ends what the sign at i styles, 0 for none.
func (m Markup) closing(text string, i int, sign string) int {
	start := i + len(sign)
	if !strings.HasPrefix(text[i:], sign) || wordBefore(text[:i]) || start >= len(text) || text[start] == ' ' || text[start] == '\n' {
		return 0
	}

	for from := start + 1; from < len(text); {
		at := strings.Index(text[from:], sign)
		if at < 0 {
			return 0
		}

		end := from + at
		escaped := m.Backslash && text[end-1] == '\\'
		if !escaped && text[end-1] != ' ' && !wordAfter(text[end+len(sign):]) {
			return end
		}

		from = end + 1
	}

	return 0
}

func (m Markup) plain(text string) string {
	if m.Plain == nil {
		return text
	}
	return m.Plain(text)
}

func isPunctuation(c byte) bool {
	return c > ' ' && c < 0x7f && !('0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z')
}

func wordBefore(text string) bool {
	r, _ := utf8.DecodeLastRuneInString(text)
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

func wordAfter(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}
