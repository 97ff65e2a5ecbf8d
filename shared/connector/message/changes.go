package message

import (
	"slices"
	"strings"

	"integrations/shared/connector"
	"integrations/shared/domain"
)

// State is how the item stands, in a word.
func State(c connector.Content) string {
	switch {
	case c.Deleted:
		return "deleted"
	case c.State == domain.Closed:
		return "closed"
	}
	return "open"
}

// Sign is a sign for the state, to be seen from afar.
func Sign(c connector.Content) string {
	return map[string]string{"open": "🟢", "closed": "✅", "deleted": "🗑️"}[State(c)]
}

// Standing is the state with its sign, and the labels.
func Standing(c connector.Content) string {
	text := Sign(c) + " " + State(c)
	if len(c.Labels) > 0 {
		text += " · " + strings.Join(c.Labels, ", ")
	}
	return text
}

// Changes says in words what has changed since the last message, in the order
// people want to know it. Nothing is said in an item's first message, nor of a
// body the last message's of which is not known. The words are plain text that
// holds parts of the item.
func Changes(c connector.Content) []string {
	if c.Was == nil {
		return nil
	}
	was := *c.Was
	if c.Deleted {
		if was.Deleted {
			return nil
		}
		return []string{"deleted"}
	}
	var words []string
	switch {
	case was.Deleted:
		words = append(words, "restored")
	case was.State != domain.Closed && c.State == domain.Closed:
		words = append(words, "closed")
	case was.State == domain.Closed && c.State != domain.Closed:
		words = append(words, "reopened")
	}
	if was.Title != "" && was.Title != c.Title {
		words = append(words, "title was “"+was.Title+"”")
	}
	if change := labelChange(was.Labels, c.Labels); change != "" {
		words = append(words, "labels: "+change)
	}
	if was.Text != "" && !was.Deleted && was.Text != connector.TextHash(c.Body) {
		words = append(words, "text changed")
	}
	return words
}

// named is how many labels are named that came, and that went.
const named = 6

func labelChange(was, are []string) string {
	var parts []string
	for _, change := range []struct {
		sign         string
		these, those []string
	}{{"+", are, was}, {"−", was, are}} {
		n := 0
		for _, name := range change.these {
			if slices.Contains(change.those, name) || beyond(change.those, name) {
				continue
			}
			if n++; n > named {
				parts = append(parts, change.sign+"…")
				break
			}
			parts = append(parts, change.sign+name)
		}
	}
	return strings.Join(parts, " ")
}

// beyond reports whether a label may have been cut off a list, so that it is not
// known whether the item had it.
func beyond(list []string, name string) bool {
	return len(list) >= maxLabels && name > slices.Max(list)
}

// Sentence is Changes in one line, "" if there is nothing to say.
func Sentence(c connector.Content) string { return strings.Join(Changes(c), "; ") }
