package github

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var nextLink = regexp.MustCompile(`<([^>]*)>; rel="next"`)

// walk follows the links of a list and returns the numbers on every page.
func (d double) walk(path string) (pages [][]int) {
	d.t.Helper()
	for path != "" {
		answer := d.send("GET", path, "")
		if answer.status != http.StatusOK {
			d.t.Fatalf("%s: %d %s", path, answer.status, answer.text)
		}

		var listed []made
		answer.into(d.t, &listed)
		numbers := []int{}
		for _, one := range listed {
			numbers = append(numbers, one.Number)
		}

		pages = append(pages, numbers)
		path = ""
		if link := nextLink.FindStringSubmatch(answer.header.Get("Link")); link != nil {
			path = link[1]
		}
	}

	return pages
}

func TestList(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) {
		c.Now = clock.now
		c.Repositories[0].PullRequests = 1
	})
	for i := range 4 { // numbers 2 to 5, after the pull request
		clock.pass(time.Minute)
		who := []string{ours, person}[i%2]
		d.create(fmt.Sprintf(`{"title":"%d","labels":["l%d","all"]}`, i, i%2), "Authorization", "Bearer "+who)
	}

	clock.pass(time.Minute)
	d.patch(2, `{"state":"closed"}`)
	since := url.QueryEscape(newClock().now().Add(3 * time.Minute).Format(time.RFC3339))
	for query, want := range map[string]string{
		"":                        "[[5 4 3 1]]",
		"state=all":               "[[5 4 3 2 1]]",
		"state=closed":            "[[2]]",
		"state=all&direction=asc": "[[1 2 3 4 5]]",
		"state=all&sort=updated":  "[[2 5 4 3 1]]",
		"state=all&sort=updated&direction=asc&per_page=2":                "[[1 3] [4 5] [2]]",
		"state=all&creator=sync-bot":                                     "[[4 2]]",
		"state=all&creator=SYNC-BOT&per_page=1":                          "[[4] [2]]",
		"state=all&creator=nobody":                                       "[[]]",
		"state=all&labels=ALL,l0":                                        "[[4 2]]",
		"state=all&since=" + since:                                       "[[5 4 2]]", // since counts itself in
		"state=all&sort=updated&direction=asc&per_page=2&since=" + since: "[[4 5] [2]]",
		"state=all&page=9":                                               "[[]]",
		"state=all&per_page=0&page=0":                                    "[[5 4 3 2 1]]",
		"state=all&per_page=1000":                                        "[[5 4 3 2 1]]",
		"state=all&assignee=*":                                           "[[]]",
		"state=all&assignee=none":                                        "[[5 4 3 2 1]]",
	} {
		if got := fmt.Sprint(d.walk("/repos/acme/work/issues?" + query)); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}

	var listed []made
	d.send("GET", "/repos/acme/work/issues?state=all&direction=asc", "").into(t, &listed)
	if listed[0].PullRequest == nil || listed[1].PullRequest != nil {
		t.Error("the pull request does not stand out")
	}

	d.noViolations()
	for _, query := range []string{"state=done", "sort=stars", "direction=up", "since=yesterday", "after=x", "after=Y3Vyc29yOg==", "page=100&per_page=100", "page=334"} {
		if answer := d.send("GET", "/repos/acme/work/issues?"+query, ""); answer.status != 422 {
			t.Errorf("%s: %d", query, answer.status)
		}
	}
}

