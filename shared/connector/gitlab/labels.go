package gitlab

import (
	"html"
	"slices"
	"strings"

	"example.com/integrations/shared/markup"
)

// labels are GitLab's form of an item's, as labelName makes it: each name once,
// in alphabetical order. Without labels it is an empty list, never nil, so that
// equal content has one hash.
func (r renderer) labels(names []string) []string {
	list := []string{}
	if !r.withLabels {
		return list
	}

	for _, name := range names {
		if name = labelName(name); !markup.IsBlank(name) {
			list = append(list, name)
		}
	}

	slices.Sort(list)
	list = slices.Compact(list)

	return list[:min(len(list), maxLabels)]
}

// labelChanges are the labels to be put on an issue and to be taken off. Where
// ours change, all of them are named, so that one a person took off comes back.
func labelChanges(before, want []string) (add, remove string) {
	gone := without(before, want)
	if len(gone) > 0 || len(without(want, before)) > 0 {
		add = strings.Join(want, ",")
	}
	return add, strings.Join(gone, ",")
}

// without is a list without the names of another one.
func without(list, others []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(name string) bool { return slices.Contains(others, name) })
}

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

// opensTag reports whether a character behind a < begins a tag.
func opensTag(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '/' || c == '!' || c == '?'
}
