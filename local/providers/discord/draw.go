package discord

import (
	"encoding/json"

	"example.com/integrations/local/providers/chat"
)

// draw shows a message: its content and its embeds.
func draw(wire json.RawMessage) chat.Picture {
	var held content
	_ = json.Unmarshal(wire, &held) // it was written by us
	p := chat.Picture{Blocks: markdown.Blocks(held.Content)}
	for _, e := range held.Embeds {
		p.Cards = append(p.Cards, e.draw())
	}

	return p
}

func (e embed) draw() chat.Card {
	card := chat.Card{}
	if e.Color != nil {
		card.Color = chat.Hex(*e.Color)
	}

	if e.Author != nil {
		card.Blocks = append(card.Blocks, chat.Block{Kind: chat.Small, Spans: []chat.Span{{Text: e.Author.Name, Link: e.Author.URL}}})
	}

	if e.Title != "" {
		spans := markdown.Inline(e.Title)
		for i := range spans {
			if e.URL != "" {
				spans[i].Link = e.URL
			}
		}

		card.Blocks = append(card.Blocks, chat.Block{Kind: chat.Heading, Spans: spans})
	}

	card.Blocks = append(card.Blocks, markdown.Blocks(e.Description)...)
	card.Blocks = append(card.Blocks, e.rows()...)
	if e.Footer != nil {
		card.Blocks = append(card.Blocks, chat.Block{Kind: chat.Small, Spans: chat.Plain(e.Footer.Text), Apart: true})
	}

	return card
}

// rows are the embed's fields: inline ones beside each other, others alone.
func (e embed) rows() []chat.Block {
	var rows []chat.Block
	open := false // whether the last row takes another inline field
	for _, f := range e.Fields {
		if !open || !f.Inline {
			rows = append(rows, chat.Block{Kind: chat.Fields})
		}

		last := &rows[len(rows)-1]
		last.Fields = append(last.Fields, chat.Field{Name: markdown.Inline(f.Name), Value: markdown.Inline(f.Value)})
		open = f.Inline
	}

	return rows
}
