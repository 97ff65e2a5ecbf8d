package jira

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"integrations/shared/connector"
	product "integrations/shared/connector/jira"
	"integrations/shared/domain"
)

var marker = connector.Marker{Integration: 11, Item: 22, Attempt: 3}

func failed(t *testing.T, err error) *connector.Error {
	t.Helper()
	var e *connector.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %T %v, want *connector.Error", err, err)
	}
	for _, secret := range []string{ours, scoped, person} {
		if strings.Contains(e.Error(), secret) {
			t.Fatalf("a secret is in %q", e.Error())
		}
	}
	return e
}

func (d *double) changes(c *product.Connector, since time.Time) (all []connector.Object, pages int) {
	d.t.Helper()
	for page := 1; ; page++ {
		objects, more, err := c.Changes(d.t.Context(), since, page)
		if err != nil {
			d.t.Fatalf("page %d: %v", page, err)
		}
		if all = append(all, objects...); !more {
			return all, page
		}
	}
}

// counts are the writes by whose they are, method and answer.
func (d *double) counts() map[string]int {
	counts := map[string]int{}
	for _, one := range d.Writes() {
		counts[fmt.Sprintf("%s %s %d", one.User, one.Method, one.Status)]++
	}
	return counts
}

// A life of an item: created, edited, closed, reopened, with labels.
func TestALife(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		clock := newClock()
		d := start(t, flavor, func(c *Config) { c.Now = clock.now })
		c := d.connect("WORK", nil)
		item := domain.Item{ID: 22, FormattedNumber: "KEP-9", Title: "Title", Description: "# Text\n\n- a\n- b", URL: "https://app.test/i/22", State: domain.Open, Labels: []string{"b", "a x"}}
		content := c.Render(item)
		written, err := c.Create(t.Context(), content, marker)
		if err != nil {
			t.Fatal(err)
		}
		want := domain.Remote{ID: "10001", Key: "WORK-1", URL: d.config.BaseURL + "/browse/WORK-1", State: domain.Open}
		if written.Remote != want || written.Seen.State != domain.Open || len(written.Seen.Text) != 32 {
			t.Errorf("%+v", written)
		}
		d.send(person, "PUT", "/issue/WORK-1", `{"update":{"labels":[{"add":"theirs"}]}}`)
		sent := connector.Sent{Remote: written.Remote, Labels: content.Labels, State: domain.Open, Seen: written.Seen}
		step := func(change func(*domain.Item)) connector.Written {
			t.Helper()
			clock.pass(time.Second)
			change(&item)
			content := c.Render(item)
			w, err := c.Update(t.Context(), sent, content, marker)
			if err != nil {
				t.Fatal(err)
			}
			sent = connector.Sent{Remote: w.Remote, Labels: content.Labels, State: content.State, Seen: w.Seen}
			all, _ := d.changes(c, time.Time{})
			if len(all) != 1 || all[0].Written != w {
				t.Errorf("our own write is seen as another's: %+v, %+v", all, w)
			}
			if flavor == Cloud && all[0].Marker != marker || all[0].Marker.Item != marker.Item || all[0].Marker.Integration != marker.Integration {
				t.Errorf("marker %+v", all[0].Marker)
			}
			return w
		}
		step(func(i *domain.Item) { i.Title = "New title" })
		if w := step(func(i *domain.Item) { i.State, i.Labels = domain.Closed, []string{"c"} }); w.Remote.State != domain.Closed || w.Seen.State != domain.Closed {
			t.Errorf("closed: %+v", w)
		}
		i := d.get("WORK-1")
		if labels := slices.Sorted(slices.Values(i.Labels)); len(labels) != 3 || labels[0] != "c" || !strings.HasPrefix(labels[1], "sync-") || labels[2] != "theirs" {
			t.Errorf("labels %v", labels)
		}
		if i.Summary != "KEP-9 New title" || findStatus(i.Status).category != "done" || !strings.Contains(textOf(i.Description), "Text") {
			t.Errorf("%+v", i)
		}
		if w := step(func(i *domain.Item) { i.State = domain.Open }); w.Remote.State != domain.Open {
			t.Errorf("reopened: %+v", w)
		}
		if got := fmt.Sprint(d.counts()); flavor == Cloud && got != "map[maria PUT 204:1 sync-bot POST 201:1 sync-bot POST 204:2 sync-bot PUT 200:3]" {
			t.Error(got)
		}
		d.noViolations()
	})
}

