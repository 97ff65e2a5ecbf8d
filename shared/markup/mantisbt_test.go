package markup

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

var mantisDisarmed = map[string]string{
	"hello @user and @org.team":              "hello @" + z + "user and @" + z + "org.team",
	"(@a) _@b_ é@d -@e .@ @@f":               "(@" + z + "a) _@" + z + "b_ é@" + z + "d -@" + z + "e .@ @" + z + "@" + z + "f",
	"mail bob.x@python.org, ok":              "mail bob.x@python.org, ok",
	"#1 a/b#2 C#7 #x # 1 ##3":                "#" + z + "1 a/b#" + z + "2 C#" + z + "7 #x # 1 ##" + z + "3",
	"Fixes #12 and ~45, ~ 5 ~x ~~7":          "Fixes #" + z + "12 and ~" + z + "45, ~ 5 ~x ~~" + z + "7",
	"`@user` in code #3":                     "`@" + z + "user` in code #" + z + "3",
	"<b>x</b> <!-- y --> a < b <3 List<int>": "<" + z + "b>x<" + z + "/b> <" + z + "!-- y --> a < b <3 List<" + z + "int>",
	"&#64;bob &lt;b&gt; & c":                 "&#" + z + "64;bob &lt;b&gt; & c",
	"https://a.test/@x/~5/p#12 z":            "https://a.test/%40x/~%35/p#%312 z",
	"[a](https://b.test/@c) @d":              "[a](https://b.test/%40c) @" + z + "d",
	"```go\n@x #1\n```\n@y":                  "```go\n@" + z + "x #" + z + "1\n```\n@" + z + "y",
	"```\n@x":                                "```\n@" + z + "x\n```",
	"  ```py\n  @x\n  ```\n@y":               "```py\n  @" + z + "x\n```\n@" + z + "y",
	"~~~~\n~~~\na":                           "~~~~\n~~~\na\n~~~~",
	"    ```\n@a":                            "    ```\n@" + z + "a",
	"~~~ x\n~5\n~~~":                         "~~~ x\n~" + z + "5\n~~~",
	strings.Repeat("`", 100) + "\n~~~\n@x":   z + strings.Repeat("`", 100) + "\n~~~\n@" + z + "x\n~~~",
	"a\rb\r\nc\u2028d\x00\u202e":             "a\nb\nc\nd",
	"@\n#\n~":                                "@\n#\n~",
	"www.a.test/@b":                          "www.a.test/%40b",
	"xhttps://a.test/@b":                     "xhttps://a.test/%40b",
	"[integrations:1/2/3] @integrations":     "[integrations:1/2/3] @" + z + "integrations",
}

func TestMantisBT(t *testing.T) {
	var m MantisBT
	for text, want := range mantisDisarmed {
		got := m.Disarm(text)
		if got != want {
			t.Errorf("Disarm(%q)\n got %q\nwant %q", text, got, want)
		}

		if again := m.Disarm(got); again != got {
			t.Errorf("Disarm is not settled on %q: %q", got, again)
		}
	}

	if got := m.DisarmLine("Fix `@a`\n#1\u202e"); got != "Fix `@"+z+"a` #"+z+"1" {
		t.Errorf("%q", got)
	}
}

// What MantisBT would act on, in the form of its own patterns: words there are
// of ASCII letters, digits and underscores.
var mantisActive = regexp.MustCompile(`(?:^|[^\w@])@[\w.]*\w|(?:^|\W)[#~][0-9]|<[A-Za-z/!?]`)

func FuzzMantisBT(f *testing.F) {
	for text := range mantisDisarmed {
		f.Add(text, 200)
	}

	var m MantisBT
	f.Fuzz(func(t *testing.T, text string, max int) {
		got := m.Disarm(text)
		if !utf8.ValidString(got) {
			t.Fatalf("not UTF-8: %q", got)
		}

		if again := m.Disarm(got); again != got {
			t.Fatalf("not settled: %q, then %q", got, again)
		}

		max = 200 + max&1023
		cut := CutMarkdown(got, max, "rest")
		for _, text := range []string{got, cut, m.DisarmLine(text)} {
			if bad := mantisActive.FindString(text); bad != "" {
				t.Fatalf("%q is active in %q", bad, text)
			}
		}

		if _, open := openAtEnd(got); open {
			t.Fatalf("an open code block: %q", got)
		}

		if _, open := openAtEnd(cut); open || Count(cut) > max || !utf8.ValidString(cut) {
			t.Fatalf("cut to %d: %q", max, cut)
		}
	})
}

func TestHostileTextForMantisBTIsLinear(t *testing.T) {
	var m MantisBT
	linear(t, m.Disarm, "`", "``` ", "@a.", "a@b.", "&#", "<", "//a", "https://a/", "[", "#1", "~1", "/a@", "e\u0301", "~~~\n")
}
