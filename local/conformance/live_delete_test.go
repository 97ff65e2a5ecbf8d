package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	trials "example.com/integrations/local/live"
	fakegitlab "example.com/integrations/local/providers/gitlab"
	fakejira "example.com/integrations/local/providers/jira"
	fakemantisbt "example.com/integrations/local/providers/mantisbt"
	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/domain"
)

// deletes reports whether a request asks for a delete.
func deletes(r *http.Request) bool {
	return r.Method == http.MethodDelete || strings.HasSuffix(r.URL.Path, "/chat.delete")
}

// rowOf is one row of a trial.
func rowOf(t *testing.T, rows []trials.Row, promise string) trials.Row {
	t.Helper()
	at := slices.IndexFunc(rows, func(r trials.Row) bool { return r.Promise == promise })
	if at < 0 {
		t.Fatalf("there is no row %q", promise)
	}

	return rows[at]
}

// A deleter is a tracker whose account may delete issues or not.
type deleter struct {
	name string
	open func(t *testing.T, may bool, through func(http.Handler) http.Handler) connector.Connector
}

func deleters() []deleter {
	jiraOf := func(flavor string) func(*testing.T, bool, func(http.Handler) http.Handler) connector.Connector {
		return func(t *testing.T, may bool, through func(http.Handler) http.Handler) connector.Connector {
			project := fakejira.Project{Key: "WORK"}
			if !may {
				project.Lacks = map[string][]string{"sync-bot": {"DELETE_ISSUES"}}
			}

			s, err := fakejira.Open(fakejira.Config{Flavor: flavor, Dir: t.TempDir(), BaseURL: "https://" + host,
				Accounts: map[string]fakejira.Account{jiraToken: {Name: "sync-bot", Email: jiraAccount, Zone: "Europe/Berlin"}},
				Projects: []fakejira.Project{project}})
			if err != nil {
				t.Fatal(err)
			}

			t.Cleanup(func() { _ = s.Close() })

			return jiraKit("", flavor).open(connectortest.Serve(t, through(s.API()), jiraToken))
		}
	}

	return []deleter{
		{"gitlab", func(t *testing.T, may bool, through func(http.Handler) http.Handler) connector.Connector {
			role := fakegitlab.Developer
			if may {
				role = fakegitlab.Owner
			}

			s, err := fakegitlab.Open(fakegitlab.Config{Dir: t.TempDir(), Host: host, Root: "/gitlab", Tokens: map[string]string{gitlabToken: "sync-bot"},
				Projects: []fakegitlab.Project{{Path: "acme/work", Roles: map[string]int{"sync-bot": role}}}})
			if err != nil {
				t.Fatal(err)
			}

			t.Cleanup(func() { _ = s.Close() })

			return openGitLab(connectortest.Serve(t, through(s.API()), gitlabToken))
		}},
		{"jira", jiraOf(form.Cloud)},
		{"jira_datacenter", jiraOf(form.Datacenter)},
		{"mantisbt", func(t *testing.T, may bool, through func(http.Handler) http.Handler) connector.Connector {
			settings := map[string]any{}
			if !may {
				settings["delete_bug_threshold"] = fakemantisbt.Administrator
			}

			s, err := fakemantisbt.Open(fakemantisbt.Config{Dir: t.TempDir(), Tokens: map[string]string{mantisbtToken: "sync-bot"},
				Projects: []fakemantisbt.Project{{ID: 1, Name: "Work"}}, Settings: settings})
			if err != nil {
				t.Fatal(err)
			}

			t.Cleanup(func() { _ = s.Close() })

			return openMantisBT(connectortest.Serve(t, through(s.API()), mantisbtToken))
		}},
	}
}

// heldBy lists what a place holds.
func heldBy(t *testing.T, c connector.Connector) []connector.Object {
	t.Helper()
	objects, _, err := c.(connector.Puller).Changes(context.WithoutCancel(t.Context()), time.Time{}, 0)
	if err != nil {
		t.Fatal(err)
	}

	return objects
}

