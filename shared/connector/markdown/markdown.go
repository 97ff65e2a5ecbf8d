// Package markdown renders items for the trackers whose issues are written in
// Markdown, GitHub and GitLab, and hides our marker in them.
package markdown

import (
	"cmp"
	"strings"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/markup/raw"
)

// A Dialect disarms text for a provider.
type Dialect interface {
	Disarm(text string) string
	DisarmLine(text string) string
}

// A Renderer shows items as issues.
type Renderer struct {
	Dialect Dialect
	// Templates replace the usual title and body; "" leaves the usual one.
	TitleTemplate, BodyTemplate string
	// The provider's limits, in code points.
	MaxTitle, MaxBody int
	// Links is how the provider shows links and images of disarmed text.
	Links raw.LinkForm
}

const (
	titleTemplate = "{{formatted_number}} {{title}}"
	bodyTemplate  = "{{description}}"
)

// Title is never blank: no provider takes an issue without one.
func (r Renderer) Title(item domain.Item) string {
	text := r.Dialect.DisarmLine(form.Fill(r.TitleTemplate, titleTemplate, item))
	if markup.IsBlank(text) {
		text = r.Dialect.DisarmLine(form.Fill("", titleTemplate, item))
	}

	if markup.IsBlank(text) {
		text = item.ID.String()
	}

	return markup.Cut(text, r.MaxTitle, "…")
}

// Body is the text, a line about what the item belongs to and who works on it,
// and a line about where it is from. Room is left for the marker.
func (r Renderer) Body(item domain.Item) string {
	source := raw.Rewrite(form.Fill(r.BodyTemplate, bodyTemplate, item), raw.ToMarkdown)
	text := strings.TrimRight(r.disarmer().Text(source), " \t\n")
	end := r.end(item)
	if text == "" {
		return end
	}

	const between = "\n\n---\n"
	room := r.MaxBody - MarkerRoom - markup.Count(between+end)

	return r.disarmer().Cut(text, room, r.rest(item), between+end)
}

// disarmer disarms texts of Markdown.
func (r Renderer) disarmer() raw.Disarmer {
	return raw.Disarmer{Disarm: r.Dialect.Disarm, Form: r.Links}
}

// end is what stands below the text. Its two lines are paragraphs, because
// GitLab shows a single line break as a space.
func (r Renderer) end(item domain.Item) string {
	line := markup.FactsLine(item, r.plain)
	if line == "" {
		return r.footer(item)
	}
	return line + "\n\n" + r.footer(item)
}

// rest says that the text was cut and where the rest is.
func (r Renderer) rest(item domain.Item) string {
	if to, ok := r.link(item.URL); ok {
		return "…(cut) [read the rest](" + to + ")"
	}
	return "…(cut)"
}

// footer names the item, leads to it and says how it stands.
func (r Renderer) footer(item domain.Item) string {
	name := r.inline(cmp.Or(markup.OneLine(item.FormattedNumber), item.ID.String()), 60)
	if to, ok := r.link(item.URL); ok {
		name = r.linked(name, to)
	}

	parts := []string{name}
	for _, part := range []struct{ name, value string }{{"Status", item.Status}, {"Priority", item.Priority}} {
		if value := r.inline(part.value, 100); value != "" {
			parts = append(parts, part.name+": "+value)
		}
	}

	return strings.Join(parts, " · ")
}

// linked is a link, or a name that looks like another host, and the address.
func (r Renderer) linked(name, to string) string {
	link := "[" + name + "](" + to + ")"
	if raw.HidesHost(link, r.Links) {
		return name + " (" + to + ")"
	}

	return link
}

// inline is a short text within a line of ours: disarmed and without any
// Markdown.
func (r Renderer) inline(text string, max int) string {
	return r.plain(markup.Cut(markup.OneLine(text), max, "…"))
}

// plain is a line without any Markdown, disarmed.
func (r Renderer) plain(line string) string { return r.Dialect.DisarmLine(escaper.Replace(line)) }

// escaper takes away what means something within a line of Markdown.
var escaper = strings.NewReplacer(`\`, `\\`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "<", `\<`, ">", `\>`, "~", `\~`, "|", `\|`, "$", `\$`, "!", `\!`)

// link is an address fit for a link in Markdown that leaves no trace where it
// leads to.
func (r Renderer) link(address string) (string, bool) {
	to, ok := markup.WebURL(address)
	if !ok {
		return "", false
	}
	return r.Dialect.DisarmLine(to), true
}