// TestAPersonIsToldFromUs: whoever edits, closes or reopens with another token
// is another in the log, and changes what the connector saw.
func TestAPersonIsToldFromUs(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		clock := newClock()
		d := start(t, flavor, func(c *Config) { c.Now = clock.now })
		c := d.connect("WORK", nil)
		content := c.Render(domain.Item{ID: 22, Title: "Ours", Description: "a\n\nb", State: domain.Open})
		written, err := c.Create(t.Context(), content, marker)
		if err != nil {
			t.Fatal(err)
		}
		stored := d.get("WORK-1").Description
		for _, step := range []struct {
			path, method, body string
			text               bool // the text differs from ours
			state              domain.ItemState
		}{
			{"", "PUT", `{"fields":{"summary":"Theirs"}}`, true, domain.Open},
			{"/transitions", "POST", `{"transition":{"id":"910001"}}`, true, domain.Closed},
			{"", "PUT", `{"fields":{"summary":"Ours"}}`, false, domain.Closed},
			{"/transitions", "POST", `{"transition":{"id":"93"}}`, false, domain.Open},
			{"", "PUT", `{"fields":{"description":` + string(d.description("More")) + `}}`, true, domain.Open},
			{"", "PUT", `{"update":{"labels":[{"add":"x"}]},"fields":{"description":` + string(stored) + `}}`, false, domain.Open},
			{"", "PUT", `{"update":{"labels":[{"set":[]}]}}`, false, domain.Open}, // our label too
		} {
			clock.pass(1500 * time.Millisecond)
			if answer := d.send(person, step.method, "/issue/WORK-1"+step.path, step.body); answer.status != 204 {
				t.Fatalf("%s: %d %s", step.body, answer.status, answer.text)
			}
			all, _ := d.changes(c, clock.now())
			if len(all) != 1 || all[0].UpdatedAt != clock.now() {
				t.Fatalf("%s: %+v", step.body, all)
			}
			if seen := all[0].Seen; (seen.Text != written.Seen.Text) != step.text || seen.State != step.state {
				t.Errorf("%s: %+v", step.body, seen)
			}
			if flavor == Cloud && all[0].Marker != marker { // the property stays
				t.Errorf("%s: marker %+v", step.body, all[0].Marker)
			}
		}
		d.send(person, "POST", "/issue/WORK-1/transitions", `{"transition":{"id":"910001"}}`)
		content.Title = "Again"
		updated, err := c.Update(t.Context(), connector.Sent{Remote: written.Remote, State: domain.Open, Seen: written.Seen}, content, marker)
		all, _ := d.changes(c, time.Time{})
		if err != nil || updated.Seen.State != domain.Open || all[0].Seen != (connector.Seen{Text: updated.Seen.Text, State: domain.Closed}) {
			t.Errorf("a close just before our update: %+v, %v", updated, err)
		}
		d.noViolations()
	})
}

