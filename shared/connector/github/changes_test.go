package github

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"integrations/shared/connector"
	"integrations/shared/domain"
)

// changedJSON is an issue as a list of changes has it.
func changedJSON(number int, title, state, body string, updated time.Time, members ...string) string {
	var members1 map[string]any
	if err := json.Unmarshal([]byte(issueJSON(number, state, body)), &members1); err != nil {
		panic(err)
	}
	members1["title"], members1["updated_at"] = title, updated
	for _, m := range members {
		members1[m] = map[string]any{}
	}
	b, _ := json.Marshal(members1)
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
			changedJSON(1, "Ours", "open", "text\r\n\n<!-- integrations:11/22/3 -->", now),
			changedJSON(2, "A pull request", "open", "", now, "pull_request"),
			changedJSON(3, strings.Repeat("é", 300), "closed", "", now.Add(time.Second)),
		}, ",")+"]")
	}
	objects, more, err := c.Changes(t.Context(), now.Add(-500*time.Millisecond), 1)
	if err != nil || !more || len(objects) != 2 {
		t.Fatal(objects, more, err)
	}
	ours, foreign := objects[0], objects[1]
	if ours.Marker != marker || ours.Title != "Ours" || ours.Remote.Key != "1" || ours.Seen.State != domain.Open || !ours.UpdatedAt.Equal(now) || !ours.CreatedAt.Equal(now.Add(time.Second)) {
		t.Errorf("%+v", ours)
	}
	if foreign.Marker != (connector.Marker{}) || foreign.Seen.State != domain.Closed || foreign.Title != strings.Repeat("é", 256) {
		t.Errorf("%+v", foreign)
	}
	if _, more, err = c.Changes(t.Context(), time.Time{}, 2); err != nil || more {
		t.Error(more, err)
	}
	if want := []string{
		"direction=asc&page=1&per_page=100&since=2026-11-23T09%3A59%3A59Z&sort=updated&state=all",
		"direction=asc&page=2&per_page=100&sort=updated&state=all",
	}; fmt.Sprint(asked) != fmt.Sprint(want) {
		t.Errorf("asked %v", asked)
	}
	f.answers(200, nil, "[")
	_, _, err = c.Changes(t.Context(), now, 1)
	if e := failure(t, err); e.Class != connector.Retryable {
		t.Errorf("half a list: %v", e)
	}
}

// What was seen tells a person's change from ours, whatever the line ends.
func TestSeen(t *testing.T) {
	f, c := start(t, Config{})
	seen := func(title, state, body string) connector.Seen {
		t.Helper()
		f.answers(200, nil, "["+changedJSON(7, title, state, body, now)+"]")
		objects, _, err := c.Changes(t.Context(), now, 1)
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
