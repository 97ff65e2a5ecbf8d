package github

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"integrations/shared/configuration/form"
	"integrations/shared/connector"
	"integrations/shared/domain"
	"integrations/shared/markup"
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
	return connector.Content{Title: c.title(item), Body: c.body(item), Labels: c.labels(item.Labels), State: item.State}
}

const (
	titleTemplate = "{{formatted_number}} {{title}}"
	bodyTemplate  = "{{description}}"
)

// expand fills a template in. One that cannot be, which validation does not
// store, gives way to the usual text.
func expand(template, usual string, item domain.Item) string {
	if template != "" {
		if text, err := form.Expand(template, item); err == nil {
			return text
		}
	}
	text, _ := form.Expand(usual, item)
	return text
}

// title is never blank: GitHub takes no issue without one.
func (c *Connector) title(item domain.Item) string {
	text := c.disarm.DisarmLine(expand(c.cfg.TitleTemplate, titleTemplate, item))
	if markup.IsBlank(text) {
		text = c.disarm.DisarmLine(expand("", titleTemplate, item))
	}
	if markup.IsBlank(text) {
		text = item.ID.String()
	}
	return markup.Cut(text, maxTitle, "…")
}

// body is the text and a line about where it is from. Room is left for the
// marker.
func (c *Connector) body(item domain.Item) string {
	text := strings.TrimRight(c.disarm.Disarm(expand(c.cfg.BodyTemplate, bodyTemplate, item)), " \t\n")
	footer := c.footer(item)
	if text == "" {
		return footer
	}
	const between = "\n\n---\n"
	room := maxBody - markerRoom - markup.Count(between+footer)
	return markup.CutMarkdown(text, room, c.rest(item)) + between + footer
}

// rest says that the text was cut and where the rest is.
func (c *Connector) rest(item domain.Item) string {
	if to, ok := c.link(item.URL); ok {
		return "…(cut) [read the rest](" + to + ")"
	}
	return "…(cut)"
}

// footer names the item, leads to it and says how it stands.
func (c *Connector) footer(item domain.Item) string {
	name := c.inline(cmp.Or(markup.OneLine(item.FormattedNumber), item.ID.String()), 60)
	if to, ok := c.link(item.URL); ok {
		name = "[" + name + "](" + to + ")"
	}
	parts := []string{name}
	for _, part := range []struct{ name, value string }{{"Status", item.Status}, {"Priority", item.Priority}} {
		if value := c.inline(part.value, 100); value != "" {
			parts = append(parts, part.name+": "+value)
		}
	}
	return strings.Join(parts, " · ")
}

// inline is a short text within a line of ours: disarmed and without any
// Markdown.
func (c *Connector) inline(text string, max int) string {
	text = markup.Cut(markup.OneLine(text), max, "…")
	return c.disarm.DisarmLine(markdown.Replace(text))
}

var markdown = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", `\<`, ">", `\>`, "~", `\~`, "|", `\|`, "$", `\$`, "!", `\!`)

// link is an address fit for a link in Markdown that leaves no trace where it
// leads to.
func (c *Connector) link(address string) (string, bool) {
	to, ok := markup.WebURL(address)
	if !ok {
		return "", false
	}
	return c.disarm.DisarmLine(to), true
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
