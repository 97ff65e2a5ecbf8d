package teams

import (
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/message"
)

// cardVersion is the lowest version that has every element below: a client that
// is older shows the fallback text only. Teams on phones documents no more than
// 1.2 (https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-reference).
const cardVersion = "1.2"

// A card is an Adaptive Card (https://adaptivecards.io/explorer). Item text
// stands in text runs only, which show it as it is: every other text of a card is
// read as Markdown, the facts of a FactSet too.
type card struct {
	Schema       string    `json:"$schema"`
	Type         string    `json:"type"`
	Version      string    `json:"version"`
	FallbackText string    `json:"fallbackText"`
	Teams        teamsOnly `json:"msteams"`
	Body         []element `json:"body"`
	Actions      []action  `json:"actions,omitempty"`
}

// teamsOnly is what Teams adds to cards. Entities, which would make mentions, are
// never there.
type teamsOnly struct {
	Width string `json:"width"`
}

// The elements that a card is made of.
const (
	richText  = "RichTextBlock"
	container = "Container"
	columnSet = "ColumnSet"
	column    = "Column"
	actionSet = "ActionSet"
)

// An element is a part of a card. Which members count is up to its type.
type element struct {
	Type      string    `json:"type"`
	ID        string    `json:"id,omitempty"`
	Style     string    `json:"style,omitempty"` // container
	Width     string    `json:"width,omitempty"` // column
	Spacing   string    `json:"spacing,omitempty"`
	Separator bool      `json:"separator,omitempty"`
	Select    *action   `json:"selectAction,omitempty"` // container
	Inlines   []run     `json:"inlines,omitempty"`      // richText
	Items     []element `json:"items,omitempty"`        // container, column
	Columns   []element `json:"columns,omitempty"`      // columnSet
	Actions   []action  `json:"actions,omitempty"`      // actionSet
}

// A run is a TextRun.
type run struct {
	Type   string  `json:"type"`
	Text   string  `json:"text"`
	Weight string  `json:"weight,omitempty"`
	Size   string  `json:"size,omitempty"`
	Color  string  `json:"color,omitempty"`
	Font   string  `json:"fontType,omitempty"`
	Subtle bool    `json:"isSubtle,omitempty"`
	Italic bool    `json:"italic,omitempty"`
	Strike bool    `json:"strikethrough,omitempty"`
	Select *action `json:"selectAction,omitempty"`
}

// The values that several runs have.
const (
	bold      = "bolder"
	monospace = "monospace"
)

// An action opens an address, http or https.
type action struct {
	Type  string `json:"type"`
	Title string `json:"title,omitempty"`
	URL   string `json:"url"`
}

// line is a RichTextBlock, which shows one line of text. Its texts are disarmed.
func line(spacing string, inlines ...run) element {
	for i := range inlines {
		inlines[i].Type = "TextRun"
		inlines[i].Text = disarm(inlines[i].Text)
	}

	return element{Type: richText, Spacing: spacing, Inlines: inlines}
}

// newCard is a card without its body. The notice is shown in its place where a
// client cannot draw it.
func newCard(notice string) card {
	return card{
		Schema:       "http://adaptivecards.io/schemas/adaptive-card.json",
		Type:         "AdaptiveCard",
		Version:      cardVersion,
		FallbackText: notice,
		Teams:        teamsOnly{Width: "Full"},
	}
}

// maxURL is the longest address that a card leads to, in bytes.
const maxURL = 2048

// open is the action that leads to an address, nil if there is none or it is too
// long.
func open(title, url string) *action {
	if url == "" || len(url) > maxURL {
		return nil
	}
	return &action{Type: "Action.OpenUrl", Title: title, URL: url}
}

// buttons are the actions that there are.
func buttons(actions ...*action) []action {
	var list []action
	for _, one := range actions {
		if one != nil {
			list = append(list, *one)
		}
	}

	return list
}

