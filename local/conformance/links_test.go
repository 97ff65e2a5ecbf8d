package conformance

import (
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/domain"
)

// A shownLink is a link as a provider shows it.
type shownLink struct{ text, address string }

// hostShown is a part of a text that is the name of a host for a reader.
var hostShown = regexp.MustCompile(`(?i)^[\pL\pN\pM_-]+(?:\.[\pL\pN\pM_-]+)*\.(?:xn--[a-z0-9-]+|\pL[\pL\pM]+)$|^[0-9]{1,3}(?:\.[0-9]{1,3}){3}$`)

// fileShown is the name of a file.
var fileShown = regexp.MustCompile(`(?i)\.(?:go|js|ts|json|ya?ml|toml|html?|css|txt|xml|csv|log|png|jpe?g|gif|svg|pdf|java|proto|lock|cfg|conf)$`)

// schemed is what begins an address.
var schemed = regexp.MustCompile(`(?i)^[a-z][a-z0-9+.-]*://`)

// otherHost is the host that a link's text names and to which the link does not
// lead, "" if there is none. It is written apart from the rule of the product, word
// by word.
func (l shownLink) otherHost() string {
	to := strings.TrimSpace(l.address)
	if strings.HasPrefix(to, "//") {
		to = "https:" + to
	}

	u, err := url.Parse(to)
	if err != nil {
		u = &url.URL{Scheme: "unknown"}
	}

	host := u.Hostname()
	if u.Scheme == "mailto" {
		_, host, _ = strings.Cut(u.Opaque, "@")
	}

	host = strings.TrimPrefix(strings.ToLower(host), "www.")
	if host == "redirect.github.com" { // GitHub's own way to github.com that leaves no trace
		host = "github.com"
	}

	seen := strings.NewReplacer("\u200b", "", "\u00ad", "", "。", ".", "．", ".", "｡", ".").Replace(l.text)
	for _, word := range strings.FieldsFunc(seen, func(r rune) bool { return strings.ContainsRune(" \n\t,;()<>[]{}\"'`|*", r) }) {
		schemeless := schemed.ReplaceAllString(word, "")
		name := schemeless
		if end := strings.IndexAny(name, "/:?#"); end >= 0 {
			name = name[:end]
		}

		if at := strings.LastIndexByte(name, '@'); at >= 0 && schemeless == word {
			name = name[at+1:]
		}

		name = strings.TrimPrefix(strings.ToLower(strings.Trim(name, ".")), "www.")
		relative := host == "" && u.Scheme == ""
		switch {
		case name == host || name == "redirect.github.com" && host == "github.com":
		case schemeless != word:
			return name
		case relative && !strings.HasPrefix(strings.ToLower(word), "www."):
		case hostShown.MatchString(name) && !fileShown.MatchString(name):
			return name
		}
	}

	return ""
}

// gfm reads Markdown as GitHub and GitLab do.
var gfm = goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser()

// linksOfMarkdown are the links of Markdown.
func linksOfMarkdown(body string) []shownLink {
	source := []byte(body)
	var list []shownLink
	_ = ast.Walk(gfm.Parse(text.NewReader(source)), func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if l, is := n.(*ast.Link); is && entering {
			list = append(list, shownLink{textOfNode(l, source), decoded(string(l.Destination))})
		}
		return ast.WalkContinue, nil
	})

	return list
}

// decoded is Markdown's text without escapes.
func decoded(markdown string) string {
	return html.UnescapeString(regexp.MustCompile("\\\\([!-/:-@\\[-`{-~])").ReplaceAllString(markdown, "$1"))
}

func textOfNode(n ast.Node, source []byte) string {
	var out strings.Builder
	for c := n.FirstChild(); c != nil; c = c.NextSibling() {
		switch c := c.(type) {
		case *ast.Text:
			out.WriteString(decoded(string(c.Segment.Value(source))))
			if c.SoftLineBreak() || c.HardLineBreak() {
				out.WriteByte(' ')
			}

		case *ast.AutoLink:
			out.Write(c.Label(source))
		default:
			out.WriteString(textOfNode(c, source))
		}
	}

	return out.String()
}

