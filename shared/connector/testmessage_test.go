package connector

import (
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/domain"
)

// C14: a test message says that it is one, of which integration, and who asked for
// it and when, in UTC. It has no sign that a chat reads as markup or a mention, but
// for the underscores of an item type.
func TestLinesOfATestMessage(t *testing.T) {
	east := time.FixedZone("east", 2*60*60)
	for _, itemType := range domain.ItemTypes {
		m := TestMessage{Integration: 1200000000000000009, ItemType: itemType, AskedBy: 12, AskedAt: time.Date(2026, 3, 4, 7, 6, 7, 0, east)}
		want := []string{
			"This is a test: messages of integration 1200000000000000009 (item type: " + string(itemType) + ") arrive here. You may delete this message.",
			"User 12 asked for it at 05:06:07 UTC on 4 March 2026.",
		}
		if got := m.Lines(); !slices.Equal(got, want) {
			t.Errorf("%q\nwant %q", got, want)
		}

		if text := TestTitle + strings.Join(m.Lines(), ""); strings.ContainsAny(text, "@#<>&*`~[]|\\/\n") {
			t.Errorf("markup in %q", text)
		}
	}
}
