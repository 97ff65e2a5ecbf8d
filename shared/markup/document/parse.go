package document

import (
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	extast "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"

	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/markup/raw"
)

// markdown is the dialect of GitHub, where most of what is written comes from.
var markdown = goldmark.New(goldmark.WithExtensions(extension.Table, extension.Strikethrough, extension.Linkify)).Parser()

// Parse reads Markdown. Comments are left out, and tags of HTML mean what they
// mean on a page as far as a document can show it; other tags are text. An image
// is a link to it. A link whose text names another host shows its address.
func Parse(source string) []Block {
	content := []byte(shallow(raw.Uncomment(markup.Lines(source))))
	r := reader{source: content}
	return Reveal(r.blocks(markdown.Parse(text.NewReader(content))))
}

// shallow breaks up what would take long to read.
func shallow(source string) string {
	lines := strings.Split(source, "\n")
	signs := 0
	for i, line := range lines {
		if strings.TrimSpace(line) == "" {
			signs = 0
		}

		signs += markup.Signs(line)
		if signs > markup.MaxSigns {
			line = escape.Replace(line)
			signs = markup.MaxSigns
		}

		if markup.Nesting(line) > markup.MaxNesting {
			line = "\u200b" + line
		}

		lines[i] = line
	}

	return strings.Join(lines, "\n")
}

var escape = strings.NewReplacer("[", `\[`, "]", `\]`, "*", `\*`, "_", `\_`, "~", `\~`, "<", `\<`)

// A reader turns goldmark's tree into ours.
type reader struct{ source []byte }

func (r reader) blocks(parent ast.Node) []Block {
	var list []Block
	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		list = append(list, r.block(n)...)
	}
	return list
}

func (r reader) block(n ast.Node) []Block {
	switch n := n.(type) {
	case *ast.Paragraph, *ast.TextBlock:
		return paragraph(r.inline(n))
	case *ast.Heading:
		if spans := trim(r.inline(n)); len(spans) > 0 {
			return []Block{{Kind: Heading, Level: n.Level, Spans: spans}}
		}
	case *ast.ThematicBreak:
		return []Block{{Kind: Rule}}
	case *ast.FencedCodeBlock:
		return []Block{{Kind: Code, Text: r.lines(n), Language: string(n.Language(r.source))}}
	case *ast.CodeBlock:
		return []Block{{Kind: Code, Text: r.lines(n)}}
	case *ast.HTMLBlock:
		return r.html(n)
	case *ast.Blockquote:
		if inner := r.blocks(n); len(inner) > 0 {
			return []Block{{Kind: Quote, Blocks: inner}}
		}
	case *ast.List:
		return r.list(n)
	case *extast.Table:
		return []Block{r.table(n)}
	}

	return nil
}

func paragraph(spans []Span) []Block {
	if spans = trim(spans); len(spans) == 0 {
		return nil
	}
	return []Block{{Kind: Paragraph, Spans: spans}}
}

// lines are those of a block whose text is taken as it stands.
func (r reader) lines(n ast.Node) string {
	var out strings.Builder
	for i := range n.Lines().Len() {
		line := n.Lines().At(i)
		out.Write(line.Value(r.source))
	}
	return strings.TrimRight(out.String(), "\n")
}

func (r reader) list(n *ast.List) []Block {
	list := Block{Kind: List, Ordered: n.IsOrdered(), Start: n.Start}
	for item := n.FirstChild(); item != nil; item = item.NextSibling() {
		if inner := r.blocks(item); len(inner) > 0 {
			list.Items = append(list.Items, inner)
		}
	}

	if len(list.Items) == 0 {
		return nil
	}

	return []Block{list}
}

func (r reader) table(n *extast.Table) Block {
	table := Block{Kind: Table}
	for row := n.FirstChild(); row != nil; row = row.NextSibling() {
		var cells [][]Span
		for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
			cells = append(cells, trim(r.inline(cell)))
		}
		table.Rows = append(table.Rows, cells)
	}

	return table
}

