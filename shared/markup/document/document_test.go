package document

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/markup/worktest"
)

// show writes blocks so that a test can name them on a line.
func show(blocks []Block) string {
	var parts []string
	for _, b := range blocks {
		switch b.Kind {
		case Paragraph:
			parts = append(parts, "p("+spans(b.Spans)+")")
		case Heading:
			parts = append(parts, fmt.Sprintf("h%d(%s)", b.Level, spans(b.Spans)))
		case Code:
			parts = append(parts, fmt.Sprintf("code:%s(%s)", b.Language, b.Text))
		case Quote:
			parts = append(parts, "quote("+show(b.Blocks)+")")
		case Rule:
			parts = append(parts, "rule")
		case List:
			var items []string
			for _, item := range b.Items {
				items = append(items, show(item))
			}

			name := "list"
			if b.Ordered {
				name = fmt.Sprint("list", b.Start)
			}

			parts = append(parts, name+"("+strings.Join(items, "; ")+")")

		case Table:
			var rows []string
			for _, row := range b.Rows {
				var cells []string
				for _, cell := range row {
					cells = append(cells, spans(cell))
				}
				rows = append(rows, strings.Join(cells, "|"))
			}

			parts = append(parts, "table("+strings.Join(rows, "; ")+")")
		}
	}

	return strings.Join(parts, " ")
}

func spans(list []Span) string {
	var out strings.Builder
	for _, s := range list {
		for _, sign := range []struct {
			on   bool
			sign string
		}{{s.Bold, "B:"}, {s.Italic, "I:"}, {s.Strike, "S:"}, {s.Code, "C:"}} {
			if sign.on {
				out.WriteString(sign.sign)
			}
		}

		out.WriteString(s.Text)
		if s.Break {
			out.WriteString("⏎")
		}

		if s.Link != "" {
			out.WriteString("→" + s.Link)
		}
	}

	return out.String()
}

var parsed = map[string]string{
	"a\nb":                        "p(a b)",
	"a  \nb\\\nc":                 "p(a⏎b⏎c)",
	"# A *b*\n\ntext\n===":        "h1(A I:b) h1(text)",
	"**b** _i_ ~~s~~ `c` ***x***": "p(B:b I:i S:s C:c B:I:x)",
	"**`c`**":                     "p(C:c)",
	"- a\n- b\n  1. c\n  2. d":    "list(p(a); p(b) list1(p(c); p(d)))",
	"7. a":                        "list7(p(a))",
	"> a\n>\n> > b":               "quote(p(a) quote(p(b)))",
	"```go\nx\n\ny\n```":          "code:go(x\n\ny)",
	"    indented":                "code:(indented)",
	"```\nnever closed":           "code:(never closed)",
	"a\n\n---\n\nb":               "p(a) rule p(b)",
	"|a|b|\n|-|-|\n|1|\n":         "table(a|b; 1|)",
	"[t](https://a.test/x)":       "p(t→https://a.test/x)",
	"[t](javascript:x)":           "p(t)",
	"[t](/relative) [t](#a)":      "p(t t)",
	"<https://a.test> https://b.test/c www.d.test": "p(https://a.test→https://a.test https://b.test/c→https://b.test/c www.d.test→http://www.d.test)",
	"me@a.test <you@b.test>":                       "p(me@a.test→mailto:me@a.test you@b.test→mailto:you@b.test)",
	"ftp://a.test/x":                               "p(ftp://a.test/x)",
	"![alt](https://a.test/i.png) ![](https://a.test/j.png) ![x](y.png)": "p(alt→https://a.test/i.png https://a.test/j.png→https://a.test/j.png x)",
	"<b>x</b>":             "p(B:x)",
	"<div>\nx\n</div>":     "p(x)",
	"<!-- x -->\n\ny":      "p(y)",
	"&amp; &#64;x \\*y\\*": "p(& @x *y*)",
	"a&#10;b&#8238;c&#0;":  "p(a bc\ufffd)",
	"\n\n#\n\n>\n\n-\n":    "",
	"`a\nb`":               "p(C:a b)",
}

