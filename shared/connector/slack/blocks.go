package slack

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"unicode/utf8"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/message"
	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/markup/chat"
	"example.com/integrations/shared/markup/document"
)

// Limits, in code points. Slack publishes no limit for all blocks together. It
// refuses more than about 13,300 characters and counts more than the texts
// (https://github.com/slackapi/bolt-js/issues/2509,
// https://github.com/slackapi/bolt-js/issues/2867), so the JSON is counted here.
const (
	maxText    = 4000   // of the text for notifications, and of a message without blocks
	maxLinked  = 3000   // of a link in it, with its address
	maxContext = 2000   // of small print
	maxChanges = 1000   // of what has changed
	maxLink    = 2000   // of an address
	maxWire    = 12_000 // of the JSON of all blocks
)

// A block is a part of a message
// (https://docs.slack.dev/reference/block-kit/blocks).
type block struct {
	Type      string    `json:"type"`
	Elements  []element `json:"elements,omitempty"`
	Text      *element  `json:"text,omitempty"`      // of a section
	Accessory *button   `json:"accessory,omitempty"` // of a section
}

// A button opens an address. A client that opens it also asks the app for an answer
// (https://docs.slack.dev/reference/block-kit/block-elements/button-element).
type button struct {
	Type     string  `json:"type"`
	Text     element `json:"text"`
	URL      string  `json:"url"`
	ActionID string  `json:"action_id"`
}

// An element is a part of a block: a text, a link, or a part of a rich text that
// has elements itself
// (https://docs.slack.dev/reference/block-kit/blocks/rich-text-block). Text in it
// is never markup.
type element struct {
	Type     string    `json:"type"`
	Text     string    `json:"text,omitempty"`
	URL      string    `json:"url,omitempty"`
	Style    any       `json:"style,omitempty"` // a *textStyle, or a list's style
	Elements []element `json:"elements,omitempty"`
	Indent   int       `json:"indent,omitempty"` // of a list, 0 to 8
	Offset   int       `json:"offset,omitempty"` // of an ordered list: its first number less one
	Border   int       `json:"border,omitempty"` // 1 within a quotation
	Emoji    *bool     `json:"emoji,omitempty"`  // of plain_text
}

// A textStyle is how text looks.
type textStyle struct {
	Bold   bool `json:"bold,omitempty"`
	Italic bool `json:"italic,omitempty"`
	Strike bool `json:"strike,omitempty"`
	Code   bool `json:"code,omitempty"`
}

// An attachment is the part of a message beside the coloured bar. An attachment
// with blocks may have no other members than these
// (https://docs.slack.dev/messaging/formatting-message-text#attachments).
type attachment struct {
	Color    string  `json:"color"`
	Fallback string  `json:"fallback"`
	Blocks   []block `json:"blocks"`
}

// A composed message has a line for notifications and for screen readers, and
// what people see.
type composed struct {
	text        string // mrkdwn
	blocks      []block
	attachments []attachment
}

// size is how long the JSON of all blocks is.
func (m composed) size() int {
	n := wire(m.blocks)
	for _, a := range m.attachments {
		n += wire(a.Blocks)
	}
	return n
}

func wire(blocks []block) int {
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(blocks); err != nil {
		panic(err) // strings always marshal
	}

	return utf8.RuneCountInString(out.String())
}

// colors are those of the bar, by state.
var colors = map[string]string{"open": "#2da44e", "closed": "#8250df", "deleted": "#6e7781"}

// compose shows an item. Its title, its standing and what has changed stand at the
// top, where Slack never hides anything; the rest is beside the bar, where a
// client may put it behind "Show more". An excerpt whose structure takes too much
// room is shown as plain text.
func (k core) compose(c connector.Content) composed {
	m := composed{
		text:   fit(disarm.Text(message.Line(c))),
		blocks: []block{richText(section(top(c)))},
	}
	text, cut := message.WithoutRest(c)
	for _, excerpt := range [][]block{rich(text), unstyled(text), nil} {
		m.attachments = k.beside(c, excerpt, cut)
		if m.size() <= maxWire {
			break
		}
	}

	return m
}

// top is the title, the header line and what has changed.
func top(c connector.Content) []element {
	line := title(c)
	line = addText(line, "\n"+message.Sign(c)+" "+message.Standing(c), nil)
	if changes := message.Sentence(c); changes != "" && !c.Deleted {
		line = addText(line, "\n", nil)
		line = addText(line, "Changed:", &textStyle{Bold: true})
		line = addText(line, " "+markup.Cut(changes, maxChanges, "…"), nil)
	}

	return line
}

// title is number and title, which lead to the item. Where the title could be
// read as an address, only the number does: no link may look as if it led
// elsewhere.
func title(c connector.Content) []element {
	heading := message.Heading(c)
	style := &textStyle{Bold: true, Strike: c.Deleted}
	if !linkable(c.URL) {
		return addText(nil, heading, style)
	}

	shown, rest := linkText(c)
	if shown == "" {
		return addText(nil, heading, style)
	}

	return addText([]element{{Type: "link", URL: c.URL, Text: shown, Style: style}}, rest, style)
}

