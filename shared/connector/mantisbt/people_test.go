package mantisbt

import (
	"strings"
	"testing"

	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/domain"
)

// The line stands between the text and the line that leads to the item.
func TestPeopleBelowTheText(t *testing.T) {
	connectortest.PeopleBelowTheText(t, rendering(Config{}).Render, item, "\n", maxText)
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
		i.Owner = &domain.Named{ID: 1, Name: name}
		i.UpdatedBy = &domain.Named{ID: 2, Name: name}
		got := rendering(Config{}).Render(i)
		checkContent(t, name, i, got)
		if want := "\n---\nOwner: " + want + " · Changed by: " + want + "\nKEP-9 · "; !strings.Contains(got.Body, want) {
			t.Errorf("%q: %q, want %q", name, got.Body, want)
		}
	}
}