func TestLinks(t *testing.T) {
	d := start(t, nil)
	for range 5 {
		d.create(`{"title":"x"}`)
	}

	relations := func(page int) string {
		link := d.send("GET", fmt.Sprintf("/repos/acme/work/issues?per_page=2&page=%d&state=all", page), "").header.Get("Link")
		var found []string
		for _, one := range regexp.MustCompile(`page=(\d)&per_page=2&state=all>; rel="(\w+)"`).FindAllStringSubmatch(link, -1) {
			found = append(found, one[2]+one[1])
		}

		if strings.Count(link, fmt.Sprintf("<%s/repositories/%d/issues?", d.url, d.find("acme", "work").id)) != len(found) {
			t.Errorf("links %s", link)
		}

		return strings.Join(found, " ")
	}
	for page, want := range map[int]string{1: "next2 last3", 2: "prev1 next3 last3 first1", 3: "prev2 first1"} {
		if got := relations(page); got != want {
			t.Errorf("page %d: %q, want %q", page, got, want)
		}
	}

	if link := d.send("GET", "/repos/acme/work/issues?per_page=5", "").header.Get("Link"); link != "" {
		t.Errorf("a single page has links: %s", link)
	}
}

// TestLinksLeadBehindAnIssue: a list read by its links leaves nothing out,
// though what was on it changes meanwhile.
func TestLinksLeadBehindAnIssue(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) { c.Now = clock.now })
	for range 5 {
		d.create(`{"title":"x"}`)
	}

	first := d.send("GET", "/repos/acme/work/issues?sort=updated&direction=asc&per_page=2", "")
	clock.pass(time.Minute)
	d.patch(1, `{"title":"y"}`) // pages by number have lost 3 now
	pages := d.walk(nextLink.FindStringSubmatch(first.header.Get("Link"))[1])
	if fmt.Sprint(pages) != "[[3 4] [5 1]]" {
		t.Errorf("behind the first page: %v", pages)
	}

	d.noViolations()
}

// TestEnterprise: links keep the path under which the API was asked.
func TestEnterprise(t *testing.T) {
	d := start(t, nil)
	d.create(`{"title":"x"}`)
	d.create(`{"title":"y"}`)
	enterprise := httptest.NewServer(http.StripPrefix("/api/v3", d.API()))
	defer enterprise.Close()
	d.url = enterprise.URL
	answer := d.send("GET", "/api/v3/repos/acme/work/issues?per_page=1", "")
	link := nextLink.FindStringSubmatch(answer.header.Get("Link"))
	if link == nil || !strings.HasPrefix(link[1], enterprise.URL+"/api/v3/repositories/") {
		t.Fatalf("link %v", link)
	}

	if pages := d.walk(link[1]); fmt.Sprint(pages) != "[[1]]" {
		t.Errorf("behind it: %v", pages)
	}
}

func TestSetUpdated(t *testing.T) {
	dir := t.TempDir()
	d := start(t, func(c *Config) { c.Dir = dir })
	for range 4 {
		d.create(`{"title":"x"}`)
	}

	at := time.Date(2030, 1, 2, 3, 4, 5, 678, time.UTC)
	if err := d.SetUpdated("ACME", "work", 2, 3, at); err != nil {
		t.Fatal(err)
	}

	again := start(t, func(c *Config) { c.Dir = dir })
	for _, one := range []double{d, again} {
		if pages := one.walk("/repos/acme/work/issues?sort=updated&direction=asc&since=2030-01-02T03:04:05Z"); fmt.Sprint(pages) != "[[2 3]]" {
			t.Errorf("changed then: %v", pages)
		}

		var issue made
		if one.send("GET", "/repos/acme/work/issues/3", "").into(t, &issue); issue.UpdatedAt != "2030-01-02T03:04:05Z" {
			t.Errorf("updated at %s", issue.UpdatedAt)
		}
	}

	if len(d.Writes()) != 4 {
		t.Errorf("it counts as a write: %v", d.Writes())
	}

	for name, last := range map[string]int{"work": 5, "gone": 1} {
		if err := d.SetUpdated("acme", name, 5, last, at); err == nil {
			t.Errorf("there is no %s#%d", name, last)
		}
	}
}

// received is the promised form of /_/received.
type received struct {
	Objects []map[string]any `json:"objects"`
	Writes  []struct {
		At     time.Time `json:"at"`
		User   string    `json:"user"`
		Method string    `json:"method"`
		Path   string    `json:"path"`
		Body   any       `json:"body"`
		Status int       `json:"status"`
	} `json:"writes"`
}

