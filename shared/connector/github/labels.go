package github

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"example.com/integrations/shared/markup"
)

// A label comes as an object or, from old servers, as its name.
type label struct{ Name string }

// UnmarshalJSON reads either form.
func (l *label) UnmarshalJSON(b []byte) error {
	if json.Unmarshal(b, &l.Name) == nil {
		return nil
	}

	var object struct {
		Name string `json:"name"`
	}
	err := json.Unmarshal(b, &object)
	l.Name = object.Name

	return err
}

// labels are GitHub's form of an item's: on one line, without commas, not made
// of emoji alone, each name once whatever its case, in alphabetical order.
// Without labels it is an empty list, never nil, so that equal content has one
// hash.
func (r renderer) labels(names []string) []string {
	list := []string{}
	if !r.withLabels {
		return list
	}

	for _, name := range names {
		name = markup.OneLine(strings.ReplaceAll(name, ",", " "))
		name = strings.TrimSpace(markup.Cut(name, maxLabel, ""))
		if strings.ContainsFunc(name, func(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }) {
			list = append(list, name)
		}
	}

	slices.SortFunc(list, func(a, b string) int {
		return cmp.Or(strings.Compare(strings.ToLower(a), strings.ToLower(b)), strings.Compare(a, b))
	})
	list = slices.CompactFunc(list, strings.EqualFold)

	return list[:min(len(list), maxLabels)]
}

// sameLabels reports whether two lists are the same set of labels.
func sameLabels(a, b []string) bool {
	return slices.EqualFunc(folded(a), folded(b), func(x, y string) bool { return x == y })
}

// folded is a set of labels in lower case, sorted.
func folded(names []string) []string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = strings.ToLower(name)
	}

	slices.Sort(list)
	return slices.Compact(list)
}

// merge is what people put on an issue, and ours: what is there now without
// what we put there before, and what we want.
func merge(current []label, before, want []string) []string {
	ours := folded(append(slices.Clone(before), want...))
	list := []string{}
	for _, l := range current {
		if _, found := slices.BinarySearch(ours, strings.ToLower(l.Name)); !found && l.Name != "" {
			list = append(list, l.Name)
		}
	}

	list = append(list, want...)

	return list[:min(len(list), maxLabels)]
}

// labelNames are the names of labels, as a set.
func labelNames(labels []label) []string {
	var names []string
	for _, l := range labels {
		names = append(names, l.Name)
	}

	return sortedLower(names)
}

// sortedLower is a set of labels. GitHub does not tell upper from lower case in
// their names.
func sortedLower(names []string) []string {
	lower := make([]string, 0, len(names))
	for _, name := range names {
		lower = append(lower, strings.ToLower(name))
	}

	slices.Sort(lower)

	return slices.Compact(lower)
}
