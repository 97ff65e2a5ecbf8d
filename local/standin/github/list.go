package github

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	defaultPage = 30
	maxPage     = 100
)

// A filter is what a list is asked for.
type filter struct {
	state, sort, direction       string
	creator, assignee, mentioned string
	labels                       []string
	since                        time.Time
	page, perPage                int
}

func (s *Server) list(made *call) (*answer, *issue) {
	repository := made.route.repository
	if repository.NoIssues {
		return issuesDisabled(), nil
	}
	asked, refused := parseFilter(made.URL.Query())
	if refused != nil {
		return refused, nil
	}
	all := s.snapshot(repository, asked.creator)
	all = slices.DeleteFunc(all, func(one *issue) bool { return !asked.matches(one) })
	asked.order(all)
	from := min((asked.page-1)*asked.perPage, len(all))
	to := min(from+asked.perPage, len(all))
	page := make([]issueView, 0, to-from)
	for _, one := range all[from:to] {
		page = append(page, renderIssue(repository, one))
	}
	header := http.Header{}
	if link := asked.link(made, len(all)); link != "" {
		header.Set("Link", link)
	}
	return &answer{status: http.StatusOK, header: header, value: page}, nil
}

func parseFilter(query url.Values) (*filter, *answer) {
	asked := &filter{
		creator: query.Get("creator"), assignee: query.Get("assignee"), mentioned: query.Get("mentioned"),
		page: max(1, number(query.Get("page"), 1)), perPage: min(maxPage, number(query.Get("per_page"), defaultPage)),
	}
	if asked.perPage < 1 {
		asked.perPage = defaultPage
	}
	asked.page = min(asked.page, 1<<30)
	for _, one := range []struct {
		name    string
		into    *string
		allowed []string
	}{
		{"state", &asked.state, []string{"open", "closed", "all"}},
		{"sort", &asked.sort, []string{"created", "updated", "comments"}},
		{"direction", &asked.direction, []string{"desc", "asc"}},
	} {
		*one.into = cmp.Or(query.Get(one.name), one.allowed[0])
		if !slices.Contains(one.allowed, *one.into) {
			return nil, unprocessable(fault{Resource: "Issue", Code: "invalid", Field: one.name, Value: *one.into})
		}
	}
	if labels := query.Get("labels"); labels != "" {
		asked.labels = strings.Split(labels, ",")
	}
	if since := query.Get("since"); since != "" {
		at, err := time.Parse(time.RFC3339, since)
		if err != nil {
			return nil, unprocessable(fault{Resource: "Issue", Code: "invalid", Field: "since", Value: since})
		}
		asked.since = at
	}
	return asked, nil
}

func number(text string, otherwise int) int {
	if read, err := strconv.Atoi(text); err == nil {
		return read
	}
	return otherwise
}

func (f *filter) matches(one *issue) bool {
	switch {
	case f.state != "all" && one.State != f.state, one.UpdatedAt.Before(f.since):
		return false
	case f.assignee == "none" && len(one.Assignees) > 0:
		return false
	case f.assignee == "*" && len(one.Assignees) == 0:
		return false
	case f.assignee != "" && f.assignee != "*" && f.assignee != "none" && !holds(one.Assignees, f.assignee):
		return false
	case f.mentioned != "" && (one.Body == nil || !strings.Contains(strings.ToLower(*one.Body), "@"+strings.ToLower(f.mentioned))):
		return false
	}
	return !slices.ContainsFunc(f.labels, func(label string) bool { return !holds(one.Labels, label) })
}

func holds(all []string, wanted string) bool {
	return slices.ContainsFunc(all, func(one string) bool { return strings.EqualFold(one, wanted) })
}

// order sorts, by number where times are equal. All have no comments.
func (f *filter) order(all []*issue) {
	if f.sort == "updated" {
		slices.SortStableFunc(all, func(a, b *issue) int { return a.UpdatedAt.Compare(b.UpdatedAt) })
	}
	if f.direction == "desc" {
		slices.Reverse(all)
	}
}

// link gives the neighbouring pages. They are named by the repository's id, as
// GitHub does: whoever builds the addresses of pages himself is found out.
func (f *filter) link(made *call, total int) string {
	last := (total + f.perPage - 1) / f.perPage
	var links []string
	add := func(relation string, page int) {
		query := made.URL.Query()
		query.Set("page", itoa(page))
		scheme := "https"
		if made.TLS == nil {
			scheme = "http"
		}
		links = append(links, fmt.Sprintf(`<%s://%s/repositories/%d/issues?%s>; rel="%s"`,
			scheme, made.Host, made.route.repository.id, query.Encode(), relation))
	}
	if f.page > 1 {
		add("prev", min(f.page-1, max(last, 1)))
	}
	if f.page < last {
		add("next", f.page+1)
		add("last", last)
	}
	if f.page > 1 {
		add("first", 1)
	}
	return strings.Join(links, ", ")
}

func itoa(number int) string { return strconv.Itoa(number) }
