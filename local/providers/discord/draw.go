package discord

import (
	"encoding/json"

	"example.com/integrations/local/providers/picture"
)

// draw shows a message: its content and its embeds.
func draw(wire json.RawMessage) picture.Picture {
	var held content
	_ = json.Unmarshal(wire, &held) // it was written by us
	p := picture.Picture{Blocks: markdown.Blocks(held.Content)}
	for _, e := range held.Embeds {
		p.Cards = append(p.Cards, e.draw())
	}

	return p
}

func (e embed) draw() picture.Card {
	card := picture.Card{}
	if e.Color != nil {
		card.Color = picture.Hex(*e.Color)
	}

	if e.Author != nil {
		card.Blocks = append(card.Blocks, picture.Block{Kind: picture.Small, Spans: []picture.Span{{Text: e.Author.Name, Link: e.Author.URL}}})
	}

	if e.Title != "" {
		spans := markdown.Inline(e.Title)
		for i := range spans {
			if e.URL != "" {
				spans[i].Link = e.URL
			}
		}

		card.Blocks = append(card.Blocks, picture.Block{Kind: picture.Heading, Spans: spans})
	}

	card.Blocks = append(card.Blocks, markdown.Blocks(e.Description)...)
	card.Blocks = append(card.Blocks, e.rows()...)
	if e.Footer != nil {
		card.Blocks = append(card.Blocks, picture.Block{Kind: picture.Small, Spans: picture.Plain(e.Footer.Text), Apart: true})
	}

	return card
}

// rows are the embed's fields: inline ones beside each other, others alone.
func (e embed) rows() []picture.Block {
	var rows []picture.Block
	open := false // whether the last row takes another inline field
	for _, f := range e.Fields {
		if !open || !f.Inline {
			rows = append(rows, picture.Block{Kind: picture.Fields})
		}

		last := &rows[len(rows)-1]
		last.Fields = append(last.Fields, picture.Field{Name: markdown.Inline(f.Name), Value: markdown.Inline(f.Value)})
		open = f.Inline
	}

	return rows
}
