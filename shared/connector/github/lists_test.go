package github

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

// everyIssue answers as a repository with the tests' common list. Ours is the
// number of the issue with our marker; host is where its links lead.
type everyIssue struct {
	ours int
	root string
}

func (l everyIssue) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	page, _ := strconv.Atoi(q.Get("page"))
	size, _ := strconv.Atoi(q.Get("per_page"))
	since, _ := time.Parse(time.RFC3339, q.Get("since"))
	var all []string
	for n := 1; n <= connectortest.Listed; n++ {
		at := connectortest.ChangedAt(n)
		if at.Before(since) {
			continue
		}

		body := "x"
		if n == l.ours {
			body = markerText
		}

		all = append(all, fmt.Sprintf(`{"id":%d,"number":%d,"state":"open","title":"T","body":%q,"created_at":%q,"updated_at":%q}`,
			n, n, body, at.Format(time.RFC3339), at.Format(time.RFC3339)))
	}

	from := min((page-1)*size, len(all))
	to := min(page*size, len(all))
	if to < len(all) {
		q.Set("page", strconv.Itoa(page+1))
		w.Header().Set("Link", fmt.Sprintf(`<%s/repositories/9/issues?%s>; rel="next"`, l.root, q.Encode()))
	}

	reply(w, 200, nil, "["+strings.Join(all[from:to], ",")+"]")
}

// weak is a connector to a repository whose server can do less and less.
func weak(t *testing.T, list http.Handler) (f *fake, open func(at [3]int) *Connector) {
	f, c := start(t, Config{})
	f.router = nil

	return f, func(at [3]int) *Connector {
		server := &connectortest.Weakening{Parameter: "per_page", At: at, Next: list}
		f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) { server.ServeHTTP(w, r) }
		f.take()
		return again(c)
	}
}

// B6, B7: whenever the pages shrink, each issue is handed over once and in order.
func TestListWhileItWeakens(t *testing.T) {
	_, open := weak(t, everyIssue{root: base})
	connectortest.ListWhileItWeakens(t, points(6), func(at [3]int) (connectortest.Tracker, func() connectortest.Tracker) {
		c := open(at)
		return c, func() connectortest.Tracker { return again(c) }
	})
}

// B7: an issue is found wherever it stands in the list.
func TestFindWhileItWeakens(t *testing.T) {
	for _, ours := range []int{1, 61, 175, 290, 350} {
		_, open := weak(t, everyIssue{ours: ours, root: base})
		connectortest.FindWhileItWeakens(t, points(4), marker, func(at [3]int) (connector.Finder, string) { return open(at), strconv.Itoa(ours) })
	}
}

// B7: a page that GitHub cannot answer with is asked for again at once, smaller,
// and the size that worked stays. Where none works that is an outage.
func TestPagesShrink(t *testing.T) {
	for name, fail := range map[string]http.HandlerFunc{
		"500": answered(500), "502": answered(502), "503": answered(503), "504": answered(504),
		"cut": func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, nil, `[{"id":1,`) },
		"broke off": func(w http.ResponseWriter, _ *http.Request) {
			reply(w, 200, http.Header{"Content-Length": {"99"}}, "[")
		},
		"too large": func(w http.ResponseWriter, _ *http.Request) { reply(w, 200, nil, strings.Repeat(" ", 100_001)) },
	} {
		t.Run(name, func(t *testing.T) {
			f, c := start(t, Config{})
			f.router = nil
			c.lists.maxBody = 100_000
			server := &connectortest.Weakening{Parameter: "per_page", At: [3]int{0, 0, 99}, Fail: fail, Next: everyIssue{root: base}}
			f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) { server.ServeHTTP(w, r) }
			objects, more, err := c.Changes(t.Context(), time.Time{}, 0)
			if err != nil || !more || len(objects) != 25 || server.Failed != 2 {
				t.Fatalf("%d objects, %v, after %d failures", len(objects), err, server.Failed)
			}

			if objects, _, err = c.Changes(t.Context(), time.Time{}, 25); err != nil || len(objects) != 25 || server.Failed != 2 {
				t.Errorf("the size was not kept: %d objects, %v, %d failures", len(objects), err, server.Failed)
			}

			f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) { fail(w, r) }
			f.take()
			_, _, err = c.Changes(t.Context(), time.Time{}, 50)
			want := "provider_unavailable"
			if name == "too large" {
				want = "answer_too_large"
			}

			if e := failureOf(t, err); e.Class != failure.Retryable || e.Scope != failure.IntegrationScope || e.Code != want {
				t.Errorf("%v %v", e.Class, e)
			}

			if n := len(f.take()); n != 2 {
				t.Errorf("%d more requests", n)
			}
		})
	}
}

