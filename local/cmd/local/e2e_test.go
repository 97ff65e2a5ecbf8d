//go:build e2e

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"example.com/integrations/local/environment"
	"example.com/integrations/local/environment/sample"
	fake "example.com/integrations/local/providers/github"
	"example.com/integrations/local/testkit"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// patience is how long a test waits for real queues before it gives up: longer
// than a slow machine takes.
const patience = 15 * time.Minute

// A target is an environment that is running here or in another process.
type target struct {
	Endpoints environment.Endpoints
	Control   environment.Control
	here      *environment.Environment
	dir       string
}

func (e *target) store() *store.Store {
	return store.New(testkit.DynamoDBClient(e.Endpoints.DynamoDB), e.Control.Table)
}

// github is the fake server itself.
func (e *target) github() *fake.Server { return e.here.FakeServer("github").(*fake.Server) }

// started is an environment in a folder of its own.
func started(t *testing.T, change func(*environment.Options)) *target {
	t.Helper()
	o := environment.Options{Dir: keepDir(t), Minute: 2 * time.Second, Sample: sampleOrganisation()}
	if change != nil {
		change(&o)
	}

	e, err := environment.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(e.Stop)

	return &target{Endpoints: e.Endpoints, Control: e.Control, here: e, dir: o.Dir}
}

// publish sends details through the bus.
func publish(t *testing.T, e *target, detailType string, details [][]byte) {
	t.Helper()
	events := e.Control.EventsClient()
	source := "platform"
	for len(details) > 0 {
		n := min(10, len(details))
		in := &eventbridge.PutEventsInput{}
		for _, d := range details[:n] {
			text := string(d)
			in.Entries = append(in.Entries, types.PutEventsRequestEntry{EventBusName: &e.Control.Bus, Source: &source, DetailType: &detailType, Detail: &text})
		}

		out, err := events.PutEvents(t.Context(), in)
		if err != nil || out.FailedEntryCount > 0 {
			t.Fatalf("put events: %v %+v", err, out)
		}

		details = details[n:]
	}
}

type received struct {
	Objects []struct {
		Repo, Title, State string
	} `json:"objects"`
	Writes []struct {
		Method, Path string
		Status       int
	} `json:"writes"`
}

func look(t *testing.T, e *target) received {
	t.Helper()
	resp, err := http.Get(e.Endpoints.Providers["github"] + "/_/received")
	if err != nil {
		t.Fatal(err)
	}

	defer resp.Body.Close()
	var r received
	if err := json.NewDecoder(resp.Body).Decode(&r); err != nil {
		t.Fatal(err)
	}

	return r
}

// count says how much a repository got.
func (r received) count(repo string) (objects, closed, creates, updates int) {
	for _, o := range r.Objects {
		if o.Repo == repo {
			objects++
			if o.State == "closed" {
				closed++
			}
		}
	}

	for _, w := range r.Writes {
		switch {
		case !strings.Contains(w.Path, "/"+repo+"/"):
		case w.Method == http.MethodPost && w.Status == http.StatusCreated:
			creates++
		case w.Method == http.MethodPatch && w.Status == http.StatusOK:
			updates++
		}
	}

	return objects, closed, creates, updates
}

// quiet waits until an integration has no run and no mark, and all the events
// that were sent have been taken.
func quiet(t *testing.T, e *target, id domain.Snowflake, done func() bool) {
	t.Helper()
	st := e.store()
	deadline := time.Now().Add(patience)
	var last string
	for time.Now().Before(deadline) {
		state, err := st.State(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}

		marks, err := st.CountPendingChanges(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}

		if state != nil && state.Run == nil && marks == 0 && done() {
			return
		}

		if state != nil {
			b, _ := json.Marshal(state)
			last = fmt.Sprintf("%d marks, state %s", marks, b)
		}

		time.Sleep(200 * time.Millisecond)
	}

	t.Fatalf("integration %s does not come to rest: %s", id, last)
}

// asDocumented holds an answer that came all the way through the gateway against
// the API's document.
func asDocumented(t *testing.T, req *http.Request, resp *http.Response, body []byte) {
	t.Helper()
	operation, _ := testkit.MustContract().Match(req.Method, req.URL.EscapedPath())
	if operation == nil {
		t.Fatalf("%s %s is not documented", req.Method, req.URL)
	}

	if err := operation.Answer(testkit.Answer{Status: resp.StatusCode, Header: resp.Header, Body: body}); err != nil {
		t.Error(err)
	}
}

