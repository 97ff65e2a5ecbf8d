package jira

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/failure"
	product "example.com/integrations/shared/connector/jira"
	"example.com/integrations/shared/domain"
)

var _ connector.Resolver = (*product.Connector)(nil)

func resolve(t *testing.T, c connector.Resolver) connector.Place {
	t.Helper()
	p, err := c.Resolve(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// A8: a project is one place under each of its keys and each address of its
// server. One deleted and made again under the same key is another place.
func TestOnePlaceHoweverItIsSpelled(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		d := start(t, flavor, func(c *Config) {
			if flavor == Datacenter {
				c.PublicURL = "https://Jira.Public.test:443/work/jira/"
			}
		})

		other := func(c *product.Config) { // the gateway, or a proxy
			if flavor == Datacenter {
				c.BaseURL = "https://proxy.acme.test/work/jira"
				return
			}

			c.BaseURL = "https://api.atlassian.com/ex/jira/" + cloudID
			c.Token = scoped
		}

		first := resolve(t, d.connect("WORK", nil))
		want := connector.Place{Instance: cloudID, ID: "10000", Name: "WORK", URL: siteURL + "/browse/WORK"}
		if flavor == Datacenter {
			want.Instance = "jira.public.test/work/jira"
			want.URL = server + "/browse/WORK"
		}

		if first != want {
			t.Errorf("%+v, want %+v", first, want)
		}

		key := first.Key(domain.Jira)

		if p := resolve(t, d.connect("WORK", other)); p.Key(domain.Jira) != key {
			t.Errorf("at another address: %+v", p)
		}

		if p := resolve(t, d.connect("OTHER", nil)); p.Key(domain.Jira) == key {
			t.Errorf("another project: %+v", p)
		}

		if err := d.Rename("WORK", "NEW"); err != nil {
			t.Fatal(err)
		}

		for _, name := range []string{"WORK", "NEW"} {
			for _, change := range []func(*product.Config){nil, other} {
				p := resolve(t, d.connect(name, change))
				if p.Key(domain.Jira) != key || p.Name != "NEW" || !strings.HasSuffix(p.URL, "/browse/NEW") {
					t.Errorf("renamed, spelled %s: %+v", name, p)
				}
			}
		}

		if err := d.Recreate("NEW"); err != nil {
			t.Fatal(err)
		}

		p := resolve(t, d.connect("NEW", nil))
		if p.Key(domain.Jira) == key || p.Name != "NEW" {
			t.Errorf("deleted and made again: %+v", p)
		}

		d.noViolations()
	})
}

// A project that is not there, or not to be seen, is target_not_found, and
// nothing is written.
func TestResolveFails(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		d := start(t, flavor, nil)
		for _, tt := range []struct {
			project string
			change  func(*product.Config)
			code    string
		}{
			{"NOPE", nil, "target_not_found"},
			{"SECRET", nil, "target_not_found"},
			{"WORK", func(c *product.Config) { c.Token = "another" }, "credentials_rejected"},
			{"WORK", func(c *product.Config) { c.Token = locked }, "captcha_required"},
		} {
			_, err := d.connect(tt.project, tt.change).Resolve(t.Context())
			if e := failed(t, err); e.Code != tt.code || e.Class != failure.Final || e.Scope != failure.IntegrationScope {
				t.Errorf("%s: %v", tt.project, e)
			}
		}

		if n := len(d.Writes()); n != 0 {
			t.Errorf("%d writes", n)
		}
	})
}

// A request as it came to the fake server.
type seenRequest struct{ line, body string }

// watch records the requests from here on.
func (d *double) watch() func() []seenRequest {
	var lock sync.Mutex
	var all []seenRequest
	d.between = func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(strings.NewReader(string(body)))
			lock.Lock()
			all = append(all, seenRequest{r.Method + " " + r.URL.Path + "?" + r.URL.RawQuery, string(body)})
			lock.Unlock()
			next.ServeHTTP(w, r)
		})
	}

	return func() []seenRequest {
		lock.Lock()
		defer lock.Unlock()
		return all
	}
}

// A8: the key of a project is renamed under a running sync. A connector that
// uses the place as it was before, and one that resolves it again, create,
// update, close, list and find as before, and nothing is made twice.
func TestARenamedProjectGoesOn(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		clock := newClock()
		d := start(t, flavor, func(c *Config) {
			c.Now = clock.now
			c.IndexLag = time.Minute
		})
		began := clock.now().Add(-time.Minute)

		c := d.connect("WORK", nil)
		before := resolve(t, c)
		content := c.Render(domain.Item{ID: 22, Title: "T", State: domain.Open})
		first, err := c.Create(t.Context(), content, marker)
		if err != nil {
			t.Fatal(err)
		}

		if err := d.Rename("WORK", "NEW"); err != nil {
			t.Fatal(err)
		}

		requests := d.watch()
		used := d.connect("WORK", nil)
		used.Use(before)
		again := d.connect("WORK", nil)
		after := resolve(t, again)
		sent := connector.Sent{Remote: first.Remote, State: domain.Open, Seen: first.Seen}
		for n, c := range []*product.Connector{used, again} {
			item := domain.Snowflake(30 + n)
			second := connector.Marker{Integration: 11, Item: item, Attempt: 1}
			made, err := c.Create(t.Context(), content, second)
			if err != nil || made.Remote.Key != fmt.Sprintf("NEW-%d", n+2) {
				t.Fatalf("create: %+v, %v", made, err)
			}

			// The index shows neither: both are read by their keys.
			found, err := c.Find(t.Context(), began, []connector.Marker{marker, second})
			if err != nil || len(found) != 2 || found[22].Remote.ID != first.Remote.ID || found[item].Remote.ID != made.Remote.ID {
				t.Errorf("find: %+v, %v", found, err)
			}

			closed := content
			closed.Title = fmt.Sprint("closed ", n)
			closed.State = domain.Closed
			w, err := c.Update(t.Context(), sent, closed, marker)
			if err != nil || w.Remote.ID != first.Remote.ID || w.Remote.Key != "NEW-1" || w.Remote.State != domain.Closed {
				t.Errorf("update: %+v, %v", w, err)
			}

			sent = connector.Sent{Remote: w.Remote, State: domain.Closed, Seen: w.Seen}
			if w, err = c.Update(t.Context(), sent, content, marker); err != nil || w.Remote.State != domain.Open {
				t.Errorf("reopen: %+v, %v", w, err)
			}

			sent = connector.Sent{Remote: w.Remote, State: domain.Open, Seen: w.Seen}

			clock.pass(2 * time.Minute)
			all, _ := d.changes(c, time.Time{})
			if len(all) != n+2 {
				t.Errorf("list: %+v", all)
			}

			if checks, err := c.Check(t.Context()); err != nil {
				t.Errorf("check: %v, %v", checks, err)
			}
		}

		if after.Key(domain.Jira) != before.Key(domain.Jira) {
			t.Errorf("%+v and %+v", before, after)
		}

		for _, r := range requests() {
			if strings.Contains(r.line+r.body, "WORK") && !strings.Contains(r.line, "/issue/WORK-") && !strings.Contains(r.line, "/project/WORK?") {
				t.Errorf("a call goes by the key: %s %s", r.line, r.body)
			}
		}

		d.noViolations()
	})
}

