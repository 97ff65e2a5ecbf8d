package jira

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup/document"
)

func rendering(flavor string, change ...func(*Config)) *Connector {
	cfg := config(flavor)
	for _, f := range change {
		f(&cfg)
	}
	return New(cfg, nil, nil)
}

var item = domain.Item{
	ID: 22, FormattedNumber: "KEP-9", Title: "Ask @bob\nabout #5", Description: "See WORK-5, [~bob] and **bold**.\n\n```go\n@Override\n```", URL: "https://app.test/i/22?a=(b)",
	State: domain.Open, Status: "in *progress*", Priority: "high", Labels: []string{"b", "A", "b", "", "x y", "sync-" + strings.Repeat("a", 26), strings.Repeat("é", 300), " z\n"},
}

func TestRender(t *testing.T) {
	bodies := map[string]string{
		form.Cloud: `{"type":"doc","version":1,"content":[{"type":"paragraph","content":[{"type":"text","text":"See WORK-5, [~bob] and "},{"type":"text","text":"bold","marks":[{"type":"strong"}]},{"type":"text","text":"."}]},` +
			`{"type":"codeBlock","attrs":{"language":"go"},"content":[{"type":"text","text":"@Override"}]},{"type":"rule"},{"type":"paragraph","content":[{"type":"text","text":"KEP-9","marks":[{"type":"link","attrs":{"href":"https://app.test/i/22?a=%28b%29"}}]},{"type":"text","text":" · Status: in *progress*"},{"type":"text","text":" · Priority: high"}]}]}`,
		form.Datacenter: "See WORK\\-\u200b5, \\[\\~bob\\] and *bold*.\n\n{code:go}\n@Override\n{code}\n\n----\n\n[KEP\\-\u200b9|https://app.test/i/22?a=%28b%29] · Status: in \\*progress\\* · Priority: high",
	}

	each(t, func(t *testing.T, flavor string) {
		got := rendering(flavor).Render(item)
		want := connector.Content{
			Title: "KEP-9 Ask @bob about #5", Body: bodies[flavor], State: domain.Open,
			Labels: []string{"A", "_sync-" + strings.Repeat("a", 26), "b", "x-y", "z", strings.Repeat("é", 255)},
		}
		if fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) {
			t.Errorf("got  %#v\nwant %#v", got, want)
		}

		shuffled := item
		shuffled.Labels = slices.Clone(item.Labels)
		slices.Reverse(shuffled.Labels)
		if again := rendering(flavor).Render(shuffled); again.Hash() != got.Hash() {
			t.Error("the order of labels changes the content")
		}

		if none := rendering(flavor, func(c *Config) { c.Labels = false }).Render(item); none.Labels == nil || len(none.Labels) != 0 {
			t.Errorf("labels none: %#v", none.Labels)
		}
	})
}

func TestTemplates(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		with := func(title, body string) *Connector {
			return rendering(flavor, func(c *Config) {
				c.TitleTemplate = title
				c.BodyTemplate = body
			})
		}

		got := with("[{{status}}] {{title}}", "{panel} **{{priority}}** [~all] {{labels}}\n{{description}}").Render(item)
		if got.Title != "[in *progress*] Ask @bob about #5" || !strings.Contains(got.Body, "high") || !strings.Contains(got.Body, "Override") {
			t.Errorf("%#v", got)
		}

		checkContent(t, flavor, "template", got)
		if got := with("{{unknown}}", "").Render(item); got.Title != "KEP-9 Ask @bob about #5" {
			t.Errorf("%q", got.Title)
		}

		if got := with("{{priority}}", "").Render(domain.Item{ID: 5, Title: "\u200b\n"}); got.Title != "5" {
			t.Errorf("%q", got.Title)
		}
	})
}

