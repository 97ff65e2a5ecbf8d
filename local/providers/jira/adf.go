package jira

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"example.com/integrations/local/providers/tracker"
)

// A node of a document. What the format knows beyond these members nobody sends
// who only writes text.
type node struct {
	Type    string         `json:"type"`
	Version int            `json:"version,omitempty"`
	Attrs   map[string]any `json:"attrs,omitempty"`
	Content []*node        `json:"content,omitempty"`
	Text    *string        `json:"text,omitempty"`
	Marks   []*node        `json:"marks,omitempty"`
}

// inside says what may stand in what, as the schema in npm's
// @atlaskit/adf-schema 57 has it, without media, cards, mentions and macros.
var inside = map[string][]string{
	"doc":         {"paragraph", "heading", "bulletList", "orderedList", "codeBlock", "blockquote", "rule", "table"},
	"blockquote":  {"paragraph", "bulletList", "orderedList", "codeBlock"},
	"listItem":    {"paragraph", "bulletList", "orderedList", "codeBlock"},
	"bulletList":  {"listItem"},
	"orderedList": {"listItem"},
	"table":       {"tableRow"},
	"tableRow":    {"tableCell", "tableHeader"},
	"tableCell":   {"paragraph", "bulletList", "orderedList", "codeBlock", "heading", "blockquote", "rule"},
	"tableHeader": {"paragraph", "bulletList", "orderedList", "codeBlock", "heading", "blockquote", "rule"},
	"paragraph":   {"text", "hardBreak"},
	"heading":     {"text", "hardBreak"},
	"codeBlock":   {"text"},
	"text":        nil, "hardBreak": nil, "rule": nil,
}

// filled must have something in them.
var filled = []string{"blockquote", "listItem", "bulletList", "orderedList", "table", "tableRow", "tableCell", "tableHeader"}

// readDocument checks a document and gives it as Jira stores it, with ids of
// its own in it, and its text.
func readDocument(raw []byte) (stored json.RawMessage, text string, err error) {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	var doc node
	if err := decoder.Decode(&doc); err != nil {
		return nil, "", err
	}

	if doc.Type != "doc" || doc.Version != 1 || doc.Attrs != nil {
		return nil, "", fmt.Errorf("it is no doc of version 1")
	}

	var out strings.Builder
	if err := check(&doc, "", &out); err != nil {
		return nil, "", err
	}

	label(&doc, new(int))

	return tracker.Encode(doc), strings.TrimSuffix(out.String(), "\n"), nil
}

// check walks through a node that stands in another.
func check(n *node, parent string, out *strings.Builder) error {
	allowed, known := inside[n.Type]
	if !known || parent != "" && !slices.Contains(inside[parent], n.Type) {
		return fmt.Errorf("%s in %s", n.Type, parent)
	}
	if slices.Contains(filled, n.Type) && len(n.Content) == 0 {
		return fmt.Errorf("an empty %s", n.Type)
	}
	if n.Type == "listItem" && n.Content[0].Type != "paragraph" && n.Content[0].Type != "codeBlock" {
		return fmt.Errorf("a list item that begins with %s", n.Content[0].Type)
	}
	if len(allowed) == 0 && len(n.Content) > 0 {
		return fmt.Errorf("content in %s", n.Type)
	}

	if err := checkAttrs(n); err != nil {
		return err
	}

	if err := checkText(n, parent); err != nil {
		return err
	}

	if n.Text != nil {
		out.WriteString(*n.Text)
	}

	for _, child := range n.Content {
		if child == nil {
			return fmt.Errorf("null in %s", n.Type)
		}

		if err := check(child, n.Type, out); err != nil {
			return err
		}
	}

	if slices.Contains([]string{"paragraph", "heading", "codeBlock", "rule", "hardBreak"}, n.Type) {
		out.WriteByte('\n')
	}

	return nil
}

func checkAttrs(n *node) error {
	for name, value := range n.Attrs {
		number, isNumber := value.(float64)
		_, isText := value.(string)
		switch {
		case name == "localId" && isText:
		case n.Type == "heading" && name == "level" && isNumber && number >= 1 && number <= 6 && number == float64(int(number)):
		case n.Type == "codeBlock" && name == "language" && isText:
		case n.Type == "orderedList" && name == "order" && isNumber && number >= 0:
		default:
			return fmt.Errorf("attribute %s of %s", name, n.Type)
		}
	}

	if n.Type == "heading" && n.Attrs["level"] == nil {
		return fmt.Errorf("a heading without a level")
	}

	return nil
}

// checkText: text is never empty and only text has marks.
func checkText(n *node, parent string) error {
	if n.Type != "text" {
		if n.Text != nil || len(n.Marks) > 0 {
			return fmt.Errorf("text or marks on %s", n.Type)
		}
		return nil
	}

	if n.Text == nil || *n.Text == "" {
		return fmt.Errorf("an empty text")
	}
	if parent == "codeBlock" && len(n.Marks) > 0 {
		return fmt.Errorf("marks in a code block")
	}

	var names []string
	for _, m := range n.Marks {
		if m == nil || slices.Contains(names, m.Type) {
			return fmt.Errorf("a mark twice")
		}

		names = append(names, m.Type)
		if err := checkMark(m); err != nil {
			return err
		}
	}

	if slices.Contains(names, "code") && slices.ContainsFunc(names, func(m string) bool { return m != "code" && m != "link" }) {
		return fmt.Errorf("code with other marks %v", names)
	}

	return nil
}

func checkMark(m *node) error {
	switch m.Type {
	case "strong", "em", "strike", "code":
		if m.Attrs != nil {
			return fmt.Errorf("attributes of %s", m.Type)
		}
		return nil

	case "link":
		href, _ := m.Attrs["href"].(string)
		u, err := url.Parse(href)
		if err != nil || len(m.Attrs) != 1 || !slices.Contains([]string{"http", "https", "mailto"}, strings.ToLower(u.Scheme)) {
			return fmt.Errorf("a link to %q", href)
		}
		return nil
	}

	return fmt.Errorf("mark %s", m.Type)
}

// label gives every paragraph and table an id, as the editor does: what is read
// back is not what was written.
func label(n *node, count *int) {
	if n.Type == "paragraph" || n.Type == "table" {
		*count++
		n.Attrs = map[string]any{"localId": fmt.Sprintf("%012x", *count)}
	}

	for _, child := range n.Content {
		label(child, count)
	}
}

// textOf is a stored description as people read it.
func textOf(description json.RawMessage) string {
	if len(description) == 0 {
		return ""
	}

	var text string
	if json.Unmarshal(description, &text) == nil {
		return strings.ReplaceAll(text, "\r\n", "\n")
	}

	_, text, _ = readDocument(description)

	return text
}

// documentOf is text as a document, a paragraph a line.
func documentOf(text string) json.RawMessage {
	doc := node{Type: "doc", Version: 1}
	for line := range strings.SplitSeq(text, "\n") {
		p := &node{Type: "paragraph"}
		if line != "" {
			p.Content = []*node{{Type: "text", Text: &line}}
		}
		doc.Content = append(doc.Content, p)
	}

	return tracker.Encode(doc)
}