// With the right to delete nothing is left, and an object of others stays as it is.
// Without the right the trial's objects stay closed, and the row says so.
func TestLiveDeletesByRight(t *testing.T) {
	for _, d := range deleters() {
		for _, may := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/%t", d.name, may), func(t *testing.T) {
				wire := &trials.Wire{}
				c := d.open(t, may, wire.Around)
				theirs := marked(t, c, "a person's", connector.Marker{Integration: 5, Item: 6, Attempt: 1, Tag: tagOne})
				before := heldBy(t, c)[0]

				trial := &trials.Trial{Connector: c, Wire: wire, Clock: &passed{}, Yes: true}
				rows, err := trial.Run(t.Context())
				if err != nil {
					t.Fatal(err)
				}

				want := trials.Row{Promise: deleted, Outcome: trials.Kept, Detail: "2 objects"}
				left := 1
				if !may {
					want.Outcome = trials.NotTried
					want.Detail = "the token may not delete (403): 2 objects are closed and stay"
					left = 3
				}

				if got := rowOf(t, rows, deleted); got != want {
					t.Errorf("%+v", got)
				}

				objects := heldBy(t, c)
				if len(objects) != left {
					t.Errorf("%d objects are left, want %d", len(objects), left)
				}

				for _, o := range objects {
					switch {
					case o.Remote.ID == theirs && (o.Title != before.Title || o.Seen != before.Seen):
						t.Errorf("the person's object was %+v and is %+v", before, o)
					case o.Remote.ID != theirs && o.Seen.State != domain.Closed:
						t.Errorf("%s is %s", o.Title, o.Seen.State)
					}
				}
			})
		}
	}
}

// A chat's messages of the trial are deleted where the API has a call for it, and
// no other ones.
func TestLiveDeletesMessages(t *testing.T) {
	for _, s := range chatStages(t) {
		t.Run(s.name, func(t *testing.T) {
			wire := &trials.Wire{}
			c := s.open(connectortest.Serve(t, wire.Around(s.api), s.secrets...))
			if _, err := c.Create(t.Context(), content(c), marker); err != nil {
				t.Fatal(err)
			}

			before := len(s.stood.Messages(s.channel))

			trial := &trials.Trial{Connector: c, Wire: wire, Clock: &passed{}, Yes: true}
			rows, err := trial.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}

			left := len(s.stood.Messages(s.channel)) - before
			got := rowOf(t, rows, deleted)
			if s.name == "teams" || s.name == "slack_webhook" {
				if left != 1 || got.Outcome != trials.NotTried || got.Detail != "the API has no call for it: 1 message stays" {
					t.Errorf("%d messages are left, %+v", left, got)
				}

				return
			}

			if left != 0 || got.Outcome != trials.Kept {
				t.Errorf("%d messages are left, %+v", left, got)
			}
		})
	}
}

// An answered is how a provider answers a delete, and what the trial makes of it.
type answered struct {
	name    string
	do      func(w http.ResponseWriter)
	outcome trials.Outcome
	says    string // in the row; for Slack slackSays
	slack   string
}

func answers() []answered {
	status := func(status int, body string) func(w http.ResponseWriter) {
		return func(w http.ResponseWriter) {
			w.Header().Set("Location", "/elsewhere")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}

	list := []answered{
		{"page", status(200, "<html><title>Log in</title>"), trials.Broken, "the provider answers 200", "the provider answers 200 without Slack's form"},
		{"not ok", status(200, `{"ok":false}`), trials.Broken, "the provider answers 200", "the provider answers 200 without ok"},
		{"another code", status(200, `{"ok":false,"error":"fatal_error"}`), trials.Broken, "the provider answers 200", "the provider answers 200 with fatal_error"},
		{"prose", status(200, `{"ok":false,"error":"Prose of others"}`), trials.Broken, "the provider answers 200", "the provider answers 200 without ok"},
		{"no answer", func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, trials.Broken, "the provider did not answer", ""},
		{"endless", func(w http.ResponseWriter) {
			for {
				if _, err := w.Write(bytes.Repeat([]byte(" "), 32<<10)); err != nil {
					return
				}
			}
		}, trials.Broken, "the provider answers 200", ""},
	}
	for _, code := range []int{401, 403, 404, 405} {
		list = append(list, answered{fmt.Sprint(code), status(code, ""), trials.NotTried, fmt.Sprintf("the token may not delete (%d): ", code), ""})
	}

	for _, code := range []int{202, 302, 307, 409, 429, 500, 503} {
		list = append(list, answered{fmt.Sprint(code), status(code, ""), trials.Broken, fmt.Sprintf("the provider answers %d", code), ""})
	}

	return list
}

// The row reports each answer to a delete except success: as a missing right, after
// which no other object is tried, or as a broken promise. A redirect
// is not followed, and no secret is in the row.
func TestLiveTellsHowADeleteIsAnswered(t *testing.T) {
	for _, a := range answers() {
		asked := 0
		between := func(fake http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.URL.Path == "/elsewhere":
					t.Error("a redirect is followed")
				case deletes(r):
					asked++
					a.do(w)

					return
				}

				fake.ServeHTTP(w, r)
			})
		}

		t.Run(a.name, func(t *testing.T) {
			liveAt(t, between, func(t *testing.T, name string, trial *trials.Trial) {
				asked = 0
				rows, err := trial.Run(t.Context())
				if err != nil {
					t.Fatal(err)
				}

				got := rowOf(t, rows, deleted)
				if slices.Contains([]string{"github", "teams", "slack_webhook"}, name) {
					if asked != 0 || !strings.HasPrefix(got.Detail, "the API has no call for it: ") {
						t.Errorf("%d deletes, %+v", asked, got)
					}

					return
				}

				says := a.says
				if name == "slack" && a.slack != "" {
					says = a.slack
				}

				made := 2
				if name == "discord_webhook" {
					made = 1
				}

				if a.outcome == trials.NotTried {
					made = 1 // the first refusal is enough
				}

				if strings.Contains(a.says, "answers 20") && name != "slack" {
					made *= 2 // a second delete would find nothing if the first one was done
				}

				if got.Outcome != a.outcome || !strings.Contains(got.Detail, says) || asked != made || strings.Contains(got.Detail, "Prose") {
					t.Errorf("%d deletes, %+v", asked, got)
				}

				for _, k := range kits {
					for _, secret := range k.secrets {
						if strings.Contains(got.Detail, secret) {
							t.Errorf("a secret is in %q", got.Detail)
						}
					}
				}
			})
		})
	}
}

