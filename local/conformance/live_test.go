package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	trials "example.com/integrations/local/live"
	fakegithub "example.com/integrations/local/providers/github"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/domain"
)

// passed is a clock in which waiting takes no time.
type passed struct{ off time.Duration }

func (p *passed) Now() time.Time { return time.Now().Add(p.off) }

func (p *passed) Sleep(ctx context.Context, d time.Duration) error {
	p.off += d

	return ctx.Err()
}

// liveAt runs a trial at each fake server, with something between the wire and it.
func liveAt(t *testing.T, between func(http.Handler) http.Handler, test func(t *testing.T, name string, trial *trials.Trial)) {
	t.Helper()
	trial := func(wire *trials.Wire, c connector.Connector) *trials.Trial {
		return &trials.Trial{Connector: c, Wire: wire, Clock: &passed{}, Yes: true}
	}
	for _, k := range kits {
		if k.fill == nil {
			continue
		}

		t.Run(k.name, func(t *testing.T) {
			wire := &trials.Wire{}
			c := k.fill(t, 0, func(fake http.Handler) http.Handler { return wire.Around(between(fake)) })
			test(t, k.name, trial(wire, c))
		})
	}

	for _, s := range chatStages(t) {
		t.Run(s.name, func(t *testing.T) {
			wire := &trials.Wire{}
			c := s.open(connectortest.Serve(t, wire.Around(between(s.api)), s.secrets...))
			test(t, s.name, trial(wire, c))
		})
	}
}

// untried are the promises that cannot be tried at a fake server, by its name, when
// no person is there.
func untried(name string) []string {
	switch name {
	case "slack_webhook", "teams":
		return []string{"a changed item changes its message", "a message whose answer was lost is found", "the provider's clock is known", cleaned, deleted}
	case "discord_webhook":
		return []string{"a message whose answer was lost is found", "the provider's clock is known", cleaned}
	case "slack", "discord":
		return []string{cleaned}
	case "github", "gitlab":
		return []string{"a person's edit is seen", "the place is known again under a new name", deleted}
	}

	if name == "mantisbt" {
		return []string{"labels are taken", "a person's edit is seen", "the place is known again under a new name"}
	}

	return []string{"a person's edit is seen", "the place is known again under a new name"}
}

const (
	cleaned = "what the trial made is closed"
	deleted = "what the trial made is deleted" // by no call of GitHub's REST API, and by no developer at GitLab
	limits  = "limits are told"                // not by every provider, and not in every answer
)

// outcomes are the promises of each outcome, limits apart.
func outcomes(t *testing.T, rows []trials.Row) map[trials.Outcome][]string {
	t.Helper()
	all := map[trials.Outcome][]string{}
	for _, r := range rows {
		t.Logf("%-60s %-9s %s", r.Promise, r.Outcome, r.Detail)
		if r.Promise != limits {
			all[r.Outcome] = append(all[r.Outcome], r.Promise)
		}
	}

	return all
}

// Every promise that can be tried is kept at each fake server.
func TestLivePromisesAtTheFakeServers(t *testing.T) {
	liveAt(t, straight, func(t *testing.T, name string, trial *trials.Trial) {
		rows, err := trial.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}

		all := outcomes(t, rows)
		if len(all[trials.Broken]) > 0 || !slices.Equal(all[trials.NotTried], untried(name)) {
			t.Errorf("broken %q, not tried %q", all[trials.Broken], all[trials.NotTried])
		}
	})
}

// A person edits an object: the last update is sent once more with the person's token
// and another title.
func TestLiveSeesAPersonsEdit(t *testing.T) {
	var provider http.Handler
	var last *http.Request
	var body []byte
	watched := func(fake http.Handler) http.Handler {
		provider = fake
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sent, _ := io.ReadAll(r.Body)
			r.Body = io.NopCloser(bytes.NewReader(sent))
			if (r.Method == http.MethodPatch || r.Method == http.MethodPut) && bytes.Contains(sent, []byte("Live check")) {
				last = r.Clone(context.Background())
				body = sent
			}

			fake.ServeHTTP(w, r)
		})
	}

	liveAt(t, watched, func(t *testing.T, name string, trial *trials.Trial) {
		if _, chat := trial.Connector.(connector.Chat); chat {
			t.Skip("a chat's messages are not listed")
		}

		trial.Ask = func(_ context.Context, what string) error {
			if !strings.HasPrefix(what, "Change the text") {
				return errors.New("not this time")
			}

			last.Header.Del("If-Match")
			last.Body = io.NopCloser(bytes.NewReader(bytes.Replace(body, []byte("Live check"), []byte("A person"), 1)))
			answer := httptest.NewRecorder()
			provider.ServeHTTP(answer, last)
			if answer.Code >= 300 {
				return fmt.Errorf("%d %s", answer.Code, answer.Body)
			}

			return nil
		}

		rows, err := trial.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}

		all := outcomes(t, rows)
		if !slices.Contains(all[trials.Kept], "a person's edit is seen") || !slices.Equal(all[trials.Broken], []string{"the place is known again under a new name"}) {
			t.Errorf("broken %q, not tried %q", all[trials.Broken], all[trials.NotTried])
		}
	})
}