var hostile = map[string]func(*domain.Item){
	"no link": func(i *domain.Item) { i.URL = "javascript:alert(1)" },
	"escape":  func(i *domain.Item) { i.URL = "https://app.test/]|http://evil.test|!x!{html}" },
	"number":  func(i *domain.Item) { i.FormattedNumber = "]|https://evil.test] [~user] ABC-1" },
	"status":  func(i *domain.Item) { i.Status = "{html}<b>{html} !x.png! [^a.txt] ABC-2 `" },
	"mention": func(i *domain.Item) { i.Description = "[~bob] [~accountid:5b10] \\[~bob] \\\\[~bob] [ ~bob] @bob" },
	"macros": func(i *domain.Item) {
		i.Description = "{include:x} {jql-table} {html}<script>{html}\n{quote}\n{panel:title=x}"
	},
	"in code": func(i *domain.Item) {
		i.Description = "```\n{code}\n[~bob] {noformat} {CODE} {quote}\n```\n`{html} [~x]`"
	},
	"images": func(i *domain.Item) {
		i.Description = "!a.png! !https://x.test/a.png|width=1! ![x](https://i.test/a.png) ![y](a.png)"
	},
	"attachments": func(i *domain.Item) { i.Description = "[^secret.txt] [#anchor] [a|#b] [mail|mailto:a@b.c]" },
	"lines": func(i *domain.Item) {
		i.Description = "h1\\. x\n\nbq. y\n\n\\* z\n\n\\# w\n\n---- \n\n|| a || b ||\n\n| c |"
	},
	"links": func(i *domain.Item) {
		i.Description = "[a](javascript:x) [b](ftp://x) [c](file:///etc) [d](//e) [e](https://x.test/a|b]{html}) <https://y.test/[~z]> www.x.test"
	},
	"split marker": func(i *domain.Item) { i.Description = "h*1.* x\n\n[*~*bob] {*html*} A**BC-1** AB*C-*1" },
	"references":   func(i *domain.Item) { i.Description = "&#91;~bob&#93; &lbrack;~bob] &#123;html} `&#91;~bob]`" },
	"tables":       func(i *domain.Item) { i.Description = "|a|[~b]|\n|-|-|\n|h1. x|{html}|\n||!x!|" },
	"deep":         func(i *domain.Item) { i.Description = strings.Repeat("> ", 200) + strings.Repeat("- ", 200) + "x" },
	"deep lists": func(i *domain.Item) {
		for n := range 60 {
			i.Description += strings.Repeat("  ", n) + "- [~x]\n"
		}
	},
	"list of all": func(i *domain.Item) {
		i.Description = "- # h\n- > q\n- ```\n  c\n  ```\n- |a|\n  |-|\n  |b|\n- ---\n-\n- - x\n1. 1. y"
	},
	"quotes": func(i *domain.Item) {
		i.Description = "> # h\n> > q\n>\n> |a|\n> |-|\n> |b|\n>\n> ---\n> ```\n> {quote}\n> ```"
	},
	"long": func(i *domain.Item) {
		i.Description = strings.Repeat("[~user] **b** `x` 👩\u200d👩\u200d👧 ", 5000)
	},
	"long code":  func(i *domain.Item) { i.Description = "```\n" + strings.Repeat("e\u0301{code}", 20000) + "\n```" },
	"long item":  func(i *domain.Item) { i.Description = strings.Repeat("- 🦀 a\n", 9000) },
	"long table": func(i *domain.Item) { i.Description = "|a|b|\n|-|-|\n" + strings.Repeat("|🦀|x|\n", 9000) },
	"title":      func(i *domain.Item) { i.Title = strings.Repeat("👩\u200d👩\u200d👧@", 200) },
	"bytes": func(i *domain.Item) {
		i.Title = "\xff\x00"
		i.Description = "\xff\xfe\x00\x1b \u202e &#0; &#8238; &#10;x"
	},
	"long link": func(i *domain.Item) { i.URL = "https://app.test/" + strings.Repeat("ü", 990) },
	"empty":     func(i *domain.Item) { *i = domain.Item{ID: 1} },
	"no text":   func(i *domain.Item) { i.Description = "\n\n#\n\n```\n```\n\n>\n\n-\n\n****\n\n``" },
}

func TestRenderHostile(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		for name, change := range hostile {
			i := item
			change(&i)
			checkContent(t, flavor, name, rendering(flavor).Render(i))
		}
	})
}

// checkContent holds whatever the item was.
func checkContent(t *testing.T, flavor, name string, c connector.Content) {
	t.Helper()
	switch {
	case !utf8.ValidString(c.Title) || !utf8.ValidString(c.Body):
		t.Errorf("%s: not UTF-8", name)
	case document.Length(c.Title) > 255 || c.Title == "" || strings.ContainsFunc(c.Title, unicode.IsControl):
		t.Errorf("%s: title %q", name, c.Title)
	case len(c.Labels) > 100:
		t.Errorf("%s: %d labels", name, len(c.Labels))
	}

	for i, l := range c.Labels {
		if document.Length(l) > 255 || l == "" || strings.ContainsFunc(l, unicode.IsSpace) || slices.Contains(c.Labels[:i], l) {
			t.Errorf("%s: label %q", name, l)
		}

		if _, ok := parseLabel(l); ok {
			t.Errorf("%s: label %q is a marker", name, l)
		}
	}

	if flavor == form.Cloud {
		checkADF(t, name, c.Body)
	} else {
		checkWiki(t, name, c.Body)
	}
}