func (r reader) inline(parent ast.Node) []Span {
	return r.spans(nil, parent, Span{})
}

// spans adds what is in a node to what is there, in a style.
func (r reader) spans(to []Span, parent ast.Node, style Span) []Span {
	if hasHTML(parent) {
		return r.inlineHTML(to, parent, style)
	}

	for n := parent.FirstChild(); n != nil; n = n.NextSibling() {
		to = r.span(to, n, style)
	}

	return to
}

func (r reader) span(to []Span, n ast.Node, style Span) []Span {
	switch n := n.(type) {
	case *ast.Text:
		to = r.text(to, n, style)
	case *ast.String:
		style.Text = string(n.Value)
		to = add(to, style)
	case *ast.CodeSpan:
		style.Code = true
		style.Bold = false
		style.Italic = false
		style.Strike = false
		style.Text = codeText(n, r.source)
		to = add(to, style)

	case *ast.Emphasis:
		if n.Level == 2 {
			style.Bold = !style.Code
		} else {
			style.Italic = !style.Code
		}

		to = r.spans(to, n, style)

	case *extast.Strikethrough:
		style.Strike = !style.Code
		to = r.spans(to, n, style)
	case *ast.Link:
		to = r.spans(to, n, linked(style, string(n.Destination)))
	case *ast.Image:
		to = r.image(to, n, style)
	case *ast.AutoLink:
		style.Text = string(n.Label(r.source))
		address := string(n.URL(r.source))
		if n.AutoLinkType == ast.AutoLinkEmail && !strings.HasPrefix(strings.ToLower(address), "mailto:") {
			address = "mailto:" + address
		}

		if style.Link == "" { // within a link of HTML, the text leads where that leads
			style = linked(style, address)
		}

		to = add(to, style)
	}

	return to
}

// text adds a piece of text, with what stands for other characters replaced.
func (r reader) text(to []Span, n *ast.Text, style Span) []Span {
	value := n.Segment.Value(r.source)
	if !n.IsRaw() {
		value = util.ResolveEntityNames(util.ResolveNumericReferences(util.UnescapePunctuations(value)))
	}

	style.Text = visible(string(value))
	if behindHTML(n) && endsBlank(to) {
		style.Text = strings.TrimLeft(style.Text, " ")
	}

	to = add(to, style)
	switch {
	case n.HardLineBreak():
		to = add(to, Span{Break: true})
	case n.SoftLineBreak() && behindHTML(n) && endsBlank(to):
	case n.SoftLineBreak():
		style.Text = " "
		to = add(to, style)
	}

	return to
}

// behindHTML reports whether a comment or a tag stands before a text. White space
// before and behind a comment is white space once.
func behindHTML(n *ast.Text) bool {
	before := n.PreviousSibling()
	return before != nil && before.Kind() == ast.KindRawHTML
}

// visible drops what a character reference may stand for though no text may
// hold it.
func visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' {
			return ' '
		}
		return r
	}, markup.Lines(s))
}

func codeText(n *ast.CodeSpan, source []byte) string {
	var out strings.Builder
	for child := n.FirstChild(); child != nil; child = child.NextSibling() {
		if t, ok := child.(*ast.Text); ok {
			out.Write(t.Segment.Value(source))
		}
	}

	return strings.ReplaceAll(out.String(), "\n", " ")
}

// linked is a style with a link, if a link may lead there.
func linked(style Span, address string) Span {
	if to, ok := Address(address); ok {
		style.Link = to
	}
	return style
}

func (r reader) image(to []Span, n *ast.Image, style Span) []Span {
	style = linked(style, string(n.Destination))
	inside := r.spans(nil, n, style)
	if len(inside) == 0 && style.Link != "" {
		style.Text = style.Link
		inside = []Span{style}
	}

	for _, s := range inside {
		to = add(to, s)
	}

	return to
}
