package worker

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	standgithub "example.com/integrations/local/providers/github"
	standgitlab "example.com/integrations/local/providers/gitlab"
	standjira "example.com/integrations/local/providers/jira"
	fakemantisbt "example.com/integrations/local/providers/mantisbt"
	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/github"
	"example.com/integrations/shared/connector/gitlab"
	"example.com/integrations/shared/connector/jira"
	"example.com/integrations/shared/connector/mantisbt"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/outbound"
	"example.com/integrations/shared/store"
)

// A tracker is a provider's fake server with one project, and the ways to spell it.
type tracker struct {
	handler http.Handler
	open    func(client *outbound.Client, base, spelling string, now func() time.Time) connector.Connector
	// spellings lead to the project from the start; renamed do after rename.
	spellings []string
	rename    func() error
	renamed   []string
	recreate  func() error

	// violations are the breaches of the provider's contract so far.
	violations func() []string
}

const trackerToken = "a-token-of-the-test"

// base is the address at which a tracker is served.
const base = "https://" + connectortest.Host

// moved is the host name of a tracker after a move, at which it can be reached
// before.
const moved = "new." + connectortest.Host

// renaming has a server name itself by its new host once it has moved: in bodies
// and headers.
func renaming(server http.Handler, has *atomic.Bool) http.Handler {
	rename := strings.NewReplacer("https://"+connectortest.Host, "https://"+moved, "https://github.com", "https://"+moved)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !has.Load() {
			server.ServeHTTP(w, r)
			return
		}

		answer := httptest.NewRecorder()
		server.ServeHTTP(answer, r)
		for name, values := range answer.Header() {
			for _, value := range values {
				w.Header().Add(name, rename.Replace(value))
			}
		}

		w.Header().Del("Content-Length")
		w.WriteHeader(answer.Code)
		_, _ = io.WriteString(w, rename.Replace(answer.Body.String()))
	})
}

// countingCreates counts the creates of issues that reach a tracker.
func countingCreates(tracker http.Handler, creates *atomic.Int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimSuffix(r.URL.Path, "s")
		if r.Method == http.MethodPost && strings.HasSuffix(path, "/issue") {
			creates.Add(1)
		}
		tracker.ServeHTTP(w, r)
	})
}

// trackers are the four, each with the clock of a world.
func trackers(t *testing.T, now func() time.Time) map[string]func() tracker {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}

	return map[string]func() tracker{
		"github": func() tracker {
			s, err := standgithub.Open(standgithub.Config{Dir: t.TempDir(), Now: now, Tokens: map[string]string{trackerToken: "sync-bot"},
				Repositories: []standgithub.Repository{{Owner: "acme", Name: "work"}}})
			must(err)
			t.Cleanup(func() { _ = s.Close() })

			return tracker{
				handler:   http.StripPrefix("/api/v3", s.API()),
				spellings: []string{"acme/work", "Acme/WORK"},
				rename:    func() error { return s.Rename("acme", "work", "acme", "better") },
				renamed:   []string{"acme/work", "acme/better"},
				recreate:  func() error { return s.Recreate("acme", "better") },
				open: func(client *outbound.Client, base, spelling string, now func() time.Time) connector.Connector {
					owner, repo, _ := strings.Cut(spelling, "/")
					return github.New(github.Config{Owner: owner, Repo: repo, Token: trackerToken, BaseURL: base + "/api/v3", Labels: true}, client, now)
				},
				violations: s.Violations,
			}
		},
		"gitlab": func() tracker {
			s, err := standgitlab.Open(standgitlab.Config{Dir: t.TempDir(), Now: now, Host: connectortest.Host, Root: "/gitlab",
				Tokens: map[string]string{trackerToken: "sync-bot"}, Projects: []standgitlab.Project{{Path: "acme/work"}}})
			must(err)
			t.Cleanup(func() { _ = s.Close() })
			number := strconv.FormatInt(s.ID("acme/work"), 10)

			return tracker{
				handler:   s.API(),
				spellings: []string{"acme/work", number, "acme/work", "Acme/Work"},
				rename:    func() error { return s.Rename("acme/work", "acme/better") },
				renamed:   []string{"acme/work", "acme/better", number},
				recreate:  func() error { return s.Recreate("acme/better") },
				open: func(client *outbound.Client, base, spelling string, now func() time.Time) connector.Connector {
					return gitlab.New(gitlab.Config{Project: spelling, Token: trackerToken, BaseURL: base + "/gitlab/api/v4", Labels: true}, client, now)
				},
				violations: s.Violations,
			}
		},
		"jira": func() tracker {
			s, err := standjira.Open(standjira.Config{Flavor: standjira.Datacenter, Dir: t.TempDir(), Now: now, BaseURL: base + "/jira",
				Accounts: map[string]standjira.Account{trackerToken: {Name: "sync-bot", Email: "bot@acme.test", Admin: true}},
				Projects: []standjira.Project{{Key: "WORK", Name: "Work"}}})
			must(err)
			t.Cleanup(func() { _ = s.Close() })

			return tracker{
				handler:   s.API(),
				spellings: []string{"WORK"},
				rename:    func() error { return s.Rename("WORK", "BETTER") },
				renamed:   []string{"WORK", "BETTER"},
				recreate:  func() error { return s.Recreate("BETTER") },
				open: func(client *outbound.Client, base, spelling string, now func() time.Time) connector.Connector {
					return jira.New(jira.Config{Flavor: form.Datacenter, BaseURL: base + "/jira", Token: trackerToken, ProjectKey: spelling, IssueType: "Task", Labels: true}, client, now)
				},
				violations: s.Violations,
			}
		},
		"mantisbt": func() tracker {
			s, err := fakemantisbt.Open(fakemantisbt.Config{Dir: t.TempDir(), Now: now, Tokens: map[string]string{trackerToken: "sync-bot"},
				Projects: []fakemantisbt.Project{{ID: 1, Name: "Work", Categories: []string{"General"}}}})
			must(err)
			t.Cleanup(func() { _ = s.Close() })

			return tracker{
				handler:   http.StripPrefix("/bugs", s.API()),
				spellings: []string{"Work", "1", "Work", "WORK"},
				rename:    func() error { return s.Rename(1, "Better") },
				renamed:   []string{"1", "Better"},
				recreate:  func() error { return s.Recreate(1) },
				open: func(client *outbound.Client, base, spelling string, now func() time.Time) connector.Connector {
					return mantisbt.New(mantisbt.Config{BaseURL: base + "/bugs/api/rest", Token: trackerToken, Project: spelling, Category: "General"}, client, now)
				},
				violations: s.Violations,
			}
		},
	}
}

