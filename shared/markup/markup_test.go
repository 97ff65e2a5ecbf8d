package markup

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"example.com/integrations/shared/markup/worktest"
)

const z = breaker

func TestCut(t *testing.T) {
	family := "👩\u200d👩\u200d👧"
	for _, tt := range []struct {
		text   string
		max    int
		suffix string
		want   string
	}{
		{"abc", 3, "…", "abc"}, {"abcd", 3, "…", "ab…"}, {"", 0, "…", ""}, {"abc", 0, "…", ""}, {"abc", 1, "…", "…"}, {"abc", 2, "long", "ab"},
		{"e\u0301e\u0301e\u0301", 4, "…", "e\u0301…"}, {"e\u0301e\u0301e\u0301", 5, "…", "e\u0301e\u0301…"},
		{family + family, 6, "…", family + "…"}, {family + family, 5, "…", "…"}, {"🇩🇪🇫🇷", 3, "", "🇩🇪"}, {"a\r\nbcd", 3, "…", "a…"},
		{"日本語日本語", 4, "…", "日本語…"},
	} {
		if got := Cut(tt.text, tt.max, tt.suffix); got != tt.want {
			t.Errorf("Cut(%q, %d, %q) = %q, want %q", tt.text, tt.max, tt.suffix, got, tt.want)
		}
	}
}

func TestOneLine(t *testing.T) {
	for text, want := range map[string]string{
		"a\r\nb\n\n c\td": "a b c d", "  x  ": "x", "a\x00\x1bb": "ab", "a\u202eb\u2066c\u200fd": "abcd", "a\u2028b\u2029c\u0085d": "a b c d", "a\xffb": "a\ufffdb",
	} {
		if got := OneLine(text); got != want {
			t.Errorf("OneLine(%q) = %q, want %q", text, got, want)
		}
	}

	for text, want := range map[string]bool{"": true, " \u200b\u00a0\u2060\n": true, "x": false, "—": false, "🦀": false} {
		if IsBlank(text) != want {
			t.Errorf("IsBlank(%q)", text)
		}
	}
}

func TestWebURL(t *testing.T) {
	for text, want := range map[string]string{
		"https://a.test/x?y=1#z": "https://a.test/x?y=1#z", "HTTP://a.test": "HTTP://a.test", "https://a.test/)[x](b) \"'<>`": "https://a.test/%29%5Bx%5D%28b%29%20%22%27%3C%3E%60",
		"https://a.test/ü": "https://a.test/%C3%BC", "https://a.test/@x": "https://a.test/%40x",
		"https://a.test:8080?x": "https://a.test:8080?x", "https://a.test:/": "https://a.test:/", "https://a_b.test.:65535/100%": "https://a_b.test.:65535/100%",
		"https://bücher.test/": "https://b%C3%BCcher.test/", "https://B%C3%BCcher.test": "https://B%C3%BCcher.test", "https://💩.test": "https://%F0%9F%92%A9.test",
		"https://نامه\u200cای.test": "https://%D9%86%D8%A7%D9%85%D9%87%E2%80%8C%D8%A7%DB%8C.test", "https://127.0.0.1:1/": "https://127.0.0.1:1/",
		"https://a|b/": "", "https://exa%20mple/": "", "https://[::1": "", "https://[::1]/": "", "https://%00/": "", "https://a%2eb/": "", "https://a%25b/": "", "https://%ff/": "",
		"https://a\xffb/": "", "https://a\u3000b/": "", "https://%": "", "https://a.test\n/b": "", "https://a\\b/": "", "https://<a>/": "", "https://a\"b/": "", "https://a!b/": "",
		"https://a.test:abc/": "", "https://a.test:65536/": "", "https://a.test:99999999999999999999/": "", "https://a.test:-1/": "", "https://a:b:1/": "", "https://./": "",
		"javascript:alert(1)": "", "data:text/html,x": "", "//a.test": "", "https://": "", "https:///x": "", "https://u@a.test/": "", "https://:443/": "", "https://a b/": "", "": "",
	} {
		got, ok := WebURL(text)
		if got != want || ok != (want != "") {
			t.Errorf("WebURL(%q) = %q, want %q", text, got, want)
		}
	}
}

