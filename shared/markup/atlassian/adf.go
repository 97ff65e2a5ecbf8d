package atlassian

import (
	"encoding/json"
	"strings"

	"example.com/integrations/shared/markup/document"
)

type node struct {
	Type    string `json:"type"`
	Version int    `json:"version,omitempty"`
	Attrs   *attrs `json:"attrs,omitempty"`
	Content []node `json:"content,omitempty"`
	Text    string `json:"text,omitempty"`
	Marks   []mark `json:"marks,omitempty"`
}

type attrs struct {
	Level    int    `json:"level,omitempty"`
	Language string `json:"language,omitempty"`
	Order    *int   `json:"order,omitempty"`
}

type mark struct {
	Type  string `json:"type"`
	Attrs *href  `json:"attrs,omitempty"`
}

type href struct {
	Href string `json:"href"`
}

// ADF is a document in the Atlassian Document Format, as JSON. It never has a
// mention, card, macro or image. The same blocks give the same text.
func ADF(blocks []document.Block) string {
	doc := node{Type: "doc", Version: 1, Content: top(blocks)}
	if len(doc.Content) == 0 {
		doc.Content = []node{{Type: "paragraph"}}
	}

	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	if err := e.Encode(doc); err != nil {
		panic(err) // strings and numbers always marshal
	}

	return strings.TrimSuffix(out.String(), "\n")
}

// top is for where every kind of block may stand.
func top(blocks []document.Block) []node {
	var list []node
	for _, b := range blocks {
		switch b.Kind {
		case document.Heading:
			list = append(list, node{Type: "heading", Attrs: &attrs{Level: min(max(b.Level, 1), 6)}, Content: inline(b.Spans)})
		case document.Rule:
			list = append(list, node{Type: "rule"})
		case document.Quote:
			if inner := within(b.Blocks); len(inner) > 0 {
				list = append(list, node{Type: "blockquote", Content: inner})
			}
		case document.Table:
			list = append(list, adfTable(b.Rows))
		default:
			list = append(list, within([]document.Block{b})...)
		}
	}

	return list
}

// within is for quotations and list items, in which only paragraphs, code and
// lists may stand.
func within(blocks []document.Block) []node {
	var list []node
	for _, b := range blocks {
		switch b.Kind {
		case document.Paragraph:
			list = append(list, node{Type: "paragraph", Content: inline(b.Spans)})
		case document.Heading:
			list = append(list, node{Type: "paragraph", Content: inline(document.Bold(b.Spans))})
		case document.Code:
			list = append(list, adfCode(b))
		case document.Quote:
			list = append(list, within(b.Blocks)...)
		case document.List:
			list = append(list, bullets(b)...)
		case document.Table:
			for _, row := range b.Rows {
				list = append(list, node{Type: "paragraph", Content: inline(document.Row(row))})
			}
		}
	}

	return list
}

func adfCode(b document.Block) node {
	n := node{Type: "codeBlock"}
	if language := document.Language(b.Language); language != "" {
		n.Attrs = &attrs{Language: language}
	}

	if b.Text != "" {
		n.Content = []node{{Type: "text", Text: b.Text}}
	}

	return n
}

func bullets(b document.Block) []node {
	n := node{Type: "bulletList"}
	if b.Ordered {
		n.Type = "orderedList"
		if order := b.Start; order >= 0 && order != 1 {
			n.Attrs = &attrs{Order: &order}
		}
	}

	for _, item := range b.Items {
		inner := within(item)
		if len(inner) == 0 {
			continue
		}

		if inner[0].Type != "paragraph" { // an item begins with text
			inner = append([]node{{Type: "paragraph"}}, inner...)
		}

		n.Content = append(n.Content, node{Type: "listItem", Content: inner})
	}

	if len(n.Content) == 0 {
		return nil
	}

	return []node{n}
}

func adfTable(rows [][][]document.Span) node {
	n := node{Type: "table"}
	for i, row := range rows {
		kind := "tableCell"
		if i == 0 {
			kind = "tableHeader"
		}

		cells := node{Type: "tableRow"}
		for _, cell := range row {
			cells.Content = append(cells.Content, node{Type: kind, Content: []node{{Type: "paragraph", Content: inline(cell)}}})
		}

		n.Content = append(n.Content, cells)
	}

	return n
}

// inline writes spans. A text node is never empty, and code goes with no other
// mark but a link.
func inline(spans []document.Span) []node {
	var list []node
	for _, s := range spans {
		switch {
		case s.Break:
			list = append(list, node{Type: "hardBreak"})
		case s.Text != "":
			list = append(list, node{Type: "text", Text: s.Text, Marks: marks(s)})
		}
	}

	return list
}

func marks(s document.Span) []mark {
	var list []mark
	if s.Code {
		list = append(list, mark{Type: "code"})
	} else {
		for _, m := range []struct {
			on   bool
			name string
		}{{s.Bold, "strong"}, {s.Italic, "em"}, {s.Strike, "strike"}} {
			if m.on {
				list = append(list, mark{Type: m.name})
			}
		}
	}

	if s.Link != "" {
		list = append(list, mark{Type: "link", Attrs: &href{s.Link}})
	}

	return list
}

// ADFSize is the greatest length that Jira may count for a document. Jira states a
// limit for the text form and does not say what that form is. So every sign that a
// text form may need is counted, as wiki markup, the longest one, writes it.
func ADFSize(blocks []document.Block) int {
	size := 0
	for _, b := range blocks {
		size += 2 + spansSize(b.Spans) + document.Length(b.Text) + ADFSize(b.Blocks)
		switch b.Kind {
		case document.Heading:
			size += len("h1. ")
		case document.Code:
			size += len("{code:}\n\n{code}") + len(b.Language)
		case document.Quote:
			size += len("{quote}\n\n{quote}")
		case document.Rule:
			size += len("----")
		}

		for _, item := range b.Items {
			size += len("\n** ") + ADFSize(item)
		}

		for _, row := range b.Rows {
			for _, cell := range row {
				size += len("|| ") + spansSize(cell)
			}
		}
	}

	return size
}

func spansSize(spans []document.Span) int {
	size := 0
	for _, s := range spans {
		size += document.Length(s.Text) + 2
		for _, on := range []bool{s.Bold, s.Italic, s.Strike, s.Code, s.Code} {
			if on {
				size += 2
			}
		}

		if s.Link != "" {
			size += len(s.Link) + len("[|]")
		}
	}

	return size
}
