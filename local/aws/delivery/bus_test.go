package delivery_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"example.com/integrations/local/aws/delivery"
	"example.com/integrations/local/testkit"
)

const pattern = `{"source":["platform"],"detail-type":["item.created","item.updated"]}`

// recorder keeps what is sent, and refuses or fails as told.
type recorder struct {
	mu   sync.Mutex
	sent []sqs.SendMessageInput
	fail func(n int, in *sqs.SendMessageInput) error
	n    int
}

func (r *recorder) SendMessage(_ context.Context, in *sqs.SendMessageInput, _ ...func(*sqs.Options)) (*sqs.SendMessageOutput, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
	if r.fail != nil {
		if err := r.fail(r.n, in); err != nil {
			return nil, err
		}
	}

	r.sent = append(r.sent, *in)

	return &sqs.SendMessageOutput{}, nil
}

func start(t *testing.T, queue delivery.Sender, target delivery.Target) *eventbridge.Client {
	t.Helper()
	b, err := delivery.NewBus(delivery.BusConfig{
		Buses: []string{"integrations-local"}, Queue: queue, Region: "eu-central-1", AccountID: "000000000000", Log: slog.New(slog.DiscardHandler),
		Rules: []delivery.Rule{{Name: "ingest", Bus: "integrations-local", Pattern: json.RawMessage(pattern), Targets: []delivery.Target{target}}},
	})
	if err != nil {
		t.Fatal(err)
	}

	server := httptest.NewServer(b)
	t.Cleanup(func() { server.Close(); b.Close() })

	return busClient(server.URL)
}

func busClient(endpoint string) *eventbridge.Client {
	return eventbridge.New(eventbridge.Options{
		Region: "eu-central-1", BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
		RetryMaxAttempts: 1,
	})
}

func event(source, kind, detail string) types.PutEventsRequestEntry {
	return types.PutEventsRequestEntry{
		EventBusName: aws.String("integrations-local"), Source: &source, DetailType: &kind, Detail: &detail,
	}
}

func put(t *testing.T, c *eventbridge.Client, entries ...types.PutEventsRequestEntry) *eventbridge.PutEventsOutput {
	t.Helper()
	out, err := c.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: entries})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestAnEventReachesItsQueue(t *testing.T) {
	endpoint := testkit.SQS(t)
	queues := sqs.New(sqs.Options{
		Region: "eu-central-1", BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	queue, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("ingest")})
	if err != nil {
		t.Fatal(err)
	}

	c := start(t, queues, delivery.Target{QueueURL: *queue.QueueUrl, MessageGroupID: "$.detail.organisation_id"})
	put(t, c, event("platform", "item.created", `{"organisation_id":"7","title":"a < b & \"ü\" 🐱\uffff","n":1.0}`))
	got, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: queue.QueueUrl})
	if err != nil || len(got.Messages) != 1 {
		t.Fatalf("%v, %v", got, err)
	}

	var envelope map[string]json.RawMessage
	if err := json.Unmarshal([]byte(*got.Messages[0].Body), &envelope); err != nil {
		t.Fatal(err)
	}

	for name, want := range map[string]string{
		"version": `"0"`, "source": `"platform"`, "detail-type": `"item.created"`, "account": `"000000000000"`,
		"region": `"eu-central-1"`, "resources": `[]`, "detail": `{"organisation_id":"7","title":"a < b & \"ü\" \ud83d\udc31\uffff","n":1.0}`,
	} {
		if string(envelope[name]) != want {
			t.Errorf("%s: %s", name, envelope[name])
		}
	}

	if len(envelope["id"]) != 38 || len(envelope["time"]) != 22 {
		t.Errorf("id %s, time %s", envelope["id"], envelope["time"])
	}
}

func TestOnlyWhatMatchesIsDelivered(t *testing.T) {
	r := &recorder{}
	c := start(t, r, delivery.Target{QueueURL: "q", MessageGroupID: "$.detail.organisation_id"})
	other := event("platform", "item.created", `{}`)
	other.EventBusName = nil
	out := put(t, c, event("platform", "item.updated", `{"organisation_id":"7"}`), event("elsewhere", "item.created", `{}`),
		event("platform", "item.seen", `{}`), other, event("platform", "item.created", `{"organisation_id":{"a":1}}`))
	if out.FailedEntryCount != 0 || len(r.sent) != 2 {
		t.Fatalf("%d failed, %d delivered", out.FailedEntryCount, len(r.sent))
	}

	if aws.ToString(r.sent[0].MessageGroupId) != "7" || r.sent[1].MessageGroupId != nil {
		t.Errorf("groups %v and %v", r.sent[0].MessageGroupId, r.sent[1].MessageGroupId)
	}
}

func TestRecentEvents(t *testing.T) {
	b, err := delivery.NewBus(delivery.BusConfig{Buses: []string{"integrations-local"}, Queue: &recorder{}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}

	defer b.Close()
	server := httptest.NewServer(b)
	defer server.Close()
	c := busClient(server.URL)
	for n := range 101 {
		var batch []types.PutEventsRequestEntry
		for range 10 {
			batch = append(batch, event("integrations", fmt.Sprint("t", n), `{"a":1}`))
		}
		put(t, c, batch...)
	}

	put(t, c, event("platform", "x", `{}`))
	shown := func(query string) []map[string]any {
		w := httptest.NewRecorder()
		b.ServeRecent(w, httptest.NewRequest("GET", "/events"+query, nil))
		var all []map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &all); err != nil {
			t.Fatal(err, w.Body)
		}

		return all
	}
	if all := shown(""); len(all) != 1000 || all[999]["detail-type"] != "x" || all[0]["detail-type"] != "t1" {
		t.Errorf("%d events, from %v to %v", len(all), all[0], all[len(all)-1])
	}

	if ours := shown("?source=integrations"); len(ours) != 999 || ours[998]["detail-type"] != "t100" {
		t.Errorf("%d events of ours", len(ours))
	}

	if none := shown("?source=nobody"); none == nil || len(none) != 0 {
		t.Errorf("%v", none)
	}
}

