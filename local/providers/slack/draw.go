package slack

import (
	"encoding/json"

	"example.com/integrations/local/providers/picture"
)

// drawn is what is read of a block to draw it.
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

func (d drawnText) spans() []picture.Span {
	if d.Type == "mrkdwn" {
		return mrkdwn.Inline(d.Text)
	}
	return picture.Plain(d.Text)
}

// draw shows a message: its blocks, or else its text, and a card for each
// attachment.
func draw(wire json.RawMessage) picture.Picture {
	var held content
	if json.Unmarshal(wire, &held) != nil {
		return picture.Picture{}
	}

	p := picture.Picture{Blocks: drawBlocks(held.Blocks)}
	if len(p.Blocks) == 0 {
		p.Blocks = mrkdwn.Blocks(held.Text)
	}

	var attachments []struct {
		Color  string          `json:"color"`
		Blocks json.RawMessage `json:"blocks"`
	}
	_ = json.Unmarshal(held.Attachments, &attachments)
	for _, a := range attachments {
		p.Cards = append(p.Cards, picture.Card{Color: cssColor(a.Color), Blocks: drawBlocks(a.Blocks)})
	}

	return p
}

func drawBlocks(raw json.RawMessage) []picture.Block {
	var list []json.RawMessage
	_ = json.Unmarshal(raw, &list)
	var drawn []picture.Block
	for _, one := range list {
		drawn = append(drawn, drawBlock(one)...)
	}

	return drawn
}

// cssColor is an attachment's color, "" if it is none of the page's.
func cssColor(name string) string {
	if named, ok := map[string]string{"good": "#2eb886", "warning": "#daa038", "danger": "#a30200"}[name]; ok {
		return named
	}

	if !color.MatchString(name) {
		return ""
	}

	return name
}

func drawBlock(raw json.RawMessage) []picture.Block {
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
			all = append(all, picture.Block{Kind: picture.Text, Spans: f.spans()})
		}
		return append(apart(all), drawButtons(b.Accessory)...)

	case "header":
		return apart([]picture.Block{{Kind: picture.Heading, Spans: text.spans()}})
	case "context":
		var spans []picture.Span
		for i, e := range b.Elements {
			if i > 0 {
				spans = append(spans, picture.Span{Text: "\u2003"})
			}
			spans = append(spans, e.spans()...)
		}

		return []picture.Block{{Kind: picture.Small, Spans: spans}}

	case "rich_text":
		return apart(drawRich(raw))
	case "divider":
		return []picture.Block{{Kind: picture.Rule}}
	case "image":
		return []picture.Block{{Kind: picture.Small, Spans: []picture.Span{{Text: "image: " + b.Alt, Link: b.URL}}}}
	}

	var actions struct {
		Elements []json.RawMessage `json:"elements"`
	}
	_ = json.Unmarshal(raw, &actions)

	return drawButtons(actions.Elements...)
}

// mrkdwnOr is a text object as blocks: only mrkdwn has more than one.
func mrkdwnOr(text drawnText) []picture.Block {
	switch {
	case text.Text == "":
		return nil
	case text.Type == "mrkdwn":
		return mrkdwn.Blocks(text.Text)
	}

	return []picture.Block{{Kind: picture.Text, Spans: text.spans()}}
}

func apart(blocks []picture.Block) []picture.Block {
	if len(blocks) > 0 {
		blocks[0].Apart = true
	}
	return blocks
}

// drawButtons draws elements as buttons. What has no text is left out.
func drawButtons(elements ...json.RawMessage) []picture.Block {
	buttons := picture.Block{Kind: picture.Buttons}
	for _, raw := range elements {
		var e struct {
			Text drawnText `json:"text"`
			URL  string    `json:"url"`
		}
		if json.Unmarshal(raw, &e) == nil && e.Text.Text != "" {
			buttons.Spans = append(buttons.Spans, picture.Span{Text: e.Text.Text, Link: e.URL})
		}
	}

	if len(buttons.Spans) == 0 {
		return nil
	}

	return []picture.Block{buttons}
}
