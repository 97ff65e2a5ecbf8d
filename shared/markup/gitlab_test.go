package markup

import (
	"html"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

var disarmedGitLab = map[string]string{
	"hello @user, @all and @org/team":              "hello @" + z + "user, @" + z + "all and @" + z + "org/team",
	"é@d _@b_ mail bob.x@python.org, git@x.yz:a/b": "é@" + z + "d _@" + z + "b_ mail bob.x@python.org, git@x.yz:a/b",
	`\@user @\_user`:                               `\@` + z + `user @` + z + `\_user`,
	"#1 a/b#2 \\#3 # 1 GL-4 gl-5 high-6":           "#" + z + "1 a/b#" + z + "2 \\#" + z + "3 # 1 GL-" + z + "4 gl-" + z + "5 high-6",
	"Fixes #12, closes g/p!3":                      "Fixes #" + z + "12, closes g/p!" + z + "3",
	"!1 Hi! ![x](https://a.test/b.png)":            "!" + z + "1 Hi! !" + z + "[x](https://a.test/b.png)",
	"&1 a & b &2 &lt;&amp; &amp;3 &copy;":          "&" + z + "1 a & b &" + z + "2 &lt;&amp; &amp;" + z + "3 &copy;",
	"$4 $x $ 5":                                    "$" + z + "4 $x $ 5",
	`~bug ~"two words" ~7 ~/x ~ 5 ~~gone~~`:        `~` + z + `bug ~` + z + `"two words" ~` + z + `7 ~/x ~ 5 ~~` + z + `gone~~`,
	`%1.2 %"a b" 100% sure %{x} %`:                 `%` + z + `1.2 %` + z + `"a b" 100% sure %` + z + `{x} %`,
	`^alert#1 x^2`:                                 `^` + z + `alert#` + z + `1 x^2`,
	`*iteration:"a" **iteration:** *it*`:           `*` + z + `iteration:"a" **` + z + `iteration:** *it*`,
	"[issue:1] [a](b) [[x]] [TOC] [[_TOC_]]":       "[" + z + "issue:1] [a](b) [" + z + "[x]] [" + z + "TOC] [" + z + "[_TOC_]]",
	`[\[_TOC_]] [TOC\] [issue\:1]`:                 `[` + z + `\[_TOC_]] [` + z + `TOC\] [` + z + `issue\:1]`,
	"a/project> a -> b > c":                        "a/project" + z + "> a -" + z + "> b > c",
	`a/b\> a \>`:                                   "a/b" + z + `\> a \>`,
	"a/b&gt; &gt;":                                 "a/b" + z + "&gt; &gt;",
	"&#64;a &commat;b &lbrack;issue:1]":            "&" + z + "#" + z + "64;a &" + z + "commat;b &" + z + "lbrack;issue:1]",
	"/close":                                       z + "/close",
	"text\n  /assign @me\n/a/b":                    "text\n  " + z + "/assign @" + z + "me\n" + z + "/a/b",
	"a /close / x\n/\n/ close":                     "a /close / x\n/\n/ close",
	"::include{file=x}":                            ":" + z + ":include{file=x}",
	"---\na: b\n---\nx":                            z + "---\na: b\n---\nx",
	"# -*- coding: x\n+++\n":                       "# -*- coding: x\n" + z + "+++\n",
	"a\n\n---\nb":                                  "a\n\n---\nb",
	"```sh\n/close\n/usr/bin/x\n /label ~a\n::include{file=x}\n```\n/x": "```sh\n" + z + "/close\n/usr/bin/x\n" + z + " /label ~a\n" + z + "::include{file=x}\n```\n" + z + "/x",
	"```plantuml\na\n```\n```json:table\n```\n```Mermaid\n```":          "```\na\n```\n```\n```\n```\n```",
	"use `@all` and `/close #1 ~x`":                                     "use `@all` and `/close #1 ~x`",
	"` | @user `":                                                       "` | @" + z + "user `",
	"<!-- x --> <b>y</b> a < b":                                         "<" + z + "!-- x --" + z + "> " + z + "<b>y</b> a < b",
	"```\n<!-- integrations:1/2/3 -->\n```":                             "```\n<" + z + "!-- integrations:1/2/3 -->\n```",
	"https://a.test/~b/%20x?a=1&2=3#4 z":                                "https://a.test/%7Eb/%20x?a=1&%32=3#%34 z",
	"https://a.test/@x/#!/y http://localhost:1/~b":                      "https://a.test/%40x/#!/y http://localhost:1/~" + z + "b",
	"<https://a.test/@x#1>":                                             "<https://a.test/%40x#%31>",
	"https://gitlab.com/g/p/-/issues/1":                                 "https://gitlab.com:443/g/p/-/issues/1",
	"[a](HTTPS://GitLab.com/g/p/-/issues/1#note_2)":                     "[a](HTTPS://gitlab.com:443/g/p/-/issues/1#note_2)",
	"[a](https://gitlab.com:443/g/p/issues/1)":                          "[a](https://gitlab.com:443/g/p/issues/1)",
	"http://gitlab.com/x https://gitlab.com.evil.test/":                 "http://gitlab.com:80/x https://gitlab.com.evil.test/",
	"<https://gitlab%2Ecom/g/p/-/issues/1>":                             "<https://gitlab.com:443/g/p/-/issues/1>",
	`[a](https:\/\/gitlab.com/g/p/-/issues/1)`:                          `[a](http` + z + `s:\/\/gitlab.com/g/p/-/issues/1)`,
	`[a](https://gitlab\.com/g/p/-/issues/1)`:                           `[a](http` + z + `s://gitlab\.com/g/p/-/issues/1)`,
	`[a](https://gitlab&period;com/g/p)`:                                `[a](http` + z + `s://gitlab&` + z + `period;com/g/p)`,
	"1https://gitlab.com/g/p/-/issues/1":                                "1http" + z + "s://gitlab.com/g/p/-/issues/1",
	`https://a.test/x\_y`:                                               `https://a.test/x\_y`,
	"commit a5c3785ed8d6a35868bc169f07e40e889087fd2e.":                  "commit a" + z + "5c3785ed8d6a35868bc169f07e40e889087fd2e.",
}

func TestDisarmGitLab(t *testing.T) {
	g := NewGitLab("gitlab.com")
	for text, want := range disarmedGitLab {
		got := g.Disarm(text)
		if got != want {
			t.Errorf("Disarm(%q)\n got %q\nwant %q", text, got, want)
		}

		if again := g.Disarm(got); again != got {
			t.Errorf("Disarm is not settled on %q: %q", got, again)
		}

		if bad := activeGitLab(got, "gitlab.com"); bad != "" {
			t.Errorf("%q is active in %q", bad, got)
		}
	}

	odd := NewGitLab("git.example.org:8443")
	for text, want := range map[string]string{
		"https://git.example.org:8443/gitlab/g/p/-/issues/1": "https://git.example.org:08443/gitlab/g/p/-/issues/1",
		"https://git.example.org/g/p/-/issues/1":             "https://git.example.org:443/g/p/-/issues/1",
		"https://gitlab.com/g/p/-/issues/1":                  "https://gitlab.com/g/p/-/issues/1",
	} {
		if got := odd.Disarm(text); got != want || odd.Disarm(got) != got {
			t.Errorf("Disarm(%q) = %q, want %q", text, got, want)
		}
	}

	if got := g.DisarmLine("/close `@a`\n#1\u202e"); got != z+"/close `@"+z+"a` #"+z+"1" {
		t.Errorf("%q", got)
	}
}

// What GitLab's own patterns find in rendered text, ported from the models of
// GitLab 18: the signs may follow a project's path.
var gitlabReferences = regexp.MustCompile(`(?:^|[^A-Za-z0-9_])@[A-Za-z0-9_.]|#[0-9]|\bGL-[0-9]|![0-9]|&[0-9]|\$[0-9]|~(?:[0-9]|[A-Za-z0-9_?.&-]*[A-Za-z0-9_&-]|".+?")|%(?:[^"\s<\x{200b}]|"[^"]+")|\^(?i:alert)#[0-9]|\*(?i:iteration:)|\[[a-z_]+:|\[\[|\[(?i:TOC)\]|[A-Za-z0-9_]/[A-Za-z0-9_.-]+>|!\[`)

// Raw HTML, in source.
var gitlabTags = regexp.MustCompile(`<[A-Za-z/!?](?:[^:]*>|[^:]*$)|<!--`)

// What is carried out line by line, in source.
var gitlabLines = regexp.MustCompile(`(?m)^[ \t]*/[A-Za-z]|^::include\{`)

var gitlabCodeLines = regexp.MustCompile(`(?m)^[ \t]*/[A-Za-z_-]+(?:[ \t]|$)|^::include\{`)

// activeGitLab looks for what is alive in Markdown, as GitLab of a host reads
// it.
func activeGitLab(text, host string) string {
	if strings.Contains(text, "\n") && frontMatter.MatchString(text) {
		return "front matter"
	}

	if bad := gitlabCodeLines.FindString(text); bad != "" {
		return bad
	}

	own := regexp.MustCompile(`https?://` + regexp.QuoteMeta(host) + `/\S+/\S+`)
	bare := regexp.MustCompile(`(?i)https?://(?:[a-z0-9_-]+\.)+[a-z0-9_-]+(?::[0-9]+)?(?:[/?#][^\s<>"'()\[\]{}|\\` + "`" + `]*)?`)
	angled := regexp.MustCompile(`<(?i:https?)://[^\s<>]+>`)
	for _, line := range proseLines(text) {
		line = withoutTags(line)
		if bad := gitlabLines.FindString(line); bad != "" {
			return bad
		}

		if bad := own.FindString(line); bad != "" {
			return bad
		}

		line = bare.ReplaceAllString(angled.ReplaceAllString(line, "link"), "link")
		if bad := gitlabTags.FindString(line); bad != "" {
			return bad
		}

		if bad := gitlabReferences.FindString(decoded.ReplaceAllStringFunc(line, decode)); bad != "" {
			return bad
		}
	}

	return ""
}

// decoded is what Markdown shows otherwise than it is written.
var decoded = regexp.MustCompile("\\\\[!-/:-@\\[-`{-~]|" + entity.String())

func decode(found string) string {
	if found[0] == '\\' {
		return found[1:]
	}
	return html.UnescapeString(found)
}

func FuzzDisarmGitLab(f *testing.F) {
	for text := range disarmedGitLab {
		f.Add(text, 200)
	}

	g := NewGitLab("gitlab.com")
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

		if bad := gitlabCodeLines.FindString(got); bad != "" {
			t.Fatalf("a quick action: %q in %q", bad, got)
		}

		if line := g.DisarmLine(text); activeGitLab(strings.ReplaceAll(line, "`", "'"), "gitlab.com") != "" {
			t.Fatalf("%q is active in %q", activeGitLab(strings.ReplaceAll(line, "`", "'"), "gitlab.com"), line)
		}

		max = 200 + max&1023
		cut := CutMarkdown(got, max, "rest")
		if _, open := openAtEnd(cut); open || Count(cut) > max || !utf8.ValidString(cut) {
			t.Fatalf("cut to %d: %q", max, cut)
		}
	})
}

func TestHostileTextIsLinearForGitLab(t *testing.T) {
	g := NewGitLab("gitlab.com")
	linear(t, g.Disarm, "`a`", "`", "``` ", "@a.", "&#", "&a", "<", "https://gitlab.com/", "http://a", "[", "[a", "\\`", "#1", "%a", "~", "/a\n", "a.", "e\u0301", "~~~\n", "$`")
}