func TestEachEntryIsAnswered(t *testing.T) {
	r := &recorder{}
	c := start(t, r, delivery.Target{QueueURL: "q"})
	nowhere := event("platform", "item.created", `{}`)
	nowhere.EventBusName = aws.String("other")
	out := put(t, c, event("platform", "item.created", `{}`), event("platform", "item.created", `[1]`), event("platform", "item.created", `{`),
		event("platform", "item.created", `null`), event("", "x", `{}`), event("aws.s3", "x", `{}`), nowhere, event("platform", "item.created", `{} {}`))
	want := []string{"", "MalformedDetail", "MalformedDetail", "MalformedDetail", "InvalidArgument", "NotAuthorizedForSourceException", "ResourceNotFoundException", "MalformedDetail"}
	for i, code := range want {
		if got := aws.ToString(out.Entries[i].ErrorCode); got != code {
			t.Errorf("entry %d: %q, want %q", i, got, code)
		}

		if (out.Entries[i].EventId != nil) != (code == "") {
			t.Errorf("entry %d has the id %v", i, out.Entries[i].EventId)
		}
	}

	if out.FailedEntryCount != 7 || len(r.sent) != 1 {
		t.Errorf("%d failed, %d delivered", out.FailedEntryCount, len(r.sent))
	}
}

func TestACallIsBounded(t *testing.T) {
	c := start(t, &recorder{}, delivery.Target{QueueURL: "q"})
	large := event("platform", "item.created", `{"a":"`+strings.Repeat("x", 130<<10)+`"}`)
	many := make([]types.PutEventsRequestEntry, 11)
	for i := range many {
		many[i] = event("platform", "item.created", `{}`)
	}

	for name, entries := range map[string][]types.PutEventsRequestEntry{"size": {large, large}, "count": many, "none": {}} {
		if _, err := c.PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: entries}); err == nil || !strings.Contains(err.Error(), "ValidationException") {
			t.Errorf("%s: %v", name, err)
		}
	}

	if out := put(t, c, large); out.FailedEntryCount != 0 {
		t.Error("one large event was refused")
	}
}

func TestOtherCallsAreRefused(t *testing.T) {
	b, err := delivery.NewBus(delivery.BusConfig{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}

	t.Cleanup(b.Close)
	for _, tc := range []struct{ authorization, target, body, kind string }{
		{"", "AWSEvents.PutEvents", "{}", "MissingAuthenticationTokenException"},
		{"AWS4-HMAC-SHA256 x", "AWSEvents.ListRules", "{}", "UnknownOperationException"},
		{"AWS4-HMAC-SHA256 x", "AWSEvents.PutEvents", "{", "SerializationException"},
	} {
		request := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(tc.body))
		request.Header.Set("Authorization", tc.authorization)
		request.Header.Set("X-Amz-Target", tc.target)
		response := httptest.NewRecorder()
		b.ServeHTTP(response, request)
		if response.Code != 400 || !strings.Contains(response.Body.String(), tc.kind) {
			t.Errorf("%s: %d %s", tc.kind, response.Code, response.Body)
		}
	}
}

func TestAnUnreachableQueueGetsItsEventLater(t *testing.T) {
	delivered := make(chan struct{})
	r := &recorder{}
	r.fail = func(n int, _ *sqs.SendMessageInput) error {
		if n < 3 {
			return errors.New("connection refused")
		}
		close(delivered)
		return nil
	}

	c := start(t, r, delivery.Target{QueueURL: "q", DeadLetterURL: "dead"})
	if out := put(t, c, event("platform", "item.created", `{}`)); out.FailedEntryCount != 0 {
		t.Error("the event was refused")
	}

	<-delivered
}

func TestARefusedEventBecomesADeadLetter(t *testing.T) {
	endpoint := testkit.SQS(t)
	queues := sqs.New(sqs.Options{
		Region: "eu-central-1", BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
	dead, err := queues.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String("dead")})
	if err != nil {
		t.Fatal(err)
	}

	c := start(t, queues, delivery.Target{QueueURL: endpoint + "/000000000000/none", DeadLetterURL: *dead.QueueUrl})
	put(t, c, event("platform", "item.created", `{}`))
	got, err := queues.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: dead.QueueUrl})
	if err != nil || len(got.Messages) != 1 {
		t.Errorf("dead letters: %v, %v", got, err)
	}
}

func TestUnknownRulesAreErrors(t *testing.T) {
	for name, rule := range map[string]delivery.Rule{
		"prefix": {Pattern: json.RawMessage(`{"source":[{"prefix":"plat"}]}`)},
		"$or":    {Pattern: json.RawMessage(`{"$or":[{"source":["a"]}]}`)},
		"source": {Pattern: json.RawMessage(`{"source":"platform"}`)},
		"detail": {Pattern: json.RawMessage(`{"detail":{"id":[]}}`)},
		"object": {Pattern: json.RawMessage(`{}`)},
		"path":   {Pattern: json.RawMessage(`{"source":["a"]}`), Targets: []delivery.Target{{MessageGroupID: "$.detail.ids[0]"}}},
	} {
		if _, err := delivery.NewBus(delivery.BusConfig{Rules: []delivery.Rule{rule}, Log: slog.New(slog.DiscardHandler)}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
