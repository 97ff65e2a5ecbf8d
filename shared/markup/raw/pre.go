package raw

import (
	"html"
	"strings"
)

// Page reports whether tokens are the source of a whole page, an example in the
// text: its tags are there to be read.
func Page(list []Token) bool {
	for _, t := range list {
		if t.Name == "html" || t.Name == "head" || t.Name == "body" {
			return true
		}
	}

	return false
}

// preformed is the text of a block that is preformatted from its first to its last
// tag, and its language.
func preformed(list []Token) (text, language string, ok bool) {
	for len(list) > 0 && strings.TrimSpace(list[len(list)-1].Raw) == "" {
		list = list[:len(list)-1]
	}

	last := len(list) - 1
	if last < 1 || list[0].Name != "pre" || list[last].Name != "pre" || !list[last].Closing {
		return "", "", false
	}

	var out strings.Builder
	for _, t := range list[1:last] {
		switch {
		case t.Name == "pre":
			return "", "", false
		case t.Kind == Text, t.Role() == Unknown && t.Kind == Tag:
			out.WriteString(html.UnescapeString(t.Raw))
		}
	}

	return strings.Trim(out.String(), "\n"), list[0].Attribute("lang"), true
}

// fenced is text as a block of code.
func fenced(text, language string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}

	if strings.ContainsAny(language, "`\n") {
		language = ""
	}

	return fence + language + "\n" + text + "\n" + fence
}
