package jira

import (
	"cmp"
	"slices"
	"strings"
	"unicode"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/facts"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/markup/document"
)

// Jira's limits, in UTF-16 units. It has none for how many labels there are.
const (
	maxSummary     = 255
	maxDescription = 32_767
	maxLabel       = 255
	maxLabels      = 100
)

// Render shows an item as an issue.
func (c *Connector) Render(item domain.Item) connector.Content {
	return connector.Content{Title: c.title(item), Body: c.body(item), Labels: c.labelsOf(item.Labels), State: item.State}
}

const (
	titleTemplate = "{{formatted_number}} {{title}}"
	bodyTemplate  = "{{description}}"
)

// title is never blank: Jira takes no issue without a summary. A summary is
// text alone, so there is nothing to disarm but its line breaks.
func (c *Connector) title(item domain.Item) string {
	for _, text := range []string{form.Fill(c.client.cfg.TitleTemplate, titleTemplate, item), form.Fill("", titleTemplate, item)} {
		if text = markup.OneLine(text); !markup.IsBlank(text) {
			return document.CutText(text, maxSummary, "…")
		}
	}
	return item.ID.String()
}

// body is the text, a line about what the item belongs to and who works on it,
// and a line about where it is from.
func (c *Connector) body(item domain.Item) string {
	text := document.Parse(form.Fill(c.client.cfg.BodyTemplate, bodyTemplate, item))
	var end []document.Block
	if len(text) > 0 {
		end = append(end, document.Block{Kind: document.Rule})
	}

	if line := facts.Line(item, inSpan); line != "" {
		end = append(end, document.Block{Kind: document.Paragraph, Spans: []document.Span{{Text: line}}})
	}

	end = append(end, document.Block{Kind: document.Paragraph, Spans: footer(item)})
	end = document.Reveal(end)

	return c.client.flavor.render(document.Fit(text, rest(item), end, maxDescription, c.client.flavor.size))
}

// inSpan is a name as it is: what a span says is text in both of Jira's forms.
func inSpan(name string) string { return name }

// rest says that the text was cut and where the rest is.
func rest(item domain.Item) []document.Block {
	spans := []document.Span{{Text: "…(cut)"}}
	if to, ok := markup.WebURL(item.URL); ok {
		spans = append(spans, document.Span{Text: " "}, document.Span{Text: "read the rest", Link: to})
	}
	return []document.Block{{Kind: document.Paragraph, Spans: spans}}
}

// footer names the item, leads to it and says how it stands.
func footer(item domain.Item) []document.Span {
	name := document.Span{Text: markup.Cut(cmp.Or(markup.OneLine(item.FormattedNumber), item.ID.String()), 60, "…")}
	name.Link, _ = markup.WebURL(item.URL)
	spans := []document.Span{name}
	for _, part := range []struct{ name, value string }{{"Status", item.Status}, {"Priority", item.Priority}} {
		if value := markup.Cut(markup.OneLine(part.value), 100, "…"); value != "" {
			spans = append(spans, document.Span{Text: " · " + part.name + ": " + value})
		}
	}

	return spans
}

// labelsOf are Jira's form of an item's: without spaces, each once, in
// alphabetical order, and none that could be taken for a marker. Without labels
// it is an empty list, never nil, so that equal content has one hash.
func (c *Connector) labelsOf(names []string) []string {
	list := []string{}
	if !c.client.cfg.Labels {
		return list
	}

	for _, name := range names {
		name = strings.ReplaceAll(markup.OneLine(name), " ", "-")
		name = strings.Map(func(r rune) rune {
			if unicode.IsSpace(r) || unicode.Is(unicode.Cf, r) {
				return -1
			}
			return r
		}, name)
		if strings.HasPrefix(strings.ToLower(name), labelPrefix) {
			name = "_" + name
		}

		if name = document.CutText(name, maxLabel, ""); !markup.IsBlank(name) {
			list = append(list, name)
		}
	}

	slices.Sort(list)
	list = slices.Compact(list)

	return list[:min(len(list), maxLabels)]
}
