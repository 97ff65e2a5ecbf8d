package atlassian

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"example.com/integrations/shared/markup/document"
)

const z = breaker

var wikiRendered = map[string]string{
	"a":                               "a",
	"[~bob] \\[~bob]":                 `\[\~bob\] \[\~bob\]`,
	"{html}x{html}":                   `\{html\}x\{html\}`,
	"!a.png! a^b a+b a?b #1":          `\!a.png\! a\^b a\+b a\?b \#1`,
	"KEP-9 abc_1-2 a-b x - y":         `KEP\-` + z + `9 abc\_1\-` + z + `2 a\-b x \- y`,
	`C:\\\\dir`:                       "C&#58;&#92;&#92;dir",
	"(y) (i) (x) f(x) :) a: b":        "&#40;y) &#40;i) &#40;x) f&#40;x) &#58;) a: b",
	"&#38;#91; &amp;lt; & AT&T":       "&amp;\\#91; &amp;lt; & AT&T",
	"h1\\. x":                         "h1&#46; x",
	"bq. x":                           "bq&#46; x",
	"h*1.* x":                         "h1&#46; x",
	"ftp://a.test":                    "ftp&#58;//a.test",
	"# A **b**":                       "h1. A *b*",
	"**b** *i* ~~s~~ `c`":             "*b* _i_ -s- {{c}}",
	"a**b**c":                         "abc",
	"**b**, (*i*)":                    "*b*, (_i_)",
	"[a|b](https://c.test/d!e|f)":     "[a&#124;b|https://c.test/d%21e%7Cf]", // C15
	"**[a](https://b.test)**":         "*[a|https://b.test]*",
	"a\\\nb":                          "a\nb",
	"a\\\nh1. b":                      "a\nh1&#46; b",
	"- a\n  - b\n    1. c\n- d":       "* a\n** b\n**# c\n* d",
	"- a\n\n  b\n- c":                 `* a \\ b` + "\n* c",
	"- a\n  ```\n  x\n  ```\n- b":     "* a\n\n{noformat}\nx\n{noformat}\n\n* b",
	"> a\n> > b\n\nc":                 "{quote}\na\n\nb\n{quote}\n\nc",
	"```go\n{code} [~x]\n```":         "{code:go}\n{" + z + "code} [~x]\n{code}",
	"```rust\n{noformat}{quote}\n```": "{noformat}\n{" + z + "noformat}{" + z + "quote}\n{noformat}",
	"|a|b\\|c|\n|-|-|\n|*d*||":        "||a||b&#124;c||\n|_d_| |", // C15
	"|a|\n|-|\n|[b\\|c](https://d.test) `e\\|f`|": "||a||\n|[b&#124;c|https://d.test] {{e&#124;f}}|",
	"[a!!! !b!](https://c.test) d!!!":             `[a&#33;&#33;&#33; &#33;b&#33;|https://c.test] d\!\!\!`,
	"a|b":                                         `a\|b`,
	"---":                                         "----",
	"www.a.test x":                                "[www" + z + ".a.test|http://www.a.test] x",
}

func TestWiki(t *testing.T) {
	for text, want := range wikiRendered {
		if got := Wiki(document.Parse(text)); got != want {
			t.Errorf("%q\n got %q\nwant %q", text, got, want)
		}
	}
}

func TestWikiSize(t *testing.T) {
	if n := WikiSize(document.Parse("🦀 a-b")); n != len("🦀")/2+len(` a\-b`) {
		t.Error(n)
	}
}

var (
	inert = regexp.MustCompile(`\\[^\\ \w]|&#[0-9]+;`)
	block = regexp.MustCompile(`(?s)\{(?:code:[a-z+#]+|noformat)\}\n.*?\n\{(?:code|noformat)\}`)
	link  = regexp.MustCompile(`\[[^\[\]|\n]*\|(?:https?://|mailto:)[^\[\]|\s{}!]+\]`)
	alive = regexp.MustCompile(`\[|!\S|\{[a-zA-Z]|\b[A-Za-z][A-Za-z0-9_]+-[0-9]|://`)
)

func FuzzWiki(f *testing.F) {
	for text := range wikiRendered {
		f.Add(text)
	}

	f.Fuzz(func(t *testing.T, text string) {
		got := Wiki(document.Parse(text))
		if !utf8.ValidString(got) {
			t.Fatalf("%q", got)
		}

		rest := block.ReplaceAllString(got, "\x00")
		rest = strings.NewReplacer("{quote}", "", "{{", "\x02", "}}", "\x02").Replace(inert.ReplaceAllString(rest, "\x01"))
		rest = link.ReplaceAllString(rest, "\x03")
		if bad := alive.FindString(rest); bad != "" {
			t.Errorf("%q is alive in %q", bad, got)
		}
	})
}
