package message

import (
	"reflect"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/markup/document"
)

// WithoutRest is an item's excerpt without the paragraph that says where the rest of
// a cut text is: the text ends with "…" instead. It is for messages that have a link
// for the rest elsewhere. It reports whether the text was cut.
func WithoutRest(c connector.Content) (blocks []document.Block, cut bool) {
	last := len(c.Blocks) - 1
	if last < 0 || !reflect.DeepEqual(c.Blocks[last], rest(c.URL)[0]) {
		return c.Blocks, false
	}

	return ended(c.Blocks[:last]), true
}

// ended are blocks with "…" at their end.
func ended(blocks []document.Block) []document.Block {
	const end = "…"
	kept := append([]document.Block(nil), blocks...)
	last := len(kept) - 1
	if last < 0 || kept[last].Kind != document.Paragraph {
		return append(kept, document.Plain(end))
	}

	kept[last].Spans = append(append([]document.Span(nil), kept[last].Spans...), document.Span{Text: end})

	return kept
}