// A trial makes nothing in a place with objects of others, and posts only what is
// allowed.
func TestLiveIsCareful(t *testing.T) {
	writes := 0
	counted := func(fake http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fake.ServeHTTP(w, r)
			if r.Method == http.MethodPost && (strings.HasSuffix(r.URL.Path, "/issues") || strings.HasSuffix(r.URL.Path, "/issue")) {
				writes++
			}
		})
	}

	liveAt(t, counted, func(t *testing.T, name string, trial *trials.Trial) {
		_, chat := trial.Connector.(connector.Chat)
		if !chat {
			marked(t, trial.Connector, "a person's", connector.Marker{Integration: 5, Item: 6, Attempt: 1, Tag: tagOne})
		}

		writes = 0
		trial.Yes = false
		rows, err := trial.Run(t.Context())
		all := outcomes(t, rows)
		if err != nil || writes != 0 {
			t.Fatalf("%d writes, %v", writes, err)
		}

		if want := []string{"the place holds nothing of others"}; !chat && !slices.Equal(all[trials.Broken], want) {
			t.Errorf("broken %q", all[trials.Broken])
		}

		if chat && len(all[trials.Broken]) > 0 {
			t.Errorf("broken %q", all[trials.Broken])
		}
	})
}

// A provider that fails breaks the promises that need what fails, and the trial
// says so.
func TestLivePromisesThatAreBroken(t *testing.T) {
	page := func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusOK)
		_, _ = fmt.Fprint(w, "<html><title>Log in</title>")
	}

	loginPage := func(fake http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				fake.ServeHTTP(w, r)
				return
			}
			page(w)
		})
	}

	liveAt(t, loginPage, func(t *testing.T, name string, trial *trials.Trial) {
		rows, err := trial.Run(t.Context())
		if err != nil {
			t.Fatal(err)
		}

		broken := outcomes(t, rows)[trials.Broken]
		if !slices.ContainsFunc(broken, func(promise string) bool {
			return strings.Contains(promise, "is created") || strings.Contains(promise, "is posted") || strings.Contains(promise, "check passes") || strings.Contains(promise, "same each time")
		}) {
			t.Errorf("broken %q", broken)
		}
	})
}

// A repository is renamed, or deleted and made again under its name.
func TestLiveSeesARename(t *testing.T) {
	for name, tt := range map[string]struct {
		do   func(*fakegithub.Server) error
		want trials.Outcome
	}{
		"renamed":    {func(s *fakegithub.Server) error { return s.Rename("acme", "work", "acme", "better") }, trials.Kept},
		"made again": {func(s *fakegithub.Server) error { return s.Recreate("acme", "work") }, trials.Broken},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := fakegithub.Open(fakegithub.Config{Dir: t.TempDir(), Tokens: map[string]string{githubToken: "sync-bot"},
				Repositories: []fakegithub.Repository{{Owner: "acme", Name: "work"}}})
			if err != nil {
				t.Fatal(err)
			}

			t.Cleanup(func() { _ = s.Close() })
			wire := &trials.Wire{}
			c := openGitHub(connectortest.Serve(t, wire.Around(http.StripPrefix("/api/v3", s.API())), githubToken))
			trial := &trials.Trial{Connector: c, Wire: wire, Clock: &passed{}, Ask: func(_ context.Context, what string) error {
				if strings.HasPrefix(what, "Rename") {
					return tt.do(s)
				}

				return errors.New("not this time")
			}}

			rows, err := trial.Run(t.Context())
			if err != nil {
				t.Fatal(err)
			}

			if all := outcomes(t, rows); !slices.Contains(all[tt.want], "the place is known again under a new name") {
				t.Errorf("%q", all)
			}
		})
	}
}

// A trial that is cancelled deletes what it has made, or closes it where it may not
// be deleted.
func TestLiveCleansUpWhenItIsCancelled(t *testing.T) {
	liveAt(t, straight, func(t *testing.T, name string, trial *trials.Trial) {
		puller, can := trial.Connector.(connector.Puller)
		if !can {
			t.Skip("messages stay")
		}

		ctx, cancel := context.WithCancel(t.Context())
		trial.Ask = func(context.Context, string) error {
			cancel()

			return ctx.Err()
		}
		if _, err := trial.Run(ctx); !errors.Is(err, context.Canceled) {
			t.Fatal(err)
		}

		left := 0
		if slices.Contains(untried(name), deleted) {
			left = 2
		}

		objects, _, err := puller.Changes(t.Context(), time.Time{}, 0)
		if err != nil || len(objects) != left {
			t.Fatalf("%d objects, %v", len(objects), err)
		}

		for _, o := range objects {
			if o.Seen.State != domain.Closed {
				t.Errorf("%s is %s", o.Title, o.Seen.State)
			}
		}
	})
}
