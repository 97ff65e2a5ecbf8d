package gitlab

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
)

// everyIssue answers as a project with the tests' common list. The number is that
// of the issue with our marker.
type everyIssue int

func (ours everyIssue) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	page, _ := strconv.Atoi(q.Get("page"))
	size, _ := strconv.Atoi(q.Get("per_page"))
	created := q.Get("order_by") == "created_at"
	after, _ := time.Parse(time.RFC3339, q.Get("updated_after")+q.Get("created_after"))
	before, err := time.Parse(time.RFC3339, q.Get("created_before"))
	var all []string
	for i := range connectortest.Listed {
		n := i + 1
		if created { // the newest first
			n = connectortest.Listed - i
		}

		at := connectortest.ChangedAt(n)
		if at.Before(after) || err == nil && at.After(before) {
			continue
		}

		body := "x"
		if n == int(ours) {
			body = markerText
		}

		all = append(all, fmt.Sprintf(`{"id":%d,"iid":%d,"state":"opened","title":"T","description":%q,"created_at":%q,"updated_at":%q}`, n, n, body, at.Format(stamp), at.Format(stamp)))
	}

	from := min((page-1)*size, len(all))
	to := min(page*size, len(all))
	w.Header().Set("X-Next-Page", map[bool]string{true: strconv.Itoa(page + 1)}[to < len(all)])
	// The link is that of a host nobody here can ask.
	w.Header().Set("Link", map[bool]string{true: `<http://internal:8080/x?page=9>; rel="next"`, false: `<http://internal:8080/x>; rel="first"`}[to < len(all)])
	reply(w, 200, nil, "["+strings.Join(all[from:to], ",")+"]")
}

// weak is a connector to a project whose server can do less and less.
func weak(t *testing.T, list http.Handler) (open func(at [3]int) *Connector) {
	f, c := start(t, Config{})
	return func(at [3]int) *Connector {
		server := &connectortest.Weakening{Parameter: "per_page", At: at, Next: list}
		f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) { server.ServeHTTP(w, r) }
		f.take()
		return again(c)
	}
}

// B6, B7, B8: whenever the pages shrink, each issue is handed over once and in
// order.
func TestListWhileItWeakens(t *testing.T) {
	open := weak(t, everyIssue(0))
	connectortest.ListWhileItWeakens(t, points(6), func(at [3]int) (connectortest.Tracker, func() connectortest.Tracker) {
		c := open(at)
		return c, func() connectortest.Tracker { return again(c) }
	})
}

// B7: an issue is found wherever it stands in the list.
func TestFindWhileItWeakens(t *testing.T) {
	for _, ours := range []int{1, 61, 175, 290, 350} {
		open := weak(t, everyIssue(ours))
		connectortest.FindWhileItWeakens(t, points(4), marker, func(at [3]int) (connector.Finder, string) { return open(at), strconv.Itoa(ours) })
	}
}

// B7: pages of a single issue get past a time that several share, and past every
// other.
func TestPagesOfOneIssue(t *testing.T) {
	f, c := start(t, Config{})
	failed := 0
	f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		if r.URL.Query().Get("per_page") != "1" {
			failed++
			reply(w, 502, nil, "")
			return
		}

		everyIssue(0).ServeHTTP(w, r)
	}
	for met := 0; met < connectortest.Listed; {
		objects, more, err := c.Changes(t.Context(), time.Time{}, met)
		if err != nil || len(objects) != 10 || more != (met < 340) || objects[0].Remote.Key != strconv.Itoa(met+1) {
			t.Fatalf("after %d: %d objects, %v, %v", met, len(objects), more, err)
		}
		met += len(objects)
	}

	if failed != 4 {
		t.Errorf("%d failures", failed)
	}
}

// B6, B7: where no size works that is an outage.
func TestAnOutageOfLists(t *testing.T) {
	for _, status := range []int{500, 502, 503, 504} {
		f, c := start(t, Config{})
		f.answers(status, nil, "<html>")
		_, _, err := c.Changes(t.Context(), now, 0)
		if e := failureOf(t, err); e.Class != failure.Retryable || e.Scope != failure.IntegrationScope || e.Code != "provider_unavailable" {
			t.Errorf("%v %v", e.Class, e)
		}

		if n := len(f.take()); n != 5 {
			t.Errorf("%d requests", n)
		}

		if _, err = c.Find(t.Context(), now, []connector.Marker{marker}); failureOf(t, err).Class != failure.Retryable || len(f.take()) != 1 {
			t.Errorf("find: %v", err)
		}
	}
}

// B11: one answer with a reset 23 hours away carries that wait.
func TestALimitFarAway(t *testing.T) {
	f, c := start(t, Config{})
	f.answers(429, http.Header{"Retry-After": {fmt.Sprint(23 * 3600)}}, "Retry later")
	_, _, err := c.Changes(t.Context(), now, 0)
	if e := failureOf(t, err); e.Code != "rate_limited" || e.Wait != 23*time.Hour || e.NoRetryAfter || len(f.take()) != 1 {
		t.Errorf("wait %v, %v", e.Wait, e)
	}
}

// points is at how many requests a page size may shrink: fewer under the race
// detector, which is slow.
func points(n int) int {
	if raceDetector {
		return 1
	}
	return n
}
