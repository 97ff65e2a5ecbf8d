package gitlab

import (
	"html"
	"strings"

	"example.com/integrations/shared/markup"
)

// labelRounds bounds how often a name is cleaned: entities may hold entities.
const labelRounds = 16

// labelName is a label's name as GitLab stores it, "" if nothing is left of it.
//
// GitLab strips tags from the name of a new label and replaces entities by what
// they stand for (sanitize_value in app/models/label.rb), trims it, and takes
// neither commas nor more than 255 characters (app/models/concerns/base_label.rb).
// It looks for an existing label by the name as it was sent
// (Labels::FindOrCreateService). A name that it would store in another form is
// never found again, and cannot be made twice. So a name is cleaned until GitLab
// has nothing left to change. Two colons make a label drive others of its kind
// off an issue, so there is only one.
func labelName(name string) string {
	for range labelRounds {
		before := name
		name = stripTags(html.UnescapeString(name))
		name = markup.OneLine(strings.ReplaceAll(name, ",", " "))
		for strings.Contains(name, "::") {
			name = strings.ReplaceAll(name, "::", ":")
		}

		name = strings.TrimSpace(markup.Cut(name, maxLabel, ""))
		if name == before {
			return name
		}
	}

	// Without these two there is neither a tag nor an entity.
	name = strings.NewReplacer("&", " ", "<", " ").Replace(name)

	return strings.TrimSpace(markup.OneLine(name))
}

// stripTags removes what an HTML parser takes for a tag or a comment: from a <
// before a letter or one of / ! ? to the next >, or to the end.
func stripTags(text string) string {
	var kept strings.Builder
	for {
		from := strings.IndexByte(text, '<')
		if from < 0 || from == len(text)-1 {
			kept.WriteString(text)
			return kept.String()
		}

		if !opensTag(text[from+1]) {
			kept.WriteString(text[:from+1])
			text = text[from+1:]
			continue
		}

		kept.WriteString(text[:from])
		_, rest, closed := strings.Cut(text[from:], ">")
		if !closed {
			return kept.String()
		}

		text = rest
	}
}

func opensTag(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '/' || c == '!' || c == '?'
}