// syncNow starts a sync over HTTP, as a manager, and waits for its end.
func syncNow(t *testing.T, e *target, id domain.Snowflake) domain.Run {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, e.Endpoints.API+"/integrations/"+id.String()+"/sync", nil)
	if err != nil {
		t.Fatal(err)
	}

	req.Header.Set("Authorization", "Bearer "+e.Endpoints.Tokens["manager"])
	var run domain.Run
	for {
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}

		body, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		asDocumented(t, req, resp, body)
		if resp.StatusCode == http.StatusTooManyRequests {
			time.Sleep(2 * time.Second)
			continue
		}

		if resp.StatusCode != http.StatusAccepted {
			t.Fatalf("sync: %d %s", resp.StatusCode, body)
		}

		if err := json.Unmarshal(body, &run); err != nil {
			t.Fatal(err)
		}

		break
	}

	quiet(t, e, id, func() bool { return true })
	st := e.store()
	ended, err := st.Run(t.Context(), id, run.ID, time.Now())
	if err != nil {
		t.Fatal(err)
	}

	return ended
}

// real reads the public items of a type.
func real(t *testing.T, itemType string) [][]byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "data", "items.jsonl"))
	if err != nil {
		t.Skip("the public items are not beside the project: ", err)
	}

	var details [][]byte
	for line := range bytes.Lines(data) {
		if bytes.Contains(line, []byte(`"item_type": "`+itemType+`"`)) {
			details = append(details, bytes.TrimSpace(line))
		}
	}

	return details
}

func TestRealItemsArriveOnce(t *testing.T) {
	e := started(t, nil)
	for _, c := range []struct {
		itemType, repo string
		id             domain.Snowflake
		items          int
	}{{"work_item", sample.RepoWork, sample.GitHub, 645}, {"document", sample.RepoDocs, sample.Documents, 736}} {
		t.Run(c.itemType, func(t *testing.T) {
			details := real(t, c.itemType)
			if len(details) != c.items {
				t.Fatalf("%d items, want %d", len(details), c.items)
			}

			closed := 0
			for _, d := range details {
				if bytes.Contains(d, []byte(`"state": "closed"`)) {
					closed++
				}
			}

			publish(t, e, "item.created", details)
			quiet(t, e, c.id, func() bool { n, _, _, _ := look(t, e).count(c.repo); return n == c.items })
			run := syncNow(t, e, c.id)
			objects, shut, creates, updates := look(t, e).count(c.repo)
			t.Logf("first: %d objects, %d closed, %d creates, %d updates, counts %+v", objects, shut, creates, updates, run.Counts)
			if objects != c.items || creates != c.items || shut != closed || updates != closed {
				t.Errorf("want %d objects and creates, %d closed by as many updates", c.items, closed)
			}

			run = syncNow(t, e, c.id)
			if _, _, again, changed := look(t, e).count(c.repo); again != creates || changed != updates {
				t.Errorf("a second sync wrote: %d creates, %d updates", again-creates, changed-updates)
			}

			if run.Counts.Unchanged != c.items && run.Mode == domain.Full {
				t.Errorf("second sync: counts %+v", run.Counts)
			}

			var changed [][]byte
			for n := range 10 {
				var detail map[string]any
				if err := json.Unmarshal(details[n*60], &detail); err != nil {
					t.Fatal(err)
				}

				detail["version"], detail["title"] = 2, fmt.Sprint("changed ", n)
				b, err := json.Marshal(detail)
				if err != nil {
					t.Fatal(err)
				}

				changed = append(changed, b)
			}

			publish(t, e, "item.updated", changed)
			quiet(t, e, c.id, func() bool { _, _, _, u := look(t, e).count(c.repo); return u >= updates+10 })
			syncNow(t, e, c.id)
			if _, _, c2, u2 := look(t, e).count(c.repo); c2 != creates || u2 != updates+10 {
				t.Errorf("10 changes: %d creates, %d updates", c2-creates, u2-updates)
			}
		})
	}
}

// own makes details of the sample organisation.
func own(n int) [][]byte {
	var details [][]byte
	for i := range n {
		b, err := json.Marshal(map[string]any{
			"id": fmt.Sprint(1300000000000000001 + i), "organisation_id": sample.Organisation.String(), "item_type": "work_item", "prefix_id": nil,
			"formatted_number": fmt.Sprint("E-", i), "version": 1, "title": fmt.Sprint("item ", i), "description": "text", "url": "https://items.example/",
			"state": "open", "status": "new", "priority": nil, "labels": []string{}, "updated_at": "2026-01-05T09:00:00Z",
		})
		if err != nil {
			panic(err)
		}

		details = append(details, b)
	}

	return details
}

// killWorkers ends every instance of the worker at once.
func killWorkers(e *target) error {
	pids := e.here.PIDs()
	killed := 0
	for name, list := range pids {
		if strings.Contains(name, "providersync") {
			for _, pid := range list {
				if err := syscall.Kill(pid, syscall.SIGKILL); err == nil {
					killed++
				}
			}
		}
	}

	if killed == 0 {
		return fmt.Errorf("no worker among %v", pids)
	}

	return nil
}

// A cut is a point at which the worker is killed, once.
type cut struct {
	once  sync.Once
	e     *target
	ready chan struct{}
	hit   bool
	err   error
}

func (c *cut) now() {
	c.once.Do(func() {
		<-c.ready
		c.err = killWorkers(c.e)
		c.hit = true
	})
}

