package recording

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"example.com/integrations/local/providers/faults"
	standinhub "example.com/integrations/local/providers/github"
	standinlab "example.com/integrations/local/providers/gitlab"
	standinra "example.com/integrations/local/providers/jira"
	standinbt "example.com/integrations/local/providers/mantisbt"
	"example.com/integrations/shared/configuration/form"
	"example.com/integrations/shared/connector"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/github"
	"example.com/integrations/shared/connector/gitlab"
	"example.com/integrations/shared/connector/jira"
	"example.com/integrations/shared/connector/mantisbt"
	"example.com/integrations/shared/domain"
)

const ours = "our-secret-token"

// A clock that a test moves.
type clock struct {
	lock sync.Mutex
	at   time.Time
}

func (c *clock) now() time.Time {
	c.lock.Lock()
	defer c.lock.Unlock()

	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.lock.Lock()
	defer c.lock.Unlock()

	c.at = c.at.Add(d)
}

type tracker interface {
	connector.Connector
	connector.Puller
	connector.Checker
}

// A subject is a provider whose fake server is recorded and replayed.
type subject struct {
	// open is a new fake server with the same declared state, or with one whose place
	// is locked.
	open    func(t *testing.T, now func() time.Time, locked bool) (http.Handler, *faults.Kit)
	connect func(t *testing.T, api http.Handler, now func() time.Time) tracker
	header  string
	scheme  string
	values  []string
	token   string // "" is ours
	// longer are the lists that show other issues too.
	longer []string
}

func subjects() map[string]subject {
	return map[string]subject{
		"gitlab": {
			open: func(t *testing.T, now func() time.Time, locked bool) (http.Handler, *faults.Kit) {
				server, err := standinlab.Open(standinlab.Config{
					Dir: t.TempDir(), Host: connectortest.Host, Tokens: map[string]string{ours: "sync-bot"}, Now: now,
					Projects: []standinlab.Project{{Path: "acme/work", NoIssues: locked}},
				})
				if err != nil {
					t.Fatal(err)
				}

				t.Cleanup(func() { server.Close() })

				return server.API(), server.Faults()
			},
			connect: func(t *testing.T, api http.Handler, now func() time.Time) tracker {
				client := connectortest.Serve(t, api, ours)
				config := gitlab.Config{Project: "acme/work", Token: ours, BaseURL: "https://" + connectortest.Host + "/api/v4", Labels: true}

				return gitlab.New(config, client, now)
			},
			header: "Private-Token", values: []string{"state", "title", "iid", "*.iid", "*.state", "created_at", "author.username"},
		},
		"github": {
			open: func(t *testing.T, now func() time.Time, locked bool) (http.Handler, *faults.Kit) {
				server, err := standinhub.Open(standinhub.Config{
					Dir: t.TempDir(), Tokens: map[string]string{ours: "sync-bot"}, Now: now,
					Repositories: []standinhub.Repository{{Owner: "acme", Name: "work", NoIssues: locked}},
				})
				if err != nil {
					t.Fatal(err)
				}

				t.Cleanup(func() { server.Close() })

				return http.StripPrefix("/api/v3", server.API()), server.Faults()
			},
			connect: func(t *testing.T, api http.Handler, now func() time.Time) tracker {
				client := connectortest.Serve(t, api, ours)
				config := github.Config{Owner: "acme", Repo: "work", Token: ours, BaseURL: "https://" + connectortest.Host + "/api/v3", Labels: true}

				return github.New(config, client, now)
			},
			header: "Authorization", scheme: "Bearer ", values: []string{"state", "title", "number", "*.number", "*.state", "created_at", "user.login"},
		},
		"mantisbt": {
			open: func(t *testing.T, now func() time.Time, locked bool) (http.Handler, *faults.Kit) {
				server, err := standinbt.Open(standinbt.Config{
					Dir: t.TempDir(), Tokens: map[string]string{ours: "sync-bot"}, Now: now, Web: "https://" + connectortest.Host,
					Projects: []standinbt.Project{{ID: 1, Name: "work", Disabled: locked}},
				})
				if err != nil {
					t.Fatal(err)
				}

				t.Cleanup(func() { server.Close() })

				return server.API(), server.Faults()
			},
			connect: func(t *testing.T, api http.Handler, now func() time.Time) tracker {
				client := connectortest.Serve(t, api, ours)
				config := mantisbt.Config{BaseURL: "https://" + connectortest.Host + "/api/rest", Token: ours, Project: "work", Category: "General"}

				return mantisbt.New(config, client, now)
			},
			header: "Authorization", values: []string{"issue.summary", "issue.id", "issues.*.id", "issues.*.status.name", "issue.created_at"},
			longer: []string{"check-4", "list", "list-2"},
		},
		"jira": {
			open: func(t *testing.T, now func() time.Time, locked bool) (http.Handler, *faults.Kit) {
				project := standinra.Project{Key: "WORK", Name: "work"}
				if locked {
					project.Readers = []string{"sync-bot"}
				}

				server, err := standinra.Open(standinra.Config{
					Flavor: standinra.Cloud, Dir: t.TempDir(), BaseURL: "https://" + connectortest.Host, Now: now, Projects: []standinra.Project{project},
					Accounts: map[string]standinra.Account{ours: {Name: "sync-bot", Email: "bot@acme.test", Zone: "Europe/Berlin"}},
				})
				if err != nil {
					t.Fatal(err)
				}

				t.Cleanup(func() { server.Close() })

				return server.API(), server.Faults()
			},
			connect: func(t *testing.T, api http.Handler, now func() time.Time) tracker {
				client := connectortest.Serve(t, api, ours)
				config := jira.Config{
					Flavor: form.Cloud, BaseURL: "https://" + connectortest.Host, Email: "bot@acme.test", Token: ours, ProjectKey: "WORK", IssueType: "Task", Labels: true,
				}

				return jira.New(config, client, now)
			},
			header: "Authorization", scheme: "Basic ", token: base64.StdEncoding.EncodeToString([]byte("bot@acme.test:" + ours)),
			values: []string{"id", "key", "issues.*.id", "issues.*.fields.status.name", "fields.summary"},
			longer: []string{"check-6"},
		},
	}
}

