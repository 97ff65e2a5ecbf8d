package gitlab

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.com/integrations/local/providers/tracker"
	"example.com/integrations/shared/connector"
	product "example.com/integrations/shared/connector/gitlab"
	"example.com/integrations/shared/domain"
)

// resolve finds out which place a connector's configuration leads to.
func resolve(t *testing.T, c connector.Connector) connector.Place {
	t.Helper()
	resolver, is := c.(connector.Resolver)
	if !is {
		t.Fatal("the connector is no Resolver")
	}

	place, err := resolver.Resolve(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	return place
}

// at is a connector whose configuration spells a project so.
func (d double) at(now func() time.Time, project string) *product.Connector {
	return d.connect(now, func(c *product.Config) { c.Project = project })
}

// A moved project answers as find_project! of gitlabhq does: reads at the old
// path are sent on to the number, every other method is refused with 405.
func TestMovedProjectAnswersAsGitLab(t *testing.T) {
	d := start(t, nil)
	d.create(`{"title":"one"}`)
	id := d.ID("acme/sub/work")
	if err := d.Rename("acme/sub/work", "acme/labour"); err != nil {
		t.Fatal(err)
	}

	const old = "/gitlab/api/v4/projects/ACME%2Fsub%2Fwork"
	byID := fmt.Sprintf("/gitlab/api/v4/projects/%d", id)
	for _, test := range []struct {
		method, path, body string
		status             int
		to                 string
	}{
		{"GET", old, "", 301, byID},
		{"GET", old + "/issues?state=all", "", 301, byID + "/issues?state=all"},
		{"GET", old + "/issues/1", "", 301, byID + "/issues/1"},
		{"POST", old + "/issues", `{"title":"two"}`, 405, ""},
		{"PUT", old + "/issues/1", `{"title":"two"}`, 405, ""},
		{"DELETE", old + "/issues/1", "", 405, ""},
	} {
		answer := d.send(test.method, test.path, test.body)
		if answer.status != test.status || !strings.HasSuffix(answer.header.Get("Location"), test.to) {
			t.Errorf("%s %s: %d to %s: %s", test.method, test.path, answer.status, answer.header.Get("Location"), answer.text)
		}

		if answer.status == 405 && answer.text != `{"message":"Non GET methods are not allowed for moved projects"}` {
			t.Errorf("%s %s: %s", test.method, test.path, answer.text)
		}
	}

	answer := d.send("GET", byID, "")
	if answer.status != 200 || !strings.Contains(answer.text, `"path_with_namespace":"acme/labour"`) {
		t.Errorf("by number: %d %s", answer.status, answer.text)
	}

	d.do(200, "PUT", byID+"/issues/1", `{"title":"three"}`)
	d.noViolations()
}

// Paths lead where they led before, after the fake server was opened anew.
func TestPlacesSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	d := start(t, func(c *Config) { c.Dir = dir })
	d.create(`{"title":"one"}`)
	id := d.ID("acme/sub/work")
	for _, err := range []error{d.Rename("acme/sub/work", "acme/labour"), d.Recreate("acme/public")} {
		if err != nil {
			t.Fatal(err)
		}
	}

	d.do(201, "POST", "/gitlab/api/v4/projects/acme%2Flabour/issues", `{"title":"two"}`)
	recreated := d.ID("acme/public")

	again := start(t, func(c *Config) { c.Dir = dir })
	if again.ID("acme/labour") != id || again.ID("acme/sub/work") != 0 || again.ID("acme/public") != recreated || recreated == identify("acme/public") {
		t.Errorf("labour %d of %d, public %d of %d", again.ID("acme/labour"), id, again.ID("acme/public"), recreated)
	}

	if n := len(again.snapshot(again.find("acme/labour"))); n != 2 {
		t.Errorf("%d issues", n)
	}
}

// A1: path, number, another case, the old path and the new one are the same
// place. A project that was deleted and made again is another.
func TestSamePlaceHoweverItIsSpelled(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) { c.Now = clock.now })
	id := fmt.Sprint(d.ID("acme/sub/work"))
	first := resolve(t, d.at(clock.now, "acme/sub/work"))
	want := connector.Place{Instance: "example.com", ID: id, Created: "2026-01-01T00:00:00Z", Name: "acme/sub/Work", URL: "https://example.com/gitlab/acme/sub/Work"}
	if first != want {
		t.Errorf("got %+v, want %+v", first, want)
	}

	for _, spelling := range []string{id, "ACME/Sub/work", "acme/old"} {
		if place := resolve(t, d.at(clock.now, spelling)); place != first {
			t.Errorf("%s is %+v", spelling, place)
		}
	}

	if err := d.Rename("acme/sub/work", "other/labour"); err != nil {
		t.Fatal(err)
	}

	clock.pass(time.Hour)
	for _, spelling := range []string{id, "acme/sub/work", "ACME/Sub/work", "other/labour", "Other/LABOUR"} {
		place := resolve(t, d.at(clock.now, spelling))
		if place.Key(domain.GitLab) != first.Key(domain.GitLab) || place.Name != "other/labour" || place.URL != "https://example.com/gitlab/other/labour" {
			t.Errorf("%s is %+v", spelling, place)
		}
	}

	if err := d.Recreate("other/labour"); err != nil {
		t.Fatal(err)
	}

	if place := resolve(t, d.at(clock.now, "other/labour")); place.Key(domain.GitLab) == first.Key(domain.GitLab) {
		t.Errorf("made again, it is %+v", place)
	}

	for _, gone := range []string{id, "acme/sub/work", "acme/old"} {
		if _, err := any(d.at(clock.now, gone)).(connector.Resolver).Resolve(t.Context()); failureOf(t, err).Code != "target_not_found" {
			t.Errorf("%s of a deleted project: %v", gone, err)
		}
	}

	d.noViolations()
}

