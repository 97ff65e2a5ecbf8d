package worker

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"example.com/integrations/local/testkit"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/github"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
	"example.com/integrations/shared/lambdaapp"
	"example.com/integrations/shared/outbound"
	"example.com/integrations/shared/store"
	"example.com/integrations/shared/syncqueue"
)

// example is a name of httptest's certificate.
const example = "example.com"

var sizes = flag.String("sizes", "1000,10000", "how many items BenchmarkSync brings to the provider, one after the other")

// BenchmarkSync brings items to a provider that answers at once: all of them
// are new, then none has changed, then each has. The worker is a process of
// its own, so that its memory is its own; the table and the provider are in
// others. The real clock runs, so a look a second, which the engine takes to
// notice a stop, is among the calls.
func BenchmarkSync(b *testing.B) {
	for size := range strings.SplitSeq(*sizes, ",") {
		n, err := strconv.Atoi(size)
		if err != nil || n < 1 {
			b.Fatalf("-sizes=%s: these are no numbers of items", *sizes)
		}
		benchmarkSync(b, n)
	}
}

func benchmarkSync(b *testing.B, n int) {
	// Each benchmark function below is called once, as each run changes what
	// the next one meets.
	w := newLoad(b, n)
	for _, phase := range []struct {
		name    string
		prepare func()
		mode    domain.Mode
		want    domain.Counts
		most    float64 // DynamoDB calls per item
	}{
		{"create", func() { w.write(1, false) }, domain.Full, domain.Counts{Created: n}, 1.2},
		{"unchanged", func() {}, domain.Full, domain.Counts{Unchanged: n}, 0.05},
		{"update", func() { w.write(2, true) }, domain.Incremental, domain.Counts{Updated: n}, 0.15},
		{"update-full", func() { w.write(3, false) }, domain.Full, domain.Counts{Updated: n}, 0.15},
	} {
		phase.prepare()
		b.Run(fmt.Sprintf("%s/%d", phase.name, n), func(b *testing.B) {
			if b.N != 1 {
				b.Skip("a run can be measured only once: use -benchtime=1x")
			}

			calls := w.provider.calls
			used := w.sync(phase.mode)
			run := w.last()
			mustBe(b, "status", run.Status, domain.Succeeded)
			mustBe(b, "counts", run.Counts, phase.want)
			perItem := float64(used.total()) / float64(n)
			messages := float64(used.Messages) / float64(n)
			if perItem > phase.most && n >= 1000 {
				b.Errorf("%.3f DynamoDB calls per item, at most %.2f are allowed: %v", perItem, phase.most, used.Calls)
			}

			if messages > 0.01 {
				b.Errorf("%.4f messages per item", messages)
			}

			b.ReportMetric(perItem, "dynamodb/item")
			b.ReportMetric(float64(used.Calls["TransactWriteItems"]+used.Calls["UpdateItem"]+used.Calls["PutItem"])/float64(n), "writes/item")
			b.ReportMetric(messages, "sqs/item")
			b.ReportMetric(float64(w.provider.calls-calls)/float64(n), "provider/item")
			b.ReportMetric(float64(used.PeakKiB)/1024, "VmHWM-MiB")
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "items/s")
		})
	}
}

// A load is an integration with many items, and a provider for them.
type load struct {
	b        *testing.B
	n        int
	work     work
	store    *store.Store
	provider *counting
	run      domain.Snowflake
}

// work is what a worker's process is told.
type work struct {
	Endpoint, Table string
	Provider, Roots string
	Message         syncqueue.Message
}

// used is what a worker's process has used.
type used struct {
	Calls    map[string]int // of DynamoDB, by operation
	Messages int            // sent
	PeakKiB  int            // VmHWM
}

func (u used) total() (n int) {
	for _, calls := range u.Calls {
		n += calls
	}
	return n
}

