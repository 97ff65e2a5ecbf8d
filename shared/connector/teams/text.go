package teams

import (
	"regexp"
	"strings"

	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/markup/chat"
)

const (
	// breaker is U+200B: it cannot be seen, and no sign means anything behind it.
	breaker = "\u200b"
	// hardSpace is U+00A0: clients show several of them, where they show several
	// usual spaces as one.
	hardSpace = "\u00a0"
)

// function is what cards replace by a date in the reader's language, in text runs
// too (https://learn.microsoft.com/adaptive-cards/authoring-cards/text-features).
var function = regexp.MustCompile(`(?i)\{(\{(?:DATE|TIME)\()`)

// disarm makes a text mean nothing but itself in a text run.
func disarm(text string) string {
	return function.ReplaceAllString(chat.Plain{}.Text(text), "{"+breaker+"$1")
}

// maxNotice is how long the text of a notification is, maxChanges that of the
// line of changes, in code points.
const (
	maxNotice  = 200
	maxChanges = 500
)

// notice is the text for notifications, and for clients that cannot draw a card.
// Those read it as Markdown, others show it as it is: it has no backslashes, and
// links in it are broken up.
func notice(text string) string {
	text = strings.ReplaceAll(cutLine(text, maxNotice), "](", "]"+breaker+"(")

	return disarm(text)
}

// cutLine is a text of at most max code points.
func cutLine(text string, max int) string { return markup.Cut(text, max, "…") }

// count is a text's length in code points.
func count(text string) int { return markup.Count(text) }

// address finds what a reader reads as an address.
var address = regexp.MustCompile(`(?i)://|\bwww\.`)

// showsAddress reports whether a text seems to lead somewhere by itself.
func showsAddress(text string) bool { return address.MatchString(text) }

// spaces are several spaces, or those at the beginning of a line.
var spaces = regexp.MustCompile(`^ +|  +`)

// code is a line of code: its indentation and its columns stay.
func code(line string) string {
	line = strings.ReplaceAll(line, "\t", "    ")
	line = spaces.ReplaceAllStringFunc(line, func(found string) string {
		return strings.Repeat(hardSpace, len(found))
	})
	if line == "" {
		return hardSpace // a line without text would not be there
	}

	return line
}