// linksOfDocument are the links of a document of Jira Cloud. Links to one place that
// stand one behind the other are one.
func linksOfDocument(t *testing.T, body string) []shownLink {
	t.Helper()
	type node struct {
		Type, Text string
		Content    []json.RawMessage
		Marks      []struct {
			Type  string
			Attrs struct{ Href string }
		}
	}

	var list []shownLink
	var read func(raw json.RawMessage)
	read = func(raw json.RawMessage) {
		var n node
		if err := json.Unmarshal(raw, &n); err != nil {
			t.Fatal(err)
		}

		before := ""
		for _, child := range n.Content {
			var c node
			if err := json.Unmarshal(child, &c); err != nil {
				t.Fatal(err)
			}

			to := ""
			for _, m := range c.Marks {
				if m.Type == "link" {
					to = m.Attrs.Href
				}
			}

			switch {
			case to != "" && to == before:
				list[len(list)-1].text += c.Text
			case to != "":
				list = append(list, shownLink{c.Text, to})
			}

			before = to
			read(child)
		}
	}

	read(json.RawMessage(body))

	return list
}

var (
	wikiLink   = regexp.MustCompile(`(?:^|[^\\])\[((?:\\.|[^\]|\\\n])*)\|([^\]\n]*)\]`)
	wikiEscape = regexp.MustCompile(`\\([^\\\s])`)
	// wikiBlock is text in which Jira makes no links.
	wikiBlock = regexp.MustCompile(`(?s)\{noformat\}.*?\{noformat\}|\{code:[^}]*\}.*?\{code\}`)
)

// linksOfWiki are the links of wiki markup.
func linksOfWiki(body string) []shownLink {
	var list []shownLink
	for _, m := range wikiLink.FindAllStringSubmatch(wikiBlock.ReplaceAllString(body, ""), -1) {
		list = append(list, shownLink{html.UnescapeString(wikiEscape.ReplaceAllString(m[1], "$1")), m[2]})
	}

	return list
}

var (
	maskedLink = regexp.MustCompile(`(?:^|[^\\])\[((?:\\.|[^\]\\])*)\]\(<?(https?://[^)>\s]+)`)
	codeSpan   = regexp.MustCompile("(?s)```.*?```|``.*?``|`[^`]*`")
	slackLink  = regexp.MustCompile(`<(https?://[^|>]+)\|([^>]+)>`)
)

// plainTypes are the types of objects whose text has no markup, at Slack and Teams.
var plainTypes = map[string]bool{"text": true, "link": true, "plain_text": true, "TextRun": true}

// linksOfMessage are the links of a chat's message: members that have an address
// beside a text, and links in the markup of texts.
func linksOfMessage(t *testing.T, chat string, wire []byte) []shownLink {
	t.Helper()
	var list []shownLink
	var read func(value any)
	read = func(value any) {
		switch v := value.(type) {
		case string:
			if chat == "slack" {
				for _, m := range slackLink.FindAllStringSubmatch(v, -1) {
					list = append(list, shownLink{html.UnescapeString(m[2]), html.UnescapeString(m[1])})
				}
				return
			}

			for _, m := range maskedLink.FindAllStringSubmatch(codeSpan.ReplaceAllString(v, "x"), -1) {
				list = append(list, shownLink{decoded(m[1]), m[2]})
			}

		case []any:
			for _, one := range v {
				read(one)
			}
		case map[string]any:
			to, _ := v["url"].(string)
			if click, is := v["selectAction"].(map[string]any); is {
				to, _ = click["url"].(string)
			}

			shown, _ := v["text"].(string)
			if inner, is := v["text"].(map[string]any); is {
				shown, _ = inner["text"].(string)
			}

			title, _ := v["title"].(string)
			if to != "" && shown+title != "" {
				list = append(list, shownLink{shown + " " + title, to})
			}

			for name, one := range v {
				if _, is := one.(string); is && plainTypes[fmt.Sprint(v["type"])] && name != "url" {
					continue // shown as it stands
				}
				read(one)
			}
		}
	}

	var value any
	if err := json.Unmarshal(wire, &value); err != nil {
		t.Fatal(err)
	}

	read(value)

	return list
}

// linksAt are the links of a tracker's body, read as the provider reads it.
func linksAt(t *testing.T, provider, body string) []shownLink {
	t.Helper()
	switch provider {
	case "jira":
		return linksOfDocument(t, body)
	case "jira_datacenter":
		return linksOfWiki(body)
	}

	return linksOfMarkdown(body) // MantisBT with its plugin for Markdown; without it no link has a text
}

