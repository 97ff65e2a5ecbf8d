package discord

import (
	"regexp"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/message"
	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/markup/chat"
	"example.com/integrations/shared/markup/document"
)

// Discord's limits. It does not say what it counts: UTF-16 units are the most
// (https://discord.com/developers/docs/resources/message#embed-object-embed-limits).
const (
	maxContent     = 2000
	maxTitle       = 256
	maxDescription = 4096
	maxURL         = 2048
	maxAll         = 6000 // of all texts of an embed together
)

// How the room is shared out. The three lines of the content are at most 1,900
// units together; ten lines of a digest with their addresses are at most 4,050.
const (
	maxHeading  = 500
	maxStanding = 400
	maxChanges  = 1000
	maxBody     = 3000 // of the excerpt; package message makes no larger one
	maxFact     = 300
	// maxInline is the longest value that stands beside others in a row.
	maxInline = 40

	maxLinks        = 1600 // of all addresses in a digest
	maxName         = 110  // of an item's title in a digest
	maxLineStanding = 80   // of how an item in a digest stands
)

// A draft is what a message shows: text and one embed below it. The text is what
// notifications and clients without previews show, so it says by itself which item
// it is, how the item stands and what has changed.
type draft struct {
	embed
	content string
}

// An embed is the card below the text. What is in one mentions nobody and has no
// previews (https://discord.com/developers/docs/resources/message#embed-object).
type embed struct {
	Title       string  `json:"title,omitempty"`
	URL         string  `json:"url,omitempty"`
	Description string  `json:"description,omitempty"`
	Color       int     `json:"color"`
	Fields      []field `json:"fields,omitempty"`
	Footer      *footer `json:"footer,omitempty"`
}

// A field is a named value. Up to three inline ones stand beside each other.
type field struct {
	Name   string `json:"name"`
	Value  string `json:"value"`
	Inline bool   `json:"inline"`
}

type footer struct {
	Text string `json:"text"`
}

// length is what Discord counts of an embed.
func (e embed) length() int {
	n := document.Length(e.Title) + document.Length(e.Description)
	for _, f := range e.Fields {
		n += document.Length(f.Name) + document.Length(f.Value)
	}

	if e.Footer != nil {
		n += document.Length(e.Footer.Text)
	}

	return n
}

// colors are those at the embed's side, by state.
var colors = map[string]int{"open": 0x2da44e, "closed": 0x8250df, "deleted": 0x6e7781}

// compose shows an item.
func compose(c connector.Content, m connector.Marker) draft {
	e := embed{Description: excerpt(c), Color: colors[message.State(c)], Footer: footerOf(m)}
	if address, ok := embedURL(c.URL); ok {
		e.URL = address
	}

	if shown := shownAddress(c.URL); document.Length(e.Description+shown) <= maxDescription {
		e.Description = strings.TrimPrefix(e.Description+shown, "\n")
	}

	e.complete(c)

	return draft{embed: e, content: headline(c)}
}

// headline is the text above the embed: the sign of the state and the title, then
// how the item stands, then what has changed since the last message. The title of
// a deleted item is struck through.
func headline(c connector.Content) string {
	title := "**" + escaped(message.Heading(c), maxHeading) + "**"
	if c.Deleted {
		title = "~~" + title + "~~"
	}

	text := message.Sign(c) + " " + title + "\n" + escaped(message.Standing(c), maxStanding)
	changes := message.Sentence(c)
	if changes != "" && changes != message.State(c) { // the line above says it
		text += "\n↳ " + escaped(changes, maxChanges)
	}

	return text
}

// excerpt is the item's text. It is whole or not there: half of it may lack what
// ends its code, in which links would then lead somewhere.
func excerpt(c connector.Content) string {
	if c.Deleted || document.Length(c.Body) > maxBody {
		return ""
	}

	return c.Body
}

