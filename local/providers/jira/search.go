package jira

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"example.com/integrations/local/providers/faults"
	"example.com/integrations/local/providers/tracker"
)

const (
	// bareReach is how many issues the Cloud gives at once with no more than
	// their ids, fullReach with fields.
	bareReach    = 5000
	fullReach    = 100
	serverReach  = 1000
	defaultReach = 50
)

// searches are the searches by JQL.
type searches struct {
	*state

	views views
}

func (s *searches) searchCloud(made *call) (*answer, *issue) {
	query := made.URL.Query()
	found, refused := s.matching(made, query.Get("jql"))
	if refused != nil {
		return refused, nil
	}

	size := tracker.Number(query.Get("maxResults"), defaultReach)
	bare := query.Get("fields") == "" || query.Get("fields") == "id"
	if size < 1 || size > bareReach {
		return refuse(http.StatusBadRequest, "The maxResults parameter must be between 1 and 5000."), nil
	}

	if !bare {
		size = min(size, fullReach)
	}

	from := 0
	if token := query.Get("nextPageToken"); token != "" {
		var ok bool
		if from, ok = parseToken(token, query.Get("jql")); !ok {
			return refuse(http.StatusBadRequest, "The nextPageToken is invalid for this JQL."), nil
		}
	}

	from = min(from, len(found))
	page := found[from:min(from+size, len(found))]
	value := map[string]any{"issues": s.shown(made, page, bare), "isLast": from+len(page) >= len(found)}
	if from+len(page) < len(found) {
		value["nextPageToken"] = token(from+len(page), query.Get("jql"))
	}

	return &answer{status: http.StatusOK, value: value}, nil
}

func (s *searches) searchDatacenter(made *call) (*answer, *issue) {
	query := made.URL.Query()
	found, refused := s.matching(made, query.Get("jql"))
	if refused != nil {
		return refused, nil
	}

	from := max(min(tracker.Number(query.Get("startAt"), 0), len(found)), 0)
	size := min(max(tracker.Number(query.Get("maxResults"), defaultReach), 0), serverReach)
	page := found[from:min(from+size, len(found))]

	return &answer{status: http.StatusOK, value: map[string]any{
		"expand": "schema,names", "startAt": from, "maxResults": size, "total": len(found), "issues": s.shown(made, page, false),
	}}, nil
}

func (s *searches) shown(made *call, page []*issue, bare bool) []map[string]any {
	views := []map[string]any{}
	for _, i := range page {
		if bare {
			views = append(views, map[string]any{"id": i.ID})
			continue
		}
		views = append(views, s.views.view(made, i, false))
	}

	return views
}

// matching are the issues a query finds, as the index knows them, in order.
func (s *searches) matching(made *call, jql string) ([]*issue, *answer) {
	q, err := parseJQL(jql, made.account.zone(), s.projectID)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "Error in the JQL Query: "+err.Error())
	}
	if len(q.conditions) == 0 && s.cloud() {
		return nil, refuse(http.StatusBadRequest, "Unbounded JQL queries are not allowed here. Please add a search restriction to your query.")
	}

	for _, key := range q.projects {
		if _, refused := s.visible(made, key); refused != nil {
			return nil, refuse(http.StatusBadRequest, "The value '"+key+"' does not exist for the field 'project'.")
		}
	}

	all := slices.DeleteFunc(s.snapshot(s.config.Now().Add(-max(s.config.IndexLag, faults.Lag(made.Context())))), func(i *issue) bool {
		p := s.find(i.Project)
		if p == nil {
			return true
		}

		see, _ := p.may(made.account.Name)
		return !see || slices.ContainsFunc(q.conditions, func(c condition) bool { return !c(i) })
	})

	slices.SortStableFunc(all, func(a, b *issue) int {
		for _, by := range q.order {
			if n := by(a, b); n != 0 {
				return n
			}
		}
		return cmp.Compare(0, compareIDs(a.ID, b.ID))
	})

	return all, nil
}

// token is a place in the results of a query. As with pages by number, results
// that change meanwhile shift.
func token(at int, jql string) string {
	return base64.URLEncoding.EncodeToString(fmt.Appendf(nil, "page:%d:%d", at, tracker.Hash(jql)))
}

func parseToken(text, jql string) (int, bool) {
	read, err := base64.URLEncoding.DecodeString(text)
	var at int
	var sum uint32
	if err != nil {
		return 0, false
	}

	n, err := fmt.Sscanf(string(read), "page:%d:%d", &at, &sum)

	return at, n == 2 && err == nil && sum == tracker.Hash(jql) && at > 0 && strings.HasPrefix(string(read), "page:")
}
