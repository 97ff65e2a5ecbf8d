package github

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// A list is a repository's issues as GitHub lists what changed.
type list struct {
	issues []string // by their last change, which is a second apart from the next one's
	pages  int
	before func(page int) // is asked before each page
}

func (l *list) serve(f *fake) {
	f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		q := r.URL.Query()
		if q.Has("creator") || q.Get("state") != "all" || q.Get("sort") != "updated" || q.Get("direction") != "asc" || q.Get("per_page") != "100" {
			f.t.Errorf("query %v", q)
		}

		if l.pages++; l.before != nil {
			l.before(l.pages)
		}

		page := 1
		_, _ = fmt.Sscan(q.Get("page"), &page)
		since, err := time.Parse(time.RFC3339, q.Get("since"))
		if err != nil {
			f.t.Error(err)
		}

		var some []string
		for _, text := range l.issues {
			var i issue
			if err := json.Unmarshal([]byte(text), &i); err == nil && !i.UpdatedAt.Before(since) {
				some = append(some, text)
			}
		}

		from := min((page-1)*100, len(some))
		to := min(page*100, len(some))
		if to < len(some) {
			q.Set("page", fmt.Sprint(page+1))
			w.Header().Set("Link", fmt.Sprintf(`<%s%s?page=9>; rel="last", <%s/repos/acme/tracker/issues?%s>; rel="next"`, base, "/x", base, q.Encode()))
		}

		reply(w, 200, nil, "["+strings.Join(some[from:to], ",")+"]")
	}
}

// listed is an issue that was last changed some seconds after now, and made so
// many after it as its number says.
func listed(number int, body string, changed int) string {
	return changedJSON(number, "T", "open", body, now.Add(time.Duration(changed)*time.Second))
}

func TestFind(t *testing.T) {
	f, c := start(t, Config{})
	with := func(m string) string { return "text\n\n<!-- integrations:" + m + "/" + connectortest.Tag + " -->" }
	bare := func(m string) string { return "text\n\n<!-- integrations:" + m + " -->" }
	forged := func(m string) string { return "text\n\n<!-- integrations:" + m + "/" + connectortest.OtherTag + " -->" }
	l := &list{issues: []string{
		strings.Replace(listed(5, with("11/26/1"), 1), "2026-11-23T10:00:05Z", "2026-11-23T09:59:55Z", 1), // made before
		listed(98, with("11/23/1")+"\r\n \n", 100),
		listed(99, with("11/22/2"), 101), // a copy of 70
		listed(40, bare("11/22/2"), 101),
		listed(41, forged("11/22/2"), 101),
		listed(42, with("11/22/5"), 101), // of an attempt that never was
		changedJSON(90, "T", "open", with("11/31/1"), now.Add(102*time.Second), "pull_request"),
		listed(89, with("12/24/1"), 103),
		listed(79, "<!-- integrations:11/24/1 --> x", 104),
		listed(80, with("11/24/1")+"\n"+bare("11/24/7")+"\nmore", 105),
		listed(70, with("11/22/1"), 106), // the first made, changed last
		strings.Replace(changedJSON(60, "T", "closed", with("11/25/1"), now.Add(107*time.Second)), "2026-11-23T10:01:00Z", "2026-11-23T10:00:00Z", 1), // the second in question
	}}

	l.serve(f)
	var want []connector.Marker
	for item := domain.Snowflake(22); item <= 31; item++ {
		for attempt := 1; attempt <= 2; attempt++ {
			want = append(want, connector.Marker{Integration: 11, Item: item, Attempt: attempt, Tag: connectortest.Tag})
		}
	}

	for range 2 {
		got, err := c.Find(t.Context(), now.Add(300*time.Millisecond), want)
		if err != nil {
			t.Fatal(err)
		}

		keys := map[domain.Snowflake]string{}
		for item, remote := range got {
			keys[item] = remote.Remote.Key + string(remote.Seen.State)
		}

		if fmt.Sprint(keys) != "map[22:70open 23:98open 24:80open 25:60closed]" {
			t.Errorf("%v", keys)
		}
	}

	f.take()
	if got, err := c.Find(t.Context(), now, nil); err != nil || len(got) != 0 || len(f.take()) != 0 {
		t.Error("asked for nothing")
	}
}

