package slack

import (
	"encoding/json"

	"example.com/integrations/local/providers/chat"
)

// drawn are the members of a block that are drawn.
type drawn struct {
	Type      string          `json:"type"`
	Text      json.RawMessage `json:"text"`
	Fields    []drawnText     `json:"fields"`
	Elements  []drawnText     `json:"elements"`
	Accessory json.RawMessage `json:"accessory"`
	Alt       string          `json:"alt_text"`
	URL       string          `json:"image_url"`
}

type drawnText struct {
	Type string `json:"type"`
	Text string `json:"-"`
}

// UnmarshalJSON leaves out a text that is an object: a button's.
func (d *drawnText) UnmarshalJSON(b []byte) error {
	var read struct {
		Type string          `json:"type"`
		Text json.RawMessage `json:"text"`
	}
	if err := json.Unmarshal(b, &read); err != nil {
		return err
	}

	d.Type = read.Type
	_ = json.Unmarshal(read.Text, &d.Text)

	return nil
}

func (d drawnText) spans() []chat.Span {
	if d.Type == "mrkdwn" {
		return mrkdwn.Inline(d.Text)
	}
	return chat.Plain(d.Text)
}

// draw shows a message: its blocks, or else its text, and a card for each
// attachment.
func draw(wire json.RawMessage) chat.Picture {
	var held content
	if json.Unmarshal(wire, &held) != nil {
		return chat.Picture{}
	}

	p := chat.Picture{Blocks: drawBlocks(held.Blocks)}
	if len(p.Blocks) == 0 {
		p.Blocks = mrkdwn.Blocks(held.Text)
	}

	var attachments []struct {
		Color  string          `json:"color"`
		Blocks json.RawMessage `json:"blocks"`
	}
	_ = json.Unmarshal(held.Attachments, &attachments)
	for _, a := range attachments {
		p.Cards = append(p.Cards, chat.Card{Color: cssColor(a.Color), Blocks: drawBlocks(a.Blocks)})
	}

	return p
}

func drawBlocks(raw json.RawMessage) []chat.Block {
	var list []json.RawMessage
	_ = json.Unmarshal(raw, &list)
	var drawn []chat.Block
	for _, one := range list {
		drawn = append(drawn, drawBlock(one)...)
	}

	return drawn
}

// cssColor is the color of an attachment in CSS, "" if it is not valid.
func cssColor(name string) string {
	if named, ok := map[string]string{"good": "#2eb886", "warning": "#daa038", "danger": "#a30200"}[name]; ok {
		return named
	}

	if !color.MatchString(name) {
		return ""
	}

	return name
}

func drawBlock(raw json.RawMessage) []chat.Block {
	var b drawn
	if json.Unmarshal(raw, &b) != nil {
		return nil
	}

	var text drawnText
	_ = json.Unmarshal(b.Text, &text)
	switch b.Type {
	case "section":
		all := mrkdwnOr(text)
		for _, f := range b.Fields {
			all = append(all, chat.Block{Kind: chat.Text, Spans: f.spans()})
		}
		return append(apart(all), drawButtons(b.Accessory)...)

	case "header":
		return apart([]chat.Block{{Kind: chat.Heading, Spans: text.spans()}})
	case "context":
		var spans []chat.Span
		for i, e := range b.Elements {
			if i > 0 {
				spans = append(spans, chat.Span{Text: "\u2003"})
			}
			spans = append(spans, e.spans()...)
		}

		return []chat.Block{{Kind: chat.Small, Spans: spans}}

	case "rich_text":
		return apart(drawRich(raw))
	case "divider":
		return []chat.Block{{Kind: chat.Rule}}
	case "image":
		return []chat.Block{{Kind: chat.Small, Spans: []chat.Span{{Text: "image: " + b.Alt, Link: b.URL}}}}
	}

	var actions struct {
		Elements []json.RawMessage `json:"elements"`
	}
	_ = json.Unmarshal(raw, &actions)

	return drawButtons(actions.Elements...)
}

// mrkdwnOr is a text object as blocks: only mrkdwn has more than one.
func mrkdwnOr(text drawnText) []chat.Block {
	switch {
	case text.Text == "":
		return nil
	case text.Type == "mrkdwn":
		return mrkdwn.Blocks(text.Text)
	}

	return []chat.Block{{Kind: chat.Text, Spans: text.spans()}}
}

func apart(blocks []chat.Block) []chat.Block {
	if len(blocks) > 0 {
		blocks[0].Apart = true
	}
	return blocks
}

// drawButtons draws elements as buttons. Elements without a text are left out.
func drawButtons(elements ...json.RawMessage) []chat.Block {
	buttons := chat.Block{Kind: chat.Buttons}
	for _, raw := range elements {
		var e struct {
			Text drawnText `json:"text"`
			URL  string    `json:"url"`
		}
		if json.Unmarshal(raw, &e) == nil && e.Text.Text != "" {
			buttons.Spans = append(buttons.Spans, chat.Span{Text: e.Text.Text, Link: e.URL})
		}
	}

	if len(buttons.Spans) == 0 {
		return nil
	}

	return []chat.Block{buttons}
}
