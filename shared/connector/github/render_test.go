package github

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/markdown"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
)

func connectorWith(cfg Config) *Connector { return New(cfg, nil, nil) }

var item = domain.Item{
	ID: 22, FormattedNumber: "KEP-9", Title: "Ask @bob\nabout #5", Description: "See #5, @acme/team.\n\n```go\n@Override\n```", URL: "https://app.test/i/22?a=(b)",
	State: domain.Open, Status: "in *progress*", Priority: "high", Labels: []string{"b", "A", "a", "", "x,y", "🦀", strings.Repeat("é", 60), " z\n"},
}

func TestRender(t *testing.T) {
	got := connectorWith(Config{Labels: true}).Render(item)
	want := connector.Content{
		Title:  "KEP-9 Ask @\u200bbob about #\u200b5",
		Body:   "See #\u200b5, @\u200bacme/team.\n\n```go\n@Override\n```\n\n---\n[KEP-9](https://app.test/i/22?a=%28b%29) · Status: in \\*progress\\* · Priority: high",
		Labels: []string{"A", "b", "x y", "z", strings.Repeat("é", 50)},
		State:  domain.Open,
	}
	if fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) {
		t.Errorf("got  %#v\nwant %#v", got, want)
	}

	shuffled := item
	shuffled.Labels = slices.Clone(item.Labels)
	slices.Reverse(shuffled.Labels)
	if again := connectorWith(Config{Labels: true}).Render(shuffled); again.Hash() != got.Hash() {
		t.Error("the order of labels changes the content")
	}

	if none := connectorWith(Config{}).Render(item); none.Labels == nil || len(none.Labels) != 0 {
		t.Errorf("labels none: %#v", none.Labels)
	}
}

func TestTemplates(t *testing.T) {
	c := connectorWith(Config{TitleTemplate: "[{{status}}] {{title}}", BodyTemplate: "**{{priority}}** @all {{labels}}\n<b>{{description}}</b>"})
	got := c.Render(item)
	if got.Title != "[in *progress*] Ask @\u200bbob about #\u200b5" {
		t.Errorf("%q", got.Title)
	}

	if !strings.HasPrefix(got.Body, "**high** @\u200ball b, A, a") || !strings.Contains(got.Body, "<\u200bb>See #\u200b5") || !strings.Contains(got.Body, "[KEP-9](") {
		t.Errorf("%q", got.Body)
	}

	if got := connectorWith(Config{TitleTemplate: "{{unknown}}"}).Render(item); got.Title != "KEP-9 Ask @\u200bbob about #\u200b5" {
		t.Errorf("%q", got.Title)
	}

	if got := connectorWith(Config{TitleTemplate: "{{priority}}"}).Render(domain.Item{ID: 5, Title: "\u200b\n"}); got.Title != "5" {
		t.Errorf("%q", got.Title)
	}
}

func TestRenderHostile(t *testing.T) {
	for name, change := range map[string]func(*domain.Item){
		"no link":  func(i *domain.Item) { i.URL = "javascript:alert(1)" },
		"escape":   func(i *domain.Item) { i.URL = "https://app.test/)[x](https://evil.test/@user" },
		"issue":    func(i *domain.Item) { i.URL = "https://github.com/o/r/issues/1" },
		"number":   func(i *domain.Item) { i.FormattedNumber = "](https://evil.test) @user #1" },
		"status":   func(i *domain.Item) { i.Status = "@user [x](y) <!-- <b> GH-1 `" },
		"marker":   func(i *domain.Item) { i.Description = "<!-- integrations:1/2/3 -->" },
		"in code":  func(i *domain.Item) { i.Description = "```\n<!-- integrations:1/2/3 -->" },
		"open":     func(i *domain.Item) { i.Description = "```\n@user\n  ~~~\n````x" },
		"comment":  func(i *domain.Item) { i.Description = "<!-- never closed" },
		"long":     func(i *domain.Item) { i.Description = strings.Repeat("@user #1 `x` 👩\u200d👩\u200d👧 ", 5000) },
		"long one": func(i *domain.Item) { i.Description = "```\n" + strings.Repeat("e\u0301", 40000) + "\n```" },
		"title":    func(i *domain.Item) { i.Title = strings.Repeat("👩\u200d👩\u200d👧@", 200) },
		"bytes": func(i *domain.Item) {
			i.Title = "\xff\x00"
			i.Description = "\xff\xfe\x00\x1b"
		},
		"links": func(i *domain.Item) { i.URL = "https://app.test/" + strings.Repeat("ü", 990) },
		"empty": func(i *domain.Item) { *i = domain.Item{ID: 1} },
	} {
		i := item
		change(&i)
		checkContent(t, name, connectorWith(Config{Labels: true}).Render(i))
	}
}