// checkADF reads a document with the schema's rules and nothing of the
// renderer's.
func checkADF(t *testing.T, name, body string) {
	t.Helper()
	var doc map[string]any
	if err := json.Unmarshal([]byte(body), &doc); err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}

	n := 0
	if err := adfNode(doc, "", &n); err != nil {
		t.Errorf("%s: %v", name, err)
	}

	if n > 32_767 {
		t.Errorf("%s: %d characters", name, n)
	}
}

var adfInside = map[string]string{
	"doc":        "paragraph heading bulletList orderedList codeBlock blockquote rule table",
	"blockquote": "paragraph bulletList orderedList codeBlock", "listItem": "paragraph bulletList orderedList codeBlock",
	"bulletList": "listItem", "orderedList": "listItem", "table": "tableRow", "tableRow": "tableCell tableHeader",
	"tableCell": "paragraph", "tableHeader": "paragraph", "paragraph": "text hardBreak", "heading": "text hardBreak", "codeBlock": "text",
}

func adfNode(n map[string]any, parent string, length *int) error {
	kind, _ := n["type"].(string)
	if parent != "" && !slices.Contains(strings.Fields(adfInside[parent]), kind) {
		return fmt.Errorf("%q in %s", kind, parent)
	}

	*length++
	for member := range n {
		if !slices.Contains([]string{"type", "content", "attrs", "text", "marks", "version"}, member) {
			return fmt.Errorf("%s of %s", member, kind)
		}
	}

	if kind == "text" {
		text, _ := n["text"].(string)
		*length += document.Length(text)
		if text == "" {
			return fmt.Errorf("an empty text")
		}
		return adfMarks(n, parent)
	}

	content, _ := n["content"].([]any)
	if len(content) == 0 && !slices.Contains([]string{"paragraph", "heading", "codeBlock", "rule", "hardBreak"}, kind) {
		return fmt.Errorf("an empty %s", kind)
	}

	for _, child := range content {
		if err := adfNode(child.(map[string]any), kind, length); err != nil {
			return err
		}
	}

	return nil
}

func adfMarks(n map[string]any, parent string) error {
	marks, _ := n["marks"].([]any)
	var names []string
	for _, m := range marks {
		mark := m.(map[string]any)
		name := mark["type"].(string)
		names = append(names, name)
		if name != "link" {
			continue
		}

		u, err := url.Parse(mark["attrs"].(map[string]any)["href"].(string))
		if err != nil || !slices.Contains([]string{"http", "https", "mailto"}, strings.ToLower(u.Scheme)) {
			return fmt.Errorf("a link to %v", mark)
		}
	}

	if parent == "codeBlock" && len(names) > 0 || slices.Contains(names, "code") && strings.Trim(strings.Join(names, " "), " ") != "code" && strings.Join(names, " ") != "code link" {
		return fmt.Errorf("marks %v in %s", names, parent)
	}

	return nil
}

// wikiPart is a piece of wiki markup: a block of code, an escaped sign, or one
// that counts.
var (
	wikiCode    = regexp.MustCompile(`(?s)\{(code|noformat)(?::[a-z+#]+)?\}\n(.*?)\n?\{(code|noformat)\}`)
	wikiEscaped = regexp.MustCompile(`\\[^\\ \w]|&#[0-9]+;`)
	wikiLink    = regexp.MustCompile(`\[[^\[\]|\n]*\|(https?://|mailto:)[^\[\]|\s{}!]+\]`)
	wikiAlive   = regexp.MustCompile(`\[|\]|\{(?:[^{}]|$)|![^\s!]|(?m:^\s*(?:h[0-9]|bq)\.)|\b[A-Za-z][A-Za-z0-9_]+-[0-9]|://|\bwww\.|\?\?|~|\^`)
)

