// Package message is what the connectors to chats have in common: how an item
// becomes a message's content, what a message says of its changes, the lines of
// a digest, and the marker as text.
package message

import (
	"cmp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/markup/chat"
	"example.com/integrations/shared/markup/document"
)

// How much of an item a message shows, in code points. The excerpts are counted
// as chat.Cost does; a body with a template of its own gets more room.
const (
	maxNumber   = 40
	maxTitle    = 150
	maxLabel    = 50
	maxLabels   = 100 // the most that an item has
	maxFact     = 60
	maxExcerpt  = 600
	maxTemplate = 1500
)

// A Renderer shows items as the contents of messages.
type Renderer struct {
	Dialect chat.Dialect
	// Templates replace the usual title (the item's own, beside its number) and
	// body (the beginning of its description); "" leaves the usual one.
	TitleTemplate, BodyTemplate string
	// Blocks says that the provider's messages are made of Content.Blocks.
	Blocks bool
}

// Render is pure. A deleted item has no excerpt: deleted text is not shown.
func (r Renderer) Render(item domain.Item) connector.Content {
	c := connector.Content{Labels: labels(item.Labels), State: item.State, Deleted: item.Deleted}
	c.Number, c.Title = r.heading(item)
	c.URL, _ = chat.Address(item.URL)
	c.Facts = factsOf(item)
	c.ChangedBy = name(item.UpdatedBy)
	if !item.Deleted {
		c.Blocks = r.excerpt(item, c.URL)
		c.Body = chat.Render(r.Dialect, c.Blocks)
	}

	if !r.Blocks {
		c.Blocks = nil
	}

	return c
}

// factsOf is what a message shows of the item beside its text.
func factsOf(item domain.Item) domain.Facts {
	return domain.Facts{
		Status:    line(item.Status, maxFact),
		Priority:  line(item.Priority, maxFact),
		Type:      name(item.Type),
		Project:   name(item.Project),
		Milestone: name(item.Milestone),
		Owner:     name(item.Owner),
		Due:       item.DueDate(),
	}
}

// name is the name of what an item refers to, "" if it refers to nothing.
func name(of *domain.Named) string {
	if of == nil {
		return ""
	}
	return line(of.Name, maxFact)
}

// heading is number and title. A template stands for both.
func (r Renderer) heading(item domain.Item) (number, title string) {
	number = line(item.FormattedNumber, maxNumber)
	if r.TitleTemplate != "" {
		if title = line(form.Fill(r.TitleTemplate, "", item), maxTitle); title != "" {
			return "", title
		}
	}

	return number, cmp.Or(line(item.Title, maxTitle), number, item.ID.String())
}

// line is a text on one line, "" if nothing of it can be seen.
func line(text string, max int) string {
	if text = markup.OneLine(text); markup.IsBlank(text) {
		return ""
	}
	return markup.Cut(text, max, "…")
}

// excerpt is the beginning of the item's text.
func (r Renderer) excerpt(item domain.Item, url string) []document.Block {
	room := maxExcerpt
	if r.BodyTemplate != "" {
		room = maxTemplate
	}

	text := document.Parse(form.Fill(r.BodyTemplate, "{{description}}", item))
	size := func(blocks []document.Block) int { return chat.Cost(r.Dialect, blocks) }
	return document.Fit(text, rest(url), nil, room, size)
}

// rest says that the text was cut and where the rest is. The title leads there
// as well, so an address that would take the whole room is left out.
func rest(url string) []document.Block {
	spans := []document.Span{{Text: "…(cut)"}}
	if url != "" && len(url) <= 200 {
		spans = append(spans, document.Span{Text: " the rest: "}, document.Span{Text: url, Link: url})
	}
	return []document.Block{{Kind: document.Paragraph, Spans: spans}}
}

// labels are an item's, each once, in alphabetical order. Without any it is an
// empty list, never nil, so that equal content has one hash.
func labels(names []string) []string {
	list := []string{}
	for _, name := range names {
		if name = line(name, maxLabel); name != "" {
			list = append(list, name)
		}
	}

	slices.Sort(list)
	list = slices.Compact(list)

	return list[:min(len(list), maxLabels)]
}

// Heading is number and title in one line.
func Heading(c connector.Content) string {
	if c.Number == "" || begins(c.Title, c.Number) {
		return c.Title
	}
	return c.Number + " " + c.Title
}

// begins reports whether a title begins with a number, not with a longer one.
func begins(title, number string) bool {
	rest, ok := strings.CutPrefix(title, number)
	next, _ := utf8.DecodeRuneInString(rest)
	return ok && !unicode.IsLetter(next) && !unicode.IsDigit(next)
}