func (d double) plain(path string) (int, string) {
	d.t.Helper()
	response, err := http.Get(d.page + path)
	if err != nil {
		d.t.Fatal(err)
	}

	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		d.t.Fatal(err)
	}

	return response.StatusCode, string(text)
}

func (d double) received() (all received) {
	d.t.Helper()
	_, text := d.plain("/_/received")
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		d.t.Fatal(err)
	}
	return all
}

func TestReceived(t *testing.T) {
	d := start(t, func(c *Config) { c.Repositories[0].PullRequests = 1 })
	if _, text := d.plain("/_/received"); text != `{"objects":[],"writes":[]}` {
		t.Errorf("at the start: %s", text)
	}

	d.create(`{"title":"One","body":"Text","labels":["l"]}`)
	d.send("POST", "/repos/acme/work/issues", `{`)
	d.send("PATCH", "/repos/acme/work/issues/2", `{"state":"closed"}`)
	d.send("POST", "/repos/acme/gone/issues", `{"title":"x"}`, "Authorization", "")
	d.send("DELETE", "/repos/acme/work", "")
	all := d.received()
	if len(all.Objects) != 1 {
		t.Fatalf("objects %v", all.Objects)
	}

	for name, want := range map[string]string{
		"owner": "acme", "repo": "Work", "number": "2", "title": "One", "body": "Text", "state": "closed", "labels": "[l]",
		"html_url": "https://github.com/acme/Work/issues/2", "user": "sync-bot",
	} {
		if got := fmt.Sprint(all.Objects[0][name]); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}

	var writes []string
	for _, one := range all.Writes {
		body, _ := json.Marshal(one.Body)
		writes = append(writes, fmt.Sprintf("%s %s %s %s %d", one.User, one.Method, one.Path, body, one.Status))
	}

	want := []string{
		`sync-bot POST /repos/acme/work/issues {"body":"Text","labels":["l"],"title":"One"} 201`,
		`sync-bot POST /repos/acme/work/issues "{" 400`,
		`sync-bot PATCH /repos/acme/work/issues/2 {"state":"closed"} 200`,
		` POST /repos/acme/gone/issues {"title":"x"} 401`,
		`sync-bot DELETE /repos/acme/work null 404`,
	}
	if !slices.Equal(writes, want) {
		t.Errorf("writes\n%s", strings.Join(writes, "\n"))
	}
}

