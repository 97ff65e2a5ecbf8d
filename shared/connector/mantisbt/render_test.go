package mantisbt

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
)

func rendering(cfg Config) *Connector { return New(cfg, nil, nil) }

var item = domain.Item{
	ID: 22, FormattedNumber: "KEP-9", Title: "Ask @bob\nabout #5", Description: "See #5, ~6, @acme.\n\n```go\n@Override\n```", URL: "https://app.test/i/22?a=(b)",
	State: domain.Open, Status: "in *progress*", Priority: "high", Labels: []string{"b", "A"},
}

func TestRender(t *testing.T) {
	got := rendering(Config{}).Render(item)
	want := connector.Content{
		Title:  "KEP-9 Ask @\u200bbob about #\u200b5",
		Body:   "See #\u200b5, ~\u200b6, @\u200bacme.\n\n```go\n@\u200bOverride\n```\n\n---\nKEP-9 · Status: in *progress* · Priority: high\nhttps://app.test/i/22?a=%28b%29",
		Labels: []string{},
		State:  domain.Open,
	}
	if fmt.Sprintf("%#v", got) != fmt.Sprintf("%#v", want) {
		t.Errorf("got  %#v\nwant %#v", got, want)
	}

	other := item
	other.Labels = nil
	if again := rendering(Config{}).Render(other); again.Hash() != got.Hash() {
		t.Error("labels, which are not written, change the content")
	}
}

func TestTemplates(t *testing.T) {
	c := rendering(Config{TitleTemplate: "[{{status}}] {{title}}", BodyTemplate: "{{priority}} @all {{labels}} ~7\n<b>{{description}}</b>"})
	got := c.Render(item)
	if got.Title != "[in *progress*] Ask @\u200bbob about #\u200b5" {
		t.Errorf("%q", got.Title)
	}

	if !strings.HasPrefix(got.Body, "high @\u200ball b, A ~\u200b7\n<\u200bb>See #\u200b5") || !strings.Contains(got.Body, "KEP-9 · ") {
		t.Errorf("%q", got.Body)
	}

	if got := rendering(Config{TitleTemplate: "{{unknown}}"}).Render(item); got.Title != "KEP-9 Ask @\u200bbob about #\u200b5" {
		t.Errorf("%q", got.Title)
	}

	if got := rendering(Config{TitleTemplate: "{{priority}}", BodyTemplate: "{{priority}}"}).Render(domain.Item{ID: 5, Title: "\u200b\n"}); got.Title != "5" || got.Body != "5" {
		t.Errorf("%#v", got)
	}
}

func TestRenderHostile(t *testing.T) {
	for name, change := range map[string]func(*domain.Item){
		"no link": func(i *domain.Item) { i.URL = "javascript:alert(1)" },
		"address": func(i *domain.Item) { i.URL = "https://app.test/~5/#1/@user" },
		"number":  func(i *domain.Item) { i.FormattedNumber = "@user #1" },
		"status":  func(i *domain.Item) { i.Status = "@user ~1 <b> [x](y)" },
		"marker":  func(i *domain.Item) { i.Description = "[integrations:1/2/3]" },
		"open":    func(i *domain.Item) { i.Description = "```\n@user\n  ~~~\n````x" },
		"long": func(i *domain.Item) {
			i.Description = strings.Repeat("@user #1 ~2 `x` 👩\u200d👩\u200d👧 ", 5000)
		},
		"long one": func(i *domain.Item) { i.Description = "```\n" + strings.Repeat("e\u0301", 40000) + "\n```" },
		"title":    func(i *domain.Item) { i.Title = strings.Repeat("👩\u200d👩\u200d👧@", 200) },
		"ends in":  func(i *domain.Item) { i.FormattedNumber, i.Title = "", strings.Repeat("x", 126)+"@user" },
		"bytes": func(i *domain.Item) {
			i.Title = "\xff\x00"
			i.Description = "\xff\xfe\x00\x1b"
		},
		"links": func(i *domain.Item) { i.URL = "https://app.test/" + strings.Repeat("ü", 990) },
		"empty": func(i *domain.Item) { *i = domain.Item{ID: 1} },
	} {
		i := item
		change(&i)
		checkContent(t, name, i, rendering(Config{}).Render(i))
	}
}

// alive is what MantisBT acts on, in its own patterns: mentions, issues, notes
// and the HTML it lets through. It does so in code as well.
var alive = regexp.MustCompile(`(?:^|[^\w@])@[\w.]*\w|(?:^|\W)[#~][0-9]|(?i:</?(?:p|li|ul|ol|br|pre|i|b|u|em|strong|a|img|script|[a-z]+)[\s>/])|<!`)

