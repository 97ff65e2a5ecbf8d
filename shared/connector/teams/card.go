package teams

import (
	"strings"

	"integrations/shared/connector"
	"integrations/shared/connector/message"
	"integrations/shared/markup/chat"
)

const (
	// maxCard bounds a card's JSON, in bytes: Teams takes about 28 KB for the
	// whole message as it is posted.
	maxCard = 20_000
	// maxURL is the longest address a card leads to, maxLinks that of all in a
	// digest together.
	maxURL   = 2048
	maxLinks = 8000
)

// A card is an Adaptive Card (https://adaptivecards.io/explorer). Item text
// stands in text runs only, which are shown as they are; there is never a
// member that would make a mention of anything.
type card struct {
	Schema  string   `json:"$schema"`
	Type    string   `json:"type"`
	Version string   `json:"version"`
	Body    []line   `json:"body"`
	Actions []action `json:"actions,omitempty"`
}

// A line is a RichTextBlock.
type line struct {
	Type    string `json:"type"`
	Spacing string `json:"spacing,omitempty"`
	Inlines []run  `json:"inlines"`
}

// A run is a TextRun.
type run struct {
	Type   string  `json:"type"`
	Text   string  `json:"text"`
	Weight string  `json:"weight,omitempty"`
	Size   string  `json:"size,omitempty"`
	Color  string  `json:"color,omitempty"`
	Subtle bool    `json:"isSubtle,omitempty"`
	Italic bool    `json:"italic,omitempty"`
	Strike bool    `json:"strikethrough,omitempty"`
	Select *action `json:"selectAction,omitempty"`
}

// An action opens an address, http or https.
type action struct {
	Type  string `json:"type"`
	Title string `json:"title,omitempty"`
	URL   string `json:"url"`
}

func newCard(body []line) card {
	return card{Schema: "http://adaptivecards.io/schemas/adaptive-card.json", Type: "AdaptiveCard", Version: "1.4", Body: body}
}

// runs is a line of text, disarmed.
func runs(spacing string, inlines ...run) line {
	for i := range inlines {
		inlines[i].Type, inlines[i].Text = "TextRun", chat.Plain{}.Text(inlines[i].Text)
	}
	return line{Type: "RichTextBlock", Spacing: spacing, Inlines: inlines}
}

// open is the action that leads to an item, nil if there is none.
func open(c connector.Content) *action {
	if c.URL == "" || len(c.URL) > maxURL {
		return nil
	}
	return &action{Type: "Action.OpenUrl", URL: c.URL}
}

// colors are those of the state's word.
var colors = map[string]string{"open": "good", "closed": "accent", "deleted": "attention"}

// compose shows an item. What is too much of it is cut, the excerpt first.
func compose(c connector.Content, m connector.Marker) card {
	standing := []run{{Text: message.Standing(c), Color: colors[message.State(c)]}}
	if details := message.Details(c); details != "" {
		standing = append(standing, run{Text: " · " + details, Subtle: true})
	}
	body := []line{
		runs("", run{Text: message.Heading(c), Weight: "bolder", Size: "medium", Strike: c.Deleted, Select: open(c)}),
		runs("small", standing...),
	}
	if changes := message.Sentence(c); changes != "" {
		body = append(body, runs("small", run{Text: changes, Italic: true}))
	}
	made, excerpt := newCard(body), excerpt(c.Body)
	if to := open(c); to != nil {
		to.Title = "Open"
		made.Actions = []action{*to}
	}
	for {
		made.Body = append(append(body[:len(body):len(body)], excerpt...), sign(m))
		if len(excerpt) == 0 || len(encode(made)) <= maxCard {
			return made
		}
		excerpt = excerpt[:len(excerpt)-1]
	}
}

// excerpt has a block for each line, for a line break within one is not shown
// everywhere.
func excerpt(text string) []line {
	var lines []line
	spacing := "medium"
	for one := range strings.SplitSeq(text, "\n") {
		if one == "" {
			spacing = "medium"
			continue
		}
		lines = append(lines, runs(spacing, run{Text: one}))
		spacing = "none"
	}
	return lines
}

// sign is the marker, by which people can tell a message that came twice.
func sign(m connector.Marker) line {
	return runs("medium", run{Text: "sync " + message.Key(m), Size: "small", Subtle: true})
}

// composeDigest sums items up.
func composeDigest(d connector.Digest, m connector.Marker) card {
	body := []line{runs("", run{Text: message.Totals(d), Weight: "bolder", Size: "medium"})}
	links := 0
	for i, c := range message.Shown(d) {
		to := open(c)
		if links += len(c.URL); links > maxLinks {
			to = nil
		}
		spacing := "small"
		if i == 0 {
			spacing = "medium"
		}
		body = append(body, runs(spacing,
			run{Text: "• "}, run{Text: message.Heading(c), Strike: c.Deleted, Select: to},
			run{Text: " — "}, run{Text: message.State(c), Color: colors[message.State(c)]}))
	}
	if more := message.More(d); more != "" {
		body = append(body, runs("small", run{Text: more, Subtle: true}))
	}
	return newCard(append(body, sign(m)))
}