// record plays a create, reads, updates and lists through the real connector, and
// gives the scrubbed recording as it is read from its file.
func (s subject) record(t *testing.T) []Exchange {
	t.Helper()
	at := &clock{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	api, _ := s.open(t, at.now, false)
	r := &Recorder{}
	c := s.connect(t, r.Handler(api), at.now)

	r.Case("check", "writer", "")
	if _, err := c.Check(t.Context()); err != nil {
		t.Fatal(err)
	}

	r.Case("create", "writer", "")
	m := connector.Marker{Integration: 1, Item: 2, Attempt: 1}
	content := connector.Content{Title: "Ours", Body: "for @sync-bot", Labels: []string{"one"}, State: domain.Open}
	written, err := c.Create(t.Context(), content, m)
	if err != nil {
		t.Fatal(err)
	}

	at.pass(time.Minute)
	r.Case("update", "writer", "")
	sent := connector.Sent{Remote: written.Remote, Labels: content.Labels, State: domain.Open, Seen: written.Seen}
	content.Title = "Again"
	content.State = domain.Closed
	if _, err := c.Update(t.Context(), sent, content, m); err != nil {
		t.Fatal(err)
	}

	r.Case("read", "writer", "")
	if _, err := c.Read(t.Context(), written.Remote); err != nil {
		t.Fatal(err)
	}

	r.Case("list", "writer", "")
	if all, _, err := c.Changes(t.Context(), at.now().Add(-time.Hour), 0); err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}

	var file bytes.Buffer
	places := map[string]string{"acme": "acme", "work": "work"}
	if err := r.Save(&file, scrubber(t, Scrub{Secrets: []string{ours}, Hosts: []string{connectortest.Host}, Places: places})); err != nil {
		t.Fatal(err)
	}

	for _, gone := range []string{ours, connectortest.Host, "sync-bot", "bot@acme.test"} {
		if strings.Contains(file.String(), gone) {
			t.Errorf("%s is left in %s", gone, file.String())
		}
	}

	all, err := Read(&file)
	if err != nil || len(all) < 5 {
		t.Fatalf("%d exchanges, %v", len(all), err)
	}

	return all
}

func (s subject) replay() Replay {
	return Replay{
		Reason: true, Values: s.values,
		Authorize: func(role string, request *http.Request) {
			if role != "writer" {
				panic("the role " + role + " is in no recording here")
			}
			request.Header.Set(s.header, s.scheme+cmp.Or(s.token, ours))
		},
	}
}

func sentences(all []Difference) string {
	var lines []string
	for _, one := range all {
		lines = append(lines, one.String())
	}

	return strings.Join(lines, "\n")
}

