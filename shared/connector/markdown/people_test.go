package markdown

import (
	"strings"
	"testing"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
	"example.com/integrations/shared/markup/document"
)

// dialects are those of the trackers that are written in Markdown.
var dialects = map[string]Dialect{"github": markup.NewGitHub("github.com"), "gitlab": markup.NewGitLab("gitlab.com")}

// FuzzNames reads an issue with a reader of Markdown: names stay in their
// paragraph, and are text without style or link.
func FuzzNames(f *testing.F) {
	for _, name := range []string{
		"Ada L.", "@everyone", "[x](https://evil.test)", "![x](y)", "<https://evil.test>", "www.evil.test", "a@b.test", "`x`", "**x** _y_ ~~z~~", "#1 !1", "a\n# b",
		"&#104;ttps&colon;//evil.test", "https:\\//evil.test", "<b>x</b>", "| a | b |", "[x]: https://evil.test", "\\", "\\[x](y)", "w\u200bww.evil.test", "ftp://evil.test",
	} {
		f.Add(name, "Bob")
		f.Add("Apollo", name)
	}

	f.Fuzz(func(t *testing.T, project, owner string) {
		if markup.IsBlank(markup.OneLine(owner)) {
			return
		}

		item := domain.Item{ID: 22, FormattedNumber: "KEP-9", Description: "Text.", Project: &domain.Named{ID: 1, Name: project}, Owner: &domain.Named{ID: 2, Name: owner}}
		for name, dialect := range dialects {
			body := Renderer{Dialect: dialect, MaxTitle: 200, MaxBody: 60_000}.Body(item)
			blocks := document.Parse(body)
			if len(blocks) != 4 || blocks[2].Kind != document.Paragraph {
				t.Fatalf("%s: %d blocks of %q", name, len(blocks), body)
			}

			var text strings.Builder
			for _, s := range blocks[2].Spans {
				if s.Link != "" || s.Bold || s.Italic || s.Strike || s.Code || s.Break {
					t.Errorf("%s: %+v in %q", name, s, body)
				}
				text.WriteString(s.Text)
			}

			if !strings.Contains(text.String(), "Owner: ") {
				t.Errorf("%s: %q", name, text.String())
			}
		}
	})
}
