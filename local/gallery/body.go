package gallery

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html/template"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"example.com/integrations/local/providers/chat"
)

// markdown draws what GitHub and GitLab have in common. HTML in it is left out.
var markdown = goldmark.New(goldmark.WithExtensions(extension.GFM))

// Markdown draws a body in Markdown.
func Markdown(body string) (template.HTML, error) {
	var out bytes.Buffer
	if err := markdown.Convert([]byte(body), &out); err != nil {
		return "", err
	}
	return template.HTML(`<div class="markdown">` + out.String() + `</div>`), nil
}

// Plain draws a body without markup.
func Plain(body string) (template.HTML, error) {
	return chat.Picture{Blocks: []chat.Block{{Kind: chat.Text, Spans: chat.Plain(body)}}}.HTML()
}

// A node is a part of a document in the Atlassian Document Format.
type node struct {
	Type    string `json:"type"`
	Text    string `json:"text"`
	Content []node `json:"content"`
	Marks   []struct {
		Type  string `json:"type"`
		Attrs struct {
			Href string `json:"href"`
		} `json:"attrs"`
	} `json:"marks"`
	Attrs struct {
		Order *int `json:"order"`
	} `json:"attrs"`
}

// Document draws a body in the Atlassian Document Format.
func Document(body string) (template.HTML, error) {
	var root node
	if err := json.Unmarshal([]byte(body), &root); err != nil {
		return "", fmt.Errorf("the body is no document: %w", err)
	}

	blocks := root.blocks()
	for i := range blocks {
		blocks[i].Apart = i > 0 && blocks[i].Kind != chat.Item
	}

	return chat.Picture{Blocks: blocks}.HTML()
}

func (n node) blocks() []chat.Block {
	switch n.Type {
	case "paragraph":
		return []chat.Block{{Kind: chat.Text, Spans: n.spans()}}
	case "heading":
		return []chat.Block{{Kind: chat.Heading, Spans: n.spans()}}
	case "codeBlock":
		return []chat.Block{{Kind: chat.Code, Spans: n.spans()}}
	case "rule":
		return []chat.Block{{Kind: chat.Rule}}
	case "blockquote":
		return n.as(chat.Quote, "")
	case "listItem":
		return n.as(chat.Item, "• ")
	}

	var all []chat.Block
	for i, child := range n.Content {
		blocks := child.blocks()
		if n.Type == "orderedList" && len(blocks) > 0 {
			first := 1
			if n.Attrs.Order != nil {
				first = *n.Attrs.Order
			}
			blocks[0].Spans[0].Text = fmt.Sprintf("%d. ", first+i)
		}

		all = append(all, blocks...)
	}

	return all
}

// as draws the paragraphs of a node as blocks of a kind, the first behind a mark.
func (n node) as(kind chat.BlockKind, mark string) []chat.Block {
	var all []chat.Block
	for i, child := range n.Content {
		for _, b := range child.blocks() {
			if b.Kind == chat.Text {
				b.Kind = kind
			}

			if i == 0 && mark != "" {
				b.Spans = append(chat.Plain(mark), b.Spans...)
			}

			all = append(all, b)
		}
	}

	return all
}

func (n node) spans() []chat.Span {
	var all []chat.Span
	for _, child := range n.Content {
		if child.Type == "hardBreak" {
			child.Text = "\n"
		}

		s := chat.Span{Text: child.Text}
		for _, m := range child.Marks {
			switch m.Type {
			case "strong":
				s.Bold = true
			case "em":
				s.Italic = true
			case "strike":
				s.Strike = true
			case "code":
				s.Code = true
			case "link":
				s.Link = m.Attrs.Href
			}
		}

		all = append(all, s)
	}

	return all
}
