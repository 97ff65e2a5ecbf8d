package chat

import (
	"strings"
	"testing"

	"example.com/integrations/shared/markup/document"
)

// A table is a grid where the dialect has one and nothing is lost in it, else a
// line for each row.
func TestTables(t *testing.T) {
	const head = "| Name | Value |\n|-|-|\n"
	cell := strings.Repeat("x", 54)
	for text, want := range map[string]string{
		head + "| a | 1 |\n| longer | **2** |": "```\nName    Value\n──────  ─────\na       1\nlonger  2\n```",
		head + "| `go run` | a <br> b |":       "```\nName    Value\n──────  ─────\ngo run  a b\n```",
		head + "| 电梯 | 🚪 |\n| é̂ | x |":        "```\nName  Value\n────  ─────\n电梯  🚪\né̂     x\n```",
		head + "| | 1 |":                       "```\nName  Value\n────  ─────\n      1\n```",
		head + "| @everyone | <@1> |":          "```\nName       Value\n─────────  ─────\n@" + z + "everyone  <" + z + "@1>\n```",
		head + "| a``` | 1 |":                  "```\nName  Value\n────  ─────\na`" + z + "`" + z + "`  1\n```",
		head + "| " + cell[:53] + " | 12345 |": "```\nName" + strings.Repeat(" ", 51) + "Value\n" + strings.Repeat("─", 53) + "  ─────\n" + cell[:53] + "  12345\n```",
		head + "| " + cell + " | 12345 |":      "Name \\| Value\n" + cell + " \\| 12345",
		head + "| [a](https://a.test) | 1 |":   "Name \\| Value\na (<https://a.test>) \\| 1",
		head + "| דלת | 1 |":                   "Name \\| Value\nדלת \\| 1",
		"> | a | b |\n> |-|-|\n> | 1 | 2 |":    "> ```\n> a  b\n> ─  ─\n> 1  2\n> ```",
	} {
		if got := Render(Discord{}, document.Parse(text)); got != want {
			t.Errorf("%q\n got %q\nwant %q", text, got, want)
		}
	}

	for _, d := range []Dialect{Slack{}, Plain{}} {
		if got := Render(d, document.Parse(head+"| a | 1 |")); got != "Name | Value\na | 1" {
			t.Errorf("%T: %q", d, got)
		}
	}
}

// A table that is cut still fits, although a grid needs other room than lines.
func TestCutTablesFit(t *testing.T) {
	row := func(n int) string { return "| " + strings.Repeat("x", n) + " | y |\n" }
	text := "| a | b |\n|-|-|\n" + strings.Repeat(row(5), 6) + row(80) + strings.Repeat(row(30), 20)
	size := func(blocks []document.Block) int { return Cost(Discord{}, blocks) }
	for most := 40; most < 1200; most += 7 {
		fitted := document.Fit(document.Parse(text), nil, nil, most, size)
		if n := size(fitted); n > most {
			t.Errorf("%d, at most %d", n, most)
		}
	}
}