// A fake server with the same declared state answers as it was recorded, also if its
// clock is elsewhere and other issues are there.
func TestAReplayFindsTheSame(t *testing.T) {
	for name, s := range subjects() {
		t.Run(name, func(t *testing.T) {
			all := s.record(t)
			at := &clock{at: time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)}
			api, _ := s.open(t, at.now, false)
			found, err := s.replay().Against(t.Context(), api, all)
			if err != nil || len(found) > 0 {
				t.Errorf("%v\n%s", err, sentences(found))
			}
		})
	}
}

// Ids that a create gave are mapped to those of the fake server.
func TestAReplayMapsIDs(t *testing.T) {
	for name, s := range subjects() {
		t.Run(name, func(t *testing.T) {
			all := s.record(t)
			at := &clock{at: time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC)}
			api, _ := s.open(t, at.now, false)
			c := s.connect(t, api, at.now)
			for range 2 {
				if _, err := c.Create(t.Context(), connector.Content{Title: "other", Body: "text", State: domain.Open}, connector.Marker{Integration: 1, Item: 9, Attempt: 1}); err != nil {
					t.Fatal(err)
				}
			}

			at.pass(5 * time.Hour)

			found, err := s.replay().Against(t.Context(), api, all)
			// Some lists have no lower bound: the other issues are in them.
			found = slices.DeleteFunc(found, func(d Difference) bool { return slices.Contains(s.longer, d.Case) })
			if err != nil || len(found) > 0 {
				t.Errorf("%v\n%s", err, sentences(found))
			}
		})
	}
}

// A fake server with a fault or with another state differs, and the list says where.
func TestAReplayNamesDifferences(t *testing.T) {
	for name, s := range subjects() {
		t.Run(name, func(t *testing.T) {
			all := s.record(t)
			now := (&clock{at: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}).now

			locked, _ := s.open(t, now, true)
			found, err := s.replay().Against(t.Context(), locked, all)
			if err != nil || !slices.ContainsFunc(found, func(d Difference) bool { return d.Case == "create" && d.What == "the status" && d.Want == "201" }) {
				t.Errorf("%v\n%s", err, sentences(found))
			}

			broken, kit := s.open(t, now, false)
			if _, err := kit.Add(faults.Order{Fault: faults.ErrorBefore, Times: 1, Status: 503, Match: faults.Match{Kind: faults.Create}}); err != nil {
				t.Fatal(err)
			}

			found, err = s.replay().Against(t.Context(), broken, all)
			if err != nil || !strings.Contains(sentences(found), "create: the status is 503, want 201") {
				t.Errorf("%v\n%s", err, sentences(found))
			}

			lost, kit := s.open(t, now, false)
			if _, err := kit.Add(faults.Order{Fault: faults.LostAnswer, Times: 1, Match: faults.Match{Kind: faults.Create}}); err != nil {
				t.Fatal(err)
			}

			found, err = s.replay().Against(t.Context(), lost, all)
			if err != nil || !strings.Contains(sentences(found), "create: the answer is absent: no whole answer came, want status 201") {
				t.Errorf("%v\n%s", err, sentences(found))
			}
		})
	}
}

// answering is a fake server that answers each request alike.
func answering(status int, contentType, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body)) // the caller is gone otherwise
	})
}

