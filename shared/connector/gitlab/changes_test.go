package gitlab

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/connector/paging"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/jsonstream"
	"example.com/integrations/shared/markup"
)

func TestChanges(t *testing.T) {
	f, c := start(t, Config{})
	f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		w.Header().Set("X-Next-Page", map[string]string{"1": "2"}[r.URL.Query().Get("page")])
		reply(w, 200, nil, "["+strings.Join([]string{
			issueJSON(1, "opened", "text\r\n\n"+markerText+"\n<!-- integrations:11/23/1 -->\n"+markerText),
			issueJSON(3, "closed", "<!-- integrations:11/9999999999999999999/3 -->", "title", strings.Repeat("é", 300), "confidential", true, "description", nil),
		}, ",")+"]")
	}

	objects, more, err := c.Changes(t.Context(), now.Add(-500500*time.Microsecond), 0)
	if err != nil || !more || len(objects) != 2 {
		t.Fatal(objects, more, err)
	}

	ours := objects[0]
	foreign := objects[1]
	pasted := connector.Marker{Integration: 11, Item: 23, Attempt: 1}
	if ours.Marker != marker || !slices.Equal(ours.Markers, []connector.Marker{marker, pasted}) || ours.Title != "T" || ours.Remote.Key != "1" || ours.Seen.State != domain.Open || !ours.UpdatedAt.Equal(now.Add(time.Second)) || !ours.CreatedAt.Equal(now.Add(time.Second)) {
		t.Errorf("%+v", ours)
	}

	if len(foreign.Markers) != 0 || foreign.Marker != (connector.Marker{}) || foreign.Seen.State != domain.Closed || foreign.Title != strings.Repeat("é", 255) {
		t.Errorf("%+v", foreign)
	}

	if _, more, err = c.Changes(t.Context(), time.Time{}, 100); err != nil || more {
		t.Error(more, err)
	}

	var asked []string
	for _, call := range f.take() {
		asked = append(asked, fmt.Sprint(call.path, call.query))
	}

	if want := []string{
		list + "map[order_by:[updated_at] page:[1] per_page:[100] scope:[all] sort:[asc] updated_after:[2026-11-23T09:59:59.499Z]]",
		list + "map[order_by:[updated_at] page:[2] per_page:[100] scope:[all] sort:[asc]]",
	}; fmt.Sprint(asked) != fmt.Sprint(want) {
		t.Errorf("asked %v", asked)
	}
}

func TestChangesNeverTakesHalfAList(t *testing.T) {
	whole := issueJSON(1, "opened", "")
	for name, body := range map[string]string{
		"cut": "[" + whole, "cut behind a comma": "[" + whole + ",", "two lists": "[" + whole + "][]", "object": whole, "empty": "", "html": "<html>", "a null in it": "[null]",
		"no id": "[" + issueJSON(1, "opened", "", "id", 0) + "]", "no number": "[" + issueJSON(1, "opened", "", "iid", nil) + "]",
		"no time": "[" + issueJSON(1, "opened", "", "updated_at", nil) + "]",
	} {
		f, c := start(t, Config{})
		f.answers(200, nil, body)
		objects, more, err := c.Changes(t.Context(), now, 0)
		if err == nil {
			t.Errorf("%s: %v", name, objects)
			continue
		}

		if e := failureOf(t, err); e.Class != failure.Retryable || e.Scope != failure.IntegrationScope || objects != nil || more {
			t.Errorf("%s: %v", name, e)
		}
	}
}

