package discord

import (
	"strings"

	"integrations/shared/connector"
	"integrations/shared/connector/message"
	"integrations/shared/markup"
	"integrations/shared/markup/chat"
	"integrations/shared/markup/document"
)

// Discord's limits. It does not say what it counts: UTF-16 units are the most.
const (
	maxTitle       = 256
	maxDescription = 4096
	maxURL         = 2048
	// maxLine bounds the lines of ours above the excerpt, which have what it
	// leaves; maxBody is the most that message makes of an excerpt.
	maxLine = 1000
	maxBody = 3000
	// maxLinks is the room for the addresses in a digest, maxName that for the
	// name of an item in it.
	maxLinks = 1600
	maxName  = 200
)

// An embed is the whole of a message of ours: what is in one mentions nobody and
// has no previews (https://discord.com/developers/docs/resources/message#embed-object).
type embed struct {
	Title       string  `json:"title"`
	URL         string  `json:"url,omitempty"`
	Description string  `json:"description,omitempty"`
	Color       int     `json:"color"`
	Footer      *footer `json:"footer,omitempty"`
}

type footer struct {
	Text string `json:"text"`
}

// colors are those at a message's side, by state.
var colors = map[string]int{"open": 0x2da44e, "closed": 0x8250df, "deleted": 0x6e7781}

// compose shows an item.
func compose(c connector.Content, m connector.Marker) embed {
	title := escaped(message.Heading(c), maxTitle-len("~~~~"))
	if c.Deleted {
		title = "~~" + title + "~~"
	}
	e := embed{Title: title, Description: description(c), Color: colors[message.State(c)], Footer: &footer{Text: footerOf(m)}}
	if address, ok := embedURL(c.URL); ok {
		e.URL = address
	}
	if shown := shownAddress(c.URL); document.Length(e.Description+shown) <= maxDescription {
		e.Description += shown
	}
	return e
}

// description is lines of ours and the excerpt. That is whole or not there: half
// of it may lack what ends its code, in which links would then lead somewhere.
func description(c connector.Content) string {
	body := ""
	if c.Body != "" && document.Length(c.Body) <= maxBody {
		body = "\n\n" + c.Body
	}
	room := min((maxDescription-document.Length(body))/2-1, maxLine)
	text := escaped(message.Standing(c), room)
	if changes := message.Sentence(c); changes != "" {
		text += "\n" + escaped(changes, room)
	}
	return text + body
}

// composeDigest sums items up.
func composeDigest(d connector.Digest, m connector.Marker) embed {
	text, links := "", 0
	for _, c := range message.Shown(d) {
		line := escaped(message.Heading(c), maxName)
		if links += len(c.URL); c.URL != "" && links <= maxLinks {
			line = "[" + line + "](" + c.URL + ")"
		}
		text += "• " + line + " — " + message.State(c) + "\n"
	}
	return embed{
		Title: message.Totals(d), Description: text + message.More(d),
		Color: colors["open"], Footer: &footer{Text: footerOf(m)},
	}
}

// escaped is plain text as Markdown, cut before it is escaped.
func escaped(text string, max int) string {
	for room, suffix := max, ""; ; room, suffix = room*3/4, "…" {
		if s := (chat.Discord{}).Text(markup.Cut(text, room, suffix)); document.Length(s) <= max {
			return s
		}
	}
}

// footerOf is a marker that people see small, and understand as little as they
// need.
func footerOf(m connector.Marker) string { return footerBegin + message.Key(m) }

const footerBegin = "sync "

// markersOf finds the markers in a message.
func markersOf(p posted) []connector.Marker {
	var found []connector.Marker
	for _, e := range p.Embeds {
		if e.Footer == nil {
			continue
		}
		text, begins := strings.CutPrefix(e.Footer.Text, footerBegin)
		if m, ok := message.ParseKey(text); begins && ok {
			found = connector.AddMarker(found, m)
		}
	}

	return found
}