func TestDifferences(t *testing.T) {
	const media = "application/json"
	for name, test := range map[string]struct {
		want, got, media string
		status           int
		replay           Replay
		says             string
	}{
		"equal":               {`{"a":1}`, `{"a":2}`, media + "; charset=utf-8", 200, Replay{}, ""},
		"status":              {`{}`, `{}`, media, 201, Replay{}, "c: the status is 201, want 200"},
		"content type":        {`{}`, `{}`, "text/html", 200, Replay{}, `c: the content type is "text/html", want "application/json"`},
		"reason":              {`{}`, `{}`, media, 200, Replay{Reason: true}, `c: the reason phrase is "OK", want "Fine"`},
		"kind":                {`{"a":{"b":1}}`, `{"a":{"b":"1"}}`, media, 200, Replay{}, "c: the member a.b is a string, want a number"},
		"null":                {`{"a":null}`, `{"a":[]}`, media, 200, Replay{}, "c: the member a is an array, want null"},
		"missing":             {`{"a":{"b":1}}`, `{"a":{}}`, media, 200, Replay{}, "c: the member a.b is missing, want a number"},
		"more":                {`{"a":{}}`, `{"a":{"b":[true]}}`, media, 200, Replay{}, "c: the member a.b is an array, want missing"},
		"value":               {`{"a":[{"s":"x"},{"s":"y"}]}`, `{"a":[{"s":"x"},{"s":"z"}]}`, media, 200, Replay{Values: []string{"a.*.s"}}, `c: the member a.1.s is "z", want "y"`},
		"value not in a list": {`{"a":{"s":"x"}}`, `{"a":{"s":"z"}}`, media, 200, Replay{Values: []string{"s", "a.*.s"}}, ""},
		"times":               {`{"a":"2026-01-02T03:04:05Z"}`, `{"a":"2027-01-02T03:04:05.123+01:00"}`, media, 200, Replay{Values: []string{"a"}}, ""},
		"a time and a word":   {`{"a":"2026-01-02T03:04:05Z"}`, `{"a":"never"}`, media, 200, Replay{Values: []string{"a"}}, `c: the member a is "never", want "2026-01-02T03:04:05Z"`},
		"length":              {`{"a":[1]}`, `{"a":[1,2]}`, media, 200, Replay{}, "c: the number of elements of the member a is 2, want 1"},
		"cut list":            {`{"a":[1],"_cut":"first 1 of 2"}`, `{"a":[1,2]}`, media, 200, Replay{}, ""},
		"ignored":             {`{"a":{"b":1,"c":2}}`, `{"a":{"b":"1","d":2}}`, media, 200, Replay{Ignore: []string{"a.*"}}, ""},
		"page":                {`{"a":1}`, `<html>x`, media, 200, Replay{}, "c: the body is HTML, want JSON"},
		"empty":               {`{"a":1}`, ``, media, 200, Replay{}, "c: the body is empty, want JSON"},
		"text":                {``, `x`, media, 200, Replay{}, "c: the body is text, want empty"},
		"root":                {`[]`, `{}`, media, 200, Replay{}, "c: the body is an object, want an array"},
	} {
		e := exchange("GET", "/", "", test.want)
		e.Response.Reason = "Fine"
		found, err := test.replay.Against(t.Context(), answering(test.status, test.media, test.got), []Exchange{e})
		if err != nil || sentences(found) != test.says {
			t.Errorf("%s: %v\n%s\nwant %s", name, err, sentences(found), test.says)
		}
	}
}

// Of an answer that was not recorded whole, what is there is compared.
func TestAReplayOfWhatIsNotWhole(t *testing.T) {
	e := exchange("GET", "/", "", "")
	e.Response.Cut = "the body is longer than 7 bytes"
	none := exchange("GET", "/", "", "")
	none.Response = Response{Cut: "no answer came"}
	found, err := Replay{}.Against(t.Context(), answering(500, "application/json", "{}"), []Exchange{e, none})
	if err != nil || sentences(found) != "c: the status is 500, want 200" {
		t.Errorf("%v, %s", err, sentences(found))
	}
}

