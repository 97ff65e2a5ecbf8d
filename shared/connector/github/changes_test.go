package github

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/jsonstream"
	"example.com/integrations/shared/markup"
)

var (
	_ connector.Finder = (*Connector)(nil)
	_ connector.Puller = (*Connector)(nil)
)

// changedJSON is an issue as a list of changes has it.
func changedJSON(number int, title, state, body string, updated time.Time, members ...string) string {
	var all map[string]any
	if err := json.Unmarshal([]byte(issueJSON(number, state, body)), &all); err != nil {
		panic(err)
	}

	all["title"] = title
	all["updated_at"] = updated
	for _, m := range members {
		all[m] = map[string]any{}
	}

	b, _ := json.Marshal(all)

	return string(b)
}

func TestChanges(t *testing.T) {
	f, c := start(t, Config{})
	var asked []string
	f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		asked = append(asked, r.URL.RawQuery)
		header := http.Header{}
		if r.URL.Query().Get("page") == "1" {
			header.Set("Link", `<`+base+`/repositories/9/issues?page=2>; rel="next"`)
		}

		reply(w, 200, header, "["+strings.Join([]string{
			changedJSON(1, "Ours", "open", "text\r\n\n"+markerText+"\n<!-- integrations:11/23/1 -->\n"+markerText, now),
			changedJSON(2, "A pull request", "open", "", now, "pull_request"),
			changedJSON(3, strings.Repeat("é", 300), "closed", "<!-- integrations:11/9999999999999999999/3 -->", now.Add(time.Second)),
		}, ",")+"]")
	}

	objects, more, err := c.Changes(t.Context(), now.Add(-500*time.Millisecond), 0)
	if err != nil || !more || len(objects) != 3 {
		t.Fatal(objects, more, err)
	}

	ours := objects[0]
	other := objects[1]
	foreign := objects[2]
	if !reflect.DeepEqual(other, connector.Object{Ignored: true, UpdatedAt: now}) {
		t.Errorf("%+v", other)
	}

	pasted := connector.Marker{Integration: 11, Item: 23, Attempt: 1}
	if ours.Marker != marker || !slices.Equal(ours.Markers, []connector.Marker{marker, pasted}) || ours.Title != "Ours" || ours.Remote.Key != "1" || ours.Seen.State != domain.Open || !ours.UpdatedAt.Equal(now) || !ours.CreatedAt.Equal(now.Add(time.Second)) {
		t.Errorf("%+v", ours)
	}

	if len(foreign.Markers) != 0 || foreign.Marker != (connector.Marker{}) || foreign.Seen.State != domain.Closed || foreign.Title != strings.Repeat("é", 256) {
		t.Errorf("%+v", foreign)
	}

	if _, more, err = c.Changes(t.Context(), time.Time{}, 100); err != nil || more {
		t.Error(more, err)
	}

	if want := []string{
		"direction=asc&page=1&per_page=100&since=2026-11-23T09%3A59%3A59Z&sort=updated&state=all",
		"direction=asc&page=2&per_page=100&sort=updated&state=all",
	}; fmt.Sprint(asked) != fmt.Sprint(want) {
		t.Errorf("asked %v", asked)
	}
}