// A place that is gone takes no write: not even where another project has its
// key by now.
func TestAPlaceMadeAgainIsLeftAlone(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		d := start(t, flavor, nil)
		before := resolve(t, d.connect("WORK", nil))
		if err := d.Recreate("WORK"); err != nil {
			t.Fatal(err)
		}

		c := d.connect("WORK", nil)
		c.Use(before)
		_, created := c.Create(t.Context(), c.Render(domain.Item{ID: 22, Title: "T"}), marker)
		_, _, listed := c.Changes(t.Context(), time.Time{}, 0)
		_, found := c.Find(t.Context(), time.Now(), []connector.Marker{marker})
		for what, err := range map[string]error{"create": created, "list": listed, "find": found} {
			if e := failed(t, err); e.Code != "target_not_found" || e.Scope != failure.IntegrationScope {
				t.Errorf("%s: %v", what, e)
			}
		}

		if n := len(d.snapshot(time.Now().Add(time.Hour))); n != 0 {
			t.Errorf("%d issues", n)
		}
	})
}

// A8: an issue that a person moved to another project keeps its id, and is
// followed by it. It is found by its label, wherever it is.
func TestAMovedIssueIsFollowedByItsID(t *testing.T) {
	each(t, func(t *testing.T, flavor string) {
		clock := newClock()
		d := start(t, flavor, func(c *Config) { c.Now = clock.now })
		c := d.connect("WORK", nil)
		resolve(t, c)
		content := c.Render(domain.Item{ID: 22, Title: "T", State: domain.Open})
		w, err := c.Create(t.Context(), content, marker)
		if err != nil {
			t.Fatal(err)
		}

		if err := d.Change(w.Remote.ID, func(e *Edit) { e.Project = "OTHER" }); err != nil {
			t.Fatal(err)
		}

		content.Title = "Moved"
		moved, err := c.Update(t.Context(), connector.Sent{Remote: w.Remote, State: domain.Open, Seen: w.Seen}, content, marker)
		if err != nil || moved.Remote.ID != w.Remote.ID || moved.Remote.Key != "OTHER-1" {
			t.Errorf("%+v, %v", moved, err)
		}

		found, err := c.Find(t.Context(), clock.now().Add(-time.Hour), []connector.Marker{marker})
		if err != nil || found[22].Remote.ID != w.Remote.ID {
			t.Errorf("%+v, %v", found, err)
		}

		if n := len(d.snapshot(clock.now())); n != 1 {
			t.Errorf("%d issues", n)
		}

		d.noViolations()
	})
}

// A site that was given no cloud id has one all the same, and always the same.
func TestEverySiteHasACloudID(t *testing.T) {
	ids := map[string]bool{}
	for _, site := range []string{siteURL, siteURL, "https://other.atlassian.net"} {
		d := start(t, Cloud, func(c *Config) {
			c.CloudID = ""
			c.BaseURL = site
		})
		place := resolve(t, d.connect("WORK", nil))
		if len(place.Instance) != 36 || place.Instance != d.config.CloudID {
			t.Errorf("%+v", place)
		}

		ids[place.Instance] = true
	}

	if len(ids) != 2 {
		t.Errorf("%v", ids)
	}
}

// What an administrator did to a project survives the death of the process.
func TestProjectsSurvive(t *testing.T) {
	clock := newClock()
	d := start(t, Cloud, func(c *Config) { c.Now = clock.now })
	d.make("WORK", "kept")
	d.make("OTHER", "dropped")
	if err := d.Rename("WORK", "NEW"); err != nil {
		t.Fatal(err)
	}

	if err := d.Recreate("OTHER"); err != nil {
		t.Fatal(err)
	}

	if err := d.Rename("NOPE", "X"); err == nil {
		t.Error("a project that is not there was renamed")
	}

	again, err := open(d.config, nil)
	if err != nil {
		t.Fatal(err)
	}

	defer again.Close()
	for _, s := range []*Server{d.Server, again} {
		all := s.snapshot(clock.now())
		if len(all) != 1 || all[0].key() != "NEW-1" || s.get("WORK-1") == nil || s.find("WORK").Key != "NEW" || s.find("OTHER").id == "10001" {
			t.Errorf("%+v", all)
		}
	}
}
