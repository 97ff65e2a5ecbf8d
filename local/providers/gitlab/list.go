package gitlab

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
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
	state, order, sort string
	author             int64
	labels             []string
	bounds             map[string]time.Time // by parameter
	page, perPage      int
	keyset             bool
	after              *place
}

// A place is where an issue stands in a list.
type place struct {
	At time.Time `json:"at"`
	ID int64     `json:"id,string"`
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
	slices.SortFunc(all, func(a, b *issue) int { return f.compare(f.place(a), f.place(b)) })
	left := f.left(all)
	page := []map[string]any{}
	for _, one := range left[:min(f.perPage, len(left))] {
		page = append(page, s.views.issue(p, one))
	}

	return &answer{status: http.StatusOK, header: s.pageHeader(made, f, len(all), left), value: page}, change{}
}

func (s *lists) parseFilter(query url.Values) (*filter, *answer) {
	f := &filter{
		page: max(1, tracker.Number(query.Get("page"), 1)), perPage: tracker.Number(query.Get("per_page"), defaultPage), bounds: map[string]time.Time{},
		keyset: query.Get("pagination") == "keyset", author: int64(tracker.Number(query.Get("author_id"), 0)),
	}
	f.perPage = min(maxPage, f.perPage)
	for _, one := range []struct {
		name    string
		into    *string
		allowed []string
	}{
		{"state", &f.state, []string{"all", "opened", "closed"}}, {"sort", &f.sort, []string{"desc", "asc"}},
		{"order_by", &f.order, []string{"created_at", "updated_at"}}, {"scope", new(string), []string{"all", "created_by_me", "assigned_to_me"}},
		{"pagination", new(string), []string{"legacy", "keyset"}},
	} {
		*one.into = cmp.Or(query.Get(one.name), one.allowed[0])
		if !slices.Contains(one.allowed, *one.into) {
			return nil, mistaken(http.StatusBadRequest, one.name+" does not have a valid value")
		}
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
	case f.perPage < 1:
		return mistaken(http.StatusBadRequest, "per_page does not have a valid value")
	case f.keyset && s.config.Old:
		return mistaken(http.StatusMethodNotAllowed, "Keyset pagination is not yet available for this type of request")
	case !f.keyset && !s.config.Old && f.page*f.perPage > maxOffset:
		return mistaken(http.StatusMethodNotAllowed, fmt.Sprintf("Offset pagination has a maximum allowed offset of %d for requests that return objects of type Issue. Remaining records can be retrieved using keyset pagination.", maxOffset))
	case !f.keyset || query.Get("cursor") == "":
		return nil
	}

	read, err := base64.URLEncoding.DecodeString(query.Get("cursor"))
	if err != nil || json.Unmarshal(read, &f.after) != nil || f.after == nil {
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

func (f *filter) place(one *issue) place {
	if f.order == "updated_at" {
		return place{one.UpdatedAt, one.ID}
	}
	return place{one.CreatedAt, one.ID}
}

func (f *filter) compare(a, b place) int {
	order := cmp.Or(a.At.Compare(b.At), cmp.Compare(a.ID, b.ID))
	if f.sort == "desc" {
		return -order
	}
	return order
}

// left is the page and all behind it.
func (f *filter) left(all []*issue) []*issue {
	if !f.keyset {
		return all[min((f.page-1)*f.perPage, len(all)):]
	}
	if f.after == nil {
		return all
	}

	from, _ := slices.BinarySearchFunc(all, *f.after, func(one *issue, after place) int {
		if f.compare(f.place(one), after) <= 0 {
			return -1
		}
		return 1
	})

	return all[from:]
}

// pageHeader gives the neighbouring pages, as links and as numbers.
func (s *lists) pageHeader(made *call, f *filter, total int, left []*issue) http.Header {
	header := http.Header{}
	var links []string
	link := func(relation string, change func(url.Values)) {
		query := made.URL.Query()
		query.Set("id", made.route.project.Path)
		query.Set("per_page", strconv.Itoa(f.perPage))
		change(query)
		links = append(links, fmt.Sprintf(`<https://%s%s?%s>; rel="%s"`, s.config.Host, made.URL.EscapedPath(), query.Encode(), relation))
	}

	page := func(n int) func(url.Values) {
		return func(query url.Values) { query.Set("page", strconv.Itoa(n)) }
	}
	more := len(left) > f.perPage
	switch {
	case f.keyset && more:
		behind, _ := json.Marshal(f.place(left[f.perPage-1]))
		link("next", func(query url.Values) { query.Set("cursor", base64.URLEncoding.EncodeToString(behind)) })
	case !f.keyset:
		s.numbers(header, f, total, more)
		if f.page > 1 {
			link("prev", page(f.page-1))
		}

		if more {
			link("next", page(f.page+1))
		}

		link("first", page(1))
		if total <= maxTotal {
			link("last", page(max(1, (total+f.perPage-1)/f.perPage)))
		}
	}

	header.Set("Link", strings.Join(links, ", "))

	return header
}

// numbers are of lists by number. Long lists are not counted.
func (s *lists) numbers(header http.Header, f *filter, total int, more bool) {
	header.Set("X-Page", strconv.Itoa(f.page))
	header.Set("X-Per-Page", strconv.Itoa(f.perPage))
	header.Set("X-Next-Page", "")
	header.Set("X-Prev-Page", "")
	if more {
		header.Set("X-Next-Page", strconv.Itoa(f.page+1))
	}

	if f.page > 1 {
		header.Set("X-Prev-Page", strconv.Itoa(f.page-1))
	}

	if total <= maxTotal {
		header.Set("X-Total", strconv.Itoa(total))
		header.Set("X-Total-Pages", strconv.Itoa((total+f.perPage-1)/f.perPage))
	}
}
