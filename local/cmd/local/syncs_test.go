package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
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
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	dispatch "example.com/integrations/functions/dispatch/handler"
	"example.com/integrations/functions/providersync/worker"
	"example.com/integrations/local/aws/secrets"
	"example.com/integrations/local/environment"
	"example.com/integrations/local/environment/sample"
	"example.com/integrations/local/providers"
	"example.com/integrations/local/providers/faults"
	"example.com/integrations/local/testkit"
	"example.com/integrations/shared/configuration"
	"example.com/integrations/shared/connector/connectortest"
	"example.com/integrations/shared/connector/factory"
	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/events/outgoing"
	"example.com/integrations/shared/outbound"
	"example.com/integrations/shared/runs"
	"example.com/integrations/shared/store"
	"example.com/integrations/shared/syncqueue"
)

// A stage is one integration of the sample with its provider's fake server, the
// engine and a table, on a clock of its own: waiting moves it.
type stage struct {
	t        *testing.T
	name     string
	pair     store.IntegrationRef
	table    *store.Store
	fake     environment.FakeServer
	kit      *faults.Kit
	engine   *worker.Engine
	dispatch *dispatch.Handler
	told     []outgoing.Event

	lock  sync.Mutex
	now   time.Time
	queue []syncqueue.Message
}

// Now and Sleep are the clock of all but the network.
func (s *stage) Now() time.Time {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.now = s.now.Add(time.Millisecond)
	return s.now
}

// Sleep moves the clock.
func (s *stage) Sleep(_ context.Context, d time.Duration) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.now = s.now.Add(d)
	return nil
}

func (s *stage) pass(d time.Duration) { _ = s.Sleep(context.Background(), d) }

// Send is the queue.
func (s *stage) Send(_ context.Context, org, integration, run domain.Snowflake) error {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.queue = append(s.queue, syncqueue.Message{Version: 1, OrganisationID: org, IntegrationID: integration, RunID: run})
	return nil
}

// Publish is the bus.
func (s *stage) Publish(_ context.Context, notices []outgoing.Event) ([]outgoing.Event, error) {
	s.told = append(s.told, notices...)
	return notices, nil
}

// dynamoDB is a server for the tables of a test.
func dynamoDB(t *testing.T) string {
	t.Helper()
	endpoint, stop, err := testkit.StartDynamoDB(t.TempDir())
	must(t, err)
	t.Cleanup(stop)
	return endpoint
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

// longestCall is how long a call may last here. No call comes near it on a slow
// machine.
const longestCall = 2 * time.Minute

// staged opens the stage of an integration of the sample, with a configuration
// changed by more.
func staged(t *testing.T, endpoint, name string, more map[string]any) *stage {
	t.Helper()
	return stagedWithin(t, longestCall, endpoint, name, more)
}

// stagedWithin is staged with another limit for a call.
func stagedWithin(t *testing.T, limit time.Duration, endpoint, name string, more map[string]any) *stage {
	t.Helper()
	s := &stage{t: t, name: name, now: time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)}
	root, err := filepath.Abs("../../..")
	must(t, err)
	var hosts []string
	for _, p := range providerServers(repository(sample.RepoWork), repository(sample.RepoDocs), repository(sample.RepoSpare)) {
		if p.Name == name || slices.Contains(p.Also, name) {
			hosts = p.Hosts
			s.fake, err = p.Open(environment.ProviderOptions{Dir: t.TempDir(), Specs: filepath.Join(root, "..", "shared", "specs"), Now: s.Now})
			must(t, err)
		}
	}

	t.Cleanup(func() { _ = s.fake.Close() })
	s.kit = s.fake.(interface{ Faults() *faults.Kit }).Faults()
	client := s.serve(hosts, limit)

	table := fmt.Sprintf("s%d", rand.Uint64())
	must(t, testkit.CreateTable(t.Context(), endpoint, table))
	s.table = store.New(testkit.DynamoDBClient(endpoint), table)
	must(t, s.table.PutOrganisation(t.Context(), domain.Organisation{ID: sample.Organisation, OwnerID: 1, Version: 1}))
	secrets := s.configure(more)
	silent := slog.New(slog.DiscardHandler)
	s.engine = &worker.Engine{
		Store: s.table, Queue: s, Bus: s, Markers: &connectortest.MarkerKeys{}, Clock: s, Log: silent,
		Open: func(_ context.Context, v store.View) (worker.Opened, error) {
			c, err := factory.New(v.Integration.Provider, v.Integration.Configuration, secrets, client, s.Now)
			return worker.Opened{Connector: c, Credential: table}, err
		},
		Settings: worker.Settings{Slice: time.Minute, Call: 30 * time.Second, Settle: 2 * time.Minute,
			LeaseMargin: 10 * time.Second, LostAfter: time.Minute, PullEvery: 15 * time.Minute, Room: 2},
	}

	started := &runs.Runs{Table: s.table, Queue: s, Log: silent, Now: s.Now, LostAfter: time.Minute}
	s.dispatch = &dispatch.Handler{Index: s.table, Schedule: s.table, Runs: started, Outbox: s.table, Erasures: s.table, Queue: s, Bus: s, Log: silent, Now: s.Now, LostAfter: time.Minute}

	return s
}

