package raw

import (
	"cmp"
	"html"
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"

	"example.com/integrations/shared/markup"
)

// A LinkForm is how a server shows Markdown.
type LinkForm int

// The forms.
const (
	// ImagesShown is for servers that show images. They are no links.
	ImagesShown LinkForm = iota
	// ImagesLinked is for servers where an image is a link whose text is the
	// alternative text, because its sign has been disarmed.
	ImagesLinked
	// LinksPlain is for servers that may show Markdown as it stands. Images are links where
	// they do not.
	LinksPlain
)

// breaker is U+200B: it cannot be seen, and no sign of Markdown goes over it.
const breaker = "\u200b"

// Reveal takes the link from each text that names another host, and writes the
// address behind the text, in brackets. All other text stays as it is. The result
// is no safer than the source: it is still to be disarmed.
//
// Where reading Markdown takes long, there are no links in the result.
func Reveal(source string, form LinkForm) string {
	source = breakLong(source)
	if !strings.Contains(source, "]") {
		return source
	}

	list := find(source)
	if form == ImagesShown {
		list = slices.DeleteFunc(list, func(l link) bool { return l.image })
	}

	var edits []linkEdit
	for _, group := range adjacent(source, list) {
		edits = append(edits, group.edits(source, form)...)
	}

	return apply(source, edits)
}

// HidesHost reports whether a text has a link that Reveal would take.
func HidesHost(source string, form LinkForm) bool { return Reveal(source, form) != source }

var tail = regexp.MustCompile(`\]([(\[:])`)

// BreakLinks leaves no link with a text of its own in Markdown: neither a target nor a
// definition stands behind a bracket any more.
func BreakLinks(source string) string { return tail.ReplaceAllString(source, "]"+breaker+"$1") }

// A link is a link or an image in a source.
type link struct {
	from, inner int // where it begins, and where its text does
	tail, to    int // where the bracket behind the text is, and where the link ends
	image       bool
	within      bool // an image in a link
	text        string
	address     string
}

// find gives the links and images of a source in their order.
func find(source string) []link {
	root, ends := parse(source)
	var list []link
	_ = ast.Walk(root, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}

		end, ok := ends[n]
		if !ok || n.Pos() < 0 {
			return ast.WalkContinue, nil
		}

		l := link{from: n.Pos(), inner: n.Pos() + 1, tail: end.tail, to: end.to, text: textOf(n, source)}
		switch n := n.(type) {
		case *ast.Link:
			l.address = string(n.Destination)
		case *ast.Image:
			l.address = string(n.Destination)
			l.image = true
			l.inner++
			l.within = inLink(n)
		}

		l.address = unescaped(l.address)
		list = append(list, l)

		return ast.WalkContinue, nil
	})

	slices.SortStableFunc(list, func(a, b link) int { return cmp.Compare(a.from, b.from) })

	return list
}

func inLink(n ast.Node) bool {
	for p := n.Parent(); p != nil; p = p.Parent() {
		if p.Kind() == ast.KindLink {
			return true
		}
	}

	return false
}

// textOf is the text of a node as it is read, the alternative texts of images
// included.
func textOf(n ast.Node, source string) string {
	var out strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}

		switch n := n.(type) {
		case *ast.Text:
			value := source[n.Segment.Start:n.Segment.Stop]
			if n.Parent().Kind() != ast.KindCodeSpan {
				value = unescaped(value)
			}

			out.WriteString(value)
			if n.SoftLineBreak() || n.HardLineBreak() {
				out.WriteByte(' ')
			}

		case *ast.String:
			out.Write(n.Value)
		case *ast.AutoLink:
			out.Write(n.Label([]byte(source)))
		}

		return ast.WalkContinue, nil
	})

	return out.String()
}

var escapedSign = regexp.MustCompile("\\\\([!-/:-@\\[-`{-~])")

// unescaped is a text without what Markdown needs to show its signs.
func unescaped(text string) string {
	return html.UnescapeString(escapedSign.ReplaceAllString(text, "$1"))
}

// A group are links that stand one behind the other with nothing to be seen
// between. Readers see one text.
type group []link

// joint is what cannot be seen between two links.
var joint = regexp.MustCompile(`^[*_~\x{200b}]*$`)

// adjacent puts links that readers see as one into groups. An image in a link is a
// group of its own.
func adjacent(source string, list []link) []group {
	var groups []group
	last := -1 // the group of the last link that is in no other
	for _, l := range list {
		if l.within {
			groups = append(groups, group{l})
			continue
		}

		if last >= 0 {
			before := groups[last][len(groups[last])-1]
			if before.to <= l.from && joint.MatchString(source[before.to:l.from]) {
				groups[last] = append(groups[last], l)
				continue
			}
		}

		groups = append(groups, group{l})
		last = len(groups) - 1
	}

	return groups
}

// edits take the links of a group away if the text of all of them names a host to
// which one does not lead.
func (g group) edits(source string, form LinkForm) []linkEdit {
	var text strings.Builder
	for _, l := range g {
		text.WriteString(l.text)
	}

	hides := false
	for _, l := range g {
		hides = hides || Hides(text.String(), l.address)
	}

	if !hides {
		return nil
	}

	var edits []linkEdit
	for _, l := range g {
		edits = append(edits, l.edits(source, form)...)
	}

	return edits
}

// edits take a link away: its text stays and the address follows it. Within
// another link there is no address, because that is where the text leads.
func (l link) edits(source string, form LinkForm) []linkEdit {
	before := ""
	if !inline.MatchString(source[l.inner:l.tail]) {
		before = breaker // else the text could begin a list, a quotation or code
	}

	after := " (" + shown(l.address, form) + ")"
	switch {
	case l.within:
		after = ""
	case form == LinksPlain && word.MatchString(source[l.to:]):
		after += " " // else the word could count as a part of the address
	}

	return []linkEdit{{l.from, l.inner, before}, {l.tail, l.to, after}}
}

// inline is a text that begins no block, whatever is before it.
var inline = regexp.MustCompile("^(?:!\\[|[*_~`]{0,2}\\pL)")

// word is a text, maybe a link, that begins with a letter or a digit.
var word = regexp.MustCompile(`^\[?[\pL\pN]`)

// maxShown is how much of an address is shown that is no link, in code points.
const maxShown = 200

// shown is an address as a link under its own text, or as text if it is not fit
// for a link.
func shown(address string, form LinkForm) string {
	full := address
	if strings.HasPrefix(full, "//") {
		full = "https:" + full
	}

	to, ok := markup.WebURL(full)
	text := markup.Cut(markup.OneLine(address), maxShown, "…")
	switch {
	case ok && form == LinksPlain:
		return to
	case ok:
		return "<" + to + ">"
	case form == LinksPlain:
		return text
	}

	return literalSigns.Replace(text)
}

// literalSigns writes a text so that Markdown shows it as it is.
var literalSigns = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", `\<`, ">", `\>`, "~", `\~`, "|", `\|`, "$", `\$`, "&", "&amp;")

// An linkEdit puts a text in the place of source[from:to].
type linkEdit struct {
	from, to int
	text     string
}

// apply does the edits. Where two overlap, the first one counts.
func apply(source string, edits []linkEdit) string {
	slices.SortStableFunc(edits, func(a, b linkEdit) int { return cmp.Compare(a.from, b.from) })
	var out strings.Builder
	at := 0
	for _, e := range edits {
		if e.from < at {
			continue
		}

		out.WriteString(source[at:e.from])
		out.WriteString(e.text)
		at = e.to
	}

	out.WriteString(source[at:])

	return out.String()
}