// What really happens, and what is said about it.
func TestFailures(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		d := start(t, flavor, nil)
		open := connector.Content{Title: "T", Body: d.connect("WORK", nil).Render(domain.Item{ID: 1, Title: "T"}).Body, State: domain.Open}
		closed := open
		closed.State = domain.Closed
		for _, tt := range []struct {
			name, project string
			change        func(*product.Config)
			class         connector.Class
			scope         connector.Scope
			code, detail  string
		}{
			{"no such project", "NOPE", nil, connector.Final, connector.IntegrationScope, "target_not_found", "valid project is required"},
			{"hidden project", "SECRET", nil, connector.Final, connector.IntegrationScope, "target_not_found", "cannot create issues"},
			{"read only", "READ", nil, connector.Final, connector.IntegrationScope, "target_not_found", "cannot create issues"},
			{"required field", "FIELDS", nil, connector.Final, connector.IntegrationScope, "field_required", "Kostenstelle (customfield_10010)"},
			{"no such type", "WORK", func(c *product.Config) { c.IssueType = "Epos" }, connector.Final, connector.IntegrationScope, "issue_type_unknown", "Epos"},
			{"labels on no screen", "PLAIN", nil, connector.Final, connector.IntegrationScope, "labels_not_allowed", "screen"},
			{"wrong token", "WORK", func(c *product.Config) { c.Token = "another" }, connector.Final, connector.IntegrationScope, "credentials_rejected", "expired"},
			{"captcha", "WORK", func(c *product.Config) { c.Token = locked }, connector.Final, connector.IntegrationScope, "captcha_required", "log in with a browser"},
		} {
			_, err := d.connect(tt.project, tt.change).Create(t.Context(), open, marker)
			e := failed(t, err)
			if e.Class != tt.class || e.Scope != tt.scope || e.Code != tt.code || !strings.Contains(e.Detail, tt.detail) || e.RequestID == "" {
				t.Errorf("%s: %v %v %v", tt.name, e.Class, e.Scope, e)
			}
		}
		make := func(project string) (*product.Connector, connector.Written) {
			t.Helper()
			c := d.connect(project, nil)
			w, err := c.Create(t.Context(), open, connector.Marker{Integration: 11, Item: 23, Attempt: 1})
			if err != nil {
				t.Fatal(err)
			}
			return c, w
		}
		for _, tt := range []struct{ project, code, detail string }{
			{"STUCK", "cannot_close", "no transition"}, {"ASKS", "cannot_close", "Lösung"},
		} {
			c, w := make(tt.project)
			before := len(d.Writes())
			_, err := c.Update(t.Context(), connector.Sent{Remote: w.Remote, State: domain.Open, Seen: w.Seen}, closed, marker)
			if e := failed(t, err); e.Class != connector.Final || e.Scope != connector.ItemScope || e.Code != tt.code || !strings.Contains(e.Detail, tt.detail) {
				t.Errorf("%s: %v", tt.project, e)
			}
			if n := len(d.Writes()) - before; n != 1 {
				t.Errorf("%s: %d writes, want the edit alone", tt.project, n)
			}
		}
		c, w := make("LOCKS") // nobody edits what is closed: it is reopened first
		sent := connector.Sent{Remote: w.Remote, State: domain.Open, Seen: w.Seen}
		if w, err := c.Update(t.Context(), sent, closed, marker); err != nil || w.Seen.State != domain.Closed {
			t.Errorf("closing: %v", err)
		}
		sent.State = domain.Closed
		if w, err := c.Update(t.Context(), sent, open, marker); err != nil || w.Seen.State != domain.Open {
			t.Errorf("reopening: %v", err)
		}
		d.noViolations()
	})
}

// An issue that moved keeps its id, and one that is gone is told from a project
// that is.
func TestMovedAndDeleted(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		d := start(t, flavor, nil)
		c := d.connect("WORK", nil)
		content := c.Render(domain.Item{ID: 22, Title: "T", State: domain.Open})
		w, err := c.Create(t.Context(), content, marker)
		if err != nil {
			t.Fatal(err)
		}
		sent := connector.Sent{Remote: w.Remote, State: domain.Open, Seen: w.Seen}
		if err := d.Change("WORK-1", func(e *Edit) { e.Project = "OTHER" }); err != nil {
			t.Fatal(err)
		}
		content.Title = "Moved"
		if w, err = c.Update(t.Context(), sent, content, marker); err != nil || w.Remote.ID != sent.Remote.ID || w.Remote.Key != "OTHER-1" {
			t.Errorf("moved: %+v, %v", w, err)
		}
		for _, tt := range []struct {
			change func(*Edit)
			want   string
		}{
			{func(e *Edit) { e.Project = "READ" }, "1forbidden"}, {func(e *Edit) { e.Project = "SECRET" }, "1remote_deleted"}, {func(e *Edit) { e.Deleted = true }, "1remote_deleted"},
		} {
			if err := d.Change(w.Remote.ID, tt.change); err != nil {
				t.Fatal(err)
			}
			_, err = c.Update(t.Context(), sent, content, marker)
			if e := failed(t, err); e.Class != connector.Final || fmt.Sprint(int(e.Scope))+e.Code != tt.want {
				t.Errorf("want %s: %v %v", tt.want, e.Scope, e)
			}
		}
		_, err = d.connect("SECRET", nil).Update(t.Context(), sent, content, marker)
		if e := failed(t, err); e.Scope != connector.IntegrationScope || e.Code != "target_not_found" {
			t.Errorf("%v", e)
		}
		_, err = d.connect("READ", nil).Update(t.Context(), connector.Sent{Remote: domain.Remote{ID: "1"}}, content, marker)
		if e := failed(t, err); e.Code != "remote_deleted" {
			t.Errorf("%v", e)
		}
		d.noViolations()
	})
}

