// Package atlassian writes documents for Jira: in the Atlassian Document Format of
// Jira Cloud and in the wiki markup of Jira Data Center. Text in a document stays
// text there: it mentions no user, runs no macro, shows no image and links no issue.
package atlassian

import (
	"regexp"
	"strconv"
	"strings"

	"example.com/integrations/shared/markup/document"
)

// Wiki is a document in wiki markup. The same blocks give the same text.
func Wiki(blocks []document.Block) string {
	var w writer
	w.blocks(blocks, false)
	return strings.Join(w.parts, "\n\n")
}

// WikiSize is the length that Jira counts for a document in wiki markup.
func WikiSize(blocks []document.Block) int { return document.Length(Wiki(blocks)) }

// A writer gathers parts that a blank line sets apart.
type writer struct{ parts []string }

func (w *writer) add(part string) { w.parts = append(w.parts, part) }

// blocks writes blocks one after the other. Within a quotation there can be no
// other one.
func (w *writer) blocks(blocks []document.Block, quoted bool) {
	for _, b := range blocks {
		switch b.Kind {
		case document.Paragraph:
			w.add(lines(b.Spans))
		case document.Heading:
			w.add("h" + strconv.Itoa(min(max(b.Level, 1), 6)) + ". " + line(b.Spans))
		case document.Rule:
			w.add("----")
		case document.Code:
			w.add(wikiCode(b))
		case document.Quote:
			w.quote(b, quoted)
		case document.List:
			w.list(b)
		case document.Table:
			w.add(wikiTable(b.Rows))
		}
	}
}

func (w *writer) quote(b document.Block, quoted bool) {
	if quoted {
		w.blocks(b.Blocks, true)
		return
	}

	var inner writer
	inner.blocks(b.Blocks, true)
	if len(inner.parts) > 0 {
		w.add("{quote}\n" + strings.Join(inner.parts, "\n\n") + "\n{quote}")
	}
}

// list writes a list. An item is one line, and what does not fit into one
// follows it.
func (w *writer) list(b document.Block) {
	var l lister
	l.items(b, "")
	l.flush()
	w.parts = append(w.parts, l.parts...)
}

// A lister writes the lines of a list that stand together.
type lister struct {
	writer
	lines []string
}

func (l *lister) flush() {
	if len(l.lines) > 0 {
		l.add(strings.Join(l.lines, "\n"))
	}
	l.lines = nil
}

func (l *lister) items(b document.Block, prefix string) {
	mark := "*"
	if b.Ordered {
		mark = "#"
	}

	prefix += mark
	for _, item := range b.Items {
		l.item(item, prefix)
	}
}

func (l *lister) item(blocks []document.Block, prefix string) {
	begun := false
	for _, b := range blocks {
		switch b.Kind {
		case document.Paragraph, document.Heading:
			if !begun {
				l.lines = append(l.lines, prefix+" "+line(b.Spans))
				begun = true
				continue
			}

			last := len(l.lines) - 1
			if last < 0 { // something stands between
				l.add(lines(b.Spans))
				continue
			}

			l.lines[last] += ` \\ ` + line(b.Spans)

		case document.List:
			l.items(b, prefix)
			begun = true
		default:
			l.flush()
			l.blocks([]document.Block{b}, false)
			begun = true
		}
	}
}

// highlighted are the languages that Data Center highlights; for others it shows an
// error.
var highlighted = map[string]bool{
	"actionscript": true, "ada": true, "applescript": true, "bash": true, "c": true, "c#": true, "c++": true, "css": true,
	"erlang": true, "go": true, "groovy": true, "haskell": true, "html": true, "java": true, "javascript": true, "js": true,
	"json": true, "lua": true, "objc": true, "perl": true, "php": true, "python": true, "r": true, "ruby": true, "scala": true,
	"sh": true, "sql": true, "swift": true, "visualbasic": true, "xml": true, "yaml": true,
}

// closing is what could end a block of code from within, or begin a macro in it.
var closing = regexp.MustCompile(`(?i)\{(/?(?:code|noformat|quote))`)

func wikiCode(b document.Block) string {
	content := closing.ReplaceAllString(b.Text, "{"+breaker+"$1")
	if language := document.Language(b.Language); highlighted[language] {
		return "{code:" + language + "}\n" + content + "\n{code}"
	}
	return "{noformat}\n" + content + "\n{noformat}"
}

func wikiTable(rows [][][]document.Span) string {
	var all []string
	for i, row := range rows {
		bar := "|"
		if i == 0 {
			bar = "||"
		}

		var out strings.Builder
		for _, cell := range row {
			text := strings.ReplaceAll(line(cell), `\|`, escapedBar) // else Jira splits the cell
			if text == "" {
				text = " "
			}
			out.WriteString(bar + text)
		}

		all = append(all, out.String()+bar)
	}

	return strings.Join(all, "\n")
}

// lines writes spans, each break a line.
func lines(spans []document.Span) string {
	var all []string
	for _, part := range split(spans) {
		all = append(all, plainStart(phrases(part)))
	}
	return strings.Join(all, "\n")
}

// line writes spans on one line.
func line(spans []document.Span) string {
	var all []string
	for _, part := range split(spans) {
		all = append(all, plainStart(phrases(part)))
	}
	return strings.Join(all, ` \\ `)
}

func split(spans []document.Span) [][]document.Span {
	parts := [][]document.Span{nil}
	for _, s := range spans {
		if s.Break {
			parts = append(parts, nil)
			continue
		}

		last := len(parts) - 1
		parts[last] = append(parts[last], s)
	}

	return parts
}

// start is what makes a heading or a quotation of a line.
var start = regexp.MustCompile(`^(\s*(?:h[0-9]|bq))\.`)

func plainStart(line string) string { return start.ReplaceAllString(line, "$1&#46;") }

// phrases writes spans that have no break in them.
func phrases(spans []document.Span) string {
	var out strings.Builder
	for i, s := range spans {
		text := escape(s.Text)
		if s.Link != "" {
			text = "[" + linkSigns.Replace(text) + "|" + strings.ReplaceAll(s.Link, "!", "%21") + "]" // !x! is an image
		}

		if open, shut, ok := signs(s); ok && apart(spans, i) {
			text = open + text + shut
		}

		out.WriteString(text)
	}

	return out.String()
}

// escapedBar is a bar where Jira ignores the backslash before one.
const escapedBar = "&#124;"

// linkSigns are written as numbers in a link's text, where Jira ignores
// their backslash: a bar ends the text, and !x! is an image.
var linkSigns = strings.NewReplacer(`\|`, escapedBar, `\!`, "&#33;")

// signs are what a style is written with.
func signs(s document.Span) (open, shut string, ok bool) {
	for _, sign := range []struct {
		on         bool
		open, shut string
	}{{s.Code, "{{", "}}"}, {s.Bold, "*", "*"}, {s.Italic, "_", "_"}, {s.Strike, "-", "-"}} {
		if sign.on {
			open = open + sign.open
			shut = sign.shut + shut
		}
	}

	return open, shut, open != "" && strings.TrimSpace(s.Text) == s.Text
}

// apart reports whether a span has no letter at its side: signs within a word
// are none.
func apart(spans []document.Span, i int) bool {
	before := i == 0 || strings.HasSuffix(spans[i-1].Text, " ") || strings.HasSuffix(spans[i-1].Text, "(")
	after := i == len(spans)-1 || strings.IndexAny(spans[i+1].Text, " .,;:!?)") == 0
	return before && after
}