// Slack says in its own codes that the token may not delete.
func TestLiveTellsSlacksRefusalOfADelete(t *testing.T) {
	for _, code := range []string{"cant_delete_message", "missing_scope", "message_not_found", "compliance_exports_prevent_deletion"} {
		refuse := func(fake http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if deletes(r) {
					_, _ = fmt.Fprintf(w, `{"ok":false,"error":%q}`, code)
					return
				}
				fake.ServeHTTP(w, r)
			})
		}

		liveAt(t, refuse, func(t *testing.T, name string, trial *trials.Trial) {
			if name != "slack" {
				t.Skip("of Slack's bot alone")
			}

			rows, err := trial.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}

			if got := rowOf(t, rows, deleted); got.Outcome != trials.NotTried || got.Detail != "the token may not delete ("+code+"): 2 messages stay" {
				t.Errorf("%+v", got)
			}
		})
	}
}

// An object without the trial's marker is not the trial's any more, and is not
// deleted: here a person replaces the text of each issue right after it is closed.
func TestLiveDeletesOnlyWhatCarriesItsMarker(t *testing.T) {
	asked := 0
	replaced := func(fake http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if deletes(r) {
				asked++
			}

			body, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(body))
			fake.ServeHTTP(w, r)
			if !bytes.Contains(body, []byte(`"state_event":"close"`)) {
				return
			}

			edit := r.Clone(r.Context())
			edit.Body = io.NopCloser(strings.NewReader(`{"description":"This is about something else."}`))
			fake.ServeHTTP(discarded{http.Header{}}, edit)
		})
	}

	wire := &trials.Wire{}
	c := deleters()[0].open(t, true, func(fake http.Handler) http.Handler { return wire.Around(replaced(fake)) })
	rows, err := (&trials.Trial{Connector: c, Wire: wire, Clock: &passed{}}).Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}

	got := rowOf(t, rows, deleted)
	if asked != 0 || got.Outcome != trials.Broken || strings.Count(got.Detail, "it does not carry the marker of this trial") != 2 {
		t.Errorf("%d deletes, %+v", asked, got)
	}

	if left := len(heldBy(t, c)); left != 2 {
		t.Errorf("%d objects are left", left)
	}
}

// discarded is an answer that is thrown away.
type discarded struct{ header http.Header }

func (d discarded) Header() http.Header         { return d.header }
func (d discarded) Write(b []byte) (int, error) { return len(b), nil }
func (d discarded) WriteHeader(int)             {}

