package teams

import (
	"strings"
	"testing"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup/document"
)

// drawn shows elements as a text: each line with its styles, boxes in braces.
func drawn(list []element) string {
	var parts []string
	for _, e := range list {
		text := strings.Map(func(r rune) rune {
			if r == '\u00a0' {
				return '_'
			}
			return r
		}, runsText(e.Inlines))
		if e.Type == container {
			text = "{" + drawn(e.Items) + "}"
		}

		if e.Separator {
			text = "--- " + text
		}

		if e.Spacing == "medium" {
			text = "\n" + text
		}

		parts = append(parts, text)
	}

	return strings.TrimPrefix(strings.Join(parts, "|"), "\n")
}

func runsText(runs []run) string {
	var out strings.Builder
	for _, r := range runs {
		for _, sign := range []struct {
			on   bool
			sign string
		}{{r.Weight == bold, "B:"}, {r.Italic, "I:"}, {r.Strike, "S:"}, {r.Font == monospace, "C:"}, {r.Subtle, "q:"}, {r.Select != nil, "@"}} {
			if sign.on {
				out.WriteString(sign.sign)
			}
		}

		out.WriteString("[" + r.Text + "]")
	}

	return out.String()
}

// Item text as Teams shows it: each kind of block by an element that every client
// has, and all text as it is.
func TestBlocks(t *testing.T) {
	const z = breaker
	for text, want := range map[string]string{
		"a *b* **c** ~~d~~ `e` ***f***":         "[a ]I:[b][ ]B:[c][ ]S:[d][ ]C:[e][ ]B:I:[f]",
		"# Head\n\ntext":                        "B:[Head]|\n[text]",
		"a  \nb":                                "[a]|[b]",
		"- a\n- b\n  1. c\n  2. d\n\n     more": "[•_][a]|[•_][b]|[____1._][c]|[____2._][d]|[________][more]",
		"- - a":                                 "[•_•_][a]",
		"5. a":                                  "[5._][a]",
		"- > a":                                 "q:[•_›_]q:[a]",
		"- ```\n  x\n  y\n  ```":                "[•_]C:[x]|[____]C:[y]",
		"> a\n>\n> b\n>\n> > c\n>\n> - d":       "{q:[a]|q:[b]|q:[›_]q:[c]|q:[•_]q:[d]}",
		"```go\nif x {\n\treturn  1\n\n}\n```":  "{C:[if x {]|C:[____return__1]|C:[_]|C:[}]}",
		"a\n\n---\n\nb":                         "[a]|\n--- [b]",
		"---":                                   "",
		// A table is one where its columns fit, and lines where they do not.
		"| a | b |\n|-|-|\n| 安全 | **x** |\n| 1 |":                   "{B:C:[a_____b]|C:[────__─]|C:[安全__x]|C:[1]}",
		"| a | b |\n|-|-|\n| [x](https://a.test) | y |":             "B:[a | b]|[x (]@[https://a.test][) | y]",
		"| a | b |\n|-|-|\n| " + strings.Repeat("x", 60) + " | y |": "B:[a | b]|[" + strings.Repeat("x", 60) + " | y]",
		"| a |\n|-|\n| דלת |":                                       "B:[a]|[דלת]",
		// A link shows where it leads, and the address alone is one.
		"[text](https://evil.test/a)":                "[text (]@[https://evil.test/a][)]",
		"[https://good.test](https://evil.test)":     "[https://good.test (]@[https://evil.test][)]",
		"[a **b** c](https://evil.test)":             "[a ]B:[b][ c (]@[https://evil.test][)]",
		"https://a.test/x www.b.test":                "@[https://a.test/x][ ]@[http://www.b.test]",
		"[x](https://a.test)[y](https://b.test)":     "[x (]@[https://a.test][)y (]@[https://b.test][)]",
		"[x](javascript:alert) [m](mailto:a@b.test)": "[x m]",
		"https://a.test/" + strings.Repeat("x", 600): "[https://a.test/" + strings.Repeat("x", 600) + "]",
		"![pic](https://a.test/i.png)":               "[pic (]@[https://a.test/i.png][)]",
		// Nothing in a text run is Markdown, a mention or a function.
		`\[a](https://a.test) \*b\* <at>Bob</at>`:             "[[a](]@[https://a.test][) *b* <" + z + "at>Bob<" + z + "/at>]",
		"{{DATE(2026-01-01T00:00:00Z)}} {{time(x)}} {{name}}": "[{" + z + "{DATE(2026-01-01T00:00:00Z)}} {" + z + "{time(x)}} {{name}}]",
		"`{{DATE(2026-01-01T00:00:00Z)}}`":                    "C:[{" + z + "{DATE(2026-01-01T00:00:00Z)}}]",
	} {
		if got := drawn(blocks(document.Parse(text), place{})); got != want {
			t.Errorf("%q\n got %q\nwant %q", text, got, want)
		}
	}
}

