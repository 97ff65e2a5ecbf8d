package slack

import (
	"encoding/json"

	"integrations/local/standin/picture"
)

// drawn is what is read of a block to draw it.
type drawn struct {
	Type     string          `json:"type"`
	Text     json.RawMessage `json:"text"`
	Fields   []drawnText     `json:"fields"`
	Elements []drawnText     `json:"elements"`
	Alt      string          `json:"alt_text"`
	URL      string          `json:"image_url"`
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

// draw shows a message: its blocks, or else its text.
func draw(wire json.RawMessage) picture.Picture {
	var held content
	var blocks []json.RawMessage
	if json.Unmarshal(wire, &held) != nil || json.Unmarshal(held.Blocks, &blocks) != nil || len(blocks) == 0 {
		return picture.Picture{Blocks: mrkdwn.Blocks(held.Text)}
	}
	var p picture.Picture
	for _, raw := range blocks {
		p.Blocks = append(p.Blocks, drawBlock(raw)...)
	}
	return p
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
		return apart(all)
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
	case "divider":
		return []picture.Block{{Kind: picture.Rule}}
	case "image":
		return []picture.Block{{Kind: picture.Small, Spans: []picture.Span{{Text: "image: " + b.Alt, Link: b.URL}}}}
	}
	return drawButtons(raw)
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

func drawButtons(raw json.RawMessage) []picture.Block {
	var b struct {
		Elements []struct {
			Text drawnText `json:"text"`
			URL  string    `json:"url"`
		} `json:"elements"`
	}
	if json.Unmarshal(raw, &b) != nil || len(b.Elements) == 0 {
		return nil
	}
	buttons := picture.Block{Kind: picture.Buttons}
	for _, e := range b.Elements {
		buttons.Spans = append(buttons.Spans, picture.Span{Text: e.Text.Text, Link: e.URL})
	}
	return []picture.Block{buttons}
}
