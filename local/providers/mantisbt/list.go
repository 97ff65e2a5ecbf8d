package mantisbt

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// defaultPage is how many issues a page has if the request names no size.
const defaultPage = 50

// lists are the lists of issues.
type lists struct {
	*state

	rights rights
	views  views
}

// list gives a page of the issues a user sees: the sticky ones first, then
// those changed last. There is none behind the last one. Page 0 is the first,
// and a page of the size 0 holds all (recorded: list-page-0, list-page-size-0).
func (s *lists) list(made *call) (*answer, *issue) {
	query := made.URL.Query()
	page := number(query.Get("page"), 1)
	size := number(query.Get("page_size"), defaultPage)
	project := max(number(query.Get("project_id"), 0), 0) // a name is read as 0, which is all of them
	switch {
	case page < 0 || size < 0:
		return refuse(http.StatusBadRequest, "Invalid page"), nil
	case project > 0 && !s.rights.visible(s.project(project, ""), made.user):
		return hiddenProject(project), nil
	}

	filter := query.Get("filter_id")
	left, stored := s.config.Filters[filter]
	if filter != "" && !stored {
		return s.noFilter(made.user, filter), nil
	}

	all := slices.DeleteFunc(s.listed(made.Context()), func(one *issue) bool {
		outside := project > 0 && !s.below(s.project(one.Project, ""), project)
		return !s.rights.sees(made.user, one) || outside || stored && !slices.Contains(left, one.Status)
	})
	slices.SortFunc(all, s.order)
	if size == 0 {
		size = max(len(all), 1)
	}

	from := len(all)
	if before := max(page, 1) - 1; before <= len(all)/size {
		from = min(before*size, len(all))
	}

	size = min(size, len(all)-from)
	views := []any{}
	strange := false
	for _, one := range all[from : from+size] {
		view := selected(s.views.view(one, made.user), query.Get("select"))
		_, object := view.(map[string]any)
		strange = strange || !object
		views = append(views, view)
	}

	value := map[string]any{"issues": views}

	return &answer{status: http.StatusOK, header: http.Header{"Etag": {tag(made.user, value)}}, value: value, strange: strange}, nil
}

// noFilter is the answer to a filter that there is not: a fault in the place of
// the list (recorded: list-filter-unknown-name).
func (s *lists) noFilter(user, name string) *answer {
	value := map[string]any{"issues": fault{http.StatusNotFound, "Unknown filter '" + name + "'"}}

	return &answer{status: http.StatusOK, header: http.Header{"Etag": {tag(user, value)}}, value: value, strange: true}
}

func number(text string, otherwise int) int {
	if text == "" {
		return otherwise
	}

	read, err := strconv.Atoi(text)
	if err != nil {
		return -1
	}

	return read
}

func (s *lists) order(a, b *issue) int {
	if !s.config.ByTimeOnly && a.Sticky != b.Sticky {
		if a.Sticky {
			return -1
		}
		return 1
	}

	return cmp.Or(b.UpdatedAt.Compare(a.UpdatedAt), b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
}

// selected leaves the members asked for. Where none of them is left, PHP writes an
// empty list in place of the object (recorded: get-select-unknown).
func selected(view map[string]any, names string) any {
	if names == "" {
		return view
	}

	left := map[string]any{}
	for name := range strings.SplitSeq(names, ",") {
		if value, ok := view[strings.TrimSpace(name)]; ok {
			left[strings.TrimSpace(name)] = value
		}
	}

	if len(left) == 0 {
		return []any{}
	}

	return left
}
