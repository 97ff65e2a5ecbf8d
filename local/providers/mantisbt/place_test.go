package mantisbt

import (
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	product "example.com/integrations/shared/connector/mantisbt"
	"example.com/integrations/shared/domain"
)

var _ connector.Resolver = (*product.Connector)(nil)

func (d double) resolve(project string) (*product.Connector, connector.Place) {
	d.t.Helper()
	c := d.connect(nil, func(c *product.Config) {
		c.Project = project
		c.Category = "General"
	})
	p, err := c.Resolve(d.t.Context())
	if err != nil {
		d.t.Fatalf("%s: %v", project, err)
	}

	return c, p
}

// A8: a project is one place by its number and by its name, whatever it is
// called by then and whether the web server rewrites addresses. One deleted and
// made again under the same name is another place.
func TestOnePlaceHoweverItIsSpelled(t *testing.T) {
	for _, noRewriting := range []bool{false, true} {
		d := start(t, func(c *Config) { c.NoRewriting = noRewriting })
		_, first := d.resolve("Work")
		want := connector.Place{Instance: "example.com/bugs", ID: "1", Name: "Work", URL: "https://example.com/bugs/set_project.php?project_id=1"}
		if first != want {
			t.Errorf("%+v", first)
		}

		key := first.Key(domain.MantisBT)
		same := func(name string, spellings ...string) {
			t.Helper()
			for _, spelling := range spellings {
				if _, p := d.resolve(spelling); p.Key(domain.MantisBT) != key || p.Name != name {
					t.Errorf("%s: %+v", spelling, p)
				}
			}
		}

		same("Work", "Work", "1", "WORK", "work")
		for _, other := range []string{"Part", "3", "Other"} {
			if _, p := d.resolve(other); p.Key(domain.MantisBT) == key {
				t.Errorf("%s: %+v", other, p)
			}
		}

		if err := d.Rename(1, "New name"); err != nil {
			t.Fatal(err)
		}

		same("New name", "1", "New name")
		_, err := d.connect(nil, nil).Resolve(t.Context()) // by the name it had
		if e := refusalOf(t, err); e.Code != "target_not_found" {
			t.Errorf("%v", e)
		}

		if err := d.Recreate(1); err != nil {
			t.Fatal(err)
		}

		if _, p := d.resolve("New name"); p.Key(domain.MantisBT) == key {
			t.Errorf("deleted and made again: %+v", p)
		}

		d.noViolations()
	}
}

// A8: a project that the configuration names is renamed under a running sync.
// All calls go on by its number, and nothing is made twice.
func TestARenamedProjectGoesOn(t *testing.T) {
	for _, noRewriting := range []bool{false, true} {
		clock := newClock()
		d := start(t, func(c *Config) {
			c.Now = clock.now
			c.NoRewriting = noRewriting
		})
		began := clock.now().Add(-time.Minute)
		marker := connector.Marker{Integration: 11, Item: 22, Attempt: 1}

		c, place := d.resolve("Work")
		content := c.Render(domain.Item{ID: 22, Title: "T", Description: "D", State: domain.Open})
		first, err := c.Create(t.Context(), content, marker)
		if err != nil {
			t.Fatal(err)
		}

		if err := d.Rename(1, "New name"); err != nil {
			t.Fatal(err)
		}

		// The next slice has a connector of its own, with the name it knows.
		c = d.connect(clock.now, func(c *product.Config) {
			c.Project = "Work"
			c.Category = "General"
		})
		c.Use(place)
		second := connector.Marker{Integration: 11, Item: 23, Attempt: 1}
		made, err := c.Create(t.Context(), content, second)
		if noRewriting {
			if e := refusalOf(t, err); e.Code != "address_learned" || e.Class != failure.Retryable {
				t.Fatalf("%v", e)
			}
			made, err = c.Create(t.Context(), content, second)
		}

		if err != nil {
			t.Fatal(err)
		}

		clock.pass(time.Second)
		closed := content
		closed.Title = "closed"
		closed.State = domain.Closed
		w, err := c.Update(t.Context(), connector.Sent{Remote: first.Remote, State: domain.Open, Seen: first.Seen}, closed, marker)
		if err != nil || w.Remote.ID != first.Remote.ID || w.Remote.State != domain.Closed {
			t.Errorf("update: %+v, %v", w, err)
		}

		if w, err = c.Update(t.Context(), connector.Sent{Remote: w.Remote, State: domain.Closed, Seen: w.Seen}, content, marker); err != nil || w.Remote.State != domain.Open {
			t.Errorf("reopen: %+v, %v", w, err)
		}

		found, err := c.Find(t.Context(), began, []connector.Marker{marker, second})
		if err != nil || found[22].Remote.ID != first.Remote.ID || found[23].Remote.ID != made.Remote.ID {
			t.Errorf("find: %+v, %v", found, err)
		}

		if all, _ := d.changes(c, time.Time{}); len(all) != 2 {
			t.Errorf("list: %+v", all)
		}

		if n := len(d.snapshot()); n != 2 {
			t.Errorf("%d issues", n)
		}

		d.noViolations()
	}
}

