package raw

import (
	"html"
	"strings"

	"example.com/integrations/shared/markup"
)

// maxFolds is how many details may stay in one another.
const maxFolds = 8

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
