package message

import (
	"fmt"
	"strings"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
)

// State is the item's state in a word: open, closed or deleted.
func State(c connector.Content) string {
	switch {
	case c.Deleted:
		return "deleted"
	case c.State == domain.Closed:
		return "closed"
	}

	return "open"
}

// Sign is an emoji for the state.
func Sign(c connector.Content) string {
	return map[string]string{"open": "🟢", "closed": "✅", "deleted": "🗑️"}[State(c)]
}

// separator stands between the parts of a line.
const separator = " · "

// Standing is the header line of a message: state, status and priority, such as
// "open · in review · priority: urgent". A status that repeats the state is left
// out.
func Standing(c connector.Content) string {
	parts := []string{State(c)}
	if status := c.Facts.Status; status != "" && !strings.EqualFold(status, State(c)) {
		parts = append(parts, status)
	}

	if c.Facts.Priority != "" {
		parts = append(parts, "priority: "+c.Facts.Priority)
	}

	return strings.Join(parts, separator)
}

// Facts are the facts of an item that are not in its header line, in the order in
// which a message shows them. Those that the item lacks are left out. The values
// are plain text of one line.
func Facts(c connector.Content) []domain.Fact {
	all := c.Facts.Named()
	if labels := labelList(c.Labels); labels != "" {
		all = append(all, domain.Fact{Name: "Labels", Value: labels})
	}

	if c.ChangedBy != "" {
		all = append(all, domain.Fact{Name: markup.ChangedBy, Value: c.ChangedBy})
	}

	return all
}

// Details are Facts in one line, "" if there are none.
func Details(c connector.Content) string {
	var parts []string
	for _, fact := range Facts(c) {
		parts = append(parts, fact.Name+": "+fact.Value)
	}

	return strings.Join(parts, separator)
}

// shownLabels is how many labels a message names.
const shownLabels = 5

// labelList names the first labels and says how many others there are.
func labelList(labels []string) string {
	text := strings.Join(labels[:min(len(labels), shownLabels)], ", ")
	if more := len(labels) - shownLabels; more > 0 {
		text += fmt.Sprintf(" +%d", more)
	}

	return text
}

// Line is the item in one line, for a notification: number, title, and what has
// changed, or how the item stands if nothing has.
func Line(c connector.Content) string {
	says := Sentence(c)
	if says == "" {
		says = Standing(c)
	}

	return Heading(c) + " — " + says
}
