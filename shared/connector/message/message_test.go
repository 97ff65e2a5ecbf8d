package message

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/markup/chat"
)

var item = domain.Item{
	ID: 22, FormattedNumber: "KEP-9", Title: "Ask *all*\n@here", Description: "See **this** & [that](https://a.test).", URL: "HTTPS://app.test/i/22?a=(b)",
	State: domain.Closed, Labels: []string{"b", "A\n1", "b", "\u200b"},
}

func TestRender(t *testing.T) {
	got := Renderer{Dialect: chat.Slack{}}.Render(item)
	want := connector.Content{
		Number: "KEP-9", Title: "Ask *all* @here", Body: "See *this* &amp; that (<https://a.test>).",
		URL: "https://app.test/i/22?a=%28b%29", Labels: []string{"A 1", "b"}, State: domain.Closed,
	}
	if got.Hash() != want.Hash() {
		t.Errorf("got  %#v\nwant %#v", got, want)
	}

	if Heading(got) != "KEP-9 Ask *all* @here" {
		t.Error(Heading(got))
	}
}

func TestHeading(t *testing.T) {
	for title, want := range map[string]string{
		"broken": "WI-1 broken", "WI-1": "WI-1", "WI-1: broken": "WI-1: broken", "WI-1 is broken": "WI-1 is broken", "WI-1…": "WI-1…",
		"WI-10 made this worse": "WI-1 WI-10 made this worse", "WI-1a": "WI-1 WI-1a", "WI-1é": "WI-1 WI-1é",
	} {
		if got := Heading(connector.Content{Number: "WI-1", Title: title}); got != want {
			t.Errorf("%q: %q, want %q", title, got, want)
		}
	}
}

func TestDeletedShowsNoText(t *testing.T) {
	gone := item
	gone.Deleted = true
	c := Renderer{Dialect: chat.Plain{}}.Render(gone)
	if c.Body != "" || !c.Deleted || State(c) != "deleted" {
		t.Errorf("%#v", c)
	}
}

func TestTemplates(t *testing.T) {
	for name, tt := range map[string]struct {
		r                         Renderer
		item                      domain.Item
		number, title, body, head string
	}{
		"both":        {Renderer{TitleTemplate: "[{{status}}] {{title}}", BodyTemplate: "**{{priority}}** {{url}}"}, domain.Item{ID: 1, FormattedNumber: "N-1", Title: "T", Status: "new", Priority: "high", URL: "x"}, "", "[new] T", "high x", "[new] T"},
		"with number": {Renderer{TitleTemplate: "{{formatted_number}} {{title}}"}, domain.Item{ID: 1, FormattedNumber: "N-1", Title: "T"}, "", "N-1 T", "", "N-1 T"},
		"unknown":     {Renderer{TitleTemplate: "{{nothing}}", BodyTemplate: "{{nothing}}"}, domain.Item{ID: 1, FormattedNumber: "N-1", Title: "T", Description: "D"}, "N-1", "T", "D", "N-1 T"},
		"blank":       {Renderer{TitleTemplate: "{{priority}}"}, domain.Item{ID: 1, FormattedNumber: "N-1", Title: "\u200b"}, "N-1", "N-1", "", "N-1"},
		"nothing":     {Renderer{}, domain.Item{ID: 1}, "", "1", "", "1"},
	} {
		tt.r.Dialect = chat.Plain{}
		if c := tt.r.Render(tt.item); c.Number != tt.number || c.Title != tt.title || c.Body != tt.body || Heading(c) != tt.head {
			t.Errorf("%s: %#v", name, c)
		}
	}
}

// What is too long is cut between two characters, with the way to the rest.
func TestCut(t *testing.T) {
	family := "👩\u200d👩\u200d👧"
	i := domain.Item{ID: 1, FormattedNumber: strings.Repeat("N", 99), Title: strings.Repeat(family, 99), Description: strings.Repeat(family+" ", 999), URL: "https://a.test/1"}
	for d, most := range map[chat.Dialect]int{chat.Slack{}: maxExcerpt, chat.Discord{}: maxExcerpt, chat.Plain{}: maxExcerpt} {
		c := Renderer{Dialect: d}.Render(i)
		if markup.Count(c.Number) > maxNumber || markup.Count(c.Title) > maxTitle || markup.Count(c.Body) > most {
			t.Errorf("%T: %d %d %d", d, markup.Count(c.Number), markup.Count(c.Title), markup.Count(c.Body))
		}

		text, rest, cut := strings.Cut(c.Body, "\n\n…(cut)")
		if !cut || !strings.Contains(rest, "https://a.test/1") || markup.Count(c.Body) < most/2 {
			t.Errorf("%T: %q", d, c.Body)
		}

		for _, whole := range []string{strings.TrimSuffix(c.Title, "…"), text} {
			for g := uniseg.NewGraphemes(whole); g.Next(); {
				if g.Str() != family && g.Str() != " " {
					t.Errorf("%T: %q is half a character", d, g.Str())
				}
			}
		}
	}

	i.Description = strings.Repeat("- x\n", 500)
	if c := (Renderer{Dialect: chat.Plain{}}).Render(i); strings.Count(c.Body, "\n") > maxExcerpt/40 {
		t.Errorf("an excerpt of %d lines", strings.Count(c.Body, "\n"))
	}

	i.URL = "https://a.test/" + strings.Repeat("x", 1000)
	if c := (Renderer{Dialect: chat.Plain{}}).Render(i); markup.Count(c.Body) > maxExcerpt || c.URL != i.URL {
		t.Errorf("%q", c.Body)
	}
}

