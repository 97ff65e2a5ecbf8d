package mantisbt

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
	if got, want := c.Render(peopled()).Body, text+"\n\n---\n"+line+"\n"+footer; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}

	bare := peopled()
	bare.Description = ""
	if got, want := c.Render(bare).Body, line+"\n"+footer; got != want {
		t.Errorf("without a text: %q, want %q", got, want)
	}

	long := peopled()
	long.Description = strings.Repeat("word ", maxText/5+1)
	body := c.Render(long).Body
	if !strings.HasSuffix(body, line+"\n"+footer) || markup.Count(body) > maxText {
		t.Errorf("cut to %d characters: %q", markup.Count(body), body[len(body)-300:])
	}
}

// Names are foreign text: MantisBT shows them and does nothing with them, with
// Markdown or without.
func TestHostileNames(t *testing.T) {
	for name, want := range map[string]string{
		"@everyone":              "@\u200beveryone",
		"[x](https://evil.test)": "[x]\u200b(https:\u200b//evil.test)",
		"[x](//evil.test)":       "[x]\u200b(//evil.test)",
		"https://evil.test":      "https:\u200b//evil.test",
		"mailto:ada@evil.test":   "mailto:ada@\u200bevil.test",
		"#1 ~2":                  "#\u200b1 ~\u200b2",
		"!1":                     "!1",
		"a\nb\r\n\n# c":          "a b # c",
		"<b>x</b>":               "<\u200bb>x<\u200b/b>",
		"\u202eevil\u202c":       "evil",
		strings.Repeat("é", 300): strings.Repeat("é", 79) + "…",
	} {
		i := item
		i.Owner, i.UpdatedBy = &domain.Named{ID: 1, Name: name}, &domain.Named{ID: 2, Name: name}
		got := renderer(Config{}).Render(i)
		checkContent(t, name, i, got)
		if want := "\n---\nOwner: " + want + " · Changed by: " + want + "\nKEP-9 · "; !strings.Contains(got.Body, want) {
			t.Errorf("%q: %q, want %q", name, got.Body, want)
		}
	}
}
