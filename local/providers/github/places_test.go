package github

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"example.com/integrations/local/providers/tracker"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	product "example.com/integrations/shared/connector/github"
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

// at is a connector whose configuration spells a repository so.
func (d double) at(now func() time.Time, fullName string) *product.Connector {
	owner, repo, _ := strings.Cut(fullName, "/")

	return d.connect(now, func(c *product.Config) {
		c.Owner = owner
		c.Repo = repo
	})
}

// A renamed repository answers as recorded in npm @octokit/fixtures, scenario
// rename-repository: 301 for a read of the old name, 307 for a write, and the
// new name behind the address by id.
func TestRenamedRepositoryAnswersAsRecorded(t *testing.T) {
	d := start(t, nil)
	d.create(`{"title":"one"}`)
	id := d.ID("acme", "work")
	if err := d.Rename("acme", "work", "acme", "Labour"); err != nil {
		t.Fatal(err)
	}

	byID := fmt.Sprintf("%s/repositories/%d", d.url, id)
	for _, test := range []struct {
		method, path, body string
		status             int
		to                 string
	}{
		{"GET", "/repos/acme/work", "", 301, ""},
		{"GET", "/repos/ACME/WORK/issues?state=all", "", 301, "/issues?state=all"},
		{"GET", "/repos/acme/work/issues/1", "", 301, "/issues/1"},
		{"POST", "/repos/acme/work/issues", `{"title":"two"}`, 307, "/issues"},
		{"PATCH", "/repos/acme/work/issues/1", `{"title":"two"}`, 307, "/issues/1"},
	} {
		answer := d.noFollow(test.method, test.path, test.body)
		var said struct{ Message, URL string }
		answer.into(t, &said)
		if answer.status != test.status || answer.header.Get("Location") != byID+test.to || said.URL != byID+test.to || said.Message != "Moved Permanently" {
			t.Errorf("%s %s: %d to %s: %s", test.method, test.path, answer.status, answer.header.Get("Location"), answer.text)
		}
	}

	if answer := d.send("GET", byID, ""); answer.status != 200 || !strings.Contains(answer.text, `"full_name":"acme/Labour"`) {
		t.Errorf("by id: %d %s", answer.status, answer.text)
	}

	if answer := d.send("PATCH", byID+"/issues/1", `{"title":"three"}`); answer.status != 200 || !strings.Contains(answer.text, `/acme/Labour/issues/1"`) {
		t.Errorf("a write by id: %d %s", answer.status, answer.text)
	}

	if answer := d.noFollow("GET", "/repos/acme/work", "", "Authorization", "Bearer nobody"); answer.status != 401 {
		t.Errorf("without a token: %d", answer.status)
	}

	d.noViolations()
}

// noFollow makes a request and gives the redirect itself.
func (d double) noFollow(method, path, body string, headers ...string) reply {
	d.t.Helper()
	request, err := http.NewRequestWithContext(d.t.Context(), method, d.url+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}

	request.Header = http.Header{"Authorization": {"Bearer " + ours}, "User-Agent": {"integrations"}, "Content-Type": {"application/json"}}
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}

	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		d.t.Fatal(err)
	}

	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		d.t.Fatal(err)
	}

	return reply{response.StatusCode, response.Header, string(text)}
}

