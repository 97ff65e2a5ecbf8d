package mantisbt

import (
	"cmp"
	"strings"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/markup/raw"
)

// A renderer shows items as issues.
type renderer struct {
	client *client
}

// MantisBT's limits, in code points. A longer summary is an error without an
// explanation on PostgreSQL, and is cut on MySQL.
const (
	maxSummary = 128
	maxText    = 65535
)

var disarm markup.MantisBT

// disarmer is for texts, which servers with the Markdown plugin read as Markdown.
var disarmer = raw.Disarmer{Disarm: disarm.Disarm, Form: raw.LinksPlain}

// render shows an item as an issue. Labels are left out: MantisBT's tags are words
// of a common list to which not every user may add.
func (r *renderer) render(item domain.Item) connector.Content {
	return connector.Content{
		Title:  r.title(item),
		Body:   r.body(item),
		Labels: []string{},
		State:  item.State,
	}
}

const (
	titleTemplate = "{{formatted_number}} {{title}}"
	bodyTemplate  = "{{description}}"
)

// title is never blank: MantisBT accepts no issue without a summary.
func (r *renderer) title(item domain.Item) string {
	text := disarm.DisarmLine(form.Fill(r.client.cfg.TitleTemplate, titleTemplate, item))
	if markup.IsBlank(text) {
		text = disarm.DisarmLine(form.Fill("", titleTemplate, item))
	}

	if markup.IsBlank(text) {
		text = item.ID.String()
	}

	return markup.Cut(text, maxSummary, "…")
}

// body is the text, a line with what the item belongs to and the people who work
// on it, and lines with its source. So it is never empty: MantisBT accepts no
// issue without a description.
func (r *renderer) body(item domain.Item) string {
	source := raw.Rewrite(form.Fill(r.client.cfg.BodyTemplate, bodyTemplate, item), raw.ToPlainText)
	text := strings.TrimRight(disarmer.Text(source), " \t\n")
	end := footer(item)
	if line := markup.FactsLine(item, plainName); line != "" {
		end = line + "\n" + end
	}

	if text == "" {
		return end
	}

	const between = "\n\n---\n"

	return disarmer.Cut(text, maxText-markup.Count(between+end), rest(item), between+end)
}

// plainName is a name that is plain text in MantisBT, and no link in Markdown.
func plainName(name string) string {
	name = strings.ReplaceAll(name, "](", "]\u200b(")

	return disarm.DisarmLine(name)
}

// rest says that the text was cut and where the rest is.
func rest(item domain.Item) string {
	if to, ok := link(item.URL); ok {
		return "…(cut) The rest: " + to
	}

	return "…(cut)"
}

// footer names the item with its status, its priority and its address.
func footer(item domain.Item) string {
	parts := []string{inline(cmp.Or(markup.OneLine(item.FormattedNumber), item.ID.String()), 60)}
	for _, part := range []struct{ name, value string }{{"Status", item.Status}, {"Priority", item.Priority}} {
		if value := inline(part.value, 100); value != "" {
			parts = append(parts, part.name+": "+value)
		}
	}

	line := strings.Join(parts, " · ")
	if to, ok := link(item.URL); ok {
		line += "\n" + to
	}

	return line
}

// inline is a short text within a line.
func inline(text string, max int) string {
	return disarm.DisarmLine(markup.Cut(markup.OneLine(text), max, "…"))
}

// link is an address that is not cut and that MantisBT does not read as a
// reference to something else.
func link(address string) (string, bool) {
	to, ok := markup.WebURL(address)
	if !ok {
		return "", false
	}

	return disarm.DisarmLine(to), true
}
