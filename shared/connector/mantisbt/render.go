package mantisbt

import (
	"cmp"
	"strings"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/facts"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/markup/links"
	"example.com/integrations/shared/markup/rawhtml"
)

// MantisBT's limits, in code points. A longer summary is an error without a
// word on PostgreSQL, and cut on MySQL.
const (
	maxSummary = 128
	maxText    = 65535
)

var disarm markup.MantisBT

// disarmer is for texts, which servers with the plugin for Markdown read as such.
var disarmer = links.Disarmer{Disarm: disarm.Disarm, Form: links.Plain}

// Render shows an item as an issue. MantisBT's tags are words of a common list
// to which not everyone may add: labels stay out.
func (c *Connector) Render(item domain.Item) connector.Content {
	return connector.Content{Title: c.title(item), Body: c.body(item), Labels: []string{}, State: item.State}
}

const (
	titleTemplate = "{{formatted_number}} {{title}}"
	bodyTemplate  = "{{description}}"
)

// title is never blank: MantisBT takes no issue without a summary.
func (c *Connector) title(item domain.Item) string {
	text := disarm.DisarmLine(form.Fill(c.client.cfg.TitleTemplate, titleTemplate, item))
	if markup.IsBlank(text) {
		text = disarm.DisarmLine(form.Fill("", titleTemplate, item))
	}

	if markup.IsBlank(text) {
		text = item.ID.String()
	}

	return markup.Cut(text, maxSummary, "…")
}

// body is the text, a line about what the item belongs to and who works on it,
// and a line about where it is from, so that it is never empty, which MantisBT
// does not take either.
func (c *Connector) body(item domain.Item) string {
	source := rawhtml.Rewrite(form.Fill(c.client.cfg.BodyTemplate, bodyTemplate, item), rawhtml.PlainText)
	text := strings.TrimRight(disarmer.Text(source), " \t\n")
	end := c.footer(item)
	if line := facts.Line(item, plainName); line != "" {
		end = line + "\n" + end
	}

	if text == "" {
		return end
	}

	const between = "\n\n---\n"

	return disarmer.Cut(text, maxText-markup.Count(between+end), c.rest(item), between+end)
}

// plainName is a name as MantisBT shows it as text, also where it reads texts as
// Markdown: a name is never a link there.
func plainName(name string) string {
	name = strings.ReplaceAll(name, "](", "]\u200b(")
	return disarm.DisarmLine(name)
}

// rest says that the text was cut and where the rest is.
func (c *Connector) rest(item domain.Item) string {
	if to, ok := link(item.URL); ok {
		return "…(cut) The rest: " + to
	}
	return "…(cut)"
}

// footer names the item, leads to it and says how it stands.
func (c *Connector) footer(item domain.Item) string {
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

// inline is a short text within a line of ours.
func inline(text string, max int) string {
	return disarm.DisarmLine(markup.Cut(markup.OneLine(text), max, "…"))
}

// link is an address that stays whole and refers to nothing.
func link(address string) (string, bool) {
	to, ok := markup.WebURL(address)
	if !ok {
		return "", false
	}
	return disarm.DisarmLine(to), true
}

// wide reports whether text has characters that take four bytes, which old
// MySQL tables cannot store.
func wide(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return r > 0xffff })
}

// narrowed shows that there was such a character.
func narrowed(text string) string {
	return strings.Map(func(r rune) rune {
		if r > 0xffff {
			return '\ufffd'
		}
		return r
	}, text)
}