var disarmed = map[string]string{
	"hello @user and @org/team":                                 "hello @" + z + "user and @" + z + "org/team",
	"(@a) _@b_ **@c** é@d -@e .@":                               "(@" + z + "a) _@" + z + "b_ **@" + z + "c** é@" + z + "d -@" + z + "e .@",
	`\@user a@user x@y`:                                         `\@` + z + "user a@" + z + "user x@" + z + "y",
	"mail bob.x@python.org, ok":                                 "mail bob.x@python.org, ok",
	"bob@python.org@octocat":                                    "bob@" + z + "python.org@" + z + "octocat",
	"bob@host @ 3 @":                                            "bob@" + z + "host @ 3 @",
	"#1 a/b#2 \\#3 C#7 #x # 1":                                  "#" + z + "1 a/b#" + z + "2 \\#" + z + "3 C#" + z + "7 #x # 1",
	"Fixes #12, closes o/r#3":                                   "Fixes #" + z + "12, closes o/r#" + z + "3",
	"GH-1 gh-2 _gh-3_ high-1":                                   "GH-" + z + "1 gh-" + z + "2 _gh-" + z + "3_ high-1",
	`GH\-1`:                                                     `GH\-` + z + "1",
	"&#64;a &commat;b &#x40;c":                                  "&" + z + "#" + z + "64;a &" + z + "commat;b &" + z + "#x40;c",
	"&lt; &amp; &copy; &nbsp; & b":                              "&lt; &amp; &copy; &nbsp; & b",
	"@&#97;b #&#49;":                                            "@" + z + "&" + z + "#" + z + "97;b #&" + z + "#" + z + "49;",
	"<!-- x --> <b>y</b> <?php":                                 "<" + z + "!-- x --> " + z + "<b>y</b> <" + z + "?php",
	"a < b <3 List<int>":                                        "a < b <3 List<" + z + "int>",
	"<https://a.test/@x#1>":                                     "<https://a.test/%40x#%31>",
	"<https://a`b> `@x`":                                        "<" + z + "https://a`b> `@" + z + "x`",
	"https://a.test/_GH-3/gh-4":                                 "https://a.test/_GH-%33/gh-%34",
	"https://a.test/@x/p#12 z":                                  "https://a.test/%40x/p#%312 z",
	"[a](https://b.test/@c) @d":                                 "[a](https://b.test/%40c) @" + z + "d",
	"commit a5c3785ed8d6a35868bc169f07e40e889087fd2e.":          "commit a" + z + "5c3785ed8d6a35868bc169f07e40e889087fd2e.",
	"abc1234 1234567 deadbeef 20221113 550e8400-e29b":           "a" + z + "bc1234 1234567 deadbeef 20221113 550e8400-e29b",
	"o/r@a5c3785":                                               "o/r@" + z + "a" + z + "5c3785",
	"https://github.com/o/r/issues/1":                           "https://redirect.github.com/o/r/issues/1",
	"https://github.com/o/r/blob/x/y.md":                        "https://github.com/o/r/blob/x/y.md",
	"[k](http://www.GitHub.com:443/o/r/pull/2#issuecomment-3)":  "[k](http://redirect.github.com/o/r/pull/2#issuecomment-3)",
	`[k](https:\/\/github\.com\/o/r\/issues/1)`:                 `[k](https:\/\/redirect.github.com/o/r\/issues/1)`,
	"[a](https://b.c/issues)[d](https://github.com/o/r/pull/1)": "[a](https://b.c/issues)[d](https://redirect.github.com/o/r/pull/1)",
	"https://redirect.github.com/o/r/issues/1":                  "https://redirect.github.com/o/r/issues/1",
	"use `@Override` or ``@a`b``":                               "use `@Override` or ``@a`b``",
	"a ` b\nc ` @user `":                                        "a ` b\nc ` @" + z + "user `",
	"`a` | `@b`":                                                "`a` | `@b`",
	"` | @user `":                                               "` | @" + z + "user `",
	"https://x.test/` @user `":                                  "https://x.test/` @" + z + "user `",
	`\` + "` @user `":                                           `\` + "` @" + z + "user `",
	"[a](b`c) @user `d`":                                        "[a](b`c) @" + z + "user `d`",
	"[a](b \"x\n ` y\") @user `z":                               "[a](b \"x\n ` y\") @" + z + "user `z",
	"[a][b`c] @user `d`":                                        "[a][b`c] @" + z + "user `d`",
	"[`a`](https://b.test/c) and [d][e] `@f`":                   "[`a`](https://b.test/c) and [d][e] `@f`",
	"$`@user`$":                                                 "$`@" + z + "user`$",
	"a `\n\n` @user `":                                          "a `\n\n` @user `",
	"```go\n@x #1\n```\n@y":                                     "```go\n@x #1\n```\n@" + z + "y",
	"~~~\n@x\n```\n~~~ \n@y":                                    "~~~\n@x\n```\n~~~ \n@" + z + "y",
	"```\n@x":                                                   "```\n@x\n```",
	"  ```py\n  @x\n  ```\n@y":                                  "```py\n@x\n```\n@" + z + "y",
	" ```\n@a\n```\n@user":                                      "```\n@a\n```\n@" + z + "user",
	"- ```\n```\n@a\n```\n@b":                                   "- ```\n```\n@a\n```\n@" + z + "b",
	"    ```\n@a":                                               "    ```\n@" + z + "a",
	"``` a`b\n@x":                                               "``` a`b\n@" + z + "x",
	"````\n```\n@x\n````\n@y":                                   "````\n```\n@x\n````\n@" + z + "y",
	"```mermaid\ngraph\n```":                                    "```\ngraph\n```",
	"``` {.Python} x @y\n```":                                   "```Python\n```",
	strings.Repeat("`", 100) + "\n~~~\n@x":                      z + strings.Repeat("`", 100) + "\n~~~\n@x\n~~~",
	"```\n<!-- integrations:1/2/3 -->\n<!-- x -->\n```":         "```\n<" + z + "!-- integrations:1/2/3 -->\n<!-- x -->\n```",
	"`<!--integrations:1/2/3-->`":                               "`<" + z + "!--integrations:1/2/3-->`",
	"a\rb\r\nc\u2028d":                                          "a\nb\nc\nd",
}

