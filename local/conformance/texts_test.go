package conformance

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/github"
	"example.com/integrations/shared/connector/gitlab"
	"example.com/integrations/shared/connector/jira"
	"example.com/integrations/shared/connector/mantisbt"
	"example.com/integrations/shared/connector/message"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup/chat"
)

// renderers show an item at each provider.
func renderers() map[string]interface {
	Render(domain.Item) connector.Content
} {
	return map[string]interface {
		Render(domain.Item) connector.Content
	}{
		"github":          github.New(github.Config{}, nil, nil),
		"gitlab":          gitlab.New(gitlab.Config{}, nil, nil),
		"jira":            jira.New(jira.Config{Flavor: form.Cloud}, nil, nil),
		"jira_datacenter": jira.New(jira.Config{}, nil, nil),
		"mantisbt":        mantisbt.New(mantisbt.Config{}, nil, nil),
		"discord":         message.Renderer{Dialect: chat.Discord{}},
		"slack":           message.Renderer{Dialect: chat.Slack{}},
		"teams":           message.Renderer{Dialect: chat.Plain{}},
	}
}

var (
	isChat = map[string]bool{"discord": true, "slack": true, "teams": true}
	// keepsTags are the providers that show a few tags themselves.
	keepsTags = map[string]bool{"github": true, "gitlab": true}
)

// shownBodies are the bodies of an item with a description, without the invisible signs
// that disarm.
func shownBodies(t *testing.T, description string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for name, r := range renderers() {
		body := r.Render(domain.Item{ID: 7, FormattedNumber: "K-7", Title: "t", State: domain.Open, Description: description}).Body
		if name == "jira" {
			body = documentText(t, body)
		}
		all[name] = strings.ReplaceAll(body, "\u200b", "")
	}

	return all
}

// documentText is the text of a document of Jira Cloud, each block and line on a
// line of its own, the address of a link behind it.
func documentText(t *testing.T, body string) string {
	t.Helper()
	type node struct {
		Type, Text string
		Content    []json.RawMessage
		Marks      []struct{ Attrs struct{ Href string } }
	}

	var read func(raw json.RawMessage) string
	read = func(raw json.RawMessage) string {
		var n node
		if err := json.Unmarshal(raw, &n); err != nil {
			t.Fatal(err)
		}

		out := n.Text
		for _, m := range n.Marks {
			if m.Attrs.Href != "" && m.Attrs.Href != n.Text {
				out += "→" + m.Attrs.Href
			}
		}

		for _, child := range n.Content {
			out += read(child)
		}

		switch n.Type {
		case "paragraph", "heading", "codeBlock", "hardBreak":
			out += "\n"
		}

		return out
	}

	return read(json.RawMessage(body))
}

