package mantisbt

import (
	"net/http"
	"strconv"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
)

// everyIssue is a shelf with the tests' common list. Some issues are sticky: the
// connector puts them first within a second.
func everyIssue(t *testing.T) *shelf {
	s := &shelf{t: t, stickyFirst: true}
	for n := 1; n <= connectortest.Listed; n++ {
		s.put(int64(n), connectortest.ChangedAt(n), func(i *stored) {
			i.CreatedAt = at(connectortest.ChangedAt(0).Add(time.Duration(n) * time.Second))
			i.Sticky = n == 20 || n == 61 || n == 62 || n == 320
		})
	}

	return s
}

// weak is a connector to a project whose server can do less and less.
func weak(t *testing.T) (open func(at [3]int) *Connector) {
	f, c := start(t, nil)
	f.routers = nil
	s := everyIssue(t)

	return func(at [3]int) *Connector {
		server := &connectortest.Weakening{Parameter: "page_size", At: at, Next: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.answer(w, r, nil) })}
		f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) { server.ServeHTTP(w, r) }
		f.take()
		return New(c.client.cfg, c.client.http, c.client.now)
	}
}

// B6, B7: whenever the pages shrink, each issue is handed over once and in order,
// sticky ones in their place.
func TestListWhileItWeakens(t *testing.T) {
	open := weak(t)
	connectortest.ListWhileItWeakens(t, points(5), func(at [3]int) (connectortest.Tracker, func() connectortest.Tracker) {
		c := open(at)
		return c, func() connectortest.Tracker { return New(c.client.cfg, c.client.http, c.client.now) }
	})
}

// B7: an issue is found wherever it stands in the list.
func TestFindWhileItWeakens(t *testing.T) {
	for _, ours := range []int{1, 61, 175, 290, 320, 350} {
		open := weak(t)
		want := connector.Marker{Integration: 11, Item: domain.Snowflake(ours), Attempt: 1, Tag: connectortest.Tag}
		connectortest.FindWhileItWeakens(t, points(4), want, func(at [3]int) (connector.Finder, string) { return open(at), strconv.Itoa(ours) })
	}
}

// B6, B7: where pages of one issue are all that works, the list is read with
// them, also while it moves; where none works that is an outage.
func TestPagesOfOneIssue(t *testing.T) {
	f, c := start(t, nil)
	f.routers = nil
	s := everyIssue(t)
	f.answer = func(w http.ResponseWriter, r *http.Request, b []byte) {
		if r.URL.Query().Get("page_size") != "1" {
			reply(w, 500, nil, "")
			return
		}
		s.answer(w, r, b)
	}

	all, _ := allChanges(t, c, time.Time{})
	if n := len(ids(all)); n != connectortest.Listed {
		t.Errorf("%d issues", n)
	}

	for n := 1; n <= connectortest.Listed; n++ { // a walk through a block that moves is made again by the engine
		s.put(int64(n), now.Add(time.Duration(n)*time.Second))
	}

	clock := now.Add(time.Hour)
	s.between = func(n int) {
		if n%40 == 0 { // an issue jumps to the front
			clock = clock.Add(time.Second)
			s.put(int64(1+n%connectortest.Listed), clock)
		}
	}

	s.asked = 0
	if n := len(ids(first(allChanges(t, c, time.Time{})))); n != connectortest.Listed {
		t.Errorf("%d issues of a list that moves", n)
	}

	f.answers(500, nil, "")
	_, _, err := New(c.client.cfg, c.client.http, c.client.now).Changes(t.Context(), now, 0)
	if e := failureOf(t, err); e.Class != failure.Retryable || e.Scope != failure.IntegrationScope || e.Code != "provider_unavailable" {
		t.Errorf("%v %v", e.Class, e)
	}
}

// B6: a PHP that ran out of memory over a page is asked for a smaller one, also
// where it shows the error with status 200.
func TestPagesThatExhaustPHP(t *testing.T) {
	for _, words := range []string{"Allowed memory size of 134217728 bytes exhausted (tried to allocate 20480 bytes)", "Maximum execution time of 30 seconds exceeded"} {
		f, c := start(t, nil)
		f.routers = nil
		s := everyIssue(t)
		f.answer = func(w http.ResponseWriter, r *http.Request, b []byte) {
			if size, _ := strconv.Atoi(r.URL.Query().Get("page_size")); size > 25 {
				reply(w, 200, nil, "<br />\n<b>Fatal error</b>:  "+words+" in <b>/srv/x.php</b> on line <b>3</b><br />")
				return
			}
			s.answer(w, r, b)
		}

		objects, more, err := c.Changes(t.Context(), time.Time{}, 0)
		if err != nil || !more || len(objects) == 0 || objects[0].Remote.Key != "1" {
			t.Errorf("%s: %d objects, %v", words, len(objects), err)
		}
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