// serve serves the fake server under its provider's names and returns a client
// that is led there.
func (s *stage) serve(hosts []string, limit time.Duration) *outbound.Client {
	ca, err := secrets.OpenCA(s.t.TempDir())
	must(s.t, err)
	certificate, err := ca.Certificate(hosts...)
	must(s.t, err)
	root, err := os.ReadFile(ca.CertFile())
	must(s.t, err)
	apis := map[string]http.Handler{}
	for _, host := range hosts {
		apis[host] = s.fake.API()
	}

	server := httptest.NewUnstartedServer(providers.ByHost(apis))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	server.StartTLS()
	s.t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(root)
	overrides := map[string]netip.AddrPort{}
	for _, host := range hosts {
		overrides[host] = netip.MustParseAddrPort(server.Listener.Addr().String())
	}

	return outbound.New(outbound.Config{Hosts: hosts, RootCAs: roots, Timeout: limit, Overrides: overrides})
}

// configure stores the integration as a manager's request would, and returns
// its secrets.
func (s *stage) configure(more map[string]any) (secrets map[string]string) {
	for _, i := range sample.List() {
		if i.ID.String() != sample.Integrations[s.name] {
			continue
		}

		var c map[string]any
		must(s.t, json.Unmarshal([]byte(i.Configuration), &c))
		maps.Copy(c, more)
		text, err := json.Marshal(c)
		must(s.t, err)
		i.Configuration = string(text)
		accepted, err := configuration.Accept(i.Provider, i.Configuration, nil)
		must(s.t, err)
		secrets = accepted.NewSecrets
		s.pair = store.IntegrationRef{ID: i.ID, OrganisationID: i.OrganisationID, ItemType: i.ItemType}
		_, err = sample.Create(s.t.Context(), s.table, func(context.Context, domain.Integration, string, string, string) ([]byte, error) {
			return []byte("sealed"), nil
		}, i)
		must(s.t, err)
	}

	return secrets
}

// put stores an item and its mark, as ingest does with an event.
func (s *stage) put(item domain.Item) {
	s.t.Helper()
	item.OrganisationID, item.ItemType, item.UpdatedAt = s.pair.OrganisationID, s.pair.ItemType, s.Now()
	_, err := s.table.PutItem(s.t.Context(), item)
	must(s.t, err)
	must(s.t, s.table.PutPendingChange(s.t.Context(), s.pair.ID, store.PendingChange{ItemID: item.ID, Version: item.Version}))
}

// sync requests a run and works until none is active. It returns for what the
// run waited, and how it ended.
func (s *stage) sync(mode domain.Mode) (waits []string, run domain.Run) {
	s.t.Helper()
	s.pass(5 * time.Second)
	now := s.Now()
	asked := store.ActiveRun{Run: domain.Run{ID: domain.NewSnowflake(now), IntegrationID: s.pair.ID, OrganisationID: s.pair.OrganisationID,
		Mode: mode, Trigger: domain.ByRequest, RequestedAt: now, Status: domain.Queued}}
	st, started, err := s.table.RequestRun(s.t.Context(), s.pair, asked, 2*time.Second, now.Add(time.Minute))
	must(s.t, err)
	if !started {
		asked.ID = st.Run.ID
	}

	must(s.t, s.Send(s.t.Context(), s.pair.OrganisationID, s.pair.ID, asked.ID))
	waits = s.rest()
	run, err = s.table.Run(s.t.Context(), s.pair.ID, asked.ID, s.Now())
	must(s.t, err)

	return waits, run
}

// next takes the next message.
func (s *stage) next() (m syncqueue.Message, ok bool) {
	s.lock.Lock()
	defer s.lock.Unlock()
	if len(s.queue) == 0 {
		return m, false
	}

	m = s.queue[0]
	s.queue = s.queue[1:]

	return m, true
}

// rest works until no run is active.
func (s *stage) rest() (waits []string) {
	s.t.Helper()
	for range 3000 {
		for m, ok := s.next(); ok; m, ok = s.next() {
			if err := s.engine.Slice(s.t.Context(), m, s.Now().Add(2*time.Minute)); err != nil {
				s.t.Error(err)
			}
		}

		st, err := s.table.State(s.t.Context(), s.pair.ID)
		must(s.t, err)
		if st == nil || st.Run == nil {
			return waits
		}

		if why := st.Run.WaitingReason; why != nil && !slices.Contains(waits, *why) {
			waits = append(waits, *why)
		}

		s.pass(time.Minute)
		must(s.t, s.dispatch.Handle(s.t.Context()))
	}

	s.t.Fatal("the run does not end")

	return nil
}

type gotten struct {
	Objects []json.RawMessage `json:"objects"`
	Writes  []providers.Write `json:"writes"`
}

func (s *stage) received() (all gotten) {
	s.t.Helper()
	must(s.t, json.Unmarshal(s.page("/_/received"), &all))
	return all
}

func (s *stage) page(path string) []byte {
	w := httptest.NewRecorder()
	s.fake.Plain().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return bytes.TrimSpace(w.Body.Bytes())
}

// noViolations checks that the fake server has nothing to complain of.
func (s *stage) noViolations() {
	s.t.Helper()
	if got := string(s.page("/_/violations")); got != `{"violations":[]}` {
		s.t.Errorf("violations: %.2000s", got)
	}
}
