package teams

import (
	"encoding/json"
	"regexp"
	"strings"

	"example.com/integrations/local/providers/chat"
)

var maskedLink = regexp.MustCompile(`^\[((?:\\.|[^\[\]\\])*)\]\(([^()\s]+)\)`)

// link reads a masked link at the start of a text.
func link(rest string) (chat.MaskedLink, bool) {
	groups := maskedLink.FindStringSubmatch(rest)
	if groups == nil {
		return chat.MaskedLink{}, false
	}

	return chat.MaskedLink{Label: groups[1], Address: groups[2], Length: len(groups[0])}, true
}

// links finds all masked links of a text in Markdown.
func links(text string) []chat.MaskedLink { return chat.MaskedLinks(text, link) }

// markdown is the Markdown that Teams supports in a TextBlock and in facts: without
// headings, code and quotes.
var markdown = chat.Markup{
	Signs:     []chat.Sign{{Text: "**", Style: chat.Bold}, {Text: "__", Style: chat.Bold}, {Text: "*", Style: chat.Italic}, {Text: "_", Style: chat.Italic}},
	Backslash: true, Lists: true,
	Special: func(rest string) (chat.Span, int) {
		if l, ok := link(rest); ok {
			return chat.Span{Text: l.Label, Link: l.Address}, l.Length
		}
		return chat.Span{}, 0
	},
}

// An element is a part of a card, with the members that are drawn.
type element struct {
	Type      string            `json:"type"`
	Style     string            `json:"style"`
	Spacing   string            `json:"spacing"`
	Separator bool              `json:"separator"`
	Text      string            `json:"text"`
	Weight    string            `json:"weight"`
	Size      string            `json:"size"`
	Color     string            `json:"color"`
	Subtle    bool              `json:"isSubtle"`
	Italic    bool              `json:"italic"`
	Strike    bool              `json:"strikethrough"`
	Underline bool              `json:"underline"`
	FontType  string            `json:"fontType"`
	Select    *action           `json:"selectAction"`
	Inlines   []json.RawMessage `json:"inlines"`
	Facts     []struct {
		Title string `json:"title"`
		Value string `json:"value"`
	} `json:"facts"`
	Items   []element `json:"items"`
	Columns []element `json:"columns"`
	Actions []action  `json:"actions"`
	AltText string    `json:"altText"`
	URL     string    `json:"url"`
}

type action struct {
	Type  string `json:"type"`
	Title string `json:"title"`
	URL   string `json:"url"`
}

// draw shows a card.
func draw(wire json.RawMessage) chat.Picture {
	var root struct {
		Body    []element `json:"body"`
		Actions []action  `json:"actions"`
	}
	if json.Unmarshal(wire, &root) != nil || root.Body == nil && root.Actions == nil {
		return chat.Picture{Blocks: []chat.Block{{Kind: chat.Code, Spans: chat.Plain(string(wire))}}}
	}

	card := chat.Card{Blocks: elements(root.Body)}

	return chat.Picture{Cards: []chat.Card{{Blocks: append(card.Blocks, buttons(root.Actions)...)}}}
}

// roomy are the spacings that give an element space above.
var roomy = map[string]bool{"medium": true, "large": true, "extralarge": true}

func elements(list []element) []chat.Block {
	var all []chat.Block
	for i, e := range list {
		blocks := e.blocks()
		if len(blocks) > 0 {
			blocks[0].Apart = i > 0 && roomy[strings.ToLower(e.Spacing)]
		}

		if e.Separator {
			all = append(all, chat.Block{Kind: chat.Rule})
		}

		all = append(all, blocks...)
	}

	return all
}

