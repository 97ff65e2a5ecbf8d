package mantisbt

import (
	"fmt"
	"testing"
)

// A project has its own categories, those of the projects above it and those of
// all, by name. A disabled one is not among them.
func TestCategories(t *testing.T) {
	d := start(t, func(c *Config) {
		c.Categories = []Category{
			{ID: 5, Name: "General"}, {ID: 6, Name: "Docs", Project: 1}, {ID: 7, Name: "Old", Project: 1, Disabled: true}, {ID: 8, Name: "Alone", Project: 4},
		}
	})
	for id, want := range map[int]string{1: "[6 Docs 5 General]", 3: "[6 Docs 5 General]", 4: "[8 Alone 5 General]"} {
		var got []string
		for _, c := range d.site.views.categories.of(d.project(id, "")) {
			got = append(got, fmt.Sprint(c.ID, " ", c.Name))
		}

		if fmt.Sprint(got) != want {
			t.Errorf("project %d: %v, want %s", id, got, want)
		}
	}

	body := `{"summary":"S","description":"D","project":{"id":1},"category":{"id":%d}}`
	for id, status := range map[int]int{5: 201, 6: 201, 7: 404, 8: 404} {
		answer := d.send("POST", "/issues", fmt.Sprintf(body, id))
		if answer.status != status {
			t.Errorf("category %d: %d %s", id, answer.status, answer.text)
		}
	}

	d.noViolations()
}
