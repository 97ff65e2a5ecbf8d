package delivery_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"example.com/integrations/local/aws/delivery"
	"example.com/integrations/local/testkit"
)

var endpoint string

func TestMain(m *testing.M) {
	var stop func()
	var err error
	if endpoint, stop, err = testkit.StartSQS(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}

	code := m.Run()
	stop()
	os.Exit(code)
}

func client() *sqs.Client {
	return sqs.New(sqs.Options{
		Region: "eu-central-1", BaseEndpoint: &endpoint,
		Credentials: credentials.NewStaticCredentialsProvider("local", "local", ""),
	})
}

// queues numbers the queues. The server may give a message to a reader of an
// earlier test that has left, so each test has a queue of its own, also when it
// runs again.
var queues atomic.Int64

// queue makes a queue with n messages whose bodies are their numbers.
func queue(t *testing.T, n int) string {
	t.Helper()
	name := fmt.Sprintf("q%d", queues.Add(1))
	out, err := client().CreateQueue(t.Context(), &sqs.CreateQueueInput{
		QueueName: &name, Attributes: map[string]string{"VisibilityTimeout": "3600"},
	})
	if err != nil {
		t.Fatal(err)
	}

	for i := range n {
		_, err := client().SendMessage(t.Context(), &sqs.SendMessageInput{
			QueueUrl: out.QueueUrl, MessageBody: aws.String(fmt.Sprint(i)),
			MessageAttributes: map[string]types.MessageAttributeValue{"kind": {DataType: aws.String("String"), StringValue: aws.String("x")}},
		})
		if err != nil {
			t.Fatal(err)
		}
	}

	return *out.QueueUrl
}

// left counts the messages that were not deleted.
func left(t *testing.T, url string) int {
	t.Helper()
	out, err := client().GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &url, AttributeNames: []types.QueueAttributeName{"All"}})
	if err != nil {
		t.Fatal(err)
	}

	var visible, hidden int
	_, _ = fmt.Sscan(out.Attributes["ApproximateNumberOfMessages"], &visible)
	_, _ = fmt.Sscan(out.Attributes["ApproximateNumberOfMessagesNotVisible"], &hidden)

	return visible + hidden
}

// feed runs a mapping until the function has seen n messages and what it
// answered is dealt with.
func feed(t *testing.T, n int, c delivery.Mapping, answer func(events.SQSEvent) (string, error)) []events.SQSEvent {
	t.Helper()
	var mu sync.Mutex
	var seen []events.SQSEvent
	enough := make(chan struct{})
	handled := 0
	c.Queue, c.Region, c.QueueARN, c.Log = client(), "eu-central-1", "arn:aws:sqs:eu-central-1:000000000000:q", slog.New(slog.DiscardHandler)
	c.Invoke = func(_ context.Context, payload []byte) ([]byte, error) {
		var event events.SQSEvent
		if err := json.Unmarshal(payload, &event); err != nil {
			t.Error(err)
		}

		out, err := answer(event)
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, event)
		if handled += len(event.Records); handled == n {
			close(enough)
		}

		return []byte(out), err
	}

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { delivery.RunMapping(ctx, c); close(done) }()
	select {
	case <-enough:
	case <-time.After(2 * time.Minute): // only when it fails
		t.Error("the function did not get its messages")
	}

	cancel()
	<-done

	return seen
}

func TestAnEventHasItsForm(t *testing.T) {
	url := queue(t, 1)
	got := feed(t, 1, delivery.Mapping{QueueURL: url, BatchSize: 1, PartialFailures: true}, func(events.SQSEvent) (string, error) { return "null", nil })[0].Records[0]
	if got.Body != "0" || got.EventSource != "aws:sqs" || got.AWSRegion != "eu-central-1" || got.MessageId == "" || got.ReceiptHandle == "" ||
		got.EventSourceARN != "arn:aws:sqs:eu-central-1:000000000000:q" || got.Attributes["ApproximateReceiveCount"] != "1" ||
		got.Md5OfBody != "cfcd208495d565ef66e7dff9f98764da" || aws.ToString(got.MessageAttributes["kind"].StringValue) != "x" {
		t.Errorf("%+v", got)
	}

	if n := left(t, url); n != 0 {
		t.Errorf("%d messages left", n)
	}
}

func TestBatchesAreBounded(t *testing.T) {
	url := queue(t, 9)
	for _, event := range feed(t, 9, delivery.Mapping{QueueURL: url, BatchSize: 2}, func(events.SQSEvent) (string, error) { return "", nil }) {
		if len(event.Records) > 2 {
			t.Errorf("a batch of %d", len(event.Records))
		}
	}
}

