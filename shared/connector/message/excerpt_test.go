package message

import (
	"strings"
	"testing"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup/chat"
)

// A text that was cut ends with an ellipsis in place of the address of the rest; the
// content is not changed.
func TestWithoutRest(t *testing.T) {
	for name, c := range map[string]struct {
		text, url, begins, ends string
		cut                     bool
	}{
		"short":      {"Some text.", "https://items.example/1", "Some text.", "Some text.", false},
		"long":       {strings.Repeat("word ", 500), "https://items.example/1", "word word", "…", true},
		"no address": {strings.Repeat("word ", 500), "", "word word", "…", true},
		"code":       {"```\n" + strings.Repeat("word\n", 500) + "```", "https://items.example/1", "word\nword", "\n\n…", true},
		"the words":  {"…(cut) the rest: https://items.example/1", "https://items.example/2", "…(cut)", "/1", false},
		"nothing":    {"", "https://items.example/1", "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			content := Renderer{Dialect: chat.Plain{}, Blocks: true}.Render(domain.Item{Title: "T", Description: c.text, URL: c.url})
			before := chat.Render(chat.Plain{}, content.Blocks)
			blocks, cut := WithoutRest(content)
			got := chat.Render(chat.Plain{}, blocks)
			if cut != c.cut || !strings.HasPrefix(got, c.begins) || !strings.HasSuffix(got, c.ends) || cut && strings.Contains(got, "the rest") {
				t.Errorf("%v %q", cut, got)
			}

			if chat.Render(chat.Plain{}, content.Blocks) != before {
				t.Error("the content was changed")
			}
		})
	}
}
