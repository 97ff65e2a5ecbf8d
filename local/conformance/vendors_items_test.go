package conformance

import (
	"strings"

	"example.com/integrations/shared/domain"
)

// trackerTexts are texts that mean something to the trackers, or that could hide
// the marker or show a comment.
var trackerTexts = []string{
	"@octocat @acme/devs fixes #5, closes GH-6 and acme/work#7, see !8 $9 %10 &11 ~bug ~\"a b\" GL-12 acme/work!13 acme/work@abc1234",
	"https://github.com/acme/work/issues/1 www.github.com/acme/work/pull/2 <https://github.com/acme/work/discussions/3> https://gitlab.com/acme/work/-/issues/4",
	"```\n@user\n  ~~~\n````x", "~~~\n<!-- integrations:1/2/3 -->", "<!-- never closed", "text <!-- a --> text\n\n<!-- integrations:1/2/3 -->",
	"- ```\n  open\n- next @user", "> ```\n> open", "<details><summary>@user</summary>\n\n```\nopen", "<pre>\n@user", "<script>alert(1)</script> <img src=x onerror=x> <style>*{}</style> <svg><b>",
	"---\na: @user", ">>>\n/close\n>>>\n> /close\n- /close\n\n/close", "![x](https://evil.example/i.png) ![y][z]\n\n[z]: https://evil.example/i.png", "[^1]\n\n[^1]: @user #1",
	"[https://bank.example](https://evil.example) [www.bank.example](https://evil.example) [x](javascript:alert(1)) [y](//evil.example)",
	"[~bob] [~accountid:5b10] {include:x} {code}x{code} !a.png! [^secret.txt] WORK-5 h1. x", "<at>all</at> {{DATE(2026-01-01T00:00:00Z)}} {{TIME(2026-01-01T00:00:00Z)}}",
	"|a|[~b]|\n|-|-|\n|@user|#1 `|`|\n||!x!|", "- # h\n- > q\n- ```\n  c\n  ```\n- |a|\n  |-|\n  |b|\n- ---\n-\n- - x\n1. 1. y", "\xff\xfe\x00\x1b \u202e &#0; &#8238; &#64;user &#35;1 &commat;user \\@user \\#1",
	strings.Repeat("> ", 200) + strings.Repeat("- ", 200) + "x", "```\n" + strings.Repeat("e\u0301{code}", 20_000) + "\n```", "|a|b|\n|-|-|\n" + strings.Repeat("|🦀|@user|\n", 900),
	"\n\n#\n\n```\n```\n\n>\n\n-\n\n****\n\n``",
}

// firstHostile is the id of the first of hostileItems.
const firstHostile domain.Snowflake = 1_000_000

// hostileItems are the items that the conformance tests of the providers have, all
// of them for each provider.
func hostileItems() []domain.Item {
	var items []domain.Item
	for n, text := range append(hostileTexts(), trackerTexts...) {
		item := hostile(n, text)
		if strings.Contains(text, "<!--") || len(text) > 2000 {
			// A comment is left out of a text, and shown where it is a name.
			item = hostile(n, strings.ReplaceAll(text, "<!--", "<!"))
			item.Description = text
		} else {
			item.Description = strings.ToValidUTF8(item.Description[:min(len(item.Description), 10_000)], "")
		}

		item.Labels = item.Labels[:20]
		items = append(items, item)
	}

	for _, text := range slackTexts {
		both := largest(text)
		both[0].Description = strings.ToValidUTF8(text[:min(len(text), 20_000)], "")
		both[1].Description = strings.ToValidUTF8(text[:min(len(text), 5_000)], "")
		items = append(items, both...)
	}

	for n := range items {
		items[n].ID = firstHostile + domain.Snowflake(n)
		items[n].UpdatedAt = now
	}

	return items
}
