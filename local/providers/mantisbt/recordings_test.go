package mantisbt

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/integrations/local/recording"
)

// unmodelled are the recorded exchanges that the fake server does not reproduce,
// each with the reason. At most 40 may stand here.
var unmodelled = map[string]string{
	"file-add":                      "the fake server keeps no files: the product attaches none",
	"file-list":                     "the fake server keeps no files: the product attaches none",
	"db-table-broken-create":        "the fake server has no SQL whose text it could show; the fault error_after makes the same 500 without words",
	"display-errors-summary-129":    "the text is PHP's own, with a path and a line of its source",
	"display-errors-summary-object": "PHP turns an object into the word Array and shows a warning; the fake server refuses the body",
	"db-down-display-errors-me":     "the text is PHP's own, with a path and a line of its source",
}

// fewest is how many exchanges must be reproduced, most how many may be listed.
const (
	fewest = 110
	most   = 40
)

// A story is the server of the recordings. It is started again where an
// administrator changed a setting, and keeps its issues in its journal.
type story struct {
	*Server
	t      *testing.T
	clock  *clock
	dir    string
	web    *httptest.Server
	change bool // the running server has a changed setting
	// tags are the fake server's ETags by the recorded ones.
	tags map[string]string
}

// Every recorded exchange with a real server is sent to the fake server. What was
// there before is declared in recordings_state_test.go: users, projects, issues,
// settings. Numbers and times are declared as well: the next issue has the
// number of the recorded one, and the clock stands at the recorded time of the
// change. ETags are mapped, since they are sums that only the server can make.
func TestRecordings(t *testing.T) {
	all := recordings(t)
	s := &story{t: t, clock: newClock(), dir: t.TempDir(), tags: map[string]string{}}
	defer s.stop()

	agreed := 0
	for _, e := range all {
		differences := s.play(e)
		reason, listed := unmodelled[e.Case]
		if len(differences) == 0 {
			agreed++
		}

		switch {
		case listed && len(differences) == 0:
			t.Errorf("%s agrees: take it from the list (%s)", e.Case, reason)
		case !listed && len(differences) > 0:
			t.Errorf("%s (%s):\n\t%s", e.Case, e.Note, strings.Join(differences, "\n\t"))
		}
	}

	t.Logf("agreement: %d of %d", agreed, len(all))

	if agreed < fewest || len(unmodelled) > most || agreed+len(unmodelled) != len(all) {
		t.Errorf("%d of %d agree, %d are listed", agreed, len(all), len(unmodelled))
	}

	for name := range unmodelled {
		if !slices.ContainsFunc(all, func(e recording.Exchange) bool { return e.Case == name }) {
			t.Errorf("%s is listed and was not recorded", name)
		}
	}

	for _, name := range declaredCases() {
		if !slices.ContainsFunc(all, func(e recording.Exchange) bool { return e.Case == name }) {
			t.Errorf("a state is declared for %s, which was not recorded", name)
		}
	}
}

// recordings are the exchanges in the order in which they took place.
func recordings(t *testing.T) []recording.Exchange {
	t.Helper()
	if specPath() == "" {
		t.Skip("the recordings of a real MantisBT are not beside the project (../shared/recordings)")
	}

	file, err := os.Open(filepath.Join(filepath.Dir(specPath()), "..", "recordings", "mantisbt-2.28.4.jsonl"))
	if err != nil {
		t.Skip("the recordings of a real MantisBT are not beside the project: ", err)
	}

	defer file.Close()
	all, err := recording.Read(file)
	if err != nil || len(all) < 150 {
		t.Fatalf("%d recordings, %v", len(all), err)
	}

	slices.SortStableFunc(all, func(a, b recording.Exchange) int { return a.Seq - b.Seq })

	return all
}

// play brings the server into the declared state, sends a recorded request and
// compares the answers.
func (s *story) play(e recording.Exchange) []string {
	s.t.Helper()
	s.serve(settingsOf[e.Case])
	for _, one := range issuesBefore[e.Case] {
		s.declare(one)
	}

	if prepare := before[e.Case]; prepare != nil {
		prepare(s)
	}

	s.number(e)
	got, body := s.ask(e)
	if tag := e.Response.Header["ETag"]; tag != "" && got.Header.Get("Etag") != "" {
		s.tags[tag] = got.Header.Get("Etag")
	}

	return compare(e, got, body)
}

// serve starts the server with a changed setting, or again without one.
func (s *story) serve(change func(*Config)) {
	s.t.Helper()
	if s.Server != nil && change == nil && !s.change {
		return
	}

	s.stop()
	config := recordedServer(s.dir, s.clock.now)
	s.change = change != nil
	if s.change {
		change(&config)
	}

	server, err := open(config, nil)
	if err != nil {
		s.t.Fatal(err)
	}

	s.Server = server
	s.web = httptest.NewServer(server.API())
}