// Issues that are deleted or changed between two pages shift none out of sight.
func TestFindWhileTheListMoves(t *testing.T) {
	for name, move := range map[string]func(l *list){
		"deleted": func(l *list) { l.issues = l.issues[10:] },
		"changed": func(l *list) {
			l.issues = append(l.issues[1:], listed(1, "x", 10_000), listed(2, "x", 10_001))
		},
		"the last one deleted": func(l *list) { l.issues = slices.Delete(l.issues, 99, 100) },
		"ours is changed": func(l *list) {
			l.issues = append(slices.Delete(l.issues, 100, 101), listed(101, markerText, 10_000))
		},
	} {
		f, c := start(t, Config{})
		l := &list{}
		for n := 1; n <= 450; n++ {
			body := "x"
			if n == 101 { // the first of the second page
				body = markerText
			}
			l.issues = append(l.issues, listed(n, body, n))
		}

		l.before = func(page int) {
			if page == 2 {
				move(l)
			}
		}

		l.serve(f)
		got, err := c.Find(t.Context(), now, []connector.Marker{marker})
		if err != nil || got[marker.Item].Remote.Key != "101" {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
}

// A link that leads elsewhere is not followed, and no end of the list: an issue
// not found is made again.
func TestListsStayAtTheirHost(t *testing.T) {
	for _, link := range []string{
		"https://evil.test/x", "https://example.com/other", "https://evil.test/api/v3", "https://u@example.com/api/v3/x", "ftp://example.com/api/v3/x", "javascript:1",
		"/api/v3evil", "/api/v3/../../x", "https://evil.test/api/v3/../x", "/api/v3/%2e%2e/x/..", "\\\\evil.test", "", "itself",
	} {
		f, c := start(t, Config{})
		f.router = nil
		f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
			to := link
			if to == "itself" {
				to = "https://" + host + r.URL.String()
			}
			reply(w, 200, http.Header{"Link": {"<" + to + `>; rel="next"`}}, "[]")
		}

		_, err := c.Find(t.Context(), now, []connector.Marker{marker})
		if e := failureOf(t, err); e.Class != failure.Retryable {
			t.Errorf("%q: %v", link, e)
		}

		_, _, err = c.Changes(t.Context(), now, 0)
		if e := failureOf(t, err); e.Class != failure.Retryable {
			t.Errorf("%q: %v", link, e)
		}

		if calls := f.take(); len(calls) != 2 {
			t.Errorf("%q was followed: %v", link, calls)
		}
	}
}

func TestFindNeverTakesHalfAList(t *testing.T) {
	for name, body := range map[string]string{
		"cut": "[" + issueJSON(1, "open", "x") + ",", "object": "{}", "empty": "", "null": "null", "html": "<html>", "wrong type": `[1]`, "no issue": `[null]`, "no time": `[{"id":1,"number":1}]`, "deep": strings.Repeat("[", 200_000),
	} {
		f, c := start(t, Config{})
		f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
			reply(w, 200, nil, body)
		}
		got, err := c.Find(t.Context(), now, []connector.Marker{marker})
		if err == nil {
			t.Errorf("%s: %v", name, got)
			continue
		}

		if e := failureOf(t, err); e.Class == failure.Ambiguous {
			t.Errorf("%s: %v", name, e)
		}
	}
}

// A repository that was renamed is still read by its old address, at the same
// host, once.
func TestFindFollowsARename(t *testing.T) {
	f, c := start(t, Config{})
	f.router = nil
	f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		switch r.URL.Path {
		case "/api/v3/repositories/1/issues":
			reply(w, 200, nil, "["+listed(1, markerText, 1)+"]")
		default:
			reply(w, 301, http.Header{"Location": {base + "/repositories/1/issues?" + r.URL.RawQuery}}, ``)
		}
	}

	got, err := c.Find(t.Context(), now, []connector.Marker{marker})
	if err != nil || got[22].Remote.Key != "1" {
		t.Error(got, err)
	}
}

// A block of one second is paged through by number.
func TestFindInABlockOfOneSecond(t *testing.T) {
	f, c := start(t, Config{})
	l := &list{}
	for n := 1; n <= 450; n++ {
		body := "x"
		if n == 420 {
			body = markerText
		}
		l.issues = append(l.issues, listed(n, body, 7))
	}

	l.serve(f)
	got, err := c.Find(t.Context(), now, []connector.Marker{marker})
	if err != nil || got[marker.Item].Remote.Key != "420" {
		t.Error(got, err)
	}
}

func TestFindPagesOn(t *testing.T) {
	f, c := start(t, Config{})
	f.router = nil // checked above; a hundred pages take time under -race
	l := &list{}
	for n := 1; n <= 3_000; n++ {
		l.issues = append(l.issues, listed(n, "x\n\n"+markerText, n))
	}

	l.serve(f)
	got, err := c.Find(t.Context(), now, []connector.Marker{marker})
	if err != nil || len(got) != 1 || got[22].Remote.Key != "1" {
		t.Error(got, err)
	}

	if n := len(f.take()); n != 31 { // each page but the first begins with the last one of the page before
		t.Errorf("%d calls", n)
	}
}

func FuzzNextLink(f *testing.F) {
	f.Add(`<https://a/?page=2>; rel="next", <https://a/?page=9>; rel="last"`)
	c := New(Config{BaseURL: base}, outbound.New(outbound.Config{}), nil)
	f.Fuzz(func(t *testing.T, value string) {
		to, ok, err := c.lists.next(base+"/x", outbound.Response{Header: http.Header{"Link": {value}}})
		if _, given := paging.NextLink(value); given != (ok || err != nil) {
			t.Errorf("%q: %v, %v", value, ok, err)
		}

		if ok && !strings.HasPrefix(to, "https://example.com/api/v3/") {
			t.Errorf("%q leads to %q", value, to)
		}
	})
}

func FuzzProblem(f *testing.F) {
	f.Add(422, []byte(`{"message":"Validation Failed","errors":[{"field":"title","code":"custom"},"x"]}`))
	f.Add(403, []byte(`{"message":1,"errors":{}}`))
	f.Add(200, []byte(`{"id":1,"number":2,"body":"x"}`))
	c := New(Config{BaseURL: base}, outbound.New(outbound.Config{}), nil)
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		answer := outbound.Response{Status: status, Header: http.Header{}, Body: body}
		for _, method := range []string{"GET", "POST", "PATCH"} {
			if e := c.client.refused(method, answer); e.Detail == "" || len([]rune(e.Detail)) > 200 || e.Code == "" {
				t.Errorf("%s: %+v", method, e)
			}
		}

		if _, err := c.writer.created(answer, connector.Marker{Integration: 1, Item: 2}); err == nil && status != http.StatusCreated {
			t.Error("a create without proof")
		}

		var i issue
		_ = json.Unmarshal(body, &i)
		_ = i.remote()
	})
}