// C2: what people hide in their text is shown nowhere, and what they show with the
// tags that every page of Markdown has is shown everywhere.
func TestHTMLInText(t *testing.T) {
	for name, tt := range map[string]struct {
		text   string
		shown  []string // at every provider
		hidden []string // at no provider
	}{
		"a template's comment before the text": {"<!-- secret: delete me -->\n\nThe text.", []string{"The text."}, []string{"secret", "<!--", "-->"}},
		"a comment before text on its line":    {"<!-- secret --> The text.", []string{"The text."}, []string{"secret", "<!--"}},
		"a comment within a paragraph":         {"One <!-- secret --> two.", []string{"One two."}, []string{"secret", "<!--"}},
		"a comment over lines":                 {"One <!-- secret\nstill\nsecret --> two.", []string{"One two."}, []string{"secret", "still", "-->"}},
		"a comment over blank lines":           {"One.\n\n<!-- secret\n\nstill secret\n\n-->\n\nTwo.", []string{"One.", "Two."}, []string{"secret", "-->"}},
		"a comment that begins behind text":    {"One <!-- secret\n\nstill secret --> two.", []string{"One", "two."}, []string{"secret", "<!--", "-->"}},
		"a comment that is not closed":         {"One.\n\n<!-- secret\n\nstill secret", []string{"One."}, []string{"secret", "<!--"}},
		"a sign that begins no comment":        {"One <!-- two", []string{"One", "-- two"}, nil},
		"a comment with -- in it":              {"One <!-- secret -- secret --> two.", []string{"One two."}, []string{"secret", "--"}},
		"empty comments":                       {"One <!--> two <!---> three <!----> four.", []string{"One two three four."}, []string{"-->"}},
		"a comment in a list":                  {"- one\n  <!-- secret -->\n- two", []string{"one", "two"}, []string{"secret", "<!--"}},
		"a comment in a quotation":             {"> one\n> <!-- secret\n> secret -->\n> two", []string{"one", "two"}, []string{"secret", "-->"}},
		"a comment in a table":                 {"|a|b|\n|-|-|\n|one <!-- secret -->|two|", []string{"one", "two"}, []string{"secret", "<!--"}},
		"a comment in a code span":             {"One `<!-- kept -->` two.", []string{"!-- kept --"}, nil},
		"a comment in a code block":            {"One.\n\n```html\n<!-- kept -->\n```\n\nTwo.", []string{"!-- kept --", "Two."}, nil},
		"a comment in indented code":           {"One.\n\n    <!-- kept -->\n\nTwo.", []string{"!-- kept --", "Two."}, nil},
		"an escaped sign":                      {"One \\<!-- kept --> two.", []string{"-- kept --"}, nil},
		"CRLF":                                 {"<!-- secret\r\nsecret -->\r\nThe text.", []string{"The text."}, []string{"secret"}},
		"details":                              {"<details><summary>The log</summary>\n\n- *one*\n- two\n\n</details>\n\nThe end.", []string{"The log", "one", "two", "The end."}, []string{"&lt;"}},
		"details in details":                   {"<details>\n<summary>Outer</summary>\n\n<details>\n<summary>Inner</summary>\n\none\n\n</details>\n</details>", []string{"Outer", "Inner", "one"}, []string{"&lt;"}},
		"details in a list item":               {"- item\n\n  <details>\n  <summary>More</summary>\n\n  one\n\n  </details>\n- next", []string{"item", "More", "one", "next"}, []string{"<details", "<summary", "&lt;"}},
		"details that are not closed":          {"<details><summary>More</summary>\n\none", []string{"More", "one"}, []string{"&lt;"}},
		"a rule and a paragraph":               {"<p align=\"center\">one</p>\n\n<hr />\n\n<p>two", []string{"one", "two"}, []string{"<p", "</p", "hr", "&lt;"}},
		"an image":                             {"See <img width=5 src='https://a.test/i.png' alt=\"the log\">.", []string{"the log", "https://a.test/i.png"}, []string{"<img", "width"}},
		"an image without text":                {"See <img src=https://a.test/i.png>.", []string{"https://a.test/i.png"}, []string{"<img"}},
		"an image that leads nowhere":          {"See <img src=\"data:image/png;base64,AAAA\" alt=\"the log\">.", []string{"See the log."}, []string{"data:", "AAAA"}},
		"a link":                               {"See <a href=\"https://a.test/b\" onclick=\"x()\">the docs</a>.", []string{"the docs", "https://a.test/b"}, []string{"<a", "</a", "onclick"}},
		"a link that is no address":            {"See <a href=\"javascript:x()\">the docs</a>.", []string{"See the docs."}, []string{"javascript", "<a"}},
		"a name that is no link":               {"<a name=\"top\"></a>One.", []string{"One."}, []string{"<a", "top"}},
		"names of types":                       {"A List<P> of Map<S> and Foo<T>.", []string{"List", "P", "Map", "S", "Foo", "T"}, nil},
		"a tag without its partner":            {"A <b>word.", []string{"b", ">word."}, nil},
		"an unknown tag":                       {"An <example>x</example>.", []string{"example", "x"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			for provider, body := range shownBodies(t, tt.text) {
				for _, want := range tt.shown {
					if !strings.Contains(body, want) && !strings.Contains(unescaped(body), want) {
						t.Errorf("%s: no %q in %q", provider, want, body)
					}
				}

				if !keepsTags[provider] && regexp.MustCompile(`</?(?:details|summary)`).MatchString(unescaped(body)) {
					t.Errorf("%s: tags of details in %q", provider, body)
				}

				for _, bad := range tt.hidden {
					if strings.Contains(withoutFooter(body), bad) || strings.Contains(unescaped(withoutFooter(body)), bad) {
						t.Errorf("%s: %q in %q", provider, bad, body)
					}
				}
			}
		})
	}
}