func TestChanges(t *testing.T) {
	same := connector.Content{Title: "T", Body: "B", Labels: []string{"a", "b"}, State: domain.Open}
	was := connector.PreviousMessage{Title: "T", Text: connector.TextHash("B"), Labels: []string{"a", "b"}, State: domain.Open}
	for want, change := range map[string]func(c *connector.Content, w *connector.PreviousMessage){
		"":              func(*connector.Content, *connector.PreviousMessage) {},
		"closed":        func(c *connector.Content, _ *connector.PreviousMessage) { c.State = domain.Closed },
		"reopened":      func(_ *connector.Content, w *connector.PreviousMessage) { w.State = domain.Closed },
		"title was “S”": func(_ *connector.Content, w *connector.PreviousMessage) { w.Title = "S" },
		"labels: +b −c": func(_ *connector.Content, w *connector.PreviousMessage) { w.Labels = []string{"a", "c"} },
		"text changed":  func(c *connector.Content, _ *connector.PreviousMessage) { c.Body = "C" },
		"deleted": func(c *connector.Content, _ *connector.PreviousMessage) {
			c.Deleted = true
			c.Body = ""
			c.State = domain.Closed
		},
		"restored": func(_ *connector.Content, w *connector.PreviousMessage) {
			w.Deleted, w.Text, w.State = true, connector.TextHash(""), domain.Closed
		},
		// C1: the change of a status or a priority is said, old and new.
		"status: planned → in review · priority: low → urgent": func(c *connector.Content, w *connector.PreviousMessage) {
			c.Facts = domain.Facts{Status: "in review", Priority: "urgent"}
			w.Facts = domain.Facts{Status: "planned", Priority: "low"}
		},
		"closed · status: in review → done": func(c *connector.Content, w *connector.PreviousMessage) {
			c.State = domain.Closed
			c.Facts.Status = "done"
			w.Facts.Status = "in review"
		},
		"priority: none → high": func(c *connector.Content, _ *connector.PreviousMessage) { c.Facts.Priority = "high" },
		"owner: Ada → none · due: 2026-12-01 → 2026-12-24 · milestone: 1 → 2 · project: P → Q · type: Bug → Task": func(c *connector.Content, w *connector.PreviousMessage) {
			w.Facts = domain.Facts{Owner: "Ada", Due: "2026-12-01", Milestone: "1", Project: "P", Type: "Bug"}
			c.Facts = domain.Facts{Due: "2026-12-24", Milestone: "2", Project: "Q", Type: "Task"}
		},
		"closed · title was “S” · labels: −x": func(c *connector.Content, w *connector.PreviousMessage) {
			c.State = domain.Closed
			w.Title = "S"
			w.Labels = []string{"a", "b", "x"}
		},
		"labels: +1 +2 +3 +4 +5 +6 +…": func(c *connector.Content, w *connector.PreviousMessage) {
			c.Labels = strings.Split("12345678", "")
			w.Labels = nil
		},
	} {
		c := same
		w := was
		c.Previous = &w
		change(&c, &w)
		if got := Sentence(c); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}

	c := same
	if Sentence(c) != "" {
		t.Error("a first message names changes")
	}

	if c.Previous = (&connector.PreviousMessage{State: domain.Open, Labels: same.Labels}); Sentence(c) != "" {
		t.Error("what is not known is told as changed: ", Sentence(c))
	}

	gone := connector.Content{Deleted: true, Previous: &connector.PreviousMessage{Deleted: true, Title: "x"}}
	if Sentence(gone) != "" {
		t.Error(Sentence(gone))
	}
}

