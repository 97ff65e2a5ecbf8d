package mantisbt

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/markup"
)

// A shelf is a project's issues as MantisBT lists them.
type shelf struct {
	t           *testing.T
	issues      []stored
	stickyFirst bool
	asked       int
	largest     int
	// between is called before each page is read.
	between func(n int)
}

func (s *shelf) put(id int64, updated time.Time, change ...func(*stored)) {
	i := issueOf(id, 10, fmt.Sprintf("[integrations:11/%d/1/%s]", id, connectortest.Tag))
	i.UpdatedAt = at(updated)
	for _, c := range change {
		c(&i)
	}

	s.issues = slices.DeleteFunc(s.issues, func(o stored) bool { return o.ID == id })
	s.issues = append(s.issues, i)
}

func (s *shelf) remove(id int64) {
	s.issues = slices.DeleteFunc(s.issues, func(o stored) bool { return o.ID == id })
}

func sticky(i *stored) { i.Sticky = true }

func (s *shelf) answer(w http.ResponseWriter, r *http.Request, _ []byte) {
	q := r.URL.Query()
	page, err1 := strconv.Atoi(q.Get("page"))
	size, err2 := strconv.Atoi(q.Get("page_size"))
	if err1 != nil || err2 != nil || q.Get("project_id") != "3" || r.URL.Path != "/bugs/api/rest/issues" {
		s.t.Errorf("asked %s", r.URL)
	}

	s.asked++
	if q.Get("select") == whole {
		s.largest = max(s.largest, size)
	}

	if s.between != nil {
		s.between(s.asked)
	}

	slices.SortFunc(s.issues, func(a, b stored) int {
		if s.stickyFirst && a.Sticky != b.Sticky {
			if a.Sticky {
				return -1
			}
			return 1
		}

		return cmp.Or(strings.Compare(b.UpdatedAt, a.UpdatedAt), strings.Compare(b.CreatedAt, a.CreatedAt))
	})

	from := min((page-1)*size, len(s.issues))
	reply(w, 200, nil, listOf(s.issues[from:min(from+size, len(s.issues))]...))
}

// allChanges walks through pages as the sync engine does.
func allChanges(t *testing.T, c *Connector, since time.Time) (all []connector.Object, pages int) {
	t.Helper()
	for offset := 0; ; {
		pages++
		objects, more, err := c.Changes(t.Context(), since, offset)
		if err != nil {
			t.Fatalf("page %d: %v", pages, err)
		}

		if !slices.IsSortedFunc(objects, func(a, b connector.Object) int { return a.UpdatedAt.Compare(b.UpdatedAt) }) {
			t.Fatalf("page %d is not in order", pages)
		}

		last := since
		for _, o := range objects {
			if o.UpdatedAt.Before(since.Truncate(time.Second)) {
				t.Fatalf("page %d: %s was changed at %v, before %v", pages, o.Remote.Key, o.UpdatedAt, since)
			}

			if o.UpdatedAt.After(last) {
				last = o.UpdatedAt
			}
		}

		all = append(all, objects...)
		switch {
		case !more:
			return all, pages
		case last.After(since):
			since = last
			offset = 0
		default:
			offset += len(objects)
		}

		if pages > 5000 {
			t.Fatal("the walk does not end")
		}
	}
}

// ids are the numbers met, each once, in the order in which they came first.
func ids(all []connector.Object) []int64 {
	var list []int64
	for _, o := range all {
		id, _ := strconv.ParseInt(o.Remote.Key, 10, 64)
		if !slices.Contains(list, id) {
			list = append(list, id)
		}
	}

	return list
}

