package slack

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

// parts are the parts of a rich text, with their required and optional members
// (https://docs.slack.dev/reference/block-kit/blocks/rich-text-block).
var parts = map[string]struct{ must, may []string }{
	"rich_text_section":      {must: []string{"elements"}},
	"rich_text_list":         {must: []string{"elements", "style"}, may: []string{"indent", "offset", "border"}},
	"rich_text_preformatted": {must: []string{"elements"}, may: []string{"border"}},
	"rich_text_quote":        {must: []string{"elements"}, may: []string{"border"}},
}

// The largest numbers of a list. Slack publishes only the one of the indent. The limit
// of the offset is ours: no list of people is longer.
const (
	maxIndent = 8
	maxOffset = 100_000
)

func (j *judge) richText(at string, members map[string]json.RawMessage) {
	for i, one := range j.list(at+"/elements", members["elements"], true, 1000) {
		j.part(fmt.Sprintf("%s/elements/%d", at, i), one)
	}
}

func (j *judge) part(at string, raw json.RawMessage) {
	kind := typeOf(raw)
	known, ok := parts[kind]
	if !ok {
		j.error(at+"/type", "unsupported type: %s", kind)
		return
	}

	members, ok := j.members(at, raw, known.must, known.may)
	if !ok {
		return
	}

	j.number(at+"/border", members["border"], 1)

	elements := j.list(at+"/elements", members["elements"], true, 1000)
	if kind == "rich_text_list" {
		j.richList(at, members, elements)
		return
	}

	for i, one := range elements {
		j.inline(fmt.Sprintf("%s/elements/%d", at, i), one, kind == "rich_text_preformatted")
	}
}

// richList is a list: its items are sections, never lists.
func (j *judge) richList(at string, members map[string]json.RawMessage, items []json.RawMessage) {
	if style := string(members["style"]); style != `"bullet"` && style != `"ordered"` {
		j.error(at+"/style", "must be a valid enum value")
	}

	j.number(at+"/indent", members["indent"], maxIndent)
	j.number(at+"/offset", members["offset"], maxOffset)
	for i, one := range items {
		where := fmt.Sprintf("%s/elements/%d", at, i)
		if kind := typeOf(one); kind != "rich_text_section" {
			j.error(where+"/type", "unsupported type: %s", kind)
			continue
		}

		j.part(where, one)
	}
}

func (j *judge) number(at string, raw json.RawMessage, most int) {
	if raw == nil {
		return
	}

	var n int
	if json.Unmarshal(raw, &n) != nil || string(raw) == "null" || n < 0 || n > most {
		j.error(at, "must be a number from 0 to %d", most)
	}
}

// speaking are the elements of a rich text that mention people, or show something that
// the text of an item cannot contain. Slack accepts them. Our callers must not send
// them.
var speaking = []string{
	"attachment_mention", "broadcast", "canvas", "canvas_message_unfurl", "canvas_user_mention", "channel", "citation", "color", "date", "emoji", "file",
	"list_record", "message_mention", "salesforce_data_field", "tag", "team", "user", "usergroup", "work_object_mention", "workflow_mention",
}

// inline is an element of a line: text or a link.
func (j *judge) inline(at string, raw json.RawMessage, preformatted bool) {
	may := []string{"style"}
	if preformatted {
		may = nil
	}

	switch kind := typeOf(raw); {
	case kind == "text":
		if members, ok := j.members(at, raw, []string{"text"}, may); ok {
			j.string(at+"/text", members["text"], maxRichText)
			j.style(at+"/style", members["style"])
		}

	case kind == "link":
		if members, ok := j.members(at, raw, []string{"url"}, append(may, "text", "unsafe")); ok {
			j.link(at, members)
			j.style(at+"/style", members["style"])
		}

	case slices.Contains(speaking, kind) && !preformatted:
		j.hazards = append(j.hazards, at+": an element "+kind+" is more than text")
	default:
		j.error(at+"/type", "unsupported type: %s", kind)
	}
}

// maxRichText is the longest text. Slack does not publish it: it is the one of a section.
const maxRichText = 3000

func (j *judge) link(at string, members map[string]json.RawMessage) {
	j.address(at+"/url", members["url"])
	given, ok := members["text"]
	if !ok {
		return
	}

	text, _ := j.string(at+"/text", given, maxRichText)
	var address string
	_ = json.Unmarshal(members["url"], &address)
	if host := hidden(text, address); host != "" {
		j.hazards = append(j.hazards, fmt.Sprintf("%s: the link's text names %s, and it leads to %s", at, host, address))
	}
}

func (j *judge) style(at string, raw json.RawMessage) {
	if raw == nil {
		return
	}

	members, ok := j.members(at, raw, nil, []string{"bold", "italic", "strike", "code", "underline"})
	if !ok {
		return
	}

	for name, given := range members {
		if string(given) != "true" && string(given) != "false" {
			j.error(at+"/"+name, "must be a boolean")
		}
	}
}

// hosts finds names of hosts in a text: words with dots between them, the last one of
// letters, or numbers as in an IP address.
var hosts = regexp.MustCompile(`(?:[\pL\pN\pM_-]+[.。．｡])+(?:[\pL][\pL\pN\pM-]*)|[0-9]{1,3}(?:[.。．｡][0-9]{1,3}){3}`)

var dots = strings.NewReplacer("。", ".", "．", ".", "｡", ".")

// hidden is a host that the text of a link names although the link leads to another
// one, "" if there is none. A text that is the address hides nothing.
func hidden(text, address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}

	if bare := strings.TrimSuffix(address, "/"); strings.TrimSuffix(text, "/") == bare || u.Scheme+"://"+strings.TrimSuffix(text, "/") == bare {
		return ""
	}

	for _, one := range hosts.FindAllString(text, -1) {
		if !strings.EqualFold(dots.Replace(one), u.Hostname()) {
			return one
		}
	}

	return ""
}