// GitLab gives the first 500 pages by their number, and those behind them by
// cursor; servers older than that know no cursor and no end of the numbers.
func TestChangesFarBehind(t *testing.T) {
	for _, old := range []string{"", "refuses", "ignores"} {
		f, c := start(t, Config{})
		const last = 503
		var asked []string
		f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
			q := r.URL.Query()
			page, _ := strconv.Atoi(q.Get("page"))
			header := http.Header{}
			switch {
			case q.Get("pagination") == "keyset" && old == "refuses":
				asked = append(asked, "refused")
				reply(w, 405, nil, `{"error":"Keyset pagination is not yet available for this type of request"}`)
				return
			case q.Get("pagination") == "keyset" && old == "ignores":
				asked = append(asked, "ignored")
				header.Set("X-Next-Page", "2")
				reply(w, 200, header, "["+hundred(1)+"]")
				return

			case q.Get("pagination") == "keyset":
				page = 1
				_, _ = fmt.Sscanf(q.Get("cursor"), "behind%d", &page)
				asked = append(asked, "c"+fmt.Sprint(page))
				if page < last {
					header.Set("Link", fmt.Sprintf(`<http://internal/x?cursor=behind%d&pagination=keyset>; rel="next"`, page+1))
				}

			case page > 500 && old == "":
				reply(w, 405, nil, `{"error":"Offset pagination has a maximum allowed offset of 50000"}`)
				return
			default:
				asked = append(asked, fmt.Sprint(page))
				header.Set("X-Next-Page", map[bool]string{true: fmt.Sprint(page + 1)}[page < last])
			}

			if header.Get("Link") == "" && header.Get("X-Next-Page") == "" {
				header.Set("Link", `<http://internal/x>; rel="first"`)
			}

			reply(w, 200, header, "["+hundred(page)+"]")
		}
		for _, tt := range []struct {
			since  time.Time
			offset int
			want   string
		}{
			{now, 49_900, "1 by 500"}, {now, 50_000, "501 by c501"}, {now, 50_100, "1 by c502"}, {now, 50_200, "1 by c503"}, // as GitLab led
			{now, 50_150, "502 by c502"},
			{now.Add(time.Second), 50_200, "503 by c503"}, // the cursor was of another list
			{now, 50_300, "503 by c503"},
		} {
			want := tt.want
			if old != "" && tt.offset >= 50_000 {
				want = fmt.Sprintf("2 by %d", tt.offset/100+1)
			}

			asked = nil
			objects, more, err := c.Changes(t.Context(), tt.since, tt.offset)
			if err != nil || more != (tt.offset < 50_200) {
				t.Fatalf("%s from %d: more %v, %v", old, tt.offset, more, err)
			}

			if got := fmt.Sprintf("%d by %s", len(asked), asked[len(asked)-1]); got != want {
				t.Errorf("%s from %d: asked %s, want %s", old, tt.offset, got, want)
			}

			if tt.offset < 50_300 && (len(objects) != 100-tt.offset%100 || objects[0].Remote.Key != fmt.Sprint(tt.offset+1)) {
				t.Errorf("%s from %d: %d objects", old, tt.offset, len(objects))
			}
		}
	}
}

// hundred are the issues of a page.
func hundred(page int) string {
	issues := make([]string, 100)
	for i := range issues {
		iid := (page-1)*100 + i + 1
		issues[i] = fmt.Sprintf(`{"id":%d,"iid":%d,"state":"opened","created_at":%q,"updated_at":%q}`, iid, iid, now.Format(stamp), now.Format(stamp))
	}
	return strings.Join(issues, ",")
}

// A hundred issues may be more than is read at once: then fewer are asked for,
// and page numbers mean what they meant.
func TestChangesWithHugeIssues(t *testing.T) {
	f, c := start(t, Config{})
	c.lists.maxBody = 80_000
	const all, block = 150, 120 // the first 120 have one time
	var most int
	f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		q := r.URL.Query()
		page, _ := strconv.Atoi(q.Get("page"))
		size, _ := strconv.Atoi(q.Get("per_page"))
		since, _ := time.Parse(time.RFC3339, q.Get("updated_after"))
		var left []string
		for i := range all {
			at := now.Add(time.Duration(max(0, i-block+1)) * time.Second)
			if !at.Before(since) {
				left = append(left, issueJSON(i+1, "opened", strings.Repeat("x", 3_000), "updated_at", at.Format(stamp)))
			}
		}

		from := min((page-1)*size, len(left))
		to := min(page*size, len(left))
		w.Header().Set("X-Next-Page", map[bool]string{true: "n"}[to < len(left)])
		reply(w, 200, nil, "["+strings.Join(left[from:to], ",")+"]")
		most = max(most, size)
	}

	since := now
	offset := 0
	seen := map[string]bool{}
	for calls := 0; ; calls++ {
		objects, more, err := c.Changes(t.Context(), since, offset)
		if err != nil || calls > 20 {
			t.Fatal(calls, err)
		}

		for _, o := range objects {
			seen[o.Remote.Key] = true
		}

		if !more {
			break
		}

		if newest := objects[len(objects)-1].UpdatedAt; newest.After(since) { // as the engine goes on
			since = newest
			offset = 0
		} else {
			offset += len(objects)
		}
	}

	if len(seen) != all || most != 100 {
		t.Errorf("%d of %d seen, pages of %d", len(seen), all, most)
	}
}