func newLoad(b *testing.B, n int) *load {
	table := fmt.Sprintf("b%d", rand.Uint64())
	must(b, testkit.CreateTable(b.Context(), endpoint, table))
	provider := &counting{issues: map[int]map[string]any{}}
	s := httptest.NewUnstartedServer(provider)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	b.Cleanup(s.Close)
	w := &load{b: b, n: n, provider: provider, store: store.New(testkit.DynamoDBClient(endpoint), table), work: work{
		Endpoint: endpoint, Table: table, Provider: s.Listener.Addr().String(),
		Roots: string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})),
	}}
	must(b, w.store.PutOrganisation(b.Context(), domain.Organisation{ID: 5, OwnerID: 1, Version: 1}))
	must(b, w.store.CreateIntegration(b.Context(), store.Integration{TargetHash: "there", Integration: domain.Integration{
		ID: 77, OrganisationID: 5, ItemType: "work_item", Provider: domain.GitHub, Enabled: true, Configuration: `{}`}}, nil))

	return w
}

// write stores a version of every item, and its marks as ingest does.
func (w *load) write(version int64, marks bool) {
	w.b.Helper()
	ids := make(chan domain.Snowflake)
	var hands sync.WaitGroup
	for range 8 {
		hands.Go(func() {
			for id := range ids {
				_, err := w.store.PutItem(w.b.Context(), domain.Item{ID: id, OrganisationID: 5, ItemType: "work_item", FormattedNumber: fmt.Sprint("WI-", id), Version: version,
					Title: fmt.Sprint("An item of the usual length, number ", id), Description: strings.Repeat(fmt.Sprint("Version ", version, " says this. "), 20),
					Labels: []string{"bug"}, State: domain.Open, UpdatedAt: time.Now()})
				if err == nil && marks {
					err = w.store.PutPendingChange(w.b.Context(), 77, store.PendingChange{ItemID: id, Version: version})
				}

				if err != nil {
					w.b.Error(err)
				}
			}
		})
	}

	for id := range w.n {
		ids <- domain.Snowflake(id + 1)
	}

	close(ids)
	hands.Wait()
}

// sync has a process of its own work on a run until it ends.
func (w *load) sync(mode domain.Mode) used {
	w.b.Helper()
	now := time.Now()
	run := store.ActiveRun{Run: domain.Run{ID: domain.NewSnowflake(now), IntegrationID: 77, OrganisationID: 5,
		Mode: mode, Trigger: domain.ByRequest, RequestedAt: now, Status: domain.Queued}}
	_, started, err := w.store.RequestRun(w.b.Context(), store.IntegrationRef{ID: 77, OrganisationID: 5, ItemType: "work_item"}, run, 0, now.Add(time.Minute))
	must(w.b, err)
	mustBe(w.b, "started", started, true)
	w.run = run.ID
	w.work.Message = syncqueue.Message{Version: 1, OrganisationID: 5, IntegrationID: 77, RunID: run.ID}
	told, err := json.Marshal(w.work)
	must(w.b, err)
	c := exec.CommandContext(w.b.Context(), os.Args[0])
	c.Env, c.Stdin, c.Stderr = append(os.Environ(), asWorker+"=1"), bytes.NewReader(told), os.Stderr
	out, err := c.Output()
	must(w.b, err)
	var u used
	must(w.b, json.Unmarshal(out, &u))

	return u
}

func (w *load) last() domain.Run {
	w.b.Helper()
	run, err := w.store.Run(w.b.Context(), 77, w.run, time.Now())
	must(w.b, err)
	return run
}

// asWorker tells the test binary to be a worker's process.
const asWorker = "BENCHMARK_WORKER"

