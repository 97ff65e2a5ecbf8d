package teams

import (
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/message"
	"example.com/integrations/shared/markup/chat"
)

const (
	// maxButtons is how many buttons stand in one set: Teams shows at most six
	// (https://learn.microsoft.com/microsoftteams/platform/task-modules-and-cards/cards/cards-format).
	maxButtons = 5
	// maxButton is the longest title of a button, in code points.
	maxButton = 20
	// maxLinks is the most that the addresses in a digest may take, in bytes.
	maxLinks = 4000
)

// composeDigest sums items up: the totals, then the items, each with a button. What
// is too much is left out, the last item first.
func composeDigest(d connector.Digest, m connector.Marker) card {
	shown := message.Shown(d)
	for n := len(shown); ; n-- {
		d.First = shown[:n]
		made := digestCard(d, m)
		if n == 0 || size(made) <= maxCard {
			return made
		}
	}
}

func digestCard(d connector.Digest, m connector.Marker) card {
	totals := message.Totals(d)
	made := newCard(notice(totals))
	all, _ := chat.Address(d.URL)
	made.Actions = buttons(open("All items", all))

	title := element{Type: container, ID: markerID(m), Items: []element{line("", run{Text: totals, Weight: bold, Size: "medium"})}}
	links := openingsOf(d.First)
	made.Body = []element{title}
	for i, c := range d.First {
		made.Body = append(made.Body, entry(c, links.areas[i], i == 0))
	}

	if more := message.More(d); more != "" {
		made.Body = append(made.Body, line("small", run{Text: more, Subtle: true}))
	}

	made.Body = append(made.Body, links.sets()...)

	return made
}

// entry is an item of a digest: number and title, and how it stands. All of it
// leads to the item.
func entry(c connector.Content, to *action, first bool) element {
	state := message.State(c)
	text := []run{
		{Text: message.Sign(c) + " "},
		{Text: message.Heading(c), Weight: bold, Strike: c.Deleted},
		{Text: " — "},
		{Text: state, Weight: bold, Color: colors[state]},
	}
	if rest := strings.TrimPrefix(message.Standing(c), state); rest != "" {
		text = append(text, run{Text: rest})
	}

	made := element{Type: container, Spacing: "small", Select: to, Items: []element{line("", text...)}}
	if first {
		made.Spacing = "medium"
	}

	return made
}

// openings are the ways to open the items of a digest.
type openings struct {
	buttons []action
	areas   []*action // one for each item, nil if its text leads nowhere
}

// openingsOf gives each item a button, and then leads its text there too, for as
// many items as there is room for their addresses.
func openingsOf(items []connector.Content) openings {
	made := openings{areas: make([]*action, len(items))}
	left := maxLinks
	fits := func(to *action) bool {
		if to == nil || len(to.URL) > left {
			return false
		}
		left -= len(to.URL)
		return true
	}

	for _, c := range items {
		if button := open(buttonTitle(c), c.URL); fits(button) {
			made.buttons = append(made.buttons, *button)
		}
	}

	for i, c := range items {
		if to := area(message.Heading(c)+" "+message.Standing(c), c.URL); fits(to) {
			made.areas[i] = to
		}
	}

	return made
}

// buttonTitle names an item on its button.
func buttonTitle(c connector.Content) string {
	title := c.Number
	if title == "" {
		title = message.Heading(c)
	}

	if showsAddress(title) {
		return "Open"
	}

	return disarm(cutLine(title, maxButton))
}

// sets are the buttons, a few in each set.
func (o openings) sets() []element {
	var sets []element
	for list := o.buttons; len(list) > 0; {
		n := min(len(list), maxButtons)
		sets = append(sets, element{Type: actionSet, Spacing: "small", Actions: list[:n]})
		list = list[n:]
	}

	return sets
}
