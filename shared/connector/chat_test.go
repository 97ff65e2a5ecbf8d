package connector

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/domain"
)

// C10: a digest names the most important items, whatever the order in which they
// are added: closed ones first, then by priority, then the newest.
func TestADigestNamesTheMostImportantItems(t *testing.T) {
	began := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	item := func(title, priority string, state domain.ItemState) Content {
		return Content{Title: title, State: state, Facts: domain.Facts{Priority: priority}}
	}
	want := []Content{
		item("closed, high", "High", domain.Closed),
		item("closed", "", domain.Closed),
		item("urgent", "urgent", domain.Open),
		item("new", "sometime", domain.Open),
		item("old", "medium", domain.Open),
		item("low", "low", domain.Open),
		item("trivial", "trivial", domain.Open),
	}

	age := func(c Content) time.Time {
		return began.Add(-time.Duration(slices.IndexFunc(want, func(w Content) bool { return w.Title == c.Title })) * time.Hour)
	}

	for name, order := range map[string][]Content{"in order": want, "backwards": backwards(want)} {
		var d Digest
		for _, c := range order {
			d.Add(c, age(c))
		}

		if got, must := titles(d.First), titles(want); got != must {
			t.Errorf("%s: %s, want %s", name, got, must)
		}
	}

	// The least important ones are left out.
	var d Digest
	for i := range 3 * DigestShows {
		d.Add(item(fmt.Sprint(i), "", domain.Open), began.Add(time.Duration(i)*time.Second))
	}

	if len(d.First) != DigestShows || len(d.ChangedAt) != DigestShows || d.First[0].Title != "29" || d.First[9].Title != "20" {
		t.Errorf("%s", titles(d.First))
	}
}

func backwards(list []Content) []Content {
	turned := slices.Clone(list)
	slices.Reverse(turned)

	return turned
}

func titles(list []Content) string {
	var all []string
	for _, c := range list {
		all = append(all, c.Title)
	}

	return strings.Join(all, ", ")
}