// A scoped token works at the gateway, and nowhere else.
func TestGateway(t *testing.T) {
	d := start(t, Cloud, nil)
	atGateway := func(c *product.Config) {
		c.BaseURL, c.Token = "https://api.atlassian.com/ex/jira/"+cloudID, scoped
	}
	c := d.connect("WORK", atGateway)
	w, err := c.Create(t.Context(), c.Render(domain.Item{ID: 22, Title: "T"}), marker)
	if err != nil || w.Remote.URL != siteURL+"/browse/WORK-1" {
		t.Errorf("%+v, %v", w, err)
	}
	asked := 0
	d.between = func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/serverInfo") {
				asked++
				w.WriteHeader(http.StatusForbidden)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	d.make("WORK", "another")
	objects, _, err := d.connect("WORK", atGateway).Changes(t.Context(), time.Time{}, 1)
	if err != nil || len(objects) != 2 || objects[0].Remote.URL != "" || asked != 1 {
		t.Errorf("no address is to be had: %+v, %v, asked %d times", objects, err, asked)
	}
	_, err = d.connect("WORK", func(c *product.Config) { c.Token = scoped }).Create(t.Context(), connector.Content{Title: "T"}, marker)
	if e := failed(t, err); e.Code != "credentials_rejected" || !strings.Contains(e.Detail, "api.atlassian.com/ex/jira") {
		t.Errorf("%v", e)
	}
	d.noViolations()
}

// Who does not administer a Data Center's project cannot keep mail from the
// watchers: the first edit is refused and sent without that, and from then on
// there is no first one.
func TestDatacenterWatchers(t *testing.T) {
	d := start(t, Datacenter, func(c *Config) {
		account := c.Accounts[ours]
		account.Admin = false
		c.Accounts[ours] = account
	})
	c := d.connect("WORK", nil)
	content := c.Render(domain.Item{ID: 22, Title: "T", State: domain.Open})
	w, err := c.Create(t.Context(), content, marker)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		content.Title += "x"
		if _, err := c.Update(t.Context(), connector.Sent{Remote: w.Remote, State: domain.Open}, content, marker); err != nil {
			t.Fatal(err)
		}
	}
	if got := fmt.Sprint(d.counts()); got != "map[sync-bot POST 201:1 sync-bot PUT 204:2 sync-bot PUT 403:1]" {
		t.Error(got)
	}
}

// Pages go on through a block of one time, and each issue is there once.
func TestABlockOfOneTime(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		clock := newClock()
		d := start(t, flavor, func(c *Config) { c.Now = clock.now })
		for n := range 350 {
			d.make("WORK", fmt.Sprint(n))
		}
		clock.pass(time.Hour + 20*time.Second)
		for n := 21; n <= 330; n++ {
			if err := d.Change(fmt.Sprintf("WORK-%d", n), func(*Edit) {}); err != nil {
				t.Fatal(err)
			}
		}
		all, pages := d.changes(d.connect("WORK", nil), clock.now())
		seen := map[string]bool{}
		for _, o := range all {
			seen[o.Remote.Key] = true
		}
		if pages != 4 || len(all) != 310 || len(seen) != 310 || !seen["WORK-21"] || !seen["WORK-330"] {
			t.Errorf("%d issues, %d of them once, on %d pages", len(all), len(seen), pages)
		}
		// Anybody else gets to a page as well, though nobody led there.
		objects, more, err := d.connect("WORK", nil).Changes(t.Context(), clock.now(), 4)
		if err != nil || more || len(objects) != 10 {
			t.Errorf("page 4 at once: %d, %v, %v", len(objects), more, err)
		}
		d.noViolations()
	})
}

// make puts an issue into the stand-in without a call.
func (d *double) make(project, summary string) *issue {
	d.t.Helper()
	p := d.find(project)
	id, number := d.next(p)
	made := &issue{ID: id, Project: project, Number: number, Type: "Task", Summary: summary, Status: statusNew, Creator: "maria", Created: d.now(), Updated: d.now()}
	if err := d.commit(entry{Issue: made}); err != nil {
		d.t.Fatal(err)
	}
	return made
}