// checkWiki reads wiki markup as Jira does: code first, then what a backslash
// makes plain, then links, and looks for anything alive in the rest.
func checkWiki(t *testing.T, name, body string) {
	t.Helper()
	if n := document.Length(body); n > 32_767 {
		t.Errorf("%s: %d characters", name, n)
	}

	rest := wikiCode.ReplaceAllStringFunc(body, func(code string) string {
		m := wikiCode.FindStringSubmatch(code)
		if m[1] != m[3] || regexp.MustCompile(`(?i)\{/?(?:code|noformat|quote)`).MatchString(m[2]) {
			t.Errorf("%s: code that does not stay one: %.100q", name, code)
		}
		return "\x00"
	})
	if strings.Count(rest, "{quote}")%2 != 0 {
		t.Errorf("%s: a quotation is left open", name)
	}

	rest = strings.ReplaceAll(rest, "{quote}", "")
	rest = wikiEscaped.ReplaceAllString(rest, "\x01")
	rest = wikiLink.ReplaceAllString(rest, "link")
	rest = strings.NewReplacer("{{", "", "}}", "").Replace(rest)
	for _, line := range strings.Split(rest, "\n") {
		heading := regexp.MustCompile(`^h[1-6]\. `).FindString(line)
		if bad := wikiAlive.FindString(line[len(heading):]); bad != "" {
			t.Errorf("%s: %q is alive in %.200q", name, bad, line)
			return
		}
	}
}

func items(t *testing.T) []domain.Item {
	path := shared("data/items.jsonl")
	if path == "" {
		t.Skip("../shared/data/items.jsonl is absent")
	}

	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}

	defer func() { _ = f.Close() }()
	var list []domain.Item
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		var raw struct {
			domain.Item
			PrefixID *domain.Snowflake `json:"prefix_id"`
		}
		if err := json.Unmarshal(s.Bytes(), &raw); err != nil {
			t.Fatal(err)
		}

		list = append(list, raw.Item)
	}

	return list
}

func TestRealItems(t *testing.T) {
	list := items(t)
	each(t, func(t *testing.T, flavor string) {
		c := rendering(flavor)
		cut := 0
		for n, item := range list {
			if n%10 != 0 && raceDetector {
				continue
			}

			content := c.Render(item)
			checkContent(t, flavor, item.FormattedNumber, content)
			if content.Hash() != c.Render(item).Hash() {
				t.Errorf("%s is not rendered the same twice", item.FormattedNumber)
			}

			if strings.Contains(content.Body, "read the rest") {
				cut++
			}
		}

		t.Logf("%d items, %d of them cut", len(list), cut)
	})
}

// What is cut is cut between two characters as people see them.
func TestCutsBetweenCharacters(t *testing.T) {
	for _, cluster := range []string{"👩\u200d👩\u200d👧", "e\u0301", "🇩🇪", "한"} {
		i := domain.Item{ID: 1, Title: "T", Description: strings.Repeat(cluster, 60_000/len(cluster)), URL: "https://app.test/1"}
		var doc struct {
			Content []struct {
				Content []struct{ Text string }
			}
		}
		if err := json.Unmarshal([]byte(rendering(form.Cloud).Render(i).Body), &doc); err != nil {
			t.Fatal(err)
		}

		kept := doc.Content[0].Content[0].Text
		if uniseg.GraphemeClusterCount(kept)*len(cluster) != len(kept) || len(kept) < 10_000 && len(i.Description) > 32_767*4 {
			t.Errorf("%q is cut after %q", cluster, kept[len(kept)-len(cluster):])
		}

		i.Title = strings.Repeat(cluster, 300)
		title := strings.TrimSuffix(strings.TrimSpace(rendering(form.Cloud).Render(i).Title), "…")
		if len(title)%len(cluster) != 0 {
			t.Errorf("title of %q is cut in one", cluster)
		}
	}
}

func FuzzRender(f *testing.F) {
	f.Add("KEP-1", "t [~a]", "```\n{code}\n", "https://a.test/", "open", "l m", "")
	for _, change := range hostile {
		i := item
		change(&i)
		if len(i.Description) < 1000 {
			f.Add(i.FormattedNumber, i.Title, i.Description, i.URL, i.Status, "l", "{{description}}")
		}
	}

	f.Fuzz(func(t *testing.T, number, title, description, address, status, label, template string) {
		for _, flavor := range flavors {
			c := rendering(flavor, func(c *Config) {
				c.BodyTemplate = template
				c.TitleTemplate = template
			})
			i := domain.Item{ID: 1, FormattedNumber: number, Title: title, Description: description, URL: address, Status: status, Labels: []string{label, status},
				Project: &domain.Named{ID: 2, Name: title}, Owner: &domain.Named{ID: 3, Name: status}}
			got := c.Render(i)
			if got.Hash() != c.Render(i).Hash() {
				t.Error("not the same twice")
			}

			checkContent(t, flavor, "fuzz", got)
		}
	})
}
