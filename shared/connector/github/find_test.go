package github

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"integrations/shared/connector"
	"integrations/shared/connector/markdown"
	"integrations/shared/domain"
	"integrations/shared/outbound"
)

// find serves pages of issues, newest first.
func find(f *fake, pages ...[]string) {
	f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		q := r.URL.Query()
		if q.Has("creator") || q.Get("state") != "all" || q.Get("sort") != "created" || q.Get("direction") != "desc" || q.Get("per_page") != "100" {
			f.t.Errorf("query %v", q)
		}
		n := 1
		_, _ = fmt.Sscan(q.Get("page"), &n)
		if n < len(pages) {
			q.Set("page", fmt.Sprint(n+1))
			w.Header().Set("Link", fmt.Sprintf(`<%s%s?page=9>; rel="last", <%s/repos/acme/tracker/issues?%s>; rel="next"`, base, "/x", base, q.Encode()))
		}
		reply(w, 200, nil, "["+strings.Join(pages[n-1], ",")+"]")
	}
}

func TestFind(t *testing.T) {
	f, c := start(t, Config{})
	with := func(m string) string { return "text\n\n<!-- integrations:" + m + " -->" }
	pull := strings.Replace(issueJSON(90, "open", with("11/31/1")), `"body"`, `"pull_request":{"url":"x"},"body"`, 1)
	find(f,
		[]string{issueJSON(99, "open", with("11/22/5")), issueJSON(98, "closed", with("11/23/1")+"\r\n \n"), pull, issueJSON(89, "open", with("12/24/1"))},
		[]string{issueJSON(80, "open", with("11/24/1")+"\nmore"), issueJSON(79, "open", "<!-- integrations:11/24/1 --> x"), issueJSON(70, "open", with("11/22/1"))},
		[]string{issueJSON(60, "open", with("11/25/1")), issueJSON(-5, "open", with("11/26/1"))},
		[]string{issueJSON(-6, "open", with("11/27/1"))},
	)
	var want []connector.Marker
	for item := domain.Snowflake(22); item <= 31; item++ {
		want = append(want, connector.Marker{Integration: 11, Item: item, Attempt: 2})
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
		if fmt.Sprint(keys) != "map[22:70open 23:98closed 24:80open 25:60open]" {
			t.Errorf("%v", keys)
		}
	}
	var paths []string
	for _, call := range f.take() {
		paths = append(paths, strings.TrimPrefix(call.path, "/api/v3"))
	}
	list := "/repos/acme/tracker/issues"
	if !slices.Equal(paths, []string{list, list, list, list, list, list}) {
		t.Errorf("%v: want the fourth page never", paths)
	}
	if got, err := c.Find(t.Context(), now, nil); err != nil || len(got) != 0 || len(f.take()) != 0 {
		t.Error("asked for nothing")
	}
}

// A link that leads elsewhere is not followed, and no end of the list: an issue
// not found is made again.
func TestListsStayAtTheirHost(t *testing.T) {
	for _, link := range []string{
		"https://evil.test/api/v3/x", "http://example.com/api/v3/x", "https://example.com:444/api/v3/x", "https://example.com/other", "https://u@example.com/api/v3/x",
		"//evil.test/api/v3/x", "https://example.com.evil.test/api/v3/x", "/api/v3evil", "/api/v3/../../x", "/api/v3/%2e%2e/x/..", "\\\\evil.test", "", "itself",
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
		if e := failure(t, err); e.Class != connector.Retryable {
			t.Errorf("%q: %v", link, e)
		}
		_, _, err = c.Changes(t.Context(), now, 1)
		if e := failure(t, err); e.Class != connector.Retryable {
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
		if e := failure(t, err); e.Class == connector.Ambiguous {
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
			reply(w, 200, nil, "["+issueJSON(1, "open", markerText)+"]")
		default:
			reply(w, 301, http.Header{"Location": {base + "/repositories/1/issues?" + r.URL.RawQuery}}, ``)
		}
	}
	got, err := c.Find(t.Context(), now, []connector.Marker{marker})
	if err != nil || got[22].Remote.Key != "1" {
		t.Error(got, err)
	}
}

func TestFindPagesInFlatMemory(t *testing.T) {
	f, c := start(t, Config{})
	f.router = nil // checked above; a hundred pages take time under -race
	const pages = 100
	page := make([]string, 100)
	for i := range page {
		page[i] = issueJSON(i+1, "open", "x\n\n<!-- integrations:11/22/1 -->")
	}
	all := make([][]string, pages)
	for i := range all {
		all[i] = page
	}
	find(f, all...)
	got, err := c.Find(t.Context(), now, []connector.Marker{marker})
	if err != nil || len(got) != 1 {
		t.Error(got, err)
	}
	if n := len(f.take()); n != pages {
		t.Errorf("%d calls", n)
	}
}

func FuzzNextLink(f *testing.F) {
	f.Add(`<https://a/?page=2>; rel="next", <https://a/?page=9>; rel="last"`)
	c := New(Config{BaseURL: base}, outbound.New(outbound.Config{}), nil)
	f.Fuzz(func(t *testing.T, value string) {
		to, ok, err := c.next(base+"/x", outbound.Response{Header: http.Header{"Link": {value}}})
		if _, given := markdown.NextLink(value); given != (ok || err != nil) {
			t.Errorf("%q: %v, %v", value, ok, err)
		}
		if ok && !strings.HasPrefix(strings.ToLower(to), "https://example.com/api/v3/") && !strings.HasPrefix(strings.ToLower(to), "https://example.com:443/api/v3/") {
			t.Errorf("%q leads to %q", value, to)
		}
	})
}

func FuzzProblem(f *testing.F) {
	f.Add([]byte(`{"message":"Validation Failed","errors":[{"field":"title","code":"custom"},"x"]}`))
	f.Add([]byte(`{"message":1,"errors":{}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		_ = parseProblem(body).String()
		var i issue
		_ = json.Unmarshal(body, &i)
		_ = i.remote()
	})
}
