package slack

import (
	"strings"

	"integrations/shared/connector"
	"integrations/shared/connector/message"
	"integrations/shared/markup"
	"integrations/shared/markup/chat"
)

// Slack's limits, in code points. All blocks together may have about 13,200.
const (
	maxText    = 4000
	maxSection = 3000
	maxBlocks  = 13_000
	maxContext = 2000
)

// A block is a part of a message
// (https://docs.slack.dev/reference/block-kit/blocks).
type block struct {
	Type     string `json:"type"`
	Text     *text  `json:"text,omitempty"`
	Elements []text `json:"elements,omitempty"`
}

// A text is literal, or mrkdwn. Verbatim keeps Slack from looking for names and
// addresses in mrkdwn; no emoji, for their names in literal text.
type text struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Verbatim *bool  `json:"verbatim,omitempty"`
	Emoji    *bool  `json:"emoji,omitempty"`
}

func plain(content string) text {
	no := false
	return text{Type: "plain_text", Text: content, Emoji: &no}
}

func mrkdwn(content string) text {
	yes := true
	return text{Type: "mrkdwn", Text: content, Verbatim: &yes}
}

func section(t text) block { return block{Type: "section", Text: &t} }

// context is small print.
func context(lines ...string) block {
	b := block{Type: "context"}
	for _, line := range lines {
		if line != "" {
			b.Elements = append(b.Elements, plain(markup.Cut(line, maxContext, "…")))
		}
	}
	return b
}

var disarm = chat.Slack{}

// linked is a heading that leads to the item, as mrkdwn.
func linked(c connector.Content) (string, bool) {
	link := "<" + strings.ReplaceAll(c.URL, "&", "&amp;") + "|" + disarm.Text(message.Heading(c)) + ">"
	return link, c.URL != "" && markup.Count(link) <= maxSection-100
}

// compose shows an item: as blocks, and as a line for notifications and for
// those who see no blocks.
func compose(c connector.Content) ([]block, string) {
	title := section(plain(message.Heading(c)))
	if link, ok := linked(c); ok {
		sign := "*"
		if c.Deleted {
			sign = "~"
		}
		title = section(mrkdwn(sign + link + sign))
	}
	blocks := []block{title, context(message.Sign(c)+" "+message.Standing(c), message.Details(c), message.Sentence(c))}
	if c.Body != "" {
		blocks = append(blocks, section(mrkdwn(markup.Cut(c.Body, maxSection, "…"))))
	}
	line := message.Heading(c) + " — " + message.State(c)
	if changes := message.Sentence(c); changes != "" {
		line = message.Heading(c) + " — " + changes
	}
	return blocks, fit(disarm.Text(line))
}

// whole shows an item without blocks.
func whole(c connector.Content) string {
	title, ok := linked(c)
	if !ok {
		title = disarm.Text(message.Heading(c))
	}
	all := title
	for _, part := range []string{disarm.Text(message.Sign(c) + " " + message.Standing(c)), disarm.Text(message.Details(c)), disarm.Text(message.Sentence(c)), c.Body} {
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

// composeDigest sums items up.
func composeDigest(d connector.Digest) ([]block, string) {
	totals := message.Totals(d)
	blocks := []block{section(mrkdwn("*" + disarm.Text(totals) + "*"))}
	used, lines := 0, ""
	for _, c := range message.Shown(d) {
		line := disarm.Text(message.Heading(c))
		if link, ok := linked(c); ok && used+markup.Count(link) < maxBlocks-maxSection {
			line = link
		}
		line = "• " + line + " — " + message.State(c)
		if used += markup.Count(line); markup.Count(lines)+markup.Count(line)+1 > maxSection {
			blocks, lines = append(blocks, section(mrkdwn(lines))), ""
		}
		lines = strings.TrimPrefix(lines+"\n"+line, "\n")
	}
	if lines != "" {
		blocks = append(blocks, section(mrkdwn(lines)))
	}
	if more := message.More(d); more != "" {
		blocks = append(blocks, context(more))
	}
	return blocks, disarm.Text(totals)
}