// complete adds what is below the excerpt, as far as there is room, and the title,
// which leads to the item. The title does not repeat the item's: it is in the text
// above, and twice the same line looks like a mistake.
func (e *embed) complete(c connector.Content) {
	if e.URL != "" {
		e.Title = opener(c.Number)
	}

	for _, fact := range message.Facts(c) {
		if c.Deleted && fact.Name != markup.ChangedBy {
			continue // what is gone has no values, but people ask who did it
		}

		value := escaped(fact.Value, maxFact)
		one := field{Name: fact.Name, Value: value, Inline: document.Length(value) <= maxInline}
		if e.length()+document.Length(one.Name+one.Value) <= maxAll {
			e.Fields = append(e.Fields, one)
		}
	}

	// An embed of a footer alone may be refused.
	if e.Title == "" && e.Description == "" && len(e.Fields) == 0 {
		e.Description = "No description."
		if c.Deleted {
			e.Description = "The item was deleted."
		}
	}
}

// label is a number that can be the text of a link: nothing in it looks like an
// address or is markup.
var label = regexp.MustCompile(`^[\pL\pN][\pL\pN#/ -]{0,39}$`)

// opener is the text of the link to an item.
func opener(number string) string {
	if !isLabel(number) {
		return "Open the item"
	}

	return "Open " + number
}

func isLabel(number string) bool {
	return label.MatchString(number) && document.Length(number) <= maxInline
}

// composeDigest sums items up: how many there are in the text, and the most
// important of them in the embed, which leads to all of them.
func composeDigest(d connector.Digest, m connector.Marker) draft {
	e := embed{Description: digestLines(d), Color: colors["open"], Footer: footerOf(m)}
	if address, ok := embedURL(d.URL); ok {
		e.URL = address
	}

	switch {
	case e.URL != "":
		e.Title = "Open all items"
	case e.Description == "":
		e.Description = "No item is named here."
	}

	return draft{embed: e, content: "**" + message.Totals(d) + "**"}
}

// digestLines has a line for each item that a digest names, and one for the rest.
func digestLines(d connector.Digest) string {
	var lines []string
	links := 0
	for _, c := range message.Shown(d) {
		links += len(c.URL)
		linked := c.URL != "" && links <= maxLinks
		name := digestName(c, linked)
		if c.Deleted {
			name = "~~" + name + "~~"
		}

		lines = append(lines, message.Sign(c)+" "+name+" — "+escaped(message.Standing(c), maxLineStanding))
	}

	if more := message.More(d); more != "" {
		lines = append(lines, more)
	}

	return strings.Join(lines, "\n")
}

// digestName is the number and the title of an item. The number is the link: a
// title may look like the address of another place.
func digestName(c connector.Content, linked bool) string {
	heading := message.Heading(c)
	if !linked {
		return escaped(heading, maxName)
	}
	if !isLabel(c.Number) {
		return "[item](" + c.URL + ") " + escaped(heading, maxName)
	}

	title := strings.TrimSpace(strings.TrimPrefix(heading, c.Number))
	if title == "" {
		return "[" + c.Number + "](" + c.URL + ")"
	}

	return "[" + c.Number + "](" + c.URL + ") " + escaped(title, maxName)
}

// escaped is plain text as Markdown in which no address is a link, cut before it
// is escaped.
func escaped(text string, max int) string {
	for room, suffix := max, ""; ; room, suffix = room*3/4, "…" {
		if s := dead(markup.Cut(text, room, suffix)); document.Length(s) <= max {
			return s
		}
	}
}

// dead disarms text. Addresses are broken up by an invisible character: Discord
// would make a preview of one in the text of a message.
func dead(text string) string {
	return strings.ReplaceAll((chat.Discord{}).Text(text), "://", ":"+breaker+"//")
}

// breaker is U+200B, a space without width.
const breaker = "\u200b"

// footerOf names the sender and, for Find, the attempt that posted the message.
func footerOf(m connector.Marker) *footer { return &footer{Text: footerBegin + message.Code(m)} }

const footerBegin = "Integrations · "

// codesOf finds the codes of markers in a message, at most MostMarkers of them.
func codesOf(p posted) []string {
	var found []string
	for _, e := range p.Embeds {
		if e.Footer == nil || len(found) == connector.MostMarkers {
			continue
		}

		code, begins := strings.CutPrefix(e.Footer.Text, footerBegin)
		if begins && message.IsCode(code) {
			found = append(found, code)
		}
	}

	return found
}