// hidingTexts are texts with a link whose text names good.test and that leads to
// evil.test, in each form of Markdown.
var hidingTexts = []string{
	"[good.test](https://evil.test)",
	"See [good.test](https://evil.test), now.",
	"[https://good.test/login](https://evil.test)",
	"[good.test][ref]\n\n[ref]: https://evil.test",
	"[good.test][]\n\n[good.test]: https://evil.test",
	"[good.test]\n\n[good.test]: <https://evil.test> 'x'",
	"[ref]: https://evil.test\n\n> - [good.test][REF]",
	"[**good.test**](https://evil.test)",
	"**[good.test](https://evil.test)**",
	"[`good.test`](https://evil.test)",
	"[g**oo**d.test](https://evil.test)",
	"[good\\.test](https://evil.test)",
	"[good&#46;test](https://evil.test)",
	"[good\u200b.test](https://evil.test)",
	"[good。test](https://evil.test)",
	"[ｇｏｏｄ.test](https://evil.test)",
	"[good.test](<https://evil.test> \"good.test\")",
	"[log in\nat good.test](https://evil.test)",
	"[good.test](\n  https://evil.test\n)",
	"[good.test](//evil.test)",
	"[good.test](HTTPS://EVIL.test)",
	"[good.test](https://good.test@evil.test/)",
	"[good.test](https://good.test.evil.test/)",
	"[good.test](https://evil.test/good.test)",
	"[evil.test good.test](https://evil.test)",
	"[x@good.test](mailto:x@evil.test)",
	"[192.0.2.7](https://evil.test)",
	"[https://intranet/](https://evil.test)",
	"![good.test](https://evil.test/x.png)",
	"[![good.test](https://evil.test/x.png)](https://evil.test)",
	"![x ![good.test](https://evil.test/x.png)](https://evil.test)",
	"[good.](https://evil.test)[test](https://evil.test)",
	"# [good.test](https://evil.test)",
	"|a|b|\n|-|-|\n|[good.test](https://evil.test)|x|",
	"- [good.test](https://evil.test)\n  1. [good.test](https://evil.test)",
	"<https://evil.test|good.test>",
	"[good.test|https://evil.test]",
	"[[good.test|https://evil.test]]",
	"<a href='https://evil.test'>good.test</a>",
	"<details><summary>[good.test](https://evil.test)</summary>\n[good.test](https://evil.test)\n</details>",
	"[good.test<x y=\"](https://good.test)\">](https://evil.test)",
	"<x y=\"\n[good.test](https://evil.test)\n\">",
	"<div>\n[good.test](https://evil.test)\n</div>",
	"<!-- -->[good.test](https://evil.test)",
	"https://x.test/[good.test](https://evil.test)",
	"``` [good.test](https://evil.test) ``",
	"$`[good.test](https://evil.test)`$",
	strings.Repeat("*a [b] ", 400) + "[good.test](https://evil.test)",
	strings.Repeat("*a [b] ", 400) + "\n[good.test]\n\n[good.test]: https://evil.test",
	strings.Repeat("> ", 30) + "[good.test](https://evil.test)",
	strings.Repeat("> ", 30) + "[good.test\n](https://evil.test)",
	strings.Repeat("- ", 30) + "[good.test](https://evil.test)",
	strings.Repeat("word ", 12000) + "` [good.test](https://evil.test) " + strings.Repeat("word ", 12000) + "`",
	"[good.test](https://evil.test/" + strings.Repeat("x", 2500) + ")",
}

// linkedItem is an item whose text is description.
func linkedItem(id domain.Snowflake, number, title, description string) domain.Item {
	return domain.Item{ID: id, FormattedNumber: number, Title: title, State: domain.Open, Description: description, URL: "https://items.example/" + number, UpdatedAt: now}
}

// "0 links whose text hides another host": in none of the forms that Markdown has,
// at none of the providers.
func TestMarkdownLinksHideNoHost(t *testing.T) {
	for n, description := range hidingTexts {
		item := linkedItem(domain.Snowflake(1+n), fmt.Sprint("K-", n), "[good.test](https://evil.test)", description)
		named := item
		named.FormattedNumber = "good.test"
		named.Owner = &domain.Named{Name: "[good.test](https://evil.test)"}
		for provider, r := range renderers() {
			if isChat[provider] {
				continue
			}

			for _, one := range []domain.Item{item, named} {
				body := r.Render(one).Body
				for _, l := range linksAt(t, provider, body) {
					if other := l.otherHost(); other != "" {
						t.Errorf("%s: %.200q: a link names %s and leads to %s", provider, description, other, l.address)
					}
				}

				markdown := keepsTags[provider] || provider == "mantisbt"
				if markdown && !strings.Contains(body, "evil.test") && !strings.Contains(body, "EVIL.test") && len(description) < 20_000 {
					t.Errorf("%s: %.200q: does not show where the link leads: %.300q", provider, description, body)
				}
			}
		}
	}

	chatsHideNoHost(t, func(each func(domain.Item)) {
		for n, description := range hidingTexts {
			each(linkedItem(domain.Snowflake(1+n), fmt.Sprint("K-", n), "good.test", description))
			each(linkedItem(domain.Snowflake(1001+n), "good.test", "[good.test](https://evil.test)", description))
		}
	})
}

