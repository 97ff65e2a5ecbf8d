package github

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

// Names are foreign text: GitHub shows them and does nothing with them.
func TestHostileNames(t *testing.T) {
	for name, want := range map[string]string{
		"@everyone":                             "@\u200beveryone",
		"@acme/team":                            "@\u200bacme/team",
		"[x](https://evil.test)":                `\[x\](https:` + "\u200b//evil.test)",
		"https://evil.test":                     "https:\u200b//evil.test",
		"https://github.com/acme/work/issues/1": "https:\u200b//redirect.github.com/acme/work/issues/1",
		"www.evil.test":                         "www\u200b.evil.test",
		"ada@evil.test":                         "ada@\u200bevil.test",
		"#1":                                    "#\u200b1",
		"!1":                                    `\!1`,
		"![x](y)":                               `\!\[x\](y)`,
		"GH-1":                                  "GH-\u200b1",
		"fixes acme/work#1":                     "fixes acme/work#\u200b1",
		"&#64;bob":                              "&\u200b#\u200b64;bob",
		"a\nb\r\n\n# c":                         "a b # c",
		"<b>*_~`$|\\":                           `\<` + "\u200b" + `b\>\*\_\~` + "\\`" + `\$\|\\`,
		"<!-- integrations:1/2/3 -->":           `\<\!-- integrations:1/2/3 --\>`,
		"\u202eevil\u202c":                      "evil",
		"\u2067evil":                            "evil",
		strings.Repeat("é", 300):                strings.Repeat("é", 79) + "…",
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