func (e element) blocks() []chat.Block {
	switch e.Type {
	case "TextBlock":
		blocks := markdown.Blocks(e.Text)
		for _, b := range blocks {
			for i := range b.Spans {
				b.Spans[i] = e.styled(b.Spans[i])
			}
		}

		return blocks

	case "RichTextBlock":
		return []chat.Block{{Kind: chat.Text, Spans: runs(e.Inlines)}}
	case "FactSet":
		fields := chat.Block{Kind: chat.Fields}
		for _, f := range e.Facts {
			fields.Fields = append(fields.Fields, chat.Field{Name: markdown.Inline(f.Title), Value: markdown.Inline(f.Value)})
		}
		return []chat.Block{fields}

	case "Image":
		return []chat.Block{{Kind: chat.Small, Spans: []chat.Span{{Text: "image: " + e.AltText, Link: e.URL}}}}
	case "ActionSet":
		return buttons(e.Actions)
	case "ColumnSet":
		return e.columns()
	}

	return e.area()
}

// area shows a container or a column.
func (e element) area() []chat.Block {
	blocks := elements(e.Items)
	if e.Select != nil {
		for _, b := range blocks {
			for i := range b.Spans {
				b.Spans[i].Link = e.Select.URL
			}
		}
	}

	if !strings.EqualFold(e.Style, "emphasis") {
		return blocks
	}

	return boxed(blocks)
}

// boxed shows the blocks of a box: text in a monospaced font as a block of code, other
// text as a quotation.
func boxed(blocks []chat.Block) []chat.Block {
	var lines []string
	for _, b := range blocks {
		line := ""
		for _, s := range b.Spans {
			if !s.Code {
				return quoted(blocks)
			}
			line += s.Text
		}

		lines = append(lines, line)
	}

	return []chat.Block{{Kind: chat.Code, Spans: chat.Plain(strings.Join(lines, "\n"))}}
}

func quoted(blocks []chat.Block) []chat.Block {
	for i := range blocks {
		if blocks[i].Kind == chat.Text {
			blocks[i].Kind = chat.Quote
		}
	}
	return blocks
}

// columns shows columns of one line side by side, others one after the other. A subtle
// text at the beginning of such a line is its name.
func (e element) columns() []chat.Block {
	fields := chat.Block{Kind: chat.Fields}
	for _, c := range e.Columns {
		blocks := c.area()
		if len(blocks) != 1 || blocks[0].Kind != chat.Text {
			return elements(e.Columns)
		}

		spans := blocks[0].Spans
		if len(spans) > 1 && spans[0].Subtle {
			name := spans[0]
			name.Text = strings.TrimSuffix(name.Text, ": ")
			fields.Fields = append(fields.Fields, chat.Field{Name: []chat.Span{name}, Value: spans[1:]})
			continue
		}

		fields.Fields = append(fields.Fields, chat.Field{Value: spans})
	}

	return []chat.Block{fields}
}

// runs are texts without markup.
func runs(inlines []json.RawMessage) []chat.Span {
	var spans []chat.Span
	for _, raw := range inlines {
		var e element
		if json.Unmarshal(raw, &e) != nil {
			_ = json.Unmarshal(raw, &e.Text) // a text alone is valid too
		}
		spans = append(spans, e.styled(chat.Span{Text: e.Text}))
	}

	return spans
}

// tones are the colors that Teams has names for.
var tones = map[string]string{"good": "good", "warning": "warning", "attention": "attention", "accent": "accent"}

func (e element) styled(s chat.Span) chat.Span {
	s.Bold = s.Bold || strings.EqualFold(e.Weight, "bolder")
	s.Italic = s.Italic || e.Italic
	s.Strike = e.Strike
	s.Underline = e.Underline
	s.Subtle = e.Subtle
	s.Code = strings.EqualFold(e.FontType, "monospace")
	s.Size = map[string]string{"small": "small", "medium": "large", "large": "large", "extralarge": "large"}[strings.ToLower(e.Size)]
	s.Tone = tones[strings.ToLower(e.Color)]
	if e.Select != nil {
		s.Link = e.Select.URL
	}

	return s
}

func buttons(actions []action) []chat.Block {
	if len(actions) == 0 {
		return nil
	}

	block := chat.Block{Kind: chat.Buttons}
	for _, a := range actions {
		block.Spans = append(block.Spans, chat.Span{Text: a.Title, Link: a.URL})
	}

	return []chat.Block{block}
}
