package discord

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// suppressEmbeds is the flag that hides all embeds of a message
// (https://discord.com/developers/docs/resources/message#message-object-message-flags).
const suppressEmbeds = 1 << 2

// looks lists what Discord accepts and people should not see: a message without a text
// for notifications, an unwanted preview, text that the client shows as a mention or a
// command, and text for machines.
func (c content) looks() []string {
	var all []string
	if c.Content == "" {
		all = append(all, "content: it is blank, so notifications show nothing")
	}

	if len(c.Embeds) > 0 && c.Flags&suppressEmbeds != 0 {
		all = append(all, "flags: the embeds are hidden")
	}

	for _, address := range unfolded(c.Content) {
		all = append(all, fmt.Sprintf("content: %s gets a preview", address))
	}

	all = append(all, alive("content", c.Content)...)

	for i, e := range c.Embeds {
		at := fmt.Sprintf("embeds.%d.", i)
		texts := e.texts()
		for _, name := range slices.Sorted(maps.Keys(texts)) {
			all = append(all, alive(at+name, texts[name])...)
		}

		if e.URL != "" && addressLike.MatchString(e.Title) {
			all = append(all, fmt.Sprintf("%stitle: %q looks like an address and leads to %s", at, e.Title, e.URL))
		}

		if e.Footer != nil && machine.MatchString(e.Footer.Text) {
			all = append(all, fmt.Sprintf("%sfooter: %q is text for machines", at, e.Footer.Text))
		}
	}

	return all
}

var (
	// found is an address as Discord finds one in text. One in angle brackets gets
	// no preview.
	found     = regexp.MustCompile(`(?i)https?://[^\s<>]+`)
	bracketed = regexp.MustCompile(`(?i)<https?://[^\s<>]+>`)
	// invitation is an address that Discord draws as a button to join a server.
	invitation = regexp.MustCompile(`(?i)discord(?:\.gg|(?:app)?\.com/invite)/[\w-]+`)
	// drawn is what the client draws as a mention, a command, a time or an emoji.
	drawn = regexp.MustCompile(`(?i)<(?:@[!&]?[0-9]+|#[0-9]+|/[^<>\n]+:[0-9]+|t:-?[0-9]+(?::[tTdDfFR])?|a?:\w+:[0-9]+|id:\w+)>|@(?:everyone|here)`)
	// addressLike is text that looks like the address of a place.
	addressLike = regexp.MustCompile(`(?i)://|[\pL\pN-]\.\pL{2,}`)
	// machine is a long number or a path of numbers, as in a marker.
	machine = regexp.MustCompile(`[0-9]{12,}|[0-9]+/[0-9]+/[0-9]+`)
)

// unfolded are the addresses in a message's text that get a preview.
func unfolded(text string) []string {
	return found.FindAllString(bracketed.ReplaceAllString(uncoded(text), " "), -1)
}

// alive lists the parts of a text that the client shows as more than text.
func alive(name, text string) []string {
	var all []string
	text = uncoded(text)
	for _, one := range drawn.FindAllString(text, -1) {
		all = append(all, fmt.Sprintf("%s: %s is drawn as more than text", name, one))
	}

	for _, one := range invitation.FindAllString(text, -1) {
		all = append(all, fmt.Sprintf("%s: %s is an invitation", name, one))
	}

	return all
}

// embedMembers and fieldMembers are the members that Discord reads of an embed and
// of its fields (https://discord.com/developers/docs/resources/message#embed-object).
var (
	embedMembers = []string{"title", "type", "description", "url", "timestamp", "color", "footer", "image", "thumbnail", "author", "fields"}
	fieldMembers = []string{"name", "value", "inline"}
)

// unread lists the members of a body's embeds that Discord does not read.
func unread(body []byte) []string {
	var given struct {
		Embeds []map[string]json.RawMessage `json:"embeds"`
	}
	_ = json.Unmarshal(body, &given) // it was read before

	var all []string
	for i, e := range given.Embeds {
		at := fmt.Sprintf("embeds.%d", i)
		all = append(all, others(at, e, embedMembers)...)

		var fields []map[string]json.RawMessage
		_ = json.Unmarshal(e["fields"], &fields) // so was this
		for n, f := range fields {
			all = append(all, others(fmt.Sprintf("%s.fields.%d", at, n), f, fieldMembers)...)
		}
	}

	return all
}

func others(at string, given map[string]json.RawMessage, known []string) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if !slices.Contains(known, name) {
			all = append(all, fmt.Sprintf("%s: Discord reads no member %q here", at, name))
		}
	}

	return all
}

// digest reports whether a message is a digest: its text counts items.
func (c content) digest() bool { return digestText.MatchString(c.Content) }

// A digest has a line for each item. The link's text is the item's number or a
// word: a title could look like another address.
var (
	digestText = regexp.MustCompile(`^\*\*[0-9]+ items?: [0-9]+ (new|changed|closed|reopened)[^\n]*\*\*$`)
	digestLine = regexp.MustCompile(`^\S+ (?:~~)?\[([^\[\]]+)\]\(https?://[^\s()]+\).* — (?:open|closed|deleted)(?: · .*)?$`)
	digestName = regexp.MustCompile(`^[\pL\pN][\pL\pN#/ -]*$`)
)

// isDigestLine reports whether a line has the one link that it may have.
func isDigestLine(line string) bool {
	groups := digestLine.FindStringSubmatch(line)
	return groups != nil && len(links(line)) == 1 && digestName.MatchString(groups[1])
}