// What becomes of a link that hides a host, at each provider.
func TestWhereALinkLeadsIsShown(t *testing.T) {
	for _, tt := range []struct {
		text string
		want map[string]string
	}{
		{"See [**good.test**](https://evil.test).", map[string]string{
			"github": "See **good.test** (<https://evil.test>).", "gitlab": "See **good.test** (<https://evil.test>).", "mantisbt": "See **good.test** (https://evil.test).",
			"jira": "See good.test (https://evil.test).", "jira_datacenter": `See *good.test* ([https&#58;//evil.test|https://evil.test]).`,
			"slack": "See *good.test* (<https://evil.test>).", "discord": "See **good.test** (<https://evil.test>).", "teams": "See good.test (https://evil.test).",
		}},
		{"![good.test](https://evil.test/x.png) here", map[string]string{
			"github": "![good.test](https://evil.test/x.png) here", "gitlab": "good.test (<https://evil.test/x.png>) here", "mantisbt": "good.test (https://evil.test/x.png) here",
			"jira": "good.test (https://evil.test/x.png) here", "jira_datacenter": `good.test ([https&#58;//evil.test/x.png|https://evil.test/x.png]) here`,
		}},
		{"[the docs](https://docs.test/a)", map[string]string{
			"github": "[the docs](https://docs.test/a)", "gitlab": "[the docs](https://docs.test/a)", "mantisbt": "[the docs](https://docs.test/a)",
			"jira": "the docs→https://docs.test/a", "jira_datacenter": "[the docs|https://docs.test/a]",
		}},
	} {
		got := shownBodies(t, tt.text)
		for provider, want := range tt.want {
			if !strings.HasPrefix(got[provider], want) {
				t.Errorf("%s: %q, want %q", provider, got[provider], want)
			}
		}
	}
}

// chatsHideNoHost creates messages of items in each chat and reads their links.
func chatsHideNoHost(t *testing.T, items func(each func(domain.Item))) {
	t.Helper()
	for _, s := range chatStages(t) {
		if s.name != "slack" && s.name != "discord" && s.name != "teams" {
			continue
		}

		c := s.open(connectortest.Serve(t, s.api, s.secrets...))
		items(func(item domain.Item) {
			m := connector.Marker{Integration: 77, Item: item.ID, Attempt: 1, Tag: connectortest.Tag}
			if _, err := c.Create(t.Context(), c.Render(item), m); err != nil {
				t.Fatalf("%s: %s: %v", s.name, item.FormattedNumber, err)
			}
		})

		found := 0
		for _, message := range s.stood.Messages(s.channel) {
			for _, l := range linksOfMessage(t, s.name, message.Wire) {
				found++
				if other := l.otherHost(); other != "" {
					t.Errorf("%s: a link names %s and leads to %s: %.300s", s.name, other, l.address, message.Wire)
				}
			}
		}

		if found == 0 {
			t.Errorf("%s: no link is read", s.name)
		}

		for _, bad := range s.stood.Violations() {
			t.Errorf("%s: %.300s", s.name, bad)
		}
	}
}

// "1,381 real items × 7 providers: 0 links whose text hides another host."
func TestRealItemsHideNoHost(t *testing.T) {
	all := renderers()
	links := map[string]int{}
	hiding := map[string]int{}
	items := realItems(t)
	for _, item := range items {
		for provider, r := range all {
			if isChat[provider] {
				continue
			}

			for _, l := range linksAt(t, provider, r.Render(item).Body) {
				links[provider]++
				if other := l.otherHost(); other != "" {
					hiding[provider]++
					t.Errorf("%s: %s: %q names %s and leads to %s", provider, item.FormattedNumber, l.text, other, l.address)
				}
			}
		}
	}

	for provider := range all {
		if !isChat[provider] && links[provider] < len(items)/2 {
			t.Errorf("%s: only %d links are read", provider, links[provider])
		}
	}

	t.Logf("links with a text of their own: %v; that hide a host: %v", links, hiding)
	chatsHideNoHost(t, func(each func(domain.Item)) {
		for _, item := range items {
			each(item)
		}
	})
}

