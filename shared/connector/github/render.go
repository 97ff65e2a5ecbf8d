package github

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
)

// GitHub's limits, in code points. It states none but the hundred labels; the
// others are what it refuses with 422.
const (
	maxTitle  = 256
	maxBody   = 65536
	maxLabel  = 50
	maxLabels = 100
)

// Render shows an item as an issue.
func (c *Connector) Render(item domain.Item) connector.Content {
	return connector.Content{Title: c.markdown.Title(item), Body: c.markdown.Body(item), Labels: c.labels(item.Labels), State: item.State}
}

// labels are GitHub's form of an item's: on one line, without commas, not made
// of emoji alone, each name once whatever its case, in alphabetical order.
// Without labels it is an empty list, never nil, so that equal content has one
// hash.
func (c *Connector) labels(names []string) []string {
	list := []string{}
	if !c.cfg.Labels {
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

func sameLabels(a, b []string) bool {
	return slices.EqualFunc(folded(a), folded(b), func(x, y string) bool { return x == y })
}

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
