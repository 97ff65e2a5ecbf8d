package gitlab

import (
	"slices"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
)

// GitLab's limits, in code points, and how many labels we put on an issue: it
// states no limit for these.
const (
	maxTitle  = 255
	maxBody   = 1 << 20
	maxLabel  = 255
	maxLabels = 100
)

// Render shows an item as an issue.
func (c *Connector) Render(item domain.Item) connector.Content {
	return connector.Content{Title: c.markdown.Title(item), Body: c.markdown.Body(item), Labels: c.labels(item.Labels), State: item.State}
}

// labels are GitLab's form of an item's, as labelName makes it: each name once,
// in alphabetical order. Without labels it is an empty list, never nil, so that
// equal content has one hash.
func (c *Connector) labels(names []string) []string {
	list := []string{}
	if !c.cfg.Labels {
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

func without(list, others []string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(name string) bool { return slices.Contains(others, name) })
}
