package handler_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"example.com/integrations/shared/domain"
	"example.com/integrations/shared/store"
)

// A wire counts the calls that leave.
type wire struct {
	mu    sync.Mutex
	calls []string
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	if again(r) {
		return http.DefaultTransport.RoundTrip(r)
	}

	w.mu.Lock()
	w.calls = append(w.calls, operation)
	w.mu.Unlock()

	return http.DefaultTransport.RoundTrip(r)
}

// again reports whether the SDK repeats a request. On a busy machine it does so
// after a connection that it has closed itself while it read an answer
// (https://github.com/aws/aws-sdk-go-v2/issues/2737).
func again(r *http.Request) bool {
	attempt := r.Header.Get("Amz-Sdk-Request")
	return attempt != "" && !strings.HasPrefix(attempt, "attempt=1;")
}

func (w *wire) client() *dynamodb.Client {
	return dynamodb.New(dynamodb.Options{
		Region: "eu-central-1", BaseEndpoint: &dynamoURL, Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
		HTTPClient: &http.Client{Transport: w},
	})
}

// What an item event costs at the table, as the transport under the client
// sees it. n stands for how many integrations are interested.
func TestCallsPerItemEvent(t *testing.T) {
	const (
		first, again   = "PutItem TransactWriteItems", "PutItem"
		deletion       = "GetItem UpdateItem"
		list, states   = " Query", " BatchGetItem"
		mark, signal   = " UpdateItem", " UpdateItem"
		nothing        = ""
		queued, active = "no active run", "active run"
		signaled       = "active run, signaled"
	)

	type event struct {
		name, detailType string
		version          int
		store            string // what storing the item costs
		old              bool   // nothing follows
	}

	events := []event{
		{"first event, version 1", "item.created", 1, "TransactWriteItems", false},
		{"the same again", "item.created", 1, "TransactWriteItems PutItem", false},
		{"next version", "item.updated", 4, again, false},
		{"the same again", "item.updated", 4, again, false},
		{"an older version", "item.updated", 3, again, true},
		{"deletion", "item.deleted", 5, deletion, false},
		{"the same again", "item.deleted", 5, deletion, false},
		{"an older deletion", "item.deleted", 4, deletion, true},
	}

	unseen := []event{{"first event, a later version", "item.updated", 3, first, false}}
	t.Logf("%-30s %-18s %13s %13s %13s", "event", "integrations are", "0 interested", "1", "3")
	for _, sequence := range [][]event{events, unseen} {
		for _, run := range []string{queued, active, signaled} {
			worlds := map[int]*world{}
			for _, n := range []int{0, 1, 3} {
				worlds[n] = interested(t, n)
			}

			for _, e := range sequence {
				var counts []any
				for _, n := range []int{0, 1, 3} {
					w := worlds[n]
					w.publish(t, n, run != queued, run == signaled)
					w.wire.calls = nil
					detail := change(map[string]any{"version": e.version, "organisation_id": other.String()})
					if failed := w.give(t, message(e.detailType, detail)); failed != nil {
						t.Fatal(failed, w.log)
					}

					want := e.store
					if !e.old {
						want += list + strings.Repeat(mark, n)
						if n > 0 {
							want += states
						}
						want += strings.Repeat(map[string]string{queued: signal, active: signal, signaled: nothing}[run], n)
					}

					if got := strings.Join(w.wire.calls, " "); got != want {
						t.Errorf("%s, %s, %d interested: %s, want %s", e.name, run, n, got, want)
					}

					counts = append(counts, len(w.wire.calls))
				}

				t.Logf("%-30s %-18s %13d %13d %13d", append([]any{e.name, run}, counts...)...)
			}
		}
	}
}

// interested is a world in which n integrations are.
func interested(t *testing.T, n int) *world {
	t.Helper()
	w := newWorld(t)
	for i := range domain.Snowflake(3) {
		of := domain.ItemType("work_item")
		if int(i) >= n {
			of = "milestone"
		}
		must(t, w.store.CreateIntegration(t.Context(), store.Integration{TargetHash: (601 + i).String(), Integration: domain.Integration{ID: 601 + i, OrganisationID: other, ItemType: of, Enabled: true}}, nil))
	}

	return w
}

const other = domain.Snowflake(1002)

// publish makes each integration's run as it is to be met.
func (w *world) publish(t *testing.T, n int, running, signaled bool) {
	t.Helper()
	for i := range domain.Snowflake(n) {
		pair := store.IntegrationRef{ID: 601 + i, OrganisationID: other, ItemType: "work_item"}
		w.end(t, pair)
		if !running {
			continue
		}

		run := store.ActiveRun{Run: domain.Run{ID: domain.NewSnowflake(now), IntegrationID: pair.ID, OrganisationID: other, Mode: domain.Incremental, RequestedAt: now, Status: domain.Queued}}
		_, started, err := w.store.RequestRun(t.Context(), pair, run, 0, now)
		if err != nil || !started {
			t.Fatal(started, err)
		}

		if signaled {
			must(t, w.store.Signal(t.Context(), pair.ID))
		}
	}
}

// end ends an integration's run, if it has one.
func (w *world) end(t *testing.T, pair store.IntegrationRef) {
	t.Helper()
	if st := w.state(t, pair.ID); st != nil && st.Run != nil {
		_, err := w.store.CancelRun(t.Context(), pair, st.Run.ID, now)
		must(t, err)
	}
}
