package gitlab

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
)

// A stock is a project's issues, newest first, that Find is to look through.
type stock struct {
	t      *testing.T
	issues []string // JSON
	at     []time.Time
	served []int
	links  bool // as GitLab does; else as behind a proxy that drops them
	during func()
}

func (s *stock) add(at time.Time, state, body string, members ...any) {
	n := len(s.issues) + 1
	s.issues = append(s.issues, issueJSON(n, state, body, append(members, "created_at", at.Format("2006-01-02T15:04:05.000Z"))...))
	s.at = append(s.at, at)
}

func (s *stock) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Has("author_id") || q.Get("scope") != "all" || q.Get("order_by") != "created_at" || q.Get("sort") != "desc" || q.Get("search") != "" {
		s.t.Errorf("query %v", q)
	}

	size, _ := strconv.Atoi(q.Get("per_page"))
	number, _ := strconv.Atoi(q.Get("page"))
	after, err := time.Parse(time.RFC3339, q.Get("created_after"))
	if err != nil {
		s.t.Error(err)
	}

	var all []string
	for i, one := range s.issues {
		before, err := time.Parse(time.RFC3339, q.Get("created_before"))
		if !s.at[i].Before(after) && (err != nil || !s.at[i].After(before)) {
			all = append(all, one)
		}
	}

	from := min((number-1)*size, len(all))
	to := min(number*size, len(all))
	s.served = append(s.served, to-from)
	if s.links {
		w.Header().Set("X-Next-Page", "")
		if to < len(all) {
			w.Header().Set("X-Next-Page", strconv.Itoa(number+1))
			w.Header().Set("Link", fmt.Sprintf(`<http://internal:8080/x?page=%d>; rel="next", <http://internal:8080/x>; rel="first"`, number+1))
		}
	}

	reply(w, 200, nil, "["+strings.Join(all[from:to], ",")+"]")
	if s.during != nil {
		s.during()
	}
}

func TestFind(t *testing.T) {
	with := func(m string) string { return "text\n\n<!-- integrations:" + m + "/" + connectortest.Tag + " -->" }
	bare := func(m string) string { return "text\n\n<!-- integrations:" + m + " -->" }
	forged := func(m string) string { return "text\n\n<!-- integrations:" + m + "/" + connectortest.OtherTag + " -->" }
	for _, links := range []bool{true, false} {
		f, c := start(t, Config{})
		s := &stock{t: t, links: links}
		s.add(now.Add(9*time.Second), "opened", with("11/22/2")) // a copy of 6
		s.add(now.Add(8*time.Second), "closed", with("11/23/1")+"\r\n \n")
		s.add(now.Add(7*time.Second), "opened", with("12/24/1"))
		s.add(now.Add(6*time.Second), "opened", with("11/24/1")+"\n"+bare("11/24/7")+"\nmore")
		s.add(now.Add(5*time.Second), "opened", "<!-- integrations:11/24/1 --> x")
		s.add(now.Add(4*time.Second), "opened", with("11/22/1"))
		s.add(now.Add(3*time.Second), "opened", with("11/25/1"))
		s.add(now.Add(-time.Second), "opened", with("11/26/1"))
		s.add(now.Add(3*time.Second), "opened", bare("11/22/2"))
		s.add(now.Add(3*time.Second), "opened", forged("11/22/2"))
		s.add(now.Add(3*time.Second), "opened", with("11/22/5")) // of an attempt that never was
		f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) { s.ServeHTTP(w, r) }
		var want []connector.Marker
		for item := domain.Snowflake(22); item <= 31; item++ {
			for attempt := 1; attempt <= 2; attempt++ {
				want = append(want, connector.Marker{Integration: 11, Item: item, Attempt: attempt, Tag: connectortest.Tag})
			}
		}

		for range 2 {
			got, err := c.Find(t.Context(), now, want)
			if err != nil {
				t.Fatal(err)
			}

			keys := map[domain.Snowflake]string{}
			for item, remote := range got {
				keys[item] = remote.Remote.Key + string(remote.Seen.State)
			}

			if fmt.Sprint(keys) != "map[22:6open 23:2closed 24:4open 25:7open]" {
				t.Errorf("%v", keys)
			}
		}

		var paths []string
		for _, call := range f.take() {
			paths = append(paths, call.path)
		}

		if !slices.Equal(paths, []string{list, list}) {
			t.Errorf("%v: want one page each", paths)
		}

		if got, err := c.Find(t.Context(), now, nil); err != nil || len(got) != 0 || len(f.take()) != 0 {
			t.Error("asked for nothing")
		}
	}
}