// C2: HTML as documents show it.
var parsedHTML = map[string]string{
	"a <!-- x --> b <!-- y -->\nc": "p(a b c)",
	"<!-- x -->":                   "",
	"<details><summary>A *b*</summary>\n\n- c\n- *d*\n\n</details>":                                 "p(B:A *b*) list(p(c); p(I:d))",
	"<details>\n<summary>A\nB</summary>\nc\nd\n</details>":                                          "p(B:A B) p(c⏎d)",
	"- a\n\n  <details><summary>B</summary>\n\n  c\n\n  </details>\n- d":                            "list(p(a) p(B:B) p(c); p(d))",
	"> <details><summary>B</summary>\n>\n> c":                                                       "quote(p(B:B) p(c))",
	"a <summary>b</summary> c":                                                                      "p(a⏎B:b⏎c)",
	"a<br>b<BR >c<br/>d":                                                                            "p(a⏎b⏎c⏎d)",
	"|a|b|\n|-|-|\n|x<br>y|z|":                                                                      "table(a|b; x⏎y|z)",
	"<p>a</p><p>b</p>\n\n<hr>\n\nc":                                                                 "p(a) p(b) rule p(c)",
	"a <p>b</p> c":                                                                                  "p(a⏎b⏎c)",
	"**a <i>b</i>** <code>c *d* <b>e</b></code> f":                                                  "p(B:a B:I:b C:c d e f)",
	"<b>a <i>b</b> c</i>":                                                                           "p(B:a <i>b c</i>)",
	"<B CLASS=x>a</B> <strong\nid=y>b</strong>":                                                     "p(B:a B:b)",
	"<a href='https://a.test/b'>c *d*</a>":                                                          "p(c →https://a.test/bI:d→https://a.test/b)",
	"<a href='https://a.test'>https://a.test</a>":                                                   "p(https://a.test→https://a.test)",
	"<a href='https://b.test'>https://a.test</a>":                                                   "p(https://a.test (https://b.test→https://b.test))",
	"<a href='https://b.test'><b>x</b> a.test</a>":                                                  "p(B:x a.test (https://b.test→https://b.test))",
	"<a href='https://b.test' name=x>":                                                              "p(<a href='https://b.test' name=x>)",
	"<a href='/relative'>a</a> <a name=b></a><a id=c>":                                              "p(a)",
	"<a href='https://a.test'><img src='https://b.test/i' alt=c></a>":                               "p(c→https://a.test)",
	"<img src='https://b.test/i' alt='a&amp;b\nc'>":                                                 "p(a&b c→https://b.test/i)",
	"<img src='https://b.test/i' alt='a.test'>":                                                     "p(a.test (https://b.test/i→https://b.test/i))",
	"<img alt=a src=x> <img> </img>":                                                                "p(a <img> </img>)",
	"a 10<sup>9</sup> H<sub>2</sub>O x<sub>max</sub> y<sup>a b</sup> 1<sup>st</sup> Z<sup>TM</sup>": "p(a 10⁹ H₂O x_max ya b 1st Z™)",
	"List<P> Map<S> <T> <b>a":                                                                       "p(List<P> Map<S> <T> <b>a)",
	"<h2 align=center>A <b>b</b></h2>\nc":                                                           "h2(A B:b) p(c)",
	"<ul>\n<li>a</li>\n<li><b>b</b> c</li>\n</ul>":                                                  "p(• a⏎• B:b c)",
	"<table>\n<tr><th>a</th><th>b</th></tr>\n<tr>\n<td>1</td>\n<td>&lt;2</td>\n</tr></table>":       "p(a | b⏎1 | <2)",
	"<pre lang=go><code>a &lt; b\n\n  c</code></pre>\nd":                                            "code:go(a < b\n\n  c) p(d)",
	"<html>\n<body>\n<b>x</b>\n</body>":                                                             "p(<html>⏎<body>⏎<b>x</b>⏎</body>)",
	"<script>\nx()\n</script>":                                                                      "p(<script>⏎x()⏎</script>)",
	"<div>\na&#10;b&#8238;c\n</div>":                                                                "p(a bc)",
	"<sup>\n<sub></sub></sup>":                                                                      "",
}