func TestDisarm(t *testing.T) {
	g := NewGitHub("github.com")
	for text, want := range disarmed {
		got := g.Disarm(text)
		if got != want {
			t.Errorf("Disarm(%q)\n got %q\nwant %q", text, got, want)
		}

		if again := g.Disarm(got); again != got {
			t.Errorf("Disarm is not settled on %q: %q", got, again)
		}
	}

	e := NewGitHub("git.example.org")
	for text, want := range map[string]string{
		"https://git.example.org/o/r/issues/12 @a": "https://git.example.org/o/r/%69ssues/12 @" + z + "a",
		"https://github.com/o/r/issues/1":          "https://github.com/o/r/issues/1",
	} {
		if got := e.Disarm(text); got != want || e.Disarm(got) != got {
			t.Errorf("Disarm(%q) = %q, want %q", text, got, want)
		}
	}

	if got := g.DisarmLine("Fix `@a`\n#1\u202e"); got != "Fix `@"+z+"a` #"+z+"1" {
		t.Errorf("%q", got)
	}
}

func TestCutMarkdown(t *testing.T) {
	long := strings.Repeat("word ", 400)
	for name, tt := range map[string]struct {
		text string
		max  int
	}{
		"plain": {long, 500}, "fence": {"a\n\n```go\n" + long + "\n```\nafter", 500}, "tilde": {"~~~~\n" + strings.Repeat("line\n", 400), 500},
		"span": {strings.Repeat("x", 380) + " `" + strings.Repeat("@user ", 200) + "` end", 500}, "tiny": {"`@user " + long + "`", 20},
		"fence at the cut": {strings.Repeat("x", 395) + "\n```\n@x\n```\n" + long, 400 + 100}, "exact": {strings.Repeat("y", 500), 500},
	} {
		got := CutMarkdown(tt.text, tt.max, "[the rest](https://a.test)")
		if Count(got) > tt.max {
			t.Errorf("%s: %d code points, at most %d", name, Count(got), tt.max)
		}

		if _, open := openAtEnd(got); open {
			t.Errorf("%s leaves a code block open: %q", name, got)
		}

		if bad := active(got); bad != "" {
			t.Errorf("%s: %q is active in %q", name, bad, got)
		}

		if tt.max > 400 && got != tt.text && !strings.HasSuffix(got, "\n\n[the rest](https://a.test)") {
			t.Errorf("%s has no suffix: %q", name, got)
		}

		if tt.max > 400 && Count(got) < 300 {
			t.Errorf("%s is cut to %d", name, Count(got))
		}
	}
}

// What GitHub would take for a reference or a tag, outside code.
var references = regexp.MustCompile(`(?i)(?:^|[^a-z0-9])@[a-z0-9_]|[a-z0-9]@[a-z0-9-]+(?:$|[^a-z0-9.-])|#[0-9]|(?:^|[^a-z0-9])gh-[0-9]|<[a-z/!?](?:[^:]*>|[^:]*$)|<!--|//(?:www\.)?github\.com/[^/\s]+/[^/\s]+/(?:issues|pull|discussions)/|&(?:#64|#x40|commat|num|#35);`)

// active looks for what is alive in Markdown. It takes for code only fenced
// blocks and what is between backticks on a line that has an even number of
// them, none next to another, in a paragraph where all lines do.
func active(text string) string {
	for _, line := range proseLines(text) {
		line = withoutTags(line)
		if bad := references.FindString(line); bad != "" {
			return bad
		}
	}

	return ""
}