func TestChanges(t *testing.T) {
	f, c := start(t, nil)
	s := &shelf{t: t, stickyFirst: true}
	f.answer = s.answer
	s.put(1, now.Add(-time.Hour))
	s.put(2, now)
	s.put(3, now.Add(2*time.Second), func(i *stored) { i.Status["id"], i.Summary, i.Additional = 80, strings.Repeat("é", 200), "" })
	s.put(4, now.Add(time.Second), sticky)
	s.put(5, now.Add(-2*time.Hour), sticky)
	s.put(6, now.Add(time.Second), func(i *stored) {
		i.Project["id"] = 4
		i.Additional = ""
	})
	s.put(7, now.Add(time.Second), func(i *stored) { i.Project["id"] = 4 })
	objects, more, err := c.Changes(t.Context(), now.Add(500*time.Millisecond), 0)
	if err != nil || more || len(objects) != 5 {
		t.Fatal(ids(objects), more, err)
	}

	// The foreign issue stands in the list with its time, and is not spoken of.
	other := slices.IndexFunc(objects, func(o connector.Object) bool { return o.Ignored })
	if other < 0 || !objects[other].UpdatedAt.Equal(now.Add(time.Second)) || objects[other].Title != "" || objects[other].Remote != (domain.Remote{}) {
		t.Fatal(objects)
	}

	objects = slices.Delete(objects, other, other+1)
	if got := fmt.Sprint(ids(objects)); got != "[2 7 4 3]" && got != "[2 4 7 3]" {
		t.Fatal(got)
	}

	ours := objects[0]
	foreign := objects[3]
	if ours.Marker != (connector.Marker{Integration: 11, Item: 2, Attempt: 1, Tag: connectortest.Tag}) || !slices.Equal(ours.Markers, []connector.Marker{ours.Marker}) || ours.Title != "T" || ours.Seen.State != domain.Open ||
		!ours.UpdatedAt.Equal(now) || !ours.CreatedAt.Equal(now.Add(2*time.Second)) || ours.Remote.URL != "https://example.com/bugs/view.php?id=2" {
		t.Errorf("%+v", ours)
	}

	if foreign.Marker != (connector.Marker{}) || foreign.Seen.State != domain.Closed || foreign.Title != strings.Repeat("é", 128) {
		t.Errorf("%+v", foreign)
	}

	s.asked = 0
	if objects, more, err := c.Changes(t.Context(), now.Add(time.Hour), 0); err != nil || more || len(objects) != 0 || s.asked != 1 {
		t.Errorf("nothing new: %v, %v, %v, %d requests", objects, more, err, s.asked)
	}

	if objects, more, err := c.Changes(t.Context(), now, 5); err != nil || more || len(objects) > 0 {
		t.Errorf("behind the last one: %v, %v, %v", ids(objects), more, err)
	}

	if n := len(ids(first(allChanges(t, c, time.Time{})))); n != 7 {
		t.Errorf("%d issues since ever", n)
	}
}

func first(all []connector.Object, _ int) []connector.Object { return all }

// Offsets are as good as times while nothing changes.
func TestChangesByOffset(t *testing.T) {
	f, c := start(t, nil)
	s := &shelf{t: t, stickyFirst: true}
	f.answer = s.answer
	f.routers = nil
	for id := int64(1); id <= 333; id++ {
		s.put(id, now.Add(time.Duration(id/2)*time.Second), func(i *stored) { i.Sticky = id%50 == 0 })
	}

	var all []connector.Object
	for more := true; more; {
		objects, next, err := c.Changes(t.Context(), now.Add(10*time.Second), len(all))
		if err != nil {
			t.Fatal(err)
		}

		all = append(all, objects...)
		more = next
	}

	if got := ids(all); len(all) != 314 || len(got) != 314 || !slices.Contains(got, 20) || slices.Contains(got, 19) {
		t.Errorf("%d issues, %d of them once", len(all), len(got))
	}
}

