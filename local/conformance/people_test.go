package conformance

import (
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/domain"
)

// inserted is what one text has more than another at one place. The second
// result says whether that is all the difference.
func inserted(with, without string) (string, bool) {
	start := 0
	for start < len(without) && start < len(with) && with[start] == without[start] {
		start++
	}

	end := 0
	for end < len(without)-start && end < len(with)-start && with[len(with)-1-end] == without[len(without)-1-end] {
		end++
	}

	return with[start : len(with)-end], start+end == len(without)
}

// The body of a real item with people is its body without them and one line
// more. So an item that has none is written as it was before there were any.
func TestPeopleAddOneLine(t *testing.T) {
	items := realItems(t)
	everyKit(t, func(t *testing.T, k kit) {
		if k.fill == nil {
			t.Skip("a chat's message has no line below the text")
		}

		_, c := stage(t, k, nil)
		for _, item := range items {
			without := c.Render(item).Body
			for _, label := range []string{"Type: ", "Project: ", "Milestone: ", "Owner: ", "Due: ", "Changed by: "} {
				if strings.Contains(without[strings.LastIndex(without, "Status"):], label) {
					t.Errorf("%s without people has %q", item.FormattedNumber, label)
				}
			}

			item.Type = &domain.Named{ID: 31, Name: "Bug"}
			item.Project = &domain.Named{ID: 32, Name: "Apollo"}
			item.Milestone = &domain.Named{ID: 33, Name: "1.4"}
			item.Owner = &domain.Named{ID: 34, Name: "Ada L."}
			item.UpdatedBy = &domain.Named{ID: 35, Name: "Bob"}
			item.DueAt = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)
			line, only := inserted(c.Render(item).Body, without)
			if !only || strings.Count(line, "Type: Bug · Project: Apollo · Milestone: 1.4 · Owner: Ada L. · Due: 2026") != 1 || len(line) > 200 {
				t.Errorf("%s has more: %q", item.FormattedNumber, line)
			}
		}
	})
}
