package message

import (
	"slices"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
)

// Changes says in words what has changed since the last message, the most
// important change first. It is empty for an item's first message. The words are
// plain text of one line that holds parts of the item.
func Changes(c connector.Content) []string {
	if c.Previous == nil {
		return nil
	}

	was := *c.Previous
	if c.Deleted {
		if was.Deleted {
			return nil
		}
		return []string{"deleted"}
	}

	words := Progress(c)
	if was.Title != "" && was.Title != c.Title {
		words = append(words, "title was “"+was.Title+"”")
	}

	words = append(words, factChanges([]factChange{
		{"owner", was.Facts.Owner, c.Facts.Owner},
		{"due", was.Facts.Due, c.Facts.Due},
		{"milestone", was.Facts.Milestone, c.Facts.Milestone},
		{"project", was.Facts.Project, c.Facts.Project},
		{"type", was.Facts.Type, c.Facts.Type},
	})...)
	if change := labelChange(was.Labels, c.Labels); change != "" {
		words = append(words, "labels: "+change)
	}

	if was.Text != "" && !was.Deleted && was.Text != connector.TextHash(c.Body) {
		words = append(words, "text changed")
	}

	return words
}

// Progress is the part of Changes that says how work on the item goes: its state,
// its status and its priority. A reply to a message says no more than that.
func Progress(c connector.Content) []string {
	if c.Previous == nil {
		return nil
	}

	was := *c.Previous

	var words []string
	switch {
	case c.Deleted && was.Deleted:
		return nil
	case c.Deleted:
		return []string{"deleted"}
	case was.Deleted:
		words = append(words, "restored")
	case was.State != domain.Closed && c.State == domain.Closed:
		words = append(words, "closed")
	case was.State == domain.Closed && c.State != domain.Closed:
		words = append(words, "reopened")
	}

	return append(words, factChanges([]factChange{
		{"status", was.Facts.Status, c.Facts.Status},
		{"priority", was.Facts.Priority, c.Facts.Priority},
	})...)
}

// A factChange is a fact before and after a change.
type factChange struct{ name, was, is string }

// factChanges says which facts have changed, such as "status: planned → done".
func factChanges(changes []factChange) []string {
	var words []string
	for _, one := range changes {
		if one.was != one.is {
			words = append(words, one.name+": "+orNone(one.was)+" → "+orNone(one.is))
		}
	}

	return words
}

// orNone is a value, or the word for the lack of one.
func orNone(value string) string {
	if value == "" {
		return "none"
	}
	return value
}

// named is how many labels are named that came, and that went.
const named = 6

// labelChange names the labels that came, and those that went.
func labelChange(was, are []string) string {
	parts := append(missing("+", are, was), missing("−", was, are)...)
	return strings.Join(parts, " ")
}

// missing are the labels of a list that another list lacks, each behind a sign.
func missing(sign string, list, other []string) []string {
	var parts []string
	for _, name := range list {
		if slices.Contains(other, name) {
			continue
		}
		if len(parts) == named {
			return append(parts, sign+"…")
		}

		parts = append(parts, sign+name)
	}

	return parts
}

// Sentence is Changes in one line, "" if there is nothing to say.
func Sentence(c connector.Content) string { return strings.Join(Changes(c), separator) }
