package delivery

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"example.com/integrations/shared/clock"
)

const (
	// received is the most that one call to a queue gives.
	received = 10
	longPoll = 20 * time.Second
	// maxBatchBytes keeps an event below Lambda's 6 MB, encoded and wrapped.
	maxBatchBytes = 4 << 20
	retryPause    = 500 * time.Millisecond
	// defaultConcurrency is how many batches Lambda works on at first.
	defaultConcurrency = 5
	deletes            = 3
)

// ErrThrottled is what Invoke returns, possibly wrapped, when the function has
// no instance to spare: the batch is tried again.
var ErrThrottled = errors.New("throttled")

// A Queue is read by a mapping, which deletes the messages that the function handled.
type Queue interface {
	ReceiveMessage(context.Context, *sqs.ReceiveMessageInput, ...func(*sqs.Options)) (*sqs.ReceiveMessageOutput, error)
	DeleteMessageBatch(context.Context, *sqs.DeleteMessageBatchInput, ...func(*sqs.Options)) (*sqs.DeleteMessageBatchOutput, error)
}

// A Mapping calls a function with the messages of a queue, as an event source mapping of
// Lambda does.
type Mapping struct {
	Queue              Queue
	QueueURL, QueueARN string
	Region             string
	BatchSize          int
	Window             time.Duration
	PartialFailures    bool
	MaximumConcurrency int
	// Invoke calls the function with an SQS event.
	Invoke func(ctx context.Context, payload []byte) ([]byte, error)
	Log    *slog.Logger
}

// RunMapping calls the function with batches until ctx ends, and returns when the batches
// under way are finished.
func RunMapping(ctx context.Context, c Mapping) {
	if c.MaximumConcurrency == 0 {
		c.MaximumConcurrency = defaultConcurrency
	}

	if c.BatchSize == 0 {
		c.BatchSize = received
	}

	m := &poller{Mapping: c, slots: make(chan struct{}, c.MaximumConcurrency)}
	for m.take(ctx) {
		batch := m.collect(ctx)
		if len(batch) == 0 {
			<-m.slots
			continue
		}

		m.busy.Go(func() {
			defer func() { <-m.slots }()
			for _, part := range split(batch) {
				m.handle(ctx, part)
			}
		})
	}

	m.busy.Wait()
}

type poller struct {
	Mapping
	slots chan struct{}
	busy  sync.WaitGroup
}

// take waits for a free slot: nothing is received that could not be worked on
// at once, as its visibility timeout would run meanwhile.
func (m *poller) take(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case m.slots <- struct{}{}:
		return ctx.Err() == nil
	}
}

// collect gathers a batch: what is there, and with a window what comes within
// it.
func (m *poller) collect(ctx context.Context) []types.Message {
	batch := m.receive(ctx, m.BatchSize, longPoll)
	if len(batch) == 0 || m.Window == 0 {
		return batch
	}

	for end := time.Now().Add(m.Window); len(batch) < m.BatchSize && ctx.Err() == nil; {
		left := time.Until(end)
		if left <= 0 {
			break
		}
		batch = append(batch, m.receive(ctx, m.BatchSize-len(batch), min(left, longPoll))...)
	}

	return batch
}

func (m *poller) receive(ctx context.Context, most int, wait time.Duration) []types.Message {
	out, err := m.Queue.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl:                    &m.QueueURL,
		MaxNumberOfMessages:         int32(min(most, received)),
		WaitTimeSeconds:             int32((wait + time.Second - 1) / time.Second),
		MessageAttributeNames:       []string{"All"},
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll},
	})
	if err == nil {
		return out.Messages
	}

	if ctx.Err() == nil {
		m.Log.Warn("receive", "queue", m.QueueARN, "error", err)
		pause(ctx, retryPause)
	}

	return nil
}

// handle calls the function with a batch and deletes what it took. The rest
// comes back when its visibility timeout is over.
func (m *poller) handle(ctx context.Context, batch []types.Message) {
	payload, err := m.event(batch)
	if err != nil {
		m.Log.Error("event", "queue", m.QueueARN, "error", err)
		return
	}

	answer, err := m.Invoke(ctx, payload)
	for errors.Is(err, ErrThrottled) && pause(ctx, retryPause) {
		answer, err = m.Invoke(ctx, payload)
	}

	if err != nil {
		if ctx.Err() == nil {
			m.Log.Warn("batch failed", "queue", m.QueueARN, "messages", len(batch), "error", err)
		}
		return
	}

	taken, err := m.taken(batch, answer)
	if err != nil {
		m.Log.Warn("batch failed", "queue", m.QueueARN, "messages", len(batch), "error", err)
	}

	// What was taken is deleted even when ctx ended meanwhile: it is done.
	m.delete(context.WithoutCancel(ctx), taken)
}

func (m *poller) taken(batch []types.Message, answer []byte) ([]types.Message, error) {
	if !m.PartialFailures {
		return batch, nil
	}

	failed, err := failures(answer, batch)
	if err != nil {
		return nil, err
	}

	var taken []types.Message
	for _, message := range batch {
		if !failed[*message.MessageId] {
			taken = append(taken, message)
		}
	}

	if len(failed) > 0 {
		m.Log.Warn("messages failed", "queue", m.QueueARN, "failed", len(failed), "of", len(batch))
	}

	return taken, nil
}

func (m *poller) delete(ctx context.Context, messages []types.Message) {
	for len(messages) > 0 {
		n := min(len(messages), received)
		m.deleteSome(ctx, messages[:n])
		messages = messages[n:]
	}
}

// deleteSome tries a few times; a message it could not delete comes again, as
// any may.
func (m *poller) deleteSome(ctx context.Context, messages []types.Message) {
	entries := make([]types.DeleteMessageBatchRequestEntry, len(messages))
	for i, message := range messages {
		entries[i] = types.DeleteMessageBatchRequestEntry{Id: aws.String(fmt.Sprint(i)), ReceiptHandle: message.ReceiptHandle}
	}

	for range deletes {
		out, err := m.Queue.DeleteMessageBatch(ctx, &sqs.DeleteMessageBatchInput{QueueUrl: &m.QueueURL, Entries: entries})
		if err == nil && len(out.Failed) == 0 {
			return
		}

		m.Log.Warn("delete", "queue", m.QueueARN, "error", err)
		pause(ctx, retryPause)
	}
}

// split halves a batch until each part fits into one event.
func split(batch []types.Message) [][]types.Message {
	size := 0
	for _, message := range batch {
		size += len(*message.Body)
	}

	if size <= maxBatchBytes || len(batch) == 1 {
		return [][]types.Message{batch}
	}

	half := len(batch) / 2

	return append(split(batch[:half]), split(batch[half:])...)
}

// pause waits, and reports whether ctx goes on.
func pause(ctx context.Context, d time.Duration) bool { return clock.Clock{}.Sleep(ctx, d) == nil }