// Names lead where they led before, after the fake server was opened anew.
func TestPlacesSurviveARestart(t *testing.T) {
	dir := t.TempDir()
	d := start(t, func(c *Config) { c.Dir = dir })
	d.create(`{"title":"one"}`)
	id := d.ID("acme", "work")
	for _, err := range []error{
		d.Rename("acme", "work", "acme", "labour"), d.Recreate("acme", "public"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}

	d.send("POST", "/repos/acme/labour/issues", `{"title":"two"}`)
	recreated := d.ID("acme", "public")

	again := start(t, func(c *Config) { c.Dir = dir })
	if again.ID("acme", "labour") != id || again.ID("acme", "work") != 0 || again.ID("acme", "public") != recreated || recreated == identify("acme/public") {
		t.Errorf("labour %d of %d, public %d of %d", again.ID("acme", "labour"), id, again.ID("acme", "public"), recreated)
	}

	if n := len(again.snapshot(again.find("acme", "labour"), "")); n != 2 {
		t.Errorf("%d issues", n)
	}
}

// A1, A2, A4: however a repository is spelled, and whatever it is called by now,
// it is the same place. A repository that was deleted and made again is another.
func TestSamePlaceHoweverItIsSpelled(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) { c.Now = clock.now })
	first := resolve(t, d.at(clock.now, "acme/work"))
	want := connector.Place{
		Instance: "github.com", ID: fmt.Sprint(d.ID("acme", "work")), Created: "2026-01-01T00:00:00Z",
		Name: "acme/Work", URL: "https://github.com/acme/Work", ByName: true,
	}
	if first != want {
		t.Errorf("got %+v, want %+v", first, want)
	}

	if err := d.Rename("acme", "work", "other", "labour"); err != nil {
		t.Fatal(err)
	}

	clock.pass(time.Hour)
	for _, spelling := range []string{"acme/work", "ACME/Work", "other/labour", "Other/LABOUR"} {
		place := resolve(t, d.at(clock.now, spelling))
		if place.Key(domain.GitHub) != first.Key(domain.GitHub) || place.Name != "other/labour" || place.URL != "https://github.com/other/labour" {
			t.Errorf("%s is %+v", spelling, place)
		}
	}

	if err := d.Recreate("other", "labour"); err != nil {
		t.Fatal(err)
	}

	if place := resolve(t, d.at(clock.now, "other/labour")); place.Key(domain.GitHub) == first.Key(domain.GitHub) || place.Name != "other/labour" {
		t.Errorf("made again, it is %+v", place)
	}

	if _, err := any(d.at(clock.now, "acme/work")).(connector.Resolver).Resolve(t.Context()); told(t, err).Code != "target_not_found" {
		t.Errorf("the old name of a deleted repository: %v", err)
	}

	d.noViolations()
}

// A name that a renamed repository had, and that a new repository has now, leads
// to the new one: another place.
func TestAnOldNameIsTaken(t *testing.T) {
	d := start(t, nil)
	before := resolve(t, d.at(nil, "acme/work"))
	for _, err := range []error{d.Rename("acme", "work", "acme", "labour"), d.Recreate("acme", "work")} {
		if err != nil {
			t.Fatal(err)
		}
	}

	taken := resolve(t, d.at(nil, "acme/work"))
	moved := resolve(t, d.at(nil, "acme/labour"))
	if taken.Key(domain.GitHub) == before.Key(domain.GitHub) || moved.Key(domain.GitHub) != before.Key(domain.GitHub) {
		t.Errorf("before %+v, taken %+v, moved %+v", before, taken, moved)
	}
}

// A2, A4: a repository is renamed while it is in use. Resolved again under its
// old spelling, everything goes on under the new name, no write meets the
// redirect, and nothing is made twice.
func TestARenamedRepositoryGoesOn(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) { c.Now = clock.now })
	c := d.at(clock.now, "acme/work")
	resolve(t, c)
	marker := connector.Marker{Integration: 1, Item: 2, Attempt: 1}
	content := connector.Content{Title: "Ours", Body: "text", State: domain.Open}
	written, err := c.Create(t.Context(), content, marker)
	if err != nil {
		t.Fatal(err)
	}

	if err := d.Rename("acme", "work", "other", "labour"); err != nil {
		t.Fatal(err)
	}

	// Within the slice the write meets the redirect: nothing has happened.
	_, err = c.Create(t.Context(), content, connector.Marker{Integration: 1, Item: 3, Attempt: 1})
	if e := told(t, err); e.Code != "target_moved" || e.Class != failure.Final || e.Scope != failure.IntegrationScope {
		t.Errorf("a create at the old name: %+v", e)
	}

	_, err = c.Update(t.Context(), connector.Sent{Remote: written.Remote, State: domain.Open, Seen: written.Seen}, content, marker)
	if e := told(t, err); e.Code != "target_moved" || e.Class != failure.Final || e.Scope != failure.IntegrationScope {
		t.Errorf("an update at the old name: %+v", e)
	}

	place := resolve(t, c)
	met := len(d.Writes())
	content.Title = "Changed"
	content.State = domain.Closed
	closed, err := c.Update(t.Context(), connector.Sent{Remote: written.Remote, State: domain.Open, Seen: written.Seen}, content, marker)
	if err != nil || closed.Remote.State != domain.Closed || !strings.HasPrefix(closed.Remote.URL, place.URL+"/") {
		t.Errorf("update and close: %+v, %v", closed, err)
	}

	second, err := c.Create(t.Context(), content, connector.Marker{Integration: 1, Item: 3, Attempt: 2})
	if err != nil {
		t.Fatal(err)
	}

	all, _ := d.changes(c, time.Time{})
	found, err := c.Find(t.Context(), clock.now().Add(-time.Hour), []connector.Marker{{Integration: 1, Item: 3, Attempt: 2}})
	if err != nil || len(all) != 2 || found[3].Remote.ID != second.Remote.ID {
		t.Errorf("%d issues, found %+v, %v", len(all), found, err)
	}

	for _, w := range d.Writes()[met:] {
		if w.Status >= 300 || !strings.HasPrefix(w.Path, "/repos/other/labour/") {
			t.Errorf("a write met the redirect: %s %s %d", w.Method, w.Path, w.Status)
		}
	}

	checks, err := c.Check(t.Context())
	if err != nil || checks[2].String() != "target=ok" {
		t.Errorf("checked: %v, %v", checks, err)
	}

	d.noViolations()
}

