package slack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"
)

// The limits of blocks (https://docs.slack.dev/reference/block-kit/blocks). The
// last one is not published. A single markdown block may have 13,297 characters
// (https://github.com/slackapi/bolt-js/issues/2509); other blocks count with more
// than their texts (https://github.com/slackapi/bolt-js/issues/2867), so the JSON of
// all blocks is counted.
const (
	maxBlocks = 50
	maxAll    = 13_325
)

// A judge checks blocks.
type judge struct {
	errors, hazards []string
	interactive     bool // the app answers clicks on buttons
	ids             map[string]bool
	size, markdown  int // of the JSON so far, and of the text in markdown blocks
}

// error adds an error in Slack's words, with its place.
func (j *judge) error(at, format string, args ...any) {
	j.errors = append(j.errors, fmt.Sprintf(format, args...)+" [json-pointer:"+at+"]")
}

// members reads an object with required and optional members.
func (j *judge) members(at string, raw json.RawMessage, must, may []string) (map[string]json.RawMessage, bool) {
	var read map[string]json.RawMessage
	if json.Unmarshal(raw, &read) != nil || read == nil {
		j.error(at, "must be an object")
		return nil, false
	}

	before := len(j.errors)
	for _, name := range must {
		if _, ok := read[name]; !ok {
			j.error(at, "missing required field: %s", name)
		}
	}

	for _, name := range slices.Sorted(maps.Keys(read)) {
		if name != "type" && !slices.Contains(must, name) && !slices.Contains(may, name) {
			j.error(at+"/"+name, "invalid additional property: %s", name)
		}
	}

	return read, len(j.errors) == before
}

func typeOf(raw json.RawMessage) string {
	var read struct {
		Type string `json:"type"`
	}
	_ = json.Unmarshal(raw, &read)
	return read.Type
}

// kinds are the blocks of the fake server.
var kinds = map[string]struct {
	must, may []string
	check     func(j *judge, at string, members map[string]json.RawMessage)
}{
	"section":   {may: []string{"text", "fields", "accessory", "expand", "block_id"}, check: (*judge).section},
	"header":    {must: []string{"text"}, may: []string{"block_id"}, check: (*judge).header},
	"context":   {must: []string{"elements"}, may: []string{"block_id"}, check: (*judge).context},
	"divider":   {may: []string{"block_id"}, check: func(*judge, string, map[string]json.RawMessage) {}},
	"actions":   {must: []string{"elements"}, may: []string{"block_id"}, check: (*judge).actions},
	"rich_text": {must: []string{"elements"}, may: []string{"block_id"}, check: (*judge).richText},
	"image":     {must: []string{"alt_text", "image_url"}, may: []string{"title", "block_id"}, check: (*judge).image},
	"markdown": {must: []string{"text"}, may: []string{"block_id"}, check: func(j *judge, at string, members map[string]json.RawMessage) {
		text, _ := j.string(at+"/text", members["text"], 12_000)
		if j.markdown += utf8.RuneCountInString(text); j.markdown > 12_000 {
			j.error(at+"/text", "must be less than 12001 characters")
		}
		j.hazards = append(j.hazards, at+": what is markdown here can mention and hide links: use mrkdwn, escaped")
	}},
}

func (j *judge) block(at string, raw json.RawMessage) {
	kind, ok := kinds[typeOf(raw)]
	if !ok {
		j.error(at+"/type", "unsupported type: %s", typeOf(raw))
		return
	}

	members, ok := j.members(at, raw, kind.must, kind.may)
	if !ok {
		return
	}

	if given, ok := members["block_id"]; ok {
		id, _ := j.string(at+"/block_id", given, 255)
		if j.ids[id] {
			j.error(at+"/block_id", "block_id already exists")
		}
		j.ids[id] = true
	}

	kind.check(j, at, members)
}

func (j *judge) section(at string, members map[string]json.RawMessage) {
	text, hasText := members["text"]
	fields, hasFields := members["fields"]
	if !hasText && !hasFields {
		j.error(at, "missing required field: text or fields")
	}

	if hasText {
		j.text(at+"/text", text, 3000, "")
	}

	for i, field := range j.list(at+"/fields", fields, hasFields, 10) {
		j.text(fmt.Sprintf("%s/fields/%d", at, i), field, 2000, "")
	}

	if accessory, ok := members["accessory"]; ok {
		j.element(at+"/accessory", accessory)
	}
}