// TestSurvivesAKill: a second server over the journal of one that was never
// closed has everything, with a torn last line too.
func TestSurvivesAKill(t *testing.T) {
	dir := t.TempDir()
	d := start(t, func(c *Config) {
		c.Dir = dir
		c.Repositories[0].PullRequests = 2
	})
	issue := d.create(`{"title":"One","labels":["l"]}`)
	d.patch(issue.Number, `{"state":"closed"}`)
	d.send("POST", "/repos/acme/work/issues", `{}`)
	_, before := d.plain("/_/received")
	file, err := os.OpenFile(filepath.Join(dir, "github.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}

	if _, err := file.WriteString(`{"n":9,"repository":"acme/work","is`); err != nil {
		t.Fatal(err)
	}

	file.Close()
	again := start(t, func(c *Config) {
		c.Dir = dir
		c.Repositories[0].PullRequests = 2
	})
	if _, after := again.plain("/_/received"); after != before {
		t.Errorf("after a kill:\n%s\nbefore:\n%s", after, before)
	}

	next := again.create(`{"title":"Two"}`)
	if next.Number != issue.Number+1 || next.ID <= issue.ID {
		t.Errorf("number %d, id %d after %d, %d", next.Number, next.ID, issue.Number, issue.ID)
	}

	writes := again.received().Writes
	if last := writes[len(writes)-1]; last.Status != 201 {
		t.Errorf("the last write is %+v", last)
	}
}

func TestOpenFails(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "github.jsonl"), []byte("x\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	if _, err := Open(Config{Dir: dir}); err == nil {
		t.Error("opened a damaged journal")
	}

	if _, err := Open(Config{Dir: t.TempDir(), SpecPath: filepath.Join(dir, "gone.json")}); err == nil {
		t.Error("opened without the description that was named")
	}
}

// TestHooks: "received" is before the issue is there, "applied" after, and the
// caller waits for both.
func TestHooks(t *testing.T) {
	d := start(t, nil)
	var seen []string
	d.OnCreate(func(phase string, n int) {
		seen = append(seen, fmt.Sprintf("%s %d with %d", phase, n, len(d.snapshot(d.find("acme", "work"), ""))))
	})
	d.create(`{"title":"One"}`)
	d.send("POST", "/repos/acme/work/issues", `{}`)
	d.patch(1, `{"title":"x"}`)
	d.create(`{"title":"Two"}`)
	want := []string{"received 1 with 0", "applied 1 with 1", "received 2 with 1", "received 3 with 1", "applied 3 with 2"}
	if !slices.Equal(seen, want) {
		t.Errorf("saw %q", seen)
	}
}

// TestCallerDiesWaiting: once it is received, a request is carried out though
// nobody waits for the answer, and holds up no other.
func TestCallerDiesWaiting(t *testing.T) {
	d := start(t, nil)
	entered := make(chan struct{})
	proceed := make(chan struct{})
	done := make(chan struct{})
	d.OnCreate(func(phase string, n int) {
		switch {
		case n == 1 && phase == Received:
			close(entered)
			<-proceed
		case n == 1:
			close(done)
		}
	})

	client := &http.Client{Transport: &http.Transport{}}
	request, _ := http.NewRequest("POST", d.url+"/repos/acme/work/issues", strings.NewReader(`{"title":"orphan"}`))
	for name, value := range map[string]string{"Authorization": "Bearer " + ours, "Content-Type": "application/json"} {
		request.Header.Set(name, value)
	}

	ctx, hangUp := context.WithCancel(t.Context())
	go func() { <-entered; hangUp() }()
	if _, err := client.Do(request.WithContext(ctx)); err == nil {
		t.Fatal("answered")
	}

	d.create(`{"title":"other"}`)
	close(proceed)
	<-done
	var titles []string
	for _, one := range d.received().Objects {
		titles = append(titles, one["title"].(string))
	}

	if !slices.Equal(titles, []string{"other", "orphan"}) {
		t.Errorf("issues %q", titles)
	}

	if first := d.received().Writes[0].Body.(map[string]any)["title"]; first != "orphan" {
		t.Errorf("the first to arrive is %q", first)
	}
}

func TestPagesEscape(t *testing.T) {
	d := start(t, nil)
	d.create(`{"title":"<script>alert(1)</script>","body":"<img src=x onerror=alert(1)>","labels":["<b>"]}`)
	d.send("PATCH", "/repos/acme/Work/issues/1", `{"title":"<i>"`)
	for _, path := range []string{"/", "/acme/Work/issues/1"} {
		status, text := d.plain(path)
		if status != http.StatusOK || !strings.Contains(text, "&lt;script&gt;alert(1)") || !strings.Contains(text, "&lt;b&gt;") {
			t.Errorf("%s: %d %s", path, status, text)
		}

		for _, bad := range []string{"<script", "<img", "<b>", "<i>", "http-equiv", "//cdn"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s holds %s", path, bad)
			}
		}
	}

	if _, text := d.plain("/acme/Work/issues/1"); !strings.Contains(text, "<strong>201</strong>") || !strings.Contains(text, "<strong>400</strong>") {
		t.Errorf("history: %s", text)
	}

	for _, path := range []string{"/acme/Work/issues/2", "/acme/Work/issues/x", "/acme/gone/issues/1"} {
		if status, _ := d.plain(path); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}

	if _, text := d.plain("/_/violations"); specPath() == "" && text != `{"violations":[]}` {
		t.Errorf("violations %s", text)
	}
}

