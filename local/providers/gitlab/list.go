package gitlab

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/integrations/local/providers/tracker"
)

const (
	defaultPage = 20
	maxPage     = 100
	// maxOffset is how far lists by number reach, maxTotal how far they are
	// counted.
	maxOffset = 50_000
	maxTotal  = 10_000
)

// parameters are those GitLab documents for a project's list, of what the
// fake server does.
var parameters = []string{
	"author_id", "confidential", "created_after", "created_before", "updated_after", "updated_before", "labels", "order_by", "sort", "scope", "state",
	"page", "per_page", "pagination", "cursor", "iids[]",
}

// A filter is what a list is asked for.
type filter struct {
	tracker.Paging[*issue]

	state, order string
	author       int64
	labels       []string
	bounds       map[string]time.Time // by parameter
	keyset       bool
}

// lists are the lists of issues.
type lists struct {
	*state

	views views
}

func (s *lists) list(made *call) (*answer, change) {
	p := made.route.project
	query := made.URL.Query()
	for name := range query {
		if !slices.Contains(parameters, name) {
			s.Violation("parameter %q is not documented", name)
			return mistaken(http.StatusBadRequest, name+" is not documented"), change{}
		}
	}

	f, refused := s.parseFilter(query)
	if refused != nil {
		return refused, change{}
	}
	if p.NoIssues {
		return forbidden(), change{}
	}

	all := slices.DeleteFunc(s.listed(made.Context(), p), func(one *issue) bool { return !f.matches(one) || !visible(p, one, made.user) })
	left := f.Left(all)
	page := []map[string]any{}
	for _, one := range left[:min(f.Size, len(left))] {
		page = append(page, s.views.issue(p, one))
	}

	return &answer{status: http.StatusOK, header: s.pageHeader(made, f, len(all), left), value: page}, change{}
}

func (s *lists) parseFilter(query url.Values) (*filter, *answer) {
	f := &filter{bounds: map[string]time.Time{}, author: int64(tracker.Number(query.Get("author_id"), 0))}
	var direction, scope, paging string
	wrong := tracker.Choose(query,
		tracker.Choice{Name: "state", Into: &f.state, Allowed: []string{"all", "opened", "closed"}},
		tracker.Choice{Name: "sort", Into: &direction, Allowed: []string{"desc", "asc"}},
		tracker.Choice{Name: "order_by", Into: &f.order, Allowed: []string{"created_at", "updated_at"}},
		tracker.Choice{Name: "scope", Into: &scope, Allowed: []string{"all", "created_by_me", "assigned_to_me"}},
		tracker.Choice{Name: "pagination", Into: &paging, Allowed: []string{"legacy", "keyset"}},
	)
	if wrong != nil {
		return nil, mistaken(http.StatusBadRequest, wrong.Name+" does not have a valid value")
	}

	f.keyset = paging == "keyset"
	f.Paging = tracker.Paging[*issue]{
		Place: f.place, Descending: direction == "desc", Page: 1, Size: min(maxPage, tracker.Number(query.Get("per_page"), defaultPage)),
	}
	if !f.keyset {
		f.Page = max(1, tracker.Number(query.Get("page"), 1))
	}

	for _, name := range []string{"created_after", "created_before", "updated_after", "updated_before"} {
		if value := query.Get(name); value != "" {
			at, err := time.Parse(time.RFC3339, value)
			if err != nil {
				return nil, mistaken(http.StatusBadRequest, name+" is invalid")
			}
			f.bounds[name] = at
		}
	}

	if labels := query.Get("labels"); labels != "" {
		f.labels = strings.Split(labels, ",")
	}

	return f, s.paging(f, query)
}

// paging checks how a list is paged through.
func (s *lists) paging(f *filter, query url.Values) *answer {
	switch {
	case f.Size < 1:
		return mistaken(http.StatusBadRequest, "per_page does not have a valid value")
	case f.keyset && s.config.Old:
		return mistaken(http.StatusMethodNotAllowed, "Keyset pagination is not yet available for this type of request")
	case !f.keyset && !s.config.Old && f.Page*f.Size > maxOffset:
		return mistaken(http.StatusMethodNotAllowed, fmt.Sprintf("Offset pagination has a maximum allowed offset of %d for requests that return objects of type Issue. Remaining records can be retrieved using keyset pagination.", maxOffset))
	case !f.keyset || query.Get("cursor") == "":
		return nil
	}

	f.After = tracker.ParsePosition(query.Get("cursor"))
	if f.After == nil {
		return mistaken(http.StatusBadRequest, "cursor is invalid")
	}

	return nil
}

// matches: the bounds count themselves in.
func (f *filter) matches(one *issue) bool {
	for name, bound := range f.bounds {
		at := one.CreatedAt
		if strings.HasPrefix(name, "updated") {
			at = one.UpdatedAt
		}

		if strings.HasSuffix(name, "after") && at.Before(bound) || strings.HasSuffix(name, "before") && at.After(bound) {
			return false
		}
	}

	switch {
	case f.state != "all" && one.State != f.state, f.author != 0 && identify(one.Author) != f.author:
		return false
	}

	return !slices.ContainsFunc(f.labels, func(label string) bool { return !slices.Contains(one.Labels, label) })
}

func (f *filter) place(one *issue) tracker.Position {
	if f.order == "updated_at" {
		return tracker.Position{At: one.UpdatedAt.UnixNano(), Number: one.ID}
	}
	return tracker.Position{At: one.CreatedAt.UnixNano(), Number: one.ID}
}

// pageHeader gives the neighbouring pages, as links and as numbers.
func (s *lists) pageHeader(made *call, f *filter, total int, left []*issue) http.Header {
	header := http.Header{}
	var links []string
	link := func(relation string, change func(url.Values)) {
		query := made.URL.Query()
		query.Set("id", made.route.project.Path)
		query.Set("per_page", strconv.Itoa(f.Size))
		change(query)
		links = append(links, fmt.Sprintf(`<https://%s%s?%s>; rel="%s"`, s.config.Host, made.URL.EscapedPath(), query.Encode(), relation))
	}

	page := func(n int) func(url.Values) {
		return func(query url.Values) { query.Set("page", strconv.Itoa(n)) }
	}
	more := len(left) > f.Size
	switch {
	case f.keyset && more:
		link("next", func(query url.Values) { query.Set("cursor", f.Behind(left).String()) })
	case !f.keyset:
		s.numbers(header, f, total, more)
		if f.Page > 1 {
			link("prev", page(f.Page-1))
		}

		if more {
			link("next", page(f.Page+1))
		}

		link("first", page(1))
		if total <= maxTotal {
			link("last", page(max(1, (total+f.Size-1)/f.Size)))
		}
	}

	header.Set("Link", strings.Join(links, ", "))

	return header
}

// numbers are of lists by number. Long lists are not counted.
func (s *lists) numbers(header http.Header, f *filter, total int, more bool) {
	header.Set("X-Page", strconv.Itoa(f.Page))
	header.Set("X-Per-Page", strconv.Itoa(f.Size))
	header.Set("X-Next-Page", "")
	header.Set("X-Prev-Page", "")
	if more {
		header.Set("X-Next-Page", strconv.Itoa(f.Page+1))
	}

	if f.Page > 1 {
		header.Set("X-Prev-Page", strconv.Itoa(f.Page-1))
	}

	if total <= maxTotal {
		header.Set("X-Total", strconv.Itoa(total))
		header.Set("X-Total-Pages", strconv.Itoa((total+f.Size-1)/f.Size))
	}
}