func (j *judge) header(at string, members map[string]json.RawMessage) {
	j.text(at+"/text", members["text"], 150, "plain_text")
}

func (j *judge) context(at string, members map[string]json.RawMessage) {
	for i, one := range j.list(at+"/elements", members["elements"], true, 10) {
		where := fmt.Sprintf("%s/elements/%d", at, i)
		if typeOf(one) == "image" {
			j.element(where, one)
		} else {
			j.text(where, one, 3000, "")
		}
	}
}

func (j *judge) actions(at string, members map[string]json.RawMessage) {
	for i, one := range j.list(at+"/elements", members["elements"], true, 25) {
		j.element(fmt.Sprintf("%s/elements/%d", at, i), one)
	}
}

func (j *judge) image(at string, members map[string]json.RawMessage) {
	j.address(at+"/image_url", members["image_url"])
	_, _ = j.string(at+"/alt_text", members["alt_text"], 2000)
	if title, ok := members["title"]; ok {
		j.text(at+"/title", title, 2000, "plain_text")
	}
}

// element is a button or an image.
func (j *judge) element(at string, raw json.RawMessage) {
	switch typeOf(raw) {
	case "image":
		if members, ok := j.members(at, raw, []string{"alt_text", "image_url"}, nil); ok {
			j.image(at, members)
		}
	case "button":
		if !j.interactive {
			j.hazards = append(j.hazards, at+": a button, also one with a url, asks the app for an answer; clients show a warning where the app gives none")
		}

		members, ok := j.members(at, raw, []string{"text"}, []string{"action_id", "url", "value", "style", "accessibility_label"})
		if !ok {
			return
		}

		j.text(at+"/text", members["text"], 75, "plain_text")
		for name, max := range map[string]int{"action_id": 255, "value": 2000, "accessibility_label": 75} {
			if given, ok := members[name]; ok {
				_, _ = j.string(at+"/"+name, given, max)
			}
		}

		if given, ok := members["url"]; ok {
			j.address(at+"/url", given)
		}

		if style, ok := members["style"]; ok && string(style) != `"primary"` && string(style) != `"danger"` {
			j.error(at+"/style", "must be a valid enum value")
		}

	default:
		j.error(at+"/type", "unsupported type: %s", typeOf(raw))
	}
}

// text is a text object, of a kind if one is given.
func (j *judge) text(at string, raw json.RawMessage, max int, kind string) {
	is := typeOf(raw)
	may := map[string][]string{"plain_text": {"emoji"}, "mrkdwn": {"verbatim"}}
	if may[is] == nil || kind != "" && is != kind {
		j.error(at+"/type", "must be a valid enum value")
		return
	}

	members, ok := j.members(at, raw, []string{"text"}, may[is])
	if !ok {
		return
	}

	for _, name := range may[is] {
		if given, ok := members[name]; ok && string(given) != "true" && string(given) != "false" {
			j.error(at+"/"+name, "must be a boolean")
		}
	}

	text, ok := j.string(at+"/text", members["text"], max)
	if !ok || is != "mrkdwn" {
		return
	}

	for _, what := range hazards(text) {
		j.hazards = append(j.hazards, at+": "+what)
	}
}

// string is a text that is not empty.
func (j *judge) string(at string, raw json.RawMessage, max int) (string, bool) {
	var text string
	if bytes.HasPrefix(raw, []byte("null")) || json.Unmarshal(raw, &text) != nil {
		j.error(at, "must be a string")
		return "", false
	}

	n := utf8.RuneCountInString(text)
	switch {
	case n == 0:
		j.error(at, "must be more than 0 characters")
	case n > max:
		j.error(at, "must be less than %d characters", max+1)
	}

	return text, n > 0 && n <= max
}

func (j *judge) address(at string, raw json.RawMessage) {
	text, ok := j.string(at, raw, 3000)
	read, err := url.Parse(text)
	if ok && (err != nil || read.Host == "" || read.Scheme != "http" && read.Scheme != "https" || strings.ContainsAny(text, " \n")) {
		j.error(at, "must be a valid URL")
	}
}

func (j *judge) list(at string, raw json.RawMessage, there bool, max int) []json.RawMessage {
	if !there {
		return nil
	}

	var all []json.RawMessage
	switch err := json.Unmarshal(raw, &all); {
	case err != nil:
		j.error(at, "must be an array")
	case len(all) == 0:
		j.error(at, "no fewer than 1 items allowed")
	case len(all) > max:
		j.error(at, "no more than %d items allowed", max)
	}

	return all
}
