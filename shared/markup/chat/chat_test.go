package chat

import (
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/markup/document"
)

const z = breaker

// rendered is Markdown as people write it, and what it becomes in Slack, in
// Discord and in Teams.
var rendered = []struct{ text, slack, discord, plain string }{
	{"a", "a", "a", "a"},
	{"**b** _i_ ~~s~~ `c`", "*b* _i_ ~s~ `c`", "**b** *i* ~~s~~ `c`", "b i s c"},
	{"a**b**c", "abc", "abc", "abc"},
	{"# Head\n\ntext", "*Head*\n\ntext", "**Head**\n\ntext", "Head\n\ntext"},
	{"- a\n- b\n  - c", "• a\n• b\n   • c", "• a\n• b\n   • c", "• a\n• b\n   • c"},
	{"3. a\n4. b", "3) a\n4) b", "3) a\n4) b", "3) a\n4) b"},
	{"> a\n>\n> b", "> a\n> b", "> a\n> b", "› a\n› b"},
	{"```go\nx < y\n```", "```\nx &lt; y\n```", "```go\nx < y\n```", "x < y"},
	{"| a | b |\n|-|-|\n| 1 | 2 |", "a | b\n1 | 2", "```\na  b\n─  ─\n1  2\n```", "a | b\n1 | 2"},
	{"---", "", "", ""},
	// Links show where they lead.
	{"[text](https://evil.test/a)", "text (<https://evil.test/a>)", "text (<https://evil.test/a>)", "text (https://evil.test/a)"},
	{"[https://good.test](https://evil.test)", "https://good.test (<https://evil.test>)", "https://good.test (<https://evil.test>)", "https://good.test (https://evil.test)"},
	{"https://a.test/x?a=1&b=2 www.b.test", "<https://a.test/x?a=1&amp;b=2> <http://www.b.test>", "<https://a.test/x?a=1&b=2> <http://www.b.test>", "https://a.test/x?a=1&b=2 http://www.b.test"},
	{"[x](javascript:alert)", "x", "x", "x"},
	{"[x](https://a|b/) [y](https://a.test:abc/)", "x y", "x y", "x y"},
	{"![pic](https://a.test/i.png)", "pic (<https://a.test/i.png>)", "pic (<https://a.test/i.png>)", "pic (https://a.test/i.png)"},
	{`\[a](https://a.test)`, "[a](<https://a.test>)", `\[a\](<https://a.test>)`, "[a](https://a.test)"},
	// Slack's mentions, commands and links.
	{`<!channel> <!here|x> \<@U012> <!subteam^S1> <#C1>`, "&lt;!channel&gt; &lt;!here|x&gt; &lt;@U012&gt; &lt;!subteam^S1&gt; &lt;#C1&gt;",
		`\<!channel> \<!here\|x> \<` + z + `@` + z + `U012> \<!subteam^S1> \<` + z + `#C1>`, "<!channel> <!here|x> <@U012> <!subteam^S1> <#C1>"},
	{`\<https://evil.test|good.test\> &lt;!date^1^x|y&gt; & AT&T`, "&lt;https://evil.test|good.test&gt; &lt;!date^1^x|y&gt; &amp; AT&amp;T",
		`\<https://evil.test\|good.test> \<!date^1^x\|y> & AT&T`, "<https://evil.test|good.test> <!date^1^x|y> & AT&T"},
	{`\> not quoted`, z + "&gt; not quoted", `\> not quoted`, "> not quoted"},
	{`\*not bold\* \_nor\_ snake_case \~x\~`, "*" + z + "not bold*" + z + " _" + z + "nor_" + z + " snake_case ~" + z + "x~" + z, `\*not bold\* \_nor\_ snake\_case \~x\~`, "*not bold* _nor_ snake_case ~x~"},
	// Discord's.
	{"@everyone @here @bob me@a.test", "@" + z + "everyone @" + z + "here @bob me@a.test", "@" + z + "everyone @" + z + "here @" + z + "bob me@a.test", "@everyone @here @bob me@a.test"},
	{"`@everyone <@123>` `</cmd:1>`", "`@" + z + "everyone &lt;@123&gt;` `&lt;/cmd:1&gt;`", "`@" + z + "everyone <" + z + "@123>` `<" + z + "/cmd:1>`", "@everyone <@123> </cmd:1>"},
	{`<:e:1> <a:e:1> \<t:1:R> \<id:browse>`, "&lt;:e:1&gt; &lt;a:e:1&gt; &lt;t:1:R&gt; &lt;id:browse&gt;", `\<` + z + `:e:1> \<` + z + `a:e:1> \<` + z + `t:1:R> \<` + z + `id:browse>`, "<:e:1> <a:e:1> <t:1:R> <id:browse>"},
	{"https://discord.gg/abc", "<https://discord.gg/abc>", "https:" + z + "//discord.gg" + z + "/abc", "https://discord.gg/abc"},
	{"[free](https://discord.com/invite/abc)", "free (<https://discord.com/invite/abc>)", "free (https:" + z + "//discord.com/invite" + z + "/abc)", "free (https://discord.com/invite/abc)"},
	{`\# no heading` + "\n" + `\- no list`, "# no heading - no list", `\# no heading - no list`, "# no heading - no list"},
	{`5\. no list`, "5. no list", `5\. no list`, "5. no list"},
	{"``a`b``", "a`" + "b", "a\\`b", "a`b"},
	{"~~~\n```\n@everyone\n~~~", "```\n`" + z + "`" + z + "`\n@" + z + "everyone\n```", "```\n`" + z + "`" + z + "`\n@" + z + "everyone\n```", "```\n@everyone"},
	// Teams'.
	{"<at>Bob</at> <AT id=1>", "&lt;at&gt;Bob&lt;/at&gt; &lt;AT id=1&gt;", `\<at>Bob\<` + z + `/at> \<AT id=1>`, "<" + z + "at>Bob<" + z + "/at> <" + z + "AT id=1>"},
}

