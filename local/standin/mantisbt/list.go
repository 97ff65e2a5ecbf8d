package mantisbt

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// defaultPage is how many issues a page has if nobody says.
const defaultPage = 50

// list gives a page of the issues a user sees: the sticky ones first, then
// those changed last. There is none behind the last one.
func (s *Server) list(made *call) (*answer, *issue) {
	query := made.URL.Query()
	page, size := number(query.Get("page"), 1), number(query.Get("page_size"), defaultPage)
	project := number(query.Get("project_id"), 0)
	switch {
	case page < 1 || size < 1 || project < 0:
		return refuse(http.StatusBadRequest, 0, "Invalid page"), nil
	case project > 0 && s.project(project, "") == nil:
		return noProject(strconv.Itoa(project)), nil
	case project > 0 && !s.project(project, "").visible(made.user):
		return denied("Access denied"), nil
	}
	all := slices.DeleteFunc(s.listed(made.Context()), func(one *issue) bool {
		return !s.sees(made.user, one) || project > 0 && !s.below(s.project(one.Project, ""), project)
	})
	slices.SortFunc(all, s.order)
	from := min((page-1)*size, len(all))
	views := []map[string]any{}
	for _, one := range all[from:min(from+size, len(all))] {
		views = append(views, selected(s.view(one), query.Get("select")))
	}
	value := map[string]any{"issues": views}
	return &answer{status: http.StatusOK, header: http.Header{"Etag": {tag(made.user, value)}}, value: value}, nil
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

func (s *Server) order(a, b *issue) int {
	if !s.config.ByTimeOnly && a.Sticky != b.Sticky {
		if a.Sticky {
			return -1
		}
		return 1
	}
	return cmp.Or(b.UpdatedAt.Compare(a.UpdatedAt), b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
}

// selected leaves the members asked for.
func selected(view map[string]any, names string) map[string]any {
	if names == "" {
		return view
	}
	left := map[string]any{}
	for name := range strings.SplitSeq(names, ",") {
		if value, ok := view[strings.TrimSpace(name)]; ok {
			left[strings.TrimSpace(name)] = value
		}
	}
	return left
}