// An object that a person has deleted meanwhile is no failure.
func TestLiveFindsItDeletedAlready(t *testing.T) {
	for _, d := range deleters() {
		t.Run(d.name, func(t *testing.T) {
			wire := &trials.Wire{}
			var provider http.Handler
			var last *http.Request
			asked := 0
			c := d.open(t, true, func(fake http.Handler) http.Handler {
				provider = fake
				return wire.Around(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if deletes(r) {
						last = r.Clone(context.Background())
						asked++
					}
					fake.ServeHTTP(w, r)
				}))
			})

			// The first trial tells what a delete looks like here.
			if _, err := (&trials.Trial{Connector: c, Wire: wire, Clock: &passed{}}).Run(t.Context()); err != nil {
				t.Fatal(err)
			}

			asked = 0
			trial := &trials.Trial{Connector: c, Wire: wire, Clock: &sleeper{each: func() {
				for _, o := range heldBy(t, c) {
					if o.Seen.State != domain.Closed || !strings.Contains(o.Title, "an answer is lost") {
						continue
					}

					name := o.Remote.ID
					if d.name == "gitlab" {
						name = o.Remote.Key
					}

					gone := last.Clone(context.Background())
					gone.URL.Path = gone.URL.Path[:strings.LastIndex(gone.URL.Path, "/")+1] + name
					gone.URL.RawPath = ""
					gone.Body = http.NoBody
					provider.ServeHTTP(discarded{http.Header{}}, gone)
				}
			}}}

			rows, err := trial.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}

			if got := rowOf(t, rows, deleted); got.Outcome != trials.Kept || got.Detail != "2 objects" || len(heldBy(t, c)) != 0 || asked != 1 {
				t.Errorf("%d deletes, %+v", asked, got)
			}
		})
	}
}

// A sleeper is a clock in which waiting takes no time. Something happens at each
// wait.
type sleeper struct {
	passed
	each func()
}

func (s *sleeper) Sleep(ctx context.Context, d time.Duration) error {
	s.each()

	return s.passed.Sleep(ctx, d)
}

// A trial that is cancelled deletes its messages too: here before any update has
// passed, so that only the post tells where they lie.
func TestLiveDeletesMessagesWhenItIsCancelled(t *testing.T) {
	for _, s := range chatStages(t) {
		t.Run(s.name, func(t *testing.T) {
			if s.name == "teams" || s.name == "slack_webhook" {
				t.Skip("its API has no call for it")
			}

			wire := &trials.Wire{}
			c := s.open(connectortest.Serve(t, wire.Around(s.api), s.secrets...))
			before := len(s.stood.Messages(s.channel))
			ctx, cancel := context.WithCancel(t.Context())
			waits := 0
			clock := &sleeper{each: func() {
				waits++
				if waits == 2 { // the first is before the post, the second before the edit
					cancel()
				}
			}}

			rows, err := (&trials.Trial{Connector: c, Wire: wire, Clock: clock, Yes: true}).Run(ctx)
			if !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}

			got := rowOf(t, rows, deleted)
			if left := len(s.stood.Messages(s.channel)) - before; left != 0 || got.Detail != "1 message" {
				t.Errorf("%d messages are left, %+v", left, got)
			}
		})
	}
}

// A delete keeps the pace of other writes.
func TestLiveDeletesInPace(t *testing.T) {
	clock := &passed{}
	var last time.Time
	seen := 0
	watched := func(fake http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			now := clock.Now()
			if deletes(r) {
				seen++
				if waited := now.Sub(last); waited < 1100*time.Millisecond {
					t.Errorf("a delete %s after the write before", waited)
				}
			}

			if r.Method != http.MethodGet {
				last = now
			}

			fake.ServeHTTP(w, r)
		})
	}

	liveAt(t, watched, func(t *testing.T, name string, trial *trials.Trial) {
		seen = 0
		trial.Clock = clock
		if _, err := trial.Run(t.Context()); err != nil {
			t.Fatal(err)
		}

		if none := slices.Contains([]string{"github", "teams", "slack_webhook"}, name); none != (seen == 0) {
			t.Errorf("%d deletes", seen)
		}
	})
}

// A delete that is answered with another success is proven by a second one, which
// finds nothing. Where that one finds the object, the promise is broken.
func TestLiveProvesAnotherSuccessOfADelete(t *testing.T) {
	for _, d := range deleters() {
		for _, done := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s/%t", d.name, done), func(t *testing.T) {
				wire := &trials.Wire{}
				seen := map[string]bool{}
				c := d.open(t, true, func(fake http.Handler) http.Handler {
					return wire.Around(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if !deletes(r) || seen[r.URL.Path] && done {
							fake.ServeHTTP(w, r)
							return
						}

						seen[r.URL.Path] = true
						if done {
							fake.ServeHTTP(discarded{http.Header{}}, r)
						}

						w.WriteHeader(http.StatusOK)
					}))
				})

				rows, err := (&trials.Trial{Connector: c, Wire: wire, Clock: &passed{}}).Run(t.Context())
				if err != nil {
					t.Fatal(err)
				}

				got := rowOf(t, rows, deleted)
				if done && (got.Outcome != trials.Kept || len(heldBy(t, c)) != 0) || !done && (got.Outcome != trials.Broken || len(heldBy(t, c)) != 2) {
					t.Errorf("%+v, %d objects are left", got, len(heldBy(t, c)))
				}
			})
		}
	}
}