var (
	anchor  = regexp.MustCompile(`(?s)<a href="([^"]*)"[^>]*>(.*?)</a>`)
	htmlTag = regexp.MustCompile(`<[^>]*>`)
)

// cmark-gfm, which is GitHub's own code, reads no link that hides a host. A bare
// address hides nothing, whatever is in it. Without the program the test is left
// out.
func TestCmarkFindsNoHiddenHost(t *testing.T) {
	program, err := exec.LookPath("cmark-gfm")
	if err != nil {
		t.Skip("cmark-gfm is not in PATH")
	}

	items := realItems(t)
	for n, description := range hidingTexts {
		items = append(items, linkedItem(domain.Snowflake(1+n), "good.test", "t", description))
	}

	found := 0
	for provider, r := range renderers() {
		if !keepsTags[provider] && provider != "mantisbt" {
			continue
		}

		for _, item := range items {
			body := r.Render(item).Body
			if !strings.Contains(body, "]") {
				continue
			}

			run := exec.Command(program, "-e", "table", "-e", "autolink", "-e", "strikethrough", "-e", "footnotes")
			run.Stdin = strings.NewReader(body)
			page, err := run.Output()
			if err != nil {
				t.Fatal(err)
			}

			for _, m := range anchor.FindAllStringSubmatch(string(page), -1) {
				found++
				l := shownLink{html.UnescapeString(htmlTag.ReplaceAllString(m[2], "")), html.UnescapeString(m[1])}
				bare, _ := url.PathUnescape(l.address)
				if shown, _ := url.PathUnescape(l.text); bare == shown {
					continue
				}

				if other := l.otherHost(); other != "" {
					t.Errorf("%s: %s: %q names %s and leads to %s", provider, item.FormattedNumber, l.text, other, l.address)
				}
			}
		}
	}

	if found < len(items) {
		t.Errorf("only %d links are read", found)
	}
}

// The readers of these tests find a link that hides a host in the form of each
// provider.
func TestHiddenHostsAreFound(t *testing.T) {
	for provider, body := range map[string]string{
		"github":          "a [good.test](https://evil.test) b",
		"gitlab":          "[`good.test`][x]\n\n[x]: https://evil.test",
		"mantisbt":        "[https://good.test](https://evil.test)",
		"jira":            `{"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"text","text":"good","marks":[{"type":"link","attrs":{"href":"https://evil.test"}}]},{"type":"text","text":".test","marks":[{"type":"strong"},{"type":"link","attrs":{"href":"https://evil.test"}}]}]}]}`,
		"jira_datacenter": `a [good&#46;test|https://evil.test] b`,
	} {
		found := 0
		for _, l := range linksAt(t, provider, body) {
			if l.otherHost() == "good.test" {
				found++
			}
		}

		if found != 1 {
			t.Errorf("%s: %d links that hide a host in %s", provider, found, body)
		}
	}

	for wire, chat := range map[string]string{
		`{"blocks":[{"elements":[{"type":"link","url":"https://evil.test","text":"good.test"}]}]}`:                               "slack",
		`{"text":"<https://evil.test|good.test>"}`:                                                                               "slack",
		`{"content":"[good.test](<https://evil.test>)"}`:                                                                         "discord",
		`{"embeds":[{"title":"good.test","url":"https://evil.test"}]}`:                                                           "discord",
		`{"actions":[{"type":"Action.OpenUrl","title":"good.test","url":"https://evil.test"}]}`:                                  "teams",
		`{"inlines":[{"type":"TextRun","text":"good.test","selectAction":{"type":"Action.OpenUrl","url":"https://evil.test"}}]}`: "teams",
	} {
		found := 0
		for _, l := range linksOfMessage(t, chat, []byte(wire)) {
			if l.otherHost() == "good.test" {
				found++
			}
		}

		if found != 1 {
			t.Errorf("%d links that hide a host in %s", found, wire)
		}
	}

	for _, l := range []shownLink{{"good.test", "https://good.test/x"}, {"https://good.test/README.md", "https://good.test/README.md"}, {"the docs", "https://good.test"}, {"main.go", "https://good.test"}} {
		if other := l.otherHost(); other != "" {
			t.Errorf("%v names %s", l, other)
		}
	}
}
