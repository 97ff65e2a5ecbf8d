package markup

import (
	"regexp"
	"strings"
	"testing"
)

// A disarmer makes text harmless for one provider.
type disarmer interface{ Disarm(text string) string }

func markdownDisarmers() map[string]disarmer {
	return map[string]disarmer{"github": NewGitHub("github.com"), "gitlab": NewGitLab("gitlab.com")}
}

// C15: a list item that begins with a block of code keeps its structure.
func TestItemsThatBeginWithCode(t *testing.T) {
	for text, want := range map[string]string{
		"- ```go\n  @x\n  ```\n- @b":                      "- ```go\n  @" + z + "x\n  ```\n- @" + z + "b",
		"1. ```\n   x\n   ```\n2. b":                      "1. ```\n   x\n   ```\n2. b",
		"7) ~~~\n   x\n   ~~~\n8) b":                      "7) ~~~\n   x\n   ~~~\n8) b",
		"1. a\n2. ```\n   x\n   ```\n3. b":                "1. a\n2. ```\n   x\n   ```\n3. b",
		"1. a\n   more\n\n2. ```\n   x\n   ```\n3. b":     "1. a\n   more\n\n2. ```\n   x\n   ```\n3. b",
		"- - ```\n    x\n    ```\n  - b\n- c":             "- - ```\n    x\n    ```\n  - b\n- c",
		"- a\n  - ```\n    x\n    ```\n  - b":             "- a\n  - ```\n    x\n    ```\n  - b",
		"- ```\n\n  x\n\n    ```\n- b `@c`":               "- ```\n\n  x\n\n    ```\n- b `@c`",
		"- ```\n  x\n- b\n\n```\n@c\n```":                 "- ```\n  x\n- b\n\n```\n@c\n```", // the second item ends the block
		"- ```\n  x\n\n@b":                                "- ```\n  x\n\n@" + z + "b",
		"- ```\n  ```\n```\n@a\n```\n@b":                  "- ```\n  ```\n```\n@a\n```\n@" + z + "b",
		"- ```\n```\n@a\n```\n@b":                         "- ```\n```\n@a\n```\n@" + z + "b",
		"- ````\n  ```\n  ````\n- b":                      "- ````\n  ```\n  ````\n- b",
		"- ```mermaid\n  graph\n  ```\n- b":               "- ```\n  graph\n  ```\n- b",
		"> ```go\n> @x\n> ```\n@b":                        "> ```go\n> @" + z + "x\n> ```\n@" + z + "b",
		"> - ```\n>   x\n>   ```\n> - b":                  "> - ```\n>   x\n>   ```\n> - b",
		"- > ```\n  > x\n  > ```\n- b":                    "- > ```\n  > x\n  > ```\n- b",
		"text\n2. ```\n   @x\n   ```\n@b":                 "text\n2. ```\n   @" + z + "x\n```\n@b\n```", // no item: a paragraph goes on
		"* * *\n  text\n2. ```\n   ```\n@b":               "* * *\n  text\n2. ```\n```\n@b\n```",
		"text\n- \n  text\n2. ```\n   ```\n@b":            "text\n- \n  text\n2. ```\n```\n@b\n```",
		"-     ```\n   ```\n@b":                           "-     ```\n```\n@b\n```", // indented code
		" ```\n    ```\n@b\n```\n@c":                      "```\n    ```\n@b\n```\n@" + z + "c",
		"   ~~~\n     ~~~\n\n@b":                          "~~~\n     ~~~\n\n@b\n~~~",
		"- ```\n  /close\n  ```\n- b":                     "- ```\n  /close\n  ```\n- b",
		strings.Repeat("`", 100) + "\n[x]: #1-a\n```\n@x": z + strings.Repeat("`", 100) + "\n[x]: #" + z + "1-a\n```\n@x\n```",
	} {
		for provider, d := range markdownDisarmers() {
			want := want
			if provider == "gitlab" {
				want = strings.ReplaceAll(want, "/close", z+"/close")
			}

			got := d.Disarm(text)
			if got = strings.ReplaceAll(got, "  "+z+"/close", "  "+z+"/close"); got != want {
				t.Errorf("%s: %q\n got %q\nwant %q", provider, text, got, want)
			}

			if again := d.Disarm(got); again != got {
				t.Errorf("%s: not settled: %q, then %q", provider, got, again)
			}
		}
	}

	for text, want := range map[string]string{
		"- ```go\n  @x\n  ```\n- b":     "- ```go\n  @" + z + "x\n  ```\n- b",
		"1. ~~~\n   x\n   ~~~\n2. b":    "1. ~~~\n   x\n   ~~~\n2. b",
		"- ```\n  x\n\n```\na":          "- ```\n  x\n\n```\na\n```",
		"```\n- ```\n```\n1. ```\n   a": "```\n- ```\n```\n1. ```\n   a",
	} {
		if got := (MantisBT{}).Disarm(text); got != want {
			t.Errorf("mantisbt: %q\n got %q\nwant %q", text, got, want)
		}
	}
}