// C1: state, status and priority stand in the header line of every message.
func TestStanding(t *testing.T) {
	for want, c := range map[string]connector.Content{
		"open":                             {State: domain.Open},
		"closed · done · priority: urgent": {State: domain.Closed, Facts: domain.Facts{Status: "done", Priority: "urgent"}},
		"deleted · planned":                {State: domain.Open, Deleted: true, Facts: domain.Facts{Status: "planned"}},
		"open · priority: low":             {State: domain.Open, Facts: domain.Facts{Status: "Open", Priority: "low"}},
	} {
		if got := Standing(c); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// C10: a message names at most five labels.
func TestDetails(t *testing.T) {
	labels := []string{"a", "b", "c", "d", "e", "f", "g"}
	all := connector.Content{Labels: labels, ChangedBy: "Bob", Facts: domain.Facts{
		Type: "Bug", Project: "Apollo", Milestone: "1.4", Owner: "Ada", Due: "2026-12-01", Status: "done", Priority: "low",
	}}
	for want, c := range map[string]connector.Content{
		"":                      {},
		"Labels: a, b, c, d, e": {Labels: labels[:5]},
		"Type: Bug · Project: Apollo · Milestone: 1.4 · Owner: Ada · Due: 2026-12-01 · Labels: a, b, c, d, e +2 · Changed by: Bob": all,
	} {
		if got := Details(c); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// A notification says what has changed, or how the item stands.
func TestLine(t *testing.T) {
	c := connector.Content{Number: "WI-1", Title: "Site is down", State: domain.Open, Facts: domain.Facts{Status: "planned"}}
	if got := Line(c); got != "WI-1 Site is down — open · planned" {
		t.Error(got)
	}

	c.Previous = &connector.PreviousMessage{Title: "Site is down", State: domain.Open, Facts: domain.Facts{Status: "new"}}
	if got := Line(c); got != "WI-1 Site is down — status: new → planned" {
		t.Error(got)
	}
}

// Names of people and projects are foreign text: one line, and not too long.
func TestFactsOfAnItem(t *testing.T) {
	item := domain.Item{
		ID: 1, Title: "T", Status: "in\nreview", Priority: strings.Repeat("x", 99), Type: &domain.Named{Name: "Bug"}, Project: &domain.Named{Name: " Apollo\u202e "},
		Milestone: &domain.Named{Name: "\u200b"}, Owner: &domain.Named{Name: "Ada"}, UpdatedBy: &domain.Named{Name: "Bob"},
		DueAt: time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC),
	}

	got := Renderer{Dialect: chat.Plain{}}.Render(item)
	want := domain.Facts{Status: "in review", Priority: strings.Repeat("x", 59) + "…", Type: "Bug", Project: "Apollo", Owner: "Ada", Due: "2026-12-01"}
	if got.Facts != want || got.ChangedBy != "Bob" {
		t.Errorf("%+v, %q", got.Facts, got.ChangedBy)
	}

	// Who changed it is no change of the item.
	other := item
	other.UpdatedBy = &domain.Named{Name: "Eve"}
	if (Renderer{Dialect: chat.Plain{}}).Render(other).Hash() != got.Hash() {
		t.Error("another person alone changes the content")
	}
}

func TestDigest(t *testing.T) {
	many := make([]connector.Content, 12)
	for _, tt := range []struct {
		d            connector.Digest
		totals, more string
		shown        int
	}{
		{connector.Digest{New: 1, First: many[:1]}, "1 item: 1 new", "", 1},
		{connector.Digest{New: 20, Changed: 3, Closed: 2, Reopened: 1, First: many}, "26 items: 20 new, 3 changed, 2 closed, 1 reopened", "and 16 more", 10},
		{connector.Digest{Closed: 2}, "2 items: 2 closed", "", 0}, // none is named
	} {
		if Totals(tt.d) != tt.totals || More(tt.d) != tt.more || len(Shown(tt.d)) != tt.shown {
			t.Errorf("%q %q %d", Totals(tt.d), More(tt.d), len(Shown(tt.d)))
		}
	}
}

func TestKey(t *testing.T) {
	m := connector.Marker{Integration: 1190000000000001027, Item: 4711, Attempt: 12, Tag: connectortest.Tag}
	if got, ok := ParseKey(Key(m)); !ok || got != m || Key(m) != "1190000000000001027/4711/12/"+connectortest.Tag {
		t.Error(Key(m), got, ok)
	}

	m.Tag = "" // as an older version wrote it
	if got, ok := ParseKey("1190000000000001027/4711/12"); !ok || got != m {
		t.Error(got, ok)
	}

	for _, bad := range []string{"", "1/2", "1/2/3/4", "01/2/3", "0/2/3", "1/2/-3", "a/2/3", "1/2/3 ", "99999999999999999999/1/1", "9223372036854775808/1/1", "1/1/9999999999",
		"1/2/3/", "1/2/3/" + connectortest.Tag + "a"} {
		if m, ok := ParseKey(bad); ok {
			t.Errorf("%q is %v", bad, m)
		}
	}
}

func TestSearch(t *testing.T) {
	marker := func(item, attempt int) connector.Marker {
		return connector.Marker{Integration: 7, Item: domain.Snowflake(item), Attempt: attempt, Tag: connectortest.Tag}
	}
	type seen struct {
		m  connector.Marker
		id string
	}
	bare := marker(1, 2)
	forged := marker(1, 2)
	bare.Tag = ""
	forged.Tag = connectortest.OtherTag
	newestFirst := []seen{
		{forged, "g"}, {marker(1, 3), "e"}, {marker(1, 2), "d"}, {marker(1, 2), "c"}, {marker(1, 1), "b"}, {marker(2, 1), "x"},
		{connector.Marker{Integration: 8, Item: 1, Attempt: 2, Tag: connectortest.Tag}, "z"}, {forged, "f"}, {bare, "a"},
	}
	for name, tt := range map[string]struct {
		attempts []int
		want     string
	}{
		"one attempt, the older of two copies":   {[]int{2}, "c"},
		"two attempts, the higher":               {[]int{1, 2}, "c"},
		"all attempts, the highest":              {[]int{1, 2, 3}, "e"},
		"the lower one, where no other is there": {[]int{1, 9}, "b"},
		"an attempt that left nothing":           {[]int{9}, ""},
		"nothing":                                {nil, ""},
	} {
		for _, reverse := range []bool{false, true} {
			var want []connector.Marker
			for _, attempt := range tt.attempts {
				want = append(want, marker(1, attempt))
			}

			s := NewSearch(want)
			list := slices.Clone(newestFirst)
			if reverse {
				slices.Reverse(list)
			}

			for _, one := range list {
				s.See(one.m, connector.Written{Remote: domain.Remote{ID: one.id}}, !reverse)
			}

			if got := s.Found[1].Remote.ID; got != tt.want || len(s.Found) > 1 {
				t.Errorf("%s (the oldest first: %v): %q, want %q of %v", name, reverse, got, tt.want, s.Found)
			}
		}
	}
}

// realItems are the data set's.
func realItems(t testing.TB) []domain.Item {
	f, err := os.Open(filepath.Join("..", "..", "..", "..", "shared", "data", "items.jsonl"))
	if err != nil {
		t.Skip("no ../shared/data/items.jsonl beside the project: ", err)
	}

	defer func() { _ = f.Close() }()
	var items []domain.Item
	lines := bufio.NewScanner(f)
	for lines.Buffer(nil, 1<<20); lines.Scan(); {
		var i domain.Item
		if err := json.Unmarshal(lines.Bytes(), &i); err != nil {
			t.Fatal(err)
		}
		items = append(items, i)
	}

	return items
}

func check(t *testing.T, d chat.Dialect, i domain.Item, c connector.Content, room int) {
	t.Helper()
	long := markup.Count(c.Number) > maxNumber || markup.Count(c.Title) > maxTitle || markup.Count(c.Body) > room || len(c.Labels) > maxLabels
	if long || markup.IsBlank(c.Title) || c.Labels == nil || markup.OneLine(c.Title) != c.Title || markup.OneLine(c.Number) != c.Number || !utf8.ValidString(c.Body) {
		t.Errorf("%T %s: %#v", d, i.FormattedNumber, c)
	}

	if c.URL != "" && !strings.HasPrefix(c.URL, "https://") && !strings.HasPrefix(c.URL, "http://") {
		t.Errorf("%T %s: leads to %q", d, i.FormattedNumber, c.URL)
	}
}

func TestRealItems(t *testing.T) {
	items := realItems(t)
	cut := 0
	for _, d := range []chat.Dialect{chat.Slack{}, chat.Discord{}, chat.Plain{}} {
		for _, i := range items {
			c := Renderer{Dialect: d}.Render(i)
			check(t, d, i, c, maxExcerpt)
			if strings.Contains(c.Body, "…(cut)") {
				cut++
			}
		}
	}

	t.Logf("%d items in three markups, %d of the texts cut", len(items), cut)
}

func FuzzRender(f *testing.F) {
	f.Add("N-1", "T", "**D**", "https://a.test", "{{title}}", "{{description}} {{labels}}")
	f.Add("\u202e", "<!channel>", "```\n@everyone", "javascript:x", "", "{{")
	f.Fuzz(func(t *testing.T, number, title, description, url, titleTemplate, bodyTemplate string) {
		i := domain.Item{ID: 1, FormattedNumber: number, Title: title, Description: description, URL: url, Labels: []string{title, number}, State: domain.Open}
		for _, d := range []chat.Dialect{chat.Slack{}, chat.Discord{}, chat.Plain{}} {
			check(t, d, i, Renderer{Dialect: d, TitleTemplate: titleTemplate, BodyTemplate: bodyTemplate}.Render(i), maxTemplate)
		}
	})
}
