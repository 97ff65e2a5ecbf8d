package jira

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	product "example.com/integrations/shared/connector/jira"
	"example.com/integrations/shared/domain"
)

var marker = connector.Marker{Integration: 11, Item: 22, Attempt: 3}

func failed(t *testing.T, err error) *failure.Error {
	t.Helper()
	var e *failure.Error
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
			if len(all) != 1 || all[0].Remote != w.Remote || all[0].Seen != w.Seen || w.UpdatedAt.Sub(all[0].UpdatedAt).Truncate(time.Millisecond) > time.Millisecond {
				t.Errorf("our own write is seen as another's: %+v, %+v", all, w)
			}

			if flavor == Cloud && all[0].Marker != marker || all[0].Marker.Item != marker.Item || all[0].Marker.Integration != marker.Integration {
				t.Errorf("marker %+v", all[0].Marker)
			}

			return w
		}

		step(func(i *domain.Item) { i.Title = "New title" })
		if w := step(func(i *domain.Item) {
			i.State = domain.Closed
			i.Labels = []string{"c"}
		}); w.Remote.State != domain.Closed || w.Seen.State != domain.Closed {
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

// TestAPersonIsToldFromUs: who edits, closes or reopens with another token
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
		for _, tt := range []struct {
			name, project string
			change        func(*product.Config)
			class         failure.Class
			scope         failure.Scope
			code, detail  string
		}{
			{"no such project", "NOPE", nil, failure.Final, failure.IntegrationScope, "target_not_found", "valid project is required"},
			{"hidden project", "SECRET", nil, failure.Final, failure.IntegrationScope, "target_not_found", "cannot create issues"},
			{"read only", "READ", nil, failure.Final, failure.IntegrationScope, "target_not_found", "cannot create issues"},
			{"required field", "FIELDS", nil, failure.Final, failure.IntegrationScope, "field_required", "Kostenstelle (customfield_10010)"},
			{"no such type", "WORK", func(c *product.Config) { c.IssueType = "Epos" }, failure.Final, failure.IntegrationScope, "issue_type_unknown", "Epos"},
			{"labels on no screen", "PLAIN", nil, failure.Final, failure.IntegrationScope, "labels_not_allowed", "screen"},
			{"wrong token", "WORK", func(c *product.Config) { c.Token = "another" }, failure.Final, failure.IntegrationScope, "credentials_rejected", "expired"},
			{"captcha", "WORK", func(c *product.Config) { c.Token = locked }, failure.Final, failure.IntegrationScope, "captcha_required", "log in with a browser"},
		} {
			if tt.project == "PLAIN" && flavor == Cloud {
				continue // TestLabelsThatCannotBeSet
			}

			_, err := d.connect(tt.project, tt.change).Create(t.Context(), open, marker)
			e := failed(t, err)
			if e.Class != tt.class || e.Scope != tt.scope || e.Code != tt.code || !strings.Contains(e.Detail, tt.detail) || e.RequestID == "" {
				t.Errorf("%s: %v %v %v", tt.name, e.Class, e.Scope, e)
			}
		}

		d.noViolations()
	})
}

// Where the workflow has no way, the item fails and nothing is tried twice.
func TestWaysToClose(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		d := start(t, flavor, nil)
		open := connector.Content{Title: "T", Body: d.connect("WORK", nil).Render(domain.Item{ID: 1, Title: "T"}).Body, State: domain.Open}
		closed := open
		closed.State = domain.Closed
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
			if e := failed(t, err); e.Class != failure.Final || e.Scope != failure.ItemScope || e.Code != tt.code || !strings.Contains(e.Detail, tt.detail) {
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
			if e := failed(t, err); e.Class != failure.Final || fmt.Sprint(int(e.Scope))+e.Code != tt.want {
				t.Errorf("want %s: %v %v", tt.want, e.Scope, e)
			}
		}

		_, err = d.connect("SECRET", nil).Update(t.Context(), sent, content, marker)
		if e := failed(t, err); e.Scope != failure.IntegrationScope || e.Code != "target_not_found" {
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
		c.BaseURL = "https://api.atlassian.com/ex/jira/" + cloudID
		c.Token = scoped
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
	objects, _, err := d.connect("WORK", atGateway).Changes(t.Context(), time.Time{}, 0)
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
