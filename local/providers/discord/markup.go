package discord

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"example.com/integrations/local/providers/chat"
)

// mentioned are users, roles, and everyone. A backslash in front changes only what the
// client shows: the server still mentions them.
var mentioned = regexp.MustCompile(`<@!?([0-9]{15,20})>|<@&([0-9]{15,20})>|@(everyone|here)`)

// A mention is a text that can notify people.
type mention struct{ text, kind, id string }

func mentions(text string) []mention {
	var all []mention
	for _, groups := range mentioned.FindAllStringSubmatch(uncoded(text), -1) {
		switch {
		case groups[1] != "":
			all = append(all, mention{groups[0], "users", groups[1]})
		case groups[2] != "":
			all = append(all, mention{groups[0], "roles", groups[2]})
		default:
			all = append(all, mention{groups[0], "everyone", ""})
		}
	}

	return all
}

// rings reports whether a mention notifies. Without allowed_mentions a bot's
// message notifies all that it names, that of a webhook only users
// (https://discord.com/developers/docs/resources/message#allowed-mentions-object).
func (c content) rings(m mention) bool {
	if c.Allowed == nil {
		return !c.Webhook || m.kind == "users"
	}
	return slices.Contains(c.Allowed.Parse, m.kind) || m.kind == "users" && slices.Contains(c.Allowed.Users, m.id) || m.kind == "roles" && slices.Contains(c.Allowed.Roles, m.id)
}

// pings reports whether a mention of a kind notifies.
func (c content) pings(kind string) bool {
	return slices.ContainsFunc(mentions(c.Content), func(m mention) bool { return m.kind == kind && c.rings(m) })
}

// link reads a masked link at the start of a text: [label](address), or
// [label](<address>), perhaps with a title behind the address.
func link(rest string) (chat.MaskedLink, bool) {
	if !strings.HasPrefix(rest, "[") {
		return chat.MaskedLink{}, false
	}

	depth := 0
	end := -1
	for i := 0; i < len(rest) && end < 0; i++ {
		switch rest[i] {
		case '\\':
			i++
		case '[':
			depth++
		case ']':
			if depth--; depth == 0 {
				end = i
			}
		}
	}

	if end < 0 || !strings.HasPrefix(rest[end+1:], "(") {
		return chat.MaskedLink{}, false
	}

	inner, _, closed := strings.Cut(rest[end+2:], ")")
	if !closed || strings.Contains(inner, "\n") {
		return chat.MaskedLink{}, false
	}

	address, _, _ := strings.Cut(strings.TrimSpace(inner), " ")
	address = strings.TrimSuffix(strings.TrimPrefix(address, "<"), ">")
	if !strings.HasPrefix(address, "http://") && !strings.HasPrefix(address, "https://") {
		return chat.MaskedLink{}, false
	}

	return chat.MaskedLink{Label: rest[1:end], Address: address, Length: end + 3 + len(inner)}, true
}

// links finds all masked links outside code.
func links(text string) []chat.MaskedLink { return chat.MaskedLinks(uncoded(text), link) }

// hazards lists mentions that notify, and links whose text hides the address. Our
// callers send masked links only as the one link of a digest's line, whose text is the
// number of the item.
func (c content) hazards() []string {
	var all []string
	for _, m := range mentions(c.Content) {
		if c.rings(m) {
			all = append(all, fmt.Sprintf("content: %s notifies %s", m.text, m.kind))
		}
	}

	for _, l := range links(c.Content) {
		all = append(all, fmt.Sprintf("content: [%s](%s) hides where it leads", l.Label, l.Address))
	}

	for i, e := range c.Embeds {
		for name, text := range e.texts() {
			for _, l := range hidden(text, c.digest() && name == "description") {
				all = append(all, fmt.Sprintf("embeds.%d.%s: [%s](%s) hides where it leads", i, name, l.Label, l.Address))
			}
		}
	}

	slices.Sort(all)

	return all
}

// texts are the texts of an embed that can contain markup.
func (e embed) texts() map[string]string {
	texts := map[string]string{"title": e.Title, "description": e.Description}
	for i, f := range e.Fields {
		texts[fmt.Sprintf("fields.%d.name", i)], texts[fmt.Sprintf("fields.%d.value", i)] = f.Name, f.Value
	}
	return texts
}

// hidden are the masked links of a text that our callers must not send.
func hidden(text string, digest bool) []chat.MaskedLink {
	var all []chat.MaskedLink
	for line := range strings.SplitSeq(uncoded(text), "\n") {
		if !digest || !isDigestLine(line) {
			all = append(all, links(line)...)
		}
	}

	return all
}

var (
	shownURL = regexp.MustCompile(`^<?(https?://[^\s<>]+[^\s<>.,:;"'\])])>?`)
	tagged   = regexp.MustCompile(`^<(@!?[0-9]+|@&[0-9]+|#[0-9]+|/[^<>\n]+:[0-9]+|t:-?[0-9]+(:[tTdDfFR])?|a?:\w+:[0-9]+|id:\w+)>`)
)

// markdown is Discord's markup, for drawing.
var markdown = chat.Markup{
	Signs: []chat.Sign{
		{Text: "**", Style: chat.Bold}, {Text: "__", Style: chat.Underline}, {Text: "~~", Style: chat.Strike},
		{Text: "*", Style: chat.Italic}, {Text: "_", Style: chat.Italic},
	},
	Backslash: true, Headings: true, Lists: true, Languages: true,
	Special: func(rest string) (chat.Span, int) {
		if l, ok := link(rest); ok {
			return chat.Span{Text: unescaped(l.Label), Link: l.Address}, l.Length
		}

		if found := tagged.FindString(rest); found != "" {
			return chat.Span{Text: found, Mention: true}, len(found)
		}

		for _, word := range []string{"@everyone", "@here"} {
			if strings.HasPrefix(rest, word) {
				return chat.Span{Text: word, Mention: true}, len(word)
			}
		}

		if groups := shownURL.FindStringSubmatch(rest); groups != nil {
			return chat.Span{Text: groups[1], Link: groups[1]}, len(groups[0])
		}

		return chat.Span{}, 0
	},
}

var escape = regexp.MustCompile(`\\([!-/:-@\[-\x60{-~])`)

// unescaped is a text without the backslashes of its escapes.
func unescaped(text string) string { return escape.ReplaceAllString(text, "$1") }
