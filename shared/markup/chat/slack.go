package chat

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"example.com/integrations/shared/markup/document"
)

// Slack is mrkdwn (https://docs.slack.dev/messaging/formatting-message-text).
// Three signs have an escape, and without them there is no mention, no command
// and no link. The others have none: an invisible character keeps them from
// being a style.
type Slack struct{}

var slackEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// broadcast is what Slack would make a mention of were a message parsed in
// full, which ours never ask for.
var broadcast = regexp.MustCompile(`(?i)@(here|channel|everyone)`)

// Text escapes text.
func (Slack) Text(text string) string {
	text = broadcast.ReplaceAllString(text, "@"+breaker+"$1")
	return slackEscape.Replace(unstyled(text, "*_~`"))
}

// Link shows the address.
func (Slack) Link(address string) string { return "<" + slackEscape.Replace(address) + ">" }

func (Slack) style(s document.Span, text string) string {
	return within(text, signs(s, "*", "_", "~")...)
}

func (s Slack) code(text string) string {
	if strings.Contains(text, "`") {
		return s.Text(text)
	}
	return "`" + raw(text) + "`"
}

func (Slack) block(text, _ string) string { return "```\n" + raw(ticks(text)) + "\n```" }

// raw is text in which nothing is styled.
func raw(text string) string {
	return slackEscape.Replace(broadcast.ReplaceAllString(text, "@"+breaker+"$1"))
}

// start: Slack quotes a line that begins with an escaped sign too.
func (Slack) start(line string) string {
	if strings.HasPrefix(strings.TrimLeft(line, " "), "&gt;") {
		return breaker + line
	}
	return line
}

func (Slack) quote() string { return "> " }

// unstyled puts a breaker behind each sign that could begin or end a style: one
// with letters or digits on both sides is within a word, and does neither.
func unstyled(text, signs string) string {
	if !strings.ContainsAny(text, signs) {
		return text
	}

	var out strings.Builder
	for i := range len(text) {
		out.WriteByte(text[i])
		if strings.IndexByte(signs, text[i]) >= 0 && !(wordEnds(text[:i]) && wordBegins(text[i+1:])) {
			out.WriteString(breaker)
		}
	}

	return out.String()
}

func wordEnds(text string) bool {
	r, _ := utf8.DecodeLastRuneInString(text)
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

func wordBegins(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}
