package raw

import (
	"cmp"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"

	"example.com/integrations/shared/markup"
)

// An Output is what reads the rewritten text.
type Output int

// The outputs.
const (
	// ToMarkdown is for servers that read Markdown and show a few tags themselves.
	ToMarkdown Output = iota
	// ToPlainText is for servers that show text as it stands.
	ToPlainText
)

// Rewrite takes the HTML out of Markdown as far as readers would see it: comments
// go, and tags become what the form has for them. Tags without a meaning, and what
// is in code, stay. The result is no safer than the source: it is still to be
// disarmed.
//
// In Markdown these tags stay, without attributes: br, the styles b, i, del, code,
// ins, sub and sup, and details and summary on lines of their own.
func Rewrite(source string, form Output) string {
	lines := markup.Lines(source)
	w := rewriter{source: Uncomment(lines), form: form}
	if strings.Contains(w.source, "<") {
		walk(w.source, w.visit)
	}

	rewritten := w.apply()
	if rewritten != lines {
		rewritten = strings.TrimLeft(rewritten, "\n")
	}

	return rewritten
}

// An edit puts a text in the place of a part of the source.
type edit struct {
	extent
	text string
}

// A rewriter gathers the edits of a source.
type rewriter struct {
	source string
	form   Output
	edits  []edit
	folds  []bool // the details that are open, and whether each stays
}

// apply does the edits. Where two overlap, the first one counts. A line of which
// nothing is left goes if a blank one is before it.
func (w *rewriter) apply() string {
	slices.SortStableFunc(w.edits, func(a, b edit) int { return cmp.Compare(a.from, b.from) })
	var out strings.Builder
	at := 0
	for _, e := range w.edits {
		if e.from < at {
			continue
		}

		out.WriteString(w.source[at:e.from])
		out.WriteString(e.text)
		at = e.to
		written := out.String()
		if (written == "" || strings.HasSuffix(written, "\n\n")) && strings.HasPrefix(w.source[at:], "\n") {
			at++
		}
	}

	out.WriteString(w.source[at:])

	return out.String()
}

// visit rewrites the HTML in a node of the source.
func (w *rewriter) visit(n ast.Node) {
	if block, ok := n.(*ast.HTMLBlock); ok {
		w.block(block)
		return
	}

	var pieces []piece
	for child := n.FirstChild(); child != nil; child = child.NextSibling() {
		if raw, ok := child.(*ast.RawHTML); ok {
			pieces = append(pieces, w.inline(raw))
		}
	}

	if len(pieces) > 0 {
		_, paragraph := n.(*ast.Paragraph)
		w.pieces(pieces, context{top: paragraph && isTop(n), table: n.Kind() == extast.KindTableCell})
	}
}

// inline is the piece that a node within a paragraph is.
func (w *rewriter) inline(n *ast.RawHTML) piece {
	first := n.Segments.At(0)
	last := n.Segments.At(n.Segments.Len() - 1)
	at := extent{first.Start, last.Stop}
	if tokens := Tokens(w.source[at.from:at.to]); len(tokens) == 1 {
		return piece{tokens[0], at}
	}

	return piece{Token{Raw: w.source[at.from:at.to]}, at}
}
