package store

import (
	"bytes"
	"crypto/rand"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"example.com/integrations/local/testkit"
	"example.com/integrations/shared/domain"
)

var dynamoURL string

func TestMain(m *testing.M) { os.Exit(testkit.Main(m, &dynamoURL)) }

// A wire is the network under a client: it can lose answers and rewrite them.
type wire struct {
	mu sync.Mutex
	// lose says of how many answers, by operation, the client is not to know:
	// the server has done what was asked.
	lose map[string]int
	// rewrite, if it is set, changes an answer.
	rewrite func(operation string, answer []byte) []byte
	// before, if it is set, runs before a call leaves.
	before func(operation string)
	// calls counts the requests, by operation. One that the SDK repeats is counted
	// again only if its answer was lost here: on a busy machine the SDK also
	// repeats a request after a connection that it has closed itself
	// (https://github.com/aws/aws-sdk-go-v2/issues/2737).
	calls map[string]int
	// repeats holds the SDK's ids of the requests whose answers were lost here.
	repeats map[string]bool
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if w.before != nil {
		w.before(operation)
	}

	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return nil, err
	}

	w.mu.Lock()
	defer w.mu.Unlock()
	id := r.Header.Get("Amz-Sdk-Invocation-Id")
	first := strings.HasPrefix(r.Header.Get("Amz-Sdk-Request"), "attempt=1;")
	if first || w.repeats[id] {
		w.calls[operation]++
	}

	if w.lose[operation] > 0 {
		w.lose[operation]--
		w.repeats[id] = true
		resp.Body.Close()
		return nil, errors.New("the answer is lost")
	}

	if w.rewrite != nil {
		answer, err := io.ReadAll(resp.Body)
		if err != nil {
			return nil, err
		}

		answer = w.rewrite(operation, answer)
		resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(answer)), int64(len(answer))
		resp.Header.Del("X-Amz-Crc32")
		resp.Header.Del("Content-Length")
	}

	return resp, nil
}

// open gives a store on an empty table of its own, whose client tries again at
// once.
func open(t *testing.T) (*Store, *wire) {
	t.Helper()
	table := rand.Text()
	w := &wire{lose: map[string]int{}, calls: map[string]int{}, repeats: map[string]bool{}}
	if err := testkit.CreateTable(t.Context(), dynamoURL, table); err != nil {
		t.Fatal(err)
	}

	db := dynamodb.New(dynamodb.Options{
		Region: "eu-central-1", BaseEndpoint: &dynamoURL, Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
		HTTPClient: &http.Client{Transport: w},
		Retryer: retry.NewStandard(func(o *retry.StandardOptions) {
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		}),
	})

	return New(db, table), w
}

var (
	pair = IntegrationRef{ID: 501, OrganisationID: 1001, ItemType: "work_item"}
	now  = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
)

func newRunOf(id domain.Snowflake, mode domain.Mode) ActiveRun {
	return ActiveRun{Run: domain.Run{
		ID: id, IntegrationID: pair.ID, OrganisationID: pair.OrganisationID, Mode: mode,
		Trigger: domain.ByRequest, RequestedAt: now, Status: domain.Queued,
	}}
}

// there makes the integration, unless it is there already.
func there(t *testing.T, s *Store) {
	t.Helper()
	err := s.CreateIntegration(t.Context(), Integration{TargetHash: "there", Integration: domain.Integration{
		ID: pair.ID, OrganisationID: pair.OrganisationID, ItemType: pair.ItemType, Provider: domain.GitHub, Enabled: true, Configuration: "{}",
	}}, nil)
	if !errors.Is(err, ErrConflict) {
		must(t, err)
	}
}

// request makes a run the active one.
func request(t *testing.T, s *Store, id domain.Snowflake, mode domain.Mode) ActiveRun {
	t.Helper()
	there(t, s)
	run := newRunOf(id, mode)
	_, started, err := s.RequestRun(t.Context(), pair, run, 0, now.Add(time.Minute))
	if err != nil || !started {
		t.Fatal(started, err)
	}

	return run
}

// acquire takes a lease that is free.
func acquire(t *testing.T, s *Store, run domain.Snowflake, id string, from, until time.Time) (State, Lease) {
	t.Helper()
	st, lease, held, err := s.Acquire(t.Context(), pair, run, id, from, until)
	if err != nil || !held {
		t.Fatal(held, err)
	}
	return st, lease
}

func state(t *testing.T, s *Store) State {
	t.Helper()
	st, err := s.State(t.Context(), pair.ID)
	if err != nil || st == nil {
		t.Fatal(st, err)
	}
	return *st
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func is(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%v, want %v", err, want)
	}
}

// everything scans the whole table, which the product never does.
func everything(t *testing.T, s *Store) []record {
	t.Helper()
	var all []record
	pages := dynamodb.NewScanPaginator(s.db, &dynamodb.ScanInput{TableName: &s.table})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		must(t, err)
		all = append(all, page.Items...)
	}

	return all
}
