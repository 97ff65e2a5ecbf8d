package connectortest

import (
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
)

// PeopleLine is what a tracker shows of an item of WithPeople below its text.
const PeopleLine = "Type: Bug · Project: Apollo · Milestone: 1.4 · Owner: Ada L. · Due: 2026-12-01 · Changed by: Bob"

// WithPeople is an item with all that PeopleLine names.
func WithPeople(item domain.Item) domain.Item {
	item.Type = &domain.Named{ID: 31, Name: "Bug"}
	item.Project = &domain.Named{ID: 32, Name: "Apollo"}
	item.Milestone = &domain.Named{ID: 33, Name: "1.4"}
	item.Owner = &domain.Named{ID: 34, Name: "Ada L."}
	item.UpdatedBy = &domain.Named{ID: 35, Name: "Bob"}
	item.DueAt = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

	return item
}

// PeopleBelowTheText checks that PeopleLine stands between an item's text and the
// line that leads to the item, with a text, without one, and where the text is cut
// to most characters. Between is what separates the two lines. An item without
// people has the body it always had.
func PeopleBelowTheText(t *testing.T, render func(domain.Item) connector.Content, item domain.Item, between string, most int) {
	t.Helper()
	without := render(item).Body
	text, footer, ok := strings.Cut(without, "\n\n---\n")
	if !ok || strings.Contains(without, "Owner") {
		t.Fatalf("%q", without)
	}

	end := PeopleLine + between + footer
	if got, want := render(WithPeople(item)).Body, text+"\n\n---\n"+end; got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}

	bare := WithPeople(item)
	bare.Description = ""
	if got := render(bare).Body; got != end {
		t.Errorf("without a text: %q, want %q", got, end)
	}

	long := WithPeople(item)
	long.Description = strings.Repeat("word ", most/5+1)
	body := render(long).Body
	if !strings.HasSuffix(body, end) || markup.Count(body) > most {
		t.Errorf("cut to %d characters: %q", markup.Count(body), body[len(body)-300:])
	}
}