// A path that a moved project had, and that a new project has now, leads to the
// new one: another place.
func TestAnOldPathIsTaken(t *testing.T) {
	d := start(t, nil)
	before := resolve(t, d.at(nil, "acme/sub/work"))
	for _, err := range []error{d.Rename("acme/sub/work", "acme/labour"), d.Recreate("acme/sub/work")} {
		if err != nil {
			t.Fatal(err)
		}
	}

	taken := resolve(t, d.at(nil, "acme/sub/work"))
	moved := resolve(t, d.at(nil, "acme/labour"))
	if taken.Key(domain.GitLab) == before.Key(domain.GitLab) || moved.Key(domain.GitLab) != before.Key(domain.GitLab) {
		t.Errorf("before %+v, taken %+v, moved %+v", before, taken, moved)
	}
}

// A3: a project is moved while it is in use. Its number is known, so that is
// not even noticed, and nothing is made twice.
func TestAMovedProjectGoesOn(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) { c.Now = clock.now })
	c := d.at(clock.now, "acme/sub/work")
	place := resolve(t, c)
	content := connector.Content{Title: "Ours", Body: "text", Labels: []string{"one"}, State: domain.Open}
	written, err := c.Create(t.Context(), content, marker)
	if err != nil {
		t.Fatal(err)
	}

	if err := d.Rename("acme/sub/work", "other/labour"); err != nil {
		t.Fatal(err)
	}

	content.Title = "Changed"
	content.State = domain.Closed
	closed, err := c.Update(t.Context(), connector.Sent{Remote: written.Remote, Labels: content.Labels, State: domain.Open, Seen: written.Seen}, content, marker)
	if err != nil || closed.Remote.State != domain.Closed || !strings.HasPrefix(closed.Remote.URL, "https://example.com/gitlab/other/labour/") {
		t.Errorf("update and close: %+v, %v", closed, err)
	}

	second := connector.Marker{Integration: 1, Item: 3, Attempt: 1}
	made, err := c.Create(t.Context(), content, second)
	if err != nil {
		t.Fatal(err)
	}

	all, _ := d.changes(c, time.Time{})
	found, err := c.Find(t.Context(), clock.now().Add(-time.Hour), []connector.Marker{second})
	if err != nil || len(all) != 2 || found[3].Remote.ID != made.Remote.ID {
		t.Errorf("%d issues, found %+v, %v", len(all), found, err)
	}

	checks, err := c.Check(t.Context())
	if err != nil || checks[2].String() != "target=ok" {
		t.Errorf("checked: %v, %v", checks, err)
	}

	for _, w := range d.Writes() {
		if w.Status >= 300 || !strings.HasPrefix(w.Path, "/gitlab/api/v4/projects/"+place.ID+"/") {
			t.Errorf("a write met the move: %s %s %d", w.Method, w.Path, w.Status)
		}
	}

	d.noViolations()
}

// A place that was resolved before is used without a call.
func TestAStoredPlaceIsUsed(t *testing.T) {
	d := start(t, nil)
	place := resolve(t, d.at(nil, "acme/sub/work"))
	if err := d.Rename("acme/sub/work", "acme/labour"); err != nil {
		t.Fatal(err)
	}

	c := d.at(nil, "acme/sub/work")
	any(c).(connector.Resolver).Use(place)
	if _, err := c.Create(t.Context(), connector.Content{Title: "x"}, marker); err != nil {
		t.Error(err)
	}

	if writes := d.Writes(); len(writes) != 1 || writes[0].Path != "/gitlab/api/v4/projects/"+place.ID+"/issues" {
		t.Errorf("%+v", writes)
	}
}

// A person renames and recreates by the page and by JSON.
func TestAPersonRenames(t *testing.T) {
	d := start(t, nil)
	id := d.ID("acme/sub/work")
	post := func(order tracker.Order) int {
		t.Helper()
		body, _ := json.Marshal(order)
		response, err := http.Post(d.page+"/_/places", "application/json", strings.NewReader(string(body)))
		if err != nil {
			t.Fatal(err)
		}

		response.Body.Close()

		return response.StatusCode
	}
	if got := post(tracker.Order{Do: "rename", Place: "acme/sub/work", To: "acme/new/labour"}); got != 200 || d.ID("acme/new/labour") != id {
		t.Errorf("rename: %d", got)
	}

	form, err := http.PostForm(d.page+"/_/places", url.Values{"do": {"recreate"}, "place": {"acme/new/labour"}, "to": {"acme/new/labour"}})
	if err != nil {
		t.Fatal(err)
	}

	form.Body.Close()
	if form.StatusCode != 200 || d.ID("acme/new/labour") == id {
		t.Errorf("recreate: %d", form.StatusCode)
	}

	for _, bad := range []tracker.Order{
		{}, {Do: "rename", Place: "acme/nothing", To: "a/b"}, {Do: "rename", Place: "acme/public", To: "a"}, {Do: "rename", Place: "acme/public", To: "a/.."},
		{Do: "rename", Place: "acme/public", To: "a/-/b"}, {Do: "rename", Place: "acme/public", To: "acme/locked"}, {Do: "delete", Place: "acme/public"},
	} {
		if got := post(bad); got != 400 {
			t.Errorf("%+v: %d", bad, got)
		}
	}
}