func answered(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { reply(w, status, nil, "<html>") }
}

// An announced outage is no question of size.
func TestAnAnnouncedOutageShrinksNothing(t *testing.T) {
	f, c := start(t, Config{})
	f.answers(503, http.Header{"Retry-After": {"60"}}, "")
	_, _, err := c.Changes(t.Context(), now, 0)
	if e := failureOf(t, err); e.Code != "provider_unavailable" || e.Wait != time.Minute || len(f.take()) != 1 {
		t.Error(e)
	}
}

// B8: a link that names another host, as that of a server behind a proxy does, is
// followed at the configured one.
func TestLinksOfAnotherHost(t *testing.T) {
	for _, root := range []string{"https://github.public.example/api/v3", "http://10.0.0.8:8080/api/v3", "//public.example/api/v3"} {
		_, open := weak(t, everyIssue{ours: 350, root: root})
		c := open([3]int{99, 99, 99})
		found, err := c.Find(t.Context(), connectortest.ChangedAt(0), []connector.Marker{marker})
		if err != nil || found[marker.Item].Remote.Key != "350" {
			t.Errorf("%s: %v, %v", root, found, err)
		}
	}
}

// B8: behind the numbered pages the link itself is followed, at the configured
// host, with the size that works.
func TestALinkOfAnotherHostIsFollowed(t *testing.T) {
	f, c := start(t, Config{})
	f.router = nil
	var asked []string
	f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		asked = append(asked, r.Host+r.URL.Path+"?after="+r.URL.Query().Get("after")+"&per_page="+r.URL.Query().Get("per_page"))
		if r.URL.Query().Get("per_page") == "100" && r.URL.Query().Get("after") != "" {
			reply(w, 504, nil, "")
			return
		}

		reply(w, 200, http.Header{"Link": {`<https://public.example/api/v3/repositories/9/issues?after=x&per_page=100>; rel="next"`}}, "["+changedJSON(1, "T", "open", "", now)+"]")
	}
	if _, _, err := c.Changes(t.Context(), now, 0); err != nil {
		t.Fatal(err)
	}

	if _, _, err := c.Changes(t.Context(), now, 1); err != nil {
		t.Fatal(err)
	}

	want := "example.com/api/v3/repos/acme/tracker/issues?after=&per_page=100 example.com/api/v3/repositories/9/issues?after=x&per_page=100 example.com/api/v3/repositories/9/issues?after=x&per_page=50"
	if got := strings.Join(asked, " "); got != want {
		t.Errorf("asked %s", got)
	}
}

// B11: one answer with a reset 23 hours away carries that wait, and never more
// than is believed.
func TestALimitFarAway(t *testing.T) {
	for ahead, want := range map[time.Duration]time.Duration{23 * time.Hour: 23*time.Hour + time.Second, 48 * time.Hour: 24 * time.Hour} {
		f, c := start(t, Config{})
		f.answers(429, http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {fmt.Sprint(now.Add(ahead).Unix())}, "Date": {now.Format(http.TimeFormat)}}, `{"message":"API rate limit exceeded"}`)
		_, _, err := c.Changes(t.Context(), now, 0)
		if e := failureOf(t, err); e.Code != "rate_limited" || e.Wait != want || e.NoRetryAfter {
			t.Errorf("%v ahead: wait %v, %v", ahead, e.Wait, e)
		}

		if n := len(f.take()); n != 1 {
			t.Errorf("%d requests", n)
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
