package mantisbt

import (
	"cmp"
	"slices"
)

// categories are the categories of projects.
type categories struct{ *state }

// of are those that new issues of a project may have, by name.
func (s *categories) of(p *Project) []Category {
	if len(s.config.Categories) > 0 {
		return s.inherited(p)
	}

	names := p.Categories
	if len(names) == 0 {
		names = []string{"General"}
	}

	var all []Category
	for i, name := range names {
		all = append(all, Category{ID: i + 1, Name: name, Project: p.ID})
	}

	return all
}

// inherited are the categories of a project, of those above it, and of all.
func (s *categories) inherited(p *Project) []Category {
	var all []Category
	for _, c := range s.config.Categories {
		if !c.Disabled && (c.Project == 0 || s.below(p, c.Project)) {
			all = append(all, c)
		}
	}

	slices.SortFunc(all, func(a, b Category) int { return cmp.Compare(a.Name, b.Name) })

	return all
}

// category finds a category of a project by number or name.
func (s *categories) category(p *Project, asked reference) (string, bool) {
	for _, c := range s.of(p) {
		if asked.ID == c.ID || asked.ID == 0 && c.Name == asked.Name {
			return c.Name, true
		}
	}

	return "", false
}

// categoryNumber is the number of an issue's category, 0 where it has none.
func (s *categories) categoryNumber(one *issue) int {
	found := s.project(one.Project, "")
	if found == nil {
		return 0
	}

	for _, c := range s.of(found) {
		if c.Name == one.Category {
			return c.ID
		}
	}

	return 0
}

// categoryViews are the categories of a project as the API shows them. One of
// all projects names a project without a number and a name (recorded:
// project-plain).
func (s *views) categoryViews(p *Project) []map[string]any {
	list := []map[string]any{}
	for _, c := range s.categories.of(p) {
		of := map[string]any{"id": 0, "name": nil}
		if c.Project != 0 {
			of = s.projectRef(c.Project)
		}
		list = append(list, map[string]any{"id": c.ID, "name": c.Name, "project": of, "status": "1"})
	}

	return list
}
