package raw

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/yuin/goldmark/ast"

	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/markup/worktest"
)

// C2: what becomes of HTML in Markdown, for servers that read it and for those
// that show it as it stands.
var rewritten = []struct{ text, markdown, plain string }{
	{"a <!-- x --> b", "a b", "a b"},
	{"a  <!-- x -->\nb", "a\nb", "a\nb"},
	{"<!-- x -->\n\na\n\n<!-- y -->\n\nb", "a\n\nb", "a\n\nb"},
	{"- a\n  <!-- x -->\n- b", "- a\n  \n- b", "- a\n  \n- b"},
	{"> <!-- x\n> y -->\n> a", ">\n> a", ">\n> a"},
	{"a\n<!-- x -->\n---", "a\n\n---", "a\n\n---"},
	{"`<!-- x -->` <!-- y -->", "`<!-- x -->`", "`<!-- x -->`"},
	{"```\n<!-- x -->\n```\n<!-- y -->", "```\n<!-- x -->\n```\n", "```\n<!-- x -->\n```\n"},
	{"a \\<!-- x -->", "a \\<!-- x -->", "a \\<!-- x -->"},
	{"a <!-- x", "a <!-- x", "a <!-- x"},
	{"a <!-- x\n\ny --> b", "a b", "a b"},
	{"a <!-- x\n\n`-->` y --> b", "a b", "a b"},
	{"<!-- x\n\ny", "", ""},
	{"<details><summary>A  *b*</summary>c\n\nd\n\n</details>e", "<details>\n<summary>A *b*</summary>\nc\n\nd\n\n</details>\ne", "A  *b*\nc\n\nd\n\ne"},
	{"<details>\n<summary>a</summary>\n\nb</details>\n\nc", "<details>\n<summary>a</summary>\n\nb\n</details>\n\nc", "a\n\nb\n\nc"},
	{"<details><summary>a</summary></details></details>", "<details>\n<summary>a</summary>\n</details>\n", "a"},
	{"<details><summary><a href='https://a.test'>a</a> <img alt=b> <u>c</u> <!-- d --><T></summary>", "<details>\n<summary>a (https://a.test) b c <T></summary>", "a (https://a.test) b c <T>"},
	{"<summary>a</summary> b", "<b>a</b><br> b", "a\nb"},
	{"- <details><summary>a</summary>b\n  c</details>", "- <b>a</b><br>b\n  c", "- a\nb\n  c"},
	{"a<BR/>b", "a<br>b", "a\nb"},
	{"|a|\n|-|\n|b<br>c|", "|a|\n|-|\n|b<br>c|", "|a|\n|-|\n|b c|"},
	{"<div>\n    a <strong>b</strong>\n</div>", "a <b>b</b>\n", "a b\n"},
	{"<b>a\nb</b> <u>c</u>", "a\nb c", "a\nb c"},
	{"<h3 id=x>a</h3>\n<ul>\n  <li>b</li>\n</ul>", "### a\n\n- b\n", "a\n\n- b\n"},
	{"a\n\n<hr>", "a\n\n***", "a\n\n***"},
	{"<a href='https://a.test/b'>c `d`</a> <a href='https://a.test/b'>[c]</a>", "c `d` (https://a.test/b) [c] (https://a.test/b)", "c `d` (https://a.test/b) [c] (https://a.test/b)"},
	{"<a href='https://a.test/b'>c</a> <a href='https://a.test/'>https://a.test/</a>", "[c](https://a.test/b) [https://a.test/](https://a.test/)", "c (https://a.test/b) https://a.test/"},
	{"x <a href='https://b.test/c'>a.test</a>", "x a.test (https://b.test/c)", "x a.test (https://b.test/c)"},
	{"<a href='https://a.test'><img src='https://b.test/i' alt='a *b*'></a>", "a \\*b\\* (https://a.test)", "a *b* (https://a.test)"},
	{"<img src='https://b.test/i' alt='[a]'> <img src='https://b.test/j'>", "[\\[a\\]](https://b.test/i) https://b.test/j", "[a] (https://b.test/i) https://b.test/j"},
	{"10<sup>9</sup> x<sub>max</sub>", "10<sup>9</sup> x<sub>max</sub>", "10⁹ x_max"},
	{"<pre lang=go>a &lt; `b`\n\n<b>c</b></pre>", "```go\na < `b`\n\nc\n```", "a < `b`\n\nc"},
	{"<pre>```\n````</pre>", "`````\n```\n````\n`````", "```\n````"},
	{"List<P> Map<S> <T> <b>a </i>", "List<P> Map<S> <T> <b>a </i>", "List<P> Map<S> <T> <b>a </i>"},
	{"<html>\n<p>a\n</html>", "<html>\n<p>a\n</html>", "<html>\n<p>a\n</html>"},
	{"<script>\na\n</script>", "<script>\na\n</script>", "<script>\na\n</script>"},
	{"\n\na < b", "\n\na < b", "\n\na < b"},
}