// TestConcurrentCreates: every one gets its own number, and the log has all.
func TestConcurrentCreates(t *testing.T) {
	d := start(t, nil)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 5 {
				if answer := d.send("POST", "/repos/acme/work/issues", `{"title":"x"}`); answer.status != 201 {
					t.Errorf("%d %s", answer.status, answer.text)
				}
			}
		})
	}

	all.Wait()
	got := d.received()
	if len(got.Objects) != 40 || len(got.Writes) != 40 || got.Objects[39]["number"] != 40.0 {
		t.Errorf("%d objects, %d writes", len(got.Objects), len(got.Writes))
	}
}

// BenchmarkCreate is one create through HTTP, checked against the description.
func BenchmarkCreate(b *testing.B) {
	server, err := Open(Config{
		Dir: b.TempDir(), SpecPath: specPath(), Tokens: map[string]string{ours: "sync-bot"}, Repositories: []Repository{{Owner: "acme", Name: "work"}},
	})
	if err != nil {
		b.Fatal(err)
	}

	defer server.Close()
	handler := server.API()
	body := `{"title":"x","body":"` + strings.Repeat("text ", 800) + `","labels":["a","b"]}`
	for b.Loop() {
		request, _ := http.NewRequest("POST", "/repos/acme/work/issues", strings.NewReader(body))
		request.Header = http.Header{"Authorization": {"Bearer " + ours}, "User-Agent": {"x"}, "Content-Type": {"application/json"}}
		handler.ServeHTTP(&discard{header: http.Header{}}, request)
	}

	if all := server.Violations(); len(all) > 0 {
		b.Fatal(all[0])
	}
}

// On the page a person edits, closes and reopens: through the API, as himself.
func TestAPersonEditsOnThePage(t *testing.T) {
	d := start(t, func(c *Config) { c.PersonToken = person })
	d.create(`{"title":"A title","body":"\nfirst"}`)
	form := func(path string, header http.Header, fields url.Values) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.page+path, strings.NewReader(fields.Encode()))
		if err != nil {
			t.Fatal(err)
		}

		r.Header = header.Clone()
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}

		resp.Body.Close()

		return resp.StatusCode
	}

	const one = "/acme/Work/issues/1"
	for _, c := range []struct {
		path   string
		header http.Header
		fields url.Values
		status int
	}{
		{one, http.Header{}, url.Values{"title": {"Another"}, "body": {"\r\ntwo\r\nlines"}}, http.StatusSeeOther},
		{one, http.Header{}, url.Values{"state": {"closed"}}, http.StatusSeeOther},
		{one, http.Header{"Sec-Fetch-Site": {"cross-site"}}, url.Values{"state": {"open"}}, http.StatusForbidden},
		{one, http.Header{}, url.Values{"state": {"gone"}}, http.StatusUnprocessableEntity},
		{"/acme/Work/issues/2", http.Header{}, url.Values{"state": {"closed"}}, http.StatusNotFound},
	} {
		if status := form(c.path, c.header, c.fields); status != c.status {
			t.Errorf("%s %v: %d, want %d", c.path, c.fields, status, c.status)
		}
	}

	got := d.get(d.find("acme", "Work"), 1)
	if got.Title != "Another" || *got.Body != "\ntwo\nlines" || got.State != "closed" {
		t.Errorf("%+v", got)
	}

	for _, w := range d.Writes()[1:] {
		if w.User != "maria" {
			t.Errorf("written by %s: %s %s", w.User, w.Method, w.Path)
		}
	}

	if _, text := d.plain(one); !strings.Contains(text, "Reopen as maria") || !strings.Contains(text, "<textarea name=\"body\" rows=\"12\" aria-label=\"Description\">\n\ntwo") {
		t.Errorf("%s", text)
	}

	quiet := start(t, nil)
	quiet.create(`{"title":"A title"}`)
	if _, text := quiet.plain(one); strings.Contains(text, "<form") {
		t.Error("a page that only shows has a form")
	}

	d = quiet
	if status := form(one, http.Header{}, url.Values{"state": {"closed"}}); status != http.StatusMethodNotAllowed {
		t.Errorf("a page that only shows edits: %d", status)
	}
}