// C15: a link's target that refers to nothing stays as it is.
func TestTargetsStay(t *testing.T) {
	for text, want := range map[string]struct{ github, gitlab string }{
		"[x](#64k-limits) #64":                    {"[x](#64k-limits) #" + z + "64", "[x](#64k-limits) #" + z + "64"},
		"- [1. @a](#1-a) and [b](#2-b)":           {"- [1. @" + z + "a](#1-a) and [b](#2-b)", "- [1. @" + z + "a](#1-a) and [b](#2-b)"},
		"[x](docs/a.md#5-b) [y](../a/b1234567.c)": {"[x](docs/a.md#5-b) [y](../a/b1234567.c)", "[x](docs/a.md#5-b) [y](../a/b1234567.c)"},
		"[x]: #1-a\n[y]: a/b#2-c\n\n[x] [y]":      {"[x]: #1-a\n[y]: a/b#2-c\n\n[x] [y]", "[x]: #1-a\n[y]: a/b#2-c\n\n[x] [y]"},
		"![x](a/b#3-c.png)":                       {"![x](a/b#3-c.png)", "!" + z + "[x](a/b#3-c.png)"},
		"`a` [`b`](#1-c) [d](#1-c)":               {"`a` [`b`](#" + z + "1-c) [d](#1-c)", "`a` [`b`](#" + z + "1-c) [d](#1-c)"},
		// GitLab makes references of links that lead to one.
		"[x](#12) [y](g/p#12) [z](@user)":  {"[x](#12) [y](g/p#12) [z](@user)", "[x](#" + z + "12) [y](g/p#" + z + "12) [z](@" + z + "user)"},
		"[x](abc1234) [y](g/p~bug)":        {"[x](abc1234) [y](g/p~bug)", "[x](a" + z + "bc1234) [y](g/p~" + z + "bug)"},
		"[x](GL-12) [y](abc1234..abc1235)": {"[x](GL-12) [y](abc1234..abc1235)", "[x](GL-" + z + "12) [y](a" + z + "bc1234..a" + z + "bc1235)"},
		// What may be none, is disarmed.
		"x](#1-a)":                     {"x](#" + z + "1-a)", "x](#" + z + "1-a)"},
		`\[x](#1-a)`:                   {`\[x](#` + z + "1-a)", `\[x](#` + z + "1-a)"},
		"| [a | b](#1-c) |":            {"| [a | b](#" + z + "1-c) |", "| [a | b](#" + z + "1-c) |"},
		"[a `b](#1-c)":                 {"[a `b](#" + z + "1-c)", "[a `b](#" + z + "1-c)"},
		"[^1]: #1-a":                   {"[^1]: #" + z + "1-a", "[^" + "1]: #" + z + "1-a"},
		"[^1](#1-a)":                   {"[^1](#" + z + "1-a)", "[^1](#" + z + "1-a)"},
		"a\n[x]: #1-a":                 {"a\n[x]: #" + z + "1-a", "a\n[x]: #" + z + "1-a"},
		"  [x]: #1-a\n[x]: #1-b":       {"  [x]: #1-a\n[x]: #" + z + "1-b", "  [x]: #1-a\n[x]: #" + z + "1-b"},
		"[x]: #1-a b":                  {"[x]: #" + z + "1-a b", "[x]: #" + z + "1-a b"},
		"[x](#1 a)":                    {"[x](#" + z + "1 a)", "[x](#" + z + "1 a)"},
		"[x](//github.com/o/r/pull/1)": {"[x](//redirect.github.com/o/r/pull/1)", "[x](//github.com/o/r/pull/1)"},
	} {
		all := markdownDisarmers()
		for provider, want := range map[string]string{"github": want.github, "gitlab": want.gitlab} {
			got := all[provider].Disarm(text)
			if got != want || all[provider].Disarm(got) != got {
				t.Errorf("%s: %q\n got %q\nwant %q", provider, text, got, want)
			}
		}
	}
}