// compose shows an item: first its number and title, then how it stands and what
// has changed, then its text, its facts and the way to open it. What is too much
// of the text is cut.
func compose(c connector.Content, m connector.Marker) card {
	made := newCard(notice(message.Line(c)))
	made.Actions = buttons(open("Open", c.URL))

	head := []element{heading(c, m), line("small", standing(c)...)}
	if changes := message.Sentence(c); changes != "" {
		head = append(head, line("small", run{Text: cutLine(changes, maxChanges), Weight: bold}))
	}

	excerpt := blocks(text(c), place{})
	facts := factRows(c)

	cut := false
	for {
		made.Body = join(head, excerpt, cutMark(cut), facts)
		if len(excerpt) == 0 || size(made) <= maxCard {
			return made
		}

		excerpt = shorten(excerpt)
		cut = true
	}
}

// heading is number and title, which lead to the item. The marker is the name of
// the element: readers do not see it, and it distinguishes a message from its copy.
func heading(c connector.Content, m connector.Marker) element {
	title := run{Text: message.Heading(c), Weight: bold, Size: "medium", Strike: c.Deleted}

	return element{Type: container, ID: markerID(m), Select: area(message.Heading(c), c.URL), Items: []element{line("", title)}}
}

// markerID is a marker as the name of an element, in letters, digits and hyphens:
// some clients make names of their own of it.
func markerID(m connector.Marker) string {
	return "sync-" + strings.ReplaceAll(message.Key(m), "/", "-")
}

// area is what a click on a piece of text does. A text that shows an address
// leads nowhere, since it would seem to lead to that one; the button is there.
func area(text, url string) *action {
	if showsAddress(text) {
		return nil
	}
	return open("", url)
}

// colors are those of the state's word.
var colors = map[string]string{"open": "good", "closed": "accent", "deleted": "attention"}

// standing is the header line: state, status and priority, the state in color.
func standing(c connector.Content) []run {
	state := message.State(c)
	runs := []run{{Text: message.Sign(c) + " " + state, Weight: bold, Color: colors[state]}}
	if rest := strings.TrimPrefix(message.Standing(c), state); rest != "" {
		runs = append(runs, run{Text: rest})
	}

	return runs
}

// wideFact is how long a fact may be to share a line with another one, in code
// points.
const wideFact = 40

// factRows are the facts, two in a line where both are short.
func factRows(c connector.Content) []element {
	var rows []element
	var left *element
	add := func(row element) {
		row.Spacing = "none"
		if len(rows) == 0 {
			row.Spacing = "medium"
		}
		rows = append(rows, row)
	}

	for _, fact := range message.Facts(c) {
		shown := line("", run{Text: fact.Name + ": ", Subtle: true}, run{Text: fact.Value})
		switch short := count(fact.Name+fact.Value) <= wideFact; {
		case short && left == nil:
			left = &shown
		case short:
			add(columns(*left, shown))
			left = nil
		default:
			if left != nil {
				add(*left)
				left = nil
			}
			add(shown)
		}
	}

	if left != nil {
		add(*left)
	}

	return rows
}

// columns puts elements side by side, each in the same share of the width.
func columns(elements ...element) element {
	set := element{Type: columnSet}
	for _, one := range elements {
		set.Columns = append(set.Columns, element{Type: column, Width: "stretch", Items: []element{one}})
	}

	return set
}

// cutMark says that text was cut.
func cutMark(cut bool) []element {
	if !cut {
		return nil
	}
	return []element{line("none", run{Text: cutSign, Subtle: true})}
}

// shorten removes the last line.
func shorten(list []element) []element {
	last := len(list) - 1
	if items := list[last].Items; len(items) > 1 {
		list[last].Items = items[:len(items)-1]
		return list
	}

	return list[:last]
}

// join puts lists behind one another, into a new one.
func join(lists ...[]element) []element {
	var all []element
	for _, list := range lists {
		all = append(all, list...)
	}

	return all
}
