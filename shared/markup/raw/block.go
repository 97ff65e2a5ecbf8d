package raw

import (
	"strings"

	"github.com/yuin/goldmark/ast"
)

// block rewrites a block of HTML. Its lines lose their indentation, which would
// make code of them.
func (w *rewriter) block(n *ast.HTMLBlock) {
	at := htmlLines(n)
	tokens := Tokens(w.source[at.from:at.to])
	if n.HTMLBlockType == ast.HTMLBlockType1 {
		w.pre(n, at, tokens)
		return
	}

	if Page(tokens) {
		return
	}

	var pieces []piece
	before := len(w.edits)
	from := at.from
	for _, t := range tokens {
		pieces = append(pieces, piece{t, extent{from, from + len(t.Raw)}})
		from += len(t.Raw)
	}

	w.pieces(pieces, context{block: true, top: isTop(n)})
	if len(w.edits) > before {
		w.outdent(n)
	}
}

// pre makes a block of code of preformatted text. Scripts and styles stay, and so
// does what stands in a list or a quotation.
func (w *rewriter) pre(n ast.Node, at extent, tokens []Token) {
	text, language, ok := preformed(tokens)
	if !ok || !isTop(n) {
		return
	}

	if w.form == ToMarkdown {
		text = fenced(text, language)
	}

	if strings.HasSuffix(w.source[at.from:at.to], "\n") {
		text += "\n"
	}

	w.edits = append(w.edits, edit{at, text})
}

// isTop reports whether a node is in no list and no quotation.
func isTop(n ast.Node) bool { return n.Parent() != nil && n.Parent().Kind() == ast.KindDocument }

// outdent removes the indentation of the lines of a block.
func (w *rewriter) outdent(n *ast.HTMLBlock) {
	lines := n.Lines()
	for i := range lines.Len() {
		from := lines.At(i).Start
		line := w.source[from:lines.At(i).Stop]
		if indent := len(line) - len(strings.TrimLeft(line, " \t")); indent > 0 {
			w.edits = append(w.edits, edit{extent{from, from + indent}, ""})
		}
	}
}