// The text that a content has without blocks is shown too.
func TestBodyWithoutBlocks(t *testing.T) {
	made := compose(connector.Content{Title: "T", Body: "a\n\n*b*", State: domain.Open}, marker)
	if got := drawn(made.Body[2:]); got != "[a]|\n[*b*]" {
		t.Errorf("%q", got)
	}
}

// Where the text was cut, the button leads to the rest; its address is not
// written out.
func TestCutTextHasNoAddress(t *testing.T) {
	_, c := start(t, true)
	item := domain.Item{ID: 1, FormattedNumber: "WI-1", Title: "T", Description: strings.Repeat("long text ", 200), State: domain.Open, URL: "https://app.test/1"}
	for url, want := range map[string]string{"https://app.test/1": "[…(cut)]", "": "[…(cut)]"} {
		item.URL = url
		made := compose(c.Render(item), marker)
		last := made.Body[len(made.Body)-1]
		if got := runsText(last.Inlines); got != want {
			t.Errorf("%q: %s", url, got)
		}
	}

	// A person's own text that looks like it stays.
	text := "`b` https://app.test/1"
	if made := compose(connector.Content{Title: "T", URL: "https://app.test/1", Blocks: document.Parse(text)}, marker); drawn(made.Body[2:]) != "C:[b][ ]@[https://app.test/1]" {
		t.Error(drawn(made.Body[2:]))
	}
}

// Facts share a line where both are short.
func TestFacts(t *testing.T) {
	long := strings.Repeat("x", wideFact)
	for _, tt := range []struct {
		facts domain.Facts
		want  string
	}{
		{domain.Facts{}, ""},
		{domain.Facts{Owner: "Kim"}, "Owner: Kim"},
		{domain.Facts{Owner: "Kim", Due: "2026-12-01"}, "Owner: Kim + Due: 2026-12-01"},
		{domain.Facts{Type: "Bug", Project: long, Owner: "Kim", Due: "2026-12-01"}, "Type: Bug / Project: " + long + " / Owner: Kim + Due: 2026-12-01"},
		{domain.Facts{Type: "Bug", Project: "P", Owner: "<at>Kim"}, "Type: Bug + Project: P / Owner: <" + breaker + "at>Kim"},
	} {
		var rows []string
		for _, row := range factRows(connector.Content{Facts: tt.facts}) {
			var cells []string
			for _, one := range row.Columns {
				cells = append(cells, one.Items[0].Inlines[0].Text+one.Items[0].Inlines[1].Text)
			}

			if row.Type == richText {
				cells = append(cells, row.Inlines[0].Text+row.Inlines[1].Text)
			}

			rows = append(rows, strings.Join(cells, " + "))
		}

		if got := strings.Join(rows, " / "); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// C8: the text of a notification is short, has no link, and nothing that is put in
// place of it.
func TestNotice(t *testing.T) {
	for text, want := range map[string]string{
		"WI-1 plain": "WI-1 plain", "[x](https://evil.test)": "[x]" + breaker + "(https://evil.test)", "![x](y)": "![x]" + breaker + "(y)",
		"<at>x": "<" + breaker + "at>x", strings.Repeat("x", 300): strings.Repeat("x", 199) + "…", "{{DATE(x)}}": "{" + breaker + "{DATE(x)}}",
	} {
		if got := notice(text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}
