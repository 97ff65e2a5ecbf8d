package document

import (
	"strings"

	"github.com/yuin/goldmark/ast"

	"example.com/integrations/shared/markup/raw"
)

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
	f.endPart()

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