// Pages go on by time: what is deleted meanwhile shifts nothing, a block of one
// time ends, and each issue is met.
func TestFindOverPages(t *testing.T) {
	for name, links := range map[string]bool{"links": true, "none": false} {
		f, c := start(t, Config{})
		s := &stock{t: t, links: links}
		for i := range 450 {
			at := now.Add(time.Hour - time.Duration(i)*time.Second)
			if i >= 150 && i < 400 { // within a millisecond, finer than GitLab tells
				at = now.Add(time.Hour - 150*time.Second - time.Duration(i)*time.Microsecond)
			}
			s.add(at, "opened", fmt.Sprintf("x\n\n<!-- integrations:11/%d/1/%s -->", i+1, connectortest.Tag))
		}

		s.during = func() {
			if len(s.served) <= 2 { // the newest two go while we look
				s.issues = s.issues[1:]
				s.at = s.at[1:]
			}
		}

		f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) { s.ServeHTTP(w, r) }
		var want []connector.Marker
		for i := range 450 {
			want = append(want, connector.Marker{Integration: 11, Item: domain.Snowflake(i + 1), Attempt: 1, Tag: connectortest.Tag})
		}

		got, err := c.Find(t.Context(), now, want)
		if err != nil || len(got) != 450 {
			t.Errorf("%s: %d found, %v", name, len(got), err)
		}

		if len(s.served) > 12 {
			t.Errorf("%s: %d pages", name, len(s.served))
		}
	}
}

// What is too large for a page is read in smaller ones.
func TestFindWithHugeIssues(t *testing.T) {
	f, c := start(t, Config{})
	c.lists.maxBody = 80_000
	s := &stock{t: t, links: true}
	for i := range 35 {
		s.add(now.Add(time.Hour-time.Duration(i)*time.Second), "opened", strings.Repeat("x", 5_000)+fmt.Sprintf("\n\n<!-- integrations:11/%d/1/%s -->", i+1, connectortest.Tag))
	}

	f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) { s.ServeHTTP(w, r) }
	var want []connector.Marker
	for i := range 35 {
		want = append(want, connector.Marker{Integration: 11, Item: domain.Snowflake(i + 1), Attempt: 1, Tag: connectortest.Tag})
	}

	got, err := c.Find(t.Context(), now, want)
	if err != nil || len(got) != 35 {
		t.Errorf("%d found, %v", len(got), err)
	}
}

func TestFindNeverTakesHalfAList(t *testing.T) {
	whole := issueJSON(1, "opened", "")
	for name, body := range map[string]string{
		"cut": "[" + whole + ",", "object": "{}", "empty": "", "null": "null", "html": "<html>", "wrong type": `[1]`, "deep": strings.Repeat("[", 200_000),
		"no id": "[" + issueJSON(1, "opened", "", "id", 0) + "]", "no time": "[" + issueJSON(1, "opened", "", "created_at", nil) + "]",
	} {
		f, c := start(t, Config{})
		f.answers(200, nil, body)
		got, err := c.Find(t.Context(), now, []connector.Marker{marker})
		if err == nil {
			t.Errorf("%s: %v", name, got)
			continue
		}

		if e := failureOf(t, err); e.Class != failure.Retryable {
			t.Errorf("%s: %v", name, e)
		}
	}
}

// A list whose end never comes ends in an error, not in a search for ever.
func TestFindEnds(t *testing.T) {
	f, c := start(t, Config{})
	body := "[" + issueJSON(1, "opened", "") + "]"
	f.answers(200, http.Header{"X-Next-Page": {"9"}}, body)
	_, err := c.Find(t.Context(), now, []connector.Marker{marker})
	if e := failureOf(t, err); e.Code != "list_endless" || e.Class != failure.Final {
		t.Error(e)
	}
}

