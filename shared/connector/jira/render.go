package jira

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"unicode"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/markup/document"
)

// A renderer shows items as issues.
type renderer struct {
	client *client
}

// Jira's limits, in UTF-16 units. It has none for how many labels there are.
const (
	maxSummary     = 255
	maxDescription = 32_767
	maxLabel       = 255
	maxLabels      = 100
)

// render shows an item as an issue.
func (r *renderer) render(item domain.Item) connector.Content {
	return connector.Content{
		Title:  r.title(item),
		Body:   r.body(item),
		Labels: r.labelsOf(item.Labels),
		State:  item.State,
	}
}

const (
	titleTemplate = "{{formatted_number}} {{title}}"
	bodyTemplate  = "{{description}}"
)

// title is never blank: Jira accepts no issue without a summary. A summary is
// plain text, so only its line breaks are removed.
func (r *renderer) title(item domain.Item) string {
	for _, template := range []string{r.client.cfg.TitleTemplate, ""} {
		text := markup.OneLine(form.Fill(template, titleTemplate, item))
		if !markup.IsBlank(text) {
			return document.CutText(text, maxSummary, "…")
		}
	}

	return item.ID.String()
}

// body is the text, a line with what the item belongs to and the people who work
// on it, and a line with its source.
func (r *renderer) body(item domain.Item) string {
	text := document.Parse(form.Fill(r.client.cfg.BodyTemplate, bodyTemplate, item))
	var end []document.Block
	if len(text) > 0 {
		end = append(end, document.Block{Kind: document.Rule})
	}

	if line := markup.FactsLine(item, inSpan); line != "" {
		end = append(end, document.Block{Kind: document.Paragraph, Spans: []document.Span{{Text: line}}})
	}

	end = append(end, document.Block{Kind: document.Paragraph, Spans: footer(item)})
	end = document.Reveal(end)

	return r.client.flavor.render(document.Fit(text, rest(item), end, maxDescription, r.client.flavor.size))
}

// inSpan is a name unchanged: the text of a span is plain in both flavors.
func inSpan(name string) string { return name }

// rest says that the text was cut and where the rest is.
func rest(item domain.Item) []document.Block {
	spans := []document.Span{{Text: "…(cut)"}}
	if to, ok := markup.WebURL(item.URL); ok {
		spans = append(spans, document.Span{Text: " "}, document.Span{Text: "read the rest", Link: to})
	}
	return []document.Block{{Kind: document.Paragraph, Spans: spans}}
}

// footer names the item with a link to it, its status and its priority.
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

// labelsOf are an item's labels in Jira's form: without spaces, each once, in
// alphabetical order, and none that looks like a marker. No labels are an empty
// list, never nil, so that equal content has one hash.
func (r *renderer) labelsOf(names []string) []string {
	list := []string{}
	if !r.client.cfg.Labels {
		return list
	}

	for _, name := range names {
		name = asLabel(name)
		if !markup.IsBlank(name) {
			list = append(list, name)
		}
	}

	slices.Sort(list)
	list = slices.Compact(list)

	return list[:min(len(list), maxLabels)]
}

// asLabel is a name as a label: without spaces and invisible characters, and not
// like a marker.
func asLabel(name string) string {
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

	return document.CutText(name, maxLabel, "")
}

// look is Seen.Text of an issue that has the content as it is sent. The marker is
// beside the text.
func (r *renderer) look(content connector.Content) string {
	description, err := json.Marshal(r.client.flavor.description(content.Body))
	if err != nil {
		return "" // such a text could not be sent either
	}

	var i issue
	i.Fields.Summary = content.Title
	i.Fields.Description = description

	return i.text()
}