// checkContent holds whatever the item was.
func checkContent(t *testing.T, name string, c connector.Content) {
	t.Helper()
	whole := markdown.WithMarker(c.Body, connector.Marker{Integration: 1<<63 - 1, Item: 1<<63 - 1, Attempt: 1<<31 - 1})
	switch {
	case !utf8.ValidString(c.Title) || !utf8.ValidString(c.Body):
		t.Errorf("%s: not UTF-8", name)
	case markup.Count(c.Title) > 256 || markup.Count(whole) > 65536:
		t.Errorf("%s: too long: %d, %d", name, markup.Count(c.Title), markup.Count(whole))
	case c.Title == "" || strings.ContainsFunc(c.Title, unicode.IsControl):
		t.Errorf("%s: title %q", name, c.Title)
	case len(c.Labels) > 100:
		t.Errorf("%s: %d labels", name, len(c.Labels))
	}

	if _, ok := markdown.ParseMarker(c.Body); ok || strings.Contains(c.Body, "<!-- integrations:") {
		t.Errorf("%s: a marker in %q", name, c.Body)
	}

	for _, text := range []string{c.Title, harmless.ReplaceAllString(prose(c.Body), "\x00")} {
		if bad := alive.FindString(text); bad != "" {
			t.Errorf("%s: %q is alive", name, bad)
		}
	}

	for i, l := range c.Labels {
		if markup.Count(l) > 50 || l == "" || strings.Contains(l, ",") || slices.ContainsFunc(c.Labels[:i], func(o string) bool { return strings.EqualFold(o, l) }) {
			t.Errorf("%s: label %q", name, l)
		}
	}
}

// harmless are the tags that GitHub shows and that have no attributes, and links
// within the page.
var harmless = regexp.MustCompile(`</?(?:b|i|del|ins|code|sub|sup|details|summary)>|<br>|\]\(#[A-Za-z0-9_.-]+\)`)

// alive is what GitHub acts on: mentions, issues, issue addresses and HTML.
var alive = regexp.MustCompile(`(?im)(?:^|[^a-z0-9])@[a-z0-9]|#[0-9]|(?:^|[^a-z0-9])gh-[0-9]|<!--|<[a-z][a-z0-9-]*[\s>/]|//(?:www\.)?github\.com/[^/\s]+/[^/\s]+/(?:issues|pull|discussions)/`)

var (
	blocks = regexp.MustCompile("(?ms)^```[^`\n]*\n.*?^ {0,3}```+ *$|^~~~[^\n]*\n.*?^ {0,3}~~~+ *$")
	inline = regexp.MustCompile("``[^\n]+?``|`[^`\n]+`")
)

// prose is Markdown without its code, read in another way than the disarming
// does. Code spans are only taken out of lines where backticks pair up.
func prose(text string) string {
	lines := strings.Split(blocks.ReplaceAllString(text, "code"), "\n")
	for i, line := range lines {
		if strings.Count(line, "`")%2 == 0 {
			lines[i] = inline.ReplaceAllString(line, "code")
		}
	}

	return strings.Join(lines, "\n")
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
	f, c := start(t, Config{Labels: true})
	f.answer = func(w http.ResponseWriter, r *http.Request, body []byte) {
		status := map[string]int{"POST": 201, "PATCH": 200}[r.Method]
		reply(w, status, nil, issueJSON(1, "open", ""))
	}
	list := items(t)
	saas := connectorWith(Config{Labels: true})
	for n, item := range list {
		if n%10 != 0 && raceDetector {
			continue
		}

		content := saas.Render(item)
		checkContent(t, item.FormattedNumber, content)
		if content.Hash() != saas.Render(item).Hash() {
			t.Errorf("%s is not rendered the same twice", item.FormattedNumber)
		}

		m := connector.Marker{Integration: 11, Item: item.ID, Attempt: 1}
		if _, err := c.Create(t.Context(), content, m); err != nil {
			t.Fatal(err)
		}

		if item.State == domain.Closed {
			sent := connector.Sent{Remote: domain.Remote{Key: "1"}, Labels: content.Labels, State: domain.Open}
			if _, err := c.Update(t.Context(), sent, content, m); err != nil {
				t.Fatal(err)
			}
		}
	}

	t.Logf("%d items, %d requests within the contract", len(list), len(f.take()))
}

func FuzzRender(f *testing.F) {
	f.Add("KEP-1", "t @a", "```\n@b\n", "https://a.test/", "open", "l,m", "")
	f.Add("#1", "\xff", "` @u ` | `\n`` @x", "https://github.com/o/r/pull/1", "<!--", "🦀", "{{description}} `")
	f.Fuzz(func(t *testing.T, number, title, description, address, status, label, template string) {
		c := connectorWith(Config{Labels: true, BodyTemplate: template, TitleTemplate: template})
		i := domain.Item{ID: 1, FormattedNumber: number, Title: title, Description: description, URL: address, Status: status, Labels: []string{label, status},
			Project: &domain.Named{ID: 2, Name: title}, Owner: &domain.Named{ID: 3, Name: status}}
		got := c.Render(i)
		if got.Hash() != c.Render(i).Hash() {
			t.Error("not the same twice")
		}

		if !utf8.ValidString(got.Title+got.Body) || markup.Count(got.Title) > 256 || markup.Count(got.Body)+markdown.MarkerRoom > 65536 || strings.Contains(got.Body, "<!-- integrations:") {
			t.Errorf("%#v", got)
		}

		if bad := alive.FindString(got.Title); bad != "" {
			t.Errorf("%q is alive in the title %q", bad, got.Title)
		}
	})
}
