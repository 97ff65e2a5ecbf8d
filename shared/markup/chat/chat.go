// Package chat writes documents in the markup of the chats: Slack's mrkdwn,
// Discord's Markdown and the plain text of Teams. What is text in a document is
// text there: it mentions no user, runs no command, and no link stands under
// another text.
package chat

import (
	"strconv"
	"strings"

	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/markup/document"
)

// breaker is U+200B: it cannot be seen, and no sign means anything behind it.
const breaker = "\u200b"

// A Dialect is one chat's markup.
type Dialect interface {
	// Text makes plain text mean nothing but itself. It has one line.
	Text(text string) string
	// Link leads to an address that is there to be read.
	Link(address string) string
	// style puts a span's style around its text, which is disarmed.
	style(s document.Span, text string) string
	// code is text in which nothing is styled; block is such text of many lines.
	code(text string) string
	block(text, language string) string
	// start disarms what means something where a line of text begins.
	start(line string) string
	// quote begins each line of a quotation.
	quote() string
	// columns is how wide a table in a block of code may be, 0 if it must not be in
	// one.
	columns() int
}

// Render is a document in a chat's markup. The same blocks give the same text.
func Render(d Dialect, blocks []document.Block) string {
	return strings.Join(writer{d}.parts(blocks), "\n\n")
}

// lineCost is what a line costs at least: a message full of short lines is
// long too.
const lineCost = 40

// Cost is how much room a document takes in a message: its characters, and for
// a short line as much as for one of 40.
func Cost(d Dialect, blocks []document.Block) int {
	n := 0
	for line := range strings.SplitSeq(Render(d, blocks), "\n") {
		n += max(markup.Count(line)+1, lineCost)
	}
	return n
}

type writer struct{ d Dialect }

// parts are what is to be apart by a blank line.
func (w writer) parts(blocks []document.Block) []string {
	var parts []string
	for _, b := range blocks {
		if part := w.part(b); part != "" {
			parts = append(parts, part)
		}
	}

	return parts
}

func (w writer) part(b document.Block) string {
	switch b.Kind {
	case document.Paragraph:
		return w.lines(b.Spans)
	case document.Heading:
		return w.lines(document.Bold(b.Spans))
	case document.Code:
		return w.d.block(b.Text, b.Language)
	case document.Quote:
		return prefixed(strings.Join(w.parts(b.Blocks), "\n"), w.d.quote(), w.d.quote())
	case document.List:
		return w.list(b)
	case document.Table:
		return w.table(b.Rows)
	}

	return ""
}

// list has a line for each item; what does not fit into it follows, indented.
func (w writer) list(b document.Block) string {
	var items []string
	for i, item := range b.Items {
		mark := "• "
		if b.Ordered {
			mark = strconv.Itoa(b.Start+i) + ") "
		}

		if text := strings.Join(w.parts(item), "\n"); text != "" {
			items = append(items, prefixed(text, mark, "   "))
		}
	}

	return strings.Join(items, "\n")
}

// prefixed puts something before each line of a text.
func prefixed(text, first, rest string) string {
	if text == "" {
		return ""
	}
	return first + strings.ReplaceAll(text, "\n", "\n"+rest)
}

// lines writes spans, each break a line.
func (w writer) lines(spans []document.Span) string {
	var out, line strings.Builder
	for i, s := range spans {
		if s.Break {
			out.WriteString(w.d.start(line.String()) + "\n")
			line.Reset()
			continue
		}

		line.WriteString(w.span(spans, i))
	}

	out.WriteString(w.d.start(line.String()))

	return out.String()
}

func (w writer) span(spans []document.Span, i int) string {
	s := spans[i]
	if to, ok := Address(s.Link); ok {
		if shows(s.Text, to) {
			return w.d.Link(to)
		}
		return w.styled(spans, i) + " (" + w.d.Link(to) + ")"
	}

	return w.styled(spans, i)
}

// Address is markup.WebURL in the spelling that every chat accepts.
func Address(text string) (string, bool) {
	to, ok := markup.WebURL(text)
	if scheme, rest, found := strings.Cut(to, "://"); found {
		to = strings.ToLower(scheme) + "://" + rest
	}
	return to, ok
}

// shows reports whether a text is the address it leads to.
func shows(text, to string) bool {
	bare := func(address string) string {
		_, rest, _ := strings.Cut(address, "://")
		return strings.TrimSuffix(rest, "/")
	}
	shown, ok := markup.WebURL(text)
	if !ok {
		shown, _ = markup.WebURL("http://" + text)
	}

	return bare(shown) == bare(to)
}

func (w writer) styled(spans []document.Span, i int) string {
	s := spans[i]
	if s.Code {
		return w.d.code(s.Text)
	}

	text := w.d.Text(s.Text)
	if strings.TrimSpace(s.Text) != s.Text || !apart(spans, i) {
		return text // signs beside white space or within a word are none
	}

	return w.d.style(s, text)
}

// apart reports whether a span has no letter at its side.
func apart(spans []document.Span, i int) bool {
	before := i == 0 || spans[i-1].Break || strings.HasSuffix(spans[i-1].Text, " ") || strings.HasSuffix(spans[i-1].Text, "(")
	after := i == len(spans)-1 || spans[i+1].Break || strings.IndexAny(spans[i+1].Text, " .,;:!?)") == 0
	return before && after
}

// within wraps a text in signs, the first innermost.
func within(text string, signs ...string) string {
	for _, sign := range signs {
		text = sign + text + sign
	}
	return text
}

// signs are those of a style that is on.
func signs(s document.Span, bold, italic, strike string) []string {
	var list []string
	for _, one := range []struct {
		on   bool
		sign string
	}{{s.Bold, bold}, {s.Italic, italic}, {s.Strike, strike}} {
		if one.on {
			list = append(list, one.sign)
		}
	}

	return list
}

// ticks breaks up runs of backticks, so that none ends the block of code it is
// in.
func ticks(text string) string { return strings.ReplaceAll(text, "``", "`"+breaker+"`"+breaker) }