// withoutTags is a line without the tags that may stay: line ends, styles with
// their partner, and lines of details.
func withoutTags(line string) string {
	if line == "<details>" || line == "</details>" {
		return ""
	}

	line = strings.ReplaceAll(line, "<br>", "\x00")
	if m := regexp.MustCompile(`^<summary>(.*)</summary>$`).FindStringSubmatch(line); m != nil {
		line = m[1]
	}

	for before := ""; before != line; {
		before = line
		for _, name := range []string{"b", "i", "del", "ins", "code", "sub", "sup"} {
			line = regexp.MustCompile("<"+name+">([^<]*)</"+name+">").ReplaceAllString(line, "\x00$1\x00")
		}
	}

	return line
}

// proseLines are the lines of a text without code.
func proseLines(text string) []string {
	var plain []string
	fence := ""
	for _, paragraph := range strings.Split(text, "\n\n") {
		even := true
		for _, line := range strings.Split(paragraph, "\n") {
			even = even && strings.Count(line, "`")%2 == 0
		}

		for _, line := range strings.Split(paragraph, "\n") {
			mark := fenceLine.FindString(line)
			switch {
			case fence != "" && mark != "" && mark[0] == fence[0] && len(mark) >= len(fence) && strings.Trim(line, "`~ \t") == "":
				fence = ""
				continue
			case fence != "":
				continue
			case mark != "" && !(mark[0] == '`' && strings.Contains(line[len(mark):], "`")):
				fence = mark
				continue
			}

			if even {
				for _, wide := range []string{"```", "``", "`"} {
					line = regexp.MustCompile(wide+"[^`]+"+wide).ReplaceAllString(line, "code")
				}
			}

			plain = append(plain, line)
		}
	}

	return plain
}

var fenceLine = regexp.MustCompile("^(?:`{3,}|~{3,})")

func FuzzDisarm(f *testing.F) {
	for text := range disarmed {
		f.Add(text, 200)
	}

	for text := range tagged {
		f.Add(text, 200)
	}

	f.Add("1. a\n2. ```\n   @x\n   ```\n[y]: #1-a", 200)
	g := NewGitHub("github.com")
	f.Fuzz(func(t *testing.T, text string, max int) {
		got := g.Disarm(text)
		if !utf8.ValidString(got) {
			t.Fatalf("not UTF-8: %q", got)
		}

		if again := g.Disarm(got); again != got {
			t.Fatalf("not settled: %q, then %q", got, again)
		}

		if strings.Contains(got, "<!-- integrations:") || strings.Contains(got, "<!--integrations:") {
			t.Fatalf("a marker: %q", got)
		}

		if _, open := openAtEnd(got); open {
			t.Fatalf("an open code block: %q", got)
		}

		max = 200 + max&1023
		cut := CutMarkdown(got, max, "rest")
		if _, open := openAtEnd(cut); open || Count(cut) > max || !utf8.ValidString(cut) {
			t.Fatalf("cut to %d: %q", max, cut)
		}
	})
}

func FuzzCut(f *testing.F) {
	f.Add("e\u0301👩\u200d👩\u200d👧🇩🇪", 3, "…")
	f.Fuzz(func(t *testing.T, text string, max int, suffix string) {
		max &= 255
		if !utf8.ValidString(text) || !utf8.ValidString(suffix) {
			return
		}

		got := Cut(text, max, suffix)
		if Count(got) > max || !utf8.ValidString(got) {
			t.Fatalf("%q", got)
		}

		if kept, ok := strings.CutSuffix(got, suffix); ok && got != text && max >= Count(suffix) {
			whole := uniseg.GraphemeClusterCount(text)
			if !strings.HasPrefix(text, kept) || uniseg.GraphemeClusterCount(kept)+uniseg.GraphemeClusterCount(text[len(kept):]) != whole {
				t.Fatalf("%q is cut inside a character at %d", text, len(kept))
			}
		}
	})
}

func TestHostileTextIsLinear(t *testing.T) {
	g := NewGitHub("github.com")
	linear(t, g.Disarm, "`a`", "`", "``` ", "@a.", "&#", "&a", "<", "//a", "https://github.com/", "[", "\\`", "#1", "/a@", "e\u0301", "~~~\n", "- ", "$`")
}

// linear holds that four times the text is about four times the work to disarm
// and cut, and never sixteen times, for texts that have nothing but a part in
// them.
func linear(t *testing.T, disarm func(string) string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		work := func(size int) func() {
			text := strings.Repeat(part, size/len(part))
			return func() { CutMarkdown(disarm(text), size/2, "rest") }
		}
		worktest.AtMost(t, fmt.Sprintf("%q", part), 8, work(16<<10), work(64<<10))
	}
}
