package slack

import (
	"encoding/json"
	"strconv"
	"strings"

	"example.com/integrations/local/providers/chat"
)

// A richPart is a part of a rich text, with the members that are drawn.
type richPart struct {
	Type     string          `json:"type"`
	Elements []richPart      `json:"elements"`
	Style    json.RawMessage `json:"style"`
	Text     string          `json:"text"`
	URL      string          `json:"url"`
	Indent   int             `json:"indent"`
	Offset   int             `json:"offset"`
	Border   int             `json:"border"`
}

// drawRich draws a rich text, a block for each of its parts and items.
func drawRich(raw json.RawMessage) []chat.Block {
	var text richPart
	if json.Unmarshal(raw, &text) != nil {
		return nil
	}

	var blocks []chat.Block
	for _, part := range text.Elements {
		switch part.Type {
		case "rich_text_list":
			blocks = append(blocks, part.items()...)
		case "rich_text_preformatted":
			blocks = append(blocks, chat.Block{Kind: chat.Code, Spans: part.spans()})
		case "rich_text_quote":
			blocks = append(blocks, chat.Block{Kind: chat.Quote, Spans: part.spans()})
		default:
			blocks = append(blocks, chat.Block{Kind: chat.Text, Spans: part.spans()})
		}
	}

	return blocks
}

// items are the items of a list, each behind its mark.
func (p richPart) items() []chat.Block {
	kind := chat.Item
	if p.Border > 0 {
		kind = chat.Quote
	}

	var blocks []chat.Block
	for i, item := range p.Elements {
		mark := []string{"• ", "◦ ", "▪ "}[min(max(p.Indent, 0), 6)%3]
		if string(p.Style) == `"ordered"` {
			mark = strconv.Itoa(p.Offset+i+1) + ". "
		}

		mark = strings.Repeat("\u2003", min(max(p.Indent, 0), maxIndent)) + mark
		blocks = append(blocks, chat.Block{Kind: kind, Spans: append(chat.Plain(mark), item.spans()...)})
	}

	return blocks
}

// spans are the elements of a line. Elements that are neither text nor links are drawn
// as mentions.
func (p richPart) spans() []chat.Span {
	var spans []chat.Span
	for _, e := range p.Elements {
		var style struct{ Bold, Italic, Strike, Code, Underline bool }
		_ = json.Unmarshal(e.Style, &style)
		span := chat.Span{Text: e.Text, Bold: style.Bold, Italic: style.Italic, Strike: style.Strike, Code: style.Code, Underline: style.Underline}
		switch e.Type {
		case "text":
		case "link":
			span.Link = e.URL
			if span.Text == "" {
				span.Text = e.URL
			}

		default:
			span.Text = e.Type
			span.Mention = true
		}

		spans = append(spans, span)
	}

	return spans
}
