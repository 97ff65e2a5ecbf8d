package slack

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// The numbers of attachments: Slack asks for no more than 20 and refuses more than
// 100 (https://docs.slack.dev/messaging/formatting-message-text#attachments).
const (
	goodAttachments = 20
	maxAttachments  = 100
)

// color is a color that Slack accepts for the bar.
var color = regexp.MustCompile(`^(good|warning|danger|#[0-9A-Fa-f]{6})$`)

// judgeForm refuses blocks and attachments that Slack would refuse. What Slack accepts
// and our callers must not send is a violation.
func (s *Server) judgeForm(where string, made content) object {
	j := &judge{ids: map[string]bool{}, interactive: s.config.Interactive}
	if refused := j.blocks("/blocks", made.Blocks); refused != nil {
		return refused
	}

	code := "invalid_attachments"
	if len(j.errors) > 0 {
		code = "invalid_blocks"
	}

	if refused := j.attachments(made.Attachments); refused != nil {
		return refused
	}

	for _, what := range j.hazards {
		s.Violation("%s: %s", where, what)
	}

	if len(j.errors) > 0 {
		messages := []string{}
		for _, text := range j.errors {
			messages = append(messages, "[ERROR] "+text)
		}
		return object{"ok": false, "error": code, "errors": j.errors, "response_metadata": object{"messages": messages}}
	}

	if j.size > maxAll {
		return fail("msg_blocks_too_long")
	}

	return nil
}

// blocks judges a list of blocks, and returns a refusal if it is not a list.
func (j *judge) blocks(at string, raw json.RawMessage) object {
	if raw == nil {
		return nil
	}

	var blocks []json.RawMessage
	if json.Unmarshal(raw, &blocks) != nil {
		return fail("invalid_blocks_format")
	}

	if len(blocks) > maxBlocks {
		j.error(at, "no more than %d items allowed", maxBlocks)
	}

	for i, one := range blocks {
		j.block(fmt.Sprintf("%s/%d", at, i), one)
	}

	var compact bytes.Buffer
	_ = json.Compact(&compact, raw) // it was read above
	j.size += utf8.RuneCount(compact.Bytes())

	return nil
}

// attachments judges the attachments of a message. One with blocks may have a color
// and a fallback, and none of the older members
// (https://github.com/slack-go/slack/pull/588,
// https://github.com/slackapi/bolt-js/issues/717).
func (j *judge) attachments(raw json.RawMessage) object {
	if raw == nil {
		return nil
	}

	var all []map[string]json.RawMessage
	switch err := json.Unmarshal(raw, &all); {
	case err != nil, slices.ContainsFunc(all, func(one map[string]json.RawMessage) bool { return one == nil }):
		return fail("invalid_attachments")
	case len(all) > maxAttachments:
		return fail("too_many_attachments")
	case len(all) > goodAttachments:
		j.hazards = append(j.hazards, fmt.Sprintf("%d attachments: Slack asks for no more than %d", len(all), goodAttachments))
	}

	for i, one := range all {
		at := fmt.Sprintf("/attachments/%d", i)
		if one["blocks"] == nil {
			j.hazards = append(j.hazards, at+": an attachment without blocks is mrkdwn of the old form")
			continue
		}

		if refused := j.attachment(at, one); refused != nil {
			return refused
		}
	}

	return nil
}

func (j *judge) attachment(at string, members map[string]json.RawMessage) object {
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !slices.Contains([]string{"blocks", "color", "fallback"}, name) {
			j.error(at+"/"+name, "invalid additional property: %s", name)
		}
	}

	if given, ok := members["color"]; ok {
		if text, _ := j.string(at+"/color", given, 7); !color.MatchString(text) {
			j.error(at+"/color", "must be a color")
		}
	}

	given, ok := members["fallback"]
	if !ok {
		j.hazards = append(j.hazards, at+": without a fallback Slack shows [no preview available]")
	} else if text, good := j.string(at+"/fallback", given, cutText); good {
		for _, what := range hazards(text) {
			j.hazards = append(j.hazards, at+"/fallback: "+what)
		}
	}

	if refused := j.blocks(at+"/blocks", members["blocks"]); refused != nil {
		return fail("invalid_attachments")
	}

	if string(members["blocks"]) == "[]" {
		j.error(at+"/blocks", "no fewer than 1 items allowed")
	}

	return nil
}

// shownAttachments are the attachments of a message as Slack returns them: each with
// a number, and the color without #.
func shownAttachments(raw json.RawMessage) []map[string]any {
	var all []map[string]any
	_ = json.Unmarshal(raw, &all) // they were judged
	for i, one := range all {
		one["id"] = i + 1
		if text, ok := one["color"].(string); ok {
			one["color"] = strings.TrimPrefix(text, "#")
		}

		if one["fallback"] == nil {
			one["fallback"] = "[no preview available]"
		}
	}

	return all
}