// A project that was renamed is still read by its old path, at the same host,
// once.
func TestFindFollowsARename(t *testing.T) {
	for to, found := range map[string]bool{
		base + "/projects/5/issues": true, "/gitlab/api/v4/projects/5/issues": true, "https://public.example/gitlab/api/v4/projects/5/issues": true,
		"http://public.example:8080/gitlab/api/v4/projects/5/issues": true, "https://public.example/x": false, "https://u@example.com/gitlab/api/v4/x": false,
		"https://example.com/users/sign_in": false, "/gitlab/api/v4/../../x": false,
	} {
		f, c := start(t, Config{})
		f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
			if r.URL.EscapedPath() == "/gitlab/api/v4/projects/5/issues" {
				reply(w, 200, nil, "["+issueJSON(1, "opened", markerText)+"]")
				return
			}
			reply(w, 301, http.Header{"Location": {to + "?" + r.URL.RawQuery}}, ``)
		}

		got, err := c.Find(t.Context(), now, []connector.Marker{marker})
		if found && (err != nil || got[22].Remote.Key != "1") {
			t.Errorf("%s: %v, %v", to, got, err)
		}

		if calls := f.take(); !found && (failureOf(t, err).Code != "target_moved" || len(calls) != 1) {
			t.Errorf("%s: %d calls, %v", to, len(calls), err)
		}
	}
}

func TestNext(t *testing.T) {
	for _, tt := range []struct {
		header http.Header
		full   bool
		cursor string
		more   bool
	}{
		{http.Header{}, true, "", true}, {http.Header{}, false, "", false},
		{http.Header{"X-Next-Page": {""}}, true, "", false}, {http.Header{"X-Next-Page": {"2"}}, false, "", true},
		{http.Header{"Link": {`<https://a/?page=1>; rel="first"`}}, true, "", false},
		{http.Header{"Link": {`<https://a/?cursor=e30%3D&id=1>; rel="next"`}}, false, "e30=", true},
		{http.Header{"Link": {`<http://[::1/?cursor=x>; rel="next"`}}, false, "", true},
	} {
		if cursor, more := next(tt.header, tt.full); cursor != tt.cursor || more != tt.more {
			t.Errorf("%v: %q %v", tt.header, cursor, more)
		}
	}
}

// FuzzNext: whatever stands in the headers, a cursor is one that can be sent on.
func FuzzNext(f *testing.F) {
	f.Add(`<https://a/?cursor=e30%3D&id=1>; rel="next", <https://a/>; rel="first"`, "2", true)
	f.Add(`<http://[::1/?cursor=x>; rel="next"`, "", false)
	f.Add(`<x;y,z>; rel=next;`, "x", false)
	f.Fuzz(func(t *testing.T, link, page string, full bool) {
		cursor, more := next(http.Header{"Link": {link}, "X-Next-Page": {page}}, full)
		if cursor != "" && !more {
			t.Errorf("%q, %q: a cursor %q and no page", link, page, cursor)
		}

		query := url.Values{"cursor": {cursor}}
		if again, err := url.ParseQuery(query.Encode()); err != nil || again.Get("cursor") != cursor {
			t.Errorf("%q: %q, %v", link, cursor, err)
		}
	})
}

func FuzzProblem(f *testing.F) {
	f.Add(400, []byte(`{"message":{"title":["is too long","x"],"a":{"b":{"c":{"d":"e"}}}},"error":"x"}`))
	f.Add(409, []byte(`{"message":1,"error":{},"needs_captcha_response":"true"}`))
	f.Add(200, []byte(`{"id":1,"iid":2,"labels":[{}]}`))
	c := New(Config{}, outbound.New(outbound.Config{}), nil)
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		answer := outbound.Response{Status: status, Header: http.Header{}, Body: body}
		for _, method := range []string{"GET", "POST", "PUT"} {
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
