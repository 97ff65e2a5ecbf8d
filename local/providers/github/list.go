package github

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
	defaultPage = 30
	maxPage     = 100
	// numberedReach is how many issues pages by number reach. Behind them GitHub
	// answers only requests that follow its links.
	numberedReach = 10_000
	tooFar        = "Pagination with the page parameter is not supported for large datasets, please use cursor based pagination (after/before)"
)

// A filter is what a list is asked for.
type filter struct {
	tracker.Paging[*issue]

	state, sort                  string
	creator, assignee, mentioned string
	labels                       []string
	since                        time.Time
}

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
	left := asked.Left(all)
	page := make([]issueView, 0, min(asked.Size, len(left)))
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
	asked := &filter{creator: query.Get("creator"), assignee: query.Get("assignee"), mentioned: query.Get("mentioned")}
	direction := ""
	wrong := tracker.Choose(query,
		tracker.Choice{Name: "state", Into: &asked.state, Allowed: []string{"open", "closed", "all"}},
		tracker.Choice{Name: "sort", Into: &asked.sort, Allowed: []string{"created", "updated", "comments"}},
		tracker.Choice{Name: "direction", Into: &direction, Allowed: []string{"desc", "asc"}},
	)
	if wrong != nil {
		return nil, unprocessable(fault{Resource: "Issue", Code: "invalid", Field: wrong.Name, Value: *wrong.Into})
	}

	asked.Paging = tracker.Paging[*issue]{
		Place: asked.place, Descending: direction == "desc",
		Page: max(1, tracker.Number(query.Get("page"), 1)), Size: min(maxPage, tracker.Number(query.Get("per_page"), defaultPage)),
	}
	if asked.Size < 1 {
		asked.Size = defaultPage
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
		asked.After = tracker.ParsePosition(after)
		if asked.After == nil {
			return nil, unprocessable(fault{Resource: "Issue", Code: "invalid", Field: "after", Value: after})
		}
	}

	if asked.After == nil && asked.Page*asked.Size >= numberedReach {
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

// place is where an issue stands: by number where times are equal. All have no
// comments.
func (f *filter) place(one *issue) tracker.Position {
	if f.sort == "updated" {
		return tracker.Position{At: one.UpdatedAt.Unix(), Number: int64(one.Number)}
	}
	return tracker.Position{Number: int64(one.Number)}
}

// link gives the neighbouring pages. They are named by the repository's id, as
// GitHub does: a client that builds the addresses of pages itself fails.
func (f *filter) link(made *call, total int, left []*issue) string {
	last := (total + f.Size - 1) / f.Size
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
	if f.Page > 1 {
		add("prev", min(f.Page-1, max(last, 1)), "")
	}

	if len(left) > f.Size {
		add("next", f.Page+1, f.Behind(left).String())
		add("last", last, "")
	}

	if f.Page > 1 {
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