func TestChangesNeverTakesHalfAList(t *testing.T) {
	whole := changedJSON(1, "T", "open", "", now)
	for name, body := range map[string]string{
		"cut": "[" + whole, "cut behind a comma": "[" + whole + ",", "two lists": "[" + whole + "][]", "object": whole, "empty": "", "html": "<html>", "a null in it": "[null]",
		"no id": "[" + strings.Replace(whole, `"id":9001`, `"id":0`, 1) + "]", "no number": "[" + strings.Replace(whole, `"number":1`, `"number":0`, 1) + "]",
		"no time": "[" + issueJSON(1, "open", "") + "]", "a pull request without": "[" + changedJSON(0, "T", "open", "", now, "pull_request") + "]",
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

// GitHub gives the first 9,999 issues by the number of their page, and those
// behind them only to callers that follow its links.
func TestChangesFarBehind(t *testing.T) {
	f, c := start(t, Config{})
	const last = 102
	var asked []string
	f.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) {
		q := r.URL.Query()
		page := 0
		_, _ = fmt.Sscan(q.Get("page"), &page)
		asked = append(asked, q.Get("page")+q.Get("after"))
		if page > 99 && q.Get("after") == "" {
			reply(w, 422, nil, `{"message":"Pagination with the page parameter is not supported for large datasets, please use cursor based pagination (after/before)"}`)
			return
		}

		header := http.Header{}
		if page < last {
			q.Set("page", fmt.Sprint(page+1))
			q.Set("after", "x")
			header.Set("Link", `<`+base+`/repos/acme/tracker/issues?`+q.Encode()+`>; rel="next"`)
		}

		issues := make([]string, 100)
		for i := range issues {
			issues[i] = changedJSON((page-1)*100+i+1, "T", "open", "", now)
		}

		reply(w, 200, header, "["+strings.Join(issues, ",")+"]")
	}
	for _, tt := range []struct {
		since  time.Time
		offset int
		asked  string
	}{
		{now, 9_700, "[98]"}, {now, 9_800, "[99x]"}, {now, 9_900, "[100x]"}, {now, 10_000, "[101x]"}, // as GitHub led
		{now, 10_000, "[99 100x 101x]"}, {now, 10_100, "[102x]"}, // again: the link was for another place
		{now, 10_200, "[99 100x 101x 102x]"},                        // nor is there one on from the last page
		{now, 9_700, "[98]"}, {now.Add(time.Second), 9_800, "[99]"}, // the link was of another list
		{time.Time{}, 9_950, "[99 100x]"},
	} {
		asked = nil
		objects, more, err := c.Changes(t.Context(), tt.since, tt.offset)
		if err != nil || fmt.Sprint(asked) != tt.asked || more != (tt.offset < 10_100) {
			t.Fatalf("from %d: asked %v, want %s: more %v, %v", tt.offset, asked, tt.asked, more, err)
		}

		if want := min(100-tt.offset%100, last*100-tt.offset); len(objects) != want || want > 0 && objects[0].Remote.Key != fmt.Sprint(tt.offset+1) {
			t.Errorf("from %d: %d objects", tt.offset, len(objects))
		}
	}
}

func FuzzList(f *testing.F) {
	f.Add([]byte("[" + changedJSON(1, "T", "open", "x\n\n"+markerText, now) + "," + changedJSON(2, "T", "closed", "", now, "pull_request") + "]"))
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
		f.answers(200, nil, "["+changedJSON(7, title, state, body, now)+"]")
		objects, _, err := c.Changes(t.Context(), now, 0)
		if err != nil || len(objects) != 1 {
			t.Fatal(objects, err)
		}

		return objects[0].Seen
	}

	f.answers(201, nil, changedJSON(7, "T", "open", "a\nb", now))
	written, err := c.Create(t.Context(), connector.Content{Title: "T", Body: "a"}, marker)
	if err != nil || written.Seen != seen("T", "open", "a\r\nb") {
		t.Errorf("line ends count: %+v, %v", written.Seen, err)
	}

	for _, other := range []connector.Seen{seen("U", "open", "a\nb"), seen("T", "closed", "a\nb"), seen("T", "open", "a\nc"), seen("Ta", "open", "\nb")} {
		if other == written.Seen {
			t.Errorf("%+v is taken for our own", other)
		}
	}
}

// An issue that a person closed while we wrote the text counts as open for us
// still, so that the next pull notices.
func TestUpdateDoesNotSwallowAChangeOfState(t *testing.T) {
	for _, tt := range []struct {
		sent    connector.Sent
		content domain.ItemState
		answer  string
		want    domain.ItemState
	}{
		{connector.Sent{State: domain.Open, Seen: connector.Seen{State: domain.Open}}, domain.Open, "closed", domain.Open},
		{connector.Sent{State: domain.Open, Seen: connector.Seen{State: domain.Closed}}, domain.Open, "closed", domain.Closed},
		{connector.Sent{State: domain.Open}, domain.Open, "closed", domain.Open},
		{connector.Sent{State: domain.Open, Seen: connector.Seen{State: domain.Open}}, domain.Closed, "closed", domain.Closed},
		{connector.Sent{Seen: connector.Seen{State: domain.Open}}, domain.Closed, "closed", domain.Closed}, // in doubt: the state is sent
	} {
		f, c := start(t, Config{})
		f.answers(200, nil, issueJSON(7, tt.answer, ""))
		tt.sent.Remote.Key = "7"
		got, err := c.Update(t.Context(), tt.sent, connector.Content{Title: "T", State: tt.content}, marker)
		if err != nil || got.Seen.State != tt.want {
			t.Errorf("%+v, %v, want %s", got.Seen, err, tt.want)
		}
	}
}
