package document

import (
	"strings"

	"example.com/integrations/shared/markup/raw"
)

// Reveal takes the link from each text that names another host, and writes the
// address behind the text, in brackets. Links that stand one behind the other are
// read as one text. The blocks given are changed.
func Reveal(blocks []Block) []Block {
	for i := range blocks {
		b := &blocks[i]
		b.Spans = reveal(b.Spans)
		Reveal(b.Blocks)
		for _, item := range b.Items {
			Reveal(item)
		}

		for _, row := range b.Rows {
			for j, cell := range row {
				row[j] = reveal(cell)
			}
		}
	}

	return blocks
}

// reveal is Reveal for the spans of a line or paragraph.
func reveal(spans []Span) []Span {
	var out []Span
	changed := false
	for i := 0; i < len(spans); {
		end := i + 1
		for spans[i].Link != "" && end < len(spans) && spans[end].Link != "" {
			end++
		}

		if hidesHost(spans[i:end]) {
			out = append(out, shown(spans[i:end])...)
			changed = true
		} else {
			out = append(out, spans[i:end]...)
		}

		i = end
	}

	if !changed {
		return spans
	}

	return out
}

// hidesHost reports whether the text of links names a host to which one of them
// does not lead. A link whose text is its address hides nothing.
func hidesHost(links []Span) bool {
	var text strings.Builder
	for _, s := range links {
		text.WriteString(s.Text)
	}

	for _, s := range links {
		if s.Link != "" && text.String() != s.Link && raw.Hides(text.String(), s.Link) {
			return true
		}
	}

	return false
}

// shown are links as text, each with its address behind it. An address that is
// there as a link already stays one.
func shown(links []Span) []Span {
	var out []Span
	for i, s := range links {
		to := s.Link
		if s.Text == to {
			out = append(out, s)
			continue
		}

		s.Link = ""
		out = append(out, s)
		if i+1 < len(links) && links[i+1].Link == to && links[i+1].Text != to {
			continue // the link goes on in another style
		}

		out = append(out, Span{Text: " ("}, Span{Text: to, Link: to}, Span{Text: ")"})
	}

	return out
}