// A place that is gone takes no write: not even where another project has its
// name by now.
func TestAPlaceMadeAgainIsLeftAlone(t *testing.T) {
	d := start(t, nil)
	_, place := d.resolve("Work")
	if err := d.Recreate(1); err != nil {
		t.Fatal(err)
	}

	c := d.connect(nil, nil)
	c.Use(place)
	_, created := c.Create(t.Context(), c.Render(domain.Item{ID: 22, Title: "T"}), connector.Marker{Integration: 11, Item: 22, Attempt: 1})
	_, _, listed := c.Changes(t.Context(), time.Time{}, 0)
	for what, err := range map[string]error{"create": created, "list": listed} {
		if e := refusalOf(t, err); e.Code != "target_not_found" || e.Scope != failure.IntegrationScope {
			t.Errorf("%s: %v", what, e)
		}
	}

	if n := len(d.snapshot()); n != 0 {
		t.Errorf("%d issues", n)
	}
}

// A8: an issue that a person moved to another project keeps its number, and is
// followed by it.
func TestAMovedIssueIsFollowedByItsNumber(t *testing.T) {
	d := start(t, nil)
	c, _ := d.resolve("Work")
	marker := connector.Marker{Integration: 11, Item: 22, Attempt: 1}
	content := c.Render(domain.Item{ID: 22, Title: "T", State: domain.Open})
	w, err := c.Create(t.Context(), content, marker)
	if err != nil {
		t.Fatal(err)
	}

	if answer := d.send("PATCH", "/issues/"+w.Remote.Key, `{"project":{"id":4}}`, "Authorization", person); answer.status != 200 {
		t.Fatalf("%d %s", answer.status, answer.text)
	}

	content.Title = "Moved"
	moved, err := c.Update(t.Context(), connector.Sent{Remote: w.Remote, State: domain.Open, Seen: w.Seen}, content, marker)
	if err != nil || moved.Remote.ID != w.Remote.ID || len(d.snapshot()) != 1 || d.get(1).Project != 4 || d.get(1).Summary != "Moved" {
		t.Errorf("%+v, %v", moved, err)
	}

	d.noViolations()
}

// What an administrator did to a project survives the death of the process.
func TestProjectsSurvive(t *testing.T) {
	dir := t.TempDir()
	d := start(t, func(c *Config) { c.Dir = dir })
	for _, body := range []string{
		`{"summary":"kept","description":"D","project":{"id":1},"category":{"name":"General"}}`,
		`{"summary":"dropped","description":"D","project":{"id":4},"category":{"name":"General"}}`,
	} {
		if answer := d.send("POST", "/issues", body); answer.status != 201 {
			t.Fatalf("%d %s", answer.status, answer.text)
		}
	}

	if err := d.Rename(1, "New name"); err != nil {
		t.Fatal(err)
	}

	if err := d.Recreate(4); err != nil {
		t.Fatal(err)
	}

	if d.Rename(99, "X") == nil || d.Recreate(99) == nil {
		t.Error("a project that is not there was changed")
	}

	again, err := open(d.config, nil)
	if err != nil {
		t.Fatal(err)
	}

	defer again.Close()
	for _, s := range []*Server{d.Server, again} {
		if all := s.snapshot(); len(all) != 1 || all[0].Summary != "kept" || s.project(0, "New name").ID != 1 || s.project(0, "Other").ID != 5 || s.project(4, "") != nil {
			t.Errorf("%+v", all)
		}
	}
}
