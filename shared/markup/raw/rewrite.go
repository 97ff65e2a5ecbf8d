package raw

import (
	"cmp"
	"html"
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/goldmark/ast"
	extast "github.com/yuin/goldmark/extension/ast"

	"example.com/integrations/shared/markup"
)

// A Output is what the text is for.
type Output int

// The forms.
const (
	// ToMarkdown is for servers that read Markdown and show a few tags themselves.
	ToMarkdown Output = iota
	// Plain is for servers that show text as it stands.
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

// maxFolds is how many details may stay in one another.
const maxFolds = 8

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

// A piece is a token and where it is.
type piece struct {
	Token
	extent
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

// A context is where pieces are.
type context struct {
	block bool // they are a block of HTML
	top   bool // they are in no list and no quotation
	table bool // they are in a cell of a table
}

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

// pieces rewrites tags that are in one paragraph or block.
func (w *rewriter) pieces(list []piece, in context) {
	tokens := make([]Token, len(list))
	for i, p := range list {
		tokens[i] = p.Token
	}

	paired := Paired(tokens)
	partners := partners(tokens, paired)
	anchors := 0
	for i, p := range list {
		role := p.Role()
		if role == Anchor && paired[i] {
			anchors += map[bool]int{false: 1, true: -1}[p.Closing]
		}

		if w.isText(p, paired[i], in) {
			continue
		}

		var partner piece
		if paired[i] {
			partner = list[partners[i]]
		}

		text := w.text(p, partner, in, anchors > 0)
		at := p.extent
		if strings.HasSuffix(text, "\n") && w.form == ToPlainText {
			at.to = len(w.source) - len(strings.TrimLeft(w.source[at.to:], " "))
		}

		w.edits = append(w.edits, edit{at, text})
	}
}

// partners are the places of the tags that belong together.
func partners(list []Token, paired []bool) []int {
	to := make([]int, len(list))
	var stack []int
	for i, t := range list {
		switch {
		case !paired[i]:
		case !t.Closing:
			stack = append(stack, i)
		default:
			open := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			to[i] = open
			to[open] = i
		}
	}

	return to
}

// isText reports whether what looks like a tag is text.
func (w *rewriter) isText(p piece, paired bool, in context) bool {
	role := p.Role()
	switch {
	case p.Kind == Comment, role == Break:
		return false
	case role == Unknown, role == Preformed:
		return true
	case role == Anchor && !paired:
		return p.Closing || p.Bare() || p.Attribute("href") != ""
	case role.NeedsPartner():
		return !paired
	case role == Image:
		return p.Bare() || p.Closing
	case paired:
		return false
	}

	return !in.block && p.Bare() && p.from > 0 && wordByte(w.source[p.from-1])
}

func wordByte(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// text is what stands in the place of a tag.
func (w *rewriter) text(p, partner piece, in context, anchored bool) string {
	switch p.Role() {
	case Bold, Italic, Strike, Code, Super, Sub, Plain:
		return w.style(p, partner)
	case Anchor:
		return w.anchor(p, partner)
	case Image:
		return w.image(p, anchored)
	case Break:
		return w.lineEnd(p, in)
	case Rule:
		if in.block && w.alone(p) {
			return "***"
		}
		return w.lineEnd(p, in)

	case Gone:
		return w.details(p, in)
	case Summary:
		return w.summary(p, partner, in)
	case Heading:
		if w.form == ToMarkdown && in.block && !p.Closing && w.starts(p) {
			return strings.Repeat("#", int(p.Name[1]-'0')) + " "
		}
	case ListItem:
		if !p.Closing && in.block && w.starts(p) {
			return "- "
		}
	case Cell:
		if p.Closing || w.starts(p) {
			return ""
		}
		return " | "
	}

	if p.Kind == Comment || w.starts(p) || w.ends(p) {
		return ""
	}

	return w.lineEnd(p, in)
}

// kept is how Markdown's servers spell the tags that stay.
var kept = map[string]string{
	"b": "b", "strong": "b", "i": "i", "em": "i", "del": "del", "s": "del", "strike": "del", "ins": "ins",
	"code": "code", "kbd": "code", "tt": "code", "samp": "code", "sub": "sub", "sup": "sup",
}

// style keeps a tag that the server shows, if its partner is on the same line.
func (w *rewriter) style(p, partner piece) string {
	name := kept[p.Name]
	oneLine := !strings.Contains(w.between(p, partner), "\n")
	if w.form == ToPlainText && (p.Role() == Super || p.Role() == Sub) {
		return w.script(p, partner)
	}
	if w.form == ToPlainText || name == "" || !oneLine {
		return ""
	}
	if p.Closing {
		return "</" + name + ">"
	}

	return "<" + name + ">"
}

// between is the source between two tags that belong together.
func (w *rewriter) between(p, partner piece) string {
	if p.Closing {
		p, partner = partner, p
	}

	return w.source[p.to:partner.from]
}

// script puts the sign before a raised or lowered word that no other sign can
// stand for. A text whose signs have raised or lowered ones is replaced.
func (w *rewriter) script(p, partner piece) string {
	if p.Closing {
		return ""
	}

	inner := w.between(p, partner)
	scripted := Scripted(w.source[max(0, p.from-4):p.from], inner, p.Role())
	if sign, ok := strings.CutSuffix(scripted, inner); ok {
		return sign
	}

	w.edits = append(w.edits, edit{extent{p.to, partner.from}, scripted})

	return ""
}

// anchor is a link as the form has it. A text that names another host, or that no
// link can have, is followed by the address.
func (w *rewriter) anchor(p, partner piece) string {
	open := p
	if p.Closing {
		open = partner
	}

	to, ok := markup.WebURL(open.Attribute("href"))
	if !ok {
		return ""
	}

	inner := w.between(p, partner)
	linked := w.form == ToMarkdown && strings.TrimSpace(inner) != "" && !strings.ContainsAny(inner, "[]\n`\\") && !Hides(inner, to)
	switch {
	case linked && !p.Closing:
		return "["
	case linked:
		return "](" + to + ")"
	case !p.Closing || strings.TrimSpace(inner) == to || strings.TrimSpace(inner) == "":
		return ""
	}

	return " (" + to + ")"
}

// image is a link to the image.
func (w *rewriter) image(p piece, anchored bool) string {
	text := strings.Join(strings.Fields(p.Attribute("alt")), " ")
	to, ok := markup.WebURL(p.Attribute("src"))
	switch {
	case !ok || anchored && text != "":
		return literal(text, w.form)
	case text == "":
		return to
	case w.form == ToPlainText || Hides(text, to):
		return literal(text, w.form) + " (" + to + ")"
	}

	return "[" + literal(text, w.form) + "](" + to + ")"
}

var escaper = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", `\<`, "~", `\~`, "|", `\|`, "$", `\$`)

// literal is text that Markdown shows as it is.
func literal(text string, form Output) string {
	if form == ToPlainText {
		return text
	}

	return escaper.Replace(text)
}

// lineEnd ends a line within a text.
func (w *rewriter) lineEnd(p piece, in context) string {
	switch {
	case w.form == ToMarkdown:
		return "<br>"
	case in.table:
		return " "
	case w.ends(p):
		return ""
	}

	return "\n"
}

// details stay only where nothing is around them, in a form that can fold.
func (w *rewriter) details(p piece, in context) string {
	stays := p.Name == "details" && w.form == ToMarkdown && in.top
	switch {
	case p.Name != "details":
		return ""
	case !p.Closing:
		stays = stays && len(w.folds) < maxFolds
		w.folds = append(w.folds, stays)
	case len(w.folds) == 0:
		return ""
	default:
		stays = stays && w.fold()
		w.folds = w.folds[:len(w.folds)-1]
	}

	switch {
	case !stays:
		return ""
	case p.Closing:
		return w.ownLine(p, p, "</details>")
	}

	return w.ownLine(p, p, "<details>")
}

// fold reports whether the innermost details stay.
func (w *rewriter) fold() bool { return len(w.folds) > 0 && w.folds[len(w.folds)-1] }

// ownLine puts a text that stands for the source from one piece to another on a
// line of its own.
func (w *rewriter) ownLine(first, last piece, text string) string {
	if w.follows(first) {
		text = "\n" + text
	}

	rest, _, _ := strings.Cut(w.source[last.to:min(len(w.source), last.to+far)], "\n")
	if strings.TrimSpace(rest) != "" {
		text += "\n"
	}

	return text
}

// follows reports whether something that is not on a line of its own is before a
// piece on its line.
func (w *rewriter) follows(p piece) bool {
	line := max(0, p.from-far)
	line += strings.LastIndexByte(w.source[line:p.from], '\n') + 1
	tokens := Tokens(w.source[line:p.from])
	for len(tokens) > 0 && strings.TrimSpace(tokens[len(tokens)-1].Raw) == "" {
		tokens = tokens[:len(tokens)-1]
	}

	if len(tokens) == 0 {
		return false
	}

	last := tokens[len(tokens)-1]

	return last.Name != "details" && (last.Name != "summary" || !last.Closing)
}

// summary is a line in bold where it does not stay.
func (w *rewriter) summary(p, partner piece, in context) string {
	if partner.Kind != Tag {
		return ""
	}

	if in.top && w.fold() && !p.Closing {
		text := strings.Join(strings.Fields(summaryText(w.between(p, partner))), " ")
		w.edits = append(w.edits, edit{extent{p.to, partner.to}, w.ownLine(p, partner, "<summary>"+text+"</summary>")})
		return ""
	}

	if w.form == ToPlainText {
		if w.starts(p) || w.ends(p) {
			return ""
		}
		return "\n"
	}

	bold := !strings.Contains(w.between(p, partner), "\n")
	text := ""
	if !w.starts(p) && !p.Closing || !w.ends(p) && p.Closing {
		text = "<br>"
	}

	switch {
	case bold && p.Closing:
		return "</b>" + text
	case bold:
		return text + "<b>"
	}

	return text
}

// summaryText is what is in a summary that stays: text alone, in which links and
// images show their address.
func summaryText(source string) string {
	var out strings.Builder
	tokens := Tokens(source)
	paired := Paired(tokens)
	var links []string
	for i, t := range tokens {
		role := t.Role()
		switch {
		case t.Kind == Comment:
		case role == Unknown, role.NeedsPartner() && !paired[i], role == Image && t.Bare():
			out.WriteString(t.Raw)
		case role == Image:
			out.WriteString(html.EscapeString(t.Attribute("alt")))
		case role == Anchor && !t.Closing:
			to, _ := markup.WebURL(t.Attribute("href"))
			links = append(links, to)
		case role == Anchor:
			if to := links[len(links)-1]; to != "" {
				out.WriteString(" (" + to + ")")
			}
			links = links[:len(links)-1]

		case role >= Bold && role <= Sub && kept[t.Name] != "":
			out.WriteString(map[bool]string{false: "<", true: "</"}[t.Closing] + kept[t.Name] + ">")
		default:
			out.WriteString(" ")
		}
	}

	return out.String()
}

// markers are the signs of quotations and list items that a line begins with.
var markers = regexp.MustCompile(`^(?:[ \t]|>|[-+*][ \t]|[0-9]{1,9}[.)][ \t])+`)

// starts reports whether only signs of quotations and lists, white space and other
// tags are before a piece on its line.
func (w *rewriter) starts(p piece) bool {
	line := max(0, p.from-far)
	line += strings.LastIndexByte(w.source[line:p.from], '\n') + 1
	before := w.source[line:p.from]

	return !hasText(before[len(markers.FindString(before)):])
}

// ends reports whether nothing but tags and white space is behind a piece on its
// line.
func (w *rewriter) ends(p piece) bool {
	end := min(len(w.source), p.to+far)
	rest, _, _ := strings.Cut(w.source[p.to:end], "\n")

	return !hasText(rest)
}

// alone reports whether a piece is the only one on its line.
func (w *rewriter) alone(p piece) bool { return w.starts(p) && w.ends(p) }

// hasText reports whether there is text between the tags of a part of a line.
func hasText(part string) bool {
	for _, t := range Tokens(part) {
		text := t.Kind == Text && strings.TrimSpace(t.Raw) != ""
		if text || t.Kind == Tag && (t.Role() == Unknown || t.Role() == Image) {
			return true
		}
	}

	return false
}