// proxy stands between the functions and the table.
func (c *cut) proxy(t *testing.T, before, after func(operation, body string) bool) func(string) (string, error) {
	return func(endpoint string) (string, error) {
		target, err := url.Parse(endpoint)
		if err != nil {
			return "", err
		}

		forward := httputil.NewSingleHostReverseProxy(target)
		forward.ErrorLog = nil
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return
			}

			operation := strings.TrimPrefix(r.Header.Get("X-Amz-Target"), "DynamoDB_20120810.")
			r.Body = io.NopCloser(bytes.NewReader(body))
			if !c.hit && before != nil && before(operation, string(body)) {
				c.now()
				panic(http.ErrAbortHandler)
			}

			forward.ServeHTTP(w, r)
			if !c.hit && after != nil && after(operation, string(body)) {
				c.now()
			}
		}))

		t.Cleanup(srv.Close)

		return srv.URL, nil
	}
}

func TestKilledWorkersCreateNothingTwice(t *testing.T) {
	transaction := func(parts ...string) func(string, string) bool {
		return func(operation, body string) bool {
			if operation != "TransactWriteItems" {
				return false
			}

			for _, p := range parts {
				if !strings.Contains(body, p) {
					return false
				}
			}

			return true
		}
	}

	const n = 120
	for name, point := range map[string]struct {
		before, after func(string, string) bool
		phase         string
	}{
		"intent stored":                  {after: transaction(`"intent":{"M"`)},
		"request received, unanswered":   {phase: "received"},
		"answered, unrecorded":           {before: transaction(`"intent":{"NULL"`, `"created"`)},
		"recorded, mark not deleted":     {before: transaction(`"Delete"`, `PENDING#`)},
		"between pages":                  {before: betweenPages(transaction(`"Delete"`, `PENDING#`))},
		"applied, the answer on its way": {phase: "applied"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &cut{ready: make(chan struct{})}
			c.e = started(t, func(o *environment.Options) { o.Functions.DynamoDB = c.proxy(t, point.before, point.after) })
			close(c.ready)
			if point.phase != "" {
				c.e.github().OnCreate(func(phase string, nth int) {
					if phase == point.phase && nth == 7 {
						c.now()
					}
				})
			}

			publish(t, c.e, "item.created", own(n))
			quiet(t, c.e, sample.GitHub, func() bool { got, _, _, _ := look(t, c.e).count(sample.RepoWork); return got >= n })
			if !c.hit || c.err != nil {
				t.Fatalf("the worker was not killed at this point: %v", c.err)
			}

			syncNow(t, c.e, sample.GitHub)
			objects, _, creates, _ := look(t, c.e).count(sample.RepoWork)
			// the sample's own five come with the full sync
			if want := n + 5; objects != want || creates != want {
				t.Errorf("%d objects by %d creates, want %d each", objects, creates, want)
			}
		})
	}
}

// betweenPages is the first look for marks after a page's were deleted.
func betweenPages(deleted func(string, string) bool) func(string, string) bool {
	var seen atomic.Bool
	return func(operation, body string) bool {
		if deleted(operation, body) {
			seen.Store(true)
		}
		return seen.Load() && operation == "Query" && strings.Contains(body, "PENDING#") && strings.Contains(body, "Limit")
	}
}

// TestAKilledEnvironmentGoesOn ends everything with SIGKILL in mid-sync.
func TestAKilledEnvironmentGoesOn(t *testing.T) {
	dir := t.TempDir()
	bin := filepath.Join(t.TempDir(), "local")
	buildLocal(t, bin)
	const n = 200
	p := runLocal(t, bin, dir)
	e := p.connect(t)
	publish(t, e, "item.created", own(n))
	deadline := time.Now().Add(patience)
	for got := 0; got < n/4; got, _, _, _ = look(t, e).count(sample.RepoWork) {
		if time.Now().After(deadline) {
			t.Fatal("no items arrive")
		}
		time.Sleep(20 * time.Millisecond)
	}

	p.kill(t)
	p = runLocal(t, bin, dir)
	e = p.connect(t)
	// Events that were on the queues in memory are the platform's to send again.
	publish(t, e, "item.created", own(n))
	quiet(t, e, sample.GitHub, func() bool { got, _, _, _ := look(t, e).count(sample.RepoWork); return got >= n })
	objects, _, creates, _ := look(t, e).count(sample.RepoWork)
	if objects != n || creates != n {
		t.Errorf("%d objects by %d creates, want %d each", objects, creates, n)
	}

	p.stop(t)
}

// keepDir is a folder for an environment's state. E2E_DIR keeps it for a look
// at the logs.
func keepDir(t *testing.T) string {
	t.Helper()
	if dir := os.Getenv("E2E_DIR"); dir != "" {
		return filepath.Join(dir, strings.ReplaceAll(t.Name(), "/", "_"))
	}
	return t.TempDir()
}