// workAlone is such a process: it works as it is told on its standard input.
func workAlone() error {
	runtime.MemProfileRate = 0 // as in a function, which links no profiler
	var told work
	if err := json.NewDecoder(os.Stdin).Decode(&told); err != nil {
		return err
	}

	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(told.Roots))
	at, err := netip.ParseAddrPort(told.Provider)
	if err != nil {
		return err
	}

	client := outbound.New(outbound.Config{Hosts: []string{example}, RootCAs: roots, Timeout: 20 * time.Second, Overrides: map[string]netip.AddrPort{example: at}})
	lambdaapp.Tune(256) // as the worker does
	w := &lone{calls: map[string]int{}, messages: []syncqueue.Message{told.Message}}
	e := &Engine{
		Store: store.New(dynamodb.New(dynamodb.Options{
			Region: "eu-central-1", BaseEndpoint: &told.Endpoint, HTTPClient: &http.Client{Transport: w},
			Credentials: credentials.NewStaticCredentialsProvider("k", "s", ""),
		}), told.Table),
		Queue: w, Bus: w, Markers: &connectortest.MarkerKeys{}, Clock: wallClock{}, Log: slog.New(slog.DiscardHandler),
		Open: func(context.Context, store.View) (Opened, error) {
			c := github.New(github.Config{Owner: "acme", Repo: "work", Token: "a-token-of-the-test", BaseURL: "https://" + example, Labels: true}, client, nil)
			return Opened{Connector: c, Credential: told.Table}, nil
		},
		Settings: Settings{Slice: time.Minute, Call: 30 * time.Second, Settle: 2 * time.Minute, LeaseMargin: 15 * time.Second,
			LostAfter: time.Minute, PullEvery: 15 * time.Minute, Room: 2},
	}
	for len(w.messages) > 0 {
		m := w.messages[0]
		w.messages = w.messages[1:]
		if err := e.Slice(context.Background(), m, time.Now().Add(invocation)); err != nil {
			return err
		}
	}

	peak, err := peakKiB()
	if err != nil {
		return err
	}

	return json.NewEncoder(os.Stdout).Encode(used{Calls: w.calls, Messages: w.sent, PeakKiB: peak})
}

// lone counts what a worker uses.
type lone struct {
	calls    map[string]int
	sent     int
	messages []syncqueue.Message
}

func (l *lone) RoundTrip(r *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	l.calls[operation]++
	return http.DefaultTransport.RoundTrip(r)
}

func (l *lone) Send(_ context.Context, org, integration, run domain.Snowflake) error {
	l.sent++
	l.messages = append(l.messages, syncqueue.Message{Version: 1, OrganisationID: org, IntegrationID: integration, RunID: run})
	return nil
}

func (l *lone) Publish(_ context.Context, notices []outgoing.Event) ([]outgoing.Event, error) {
	return notices, nil
}

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now().Round(0) }
func (wallClock) Sleep(_ context.Context, d time.Duration) error {
	return fmt.Errorf("without limits nobody waits, but %s", d)
}

// peakKiB is the most memory the process has had, as Linux counts it (proc(5), VmHWM).
func peakKiB() (int, error) {
	f, err := os.Open("/proc/self/status")
	if err != nil {
		return 0, err
	}

	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var kib int
		if _, err := fmt.Sscanf(lines.Text(), "VmHWM: %d kB", &kib); err == nil {
			return kib, nil
		}
	}

	return 0, errors.New("no VmHWM in /proc/self/status")
}

// counting is a provider that keeps what it is told and counts.
type counting struct {
	mu     sync.Mutex
	calls  int
	issues map[int]map[string]any
}

func (p *counting) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	if r.Method == http.MethodGet && r.URL.Path == "/repos/acme/work" {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id": 1296269, "full_name": "acme/work", "html_url": "https://example.com/acme/work", "has_issues": true, "permissions": {"push": true}}`)
		return
	}

	if r.Method == http.MethodGet && r.URL.Path == "/repos/acme/work/issues" {
		p.list(w)
		return
	}

	number := len(p.issues) + 1
	rest := strings.TrimPrefix(r.URL.Path, "/repos/acme/work/issues")
	status := http.StatusCreated
	if rest != "" {
		number, _ = strconv.Atoi(strings.TrimPrefix(rest, "/"))
		status = http.StatusOK
	} else {
		p.issues[number] = map[string]any{"id": number, "number": number, "state": "open", "html_url": fmt.Sprint("https://", example, "/acme/work/issues/", number)}
	}

	issue, known := p.issues[number]
	if !known || r.Method != http.MethodGet && json.NewDecoder(r.Body).Decode(&issue) != nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}

	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(issue)
}

// list answers with all issues. Only the search for lost links asks for them,
// before there is one.
func (p *counting) list(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(slices.Collect(maps.Values(p.issues)))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
