package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"example.com/integrations/local/aws/delivery"
)

// A taker is a queue that keeps what the bus delivers.
type taker struct {
	mu   sync.Mutex
	sent []string
}

func (q *taker) SendMessage(_ context.Context, in *sqs.SendMessageInput, _ ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.sent = append(q.sent, *in.MessageBody)
	return &sqs.SendMessageOutput{}, nil
}

// ids are those of the details, in the order in which they came.
func (q *taker) ids(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, body := range q.sent {
		var e struct{ Detail struct{ ID string } }
		if err := json.Unmarshal([]byte(body), &e); err != nil {
			t.Fatal(err)
		}
		all = append(all, e.Detail.ID)
	}

	return all
}

// busAt is a bus that the environment's variables lead to; before, if it
// returns false, keeps a call from it.
func busAt(t *testing.T, before func(call int, body []byte) bool) *taker {
	t.Helper()
	q := &taker{}
	b, err := delivery.NewBus(delivery.BusConfig{
		Buses: []string{"integrations-prod"}, Queue: q, Log: slog.New(slog.DiscardHandler),
		Rules: []delivery.Rule{{Bus: "integrations-prod", Pattern: json.RawMessage(`{"source":["platform"]}`), Targets: []delivery.Target{{QueueURL: "q"}}}},
	})
	if err != nil {
		t.Fatal(err)
	}

	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if calls++; before != nil && !before(calls, body) {
			w.WriteHeader(http.StatusForbidden)
			return
		}

		b.ServeHTTP(w, r)
	}))

	t.Cleanup(func() { server.Close(); b.Close() })
	for name, value := range map[string]string{
		"AWS_REGION": "eu-central-1", "AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local", "AWS_ENDPOINT_URL_EVENTBRIDGE": server.URL,
	} {
		t.Setenv(name, value)
	}

	return q
}

// export is a file of one organisation with what belongs to it.
func export(t *testing.T, items int, more ...string) string {
	t.Helper()
	lines := []string{
		`{"detail_type":"organisation.updated","detail":{"id":"1","name":"Acme","owner_id":"11","is_deleted":false,"version":4}}`,
		`{"detail_type":"role.updated","detail":{"organisation_id":"1","id":"21","order":1,"permissions":{"MANAGE_ORGANISATION":1},"version":2}}`,
		`{"detail_type":"member.updated","detail":{"organisation_id":"1","user_id":"12","pending":false,"role_ids":["21"],"permissions":{},"version":3}}`,
	}
	for n := range items {
		lines = append(lines, fmt.Sprintf(`{"detail_type":"item.created","time":"2026-01-05T09:00:00Z","detail":{"id":"%d","organisation_id":"1","item_type":"work_item","formatted_number":"W","version":1,`+
			`"title":"t","description":"d","url":"","state":"open","status":"","labels":[],"updated_at":"2026-01-05T09:00:00Z"}}`, 1000+n))
	}

	path := filepath.Join(t.TempDir(), "all.jsonl")
	if err := os.WriteFile(path, []byte(strings.Join(append(lines, more...), "\n")), 0o600); err != nil {
		t.Fatal(err)
	}

	return path
}

func importFrom(t *testing.T, path string) error {
	t.Helper()
	return importCommand(t.Context(), []string{"-file", path, "-bus", "arn:aws:events:eu-central-1:000000000000:event-bus/integrations-prod"})
}

func TestImport(t *testing.T) {
	q := busAt(t, nil)
	path := export(t, 40)
	if err := importFrom(t, path); err != nil {
		t.Fatal(err)
	}

	if ids := q.ids(t); len(ids) != 43 || ids[0] != "1" || ids[42] != "1039" {
		t.Errorf("%d events came: %v", len(ids), ids)
	}

	if err := importFrom(t, path); err != nil || len(q.sent) != 43 {
		t.Errorf("all was sent, and %d events more: %v", len(q.sent)-43, err)
	}

	if err := os.WriteFile(path, []byte("{}"), 0o600); err != nil {
		t.Fatal(err)
	}

	if err := importFrom(t, path); err == nil || !strings.Contains(err.Error(), "has changed since the load began") {
		t.Errorf("a file that has changed: %v", err)
	}
}

// An import that is cut off goes on where it was; what the bus took without
// the progress being written is sent again, and nothing is left out.
func TestImportGoesOn(t *testing.T) {
	cut := true
	q := busAt(t, func(call int, _ []byte) bool { return !cut || call < 3 })
	path := export(t, 40)
	if err := importFrom(t, path); err == nil || !strings.Contains(err.Error(), "lines 21 to 30") || !strings.Contains(err.Error(), "start it again") {
		t.Errorf("the bus is away: %v", err)
	}

	if len(q.sent) != 20 {
		t.Errorf("%d events came, want 20", len(q.sent))
	}

	cut = false
	if err := importFrom(t, path); err != nil {
		t.Fatal(err)
	}

	if ids := q.ids(t); len(ids) != 43 || ids[20] != "1017" || ids[42] != "1039" {
		t.Errorf("%d events came: %v", len(ids), ids)
	}
}

// Nothing is sent of a file that has a bad line.
func TestImportChecksFirst(t *testing.T) {
	q := busAt(t, nil)
	for bad, want := range map[string]string{
		`{"detail_type":"item.moved","detail":{}}`: `line 5: malformed event: detail-type "item.moved" is unknown`,
		`{"detail":{"id":"1"}}`:                    "line 5: wants the members",
		`{"detail_type":"item.deleted","detail":{"id":"01","organisation_id":"1","version":1}}`: "line 5: malformed event: id must be",
		`not JSON`: "line 5: ",
	} {
		path := export(t, 1, bad)
		if err := importFrom(t, path); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "nothing was sent") {
			t.Errorf("%s: %v", bad, err)
		}

		if left, _ := filepath.Glob(path + ".*"); len(left) > 0 || len(q.sent) > 0 {
			t.Errorf("%s: %d events were sent, %v was left", bad, len(q.sent), left)
		}
	}
}

func TestImportNeedsItsEnvironment(t *testing.T) {
	busAt(t, nil)
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	if err := importFrom(t, export(t, 1)); err == nil || !strings.Contains(err.Error(), "AWS_REGION is not set") || !strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID is not set") {
		t.Errorf("%v", err)
	}
}