// checkContent holds whatever the item was.
func checkContent(t *testing.T, name string, i domain.Item, c connector.Content) {
	t.Helper()
	switch {
	case !utf8.ValidString(c.Title) || !utf8.ValidString(c.Body):
		t.Errorf("%s: not UTF-8", name)
	case markup.Count(c.Title) > 128 || markup.Count(c.Body) > 65535:
		t.Errorf("%s: too long: %d, %d", name, markup.Count(c.Title), markup.Count(c.Body))
	case markup.IsBlank(c.Title) || markup.IsBlank(c.Body) || strings.ContainsFunc(c.Title, unicode.IsControl):
		t.Errorf("%s: title %q, body %q", name, c.Title, c.Body)
	case len(c.Labels) != 0 || c.Labels == nil:
		t.Errorf("%s: labels %q", name, c.Labels)
	case fences(c.Body)%2 != 0:
		t.Errorf("%s: a code block is left open", name)
	}

	for _, text := range []string{c.Title, c.Body} {
		if bad := alive.FindString(text); bad != "" {
			t.Errorf("%s: %q is alive", name, bad)
		}
	}

	if whole := disarm.DisarmLine(form.Fill("", titleTemplate, i)); strings.HasSuffix(c.Title, "…") && !wholeCharacters(whole, strings.TrimSuffix(c.Title, "…")) {
		t.Errorf("%s: the title %q is cut within a character", name, c.Title)
	}

	if text, _, cut := strings.Cut(c.Body, "\n\n…(cut)"); cut {
		text = strings.TrimRight(strings.TrimSuffix(strings.TrimSuffix(text, "\n```"), "\n~~~"), "\n")
		if whole := disarm.Disarm(i.Description); !wholeCharacters(whole, text) {
			t.Errorf("%s: the text is cut within a character", name)
		}

		if _, ok := markup.WebURL(i.URL); ok && !strings.Contains(c.Body, "…(cut) The rest: http") {
			t.Errorf("%s: nothing leads to the rest", name)
		}
	}
}

// wholeCharacters reports whether a beginning ends where a character does.
func wholeCharacters(whole, beginning string) bool {
	if !strings.HasPrefix(whole, beginning) {
		return false
	}

	at := max(0, len(beginning)-200)
	for at > 0 && !utf8.RuneStart(whole[at]) {
		at--
	}

	rest := whole[at:min(len(whole), len(beginning)+200)]
	cut := len(beginning) - at

	return uniseg.GraphemeClusterCount(rest[:cut])+uniseg.GraphemeClusterCount(rest[cut:]) == uniseg.GraphemeClusterCount(rest)
}

// fences counts what opens and closes code blocks, read in another way than
// the disarming does.
func fences(text string) int {
	n := 0
	open := ""
	for line := range strings.SplitSeq(text, "\n") {
		mark := regexp.MustCompile("^ {0,3}(`{3,}|~{3,})").FindStringSubmatch(line)
		switch {
		case mark == nil:
		case open == "" && !(mark[1][0] == '`' && strings.Contains(line[len(mark[0]):], "`")):
			n = n + 1
			open = mark[1]
		case open != "" && mark[1][0] == open[0] && len(mark[1]) >= len(open) && strings.TrimSpace(line[len(mark[0]):]) == "":
			n = n + 1
			open = ""
		}
	}

	return n
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
	f, c := start(t, nil)
	f.answer = func(w http.ResponseWriter, r *http.Request, body []byte) {
		switch r.Method {
		case http.MethodPost:
			reply(w, 201, nil, made(issueOf(1, 10, "")))
		case http.MethodGet:
			reply(w, 200, http.Header{"ETag": {"x"}}, listOf(issueOf(1, 10, "")))
		default:
			reply(w, 200, nil, listOf(issueOf(1, 90, "")))
		}
	}

	list := items(t)
	for n, item := range list {
		if n%10 != 0 && raceDetector {
			continue
		}

		content := c.Render(item)
		checkContent(t, item.FormattedNumber, item, content)
		if content.Hash() != c.Render(item).Hash() {
			t.Errorf("%s is not rendered the same twice", item.FormattedNumber)
		}

		m := connector.Marker{Integration: 11, Item: item.ID, Attempt: 1}
		if _, err := c.Create(t.Context(), content, m); err != nil {
			t.Fatal(err)
		}

		if item.State == domain.Closed {
			sent := connector.Sent{Remote: domain.Remote{Key: "1"}, State: domain.Open}
			if _, err := c.Update(t.Context(), sent, content, m); err != nil {
				t.Fatal(err)
			}
		}
	}

	t.Logf("%d items, %d requests within %d descriptions", len(list), len(f.take()), len(f.routers))
}

func FuzzRender(f *testing.F) {
	f.Add("KEP-1", "t @a", "```\n@b\n", "https://a.test/", "open", "")
	f.Add("#1", "\xff", "` @u ` ~4 | `\n`` @x", "https://a.test/~5#6", "<!--", "{{description}} `")
	f.Fuzz(func(t *testing.T, number, title, description, address, status, template string) {
		c := rendering(Config{BodyTemplate: template, TitleTemplate: template})
		i := domain.Item{ID: 1, FormattedNumber: number, Title: title, Description: description, URL: address, Status: status,
			Project: &domain.Named{ID: 2, Name: title}, Owner: &domain.Named{ID: 3, Name: status}}
		got := c.Render(i)
		if got.Hash() != c.Render(i).Hash() {
			t.Error("not the same twice")
		}

		if !utf8.ValidString(got.Title+got.Body) || markup.Count(got.Title) > 128 || markup.Count(got.Body) > 65535 || markup.IsBlank(got.Title) || markup.IsBlank(got.Body) {
			t.Errorf("%#v", got)
		}

		for _, text := range []string{got.Title, got.Body} {
			if bad := alive.FindString(text); bad != "" {
				t.Errorf("%q is alive in %q", bad, text)
			}
		}
	})
}