func TestParse(t *testing.T) {
	for text, want := range parsedHTML {
		if got := show(Parse(text)); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}

	for text, want := range parsed {
		if got := show(Parse(text)); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestAddress(t *testing.T) {
	for text, want := range map[string]string{
		"https://a.test/b|c": "https://a.test/b%7Cc", "MAILTO:a.b@c.test": "mailto:a.b@c.test",
		"mailto:a@b": "", "mailto:a@b.test?subject=x": "", "javascript:x": "", "data:x": "", "//a.test": "", "": "", "mailto:": "",
	} {
		if got, ok := Address(text); got != want || ok != (want != "") {
			t.Errorf("%q: %q", text, got)
		}
	}
}

func TestCutText(t *testing.T) {
	for _, tt := range []struct {
		text string
		max  int
		want string
	}{{"abc", 3, "abc"}, {"abcd", 3, "ab…"}, {"🦀🦀🦀", 6, "🦀🦀🦀"}, {"🦀🦀🦀", 5, "🦀🦀…"}, {"🦀🦀🦀", 4, "🦀…"}, {"🦀🦀", 1, "…"}, {"🦀", 0, ""}} {
		if got := CutText(tt.text, tt.max, "…"); got != tt.want {
			t.Errorf("%q to %d: %q", tt.text, tt.max, got)
		}
	}
}

// size is a simple one: the characters of all text.
func size(blocks []Block) int { return Length(show(blocks)) }

func TestFit(t *testing.T) {
	rest := []Block{Plain("REST")}
	end := []Block{{Kind: Rule}, Plain("END")}
	for text, want := range map[string]string{
		"short":                                          "p(short) rule p(END)",
		strings.Repeat("word ", 100):                     "p(" + strings.Repeat("word ", 15) + "w" + ") p(REST) rule p(END)",
		"```\n" + strings.Repeat("x", 500):               "code:(" + strings.Repeat("x", 72) + ") p(REST) rule p(END)",
		strings.Repeat("- item\n", 100):                  "list(p(item); p(item); p(item); p(item); p(item); p(item); p(item); p(item)) p(REST) rule p(END)",
		strings.Repeat("> "+"quote\n>\n", 50):            "quote(p(quote) p(quote) p(quote) p(quote) p(quote) p(quote) p(quote) p(quote)) p(REST) rule p(END)",
		"|a|b|\n|-|-|\n" + strings.Repeat("|1|2|\n", 99): "table(a|b; 1|2; 1|2; 1|2; 1|2; 1|2; 1|2; 1|2; 1|2; 1|2; 1|2; 1|2; 1|2; 1|2) p(REST) rule p(END)",
	} {
		got := Fit(Parse(text), rest, end, 99, size)
		if n := size(got); n > 99 || n < 80 && len(text) > 99 {
			t.Errorf("%.20q: size %d", text, n)
		}

		if s := show(got); s != want {
			t.Errorf("%.20q: %s", text, s)
		}
	}
}

// usual is what people write.
const usual = "A user cannot log in with **two factors**: see [the log](https://a.example/b) and `auth.go`.\n\n- first\n- second\n\n"

// What people do not write is not much more work to read than what they do, and
// four times as much of it is about four times the work, not sixteen times.
func TestHostileTextIsLinear(t *testing.T) {
	for _, part := range []string{
		usual, "`a`", "`", "``` ", "[", "](", "*a", "_", "**", "> ", "- ", "1. ", "<", "<a ", "![", "|a", "|-|-|\n", "~~", "a@b.c ", "http://a.b/ ",
		"- - ", "[a](b", "[a][b]\n\n", "<!--", "&#", "*a _b ", "***a ",
		"<!---->", "<!-- a\n", "<!-- a -->\n", "-->", "<!--\n\n", "<b>", "</b>", "<b></b>", "<br>", "<a href='", "<a href=x>", "<sup>1</sup>", "<sup>", "<i><b>",
		"<details>", "<details>\n", "<p>", "<li>a", "<tr><td>", "<pre>", "<img alt=a>", "<div>\n\n", "<div><b>", "<sub>\n\n<div>",
	} {
		worktest.AtMost(t, fmt.Sprintf("%q", part), 10, reading(part, 16<<10), reading(part, 64<<10))
		notDeep(t, part)
	}
}

// Some text is work that grows with the square of its length, in goldmark. As
// long as a description can be, it is bounded all the same.
func TestTextThatIsNotLinear(t *testing.T) {
	for _, part := range []string{">\n", "> a\n>", "* a\n * b\n  * c\n", "[a]: b\n"} {
		worktest.AtMost(t, fmt.Sprintf("%q", part), 400, reading(usual, 64<<10), reading(part, 64<<10))
		notDeep(t, part)
	}
}

// repeated is a text of a size that has nothing but a part in it.
func repeated(part string, size int) string { return strings.Repeat(part, size/len(part)) }

func reading(part string, size int) func() {
	text := repeated(part, size)
	return func() { Parse(text) }
}

func notDeep(t *testing.T, part string) {
	t.Helper()
	if d := depth(Parse(repeated(part, 64<<10))); d > 3*markup.MaxNesting {
		t.Errorf("%q is %d deep", part, d)
	}
}

func depth(blocks []Block) int {
	deepest := 0
	for _, b := range blocks {
		deepest = max(deepest, depth(b.Blocks))
		for _, item := range b.Items {
			deepest = max(deepest, depth(item))
		}
	}

	return deepest + 1
}

func FuzzParse(f *testing.F) {
	for text := range parsed {
		f.Add(text, 100)
	}

	for text := range parsedHTML {
		f.Add(text, 100)
	}

	f.Fuzz(func(t *testing.T, text string, most int) {
		blocks := Parse(text)
		check(t, blocks)
		most = 40 + most&1023
		fitted := Fit(blocks, []Block{Plain("rest")}, nil, most, size)
		if size(fitted) > most {
			t.Errorf("%d, at most %d", size(fitted), most)
		}

		check(t, fitted)
	})
}

func check(t *testing.T, blocks []Block) {
	t.Helper()
	for _, b := range blocks {
		check(t, b.Blocks)
		for _, item := range b.Items {
			check(t, item)
		}

		all := b.Spans
		for _, row := range b.Rows {
			for _, cell := range row {
				all = append(all, cell...)
			}
		}

		for _, s := range all {
			if s.Link != "" {
				if to, ok := Address(s.Link); !ok || to != s.Link {
					t.Errorf("a link to %q", s.Link)
				}
			}

			if !s.Break && s.Text == "" || !utf8.ValidString(s.Text) || strings.ContainsAny(s.Text, "\n\r") || markup.Lines(s.Text) != s.Text {
				t.Errorf("text %q", s.Text)
			}
		}

		empty := (b.Kind == Paragraph || b.Kind == Heading) && len(b.Spans) == 0 || b.Kind == Quote && len(b.Blocks) == 0 || b.Kind == List && len(b.Items) == 0
		if empty || !utf8.ValidString(b.Text) {
			t.Errorf("an empty block %+v", b)
		}
	}
}