// What was read at a time of the wall clock of another zone is not missed,
// neither where summer ends.
func TestZones(t *testing.T) {
	for _, zone := range []string{"Europe/Berlin", "America/St_Johns", "Pacific/Kiritimati", "Etc/GMT+12", "Australia/Lord_Howe", "Mars/Olympus", ""} {
		d := start(t, Datacenter, func(c *Config) {
			account := c.Accounts[ours]
			account.Zone = zone
			c.Accounts[ours] = account
		})
		for at := time.Date(2026, 10, 24, 22, 7, 30, 0, time.UTC); at.Before(time.Date(2026, 10, 25, 4, 0, 0, 0, time.UTC)); at = at.Add(17 * time.Minute) {
			d.make("WORK", at.String())
			name := fmt.Sprintf("WORK-%d", d.find("WORK").last)
			if err := d.Change(name, func(e *Edit) { e.Updated = at }); err != nil {
				t.Fatal(err)
			}
			all, _ := d.changes(d.connect("WORK", nil), at)
			if len(all) != 1 || !all[0].UpdatedAt.Equal(at) {
				t.Errorf("%s: at %v there are %d", zone, at, len(all))
			}
		}
	}
}

// TestFind: what the index does not know yet is found by its key.
func TestFind(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		clock := newClock()
		d := start(t, flavor, func(c *Config) { c.Now, c.IndexLag = clock.now, time.Minute })
		c := d.connect("WORK", nil)
		for n := range 5 {
			d.make("WORK", fmt.Sprint(n))
		}
		clock.pass(10 * time.Minute)
		began := clock.now()
		content := c.Render(domain.Item{ID: 22, Title: "T", State: domain.Open})
		create := func(item domain.Snowflake) connector.Written {
			t.Helper()
			w, err := c.Create(t.Context(), content, connector.Marker{Integration: 11, Item: item, Attempt: 1})
			if err != nil {
				t.Fatal(err)
			}
			return w
		}
		first := create(22)
		d.send(ours, "POST", "/issue", `{"fields":{"project":{"key":"WORK"},"issuetype":{"name":"Task"}}}`) // uses up a key
		second := create(23)
		d.make("WORK", "another's")
		want := []connector.Marker{{Integration: 11, Item: 22}, {Integration: 11, Item: 23}, {Integration: 11, Item: 24}, {Integration: 12, Item: 22}}
		look := func() map[domain.Snowflake]connector.Written {
			t.Helper()
			found, err := d.connect("WORK", nil).Find(t.Context(), began.Add(-5*time.Minute), want)
			if err != nil {
				t.Fatal(err)
			}
			return found
		}
		found := look()
		if len(found) != 2 || found[22] != first || found[23] != second {
			t.Errorf("the index knows nothing: %+v", found)
		}
		clock.pass(2 * time.Minute)
		if found = look(); len(found) != 2 || found[22] != first {
			t.Errorf("the index knows: %+v", found)
		}
		// A copy with our label is younger, and does not count.
		copied := d.make("WORK", "a copy")
		if err := d.Change(copied.key(), func(e *Edit) { e.Labels = d.get(first.Remote.ID).Labels }); err != nil {
			t.Fatal(err)
		}
		clock.pass(2 * time.Minute)
		if found = look(); found[22].Remote.ID != first.Remote.ID {
			t.Errorf("the copy was taken: %+v", found[22])
		}
		if got, err := c.Find(t.Context(), clock.now().Add(time.Minute), want); err != nil || len(got) != 0 {
			t.Errorf("later than all: %v, %v", got, err)
		}
		d.noViolations()
	})
}

// TestFindIsUnsure: where too much is not in the index, nothing is concluded,
// so that nothing is created twice; but not for ever.
func TestFindIsUnsure(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		clock := newClock()
		d := start(t, flavor, func(c *Config) { c.Now, c.IndexLag = clock.now, time.Hour })
		began := clock.now()
		for n := range 70 {
			d.make("WORK", fmt.Sprint(n))
		}
		want := []connector.Marker{{Integration: 11, Item: 22}}
		_, err := d.connect("WORK", nil).Find(t.Context(), began, want)
		if e := failed(t, err); e.Class != connector.Retryable || e.Code != "reconcile_unsure" || e.Wait == 0 {
			t.Errorf("%v", e)
		}
		clock.pass(time.Hour + time.Minute)
		found, err := d.connect("WORK", nil).Find(t.Context(), began, want)
		if err != nil || len(found) != 0 {
			t.Errorf("an hour later: %v, %v", found, err)
		}
	})
}

