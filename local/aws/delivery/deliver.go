package delivery

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const (
	firstPause = 100 * time.Millisecond
	longPause  = 5 * time.Second
)

// Sender is where events go.
type Sender interface {
	SendMessage(context.Context, *sqs.SendMessageInput, ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
}

// A delivery is an event on its way to a target.
type delivery struct {
	target      Target
	body, group string
}

// deliveries sends, and sends again while the queue cannot be reached.
type deliveries struct {
	queue Sender
	log   *slog.Logger
	ctx   context.Context
	stop  context.CancelFunc

	mu     sync.Mutex
	closed bool
	busy   sync.WaitGroup
}

func newDeliveries(queue Sender, log *slog.Logger) *deliveries {
	d := &deliveries{queue: queue, log: log}
	d.ctx, d.stop = context.WithCancel(context.Background())
	return d
}

// Close gives up what could not be delivered.
func (d *deliveries) Close() {
	d.mu.Lock()
	d.closed = true
	d.stop()
	d.mu.Unlock()
	d.busy.Wait()
}

// deliver tries once at once, so that an event taken is normally in its queue,
// and goes on in the background.
func (d *deliveries) deliver(ctx context.Context, one delivery) {
	if d.attempt(ctx, one) {
		return
	}

	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.closed {
		d.busy.Go(func() { d.insist(one) })
	}
}

func (d *deliveries) insist(one delivery) {
	for pause := firstPause; ; pause = min(2*pause, longPause) {
		timer := time.NewTimer(pause)
		select {
		case <-d.ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}

		if d.attempt(d.ctx, one) {
			return
		}
	}
}

// attempt reports whether the event is settled: delivered, or refused for good
// and set aside.
func (d *deliveries) attempt(ctx context.Context, one delivery) bool {
	err := d.send(ctx, one.target.QueueURL, one)
	if err == nil {
		return true
	}

	if !refused(err) {
		d.log.Warn("delivery", "queue", one.target.QueueURL, "error", err)
		return false
	}

	return d.setAside(ctx, one, err)
}

func (d *deliveries) setAside(ctx context.Context, one delivery, why error) bool {
	if one.target.DeadLetterURL == "" {
		d.log.Error("event dropped", "queue", one.target.QueueURL, "error", why)
		return true
	}

	d.log.Warn("event goes to the dead letters", "queue", one.target.QueueURL, "error", why)
	err := d.send(ctx, one.target.DeadLetterURL, one)
	if refused(err) {
		d.log.Error("event dropped", "queue", one.target.DeadLetterURL, "error", err)
		return true
	}

	return err == nil
}

// refused reports whether the queue refused the message, instead of being absent.
func refused(err error) bool {
	var response *smithyhttp.ResponseError
	if !errors.As(err, &response) {
		return false
	}

	status := response.HTTPStatusCode()
	return status >= 400 && status < 500 && status != http.StatusTooManyRequests
}

func (d *deliveries) send(ctx context.Context, url string, one delivery) error {
	input := &sqs.SendMessageInput{QueueUrl: &url, MessageBody: &one.body}
	if one.group != "" {
		input.MessageGroupId = &one.group
	}

	_, err := d.queue.SendMessage(ctx, input)
	return err
}