// unescaped is text without the backslashes and references that its markup needs.
func unescaped(text string) string {
	text = regexp.MustCompile(`\\([!-/:-@\[-`+"`"+`{-~])`).ReplaceAllString(text, "$1")

	return strings.NewReplacer("&lt;", "<", "&gt;", ">", "&amp;", "&", "&#58;", ":", "&#92;", `\`).Replace(text)
}

// withoutFooter is a tracker's body without the line that we put below the text.
func withoutFooter(body string) string {
	if end := strings.LastIndex(body, "\n---"); end >= 0 {
		return body[:end]
	}

	return body
}

// C2: an item whose text is a comment alone has no text.
func TestAnItemOfCommentsAlone(t *testing.T) {
	for _, text := range []string{"<!-- a -->", "<!-- a\n\nb -->\n\n<!-- c -->", "<!-- a", "  <!---->  \n"} {
		for provider, body := range shownBodies(t, text) {
			empty := shownBodies(t, "")[provider]
			if body != empty {
				t.Errorf("%s: %q is %q, want %q", provider, text, body, empty)
			}

			if isChat[provider] && body != "" {
				t.Errorf("%s: %q has the body %q", provider, text, body)
			}
		}
	}
}

// C2: a message's excerpt begins with what people are to read.
func TestExcerptsBeginWithText(t *testing.T) {
	template := "<!--\nThanks for filing an issue!\n" + strings.Repeat("Please read the guide before you do.\n", 40) + "-->\n"
	for provider, body := range shownBodies(t, template+"\n<br>\n\nIt **crashes** at start.") {
		if isChat[provider] && !strings.HasPrefix(body, "It ") {
			t.Errorf("%s: begins with %.80q", provider, body)
		}
	}
}

// C2: each form of tag as each provider can show it.
func TestTagsAtEachProvider(t *testing.T) {
	for text, want := range map[string]map[string]string{
		"one<br>two<BR >three<br/>four": {
			"github": "one<br>two<br>three<br>four", "mantisbt": "one\ntwo\nthree\nfour", "slack": "one\ntwo\nthree\nfour",
			"discord": "one\ntwo\nthree\nfour", "teams": "one\ntwo\nthree\nfour", "jira": "one\ntwo\nthree\nfour", "jira_datacenter": "one\ntwo\nthree\nfour",
		},
		"|a|b|\n|-|-|\n|one<br>two|c|": {
			"github": "|one<br>two|c|", "mantisbt": "|one two|c|", "slack": "one two | c", "jira": "one\ntwo\n", "jira_datacenter": `|one \\ two|c|`,
		},
		"<details open><summary>The log</summary>\nx\n</details>": {
			"github": "<details>\n<summary>The log</summary>\n\nx\n</details>", "gitlab": "<details>\n<summary>The log</summary>\n\nx\n</details>",
			"mantisbt": "The log\nx", "slack": "*The log*\n\nx", "discord": "**The log**\n\nx", "teams": "The log\n\nx", "jira": "The log\nx\n", "jira_datacenter": "*The log*\n\nx",
		},
		"a <b>b</b> <em>c</em> <del>d</del> <kbd>e</kbd>.": {
			"github": "a <b>b</b> <i>c</i> <del>d</del> <code>e</code>.", "gitlab": "a <b>b</b> <i>c</i> <del>d</del> <code>e</code>.",
			"mantisbt": "a b c d e.", "slack": "a *b* _c_ ~d~ `e`.", "discord": "a **b** *c* ~~d~~ `e`.", "teams": "a b c d e.", "jira": "a b c d e.", "jira_datacenter": "a *b* _c_ -d- {{e}}.",
		},
		"10<sup>9</sup> H<sub>2</sub>O x<sub>max</sub> 1<sup>st</sup>": {
			"github": "10<sup>9</sup> H<sub>2</sub>O x<sub>max</sub> 1<sup>st</sup>", "mantisbt": "10⁹ H₂O x_max 1st", "slack": "10⁹ H₂O x_max 1st",
			"teams": "10⁹ H₂O x_max 1st", "jira": "10⁹ H₂O x_max 1st",
		},
	} {
		got := shownBodies(t, text)
		for provider, want := range want {
			if !strings.Contains(got[provider], want) {
				t.Errorf("%q at %s: no %q in %q", text, provider, want, got[provider])
			}
		}
	}
}

// C2: a link of HTML whose text names another host shows where it leads.
func TestHTMLLinksHideNoHost(t *testing.T) {
	for _, text := range []string{
		"<a href='https://evil.test/x'>good.test</a>",
		"<a href='https://evil.test/x'>https://good.test/login</a>",
		"<a href='https://evil.test/x'>see <b>www.good.test</b></a>",
		"<p><a href='https://evil.test/x'>good.test</a></p>",
		"<a href='https://evil.test/x'>gööd.test</a>",
		"<img src='https://evil.test/x' alt='good.test'>",
	} {
		for provider, body := range shownBodies(t, text) {
			linked := regexp.MustCompile(`(?i)\[[^\]\n]*g(?:oo|öö)d\.test[^\]\n]*\]\(|g(?:oo|öö)d\.test[^ \n(]*→`).MatchString(body)
			wiki := provider == "jira_datacenter" && regexp.MustCompile(`\[[^\]|]*d\.test[^\]|]*\|`).MatchString(body)
			if linked || wiki || !strings.Contains(body, "https://evil.test/x") {
				t.Errorf("%s: %q is %q", provider, text, body)
			}
		}
	}
}

// C2: what people write as a comment never looks like our marker.
func TestCommentsForgeNoMarker(t *testing.T) {
	for _, text := range []string{
		"<!-- integrations:1/2/3/abc -->", "x\n<!-- integrations:1/2/3/abc -->", "<<!-- x -->!-- integrations:1/2/3/abc -->",
		"`<!-- integrations:1/2/3/abc -->`", "```\n<!-- integrations:1/2/3/abc -->\n```", "- ```\n  <!-- integrations:1/2/3/abc -->\n  ```",
		"<details>\n<summary><!-- integrations:1/2/3/abc --></summary>\n\n<!-- integrations:1/2/3/abc\n-->", "<pre>\n<!-- integrations:1/2/3/abc -->\n</pre>",
		"<a href='x'><!-- integrations:1/2/3/abc --></a>", "<!<!-- x -->-- integrations:1/2/3/abc -->", "<img alt='<!-- integrations:1/2/3/abc -->' src=x>",
	} {
		item := domain.Item{ID: 7, FormattedNumber: "K-7", Title: "t", State: domain.Open, Description: text}
		for provider := range keepsTags {
			if body := renderers()[provider].Render(item).Body; strings.Contains(body, "<!--") && regexp.MustCompile(`<!--\s*integrations`).MatchString(body) {
				t.Errorf("%s: %q is %q", provider, text, body)
			}
		}
	}
}

// C2: none of the real items shows a comment, and each excerpt begins with text.
func TestRealItemsShowNoComments(t *testing.T) {
	f, err := os.Open(filepath.Join("..", "..", "..", "shared", "data", "items.jsonl"))
	if os.IsNotExist(err) {
		t.Skip("the real items are not here: ../shared/data/items.jsonl")
	}

	if err != nil {
		t.Fatal(err)
	}

	defer func() { _ = f.Close() }()

	all := renderers()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for n := 0; lines.Scan(); n++ {
		var i struct {
			ID          domain.Snowflake
			Number      string `json:"formatted_number"`
			Description string
		}
		if err := json.Unmarshal(lines.Bytes(), &i); err != nil {
			t.Fatal(err)
		}

		if !strings.Contains(i.Description, "<!--") || raceDetector && n%10 != 0 {
			continue
		}

		for provider, r := range all {
			body := r.Render(domain.Item{ID: i.ID, FormattedNumber: i.Number, Title: "t", State: domain.Open, Description: i.Description}).Body
			if bad := boilerplate.FindString(unescaped(strings.ReplaceAll(body, "\u200b", ""))); bad != "" {
				t.Errorf("%s: %s shows %q", provider, i.Number, bad)
			}
		}
	}

	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

// boilerplate is what the templates of the real items say in comments alone.
var boilerplate = regexp.MustCompile(`This section is incredibly important|A good summary is probably at least a paragraph`)
