package github

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
		i.Owner, i.UpdatedBy = &domain.Named{ID: 1, Name: name}, &domain.Named{ID: 2, Name: name}
		got := renderer(Config{}).Render(i)
		checkContent(t, name, got)
		if want := "\n---\nOwner: " + want + " · Changed by: " + want + "\n\n[KEP-9]("; !strings.Contains(got.Body, want) {
			t.Errorf("%q: %q, want %q", name, got.Body, want)
		}
	}
}