// TestFindIsUnsureOfGaps: the same where the index knows younger issues, and
// where what is missing was deleted.
func TestFindIsUnsureOfGaps(t *testing.T) {
	clock := newClock()
	d := start(t, Cloud, func(c *Config) { c.Now = clock.now })
	began := clock.now()
	d.make("WORK", "the first")
	for range 70 {
		if err := d.Change(d.make("WORK", "to be deleted").ID, func(e *Edit) { e.Deleted = true }); err != nil {
			t.Fatal(err)
		}
	}
	d.make("WORK", "the last")
	want := []connector.Marker{{Integration: 11, Item: 22}}
	_, err := d.connect("WORK", nil).Find(t.Context(), began.Add(-time.Minute), want)
	if e := failed(t, err); e.Code != "reconcile_unsure" {
		t.Errorf("%v", e)
	}
	clock.pass(time.Hour)
	if found, err := d.connect("WORK", nil).Find(t.Context(), began.Add(-time.Minute), want); err != nil || len(found) != 0 {
		t.Errorf("an hour later: %v, %v", found, err)
	}
}

// Ten thousand issues are listed page by page, for a pull and for a relink.
func TestTenThousand(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	clock := newClock()
	d := start(t, Cloud, func(c *Config) { c.Now, c.SpecPath = clock.now, "" })
	const n = 10_000
	for i := range n {
		if i%150 == 0 {
			clock.pass(time.Minute)
		}
		d.make("WORK", fmt.Sprint(i))
	}
	c, seen, pages, most := d.connect("WORK", nil), 0, 0, 0
	for page := 1; ; page++ {
		objects, more, err := c.Changes(t.Context(), time.Time{}, page)
		if err != nil {
			t.Fatal(err)
		}
		seen, pages, most = seen+len(objects), pages+1, max(most, len(objects))
		if !more {
			break
		}
	}
	if seen != n || pages != n/100 || most != 100 {
		t.Errorf("%d issues on %d pages of up to %d", seen, pages, most)
	}
}

// Real items: each is taken as it is rendered, closed where it is, and found to
// be what was sent.
func TestRealItems(t *testing.T) {
	path := sharedFile("data/items.jsonl")
	if path == "" {
		t.Skip("../shared/data/items.jsonl is absent")
	}
	each(t, func(t *testing.T, flavor string) {
		d := start(t, flavor, nil)
		c := d.connect("WORK", nil)
		file, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, 1<<20)
		made, closed := 0, 0
		for n := 0; lines.Scan(); n++ {
			if n%10 != 0 && raceDetector {
				continue
			}
			var raw struct {
				domain.Item
				PrefixID *domain.Snowflake `json:"prefix_id"`
			}
			if err := json.Unmarshal(lines.Bytes(), &raw); err != nil {
				t.Fatal(err)
			}
			content := c.Render(raw.Item)
			m := connector.Marker{Integration: 11, Item: raw.ID, Attempt: 1}
			w, err := c.Create(t.Context(), content, m)
			if err != nil {
				t.Fatalf("%s: %v", raw.FormattedNumber, err)
			}
			made++
			if raw.State == domain.Closed {
				sent := connector.Sent{Remote: w.Remote, Labels: content.Labels, State: domain.Open, Seen: w.Seen}
				if _, err := c.Update(t.Context(), sent, content, m); err != nil {
					t.Fatalf("%s: %v", raw.FormattedNumber, err)
				}
				closed++
			}
		}
		d.noViolations()
		t.Logf("%d items made, %d closed, writes %v", made, closed, d.counts())
	})
}