// C15: GitHub makes a link of www.github.com/…, which leaves a trace as
// https://… does.
func TestAddressesWithoutScheme(t *testing.T) {
	g := NewGitHub("github.com")
	for text, want := range map[string]string{
		"see www.github.com/o/r/issues/1.":       "see https://redirect.github.com/o/r/issues/1.",
		"(WWW.GitHub.com:443/o/r/pull/2)":        "(https://redirect.github.com/o/r/pull/2)",
		"*www.github.com/o/r/issues/1*":          "*https://redirect.github.com/o/r/issues/1*",
		"[x](www.github.com/o/r/issues/1)":       "[x](https://redirect.github.com/o/r/issues/1)",
		`www.github\.com/o/r/issues/1`:           "https://redirect.github.com/o/r/issues/1",
		"www.github.com/o/r/blob/x":              "www.github.com/o/r/blob/x",
		"www.github.community/o/r/issues/1":      "www.github.community/o/r/issues/1",
		"a/www.github.com/o/r/issues/1":          "a/redirect.github.com/o/r/issues/1",
		"xwww.github.com/o/r/issues/1":           "xwww.github.com/o/r/issues/1",
		"www.github.com/o/r/issues/1#issue-2 @a": "https://redirect.github.com/o/r/issues/1#issue-2 @" + z + "a",
		"`www.github.com/o/r/issues/1`":          "`www.github.com/o/r/issues/1`",
	} {
		if got := g.Disarm(text); got != want || g.Disarm(got) != got {
			t.Errorf("%q\n got %q\nwant %q", text, got, want)
		}
	}

	e := NewGitHub("git.example.org")
	if got := e.Disarm("www.git.example.org/o/r/issues/12"); got != "https://git.example.org/o/r/%69ssues/12" {
		t.Errorf("enterprise: %q", got)
	}

	l := NewGitLab("www.gitlab.example")
	if got, want := l.Disarm("www.gitlab.example/g/p/-/issues/1 and www.a.test/x"), "www"+z+".gitlab.example/g/p/-/issues/1 and www.a.test/x"; got != want {
		t.Errorf("gitlab: %q, want %q", got, want)
	}
}

// tagged are texts with tags, as they are for GitHub.
var tagged = map[string]string{
	"a<br>b <b>c</b> <i>d</i>":               "a<br>b " + z + "<b>c</b> " + z + "<i>d</i>",
	"<br>":                                   z + "<br>",
	"- <br>\n  `@x`":                         "- " + z + "<br>\n  `@x`",
	"<b>a <code>@x</code></b> <sub>#1</sub>": z + "<b>a " + z + "<code>@" + z + "x</code></b> " + z + "<sub>#" + z + "1</sub>",
	"<b>a":                                   "<" + z + "b>a",
	"</b> <b>a\n</b>":                        "<" + z + "/b> <" + z + "b>a\n<" + z + "/b>",
	"<b>a <i>b</b> c</i>":                    "<" + z + "b>a <" + z + "i>b<" + z + "/b> c<" + z + "/i>",
	`\<b>a</b>`:                              `\<` + z + "b>a<" + z + "/b>",
	"<b>a ` </b>\n` @x":                      "<" + z + "b>a ` <" + z + "/b>\n` @" + z + "x",
	"<b>a `</b>` b":                          "<" + z + "b>a `</b>` b",
	"<b id=x>a</b> <a href=x>b</a> <p>":      "<" + z + "b id=x>a<" + z + "/b> <" + z + "a href=x>b<" + z + "/a> <" + z + "p>",
	"<details>\n<summary>@a <b>b</b></summary>\n\nc": "<details>\n<summary>@" + z + "a " + z + "<b>b</b></summary>\n\nc\n\n</details>",
	"<details>\n`@a`\n</details>\n`@b`":              "<details>\n\n`@a`\n</details>\n\n`@b`",
	"<details>\n```\n@a\n```\n@b\n</details>":        "<details>\n\n```\n@a\n```\n@" + z + "b\n</details>",
	"<details>\n<details>\na\n</details>":            "<details>\n<details>\n\na\n</details>\n\n</details>",
	"</details>\n<summary>a</summary>":               "<" + z + "/details>\n<" + z + "summary>a<" + z + "/summary>",
	" <details>\n<details open>\n- <details>":        " <" + z + "details>\n<" + z + "details open>\n- <" + z + "details>",
	"```\n<details>\n```\n<b>x</b>":                  "```\n<details>\n```\n" + z + "<b>x</b>",
	"<details>\n```\n</details>":                     "<details>\n\n```\n</details>\n```\n\n</details>",
}

