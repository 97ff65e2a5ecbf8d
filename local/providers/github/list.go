package github

import (
	"cmp"
	"encoding/base64"
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
	defaultPage = 30
	maxPage     = 100
	// numberedReach is how many issues pages by number reach. Behind them GitHub
	// answers only requests that follow its links.
	numberedReach = 10_000
	tooFar        = "Pagination with the page parameter is not supported for large datasets, please use cursor based pagination (after/before)"
)

// A filter is what a list is asked for.
type filter struct {
	state, sort, direction       string
	creator, assignee, mentioned string
	labels                       []string
	since                        time.Time
	page, perPage                int
	after                        *cursor
}

// A cursor is a place in a list, as its links have it: behind an issue.
type cursor struct{ at, number int64 }

func (s *issues) list(made *call) (*answer, *issue) {
	repository := made.route.repository
	if repository.NoIssues {
		return issuesDisabled(), nil
	}

	asked, refused := parseFilter(made.URL.Query())
	if refused != nil {
		return refused, nil
	}

	all := s.listed(made.Context(), repository, asked.creator)
	all = slices.DeleteFunc(all, func(one *issue) bool { return !asked.matches(one) })
	asked.order(all)
	left := asked.left(all)
	page := make([]issueView, 0, min(asked.perPage, len(left)))
	for _, one := range left[:cap(page)] {
		page = append(page, renderIssue(repository, one))
	}

	header := http.Header{}
	if link := asked.link(made, len(all), left); link != "" {
		header.Set("Link", link)
	}

	return &answer{status: http.StatusOK, header: header, value: page}, nil
}

func parseFilter(query url.Values) (*filter, *answer) {
	asked := &filter{
		creator: query.Get("creator"), assignee: query.Get("assignee"), mentioned: query.Get("mentioned"),
		page: max(1, tracker.Number(query.Get("page"), 1)), perPage: min(maxPage, tracker.Number(query.Get("per_page"), defaultPage)),
	}
	if asked.perPage < 1 {
		asked.perPage = defaultPage
	}

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

	if after := query.Get("after"); after != "" {
		asked.after = parseCursor(after)
		if asked.after == nil {
			return nil, unprocessable(fault{Resource: "Issue", Code: "invalid", Field: "after", Value: after})
		}
	}

	if asked.after == nil && asked.page*asked.perPage >= numberedReach {
		return nil, refuse(http.StatusUnprocessableEntity, tooFar)
	}

	return asked, nil
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
	slices.SortFunc(all, func(a, b *issue) int { return f.compare(f.place(a), f.place(b)) })
}

func (f *filter) place(one *issue) cursor {
	if f.sort == "updated" {
		return cursor{one.UpdatedAt.Unix(), int64(one.Number)}
	}
	return cursor{0, int64(one.Number)}
}

func (f *filter) compare(a, b cursor) int {
	order := cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.number, b.number))
	if f.direction == "desc" {
		return -order
	}
	return order
}

// left is the page and all behind it.
func (f *filter) left(all []*issue) []*issue {
	if f.after == nil {
		return all[min((f.page-1)*f.perPage, len(all)):]
	}

	from, _ := slices.BinarySearchFunc(all, *f.after, func(one *issue, after cursor) int {
		if f.compare(f.place(one), after) <= 0 {
			return -1
		}
		return 1
	})

	return all[from:]
}

func (c cursor) String() string {
	return base64.URLEncoding.EncodeToString(fmt.Appendf(nil, "cursor:v2:%d:%d", c.at, c.number))
}

func parseCursor(text string) *cursor {
	read, err := base64.URLEncoding.DecodeString(text)
	var c cursor
	if err != nil {
		return nil
	}

	if n, err := fmt.Sscanf(string(read), "cursor:v2:%d:%d", &c.at, &c.number); n != 2 || err != nil {
		return nil
	}

	return &c
}

// link gives the neighbouring pages. They are named by the repository's id, as
// GitHub does: a client that builds the addresses of pages itself fails.
func (f *filter) link(made *call, total int, left []*issue) string {
	last := (total + f.perPage - 1) / f.perPage
	var links []string
	add := func(relation string, page int, after string) {
		query := made.URL.Query()
		query.Set("page", strconv.Itoa(page))
		query.Del("after")
		if after != "" {
			query.Set("after", after)
		}

		links = append(links, fmt.Sprintf(`<%s/repositories/%d/issues?%s>; rel="%s"`,
			made.root(), made.route.repository.id, query.Encode(), relation))
	}
	if f.page > 1 {
		add("prev", min(f.page-1, max(last, 1)), "")
	}

	if len(left) > f.perPage {
		add("next", f.page+1, f.place(left[f.perPage-1]).String())
		add("last", last, "")
	}

	if f.page > 1 {
		add("first", 1, "")
	}

	return strings.Join(links, ", ")
}

// root is the address of the API as the caller sees it. An Enterprise Server's
// ends in /api/v3: a test that serves this as one strips that from the path.
func (c *call) root() string {
	scheme := "https"
	if c.TLS == nil {
		scheme = "http"
	}

	asked, _, _ := strings.Cut(c.RequestURI, "?")
	return scheme + "://" + c.Host + strings.TrimSuffix(asked, c.URL.EscapedPath())
}
