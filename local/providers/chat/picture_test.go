package chat

import (
	"fmt"
	"strings"
	"testing"
)

var markup = Markup{
	Signs: []Sign{{"**", Bold}, {"*", Italic}, {"_", Italic}, {"~~", Strike}}, Backslash: true, Headings: true, Lists: true, Languages: true,
}

// outline writes blocks down briefly: a style's letters before each text.
func outline(blocks []Block) string {
	var lines []string
	for _, b := range blocks {
		line := string(b.Kind) + ":"
		for _, s := range b.Spans {
			line += fmt.Sprintf(" %s%q", strings.ReplaceAll(s.Class(), " ", ""), s.Text)
		}
		lines = append(lines, line)
	}

	return strings.Join(lines, "; ")
}

func TestBlocks(t *testing.T) {
	for text, want := range map[string]string{
		"":                                  "",
		"plain\nlines":                      `text: "plain\nlines"`,
		"a **b** *c* ~~d~~ `e`":             `text: "a " b"b" " " i"c" " " s"d" " " c"e"`,
		"**a *b* c**":                       `text: b"a " bi"b" b" c"`,
		`\*a\* snake_case_name 2*3*4`:       `text: "*a" "* snake_case_name 2*3*4"`,
		"# head\n> quoted\n- item":          `heading: "head"; quote: "quoted"; item: "• item"`,
		"before\n```go\nx := 1\n```\nafter": `text: "before"; code: "x := 1"; text: "after"`,
		"```unclosed":                       "text: \"```unclosed\"",
		"* not*":                            `item: "• not*"`,
		"*":                                 `text: "*"`,
	} {
		if got := outline(markup.Blocks(text)); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

// Nothing of a message is markup of the page, and only web addresses lead
// anywhere.
func TestHTML(t *testing.T) {
	p := Picture{
		Blocks: []Block{{Kind: Text, Spans: []Span{{Text: "<script>x</script>", Link: "javascript:x"}, {Text: "there", Link: "https://a.example/?b&c"}}}},
		Cards: []Card{{Color: Hex(0x2da44e), Blocks: []Block{
			{Kind: Fields, Fields: []Field{{Plain("n"), Plain("v")}}}, {Kind: Buttons, Spans: []Span{{Text: "Open", Link: "https://a.example"}}}, {Kind: Rule}, {Kind: Code, Spans: Plain("<&>")},
		}}},
	}

	drawn, err := p.HTML()
	if err != nil {
		t.Fatal(err)
	}

	for _, want := range []string{"&lt;script&gt;", `href="https://a.example/?b&amp;c"`, "border-left-color: #2da44e", "<dt>n</dt><dd>v</dd>", "<hr>", "<pre dir=\"auto\">&lt;&amp;&gt;</pre>"} {
		if !strings.Contains(string(drawn), want) {
			t.Errorf("no %s in %s", want, drawn)
		}
	}

	if strings.Contains(string(drawn), "<script") || strings.Contains(string(drawn), "javascript:") || strings.Contains(string(drawn), "ZgotmplZ") {
		t.Errorf("drawn: %s", drawn)
	}

	if got := p.String(); got != "<script>x</script>there\nn: v\n\nOpen\n<&>" {
		t.Errorf("as text: %q", got)
	}
}

func FuzzBlocks(f *testing.F) {
	f.Add("**a** _b_ ```c``` \\* > # -")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := (Picture{Blocks: markup.Blocks(text)}).HTML(); err != nil {
			t.Error(err)
		}
	})
}
