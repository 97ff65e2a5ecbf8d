package raw

import (
	"strings"

	"example.com/integrations/shared/markup"
)

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

// escaper takes their meaning from the signs of Markdown.
var escaper = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", `\<`, "~", `\~`, "|", `\|`, "$", `\$`)

// literal is text that Markdown shows as it is.
func literal(text string, form Output) string {
	if form == ToPlainText {
		return text
	}

	return escaper.Replace(text)
}