// What is sent holds ids, tags and times of the fake server.
func TestWhatAReplaySends(t *testing.T) {
	answers := []string{
		`{"issue":{"category":{"id":7},"id":7,"node_id":"I_abc123","updated_at":"2026-03-04T05:06:07Z","user":{"login":"person-1"}},"project":{"id":1}}`, `{"next_cursor":"dXNlcjpVMDYx"}`, `{}`,
	}
	given := []string{
		`{"issue":{"category":{"id":7},"id":42,"node_id":"I_xyz789","updated_at":"2026-03-05T05:06:07Z","user":{"login":"sync-bot"}},"project":{"id":1}}`, `{"next_cursor":"bmV4dA=="}`, `{}`,
	}
	create := exchange("POST", "/projects/7/issues", `{"project":{"id":7}}`, answers[0])
	list := exchange("GET", "/issues?updated_after=2026-03-04T05:06:07Z&created_after=2026-03-04+01:00&creator=person-1", "", answers[1])
	list.Response.Header["ETag"] = "0a0a0a"
	last := exchange("PATCH", "/projects/7/issues/7?since=2026-03-04T04:06:07Z&cursor=dXNlcjpVMDYx&number=7", `{"issue":{"id":7},"node":"I_abc123","project":{"id":7},"text":"see I_abc123 or 7"}`, answers[2])
	last.Request.Header["If-Match"] = text("0a0a0a")
	last.Request.Header["Accept"] = nil

	var got []string
	i := 0
	handler := http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		var body bytes.Buffer
		if _, err := body.ReadFrom(request.Body); err != nil {
			t.Error(err)
		}

		got = append(got, request.URL.RequestURI()+" "+request.Header.Get("Accept")+" "+request.Header.Get("If-Match")+" "+body.String())
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("ETag", "0b0b0b")
		_, _ = w.Write([]byte(given[i])) // the caller is gone otherwise
		i++
	})

	found, err := Replay{Values: []string{"issue.id", "next_cursor"}}.Against(t.Context(), handler, []Exchange{create, list, last})
	if err != nil || len(found) > 0 {
		t.Errorf("%v, %s", err, sentences(found))
	}

	want := []string{
		`/projects/7/issues application/json  {"project":{"id":7}}`,
		`/issues?updated_after=2026-03-05T05%3A06%3A07Z&created_after=2026-03-05+01%3A00&creator=sync-bot application/json  `,
		`/projects/7/issues/42?since=2026-03-05T04%3A06%3A07Z&cursor=bmV4dA%3D%3D&number=7  0b0b0b {"issue":{"id":42},"node":"I_xyz789","project":{"id":7},"text":"see I_xyz789 or 7"}`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A server that answers as the real one did has no differences, in any of the
// forms of the recordings. Each request is sent as it was recorded.
func TestAReplayOfRealExchanges(t *testing.T) {
	all := realExchanges(t)
	i := 0
	handler := http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		e := all[i]
		i++
		var body bytes.Buffer
		if _, err := body.ReadFrom(request.Body); err != nil {
			t.Error(err)
		}

		if request.URL.RequestURI() != e.Request.Path || body.String() != string(e.Request.Body.Bytes()) || request.Method != e.Request.Method {
			t.Errorf("%s: %s %s %.200s", e.Case, request.Method, request.URL.RequestURI(), body.String())
		}

		for name, value := range e.Response.Header {
			w.Header().Set(name, value)
		}

		conn, buffered, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)

			return
		}

		defer conn.Close()
		text := e.Response.Body.Bytes()
		if request.Method == http.MethodHead || e.Response.Status == http.StatusNotModified {
			text = nil
		}

		fmt.Fprintf(buffered, "HTTP/1.1 %d %s\r\nContent-Length: %d\r\nConnection: close\r\n", e.Response.Status, e.Response.Reason, len(text))
		if err := w.Header().Write(buffered); err != nil {
			t.Error(err)
		}

		fmt.Fprintf(buffered, "\r\n%s", text)
		if err := buffered.Flush(); err != nil {
			t.Error(err)
		}
	})

	found, err := Replay{Reason: true, Values: []string{"issues.*.id", "issue.summary"}}.Against(t.Context(), handler, all)
	if err != nil || len(found) > 0 || i != len(all) {
		t.Errorf("%d sent, %v\n%s", i, err, sentences(found))
	}
}

func TestAReplayEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { cancel() })
	_, err := Replay{}.Against(ctx, handler, []Exchange{exchange("GET", "/", "", ""), exchange("GET", "/", "", "")})
	if err == nil || !strings.Contains(err.Error(), "replay of c") {
		t.Error(err)
	}
}

func FuzzMapping(f *testing.F) {
	f.Add("/issues/7?since=2026-01-02T03:04:05Z", []byte(`{"id":7,"a":"2026-01-02 03:04"}`), []byte(`{"id":8,"a":"2026-02-02 03:04"}`))
	f.Add("/%zz?a=%zz&=", []byte(`{"issue":{"id":"x"}}`), []byte(`{"issue":{"id":123456}}`))
	f.Fuzz(func(t *testing.T, target string, want, got []byte) {
		m := newMapping(DefaultGiven())
		e := exchange("POST", "/issues", string(want), string(want))
		m.learn(e, exchange("POST", "/issues", "", string(got)).Response)
		m.target(target)
		if sent := m.body(e.Request.Body); len(want) > 0 && string(want) != "null" && (BodyOf(sent) == nil) {
			t.Errorf("%q became nothing", want)
		}

		c := &comparison{replay: Replay{Values: []string{"*", "*.*"}}, mapping: m}
		c.bodies(want, want)
		if len(c.found) > 0 && len(m.distinct)+len(m.numbers) == 0 {
			t.Errorf("%q differs from itself: %s", want, sentences(c.found))
		}
	})
}
