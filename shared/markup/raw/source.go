package raw

import (
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"

	"example.com/integrations/shared/markup"
)

// markdown finds where code and HTML are in Markdown.
var markdown = goldmark.New(goldmark.WithExtensions(extension.Table)).Parser()

// walk visits the nodes of Markdown in the order of the source. Their positions
// are those of the source.
func walk(source string, visit func(ast.Node)) {
	root := markdown.Parse(text.NewReader([]byte(masked(source))))
	_ = ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			visit(n)
		}
		return ast.WalkContinue, nil
	})
}

// masked is the source with other signs in the place of those that take long to
// read. Its length is the same.
func masked(source string) string {
	lines := strings.Split(source, "\n")
	signs := 0
	for i, line := range lines {
		if strings.TrimSpace(line) == "" {
			signs = 0
		}

		signs += markup.Signs(line)
		if signs > markup.MaxSigns {
			lines[i] = mask(line)
			signs = markup.MaxSigns
		}

		if markup.Nesting(line) > markup.MaxNesting {
			lines[i] = strings.Repeat("x", len(line))
		}
	}

	return strings.Join(lines, "\n")
}

// mask hides the signs of a line that take long to read. Fences and the begin of
// comments stay.
func mask(line string) string {
	if strings.HasPrefix(strings.TrimLeft(line, " "), "~~~") {
		return line
	}

	out := []byte(line)
	for i, c := range out {
		comment := c == '<' && strings.HasPrefix(line[i:], commentOpen)
		if strings.IndexByte(markup.PairedSigns, c) >= 0 && !comment {
			out[i] = 'x'
		}
	}

	return string(out)
}

// spanOf is where the text of a code span is.
func spanOf(n *ast.CodeSpan) extent {
	first, ok := n.FirstChild().(*ast.Text)
	if !ok {
		return extent{}
	}

	last, ok := n.LastChild().(*ast.Text)
	if !ok {
		return extent{}
	}

	return extent{first.Segment.Start, last.Segment.Stop}
}

// linesOf is where the lines of a block are.
func linesOf(n ast.Node) extent {
	lines := n.Lines()
	if lines.Len() == 0 {
		return extent{}
	}

	return extent{lines.At(0).Start, lines.At(lines.Len() - 1).Stop}
}

// htmlLines is where the lines of a block of HTML are.
func htmlLines(n *ast.HTMLBlock) extent {
	e := linesOf(n)
	if n.HasClosure() {
		e.to = n.ClosureLine.Stop
	}

	return e
}
