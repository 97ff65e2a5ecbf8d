package atlassian

import (
	"encoding/json"
	"strings"
	"testing"

	"example.com/integrations/shared/markup/document"
)

var adfRendered = map[string]string{
	"":                        `{"type":"paragraph"}`,
	"a":                       `{"type":"paragraph","content":[{"type":"text","text":"a"}]}`,
	"@bob [~bob] <b>":         `{"type":"paragraph","content":[{"type":"text","text":"@bob [~bob] <b>"}]}`,
	"## *h*":                  `{"type":"heading","attrs":{"level":2},"content":[{"type":"text","text":"h","marks":[{"type":"em"}]}]}`,
	"a\\\nb":                  `{"type":"paragraph","content":[{"type":"text","text":"a"},{"type":"hardBreak"},{"type":"text","text":"b"}]}`,
	"**[a](https://b.test)**": `{"type":"paragraph","content":[{"type":"text","text":"a","marks":[{"type":"strong"},{"type":"link","attrs":{"href":"https://b.test"}}]}]}`,
	"[`a`](https://b.test)":   `{"type":"paragraph","content":[{"type":"text","text":"a","marks":[{"type":"code"},{"type":"link","attrs":{"href":"https://b.test"}}]}]}`,
	"```Go\nx\n```":           `{"type":"codeBlock","attrs":{"language":"go"},"content":[{"type":"text","text":"x"}]}`,
	"```\n```":                `{"type":"codeBlock"}`,
	"---":                     `{"type":"rule"}`,
	"> # h\n> > q":            `{"type":"blockquote","content":[{"type":"paragraph","content":[{"type":"text","text":"h","marks":[{"type":"strong"}]}]},{"type":"paragraph","content":[{"type":"text","text":"q"}]}]}`,
	"- - a":                   `{"type":"bulletList","content":[{"type":"listItem","content":[{"type":"paragraph"},{"type":"bulletList","content":[{"type":"listItem","content":[{"type":"paragraph","content":[{"type":"text","text":"a"}]}]}]}]}]}`,
	"3. a":                    `{"type":"orderedList","attrs":{"order":3},"content":[{"type":"listItem","content":[{"type":"paragraph","content":[{"type":"text","text":"a"}]}]}]}`,
	"|a|\n|-|\n||":            `{"type":"table","content":[{"type":"tableRow","content":[{"type":"tableHeader","content":[{"type":"paragraph","content":[{"type":"text","text":"a"}]}]}]},{"type":"tableRow","content":[{"type":"tableCell","content":[{"type":"paragraph"}]}]}]}`,
}

func TestADF(t *testing.T) {
	for text, want := range adfRendered {
		if got := ADF(document.Parse(text)); got != `{"type":"doc","version":1,"content":[`+want+`]}` {
			t.Errorf("%q: %s", text, got)
		}
	}

	quoted := []document.Block{{Kind: document.Quote, Blocks: []document.Block{{Kind: document.Table, Rows: [][][]document.Span{{{{Text: "a"}}, {{Text: "b"}}}}}}}}
	if got := ADF(quoted); !strings.Contains(got, `{"type":"text","text":"a | b"}`) {
		t.Errorf("a table in a quotation: %s", got)
	}
}

// A text node is never empty, however the span was made.
func TestNoEmptyText(t *testing.T) {
	got := ADF([]document.Block{{Kind: document.Paragraph, Spans: []document.Span{{Bold: true}, {Text: "a"}}}})
	if strings.Count(got, `"type":"text"`) != 1 {
		t.Errorf("%s", got)
	}
}

// No text form that Jira may count is longer than what is counted here.
func TestADFSizeIsTheLongest(t *testing.T) {
	for text := range adfRendered {
		blocks := document.Parse(text)
		if n := textOf(ADF(blocks)); n > ADFSize(blocks)+1 {
			t.Errorf("%q: %d characters, counted %d", text, n, ADFSize(blocks))
		}
	}
}

// textOf is how long a document's text is, a line a node.
func textOf(doc string) int {
	var n node
	if err := json.Unmarshal([]byte(doc), &n); err != nil {
		panic(err)
	}

	var walk func(node) int
	walk = func(n node) int {
		length := document.Length(n.Text)
		if n.Type != "text" && n.Type != "doc" {
			length++
		}

		for _, child := range n.Content {
			length += walk(child)
		}

		return length
	}

	return walk(n)
}

func FuzzADF(f *testing.F) {
	for text := range adfRendered {
		f.Add(text)
	}

	f.Fuzz(func(t *testing.T, text string) {
		blocks := document.Parse(text)
		got := ADF(blocks)
		for _, never := range []string{`"mention"`, `"inlineCard"`, `"blockCard"`, `"extension"`, `"media"`, `"emoji"`, `"text":""`} {
			if strings.Contains(got, `"type":`+never) || strings.Contains(got, `{`+never) {
				t.Errorf("%s in %s", never, got)
			}
		}

		if !json.Valid([]byte(got)) {
			t.Errorf("%s", got)
		}
	})
}
