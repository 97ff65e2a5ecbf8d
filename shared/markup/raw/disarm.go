package raw

import "example.com/integrations/shared/markup"

// A Disarmer disarms Markdown, so that also no link's text names a host to which
// the link does not lead.
type Disarmer struct {
	// Disarm makes Markdown harmless at a server. What it has seen it leaves as it is.
	Disarm func(text string) string
	Form   LinkForm
}

// maxRounds is how often a text is read again.
const maxRounds = 3

// Text disarms a text. Disarming can make links, such as of what was in a tag
// before, so the result is read again. A text that still hides a host after some
// rounds loses all links.
func (d Disarmer) Text(source string) string {
	text := d.Disarm(Reveal(source, d.Form))
	for range maxRounds {
		revealed := Reveal(text, d.Form)
		if revealed == text {
			return text
		}
		text = d.Disarm(revealed)
	}

	return d.Disarm(BreakLinks(text))
}

// Cut is markup.CutMarkdown for a text that Text has given, with an end of ours
// below it, which does not count. A cut can make links of what was code before it,
// and what the text defines can make links of the end. Then the text loses all
// links.
func (d Disarmer) Cut(text string, max int, suffix, end string) string {
	whole := markup.CutMarkdown(text, max, suffix) + end
	if !HidesHost(whole, d.Form) {
		return whole
	}

	return markup.CutMarkdown(d.Disarm(BreakLinks(text)), max, suffix) + end
}
