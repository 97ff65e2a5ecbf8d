package teams

import (
	"regexp"
	"strings"
	"testing"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
)

// alive is what no text of a card may hold: a mention, and what is replaced by a
// date.
var alive = regexp.MustCompile(`(?i)</?at\b|\{\{(?:DATE|TIME)\(`)

// FuzzCompose holds cards of any text against what every card promises.
func FuzzCompose(f *testing.F) {
	for _, text := range []string{"a", "<at>x</at>", "{{DATE(2026-01-01T00:00:00Z)}}", "[x](https://evil.test)", "- > ```\n  x\n", "|a|\n|-|\n|b|", "> > a\n\n---\n\nb", "{{{time(", "\u200b<\u200bat>"} {
		f.Add(text)
	}

	c := New(Config{}, nil, nil)
	f.Fuzz(func(t *testing.T, text string) {
		name := &domain.Named{ID: 1, Name: text}
		item := domain.Item{
			ID: 1, FormattedNumber: text, Title: text, Description: text, Status: text, Priority: text, Labels: []string{text}, URL: "https://app.test/1",
			State: domain.Open, Owner: name, Project: name, UpdatedBy: name,
		}
		content := c.Render(item)
		content.Previous = &connector.PreviousMessage{Title: content.Title + "x", Text: "x", State: domain.Closed}
		holds(t, compose(content, marker))

		content.Blocks = nil
		digest := connector.Digest{New: 9, First: []connector.Content{content, content, content, content, content, content, content}}
		holds(t, composeDigest(digest, marker))
	})
}

func holds(t *testing.T, made card) {
	t.Helper()
	if n := size(made); n > maxCard {
		t.Errorf("size %d", n)
	}

	if alive.MatchString(made.FallbackText) || strings.Contains(made.FallbackText, "](") || made.FallbackText == "" {
		t.Errorf("fallback text %q", made.FallbackText)
	}

	for _, e := range made.Body {
		sound(t, e)
	}
}

// sound checks an element and all that is in it.
func sound(t *testing.T, e element) {
	t.Helper()
	if n := len(e.Inlines) + len(e.Items) + len(e.Columns) + len(e.Actions); n == 0 || len(e.Actions) > maxButtons {
		t.Errorf("%d parts of %+v", n, e)
	}

	for _, r := range e.Inlines {
		if r.Text == "" || alive.MatchString(r.Text) || strings.ContainsAny(r.Text, "\n\r") {
			t.Errorf("text %q", r.Text)
		}

		if r.Select != nil && r.Select.URL != r.Text {
			t.Errorf("%q leads to %q", r.Text, r.Select.URL)
		}

		if e.Select != nil && showsAddress(r.Text) {
			t.Errorf("%q leads to %q", r.Text, e.Select.URL)
		}
	}

	for _, one := range e.Actions {
		if alive.MatchString(one.Title) || showsAddress(one.Title) {
			t.Errorf("a button %q", one.Title)
		}
	}

	for _, inner := range append(e.Items, e.Columns...) {
		if inner.Select == nil && e.Select != nil && inner.Type == richText {
			inner.Select = e.Select // what a click on it does
		}
		sound(t, inner)
	}
}
