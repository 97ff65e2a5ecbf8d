package gitlab

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// received is the promised form of /_/received.
type received struct {
	Objects []object `json:"objects"`
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
	d := start(t, nil)
	if _, text := d.plain("/_/received"); text != `{"objects":[],"writes":[]}` {
		t.Errorf("at the start: %s", text)
	}

	d.create(`{"title":"One","description":"Text","labels":"l"}`)
	d.send("POST", work+"/issues", `{`)
	d.put(1, `{"state_event":"close"}`)
	d.send("POST", "/gitlab/api/v4/projects/gone%2Fx/issues", `{"title":"x"}`, "PRIVATE-TOKEN", "")
	_, text := d.plain("/_/received")
	for _, member := range []string{`"number":1`, `"title":"One"`, `"body":"Text"`, `"state":"closed"`, `"labels":["l"]`, `"user":"sync-bot"`, `"html_url":"https://example.com/gitlab/acme/sub/Work/-/issues/1"`, `"commands":[]`, `"notified":[]`, `"references":[]`} {
		if !strings.Contains(text, member) {
			t.Errorf("%s is not in %s", member, text)
		}
	}

	var writes []string
	for _, one := range d.received().Writes {
		body, _ := json.Marshal(one.Body)
		writes = append(writes, fmt.Sprintf("%s %s %s %s %d", one.User, one.Method, one.Path, body, one.Status))
	}

	want := []string{
		`sync-bot POST ` + work + `/issues {"description":"Text","labels":"l","title":"One"} 201`,
		`sync-bot POST ` + work + `/issues "{" 400`,
		`sync-bot PUT ` + work + `/issues/1 {"state_event":"close"} 200`,
		` POST /gitlab/api/v4/projects/gone%2Fx/issues {"title":"x"} 401`,
	}
	if !slices.Equal(writes, want) {
		t.Errorf("writes %q", writes)
	}
}

// TestSurvivesAKill: what was answered is there after the next start, a line
// that was cut off is not.
func TestSurvivesAKill(t *testing.T) {
	dir := t.TempDir()
	d := start(t, func(c *Config) { c.Dir = dir })
	one := d.create(`{"title":"One","description":"/label ~x"}`)
	d.put(1, `{"state_event":"close"}`)
	d.do(201, "POST", work+"/issues/1/move", fmt.Sprintf(`{"to_project_id":%d}`, d.find("acme/secret").id))
	d.create(`{"title":"gone"}`)
	d.find("acme/sub/work").Roles = map[string]int{"olga": Owner}
	d.do(204, "DELETE", work+"/issues/2", "", "PRIVATE-TOKEN", owner)
	_, before := d.plain("/_/received")
	file, err := os.OpenFile(filepath.Join(dir, "gitlab.jsonl"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}

	if _, err := file.WriteString(`{"n":9,"project":"acme/sub/Work","is`); err != nil {
		t.Fatal(err)
	}

	file.Close()
	again := start(t, func(c *Config) { c.Dir = dir })
	if _, after := again.plain("/_/received"); after != before {
		t.Errorf("after a kill:\n%s\nbefore:\n%s", after, before)
	}

	if next := again.create(`{"title":"Two"}`); next.IID != 3 || next.ID <= one.ID+2 {
		t.Errorf("number %d, id %d after %d", next.IID, next.ID, one.ID)
	}
}

func TestOpenFails(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "gitlab.jsonl"), []byte("x\n"), 0o600); err != nil {
		t.Fatal(err)
	}

	if _, err := Open(Config{Dir: dir}); err == nil {
		t.Error("opened a damaged journal")
	}
}

func TestSetUpdated(t *testing.T) {
	d := start(t, nil)
	for range 4 {
		d.create(`{"title":"x"}`)
	}

	at := time.Date(2030, 1, 2, 3, 4, 5, 678_901_000, time.UTC)
	if err := d.SetUpdated("ACME/sub/work", 2, 3, at); err != nil {
		t.Fatal(err)
	}

	if pages := d.walk(work + "/issues?updated_after=2030-01-02T03:04:05.678Z"); fmt.Sprint(pages) != "[[3 2]]" {
		t.Errorf("changed then: %v", pages)
	}

	if one := d.do(200, "GET", work+"/issues/3", ""); one.UpdatedAt != "2030-01-02T03:04:05.678Z" {
		t.Errorf("updated at %s", one.UpdatedAt)
	}

	for path, last := range map[string]int{"acme/sub/work": 5, "gone": 1} {
		if err := d.SetUpdated(path, 4, last, at); err == nil {
			t.Errorf("there is no %s#%d", path, last)
		}
	}
}

// TestHooks: "received" is before the issue is there, "applied" after, and the
// caller waits for both.
func TestHooks(t *testing.T) {
	d := start(t, nil)
	var seen []string
	d.OnCreate(func(phase string, n int) {
		seen = append(seen, fmt.Sprintf("%s %d with %d", phase, n, len(d.snapshot(d.find("acme/sub/work")))))
	})
	d.create(`{"title":"One"}`)
	d.send("POST", work+"/issues", `{}`)
	d.put(1, `{"title":"x"}`)
	d.create(`{"title":"Two"}`)
	want := []string{"received 1 with 0", "applied 1 with 1", "received 2 with 1", "received 3 with 1", "applied 3 with 2"}
	if !slices.Equal(seen, want) {
		t.Errorf("saw %q", seen)
	}
}