func TestWhatIsDeleted(t *testing.T) {
	first := func(e events.SQSEvent) string { return e.Records[0].MessageId }
	for name, tc := range map[string]struct {
		whole  bool // without ReportBatchItemFailures
		answer func(events.SQSEvent) (string, error)
		left   int
	}{
		"null":    {answer: func(events.SQSEvent) (string, error) { return "null", nil }},
		"nothing": {answer: func(events.SQSEvent) (string, error) { return "", nil }},
		"object":  {answer: func(events.SQSEvent) (string, error) { return "{}", nil }},
		"empty":   {answer: func(events.SQSEvent) (string, error) { return `{"batchItemFailures":[]}`, nil }},
		"nil":     {answer: func(events.SQSEvent) (string, error) { return `{"batchItemFailures":null}`, nil }},
		"one": {left: 1, answer: func(e events.SQSEvent) (string, error) {
			return `{"batchItemFailures":[{"itemIdentifier":"` + first(e) + `"}]}`, nil
		}},
		"error":     {left: 3, answer: func(events.SQSEvent) (string, error) { return "", errors.New("no") }},
		"malformed": {left: 3, answer: func(events.SQSEvent) (string, error) { return `{"batchItemFailures":`, nil }},
		"kind":      {left: 3, answer: func(events.SQSEvent) (string, error) { return `{"batchItemFailures":"x"}`, nil }},
		"text":      {left: 3, answer: func(events.SQSEvent) (string, error) { return `"done"`, nil }},
		"unknown":   {left: 3, answer: func(events.SQSEvent) (string, error) { return `{"batchItemFailures":[{"itemIdentifier":"x"}]}`, nil }},
		"noid":      {left: 3, answer: func(events.SQSEvent) (string, error) { return `{"batchItemFailures":[{"itemIdentifier":""}]}`, nil }},
		"nullid":    {left: 3, answer: func(events.SQSEvent) (string, error) { return `{"batchItemFailures":[{"itemIdentifier":null}]}`, nil }},
		"badkey": {left: 3, answer: func(e events.SQSEvent) (string, error) {
			return `{"batchItemFailures":[{"id":"` + first(e) + `"}]}`, nil
		}},
		"ignored": {whole: true, answer: func(e events.SQSEvent) (string, error) {
			return `{"batchItemFailures":[{"itemIdentifier":"` + first(e) + `"}]}`, nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			url := queue(t, 3)
			feed(t, 3, delivery.Mapping{QueueURL: url, BatchSize: 3, PartialFailures: !tc.whole}, tc.answer)
			if n := left(t, url); n != tc.left {
				t.Errorf("%d messages left, want %d", n, tc.left)
			}
		})
	}
}

// fake is a queue without a wire, for what needs a clock of its own.
type fake struct {
	mu       sync.Mutex
	messages []types.Message
	deleted  int
}

func (f *fake) ReceiveMessage(ctx context.Context, in *sqs.ReceiveMessageInput, _ ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error) {
	f.mu.Lock()
	n := min(int(in.MaxNumberOfMessages), len(f.messages))
	out := &sqs.ReceiveMessageOutput{Messages: slices.Clone(f.messages[:n])}
	f.messages = f.messages[n:]
	f.mu.Unlock()
	if n == 0 {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Duration(in.WaitTimeSeconds) * time.Second):
		}
	}

	return out, nil
}

func (f *fake) DeleteMessageBatch(_ context.Context, in *sqs.DeleteMessageBatchInput, _ ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deleted += len(in.Entries)
	return &sqs.DeleteMessageBatchOutput{}, nil
}

func messages(n int, body string) []types.Message {
	out := make([]types.Message, n)
	for i := range out {
		out[i] = types.Message{MessageId: aws.String(fmt.Sprint(i)), ReceiptHandle: aws.String("r"), Body: &body}
	}
	return out
}

// simulate runs a mapping for a while of bubble time.
func simulate(t *testing.T, f *fake, c delivery.Mapping, invoke func(context.Context, []byte) ([]byte, error)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		c.Queue, c.Invoke, c.Log = f, invoke, slog.New(slog.DiscardHandler)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		delivery.RunMapping(ctx, c)
	})
}

func TestConcurrencyIsBounded(t *testing.T) {
	f := &fake{messages: messages(40, "x")}
	var mu sync.Mutex
	running := 0
	most := 0
	simulate(t, f, delivery.Mapping{BatchSize: 1, MaximumConcurrency: 3}, func(context.Context, []byte) ([]byte, error) {
		mu.Lock()
		running++
		most = max(most, running)
		mu.Unlock()
		time.Sleep(time.Second)
		mu.Lock()
		running--
		mu.Unlock()

		return nil, nil
	})
	if most != 3 || f.deleted != 40 {
		t.Errorf("at most %d at once, %d deleted", most, f.deleted)
	}
}

func TestAThrottledBatchIsTriedAgain(t *testing.T) {
	f := &fake{messages: messages(1, "x")}
	calls := 0
	simulate(t, f, delivery.Mapping{BatchSize: 1}, func(context.Context, []byte) ([]byte, error) {
		if calls++; calls < 4 {
			return nil, fmt.Errorf("busy: %w", delivery.ErrThrottled)
		}
		return nil, nil
	})
	if calls != 4 || f.deleted != 1 {
		t.Errorf("%d calls, %d deleted", calls, f.deleted)
	}
}

func TestAWindowGathers(t *testing.T) {
	f := &fake{messages: messages(25, "x")}
	var sizes []int
	simulate(t, f, delivery.Mapping{BatchSize: 20, Window: 2 * time.Second, MaximumConcurrency: 1}, func(_ context.Context, payload []byte) ([]byte, error) {
		sizes = append(sizes, strings.Count(string(payload), `"messageId"`))
		return nil, nil
	})
	if !slices.Equal(sizes, []int{20, 5}) || f.deleted != 25 {
		t.Errorf("batches of %v, %d deleted", sizes, f.deleted)
	}
}

func TestALargeBatchIsSplit(t *testing.T) {
	f := &fake{messages: messages(10, strings.Repeat("x", 1<<20))}
	calls := 0
	simulate(t, f, delivery.Mapping{BatchSize: 10}, func(_ context.Context, payload []byte) ([]byte, error) {
		if calls++; len(payload) > 6<<20 {
			t.Errorf("an event of %d bytes", len(payload))
		}
		return nil, nil
	})
	if calls < 2 || f.deleted != 10 {
		t.Errorf("%d calls, %d deleted", calls, f.deleted)
	}
}
