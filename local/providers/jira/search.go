package jira

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"hash/fnv"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"example.com/integrations/local/providers/faults"
)

const (
	// bareReach is how many issues the Cloud gives at once with no more than
	// their ids, fullReach with fields.
	bareReach    = 5000
	fullReach    = 100
	serverReach  = 1000
	defaultReach = 50
)

func (s *Server) searchCloud(made *call) (*answer, *issue) {
	query := made.URL.Query()
	found, refused := s.matching(made, query.Get("jql"))
	if refused != nil {
		return refused, nil
	}

	size := number(query.Get("maxResults"), defaultReach)
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
	value := map[string]any{"issues": s.views(made, page, bare), "isLast": from+len(page) >= len(found)}
	if from+len(page) < len(found) {
		value["nextPageToken"] = token(from+len(page), query.Get("jql"))
	}

	return &answer{status: http.StatusOK, value: value}, nil
}

func (s *Server) searchDatacenter(made *call) (*answer, *issue) {
	query := made.URL.Query()
	found, refused := s.matching(made, query.Get("jql"))
	if refused != nil {
		return refused, nil
	}

	from := max(min(number(query.Get("startAt"), 0), len(found)), 0)
	size := min(max(number(query.Get("maxResults"), defaultReach), 0), serverReach)
	page := found[from:min(from+size, len(found))]

	return &answer{status: http.StatusOK, value: map[string]any{
		"expand": "schema,names", "startAt": from, "maxResults": size, "total": len(found), "issues": s.views(made, page, false),
	}}, nil
}

func (s *Server) views(made *call, page []*issue, bare bool) []map[string]any {
	views := []map[string]any{}
	for _, i := range page {
		if bare {
			views = append(views, map[string]any{"id": i.ID})
			continue
		}
		views = append(views, s.view(made, i, false))
	}

	return views
}

// matching are the issues a query finds, as the index knows them, in order.
func (s *Server) matching(made *call, jql string) ([]*issue, *answer) {
	q, err := parseJQL(jql, made.account.zone(), s.projectID)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "Error in the JQL Query: "+err.Error())
	}
	if len(q.conditions) == 0 && s.config.Flavor == Cloud {
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

func number(text string, otherwise int) int {
	if read, err := strconv.Atoi(text); err == nil {
		return read
	}
	return otherwise
}

func digest(text string) uint32 {
	sum := fnv.New32a()
	sum.Write([]byte(text))
	return sum.Sum32()
}

// token is a place in the results of a query. As with pages by number, results
// that change meanwhile shift.
func token(at int, jql string) string {
	return base64.URLEncoding.EncodeToString(fmt.Appendf(nil, "page:%d:%d", at, digest(jql)))
}

func parseToken(text, jql string) (int, bool) {
	read, err := base64.URLEncoding.DecodeString(text)
	var at int
	var sum uint32
	if err != nil {
		return 0, false
	}

	n, err := fmt.Sscanf(string(read), "page:%d:%d", &at, &sum)

	return at, n == 2 && err == nil && sum == digest(jql) && at > 0 && strings.HasPrefix(string(read), "page:")
}