// A place that was resolved before is used without a call, under its name of
// then.
func TestAStoredPlaceIsUsed(t *testing.T) {
	d := start(t, nil)
	place := resolve(t, d.at(nil, "acme/work"))
	if err := d.Rename("acme", "work", "acme", "labour"); err != nil {
		t.Fatal(err)
	}

	place.Name = "acme/labour"
	c := d.at(nil, "acme/work")
	before := d.Calls()
	any(c).(connector.Resolver).Use(place)
	if d.Calls() != before {
		t.Error("Use makes a call")
	}

	if _, err := c.Create(t.Context(), connector.Content{Title: "x"}, connector.Marker{Integration: 1, Item: 2, Attempt: 1}); err != nil || d.Calls() != before+1 {
		t.Errorf("%v after %d calls", err, d.Calls()-before)
	}
}

// A4: an app works in a renamed repository: its token is asked for by the id of
// a place that is known.
func TestAnAppInARenamedRepository(t *testing.T) {
	clock := newClock()
	d := start(t, func(c *Config) { withApp(c); c.Now = clock.now })
	place := resolve(t, d.asApp(clock.now, nil))
	if err := d.Rename("acme", "work", "acme", "labour"); err != nil {
		t.Fatal(err)
	}

	c := d.asApp(clock.now, nil)
	any(c).(connector.Resolver).Use(place)
	renamed := resolve(t, c)
	if renamed.Key(domain.GitHub) != place.Key(domain.GitHub) || renamed.Name != "acme/labour" {
		t.Errorf("%+v", renamed)
	}

	if _, err := c.Create(t.Context(), connector.Content{Title: "x"}, connector.Marker{Integration: 1, Item: 2, Attempt: 1}); err != nil {
		t.Error(err)
	}

	writes := d.Writes()
	asked := writes[len(writes)-2]
	if want := fmt.Sprintf(`{"repository_ids":[%s],"permissions":{"issues":"write","metadata":"read"}}`, place.ID); string(asked.Body) != want {
		t.Errorf("asked %s, want %s", asked.Body, want)
	}

	if d.tokensGiven() != 2 {
		t.Errorf("%d tokens", d.tokensGiven())
	}

	checks, err := c.Check(t.Context())
	if err != nil || checks[len(checks)-1].String() != "reopen=ok" {
		t.Errorf("%v, %v", checks, err)
	}

	d.noViolations()
}

// A person renames and recreates by the page and by JSON.
func TestAPersonRenames(t *testing.T) {
	d := start(t, nil)
	id := d.ID("acme", "work")
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
	if got := post(tracker.Order{Do: "rename", Place: "acme/work", To: "acme/labour"}); got != 200 || d.ID("acme", "labour") != id {
		t.Errorf("rename: %d", got)
	}

	form, err := http.PostForm(d.page+"/_/places", url.Values{"do": {"recreate"}, "place": {"acme/labour"}, "to": {"acme/labour"}})
	if err != nil {
		t.Fatal(err)
	}

	form.Body.Close()
	if form.StatusCode != 200 || d.ID("acme", "labour") == id {
		t.Errorf("recreate: %d", form.StatusCode)
	}

	for _, bad := range []tracker.Order{
		{}, {Do: "rename", Place: "acme/nothing", To: "a/b"}, {Do: "rename", Place: "acme/labour", To: "a"},
		{Do: "rename", Place: "acme/labour", To: "a/.."}, {Do: "rename", Place: "acme/labour", To: "acme/public"}, {Do: "delete", Place: "acme/labour"},
	} {
		if got := post(bad); got != 400 {
			t.Errorf("%+v: %d", bad, got)
		}
	}
}