// A block of one time over several pages is walked through, sticky or not, and
// whatever the server does with sticky ones.
func TestChangesOfOneTime(t *testing.T) {
	for _, stickyFirst := range []bool{true, false} {
		for _, n := range []int64{1, 49, 50, 51, 52, 100, 101, 350} {
			f, c := start(t, nil)
			s := &shelf{t: t, stickyFirst: stickyFirst}
			f.answer = s.answer
			f.routers = nil
			for id := int64(1); id <= n; id++ {
				s.put(id, now, func(i *stored) { i.Sticky = id%7 == 0 })
			}

			for id := n + 1; id <= n+60; id++ {
				s.put(id, now.Add(-time.Hour), func(i *stored) { i.Sticky = id%9 == 0 })
				s.put(id+100, now.Add(time.Hour))
			}

			all, _ := allChanges(t, c, now)
			if got := ids(all); int64(len(got)) != n+60 {
				t.Errorf("sticky first %v: %d issues of %d", stickyFirst, len(got), n+60)
			}
		}
	}
}

// seeds is how many random histories are played.
func seeds() uint64 {
	if raceDetector {
		return 4
	}
	return 20
}

// Issues that change while they are walked through are met, in the end, as
// they are then; none is left out, wherever the list is shifted to.
func TestChangesWhileTheListMoves(t *testing.T) {
	for seed := range seeds() {
		random := rand.New(rand.NewPCG(seed, 1))
		f, c := start(t, nil)
		s := &shelf{t: t, stickyFirst: seed%2 == 0}
		f.answer = s.answer
		f.routers = nil
		const n = 400
		for id := int64(1); id <= n; id++ {
			s.put(id, now.Add(time.Duration(random.IntN(n/2))*time.Second), func(i *stored) { i.Sticky = random.IntN(40) == 0 })
		}

		clock := now.Add(time.Hour)
		moved := map[int64]bool{}
		s.between = func(int) {
			for range random.IntN(6) {
				id := 1 + random.Int64N(n)
				if len(moved) < n/2 { // a list that never rests has no end
					moved[id] = true
					clock = clock.Add(time.Second)
					s.put(id, clock)
				}
			}
		}

		all, _ := allChanges(t, c, time.Time{})
		last := map[int64]time.Time{}
		for _, o := range all {
			id, _ := strconv.ParseInt(o.Remote.Key, 10, 64)
			last[id] = o.UpdatedAt
		}

		for _, i := range s.issues {
			if at(last[i.ID]) != i.UpdatedAt {
				t.Errorf("seed %d: %d was changed at %s and last met as of %v", seed, i.ID, i.UpdatedAt, last[i.ID])
			}
		}
	}
}

// Deleted issues draw the list together; no other is left out.
func TestChangesWhileIssuesAreDeleted(t *testing.T) {
	for seed := range seeds() {
		random := rand.New(rand.NewPCG(seed, 2))
		f, c := start(t, nil)
		s := &shelf{t: t, stickyFirst: true}
		f.answer = s.answer
		f.routers = nil
		const n = 400
		for id := int64(1); id <= n; id++ {
			s.put(id, now.Add(time.Duration(id)*time.Second), func(i *stored) { i.Sticky = random.IntN(40) == 0 })
		}

		s.between = func(int) { s.remove(1 + random.Int64N(n)) }
		got := ids(first(allChanges(t, c, time.Time{})))
		for _, i := range s.issues {
			if !slices.Contains(got, i.ID) {
				t.Errorf("seed %d: %d was not met", seed, i.ID)
			}
		}
	}
}

