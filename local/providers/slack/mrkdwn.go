package slack

import (
	"fmt"
	"regexp"
	"strings"

	"example.com/integrations/local/providers/chat"
)

// A token is the part between angle brackets, which are never text in mrkdwn
// (https://docs.slack.dev/messaging/formatting-message-text).
type token struct {
	inner string // between the brackets
	from  int    // position of the opening one
}

// tokens finds all tokens. An opening bracket that is never closed is text for Slack,
// and counts as loose.
func tokens(text string) (found []token, loose int) {
	for from := 0; ; {
		at := strings.IndexByte(text[from:], '<')
		if at < 0 {
			return found, loose
		}

		at += from
		end := strings.IndexAny(text[at+1:], "<>\n")
		if end < 0 || text[at+1+end] != '>' {
			loose++
			from = at + 1
			continue
		}

		found = append(found, token{inner: text[at+1 : at+1+end], from: at})
		from = at + end + 2
	}
}

// address is the address of a link token, label the text that people see.
func (t token) address() (address, label string) {
	address, label, labelled := strings.Cut(t.inner, "|")
	if !labelled {
		label = address
	}
	return address, label
}

// mention says what a token mentions or does, "" if it is a link.
func (t token) mention() string {
	for sign, what := range map[string]string{"!subteam": "a user group", "@": "a user", "#": "a channel", "!": "everybody, or a date or command"} {
		if strings.HasPrefix(t.inner, sign) && !(sign == "!" && strings.HasPrefix(t.inner, "!subteam")) {
			return what
		}
	}
	return ""
}

// entity is an escape of Slack. Every other & in a text is an error.
var entity = regexp.MustCompile(`&(amp|lt|gt);`)

// hazards lists the parts of mrkdwn that do more than show text: mentions, and links
// to other places than web pages. Signs that are not escaped as Slack requires are
// listed too, because with other neighbours they would be markup.
func hazards(text string) []string {
	var all []string
	found, loose := tokens(text)
	for _, t := range found {
		address, label := t.address()
		lower := strings.ToLower(address)
		switch what := t.mention(); {
		case what != "":
			all = append(all, fmt.Sprintf("<%s> mentions %s", t.inner, what))
		case !strings.HasPrefix(lower, "https://") && !strings.HasPrefix(lower, "http://"):
			all = append(all, fmt.Sprintf("<%s> is a link that is none to a web page", t.inner))
		case hidden(unescape.Replace(label), unescape.Replace(address)) != "":
			all = append(all, fmt.Sprintf("<%s> is a link whose text names another host", t.inner))
		}
	}

	if loose > 0 {
		all = append(all, fmt.Sprintf("%d signs < are not escaped", loose))
	}

	if n := strings.Count(text, "&") - len(entity.FindAllString(text, -1)); n > 0 {
		all = append(all, fmt.Sprintf("%d signs & are not escaped", n))
	}

	return all
}

var unescape = strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&")

// mrkdwn is Slack's markup, for drawing.
var mrkdwn = chat.Markup{
	Signs: []chat.Sign{{Text: "*", Style: chat.Bold}, {Text: "_", Style: chat.Italic}, {Text: "~", Style: chat.Strike}},
	Plain: unescape.Replace,
	Special: func(rest string) (chat.Span, int) {
		if rest[0] != '<' {
			return chat.Span{}, 0
		}

		found, _ := tokens(rest)
		if len(found) == 0 || found[0].from != 0 {
			return chat.Span{}, 0
		}

		address, label := found[0].address()
		span := chat.Span{Text: unescape.Replace(label), Link: unescape.Replace(address)}
		if found[0].mention() != "" {
			span = chat.Span{Text: unescape.Replace(label), Mention: true}
		}

		return span, len(found[0].inner) + 2
	},
}