func TestRender(t *testing.T) {
	for _, tt := range rendered {
		blocks := document.Parse(tt.text)
		for name, one := range map[string]struct {
			d    Dialect
			want string
		}{"slack": {Slack{}, tt.slack}, "discord": {Discord{}, tt.discord}, "plain": {Plain{}, tt.plain}} {
			if got := Render(one.d, blocks); got != one.want {
				t.Errorf("%q in %s\n got %q\nwant %q", tt.text, name, got, one.want)
			}
		}
	}
}

// An invitation is none of Discord's links, however it is spelled.
func TestInvitations(t *testing.T) {
	for _, address := range []string{
		"https://discord.gg/abc", "https://discord.gg:443/abc", "https://discord.gg./abc", "https://DISCORD.gg.:443/abc", "https://discord.com//invite/abc", "https://discord.com/%69nvite/abc",
		"https://discord.com/./invite/abc", "https://discord.com/x/../Invite/abc", "https://discord.com/x/%2e%2e/invite%2Fabc", "https://discordapp.com:443/gifts/abc", "https://ptb.discord.com./invite/abc",
	} {
		to, ok := Address(address)
		want := "https:" + z + "//"
		if got := (Discord{}).Link(to); !ok || !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q", address, got)
		}

		if got := (Discord{}).Text("see " + address + "%zz)"); !strings.Contains(got, want) {
			t.Errorf("%s in text: %q", address, got)
		}
	}

	for _, address := range []string{"https://discord.com/channels/1/2", "https://a.test/invite/abc", "https://a.test:443//x", "https://discord.community/invite/x", "https://discord.com/invites"} {
		if got := (Discord{}).Link(address); got != "<"+address+">" {
			t.Errorf("%s: %q", address, got)
		}
	}
}

func TestCost(t *testing.T) {
	for text, want := range map[string]int{"": lineCost, "a": lineCost, "- a\n- b\n- c": 3 * lineCost, strings.Repeat("x", 100): 101} {
		if got := Cost(Plain{}, document.Parse(text)); got != want {
			t.Errorf("%.9q: %d, want %d", text, got, want)
		}
	}
}

var (
	bracketed  = regexp.MustCompile(`<([^<>]*)>`)
	slackLink  = regexp.MustCompile(`^https?://[^|<>\s]+$`)
	discordTag = regexp.MustCompile(`<(@[!&]?[0-9]|#[0-9]|/[^>]*:[0-9]|t:|a?:\w+:[0-9]|id:)`)
	pinged     = regexp.MustCompile(`(?i)@(everyone|here)`)
	invited    = regexp.MustCompile(`(?i)discord(\.gg|(app)?\.com/invite)/`)
	masked     = regexp.MustCompile(`(?:^|[^\\])(?:\\\\)*\[[^\]]*[^\\\]](?:\\\\)*\]\(`)
)

// uncoded is text without its code, in which nothing is a link.
func uncoded(text string) string {
	var out strings.Builder
	for i := 0; i < len(text); {
		if text[i] == '\\' && i+1 < len(text) {
			out.WriteString(text[i : i+2])
			i += 2
			continue
		}

		n := len(text[i:]) - len(strings.TrimLeft(text[i:], "`"))
		if end := strings.Index(text[i+n:], strings.Repeat("`", n)); n > 0 && end >= 0 {
			i += n + end + n
			continue
		}

		out.WriteByte(text[i])
		i++
	}

	return out.String()
}

// alive finds what a provider would act on in text that is said to be dead, by
// its own syntax.
func alive(d Dialect, text string) string {
	switch d.(type) {
	case Slack:
		for _, groups := range bracketed.FindAllStringSubmatch(text, -1) {
			if !slackLink.MatchString(groups[1]) {
				return groups[0]
			}
		}

		if bad := pinged.FindString(text); bad != "" {
			return bad
		}

		if left := bracketed.ReplaceAllString(text, ""); strings.Contains(left, "<") {
			return left
		}

	case Discord:
		for _, one := range []*regexp.Regexp{discordTag, pinged, invited} {
			if bad := one.FindString(text); bad != "" {
				return bad
			}
		}
		return masked.FindString(uncoded(text))

	case Plain:
		return at.FindString(text)
	}

	return ""
}

func FuzzRender(f *testing.F) {
	for _, tt := range rendered {
		f.Add(tt.text)
	}

	f.Add("\u200b*b*\u200b @@everyone @\u200beveryone <<@1>> [a]\\(b) \\[a\\](b) `` ` `` ````\n<@1>")
	f.Fuzz(func(t *testing.T, text string) {
		for _, d := range []Dialect{Slack{}, Discord{}, Plain{}} {
			for _, got := range []string{Render(d, document.Parse(text)), d.Text(markup.OneLine(text))} {
				if bad := alive(d, got); bad != "" {
					t.Errorf("%T: %q is alive in %q of %q", d, bad, got, text)
				}

				if !utf8.ValidString(got) {
					t.Errorf("%T: %q is not UTF-8", d, got)
				}
			}
		}
	})
}
