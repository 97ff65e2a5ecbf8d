package raw

import "strings"

// A piece is a token and where it is.
type piece struct {
	Token
	extent
}

// A context is where pieces are.
type context struct {
	block bool // they are a block of HTML
	top   bool // they are in no list and no quotation
	table bool // they are in a cell of a table
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

// wordByte reports whether a byte is a letter or a digit of ASCII.
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