// C2: the few tags that stay, and where they do not.
func TestTagsThatStay(t *testing.T) {
	for text, want := range tagged {
		got := NewGitHub("github.com").Disarm(text)
		if got != want || NewGitHub("github.com").Disarm(got) != got {
			t.Errorf("github: %q\n got %q\nwant %q", text, got, want)
		}

		if bad := active(got); bad != "" {
			t.Errorf("github: %q is active in %q", bad, got)
		}

		l := NewGitLab("gitlab.com")
		got = l.Disarm(text)
		if strings.Count(got, "<br>")+strings.Count(got, "<b>") != strings.Count(want, "<br>")+strings.Count(want, "<b>") || l.Disarm(got) != got {
			t.Errorf("gitlab: %q: %q", text, got)
		}

		if bad := activeGitLab(got, "gitlab.com"); bad != "" {
			t.Errorf("gitlab: %q is active in %q", bad, got)
		}
	}

	deep := NewGitHub("github.com").Disarm(strings.Repeat("<details>\n", maxFolds+1))
	if n := strings.Count(deep, "\n</details>"); n != maxFolds || !strings.Contains(deep, "<"+z+"details>") {
		t.Errorf("%d of %d details stay", n, maxFolds+1)
	}
}

// A cut closes details, and goes through no tag.
func TestCutTags(t *testing.T) {
	long := strings.Repeat("word ", 200)
	for name, text := range map[string]string{
		"details":         "<details>\n<summary>a</summary>\n\n" + long,
		"nested details":  strings.Repeat("<details>\n", 8) + "\n" + long,
		"closed details":  "<details>\n\na\n</details>\n\n" + long,
		"code in details": "<details>\n\n```\n" + long + "\n```\n</details>",
		"a summary":       "<details>\n<summary>" + long + "</summary>\n\na\n</details>",
		"a style":         strings.Repeat("x", 350) + " <b>" + long + "</b>",
		"styles":          strings.Repeat("<b>x <i>y</i> z</b> ", 60),
		"links":           strings.Repeat("x ", 100) + strings.Repeat("[y](a#1-a) ", 60),
		"definitions":     strings.Repeat("[y]: a#1-abc\n", 60),
		"line ends":       strings.Repeat("<br>", 300),
	} {
		text = NewGitHub("github.com").Disarm(text)
		for limit := 440; limit < 470; limit++ {
			got := CutMarkdown(text, limit, "rest")
			body, ok := strings.CutSuffix(got, "\n\nrest")
			switch {
			case !ok || Count(got) > limit:
				t.Errorf("%s: %d code points, at most %d: %q", name, Count(got), limit, got)
			case openFolds(body) > 0 || strings.Count(body, "<details>") != strings.Count(body, "</details>"):
				t.Errorf("%s: details are open: %q", name, body)
			case strings.Count(body, "<b>") != strings.Count(body, "</b>") || strings.Count(body, "<i>") != strings.Count(body, "</i>"):
				t.Errorf("%s: a style is open: %q", name, body)
			case halfLink.MatchString(body):
				t.Errorf("%s: half a link: %q", name, body)
			case halfTag.MatchString(body):
				t.Errorf("%s: half a tag: %q", name, body)
			case name != "a summary" && Count(got) < 180:
				t.Errorf("%s: cut to %d", name, Count(got))
			}
		}
	}
}

var halfLink = regexp.MustCompile(`\[y\]\([^)]*$|\[y\]: a#1-[ab]{0,2}$`)

var halfTag = regexp.MustCompile(`<[^>]*$`)

// Blocks of quotations that only GitLab has would end in what is read as code.
func TestGitLabQuotationBlocks(t *testing.T) {
	g := NewGitLab("gitlab.com")
	got := g.Disarm(">>>\n```\n>>>\n@a\n```\n> b")
	if want := z + ">>>\n```\n>>>\n@a\n```\n> b"; got != want || g.Disarm(got) != got {
		t.Errorf("%q", got)
	}
}