func (s *story) stop() {
	if s.Server == nil {
		return
	}

	s.web.Close()
	if err := s.Close(); err != nil {
		s.t.Error(err)
	}
}

// declare puts an issue in its place, as it was before.
func (s *story) declare(one issue) {
	s.t.Helper()
	if err := s.Commit(change{Issue: &one}); err != nil {
		s.t.Fatal(err)
	}
}

// number declares the number of the next issue and the time of a change. Numbers
// in between belong to issues that were not recorded.
func (s *story) number(e recording.Exchange) {
	s.t.Helper()
	if e.Request.Method == http.MethodGet {
		return
	}

	var answer struct {
		Issue  *declared
		Issues json.RawMessage
	}
	_ = json.Unmarshal(e.Response.Body.Bytes(), &answer)
	changed := answer.Issue
	var list []declared
	if err := json.Unmarshal(answer.Issues, &list); err == nil && len(list) == 1 {
		changed = &list[0]
	}

	if changed == nil || changed.ID == 0 {
		return
	}

	s.clock.set(changed.UpdatedAt)
	if strings.HasSuffix(e.Request.Path, "/issues") {
		s.skipTo(changed.ID)
	}
}

// declared is what is taken over from a recorded issue.
type declared struct {
	ID        int       `json:"id"`
	UpdatedAt time.Time `json:"updated_at"`
}

// skipTo makes a number the next one.
func (s *story) skipTo(id int) {
	s.t.Helper()
	if s.next() < id {
		s.declare(issue{ID: id - 1, Deleted: true})
	}

	if s.next() != id {
		s.t.Fatalf("the next issue is %d, want %d", s.next(), id)
	}
}

func (c *clock) set(at time.Time) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.at = at
}

// ask sends a recorded request. Tokens are in the file what they are called by.
func (s *story) ask(e recording.Exchange) (*http.Response, []byte) {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), e.Request.Method, s.web.URL+e.Request.Path, bytes.NewReader(e.Request.Body.Bytes()))
	if err != nil {
		s.t.Fatal(err)
	}

	request.Header.Set("Accept", "application/json")
	for name, value := range e.Request.Header {
		request.Header.Del(name)
		if value != nil {
			request.Header.Set(name, *value)
		}
	}

	if tag := request.Header.Get("If-Match"); tag != "" {
		bare := strings.Trim(tag, `"`)
		if s.tags[bare] == "" {
			s.t.Fatalf("%s: no answer had the tag %s", e.Case, tag)
		}
		request.Header.Set("If-Match", strings.Replace(tag, bare, s.tags[bare], 1))
	}

	got, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		s.t.Fatal(e.Case, err)
	}

	defer got.Body.Close()
	body, err := io.ReadAll(got.Body)
	if err != nil {
		s.t.Fatal(e.Case, err)
	}

	return got, body
}

// compare says where an answer differs from a recorded one: in the status, the
// text of the status line where there is no body, the media type, the headers
// that the connector reads, and the body.
func compare(e recording.Exchange, got *http.Response, body []byte) []string {
	d := differ{}
	want := e.Response
	d.same("status", want.Status, got.StatusCode)
	d.same("Content-Type", want.Header["Content-Type"], got.Header.Get("Content-Type"))
	for _, name := range []string{"X-Mantis-Version", "X-Mantis-LoginMethod"} {
		d.same(name, want.Header[name], got.Header.Get(name))
	}

	d.same("has an ETag", want.Header["ETag"] != "", got.Header.Get("Etag") != "")

	recorded := want.Body.Bytes()
	if len(recorded) == 0 {
		_, reason, _ := strings.Cut(got.Status, " ")
		d.same("reason", want.Reason, reason)
		d.same("body", "", string(body))
		return d.found
	}

	var wanted, given any
	if json.Unmarshal(recorded, &wanted) != nil {
		d.same("title of the page", title(recorded), title(body))
		return d.found
	}

	if err := json.Unmarshal(body, &given); err != nil {
		d.same("body", string(recorded), string(body))
		return d.found
	}

	if object, ok := wanted.(map[string]any); ok && object["_cut"] != nil {
		d.cut = true
		delete(object, "_cut")
	}

	d.value("", wanted, given)

	return d.found
}

var titled = regexp.MustCompile(`(?s)<title>(.*?)</title>`)

// title is that of a page, or the whole text of what is no page.
func title(page []byte) string {
	if found := titled.FindSubmatch(page); found != nil {
		return string(found[1])
	}

	return string(page)
}