// A1, A2, A4, A8 at each tracker over HTTP: 200 items are linked. The project is
// spelled otherwise, renamed, spelled as before and as now, its server gets
// another host name, and all links are lost: nothing is created again, nothing is
// published, the sync goes on. A project that was made again under its name is
// left alone.
func TestTheSamePlaceAtEachTracker(t *testing.T) {
	const items = 200
	for _, name := range []string{"github", "gitlab", "jira", "mantisbt"} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tr := trackers(t, w.clock.Now)[name]()
			var creates atomic.Int64
			var renamed atomic.Bool
			server := renaming(countingCreates(tr.handler, &creates), &renamed)
			client := connectortest.ServeAt(t, []string{connectortest.Host, moved}, server, trackerToken)
			spelling := tr.spellings[0]
			at := base
			w.engine.Open = func(ctx, store.View) (Opened, error) {
				return Opened{Connector: tr.open(client, at, spelling, w.clock.Now), Credential: w.credential, Limits: w.limits}, nil
			}
			w.pulling("all")
			for id := domain.Snowflake(1); id <= items; id++ {
				w.item(id, 1, nil)
			}

			w.start(domain.Full)
			w.settle()
			mustBe(t, "creates", creates.Load(), items)

			version := int64(1)
			same := func(what string) {
				t.Helper()
				version++
				w.reconfigure(store.Change{Enabled: true, Configuration: `{"pull":"all"}`, TargetHash: what, ConfigurationChanged: true})
				w.marked(7, version)
				w.clock.now = w.clock.now.Add(time.Minute)
				id := w.start(domain.Incremental)
				w.settle()
				run := w.run(id)
				mustBe(t, what+": status", run.Status, domain.Succeeded)
				mustBe(t, what+": updated", run.Counts.Updated, 1)
				mustBe(t, what+": creates", creates.Load(), items)
				mustBe(t, what+": events", fmt.Sprint(w.changes()), "[]")
			}
			for n, next := range tr.spellings[1:] {
				spelling = next
				same(fmt.Sprint(n, " spelled ", next))
			}

			w.must(tr.rename())
			for n, next := range tr.renamed {
				spelling = next
				same(fmt.Sprint(n, " renamed, spelled ", next))
			}

			at = "https://" + moved
			same("reached by a new host name")
			renamed.Store(true)
			const newHost = "the server has the new host name"
			same(newHost)
			mustBe(t, "the server is named by its host", strings.HasPrefix(w.state().Target.Instance, moved), true)

			key := w.state().Target.Key
			for _, sk := range w.raw("INT#" + w.pair.ID.Sortable()) {
				if strings.HasPrefix(sk, "LINK#"+key) || strings.HasPrefix(sk, "REMOTE#"+key) {
					w.erase(sk)
				}
			}

			w.clock.now = w.clock.now.Add(time.Hour)
			w.engine.Settings.RelinkBefore = w.clock.now
			w.settle()
			w.start(domain.Full)
			w.settle()
			mustBe(t, "all links lost: creates", creates.Load(), items)
			mustBe(t, "all links lost: events", fmt.Sprint(w.changes()), "[]")

			w.must(tr.recreate())
			spelling = tr.renamed[len(tr.renamed)-1]
			if name == "gitlab" || name == "mantisbt" { // by its name: the number is the old project's
				spelling = tr.renamed[1]
			}

			w.reconfigure(store.Change{Enabled: true, Configuration: `{"pull":"all","labels":"none"}`, TargetHash: newHost, ConfigurationChanged: true})
			w.marked(8, 2)
			w.clock.now = w.clock.now.Add(time.Minute)
			id := w.start(domain.Incremental)
			w.slices(id)
			mustBe(t, "made again: status", w.run(id).Status, domain.Failed)
			mustBe(t, "made again: code", w.run(id).Error.Code, targetMoved)
			mustBe(t, "made again: creates", creates.Load(), items)
		})
	}
}