// Whoever cancels has the call back at once, and no new request leaves.
func TestCancellation(t *testing.T) {
	d := start(t, Cloud, nil)
	c := d.connect("WORK", nil)
	arrived, asked := make(chan struct{}, 10), atomic.Int64{}
	d.between = func(http.Handler) http.Handler {
		return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			asked.Add(1)
			arrived <- struct{}{}
			<-r.Context().Done()
		})
	}
	for name, call := range map[string]func(context.Context) error{
		"create": func(ctx context.Context) error {
			_, err := c.Create(ctx, connector.Content{Title: "T"}, marker)
			return err
		},
		"update": func(ctx context.Context) error {
			_, err := c.Update(ctx, connector.Sent{Remote: domain.Remote{ID: "10001"}}, connector.Content{State: domain.Open}, marker)
			return err
		},
		"find": func(ctx context.Context) error {
			_, err := c.Find(ctx, time.Now(), []connector.Marker{marker})
			return err
		},
		"changes": func(ctx context.Context) error { _, _, err := c.Changes(ctx, time.Time{}, 1); return err },
	} {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		before := asked.Load()
		go func() { done <- call(ctx) }()
		<-arrived
		cancel()
		select {
		case err := <-done:
			failed(t, err)
		case <-time.After(100 * time.Millisecond):
			t.Errorf("%s goes on", name)
			<-done
		}
		if n := asked.Load() - before; n != 1 {
			t.Errorf("%s: %d requests", name, n)
		}
	}
}

// TestRateLimits: the whole integration waits, or the one issue that a limit is
// about.
func TestRateLimits(t *testing.T) {
	clock := newClock()
	d := start(t, Cloud, func(c *Config) { c.Now, c.Limits = clock.now, true })
	c := d.connect("WORK", nil)
	content := c.Render(domain.Item{ID: 22, Title: "T", State: domain.Open})
	w, err := c.Create(t.Context(), content, marker)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		content.Title = fmt.Sprint(n)
		if _, err = c.Update(t.Context(), connector.Sent{Remote: w.Remote, State: domain.Open}, content, marker); err != nil {
			break
		}
	}
	if e := failed(t, err); e.Class != connector.Retryable || e.Scope != connector.ItemScope || e.Code != "issue_rate_limited" || e.Wait != 2*time.Second || e.Untold {
		t.Errorf("%v %v %v", e.Scope, e.Wait, e)
	}
	for err = nil; err == nil; {
		_, err = c.Create(t.Context(), content, marker)
	}
	if e := failed(t, err); e.Class != connector.Retryable || e.Scope != connector.IntegrationScope || e.Code != "rate_limited" || e.Wait != time.Second || !strings.Contains(e.Detail, "jira-burst-based") {
		t.Errorf("%v", e)
	}
	clock.pass(time.Second)
	if _, err = c.Create(t.Context(), content, marker); err != nil {
		t.Error(err)
	}
	d = start(t, Datacenter, func(c *Config) { c.Now, c.Limits = clock.now, true })
	for c, err = d.connect("WORK", nil), error(nil); err == nil; {
		_, _, err = c.Changes(t.Context(), time.Time{}, 1)
	}
	if e := failed(t, err); e.Code != "rate_limited" || e.Wait != time.Second || e.Untold {
		t.Errorf("%v", e)
	}
}

// A check says what is amiss before anything was written, and writes nothing.
func TestSteps(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		d := start(t, flavor, nil)
		for _, tt := range []struct {
			project string
			change  func(*product.Config)
			want    string
		}{
			{"WORK", nil, "credentials target rights issue_type fields"},
			{"WORK", func(c *product.Config) { c.Token = "another" }, "credentials:credentials_rejected"},
			{"WORK", func(c *product.Config) { c.Token = locked }, "credentials:captcha_required"},
			{"NOPE", nil, "credentials target:target_not_found"},
			{"SECRET", nil, "credentials target:target_not_found"},
			{"READ", nil, "credentials target rights:forbidden"},
			{"WORK", func(c *product.Config) { c.IssueType = "Epos" }, "credentials target rights issue_type:issue_type_unknown"},
			{"FIELDS", nil, "credentials target rights issue_type fields:field_required"},
			{"PLAIN", nil, "credentials target rights issue_type fields:labels_not_allowed"},
		} {
			var got []string
			for _, step := range d.connect(tt.project, tt.change).Steps(t.Context()) {
				name := step.Name
				if step.Err != nil {
					name += ":" + failed(t, step.Err).Code
				}
				got = append(got, name)
			}
			if s := strings.Join(got, " "); s != tt.want {
				t.Errorf("%s: %s, want %s", tt.project, s, tt.want)
			}
		}
		if n := len(d.Writes()); n != 0 {
			t.Errorf("%d writes", n)
		}
		d.noViolations()
	})
}