func TestRewrite(t *testing.T) {
	for _, tt := range rewritten {
		if got := Rewrite(tt.text, ToMarkdown); got != tt.markdown {
			t.Errorf("%q in Markdown\n got %q\nwant %q", tt.text, got, tt.markdown)
		}

		if got := Rewrite(tt.text, ToPlainText); got != tt.plain {
			t.Errorf("%q in plain text\n got %q\nwant %q", tt.text, got, tt.plain)
		}
	}

	deep := strings.Repeat("<details>\n", maxFolds+1)
	if got := Rewrite(deep, ToMarkdown); strings.Count(got, "<details>") != maxFolds {
		t.Errorf("%d details in one another", strings.Count(got, "<details>"))
	}
}

func TestTokens(t *testing.T) {
	for text, want := range map[string]string{
		"a<b>c</b >d":                "a|b|c|/b|d",
		"<A x y='>' z=\"<b>\" w=1/>": "a",
		"a < b <1> </ b> <b <!x>":    "a < b <1> </ b> <b <!x>",
		"<!--><b><!---><!-- x -->":   "#|b|#|#",
		"<!-- a <b>":                 "#",
	} {
		var got []string
		raw := ""
		for _, token := range Tokens(text) {
			raw += token.Raw
			switch {
			case token.Kind == Comment:
				got = append(got, "#")
			case token.Kind == Text:
				got = append(got, token.Raw)
			case token.Closing:
				got = append(got, "/"+token.Name)
			default:
				got = append(got, token.Name)
			}
		}

		if strings.Join(got, "|") != want || raw != text {
			t.Errorf("%q: %q", text, got)
		}
	}

	tag := Tokens(`<a HREF='x&amp;y' title="a'b" checked id=7>`)[0]
	for name, want := range map[string]string{"href": "x&y", "title": "a'b", "checked": "", "id": "7", "none": ""} {
		if got := tag.Attribute(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}

	if long := "<a x='" + strings.Repeat("y", maxTag) + "'>"; Tokens(long)[0].Kind != Text {
		t.Error("a tag of any length")
	}
}

func TestHides(t *testing.T) {
	for text, want := range map[string]bool{
		"the docs": false, "a.test": false, "https://www.A.test/b": false, "v1.2.3 e.g. this": false, "b.test": true, "x b.a.test": true, "bücher.test": true, "a.test.evil": true,
	} {
		if got := Hides(text, "https://a.test/x"); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// What counts as the name of another host, for links of HTML and of Markdown.
func TestHidesByAddress(t *testing.T) {
	for _, tt := range []struct {
		text, address string
		want          bool
	}{
		{"a.test:8443", "https://a.test", false}, {"A.TEST.", "https://www.a.test:99/x", false}, {"https://a.test/b.test?c.test", "https://a.test", false},
		{"a.test/README.md", "https://a.test/README.md", false}, {"main.go and index.html", "https://a.test", false}, {"README.md", "https://a.test/README.md", true},
		{"api.a.test", "https://a.test", true}, {"a.test", "https://api.a.test", true}, {"a.test b.test", "https://a.test", true}, {"a.test", "https://a.test.evil.test", true},
		{"https://intranet/x", "https://a.test", true}, {"https://intranet/x", "https://intranet/y", false}, {"https://a.test@evil.test", "https://evil.test", true},
		{"http:\\\\b.test", "https://a.test", true}, {"https://[2001:db8::1]/", "https://a.test", true}, {"https://[2001:db8::1]/", "https://[2001:db8::1]/x", false},
		{"192.0.2.1", "https://a.test", true}, {"192.0.2.1:80/x", "http://192.0.2.1", false}, {"b\u200b.test", "https://a.test", true}, {"b\u00ad.te\ufe0fst", "https://a.test", true},
		{"b。test", "https://a.test", true}, {"ａ．ｔｅｓｔ", "https://a.test", false}, {"bu\u0308cher.test", "https://a.test", true}, {"пример.xn--p1ai", "https://пример.xn--p1ai", false},
		{"xx.yy@a.test", "mailto:xx.yy@a.test", false}, {"x@b.test", "mailto:x@a.test", true}, {"x@a.test", "mailto:x@a.test?subject=b.test", false}, {"xx.yy@a.test", "https://a.test", true},
		{"b.test", "//a.test", true}, {"a.test", "//a.test", false}, {"b.test", "///a.test", true}, {"b.test", "https:/a.test", true}, {"b.test", "ftp://a.test", true}, {"b.test", "https://a%zz", true},
		{"Node.js", "#nodejs", false}, {"README.md", "docs/README.md", false}, {"https://b.test", "/evil", true}, {"www.b.test", "#x", true}, {"the docs", "https:/a.test", false},
	} {
		if got := Hides(tt.text, tt.address); got != tt.want {
			t.Errorf("%q to %q: %v", tt.text, tt.address, got)
		}
	}
}

func TestScripted(t *testing.T) {
	for _, tt := range []struct {
		before, text string
		role         Role
		want         string
	}{
		{"10", "-9", Super, "⁻⁹"}, {"H", "2", Sub, "₂"}, {"x", "max", Sub, "_max"}, {"x", "y", Super, "^y"}, {"1", "st", Super, "st"},
		{"Z", "TM", Super, "™"}, {" ", "note", Super, "note"}, {"x", "a b", Super, "a b"}, {"x", "", Sub, ""},
	} {
		if got := Scripted(tt.before, tt.text, tt.role); got != tt.want {
			t.Errorf("%q behind %q: %q, want %q", tt.text, tt.before, got, tt.want)
		}
	}
}

// C2: HTML takes no more work than its length.
func TestHostileHTMLIsLinear(t *testing.T) {
	for _, part := range []string{
		"<!--", "<!---->", "<!-- a -->\n", "-->", "<!--\n\n", "a <!-- ", "<b>", "<b></b>", "</b>", "<a href='", "<a b=\"", "<a b='<a b=\"", "<a a", "<br>",
		"<details>\n", "<details><summary>", "<p>", "<sup>1</sup>", "<img alt=a>", "<a href='https://a.test'>x</a>", "`<!--`", "`", "[<b>", "<li>", "<td>", "<pre>", "<i><b>",
		"[", "](", "*a _b ", "***a ", "_", "~~", "> ", "- - ", "[a](b", "![",
	} {
		work := func(size int) func() {
			text := "<b>x</b> " + strings.Repeat(part, size/len(part))
			return func() {
				Rewrite(text, ToMarkdown)
				Rewrite(text, ToPlainText)
			}
		}

		worktest.AtMost(t, fmt.Sprintf("%q", part), 10, work(16<<10), work(64<<10))
	}
}

func FuzzRewrite(f *testing.F) {
	for _, tt := range rewritten {
		f.Add(tt.text)
	}

	f.Fuzz(func(t *testing.T, text string) {
		for _, form := range []Output{ToMarkdown, ToPlainText} {
			got := Rewrite(text, form)
			if !utf8.ValidString(got) || strings.Contains(got, "\r") {
				t.Errorf("%q", got)
			}

			if len(got) > 8*len(text)+100 {
				t.Errorf("%d bytes of %d", len(got), len(text))
			}
		}

		raw := ""
		tokens := Tokens(text)
		for _, token := range tokens {
			raw += token.Raw
		}

		if raw != text {
			t.Errorf("tokens of %q: %q", text, raw)
		}

		open := 0
		for i, paired := range Paired(tokens) {
			switch {
			case paired && tokens[i].Closing:
				open--
			case paired:
				open++
			}

			if open < 0 {
				t.Errorf("%q: a closing tag before its partner", text)
			}
		}

		if open != 0 {
			t.Errorf("%q: %d partners are missing", text, open)
		}
	})
}

// What nests too deep is read as text: going through it would take long.
func TestDeepNestingIsText(t *testing.T) {
	for _, part := range []string{"> ", "- ", "1. "} {
		nodes := 0
		walk(strings.Repeat(part, 5000)+"<b>x</b>", func(ast.Node) { nodes++ })
		if nodes > 3*markup.MaxNesting {
			t.Errorf("%q: %d nodes", part, nodes)
		}
	}
}