// A single issue too large to be read is an error, not a list without it.
func TestChangesWithAnImpossibleIssue(t *testing.T) {
	f, c := start(t, Config{})
	c.lists.maxBody = 80_000
	f.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		reply(w, 200, nil, "["+issueJSON(1, "opened", strings.Repeat("x", 80_000))+"]")
	}
	_, _, err := c.Changes(t.Context(), now, 0)
	var e *failure.Error
	if !errors.As(err, &e) || e.Code != "answer_too_large" {
		t.Error(err)
	}

	if calls := f.take(); len(calls) != 5 {
		t.Errorf("%d calls", len(calls))
	}
}

// The longest description there can be has room in a page of its own.
func TestAPageHoldsTheLongestIssue(t *testing.T) {
	for _, character := range []string{"<", "👩", "\x01", "\u2028"} { // GitLab escapes < and \u2028 as well
		longest := int64(maxBody * max(len(character), len(`\u003c`)))
		if longest+64<<10 > paging.MaxBody {
			t.Errorf("%q: %d bytes", character, longest)
		}
	}
}

func FuzzList(f *testing.F) {
	f.Add([]byte("[" + issueJSON(1, "opened", "x\n\n"+markerText) + "," + issueJSON(2, "closed", "", "moved_to_id", 3) + "]"))
	f.Add([]byte(`[{"title":"\ud800","labels":["x",{"name":1}]},null]`))
	f.Add([]byte("[]x"))
	f.Fuzz(func(t *testing.T, list []byte) {
		var got []issue
		err := jsonstream.Each(bytes.NewReader(list), func(i issue) { got = append(got, i) })
		var want []issue
		if wanted := json.Unmarshal(list, &want) == nil && want != nil; wanted != (err == nil) || wanted && len(got) != len(want) {
			t.Fatalf("%d issues, %v; want %d, %v", len(got), err, len(want), wanted)
		}

		for _, i := range got {
			o := i.object()
			if markup.Count(o.Title) > maxTitle || !utf8.ValidString(o.Title) || len(o.Seen.Text) != 32 || o.Seen.State != domain.Open && o.Seen.State != domain.Closed {
				t.Errorf("%+v", o)
			}

			if o.Marker != (connector.Marker{}) && (o.Marker.Integration <= 0 || o.Marker.Item <= 0) {
				t.Errorf("marker %+v", o.Marker)
			}
		}
	})
}

// What was seen tells a person's change from ours, whatever the line ends.
func TestSeen(t *testing.T) {
	f, c := start(t, Config{})
	seen := func(title, state, body string) connector.Seen {
		t.Helper()
		f.answers(200, nil, "["+issueJSON(7, state, body, "title", title)+"]")
		objects, _, err := c.Changes(t.Context(), now, 0)
		if err != nil || len(objects) != 1 {
			t.Fatal(objects, err)
		}

		return objects[0].Seen
	}

	f.answers(201, nil, issueJSON(7, "opened", "a\nb"))
	written, err := c.Create(t.Context(), connector.Content{Title: "T", Body: "a"}, marker)
	if err != nil || written.Seen != seen("T", "opened", "a\r\nb") {
		t.Errorf("line ends count: %+v, %v", written.Seen, err)
	}

	for _, other := range []connector.Seen{seen("U", "opened", "a\nb"), seen("T", "closed", "a\nb"), seen("T", "opened", "a\nc"), seen("Ta", "opened", "\nb")} {
		if other == written.Seen {
			t.Errorf("%+v is taken for our own", other)
		}
	}
}