// Ten thousand issues are listed a page at a time, in about one request a page.
func TestTenThousandChangesInFlatMemory(t *testing.T) {
	f, c := start(t, nil)
	f.routers = nil // checked above
	n := 10_000
	if raceDetector {
		n = 1000
	}

	var largest, asked, rows int
	f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		q := r.URL.Query()
		page, _ := strconv.Atoi(q.Get("page"))
		size, _ := strconv.Atoi(q.Get("page_size"))
		asked = asked + 1
		largest = max(largest, size)
		var list []stored
		for place := (page - 1) * size; place < min(page*size, n); place++ {
			i := issueOf(int64(n-place), 10, "")
			i.UpdatedAt, i.Description = at(now.Add(time.Duration(n-place)*time.Second)), strings.Repeat("text ", 400)
			list = append(list, i)
		}

		rows += len(list)
		reply(w, 200, nil, listOf(list...))
	}

	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	met := 0
	pages := 0
	held := uint64(0)
	for since := (time.Time{}); ; pages++ {
		objects, more, err := c.Changes(t.Context(), since, 0)
		if err != nil {
			t.Fatal(err)
		}

		met += len(objects)
		if pages%50 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&after)
			held = max(held, after.HeapAlloc-min(after.HeapAlloc, before.HeapAlloc))
		}

		if !more {
			break
		}

		since = objects[len(objects)-1].UpdatedAt
		f.take()
	}

	t.Logf("%d issues on %d pages with %d requests for %d rows, at most %d at once, %d KiB held", met, pages, asked, rows, largest, held>>10)
	if met < n || met > n+pages || asked > pages+60 || largest > 2*changesPage+2 || held > 8<<20 {
		t.Errorf("%d issues on %d pages with %d requests, pages of %d, %d bytes held", met, pages, asked, largest, held)
	}
}

func TestSmallestPage(t *testing.T) {
	for lo := range 20_000 {
		for _, n := range []int{1, 2, changesPage + 1} {
			size, page := smallestPage(lo, lo+n-1)
			if from := (page - 1) * size; from > lo || from+size < lo+n || size > 2*n+1 && size > 110 {
				t.Fatalf("smallestPage(%d, %d) = %d, %d", lo, lo+n-1, size, page)
			}
		}
	}
}

// codeOf is what an answer is that is not a list: the fake says JSON of objects
// alone.
func codeOf(body string) string {
	if strings.HasPrefix(body, "{") {
		return "answer_unreadable"
	}
	return "foreign_answer"
}

func TestListsAreNeverTakenByHalf(t *testing.T) {
	row := text(issueOf(1, 10, "[integrations:11/22/1]"))
	for name, body := range map[string]string{
		"cut": `{"issues":[` + row, "cut behind a comma": `{"issues":[` + row + ",", "not closed": `{"issues":[` + row + `]`, "two lists": `{"issues":[]}{"issues":[]}`,
		"twice": `{"issues":[],"issues":[` + row + `]}`, "none": `{}`, "list": "[" + row + "]", "empty": "", "null": "null", "a null for a list": `{"issues":null}`, "html": "<html>",
		"a null in it": `{"issues":[null]}`, "wrong type": `{"issues":[1]}`, "no number": `{"issues":[` + strings.Replace(row, `"id":1,`, ``, 1) + `]}`,
		"no time": `{"issues":[` + strings.Replace(row, `"updated_at"`, `"x"`, 1) + `]}`, "deep": `{"x":` + strings.Repeat("[", 200_000),
		"more than a page": listOf(slices.Repeat([]stored{issueOf(1, 10, "")}, 120)...),
	} {
		f, c := start(t, nil)
		f.answers(200, nil, body)
		objects, more, err := c.Changes(t.Context(), now, 0)
		if err == nil {
			t.Errorf("%s: %v", name, objects)
			continue
		}

		if e := failureOf(t, err); e.Class != failure.Retryable || e.Scope != failure.IntegrationScope || e.Code != codeOf(body) && e.Code != "provider_unavailable" || objects != nil || more {
			t.Errorf("%s: %v", name, e)
		}

		if found, err := c.Find(t.Context(), now, []connector.Marker{marker}); err == nil {
			t.Errorf("%s: found %v", name, found)
		}
	}
}

// A list that is never twice the same ends in an error, not in a gap.
func TestAListThatNeverRests(t *testing.T) {
	f, c := start(t, nil)
	f.routers = nil
	f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		if r.URL.Query().Get("select") == brief {
			i := issueOf(1, 10, "")
			i.UpdatedAt = at(now.Add(-time.Hour))
			reply(w, 200, nil, listOf(issueOf(2, 10, ""), i))
			return
		}

		size, _ := strconv.Atoi(r.URL.Query().Get("page_size"))
		reply(w, 200, nil, listOf(slices.Repeat([]stored{issueOf(3, 10, "")}, size)...))
	}

	_, _, err := c.Changes(t.Context(), now, 0)
	if e := failureOf(t, err); e.Code != "list_moves" || e.Class != failure.Retryable {
		t.Error(e)
	}

	if n := len(f.take()); n != 2*looks {
		t.Errorf("%d requests", n)
	}
}

