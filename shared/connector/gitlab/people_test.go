package gitlab

import (
	"strings"
	"testing"
	"time"

	"integrations/shared/domain"
	"integrations/shared/markup"
)

// peopled is an item with all that the line below the text shows.
func peopled() domain.Item {
	i := item
	i.Type, i.Project, i.Milestone = &domain.Named{ID: 31, Name: "Bug"}, &domain.Named{ID: 32, Name: "Apollo"}, &domain.Named{ID: 33, Name: "1.4"}
	i.Owner, i.UpdatedBy = &domain.Named{ID: 34, Name: "Ada L."}, &domain.Named{ID: 35, Name: "Bob"}
	i.DueAt = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
	return i
}

const line = "Type: Bug · Project: Apollo · Milestone: 1.4 · Owner: Ada L. · Due: 2026-12-01 · Changed by: Bob"

// The line stands between the text and the line that leads to the item. An item
// without people has the body it always had.
func TestPeopleBelowTheText(t *testing.T) {
	c := renderer(Config{})
	without := c.Render(item).Body
	text, footer, ok := strings.Cut(without, "\n\n---\n")
	if !ok || strings.Contains(without, "Owner") {
		t.Fatalf("%q", without)
	}
	if got, want := c.Render(peopled()).Body, text+"\n\n---\n"+line+"\n\n"+footer; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}

	bare := peopled()
	bare.Description = ""
	if got, want := c.Render(bare).Body, line+"\n\n"+footer; got != want {
		t.Errorf("without a text: %q, want %q", got, want)
	}

	long := peopled()
	long.Description = strings.Repeat("word ", maxBody/5+1)
	body := c.Render(long).Body
	if !strings.HasSuffix(body, line+"\n\n"+footer) || markup.Count(body) > maxBody {
		t.Errorf("cut to %d characters: %q", markup.Count(body), body[len(body)-300:])
	}
}

// Names are foreign text: GitLab shows them and does nothing with them.
func TestHostileNames(t *testing.T) {
	for name, want := range map[string]string{
		"@everyone":              "@\u200beveryone",
		"@all":                   "@\u200ball",
		"[x](https://evil.test)": `\[x\](https:` + "\u200b//evil.test)",
		"https://evil.test":      "https:\u200b//evil.test",
		"ftp://evil.test":        "ftp:\u200b//evil.test",
		"ada@evil.test":          "ada@\u200bevil.test",
		"#1":                     "#\u200b1",
		"!1":                     `\!` + "\u200b1",
		"~bug %\"1.4\" $1 &1":    `\~` + "\u200bbug %\u200b\"1.4\" " + `\$` + "\u200b1 &\u200b1",
		"[[wiki]] [_TOC_]":       `\[` + "\u200b" + `\[wiki\]\] \[\_TOC\_\]`,
		"GL-1":                   "GL-\u200b1",
		"/close":                 "\u200b/close",
		"a\n/close\r\n\n# c":     "a /close # c",
		"<b>*_`|\\":              `\<` + "\u200bb\u200b" + `\>\*\_` + "\\`" + `\|\\`,
		"\u202eevil\u202c":       "evil",
		strings.Repeat("é", 300): strings.Repeat("é", 79) + "…",
	} {
		i := item
		i.Owner, i.UpdatedBy = &domain.Named{ID: 1, Name: name}, &domain.Named{ID: 2, Name: name}
		got := renderer(Config{}).Render(i)
		checkContent(t, name, got)
		if want := "\n---\nOwner: " + want + " · Changed by: " + want + "\n\n[KEP-9]("; !strings.Contains(got.Body, want) {
			t.Errorf("%q: %q, want %q", name, got.Body, want)
		}
	}
}