// linkText divides a heading into what may be the text of a link and the rest.
func linkText(c connector.Content) (shown, rest string) {
	heading := message.Heading(c)
	if !hostlike.MatchString(heading) {
		return heading, ""
	}

	rest, ok := strings.CutPrefix(heading, c.Number)
	if ok && !hostlike.MatchString(c.Number) {
		return c.Number, rest
	}

	return "", heading
}

// hostlike finds what a reader could take for an address or for a host's name.
// The dots of other writings count as dots in names of hosts.
var hostlike = regexp.MustCompile(`://|[\pL\pN\pM_-][.。．｡][\pL]|[0-9][.。．｡][0-9]+[.。．｡][0-9]+[.。．｡][0-9]`)

func linkable(address string) bool {
	return address != "" && utf8.RuneCountInString(address) <= maxLink
}

// beside is what stands beside the bar: the excerpt, the facts and the way to open
// the item, which is also the way to the rest of a text that was cut.
func (k core) beside(c connector.Content, excerpt []block, cut bool) []attachment {
	blocks := excerpt[:len(excerpt):len(excerpt)]
	details := message.Details(c)
	if details != "" {
		blocks = append(blocks, context(details))
	}

	if linkable(c.URL) && !c.Deleted {
		what := "Open"
		if cut {
			what = "Read the rest"
		}
		blocks = append(blocks, k.opener(what, c.URL))
	}

	if len(blocks) == 0 {
		return []attachment{}
	}

	if details == "" {
		details = message.Standing(c)
	}

	return []attachment{{Color: colors[message.State(c)], Fallback: fit(disarm.Text(details)), Blocks: blocks}}
}

// opener is a link in a block of its own, or a button beside the name of the host
// that it leads to.
func (k core) opener(what, address string) block {
	if !k.buttons {
		return richText(section(opens(what, address)))
	}

	where := hostOf(address)
	if where == "" {
		where = "On another page"
	}

	text := plainText(where)

	return block{Type: "section", Text: &text, Accessory: &button{Type: "button", Text: plainText(what), URL: address, ActionID: "open"}}
}

// opens is a link that says where it leads. It is no button: a client that opens
// a button's address asks the app for an answer as well, and shows a warning where
// the app has no address for it, as an incoming webhook and most bots
// (https://github.com/slackapi/node-slack-sdk/issues/869).
func opens(what, address string) []element {
	if host := hostOf(address); host != "" {
		what += " on " + host
	}

	return []element{{Type: "link", URL: address, Text: what, Style: &textStyle{Bold: true}}}
}

// maxHost is how long a host's name may be that is shown.
const maxHost = 100

// hostOf is the host of an address in ASCII, "" where it has none that can be shown.
// Names in other writings are shown in punycode, because they can look like another
// name.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}

	host := u.Host
	if utf8.RuneCountInString(host) != len(host) {
		host, err = markup.ASCIIHost(u.Hostname())
		if err != nil {
			return ""
		}
		if port := u.Port(); port != "" {
			host += ":" + port
		}
	}
	if len(host) > maxHost {
		return ""
	}

	return host
}

// context is small print.
func context(line string) block {
	return block{Type: "context", Elements: []element{plainText(markup.Cut(line, maxContext, "…"))}}
}

// plainText is literal: Slack looks for no markup, names or emoji in it.
func plainText(text string) element {
	no := false
	return element{Type: "plain_text", Text: text, Emoji: &no}
}

// unstyled is an excerpt as plain text.
func unstyled(blocks []document.Block) []block {
	text := chat.Render(chat.Plain{}, blocks)
	if text == "" {
		return nil
	}
	return []block{richText(section(addText(nil, text, nil)))}
}

var disarm = chat.Slack{}

// linked is a heading that leads to the item, as mrkdwn. Where no part of it may be
// the text of a link, the address follows.
func linked(c connector.Content) string {
	shown, rest := linkText(c)
	link := "<" + strings.ReplaceAll(c.URL, "&", "&amp;") + "|" + disarm.Text(shown) + ">"
	switch {
	case !linkable(c.URL) || markup.Count(link) > maxLinked:
		return disarm.Text(message.Heading(c))
	case shown == "":
		return disarm.Text(rest) + " " + disarm.Link(c.URL)
	}

	return link + disarm.Text(rest)
}

// whole shows an item without blocks.
func whole(c connector.Content) string {
	all := linked(c)
	for _, part := range []string{
		disarm.Text(message.Sign(c) + " " + message.Standing(c)),
		disarm.Text(message.Sentence(c)),
		c.Body,
		disarm.Text(message.Details(c)),
	} {
		if part != "" && markup.Count(all)+markup.Count(part)+2 <= maxText {
			all += "\n" + part
		}
	}

	return all
}

// fit cuts mrkdwn that holds no markup, but never within an escape.
func fit(escaped string) string {
	if markup.Count(escaped) <= maxText {
		return escaped
	}

	kept := markup.Cut(escaped, maxText-1, "")
	if i := strings.LastIndexByte(kept, '&'); i >= 0 && !strings.Contains(kept[i:], ";") {
		kept = kept[:i]
	}

	return kept + "…"
}