// A server may tell all of an issue though little was asked for, and call every
// one sticky.
func TestStickyIssuesWithoutEnd(t *testing.T) {
	f, c := start(t, nil)
	i := issueOf(1, 10, "")
	i.Sticky, i.Description = true, strings.Repeat("x", 100_000)
	page := listOf(slices.Repeat([]stored{i}, changesPage)...)
	var held uint64
	f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		if r.URL.Query().Get("page") == "40" {
			runtime.GC()
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			held = now.HeapAlloc
		}

		reply(w, 200, nil, page)
	}

	_, _, err := c.Changes(t.Context(), now, 0)
	if e := failureOf(t, err); e.Code != "list_endless" || e.Class != failure.Final || e.Scope != failure.IntegrationScope {
		t.Error(e)
	}

	if n := len(f.take()); n != 40 {
		t.Errorf("%d requests", n)
	}

	if held > 80<<20 {
		t.Errorf("%d MB are held", held>>20)
	}
}

// What was seen tells a person's change from ours, whatever the line ends.
func TestSeen(t *testing.T) {
	f, c := start(t, nil)
	seen := func(change func(*stored)) connector.Seen {
		t.Helper()
		i := issueOf(7, 10, "")
		i.Description = "a\nb"
		change(&i)
		f.answers(200, nil, listOf(i))
		objects, _, err := c.Changes(t.Context(), now, 0)
		if err != nil || len(objects) != 1 {
			t.Fatal(objects, err)
		}

		return objects[0].Seen
	}

	i := issueOf(7, 10, "")
	i.Description = "a\nb"
	f.answers(201, nil, made(i))
	written, err := c.Create(t.Context(), connector.Content{Title: "T", Body: "a\nb"}, marker)
	if err != nil || written.Seen != seen(func(i *stored) { i.Description = "a\r\nb\r\n" }) || written.Seen != seen(func(i *stored) { i.Status["id"] = 50 }) {
		t.Errorf("%+v, %v", written.Seen, err)
	}

	for n, change := range []func(*stored){
		func(i *stored) { i.Summary = "U" }, func(i *stored) { i.Status["id"] = 80 }, func(i *stored) { i.Description = "a\nc" },
		func(i *stored) {
			i.Summary = "Ta"
			i.Description = "\nb"
		},
	} {
		if other := seen(change); other == written.Seen {
			t.Errorf("change %d is taken for our own", n)
		}
	}
}

func FuzzList(f *testing.F) {
	f.Add([]byte(listOf(issueOf(1, 10, "[integrations:11/22/1]"), issueOf(2, 90, ""))))
	f.Add([]byte(`{"issues":[{"id":"7","summary":"\ud800","status":{"id":80.5},"project":null},null],"x":[{}]}`))
	f.Add([]byte(`{"issues":[]}x`))
	c := New(Config{BaseURL: base}, nil, nil)
	f.Fuzz(func(t *testing.T, body []byte) {
		var got []issue
		if err := eachIssue(bytes.NewReader(body), func(i issue) { got = append(got, i) }); err != nil {
			return
		}

		for _, i := range got {
			o := c.issues.object(i, workflow{resolved: 80})
			if markup.Count(o.Title) > maxSummary || !utf8.ValidString(o.Title) || len(o.Seen.Text) != 32 || o.Seen.State != domain.Open && o.Seen.State != domain.Closed {
				t.Errorf("%+v", o)
			}

			if o.Marker != (connector.Marker{}) && (o.Marker.Integration <= 0 || o.Marker.Item <= 0) {
				t.Errorf("marker %+v", o.Marker)
			}
		}
	})
}
