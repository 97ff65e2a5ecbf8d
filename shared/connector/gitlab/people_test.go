package gitlab

import (
	"strings"
	"testing"

	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/domain"
)

// The line stands between the text and the line that leads to the item.
func TestPeopleBelowTheText(t *testing.T) {
	connectortest.PeopleBelowTheText(t, connectorWith(Config{}).Render, item, "\n\n", maxBody)
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
		i.Owner = &domain.Named{ID: 1, Name: name}
		i.UpdatedBy = &domain.Named{ID: 2, Name: name}
		got := connectorWith(Config{}).Render(i)
		checkContent(t, name, got)
		if want := "\n---\nOwner: " + want + " · Changed by: " + want + "\n\n[KEP-9]("; !strings.Contains(got.Body, want) {
			t.Errorf("%q: %q, want %q", name, got.Body, want)
		}
	}
}
