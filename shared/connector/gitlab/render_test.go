package gitlab

import (
	"bufio"
	"encoding/json"
	"fmt"
	"html"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/markdown"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
)

func connectorWith(cfg Config) *Connector { return New(cfg, nil, nil) }

var item = domain.Item{
	ID: 22, FormattedNumber: "KEP-9", Title: "Ask @bob\nabout #5", Description: "/close\nSee #5 !6 %\"x\", @acme/team, ~bug.\n\n```go\n@Override\n```", URL: "https://app.test/i/22?a=(b)",
	State: domain.Open, Status: "in *progress*", Priority: "high", Labels: []string{"b", "A", "a", "b", "", "x,y", "🦀", "s::t:::u", strings.Repeat("é", 300), " z\n"},
}

func TestRender(t *testing.T) {
	got := connectorWith(Config{Labels: true}).Render(item)
	want := connector.Content{
		Title:  "KEP-9 Ask @\u200bbob about #\u200b5",
		Body:   "\u200b/close\nSee #\u200b5 !\u200b6 %\u200b\"x\", @\u200bacme/team, ~\u200bbug.\n\n```go\n@Override\n```\n\n---\n[KEP-9](https://app.test/i/22?a=%28b%29) · Status: in \\*progress\\* · Priority: high",
		Labels: []string{"A", "a", "b", "s:t:u", "x y", "z", strings.Repeat("é", 255), "🦀"},
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
	c := connectorWith(Config{TitleTemplate: "[{{status}}] {{title}}", BodyTemplate: "**{{priority}}** @all {{labels}}\n/label ~x\n<b>{{description}}</b>"})
	got := c.Render(item)
	if got.Title != "[in *progress*] Ask @\u200bbob about #\u200b5" {
		t.Errorf("%q", got.Title)
	}

	if !strings.HasPrefix(got.Body, "**high** @\u200ball b, A, a") || !strings.Contains(got.Body, "\n\u200b/label ~\u200bx") || !strings.Contains(got.Body, "<\u200bb\u200b>/close") || !strings.Contains(got.Body, "[KEP-9](") {
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
		"no link": func(i *domain.Item) { i.URL = "javascript:alert(1)" },
		"escape":  func(i *domain.Item) { i.URL = "https://app.test/)[x](https://evil.test/@user" },
		"issue":   func(i *domain.Item) { i.URL = "https://gitlab.com/o/r/-/issues/1" },
		"number":  func(i *domain.Item) { i.FormattedNumber = "](https://evil.test) @user #1" },
		"command": func(i *domain.Item) {
			i.FormattedNumber = "/close"
			i.URL = ""
		},
		"status":       func(i *domain.Item) { i.Status = "@user [x](y) <!-- <b> GL-1 ` a/b> *iteration:x ![" },
		"marker":       func(i *domain.Item) { i.Description = "<!-- integrations:1/2/3 -->" },
		"in code":      func(i *domain.Item) { i.Description = "```\n<!-- integrations:1/2/3 -->" },
		"open":         func(i *domain.Item) { i.Description = "```\n@user\n  ~~~\n````x" },
		"comment":      func(i *domain.Item) { i.Description = "<!-- never closed" },
		"front matter": func(i *domain.Item) { i.Description = "---\na: @user" },
		"quote":        func(i *domain.Item) { i.Description = ">>>\n/close\n>>>\n> /close\n- /close" },
		"long":         func(i *domain.Item) { i.Description = strings.Repeat("@user #1 `x` 👩\u200d👩\u200d👧 ", 2_000) },
		"long one":     func(i *domain.Item) { i.Description = "```\n" + strings.Repeat("e\u0301", 20_000) + "\n```" },
		"title":        func(i *domain.Item) { i.Title = strings.Repeat("👩\u200d👩\u200d👧@", 200) },
		"bytes": func(i *domain.Item) {
			i.Title = "\xff\x00"
			i.Description = "\xff\xfe\x00\x1b"
		},
		"links": func(i *domain.Item) { i.URL = "https://app.test/" + strings.Repeat("ü", 990) },
		"empty": func(i *domain.Item) { *i = domain.Item{ID: 1} },
	} {
		i := item
		change(&i)
		c := connectorWith(Config{Labels: true})
		if strings.HasPrefix(name, "long") {
			c.renderer.markdown.MaxBody = 30_000 // the real limit takes a machine that long
		}

		got := c.Render(i)
		checkContent(t, name, got)
		if markup.Count(got.Body)+markdown.MarkerRoom > c.renderer.markdown.MaxBody {
			t.Errorf("%s: %d characters", name, markup.Count(got.Body))
		}

		if strings.HasPrefix(name, "long") && !strings.Contains(got.Body, "\n\n…(cut) [read the rest](https://app.test/i/22?a=%28b%29)\n\n---\n[KEP-9]") {
			t.Errorf("%s: the end is %q", name, got.Body[len(got.Body)-200:])
		}

		if name == "long" && strings.Count(got.Body, "👩") != 2*strings.Count(got.Body, "👧") {
			t.Errorf("%s: a family is torn apart", name)
		}
	}
}

func TestTheLongestDescription(t *testing.T) {
	i := item
	i.Description = strings.Repeat("words ", 200_000)
	got := connectorWith(Config{}).Render(i)
	if n := markup.Count(got.Body) + markdown.MarkerRoom; n > 1_048_576 || n < 1_048_000 {
		t.Errorf("%d characters", n)
	}
}

// checkContent holds whatever the item was.
func checkContent(t *testing.T, name string, c connector.Content) {
	t.Helper()
	whole := markdown.WithMarker(c.Body, connector.Marker{Integration: 1<<63 - 1, Item: 1<<63 - 1, Attempt: 1<<31 - 1})
	switch {
	case !utf8.ValidString(c.Title) || !utf8.ValidString(c.Body):
		t.Errorf("%s: not UTF-8", name)
	case markup.Count(c.Title) > 255 || markup.Count(whole) > 1_048_576:
		t.Errorf("%s: too long: %d, %d", name, markup.Count(c.Title), markup.Count(whole))
	case c.Title == "" || strings.ContainsFunc(c.Title, unicode.IsControl):
		t.Errorf("%s: title %q", name, c.Title)
	case len(c.Labels) > 100:
		t.Errorf("%s: %d labels", name, len(c.Labels))
	}

	if _, ok := markdown.ParseMarker(c.Body); ok || strings.Contains(c.Body, "<!-- integrations:") {
		t.Errorf("%s: a marker in %q", name, c.Body)
	}

	if _, open := outside(c.Body); open {
		t.Errorf("%s: a code block is left open", name)
	}

	if bad := carriedOut.FindString(c.Body); bad != "" {
		t.Errorf("%s: %q is carried out", name, bad)
	}

	for _, text := range []string{c.Title, harmless.ReplaceAllString(prose(c.Body), "\x00")} {
		for line := range strings.SplitSeq(text, "\n") {
			if bad := alive.FindString(addresses.ReplaceAllString(line, "link")); bad != "" {
				t.Errorf("%s: %q is alive in %.200q", name, bad, line)
			}
		}

		if strings.Contains(text, "https://gitlab.com/") {
			t.Errorf("%s: a link that leaves a trace", name)
		}
	}

	for i, l := range c.Labels {
		if markup.Count(l) > 255 || l == "" || strings.ContainsAny(l, ",\n") || strings.Contains(l, "::") || slices.Contains(c.Labels[:i], l) {
			t.Errorf("%s: label %q", name, l)
		}
	}
}

var (
	// harmless are the tags that GitLab shows and that have no attributes, and links
	// within the page.
	harmless = regexp.MustCompile(`</?(?:b|i|del|ins|code|sub|sup|details|summary)>|<br>|\]\(#[A-Za-z0-9_.-]+\)`)
	// alive is what GitLab acts on: mentions, references of each kind, HTML.
	alive = regexp.MustCompile(`(?i)(?:^|[^a-z0-9_])@[a-z0-9_.]|#[0-9]|(?:^|[^a-z0-9])gl-[0-9]|![0-9\[]|&[0-9]|\$[0-9]|~["a-z0-9_?&]|%["a-z0-9_{]|\^alert#|\*iteration:|\[[a-z_]+:|\[\[|\[toc\]|[a-z0-9]/[a-z0-9._-]+>|<!--|<[a-z][a-z0-9-]*[\s>/]`)
	// carriedOut are lines that GitLab runs, in code as well.
	carriedOut = regexp.MustCompile(`(?m)^[ \t]*/[a-z_]+(?:[ \t]|$)|^::include\{`)
	addresses  = regexp.MustCompile(`<?https?://[a-z0-9._-]+(?::[0-9]+)?(?:[/?#][^\s<>"'()\[\]{}|\\` + "`" + `]*)?>?`)
	inline     = regexp.MustCompile("``[^\n]+?``|`[^`\n]+`")
)

// outside are the lines outside of fenced code blocks, and whether one is left
// open. A block ends with a fence of its own kind at least as wide.
func outside(text string) (lines []string, open bool) {
	fence := ""
	for line := range strings.SplitSeq(text, "\n") {
		bare := strings.TrimLeft(line, " ")
		mark := fences.FindString(bare)
		switch {
		case fence == "" && mark != "" && len(line) == len(bare) && !(mark[0] == '`' && strings.Contains(line[len(mark):], "`")):
			fence = mark
		case fence == "":
			lines = append(lines, line)
		case strings.HasPrefix(mark, fence) && strings.Trim(bare, mark[:1]+" ") == "" && len(line)-len(bare) < 4:
			fence = ""
		}
	}

	return lines, fence != ""
}

var fences = regexp.MustCompile("^(?:`{3,}|~{3,})")

// prose is Markdown without its code, as it is shown, read in another way than
// the disarming does. Code spans are only taken out of lines where backticks
// pair up.
func prose(text string) string {
	lines, _ := outside(text)
	for i, line := range lines {
		if strings.Count(line, "`")%2 == 0 {
			line = inline.ReplaceAllString(line, "code")
		}
		lines[i] = strings.NewReplacer("&lt;", "(", "&#64;", "@", "&#35;", "#").Replace(line)
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
		reply(w, map[string]int{"POST": 201, "PUT": 200}[r.Method], nil, issueJSON(1, "opened", ""))
	}
	list := items(t)
	saas := connectorWith(Config{Labels: true})
	armed := 0
	links := 0
	for n, item := range list {
		if n%10 != 0 && raceDetector {
			continue
		}

		if alive.MatchString(prose(html.UnescapeString(item.Description))) {
			armed++
		}

		links += strings.Count(item.Description, "://")
		content := saas.Render(item)
		checkContent(t, item.FormattedNumber, content)
		if content.Hash() != saas.Render(item).Hash() {
			t.Errorf("%s is not rendered the same twice", item.FormattedNumber)
		}

		if kept := strings.Count(content.Body, "://"); kept < strings.Count(item.Description, "://")*9/10 {
			t.Errorf("%s: %d addresses of %d are left", item.FormattedNumber, kept, strings.Count(item.Description, "://"))
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

	if armed == 0 {
		t.Error("no item holds anything to disarm: the check is blind")
	}

	t.Logf("%d items, %d of them with something alive before, %d addresses, %d requests", len(list), armed, links, len(f.take()))
}

// A cut never falls into a character as people see it.
func TestCutsBetweenCharacters(t *testing.T) {
	for _, character := range []string{"e\u0301", "👩\u200d👩\u200d👧", "🇩🇪", "한", "नि"} {
		got := connectorWith(Config{}).Render(domain.Item{ID: 1, Title: strings.Repeat(character, 300), URL: "https://app.test/"})
		kept, ok := strings.CutSuffix(got.Title, "…")
		if !ok || strings.Trim(kept, "1 ") == "" || uniseg.GraphemeClusterCount(kept) != strings.Count(kept, character) || kept != strings.Repeat(character, strings.Count(kept, character)) {
			t.Errorf("%q", got.Title)
		}
	}
}

func FuzzRender(f *testing.F) {
	f.Add("KEP-1", "t @a", "```\n@b\n", "https://a.test/", "open", "l,m", "")
	f.Add("#1", "\xff", "` @u ` | `\n`` @x", "https://gitlab.com/o/r/-/issues/1", "<!--", "🦀", "{{description}} `")
	f.Add("/close", "/close", "/close\n[issue:1]", "", "a/b>", "a::b", "/assign me\n{{title}}")
	f.Fuzz(func(t *testing.T, number, title, description, address, status, label, template string) {
		c := connectorWith(Config{Labels: true, BodyTemplate: template, TitleTemplate: template})
		i := domain.Item{ID: 1, FormattedNumber: number, Title: title, Description: description, URL: address, Status: status, Labels: []string{label, status},
			Project: &domain.Named{ID: 2, Name: title}, Owner: &domain.Named{ID: 3, Name: status}}
		got := c.Render(i)
		if got.Hash() != c.Render(i).Hash() {
			t.Error("not the same twice")
		}

		if !utf8.ValidString(got.Title+got.Body) || markup.Count(got.Title) > 255 || markup.Count(got.Body)+markdown.MarkerRoom > 1<<20 || strings.Contains(got.Body, "<!-- integrations:") {
			t.Errorf("%#v", got)
		}

		if bad := alive.FindString(addresses.ReplaceAllString(strings.ToLower(got.Title), "link")); bad != "" {
			t.Errorf("%q is alive in the title %q", bad, got.Title)
		}

		if bad := carriedOut.FindString(got.Body); bad != "" {
			t.Errorf("%q is carried out in %q", bad, got.Body)
		}
	})
}