// TestCallerDiesWaiting: once it is received, a request is carried out though
// nobody waits for the answer.
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

	request, _ := http.NewRequest("POST", d.url+work+"/issues", strings.NewReader(`{"title":"orphan"}`))
	request.Header = http.Header{"Private-Token": {ours}, "Content-Type": {"application/json"}, "User-Agent": {"x"}}
	ctx, hangUp := context.WithCancel(t.Context())
	go func() { <-entered; hangUp() }()
	if _, err := (&http.Client{Transport: &http.Transport{}}).Do(request.WithContext(ctx)); err == nil {
		t.Fatal("answered")
	}

	d.create(`{"title":"other"}`)
	close(proceed)
	<-done
	var titles []string
	for _, one := range d.received().Objects {
		titles = append(titles, one.Title)
	}

	if !slices.Equal(titles, []string{"other", "orphan"}) {
		t.Errorf("issues %q", titles)
	}
}

func TestConcurrentCreates(t *testing.T) {
	d := start(t, nil)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 5 {
				if answer := d.send("POST", work+"/issues", `{"title":"x"}`); answer.status != 201 {
					t.Errorf("%d %s", answer.status, answer.text)
				}
			}
		})
	}

	all.Wait()
	got := d.received()
	if len(got.Objects) != 40 || len(got.Writes) != 40 || got.Objects[39].Number != 40 {
		t.Errorf("%d objects, %d writes", len(got.Objects), len(got.Writes))
	}
}

func TestPagesEscape(t *testing.T) {
	d := start(t, nil)
	d.create(`{"title":"<script>alert(1)</script>","description":"<img src=x onerror=alert(1)>\n/label ~<b>x","labels":"<b>"}`)
	d.send("PUT", work+"/issues/1", `{"title":"<i>"`)
	for _, path := range []string{"/", "/acme/sub/Work/-/issues/1"} {
		status, text := d.plain(path)
		if status != http.StatusOK || !strings.Contains(text, "&lt;script&gt;alert(1)") {
			t.Errorf("%s: %d %s", path, status, text)
		}

		for _, bad := range []string{"<script", "<img", "<b>", "<i>", "http-equiv", "//cdn"} {
			if strings.Contains(text, bad) {
				t.Errorf("%s holds %s", path, bad)
			}
		}
	}

	if _, text := d.plain("/acme/sub/Work/-/issues/1"); !strings.Contains(text, "<strong>201</strong>") || !strings.Contains(text, "<strong>400</strong>") || !strings.Contains(text, "Carried out of the text") {
		t.Errorf("history: %s", text)
	}

	for _, path := range []string{"/acme/sub/Work/-/issues/2", "/acme/sub/Work/-/issues/x", "/acme/gone/-/issues/1", "/acme"} {
		if status, _ := d.plain(path); status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}

	if _, text := d.plain("/_/violations"); text != `{"violations":[]}` {
		t.Errorf("violations %s", text)
	}
}

// On the page a person edits, closes and reopens: through the API, as himself.
func TestAPersonEditsOnThePage(t *testing.T) {
	d := start(t, func(c *Config) { c.PersonToken = person })
	d.create(`{"title":"A title","description":"\nfirst"}`)
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

	const one = "/acme/sub/Work/-/issues/1"
	for _, c := range []struct {
		path   string
		header http.Header
		fields url.Values
		status int
	}{
		{one, http.Header{}, url.Values{"title": {"Another"}, "body": {"\r\ntwo\r\nlines"}}, http.StatusSeeOther},
		{one, http.Header{}, url.Values{"state": {"closed"}}, http.StatusSeeOther},
		{one, http.Header{"Sec-Fetch-Site": {"cross-site"}}, url.Values{"state": {"open"}}, http.StatusForbidden},
		{one, http.Header{}, url.Values{"state": {"gone"}}, http.StatusBadRequest},
		{"/acme/sub/Work/-/issues/2", http.Header{}, url.Values{"state": {"closed"}}, http.StatusNotFound},
	} {
		if status := form(c.path, c.header, c.fields); status != c.status {
			t.Errorf("%s %v: %d, want %d", c.path, c.fields, status, c.status)
		}
	}

	got := d.get(d.find("acme/sub/Work"), 1)
	if got.Title != "Another" || *got.Description != "\ntwo\nlines" || got.State != "closed" {
		t.Errorf("%+v", got)
	}

	for _, w := range d.Writes()[1:] {
		if w.User != "maria" {
			t.Errorf("written by %s: %s %s", w.User, w.Method, w.Path)
		}
	}

	if _, text := d.plain(one); !strings.Contains(text, "Reopen as maria") || !strings.Contains(text, "aria-label=\"Description\">\n\ntwo") {
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