// read are the members that the connector reads, of issues, accounts, projects,
// settings and refusals. They are compared by value, lists by their length too.
var read = regexp.MustCompile(`^(` + strings.Join([]string{
	`\.issues?(\[\])?(\.(id|summary|description|additional_information|sticky|created_at|updated_at|status_code|fault_string|(project|status)\.(id|name)))?`,
	`\.(id|name|message|code)`,
	`\.access_level\.(id|name)`,
	`\.projects(\[\](\.(id|name|enabled|access_level\.(id|name)|(categories|subProjects)(\[\]\.(id|name))?))?)?`,
	`\.projects\[\]\.custom_fields(\[\]\.(name|require_report|access_level_rw\.id))?`,
	`\.configs.*`,
}, "|") + `)$`)

// A differ collects differences.
type differ struct {
	found []string
	cut   bool // the recorded lists are not whole
}

func (d *differ) same(what string, want, got any) {
	if want != got {
		d.found = append(d.found, fmt.Sprintf("%s: %.200v, recorded: %.200v", what, got, want))
	}
}

// value compares two values of JSON: their kinds, and what the connector reads.
func (d *differ) value(path string, want, got any) {
	if recording.KindOf(want) != recording.KindOf(got) {
		d.same("kind of "+path, recording.KindOf(want), recording.KindOf(got))
		return
	}

	switch want := want.(type) {
	case map[string]any:
		d.object(path, want, got.(map[string]any))
	case []any:
		got := got.([]any)
		if read.MatchString(path) && (!d.cut || len(got) < len(want)) {
			d.same("length of "+path, len(want), len(got))
		}

		for i := range min(len(want), len(got)) {
			d.value(path+"[]", want[i], got[i])
		}

	default:
		if read.MatchString(path) {
			d.same(path, want, got)
		}
	}
}

func (d *differ) object(path string, want, got map[string]any) {
	for name, value := range want {
		at := path + "." + name
		given, both := got[name]
		switch {
		case both:
			d.value(at, value, given)
		case read.MatchString(at):
			d.same("has "+at, true, false)
		}
	}

	for name := range got {
		if _, both := want[name]; !both && read.MatchString(path+"."+name) {
			d.same("has "+path+"."+name, false, true)
		}
	}
}

// The comparison finds a difference of each sort.
func TestCompareFindsDifferences(t *testing.T) {
	usual := `{"status":200,"reason":"OK","headers":{"Content-Type":"application/json"},"body":{"issues":[{"id":1,"summary":"S","history":[]}]}}`
	empty := `{"status":404,"reason":"Words","headers":{"Content-Type":"text/html"},"body":""}`
	page := `{"status":404,"headers":{"Content-Type":"text/html"},"body":"<title>A</title>x"}`
	for _, c := range []struct {
		recorded, status, media, body string
		want                          string
	}{
		{usual, "200 OK", "application/json", `{"issues":[{"id":1,"summary":"S","more":1}]}`, ""},
		{usual, "201 Created", "application/json", `{"issues":[{"id":1,"summary":"S"}]}`, "status"},
		{usual, "200 OK", "text/html", `{"issues":[{"id":1,"summary":"S"}]}`, "Content-Type"},
		{usual, "200 OK", "application/json", `{"issues":[{"id":1,"summary":"T"}]}`, ".issues[].summary"},
		{usual, "200 OK", "application/json", `{"issues":[{"id":1}]}`, "has .issues[].summary"},
		{usual, "200 OK", "application/json", `{"issues":[{"id":1,"summary":"S","sticky":true}]}`, "has .issues[].sticky"},
		{usual, "200 OK", "application/json", `{"issues":[{"id":1,"summary":"S","history":{}}]}`, "kind of .issues[].history"},
		{usual, "200 OK", "application/json", `{"issues":[]}`, "length of .issues"},
		{usual, "200 OK", "application/json", `{`, "body"},
		{empty, "404 Words", "text/html", ``, ""},
		{empty, "404 Not Found", "text/html", ``, "reason"},
		{empty, "404 Words", "text/html", `x`, "body"},
		{page, "404 Words", "text/html", `<title>A</title>`, ""},
		{page, "404 Words", "text/html", `<title>B</title>`, "title"},
	} {
		var e recording.Exchange
		if err := json.Unmarshal([]byte(`{"response":`+c.recorded+`}`), &e); err != nil {
			t.Fatal(err)
		}

		got := &http.Response{Status: c.status, Header: http.Header{"Content-Type": {c.media}}}
		_, _ = fmt.Sscan(c.status, &got.StatusCode)
		found := strings.Join(compare(e, got, []byte(c.body)), "\n")
		if c.want == "" && found != "" || !strings.HasPrefix(found, c.want) {
			t.Errorf("%s: %q, want %q", c.body, found, c.want)
		}
	}
}
